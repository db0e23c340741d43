"""The table of units against Pint, the authority."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestml_core import units
from nestml_core.expr import Number
from nestml_core.pipeline import resolved_models
from nestml_core.source import Source
from nestml_core.types import COHERENT, Dimension, Type, Unit

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


# Expressions of units: NESTML's reading of a text against Pint's arithmetic


@dataclass(frozen=True)
class Parts:
    """A unit as NESTML text, and the same as a Pint quantity."""

    text: str
    quantity: Any = field(repr=False)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # Pint's own fails on fractions
        printer.text(self.text)

    @property
    def grouped(self) -> str:
        return self.text if self.text.isalpha() else f"({self.text})"


EXPONENTS = st.sampled_from([-3, -2, -1, 2, 3])


@st.composite
def named(draw: st.DrawFn) -> Parts:
    name = draw(st.sampled_from([*sorted(units.table()), *sorted(units.PINT_NAMES)]))
    text = pint_name(units.PINT_NAMES.get(name, name))
    number, _, unit = text.rpartition(" ")
    return Parts(name, REGISTRY.Quantity(Fraction(number or 1), unit))


def combined(parts: st.SearchStrategy[Parts]) -> st.SearchStrategy[Parts]:
    def product(a: Parts, b: Parts) -> Parts:
        return Parts(f"{a.grouped}*{b.grouped}", a.quantity * b.quantity)

    def quotient(a: Parts, b: Parts) -> Parts:
        return Parts(f"{a.grouped}/{b.grouped}", a.quantity / b.quantity)

    def power(a: Parts, k: int) -> Parts:
        return Parts(f"{a.grouped}**{k}", a.quantity**k)

    def reciprocal(a: Parts) -> Parts:
        return Parts(f"1/{a.grouped}", 1 / a.quantity)

    def chain(a: Parts, b: Parts, c: Parts, ops: str) -> Parts:
        """Return a chain without parentheses: left to right, but all behind 1/ is below it."""
        first = a.quantity * b.quantity if ops[0] == "*" else a.quantity / b.quantity
        whole = first * c.quantity if ops[1] == "*" else first / c.quantity
        text = f"{a.grouped}{ops[0]}{b.grouped}{ops[1]}{c.grouped}"
        return Parts(f"1/{text}", 1 / whole) if ops[2] == "1" else Parts(text, whole)

    ops = st.sampled_from([a + b + c for a in "*/" for b in "*/" for c in " 1"])
    return (
        st.builds(product, parts, parts)
        | st.builds(quotient, parts, parts)
        | st.builds(power, parts, EXPONENTS)
        | st.builds(reciprocal, parts)
        | st.builds(chain, parts, parts, parts, ops)
    )


EXPRESSIONS = st.recursive(named(), combined, max_leaves=6)


def declared(unit: str) -> tuple[Unit | None, Fraction | None]:
    """Return a unit as the compiler reads it, in the place of a type and behind a number."""
    text = f"model m:\n    parameters:\n        x {unit} = 3 {unit}\n"
    result = resolved_models(Source("m.nestml", text))
    if result.value is None:
        assert [d.code.id for d in result.diagnostics if d.is_error] in (
            ["NML208", "NML208"],
            ["NML212"],
        ), result.diagnostics
        return None, None
    (parameter,) = result.value[0].parameters
    value = parameter.value
    assert isinstance(value, Number)
    assert value.type.dimension == parameter.symbol.type.dimension
    return parameter.symbol.type.unit or units.ONE, value.value


def coherent_size(quantity: Any, dimension: Dimension, root: int = 1) -> Fraction:
    """Return ``quantity ** (1 / root)`` in the coherent unit of ``dimension``, to the power root.

    Pint raises an error if the dimension is another one.
    """
    target = REGISTRY.Unit("")
    for name, exponent in zip(COHERENT, dimension.exponents, strict=True):
        target *= REGISTRY.Unit(name) ** (exponent * root)
    return Fraction(quantity.to(target).magnitude)


@given(EXPRESSIONS)
def test_products_quotients_and_powers_are_what_pint_says(parts: Parts) -> None:
    text, quantity = parts.text, parts.quantity
    unit, value = declared(text)
    if unit is None:
        size = abs(coherent_size(quantity, own_dimension(text)))
        assert not 1e-300 < 3 * size < 1e300
        return
    expected = coherent_size(quantity, unit.dimension)
    assert (unit.factor, value) == (expected, 3 * expected)


@given(EXPRESSIONS, st.sampled_from([1, 2, 3, 5]), st.sampled_from([2, 3, 4]), st.booleans())
def test_roots_are_what_pint_says(parts: Parts, over: int, under: int, minus: bool) -> None:
    text, quantity = parts.text, parts.quantity
    exponent = Fraction(-over if minus else over, under)
    sign = "-" if minus else ""
    unit, value = declared(f"({text})**{sign}({over}/{under})")
    if unit is not None:
        raised = quantity**exponent.numerator
        root = exponent.denominator
        assert unit.factor**root == coherent_size(raised, unit.dimension, root)
        assert value == 3 * unit.factor
        return
    # refused: the root is irrational, or the number is out of range
    power = own_dimension(text) ** Fraction(exponent.numerator)
    size = coherent_size(quantity**exponent.numerator, power)
    assert not is_power(size, exponent.denominator) or not 1e-300 < size < 1e300


def own_dimension(text: str) -> Dimension:
    unit = declared_type(text).unit
    return unit.dimension if unit is not None else Dimension()


def declared_type(text: str) -> Type:
    result = resolved_models(Source("m.nestml", f"model m:\n    parameters:\n        x {text}\n"))
    assert result.value is not None, result.diagnostics
    return result.value[0].parameters[0].symbol.type


def is_power(size: Fraction, k: int) -> bool:
    def root(n: int) -> int:
        with localcontext() as context:
            context.prec = len(str(n)) // k + 20
            return round(Decimal(n) ** (Decimal(1) / k))

    return Fraction(root(size.numerator), root(size.denominator)) ** k == size


@given(named(), named())
def test_texts_of_units_mean_the_unit(first: Parts, second: Parts) -> None:
    """The text of a derived unit, which messages show, is read back as the same unit."""
    a, b = units.unit(first.text), units.unit(second.text)
    assert a is not None
    assert b is not None
    inverse = units.ONE / a
    for unit in (a * b, a / b, inverse * b, inverse / b, b / inverse, a / (b / a), b * inverse):
        if not unit.dimension.is_none:
            assert declared_type(unit.text).unit == unit


@pytest.mark.parametrize(
    ("unit", "shorter", "coherent"),
    [
        ("pA*ms/pF", "mV", "mV"),
        ("nS*mV", "pA", "pA"),
        ("V*nS", "nA", "pA"),
        ("pA/pF", "", "mV/ms"),
        ("pA*GOhm/ms", "mV/ms", "mV/ms"),
        ("mV*mV", "mV**2", "mV**2"),
        ("1/ms", "", "1/ms"),
        ("uF/cm**2", "", "pF/um**2"),
        ("kHz*ms", "", "1"),
        ("s/ms", "", "1"),
    ],
)
def test_units_in_words(unit: str, shorter: str, coherent: str) -> None:
    found = units.parse_unit(unit)
    assert found is not None
    assert (units.simpler(found), units.coherent_text(found.dimension)) == (shorter, coherent)
