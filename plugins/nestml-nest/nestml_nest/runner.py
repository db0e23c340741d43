"""Run neurons in NEST, in a process of its own, one after the other.

Each line of standard input names a folder, each line of standard output says that it is done.
``FOLDER/request.json`` and ``FOLDER/request.npz`` say what to do, ``FOLDER/response.npz`` receives
what was recorded, ``FOLDER/response.json`` the reason where NEST refused, ``FOLDER/output.txt``
what was printed. This file imports nothing of its package: the process needs NEST and NumPy only.

Devices of NEST cannot reach a neuron in its first steps: a spike of a generator is at least one
step old, and travels for at least one more. So the neuron starts ``lead`` steps late. It is frozen
until one step before its start; in that last step it takes the continuous inputs due at its start,
and afterwards it is put back to its initial state. Ring buffers are empty then except for events
that are due in the first step of the experiment: no event is sent any earlier.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np


def main() -> None:
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    nest: Any = None
    for line in sys.stdin:
        folder = Path(line.rstrip("\n"))
        with (folder / "output.txt").open("wb") as output:
            os.dup2(output.fileno(), sys.stdout.fileno())
            os.dup2(output.fileno(), sys.stderr.fileno())
        nest = nest or import_module("nest")
        answer(nest, folder)
        sys.stdout.flush()
        ctypes.CDLL(None).fflush(None)  # what C++ has printed
        replies.write("done\n")
        replies.flush()


def answer(nest: Any, folder: Path) -> None:
    """Do what the folder says, and leave the result there."""
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    with np.load(folder / "request.npz") as file:
        arrays = {name: file[name] for name in file.files}
    try:
        recorded = run(nest, request, arrays)
    except nest.NESTErrors.KernelException as problem:
        (folder / "response.json").write_text(json.dumps(str(problem)), encoding="utf-8")
        return
    np.savez(folder / "response.npz", **recorded)


def run(nest: Any, request: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    neuron = prepared(nest, request)
    lead, steps = request["lead"], request["steps"]
    connect_inputs(nest, neuron, request, arrays)
    spikes = nest.Create("spike_recorder", params={"time_in_steps": True})
    if request["emits"]:
        nest.Connect(neuron, spikes, syn_spec={"delay": request["resolution"]})
    meter = None
    if request["record"]:
        params = {
            "record_from": request["record"],
            "interval": request["resolution"],
            "time_in_steps": True,
        }
        meter = nest.Create("multimeter", params=params)
        nest.Connect(meter, neuron, syn_spec={"delay": request["resolution"]})
    advance(nest, neuron, request, lead)
    nest.verbosity = nest.VerbosityLevel.INFO  # messages of the model
    nest.Simulate(steps * request["resolution"])
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.Simulate(request["resolution"])  # the last step is handed over in the next

    result: dict[str, Any] = {"spikes": within(spikes.get("events", "times"), lead, steps)}
    if meter is not None:
        events = meter.get("events")
        wanted = (events["times"] > lead) & (events["times"] <= lead + steps)
        for i, name in enumerate(request["record"]):
            result[f"record_{i}"] = np.asarray(events[name], float)[wanted]
    return result


def prepared(nest: Any, request: dict[str, Any]) -> Any:
    """Return the neuron with its parameters and initial values."""
    nest.set(resolution=request["resolution"], tics_per_ms=request["tics_per_ms"])
    nest.rng_seed = request["seed"]
    nest.Install(request["module"])
    # one dictionary for each node: otherwise the elements of a vector could be taken for nodes
    neuron = nest.Create(request["model"], params=[request["parameters"]])
    if request["initial"]:
        neuron.set([request["initial"]])
    return neuron


def connect_inputs(nest: Any, neuron: Any, request: dict[str, Any], arrays: dict[str, Any]) -> None:
    resolution, lead = request["resolution"], request["lead"]
    for port in request["spikes"]:
        arrival, weights = arrays[port["steps"]], arrays[port["weights"]]
        if not len(arrival):
            continue
        # what arrives at the end of step k is sent at the end of the step before
        params = {
            "spike_times": (arrival + lead - 1) * resolution,
            "spike_weights": weights * port["sign"],
        }
        generator = nest.Create("spike_generator", params=params)
        spec = {"weight": 1.0, "delay": resolution, "receptor_type": port["receptor"]}
        nest.Connect(generator, neuron, syn_spec=spec)
    for port in request["currents"]:
        values = arrays[port["values"]]
        first = np.flatnonzero(np.diff(values, prepend=0.0))
        if not len(first):
            continue
        # what holds in step k was read at the end of the step before, and sent one step earlier
        params = {
            "amplitude_times": (first + lead - 1) * resolution,
            "amplitude_values": values[first],
        }
        generator = nest.Create("step_current_generator", params=params)
        spec = {"weight": 1.0, "delay": resolution, "receptor_type": port["receptor"]}
        nest.Connect(generator, neuron, syn_spec=spec)


def advance(nest: Any, neuron: Any, request: dict[str, Any], lead: int) -> None:
    """Let ``lead`` steps pass after which the neuron is in its initial state."""
    if not lead:
        return
    state = {name: neuron.get(name) for name in request["state"]}
    neuron.frozen = True
    nest.Simulate((lead - 1) * request["resolution"])
    neuron.frozen = False
    nest.Simulate(request["resolution"])
    if state:
        neuron.set([{name: listed(value) for name, value in state.items()}])


def listed(value: Any) -> Any:
    """Return a value that was read as one that can be set."""
    return value.tolist() if isinstance(value, np.ndarray) else value


def within(times: Any, lead: int, steps: int) -> Any:
    """Return which steps of the experiment the time stamps belong to, those outside left out."""
    at = np.sort(np.asarray(times, np.int64)) - lead
    return at[(at >= 1) & (at <= steps)]


if __name__ == "__main__":
    main()
