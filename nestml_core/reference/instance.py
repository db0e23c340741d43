"""One instance of a solved model: its values, and what a step does to them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from nestml_core.experiment import Schedule
from nestml_core.expr import Symbol
from nestml_core.reference.compiled import Compiled
from nestml_core.reference.derived import given
from nestml_core.reference.expressions import Step, Values
from nestml_core.reference.flows import Equations, Integrate
from nestml_core.reference.state import Progress, blank
from nestml_core.solved import NonlinearSystem, SolvedModel

Arrivals: TypeAlias = Mapping[Symbol, float]
"""The sum of the weights of the events of a step, for each port that has any."""


class Instance:
    """A model with values for everything in it.

    Parameters
    ----------
    schedule : gives parameters and initial values that replace defaults, the step and the seed
    accurate : integrate nonlinear systems to a relative 1e-12, whatever the model prescribes
    integrate : integrates nonlinear systems in place of the method that the model prescribes
    compiled : the functions of the model, if it has been compiled already, for the same sizes of
        vectors; it decides about ``accurate`` and ``integrate``
    random : a generator of random numbers, instead of one made of the seed

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
        *,
        compiled: Compiled | None = None,
        random: np.random.Generator | None = None,
    ) -> None:
        if compiled is None:
            compiled = Compiled(model, schedule.parameters, accurate=accurate, integrate=integrate)
        self.model = model
        self.compiled = compiled
        self.grid = schedule.dt
        self.slots = compiled.slots
        self.expressions = compiled.expressions
        self.recordables = compiled.recordables
        self.inputs = compiled.inputs
        if random is None:
            random = np.random.default_rng(schedule.seed)
        self.progress = Progress(random)
        self.values = blank(compiled.slots, self.progress)
        self.initialise(schedule.parameters, schedule.initial)
        self.delays = [self.delay(*d) for d in compiled.delays]

    def equations(self, system: NonlinearSystem) -> Callable[[Values], Equations]:
        """Return a nonlinear system as functions of its vector, given all values."""
        return self.compiled.flow_compiler.equations(system)

    def initialise(self, parameters: Mapping[Symbol, Any], initial: Mapping[Symbol, Any]) -> None:
        """Set all values: defaults first, then the initial values from outside."""
        model, c, v = self.model, self.compiled, self.values
        v[c.dt] = v[c.resolution] = float(self.grid)
        for d in model.parameters:
            if d.symbol in parameters:
                given(c.expressions, d.symbol, parameters[d.symbol])(v)
            else:
                c.defaults[d.symbol](v)
        for check in c.early_guards:
            check(v)
        for derive in c.derived:
            derive(v)
        for d in model.state:
            c.defaults[d.symbol](v)
        for symbol, value in initial.items():
            given(c.expressions, symbol, value)(v)
        for check in c.late_guards:
            check(v)

    def delay(self, slot: int, variable: int, steps: Callable[[Values], int]) -> Step:
        """Return what notes a value at the begin of a step and gives back that of long ago."""
        line = deque([self.values[variable]] * steps(self.values))

        def run(v: Values) -> None:
            line.append(v[variable])
            v[slot] = line.popleft()

        return run

    def step(self, number: int, arrivals: Arrivals) -> None:
        """Do 1 to 6 of ``nestml_core.solved``, for the step that ends at ``number * dt``."""
        c, v, progress = self.compiled, self.values, self.progress
        progress.step = number
        progress.time = v[c.time] = number * self.grid
        progress.passes = 0
        for port, slot in c.ports:
            v[slot] = arrivals.get(port, 0.0)
        for delay in self.delays:
            delay(v)
        convolved = [[f(v) for f in z.updates] for z in c.convolutions]
        c.update(v)
        for port, body in c.on_receive:
            if port in arrivals:
                body(v)
        for z, new in zip(c.convolutions, convolved, strict=True):
            z.store(v, new)
            z.jump(v)
        for condition, body in c.on_condition:
            if condition(v):
                body(v)
