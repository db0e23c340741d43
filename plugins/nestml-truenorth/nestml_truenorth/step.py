"""One step of a model as the chip sees it: shifts, bounds, and a test that may fire.

What a step does to the one state variable is read off the solved model as a list of operations, in
their order of execution, and then brought into the chip's order, or refused. Nothing depends on
names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from nestml_core.api import (
    Assign,
    Binary,
    Call,
    Code,
    Conditional,
    Diagnostic,
    Emit,
    Expr,
    Flow,
    If,
    Integrate,
    Ref,
    Result,
    SolvedModel,
    Span,
    Stmt,
    Symbol,
    walk_statements,
)
from nestml_truenorth import codes
from nestml_truenorth.affine import Affine, Exact, Opaque, Scope, Value
from nestml_truenorth.text import formula, place_of

MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Shift:
    """The variable grows by ``amount`` and, for each port, a factor times its summed weights."""

    amount: Fraction
    ports: tuple[tuple[Symbol, Fraction], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Bound:
    """The variable becomes ``value`` where it is below that."""

    value: Exact
    span: Span


@dataclass(frozen=True, slots=True)
class Fire:
    """At ``threshold`` (above it, if ``strict``) a spike, and a reset.

    The reset is to ``reset`` or, if that is None, by ``subtract`` downwards.
    """

    threshold: Fraction
    strict: bool
    reset: Fraction | None
    subtract: Fraction
    span: Span


Operation = Shift | Bound | Fire


@dataclass(frozen=True, slots=True)
class Dynamics:
    """A step in the chip's order: shift, then fire and reset, or else apply the floor.

    Attributes
    ----------
    variable : the membrane potential
    drift : what it gains in each step
    ports : for each spike port in use, what a weight of 1 adds
    fire : the test, and what happens then
    floor : its lower bound, if it has one
    floor_span : where the model says so
    """

    variable: Symbol
    drift: Fraction
    ports: tuple[tuple[Symbol, Fraction], ...]
    fire: Fire
    floor: Fraction | None
    floor_span: Span
    drift_span: Span


def dynamics(model: SolvedModel, variable: Symbol, scope: Scope) -> Result[Dynamics]:
    """Return what a step does to ``variable``, in the chip's order.

    Let x be the value after all shifts. The chip fires where x >= threshold, else raises x to the
    floor. A model with a lower bound a before the test, b after it, or both, does the same with
    floor = max(a, b) and reset = max(reset, b), if a is below the threshold: then the bound
    decides nothing about firing. Any other order is refused.
    """
    try:
        return Result(_in_chip_order(variable, model, list(_operations(model, variable, scope))))
    except _Refusal as refusal:
        return Result(None, (refusal.diagnostic,))


class _Refusal(Exception):
    """Carries a diagnostic up to ``dynamics``; never leaves this module."""

    def __init__(self, code: Code, span: Span, message: str, help: str) -> None:
        super().__init__(message)
        self.diagnostic: Diagnostic = code.at(span, message, help=help)


ORDER_HELP = (
    "a step on the chip is: inputs and leak, then threshold test and reset, else lower bound; "
    "write integrate_odes() in `update`, then the lower bound and the threshold as onCondition"
)
STATEMENT_HELP = (
    "what the chip can do in a step: integrate_odes(), `V += constant`, `V = max(V, constant)`, "
    "`V += factor * port` in onReceive(port), and onCondition blocks for threshold and bound"
)


def _in_chip_order(variable: Symbol, model: SolvedModel, found: list[Operation]) -> Dynamics:
    """Return ``found`` as dynamics, or raise a refusal."""
    amount, drift_span = Fraction(0), model.span
    ports: dict[Symbol, Fraction] = {}
    fire: Fire | None = None
    before: list[Bound] = []
    after: list[Bound] = []
    for operation in found:
        match operation:
            case Shift():
                _require_shift_first(variable, operation, fire, before)
                drift_span = operation.span if operation.amount else drift_span
                amount += operation.amount
                for port, factor in operation.ports:
                    ports[port] = ports.get(port, Fraction(0)) + factor
            case Bound():
                (after if fire else before).append(operation)
            case Fire():
                if fire is not None:
                    raise _Refusal(
                        codes.ORDER,
                        operation.span,
                        f"`{variable.name}` is tested for a spike twice in a step",
                        "keep one onCondition block with emit_spike()",
                    )
                fire = operation
    if fire is None:
        raise _Refusal(
            codes.NO_SPIKES,
            model.span,
            f"`{model.name}` never emits a spike",
            "add a threshold: onCondition(V_m >= V_th): V_m = V_reset, emit_spike()",
        )
    return Dynamics(
        variable,
        amount,
        tuple((p, f) for p, f in ports.items() if f),
        _with_reset_above(fire, after),
        _floor(variable, fire, before, after),
        (*before, *after)[0].span if before or after else model.span,
        drift_span,
    )


def _require_shift_first(
    variable: Symbol, shift: Shift, fire: Fire | None, before: list[Bound]
) -> None:
    nothing = not shift.amount and not shift.ports
    if nothing or (fire is None and not before):
        return
    what = "threshold test" if fire else "lower bound"
    raise _Refusal(
        codes.ORDER,
        shift.span,
        f"`{variable.name}` changes here after its {what}; on the chip all inputs come before",
        ORDER_HELP,
    )


def _with_reset_above(fire: Fire, after: list[Bound]) -> Fire:
    """Return ``fire`` with a reset value that the bounds behind the test leave alone."""
    if fire.reset is None:
        return fire
    reset = max((fire.reset, *(b.value for b in after)))
    if not isinstance(reset, Fraction):
        return fire
    return Fire(fire.threshold, fire.strict, reset, fire.subtract, fire.span)


def _floor(
    variable: Symbol, fire: Fire, before: list[Bound], after: list[Bound]
) -> Fraction | None:
    for bound in before:
        if bound.value > fire.threshold or (bound.value == fire.threshold and not fire.strict):
            raise _Refusal(
                codes.FLOOR,
                bound.span,
                f"the lower bound of `{variable.name}` reaches its threshold: it would fire in "
                "every step",
                "choose a bound below the threshold",
            )
    for bound in after:
        if bound.value > fire.threshold:
            raise _Refusal(
                codes.FLOOR,
                bound.span,
                f"the lower bound of `{variable.name}` is above its threshold",
                "choose a bound at or below the threshold",
            )
    finite = [b.value for b in (*before, *after) if isinstance(b.value, Fraction)]
    return max(finite, default=None)


# From statements to operations


def _operations(model: SolvedModel, variable: Symbol, scope: Scope) -> Iterator[Operation]:
    """Yield what a step does, in order of execution."""
    reader = _Reader(model, variable, scope)
    for stmt in model.update:
        yield from reader.statement(stmt)
    for handler in model.on_receive:
        for stmt in handler.body:
            yield from reader.received(stmt, handler.port)
    for block in model.on_condition:
        yield from reader.conditional(block.condition, block.body, block.span)


class _Reader:
    def __init__(self, model: SolvedModel, variable: Symbol, scope: Scope) -> None:
        self.model = model
        self.variable = variable
        self.scope = scope

    def statement(self, stmt: Stmt) -> Iterator[Operation]:
        match stmt:
            case Integrate(flow):
                yield from self.flow(self.model.flows[flow], stmt.span)
            case Assign(target, value) if target == self.variable:
                yield from self.assigned(value, stmt.span)
            case If(branches, otherwise) if len(branches) == 1 and not otherwise:
                yield from self.conditional(branches[0].condition, branches[0].body, stmt.span)
            case Emit():
                raise _Refusal(
                    codes.CONDITION,
                    stmt.span,
                    "a spike is emitted here in every step",
                    "emit spikes in onCondition(V_m >= V_th)",
                )
            case _:
                raise self.unsupported(stmt)

    def unsupported(self, stmt: Stmt) -> _Refusal:
        return _Refusal(
            codes.STATEMENT,
            stmt.span,
            f"{_described(stmt)} has no counterpart on the chip",
            STATEMENT_HELP,
        )

    def flow(self, flow: Flow, span: Span) -> Iterator[Operation]:
        """Yield the drift of one step, and the jumps behind it."""
        if self.variable not in flow.variables or flow.linear is None:
            return
        row = flow.linear.variables.index(self.variable)
        drive = flow.linear.drive[row]
        rate = self.constant(drive, "the constant part of its derivative")
        yield Shift(self.finite(rate, drive) * self.scope.tick, (), place_of(drive, span))
        for jump in flow.jumps:
            if jump.target == self.variable:
                yield self.shift(self.scope.value(jump.amount), jump.amount, span)

    def assigned(self, value: Expr, span: Span) -> Iterator[Operation]:
        """Yield the operations of ``variable = value``."""
        match value:
            case Call("max", (left, right)):
                inner, limit = (left, right) if self.reads_variable(left) else (right, left)
                yield from self.assigned(inner, span)
                yield Bound(self.constant(limit, "a lower bound"), span)
            case Conditional(condition, then, Ref(self.variable)):
                yield self.bound(condition, then, span)
            case Ref(self.variable):
                return
            case _:
                yield self.shift(self.increment(value, span), value, span)

    def increment(self, value: Expr, span: Span) -> Value:
        """Return ``value - variable``, where that does not depend on the variable."""
        known = self.scope.value(value)
        if isinstance(known, Affine) and known.factor(self.variable) == 1:
            return known.without(self.variable)
        raise _Refusal(
            codes.STATEMENT,
            span,
            f"`{self.variable.name}` is set to `{formula(value)}` in every step; the chip can only "
            "add to it",
            STATEMENT_HELP,
        )

    def shift(self, amount: Value, expr: Expr, span: Span) -> Shift:
        where = place_of(expr, span)
        if isinstance(amount, Opaque):
            raise self.not_linear(amount, where)
        if not isinstance(amount, Affine) or amount.factor(self.variable):
            raise _Refusal(
                codes.INPUT,
                where,
                f"what a spike adds to `{self.variable.name}` depends on it: `{formula(expr)}`",
                "synapses on the chip add a constant amount; use factor * port",
            )
        return Shift(self.finite(amount.constant, expr), amount.terms, where)

    def received(self, stmt: Stmt, port: Symbol) -> Iterator[Operation]:
        """Yield the operations of a statement that runs only if ``port`` had an event."""
        if not isinstance(stmt, Assign) or stmt.target != self.variable:
            raise self.unsupported(stmt)
        value = self.scope.value(stmt.value)
        proportional = (
            isinstance(value, Affine)
            and value.constant == 0
            and value.factor(self.variable) == 1
            and all(symbol in (self.variable, port) for symbol, _ in value.terms)
        )
        if not isinstance(value, Affine) or not proportional:
            raise _Refusal(
                codes.INPUT,
                stmt.span,
                f"what an event on `{port.name}` does is not proportional to its weight: "
                f"`{self.variable.name} = {formula(stmt.value)}`",
                f"use {self.variable.name} += factor * {port.name}",
            )
        yield Shift(Fraction(0), value.without(self.variable).terms, stmt.span)

    def conditional(
        self, condition: Expr, body: tuple[Stmt, ...], span: Span
    ) -> Iterator[Operation]:
        """Yield the operations of a block that runs on a condition: a threshold or a bound."""
        if any(isinstance(s, Emit) for s in walk_statements(body)):
            yield self.fire(condition, body, span)
            return
        match body:
            case (Assign(target, value),) if target == self.variable:
                yield self.bound(condition, value, span)
            case (Assign(), *_) | ():
                raise _Refusal(
                    codes.FLOOR,
                    place_of(condition, span),
                    f"this block neither emits a spike nor bounds `{self.variable.name}`",
                    STATEMENT_HELP,
                )
            case (first, *_):
                raise self.unsupported(first)

    def bound(self, condition: Expr, value: Expr, span: Span) -> Bound:
        """Return ``if variable < limit: variable = limit`` as a bound."""
        op, limit = self.comparison(condition, span)
        new = self.constant(value, "a bound")
        where = place_of(condition, span)
        if op not in ("<", "<="):
            raise _Refusal(
                codes.FLOOR,
                where,
                f"`{self.variable.name}` is changed at an upper limit without a spike",
                "the chip bounds potentials from below only; emit a spike at the upper limit",
            )
        if new != limit:
            raise _Refusal(
                codes.FLOOR,
                where,
                f"below its limit `{self.variable.name}` is set to another value",
                f"set {self.variable.name} to the limit itself",
            )
        return Bound(limit, where)

    def fire(self, condition: Expr, body: tuple[Stmt, ...], span: Span) -> Fire:
        op, threshold = self.comparison(condition, span)
        where = place_of(condition, span)
        if op not in (">", ">="):
            raise _Refusal(
                codes.CONDITION,
                where,
                f"a spike where `{self.variable.name}` is below a limit",
                "the chip fires at or above a threshold only",
            )
        if not isinstance(threshold, Fraction):
            raise _Refusal(
                codes.NO_SPIKES, where, "the threshold is infinite", "choose a finite threshold"
            )
        value = self.after_reset(body, where)
        factor = value.factor(self.variable)
        constant = self.finite(value.constant, condition)
        if factor == 0:
            return Fire(threshold, op == ">", constant, Fraction(0), where)
        if factor == 1 and constant < 0:
            return Fire(threshold, op == ">", None, -constant, where)
        raise _Refusal(
            codes.RESET,
            where,
            f"a spike leaves `{self.variable.name}` where it is, or moves it up",
            "reset it to a constant, or subtract the threshold; without a reset the chip holds "
            "potentials at the threshold",
        )

    def after_reset(self, body: tuple[Stmt, ...], span: Span) -> Affine:
        """Return the variable after ``body``, which emits exactly one spike."""
        value = Affine(Fraction(0), ((self.variable, Fraction(1)),))
        emitted = 0
        for stmt in body:
            match stmt:
                case Emit(None):
                    emitted += 1
                case Assign(target, expr) if target == self.variable:
                    value = self.composed(self.scope.value(expr), value, expr, stmt.span)
                case _:
                    raise self.unsupported(stmt)
        if emitted != 1:
            raise _Refusal(
                codes.STATEMENT,
                span,
                f"a block that emits {emitted} spikes; a neuron on the chip emits one in a step",
                "call emit_spike() once",
            )
        return value

    def composed(self, outer: Value, inner: Affine, expr: Expr, span: Span) -> Affine:
        """Return ``outer`` with ``inner`` for the variable."""
        if isinstance(outer, Opaque):
            raise self.not_linear(outer, place_of(expr, span))
        if not isinstance(outer, Affine) or not outer.without(self.variable).is_constant:
            raise _Refusal(
                codes.RESET,
                span,
                f"the reset of `{self.variable.name}` depends on inputs",
                "reset it to a constant, or subtract the threshold",
            )
        factor = outer.factor(self.variable)
        constant = outer.constant + factor * inner.constant
        terms = tuple((s, f * factor) for s, f in inner.terms if factor)
        return Affine(constant, terms)

    def comparison(self, condition: Expr, span: Span) -> tuple[str, Exact]:
        """Return op and limit of a condition that says ``variable op limit``."""
        where = place_of(condition, span)
        if isinstance(condition, Binary) and condition.op in MIRRORED:
            minus = Binary("-", condition.left, condition.right)
            value = self.scope.value(minus)
            if isinstance(value, Opaque):
                raise self.not_linear(value, where)
            if isinstance(value, Affine) and [s for s, _ in value.terms] == [self.variable]:
                factor = value.factor(self.variable)
                op = condition.op if factor > 0 else MIRRORED[condition.op]
                return op, -value.constant / factor
        raise _Refusal(
            codes.CONDITION,
            where,
            f"`{formula(condition)}` does not compare `{self.variable.name}` with a constant",
            f"the chip tests one threshold: onCondition({self.variable.name} >= constant)",
        )

    def constant(self, expr: Expr, what: str) -> Exact:
        value = self.scope.value(expr)
        if isinstance(value, Opaque):
            raise self.not_linear(value, place_of(expr, self.model.span))
        if isinstance(value, Affine) and value.is_constant:
            return value.constant
        raise _Refusal(
            codes.STATEMENT,
            place_of(expr, self.model.span),
            f"`{formula(expr)}` must be a constant: it is {what}",
            STATEMENT_HELP,
        )

    def finite(self, value: Exact, expr: Expr) -> Fraction:
        if isinstance(value, Fraction):
            return value
        raise _Refusal(
            codes.NOT_RATIONAL,
            place_of(expr, self.model.span),
            f"`{formula(expr)}` is infinite",
            "choose finite constants; only a lower bound may be -inf, which means none",
        )

    def not_linear(self, opaque: Opaque, span: Span) -> _Refusal:
        return _Refusal(
            codes.NOT_RATIONAL,
            place_of(opaque.expr, span),
            f"`{formula(opaque.expr)}` {opaque.reason}",
            "the chip computes in whole numbers; use constants made of + - * / only",
        )

    def reads_variable(self, expr: Expr) -> bool:
        value = self.scope.value(expr)
        return not (isinstance(value, Affine) and value.is_constant)


def _described(stmt: Stmt) -> str:
    match stmt:
        case Assign(target):
            return f"the assignment to `{target.name}`"
        case Emit():
            return "a spike with a weight"
        case If():
            return "this `if`"
    words = {
        "Declare": "a local variable",
        "For": "a loop",
        "While": "a loop",
        "Return": "`return`",
        "Say": "a message",
        "Evaluate": "a function call",
    }
    return words[type(stmt).__name__]
