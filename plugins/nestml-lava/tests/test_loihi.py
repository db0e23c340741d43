"""The neuron of Loihi 1 in whole numbers: the chip's arithmetic, and models translated to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from emulators import computed
from nestml_lava.fixed.loihi import (
    ALIGN,
    Bounds,
    Compartment,
    Errors,
    compartment,
    errors,
)
from nestml_lava.stock import Lif, detect

from nestml_core.api import Experiment, Schedule, interpret, load
from nestml_core.experiment import schedule
from nestml_core.stimuli import poisson_train

STEPS = 300

LAVA = """
from lava.proc.lif.process import LIF
from lava.proc.lif.models import PyLifModelBitAcc

class Port:
    def recv(self): return self.message
    def send(self, message): self.message = message.copy()

results = []
for c, messages in json.loads(%r):
    model = PyLifModelBitAcc({"shape": (1,)})
    for name in ("u", "v"):
        setattr(model, name, np.array([c[name]], np.int32))
    for name in ("bias_mant", "bias_exp"):
        setattr(model, name, np.array([c[name]], np.int16))
    for name in ("du", "dv", "vth"):
        setattr(model, name, c[name])
    model.a_in, model.s_out = Port(), Port()
    rows = []
    for a in messages:
        model.a_in.message = np.array([a], np.int32)
        model.run_spk()
        rows.append([int(model.u[0]), int(model.v[0]), int(model.s_out.message[0])])
    results.append(rows)
