"""Integration of nonlinear systems over one step: the contract's methods, and one for the truth."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from typing import TypeAlias

from nestml_core.reference.failure import ARITHMETIC

Vector: TypeAlias = list[float]
RightHandSide: TypeAlias = Callable[[Vector], Vector]

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


class TrialStepTooSmall(Exception):
    """No trial step, however short, meets the tolerances."""


def dormand_prince(
    f: RightHandSide, x: Vector, interval: float, relative: float, absolute: float
) -> Vector:
    """Return x after ``interval`` of ``x' = f(x)``, as ``Method.RK45`` prescribes.

    Parameters
    ----------
    f : right-hand side, unit of x per ms; may raise ``ArithmeticError`` or ``ValueError`` in a
        trial step, which counts as an infinite error
    x : shape (n,), the values at the start; not changed
    interval : ms
    relative, absolute : tolerances of each trial step

    Raises
    ------
    TrialStepTooSmall : where the solution runs off to infinity within the interval, say.

    References
    ----------
    Dormand & Prince (1980), J. Comput. Appl. Math. 6:19-26, table 2 (RK5(4)7M).
    """
    remaining = h = interval
    slope = f(x)
    while remaining > 0.0:
        new, new_slope, error = _trial(f, x, slope, h, relative=relative, absolute=absolute)
        if error <= 1.0:
            x, slope = new, new_slope
            remaining -= h
        factor = 5.0 if error == 0.0 else min(5.0, max(0.2, 0.9 * error**-0.2))
        h *= factor
        if h >= remaining:
            h = remaining
        elif h < SMALLEST * interval:
            raise TrialStepTooSmall
    return x


def _trial(
    f: RightHandSide, x: Vector, slope: Vector, h: float, *, relative: float, absolute: float
) -> tuple[Vector, Vector, float]:
    """Return the result of a trial step, the slope there, and the error; infinite if undefined."""
    slopes = [slope]
    new = x
    try:
        for row in STAGES:
            new = [
                xi + h * _combined(row, ks)
                for xi, ks in zip(x, zip(*slopes, strict=True), strict=True)
            ]
            slopes.append(f(new))
    except ARITHMETIC:
        return x, slope, math.inf
    errors = [
        abs(h * _combined(ERROR, ks)) / (absolute + relative * max(abs(xi), abs(ni)))
        for xi, ni, ks in zip(x, new, zip(*slopes, strict=True), strict=True)
    ]
    finite = all(map(math.isfinite, errors)) and all(map(math.isfinite, new))
    return new, slopes[-1], max(errors) if finite else math.inf


def forward_euler(f: RightHandSide, x: Vector, interval: float) -> Vector:
    """Return x after one explicit step of the length of ``interval``."""
    return [xi + interval * k for xi, k in zip(x, f(x), strict=True)]


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
