"""Divided differences of the exponential, and the exponential of a matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from operator import mul

CLUSTER = 4.0
"""Rates that lie closer together than this, times ``h``, are summed as a series."""

POWER = 5
"""The norm of M^(2^POWER) tells the spectral radius of M."""

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
    """Return ``exp(matrix h)``, each entry accurate, however different their sizes.

    With m the smallest diagonal entry and ``B = (matrix - m) h``, whose diagonal is not negative,
    it is ``(exp(m h / 2^s) T(B / 2^s))^(2^s)``, T being the Taylor series. The smallest s is taken
    that makes the spectral radius of ``|B| / 2^s`` at most 1/2, and the series goes on until no
    entry of the series of ``|B|`` changes. Nothing is divided, and scaling the variables does not
    change a bit of the work, so errors stay relative to each entry: about ``2^s`` roundings times
    ``sum over k of |exp(matrix h/2)_ik| |exp(matrix h/2)_kj|``.

    Parameters
    ----------
    matrix : square, its entries per ms
    h : the step, in ms

    Returns
    -------
    The exponential, row by row; not-a-numbers if an entry is not finite.

    References
    ----------
    Xue & Ye (2013), Math. Comp. 82:1577-1596 (shifted Taylor series, entrywise accuracy).
    """
    import numpy as np

    a = np.array(matrix, dtype=float)
    if not (math.isfinite(h) and np.isfinite(a).all()):
        return np.full_like(a, math.nan).tolist()  # type: ignore[no-any-return]
    n = len(a)
    low = float(min(a.diagonal()))
    b = (a - low * np.eye(n)) * h
    s = _squarings(np.abs(b).tolist())
    b *= 2.0**-s
    size = np.abs(b)
    term, bound, total, largest = np.eye(n), np.eye(n), np.eye(n), np.eye(n)
    k = 0
    while k < n or (bound > SERIES_END * largest).any():  # paths of up to n - 1 couplings count
        k += 1
        term, bound = term @ b / k, bound @ size / k
        total += term
        largest += bound
    result = total * math.exp(low * h * 2.0**-s)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(s):
            result = result @ result
    return result.tolist()  # type: ignore[no-any-return]


def _squarings(matrix: list[list[float]]) -> int:
    """Return the smallest s with ``|M^32|^(1/32) / 2^s <= 1/2``, M not negative.

    That is the spectral radius of M or a little more; unlike the norm of M itself it hardly
    depends on the units of the variables.
    """
    power, log = matrix, 0.0
    for squared in range(POWER + 1):
        if squared:
            columns = list(zip(*power, strict=True))
            power = [[sum(map(mul, row, c)) for c in columns] for row in power]
            log *= 2
        size: float = max(map(sum, power))
        if size == 0.0:
            return 0
        power = [[x / size for x in row] for row in power]
        log += math.log2(size)
    return max(0, math.ceil(log / float(2**POWER) + 1.0))
