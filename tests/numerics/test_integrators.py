"""Each integrator converges with its order, and the adaptive ones keep their tolerance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from systems_under_test import (
    ADEX,
    AT_REST,
    FITZHUGH_NAGUMO,
    HODGKIN_HUXLEY,
    IZHIKEVICH,
    ROBERTSON,
    VAN_DER_POL,
    solved,
    system,
    truth,
)

from nestml_core.experiment import Experiment, schedule
from nestml_core.pipeline import check_sources
from nestml_core.reference import integrators
from nestml_core.reference.execution import simulate
from nestml_core.reference.integrators import (
    Tolerance,
    TooManyTrialSteps,
    dormand_prince,
    exponential_euler,
    factorised,
    phi,
    rosenbrock,
    rush_larsen,
)
from nestml_core.reference.integrators import solved as solution
from nestml_core.solve import SolveOptions
from nestml_core.solved import RODAS, Method, SolvedModel
from nestml_core.source import Source

FIXED = {
    Method.FORWARD_EULER: 1,
    Method.EXPONENTIAL_EULER: 1,
    Method.RUSH_LARSEN: 2,
    Method.RK4: 4,
}
ADAPTIVE = (Method.RK45, Method.ROSENBROCK)


def trajectory(model: SolvedModel, duration: float, dt: float) -> npt.NDArray[np.float64]:
    """Return the values of the nonlinear system at the ends of steps, (variables, steps)."""
    laid = schedule(Experiment(duration=duration, dt=dt), model).value
    assert laid is not None
    trace = simulate(model, laid)
    assert trace.value is not None, trace.diagnostics
    return np.array([trace.value[s.name] for s in system(model).variables])


def steps(duration: float, dt: float) -> npt.NDArray[np.float64]:
    return dt * np.arange(1, round(duration / dt) + 1)


# Orders


@pytest.mark.parametrize(("method", "order"), FIXED.items(), ids=str)
def test_the_order_of_one_step_methods(method: Method, order: int) -> None:
    """Halving dt divides the error at a fixed time by 2**order."""
    model = solved(FITZHUGH_NAGUMO, method)
    exact = truth(model, np.array([4.0]))[:, -1]
    errors = [
        np.abs(trajectory(model, 4.0, dt)[:, -1] - exact).max() for dt in (0.1, 0.05, 0.025, 0.0125)
    ]
    orders = [math.log2(a / b) for a, b in pairwise(errors)]
    assert orders[-1] == pytest.approx(order, abs=0.15), (errors, orders)
    assert errors[0] < 0.1**order


@pytest.mark.parametrize("method", [Method.EXPONENTIAL_EULER, Method.RUSH_LARSEN])
def test_exponential_methods_are_exact_where_only_the_own_variable_moves(method: Method) -> None:
    advance = exponential_euler if method is Method.EXPONENTIAL_EULER else rush_larsen
    end = advance(lambda x: [3.0 - 50.0 * x[0]], lambda _: [-50.0], [1.0], 0.7)
    assert end[0] == pytest.approx(0.06 + 0.94 * math.exp(-35.0), rel=1e-14)


@pytest.mark.parametrize("method", ADAPTIVE)
def test_the_error_follows_the_tolerance(method: Method) -> None:
    """Errors of whole runs fall in proportion to the tolerance of a step, if not faster."""
    errors = []
    for tolerance in (1e-4, 1e-6, 1e-8, 1e-10):
        model = solved(FITZHUGH_NAGUMO, method, tolerance)
        exact = truth(model, steps(10.0, 2.5))
        errors.append(np.abs(trajectory(model, 10.0, 2.5) - exact).max())
        assert errors[-1] < 30 * tolerance, (tolerance, errors)
    slope = math.log10(errors[0] / errors[-1]) / 6
    assert 0.75 < slope < 1.3, errors


def counted(tolerance: float, method: Method) -> int:
    """Return how many steps from 0 to 3 ms are accepted, for x'' = -x."""
    lengths: list[float] = []

    def watch(_: Sequence[float], h: float, error: float) -> None:
        if error <= 1:
            lengths.append(h)

    def f(x: list[float]) -> list[float]:
        return [x[1], -x[0]]

    limit = Tolerance(tolerance, tolerance)
    if method is Method.RK45:
        dormand_prince(f, [1.0, 0.0], 3.0, limit, watch=watch)
    else:
        rosenbrock(f, lambda _: [[0.0, 1.0], [-1.0, 0.0]], [1.0, 0.0], 3.0, limit, watch=watch)
    assert sum(lengths) == pytest.approx(3.0)
    return len(lengths)


@pytest.mark.parametrize(("method", "order"), [(Method.RK45, 5), (Method.ROSENBROCK, 4)])
def test_the_order_of_adaptive_methods(method: Method, order: int) -> None:
    """A step whose error is of order p + 1 gets longer with the (p + 1)th root of the tolerance.

    The error that is measured is that of the embedded solution, of order p - 1.
    """
    few, many = counted(1e-7, method), counted(1e-12, method)
    assert math.log10(many / few) == pytest.approx(5 / order, abs=0.12), (few, many)


def alphas_and_gammas() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return RODAS in the form of its order conditions: A = a C^-1 and B (Hairer & Wanner, 7.20).

    With U = (I/gamma - C)^-1 ... the stages are k = Gamma^-1-transformed: Gamma = diag(gamma)
    (I - gamma C)^-1, A = a Gamma.
    """
    n = 6
    a, c = np.zeros((n, n)), np.zeros((n, n))
    for i, row in enumerate(RODAS.stages, 1):
        a[i, : len(row)] = row
    for i, row in enumerate(RODAS.couplings, 1):
        c[i, : len(row)] = row
    a[5] = a[4]
    a[5, 4] = 1.0
    gamma = np.linalg.inv(np.eye(n) / RODAS.gamma - c)
    return a @ gamma, gamma


