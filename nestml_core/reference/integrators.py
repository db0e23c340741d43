"""Integration of nonlinear systems over one step: the contract's methods, and one for the truth."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from nestml_core.reference.failure import ARITHMETIC
from nestml_core.solved import MOST_TRIALS, RODAS

Vector: TypeAlias = list[float]
Matrix: TypeAlias = list[list[float]]
RightHandSide: TypeAlias = Callable[[Vector], Vector]
JacobianMatrix: TypeAlias = Callable[[Vector], Matrix]

Watch: TypeAlias = Callable[[Vector, float, float], None]
"""Is told about a trial step: where it starts, its length in ms, its error."""

Start = TypeVar("Start")

STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
"""Coefficients a_ij of the stages 2 to 7; those of stage 7 are the solution of order 5."""

ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
"""The solution of order 5 minus that of order 4, in terms of the seven stages."""

SMALLEST = 16 * sys.float_info.epsilon
"""The shortest trial step, relative to the interval."""

TRUTH = 1e-12
"""Relative tolerance of ``accurate``; the absolute one is a tenth of it."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The largest error of a trial step: ``absolute + relative * |x|``."""

    relative: float
    absolute: float


class TrialStepTooSmall(Exception):
    """No trial step, however short, meets the tolerances."""


class TooManyTrialSteps(TrialStepTooSmall):
    """The trial steps that meet the tolerances are so short that the end is too far away."""


def unwatched(x: Vector, h: float, error: float) -> None:
    """Watch nothing."""


def dormand_prince(
    f: RightHandSide,
    x: Vector,
    interval: float,
    tolerance: Tolerance,
    *,
    watch: Watch = unwatched,
) -> Vector:
    """Return x after ``interval`` of ``x' = f(x)``, as ``Method.RK45`` prescribes.

    Parameters
    ----------
    f : right-hand side, unit of x per ms; may raise ``ArithmeticError`` or ``ValueError`` in a
        trial step, which counts as an infinite error
    x : shape (n,), the values at the start; not changed
    interval : ms
    tolerance : of each trial step
    watch : is told about every trial step

    Raises
    ------
    TrialStepTooSmall : where the solution runs off to infinity within the interval, say.

    References
    ----------
    Dormand & Prince (1980), J. Comput. Appl. Math. 6:19-26, table 2 (RK5(4)7M).
    """

    def trial(x: Vector, slope: Vector, h: float) -> tuple[Vector, Vector, float]:
        return _trial(f, x, slope, h, tolerance)

    return _controlled(f, trial, x, interval, exponent=-1 / 5, watch=watch)


def _controlled(
    first: Callable[[Vector], Start],
    trial: Callable[[Vector, Start, float], tuple[Vector, Start | None, float]],
    x: Vector,
    interval: float,
    *,
    exponent: float,
    watch: Watch,
) -> Vector:
    """Return x after ``interval``, by trial steps whose errors control their lengths.

    Parameters
    ----------
    first : what a trial step needs to know about the place where it starts
    trial : from start, what ``first`` says of it, and length to end, the same of the end (None if
        it is not known yet), and error
    exponent : of the error in the length of the next trial step
    """
    remaining = h = interval
    start = first(x)
    trials = 0
    while remaining > 0.0:
        trials += 1
        if trials > MOST_TRIALS:
            raise TooManyTrialSteps
        new, end, error = trial(x, start, h)
        watch(x, h, error)
        if error <= 1.0:
            x = new
            remaining -= h
            if remaining > 0.0:
                start = first(x) if end is None else end
        factor = 5.0 if error == 0.0 else min(5.0, max(0.2, 0.9 * error**exponent))
        h *= factor
        if h >= remaining:
            h = remaining
        elif h < SMALLEST * interval:
            raise TrialStepTooSmall
    return x


