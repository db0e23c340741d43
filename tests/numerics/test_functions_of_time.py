"""Kernels that are functions of time, and equations that read the time, against their formulas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nestml_core.experiment import Experiment, Trace, schedule
from nestml_core.pipeline import check_sources
from nestml_core.reference import simulate
from nestml_core.source import Source

KERNEL = """model m:
    parameters:
        tau ms = 3 ms
        w 1/ms = 1.7 / 1 ms
        base real = 0.4
    equations:
        kernel K = {formula}
        recordable inline I real = convolve(K, spikes)
    input:
        spikes <- spike
    output:
        spike
    onCondition(I > 1e9):
        emit_spike()
"""
SPIKES = [(0.5, 2.0), (4.0, -1.0), (4.5, 0.5)]

FORMULAS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "exp(-t / tau) * sin(w * t)": lambda t: np.exp(-t / 3) * np.sin(1.7 * t),
    "sin(w * t + 1)": lambda t: np.sin(1.7 * t + 1),
    "cos(1 - w * t) * exp(-t / tau)": lambda t: np.cos(1 - 1.7 * t) * np.exp(-t / 3),
    "sin(w * t)**2 - cos(w * t)**2": lambda t: -np.cos(3.4 * t),
    "sin(w * t) * cos(t / tau)": lambda t: np.sin(1.7 * t) * np.cos(t / 3),
    "cos(w * t) * sin(w * t) + 1": lambda t: np.sin(3.4 * t) / 2 + 1,
    "(t / tau)**2 * cos(w * t)": lambda t: (t / 3) ** 2 * np.cos(1.7 * t),
    "t / tau / exp(t / tau)": lambda t: t / 3 * np.exp(-t / 3),
    "base**(t / tau)": lambda t: 0.4 ** (t / 3),
    "(2 * exp(-t / tau))**-0.5 * exp(-t / 1 ms)": lambda t: 2**-0.5 * np.exp(t / 6 - t),
    "(exp(-t / tau) - exp(-t / 1 ms))**3": lambda t: (np.exp(-t / 3) - np.exp(-t)) ** 3,
    "cosh(t / 10 ms) * exp(-t / tau)": lambda t: np.cosh(t / 10) * np.exp(-t / 3),
    "sinh(t / 10 ms) * exp(-t / tau)": lambda t: np.sinh(t / 10) * np.exp(-t / 3),
    "expm1(-t / tau)": lambda t: np.expm1(-t / 3),
    "e**(1 - t / tau)": lambda t: np.exp(1 - t / 3),
    "(t / tau)**20 * exp(-2 * t / tau)": lambda t: (t / 3) ** 20 * np.exp(-2 * t / 3),
    "(1 + t / tau)**8 * exp(-t / 1 ms)": lambda t: (1 + t / 3) ** 8 * np.exp(-t),
    "sin(w * t)**5 + cos(w * t)**6": lambda t: np.sin(1.7 * t) ** 5 + np.cos(1.7 * t) ** 6,
    "sin(w * t + 1)**3": lambda t: np.sin(1.7 * t + 1) ** 3,
    "sin(w * t) * cos(3 * w * t)": lambda t: np.sin(1.7 * t) * np.cos(5.1 * t),
    "(base * sin(w * t))**3 * t / tau": lambda t: (0.4 * np.sin(1.7 * t)) ** 3 * t / 3,
    "3": lambda t: 3 + 0 * t,
    "1 - t / tau": lambda t: 1 - t / 3,
}


def traced(text: str, dt: float, duration: float, spikes: bool) -> Trace:
    program = check_sources([Source("m.nestml", text)])
    assert program.value is not None, program.diagnostics
    model = program.value.models[0]
    trains = {"spikes": SPIKES} if spikes else {}
    laid = schedule(Experiment(duration, dt, spikes=trains), model).value
    assert laid is not None
    trace = simulate(model, laid).value
    assert trace is not None
    return trace


@pytest.mark.parametrize("dt", [0.1, 0.5])
@pytest.mark.parametrize("formula", FORMULAS)
def test_kernels(formula: str, dt: float) -> None:
    text = KERNEL.format(formula=formula)
    trace = traced(text, dt, 10.0, spikes=True)
    kernel = FORMULAS[formula]
    since = [(trace.times - t, w) for t, w in SPIKES]
    want = sum(w * np.where(s > -1e-9, kernel(np.maximum(s, 0.0)), 0.0) for s, w in since)
    assert trace["I"] == pytest.approx(want, rel=1e-12, abs=1e-12)


def states(formula: str) -> int:
    text = KERNEL.format(formula=formula)
    program = check_sources([Source("m.nestml", text)]).value
    assert program is not None
    return len(program.models[0].convolutions[0].states)


@pytest.mark.parametrize(
    ("formula", "count"),
    [
        ("exp(-t / tau) * exp(-t / tau) + exp(-2 * t / tau)", 1),
        ("sin(w * t)**3", 4),
        ("cos(w * t) * cos(2 * w * t) + cos(w * t) + cos(3 * w * t)", 4),
        ("(1 + t / tau)**8", 9),
        ("sin(w * t)**32", 33),
    ],
)
def test_what_is_the_same_shares_states(formula: str, count: int) -> None:
    assert states(formula) == count


@pytest.mark.parametrize("formula", ["(t / tau)**33", "(1 - t / tau)**9", "(t / tau)**-1"])
def test_powers_that_are_refused(formula: str) -> None:
    program = check_sources([Source("m.nestml", KERNEL.format(formula=formula))])
    assert [d.code.id for d in program.diagnostics if d.is_error] == ["NML320"]


TIMED = """model m:
    state:
        x real = 1
        y real = 0
        z real = 0
        frozen real = 0
        timer integer = 0
    equations:
        x' = -x / 10 ms + t / 1 ms**2
        y' = (sin(t / 1 ms) - y) / 5 ms
        z' = t**2 / 1 ms**3 + x / 100 ms
        frozen' = t / 1 ms**2
    output:
        spike
    update:
        timer += 1
        integrate_odes(x, z)
        if timer % 2 == 0:
            integrate_odes(frozen)
        integrate_odes(y)
    onCondition(x > 1000):
        emit_spike()
"""


@pytest.mark.parametrize("dt", [0.1, 0.5, 1.0])
def test_equations_that_read_the_time(dt: float) -> None:
    """Time passes within a step too: no step size shows in the solutions."""
    trace = traced(TIMED, dt, 10.0, spikes=False)
    t = trace.times
    x = 10 * t - 100 + 101 * np.exp(-t / 10)
    y = (np.sin(t) - 5 * np.cos(t) + 5 * np.exp(-t / 5)) / 26
    z = t**3 / 3 + (5 * t**2 - 100 * t + 1010 * (1 - np.exp(-t / 10))) / 100
    assert trace["x"] == pytest.approx(x, rel=1e-12, abs=1e-12)
    assert trace["y"] == pytest.approx(y, rel=1e-7, abs=1e-7)
    assert trace["z"] == pytest.approx(z, rel=1e-7, abs=1e-7)
    begins = np.arange(1, len(t) + 1, 2) * dt  # only every other step counts
    steps = dt * begins + dt**2 / 2
    want = np.cumsum(steps)[np.maximum((np.arange(1, len(t) + 1) // 2) - 1, 0)]
    assert trace["frozen"][1:] == pytest.approx(want[1:], rel=1e-12)
    assert trace["frozen"][0] == 0
