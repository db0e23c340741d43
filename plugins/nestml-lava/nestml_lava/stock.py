"""Which models are exactly a neuron process that Lava has, and with which parameters.

Lava's LIF counts its potential v from the reset and computes, in each step,

    u = (1 - du) u + a,    v = (1 - dv) v + u + bias,    a spike and v = 0 where v > vth.

LIFRefractory keeps v for some steps after a spike. A model is one of these if its own step is that
of a change of variables; that is decided on the solved model, with numbers for its constants.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nestml_core.api import (
    Assign,
    Base,
    Binary,
    Code,
    Convolution,
    Diagnostic,
    Emit,
    Expr,
    Flow,
    If,
    Integrate,
    ModelKind,
    OnCondition,
    Output,
    Ref,
    SolvedModel,
    Span,
    Stmt,
    Symbol,
    Update,
    constants,
    walk_statements,
)
from nestml_lava import refusals
from nestml_lava.affine import Affine, affine, constant

CUSTOM = "use a process of its own (arith=float, fixed24 or fixed32)"
SAME = 1e-12
"""Relative difference below which decays count as equal."""


@dataclass(frozen=True, slots=True)
class Lif:
    """A model as a LIF process; potentials in mV above the reset, ``bias`` per step.

    Attributes
    ----------
    variable : the membrane potential
    keep_v, keep_u : what is left of v and u after a step, 1 - dv and 1 - du
    ports : for each spike port what a weight of 1 adds to u
    late : whether an input must arrive one step later than at the model
    strict : whether v must be above the threshold, not at it
    refractory : for how many steps v stands still after a spike
    """

    variable: Symbol
    keep_v: float
    keep_u: float
    ports: tuple[tuple[Symbol, float], ...]
    late: bool
    bias: float
    threshold: float
    strict: bool
    reset: float
    refractory: int
    v: float
    u: float

    @property
    def process(self) -> str:
        """The class of the process in Lava."""
        return "LIFRefractory" if self.refractory else "LIF"

    @property
    def vth(self) -> float:
        """The threshold of Lava, which v must exceed."""
        return self.threshold if self.strict else math.nextafter(self.threshold, -math.inf)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The process that a model is, or why it is none."""

    lif: Lif | None
    why_not: tuple[Diagnostic, ...] = ()


class _Refusal(Exception):
    """Carries a diagnostic up to ``detect``; never leaves this module."""

    def __init__(self, code: Code, span: Span, message: str, help: str = CUSTOM) -> None:
        super().__init__(message)
        self.diagnostic = code.at(span, message, help=help)


def detect(
    model: SolvedModel,
    parameters: Mapping[Symbol, Any] | None = None,
    initial: Mapping[Symbol, Any] | None = None,
    dt: float = 0.1,
    currents: Mapping[Symbol, float] | None = None,
) -> Verdict:
    """Return which stock process ``model`` is with these parameters and this step, if any.

    Continuous inputs count as not connected, unless ``currents`` gives them a constant value.

    Errors
    ------
    LAVA101, LAVA103, LAVA104, LAVA106, LAVA107, LAVA110 to LAVA112 : why it is none.
    """
    found = constants(model, parameters or {}, dt)
    if found.value is None:
        return Verdict(None, found.diagnostics)
    inputs = {p.symbol: 0.0 for p in model.continuous_ports}
    values = {**found.value, **inputs, **(currents or {})}
    try:
        return Verdict(_Detection(model, values, initial or {}).lif())
    except _Refusal as refusal:
        return Verdict(None, (refusal.diagnostic,))


