"""A solved model as functions of one flat list of values, shared by all its instances."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from nestml_core.backend import vectors
from nestml_core.expr import Expr, Number, Ref, Symbol
from nestml_core.reference import integrators
from nestml_core.reference.bytecode import Evaluated, compiled
from nestml_core.reference.derived import (
    Step,
    default,
    derived,
    early_guards,
    guard,
    late_guards,
    of_the_interval,
    sizes,
)
from nestml_core.reference.expressions import Compiler, Evaluate, Slots, Values, shown
from nestml_core.reference.failure import (
    ARITHMETIC,
    NO_DELAY,
    NOT_FINITE,
    STEP_TOO_SMALL,
    Failure,
    undefined,
)
from nestml_core.reference.functions import defined
from nestml_core.reference.integrators import (
    MOST_TRIALS,
    JacobianMatrix,
    Matrix,
    RightHandSide,
    Tolerance,
    TooManyTrialSteps,
    TrialStepTooSmall,
    Vector,
)
from nestml_core.reference.statements import Progress, Run, Running, StatementCompiler
from nestml_core.solved import (
    DT,
    RESOLUTION,
    TIME,
    Convolution,
    Delay,
    Flow,
    Integrator,
    Jump,
    LinearSystem,
    Method,
    NonlinearSystem,
    SolvedModel,
    Update,
)
from nestml_core.stmt import Stmt


@dataclass(frozen=True, slots=True)
class Equations:
    """A nonlinear system as functions of its vector: variables, then companions."""

    slope: RightHandSide
    jacobian: JacobianMatrix
    rates: RightHandSide
    """The diagonal of the Jacobian."""


MAX_DELAY = 10**8
"""How many values of a delayed variable are kept at most."""

Integrate: TypeAlias = Callable[[NonlinearSystem, Equations, Vector], Vector]
"""Returns where a system is after one step."""

Store: TypeAlias = Callable[[Values, Sequence[Any]], None]
"""Gives variables the values they have after a flow."""


@dataclass(frozen=True, slots=True)
class Convolving:
    """A convolution: what computes its values at the end of an interval, stores them, and adds
    the jumps of the spikes."""

    port: Symbol
    updates: tuple[Evaluate, ...]
    store: Store
    jump: Step


class Compiled:
    """What instances of a model with vectors of the same sizes have in common.

    Parameters
    ----------
    parameters : values in coherent units that replace defaults; only sizes of vectors matter
    accurate : integrate nonlinear systems to a relative 1e-12, whatever the model prescribes
    integrate : integrates nonlinear systems in place of the method that the model prescribes
    """

    def __init__(
        self,
        model: SolvedModel,
        parameters: Mapping[Symbol, Any] = MappingProxyType({}),
        *,
        accurate: bool = False,
        integrate: Integrate | None = None,
    ) -> None:
        self.model = model
        self.accurate = accurate
        self.integrate = integrate
        self.slots = Slots(sizes(model, parameters))
        self.running = Running([], Progress(), None)
        self.expressions = Compiler(self.slots, self.function)
        self.calls: dict[str, Callable[..., Any]] = {}

        declared = (*model.parameters, *model.state)
        self.dt, self.resolution = self.slots.at(DT), self.slots.at(RESOLUTION)
        self.defaults = {d.symbol: default(self.expressions, d) for d in declared}
        self.early_guards = [guard(self.expressions, d) for d in early_guards(model)]
        self.late_guards = [guard(self.expressions, d) for d in late_guards(model)]
        made = {id(d): derived(self.expressions, d) for d in model.derived}
        self.derived = tuple(made.values())
        self.of_the_interval = tuple(made[id(d)] for d in of_the_interval(model))
        self.flows = tuple(self.flow(f) for f in model.flows)
        self.calls |= {
            f.name: defined(f, self.slots, self.function, self.flows, self.running)
            for f in model.functions
        }
        self.update = self.body("update", model.update)
        self.on_receive = [
            (h.port, self.body(f"onReceive {i}", h.body)) for i, h in enumerate(model.on_receive)
        ]
        self.on_condition = [
            (self.value(c.condition, "the condition"), self.body(f"onCondition {i}", c.body))
            for i, c in enumerate(model.on_condition)
        ]
        self.convolutions = tuple(self.convolution(c) for c in model.convolutions)
        self.ports = [(p.symbol, self.slots.at(p.symbol)) for p in model.spike_ports]
        self.time = self.slots.at(TIME)
        self.recordables = {
            r.symbol: self.value(r.value, f"`{r.symbol.name}`") for r in model.recordables
        }
        self.inputs = {p.symbol: self.slots.at(p.symbol) for p in model.continuous_ports}
        self.delays = tuple(self.delay(d) for d in model.delays)

    def function(self, name: str) -> Callable[..., Any]:
        """Return what a call of a random function or of a function of the model does."""
        match name:
            case "random_normal":
                return lambda mean, std: float(self.running.random.normal(mean, std))
            case "random_uniform":
                return lambda offset, scale: offset + scale * float(self.running.random.random())
            case "random_poisson":
                return lambda mean: int(self.running.random.poisson(mean))
            case _:
                # looked up when called: functions may call each other
                return lambda *arguments: self.calls[name](*arguments)  # noqa: PLW0108

    def body(self, scope: str, body: tuple[Stmt, ...]) -> Run:
        compiler = Compiler(self.slots, self.function, scope)
        return StatementCompiler(compiler, self.flows, self.running).body(body)

    def value(self, expr: Expr, what: str) -> Evaluate:
        return StatementCompiler(self.expressions, (), self.running).value(expr, what)

    def updates(self, updates: Sequence[Update]) -> list[Evaluate]:
        return [self.value(u.value, f"`{u.target.name}`") for u in updates]

    def convolution(self, c: Convolution) -> Convolving:
        put = self.put([u.target for u in c.updates])
        return Convolving(c.port, tuple(self.updates(c.updates)), put, self.jumps(c.jumps))

    def put(self, symbols: Sequence[Symbol]) -> Store:
        """Return what stores results of a flow, if they are finite or were infinite before."""
        slots = [self.slots.at(s) for s in symbols]

        def run(v: Values, new: Sequence[Any]) -> None:
            for i, x in enumerate(new):
                slot = slots[i]
                if x - x != 0.0 and not (math.isinf(x) and x == v[slot]):
                    raise Failure(
                        NOT_FINITE, f"`{symbols[i].name}` would become {shown(x)}", symbols[i].span
                    )
                v[slot] = x

        return run

    def jumps(self, jumps: Sequence[Jump]) -> Step:
        amounts = [self.value(j.amount, f"the jump of `{j.target.name}`") for j in jumps]
        slots = [self.slots.at(j.target) for j in jumps]
        put = self.put([j.target for j in jumps])

        def run(v: Values) -> None:
            for i, amount in enumerate([f(v) for f in amounts]):
                v[slots[i]] += amount
            put(v, [v[i] for i in slots])

        return run if jumps else lambda v: None

    def delay(self, d: Delay) -> tuple[int, int, Callable[[Values], int]]:
        """Return the slots of the value of long ago and of today's, and what counts the steps."""
        duration = self.value(d.duration, f"the delay of `{d.variable.name}`")
        dt = self.dt

        def steps(v: Values) -> int:
            length = duration(v)
            count = float(length) / float(v[dt])
            if not 0 <= count < MAX_DELAY:
                message = f"the delay of `{d.variable.name}` is {length:g} ms, {count:g} steps"
                help = f"a delay is at least 0, and shorter than {MAX_DELAY} steps"
                raise Failure(NO_DELAY, message, d.span, help)
            return math.floor(count + 0.5)

        return self.slots.at(d.symbol), self.slots.at(d.variable), steps

    def flow(self, flow: Flow) -> Step:
        """Return what one ``integrate_odes`` does."""
        linear = self.linear(flow.linear)
        nonlinear = self.nonlinear(flow.nonlinear)
        jump = self.jumps(flow.jumps)

        def run(v: Values) -> None:
            store_linear, store_nonlinear = linear(v), nonlinear(v)
            store_linear(v)
            store_nonlinear(v)
            jump(v)

        return run

    def linear(self, system: LinearSystem | None) -> Callable[[Values], Step]:
        """Return what computes the new values and returns what stores them."""
        if system is None:
            return lambda v: _nothing
        updates = self.updates(system.updates)
        put = self.put([u.target for u in system.updates])

        def run(v: Values) -> Step:
            new = [f(v) for f in updates]
            return lambda v: put(v, new)

        return run

    def nonlinear(self, system: NonlinearSystem | None) -> Callable[[Values], Step]:
        """Return what computes the new values and returns what stores them."""
        if system is None:
            return lambda v: _nothing
        moving = (*system.variables, *system.companions)
        slots = [self.slots.at(s) for s in moving]
        advance, dt = self.method(system), self.dt
        equations = self.equations(system)
        explain = [self.value(d.value, f"`{d.target.name}'`") for d in system.derivatives]
        put = self.put(system.variables)
        names = ", ".join(f"`{s.name}`" for s in system.variables)
        place = system.variables[0].span
        failure = Failure(
            STEP_TOO_SMALL,
            f"{names}: no step is short enough for the tolerances",
            place,
            "does the solution grow without bounds within one step? a smaller dt may help",
        )
        stiff = Failure(
            STEP_TOO_SMALL,
            f"{names}: more than {MOST_TRIALS} trial steps for one step of dt",
            place,
            "is the input far beyond what the model is made for? a stiff integrator may help",
        )

        def run(v: Values) -> Step:
            start = [v[slot] for slot in slots]
            try:
                end = advance(equations(v), start, v[dt])
            except TooManyTrialSteps:
                raise stiff from None
            except TrialStepTooSmall:
                raise failure from None
            except ARITHMETIC as problem:
                for evaluate in explain:
                    evaluate(v)
                raise undefined(names, system.derivatives[0].value, problem) from None
            for slot, xi in zip(slots, start, strict=True):
                v[slot] = xi
            return lambda v: put(v, end[: len(system.variables)])

        return run

    def equations(self, system: NonlinearSystem) -> Callable[[Values], Equations]:
        """Return a nonlinear system as functions of its vector, given all values."""
        moving = (*system.variables, *system.companions)
        method = system.integrator.method
        needs_rows = method is Method.ROSENBROCK or self.integrate is not None
        places = [
            (i, j, e)
            for i, row in enumerate(system.jacobian if needs_rows else ())
            for j, e in enumerate(row)
            if not (isinstance(e, Number) and e.value == 0)
        ]
        slopes = self.together([d.value for d in system.derivatives], moving)
        entries = self.together([e for _, _, e in places], moving)
        rates = self.together(system.rates if method.is_exponential else (), moving)

        def bound(v: Values) -> Equations:
            def jacobian(x: Vector) -> Matrix:
                result = [[0.0] * len(moving) for _ in moving]
                for (i, j, _), value in zip(places, entries(v, x), strict=True):
                    result[i][j] = value
                return result

            return Equations(lambda x: slopes(v, x), jacobian, lambda x: rates(v, x))

        return bound

    def together(self, expressions: Sequence[Expr], moving: Sequence[Symbol]) -> Evaluated:
        """Return what evaluates expressions that read the symbols ``moving`` from a vector.

        The code for that is fast; what has no finite value, or is not of its kind, is left to
        closures.
        """
        slots = [self.slots.at(s) for s in moving]
        closures = [self.expressions.expr(e) for e in expressions]
        functions = {f.name: f for f in self.model.functions}
        code = compiled(expressions, moving, self.slots, functions)

        def evaluate(v: Values, x: Sequence[float]) -> Vector:
            for slot, xi in zip(slots, x, strict=True):
                v[slot] = xi
            return [f(v) for f in closures]

        if code is None:
            return evaluate
        fast = code

        def attempt(v: Values, x: Sequence[float]) -> Vector:
            try:
                return fast(v, x)
            except ARITHMETIC:
                return evaluate(v, x)

        return attempt

    def method(self, system: NonlinearSystem) -> Callable[[Equations, Vector, float], Vector]:
        if self.accurate:
            return lambda q, x, dt: integrators.accurate(q.slope, x, dt)
        if self.integrate is not None:
            integrate = self.integrate
            return lambda q, x, dt: integrate(system, q, x)
        return lambda q, x, dt: advanced(system.integrator, q, x, dt)


