"""Small networks with synapses, in the reference and as scripts for Lava."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import nestml_core as nestml

DT = 0.1
SOURCES, NEURONS = 3, 2
NEURON = "iaf_psc_exp"
PRE = (0, 0, 1, 2, 2)
POST = (0, 1, 1, 0, 1)
DELAYS = (1.0, 0.3, 0.1, 2.0, 1.0)


@dataclass(frozen=True)
class Case:
    """A synapse: values of its connections, one for each or for all, and further inputs."""

    synapse: str
    values: Mapping[str, Any] = field(default_factory=dict)
    reward: float | None = None
    """The delay of modulating spikes, if there is a port for them."""
    third_factor: tuple[str, str] | None = None
    scale: float = 1.0
    """Of the weights that the neurons see: those of the model, times that."""

    def recordables(self) -> tuple[str, ...]:
        return tuple(r.symbol.name for r in nestml.load(self.synapse).solved.recordables)


W = (10.0, 20.0, 30.0, 40.0, 50.0)
CASES = {
    "clopath": Case(
        "clopath",
        {"w": W, "tau_x": (15.0, 10.0, 20.0, 25.0, 5.0)},
        third_factor=("V", "V_m"),
    ),
    "static": Case("static", {"w": (10.0, -20.0, 30.0, 0.0, 50.0)}),
    "stdp": Case("stdp", {"w": W, "tau_tr_pre": (20.0, 10.0, 15.0, 30.0, 20.0)}),
    "stdp additive": Case("stdp", {"w": W, "mu_plus": 0.0, "mu_minus": 0.0, "lambda": 0.05}),
    "stdp mixed": Case("stdp", {"w": W, "mu_plus": 0.4, "mu_minus": 1.0, "alpha": 1.1}),
    "stdp_dopamine": Case("stdp_dopamine", {"w": W, "b": 0.002}, reward=2.0),
    "stdp_dopamine at once": Case("stdp_dopamine", {"w": W}, reward=0.0),
    "stdp_nn_pre_centered": Case("stdp_nn_pre_centered", {"w": W}),
    "stdp_nn_restr_symm": Case("stdp_nn_restr_symm", {"w": W}),
    "stdp_nn_symm": Case("stdp_nn_symm", {"w": W}),
    "stdp_triplet": Case("stdp_triplet", {"w": W, "A2_plus": 1e-3}),
    "stdp_vogels": Case("stdp_vogels", {"w": W, "eta": 0.5}),
    "stdsp": Case(
        "stdsp",
        {"permanence": W, "lambda_minus": 0.01, "lambda_h": 0.01},
        third_factor=("dAP_trace", "I_syn_exc"),
    ),
    "tsodyks": Case("tsodyks", {"w": W, "tau_fac": (0.0, 100.0, 0.0, 50.0, 200.0)}),
    "tsodyks2": Case("tsodyks2", {"w": W, "tau_fac": (0.0, 100.0, 0.0, 50.0, 200.0)}),
}
"""Every synapse of the library that does not draw random numbers."""


def trains(duration: float, seed: int = 5) -> list[list[float]]:
    """Return trains of the sources, with double spikes, and that of a rewarding neuron."""
    rng = np.random.default_rng(seed)
    found = []
    for rate in (40.0, 60.0, 50.0, 20.0):
        steps = np.sort(rng.integers(1, round(duration / DT) - 1, int(rate * duration / 1000.0)))
        found.append((steps * DT).round(6).tolist())
    found[0] += found[0][:2]  # two spikes at a time
    return found


def expected(case: Case, duration: float) -> dict[str, Any]:
    """Return what the reference says: values of the connections, and spikes of the neurons."""
    net = nestml.Network(dt=DT)
    given = trains(duration)
    sources = net.spike_source(given[:SOURCES])
    neurons = net.create(NEURON, NEURONS, parameters={"I_e": [420.0, 390.0]})
    model = nestml.load(case.synapse).solved
    declared = {d.symbol.name for d in model.parameters}
    inputs: dict[str, Any] = {}
    if case.reward is not None:
        inputs["mod_spikes"] = (net.spike_source([given[SOURCES]], name="reward"), case.reward)
    if case.third_factor is not None:
        inputs[case.third_factor[0]] = case.third_factor[1]
    learning = net.connect(
        sources,
        neurons,
        pairs=(np.array(PRE), np.array(POST)),
        synapse=case.synapse,
        parameters={k: _each(v) for k, v in case.values.items() if k in declared},
        initial={k: _each(v) for k, v in case.values.items() if k not in declared},
        inputs=inputs,
        delay=np.array(DELAYS),
    )
    net.record(learning, list(case.recordables()))
    result = net.run(duration)
    times, indices = result.spikes(neurons)
    return {
        "values": {name: np.asarray(result[learning][name]).T for name in case.recordables()},
        "spikes": sorted(
            zip(np.rint(times / DT).astype(int).tolist(), indices.tolist(), strict=True)
        ),
    }


def _each(value: Any) -> Any:
    return np.array(value) if isinstance(value, tuple) else value


SCRIPT = """
import {synapse} as package
from {neuron} import InProcessNetwork, Recorder, SpikeSource, {neuron}, run
folder, duration, case = {folder!r}, {duration!r}, json.loads({case!r})
steps = round(duration / {dt})
spikes = Recorder(folder, ("spike",), steps)
values = Recorder(folder + "/synapses", case["record"], steps)
source = SpikeSource(case["trains"], {dt})
neurons = {neuron}(
    shape=({neurons},), dt={dt}, I_e=[420.0, 390.0], recorder=spikes, signal=case["signal"])
inputs = {{}}
if case["reward"] is not None:
    inputs["mod_spikes"] = SpikeSource(case["rewards"], {dt}), case["reward"]
if case["signal"] is not None:
    inputs[case["port"]] = case["signal"]
if case["record"]:
    case["recorder"] = {{"recorder": values, "inputs": inputs}}
learning = package.connect(
    source, neurons.exc_spikes, pairs=case["pairs"], delay_ms=case["delays"],
    **case["recorder"], **case["values"])
if {runtime!r} == "lava":
    run(neurons, duration)
    neurons.stop()
else:
    InProcessNetwork(neurons).run(duration)
print(json.dumps("done"))
"""


def script(case: Case, duration: float, folder: str, runtime: str) -> str:
    """Return a program that runs the same network, and writes files ``<name>.npy``."""
    import json

    given = trains(duration)
    port, signal = case.third_factor or (None, None)
    names = {"lambda": "lambda_"}
    job = {
        "record": [*(names.get(n, n) for n in case.recordables())],
        "recorder": {},
        "trains": given[:SOURCES],
        "rewards": given[SOURCES],
        "reward": case.reward,
        "port": port,
        "signal": signal,
        "pairs": [PRE, POST],
        "delays": DELAYS,
        "values": {names.get(k, k): v for k, v in case.values.items()},
    }
    return SCRIPT.format(
        synapse=case.synapse,
        neuron=NEURON,
        neurons=NEURONS,
        folder=folder,
        duration=duration,
        dt=DT,
        case=json.dumps(job),
        runtime=runtime,
    )
