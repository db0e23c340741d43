"""Bodies: the statements of update, handlers, conditions and functions."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nestml_core.expr import Binary, Expr, Kind, Number, Symbol, Text, ref
from nestml_core.resolve import codes
from nestml_core.resolve.builtins import CONSTANTS, PREDEFINED, STATEMENTS
from nestml_core.resolve.expressions import Expressions, Place, described, plain_name
from nestml_core.resolve.typing import zero
from nestml_core.resolve.units import type_of
from nestml_core.source import Span
from nestml_core.stmt import (
    Assign,
    Branch,
    Channel,
    Declare,
    Emit,
    Evaluate,
    For,
    If,
    IntegrateOdes,
    Return,
    Say,
    Stmt,
    While,
)
from nestml_core.syntax import tree
from nestml_core.types import STRING, UNKNOWN, VOID, Base, Type


class Bodies:
    """Resolves the bodies of one model."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.scope = expressions.scope
        self.hoisted: list[Symbol] = []
        self.depth = 0
        self.result: Type = VOID

    def body(
        self,
        statements: tuple[tree.Statement, ...],
        place: Place,
        arguments: Iterable[tuple[str, Type, Span]] = (),
        result: Type = VOID,
    ) -> tuple[tuple[Symbol, ...], tuple[Stmt, ...]]:
        """Return the arguments as symbols and the statements of a body, in a scope of its own.

        A local variable is known in the whole rest of its body, whatever block it is declared
        in; one that is declared in an inner block is declared at the top instead, as zero.
        """
        self.expressions.place = place
        self.scope.locals = {}
        self.hoisted, self.depth, self.result = [], 0, result
        symbols = tuple(self.scope.declare(n, Kind.ARGUMENT, t, s) for n, t, s in arguments)
        resolved = self.block(statements)
        self.scope.locals = None
        self.expressions.place = Place.DECLARATION
        first = tuple(Declare(s, zero(s.type), s.span) for s in self.hoisted)
        return symbols, first + resolved

    def block(self, statements: tuple[tree.Statement, ...]) -> tuple[Stmt, ...]:
        return tuple(s for written in statements for s in self.statement(written))

    def inner(self, statements: tuple[tree.Statement, ...]) -> tuple[Stmt, ...]:
        self.depth += 1
        result = self.block(statements)
        self.depth -= 1
        return result

    def statement(self, s: tree.Statement) -> tuple[Stmt, ...]:
        match s:
            case tree.Declaration():
                return self.declaration(s)
            case tree.Assignment():
                return self.assignment(s)
            case tree.CallStatement(call, span):
                return self.call(call, span)
            case tree.Return(value, span):
                return (self.return_(value, span),)
            case tree.If(branches, otherwise, span):
                new = tuple(
                    Branch(self.condition(b.condition, "this condition"), self.inner(b.body))
                    for b in branches
                )
                return (If(new, self.inner(otherwise), span),)
            case tree.While(condition, body, span):
                test = self.condition(condition, "this condition")
                return (While(test, self.inner(body), span),)
            case tree.For():
                return self.for_(s)

    def condition(self, e: tree.Expression, what: str) -> Expr:
        return self.expressions.condition(self.expressions.value(e), what)

    def declaration(self, s: tree.Declaration) -> tuple[Stmt, ...]:
        type = type_of(s.type, self.scope)
        value = zero(type)
        if s.value is not None:
            written = self.expressions.value(s.value)
            value = self.expressions.fitted(written, type, f"`{s.variables[0].text}`")
        result: list[Stmt] = []
        for v in s.variables:
            if v.index is not None or v.order:
                what = "a vector" if v.index is not None else "a derivative"
                message = f"a local variable cannot be {what} yet"
                self.expressions.report(codes.NOT_SUPPORTED, v.span, message)
                continue
            symbol = self.scope.declare(v.text, Kind.LOCAL, type, v.span)
            if self.depth:
                self.hoisted.append(symbol)
                result.append(Assign(symbol, value, s.span))
            else:
                result.append(Declare(symbol, value, s.span))
        return tuple(result)

    def assignment(self, s: tree.Assignment) -> tuple[Stmt, ...]:
        v = s.variable
        value = self.expressions.value(s.value)
        target = self.target(v)
        if target is None:
            return ()
        if s.op != "=":
            op = tree.Operator(s.op[:-1], s.span)
            value = self.expressions.binary(op, ref(target, v.span), value)
        value = self.expressions.fitted(value, target.type, f"`{v.text}`")
        return (Assign(target, value, s.span),)

    def target(self, v: tree.Variable) -> Symbol | None:
        """Return what is assigned to, or None, with a report, if nothing can be."""
        name = v.text
        if v.index is not None:
            message = f"`{v.span.text}` is an element of a vector; vectors are not supported yet"
            self.expressions.report(codes.NOT_SUPPORTED, v.span, message)
            return None
        symbol = self.scope.look_up(name)
        if symbol is None and name in PREDEFINED:
            what = "a constant" if name in CONSTANTS else "the time"
            self.read_only(v, f"`{name}` is {what} and cannot be assigned")
            return None
        if symbol is None:
            self.scope.unknown(name, v.span)
            return None
        if symbol.kind not in (Kind.STATE, Kind.LOCAL, Kind.ARGUMENT):
            help = {
                Kind.PARAMETER: "declare it in `state` if the model changes it",
                Kind.INTERNAL: "declare it in `state` if the model changes it",
                Kind.INLINE: "an inline expression is computed from others: assign to these",
            }.get(symbol.kind, "")
            message = f"`{name}` is a {symbol.kind.value} and cannot be assigned"
            self.read_only(v, message.replace("a internal", "an internal"), help)
            return None
        return symbol

    def read_only(self, v: tree.Variable, message: str, help: str = "") -> None:
        self.expressions.report(codes.READ_ONLY, v.span, message, help)

    def return_(self, value: tree.Expression | None, span: Span) -> Stmt:
        report = self.expressions.report
        if self.expressions.place is not Place.FUNCTION:
            message = f"`return` can stand only in functions, not in {self.expressions.place.value}"
            report(codes.NOT_HERE, span, message, "use `if` to skip the rest")
            return Return(None, span)
        if value is None:
            if self.result.base is not Base.VOID:
                message = f"this function returns a value {described(self.result)}"
                report(codes.BAD_RETURN, span, message, "write the value behind `return`")
            return Return(None, span)
        result = self.expressions.value(value)
        if self.result.base is Base.VOID:
            message = "this function returns nothing"
            help = "declare the result type behind the parameters"
            report(codes.BAD_RETURN, result.span, message, help)
            return Return(None, span)
        return Return(self.expressions.fitted(result, self.result, "the result"), span)

    def for_(self, s: tree.For) -> tuple[Stmt, ...]:
        symbol = self.scope.look_up(s.variable.text)
        if symbol is None or symbol.kind is not Kind.LOCAL:
            message = f"the loop variable `{s.variable.text}` is not a local variable"
            help = f"declare it before the loop: `{s.variable.text} integer`"
            self.expressions.report(codes.BAD_LOOP, s.variable.span, message, help)
            symbol = Symbol(s.variable.text, Kind.LOCAL, UNKNOWN, s.variable.span)
        start = self.bound(s.start, symbol.type)
        stop = self.bound(s.stop, symbol.type)
        step = self.expressions.number(s.step)
        signed = Number(-step.value if s.down else step.value, step.type, step.span)
        if signed.value == 0:
            message = "a loop with step 0 never ends"
            self.expressions.report(codes.BAD_LOOP, step.span, message)
        fitting = self.expressions.fitted(signed, symbol.type, "the loop variable")
        return (For(symbol, start, stop, fitting, self.inner(s.body), s.span),)

    def bound(self, e: tree.Expression, type: Type) -> Expr:
        value = self.expressions.value(e)
        if value.type.base not in (Base.INTEGER, Base.REAL, Base.UNKNOWN):
            message = f"the bounds of a loop are plain numbers, this is {described(value.type)}"
            self.expressions.report(codes.BAD_OPERAND, value.span, message)
            return value
        return value

    # Calls that are statements

    def call(self, c: tree.Call, span: Span) -> tuple[Stmt, ...]:
        name = c.name.text
        if name in self.scope.functions or name not in STATEMENTS:
            value = self.expressions.call(c)
            return (Evaluate(value, span),)
        if name == "integrate_odes":
            return self.integrate(c, span)
        if name == "emit_spike":
            return self.emit(c, span)
        return self.say(c, span)

    def integrate(self, c: tree.Call, span: Span) -> tuple[Stmt, ...]:
        report = self.expressions.report
        if self.expressions.place is Place.FUNCTION:
            report(codes.NOT_HERE, span, "`integrate_odes` cannot be called in a function")
            return ()
        names: list[Symbol] = []
        for a in c.arguments:
            name = plain_name(a)
            if name is None:
                message = "`integrate_odes` takes names of state variables, without primes"
                report(codes.BAD_INTEGRATION, a.span, message)
                continue
            symbol = self.scope.names.get(name.text)
            if symbol is None:
                self.scope.unknown(name.text, name.span)
            elif symbol.kind is not Kind.STATE:
                message = f"`{name.text}` is a {symbol.kind.value}, not a state variable"
                report(codes.BAD_INTEGRATION, name.span, message)
            else:
                names.append(symbol)
        return (IntegrateOdes(tuple(names) if c.arguments else None, span),)

    def emit(self, c: tree.Call, span: Span) -> tuple[Stmt, ...]:
        if len(c.arguments) > 1:
            message = f"`emit_spike` takes at most one argument, here are {len(c.arguments)}"
            help = "write `emit_spike(weight)`: the delay belongs to the connection"
            self.expressions.report(codes.ARGUMENT_COUNT, span, message, help)
            return ()
        weight = self.expressions.value(c.arguments[0]) if c.arguments else None
        if weight is not None and not weight.type.is_numeric:
            if weight.type.base is not Base.UNKNOWN:
                message = f"a spike's weight is a number, this is {described(weight.type)}"
                self.expressions.report(codes.BAD_ARGUMENT, weight.span, message)
            weight = None
        return (Emit(weight, span),)

    def say(self, c: tree.Call, span: Span) -> tuple[Stmt, ...]:
        if not self.expressions.count(c, 1):
            return ()
        value = self.expressions.value(c.arguments[0])
        if value.type.base not in (Base.STRING, Base.UNKNOWN):
            message = f"`{c.name.text}` takes a string, this is {described(value.type)}"
            help = 'put names in braces into a string, as in `print("V_m is {V_m}")`'
            self.expressions.report(codes.BAD_ARGUMENT, value.span, message, help)
            return ()
        parts = tuple(part for piece in pieces(value) for part in self.interpolated(piece))
        return (Say(Channel(c.name.text), parts, span),)

    def interpolated(self, part: Expr) -> tuple[Expr, ...]:
        """Return a string literal as text and the values of the names in braces in it.

        A quantity is shown in its declared unit, with a blank and the unit behind.
        """
        if not isinstance(part, Text):
            return (part,)
        result: list[Expr] = []
        for i, piece in enumerate(split_braces(part.value)):
            if i % 2 == 0:
                if piece:
                    result.append(Text(piece, STRING, part.span))
                continue
            symbol = self.scope.look_up(piece)
            if symbol is None:
                self.scope.unknown(piece, part.span)
                continue
            value: Expr = ref(symbol, part.span)
            unit = symbol.type.unit
            if unit is not None and unit.factor != 1:
                value = Binary("/", value, Number(unit.factor), symbol.type, part.span)
            result.append(value)
            if unit is not None:
                result.append(Text(f" {unit.text}", STRING, part.span))
        return tuple(result)


def pieces(value: Expr) -> tuple[Expr, ...]:
    """Return the parts of a concatenation, left to right."""
    match value:
        case Binary("+", left, right, Type(Base.STRING)):
            return (*pieces(left), *pieces(right))
        case _:
            return (value,)


def split_braces(text: str) -> tuple[str, ...]:
    """Return text and the names in braces, in turn; ``"a {b} c"`` gives ``("a ", "b", " c")``."""
    return tuple(re.split(r"\{([A-Za-z_$][\w$]*)\}", text))


def always_returns(body: tuple[Stmt, ...]) -> bool:
    """Return whether no path through ``body`` gets past its end."""
    if not body:
        return False
    match body[-1]:
        case Return():
            return True
        case If(branches, otherwise):
            return always_returns(otherwise) and all(always_returns(b.body) for b in branches)
        case _:
            return False
