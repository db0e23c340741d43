"""Synapses of the library with their twins in NEST, trains of spikes, and further models.

The trains are Poisson, and some spikes are made to meet at the synapse. Two seconds of them by
default; NESTML_SYNAPSE_SECONDS=100 takes more.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

import nestml_core as nestml
from nestml_core.api import SolvedProgram, render
from nestml_core.pipeline import check_sources, compile_files
from nestml_core.source import Source

DT = 0.1
DURATION = 1000.0 * float(os.environ.get("NESTML_SYNAPSE_SECONDS", "2"))
DELAYS = (0.1, 1.0, 5.0)
LONGER = DELAYS[1:]
"""With these, NEST communicates every tenth step."""
RATE = 30.0

MODELS = """
model kernels:
    state:
        w real = 10 [[ w <= w_max ]]
    parameters:
        tau_pre ms = 12 ms
        tau_post ms = 25 ms
        rise ms = 4 ms
        gain real = 0.3
        w_max real = 1000
    equations:
        kernel pre_kernel = exp(-t / tau_pre)
        kernel post_kernel = exp(-t / tau_post) + (t / rise) * exp(1 - t / rise)
        inline pre_sum real = convolve(pre_kernel, pre_spikes) * 1 s
        inline post_sum real = convolve(post_kernel, post_spikes) * 1 s
    input:
        pre_spikes <- spike
        post_spikes <- spike
    output:
        spike
    onReceive(post_spikes):
        w += gain * pre_sum
    onReceive(pre_spikes):
        w -= gain * post_sum
        emit_spike(w)

model pre_first:
    state:
        w real = 10
        pre_trace real = 0
        post_trace real = 0
        count integer = 0
        last ms = 0 ms
        big boolean = false
    equations:
        pre_trace' = -pre_trace / tau
        post_trace' = -post_trace / tau
    parameters:
        tau ms = 15 ms
        cap integer = 3
    input:
        pre_spikes <- spike
        post_spikes <- spike
    output:
        spike
    update:
        integrate_odes()
    onReceive(pre_spikes, priority=2):
        w -= 0.25 * post_trace + 0.01 * count
        if big:
            w += 0.02 * (t - last) / 1 ms
        pre_trace += 1
        emit_spike(twice(w) / 2)
    onReceive(post_spikes, priority=1):
        growth real = 1 + 0.5 * count
        w += 0.25 * pre_trace
        if count < cap:
            post_trace += growth
        else:
            post_trace = 1
            count = 0
        count += 1
        last = t
        big = post_trace > 2
    onCondition(w > 12):
        w = 8 + 0.1 * count
    function twice(x real) real:
        return x + x

model offset:
    state:
        w real = 3
        held real = 2
        sinking real = 1
    equations:
        sinking' = -sinking / tau
    parameters:
        tau ms = 40 ms
    input:
        pre_spikes <- spike
        post_spikes <- spike
    output:
        spike
    update:
        integrate_odes()
    onReceive(post_spikes):
        held = -held
        sinking += 1
    onReceive(pre_spikes):
        emit_spike(w + held + sinking)