def test_the_coefficients_meet_the_order_conditions() -> None:
    """Hairer & Wanner (1996), table 7.1: all conditions up to order 4, for b and embedded ones."""
    alpha, gamma = alphas_and_gammas()
    last = np.zeros(6)
    beta = alpha + gamma
    m = np.array([*RODAS.stages[-1], 1.0, 1.0])
    b = m @ gamma
    embedded = np.array([*RODAS.stages[-1], 1.0, 0.0]) @ gamma
    one = np.ones(6)
    a1, b1 = alpha @ one, beta @ one

    def conditions(b: npt.NDArray[np.float64]) -> dict[str, float]:
        return {
            "1": b @ one - 1,
            "2": b @ b1 - 1 / 2,
            "3a": b @ (a1 * a1) - 1 / 3,
            "3b": b @ beta @ b1 - 1 / 6,
            "4a": b @ a1**3 - 1 / 4,
            "4b": b @ (a1 * (alpha @ b1)) - 1 / 8,
            "4c": b @ beta @ (a1 * a1) - 1 / 12,
            "4d": b @ beta @ beta @ b1 - 1 / 24,
        }

    assert all(abs(x) < 1e-12 for x in conditions(b).values()), conditions(b)
    third = {k: x for k, x in conditions(embedded).items() if not k.startswith("4")}
    assert all(abs(x) < 1e-12 for x in third.values()), third
    assert any(abs(x) > 1e-4 for x in conditions(embedded).values())
    # stiffly accurate, so R(infinity) = 0: the last row of beta is b
    assert np.allclose(beta[-1] - b, last, atol=1e-12)


# Tolerances


def hodgkin_huxley(**changed: str) -> str:
    text = HODGKIN_HUXLEY
    for name, value in {**AT_REST, **changed}.items():
        text = text.replace("{" + name + "}", value)
    return text


CASES = {
    "hodgkin_huxley": (hodgkin_huxley(V="6.123 mV"), 25.0, 0.1, 80.0),
    "adex": (ADEX.replace("{V}", "E_L"), 11.79, 0.01, -35.0),
    "izhikevich": (IZHIKEVICH, 3.0, 0.1, -10.0),
}
"""Text, duration (to just before the first reset), dt, and what V must have reached by then."""

ALLOWED = 3
"""How many tolerances the error of a whole run may come to."""


