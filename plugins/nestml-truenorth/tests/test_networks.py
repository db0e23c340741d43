"""Networks on the chip against the reference: every spike and every potential of every neuron."""

from typing import Any

import numpy as np
import pytest
from models_under_test import FLOOR, PERFECT, changed, codes_of
from nestml_truenorth.networks import compile_network, simulate_network
from nestml_truenorth.options import Options
from test_refractory import COUNTER

from nestml_core import Network
from nestml_core.api import render

STEPS = 500


def assert_same(net: Network, steps: int = STEPS, **options: Any) -> dict[str, int]:
    """Run a network on both; return how much of the chip it took, and the number of spikes."""
    experiment = net.experiment(steps * net.dt)
    made = compile_network(experiment, Options(), **options)
    assert made.value is not None, [render(d) for d in made.diagnostics]
    ours = simulate_network(made.value)
    assert ours.value is not None, [render(d) for d in ours.diagnostics]
    theirs = net.run(steps * net.dt, progress=False).trace
    total = 0
    for node, a, b in zip(experiment.nodes, ours.value.spikes, theirs.spikes, strict=True):
        order = np.lexsort((b.indices, b.steps))
        assert a.steps.tolist() == b.steps[order].tolist(), node.name
        assert a.indices.tolist() == b.indices[order].tolist(), node.name
        total += len(a.steps)
    for x, y in zip(ours.value.nodes, theirs.nodes, strict=True):
        assert list(x) == list(y)
        for symbol, values in y.items():
            assert np.array_equal(x[symbol], values), symbol.name
    return {**made.value.resources, "spikes": total}


def trains(n: int, seed: int, p: float = 0.2, steps: int = STEPS) -> list[list[float]]:
    rng = np.random.default_rng(seed)
    return [(np.flatnonzero(rng.random(steps) < p) + 1.0).tolist() for _ in range(n)]


def test_two_populations_with_delays_of_all_kinds() -> None:
    """Recurrent, excitatory and inhibitory, delays from 1 to 40 ticks, four weights a neuron."""
    rng = np.random.default_rng(1)
    net = Network(dt=1.0)
    sources = net.spike_source(trains(12, 5))
    a = net.create(PERFECT, 30, name="a")
    b = net.create(PERFECT, 20, name="b")
    net.connect(sources, a, weight=17, delay=2)
    net.connect(sources, b, weight=9, delay=1)
    pairs = np.argwhere(rng.random((30, 30)) < 0.1)
    net.connect(a, a, pairs=pairs.T, weight=6, delay=rng.integers(1, 41, len(pairs)))
    pairs = np.argwhere(rng.random((30, 20)) < 0.2)
    net.connect(a, b, pairs=pairs.T, weight=11, delay=rng.integers(1, 41, len(pairs)))
    pairs = np.argwhere(rng.random((20, 30)) < 0.3)
    net.connect(b, a, pairs=pairs.T, weight=-8, delay=rng.integers(1, 16, len(pairs)))
    net.record(a, "V_m")
    net.record(b, "V_m")
    used = assert_same(net)
    assert used["spikes"] > 3000
    assert used["cores"] > 1


@pytest.mark.parametrize("bound", [0, -37])
def test_refractory_neurons(bound: int) -> None:
    text = changed(*COUNTER, ("V_min mV = 0 mV", f"V_min mV = {bound} mV"))
    net = Network(dt=1.0)
    sources = net.spike_source(trains(8, 6, 0.3))
    a = net.create(text, 10)
    net.connect(sources, a, weight=20)
    net.connect(a, a, weight=-3, delay=4)
    net.record(a, ["V_m", "rest"])
    assert assert_same(net)["spikes"] > 1000


@pytest.mark.parametrize("text", [PERFECT, changed(*COUNTER)], ids=["plain", "refractory"])
def test_ten_seconds_with_delays(text: str) -> None:
    """A chain and a loop with delays below and above the longest of the chip."""
    net = Network(dt=1.0)
    sources = net.spike_source(trains(6, 3, 0.25, 10_000))
    a = net.create(text, 1, name="a")
    b = net.create(text, 1, name="b")
    net.connect(sources, a, weight=16, delay=3)
    net.connect(sources, b, weight=[5, -3, 5, -3, 5, 5], delay=15)
    net.connect(a, b, weight=30, delay=23)
    net.connect(b, a, weight=-9, delay=7)
    net.record(a, "V_m")
    net.record(b, "V_m")
    assert assert_same(net, 10_000)["spikes"] > 2000


