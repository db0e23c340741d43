"""What tests of neurons that advance together do in NEST: ``python arena_runs.py NAME IN OUT``.

Each is a function of the fields of the JSON file IN; what it returns goes to OUT.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nest
import numpy as np
from scenarios import error, plain, start

Fields = Mapping[str, Any]


def trains(neurons: Any, weight: float, delay: float, **synapse: Any) -> None:
    """Give each neuron spikes of its own, of either sign."""
    for k, neuron in enumerate(neurons):
        for sign, every in ((1.0, 2.3), (-1.0, 5.9)):
            times = np.round(np.arange(1.0 + 0.1 * k, 60.0, every), 1)
            source = nest.Create("spike_generator", params={"spike_times": times})
            made = {"weight": sign * weight, "delay": delay, **synapse}
            nest.Connect(source, neuron, syn_spec=made)


def life(
    modules: Sequence[str],
    model: str,
    *,
    current: float,
    weight: float,
    threads: int = 1,
    delay: float = 1.5,
    count: int = 11,
) -> Fields:
    """Neurons with everything that may happen to some of them, but not to the first."""
    start(modules, threads)
    neurons = nest.Create(model, count, {"I_e": current})
    neurons.V_m = [-65.0 + 0.3 * k for k in range(count)]
    trains(neurons, weight, delay)
    generator = nest.Create("step_current_generator")
    generator.set(amplitude_times=[10.0, 40.0], amplitude_values=[100.0, -80.0])
    nest.Connect(generator, neurons[::2], syn_spec={"delay": delay})
    meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": 0.1})
    nest.Connect(meter, neurons[: min(2, count)])
    recorder = nest.Create("spike_recorder")
    nest.Connect(neurons, recorder)
    found: dict[str, Any] = {}
    nest.Simulate(7.7)
    if count > 1:
        neurons[3].frozen = True
        neurons[5].I_e = 1.3 * current
    nest.Simulate(6.0)
    if count > 1:
        found["frozen"] = neurons[3].V_m
        neurons[4].V_m = -63.0
        found["set"] = neurons[4].V_m
    nest.Prepare()
    nest.Run(5.2)
    if count > 1:
        found["still frozen"] = neurons[3].V_m
        neurons[3].frozen = False
        neurons[6].V_m = -66.0
    nest.Run(4.1)
    nest.Cleanup()
    if count > 1:
        late = nest.Create(model, 3, {"I_e": 0.9 * current})
        nest.Connect(late, recorder)
        trains(late, weight, delay)
        found["new"] = late.V_m
        nest.Simulate(20.0)
        found["late"] = late.V_m
    else:
        nest.Simulate(20.0)
    events = recorder.events
    order = np.lexsort((events["senders"], events["times"]))
    measured = meter.events
    first = measured["senders"] == neurons[0].global_id
    return found | {
        "V_m": neurons.V_m,
        "spikes": [events["times"][order], events["senders"][order]],
        "measured": measured["V_m"][first],
    }


def network(
    modules: Sequence[str],
    model: str,
    synapse: str,
    threads: int = 1,
    recorded: bool = False,
) -> Fields:
    """A network that is driven by devices of all kinds, all connected by ``synapse``."""
    start(modules, threads)
    neurons = nest.Create(model, 50, {"I_e": 480.0})
    neurons.V_m = np.random.default_rng(1).uniform(-70.0, -56.0, 50)
    weights = nest.Create("weight_recorder") if recorded else None
    if recorded:
        nest.CopyModel(synapse, "recorded", {"weight_recorder": weights})
        synapse = "recorded"
    made = {"synapse_model": synapse, "weight": 60.0, "delay": 1.5}
    nest.Connect(neurons[:40], neurons, {"rule": "fixed_indegree", "indegree": 10}, made)
    made = {"synapse_model": synapse, "weight": -200.0, "delay": nest.random.uniform(1.0, 3.0)}
    nest.Connect(neurons[40:], neurons, {"rule": "fixed_indegree", "indegree": 3}, made)
    noise = nest.Create("poisson_generator", params={"rate": 1500.0})
    nest.Connect(noise, neurons, syn_spec={"synapse_model": synapse, "weight": 25.0, "delay": 1.0})
    clock = nest.Create("spike_generator", params={"spike_times": [5.0, 5.1, 20.0]})
    clock.spike_multiplicities = [1, 3, 2]
    made = {"synapse_model": synapse, "weight": 300.0, "delay": 1.0}
    nest.Connect(clock, neurons[:9], syn_spec=made)
    recorder = nest.Create("spike_recorder")
    nest.Connect(neurons, recorder)
    nest.Simulate(33.3)
    # chosen by their ends: NEST lists connections in the order in which threads come to them
    some = nest.GetConnections(neurons[:40], neurons[::7], synapse_model=synapse)
    some.weight = 90.0
    some.delay = 2.0
    nest.Simulate(40.0)
    events = recorder.events
    order = np.lexsort((events["senders"], events["times"]))
    entries = nest.GetConnections(neurons[:40], neurons[0], synapse_model=synapse)[0].get()
    seen = weights.events if weights is not None else {"weights": (), "targets": (), "times": ()}
    return {
        "spikes": [events["times"][order], events["senders"][order]],
        "V_m": neurons.V_m,
        "set": [sorted(set(some.weight)), sorted(set(some.delay))],
        "entries": {k: entries[k] for k in ("receptor", "sizeof", "weight", "delay")},
        "recorded": sorted(zip(*(seen[k] for k in ("times", "targets", "weights")), strict=True)),
    }


def receptors(modules: Sequence[str], model: str, synapse: str) -> Fields:
    """Spikes of another weight for each receptor; then what neurons and receptors cannot have."""
    start(modules)
    neuron, source = nest.Create(model), nest.Create("parrot_neuron")
    clock = nest.Create("spike_generator", params={"spike_times": [1.0]})
    nest.Connect(clock, source)
    for k, number in enumerate(sorted(set(neuron.receptor_types.values()))):
        for sign in (1, -1):
            made = {"synapse_model": synapse, "receptor_type": number, "weight": sign * (k + 2.0)}
            nest.Connect(source, neuron, syn_spec=made)
    nest.Simulate(10.0)
    entries = {k: neuron.get(k) for k in "xyzn"}

    def connected(target: str, receptor: int) -> str:
        made = {"synapse_model": synapse, "receptor_type": receptor}
        return error(lambda: nest.Connect(source, nest.Create(target), syn_spec=made))

    return entries | {
        "numbers": sorted(nest.GetConnections(target=neuron).receptor),
        "another neuron": connected("iaf_psc_exp", 0),
        "device": connected("spike_recorder", 0),
        "receptor": connected(model, 17),
        "after": len(nest.GetConnections(source=source)),
    }


def again(modules: Sequence[str], model: str) -> Fields:
    """The same after a reset, with another resolution in between."""
    found = []
    for resolution in (0.1, 0.05, 0.1):
        start(modules, 2, resolution)
        neurons = nest.Create(model, 9, {"I_e": 500.0})
        nest.Connect(neurons, neurons, syn_spec={"weight": 30.0, "delay": 1.5})
        nest.Simulate(50.0)
        found.append([neurons.V_m, nest.local_spike_counter])
    return {"found": found}


if __name__ == "__main__":
    name, given, taken = sys.argv[1:]
    runs = {f.__name__: f for f in (life, network, receptors, again)}
    found = runs[name](**json.loads(Path(given).read_text(encoding="utf-8")))
    Path(taken).write_text(json.dumps(plain(found)), encoding="utf-8")
