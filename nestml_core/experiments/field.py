"""The equations of a model as a vector field: right-hand sides, Jacobian, steady states."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import root

from nestml_core.declared import declared_value
from nestml_core.diagnostics import Code, Severity
from nestml_core.experiment import Experiment, FloatArray, schedule
from nestml_core.experiments.bench import named
from nestml_core.expr import Expr, Symbol, ref
from nestml_core.problems import ModelError, refuse, valued
from nestml_core.reference import constants
from nestml_core.reference.derived import default, given, sizes
from nestml_core.reference.expressions import Compiler, Evaluate, Slots, Values
from nestml_core.reference.failure import ARITHMETIC, Failure
from nestml_core.solve.algebra import plus, times, total
from nestml_core.solve.derivative import Obstacle, expanded, jacobian
from nestml_core.solved import Flow, SolvedModel

NO_STEADY_STATE = Code("NML971", Severity.ERROR, "a model that finds no rest")
NO_FORMULA = Code("NML974", Severity.ERROR, "equations that cannot be written down as formulas")

PATIENCE = (5.0, 50.0, 500.0, 5000.0)
"""After which times, in ms, a model that moves is asked whether a rest is near."""

STILL = 1e-9
"""What changes by less than this part of itself in 1 ms, and in absolute terms, stands still."""


class Field:
    """``x' = f(x)`` of a model between events, without spikes, in coherent units per ms.

    The variables are those that the largest ``integrate_odes`` of the model advances.

    Parameters
    ----------
    parameters : values that replace defaults, by name
    inputs : values of continuous ports, by name; 0 for the others
    initial : initial values that replace those of the model, by name

    Raises
    ------
    ModelError : a value does not fit, or an equation is no formula.
    """

    def __init__(
        self,
        model: SolvedModel,
        parameters: Mapping[str, Any],
        inputs: Mapping[str, Any],
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = model
        experiment = Experiment(
            1.0, 1.0, parameters=parameters, initial=initial or {}, currents=inputs, record=[]
        )
        laid, _ = valued(schedule(experiment, model))
        values, _ = valued(constants(model, laid.parameters))
        sides = _right_hand_sides(model)
        self.variables = tuple(sides)
        formulas, entries = self._formulas(tuple(sides.values()))
        self._slots = Slots(sizes(model, laid.parameters))
        compiler = Compiler(self._slots, _not_called)
        start = [
            default(compiler, replace(d, value=self._formula(d.value))) for d in model.state
        ] + [given(compiler, symbol, value) for symbol, value in laid.initial.items()]
        self._slopes = [compiler.expr(e) for e in formulas]
        self._entries = [[compiler.expr(e) for e in row] for row in entries]
        self._places = [self._slots.at(v) for v in self.variables]
        ports = {self._slots.at(p): float(x[0]) for p, x in laid.currents.items()}
        for symbol in values:
            self._slots.at(symbol)
        self.values: Values = [0.0] * len(self._slots)
        for symbol, value in values.items():
            self._put(symbol, value)
        for slot, value in ports.items():
            self.values[slot] = value
        try:
            for step in start:
                step(self.values)
        except Failure as failure:
            raise ModelError([failure.diagnostic()]) from None
        self.start = np.array([float(self.values[i]) for i in self._places])

    def _formulas(
        self, sides: Sequence[Expr]
    ) -> tuple[tuple[Expr, ...], tuple[tuple[Expr, ...], ...]]:
        """Return right-hand sides and their derivatives without calls of functions."""
        functions = {f.name: f for f in self.model.functions}
        rows = jacobian(sides, self.variables, functions)
        formulas = expanded(sides, functions)
        if isinstance(rows, Obstacle) or formulas is None:
            why = rows.message if isinstance(rows, Obstacle) else "a function does more than that"
            refuse(NO_FORMULA, f"the equations of `{self.model.name}`: {why}")
        return formulas, rows

    def _formula(self, e: Expr) -> Expr:
        found = expanded([e], {f.name: f for f in self.model.functions})
        if found is None:
            message = f"an initial value of `{self.model.name}` calls a function that is no formula"
            refuse(NO_FORMULA, message)
        return found[0]

    def _put(self, symbol: Symbol, value: Any) -> None:
        if symbol.size is None:
            self.values[self._slots.at(symbol)] = value
        else:
            self.values[self._slots.all_of(symbol)] = list(value)

    def variable(self, name: str) -> Symbol:
        """Return the variable of a name.

        Raises
        ------
        ModelError : no variable with an equation is called so.
        """
        return named(name, self.variables, self.model, "variable with an equation")

    def initial(self, symbol: Symbol) -> float:
        """Return the initial value of a state variable, in its declared unit."""
        return float(declared_value(symbol, float(self.values[self._slots.at(symbol)])))

    def slopes(self, x: FloatArray) -> FloatArray:
        """Return f(x); nan where it has no value."""
        self._place(x)
        return np.array([self._value(f) for f in self._slopes])

    def jacobian(self, x: FloatArray) -> FloatArray:
        """Return the derivatives of f at x; shape (n, n)."""
        self._place(x)
        return np.array([[self._value(f) for f in row] for row in self._entries])

    def _place(self, x: FloatArray) -> None:
        for i, value in zip(self._places, x.tolist(), strict=True):
            self.values[i] = value

    def _value(self, f: Evaluate) -> float:
        try:
            return float(f(self.values))
        except ARITHMETIC:
            return float("nan")

    def rest(self, frozen: Collection[str] = ()) -> FloatArray:
        """Return x with f(x) = 0, near where the model begins or where it comes to rest.

        Parameters
        ----------
        frozen : names of variables that keep their initial value

        Raises
        ------
        ModelError : there is no such point, or it was not found.
        """
        free = [
            i
            for i, v in enumerate(self.variables)
            if v.name not in frozen and v.owner.name not in frozen
        ]
        for begin in self._path(free):
            found = self._root(begin, free)
            if found is not None:
                return found
        message = f"`{self.model.name}` comes to no rest without spikes"
        help = "give the values of all other variables as `initial`"
        refuse(NO_STEADY_STATE, message, help)

    def _root(self, begin: FloatArray, free: Sequence[int]) -> FloatArray | None:
        if not free:
            return begin

        def whole(part: FloatArray) -> FloatArray:
            x = begin.copy()
            x[free] = part
            return x

        found = root(
            lambda part: self.slopes(whole(part))[free],
            begin[free],
            jac=lambda part: self.jacobian(whole(part))[np.ix_(free, free)],
            tol=1e-13,
        )
        x = whole(found.x)
        moving = np.abs(self.slopes(x)[free])
        return x if (moving <= STILL * (1.0 + np.abs(x[free]))).all() else None

    def _path(self, free: Sequence[int]) -> Iterator[FloatArray]:
        """Yield where the model begins, and where it is later, until it goes to infinity."""
        moves = np.zeros(len(self.variables))
        moves[list(free)] = 1.0
        x, begin = self.start, 0.0
        yield x
        for end in PATIENCE:
            with np.errstate(all="ignore"):
                path = solve_ivp(
                    lambda _, x: self.slopes(x) * moves,
                    (begin, end),
                    x,
                    method="BDF",
                    rtol=1e-6,
                    atol=1e-8,
                )
            x, begin = path.y[:, -1], end
            if not path.success or not np.isfinite(x).all():
                return
            yield x

    def steady_state(self, frozen: Collection[str] = ()) -> dict[str, Any]:
        """Return the values of ``rest`` in declared units, by name, without the frozen ones."""
        values = dict(zip(self.variables, self.rest(frozen).tolist(), strict=True))
        found: dict[str, Any] = {}
        for v in self.variables:
            if v.name in frozen or v.owner.name in frozen:
                continue
            if v.vector is None:
                found[v.name] = float(declared_value(v, values[v]))
            else:  # given as a whole; elements without an equation keep their values
                here = [values.get(e, self.values[self._slots.at(e)]) for e in v.owner.elements]
                found[v.owner.name] = [float(declared_value(v, x)) for x in here]
        return found


def _right_hand_sides(model: SolvedModel) -> dict[Symbol, Expr]:
    """Return the derivatives of what the largest flow advances, by variable."""
    if not model.flows:
        return {}
    flow = max(model.flows, key=lambda f: len(f.variables))
    found = dict(_sides(flow))
    declared_ones = {e for d in model.state for e in (d.symbol.elements or (d.symbol,))}
    return {v: found[v] for v in flow.variables if v in found and v in declared_ones}


def _sides(flow: Flow) -> list[tuple[Symbol, Expr]]:
    found: list[tuple[Symbol, Expr]] = []
    if flow.linear is not None:
        s = flow.linear
        columns = (*s.variables, *s.companions)
        for x, row, drive in zip(s.variables, s.matrix, s.drive, strict=True):
            terms = [times(a, ref(y)) for a, y in zip(row, columns, strict=True)]
            found.append((x, plus(total(terms), drive)))
    if flow.nonlinear is not None:
        own = flow.nonlinear.variables
        found += [(u.target, u.value) for u in flow.nonlinear.derivatives if u.target in own]
    return found


def _not_called(name: str) -> Any:
    def call(*_: Any) -> Any:
        raise AssertionError(f"the call of `{name}` was to be expanded")

    return call
