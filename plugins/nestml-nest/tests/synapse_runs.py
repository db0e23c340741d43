"""What tests of synapses do in NEST: ``python synapse_runs.py NAME IN OUT``, as ``scenarios.py``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nest
from scenarios import Fields, error, plain, start

LEAD = 1.0
"""How long before a neuron fires its generator does, in ms."""


def generator(times: Sequence[float]) -> Any:
    return nest.Create("spike_generator", {"spike_times": [round(t - LEAD, 6) for t in times]})


def firing(model: str, times: Sequence[float], properties: Fields, count: int = 1) -> Any:
    """Return neurons of ``model`` that fire at ``times``, whatever else reaches them."""
    neurons = nest.Create(model, count)
    if model != "parrot_neuron":
        neurons.set({"V_th": 1e6, "refr_T": 0.0})
    if properties:
        neurons.set(dict(properties))
    nest.Connect(generator(times), neurons, syn_spec={"delay": LEAD, "weight": 1e9})
    return neurons


def weights(
    modules: Sequence[str],
    jobs: Sequence[Fields],
    duration: float,
    threads: int = 1,
    resolution: float = 0.1,
) -> list[Any]:
    """Return what each job's synapse passes on: ``[[times, weights], ...]``.

    A job has the ``synapse`` and its ``parameters`` and own ``values``, the ``neuron`` that it ends
    at and its ``properties``, the ``delay``, and the trains ``pre``, ``post`` and ``mod``.
    """
    start(modules, threads, resolution)
    recorders = []
    sources: dict[tuple[float, ...], Any] = {}
    transmitters: dict[tuple[float, ...], Any] = {}
    for k, job in enumerate(jobs):
        train, modulation = tuple(job["pre"]), tuple(job.get("mod", ()))
        if train not in sources:
            sources[train] = firing("parrot_neuron", train, {})
        recorder = nest.Create("weight_recorder")
        # Connect takes no truth values: what a synapse begins with is set in the model
        common = {"weight_recorder": recorder, **job["parameters"], **job["values"]}
        if modulation:
            if modulation not in transmitters:
                transmitters[modulation] = nest.Create("volume_transmitter")
                sender = firing("parrot_neuron", modulation, {})
                link = {"delay": resolution}
                nest.Connect(sender, transmitters[modulation], syn_spec=link)
            common["volume_transmitter"] = transmitters[modulation]
        nest.CopyModel(job["synapse"], f"copy_{k}", common)
        target = firing(job["neuron"], job["post"], job["properties"])
        # port 1 of a parrot takes no part in what it repeats
        port = int(job["neuron"] == "parrot_neuron")
        spec = {"synapse_model": f"copy_{k}", "receptor_type": port, "delay": job["delay"]}
        nest.Connect(sources[train], target, syn_spec=spec)
        recorders.append(recorder)
    nest.Simulate(duration)
    found = []
    for recorder in recorders:
        events = recorder.get("events")
        order = events["times"].argsort(kind="stable")
        found.append([events["times"][order], events["weights"][order]])
    return found


RUNS = {f.__name__: f for f in (weights,)}


def main() -> None:
    name, given, taken = sys.argv[1:]
    found = RUNS[name](**json.loads(Path(given).read_text(encoding="utf-8")))
    Path(taken).write_text(json.dumps(plain(found)), encoding="utf-8")


if __name__ == "__main__":
    main()
