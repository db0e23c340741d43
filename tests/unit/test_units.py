"""The table of units against Pint, the authority."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pint
import pytest

from nestml_core import units
from nestml_core.types import Dimension

REGISTRY: Any = pint.UnitRegistry(non_int_type=Fraction)
WHOLE = {"d": "day", "h": "hour", "G": "1e-4 tesla", "Mx": "1e-8 weber", "mcd": "millicandela"}
ENDING = {"Ohm": "ohm", "L": "liter", "l": "liter"}


def pint_name(name: str) -> str:
    """Return what Pint calls a unit; Gauss and Maxwell have SI sizes by convention only."""
    if name in WHOLE:
        return WHOLE[name]
    for ours, theirs in ENDING.items():
        if name.endswith(ours) and name[: -len(ours)] in ("", *units._PREFIXES):
            return name[: -len(ours)] + theirs
    return name


def coherent(quantity: str) -> tuple[Fraction, Dimension]:
    """Return size and dimension of a Pint unit by way of its SI base units."""
    number, _, name = quantity.rpartition(" ")
    factor, base = REGISTRY.get_base_units(name)
    size, dimension = Fraction(factor) * Fraction(number or 1), Dimension()
    names = {
        "meter": "m",
        "second": "s",
        "ampere": "A",
        "kelvin": "K",
        "mole": "mol",
        "candela": "cd",
        "kilogram": "kg",
        "gram": "g",
    }
    for unit, exponent in base._units.items():
        if unit in ("radian", "count"):
            continue
        own = units.unit(names[unit])
        assert own is not None
        size *= own.factor ** int(exponent)
        dimension = dimension * own.dimension ** Fraction(exponent)
    return size, dimension


@pytest.mark.parametrize("name", sorted(units.table()))
def test_every_unit_is_what_pint_says(name: str) -> None:
    ours = units.unit(name)
    assert ours is not None
    assert (ours.factor, ours.dimension) == coherent(pint_name(name))


@pytest.mark.parametrize("name", sorted(units.PINT_NAMES))
def test_further_units_come_from_pint(name: str) -> None:
    ours = units.unit(name)
    assert ours is not None
    assert (ours.factor, ours.dimension) == coherent(units.PINT_NAMES[name])


def test_electricity_needs_no_factors() -> None:
    for text in ("nS*mV/pA", "pF*mV/ms/pA", "mV/GOhm/pA", "pF*GOhm/ms", "1/ms/kHz"):
        unit = units.parse_unit(text)
        assert unit is not None
        assert unit.factor == 1
        assert unit.dimension.is_none


@pytest.mark.parametrize(
    "name", ["min", "M", "mM", "eV", "bar", "u", "degC", "deg_C", "µm", "kday"]
)
def test_names_that_are_no_units(name: str) -> None:
    assert units.unit(name) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [(400, 400.0), ("400", 400.0), ("0.4 nA", 400.0), ("4e-10A", 400.0), ("1 mV*nS", 1.0)],
)
def test_magnitudes(value: Any, expected: float) -> None:
    assert units.magnitude(value, units.unit("pA")) == expected


def test_a_pint_quantity_is_converted() -> None:
    other: Any = pint.UnitRegistry()
    assert units.magnitude(0.4 * other.nA, units.unit("pA")) == pytest.approx(400.0, rel=1e-15)
    assert units.magnitude(2 * other.mm, units.unit("um")) == pytest.approx(2000.0, rel=1e-15)
    assert units.magnitude(1 * other.kg, units.unit("g")) == units.magnitude(1000, units.unit("g"))
    with pytest.raises(ValueError, match="multiple"):
        units.magnitude(1 * other.mV, units.unit("pA"))


@pytest.mark.parametrize("text", ["4 mV", "4 foo", "4 pA/", "4 (pA)", "x pA"])
def test_text_that_is_no_current(text: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        units.magnitude(text, units.unit("pA"))


def test_roots_are_exact_or_refused() -> None:
    mv, v = units.unit("mV"), units.unit("V")
    assert mv is not None
    assert v is not None
    half = units.power(mv, Fraction(1, 2))
    assert half is not None
    assert half.factor == 1
    assert units.power(v, Fraction(1, 2)) is None  # the square root of 1000
    squared = units.power(v, Fraction(2))
    assert squared is not None
    assert squared.factor == 10**6