"""

PAIR = {
    "lambda": "lambda",
    "alpha": "alpha",
    "mu_plus": "mu_plus",
    "mu_minus": "mu_minus",
    "Wmax": "Wmax",
    "tau_tr_pre": "tau_plus",
    "tau_tr_post": "neuron tau_minus",
}
TRIPLET = {
    "tau_plus": "tau_plus",
    "tau_x": "tau_plus_triplet",
    "tau_minus": "neuron tau_minus",
    "tau_y": "neuron tau_minus_triplet",
    "A2_plus": "Aplus",
    "A3_plus": "Aplus_triplet",
    "A2_minus": "Aminus",
    "A3_minus": "Aminus_triplet",
    "Wmax": "Wmax",
}
TSODYKS = {"w": "weight", "U": "U", "tau_fac": "tau_fac", "tau_rec": "tau_rec"}
DOPAMINE = {
    "tau_tr_pre": "tau_plus",
    "tau_tr_post": "neuron tau_minus",
    **{name: name for name in ("tau_c", "tau_n", "b", "Wmin", "Wmax", "A_plus", "A_minus")},
}
VOGELS = {"eta": "eta", "tau": "tau, neuron tau_minus", "rho_0": "", "Wmax": "Wmax"}

GUETIG = {
    "lambda": 0.03,
    "alpha": 1.1,
    "tau_tr_pre": 15.0,
    "tau_tr_post": 32.0,
    "mu_plus": 0.4,
    "mu_minus": 0.6,
    "Wmax": 80.0,
}
MODULATED = {
    "tau_tr_pre": 20.0,
    "tau_tr_post": 25.0,
    "tau_c": 300.0,
    "tau_n": 150.0,
    "b": 0.008,
    "A_plus": 0.26,
    "A_minus": 0.2,
    "Wmin": 0.0,
    "Wmax": 300.0,
}


@dataclass(frozen=True)
class Row:
    """A synapse of ours, with values, and its twin.

    ``names`` maps our parameters to theirs; those of the postsynaptic neuron begin with "neuron".
    ``theirs`` is what else theirs gets. ``meet`` says whether spikes may meet at the synapse.
    """

    ours: str
    twin: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, float] = field(default_factory=dict)
    initial: Mapping[str, Any] = field(default_factory=dict)
    theirs: Mapping[str, Any] = field(default_factory=dict)
    meet: bool = True
    tolerance: float = 1e-9


ROWS = {
    "static": Row("static", "static_synapse", {"w": "weight"}, {"w": 2.5}),
    "stdp": Row("stdp", "stdp_synapse", PAIR, GUETIG, {"w": 20.0}),
    "stdp, additive": Row(
        "stdp",
        "stdp_synapse",
        PAIR,
        GUETIG | {"lambda": 0.2, "mu_plus": 0.0, "mu_minus": 0.0, "Wmax": 25.0},
        {"w": 20.0},
    ),
    # these two begin as if there had been a presynaptic spike at 0
    "symmetric": Row(
        "stdp_nn_symm", "stdp_nn_symm_synapse", PAIR, GUETIG, {"w": 20.0, "pre_trace": 1.0}
    ),
    "restricted": Row(
        "stdp_nn_restr_symm",
        "stdp_nn_restr_synapse",
        PAIR,
        GUETIG,
        {"w": 20.0, "pre_trace": 1.0, "pre_handled": False},
    ),
    "centred": Row(
        "stdp_nn_pre_centered", "stdp_nn_pre_centered_synapse", PAIR, GUETIG, {"w": 20.0}
    ),
    "triplet": Row(
        "stdp_triplet",
        "stdp_triplet_synapse",
        TRIPLET,
        {
            "tau_plus": 15.0,
            "tau_x": 90.0,
            "tau_minus": 30.0,
            "tau_y": 110.0,
            "A2_plus": 2e-2,
            "A3_plus": 6e-2,
            "A2_minus": 7e-2,
            "A3_minus": 2e-2,
            "Wmax": 25.0,
        },
        {"w": 20.0},
    ),
    "tsodyks": Row(
        "tsodyks",
        "tsodyks_synapse",
        TSODYKS | {"tau_psc": "tau_psc"},
        {"w": 250.0, "U": 0.1, "tau_fac": 300.0, "tau_rec": 120.0, "tau_psc": 4.0},
    ),
    "tsodyks, depressing": Row(
        "tsodyks",
        "tsodyks_synapse",
        TSODYKS | {"tau_psc": "tau_psc"},
        {"w": 100.0, "U": 0.5, "tau_fac": 0.0, "tau_rec": 800.0, "tau_psc": 3.0},
    ),
    # theirs begins with the u of its first spike
    "tsodyks2": Row(
        "tsodyks2",
        "tsodyks2_synapse",
        TSODYKS,
        {"w": 250.0, "U": 0.1, "tau_fac": 300.0, "tau_rec": 120.0},
        theirs={"u": 0.1},
    ),
    "dopamine": Row("stdp_dopamine", "stdp_dopamine_synapse", DOPAMINE, MODULATED, {"w": 100.0}),
    "dopamine, bounded": Row(
        "stdp_dopamine",
        "stdp_dopamine_synapse",
        DOPAMINE,
        MODULATED | {"b": 0.0, "Wmin": 99.3, "Wmax": 100.5},
        {"w": 100.0},
    ),
    # ours keeps to the bounds at all times, theirs at the ends of steps
    "dopamine, bounded, with baseline": Row(
        "stdp_dopamine",
        "stdp_dopamine_synapse",
        DOPAMINE,
        MODULATED | {"Wmin": 99.7, "Wmax": 101.0},
        {"w": 100.0},
        tolerance=1e-6,
    ),
    # for theirs, spikes that meet make no pair
    "vogels": Row(
        "stdp_vogels",
        "vogels_sprekeler_synapse",
        VOGELS,
        {"eta": 0.1, "tau": 20.0, "rho_0": 30.0, "Wmax": 25.0},
        {"w": 20.0},
        {"alpha": 1.2},
        meet=False,
    ),
    "vogels, meeting": Row("stdp_vogels", parameters={"eta": 0.1}, initial={"w": 20.0}),
    "kernels": Row("kernels", parameters={"gain": 0.2}),
    "pre first": Row("pre_first", parameters={"tau": 20.0}),
    "offset": Row("offset"),
}


def program_of(text: str, *library: str) -> SolvedProgram:
    """Return the solved models of NESTML text, with some of the library."""
    found = check_sources([Source("text.nestml", text)])
    assert found.value is not None, [render(d) for d in found.diagnostics]
    shipped = compile_files(library).value if library else None
    return SolvedProgram((*(shipped.models if shipped else ()), *found.value.models))


RELAY = {"V_th": 1e6, "refr_T": 0.0}


@dataclass(frozen=True)
class Trains:
    """When the neurons fire, in steps."""

    pre: Any
    post: Any
    mod: Any


@cache
def trains(delay: float, meet: bool) -> Trains:
    """Return Poisson trains; with ``meet``, some reach the synapse together, otherwise none."""
    rng = np.random.default_rng(17)
    late = round(delay / DT)
    steps = np.arange(round((delay + 2.0) / DT), round(DURATION / DT))
    pre, post, mod = (
        steps[rng.random(len(steps)) < rate * DT / 1000] for rate in (RATE, RATE, RATE / 4)
    )
    if meet:
        post = np.union1d(post, pre[::9] - late)
        mod = np.union1d(mod, [*(pre[::7] - 1), *(post[::5] + late - 1)])
    else:
        post = np.setdiff1d(post, pre - late)
    # an interval of less than a step is none for a generator
    return Trains(pre, post[post > 30], mod[mod > 30])


def job(row: Row, delay: float) -> dict[str, Any]:
    """Return what is the same for ours and theirs."""
    fire = trains(delay, row.meet)
    made = {
        "delay": delay,
        "pre": (fire.pre * DT).round(6).tolist(),
        "post": (fire.post * DT).round(6).tolist(),
    }
    if row.ours == "stdp_dopamine":
        made["mod"] = (fire.mod * DT).round(6).tolist()
    return made


def job_of_twin(row: Row, delay: float) -> dict[str, Any]:
    there: dict[str, Any] = dict(row.theirs)
    neuron: dict[str, float] = {}
    for name, value in row.parameters.items():
        for target in filter(None, row.names[name].split(", ")):
            if target.startswith("neuron "):
                neuron[target.removeprefix("neuron ")] = value
            else:
                there[target] = value
    if "w" in row.initial:
        there["weight"] = row.initial["w"]
    parrot = {"neuron": "parrot_neuron", "properties": neuron}
    return {**job(row, delay), **parrot, "synapse": row.twin, "parameters": there, "values": {}}


def job_of_ours(row: Row, delay: float, neuron: str = "parrot_neuron") -> dict[str, Any]:
    where = {"neuron": neuron, "properties": {}, "synapse": row.ours}
    values = {"parameters": dict(row.parameters), "values": dict(row.initial)}
    return {**job(row, delay), **where, **values}


def in_the_reference(case: str, delay: float, link: float = DT) -> Any:
    """Return times and weights of what the synapse passes on, as the core has it.

    Modulating spikes arrive a ``link`` late.
    """
    row = ROWS[case]
    net = nestml.Network(dt=DT)
    fire = trains(delay, row.meet)
    pre, mod = (net.spike_source([(x * DT).round(6)]) for x in (fire.pre, fire.mod))
    kicks = net.spike_source([((fire.post - 1) * DT).round(6)])
    post = net.create("iaf_psc_delta", parameters=RELAY)
    net.connect(kicks, post, weight=1e9, delay=DT)
    connection = net.connect(
        pre,
        post,
        synapse=loaded(row.ours),
        delay=delay,
        parameters=dict(row.parameters),
        initial=dict(row.initial),
        inputs={"mod_spikes": (mod, link)} if row.ours == "stdp_dopamine" else {},
    )
    return emitted(net.run(min(DURATION, 3000.0), progress=False), connection)


def emitted(result: Any, connection: Any) -> tuple[Any, Any]:
    spikes = result.trace.emitted[connection.place]
    return spikes.steps * DT, spikes.weights


@cache
def loaded(name: str) -> Any:
    own = [f"model {text}" for text in MODELS.split("\nmodel ")[1:]]
    return nestml.load(next((t for t in own if t.startswith(f"model {name}:")), name))
