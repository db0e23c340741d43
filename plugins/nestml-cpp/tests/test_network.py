"""Networks of compiled models: spike for spike what the reference interpreter does."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_programs import generate
from nestml_cpp.network import _Run
from nestml_cpp.network_compiling import compiled
from nestml_cpp.options import Options
from scipy.sparse import csr_array

from nestml_core import ModelError, Network, progress
from nestml_core.api import Running
from nestml_core.networks import Connections, NetworkRun, Nodes
from nestml_core.networks.execution import written_by
from nestml_core.targets import backend_named
from nestml_core.testing import models

pytestmark = pytest.mark.usefixtures("compiler")

Parts = dict[str, Any]

COUNTED = """model counted:
    state:
        seen integer = 0
        x real = 0
        inside mV = 0 mV
    input:
        ex <- excitatory spike
        ih <- inhibitory spike
        V mV <- continuous
    output:
        spike
    update:
        inside = V
    onReceive(ex):
        seen += 1
        x += ex * 1 s
    onReceive(ih):
        seen += 100
        x -= ih * 1 s
    onCondition(x > 3):
        emit_spike()
        x = 0
"""

THIRD = """model third:
    parameters:
        tau ms = 50 ms
        w real = 1
    state:
        n real = 0
        u real = 0
        seen mV = 0 mV
    equations:
        n' = -n / tau
        u' = (V / 1 mV + 70) / tau
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
        seen = V
    onReceive(pre_spikes):
        u *= 0.5
        emit_spike(w * (1 + n) + u + (seen + K) / 1000 mV)
"""

NOISY = """model noisy:
    state:
        x mV = 0 mV
        count integer = 0
    equations:
        x' = -x / 10 ms
    input:
        s <- spike
    output:
        spike
    update:
        x += random_normal(0.1 mV, 0.5 mV)
        integrate_odes()
    onReceive(s):
        x += s * 1 s * 1 mV
    onCondition(x > 2 mV):
        x = 0 mV
        count += 1
        emit_spike()
"""

CHANCE = """model chance:
    parameters:
        w real = 1
    state:
        last real = 0
    input:
        pre_spikes <- spike
    output:
        spike
    onReceive(pre_spikes):
        last = random_uniform(0, 1)
        if last < 0.5:
            emit_spike(w + last)
