"""Synapses that see more of their neuron than its spikes: the same weights as in the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from nestml_nest.backend import NestBackend
from nestml_nest.options import Options
from synapses import DELAYS, DT, LONGER, program_of, trains

import nestml_core as nestml
from nestml_core.api import Pair, Reading, SolvedProgram

MODELS = """
model watched:
    state:
        V_m mV = E_L
        fast mV = 0 mV
    equations:
        recordable inline seen mV = V_m - E_L + 0.1 * fast
        recordable inline high boolean = V_m > E_L
        V_m' = -(V_m - E_L) / tau
        fast' = -fast / (tau / 5)
    parameters:
        tau ms = 15 ms
        E_L mV = -70 mV
        V_th mV = -50 mV
    input:
        spikes <- spike
    output:
        spike
    update:
        integrate_odes()
    onReceive(spikes):
        V_m += spikes * 1 mV * 1 s
        fast += spikes * 1 mV * 1 s
    onCondition(V_m >= V_th):
        V_m = E_L - 5 mV
        emit_spike()

model sampling:
    state:
        w real = 5
        trace real = 0
        last mV = 1 mV
        post_trace real = 0
    equations:
        trace' = -trace / (20 ms)
        post_trace' = -post_trace / (30 ms)
    input:
        pre_spikes <- spike
        post_spikes <- spike
        seen mV <- continuous
        level mV <- continuous
    output:
        spike
    update:
        integrate_odes()
    onReceive(post_spikes):
        w += 0.01 * trace * seen / 1 mV
        last = level
        post_trace += 1
    onReceive(pre_spikes):
        w += 0.003 * (seen - 0.2 * last) / 1 mV - 0.01 * post_trace
        trace += 1
        emit_spike(w)

model following:
    state:
        w real = 5
        mean mV = 0 mV
        top mV = 0 mV
    equations:
        mean' = (seen - mean) / (10 ms)
        w' = mean / (1 mV * 1 s)
    parameters:
        w_max real = 9
    input:
        pre_spikes <- spike
        seen mV <- continuous
    output:
        spike
    update:
        integrate_odes()
        top = max(top, seen)
        w = min(w, w_max)
    onReceive(pre_spikes):
        emit_spike(w + 0.001 * (top + seen) / 1 mV)
        w -= 0.01 * mean / 1 mV
