"""Bodies: the statements of update, handlers, conditions and functions."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nestml_core import units
from nestml_core.expr import (
    INTRINSICS,
    Binary,
    Call,
    Element,
    Expr,
    Kind,
    Number,
    Ref,
    Symbol,
    Text,
    ref,
    walk,
)
from nestml_core.resolve import codes
from nestml_core.resolve.builtins import CONSTANTS, PREDEFINED, STATEMENTS
from nestml_core.resolve.elements import element, value_for, vector
from nestml_core.resolve.expressions import Expressions, Place, plain_name
from nestml_core.resolve.rules.written import all_statements
from nestml_core.resolve.scope import with_article
from nestml_core.resolve.typing import zero
from nestml_core.resolve.units import declared_type
from nestml_core.resolve.vectors import parts
from nestml_core.resolve.wording import declared, described, shown
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
        self.scope.coming = _locals(statements)
        resolved = self.block(statements)
        self.scope.locals, self.scope.coming = None, {}
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
        type = declared_type(s, self.scope)
        value = zero(type)
        if s.value is not None and not all(v.index is not None for v in s.variables):
            written = self.expressions.value(s.value)
            value = self.expressions.fitted(written, type, f"`{s.variables[0].text}`")
        result: list[Stmt] = []
        for v in s.variables:
            if v.order:
                message = f"a derivative such as `{v.text}` belongs in `state`"
                self.expressions.report(codes.NOT_HERE, v.span, message)
                continue
            size = self.expressions.sizes.of(v)
            if size is not None and s.value is not None:
                target = Symbol(v.text, Kind.LOCAL, type, v.span, size)
                value = value_for(self.expressions, target, s.value, f"`{v.text}`")
            symbol = self.scope.declare(v.text, Kind.LOCAL, type, v.span, size)
            if self.depth:
                self.hoisted.append(symbol)
                result.append(Assign(symbol, value, s.span))
            else:
                result.append(Declare(symbol, value, s.span))
        return tuple(result)

    def assignment(self, s: tree.Assignment) -> tuple[Stmt, ...]:
        v = s.variable
        target = self.target(v)
        if target is not None and target.size is not None and v.index is None:
            return self.whole_assignment(s, target)
        value = self.expressions.value(s.value)
        if target is None:
            return ()
        if v.index is not None:
            return self.element_assignment(s, target, value)
        if s.op != "=":
            op = tree.Operator(s.op[:-1], s.span)
            value = self.expressions.compound(op, ref(target, v.span), value)
        value = self.expressions.fitted(value, target.type, f"`{v.text}`", declared(target))
        return (Assign(target, value, s.span),)

    def whole_assignment(self, s: tree.Assignment, target: Symbol) -> tuple[Stmt, ...]:
        name = s.variable.text
        if s.op == "=":
            value = value_for(self.expressions, target, s.value, f"`{name}`")
            return (Assign(target, value, s.span),)
        self.expressions.value(s.value)
        message = f"`{s.op}` changes one number, `{name}` is a vector"
        help = f"change its elements in a loop, as in `{name}[i] {s.op} ...`"
        self.expressions.report(codes.VECTOR_FOR_NUMBER, s.variable.span, message, help)
        return ()

    def element_assignment(
        self, s: tree.Assignment, target: Symbol, value: Expr
    ) -> tuple[Stmt, ...]:
        v = s.variable
        is_read = v.text in self.scope.read
        place = element(self.expressions, v)
        if s.op != "=":
            if isinstance(place, Element) and not is_pure(place.index):
                message = f"`{s.op}` would evaluate the index twice"
                help = "store the index in a local variable first"
                self.expressions.report(codes.BAD_INDEX, place.index.span, message, help)
            value = self.expressions.binary(tree.Operator(s.op[:-1], s.span), place, value)
        elif not is_read:
            self.scope.read.discard(v.text)
        value = self.expressions.fitted(value, target.type, f"`{shown(v.span)}`")
        match place:
            case Ref(symbol):
                return (Assign(symbol, value, s.span),)
            case Element(vector, index):
                return (Assign(vector, value, s.span, index),)
            case _:
                return ()

    def target(self, v: tree.Variable) -> Symbol | None:
        """Return what is assigned to, or None, with a report, if nothing can be."""
        name = v.text
        symbol = self.scope.known(name)
        if symbol is None and name in PREDEFINED:
            what = "a constant" if name in CONSTANTS else "the time"
            self.read_only(v, f"`{name}` is {what} and cannot be assigned")
            return None
        if symbol is None and name in units.table():
            help = f"declare a variable, as in `x {name} = ...` in `state`"
            self.read_only(v, f"`{name}` is a unit and cannot be assigned", help)
            return None
        if symbol is None:
            kinds = (Kind.STATE, Kind.LOCAL, Kind.ARGUMENT)
            advice = f"declare it in `state`, or here with a type: `{name} real = ...`"
            self.scope.unknown(name, v.span, kinds, advice)
            return None
        if symbol.kind not in (Kind.STATE, Kind.LOCAL, Kind.ARGUMENT):
            help = {
                Kind.INLINE: "an inline expression is computed from others: assign to these",
                Kind.KERNEL: "a kernel is moved by spikes alone; declare a state variable with an "
                "equation, and add to it in `onReceive`",
                Kind.SPIKE_PORT: "a port is filled from outside: use a state variable",
                Kind.CONTINUOUS_PORT: "a port is filled from outside: use a state variable",
                Kind.PARAMETER: "declare it in `state` if the model changes it",
                Kind.INTERNAL: "declare it in `state` if the model changes it",
            }.get(symbol.kind, "")
            message = f"`{name}` is {with_article(symbol.kind)} and cannot be assigned"
            self.read_only(v, message, help)
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
                message = f"this function returns {described(self.result)}, not nothing"
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
        symbol = self.scope.known(s.variable.text)
        if symbol is None or symbol.kind is not Kind.LOCAL or symbol.size is not None:
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
                help = "its derivatives go along with a variable: leave the primes out"
                report(codes.BAD_INTEGRATION, a.span, message, help if "'" in a.span.text else "")
                continue
            symbol = self.scope.names.get(name.text)
            if symbol is None:
                self.scope.unknown(name.text, name.span, (Kind.STATE,))
            elif symbol.kind is not Kind.STATE:
                message = f"`{name.text}` is {with_article(symbol.kind)}, not a state variable"
                report(codes.BAD_INTEGRATION, name.span, message)
            elif name.text in self.expressions.sizes.integrated:
                names += parts(symbol)
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
            if symbol.size is not None:
                vector(self.expressions, symbol, part.span)
                continue
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


def is_pure(e: Expr) -> bool:
    """Return whether ``e`` calls nothing that could change anything."""
    return all(x.function in INTRINSICS for x in walk(e) if isinstance(x, Call))


def always_returns(body: tuple[Stmt, ...]) -> bool:
    """Return whether no path through ``body`` gets past its end."""
    return any(_returns(s) for s in body)


def _returns(s: Stmt) -> bool:
    match s:
        case Return():
            return True
        case If(branches, otherwise):
            return always_returns(otherwise) and all(always_returns(b.body) for b in branches)
        case _:
            return False


def _locals(statements: tuple[tree.Statement, ...]) -> dict[str, Span]:
    """Return the local variables that the statements of a body declare, and where."""
    declared = (s for s in all_statements(statements) if isinstance(s, tree.Declaration))
    return {v.name.text: v.name.span for s in declared for v in s.variables}
