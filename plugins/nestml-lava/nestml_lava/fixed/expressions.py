"""Expressions of a model in fixed point."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from nestml_core.api import (
    INTEGER,
    NOWHERE,
    REAL,
    TIME,
    Base,
    Binary,
    Boolean,
    Call,
    Conditional,
    Diagnostic,
    Expr,
    Ref,
    Span,
    Symbol,
    Unary,
    bottom_up,
    integer,
)
from nestml_lava import refusals
from nestml_lava.affine import constant
from nestml_lava.fixed.formats import Format, PortFormat
from nestml_lava.fixed.terms import Arithmetic, Known, Term, Truth

FLOATING = "use floating point: arith=float"
MOST_FACTORS = 8


class Refusal(Exception):
    """Carries a diagnostic up to ``lowered``; never leaves this module."""

    def __init__(self, code: Any, span: Span, message: str, help: str = FLOATING) -> None:
        super().__init__(message)
        self.diagnostic: Diagnostic = code.at(span, message, help=help)


class Expressions:
    """The lowering of expressions; ``locals`` grows with the local variables that are declared."""

    def __init__(
        self,
        values: Mapping[Symbol, Any],
        formats: Mapping[Symbol, Format],
        ports: Mapping[Symbol, PortFormat],
        arithmetic: Arithmetic,
    ) -> None:
        self.values = values
        self.formats = formats
        self.ports = ports
        self.a = arithmetic
        self.locals: dict[Symbol, Term | Truth] = {}

    def number(self, e: Expr) -> Term | Known:
        return a_number(self.any(e), e.span)

    def truth(self, e: Expr) -> Expr:
        found = self.any(e)
        if isinstance(found, Known):
            return Boolean(bool(found.value))
        if isinstance(found, Term):
            return Binary("!=", found.value, integer(0))
        return found.value

    def any(self, e: Expr) -> Term | Known | Truth:
        return bottom_up(e, self.combined)

    def combined(self, e: Expr, operands: tuple[Term | Known | Truth, ...]) -> Term | Known | Truth:
        if not isinstance(e, (Ref, Boolean)) or (
            isinstance(e, Ref) and e.type.base is not Base.BOOLEAN
        ):
            known = constant(e, self.values)
            if known is not None and e.type.base is not Base.BOOLEAN:
                return Known(known)
        match e, operands:
            case Boolean(), _:
                return Truth(e)
            case Ref(symbol), _:
                return self.reference(symbol)
            case Conditional(), (Truth(c), a, b) if not isinstance(a, Truth):
                return self.a.chosen(c, a, a_number(b, e.span))
            case Unary("not", _, type), (Truth(x),):
                return Truth(Unary("not", x, type))
            case Binary("and" | "or" as op, _, _, type), (Truth(x), Truth(y)):
                return Truth(Binary(op, x, y, type))
            case Binary("==" | "!=" as op, _, _, type), (Truth(x), Truth(y)):
                return Truth(Binary(op, x, y, type))
        numbers = [a_number(o, e.span) for o in operands]
        return self.operation(e, numbers)

    def operation(self, e: Expr, numbers: list[Term | Known]) -> Term | Known | Truth:
        a = self.a
        operations: Mapping[str, Callable[..., Term | Known | Truth]] = {
            "+": a.plus,
            "-": a.minus,
            "*": a.times,
        }
        match e:
            case Unary("-"):
                return a.negative(numbers[0])
            case Binary("+" | "-" | "*" as op):
                return operations[op](*numbers)
            case Binary("<" | "<=" | "==" | "!=" | ">=" | ">" as op):
                return a.compared(op, *numbers)
            case Binary("/") if isinstance(numbers[1], Known):
                return a.times(numbers[0], Known(1.0 / numbers[1].value))
            case Binary("/" | "//" | "%"):
                message = f"`{_shown(e)}` divides by what changes from step to step"
                raise Refusal(refusals.DIVISION, e.span, message)
            case Binary("**") if isinstance(numbers[1], Known) and numbers[1].value in range(
                1, MOST_FACTORS + 1
            ):
                result = numbers[0]
                for _ in range(int(numbers[1].value) - 1):
                    result = a.times(result, numbers[0])
                return result
            case Call("abs"):
                return a.magnitude(numbers[0])
            case Call("min" | "max" as function):
                return a.extreme(function, *numbers)
            case _:
                message = f"`{_shown(e)}` is computed anew in every step, which takes real numbers"
                raise Refusal(refusals.FUNCTION, e.span, message)

    def reference(self, symbol: Symbol) -> Term | Known | Truth:
        if symbol in self.locals:
            return self.locals[symbol]
        if symbol in self.formats:
            whole = self.formats[symbol].whole
            is_truth = symbol.type.base is Base.BOOLEAN
            return Truth(Ref(whole, whole.type)) if is_truth else self.term(symbol)
        if symbol in self.ports:
            port = self.ports[symbol]
            value: Expr = reference_to(port.whole)
            if not self.a.writes_numpy:  # the interpreter's sums of weights are real numbers
                value = Call("truncate", (Ref(port.whole, REAL),), INTEGER)
            return Term(value, round(math.log2(port.scale)), port.largest / port.scale)
        if symbol in self.values:
            value_ = self.values[symbol]
            return Truth(Boolean(value_)) if isinstance(value_, bool) else Known(float(value_))
        what = "the time" if symbol == TIME else f"`{symbol.name}`"
        message = f"{what} has no form in whole numbers here"
        raise Refusal(refusals.WHOLE, symbol.span, message)

    def term(self, symbol: Symbol) -> Term:
        """Return a variable that is a number."""
        f = self.formats[symbol]
        return Term(reference_to(f.whole), round(math.log2(f.scale)), f.limit / f.scale)


def a_number(found: Term | Known | Truth, span: Span | None = None) -> Term | Known:
    if isinstance(found, Truth):
        message = "a condition where a number is needed"
        raise Refusal(refusals.WHOLE, span or NOWHERE, message)
    return found


def _shown(e: Expr) -> str:
    return " ".join(e.span.text.split()) or "an expression"


def reference_to(symbol: Symbol) -> Ref:
    return Ref(symbol, symbol.type)
