"""Run NEST's rate neurons, astrocytes and random neurons: JSON on standard input and output.

NEST keeps one kernel a process, so this is a process of its own; a list of jobs runs one after the
other. ``kind`` of a job names the function below.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from typing import Any


def main() -> None:
    import nest

    nest.set_verbosity("M_ERROR")
    kinds = {"rates": rates, "astrocyte": astrocyte, "many": many}
    found = []
    for job in json.load(sys.stdin):
        nest.ResetKernel()
        nest.set(resolution=job["dt"], rng_seed=7)
        found.append(kinds[job["kind"]](nest, job))
    sys.stdout.write("\n" + json.dumps(found))


def recorder(nest: Any, node: Any, names: list[str], dt: float) -> Any:
    meter = nest.Create("multimeter", {"record_from": names, "interval": dt})
    nest.Connect(meter, node)
    return meter


def values(meter: Any, names: list[str]) -> dict[str, list[float]]:
    events = meter.get("events")
    return {name: list(events[name]) for name in names}


def rates(nest: Any, job: dict[str, Any]) -> dict[str, list[float]]:
    """A linear rate neuron drives another one: what both do."""
    source = nest.Create("lin_rate_ipn", params=job["source"])
    target = nest.Create(job["model"], params=job["target"])
    how = {"synapse_model": "rate_connection_delayed", "weight": job["weight"], "delay": 1.0}
    nest.Connect(source, target, syn_spec=how)
    meters = [recorder(nest, node, ["rate"], job["dt"]) for node in (source, target)]
    nest.Simulate(job["duration"] + job["dt"])
    driving, driven = (values(meter, ["rate"])["rate"] for meter in meters)
    return {"source": driving, "target": driven}


def astrocyte(nest: Any, job: dict[str, Any]) -> dict[str, list[float]]:
    """An astrocyte that is sent spikes, and a neuron that receives its slow inward current."""
    cell = nest.Create("astrocyte_lr_1994", params=job["astrocyte"])
    neuron = nest.Create("aeif_cond_alpha_astro", params=job["neuron"])
    times = [t - 1.0 for t, _ in job["events"]]
    weights = [w for _, w in job["events"]]
    sender = nest.Create("spike_generator", {"spike_times": times, "spike_weights": weights})
    nest.Connect(sender, cell, syn_spec={"delay": 1.0})
    how = {"synapse_model": "sic_connection", "weight": job["weight"], "delay": 1.0}
    nest.Connect(cell, neuron, syn_spec=how)
    of_cell, of_neuron = ["IP3", "Ca_astro", "h_IP3R"], ["V_m", "I_SIC"]
    meters = recorder(nest, cell, of_cell, job["dt"]), recorder(nest, neuron, of_neuron, job["dt"])
    spikes = nest.Create("spike_recorder")
    nest.Connect(neuron, spikes)
    nest.Simulate(job["duration"] + job["dt"])
    found = values(meters[0], of_cell) | values(meters[1], of_neuron)
    return found | {"spikes": list(spikes.get("events")["times"])}


def many(nest: Any, job: dict[str, Any]) -> dict[str, list[float]]:
    """Independent copies of a neuron: the gaps between the spikes of each."""
    neurons = nest.Create(job["model"], job["copies"], params=job["parameters"])
    spikes = nest.Create("spike_recorder")
    nest.Connect(neurons, spikes)
    nest.Simulate(job["duration"])
    trains: dict[int, list[float]] = {}
    events = spikes.get("events")
    for sender, time in zip(events["senders"], events["times"], strict=True):
        trains.setdefault(int(sender), []).append(float(time))
    gaps = [b - a for train in trains.values() for a, b in pairwise(train)]
    return {"gaps": gaps}


if __name__ == "__main__":
    main()
