"""Lower the statements of one neuron to statements on a whole population.

    if V_m > 0 mV:                active_1 = v.everyone & (v.V_m > 0)
        n += 1            ->      if active_1.any():
                                      v.n = np.where(active_1, v.n + 1, v.n)

Branches become masks. They are computed before any branch runs; as a branch changes only neurons
of its own mask, the order among branches does not matter. Both sides of ``and``, ``or`` and of a
conditional expression are evaluated for all neurons, which nobody can see, except where a function
of the model or a random function is called: these get the mask of the neurons that really call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nestml_core.api import (
    BOOLEAN,
    DT,
    INTEGER,
    RANDOM,
    REAL,
    RESOLUTION,
    TIME,
    Assign,
    Base,
    Binary,
    Call,
    Conditional,
    Declare,
    Element,
    Emit,
    Evaluate,
    Expr,
    For,
    Function,
    If,
    Integrate,
    Kind,
    Number,
    Ref,
    Return,
    Say,
    Stmt,
    Symbol,
    Text,
    Type,
    Unary,
    While,
    integer,
    rewrite,
    walk,
    walk_statements,
)
from nestml_lava.bodies import OF_A_BODY, Statements, escaping, local_names, may_return
from nestml_lava.ir import Bind, Do, Give, Repeat, Routine, Select, Unless, Vector, When

ACTIVE = "active"
RESULT = "result"
PENDING = "pending"


def name(text: str, type: Type = REAL) -> Ref:
    """Return an expression that prints as ``text``."""
    return Ref(Symbol(text, Kind.LOCAL, type), type)


def mask(text: str) -> Ref:
    return name(text, BOOLEAN)


V = name("v")
ALL = mask("v.everyone")


def both(a: Expr, b: Expr) -> Expr:
    return Binary("and", a, b, BOOLEAN)


def other(a: Expr) -> Expr:
    """Return the mask of the neurons that are not in ``a``."""
    return Unary("~", a, BOOLEAN)


@dataclass(frozen=True, slots=True)
class Names:
    """How a generated module refers to what stands in the model.

    ``variables`` maps symbols to attributes of ``v``, ``functions`` the model's functions to those
    of the module; ``recursive`` are the functions that may come to call themselves.
    """

    variables: Mapping[Symbol, str]
    functions: Mapping[str, str]
    recursive: frozenset[str]

    def of(self, symbol: Symbol) -> str:
        if symbol == DT:
            return "v.dt"
        if symbol == RESOLUTION:
            return "v.resolution"
        if symbol == TIME:
            return "v.t"
        if symbol.vector is not None:
            return f"v.{self.variables[symbol.vector]}[{symbol.place}]"
        return f"v.{self.variables[symbol]}"


class Body:
    """The lowering of one body: the names of its locals, and the masks made so far."""

    def __init__(
        self, names: Names, body: Statements = (), arguments: Sequence[Symbol] = ()
    ) -> None:
        self.names = names
        self.locals = local_names(body, arguments)
        self.escaping = frozenset(escaping(body)) | self._undeclared(body, arguments)
        self.homes: dict[Symbol, str] = {}
        """The mask under which a local was declared: assignments there may change all neurons."""
        self.count = 0
        self.result: Type | None = None
        self.early = False

    def _undeclared(self, body: Statements, arguments: Sequence[Symbol]) -> frozenset[Symbol]:
        declared = {s.symbol for s in walk_statements(body) if isinstance(s, Declare)}
        return frozenset(self.locals) - declared - frozenset(arguments)

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}_{self.count}"

    def target(self, symbol: Symbol) -> str:
        if symbol.kind not in OF_A_BODY:
            return self.names.of(symbol)
        if symbol.vector is not None:
            return f"{self.locals[symbol.vector]}[{symbol.place}]"
        return self.locals[symbol]

    # Expressions

    def expr(self, e: Expr, where: Ref, out: list[Vector]) -> Expr:
        """Return ``e`` in terms of the module, to be evaluated for the neurons in ``where``.

        What has to be computed before it is appended to ``out``.
        """
        if not self._calls(e):
            return rewrite(e, self._renamed)
        match e:
            case Conditional(condition, then, otherwise):
                chosen = self._bound("choice", condition, where, out)
                return replace(
                    e,
                    condition=chosen,
                    then=self.expr(then, self._part(where, chosen, out), out),
                    otherwise=self.expr(otherwise, self._part(where, other(chosen), out), out),
                )
            case Binary("and" | "or" as op, left, right):
                first = self._bound("choice", left, where, out)
                rest = first if op == "and" else other(first)
                second = self.expr(right, self._part(where, rest, out), out)
                return replace(e, left=first, right=second)
            case Binary():
                return self._chain(e, where, out)
            case Unary(_, operand):
                return replace(e, operand=self.expr(operand, where, out))
            case Call(function, arguments):
                given = tuple(self.expr(a, where, out) for a in arguments)
                if function in RANDOM or function in self.names.functions:
                    called = self.names.functions.get(function, function)
                    return replace(e, function=called, arguments=(V, where, *given))
                return replace(e, arguments=given)
            case Element(vector, index, type):
                at = self.expr(index, where, out)
                place = (V, where, name(self.target(vector)), at, Text(vector.name))
                return Call("element", place, type)
            case _:
                return self._renamed(e)

    def _chain(self, e: Binary, where: Ref, out: list[Vector]) -> Expr:
        """Lower a sum or product of any length without recursing along it."""
        links: list[Binary] = []
        first: Expr = e
        while isinstance(first, Binary) and first.op not in ("and", "or"):
            links.append(first)
            first = first.left
        result = self.expr(first, where, out)
        for link in reversed(links):
            result = replace(link, left=result, right=self.expr(link.right, where, out))
        return result

    def _bound(self, stem: str, e: Expr, where: Ref, out: list[Vector]) -> Ref:
        target = self.fresh(stem)
        out.append(Bind(target, both(ALL, self.expr(e, where, out))))
        return mask(target)

    def _part(self, where: Ref, condition: Expr, out: list[Vector]) -> Ref:
        target = self.fresh(ACTIVE)
        out.append(Bind(target, both(where, condition)))
        return mask(target)

    def _renamed(self, e: Expr) -> Expr:
        if isinstance(e, Ref):
            return Ref(replace(e.symbol, name=self.target(e.symbol)), e.type, e.span)
        return e

    def _calls(self, e: Expr) -> bool:
        return any(
            isinstance(part, Element)
            or (
                isinstance(part, Call)
                and (part.function in RANDOM or part.function in self.names.functions)
            )
            for part in walk(e)
        )

    # Statements

    def block(self, body: Statements, where: Ref | None) -> tuple[Vector, ...]:
        """Return ``body`` for the neurons in ``where``, None for all of them."""
        out: list[Vector] = []
        for i, stmt in enumerate(body):
            self.statement(stmt, where, out)
            if isinstance(stmt, Return):
                break
            if self.early and may_return(stmt) and i + 1 < len(body):
                where = self._part(where or ALL, mask(PENDING), out)
        return tuple(out)

    def statement(self, stmt: Stmt, where: Ref | None, out: list[Vector]) -> None:
        here = where or ALL
        match stmt:
            case Assign(vector, value, index=place) if place is not None:
                self.assign_element(vector, place, self.expr(value, here, out), here, out)
            case Assign(symbol, value):
                self.assign(symbol, self.expr(value, here, out), where, out)
            case Declare(symbol, value):
                if symbol not in self.escaping:
                    self.homes[symbol] = here.symbol.name
                self.assign(symbol, self.expr(value, here, out), where, out)
            case If():
                self.branches(stmt, where, out)
            case While(condition, body):
                self.loop(condition, body, (), here, out)
            case For():
                self.counted(stmt, where, out)
            case Return(value):
                self.give(value, where, out)
            case Integrate(flow):
                out.append(Do(Call(f"_integrate_{flow + 1}", (V, here))))
            case Emit(weight):
                weights = () if weight is None else (self.expr(weight, here, out),)
                out.append(Do(Call("emit", (V, here, *weights))))
            case Say(channel, parts):
                spoken = tuple(self.expr(part, here, out) for part in parts)
                out.append(Do(Call("say", (V, here, Text(channel.value), *spoken))))
            case Evaluate(call):
                out.append(Do(self.expr(call, here, out)))
            case _:
                raise AssertionError(f"{type(stmt).__name__} is gone after solve")

    def assign(self, symbol: Symbol, value: Expr, where: Ref | None, out: list[Vector]) -> None:
        target = self.target(symbol.owner)
        value = stored(symbol.type, value)
        everywhere = where is None or self.homes.get(symbol.owner) == where.symbol.name
        mask_ = None if everywhere else where
        if symbol.size is not None and everywhere:
            length = rewrite(symbol.size, self._renamed)
            out.append(Bind(target, Call("vector", (V, value, length))))
        else:
            out.append(store(symbol, target, value, mask_))

    def assign_element(
        self, vector: Symbol, index: Expr, value: Expr, where: Ref, out: list[Vector]
    ) -> None:
        target = self.target(vector)
        at = self.expr(index, where, out)
        value = stored(vector.type, value)
        arguments = (V, where, name(target), at, value, Text(vector.name))
        out.append(Bind(target, Call("with_elements", arguments)))

    def branches(self, stmt: If, where: Ref | None, out: list[Vector]) -> None:
        taken: list[tuple[str, Statements]] = []
        rest = where
        last = len(stmt.branches) - 1
        for i, branch in enumerate(stmt.branches):
            target = self.fresh(ACTIVE)
            condition = self.expr(branch.condition, rest or ALL, out)
            out.append(Bind(target, both(rest or ALL, condition)))
            taken.append((target, branch.body))
            if i < last or stmt.otherwise:
                left = self.fresh(ACTIVE)
                out.append(Bind(left, _without(rest, mask(target))))
                rest = mask(left)
        if stmt.otherwise:
            taken.append((_text(rest), stmt.otherwise))
        for target, body in taken:
            lowered = self.block(body, mask(target))
            if lowered:
                out.append(When(target, lowered))

    def loop(
        self, condition: Expr, body: Statements, after: Statements, where: Ref, out: list[Vector]
    ) -> None:
        """``while condition: body; after``. Each neuron leaves when its condition fails."""
        target = self.fresh(ACTIVE)
        here = mask(target)
        out.append(Bind(target, both(where, self.expr(condition, where, out))))
        inner: list[Vector] = [Do(Call("count_pass", (V,)))]
        inner += self.block(body, here)
        if self.early and any(may_return(s) for s in body):
            inner.append(Bind(target, both(here, mask(PENDING))))
        inner += self.block(after, here)
        inner.append(Bind(target, both(here, self.expr(condition, here, inner))))
        out.append(Repeat(target, tuple(inner)))

    def counted(self, stmt: For, where: Ref | None, out: list[Vector]) -> None:
        variable = Ref(stmt.variable, stmt.variable.type)
        below = Binary("<", variable, stmt.stop, BOOLEAN)
        above = Binary(">", variable, stmt.stop, BOOLEAN)
        step: Expr = stmt.step
        if isinstance(step, Number):
            condition: Expr = below if step.value > 0 else above
        else:
            held = Symbol(self.fresh("stride"), Kind.LOCAL, step.type)
            self.locals = {**self.locals, held: held.name}
            out.append(Bind(held.name, self.expr(step, where or ALL, out)))
            step = Ref(held, step.type)
            condition = Conditional(Binary(">", step, integer(0), BOOLEAN), below, above, BOOLEAN)
        self.assign(stmt.variable, self.expr(stmt.start, where or ALL, out), where, out)
        advanced = Assign(stmt.variable, Binary("+", variable, step, _wider(variable, step)))
        self.loop(condition, stmt.body, (advanced,), where or ALL, out)

    # Functions

    def function(self, f: Function) -> tuple[Vector, ...]:
        """Return the body of a function of the model, which runs for the neurons in ``active``."""
        self.result = f.result.type
        self.homes |= dict.fromkeys(f.arguments, ACTIVE)
        self.early = any(may_return(s) for s in f.body[:-1]) or not (
            f.body and isinstance(f.body[-1], Return)
        )
        out: list[Vector] = []
        if f.name in self.names.recursive:
            out.append(Unless(ACTIVE, (self._nothing(),)))
        if self.early:
            out.append(Bind(PENDING, mask(ACTIVE)))
            out += [] if self._is_void else [Bind(RESULT, zero(self.result))]
        out += self.hoisted()
        *before, last = f.body or (Return(None),)
        closing = last if self.early and isinstance(last, Return) else None
        out += self.block(tuple(before) if closing else f.body, mask(ACTIVE))
        if closing:
            self.close(closing, out)
        elif self.early and not self._is_void:
            out.append(Give((name(RESULT),)))
        return tuple(out)

    def close(self, last: Return, out: list[Vector]) -> None:
        """Return at the end: the last value for those neurons that have not returned yet."""
        if self._is_void or last.value is None:
            return
        rest = self._part(mask(ACTIVE), mask(PENDING), out)
        value = stored(self.result or REAL, self.expr(last.value, rest, out))
        out.append(Give((Conditional(rest, value, name(RESULT)),)))

    @property
    def _is_void(self) -> bool:
        return self.result is None or self.result.base is Base.VOID

    def _nothing(self) -> Vector:
        assert self.result is not None
        return Give(() if self._is_void else (zero(self.result),))

    def give(self, value: Expr | None, where: Ref | None, out: list[Vector]) -> None:
        here = where or ALL
        result = None if value is None or self._is_void else self.expr(value, here, out)
        if not self.early:
            out.append(Give(() if result is None else (stored(self.result or REAL, result),)))
            return
        if result is not None:
            out.append(Select(RESULT, _text(here), stored(self.result or REAL, result)))
        out.append(Bind(PENDING, both(mask(PENDING), other(here))))

    def hoisted(self) -> list[Vector]:
        """Return first values for locals that are declared in a branch but used outside it."""
        found: list[Vector] = []
        for symbol, text in self.locals.items():
            if symbol in self.escaping:
                first = zero(symbol.type)
                if symbol.size is not None:
                    length = rewrite(symbol.size, self._renamed)
                    first = Call("vector", (V, first, length))
                found.append(Bind(text, first))
        return found


def body(names: Names, statements: Statements, where: Ref | None) -> tuple[Vector, ...]:
    """Return the lowered body of ``update`` or of a handler."""
    lowering = Body(names, statements)
    first = lowering.hoisted()
    return (*first, *lowering.block(statements, where))


def routine(names: Names, f: Function) -> Routine:
    """Return a function of the model as a function of the module."""
    lowering = Body(names, f.body, f.arguments)
    arguments = tuple(lowering.locals[a] for a in f.arguments)
    lowered = lowering.function(f)
    return Routine(
        names.functions[f.name], ("v", ACTIVE, *arguments), f"The function `{f.name}`.", lowered
    )


def stored(type: Type, value: Expr) -> Expr:
    """Return ``value`` as a variable of ``type`` takes it: whole numbers drop their fraction."""
    whole = value.type.base in (Base.INTEGER, Base.BOOLEAN)
    if type.base is not Base.INTEGER or whole:
        return value
    if isinstance(value, Call) and value.function in ("truncate", "ceil", "floor", "round"):
        return value
    return Call("truncate", (value,), INTEGER)


def store(symbol: Symbol, target: str, value: Expr, where: Ref | None) -> Vector:
    """Return what gives ``symbol`` a value for the neurons in ``where``, None for all of them.

    ``target`` is its name, or that of its vector.
    """
    if symbol.vector is not None:
        at = (V, where or ALL, name(target), integer(symbol.place), value)
        return Bind(target, Call("with_element", at))
    return Bind(target, value) if where is None else Select(target, _text(where), value)


def zero(type: Type) -> Expr:
    """Return the value of what nobody has set."""
    match type.base:
        case Base.BOOLEAN:
            return other(ALL)
        case Base.STRING:
            return Text("")
        case _:
            return Call("np.zeros", (name("v.shape"),))


def _wider(a: Expr, b: Expr) -> Type:
    return a.type if b.type.base is Base.INTEGER else b.type


def _text(where: Ref | None) -> str:
    return (where or ALL).symbol.name


def _without(where: Ref | None, taken: Ref) -> Expr:
    return other(taken) if where is None else both(where, other(taken))