def test_parameters_of_each_neuron() -> None:
    net = Network(dt=0.5)
    sources = net.spike_source(trains(5, 7))
    a = net.create(PERFECT, 4, parameters={"V_th": [20, 30, 45.5, 60], "leak": 2.0})
    net.connect(sources, a, weight=12, delay=0.5)
    net.connect(a, a, rule="one_to_one", weight=5, delay=20.0)
    net.record(a, "V_m")
    assert assert_same(net)["spikes"] > 100


@pytest.mark.parametrize("delay", [1, 2, 18])
def test_many_targets(delay: int) -> None:
    """One neuron fires at 150 others: by copies in the next tick, else by a splitter."""
    net = Network(dt=1.0)
    sources = net.spike_source(trains(3, 8, 0.5))
    first = net.create(PERFECT, 1)
    others = net.create(PERFECT, 150)
    net.connect(sources, first, weight=30)
    net.connect(first, others, weight=26, delay=delay)
    net.record(others, "V_m")
    used = assert_same(net)
    assert used["spikes"] > 1000
    splits = used["chip neurons"] > 151 + 150
    assert splits == (delay > 1)


def test_frozen_weights() -> None:
    net = Network(dt=1.0)
    sources = net.spike_source(trains(10, 9))
    a = net.create(PERFECT, 2)
    net.connect(sources, a, synapse="stdp", initial={"w": 7.0}, name="plastic")
    refused = compile_network(net.experiment(STEPS))
    assert codes_of(refused.errors) == ["TN402"]
    assert "frozen" in refused.errors[0].help
    same = Network(dt=1.0)
    again = same.spike_source(trains(10, 9))
    b = same.create(PERFECT, 2)
    same.connect(again, b, weight=7.0)
    theirs = same.run(STEPS, progress=False).trace.spikes[1]
    for frozen in (True, 7.0, np.full(20, 7.0)):
        made = compile_network(net.experiment(STEPS), frozen={"plastic": frozen})
        assert made.value is not None, [render(d) for d in made.diagnostics]
        ours = simulate_network(made.value)
        assert ours.value is not None
        assert ours.value.spikes[1].steps.tolist() == theirs.steps.tolist()
        assert len(theirs.steps) > 20


def test_too_many_weights() -> None:
    net = Network(dt=1.0)
    sources = net.spike_source(trains(5, 1))
    a = net.create(PERFECT, 1)
    net.connect(sources, a, weight=[1, 2, 3, 4, 5])
    assert codes_of(compile_network(net.experiment(10)).errors) == ["TN403"]


def test_too_large_a_weight() -> None:
    net = Network(dt=1.0)
    net.connect(net.spike_source(trains(1, 1)), net.create(PERFECT, 1), weight=256)
    assert codes_of(compile_network(net.experiment(10)).errors) == ["TN403"]


def test_too_many_connections_to_a_neuron() -> None:
    net = Network(dt=1.0)
    net.connect(net.spike_source(trains(257, 1)), net.create(PERFECT, 1), weight=1)
    assert codes_of(compile_network(net.experiment(10)).errors) == ["TN404"]


def test_too_many_targets_in_the_next_tick() -> None:
    net = Network(dt=1.0)
    net.connect(net.create(PERFECT, 1), net.create(PERFECT, 300), weight=1, delay=1)
    assert codes_of(compile_network(net.experiment(10)).errors) == ["TN404"]


def test_models_that_are_not_exact() -> None:
    net = Network(dt=1.0)
    net.create("iaf_psc_delta", 1)
    assert "TN101" in codes_of(compile_network(net.experiment(10)).errors)


def test_leaving_the_range_is_an_error() -> None:
    net = Network(dt=1.0)
    text = changed((FLOOR, ""))
    sources = net.spike_source([[float(t) for t in range(1, 401)]] * 8)
    net.connect(sources, net.create(text, 1), weight=-255)
    made = compile_network(net.experiment(400))
    assert made.value is not None
    assert codes_of(simulate_network(made.value).errors) == ["TN303"]


def test_same_bytes() -> None:
    def text() -> str:
        net = Network(dt=1.0)
        sources = net.spike_source(trains(3, 1))
        a = net.create(PERFECT, 5)
        net.connect(sources, a, weight=2, delay=1)
        net.connect(a, a, weight=3, delay=17)
        made = compile_network(net.experiment(10))
        assert made.value is not None
        return made.value.text

    assert text() == text()
