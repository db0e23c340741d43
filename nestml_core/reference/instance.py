"""One instance of a solved model: its values, and what a step does to them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from nestml_core.experiment import Schedule
from nestml_core.expr import Expr, Kind, Number, Symbol
from nestml_core.reference import integrators, operations
from nestml_core.reference.bytecode import Evaluated, compiled
from nestml_core.reference.derived import (
    Step,
    constant_steps,
    declared,
    guard,
    reads_state,
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
from nestml_core.reference.integrators import (
    JacobianMatrix,
    Matrix,
    RightHandSide,
    Tolerance,
    TrialStepTooSmall,
    Vector,
)
from nestml_core.reference.statements import Progress, Run, StatementCompiler
from nestml_core.solved import (
    TIME,
    Convolution,
    Delay,
    Flow,
    Function,
    Integrator,
    Jump,
    LinearSystem,
    Method,
    NonlinearSystem,
    SolvedModel,
    Update,
)
from nestml_core.stmt import Stmt

Arrivals: TypeAlias = Mapping[Symbol, float]
"""The sum of the weights of the events of a step, for each port that has any."""


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


class Instance:
    """A model with values for everything in it.

    Parameters
    ----------
    schedule : gives parameters and initial values that replace defaults, the step and the seed
    accurate : integrate nonlinear systems to a relative 1e-12, whatever the model prescribes
    integrate : integrates nonlinear systems in place of the method that the model prescribes

    Raises
    ------
    Failure : a guard does not hold, or a value is undefined.
    """

    def __init__(
        self,
        model: SolvedModel,
        schedule: Schedule,
        accurate: bool = False,
        integrate: Integrate | None = None,
    ) -> None:
        self.model = model
        self.dt = schedule.dt
        self.accurate = accurate
        self.integrate = integrate
        self.random = np.random.default_rng(schedule.seed)
        self.progress = Progress(schedule.dt)
        self.slots = Slots(sizes(model, schedule.parameters))
        self.expressions = Compiler(self.slots, self.function)
        self.values: Values = []
        self.calls: dict[str, Callable[..., Any]] = {}

        start = self.initialisation(schedule.parameters, schedule.initial)
        self.flows = tuple(self.flow(f) for f in model.flows)
        self.calls |= {f.name: self.defined(f) for f in model.functions}
        self.update = self.body("update", model.update)
        self.on_receive = [
            (h.port, self.body(f"onReceive {i}", h.body)) for i, h in enumerate(model.on_receive)
        ]
        self.on_condition = [
            (self.value(c.condition, "the condition"), self.body(f"onCondition {i}", c.body))
            for i, c in enumerate(model.on_condition)
        ]
        self.convolutions = [self.convolution(c) for c in model.convolutions]
        self.ports = [(p.symbol, self.slots.at(p.symbol)) for p in model.spike_ports]
        self.time = self.slots.at(TIME)
        self.recordables = {
            r.symbol: self.value(r.value, f"`{r.symbol.name}`") for r in model.recordables
        }
        self.inputs = {p.symbol: self.slots.at(p.symbol) for p in model.continuous_ports}
        for d in model.delays:
            self.slots.at(d.symbol)
        self.values += [0.0] * len(self.slots)
        for step in start:
            step(self.values)
        self.delays = [self.delay(d) for d in model.delays]

    # Building

    def initialisation(
        self, parameters: Mapping[Symbol, Any], initial: Mapping[Symbol, Any]
    ) -> tuple[Step, ...]:
        """Return what sets all values at the start: defaults first, then those from outside."""
        model, compiler = self.model, self.expressions
        steps = list(constant_steps(model, compiler, parameters, self.dt))
        steps += [declared(compiler, d, {}) for d in model.state]
        steps += [declared(compiler, d, initial) for d in model.state if d.symbol in initial]
        steps += [
            guard(compiler, d)
            for d in (*model.parameters, *model.state)
            if d.guard is not None and (d.symbol.kind is Kind.STATE or reads_state(d.guard))
        ]
        return tuple(steps)

    def function(self, name: str) -> Callable[..., Any]:
        """Return what a call of a random function or of a function of the model does."""
        match name:
            case "random_normal":
                return lambda mean, std: float(self.random.normal(mean, std))
            case "random_uniform":
                return lambda offset, scale: offset + scale * float(self.random.random())
            case "random_poisson":
                return lambda mean: int(self.random.poisson(mean))
            case _:
                # looked up when called: functions may call each other
                return lambda *arguments: self.calls[name](*arguments)  # noqa: PLW0108

    def defined(self, f: Function) -> Callable[..., Any]:
        """Return a function of the model as a function of its arguments.

        Its locals live in slots of their own, saved around each call so that it may recurse.
        """
        scope = f"function {f.name}"
        compiler = Compiler(self.slots, self.function, scope)
        slots = [compiler.slot(a) for a in f.arguments]
        result = compiler.slot(Symbol("return", Kind.LOCAL, f.result.type))
        conversions = [operations.conversion(a.type) for a in f.arguments]
        converted = operations.conversion(f.result.type)
        body = StatementCompiler(compiler, self.flows, self.progress, result).body(f.body)
        frame = self.slots.of(scope)

        def call(*arguments: Any) -> Any:
            v = self.values
            saved = [v[i] for i in frame]
            for slot, convert, argument in zip(slots, conversions, arguments, strict=True):
                v[slot] = convert(argument)
            body(v)
            value = converted(v[result])
            for i, old in zip(frame, saved, strict=True):
                v[i] = old
            return value

        return call

    def body(self, scope: str, body: tuple[Stmt, ...]) -> Run:
        compiler = Compiler(self.slots, self.function, scope)
        return StatementCompiler(compiler, self.flows, self.progress).body(body)

    def value(self, expr: Expr, what: str) -> Evaluate:
        return StatementCompiler(self.expressions, (), self.progress).value(expr, what)

    def updates(self, updates: Sequence[Update]) -> list[Evaluate]:
        return [self.value(u.value, f"`{u.target.name}`") for u in updates]

    def convolution(
        self, c: Convolution
    ) -> tuple[list[Evaluate], Callable[[Values, Vector], None]]:
        """Return what computes the new values, and what stores them and adds the jumps."""
        put = self.put([u.target for u in c.updates])
        jump = self.jumps(c.jumps)

        def store(v: Values, new: Vector) -> None:
            put(v, new)
            jump(v)

        return self.updates(c.updates), store

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

    def delay(self, d: Delay) -> Step:
        """Return what notes a value at the begin of a step and gives back that of long ago."""
        slot, variable = self.slots.at(d.symbol), self.slots.at(d.variable)
        line = deque([self.values[variable]] * self.delay_steps(d))

        def run(v: Values) -> None:
            line.append(v[variable])
            v[slot] = line.popleft()

        return run

    def delay_steps(self, d: Delay) -> int:
        duration = self.value(d.duration, f"the delay of `{d.variable.name}`")(self.values)
        steps = float(duration) / self.dt
        if not 0 <= steps < MAX_DELAY:
            message = f"the delay of `{d.variable.name}` is {duration:g} ms, {steps:g} steps"
            help = f"a delay is at least 0, and shorter than {MAX_DELAY} steps"
            raise Failure(NO_DELAY, message, d.span, help)
        return math.floor(steps + 0.5)

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
        advance = self.method(system)
        equations = self.equations(system)
        explain = [self.value(d.value, f"`{d.target.name}'`") for d in system.derivatives]
        put = self.put(system.variables)
        names = ", ".join(f"`{s.name}`" for s in system.variables)
        failure = Failure(
            STEP_TOO_SMALL,
            f"{names}: no step is short enough for the tolerances",
            system.variables[0].span,
            "does the solution grow without bounds within one step? a smaller dt may help",
        )

        def run(v: Values) -> Step:
            start = [v[slot] for slot in slots]
            try:
                end = advance(equations(v), start)
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

    def method(self, system: NonlinearSystem) -> Callable[[Equations, Vector], Vector]:
        dt, i = self.dt, system.integrator
        if self.accurate:
            return lambda q, x: integrators.accurate(q.slope, x, dt)
        if self.integrate is not None:
            integrate = self.integrate
            return lambda q, x: integrate(system, q, x)
        return lambda q, x: advanced(i, q, x, dt)

    # Running

    def step(self, number: int, arrivals: Arrivals) -> None:
        """Do 1 to 6 of ``nestml_core.solved``, for the step that ends at ``number * dt``."""
        v, progress = self.values, self.progress
        progress.step = number
        progress.passes = 0
        v[self.time] = progress.time
        for port, slot in self.ports:
            v[slot] = arrivals.get(port, 0.0)
        for delay in self.delays:
            delay(v)
        convolved = [[f(v) for f in updates] for updates, _ in self.convolutions]
        self.update(v)
        for port, body in self.on_receive:
            if port in arrivals:
                body(v)
        for (_, store), new in zip(self.convolutions, convolved, strict=True):
            store(v, new)
        for condition, body in self.on_condition:
            if condition(v):
                body(v)


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
