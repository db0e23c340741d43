"""Units and type names as written become units and types."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from fractions import Fraction
from types import MappingProxyType

from nestml_core import units
from nestml_core.resolve import codes
from nestml_core.resolve.scope import Scope
from nestml_core.source import Span
from nestml_core.syntax import tree
from nestml_core.types import (
    BOOLEAN,
    INTEGER,
    ONE,
    REAL,
    STRING,
    UNKNOWN,
    VOID,
    Type,
    Unit,
    quantity,
)

_PRIMITIVES = {
    "integer": INTEGER,
    "real": REAL,
    "boolean": BOOLEAN,
    "string": STRING,
    "void": VOID,
}


def type_of(written: tree.TypeName, scope: Scope, *, result: bool = False) -> Type:
    """Return the type that ``written`` names; only the ``result`` of a function is ``void``."""
    if written.primitive == "void" and not result:
        message = "`void` is the type of no value"
        help = "only a function can have it as its result: then it returns nothing"
        scope.found.append(codes.NOT_HERE.at(written.span, message, help=help))
        return UNKNOWN
    if written.primitive is not None:
        return _PRIMITIVES[written.primitive]
    assert written.unit is not None
    unit = unit_of(written.unit, scope)
    if unit is None:
        return UNKNOWN
    found = quantity(Unit(written.unit.span.text, unit.dimension, unit.factor))
    return found


def declared_type(d: tree.Declaration, scope: Scope) -> Type:
    """Return the type of a declaration; of a type in front of the name, say so."""
    first, second = d.variables[0].name.text, d.type.unit
    a_type = first in OTHER_TYPES or (len(first) > 1 and units.unit(first) is not None)
    if not (a_type and len(d.variables) == 1 and isinstance(second, tree.UnitName)):
        return type_of(d.type, scope)
    choices = (*units.table(), *units.PINT_NAMES, *OTHER_TYPES, *_PRIMITIVES)
    if not second.name.isascii() or get_close_matches(second.name, choices, 1, 0.75):
        return type_of(d.type, scope)
    name, meant = second.name, OTHER_TYPES.get(first, first)
    if name not in scope.lost:
        message = f"`{name}` is no unit and no type: the name stands before its type"
        help = f"write `{name} {meant}`"
        scope.found.append(codes.UNKNOWN_UNIT.at(second.span, message, help=help))
        scope.lost |= {name}
    return UNKNOWN


OTHER_TYPES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("float", "double", "number", "float64"), "real"),
        **{"int": "integer", "long": "integer", "bool": "boolean", "str": "string"},
        **{"msec": "ms", "sec": "s", "usec": "us", "hz": "Hz", "volt": "V", "amp": "A"},
        **{"M": "mol/l", "mM": "mmol/l", "uM": "umol/l", "nM": "nmol/l", "min": "minute"},
    }
)
"""What types and units are called elsewhere."""


def unit_of(written: tree.Unit, scope: Scope, *, literal: bool = False) -> Unit | None:
    """Return the unit that ``written`` denotes; None, with a report, if it denotes none.

    ``literal`` says that it stands behind a number, where a missing ``*`` is a likely slip.
    """
    match written:
        case tree.UnitName(name, span):
            return named(name, span, scope, literal=literal)
        case tree.UnitPower(base, exponent, span):
            unit = unit_of(base, scope, literal=literal)
            return None if unit is None else raised(unit, exponent, span, scope)
        case tree.UnitProduct(left, op, right):
            a, b = unit_of(left, scope, literal=literal), unit_of(right, scope, literal=literal)
            if a is None or b is None:
                return None
            return a * b if op == "*" else a / b
        case tree.UnitReciprocal(numerator, below, span):
            if numerator != 1:
                message = f"a unit cannot have the numerator {numerator}"
                help = "only 1 can stand above a unit: put the number before it"
                scope.found.append(codes.BAD_UNIT.at(span, message, help=help))
                return None
            unit = unit_of(below, scope, literal=literal)
            return None if unit is None else ONE / unit


def raised(unit: Unit, exponent: Fraction, span: Span, scope: Scope) -> Unit | None:
    result = units.power(unit, exponent)
    if result is None:
        message = f"`{unit.text}` to the power {exponent} has no exact size in coherent units"
        help = "choose a prefix whose root is a whole power of ten, or write the factor out"
        scope.found.append(codes.BAD_EXPONENT.at(span, message, help=help))
    return result


def named(name: str, span: Span, scope: Scope, *, literal: bool = False) -> Unit | None:
    unit = units.unit(name)
    if unit is not None:
        return unit
    if literal and scope.is_variable(name) and name not in scope.lost:
        message = f"`{name}` is a variable, not a unit, and stands directly behind a number"
        help = "write `*` or `/` between a number and a variable"
        scope.found.append(codes.UNKNOWN_UNIT.at(span, message, help=help))
        return None
    if name in units.OFFSET:
        message = f"`{name}` has an offset and cannot be converted by a factor"
        scope.found.append(codes.BAD_UNIT.at(span, message, help="use `K`"))
    elif name not in scope.lost and name.isascii():  # what is not has been reported
        close = get_close_matches(name, (*units.table(), *units.PINT_NAMES), 1, 0.75)
        same = [u for u in units.table() if u.lower() == name.lower()]
        best = same or close
        help = f"did you mean `{best[0]}`?" if best else ""
        if name in OTHER_TYPES:
            help = f"write `{OTHER_TYPES[name]}`"
        message = f"`{name}` is no unit and no type"
        scope.found.append(codes.UNKNOWN_UNIT.at(span, message, help=help))
    return None
