"""Divided differences of the exponential, and the exponential of a matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

CLUSTER = 4.0
"""Rates that lie closer together than this, times ``h``, are summed as a series."""

SERIES_END = 2.0**-60
"""Relative size of the first term of the series that no longer counts."""


def expdd(h: float, *rates: float) -> float:
    """Return the divided difference of ``x -> exp(x h)`` over ``rates``.

    This is what couples states with different time constants in exact integration: for two rates
    ``(exp(a h) - exp(b h)) / (a - b)``, and ``h exp(a h)`` in the limit of equal ones.

    All rates are put in order. Where they lie close together, the value is the series ::

        h^(n-1) exp(m h) sum_k  H_k((a_1 - m) h, ..., (a_n - m) h) / (n - 1 + k)!

    with m the smallest rate and H_k the complete homogeneous symmetric polynomials: no term is
    negative, so nothing cancels. Elsewhere it is the recursion that defines divided differences,
    which subtracts numbers of clearly different size.

    Parameters
    ----------
    h : the step, in ms
    rates : two or more, per ms, in any order, equal or nearly equal ones allowed

    Returns
    -------
    The divided difference, in ms^(n-1), with a relative error of about 1e-15 for up to 6 rates.

    Raises
    ------
    ValueError : fewer than two rates.

    References
    ----------
    McCurdy, Ng & Parlett (1984), Math. Comp. 43:501-528 (accurate divided differences of exp).
    """
    if len(rates) < 2:
        raise ValueError("expdd needs at least two rates")
    ordered = sorted(rates)
    if not all(map(math.isfinite, (h, *ordered))):
        return math.nan
    n = len(ordered)
    row = [exp_product(a, h) for a in ordered]
    for width in range(1, n):
        row = [
            _difference(h, ordered[i : i + width + 1], row[i], row[i + 1]) for i in range(n - width)
        ]
    return row[0]


def _difference(
    h: float, rates: Sequence[float], without_last: float, without_first: float
) -> float:
    gap = rates[-1] - rates[0]
    if len(rates) == 2:
        return _pair(h, rates[0], rates[1])
    if gap * h <= CLUSTER:
        return _series(h, rates)
    return (without_first - without_last) / gap


def _pair(h: float, low: float, high: float) -> float:
    """Return ``exp(high h) h (1 - exp(-x)) / x`` with ``x = (high - low) h``."""
    x = (high - low) * h
    return exp_product(high, h) * h * (-math.expm1(-x) / x if x else 1.0)


def _series(h: float, rates: Sequence[float]) -> float:
    n = len(rates)
    x = [(a - rates[0]) * h for a in rates]
    homogeneous = [1.0] * n  # H_k of the first 1, 2, ..., n of x
    weight = 1.0 / math.factorial(n - 1)
    total = weight
    k = 0
    while weight * homogeneous[-1] > SERIES_END * total:
        k += 1
        weight /= n - 1 + k
        below = 0.0
        for i, xi in enumerate(x):
            below += xi * homogeneous[i]
            homogeneous[i] = below
        total += weight * homogeneous[-1]
    return h ** (n - 1) * exp_product(rates[0], h) * total


def exp_product(a: float, h: float) -> float:
    """Return ``exp(a h)`` to one or two units in the last place, however large the product is.

    The rounding error of the product, which the exponential would magnify, is made up for.
    """
    x = a * h
    if not math.isfinite(x):
        return math.inf if x > 0 else 0.0
    lost = float(Fraction(a) * Fraction(h) - Fraction(x))
    try:
        return math.exp(x) * (1.0 + lost)
    except OverflowError:
        return math.inf


def matrix_exponential(matrix: Sequence[Sequence[float]], h: float) -> list[list[float]]:
    """Return ``exp(matrix h)``; ``matrix`` is square, its entries per ms, ``h`` in ms.

    SciPy's scaling and squaring: Al-Mohy & Higham (2009), SIAM J. Matrix Anal. Appl. 31:970-989.
    """
    import numpy as np
    from scipy.linalg import expm

    result: list[list[float]] = expm(np.array(matrix, dtype=float) * h).tolist()
    return result
