"""Run neurons of two modules in NEST on the same input: JSON on standard input, a file for arrays.

Each neuron is alone with its spike generators. What is recorded of each are the variables that
both have.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import nest
import numpy as np


def main() -> None:
    nest.set(verbosity=nest.VerbosityLevel.ERROR)
    job = json.load(sys.stdin)
    arrays: dict[str, Any] = {}
    for name, case in job["cases"].items():
        nest.ResetKernel()
        nest.resolution = job["dt"]
        for module in job["modules"]:
            nest.Install(module)
        both = [nest.Create(model) for model in case["models"]]
        for neuron in both:
            given = {**job["tolerance"], **case["values"]}
            neuron.set({k: v for k, v in given.items() if k in neuron.get()})
        common = sorted(set.intersection(*(set(n.get("recordables")) for n in both)))
        for which, neuron in enumerate(both):
            drive(neuron, case, which)
            recorder = nest.Create("spike_recorder")
            nest.Connect(neuron, recorder, syn_spec={"delay": job["dt"]})
            meter = nest.Create("multimeter", {"record_from": common, "interval": job["dt"]})
            nest.Connect(meter, neuron, syn_spec={"delay": job["dt"]})
            case.setdefault("recorders", []).append((recorder, meter))
        nest.Simulate(job["duration"])
        for which, (recorder, meter) in enumerate(case["recorders"]):
            arrays[f"{name}/{which}/spikes"] = np.asarray(recorder.get("events")["times"])
            for variable in common:
                arrays[f"{name}/{which}/{variable}"] = np.asarray(meter.get("events")[variable])
    np.savez(job["output"], **arrays)


def drive(neuron: Any, case: Any, which: int) -> None:
    """Connect a generator to each port, at the receptor of its name."""
    receptors = {k.upper(): v for k, v in neuron.get().get("receptor_types", {}).items()}
    for port in case["ports"]:
        generator = nest.Create("spike_generator", {"spike_times": port["times"]})
        names = [n for n in port["names"] if n in receptors]
        if receptors and not names:
            raise ValueError(f"{neuron.get('model')} has no receptor {port['names']}: {receptors}")
        receptor = receptors[names[0]] if receptors else 0
        spec = {"weight": port["weight"], "delay": case["delay"], "receptor_type": receptor}
        nest.Connect(generator, neuron, syn_spec=spec)
    if case["current"]:
        source = nest.Create("dc_generator", {"amplitude": case["current"], "start": 20.0})
        nest.Connect(source, neuron, syn_spec={"delay": case["delay"]})


if __name__ == "__main__":
    main()