print(json.dumps(results))
"""


def random_compartments(count: int) -> list[tuple[Compartment, np.ndarray]]:
    """Return neurons and their inputs; some overflow."""
    r = np.random.default_rng(5)
    found = []
    for k in range(count):
        c = Compartment(
            du=int(r.choice([0, 1, 4095, r.integers(0, 4096)])),
            dv=int(r.choice([0, 4096, r.integers(0, 4097)])),
            bias_mant=int(r.integers(-4096, 4096)),
            bias_exp=int(r.integers(0, 8)),
            vth=int(r.integers(1, 2**17)),
            refractory=0,
            weight_exp=0,
            scale=1.0,
            u=int(r.integers(-(2**23) + 1, 2**23)),
            v=int(r.integers(-(2**23) + 1, 2**23)),
        )
        size = 60000 if k % 3 == 0 else 3000
        messages = r.integers(-size, size, STEPS) * (r.random(STEPS) < 0.3)
        found.append((c, messages))
    return found


def test_a_step_is_that_of_lava(answer: Callable[[str], Any]) -> None:
    """To the last bit, overflow of u and saturation of v included."""
    import dataclasses
    import json

    cases = random_compartments(30)
    given = json.dumps([(dataclasses.asdict(c), m.tolist()) for c, m in cases])
    expected = answer(LAVA % given)
    spikes = 0
    for (c, messages), rows in zip(cases, expected, strict=True):
        assert computed(c, messages) == rows
        spikes += sum(s for _, _, s in rows)
    assert spikes > 100
    u = np.array([row[0] for rows in expected for row in rows])
    v = np.array([row[1] for rows in expected for row in rows])
    assert (v == 2**23 - 1).any() or (v == 1 - 2**23).any()
    assert (np.abs(np.diff(u)) > 2**23).any()


def test_v_stands_still_in_the_refractory_period() -> None:
    c = Compartment(4095, 0, 100, 0, 2, refractory=3, weight_exp=0, scale=1.0)
    rows = computed(c, np.zeros(12, int))
    assert [v for _, v, _ in rows] == [100, 0, 0, 0, 0, 100, 0, 0, 0, 0, 100, 0]
    assert [k for k, row in enumerate(rows, 1) if row[2]] == [2, 7, 12]


def translated(
    laid: Schedule, name: str = "iaf_psc_exp"
) -> tuple[Lif, Compartment, np.ndarray, Errors]:
    """Return a model on the chip, with the messages of a schedule."""
    lif = detect(load(name).solved, laid.parameters, laid.initial, laid.dt).lif
    assert lif is not None
    gains = dict(lif.ports)
    sizes = [abs(gains[p]) * e.weights.max() for p, e in laid.spikes.items() if len(e.weights)]
    bounds = Bounds(max(sizes, default=0.0), 20 * sum(sizes), -40.0)
    c = compartment(lif, bounds)
    assert isinstance(c, Compartment), c
    messages = np.zeros(laid.steps + 2, int)
    for port, events in laid.spikes.items():
        weights = np.rint(events.weights * gains[port] / c.unit).astype(int)
        assert (np.abs(weights) <= 255).all()
        counts = weights * 2.0**c.weight_exp
        np.add.at(messages, events.steps + int(lif.late), np.trunc(counts).astype(int))
    return lif, c, messages[1 : laid.steps + 1], errors(lif, c, bounds)


def laid_out(dt: float, current: float, duration: float = 2000.0) -> Schedule:
    spikes = {}
    if not current:
        spikes = {
            "exc_spikes": poisson_train(1200, 200.0, duration, dt, seed=1),
            "inh_spikes": poisson_train(400, 150.0, duration, dt, seed=2),
        }
    experiment = Experiment(duration, dt, parameters={"I_e": current}, spikes=spikes)
    laid = schedule(experiment, load("iaf_psc_exp").solved).value
    assert laid is not None
    return laid


def compared(laid: Schedule) -> tuple[np.ndarray, np.ndarray, float, Errors]:
    """Return spikes of the reference and of the chip, and the largest error before the first."""
    lif, c, messages, known = translated(laid)
    rows = np.array(computed(c, messages))
    reference = interpret(load("iaf_psc_exp").solved, laid).value
    assert reference is not None
    spikes = 1 + np.flatnonzero(rows[:, 2])
    first = min(spikes[0], reference.spike_steps[0]) - 1
    v = rows[:first, 1] / c.scale + lif.reset
    return reference.spike_steps, spikes, np.abs(v - reference["V_m"][:first]).max(), known


def test_a_step_of_a_millisecond_keeps_spikes_of_a_constant_current() -> None:
    expected, spikes, error, _ = compared(laid_out(1.0, 500.0))
    assert error <= 0.02
    np.testing.assert_array_equal(spikes, expected)


def test_a_step_of_a_millisecond_keeps_most_spikes_of_random_input() -> None:
    expected, spikes, error, _ = compared(laid_out(1.0, 0.0))
    near = np.abs(spikes[None, :] - expected[:, None]).min(axis=1) <= 1
    assert near.mean() >= 0.96
    assert error <= 0.06


def test_the_error_of_the_rate_is_foretold() -> None:
    """With short steps twelve bits hold a decay badly: tau / (8192 dt) bounds the error."""
    expected, spikes, _, known = compared(laid_out(0.1, 500.0))
    assert known.rate == pytest.approx(10 / (8192 * 0.1), rel=0.01)
    assert abs(len(spikes) / len(expected) - 1) <= known.rate
    assert abs(spikes[-1] / expected[-1] - 1) <= known.rate


def test_what_does_not_fit_is_said() -> None:
    lif = detect(load("iaf_psc_exp").solved, dt=0.01).lif
    assert lif is not None
    assert "refractory period of 200 steps" in str(compartment(lif, Bounds(1.0, 2.0, -10.0)))


def test_every_number_is_within_its_bits() -> None:
    solved = load("iaf_psc_exp").solved
    symbols = {d.symbol.name: d.symbol for d in solved.parameters}
    r = np.random.default_rng(9)
    for _ in range(200):
        settings = {
            symbols["tau_m"]: r.uniform(2, 100),
            symbols["I_e"]: r.uniform(-2000, 2000),
            symbols["V_reset"]: r.uniform(-90, -56),
            symbols["C_m"]: r.uniform(20, 500),
        }
        lif = detect(solved, settings, dt=float(r.choice([0.1, 0.5, 1.0]))).lif
        assert lif is not None
        largest = 10 ** r.uniform(-3, 2)
        c = compartment(lif, Bounds(largest, 10 * largest, -30.0))
        assert isinstance(c, Compartment), c
        assert 0 <= c.du <= 4095
        assert 0 <= c.dv <= 4096
        assert abs(c.bias_mant) <= 4095
        assert 0 <= c.bias_exp <= 7
        assert 0 < c.vth < 2**17
        assert -6 <= c.weight_exp <= 7
        assert largest / c.unit <= 255.5
        assert abs(lif.threshold * c.scale / ALIGN - c.vth) <= 1.001