@pytest.mark.parametrize("tolerance", [1e-6, 1e-9])
@pytest.mark.parametrize("method", ADAPTIVE, ids=lambda m: m.value)
@pytest.mark.parametrize("name", CASES)
def test_the_tolerance_is_kept(name: str, method: Method, tolerance: float) -> None:
    """Against SciPy's DOP853 at 1e-12, relative to how much the equations magnify an error.

    A spike's upstroke multiplies what happened before; that is no error of the method, and is
    measured by moving the start by one tolerance.
    """
    text, duration, dt, peak = CASES[name]
    model = solved(text, method, tolerance)
    times = steps(duration, dt)
    exact = truth(model, times)
    assert exact[0].max() > peak
    got = trajectory(model, duration, dt)
    moved = truth(model, times, by=tolerance)
    magnified = np.maximum(np.abs(moved - exact).max(axis=1), tolerance)
    scale = np.maximum(1.0, np.abs(exact).max(axis=1)) * np.maximum(magnified / tolerance, 1.0)
    assert (np.abs(got - exact).max(axis=1) < ALLOWED * tolerance * scale).all()


# Stiff systems


def test_rosenbrock_solves_what_is_stiff() -> None:
    """Robertson's values at 40 ms: Hairer & Wanner (1996), IV.10, (10.1)."""
    model = solved(ROBERTSON, Method.ROSENBROCK, 1e-8)
    x, y, z = trajectory(model, 40.0, 4.0)[:, -1]
    assert x == pytest.approx(0.7158270688, rel=1e-6)
    assert y == pytest.approx(0.9185534764e-5, rel=1e-3)
    assert z == pytest.approx(0.2841637458, rel=1e-6)


# What cannot be


HIDDEN = """
model hidden_slope:
    state:
        x real = 1

    equations:
        x' = -doubled(x) / 1 ms

    update:
        integrate_odes()

    function doubled(y real) real:
        z real = y
        z += y
        return z
"""


@pytest.mark.parametrize("method", [m for m in Method if m.needs_jacobian])
def test_methods_that_need_derivatives_are_refused_where_there_are_none(method: Method) -> None:
    found = check_sources([Source("h.nestml", HIDDEN)], SolveOptions(method))
    (error,) = found.errors
    assert error.code.id == "NML340"
    assert error.span.text == "doubled(x)"
    assert method.value in error.message


@pytest.mark.parametrize("method", [None, *(m for m in Method if not m.needs_jacobian)])
def test_the_others_need_none(method: Method | None) -> None:
    moving = system(solved(HIDDEN, method))
    assert moving.jacobian == ()
    assert moving.no_jacobian == "`doubled` does more than compute one expression"


def test_where_the_solution_escapes_rosenbrock_gives_up_too() -> None:
    text = VAN_DER_POL.replace("{mu}", "1").replace("((1 - x * x) * y - x)", "y * y * 1e3")
    model = solved(text.replace("y real = 0", "y real = 1"), Method.ROSENBROCK)
    laid = schedule(Experiment(duration=1.0, dt=0.5), model).value
    assert laid is not None
    found = simulate(model, laid).errors
    assert [d.code.id for d in found] == ["NML936"]


# Parts


def test_what_is_too_stiff_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrators, "MOST_TRIALS", 1000)
    with pytest.raises(TooManyTrialSteps):
        dormand_prince(lambda x: [-1e7 * x[0]], [1.0], 0.1, Tolerance(1e-6, 1e-9))


def test_phi() -> None:
    assert phi(0.0) == 1.0
    assert phi(1e-300) == 1.0
    assert phi(-2.0) == pytest.approx((1 - math.exp(-2)) / 2, rel=1e-15)
    assert phi(1e6) == math.inf
    assert phi(-math.inf) == 0.0


def test_linear_equations() -> None:
    generator = np.random.default_rng(5)
    for n in range(1, 7):
        a = generator.normal(size=(n, n))
        a[0, 0] = 0.0  # needs a pivot, but for n = 1
        if n == 1:
            a[0, 0] = 2.0
        b = generator.normal(size=n)
        x = solution(factorised(a.tolist()), b.tolist())
        assert np.allclose(a @ x, b, rtol=1e-10, atol=1e-10)
    with pytest.raises(ZeroDivisionError):
        factorised([[1.0, 2.0], [2.0, 4.0]])