def _trial(
    f: RightHandSide, x: Vector, slope: Vector, h: float, tolerance: Tolerance
) -> tuple[Vector, Vector, float]:
    """Return the result of a trial step, the slope there, and the error; infinite if undefined."""
    k1 = slope
    (a21,), (a31, a32), (a41, a42, a43), fifth, sixth, last = STAGES
    a51, a52, a53, a54 = fifth
    a61, a62, a63, a64, a65 = sixth
    b1, b2, b3, b4, b5, b6 = last
    e1, e2, e3, e4, e5, e6, e7 = ERROR
    try:
        k2 = f([xi + h * (a21 * p) for xi, p in zip(x, k1, strict=True)])
        k3 = f([xi + h * (a31 * p + a32 * q) for xi, p, q in zip(x, k1, k2, strict=True)])
        k4 = f(
            [
                xi + h * (a41 * p + a42 * q + a43 * r)
                for xi, p, q, r in zip(x, k1, k2, k3, strict=True)
            ]
        )
        k5 = f(
            [
                xi + h * (a51 * p + a52 * q + a53 * r + a54 * s)
                for xi, p, q, r, s in zip(x, k1, k2, k3, k4, strict=True)
            ]
        )
        k6 = f(
            [
                xi + h * (a61 * p + a62 * q + a63 * r + a64 * s + a65 * t)
                for xi, p, q, r, s, t in zip(x, k1, k2, k3, k4, k5, strict=True)
            ]
        )
        new = [
            xi + h * (b1 * p + b2 * q + b3 * r + b4 * s + b5 * t + b6 * u)
            for xi, p, q, r, s, t, u in zip(x, k1, k2, k3, k4, k5, k6, strict=True)
        ]
        k7 = f(new)
    except ARITHMETIC:
        return x, slope, math.inf
    differences = [
        h * (e1 * p + e2 * q + e3 * r + e4 * s + e5 * t + e6 * u + e7 * w)
        for p, q, r, s, t, u, w in zip(k1, k2, k3, k4, k5, k6, k7, strict=True)
    ]
    return new, k7, _error(x, new, differences, tolerance)


def _error(x: Vector, new: Vector, differences: Vector, tolerance: Tolerance) -> float:
    """Return the error of a trial step relative to the tolerances; infinite if undefined."""
    errors = [
        abs(e) / (tolerance.absolute + tolerance.relative * max(abs(xi), abs(ni)))
        for xi, ni, e in zip(x, new, differences, strict=True)
    ]
    finite = all(map(math.isfinite, errors)) and all(map(math.isfinite, new))
    return max(errors) if finite else math.inf


def rosenbrock(
    f: RightHandSide,
    jacobian: JacobianMatrix,
    x: Vector,
    interval: float,
    tolerance: Tolerance,
    *,
    watch: Watch = unwatched,
) -> Vector:
    """Return x after ``interval`` of ``x' = f(x)``, as ``Method.ROSENBROCK`` prescribes.

    Parameters
    ----------
    jacobian : of f; rows of derivatives, per ms
    others : as for ``dormand_prince``

    Raises
    ------
    TrialStepTooSmall : where the solution runs off to infinity within the interval, say.

    References
    ----------
    Hairer & Wanner (1996), Solving Ordinary Differential Equations II, IV.7.
    """

    def first(x: Vector) -> tuple[Vector, Matrix]:
        return f(x), jacobian(x)

    def trial(x: Vector, start: tuple[Vector, Matrix], h: float) -> tuple[Vector, None, float]:
        try:
            new, last = _rodas(f, x, start, h)
        except ARITHMETIC:
            return x, None, math.inf
        return new, None, _error(x, new, last, tolerance)

    return _controlled(first, trial, x, interval, exponent=-1 / 4, watch=watch)


def _rodas(
    f: RightHandSide, x: Vector, start: tuple[Vector, Matrix], h: float
) -> tuple[Vector, Vector]:
    """Return the result of one step of RODAS, and the last stage, which is its error."""
    slope, rows = start
    shift = 1.0 / (h * RODAS.gamma)
    w = [[shift - a if i == j else -a for j, a in enumerate(row)] for i, row in enumerate(rows)]
    factors = factorised(w)
    stages = [solved(factors, slope)]
    place = x
    for i, couplings in enumerate(RODAS.couplings):
        if i < len(RODAS.stages):
            weights = RODAS.stages[i]
            place = [
                xi + _combined(weights, us)
                for xi, us in zip(x, zip(*stages, strict=True), strict=True)
            ]
        else:
            place = [xi + u for xi, u in zip(place, stages[-1], strict=True)]
        slope = f(place)
        right = [
            k + _combined(couplings, us) / h
            for k, us in zip(slope, zip(*stages, strict=True), strict=True)
        ]
        stages.append(solved(factors, right))
    last = stages[-1]
    return [xi + u for xi, u in zip(place, last, strict=True)], last


