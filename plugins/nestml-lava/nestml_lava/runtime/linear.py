"""Exact steps of linear equations: divided differences and matrices of exponentials.

Lava executes this file for itself when it looks for models: it imports none of its neighbours.
"""

from typing import Any

import numpy as np


def expdd(h: Any, *rates: Any) -> Any:
    """Return the divided difference of ``x -> exp(x h)`` over two or more rates, elementwise.

    Rates may be equal or nearly equal: where they lie close together, the value is a series without
    a negative term; elsewhere it is the recursion that defines divided differences. See McCurdy, Ng
    & Parlett (1984), Math. Comp. 43:501-528.
    """
    a = np.sort(np.stack(np.broadcast_arrays(*rates)), axis=0)
    row = [np.exp(rate * h) for rate in a]
    for width in range(1, len(a)):
        row = [
            _divided_difference(h, a[i : i + width + 1], row[i], row[i + 1])
            for i in range(len(a) - width)
        ]
    return row[0]


def _divided_difference(h: Any, a: Any, without_last: Any, without_first: Any) -> Any:
    gap = a[-1] - a[0]
    if len(a) == 2:
        x = gap * h
        return np.exp(a[1] * h) * h * np.where(x > 0.0, -np.expm1(-x) / x, 1.0)
    return np.where(gap * h <= 4.0, _series(h, a), (without_first - without_last) / gap)


def _series(h: Any, a: Any) -> Any:
    """Sum ``h^(n-1) exp(a_1 h) H_k((a - a_1) h) / (n - 1 + k)!`` over k; H_k is homogeneous.

    64 terms are enough for ``(a_n - a_1) h <= 4``, where alone the sum is used.
    """
    n = len(a)
    x = np.minimum((a - a[0]) * h, 4.0)
    homogeneous = np.ones_like(x)
    weight = 1.0
    for k in range(2, n):
        weight /= k
    total = weight * homogeneous[-1]
    for k in range(1, 64):
        weight /= n - 1 + k
        homogeneous = np.cumsum(x * homogeneous, axis=0)
        total = total + weight * homogeneous[-1]
    return h ** (n - 1) * np.exp(a[0] * h) * total


def matrix_exponential(v: Any, *rows: Any) -> Any:
    """Return ``exp(matrix * dt)`` of each neuron, shape (..., n, n); ``rows`` are per ms.

    A Taylor series about the smallest diagonal entry, scaling and squaring: errors stay relative
    to each entry. See Xue & Ye (2013), Math. Comp. 82:1577-1596.
    """
    n = len(rows)
    entries = [np.shape(entry) for row in rows for entry in row]
    shape = np.broadcast_shapes(np.shape(v.dt), *entries)
    matrices = np.empty((*shape, n, n))
    for i, row in enumerate(rows):
        for j, entry in enumerate(row):
            matrices[..., i, j] = entry
    steps = np.broadcast_to(v.dt, shape).ravel()
    exponentials = [_shifted_taylor(m, h) for m, h in zip(matrices.reshape(-1, n, n), steps)]
    return np.stack(exponentials).reshape(matrices.shape)


def _shifted_taylor(matrix: Any, h: float) -> Any:
    if not np.isfinite(matrix).all():
        return np.full_like(matrix, np.nan)
    n = len(matrix)
    low = matrix.diagonal().min()
    b = (matrix - low * np.eye(n)) * h
    squarings = _squarings(np.abs(b))
    b = b * 2.0**-squarings
    size = np.abs(b)
    term, bound, total, largest = np.eye(n), np.eye(n), np.eye(n), np.eye(n)
    k = 0
    while k < n or (bound > 2.0**-60 * largest).any():
        k += 1
        term, bound = term @ b / k, bound @ size / k
        total = total + term
        largest = largest + bound
    result = total * np.exp(low * h * 2.0**-squarings)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(squarings):
            result = result @ result
    return result


def _squarings(power: Any) -> int:
    """Return the smallest s with ``|M^32|^(1/32) / 2^s <= 1/2``, M not negative."""
    log = 0.0
    for squared in range(6):
        if squared:
            power = power @ power
            log *= 2.0
        size = power.sum(axis=1).max()
        if size == 0.0:
            return 0
        power = power / size
        log += np.log2(size)
    return max(0, int(np.ceil(log / 32.0 + 1.0)))
