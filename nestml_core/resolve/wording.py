"""Types, units and repairs in words: what messages about types have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction

from nestml_core.diagnostics import Note
from nestml_core.expr import Convolve, Expr, Kind, Number, Ref, Symbol, symbols_in, walk
from nestml_core.resolve.scope import Scope
from nestml_core.resolve.typing import is_plain
from nestml_core.source import NOWHERE, Span
from nestml_core.types import Base, Dimension, Type
from nestml_core.units import coherent_text, known, noun, simpler

MAX_SOURCES = 5
_NUMBER = re.compile(r"-?\s*(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?=\s*[A-Za-z(1])")


def described(type: Type) -> str:
    """Return a type as words for a message."""
    words = {
        Base.INTEGER: "an integer",
        Base.REAL: "a plain number",
        Base.BOOLEAN: "a boolean",
        Base.STRING: "a string",
        Base.VOID: "nothing",
    }
    if type.unit is None:
        return words.get(type.base, "unknown")
    short = simpler(type.unit)
    return f"a quantity in {type}" + (f" (that is {short})" if short else "")


def shown(span: Span, limit: int = 40) -> str:
    """Return the source text of ``span`` on one line, cut if it is long."""
    text = " ".join(span.text.split())
    return text if len(text) <= limit else text[: limit - 3] + "..."


def declared(symbol: Symbol) -> Note | None:
    """Return where the unit of ``symbol`` comes from; None if no source text says it."""
    if symbol.span.source is NOWHERE.source or symbol.type.base is Base.UNKNOWN:
        return None
    if symbol.kind is Kind.SPIKE_PORT:
        return Note(symbol.span, f"`{symbol.name}` is a spike port: its value is in 1/s")
    how = f"in {symbol.type}" if symbol.type.unit is not None else f"as {described(symbol.type)}"
    return Note(symbol.span, f"`{symbol.name}` is declared {how}")


def sources(*values: Expr) -> tuple[Note, ...]:
    """Return where the units in ``values`` were declared: of each variable in them, once.

    Of too many, one for each unit comes first.
    """
    symbols = dict.fromkeys(s for v in values for s in spoken_of(v))
    found = tuple((s, note) for s in symbols if (note := declared(s)) is not None)
    if len(found) > MAX_SOURCES:
        units = {str(s.type): i for i, (s, _) in reversed(tuple(enumerate(found)))}
        one_each = sorted(units.values())
        others = (i for i in range(len(found)) if i not in one_each)
        found = tuple(found[i] for i in sorted((*one_each, *others)[:MAX_SOURCES]))
    return tuple(note for _, note in found)


def spoken_of(value: Expr) -> tuple[Symbol, ...]:
    """Return the symbols whose units make that of ``value``: a convolution is a plain number."""
    within = {s for e in walk(value) if isinstance(e, Convolve) for s in symbols_in(e)}
    return tuple(s for s in symbols_in(value) if s not in within)


def divided(dimension: Dimension) -> str:
    """Return how to make a quantity of ``dimension`` a plain number."""
    text, inverse = coherent_text(dimension), coherent_text(dimension**_MINUS)
    if text.startswith("1/"):
        return f"multiply by a unit, as in `* 1 {inverse}`"
    return f"divide by a unit, as in `/ 1 {text}`"


def operands(*values: Expr) -> tuple[Note, ...]:
    """Return what the operands of an operation are, and where their units were declared."""
    each = (Note(v.span, f"this is {described(v.type)}") for v in values if not isinstance(v, Ref))
    return (*each, *sources(*values))


def elsewhere(note: Note | None, span: Span) -> tuple[Note, ...]:
    """Return ``note`` unless the line it shows is shown anyway, at ``span``."""
    if note is None or (note.span.source is span.source and note.span.line == span.line):
        return ()
    return (note,)


def with_unit(value: Expr, target: Type) -> str:
    """Return how to make a plain ``value`` a quantity in the unit of ``target``."""
    unit = str(target)
    if unit.startswith("1/"):
        return f"divide the value by a unit or a constant, as in `/ 1 {unit[2:].strip('()')}`"
    if not isinstance(value, Number):
        return f"multiply the value by a unit, as in `* 1 {unit}`"
    return f"give the value a unit, as in `{shown(value.span)} {unit}`"


def repair(value: Expr, target: Type, scope: Scope) -> str:
    """Return what would make ``value`` fit ``target``, or ``""``."""
    source = value.type
    if target.unit is not None and is_plain(source):
        return with_unit(value, target)
    if target.base is Base.BOOLEAN and isinstance(value, Number):
        return f"write `{'true' if value.value else 'false'}`"
    if source.unit is None or not target.is_numeric:
        return ""
    if target.unit is None:
        return divided(source.dimension)
    number = _NUMBER.match(value.span.text)
    if isinstance(value, Number) and number is not None:
        return f"did you mean `{number[0].rstrip()} {target}`?"
    missing = target.dimension * source.dimension**_MINUS
    return missing_factor(missing, scope, spoken_of(value))


_MINUS = Fraction(-1)
_TIME = known("ms").dimension


def missing_factor(missing: Dimension, scope: Scope, used: Iterable[Symbol] = ()) -> str:
    """Return in words by what a value must be multiplied or divided; a model's constant if any."""
    inverse = missing**_MINUS
    used = tuple(used)
    if any(s.kind is Kind.SPIKE_PORT for s in used):
        rest = missing * _TIME**_MINUS
        if rest.is_none:
            return "a spike port counts per second: multiply by `1 s`"
        if noun(rest):
            return f"multiply by `1 {coherent_text(rest)} * 1 s`: a spike port counts per second"
    ways = (("divide", "/", inverse), ("multiply", "*", missing))
    for verb, op, dimension in ways:
        name = _constant(dimension, scope, frozenset(used))
        if noun(dimension) and name:
            return f"{verb} by {noun(dimension)}, as in `{op} {name}`"
    for verb, op, dimension in reversed(ways):
        if noun(dimension):
            return f"{verb} by {noun(dimension)}, as in `{op} 1 {coherent_text(dimension)}`"
    return f"the value lacks a factor in {coherent_text(missing)}"


def _constant(dimension: Dimension, scope: Scope, used: frozenset[Symbol]) -> str:
    """Return the first parameter or internal of ``dimension`` that is not used already."""
    for name, s in scope.names.items():
        constant = s.kind in (Kind.PARAMETER, Kind.INTERNAL) and s not in used
        if constant and s.type.dimension == dimension:
            return name
    return ""
