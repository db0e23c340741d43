"""Networks: what arrives when and where, synapses in them, couplings, and what is refused."""

from __future__ import annotations

import math
import re
import runpy
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

import nestml_core as nestml
from nestml_core import ModelError, Network
from nestml_core.diagnostics import Result
from nestml_core.explaining import CORE, parsed
from nestml_core.network import CUT_SHORT, NetworkState
from nestml_core.networks import Nodes, ordering, wiring
from nestml_core.source import NOWHERE

COUNTER = """model counter:
    state:
        exc real = 0
        inh real = 0
        other real = 0
        x mV = 0 mV
        input_seen mV = 0 mV
    parameters:
        offset mV = 0 mV
        tau ms = 10 ms [[ tau > 0 ms ]]
    equations:
        x' = (offset - x) / tau
    input:
        ex <- excitatory spike
        ih <- inhibitory spike
        o <- spike
        V mV <- continuous
    output:
        spike
    update:
        integrate_odes()
        input_seen = V
    onReceive(ex):
        exc += ex * 1 s
    onReceive(ih):
        inh += ih * 1 s
    onReceive(o):
        other += o * 1 s
"""

RELAY = """model parrot:
    state:
        due integer = 0
    input:
        s <- spike
    output:
        spike
    onReceive(s):
        due = 1
    onCondition(due > 0):
        due = 0
        emit_spike()
"""

PAIR = """model pair:
    parameters:
        A real = 0.5
    state:
        w real = 1
        x real = 0
        y real = 0
        when ms = 0 ms
    equations:
        x' = -x / 20 ms
        y' = -y / 30 ms
    input:
        pre_spikes <- spike
        post_spikes <- spike
    output:
        spike
    update:
        integrate_odes()
    onReceive(post_spikes):
        when = t
        y += 1
        w += A * x
    onReceive(pre_spikes):
        x += 1
        w -= A * y
        emit_spike(w)
"""

COUNTER_MODEL = nestml.load(COUNTER)
PARROT = nestml.load(RELAY)
PAIR_MODEL = nestml.load(PAIR)


def at(times: np.ndarray, values: np.ndarray, t: float) -> float:
    return float(values[round(t / (times[1] - times[0])) - 1])


def test_a_spike_arrives_after_its_delay_with_its_weight() -> None:
    net = Network(dt=0.5)
    source = net.spike_source([[1.0], [2.0, 2.0]])
    cells = net.create(COUNTER_MODEL, 2)
    weights = [[2.0, 0.0], [3.0, 5.0]]
    made = net.connect(source, cells, matrix=weights, delay=[0.5, 1.0, 1.5], port="o")
    assert made.pre.tolist() == [0, 1, 1]
    assert made.post.tolist() == [0, 0, 1]
    net.record(cells, "other")
    run = net.run(5)
    seen = run[cells]["other"]
    assert seen[0].tolist() == [0, 0, 2, 2, 2, 8, 8, 8, 8, 8]
    assert seen[1].tolist() == [0, 0, 0, 0, 0, 0, 10, 10, 10, 10]
    times, who = run.spikes(source)
    assert times.tolist() == [1.0, 2.0, 2.0]
    assert who.tolist() == [0, 1, 1]


def test_the_sign_of_the_weight_chooses_between_paired_ports() -> None:
    text = COUNTER.replace("o <- spike\n        ", "").replace(
        "    onReceive(o):\n        other += o * 1 s\n", ""
    )
    net = Network()
    source = net.spike_source([[1.0], [1.0]])
    cells = net.create(nestml.load(text))
    net.connect(source, cells, weight=[4.0, -3.0])
    net.record(cells, ["exc", "inh"])
    run = net.run(5)
    assert run[cells]["exc"][0, -1] == 4.0
    assert run[cells]["inh"][0, -1] == 3.0


def test_a_chain_of_neurons() -> None:
    net = Network()
    source = net.spike_source([[1.0]])
    cells = net.create(PARROT, 4)
    net.connect(source, cells, pairs=([0], [0]), delay=0.3)
    net.connect(cells, cells, pairs=(range(3), range(1, 4)), delay=[0.1, 0.7, 1.0])
    times, who = net.run(5).spikes(cells)
    assert who.tolist() == [0, 1, 2, 3]
    assert times == pytest.approx([1.3, 1.4, 2.1, 3.1])


@pytest.mark.parametrize("kind", ["array", "sparse"])
def test_a_sparse_matrix_is_a_matrix(kind: str) -> None:
    weights = np.array([[0.0, 1.5, -2.0], [0.0, 0.0, 0.5]])
    matrix: Any = weights if kind == "array" else csr_array(weights)
    net = Network()
    source = net.spike_source([[1.0], [1.0]])
    cells = net.create(COUNTER_MODEL, 3)
    net.connect(source, cells, matrix=matrix, port="o")
    net.record(cells, "other")
    assert net.run(5)[cells]["other"][:, -1].tolist() == [0.0, 1.5, -1.5]