"""


def trains(rng: np.random.Generator, sources: int, duration: float, many: int) -> list[Any]:
    """Return times on the grid of 0.1 ms, sometimes several in one step."""
    return [np.sort(rng.integers(1, int(duration * 10), many)) / 10 for _ in range(sources)]


def mixed(seed: int, size: int = 60) -> tuple[Network, Parts]:
    """Return a network with all kinds of static connections: signs, ports, delays, sources."""
    rng = np.random.default_rng(seed)
    net = Network(dt=0.1, seed=seed)
    source = net.spike_source(trains(rng, 15, 150, 30))
    currents = np.round(rng.uniform(300, 500, size))
    exp = net.create("iaf_psc_exp", size, parameters={"I_e": currents})
    delta = net.create("iaf_psc_delta", 20, parameters={"I_e": 300.0}, initial={"V_m": -60.0})

    def pairs(of: Nodes, to: Nodes, n: int) -> tuple[Any, Any]:
        return rng.integers(0, of.size, n), rng.integers(0, to.size, n)

    def ms(n: int, least: int) -> Any:
        return rng.integers(least, 30, n) / 10

    weights = np.round(rng.uniform(10, 200, 300))
    net.connect(
        source, exp, pairs=pairs(source, exp, 300), weight=weights, delay=ms(300, 1),
        port="exc_spikes",
    )  # fmt: skip
    weights = np.round(rng.uniform(-100, 100, 700))
    net.connect(exp, exp, pairs=pairs(exp, exp, 700), weight=weights, delay=ms(700, 3))
    net.connect(exp, exp, rule="one_to_one", weight=-50.0, delay=2.0)
    net.connect(exp, delta, pairs=pairs(exp, delta, 200), weight=0.5, delay=1.5)
    net.connect(delta, exp, pairs=pairs(delta, exp, 200), weight=np.round(rng.uniform(0, 99, 200)))
    net.record(exp, "V_m")
    return net, {"source": source, "exp": exp, "delta": delta}


def same(a: NetworkRun, b: NetworkRun, parts: Parts, tolerance: float = 0.0) -> None:
    """Assert that two runs yielded the same."""
    for name, part in parts.items():
        if isinstance(part, Connections):
            for x, y in zip(a.emitted(part), b.emitted(part), strict=True):
                np.testing.assert_allclose(x, y, rtol=tolerance, err_msg=name)
        else:
            for x, y in zip(a.spikes(part), b.spikes(part), strict=True):
                np.testing.assert_array_equal(x, y, err_msg=name)
        for variable, values in a[part].items():
            np.testing.assert_allclose(
                b[part][variable], values, rtol=tolerance, atol=tolerance, err_msg=variable
            )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_static_connections_do_what_the_reference_does(seed: int) -> None:
    net, parts = mixed(seed)
    expected = net.run(150)
    assert len(expected.spikes(parts["exp"])[0]) > 300
    assert len(expected.spikes(parts["delta"])[0]) > 10
    same(expected, net.run(150, backend="cpp"), parts, 1e-11)


def test_results_do_not_depend_on_threads() -> None:
    net, parts = mixed(4, size=700)
    one = net.run(80, backend="cpp")
    for threads in (2, 3, 4):
        same(one, net.run(80, backend="cpp", threads=threads), parts)


def late(size: int = 400) -> tuple[Network, Parts]:
    """Return a network whose rows of arrivals, with such delays, are too long for sums."""
    rng = np.random.default_rng(7)
    net = Network(dt=0.1)
    currents = np.round(rng.uniform(380, 500, size))
    cells = net.create("iaf_psc_exp", size, parameters={"I_e": currents})
    pairs = rng.integers(0, size, (2, 9000))
    net.connect(cells, cells, pairs=tuple(pairs[:, :4000]), weight=7.3, delay=12.0)
    net.connect(cells, cells, pairs=tuple(pairs[:, 4000:6000]), weight=7.3, delay=3.0)
    net.connect(cells, cells, pairs=tuple(pairs[:, 6000:7000]), weight=2.9, delay=3.0)
    net.connect(cells, cells, pairs=tuple(pairs[:, 7000:]), weight=-31.7, delay=9.9)
    net.record(cells, "V_m")
    return net, {"cells": cells}


def test_tallies_do_what_the_reference_does() -> None:
    net, parts = late()
    expected = net.run(60)
    assert len(expected.spikes(parts["cells"])[0]) > 800
    same(expected, net.run(60, backend="cpp", threads=2), parts, 1e-11)


def test_more_spikes_at_once_than_a_tally_can_hold() -> None:
    """One neuron gets more than 65,535 spikes in a step, in two volleys."""
    net = Network(dt=0.1)
    first = net.spike_source([[1.0]] * 40_000)
    second = net.spike_source([[1.0, 1.0]] * 20_000)
    cells = net.create("iaf_psc_exp", 1_000)
    for source in (first, second):
        pairs = (np.arange(source.size), np.zeros(source.size, int))
        net.connect(source, cells, pairs=pairs, weight=0.001, delay=10.0, port="exc_spikes")
    net.record(cells, "I_syn_exc")
    for threads in (1, 2):
        got = net.run(12, backend="cpp", threads=threads)[cells]["I_syn_exc"]
        assert got[0].max() == pytest.approx(80.0, rel=1e-9)
        assert got[1:].max() == 0.0


def in_types(
    signs: str, weight: str, steps: list[int], model: str = "iaf_psc_exp", size: int = 600
) -> tuple[Network, Parts]:
    """Return connections whose numbers are of certain types.

    Parameters
    ----------
    signs : `positive`, `negative`, `by source`, or `both`
    weight : the type of the weights, or `one` of them
    steps : delays
    """
    rng = np.random.default_rng(5)
    net = Network(dt=0.1)
    source = net.spike_source(trains(rng, 40, 100, 12))
    cells = net.create(model, size)
    n = 3000
    pre, post = rng.integers(0, 40, n), rng.integers(0, size, n)
    weights = np.round(rng.uniform(1, 200, n))
    if signs == "negative":
        weights = -weights
    elif signs == "by source":
        weights[pre % 2 == 0] *= -1
    elif signs == "both":
        weights *= rng.choice([-1, 1], n)
    given = weights.astype(weight) if weight != "one" else -99.0 if signs == "negative" else 99.0
    net.connect(source, cells, pairs=(pre, post), weight=given, delay=rng.choice(steps, n) / 10)
    if model == "iaf_psc_exp":
        net.record(cells, ["V_m", "I_syn_exc", "I_syn_inh"])
    else:
        net.record(cells)
    return net, {"source": source, "cells": cells}


NUMBERS: list[tuple[str, list[int]]] = [
    ("f8", [15]),
    ("f8", [3, 90]),
    ("f4", [15, 255]),
    ("f4", [15, 256]),
    ("i8", [400]),
]


@pytest.mark.parametrize(
    ("signs", "weight", "steps"),
    [
        *(
            (signs, *numbers)
            for signs in ("positive", "negative", "by source", "both")
            for numbers in NUMBERS
        ),
        ("positive", "one", [3, 300]),
        ("negative", "one", [3, 300]),
        ("negative", "one", [15]),
    ],
)
def test_numbers_of_any_type_do_the_same(signs: str, weight: str, steps: list[int]) -> None:
    """Also where the population is cut into blocks, and where signs choose between two ports."""
    net, parts = in_types(signs, weight, steps)
    if (signs, weight) in {("by source", "f8"), ("both", "f4"), ("negative", "one")}:
        same(net.run(40), net.run(40, backend="cpp", threads=2), parts, 1e-11)
    one = net.run(60, backend="cpp")
    for name, signs_of in (("I_syn_exc", {"negative"}), ("I_syn_inh", {"positive"})):
        assert (np.abs(one[parts["cells"]][name]).max() > 0) == (signs not in signs_of)
    same(one, net.run(60, backend="cpp", threads=3), parts)


def test_counted_spikes_of_either_sign_go_to_their_ports(tmp_path: Path) -> None:
    path = tmp_path / "counted.nestml"
    path.write_text(COUNTED)
    for weight in ("f4", "f8"):
        net, parts = in_types("by source", weight, [2, 15], str(path), 300)
        same(net.run(10), net.run(10, backend="cpp", threads=2), parts)


def test_weights_and_delays_are_left_where_they_are() -> None:
    """What the network runtime takes beside is 2 bytes a connection at most, and those of rows."""
    net, _ = in_types("by source", "f8", [15, 16], size=2000)
    experiment = net.experiment(1.0)
    (p,) = experiment.projections
    made = compiled(experiment, Options(), written_by(backend_named("cpp"))).value
    assert made is not None
    for threads, each in ((1, 0), (2, 2)):
        run = _Run(experiment, Running(threads=threads), made)
        try:
            rows = (40 * threads + 1) * 4
            spare = 32 if each else 0
            assert run.handle.static_bytes == each * len(p.pairs) + spare + rows
        finally:
            run.close()


def test_spikes_are_counted_and_signs_choose_ports(tmp_path: Path) -> None:
    """Weights that cancel out are not the same as no spike; two in a step are two."""
    path = tmp_path / "counted.nestml"
    path.write_text(COUNTED)
    net = Network(dt=1.0)
    source = net.spike_source([[2.0, 2.0, 5.0], [2.0, 6.0], [7.0]])
    cells = net.create(path, 3, currents={"V": [1.0, 2.0, 3.0]})
    net.connect(source, cells, matrix=[[1.5, 0, 2], [-1, 0.5, 0], [4, 4, -4]], delay=1.0)
    net.connect(source, cells, matrix=csr_array([[0, 1.5, 0], [0, 0, 0], [0, 0, 9]]), delay=3.0)
    net.record(cells)
    expected = net.run(15)
    assert expected[cells]["seen"].max() > 100
    same(expected, net.run(15, backend="cpp", threads=2), {"cells": cells, "source": source})


def plastic(seed: int, synapse: str, **inputs: Any) -> tuple[Network, Parts]:
    rng = np.random.default_rng(seed)
    net = Network(dt=0.1, seed=seed)
    source = net.spike_source(trains(rng, 12, 200, 12))
    cells = net.create("iaf_psc_exp", 10, parameters={"I_e": np.linspace(300, 450, 10)})
    n = 60
    made = net.connect(
        source,
        cells,
        pairs=(rng.integers(0, 12, n), rng.integers(0, 10, n)),
        synapse=synapse,
        delay=rng.integers(1, 40, n) / 10,
        initial={"w": np.round(rng.uniform(20, 80, n))},
        inputs=inputs or None,
        port="exc_spikes",
    )
    net.record(made, "w")
    net.record(cells, "V_m")
    return net, {"source": source, "cells": cells, "made": made}


@pytest.mark.parametrize("threads", [1, 2])
def test_plastic_connections_do_what_the_reference_does(threads: int) -> None:
    net, parts = plastic(1, "stdp")
    expected = net.run(200)
    assert np.ptp(expected[parts["made"]]["w"], axis=1).max() > 1e-3
    same(expected, net.run(200, backend="cpp", threads=threads), parts, 1e-9)


def test_what_synapses_emit_need_not_be_kept() -> None:
    net, parts = plastic(1, "stdp")
    whole = net.run(50, backend="cpp")
    lean = net.run(50, backend="cpp", emitted=False)
    with pytest.raises(KeyError, match="was not kept"):
        lean.emitted(parts["made"])
    assert lean[parts["made"]]["w"].tolist() == whole[parts["made"]]["w"].tolist()
    assert len(whole.emitted(parts["made"])[0]) > 10


def test_modulated_connections_do_what_the_reference_does() -> None:
    rng = np.random.default_rng(2)
    net, parts = plastic(2, "stdp")
    reward = net.spike_source(trains(rng, 2, 200, 5))
    parts["reward"] = reward
    parts["dopamine"] = net.connect(
        parts["source"],
        parts["cells"],
        pairs=(rng.integers(0, 12, 30), rng.integers(0, 10, 30)),
        synapse="stdp_dopamine",
        delay=rng.integers(1, 30, 30) / 10,
        inputs={"mod_spikes": (reward, 1.5)},
        port="exc_spikes",
    )
    net.record(parts["dopamine"], ["w", "n"])
    same(net.run(200), net.run(200, backend="cpp", threads=2), parts, 1e-9)


def third(folder: Path, seed: int) -> tuple[Network, Parts]:
    """Return plastic connections that see potentials, modulators and a constant."""
    path = folder / "third.nestml"
    path.write_text(THIRD)
    rng = np.random.default_rng(seed)
    net = Network(dt=0.1, seed=seed)
    source = net.spike_source(trains(rng, 8, 120, 10))
    reward = net.spike_source(trains(rng, 2, 120, 4))
    cells = net.create("iaf_psc_exp", 300, parameters={"I_e": np.linspace(300, 450, 300)})
    n = 40
    made = net.connect(
        source,
        cells,
        pairs=(rng.integers(0, 8, n), rng.integers(0, 300, n)),
        synapse=path,
        delay=rng.integers(1, 20, n) / 10,
        parameters={"w": np.round(rng.uniform(20, 80, n))},
        inputs={"mod_spikes": (reward, 0.7), "V": "V_m", "K": 30.0},
        port="exc_spikes",
    )
    net.record(made)
    net.record(cells, ["V_m", "I_syn_exc"])
    return net, {"source": source, "reward": reward, "cells": cells, "made": made}


def test_third_factors_do_what_the_reference_does(tmp_path: Path) -> None:
    net, parts = third(tmp_path, 7)
    expected = net.run(120)
    assert np.ptp(expected[parts["made"]]["seen"]) > 1
    for threads in (1, 2):
        same(expected, net.run(120, backend="cpp", threads=threads), parts, 1e-9)


def random(folder: Path, seed: int) -> tuple[Network, Parts]:
    """Return neurons and synapses that draw random numbers, and Poisson sources."""
    for name, text in (("noisy", NOISY), ("chance", CHANCE)):
        (folder / f"{name}.nestml").write_text(text)
    rng = np.random.default_rng(seed)
    net = Network(dt=0.1, seed=seed)
    poisson = net.poisson_source(20, "200 Hz")
    cells = net.create(folder / "noisy.nestml", 700)
    n = 900
    pairs = rng.integers(0, 20, n), rng.integers(0, 700, n)
    made = net.connect(poisson, cells, pairs=pairs, synapse=folder / "chance.nestml", delay=0.8)
    net.connect(
        cells,
        cells,
        pairs=rng.integers(0, 700, (2, 3000)),
        weight=0.1,
        delay=rng.integers(1, 9, 3000) / 10,
    )
    net.record(cells, "x")
    net.record(made, "last")
    return net, {"poisson": poisson, "cells": cells, "made": made}


def test_random_numbers_do_not_depend_on_threads(tmp_path: Path) -> None:
    net, parts = random(tmp_path, 3)
    one = net.run(60, backend="cpp")
    assert len(one.spikes(parts["cells"])[0]) > 300
    _, _, weights = one.emitted(parts["made"])
    assert len(set(weights.tolist())) == len(weights) > 100
    assert np.all((weights >= 1.0) & (weights < 1.5))
    for threads in (2, 3):
        same(one, net.run(60, backend="cpp", threads=threads), parts)
    other, parts_of = random(tmp_path, 4)
    again = other.run(60, backend="cpp")
    assert again[parts_of["cells"]]["x"].tolist() != one[parts["cells"]]["x"].tolist()


def test_more_neurons_than_fit_into_one_block() -> None:
    """Numbers of neurons take two bytes within a block: 65,536 are not the end."""
    size = 66_000
    currents = np.resize([0.0, 400.0, 500.0, 900.0, 0.0], size)
    net = Network(dt=0.1)
    cells = net.create("iaf_psc_delta", size, parameters={"I_e": currents})
    away = np.arange(size)[::-1]
    driven = net.create("iaf_psc_delta", size)
    net.connect(cells, driven, pairs=(np.arange(size), away), weight=20.0, delay=1.0)
    for threads in (1, 2):
        run = net.run(30, backend="cpp", threads=threads)
        times, who = run.spikes(cells)
        fast = np.flatnonzero(currents == 900.0)
        first = times.min()
        np.testing.assert_array_equal(np.unique(who), np.flatnonzero(currents > 300.0))
        np.testing.assert_array_equal(who[times == first], fast)
        times, who = run.spikes(driven)
        at = np.flatnonzero(np.isclose(times, first + 1.0))
        np.testing.assert_array_equal(who[at], np.sort(away[fast]))


@pytest.mark.parametrize("is_sorted", [False, True])
def test_spikes_are_tallied_in_several_blocks(is_sorted: bool) -> None:
    """Sources reach few neurons, thousands, and nearly all of them; two weights are tallied."""
    size, delay = 140_000, 5
    rng = np.random.default_rng(11)
    degrees = np.concatenate([rng.integers(0, 90, 300), [130_000], np.full(40, 12_000)])
    pre = np.repeat(np.arange(len(degrees)), degrees)
    net = Network(dt=0.1)
    source = net.spike_source([[0.1]] * len(degrees))
    cells = net.create("iaf_psc_delta", size, initial={"V_m": -70.0})
    total = np.zeros(size)
    for weight in (0.03, -0.002, 0.0007):
        post = rng.integers(0, size, len(pre))
        if is_sorted:
            post = post[np.lexsort((post, pre))]
        mixed = np.arange(len(pre)) if is_sorted else rng.permutation(len(pre))
        net.connect(source, cells, pairs=(pre[mixed], post[mixed]), weight=weight, delay=delay / 10)
        total += weight * np.bincount(post, minlength=size)
    net.record(cells, "V_m")
    for threads in (1, 2):
        voltage = net.run(1, backend="cpp", threads=threads)[cells]["V_m"]
        before, arrived = voltage[:, delay - 1], voltage[:, delay]
        np.testing.assert_allclose(before, -70.0, rtol=1e-12)
        np.testing.assert_allclose(arrived + 70.0, total, rtol=0, atol=1e-9)


def coupled() -> tuple[Network, Parts]:
    """Return neurons whose currents depend on the potentials of others, now and before."""
    rng = np.random.default_rng(3)
    net = Network(dt=0.1)
    cells = net.create("iaf_psc_exp", 40, parameters={"I_e": np.linspace(0, 450, 40)})
    more = net.create("iaf_psc_exp", 3, currents={"I_stim": ([0.0, 20.0], [0.0, 300.0])})
    i, j = rng.integers(0, 40, 80), rng.integers(0, 40, 80)
    net.couple(cells, cells, "V_m", "I_stim", pairs=(i, j), weight=1.0)
    net.couple(cells, cells, "V_m", "I_stim", pairs=(j, j), weight=-1.0, delay=0.3)
    net.couple(
        cells, more, "I_syn_exc", "I_stim", pairs=(i[:9], j[:9] % 3), delay=np.arange(9) / 10
    )
    net.connect(cells, cells, pairs=(j, i), weight=30.0, delay=1.0)
    net.connect(
        net.poisson_source(40, "3 kHz"), cells, rule="one_to_one", weight=60.0, port="exc_spikes"
    )
    net.record(cells, "V_m")
    net.record(more)
    return net, {"cells": cells, "more": more}


def test_couplings_do_what_the_reference_does() -> None:
    net, parts = coupled()
    expected = net.run(100)
    assert len(expected.spikes(parts["cells"])[0]) > 50
    for threads in (1, 2):
        same(expected, net.run(100, backend="cpp", threads=threads), parts, 1e-10)


# Going on

NETWORKS: dict[str, Callable[[Path], tuple[Network, Parts]]] = {
    "static": lambda _: mixed(5, size=600),
    "late": lambda _: late(),
    "plastic": lambda _: plastic(6, "stdp"),
    "third factors": lambda folder: third(folder, 8),
    "random": lambda folder: random(folder, 9),
    "coupled": lambda _: coupled(),
}


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize(("split", "threads"), [(40.0, (1, 1)), (63.7, (1, 3)), (5.3, (2, 1))])
def test_a_run_split_in_two_is_one_run(
    kind: str, split: float, threads: tuple[int, int], tmp_path: Path
) -> None:
    """Also if it goes on with another number of threads."""
    net, parts = NETWORKS[kind](tmp_path)
    state = tmp_path / "state"
    whole = net.run(120, backend="cpp")
    first = net.run(split, backend="cpp", checkpoint=state, threads=threads[0])
    second = net.run(120 - split, backend="cpp", start=state, threads=threads[1])
    assert second.times[0] == pytest.approx(split + 0.1)
    for name, part in parts.items():
        came = NetworkRun.spikes if isinstance(part, Nodes) else NetworkRun.emitted
        for a, b, c in zip(came(first, part), came(second, part), came(whole, part), strict=True):
            np.testing.assert_array_equal(np.concatenate([a, b]), c, err_msg=name)
        for variable, values in whole[part].items():
            joined = np.concatenate([first[part][variable], second[part][variable]], axis=1)
            np.testing.assert_array_equal(joined, values, err_msg=variable)


def test_a_state_of_another_network_is_refused(tmp_path: Path) -> None:
    net, _ = mixed(1)
    run = net.run(5, backend="cpp", checkpoint=True)
    assert run.state is not None
    assert run.state.steps == 50
    other, _ = mixed(2)
    with pytest.raises(ModelError, match="CPP208"):
        other.run(5, backend="cpp", start=run.state)
    with pytest.raises(ModelError, match="NML967"):
        net.run(5, start=run.state)
    damaged = tmp_path / "damaged"
    net.run(5, backend="cpp", checkpoint=damaged)
    damaged.write_bytes(damaged.read_bytes()[:-3])
    with pytest.raises(ModelError, match="damaged"):
        net.run(5, backend="cpp", start=damaged)


# What cannot be


def test_delays_beyond_what_can_be_kept_are_refused() -> None:
    net = Network(dt=0.1)
    cells = net.create("iaf_psc_delta", 2)
    net.connect(cells, cells, delay=7000.0)
    with pytest.raises(ModelError, match="CPP207"):
        net.run(1, backend="cpp")


def test_options_that_there_are_not_are_refused() -> None:
    net = Network(dt=0.1)
    net.create("iaf_psc_delta", 2)
    with pytest.raises(ModelError, match="no option `colour`"):
        net.run(1, backend="cpp", colour="red")


def test_a_bar_tells_how_many_steps_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[int] = []

    @contextmanager
    def bar(iterable: Iterable[int], **_: Any) -> Iterator[Iterator[int]]:
        yield (shown.append(k) or k for k in iterable)  # type: ignore[func-returns-value]

    monkeypatch.setattr(progress, "is_seen", lambda wanted: wanted)
    monkeypatch.setattr(progress, "_bar", bar)
    net = Network(dt=0.1)
    net.create("iaf_psc_delta", 2)
    net.run(5, backend="cpp", progress=False)
    assert not shown
    net.run(5, backend="cpp")
    assert shown == list(range(50))


# The README


def example(name: str) -> str:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- example: {re.escape(name)} -->\n```\w+\n(.*?)```", readme, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_network_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "network.py"
    script.write_text(example("network"))
    done = runpy.run_path(str(script))
    assert len(done["times"]) > 1000
    assert done["more"].times[0] == pytest.approx(500.1)
    assert 0.5 < len(done["more"].spikes(done["cells"])[0]) / len(done["times"]) < 2.0


def test_the_network_in_cpp_of_the_readme_runs(cpp: Callable[..., str], tmp_path: Path) -> None:
    generate(models()["iaf_psc_exp"], tmp_path)
    printed = cpp(example("network in C++"), flags=("-O1", "-pthread"))
    net = Network(dt=0.1)
    cells = net.create("iaf_psc_exp", 1000, parameters={"I_e": 400.0})
    after = (np.arange(1000) + 1) % 1000
    net.connect(
        cells, cells, pairs=(np.arange(1000), after), weight=50.0, delay=1.5, port="exc_spikes"
    )
    same_by_python = len(net.run(200, backend="cpp").spikes(cells)[0])
    assert printed == f"{same_by_python} spikes\n"
    assert same_by_python > 1000