def _nothing(v: Values) -> None:
    """Store nothing."""


def advanced(integrator: Integrator, q: Equations, x: Vector, interval: float) -> Vector:
    """Return where a system is after ``interval``, by the method and tolerances prescribed.

    Raises
    ------
    TrialStepTooSmall : no step is short enough for the tolerances.
    """
    tolerance = Tolerance(integrator.relative, integrator.absolute)
    match integrator.method:
        case Method.RK45:
            return integrators.dormand_prince(q.slope, x, interval, tolerance)
        case Method.ROSENBROCK:
            return integrators.rosenbrock(q.slope, q.jacobian, x, interval, tolerance)
        case Method.RK4:
            return integrators.runge_kutta(q.slope, x, interval)
        case Method.FORWARD_EULER:
            return integrators.forward_euler(q.slope, x, interval)
        case Method.EXPONENTIAL_EULER:
            return integrators.exponential_euler(q.slope, q.rates, x, interval)
        case Method.RUSH_LARSEN:
            return integrators.rush_larsen(q.slope, q.rates, x, interval)


def sizes_used(model: SolvedModel, parameters: Mapping[Symbol, Any]) -> tuple[int, ...]:
    """Return the sizes of the vectors of ``model`` that parameters give."""
    given = sizes(model, parameters)
    return tuple(given[v.size.symbol] for v in vectors(model) if isinstance(v.size, Ref))