def test_parameters_initial_values_and_currents_for_each_neuron() -> None:
    net = Network()
    cells = net.create(
        COUNTER_MODEL,
        3,
        parameters={"offset": [1.0, 2.0, 3.0], "tau": "20 ms"},
        initial={"x": np.array([0.0, -1.0, 5.0])},
        currents={"V": [7.0, 8.0, 9.0]},
    )
    more = net.create(COUNTER_MODEL, 2, currents={"V": ([0.0, 2.0], [1.0, 4.0])})
    net.record(cells, ["x", "input_seen"])
    net.record(more)
    run = net.run(10)
    offset, start = np.array([[1.0], [2.0], [3.0]]), np.array([[0.0], [-1.0], [5.0]])
    exact = offset + (start - offset) * np.exp(-run.times / 20)
    assert np.abs(run[cells]["x"] - exact).max() < 1e-12
    assert run[cells]["input_seen"][:, 50].tolist() == [7.0, 8.0, 9.0]
    assert run[more]["input_seen"][1, [19, 20]].tolist() == [1.0, 4.0]
    assert set(run[more]) == set(COUNTER_MODEL.recordables)
    assert run.units(cells) == {"x": "mV", "input_seen": "mV"}


def test_a_postsynaptic_spike_comes_back_after_the_delay() -> None:
    """The handler sees the time of the soma; pairs count by the time at the synapse."""
    net = Network()
    pre, trigger = net.spike_source([[2.0, 20.0]]), net.spike_source([[9.0]])
    cell = net.create(PARROT)
    net.connect(trigger, cell, delay=1.0)
    plastic = net.connect(pre, cell, synapse=PAIR_MODEL, delay=15.0)
    net.record(plastic)
    run = net.run(60)
    soma = 10.0  # and once more for each spike that the synapse passes on: 17 and 35
    times, _ = run.spikes(cell)
    assert times == pytest.approx([soma, 17.0, 35.0])
    seen = run[plastic]
    assert at(run.times, seen["when"][0], 24.9) == 0.0
    assert at(run.times, seen["when"][0], 25.0) == pytest.approx(soma)
    x = math.exp(-(25 - 2) / 20) + math.exp(-(25 - 20) / 20)
    assert at(run.times, seen["w"][0], 25.0) == pytest.approx(1 + 0.5 * x, rel=1e-12)
    later = math.exp(-(32 - 2) / 20) + math.exp(-(32 - 20) / 20)
    assert at(run.times, seen["w"][0], 32.0) == pytest.approx(1 + 0.5 * (x + later), rel=1e-12)
    times, numbers, weights = run.emitted(plastic)
    assert times == pytest.approx([2.0, 20.0])
    assert numbers.tolist() == [0, 0]
    assert weights == pytest.approx([1.0, 1.0])


def test_each_connection_learns_for_itself_as_it_does_alone() -> None:
    """Synapses in a network, and each alone with the events that reach it."""
    random = np.random.default_rng(4)
    trains = [np.unique(random.integers(10, 950, 12)) / 10 for _ in range(3)]
    net = Network()
    pre = net.spike_source(trains[:2])
    post = net.create(PARROT, 2)
    net.connect(net.spike_source([trains[2], trains[2] + 3]), post, rule="one_to_one", delay=1.0)
    delays, amounts = [1.0, 2.0, 1.5, 4.0], [0.1, 0.2, 0.3, 0.4]
    plastic = net.connect(
        pre, post, synapse=PAIR_MODEL, delay=delays, parameters={"A": amounts}, initial={"w": 2.0}
    )
    net.record(plastic, ["w", "x"])
    run = net.run(100)
    fired = run.spikes(post)
    _, connections, weights = run.emitted(plastic)
    for k in range(4):
        back = fired[0][fired[1] == plastic.post[k]] + delays[k]
        alone = PAIR_MODEL.simulate(
            100,
            parameters={"A": amounts[k]},
            initial={"w": 2.0},
            spikes={
                "pre_spikes": trains[plastic.pre[k]],
                "post_spikes": np.round(back, 6)[back <= 100],
            },
            backend="reference",
        )
        assert alone.weights is not None
        assert weights[connections == k].tolist() == alone.weights.tolist()
        assert np.abs(run[plastic]["w"][k] - alone["w"]).max() == 0.0
        assert np.abs(run[plastic]["x"][k] - alone["x"]).max() == 0.0


