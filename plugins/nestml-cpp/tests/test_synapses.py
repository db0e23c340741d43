"""Synapses as classes of connections: as the reference has them, at every event."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from driven_connections import TOLERANCE, Builder, check, driven, emitted, expected, run
from generated_programs import BACKEND, solved

import nestml_core as nestml
from nestml_core.api import SolvedProgram
from nestml_core.library import library_models

LIBRARY = [p.stem for p in library_models() if p.parent.name == "synapses"]
RANDOM = [name for name in LIBRARY if nestml.load(name).solved.is_random]
EXACT = [name for name in LIBRARY if name not in RANDOM]
MIXED = [0.1, 1.0, 5.0, 2.5, 0.1, 1.0, 5.0, 0.3]
PAIRS = ([0, 0, 0, 1, 1, 1, 2, 2], [0, 1, 0, 0, 1, 1, 0, 1])
"""Several connections between the same neurons among them."""

POST = [[9.0, 20.0, 33.3, 33.3, 61.0, 90.2, 120.0], [12.4, 20.0, 47.0, 80.0, 131.0]]
PRE = [
    [10.0, 21.0, 25.0, 25.0, 34.3, 70.0, 95.2, 139.0],  # 1 or 5 ms behind spikes of neurons
    [9.0, 9.1, 21.0, 38.3, 95.2, 138.9],
    [139.5],
]
MODULATORS = [[[15.0, 25.0, 25.0, 60.0], [70.0]], [[100.0, 139.0]]]
SETTINGS: dict[str, dict[str, Any]] = {
    "clopath": {"inputs": {"V": "V_m"}, "parameters": {"theta_plus": -69.0, "A_LTP": 8e-3}},
    "stdsp": {
        "inputs": {"dAP_trace": "I_syn_exc"},
        "neuron": "iaf_psc_exp",
        "force": 1e5,
        "parameters": {
            "lambda_minus": 0.01,
            "lambda_plus": 1e-3,
            "lambda_h": 5e-7,
            "zt": 5e4,
            "permanence_threshold": 48.0,
        },
        "initial": {"permanence": 50.0},
    },
    "stdp_dopamine": {
        "modulators": MODULATORS,
        "modulated": lambda nodes: {"mod_spikes": (nodes[0], 0.7)},
    },
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, compiler: tuple[str, ...]) -> Builder:
    return Builder(tmp_path_factory.mktemp("synapses"))


def _state(name: str) -> list[str]:
    return [d.symbol.name for d in nestml.load(name).solved.state]


@pytest.mark.parametrize("delay", [0.1, 1.0, 5.0, MIXED], ids=["0.1", "1", "5", "mixed"])
@pytest.mark.parametrize("name", EXACT)
def test_library_synapses_do_as_the_reference(name: str, delay: Any, built: Builder) -> None:
    ran = run(name, PRE, POST, PAIRS, delay, **SETTINGS.get(name, {}))
    assert len(ran.trace.emitted[0].steps) > 20
    check(ran, built)


@pytest.mark.parametrize("name", ["stdp", "stdp_triplet", "stdp_nn_pre_centered"])
def test_parameters_and_state_of_their_own(name: str, built: Builder) -> None:
    """What differs between connections is not kept by neurons."""
    taus = [p for p in nestml.load(name).parameters if p.startswith("tau")]
    values = {p: np.linspace(5.0, 40.0 + i, 8) for i, p in enumerate(taus)}
    trace = next(s for s in _state(name) if "tr" in s)
    begin = {"w": np.linspace(0.5, 3.0, 8), trace: np.linspace(0.0, 2.0, 8)}
    check(run(name, PRE, POST, PAIRS, MIXED, parameters=values, initial=begin), built)


MANY = """
model many:
    state:
        w real = 1 [[ w >= 0 ]]
        a real = 0
        b real = 0
        x real = 0.5
        y real = 0
        count integer = 0
        passed ms = 0 ms
        seen ms = 0 ms
        is_odd boolean = false
    parameters:
        tau ms = 12 ms
        rate real = 0.1
        k integer = 3
    equations:
        kernel K = (t / tau) * exp(-t / tau)
        inline trace real = convolve(K, post_spikes)
        recordable inline sum real = a + b + trace
        a' = -a / tau + pre_spikes
        b' = (a - b) / (2 * tau)
        x' = x * (1 - x) * rate / 1 ms
    input:
        pre_spikes <- spike
        post_spikes <- spike
        near <- spike
        far <- spike
    output:
        spike
    function grown(h ms, by real) real:
        if h > 5 ms:
            return by / 2
        return by
    update:
        integrate_odes()
        y = 0.9 * y
        passed += timestep()
    onReceive(near, priority=1):
        w += 0.01 * x
    onReceive(far, priority=3):
        w *= 1.01
        seen = t
    onReceive(post_spikes):
        i integer = 0
        for i in 0 ... k step 1:
            w += 0.001 * i
        w += 0.1 * trace + 0.01 * a + grown(t - seen, 0.02)
        seen = t
        count += 1
    onReceive(pre_spikes, priority=2):
        w = max(0, w - 0.05 * trace - 0.02 * y)
        y += 1
        is_odd = not is_odd
        emit_spike(w * resolution() / 1 ms)
    onCondition(w > 1.2):
        w = 0.7 * w
