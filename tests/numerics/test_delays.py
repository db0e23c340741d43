"""Delayed variables against solutions by the method of steps."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nestml_core.experiment import Experiment, Trace, schedule
from nestml_core.pipeline import check_sources
from nestml_core.reference import simulate
from nestml_core.source import Source

OWN = """model m:
    state:
        x real = 1
    parameters:
        a 1/ms = 0.15 / 1 ms
        d ms = 5 ms
    equations:
        x' = -a * x(t - d)
    update:
        integrate_odes()
"""
STEPS = """model m:
    state:
        u real = 1
        y real = 0
    parameters:
        d ms = 3 ms
    equations:
        recordable inline before real = u(t - d)
        y' = u(t - d) / 1 ms
    update:
        integrate_odes()
        if t > 6.95 ms:
            u = -2
        elif t > 1.95 ms:
            u = 4
"""


def traced(text: str, experiment: Experiment) -> Trace:
    program = check_sources([Source("m.nestml", text)])
    assert program.value is not None, program.diagnostics
    model = program.value.models[0]
    laid = schedule(experiment, model).value
    assert laid is not None
    trace = simulate(model, laid)
    assert trace.value is not None, trace.diagnostics
    return trace.value


def by_steps(t: float, a: float, d: float) -> float:
    """Solve x' = -a x(t - d) with x = 1 for t <= 0.

    x(t) = sum of (-a)^k (t - (k - 1) d)^k / k! over k >= 0 with t > (k - 1) d.
    """
    terms = [1.0]
    k = 1
    while t - (k - 1) * d > 0:
        terms.append((-a) ** k * (t - (k - 1) * d) ** k / math.factorial(k))
        k += 1
    return math.fsum(terms)


def test_a_variable_that_depends_on_its_past() -> None:
    """The delayed value is held during a step: the error falls in proportion to the step."""
    errors = []
    for dt in (0.1, 0.05, 0.025):
        trace = traced(OWN, Experiment(40.0, dt))
        exact = np.array([by_steps(t, 0.15, 5.0) for t in trace.times])
        errors.append(np.max(np.abs(trace["x"] - exact)))
    assert errors[0] < 0.15 * 0.1
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.05)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize("d", [0.0, 0.1, 3.0, 4.0])
def test_the_integral_of_a_piecewise_constant_variable_is_exact(d: float) -> None:
    """u is 1, from 2 ms on 4, from 7 ms on -2; before the run it is 1 as well."""
    trace = traced(STEPS, Experiment(20.0, 0.1, {"d": d}))
    t = trace.times
    exact = t + 3 * np.maximum(t - 2 - d, 0) - 6 * np.maximum(t - 7 - d, 0)
    assert trace["y"] == pytest.approx(exact, abs=1e-12)
    # recorded at the end of a step is what held in it: the value at its begin, delayed
    begin = np.round(t - 0.1 - d, 6)
    held = np.select([begin >= 7, begin >= 2], [-2.0, 4.0], 1.0)
    assert np.array_equal(trace["before"], held)


@pytest.mark.parametrize(("d", "steps"), [(0.24, 2), (0.25, 3), (0.26, 3), (0.04, 0), (0.349, 3)])
def test_a_delay_is_rounded_to_steps(d: float, steps: int) -> None:
    """To the nearest whole number, halves up; dt is a power of two here, so that halves exist."""
    dt = 0.125
    exact = math.floor(d / dt + 0.5)
    trace = traced(STEPS, Experiment(4.0, dt, {"d": d}))
    change = int(np.argmax(trace["u"] == 4))
    assert int(np.argmax(trace["before"] == 4)) == change + 1 + exact
    tenth = traced(STEPS, Experiment(4.0, 0.1, {"d": d}))
    change = int(np.argmax(tenth["u"] == 4))
    assert int(np.argmax(tenth["before"] == 4)) == change + 1 + steps


def test_before_the_run_there_is_the_initial_value_that_was_set() -> None:
    trace = traced(STEPS, Experiment(2.0, 0.1, initial={"u": 7.0}))
    assert trace["y"] == pytest.approx(7 * trace.times, abs=1e-12)


def test_a_delay_holds_for_every_variable_of_its_own() -> None:
    """The wave u1(t) = u0(t - d), u2(t) = u1(t - d): two delays in a row add up."""
    text = """model m:
    state:
        a real = 0
        b real = 0
        c real = 0
    parameters:
        d ms = 1.5 ms
    equations:
        inline before_a real = a(t - d)
        inline before_b real = b(t - d)
    update:
        a = sin(t / 1 ms)
        b = before_a
        c = before_b
"""
    trace = traced(text, Experiment(10.0, 0.1))
    t = np.round(trace.times, 9)
    assert trace["b"] == pytest.approx(np.sin(np.maximum(t - 1.6, 0)), abs=1e-12)
    assert trace["c"] == pytest.approx(np.sin(np.maximum(t - 3.2, 0)), abs=1e-12)
