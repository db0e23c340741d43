"""Plastic synapses between populations of a compiled network: what the reference does."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nestml_core import Network
from nestml_core.networks import Connections, NetworkRun, Nodes

pytestmark = pytest.mark.usefixtures("compiler")

DURATION = 150.0
EXCITED, INHIBITING = 30, 8


@cache
def recurrent() -> tuple[Network, dict[str, Nodes | Connections]]:
    """Return two populations that fire and learn: what they do follows from what they learn.

    Synapses with one delay and with several, with weights of either sign, that see the potential of
    their neuron, and that a third node modulates.
    """
    rng = np.random.default_rng(8)
    net = Network(dt=0.1, seed=3)
    times = [np.sort(rng.integers(1, round(DURATION * 10), 12)) / 10 for _ in range(20)]
    source = net.spike_source(times)
    reward = net.spike_source([[20.0, 70.3], [70.3, 110.0]])
    currents = np.round(rng.uniform(330, 480, EXCITED))
    excited = net.create("iaf_psc_exp", EXCITED, parameters={"I_e": currents})
    inhibiting = net.create("iaf_psc_exp", INHIBITING, parameters={"I_e": 390.0})

    def join(name: str, of: Nodes, to: Nodes, n: int, **more: Any) -> Connections:
        pairs = (rng.integers(0, of.size, n), rng.integers(0, to.size, n))
        port = more.pop("port", "exc_spikes")
        return net.connect(of, to, pairs=pairs, synapse=name, port=port, **more)

    def ms(n: int) -> Any:
        return rng.integers(1, 40, n) / 10

    def strong(n: int) -> dict[str, Any]:
        return {"w": np.round(rng.uniform(20, 90, n))}

    parts: dict[str, Nodes | Connections] = {"excited": excited, "inhibiting": inhibiting}
    parts["feedforward"] = join("stdp", source, excited, 80, delay=1.2, initial=strong(80))
    parts["loops"] = join("stdp", excited, excited, 150, delay=ms(150), initial=strong(150))
    parts["triplets"] = join(
        "stdp_triplet", excited, inhibiting, 60, delay=1.5, initial=strong(60),
        parameters={"Wmax": 200.0},
    )  # fmt: skip
    parts["short"] = join("tsodyks", inhibiting, excited, 40, delay=ms(40), port="inh_spikes")
    parts["seen"] = join(
        "clopath", source, excited, 40, delay=0.8, inputs={"V": "V_m"}, initial=strong(40)
    )
    parts["rewarded"] = join(
        "stdp_dopamine", excited, excited, 40, delay=ms(40), initial=strong(40),
        inputs={"mod_spikes": (reward, 2.0)},
    )  # fmt: skip
    net.record(excited, "V_m")
    return net, parts


def same(found: NetworkRun, expected: NetworkRun, parts: dict[str, Any], tolerance: float) -> None:
    for name, part in parts.items():
        if isinstance(part, Connections):
            when, who, weights = expected.emitted(part)
            steps, numbers, values = found.emitted(part)
            np.testing.assert_array_equal(steps, when, err_msg=name)
            np.testing.assert_array_equal(numbers, who, err_msg=name)
            np.testing.assert_allclose(values, weights, rtol=tolerance, err_msg=name)
        else:
            for x, y in zip(found.spikes(part), expected.spikes(part), strict=True):
                np.testing.assert_array_equal(x, y, err_msg=name)
    V, U = found[parts["excited"]]["V_m"], expected[parts["excited"]]["V_m"]
    np.testing.assert_allclose(V, U, rtol=tolerance, atol=tolerance)


@cache
def one_thread() -> NetworkRun:
    return recurrent()[0].run(DURATION, backend="cpp", progress=False)


def test_spikes_and_weights_are_those_of_the_reference() -> None:
    net, parts = recurrent()
    expected = net.run(DURATION, progress=False)
    assert len(expected.spikes(parts["excited"])[0]) > 100
    for part in parts.values():
        if isinstance(part, Connections):
            who, weights = expected.emitted(part)[1:]
            assert len(weights) > 50
            assert np.ptp(weights[who == who[0]]) > 1e-3, "nothing was learned"
    same(one_thread(), expected, parts, 1e-9)


@pytest.mark.parametrize("threads", [2, 4])
def test_threads_change_nothing(threads: int) -> None:
    net, parts = recurrent()
    found = net.run(DURATION, backend="cpp", threads=threads, progress=False)
    same(found, one_thread(), parts, 0.0)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_checkpoint_changes_nothing(threads: int, tmp_path: Path) -> None:
    net, parts = recurrent()
    cut, more = 61.3, {"backend": "cpp", "threads": threads, "progress": False}
    first = net.run(cut, checkpoint=tmp_path / "state", **more)
    second = net.run(DURATION - cut, start=tmp_path / "state", **more)
    whole = one_thread()
    for name, part in parts.items():
        halves, all = (
            ([r.emitted(part) for r in (first, second)], whole.emitted(part))
            if isinstance(part, Connections)
            else ([r.spikes(part) for r in (first, second)], whole.spikes(part))
        )
        for a, b, both in zip(*halves, all, strict=True):
            np.testing.assert_array_equal(np.concatenate([a, b]), both, err_msg=name)