"""


@pytest.mark.parametrize("delay", [1.0, MIXED], ids=["1", "mixed"])
def test_everything_at_once(delay: Any, built: Builder) -> None:
    """Kernels, jumps, numerical integration, loops, functions, conditions, priorities, two
    modulators: presynaptic spikes before postsynaptic ones."""
    ran = run(
        nestml.load(MANY),
        PRE,
        POST,
        PAIRS,
        delay,
        modulators=MODULATORS,
        modulated=lambda nodes: {"near": (nodes[0], 1.0), "far": nodes[1]},
        postsynaptic="post_spikes",
    )
    check(ran, built, tolerance=1e-6)


EAGER = """
model eager:
    state:
        w real = 1
        tr real = 0
    parameters:
        tau ms = 20 ms
    equations:
        tr' = -tr / tau
    input:
        pre_spikes <- spike
        post_spikes <- spike
        reward <- spike
        I pA <- continuous
    output:
        spike
    update:
        integrate_odes()
    onReceive(reward):
        w += tr * I / 1 pA
    onReceive(post_spikes):
        w += 0.1 * tr
        emit_spike(-w)
    onReceive(pre_spikes):
        tr += 1
        emit_spike(w)
"""


@pytest.mark.parametrize("delay", [1.0, MIXED], ids=["1", "mixed"])
def test_spikes_at_other_events(delay: Any, built: Builder) -> None:
    ran = run(
        nestml.load(EAGER),
        PRE,
        POST,
        PAIRS,
        delay,
        modulators=MODULATORS[:1],
        modulated=lambda nodes: {"reward": nodes[0], "I": 0.5},
        presynaptic="pre_spikes",
        postsynaptic="post_spikes",
    )
    assert (ran.trace.emitted[0].weights < 0).any()
    check(ran, built)


def test_history_is_forgotten_in_time(built: Builder) -> None:
    """Sources that are silent for long, and neurons that fire all the time."""
    post = [list(np.arange(5.0, 1990.0, 2.5)), [1000.0]]
    pre = [[10.0, 1991.0], list(np.arange(4.0, 1990.0, 7.1)), [1995.0]]
    delays = [0.1, 1.0, 5.0, 2.5, 0.1, 1.0, 5.0, 0.3]
    for name in ("stdp", "stdp_nn_pre_centered", "stdp_triplet"):
        ran = run(name, pre, post, PAIRS, delays, duration=2000.0, record=False)
        found, values = emitted(driven(ran, built(ran.plasticity)), ran.trace.steps)
        places, weights = expected(ran)
        np.testing.assert_array_equal(found, places)
        np.testing.assert_allclose(values, weights, rtol=TOLERANCE)


def test_one_delay_or_several_are_the_same(built: Builder) -> None:
    """Events are handled when they happen if all delays are the same, else later."""
    one = run("stdp_triplet", PRE, POST, PAIRS, 1.0)
    more = tuple([*x, y] for x, y in zip(PAIRS, (2, 1), strict=True))
    several = run("stdp_triplet", PRE, POST, more, [1.0] * 8 + [0.5])
    artifact = built(one.plasticity)
    (places, prompt), (others, lazy) = (
        emitted(driven(ran, artifact), ran.trace.steps) for ran in (one, several)
    )
    shared = others[1] < 8
    np.testing.assert_array_equal(places, others[:, shared])
    np.testing.assert_array_equal(prompt, lazy[shared])


def test_connections_do_not_depend_on_each_other(built: Builder) -> None:
    """Random numbers too: they follow from the seed and the number of the connection."""
    ran = run("noisy", PRE, POST, PAIRS, 1.0, parameters={"w": np.arange(8.0)})
    artifact = built(ran.plasticity)
    places, first = emitted(driven(ran, artifact), ran.trace.steps)
    _, again = emitted(driven(ran, artifact), ran.trace.steps)
    _, other = emitted(driven(ran, artifact, seed=6), ran.trace.steps)
    np.testing.assert_array_equal(first, again)
    assert not (first == other).any()
    assert len(set(first - places[1])) == len(first)


def test_noisy_weights_are_normal(built: Builder) -> None:
    times = [list(np.arange(0.1, 2000.0, 0.1))]
    settings = {"w": 2.0, "A_noise": 0.5}
    ran = run(
        "noisy", times, [[]], ([0], [0]), 1.0, duration=0.5, record=False, parameters=settings
    )
    made = driven(ran, built(ran.plasticity))
    made.sources_fire(np.arange(1, 20001))
    _, weights = emitted(made, 20000)
    assert len(weights) == 20000
    assert weights.mean() == pytest.approx(2.0, abs=5 * 0.5 / 20000**0.5)
    assert weights.std() == pytest.approx(0.5, rel=0.03)
    assert np.mean(np.abs(weights - 2.0) < 0.5) == pytest.approx(0.6827, abs=0.02)


def test_quantal_release_is_binomial(built: Builder) -> None:
    """Far apart, all sites are full and each releases with probability U."""
    settings = {"n": 5, "U": 0.3, "tau_rec": 1.0, "w": 2.0}
    begin = {"a": 5}
    ran = run(
        "quantal_stp",
        [[1.0]],
        [[]],
        ([0], [0]),
        1.0,
        duration=0.5,
        record=False,
        parameters=settings,
        initial=begin,
    )
    made = driven(ran, built(ran.plasticity))
    made.sources_fire(np.arange(1, 4001) * 400)
    _, weights = emitted(made, 4000 * 400)
    released = np.concatenate([weights / 2.0, np.zeros(4000 - len(weights))])
    assert released.mean() == pytest.approx(1.5, abs=5 * (5 * 0.3 * 0.7 / 4000) ** 0.5)
    assert released.var() == pytest.approx(5 * 0.3 * 0.7, rel=0.15)


# One synapse alone, as `simulate` runs it


@pytest.mark.parametrize("name", EXACT)
def test_one_synapse_alone(name: str) -> None:
    model = nestml.load(name)
    spikes = {
        "pre_spikes": [5, 10, 30, 30, 80.0],
        "post_spikes": [7, 15, 30, 75],
        "mod_spikes": [20],
    }
    given: dict[str, Any] = {
        "spikes": {p: t for p, t in spikes.items() if p in model.spike_ports},
        "currents": {p: ([0, 20], [-60.0, -40.0]) for p in model.continuous_ports},
        "initial": {s: 0.7 for s in _state(name) if "tr" in s},
        "record": model.recordables,
    }
    here, there = (
        model.simulate(100.0, backend=b, **given, **more)
        for b, more in (("reference", {}), ("cpp", {"optimization": "1"}))
    )
    np.testing.assert_allclose(there.weights, here.weights, rtol=TOLERANCE)
    np.testing.assert_array_equal(there.spikes, here.spikes)
    for r in model.recordables:
        np.testing.assert_allclose(there[r], here[r], rtol=TOLERANCE, atol=TOLERANCE)


def test_a_guard_and_a_weight_that_is_no_number() -> None:
    model = nestml.load("stdp")
    with pytest.raises(nestml.ModelError, match="CPP201"):
        model.simulate(10.0, initial={"w": -1.0}, spikes={"pre_spikes": [5]}, backend="cpp")
    broken = nestml.load(
        """
