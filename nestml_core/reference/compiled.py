"""A solved model as functions of the state of an instance, shared by all its instances."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from nestml_core.backend import vectors
from nestml_core.expr import Ref, Symbol
from nestml_core.reference.derived import (
    default,
    derived,
    early_guards,
    guard,
    late_guards,
    of_the_interval,
    sizes,
)
from nestml_core.reference.expressions import PROGRESS, Compiler, Slots, Values
from nestml_core.reference.failure import NO_DELAY, Failure
from nestml_core.reference.flows import FlowCompiler, Integrate
from nestml_core.reference.functions import defined
from nestml_core.reference.statements import Run, StatementCompiler
from nestml_core.solved import DT, RESOLUTION, TIME, Delay, SolvedModel
from nestml_core.stmt import Stmt

MAX_DELAY = 10**8
"""How many values of a delayed variable are kept at most."""


class Compiled:
    """What instances of a model with vectors of the same sizes have in common.

    Nothing here changes in a run: what does is in the values that each function is given.

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
        self.slots = Slots(sizes(model, parameters))
        self.expressions = Compiler(self.slots, self.function)
        functions = {f.name: f for f in model.functions}
        self.flow_compiler = FlowCompiler(self.expressions, functions, accurate, integrate)
        self.calls: dict[str, Callable[..., Any]] = {}

        declared = (*model.parameters, *model.state)
        self.dt, self.resolution = self.slots.at(DT), self.slots.at(RESOLUTION)
        self.defaults = {d.symbol: default(self.expressions, d) for d in declared}
        self.early_guards = [guard(self.expressions, d) for d in early_guards(model)]
        self.late_guards = [guard(self.expressions, d) for d in late_guards(model)]
        made = {id(d): derived(self.expressions, d) for d in model.derived}
        self.derived = tuple(made.values())
        self.of_the_interval = tuple(made[id(d)] for d in of_the_interval(model))
        self.flows = tuple(self.flow_compiler.flow(f) for f in model.flows)
        self.calls |= {
            f.name: defined(f, self.slots, self.function, self.flows) for f in model.functions
        }
        self.update = self.body("update", model.update)
        self.on_receive = [
            (h.port, self.body(f"onReceive {i}", h.body)) for i, h in enumerate(model.on_receive)
        ]
        self.on_condition = [
            (
                self.expressions.value(c.condition, "the condition"),
                self.body(f"onCondition {i}", c.body),
            )
            for i, c in enumerate(model.on_condition)
        ]
        self.convolutions = tuple(self.flow_compiler.convolution(c) for c in model.convolutions)
        self.ports = [(p.symbol, self.slots.at(p.symbol)) for p in model.spike_ports]
        self.time = self.slots.at(TIME)
        self.recordables = {
            r.symbol: self.expressions.value(r.value, f"`{r.symbol.name}`")
            for r in model.recordables
        }
        self.inputs = {p.symbol: self.slots.at(p.symbol) for p in model.continuous_ports}
        self.delays = tuple(self.delay(d) for d in model.delays)

    def function(self, name: str) -> Callable[..., Any]:
        """Return what a call of a random function or of a function of the model does.

        It gets the values, then the arguments.
        """
        match name:
            case "random_normal":
                return lambda v, mean, std: float(v[PROGRESS].random.normal(mean, std))
            case "random_uniform":
                return lambda v, offset, scale: offset + scale * float(v[PROGRESS].random.random())
            case "random_poisson":
                return lambda v, mean: int(v[PROGRESS].random.poisson(mean))
            case _:
                # looked up when called: functions may call each other
                return lambda v, *arguments: self.calls[name](v, *arguments)  # noqa: PLW0108

    def body(self, scope: str, body: tuple[Stmt, ...]) -> Run:
        compiler = Compiler(self.slots, self.function, scope)
        return StatementCompiler(compiler, self.flows).body(body)

    def delay(self, d: Delay) -> tuple[int, int, Callable[[Values], int]]:
        """Return the slots of the value of long ago and of today's, and what counts the steps."""
        duration = self.expressions.value(d.duration, f"the delay of `{d.variable.name}`")
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


def sizes_used(model: SolvedModel, parameters: Mapping[Symbol, Any]) -> tuple[int, ...]:
    """Return the sizes of the vectors of ``model`` that parameters give."""
    given = sizes(model, parameters)
    return tuple(given[v.size.symbol] for v in vectors(model) if isinstance(v.size, Ref))