"""


@dataclass(frozen=True)
class Case:
    """A synapse, what it sees of a neuron, and what is set."""

    neuron: str
    synapse: str
    sees: Mapping[str, str]
    kick: float
    initial: Mapping[str, float]
    parameters: Mapping[str, float]
    properties: Mapping[str, float]


CLOPATH = {"I_e": 250.0}
CASES = {
    "at events": Case("watched", "sampling", {"seen": "seen", "level": "V_m"}, 12.0, {}, {}, {}),
    "in every step": Case("watched", "following", {"seen": "seen"}, 12.0, {}, {}, {}),
    "clopath": Case(
        "aeif_psc_delta_clopath", "clopath", {"V": "V_m"}, 60.0, {"w": 0.5}, {}, CLOPATH
    ),
    "stdsp": Case(
        "aeif_psc_delta_clopath",
        "stdsp",
        {"dAP_trace": "w"},
        60.0,
        {"permanence": 20.0},
        {"lambda_h": 0.002, "zt": 250.0, "lambda_plus": 0.05, "lambda_minus": 0.03, "Wmax": 0.5},
        CLOPATH,
    ),
}
DURATION = 2000.0


def pairs() -> tuple[Pair, ...]:
    return tuple(
        Pair(c.neuron, c.synapse, tuple(Reading(p, r) for p, r in c.sees.items() if p != r))
        for c in CASES.values()
    )


def everything() -> SolvedProgram:
    made = program_of(MODELS, "aeif_psc_delta_clopath", "clopath", "stdsp")
    return SolvedProgram(made.models, pairs())


@pytest.fixture(scope="module")
def watched(module_of: Callable[..., str]) -> str:
    return module_of(everything(), optimization="1")


def called(case: Case) -> tuple[str, str]:
    """Return what neuron and synapse are called in NEST."""
    all_of_them = [c.synapse for c in CASES.values() if c.neuron == case.neuron]
    neuron = f"{case.neuron}__with_{'_and_'.join(all_of_them)}"
    return neuron, f"{case.synapse}__with_{case.neuron}"


def job(case: Case, delay: float) -> dict[str, Any]:
    neuron, synapse = called(case)
    fire = trains(delay, True)
    made: dict[str, Any] = {"neuron": neuron, "synapse": synapse, "delay": delay}
    made |= {"kick": case.kick, "properties": dict(case.properties)}
    made |= {"parameters": dict(case.parameters), "values": dict(case.initial)}
    made |= {"pre": (fire.pre * DT).round(6).tolist(), "post": (fire.post * DT).round(6).tolist()}
    return made


def loaded(name: str) -> Any:
    own = [f"model {text}" for text in MODELS.split("\nmodel ")[1:]]
    return nestml.load(next((t for t in own if t.startswith(f"model {name}:")), name))


@cache
def expected(name: str, delay: float) -> tuple[Any, Any]:
    """Return times and weights of what the synapse passes on, as the core has it."""
    case, fire = CASES[name], trains(delay, True)
    net = nestml.Network(dt=DT)
    pre = net.spike_source([(fire.pre * DT).round(6)])
    kicks = net.spike_source([((fire.post - 1) * DT).round(6)])
    post = net.create(loaded(case.neuron), parameters=dict(case.properties))
    net.connect(kicks, post, weight=case.kick, delay=DT)
    connection = net.connect(
        pre,
        post,
        synapse=loaded(case.synapse),
        delay=delay,
        parameters=dict(case.parameters),
        initial=dict(case.initial),
        inputs=dict(case.sees),
    )
    result = net.run(DURATION, progress=False)
    assert len(result.spikes(post)[0]) >= 10
    spikes = result.trace.emitted[connection.place]
    return spikes.steps * DT, spikes.weights


Found = Mapping[tuple[str, float], tuple[Any, Any]]


@pytest.fixture(scope="module")
def found(watched: str, synapse_run: Callable[..., Any]) -> Callable[..., Found]:
    keys = [(case, delay) for delay in DELAYS for case in CASES]

    @cache
    def run(threads: int) -> Found:
        jobs = [job(CASES[case], delay) for case, delay in keys]
        given = {"modules": [watched], "jobs": jobs, "duration": DURATION + 10.0}
        given["threads"] = threads
        weights = synapse_run("weights", **given)
        return {k: (np.array(t), np.array(w)) for k, (t, w) in zip(keys, weights, strict=True)}

    return run


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("case", CASES)
def test_same_weights_as_the_reference(
    found: Callable[..., Found], case: str, delay: float
) -> None:
    times, weights = found(1)[case, delay]
    at, wanted = expected(case, delay)
    here = times <= at[-1] + 1e-6
    assert len(at) > 10
    if case == "stdsp":
        assert len(at) < 50, "some spikes must be held back"
    else:
        assert np.ptp(wanted) > 0.05, "the weight must change"
    assert np.allclose(times[here], at, atol=1e-6)
    assert np.abs(weights[here] - wanted).max() < 1e-9


def test_longer_intervals_of_communication_change_nothing(
    watched: str, synapse_run: Callable[..., Any]
) -> None:
    keys = [(case, delay) for delay in LONGER for case in CASES]
    jobs = [job(CASES[case], delay) for case, delay in keys]
    weights = synapse_run("weights", modules=[watched], jobs=jobs, duration=DURATION + 10.0)
    for (case, delay), (times, found) in zip(keys, weights, strict=True):
        at, wanted = expected(case, delay)
        here = np.array(times) <= at[-1] + 1e-6
        assert np.abs(np.array(found)[here] - wanted).max() < 1e-9, (case, delay)


@pytest.mark.parametrize("threads", [2, 4])
def test_threads_change_nothing(found: Callable[..., Found], threads: int) -> None:
    one, several = found(1), found(threads)
    for key, (times, weights) in one.items():
        assert np.array_equal(times, several[key][0]), key
        assert np.array_equal(weights, several[key][1]), key


def test_a_late_synapse_and_the_status(watched: str, synapse_run: Callable[..., Any]) -> None:
    """One that comes later begins then; what follows from the state is seen, and cannot be set."""
    neuron, synapse = called(CASES["in every step"])
    got = synapse_run("following", modules=[watched], neuron=neuron, synapse=synapse)
    assert got["early"] == got["late"]
    assert got["set_between_runs"] != got["early"]
    _, stdsp = called(CASES["stdsp"])
    seen = synapse_run(
        "immature", modules=[watched], neuron=called(CASES["stdsp"])[0], synapse=stdsp
    )
    assert seen["weights"] == [[100.0, 100.0], [0.0, 0.0], [100.0, 100.0]]
    assert "no weight that could be set" in seen["refused"]


STEPS = (0.1, 0.025)
PROTOCOLS = {(20.0, 10.0): 1, (20.0, -10.0): -1, (50.0, -10.0): 1}
"""Rates of pairs of spikes, and by how much the postsynaptic one is later; what comes of it."""


def clopath_job(protocol: tuple[float, float], dt: float, is_ours: bool) -> dict[str, Any]:
    rate, lag = protocol
    pre = 20.0 + 1000.0 / rate * np.arange(5)
    neuron, synapse = called(CASES["clopath"])
    common = {"V_m": -70.6, "E_L": -70.6, "V_reset": -60.0}
    theirs = {"theta_minus": -70.6, "theta_plus": -45.3, "A_LTD": 14e-5, "A_LTP": 8e-5}
    return {
        "neuron": neuron if is_ours else "aeif_psc_delta_clopath",
        # theirs delays the filtered potentials, at least by a step; the equations do not
        "properties": common if is_ours else {**common, **theirs, "delay_u_bars": dt},
        "synapse": synapse if is_ours else "clopath_synapse",
        "parameters": {"Wmax": 100.0, "weight": 0.5},
        "values": {},
        "kick": 80.0,
        "delay": dt,
        # a spike late enough to see what those before did
        "pre": np.append(pre, pre[-1] + 80.0).round(6).tolist(),
        "post": (pre + lag).round(6).tolist(),
    }


@pytest.fixture(scope="module")
def changes(watched: str, synapse_run: Callable[..., Any]) -> Mapping[Any, float]:
    """Return how much five pairs change the weight: by protocol, step, and whether it is ours."""
    found = {}
    for dt in STEPS:
        keys = [(protocol, dt, is_ours) for protocol in PROTOCOLS for is_ours in (True, False)]
        given = {"modules": [watched], "jobs": [clopath_job(*k) for k in keys]}
        weights = synapse_run("weights", **given, duration=400.0, resolution=dt)
        found |= {k: w[-1] - 0.5 for k, (_, w) in zip(keys, weights, strict=True)}
    return found


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_voltage_based_plasticity_tends_to_nests(
    changes: Mapping[Any, float],
    protocol: tuple[float, float],
    record_property: Callable[..., None],
) -> None:
    """NEST's takes the potential and its filtered values a step late, with one Euler step: the
    difference is of first order in the step."""
    coarse, fine = (changes[protocol, dt, False] for dt in STEPS)
    ours_coarse, ours_fine = (changes[protocol, dt, True] for dt in STEPS)
    record_property("changes", (coarse, ours_coarse, fine, ours_fine))
    assert PROTOCOLS[protocol] * fine > 0.005
    assert ours_fine == pytest.approx(fine, rel=0.04)
    assert abs(ours_fine - fine) < 0.4 * abs(ours_coarse - coarse)


def test_history_is_bounded(watched: str, synapse_run: Callable[..., Any]) -> None:
    """Also for synapses that have no spike for long, or that are there no more."""
    case, following = CASES["at events"], CASES["in every step"]
    neuron, sampling = called(case)
    times = {"begin": 20.0, "end": 3000.0, "every": 1.5, "kick": 30.0, "delay": 2.0}
    got = synapse_run(
        "silence",
        modules=[watched],
        neuron=neuron,
        synapses=[sampling, called(following)[1]],
        **times,
    )
    assert got["sent"] == 1.5 * got["count"]
    # 2e3 spikes and 3e4 steps of each neuron would take 100 MB more
    assert got["grown"] < 3e7
    net = nestml.Network(dt=DT)
    pre = net.spike_source([[times["begin"], times["end"]]])
    kicks = np.arange(1, int((times["end"] - 1.0) / times["every"])) * times["every"]
    post = net.create(loaded(case.neuron))
    net.connect(net.spike_source([kicks.round(6)]), post, weight=times["kick"], delay=1.0)
    made = [
        net.connect(pre, post, synapse=loaded(c.synapse), delay=times["delay"], inputs=dict(c.sees))
        for c in (case, following)
    ]
    result = net.run(times["end"] + 5.0, progress=False)
    assert len(result.spikes(post)[0]) > 1000
    for weights, connection in zip(got["weights"].values(), made, strict=True):
        wanted = result.trace.emitted[connection.place].weights
        assert [len(w) for w in weights] == [1, 1], "the neurons do the same"
        assert np.abs(np.ravel(weights) - wanted).max() < 1e-9 * np.abs(wanted).max()


MODULATED = """
model modulated:
    state:
        w real = 1
    input:
        pre_spikes <- spike
        post_spikes <- spike
        mod_spikes <- spike
        V_m mV <- continuous
    output:
        spike
    onReceive(mod_spikes):
        w += V_m / 1 mV
    onReceive(pre_spikes):
        emit_spike(w)
