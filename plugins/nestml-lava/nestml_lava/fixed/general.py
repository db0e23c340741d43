"""Any model in fixed point: its variables become whole numbers, its constants are worked in.

Linear equations keep their exact propagators; nonlinear ones take one step of the classical method
of Runge and Kutta in each time step, or of Euler's where the model is solved for that. What is left
is a model all of whose variables are whole numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nestml_core.api import (
    DT,
    INTEGER,
    Assign,
    Base,
    Boolean,
    Branch,
    Declaration,
    Declare,
    Emit,
    Expr,
    If,
    Integrate,
    Kind,
    Method,
    NonlinearSystem,
    OnCondition,
    OnReceive,
    Recordable,
    Ref,
    Result,
    SolvedModel,
    Span,
    Stmt,
    Symbol,
    Update,
    integer,
    symbols_in,
)
from nestml_lava import refusals
from nestml_lava.affine import Affine, affine
from nestml_lava.fixed.expressions import Expressions, Refusal, a_number, reference_to
from nestml_lava.fixed.formats import (
    Format,
    Integers,
    PortFormat,
    Ranges,
    clipped_to,
    format_of,
    port_format_of,
)
from nestml_lava.fixed.possible import refuse
from nestml_lava.fixed.terms import Arithmetic, Known, Shift, Term, Truth, called, shifted


@dataclass(frozen=True, slots=True)
class Widths:
    """``state`` bits of a variable with its sign, ``precision`` significant bits of constants."""

    state: int
    precision: int


@dataclass(frozen=True, eq=False, slots=True)
class Given:
    """What the whole numbers are made for.

    Attributes
    ----------
    values : of parameters, derived constants and the step, as ``constants`` returns them
    initial : initial values of all state variables
    """

    values: Mapping[Symbol, Any]
    initial: Mapping[Symbol, Any]
    ranges: Ranges
    widths: Widths


def lowered(model: SolvedModel, given: Given) -> Result[Integers]:
    """Return ``model`` in whole numbers.

    Errors
    ------
    LAVA105, LAVA109, LAVA110, LAVA113, LAVA114 : what has no fixed point here.
    """
    try:
        refuse(model)
        plain = Lowering(model, given, shifted)
        whole = plain.whole_model()
        code = Lowering(model, given, called).whole_model()
    except Refusal as refusal:
        return Result(None, (refusal.diagnostic,))
    return Result(
        Integers(
            whole,
            code,
            float(given.values[DT]),
            tuple(plain.formats.values()),
            plain.port_formats(),
        )
    )


SLOPE_BITS = 40
PARTS = (0.0, 0.5, 0.5, 1.0)
"""How far into the step the stages of the classical method are."""


def stages(system: NonlinearSystem) -> int:
    """Return how many derivatives a step takes: one (Euler) or four (Kutta 1901)."""
    return 1 if system.integrator.method is Method.FORWARD_EULER else 4


def mean_slope(a: Arithmetic, slopes: Sequence[Term | Known]) -> Term | Known:
    """Return the slope of the whole step."""
    if len(slopes) == 1:
        return slopes[0]
    first, second, third, last = slopes
    inner = a.times(a.plus(second, third), Known(2.0))
    return a.times(a.plus(a.plus(first, last), inner), Known(1 / 6))


class Lowering:
    """The lowering of one model."""

    def __init__(self, model: SolvedModel, given: Given, shift: Shift) -> None:
        self.model = model
        self.values = given.values
        self.initial = given.initial
        ranges, bits = given.ranges, given.widths.state - 1
        convolved = [s for c in model.convolutions for s in c.states]
        variables = [*(d.symbol for d in model.state), *convolved]
        self.formats = {s: format_of(s, ranges.of(s), bits) for s in variables}
        inputs = [p.symbol for p in model.spike_ports]
        inputs += [p.symbol for p in model.continuous_ports]
        self.ports = {s: port_format_of(s, ranges.of(s), bits) for s in inputs}
        arithmetic = Arithmetic(given.widths.precision, shift)
        self.e = Expressions(given.values, self.formats, self.ports, arithmetic)
        self.count = 0

    def port_formats(self) -> tuple[PortFormat, ...]:
        return tuple(self.ports.values())

    def whole_model(self) -> SolvedModel:
        m = self.model
        return replace(
            m,
            parameters=(),
            derived=(),
            state=tuple(self.declarations()),
            recordables=tuple(
                Recordable(f.whole, reference_to(f.whole)) for f in self.formats.values()
            ),
            spike_ports=tuple(replace(p, symbol=self.ports[p.symbol].whole) for p in m.spike_ports),
            continuous_ports=tuple(
                replace(p, symbol=self.ports[p.symbol].whole) for p in m.continuous_ports
            ),
            convolutions=(),
            flows=(),
            update=(*self.convolved(), *self.body(m.update), *self.stores()),
            on_receive=tuple(self.handlers()),
            on_condition=tuple(self.conditions()),
            functions=(),
            fixed=(),
        )

    def declarations(self) -> Iterator[Declaration]:
        found = {d.symbol: d for d in self.model.state}
        for symbol, f in self.formats.items():
            value = float(self.initial.get(symbol, 0.0))
            if not math.isfinite(value):
                message = f"`{symbol.name}` begins with a value that is not finite"
                raise Refusal(refusals.RANGE, symbol.span, message)
            whole = max(-f.limit, min(f.limit, round(value * f.scale)))
            d = found.get(symbol)
            documentation = "" if d is None else d.documentation
            yield _declaration(f.whole, whole, documentation, d)

    # Convolutions: their new values count from the end of the step on, before conditions

    def convolved(self) -> Iterator[Stmt]:
        for c in self.model.convolutions:
            for u in c.updates:
                yield from self.advanced(u, f"next_{u.target.identifier}")

    def stores(self) -> Iterator[Stmt]:
        """If there are handlers, they have been found not to read convolutions."""
        for c in self.model.convolutions:
            for u in c.updates:
                new: Term | Known | Truth = self.e.locals[_next(u.target)]
                for jump in c.jumps:
                    if jump.target == u.target:
                        new = self.e.a.plus(a_number(new), self.e.number(jump.amount))
                yield self.stored(u.target, new, u.target.span)

    def advanced(self, u: Update, local: str) -> Iterator[Stmt]:
        """Yield the declaration of the next value of what a linear equation advances."""
        yield self.declared(_next(u.target), self.linear(u), local)

    def linear(self, u: Update) -> Term | Known:
        """Return ``x + (P - 1) x + ...``: the difference has more bits than P itself."""
        value = affine(u.value, self.values)
        if not isinstance(value, Affine):
            return self.e.number(u.value)
        x = self.e.term(u.target)
        total: Term | Known = self.e.a.plus(
            x, self.e.a.times(x, Known(value.factor(u.target) - 1.0))
        )
        for s, f in value.factors:
            if s != u.target:
                total = self.e.a.plus(
                    total, self.e.a.times(a_number(self.e.reference(s), s.span), Known(f))
                )
        return self.e.a.plus(total, Known(value.constant))

    # Statements

    def body(self, stmts: Iterable[Stmt]) -> tuple[Stmt, ...]:
        return tuple(new for stmt in stmts for new in self.statement(stmt))

    def statement(self, stmt: Stmt) -> Iterator[Stmt]:
        match stmt:
            case Assign(target, value, index=None) if target.kind is Kind.LOCAL:
                yield self.assigned(target, value, stmt.span)
            case Assign(target, value, index=None):
                yield self.stored(target, self.e.any(value), stmt.span)
            case Declare(symbol, value) if symbol.size is None:
                yield self.declared(symbol, self.e.any(value), symbol.name)
            case If(branches, otherwise, span):
                taken = tuple(
                    Branch(self.e.truth(b.condition), self.body(b.body)) for b in branches
                )
                yield If(taken, self.body(otherwise), span)
            case Integrate(flow, span):
                yield from self.integrated(flow, span)
            case Emit(None):
                yield stmt
            case Emit(_):
                message = "spikes with a weight of their own"
                raise Refusal(refusals.WHOLE, stmt.span, message)
            case _:
                message = f"`{' '.join(stmt.span.text.split()) or type(stmt).__name__}`"
                raise Refusal(
                    refusals.WHOLE, stmt.span, f"{message} has no form in whole numbers here"
                )

    def integrated(self, index: int, span: Span) -> Iterator[Stmt]:
        flow = self.model.flows[index]
        self.count += 1
        fresh: list[tuple[Symbol, Symbol]] = []
        if flow.linear is not None:
            for u in flow.linear.updates:
                fresh.append((u.target, self.fresh(u.target)))
                yield self.declared(fresh[-1][1], self.linear(u), fresh[-1][1].name)
        if flow.nonlinear is not None:
            slopes: list[Mapping[Symbol, Term | Known]] = []
            for stage in range(stages(flow.nonlinear)):
                yield from self.slopes(flow.nonlinear, stage, slopes)
            for s in flow.nonlinear.variables:
                fresh.append((s, self.fresh(s)))
                change = mean_slope(self.e.a, [k[s] for k in slopes])
                moved = self.e.a.plus(self.e.term(s), self.e.a.times(change, self.step))
                yield self.declared(fresh[-1][1], moved, fresh[-1][1].name)
        for target, local in fresh:
            yield self.stored(target, self.e.locals[local], span)
        for jump in flow.jumps:
            amount = self.e.number(jump.amount)
            yield self.stored(jump.target, self.e.a.plus(self.e.term(jump.target), amount), span)

    @property
    def step(self) -> Known:
        return Known(float(self.values[DT]))

    def slopes(
        self, system: NonlinearSystem, stage: int, found: list[Mapping[Symbol, Term | Known]]
    ) -> Iterator[Stmt]:
        """Yield what computes the derivatives of one stage, which are appended to ``found``."""
        moving = (*system.variables, *system.companions)
        wanted = needed(system, stages(system) - stage - 1)
        read = {s for u in wanted for s in symbols_in(u.value)}
        places: dict[Symbol, Term | Truth] = {}
        for s in (s for s in moving if stage and s in read):
            part = self.e.a.times(found[-1][s], Known(self.step.value * PARTS[stage]))
            f = self.formats[s]
            at = self.fitted(self.e.a.plus(self.e.term(s), part), round(math.log2(f.scale)))
            kept = Term(clipped_to(at.value, f.limit), at.fraction, f.limit / f.scale)
            place = self.fresh(s, f"at_{stage}")
            yield self.declared(place, kept, place.name)
            places[s] = self.e.locals[place]
        self.e.locals |= places
        slopes: dict[Symbol, Term | Known] = {}
        for u in wanted:
            value = self.e.number(u.value)
            if isinstance(value, Known):
                slopes[u.target] = value
                continue
            local = self.fresh(u.target, f"slope_{stage + 1}")
            yield self.declared(local, self.e.a.narrowed(value, SLOPE_BITS), local.name)
            slopes[u.target] = a_number(self.e.locals[local])
        for s in places:
            del self.e.locals[s]
        found.append(slopes)

    def fresh(self, target: Symbol, stem: str = "new") -> Symbol:
        return Symbol(f"{stem}_{target.identifier}_{self.count}", Kind.LOCAL, INTEGER)

    def declared(self, symbol: Symbol, value: Term | Known | Truth, name: str) -> Declare:
        """Return the declaration of a local variable; it keeps the format of its first value."""
        if isinstance(value, Truth):
            local = replace(symbol, name=name)
            self.e.locals[symbol] = Truth(Ref(local, local.type))
            return Declare(local, value.value)
        value = self.e.a.factor(value.value) if isinstance(value, Known) else value
        local = Symbol(name, Kind.LOCAL, INTEGER)
        self.e.locals[symbol] = Term(reference_to(local), value.fraction, value.largest)
        return Declare(local, value.value)

    def assigned(self, target: Symbol, value: Expr, span: Span) -> Assign:
        found = self.e.locals.get(target)
        new = self.e.any(value)
        match found, new:
            case Truth(Ref(local)), Truth():
                return Assign(local, new.value, span)
            case Term(Ref(local)), Term() | Known():
                widened = replace(found, largest=max(found.largest, _largest(new)))
                self.e.locals[target] = widened
                return Assign(local, self.fitted(new, found.fraction).value, span)
            case _:
                message = f"`{target.name}` is used before it has a value"
                raise Refusal(refusals.WHOLE, span, message)

    def fitted(self, value: Term | Known, fraction: int) -> Term:
        if isinstance(value, Known):
            return self.e.a.constant(value.value, fraction)
        return self.e.a.with_fraction(value, fraction)

    def stored(self, target: Symbol, value: Term | Known | Truth, span: Span) -> Assign:
        """Return the assignment to a variable, rounded and cut to its bits."""
        f = self.formats.get(target)
        if f is None:
            message = f"`{target.name}` is changed by a statement"
            raise Refusal(refusals.WHOLE, span, message)
        if isinstance(value, Truth):
            return Assign(f.whole, value.value, span)
        if isinstance(value, Known):
            if math.isnan(value.value):
                raise Refusal(refusals.RANGE, span, f"`{target.name}` becomes no number")
            whole = max(-float(f.limit), min(float(f.limit), value.value * f.scale))
            return Assign(f.whole, integer(_whole(whole, f)), span)
        shift = round(math.log2(f.scale))
        if not f.bits and value.fraction:
            message = f"`{target.name}` is a whole number, but gets a fraction"
            raise Refusal(refusals.WHOLE, span, message)
        new = self.e.a.with_fraction(value, shift)
        if new.largest * f.scale <= f.limit:
            return Assign(f.whole, new.value, span)
        return Assign(f.whole, clipped_to(new.value, f.limit), span)

    def handlers(self) -> Iterator[OnReceive]:
        for h in self.model.on_receive:
            yield replace(h, port=self.ports[h.port].whole, body=self.body(h.body))

    def conditions(self) -> Iterator[OnCondition]:
        for c in self.model.on_condition:
            yield replace(c, condition=self.e.truth(c.condition), body=self.body(c.body))


def _declaration(
    symbol: Symbol, value: int, documentation: str, like: Declaration | None
) -> Declaration:
    first: Expr = integer(value)
    if symbol.type.base is Base.BOOLEAN:
        first = Boolean(bool(value))
    if like is not None:
        return replace(like, symbol=symbol, value=first, guard=None)
    return Declaration(symbol, first, None, False, documentation)


def _whole(value: float, f: Format) -> int:
    return round(value) if f.bits else int(value)


def _next(symbol: Symbol) -> Symbol:
    return Symbol(f"next_{symbol.identifier}", Kind.LOCAL, INTEGER)


def _largest(value: Term | Known) -> float:
    return abs(value.value) if isinstance(value, Known) else value.largest


def needed(system: NonlinearSystem, later: int) -> tuple[Update, ...]:
    """Return the derivatives that the mean slope takes, or one of ``later`` more stages.

    Companions move exactly, and matter for what reads them alone.
    """
    targets = set(system.variables)
    for _ in range(later):
        used = {s for u in system.derivatives if u.target in targets for s in symbols_in(u.value)}
        targets |= used.intersection(system.companions)
    return tuple(u for u in system.derivatives if u.target in targets)