class _Detection:
    """The detection for one model."""

    def __init__(
        self, model: SolvedModel, values: Mapping[Symbol, Any], initial: Mapping[Symbol, Any]
    ) -> None:
        self.model = model
        self.values = values
        self.initial = initial

    def lif(self) -> Lif:
        self.refuse_kind()
        spiking = self.spiking()
        v, threshold, strict, guards = self.threshold(spiking)
        reset, counts = self.effects(spiking, v)
        flow, gate, always = self.update(v)
        drivers, keep_v, bias = self.membrane(flow, v)
        keep_u = self.decays(drivers, flow, gate, always)
        gains, late = self.inputs(v, dict(drivers), gate)
        refractory = self.refractory(gate, guards, counts, spiking, reset < threshold)
        start = {s: self.start(s) for s in (v, *dict(drivers))}
        current = sum(f * start[s] for s, f in drivers)
        self.refuse_others(v, tuple(dict(drivers)), (gate, *guards))
        return Lif(
            variable=v,
            keep_v=keep_v,
            keep_u=keep_u,
            ports=tuple(gains.items()),
            late=late,
            bias=bias - (1 - keep_v) * reset,
            threshold=threshold - reset,
            strict=strict,
            reset=reset,
            refractory=refractory,
            v=start[v] - reset,
            u=current / keep_u if current else 0.0,
        )

    def refuse_kind(self) -> None:
        m = self.model
        if m.kind is ModelKind.SYNAPSE or m.output is not Output.SPIKE:
            raise _Refusal(refusals.NO_SPIKES, m.span, f"`{m.name}` emits no spikes")
        if m.is_random:
            raise _Refusal(refusals.RANDOM, m.span, f"`{m.name}` draws random numbers")
        for flow in m.flows:
            if flow.nonlinear is not None:
                names = ", ".join(f"`{s.name}`" for s in flow.nonlinear.variables)
                span = flow.nonlinear.variables[0].span
                message = f"the equations of {names} are not linear with constant coefficients"
                raise _Refusal(refusals.NONLINEAR, span, message)
        if m.delays or any(s.size is not None for s, _ in self.declared()):
            message = f"`{m.name}` has delayed variables or vectors"
            raise _Refusal(refusals.STATEMENT, m.span, message)

    def declared(self) -> Iterator[tuple[Symbol, Expr]]:
        return ((d.symbol, d.value) for d in self.model.state)

    def spiking(self) -> OnCondition:
        m = self.model
        for body in (m.update, *(h.body for h in m.on_receive)):
            for stmt in walk_statements(body):
                if isinstance(stmt, Emit):
                    message = "a spike is emitted elsewhere than in an onCondition block"
                    raise _Refusal(refusals.STATEMENT, stmt.span, message)
        spiking = [
            c for c in m.on_condition if any(isinstance(s, Emit) for s in walk_statements(c.body))
        ]
        if len(m.on_condition) > len(spiking) and spiking:
            other = next(c for c in m.on_condition if c not in spiking)
            message = "a second condition, at which there is no spike"
            raise _Refusal(refusals.STATEMENT, other.condition.span, message)
        if len(spiking) != 1:
            message = f"`{m.name}` has {len(spiking)} conditions at which it spikes"
            raise _Refusal(refusals.NO_SPIKES, m.span, message)
        return spiking[0]

    def threshold(self, c: OnCondition) -> tuple[Symbol, float, bool, tuple[Symbol, ...]]:
        """Return the potential, its threshold, if it is strict, and counters that must be 0."""
        guards: list[Symbol] = []
        tests: list[tuple[Symbol, float, bool]] = []
        for part in _conjuncts(c.condition):
            match part:
                case Binary("==" | "<=", Ref(s), limit) if (
                    s.type.base is Base.INTEGER and constant(limit, self.values) == 0
                ):
                    guards.append(s)
                case Binary(op, left, right) if op in (">", ">=", "<", "<="):
                    turned = op in ("<", "<=")
                    low, high = (left, right) if turned else (right, left)
                    value = affine(Binary("-", high, low), self.values)
                    if not isinstance(value, Affine) or len(value.factors) != 1:
                        message = "the threshold moves, or is not that of one variable"
                        raise _Refusal(refusals.THRESHOLD, part.span, message)
                    (tested, factor) = value.factors[0]
                    at = -value.constant / factor
                    if factor < 0:
                        message = "a spike below a limit"
                        raise _Refusal(refusals.THRESHOLD, part.span, message)
                    tests.append((tested, at, len(op) == 1))
                case _:
                    message = "a condition that is no threshold"
                    raise _Refusal(refusals.THRESHOLD, part.span, message)
        if len(tests) != 1 or tests[0][0].type.base is Base.INTEGER:
            message = "a condition without one threshold of one potential"
            raise _Refusal(refusals.THRESHOLD, c.condition.span, message)
        if not math.isfinite(tests[0][1]):
            raise _Refusal(refusals.NO_SPIKES, c.condition.span, "the threshold is infinite")
        return (*tests[0], tuple(guards))

    def effects(self, c: OnCondition, v: Symbol) -> tuple[float, Mapping[Symbol, int]]:
        """Return the potential after a spike, and what counters are set to."""
        reset: float | None = None
        counts: dict[Symbol, int] = {}
        for stmt in c.body:
            match stmt:
                case Emit(None):
                    pass
                case Assign(target, value) if constant(value, self.values) is not None:
                    number = constant(value, self.values)
                    assert number is not None
                    if target == v:
                        reset = number
                    elif target.type.base is Base.INTEGER:
                        counts[target] = int(number)
                    else:
                        message = f"a spike changes `{target.name}`"
                        raise _Refusal(refusals.THRESHOLD, stmt.span, message)
                case Assign(target):
                    code = refusals.STATEMENT if target == v else refusals.THRESHOLD
                    message = f"a spike does not set `{target.name}` to a constant"
                    raise _Refusal(code, stmt.span, message)
                case _:
                    message = "a spike does something that a LIF does not"
                    raise _Refusal(refusals.STATEMENT, stmt.span, message)
        if reset is None or not math.isfinite(reset):
            message = f"a spike does not reset `{v.name}` to a constant"
            raise _Refusal(refusals.STATEMENT, c.condition.span, message)
        return reset, counts

    def update(self, v: Symbol) -> tuple[Flow, Symbol | None, tuple[Symbol, ...]]:
        """Return the flow of the potential, the counter that stops it, and what never stops."""
        flow: Flow | None = None
        gate: Symbol | None = None
        always: tuple[Symbol, ...] = ()
        for stmt in self.model.update:
            match stmt:
                case Integrate(k) if v in self.model.flows[k].variables and flow is None:
                    flow = self.model.flows[k]
                    always += flow.variables
                case Integrate(k) if v not in self.model.flows[k].variables:
                    always += self.model.flows[k].variables
                case If((branch,), otherwise) if _counter(branch.condition) is not None:
                    counter = _counter(branch.condition)
                    stopped = self.branch(branch.body, counter, stmt.span)
                    if not otherwise and not stopped:
                        continue
                    match otherwise:
                        case (Integrate(k),) if v in self.model.flows[k].variables and not flow:
                            flow, gate = self.model.flows[k], counter
                            always += tuple(s for s in flow.variables if s in stopped)
                        case _:
                            raise self.no_step(stmt)
                case _:
                    raise self.no_step(stmt)
        if flow is None:
            message = f"`{v.name}` has no equation that is integrated in every step"
            raise _Refusal(refusals.NONLINEAR, v.span, message)
        return flow, gate, always

    def branch(
        self, body: tuple[Stmt, ...], counter: Symbol | None, span: Span
    ) -> tuple[Symbol, ...]:
        """Return what moves on while a counter runs down."""
        moving: tuple[Symbol, ...] = ()
        steps = 0
        for stmt in body:
            match stmt:
                case Assign(target, Binary("-", Ref(s), one)) if (
                    target == s == counter and constant(one, self.values) == 1
                ):
                    steps += 1
                case Integrate(k):
                    moving += self.model.flows[k].variables
                case _:
                    raise self.no_step(stmt)
        if steps != 1:
            raise _Refusal(refusals.REFRACTORY, span, "a counter does not count steps")
        return moving

    def no_step(self, stmt: Stmt) -> _Refusal:
        message = "a statement in `update` that a LIF does not have"
        return _Refusal(refusals.STATEMENT, stmt.span, message)

    def membrane(
        self, flow: Flow, v: Symbol
    ) -> tuple[tuple[tuple[Symbol, float], ...], float, float]:
        """Return what drives the potential and how much, what is left of it, and its drift."""
        assert flow.linear is not None
        value = self.linear(next(u for u in flow.linear.updates if u.target == v))
        drivers = tuple((s, f) for s, f in value.factors if s != v)
        return drivers, value.factor(v), value.constant

    def linear(self, update: Update) -> Affine:
        value = affine(update.value, self.values)
        if not isinstance(value, Affine):
            message = f"the equation of `{update.target.name}` is not linear"
            raise _Refusal(refusals.NONLINEAR, update.target.span, message)
        return value

    def decays(
        self,
        drivers: tuple[tuple[Symbol, float], ...],
        flow: Flow,
        gate: Symbol | None,
        always: tuple[Symbol, ...],
    ) -> float:
        """Return what is left after a step of what drives the potential."""
        updates = {u.target: u for c in self.model.convolutions for u in c.updates}
        if flow.linear is not None:
            updates |= {u.target: u for u in flow.linear.updates}
        kept: list[float] = []
        for s, _ in drivers:
            if s not in updates:
                raise _Refusal(refusals.KERNEL, s.span, f"`{s.name}` has no decay of its own")
            value = self.linear(updates[s])
            if value.constant or value.symbols not in ((s,), ()):
                message = f"`{s.name}` does not decay exponentially"
                raise _Refusal(refusals.KERNEL, _span(s, self.model), message)
            convolved = any(s in c.states for c in self.model.convolutions)
            if gate is not None and s not in always and not convolved:
                message = f"`{s.name}` stands still in the refractory period"
                raise _Refusal(refusals.REFRACTORY, s.span, message)
            kept.append(value.factor(s))
        if any(not math.isclose(k, kept[0], rel_tol=SAME) for k in kept):
            names = " and ".join(f"`{s.name}`" for s, _ in drivers)
            message = f"{names} have different time constants"
            span = _span(drivers[0][0], self.model)
            help = f"give them one time constant, or {CUSTOM}"
            raise _Refusal(refusals.TIME_CONSTANTS, span, message, help)
        return kept[0] if kept else 0.0

    def inputs(
        self, v: Symbol, drivers: Mapping[Symbol, float], gate: Symbol | None
    ) -> tuple[dict[Symbol, float], bool]:
        """Return what a weight of 1 adds for each port, and whether that acts a step later."""
        gains = {p.symbol: 0.0 for p in self.model.spike_ports}
        kinds: set[bool] = set()
        for target, amount, span, gated in self.amounts():
            value = affine(amount, self.values)
            if not isinstance(value, Affine) or value.constant or len(value.factors) != 1:
                raise _Refusal(refusals.STATEMENT, span, "an input that is no sum of weights")
            (port, factor) = value.factors[0]
            if port not in gains:
                raise _Refusal(refusals.STATEMENT, span, "an input that depends on the state")
            if target == v and gate is not None and not gated:
                message = f"a spike moves `{v.name}` in the refractory period too"
                raise _Refusal(refusals.REFRACTORY, span, message)
            if target != v and target not in drivers:
                message = f"a spike changes `{target.name}`, which does not drive `{v.name}`"
                raise _Refusal(refusals.STATEMENT, span, message)
            kinds.add(target != v)
            gains[port] += factor * drivers.get(target, 1.0)
        if len(kinds) > 1 or (drivers and False in kinds):
            message = "some spikes act at once, others through a current"
            raise _Refusal(refusals.TIME_CONSTANTS, self.model.span, message)
        return gains, True in kinds

    def amounts(self) -> Iterator[tuple[Symbol, Expr, Span, bool]]:
        """Yield what is added to which variable, where, and whether only with the potential."""
        m = self.model
        for flow in m.flows:
            yield from ((j.target, j.amount, m.span, True) for j in flow.jumps)
        for c in m.convolutions:
            yield from ((j.target, j.amount, m.span, False) for j in c.jumps)
        for handler in m.on_receive:
            for stmt in handler.body:
                match stmt:
                    case Assign(target, value):
                        amount = Binary("-", value, Ref(target, target.type), target.type)
                        yield target, amount, stmt.span, False
                    case _:
                        message = "a handler that does more than add weights"
                        raise _Refusal(refusals.STATEMENT, stmt.span, message)

    def refractory(
        self,
        gate: Symbol | None,
        guards: tuple[Symbol, ...],
        counts: Mapping[Symbol, int],
        c: OnCondition,
        below: bool,
    ) -> int:
        still = counts.get(gate, 0) if gate is not None else 0
        for guard in guards:
            if guard != gate and counts.get(guard, 0) > still + 1:
                message = f"`{guard.name}` forbids spikes while the potential moves"
                raise _Refusal(refusals.REFRACTORY, c.condition.span, message)
        if not below and (still or guards):
            message = "the reset is not below the threshold"
            raise _Refusal(refusals.REFRACTORY, c.condition.span, message)
        return still

    def start(self, symbol: Symbol) -> float:
        if symbol in self.initial:
            return float(self.initial[symbol])
        known: dict[Symbol, Any] = dict(self.values)
        for s, value in self.declared():
            found = constant(value, known)
            known[s] = 0.0 if found is None else found
        return float(known.get(symbol, 0.0))

    def refuse_others(
        self, v: Symbol, drivers: tuple[Symbol, ...], counters: tuple[Symbol | None, ...]
    ) -> None:
        for s, _ in self.declared():
            if s != v and s not in drivers and s not in counters:
                message = f"`{s.name}` is state that a LIF does not have"
                raise _Refusal(refusals.STATEMENT, s.span, message)
        for counter in counters:
            if counter is not None and self.start(counter):
                message = f"`{counter.name}` does not begin at 0"
                raise _Refusal(refusals.REFRACTORY, counter.span, message)


def _conjuncts(e: Expr) -> Iterator[Expr]:
    match e:
        case Binary("and", left, right):
            yield from _conjuncts(left)
            yield from _conjuncts(right)
        case _:
            yield e


def _counter(condition: Expr) -> Symbol | None:
    """Return the integer variable of a condition ``counter > 0``."""
    match condition:
        case Binary(">", Ref(s), right) if s.type.base is Base.INTEGER:
            return s if constant(right, {}) == 0 else None
        case _:
            return None


def _span(s: Symbol, model: SolvedModel) -> Span:
    of: Convolution | None = next((c for c in model.convolutions if s in c.states), None)
    return s.span if of is None else of.port.span
