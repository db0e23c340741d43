"""The rules of types: what operators yield, and which values fit where."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from nestml_core.expr import Binary, Call, Conditional, Expr, integer, number
from nestml_core.types import (
    BOOLEAN,
    INTEGER,
    ONE,
    REAL,
    Base,
    Type,
    Unit,
    quantity,
)

COMPARISONS = frozenset(("<", "<=", "==", "!=", ">=", ">"))
BITWISE = frozenset(("&", "|", "^", "<<", ">>"))
LOGICAL = frozenset(("and", "or"))
ROUNDING = frozenset(("ceil", "floor", "round"))


def unit_of(type: Type) -> Unit:
    return type.unit if type.unit is not None else ONE


def is_plain(type: Type) -> bool:
    """Return whether values are numbers without a physical dimension."""
    return type.is_numeric and type.dimension.is_none


def product(left: Type, right: Type) -> Type:
    if left.base is Base.INTEGER and right.base is Base.INTEGER:
        return INTEGER
    return quantity(unit_of(left) * unit_of(right))


def quotient(left: Type, right: Type) -> Type:
    if left.is_plain_number and right.is_plain_number:
        return REAL
    return quantity(unit_of(left) / unit_of(right))


def common(left: Type, right: Type) -> Type | None:
    """Return the type of the sum, or of a choice, of two values; None if they do not go together.

    A plain number beside a quantity takes the quantity's type; whether that deserves a warning
    is for the caller to say.
    """
    if Base.UNKNOWN in (left.base, right.base):
        return right if left.base is Base.UNKNOWN else left
    if not (left.is_numeric and right.is_numeric):
        return left if left.base is right.base else None
    if left.base is Base.QUANTITY and right.base is Base.QUANTITY:
        return left if left.dimension == right.dimension else None
    if left.base is Base.QUANTITY:
        return left
    if right.base is Base.QUANTITY:
        return right
    return INTEGER if left.base is right.base is Base.INTEGER else REAL


def fit(value: Expr, target: Type) -> Expr | None:
    """Return ``value`` as a value of type ``target``; None if it does not fit.

    Quantities need no conversion, as all numbers are in coherent units already.
    """
    source = value.type
    if Base.UNKNOWN in (source.base, target.base) or source == target:
        return value
    match source.base, target.base:
        case (Base.INTEGER, Base.REAL) | (Base.QUANTITY, Base.REAL):
            return value
        case (Base.REAL, Base.INTEGER):
            if isinstance(value, Call) and value.function in ROUNDING:
                return replace(value, type=INTEGER)
            return Call("truncate", (value,), INTEGER, value.span)
        case (Base.QUANTITY, Base.INTEGER) if source.dimension.is_none:
            return Call("truncate", (value,), INTEGER, value.span)
        case (Base.BOOLEAN, Base.REAL):
            return Conditional(value, number(1), number(0), REAL, value.span)
        case (Base.REAL, Base.BOOLEAN):
            return Binary("!=", value, number(0), BOOLEAN, value.span)
        case (Base.INTEGER | Base.REAL, Base.QUANTITY) if target.dimension.is_none:
            return value
        case (Base.QUANTITY, Base.QUANTITY) if source.dimension == target.dimension:
            return value
        case _:
            return None


def constant(expr: Expr) -> Fraction | None:
    """Return the exact value of an expression of numbers alone."""
    from nestml_core.expr import Number, Unary

    match expr:
        case Number(value):
            return value
        case Unary("-", operand):
            inner = constant(operand)
            return None if inner is None else -inner
        case Binary(("+" | "-" | "*" | "/" | "%") as op, left, right):
            a, b = constant(left), constant(right)
            if a is None or b is None or (op in "/%" and b == 0):
                return None
            match op:
                case "/":
                    return a / b
                case "%":
                    return a - b * int(a / b)  # what division that truncates leaves, as in C
                case _:
                    return {"+": a + b, "-": a - b, "*": a * b}[op]
        case _:
            return None


def zero(type: Type) -> Expr:
    """Return what a variable without an initial value holds."""
    from nestml_core.expr import Boolean, Number, Text

    match type.base:
        case Base.BOOLEAN:
            return Boolean(False)
        case Base.STRING:
            return Text("")
        case Base.INTEGER:
            return integer(0)
        case _:
            return Number(Fraction(0), type)