"""


@pytest.mark.parametrize(
    ("pair", "code", "message"),
    [
        (None, "NEST101", "generated alone"),
        (Pair("iaf_psc_delta", "clopath"), "NEST112", "`V`, which `iaf_psc_delta` does not"),
        (Pair("iaf_psc_delta", "clopath", (Reading("U", "V_m"),)), "NEST112", "no continuous port"),
        (Pair("iaf_psc_delta", "stdsp", (Reading("dAP_trace", "V_m"),)), "NEST112", "dimensions"),
        (Pair("iaf_psc_delta", "modulated"), "NEST101", "beside one for modulators"),
    ],
)
def test_what_cannot_be_seen(pair: Pair | None, code: str, message: str) -> None:
    library = ["clopath"] if pair is None else ["iaf_psc_delta", "clopath", "stdsp"]
    wanted = library if pair is None else [pair.neuron, pair.synapse]
    models = {m.name: m for m in program_of(MODULATED, *library).models}
    program = SolvedProgram(tuple(models[n] for n in wanted), () if pair is None else (pair,))
    lowered = NestBackend().lower(program, Options())
    assert code in [d.code.id for d in lowered.errors]
    assert any(message in d.message for d in lowered.errors), lowered.errors
    assert all(d.span.source.text for d in lowered.errors)
