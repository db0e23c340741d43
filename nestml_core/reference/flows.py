"""What flows: the systems of equations and the convolutions of a model, over one interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from nestml_core.expr import Expr, Number, Symbol
from nestml_core.model import Function
from nestml_core.reference import integrators
from nestml_core.reference.bytecode import Evaluated, compiled
from nestml_core.reference.expressions import Compiler, Evaluate, Step, Values, shown
from nestml_core.reference.failure import (
    ARITHMETIC,
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
    TooManyTrialSteps,
    TrialStepTooSmall,
    Vector,
)
from nestml_core.solved import (
    DT,
    MOST_TRIALS,
    Convolution,
    Flow,
    Integrator,
    Jump,
    LinearSystem,
    Method,
    NonlinearSystem,
    Update,
)


@dataclass(frozen=True, slots=True)
class Equations:
    """A nonlinear system as functions of its vector: variables, then companions."""

    slope: RightHandSide
    jacobian: JacobianMatrix
    rates: RightHandSide
    """The diagonal of the Jacobian."""


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


class FlowCompiler:
    """Turns flows and convolutions into functions of the values.

    Parameters
    ----------
    expressions : compiles the expressions
    functions : of the model, by name
    accurate : integrate nonlinear systems to a relative 1e-12, whatever the model prescribes
    integrate : integrates nonlinear systems in place of the method that the model prescribes
    """

    def __init__(
        self,
        expressions: Compiler,
        functions: Mapping[str, Function],
        accurate: bool = False,
        integrate: Integrate | None = None,
    ) -> None:
        self.expressions = expressions
        self.functions = functions
        self.accurate = accurate
        self.integrate = integrate

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
        slots = [self.expressions.slot(s) for s in moving]
        advance, dt = self.method(system), self.expressions.slot(DT)
        equations = self.equations(system)
        explain = [
            self.expressions.value(d.value, f"`{d.target.name}'`") for d in system.derivatives
        ]
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
        slots = [self.expressions.slot(s) for s in moving]
        closures = [self.expressions.expr(e) for e in expressions]
        code = compiled(expressions, moving, self.expressions.slots, self.functions)

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

    def convolution(self, c: Convolution) -> Convolving:
        """Return what a convolution does in one step."""
        put = self.put([u.target for u in c.updates])
        return Convolving(c.port, tuple(self.updates(c.updates)), put, self.jumps(c.jumps))

    def updates(self, updates: Sequence[Update]) -> list[Evaluate]:
        return [self.expressions.value(u.value, f"`{u.target.name}`") for u in updates]

    def put(self, symbols: Sequence[Symbol]) -> Store:
        """Return what stores results of a flow, if they are finite or were infinite before."""
        slots = [self.expressions.slot(s) for s in symbols]

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
        amounts = [
            self.expressions.value(j.amount, f"the jump of `{j.target.name}`") for j in jumps
        ]
        slots = [self.expressions.slot(j.target) for j in jumps]
        put = self.put([j.target for j in jumps])

        def run(v: Values) -> None:
            for i, amount in enumerate([f(v) for f in amounts]):
                v[slots[i]] += amount
            put(v, [v[i] for i in slots])

        return run if jumps else lambda v: None


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
