"""Divided differences of the exponential, against 250-digit arithmetic."""

from __future__ import annotations

import math

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestml_core.reference import expdd
from nestml_core.reference.exponential import matrix_exponential

mpmath.mp.dps = 250

RELATIVE = 4e-15
"""Largest relative error, for up to six rates."""


def exact(h: float, rates: tuple[float, ...]) -> mpmath.mpf:
    """Return the divided difference by its recursion, equal rates moved 1e-30 apart."""
    a = [mpmath.mpf(r) + i * mpmath.mpf(10) ** -30 for i, r in enumerate(sorted(rates))]
    row = [mpmath.exp(x * mpmath.mpf(h)) for x in a]
    for width in range(1, len(a)):
        row = [(row[i + 1] - row[i]) / (a[i + width] - a[i]) for i in range(len(a) - width)]
    return row[0]


def relative_error(h: float, rates: tuple[float, ...]) -> float:
    return float(abs(expdd(h, *rates) / exact(h, rates) - 1))


GAPS = [0.0, 1e-16, 1e-12, 1e-9, 1e-6, 1e-3, 0.1, 1.0, 10.0, 100.0]


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("h", [0.01, 0.1, 1.0, 10.0])
@pytest.mark.parametrize("n", [2, 3, 4])
def test_every_gap(gap: float, h: float, n: int) -> None:
    rates = (-0.1, *(-0.1 * (1 + gap * i) for i in range(1, n)))
    assert relative_error(h, rates) < RELATIVE


rate = st.one_of(
    st.floats(-20, 0),
    st.sampled_from([0.0, -0.1, -0.5, -0.1 * (1 + 1e-15), -0.1 * (1 + 1e-8), -0.1 * (1 + 1e-4)]),
)


@given(st.floats(0.01, 10), st.lists(rate, min_size=2, max_size=6))
@settings(max_examples=200, deadline=None)
def test_any_rates(h: float, rates: list[float]) -> None:
    assert relative_error(h, tuple(rates)) < RELATIVE


@given(st.lists(rate, min_size=2, max_size=5))
@settings(max_examples=50, deadline=None)
def test_order_of_rates_does_not_matter(rates: list[float]) -> None:
    assert expdd(0.1, *rates) == expdd(0.1, *reversed(rates))


def test_limits() -> None:
    assert expdd(2.0, 0.0, 0.0) == 2.0
    assert expdd(2.0, 0.0, 0.0, 0.0) == pytest.approx(2.0, rel=1e-15)
    assert expdd(2.0, 0.0, 0.0, 0.0, 0.0) == pytest.approx(8 / 6, rel=1e-15)
    assert expdd(3.0, -0.1, -0.1) == pytest.approx(3.0 * math.exp(-0.3), rel=1e-15)


def test_rates_of_any_size() -> None:
    assert expdd(0.1, -1e8, -0.1) == pytest.approx(math.exp(-0.01) / (1e8 - 0.1), rel=1e-14)
    assert expdd(1.0, -1e4, -1e4) == 0.0
    assert math.isnan(expdd(0.1, -math.inf, -0.1))


def test_one_rate_is_no_difference() -> None:
    with pytest.raises(ValueError, match="two rates"):
        expdd(0.1, -1.0)


def test_matrix_exponential_of_a_rotation() -> None:
    (a, b), (c, d) = matrix_exponential([[0.0, 2.0], [-2.0, 0.0]], 0.3)
    expected = [math.cos(0.6), math.sin(0.6), -math.sin(0.6), math.cos(0.6)]
    assert [a, b, c, d] == pytest.approx(expected, rel=1e-14)
