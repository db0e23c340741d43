"""Types of expressions: integer, real, boolean, string, void, and quantities with a unit."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction

BASE = ("length", "potential", "time", "current", "temperature", "amount", "luminosity")
"""The base dimensions. Potential stands in place of mass: electricity then needs no factors."""

COHERENT = ("um", "mV", "ms", "pA", "K", "mmol", "cd")
"""The coherent unit of each base dimension; all numbers are kept in products of these."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """A physical dimension: one exact rational exponent for each base dimension."""

    exponents: tuple[Fraction, ...] = (Fraction(0),) * len(BASE)

    def __mul__(self, other: Dimension) -> Dimension:
        return Dimension(tuple(a + b for a, b in zip(self.exponents, other.exponents, strict=True)))

    def __pow__(self, exponent: Fraction) -> Dimension:
        return Dimension(tuple(a * exponent for a in self.exponents))

    @property
    def is_none(self) -> bool:
        return not any(self.exponents)


DIMENSIONLESS = Dimension()


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as written, its dimension, and the exact size of one such unit in coherent units.

    Two units are equal if they mean the same, however they are written.
    """

    text: str = field(compare=False)
    dimension: Dimension
    factor: Fraction

    def __mul__(self, other: Unit) -> Unit:
        text = product_text(self.text, other.text)
        return Unit(text, self.dimension * other.dimension, self.factor * other.factor)

    def __truediv__(self, other: Unit) -> Unit:
        text = quotient_text(self.text, other.text)
        inverse = other.dimension ** Fraction(-1)
        return Unit(text, self.dimension * inverse, self.factor / other.factor)


ONE = Unit("1", DIMENSIONLESS, Fraction(1))


def product_text(left: str, right: str) -> str:
    """Return the text of a product of units as NESTML reads it."""
    if left == "1":
        return right
    if right == "1":
        return left
    if left.startswith("1/"):
        return quotient_text(right, _below(left))
    if right.startswith("1/"):
        return quotient_text(left, _below(right))
    return f"{left}*({right})" if "/" in right else f"{left}*{right}"


def quotient_text(left: str, right: str) -> str:
    """Return the text of a quotient of units as NESTML reads it: all behind `1/` is below it."""
    if right == "1":
        return left
    if right.startswith("1/"):
        return product_text(left, _below(right))
    if left.startswith("1/"):
        return f"1/({product_text(_below(left), right)})"
    if left == "1" and right.count("/") == 1 and "(" not in right:
        return quotient_text(*reversed(right.split("/")))
    return f"{left}/({right})" if "*" in right or "/" in right else f"{left}/{right}"


def _below(reciprocal: str) -> str:
    """Return what stands below the 1, without parentheses around all of it."""
    text = reciprocal[2:]
    inner = text[1:-1]
    return inner if text[0] == "(" and text[-1] == ")" and "(" not in inner else text


class Base(Enum):
    INTEGER = "integer"
    REAL = "real"
    BOOLEAN = "boolean"
    STRING = "string"
    VOID = "void"
    QUANTITY = "quantity"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Type:
    """The type of a value. ``unit`` is set for quantities only."""

    base: Base
    unit: Unit | None = None

    def __str__(self) -> str:
        return self.unit.text if self.unit is not None else self.base.value

    @property
    def is_numeric(self) -> bool:
        return self.base in (Base.INTEGER, Base.REAL, Base.QUANTITY)

    @property
    def is_plain_number(self) -> bool:
        return self.base in (Base.INTEGER, Base.REAL)

    @property
    def dimension(self) -> Dimension:
        return self.unit.dimension if self.unit is not None else DIMENSIONLESS


INTEGER = Type(Base.INTEGER)
REAL = Type(Base.REAL)
BOOLEAN = Type(Base.BOOLEAN)
STRING = Type(Base.STRING)
VOID = Type(Base.VOID)
UNKNOWN = Type(Base.UNKNOWN)
"""The type of what could not be resolved: fits everywhere, so one cause gives one error."""


def quantity(unit: Unit) -> Type:
    """Return the type of values in ``unit``; a unit that cancels to exactly 1 is a real."""
    if unit.dimension.is_none and unit.factor == 1:
        return REAL
    return Type(Base.QUANTITY, unit)