MODULATED = """model modulated:
    state:
        n real = 0
        w real = 1
        voltage mV = 0 mV
    equations:
        n' = -n / 100 ms
    input:
        pre_spikes <- spike
        post_spikes <- spike
        mod_spikes <- spike
        V mV <- continuous
        K mV <- continuous
    output:
        spike
    update:
        integrate_odes()
    onReceive(mod_spikes):
        n += 1
    onReceive(post_spikes):
        voltage = V
    onReceive(pre_spikes):
        w += n
        voltage = V + K
        emit_spike(w)
"""


def modulated(mod: Callable[[Network], Any]) -> tuple[np.ndarray, np.ndarray]:
    net = Network()
    cells = net.create(COUNTER_MODEL, 2, parameters={"offset": [4.0, 8.0]})
    plastic = net.connect(
        net.spike_source([[50.0]]),
        cells,
        synapse=MODULATED,
        port="o",
        delay=2.0,
        inputs={"mod_spikes": mod(net), "V": "x", "K": "0.1 V"},
    )
    net.record(plastic)
    run = net.run(60)
    return run[plastic]["w"][:, -1], run[plastic]["voltage"][:, -1]


def test_modulators_and_third_factors() -> None:
    w, voltage = modulated(lambda net: net.spike_source([[10.0], [20.0]]))
    assert w == pytest.approx([1 + math.exp(-0.4) + math.exp(-0.3)] * 2, rel=1e-12)
    assert voltage == pytest.approx([k * (1 - math.exp(-5)) + 100 for k in (4, 8)], rel=1e-12)
    later, _ = modulated(lambda net: (net.spike_source([[10.0], [20.0]]), 30.0))
    assert later == pytest.approx([1 + math.exp(-0.1) + 1] * 2, rel=1e-12)
    none, _ = modulated(lambda net: None)
    assert none.tolist() == [1.0, 1.0]


def test_couplings_add_up_after_their_delays() -> None:
    net = Network()
    one = net.create(COUNTER_MODEL, 2, parameters={"offset": [5.0, 11.0]})
    two = net.create(COUNTER_MODEL, 2, currents={"V": 100.0})
    net.couple(one, two, "x", "V", matrix=[[2.0, 0.0], [3.0, 1.0]])
    net.couple(one, two, "x", "V", rule="one_to_one", weight=10.0, delay=0.3)
    for cells in (one, two):
        net.record(cells, ["x", "input_seen"])
    run = net.run(20)
    x, seen = run[one]["x"], run[two]["input_seen"]
    # a value at the end of a step is seen in the next one, or three steps later
    at_once, late = x[:, 3:-1], x[:, :-4]
    expected = 100 + 2 * at_once[0] + 3 * at_once[1] + 10 * late[0]
    assert np.abs(seen[0, 4:] - expected).max() < 1e-12
    assert np.abs(seen[1, 4:] - (100 + at_once[1] + 10 * late[1])).max() < 1e-12
    assert seen[:, 0].tolist() == [100.0, 100.0]


def test_weights_of_couplings_have_units() -> None:
    net = Network()
    one = net.create("iaf_psc_exp")
    net.couple(one, one, "V_m", "I_stim", weight="2 nS")
    assert net.experiment(1).couplings[0].weights.tolist() == [2.0]
    with pytest.raises(ModelError, match="NML961"):
        net.couple(one, one, "V_m", "I_stim", weight="2 mV")


NOISY = """model noisy:
    state:
        z real = 0
    input:
        pre_spikes <- spike
    output:
        spike
    onReceive(pre_spikes):
        emit_spike(random_normal(0, 1))
"""