def factorised(matrix: Matrix) -> tuple[Matrix, list[int]]:
    """Return the factors L and U in one matrix, and the order of its rows (LU, row pivoting).

    Raises
    ------
    ZeroDivisionError : the matrix is singular.
    """
    a = [list(row) for row in matrix]
    n = len(a)
    order = list(range(n))
    for k in range(n):
        pivot = max(range(k, n), key=lambda i: abs(a[i][k]))
        a[k], a[pivot] = a[pivot], a[k]
        order[k], order[pivot] = order[pivot], order[k]
        for i in range(k + 1, n):
            factor = a[i][k] = a[i][k] / a[k][k]
            if factor != 0.0:
                for j in range(k + 1, n):
                    a[i][j] -= factor * a[k][j]
    if n and a[-1][-1] == 0.0:
        raise ZeroDivisionError("a singular matrix")
    return a, order


def solved(factors: tuple[Matrix, list[int]], right: Vector) -> Vector:
    """Return the solution of the linear equations whose matrix was ``factorised``."""
    a, order = factors
    x = [right[i] for i in order]
    n = len(x)
    for i in range(1, n):
        for j in range(i):
            x[i] -= a[i][j] * x[j]
    for i in reversed(range(n)):
        for j in range(i + 1, n):
            x[i] -= a[i][j] * x[j]
        x[i] /= a[i][i]
    return x


def forward_euler(f: RightHandSide, x: Vector, interval: float) -> Vector:
    """Return x after one explicit step of the length of ``interval``."""
    return [xi + interval * k for xi, k in zip(x, f(x), strict=True)]


def runge_kutta(f: RightHandSide, x: Vector, interval: float) -> Vector:
    """Return x after one step of the classical method, as ``Method.RK4`` prescribes."""

    def moved(h: float, slope: Vector) -> Vector:
        return [xi + h * k for xi, k in zip(x, slope, strict=True)]

    k1 = f(x)
    k2 = f(moved(interval / 2, k1))
    k3 = f(moved(interval / 2, k2))
    k4 = f(moved(interval, k3))
    slopes = zip(k1, k2, k3, k4, strict=True)
    return moved(interval / 6, [a + 2.0 * b + 2.0 * c + d for a, b, c, d in slopes])


def exponential_euler(f: RightHandSide, rates: RightHandSide, x: Vector, interval: float) -> Vector:
    """Return x after one step, as ``Method.EXPONENTIAL_EULER`` prescribes.

    Parameters
    ----------
    rates : the diagonal of the Jacobian, per ms
    """
    return [
        xi + interval * phi(interval * a) * k for xi, k, a in zip(x, f(x), rates(x), strict=True)
    ]


def rush_larsen(f: RightHandSide, rates: RightHandSide, x: Vector, interval: float) -> Vector:
    """Return x after one step of order 2, as ``Method.RUSH_LARSEN`` prescribes."""
    middle = exponential_euler(f, rates, x, interval / 2)
    return [
        xi + interval * phi(interval * a) * (k + a * (xi - mi))
        for xi, mi, k, a in zip(x, middle, f(middle), rates(middle), strict=True)
    ]


def phi(z: float) -> float:
    """Return ``(exp(z) - 1) / z``, and its limit 1 at zero."""
    if z == 0.0:
        return 1.0
    try:
        return math.expm1(z) / z
    except OverflowError:
        return math.inf


def accurate(f: RightHandSide, x: Vector, interval: float) -> Vector:
    """Return x after ``interval`` to a relative 1e-12 of each variable and internal step.

    SciPy's DOP853, or Radau where that gives up: Hairer, Norsett & Wanner (1993), Solving Ordinary
    Differential Equations I, II.10; Hairer & Wanner (1996), II, IV.8.

    Raises
    ------
    TrialStepTooSmall : neither of them gets through.
    """
    from scipy.integrate import solve_ivp

    for method in ("DOP853", "Radau"):
        done = solve_ivp(
            lambda _, y: f(y.tolist()),
            (0.0, interval),
            x,
            method=method,
            rtol=TRUTH,
            atol=TRUTH / 10,
        )
        if done.success:
            result: Vector = done.y[:, -1].tolist()
            return result
    raise TrialStepTooSmall


def _combined(weights: Sequence[float], slopes: Sequence[float]) -> float:
    """Return the weighted sum, added in order: ``sum`` compensates in some Pythons only."""
    total = 0.0
    for weight, slope in zip(weights, slopes, strict=False):
        total += weight * slope
    return total