model broken:
    parameters:
        w real = 1
    input:
        pre <- spike
    output:
        spike
    onReceive(pre):
        emit_spike(ln(w - 1))
"""
    )
    with pytest.raises(nestml.ModelError, match=r"CPP202.*not a finite number.*5 ms"):
        broken.simulate(10.0, spikes={"pre": [5]}, backend="cpp")


SPEAKING = """
model speaking:
    state:
        n integer = 0
    parameters:
        w real = 1
    input:
        pre <- spike
    output:
        spike
    function part(k integer) integer:
        return 6 // k
    onReceive(pre):
        n += 1
        if n == 2:
            println("the second one")
        emit_spike(w * part(3 - n))
"""


def test_messages_and_exceptions_of_a_synapse() -> None:
    """What it says is told; what is undefined ends the run, and the process goes on."""
    model = nestml.load(SPEAKING)
    two = model.simulate(10.0, spikes={"pre": [2, 4]}, backend="cpp")
    assert two.weights.tolist() == [3.0, 6.0]
    assert [d.code.id for d in two.diagnostics] == ["CPP204"]
    assert "the second one" in two.diagnostics[0].message
    with pytest.raises(nestml.ModelError, match=r"CPP203.*zero"):
        model.simulate(10.0, spikes={"pre": [2, 4, 6]}, backend="cpp")


@pytest.mark.parametrize(
    ("state", "parameter", "code"),
    [
        ("x[2] real = 0", "p real = 1", "CPP001"),
        ('x string = "a"', "p real = 1", "CPP001"),
        ("x real = random_normal(0, 1)", "p real = 1", "CPP001"),
        ("x real = 0", "p real = random_uniform(0, 1)", "CPP003"),
        ("x real = shifted()", "p real = 1", "CPP003"),
    ],
)
def test_what_connections_cannot_have_is_refused(state: str, parameter: str, code: str) -> None:
    text = f"""
model odd:
    state:
        {state}
        n real = 0
    parameters:
        w real = 1
        {parameter}
    input:
        pre <- spike
    output:
        spike
    function shifted() real:
        return n + 1
    onReceive(pre):
        emit_spike(w * p)
"""
    lowered = BACKEND.lower(SolvedProgram((solved(text),)), BACKEND.options())
    assert lowered.value is None
    assert [d.code.id for d in lowered.diagnostics] == [code]
    assert all(d.span.text and d.help for d in lowered.diagnostics)