def noisy(seed: int, extra: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights that two synapses emit, and the spikes of two Poisson sources."""
    net = Network(seed=seed)
    source = net.spike_source([[1.0, 2.0, 3.0]])
    cells = net.create(COUNTER_MODEL, 3)
    poisson = net.poisson_source(2, [500.0, 1000.0])
    pairs = ([0] * 3, range(3)) if extra else ([0] * 2, range(2))
    made = net.connect(source, cells, synapse=NOISY, pairs=pairs, port="o")
    run = net.run(200)
    _, who, weights = run.emitted(made)
    return weights[who < 2].reshape(3, 2), run.spikes(poisson)[0]


def test_random_numbers_are_reproducible_and_independent() -> None:
    weights, spikes = noisy(1)
    again, spikes_again = noisy(1)
    assert weights.tolist() == again.tolist()
    assert spikes.tolist() == spikes_again.tolist()
    assert len(set(weights.ravel())) == 6
    assert weights.tolist() != noisy(2)[0].tolist()
    assert weights.tolist() == noisy(1, extra=True)[0].tolist()


def test_poisson_sources_have_the_rates_asked_for() -> None:
    net = Network(dt=0.5, seed=3)
    sources = net.poisson_source(3, ["100 Hz", "1 kHz", "0 Hz"])
    times, who = net.run(10_000).spikes(sources)
    counts = np.bincount(who, minlength=3)
    for count, mean in zip(counts[:2], (1000, 10_000), strict=True):
        assert abs(count - mean) < 4 * math.sqrt(mean)
    assert counts[2] == 0
    assert times.min() >= 0.5
    # the variance of the counts in windows of 100 ms is that of a Poisson process
    windows = np.histogram(times[who == 1], bins=100)[0]
    assert 0.6 < windows.var() / windows.mean() < 1.6


def learning(seed: int = 1) -> tuple[Network, Nodes, Any]:
    net = Network(seed=seed)
    noise = net.poisson_source(3, 1000.0)
    cells = net.create("iaf_psc_exp", 3)
    net.connect(noise, cells, rule="one_to_one", weight=250.0, delay=1.2)
    plastic = net.connect(
        cells, cells, synapse=PAIR_MODEL, port="exc_spikes", delay=0.4, initial={"w": 50.0}
    )
    net.record(cells, "V_m")
    net.record(plastic, "w")
    return net, cells, plastic


def test_a_shorter_run_is_the_beginning_of_a_longer_one_and_runs_repeat() -> None:
    net, cells, plastic = learning()
    short, long, again = net.run(100), net.run(200), net.run(200)
    assert len(long.spikes(cells)[0]) > 5
    assert short[cells]["V_m"].tolist() == long[cells]["V_m"][:, :1000].tolist()
    assert short[plastic]["w"].tolist() == long[plastic]["w"][:, :1000].tolist()
    assert again[plastic]["w"].tolist() == long[plastic]["w"].tolist()
    assert len(set(long[plastic]["w"][:, -1])) > 1


def test_messages_and_failures_say_who_it_was() -> None:
    net = Network()
    cells = net.create("iaf_psc_exp", 2, name="cells")
    bad = Network()
    bad.create("iaf_psc_exp", 2, parameters={"tau_m": [10.0, -1.0]}, name="cells")
    with pytest.raises(ModelError, match=r"tau_m.*in neuron 1 of `cells`"):
        bad.run(1)
    net.connect(
        net.spike_source([[1.0]]),
        cells,
        port="exc_spikes",
        synapse=NOISY.replace("random_normal(0, 1)", "1 / z").replace("model noisy", "model odd"),
        name="fan",
    )
    with pytest.raises(ModelError, match=r"in connection 0 of `fan` at t = 1 ms"):
        net.run(2)


def _mistakes() -> dict[str, tuple[Callable[[Network, Nodes, Nodes], Any], str]]:
    stdp = PAIR_MODEL
    return {
        "an unknown port": (
            lambda n, s, c: n.connect(s, c, port="exc_spike"),
            "NML960.*has no port `exc_spike`.*did you mean `exc_spikes`",
        ),
        "no port": (
            lambda n, s, c: n.connect(s, n.create(COUNTER_MODEL)),
            "NML964.*`ex`, `ih`, `o`",
        ),
        "an unknown recordable": (lambda n, s, c: n.record(c, "Vm"), "NML960.*did you mean `V_m`"),
        "an unknown rule": (lambda n, s, c: n.connect(s, c, rule="all"), "NML960.*`all`"),
        "an unknown parameter": (
            lambda n, s, c: n.create("iaf_psc_exp", parameters={"tau": 1.0}),
            "NML901.*no parameter `tau`",
        ),
        "an unknown input": (
            lambda n, s, c: n.connect(s, c, synapse=stdp, inputs={"mod": s}),
            "NML960.*no port `mod`",
        ),
        "a population of another network": (
            lambda n, s, c: n.connect(Network().create("iaf_psc_exp"), c),
            "NML961.*not part of this network",
        ),
        "connections for neurons": (
            lambda n, s, c: n.connect(n.connect(s, c, port="exc_spikes"), c),
            "NML965.*are connections, and no nodes",
        ),
        "connections as a modulator": (
            lambda n, s, c: n.connect(
                s,
                c,
                synapse=MODULATED,
                inputs={"mod_spikes": n.connect(s, c, weight=1.0), "V": "V_m", "K": 0.0},
            ),
            "NML965.*are connections, and no nodes",
        ),
        "a modulator with too much": (
            lambda n, s, c: n.connect(
                s, c, synapse=MODULATED, inputs={"mod_spikes": (s, 1.0, 2.0), "V": "V_m", "K": 0.0}
            ),
            r"NML961.*`mod_spikes`.*\(nodes, delay\)",
        ),
        "weights without an order": (
            lambda n, s, c: n.connect(s, c, weight={1.0, 2.0, 3.0, 4.0}),
            "NML961.*weights.*is not a number",
        ),
        "no population": (lambda n, s, c: n.connect("s", c), "NML961.*'s' is not part of"),
        "too many values": (
            lambda n, s, c: n.create("iaf_psc_exp", 3, parameters={"I_e": [1.0, 2.0]}),
            "NML961.*there are 3 of them, here are 2",
        ),
        "too many weights": (
            lambda n, s, c: n.connect(s, c, weight=[1.0] * 3),
            "NML961.*4 are needed, here are 3",
        ),
        "a matrix of another shape": (
            lambda n, s, c: n.connect(s, c, matrix=np.ones((3, 2))),
            r"NML961.*\(3, 2\), and not \(2, 2\)",
        ),
        "a neuron that is not there": (
            lambda n, s, c: n.connect(s, c, pairs=([0], [2])),
            "NML961.*numbered 0 to 1, not 2",
        ),
        "pairs that do not fit": (
            lambda n, s, c: n.connect(s, c, pairs=([0, 1], [0])),
            "NML961.*shapes",
        ),
        "one to one of different sizes": (
            lambda n, s, c: n.connect(n.spike_source([[1.0]]), c, rule="one_to_one"),
            "NML961.*1 sources, 2 iaf_psc_exp",
        ),
        "a weight for a synapse": (
            lambda n, s, c: n.connect(s, c, synapse=stdp, weight=1.0),
            "NML961.*its own",
        ),
        "a negative weight for a signed port": (
            lambda n, s, c: n.connect(s, c, weight=-1.0, port="exc_spikes"),
            "NML961.*negative weight",
        ),
        "an early spike": (lambda n, s, c: n.spike_source([[0.0]]), "NML961.*first possible"),
        "a third factor of another dimension": (
            lambda n, s, c: n.connect(
                s, c, synapse=MODULATED, inputs={"mod_spikes": None, "V": "I_syn_exc", "K": 0.0}
            ),
            "NML961.*`V` is in mV, `I_syn_exc` in pA",
        ),
        "a negative rate": (lambda n, s, c: n.poisson_source(2, -1.0), "NML961.*negative"),
        "no number of neurons": (lambda n, s, c: n.create("iaf_psc_exp", 0), "NML961.*how many"),
        "a short delay": (lambda n, s, c: n.connect(s, c, delay=0.0), "NML962.*0.1 ms, one step"),
        "a delay off the grid": (
            lambda n, s, c: n.connect(s, c, delay=[1.0, 1.0, 0.25, 1.0]),
            "NML962.*0.25 ms is not a multiple of 0.1 ms",
        ),
        "a modulator left out": (
            lambda n, s, c: n.connect(s, c, synapse=MODULATED, inputs={"V": "V_m", "K": 0.0}),
            "NML963.*`mod_spikes` of `modulated` has no input",
        ),
        "a third factor left out": (
            lambda n, s, c: n.connect(s, c, synapse=MODULATED, inputs={"mod_spikes": s}),
            "NML963.*`V` of `modulated`",
        ),
        "a third factor that is not there": (
            lambda n, s, c: n.connect(
                s, c, synapse=MODULATED, inputs={"mod_spikes": s, "V": "Vm", "K": 0.0}
            ),
            "NML960.*no recordable `Vm`.*did you mean `V_m`",
        ),
        "a synapse as a neuron": (lambda n, s, c: n.create(stdp), "NML965.*is a synapse"),
        "a neuron as a synapse": (
            lambda n, s, c: n.connect(s, c, synapse="iaf_psc_exp"),
            "NML965.*not a synapse",
        ),
        "spikes for sources": (lambda n, s, c: n.connect(c, s), "NML965.*only emit"),
        "recording sources": (lambda n, s, c: n.record(s), "NML965.*nothing to record"),
    }


@pytest.mark.parametrize("mistake", _mistakes())
def test_mistakes_are_told_where_they_are_made(mistake: str) -> None:
    act, said = _mistakes()[mistake]
    net = Network()
    sources, cells = net.spike_source([[1.0], [2.0]]), net.create("iaf_psc_exp", 2)
    with pytest.raises(ModelError) as problem:
        act(net, sources, cells)
    text = " ".join(str(problem.value).split())
    assert re.search(said, text), text


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda n, c: n.spike_source(5), "times: 5 is no list"),
        (lambda n, c: n.spike_source([1.0, 2.0]), "times of source 0: 1.0 is no list"),
        (lambda n, c: n.create("iaf_psc_exp", parameters=["I_e"]), "['I_e'] has no names"),
        (lambda n, c: n.create("iaf_psc_exp", currents=[3]), "currents: [3] has no names"),
        (lambda n, c: n.connect(c, c, matrix="all"), "`matrix` is no matrix of numbers"),
        (lambda n, c: n.connect(c, c, matrix=[[math.nan] * 2] * 2), "weights must be finite"),
        (
            lambda n, c: n.connect(c, c, rule="one_to_one", pairs=([0], [1])),
            "`rule` and `pairs` both say",
        ),
        (lambda n, c: n.run(-1), "duration (-1 ms) must be finite, and not below 0"),
        (lambda n, c: n.create("iaf_psc_exp", initial=np.ones(2)), "initial: array([1., 1.]) has"),
        (lambda n, c: n.connect(c, c, inputs=np.ones(2)), "there is no synapse to set"),
        (lambda n, c: n.connect(c, c, rule=np.ones(2)), "a network has no rule `[1. 1.]`"),
        (lambda n, c: n.connect(c, c, port=np.ones(2)), "has no port `[1. 1.]`"),
        (
            lambda n, c: n.connect(c, c, port="exc_spikes", synapse="stdp", presynaptic=np.ones(2)),
            "has no port `[1. 1.]`",
        ),
        (lambda n, c: n.record(c, 1), "iaf_psc_exp: 1 is no name of a recordable"),
    ],
)
def test_values_of_the_wrong_kind_are_told(act: Callable[..., Any], said: str) -> None:
    net = Network()
    cells = net.create("iaf_psc_exp", 2)
    with pytest.raises(ModelError) as problem:
        act(net, cells)
    assert said in str(problem.value)


def test_an_array_without_dimensions_is_one_value() -> None:
    net = Network()
    cells = net.create("iaf_psc_exp", 2, currents={"I_stim": np.array(100.0)})
    run = net.run(0.3)
    (current,) = run.experiment.nodes[cells.place].currents.values()
    assert current.tolist() == [[100.0] * 3] * 2


def test_what_was_not_recorded_is_told() -> None:
    net = Network()
    cells = net.create("iaf_psc_exp", 2)
    net.record(cells, "V_m")
    result = net.run(1)
    with pytest.raises(KeyError, match="`V` was not recorded; recorded: V_m"):
        result[cells]["V"]


def test_nothing_is_left_of_what_was_refused() -> None:
    net = Network()
    with pytest.raises(ModelError, match="2 neurons, here are 1 values"):
        net.create("iaf_psc_exp", 2, currents={"I_stim": [1.0]})
    with pytest.raises(ModelError, match="times of source 1"):
        net.spike_source([[1.05], ["soon"]])
    run = net.run(1.0)
    assert run.experiment.nodes == ()
    assert run.diagnostics == ()


def test_vectors_of_different_lengths_are_refused() -> None:
    model = """model weighted:
    state:
        x real = 0
    parameters:
        n integer = 2
        w[n] real = 1
    update:
        x += w[0]
"""
    equal = {"n": 2, "w": [[1.0, 2.0], [3.0, 4.0]]}
    assert len(Network().create(model, 2, parameters=equal)) == 2
    unequal = {"n": [2, 3], "w": [[1.0, 2.0], [3.0, 4.0, 5.0]]}
    with pytest.raises(ModelError, match=r"NML961.*`w` has 2 elements here and 3 there"):
        Network().create(model, 2, parameters=unequal)


def test_a_thousand_connections_share_one_compiled_model(monkeypatch: pytest.MonkeyPatch) -> None:
    from nestml_core.reference import network as running

    made: list[str] = []

    class Counted(running.Compiled):
        def __init__(self, model: Any, *args: Any, **how: Any) -> None:
            made.append(model.name)
            super().__init__(model, *args, **how)

    monkeypatch.setattr(running, "Compiled", Counted)
    net = Network()
    cells = net.create(PARROT, 30)
    net.connect(net.spike_source([[1.0]]), cells, delay=0.1)
    plastic = net.connect(cells, cells, synapse=PAIR_MODEL, delay=0.5)
    net.record(plastic, "w")
    run = net.run(3)
    assert made == ["parrot", "pair"]
    assert len(run.spikes(cells)[0]) >= 30
    assert run[plastic]["w"].shape == (900, 30)


def chain() -> tuple[Network, Nodes]:
    net = Network(dt=0.1)
    cells = net.create(PARROT, 2)
    net.connect(net.spike_source([[1.0]]), cells, delay=0.1)
    return net, cells


def test_values_for_each_of_many_are_those_of_single_ones() -> None:
    """Arrays, lists and quantities; in coherent units, each rounded once."""
    values = np.random.default_rng(1).uniform(0.1, 10.0, 200)
    pre, post = np.arange(200), np.zeros(200, int)
    found = []
    for given in (values, values.tolist(), [f"{x!r} nA" for x in values.tolist()]):
        net = Network(dt=0.1)
        currents = net.create("iaf_psc_exp", 200, parameters={"I_e": given})
        net.connect(currents, currents, pairs=(pre, post), weight=values, delay=0.5)
        found.append(net.experiment(1.0).nodes[0].parameters)  # type: ignore[union-attr]
        wired = net.experiment(1.0).projections[0]
        assert wired.pre.tolist() == pre.tolist()
        assert wired.delays.tolist() == [5] * 200
        assert wired.weights is not None
        assert wired.weights.tolist() == values.tolist()
        assert wired.delays.nbytes // wired.delays.itemsize == 200, "seen as one for each"
        assert wired.delays.strides == (0,), "and there once"
    (first,), (second,), (third,) = (x.values() for x in found)
    assert first.tolist() == second.tolist() == values.tolist()
    assert third.tolist() == [float(Fraction(x) * 1000) for x in values.tolist()]
    shared = Network().create("iaf_psc_exp", 10**7, parameters={"I_e": 1.0})
    assert len(shared) == 10**7


def listed(n: int) -> tuple[Network, Nodes, Nodes, Any]:
    """Return nodes, and lists of connections between them, some of them between the same two."""
    rng = np.random.default_rng(3)
    net = Network(dt=0.1)
    source, cells = net.spike_source([[1.0]] * 70), net.create(COUNTER_MODEL, 9)
    columns = (
        rng.integers(0, 70, n),
        rng.integers(0, 9, n),
        rng.uniform(0, 1, n),
        rng.integers(1, 300, n) / 10,
    )
    return net, source, cells, columns


@pytest.mark.parametrize("at_once", [50, 2**18])
def test_connections_without_a_synapse_are_kept_by_source(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordering, "AT_ONCE", at_once)
    net, source, cells, (pre, post, weights, delays) = listed(2000)
    given = (pre.astype(np.uint64), post.astype(np.int16))
    made = net.connect(source, cells, pairs=given, weight=weights, delay=delays, port="o")
    order = np.lexsort((np.arange(2000), post, pre))
    (p,) = net.experiment(1.0).projections
    wanted = weights[order].tolist()
    weights[:], pre[:] = 0.0, 0  # the network has its own
    assert p.weights is not None
    assert p.weights.tolist() == wanted
    assert p.delays.tolist() == np.rint(delays[order] * 10).tolist()
    assert made.pre.tolist() == p.pre.tolist() == given[0][order].tolist()
    assert made.post.tolist() == p.post.tolist() == given[1][order].tolist()
    assert p.pre.dtype == p.post.dtype == np.int32
    taken = (p.pairs.targets, p.delays, p.weights)
    assert [x.itemsize for x in taken] == [2, 2, 8], "as few bytes as hold them"


def test_synapses_stay_in_their_order() -> None:
    net, source, cells, (pre, post, weights, _) = listed(50)
    made = net.connect(
        source, cells, pairs=(pre, post), synapse=PAIR_MODEL, initial={"w": weights}, port="o"
    )
    assert made.pre.tolist() == pre.tolist()
    assert made.post.tolist() == post.tolist()


def test_weights_of_single_precision_stay_so() -> None:
    net, source, cells, (pre, post, weights, _) = listed(2000)
    single = weights.astype(np.float32)
    net.connect(source, cells, pairs=(pre, post), weight=single, port="o")
    matrix = csr_array((single[:3], ([0, 0, 69], [1, 8, 0])), shape=(70, 9))
    net.connect(source, cells, matrix=matrix, port="o")
    lists, entries = net.experiment(1.0).projections
    assert lists.weights is not None
    assert entries.weights is not None
    assert lists.weights.dtype == entries.weights.dtype == np.float32
    assert np.sort(lists.weights).tolist() == np.sort(single).tolist()
    matrix.data[:] = 0
    assert entries.weights.tolist() == single[:3].tolist()


def test_entries_that_are_zero_are_no_connections() -> None:
    net, source, cells, _ = listed(0)
    numbers = np.array([0.0, 2.0, 0.0, 3.0, 0.0])
    matrix = csr_array((numbers, ([0, 0, 3, 3, 69], [1, 8, 0, 2, 5])), shape=(70, 9))
    sparse = net.connect(source, cells, matrix=matrix, port="o")
    dense = net.connect(source, cells, matrix=matrix.toarray(), port="o")
    for made in (sparse, dense):
        assert made.pre.tolist() == [0, 3]
        assert made.post.tolist() == [8, 2]
        assert made.pairs.starts is not None
        assert made.pairs.starts[[0, 1, 3, 4, 70]].tolist() == [0, 1, 1, 2, 2]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused_where_they_are_given(bad: float) -> None:
    net = Network(dt=0.1)
    many = np.ones(1000)
    many[700] = bad
    cells = net.create(COUNTER_MODEL, 1000, parameters={"offset": 1.0})
    acts: list[Callable[[], Any]] = [
        lambda: net.create(COUNTER_MODEL, 1000, currents={"V": many}),
        lambda: net.connect(cells, cells, rule="one_to_one", weight=many, port="o"),
        lambda: net.connect(cells, cells, rule="one_to_one", delay=many, port="o"),
        lambda: net.connect(cells, cells, matrix=np.diag(many), port="o"),
        lambda: net.connect(cells, cells, matrix=csr_array(np.diag(many)), port="o"),
        lambda: net.couple(cells, cells, "x", "V", rule="one_to_one", weight=many),
        lambda: net.poisson_source(1000, many),
        lambda: net.spike_source([many]),
    ]
    if math.isnan(bad):
        acts.append(lambda: net.create(COUNTER_MODEL, 1000, parameters={"offset": many}))
        acts.append(lambda: net.create(COUNTER_MODEL, 1000, initial={"x": many}))
    for act in acts:
        with pytest.raises(ModelError, match=r"NML9(61|02)"):
            act()
    assert len(net.experiment(1.0).projections) == 0


def test_what_does_not_fit_into_memory_is_told() -> None:
    net = Network(dt=0.1)
    cells = net.create(PARROT, 10**7)
    with pytest.raises(ModelError, match=r"NML969.*not enough memory"):
        net.connect(cells, cells)
    assert len(net.experiment(1.0).projections) == 0


def test_the_reference_keeps_no_state_and_goes_on_from_none(tmp_path: Path) -> None:
    net, _ = chain()
    with pytest.raises(ModelError, match="NML966"):
        net.run(5, checkpoint=True)
    nothing = tmp_path / "nothing"
    nothing.write_bytes(b"{}\n")
    for start in (nothing, tmp_path / "absent", 7):
        with pytest.raises(ModelError, match="NML967"):
            net.run(5, start=start)  # type: ignore[arg-type]


def test_what_there_is_is_kept_if_a_run_is_cut_short(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever runs it: an interruption, and a state that cannot be written, lose nothing."""
    net, cells = chain()
    whole = net.run(5)
    cut = CUT_SHORT.at(NOWHERE, "interrupted at t = 5 ms")
    state = NetworkState("other", "", 50, b"")
    trace = replace(whole.trace, state=state)
    monkeypatch.setattr(wiring, "execute", lambda *_: Result(trace, (cut,)))
    with pytest.raises(KeyboardInterrupt, match="at t = 5 ms"):  # NML968
        net.run(100)
    assert net.result is not None
    assert net.result.spikes(cells)[0].tolist() == whole.spikes(cells)[0].tolist() != []
    monkeypatch.setattr(wiring, "execute", lambda *_: Result(trace))
    with pytest.raises(ModelError, match=r"NML969.*cannot be written"):
        net.run(5, checkpoint=tmp_path / "absent" / "state")
    assert net.result is not None
    assert net.result.state is state
    net.run(5, checkpoint=tmp_path / "state")
    assert (tmp_path / "state").exists()


@pytest.mark.parametrize("code", [f"NML96{k}" for k in range(8)])
def test_the_examples_of_the_explanations_are_what_they_say(code: str, tmp_path: Path) -> None:
    explained = parsed((CORE / f"{code}.md").read_text(encoding="utf-8"), code)
    script = tmp_path / "example.py"
    for example in explained.right:
        script.write_text(example.text, encoding="utf-8")
        runpy.run_path(str(script))
    for example in explained.wrong:
        script.write_text(example.text, encoding="utf-8")
        with pytest.raises(ModelError) as problem:
            runpy.run_path(str(script))
        assert {d.code.id for d in problem.value.diagnostics if d.is_error} == {code}


def test_a_figure_shows_all_spikes_and_what_was_recorded(tmp_path: Path) -> None:
    net = Network(dt=0.1)
    source = net.spike_source([[5.0, 9.0], [7.0]])
    neurons = net.create("iaf_psc_exp", 8, parameters={"I_e": np.linspace(300.0, 600.0, 8)})
    synapses = net.connect(source, neurons, synapse="stdp", port="exc_spikes")
    net.record(neurons, "V_m")
    net.record(synapses, "w")
    run = net.run(50.0)
    figure = run.plot(tmp_path / "net.png")
    raster, potentials, weights = figure.axes
    drawn = sum(len(line.get_xdata()) for line in raster.get_lines())
    assert drawn == sum(len(run.spikes(n)[0]) for n in run.nodes) > 8
    assert potentials.get_ylabel() == "iaf_psc_exp\nV_m (mV)"
    assert weights.get_ylabel() == f"{synapses.name}\nw"
    (median, _) = potentials.get_lines()
    assert median.get_ydata()[-1] == pytest.approx(np.median(run[neurons]["V_m"][:, -1]))
    assert (tmp_path / "net.png").read_bytes().startswith(b"\x89PNG")


def test_a_network_that_cannot_fire_has_a_figure() -> None:
    assert Network(dt=0.1).run(5.0).plot().axes
