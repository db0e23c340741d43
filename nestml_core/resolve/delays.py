"""Delayed variables: ``u(t - d)`` in equations."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from nestml_core.diagnostics import Note
from nestml_core.expr import Binary, Expr, Kind, Number, Ref, Symbol, is_constant, symbols_in
from nestml_core.model import Delay
from nestml_core.resolve import codes
from nestml_core.resolve.typing import constant
from nestml_core.resolve.vectors import is_known
from nestml_core.solved import TIME
from nestml_core.syntax import tree
from nestml_core.types import INTEGER, REAL, UNKNOWN, Base

if TYPE_CHECKING:
    from nestml_core.resolve.expressions import Expressions


def delayed(owner: Expressions, c: tree.Call, variable: Symbol) -> Expr:
    """Return ``u(t - d)``, written as a call, as a reference to a symbol of its own.

    Equal delays of one variable share a symbol.
    """
    from nestml_core.resolve.expressions import Place

    unknown = Number(Fraction(0), UNKNOWN, c.span)
    name = variable.name
    if owner.place is not Place.EQUATION:
        message = (
            f"the delayed `{name}` can be used only in `equations`, not in {owner.place.value}"
        )
        inline = f"inline {variable.identifier}_before {variable.type} = {_text(c)}"
        help = f"write `{inline}` in `equations`, and use that"
        if owner.place is Place.KERNEL:
            help = "delay what the kernel is convolved with instead: its spikes or its result"
        owner.report(codes.BAD_DELAY, c.span, message, help)
        return unknown
    if variable.size is not None:
        if is_known(variable):
            message = f"`{name}` is a vector; only single variables can be delayed"
            help = "use one variable for each element that is delayed"
            owner.report(codes.BAD_DELAY, c.span, message, help)
        return unknown
    if variable.type.base not in (Base.REAL, Base.QUANTITY, Base.INTEGER, Base.UNKNOWN):
        message = f"`{name}` is no number that could be kept for later"
        owner.report(codes.BAD_DELAY, c.span, message)
        return unknown
    duration = _duration(owner, c)
    if duration is None:
        return unknown
    return Ref(_symbol(owner, c, variable, duration), variable.type, c.span)


def _text(c: tree.Call) -> str:
    return " ".join(c.span.text.split())


def _duration(owner: Expressions, c: tree.Call) -> Expr | None:
    """Return d of ``u(t - d)``; None, with a report, if the call is not of that form."""
    name = c.name.text
    arguments = tuple(owner.value(a) for a in c.arguments)
    if any(a.type == UNKNOWN for a in arguments):
        return None
    match arguments:
        case (Binary("-", Ref(time), duration),) if time == TIME:
            pass
        case _:
            message = f"`{_text(c)}` is not a delayed variable: that is written `{name}(t - d)`"
            help = "d is a parameter, an internal or a number, in ms"
            owner.report(codes.BAD_DELAY, c.span, message, help)
            return None
    if not is_constant(duration):
        moving = next((s for s in symbols_in(duration) if not is_constant(Ref(s))), None)
        what = "the delay" if moving is None else f"the delay depends on `{moving.name}` and"
        message = f"{what} is not constant while the model runs"
        help = "a delay is made of parameters, internals and numbers"
        owner.report(codes.BAD_DELAY, duration.span, message, help)
        return None
    value = constant(duration)
    if value is not None and value < 0:
        message = f"`{_text(c)}` is a value that is still to come"
        owner.report(codes.BAD_DELAY, duration.span, message, "a delay is at least 0 ms")
        return None
    return duration


def _symbol(owner: Expressions, c: tree.Call, variable: Symbol, duration: Expr) -> Symbol:
    known = owner.delays.get((variable, duration))
    if known is not None:
        return known.symbol
    others = [d for d in owner.delays.values() if d.variable == variable]
    if others:
        note = (Note(others[0].span, "the other delay"),)
        message = f"`{variable.name}` is used with a second delay"
        help = "NESTML 9.0 takes one delay of each variable"
        owner.report(codes.DELAY_ELSEWHERE, c.span, message, help, note)
    stem = f"{variable.identifier}__delayed"
    type = REAL if variable.type == INTEGER else variable.type
    symbol = Symbol(f"{stem}_{len(others) + 1}" if others else stem, Kind.DELAYED, type, c.span)
    owner.delays[variable, duration] = Delay(symbol, variable, duration, c.span)
    return symbol
