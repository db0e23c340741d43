"""What the functions of a model touch, and so how they are declared and called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nestml_core.api import (
    RANDOM,
    Assign,
    Call,
    Declare,
    Element,
    Emit,
    Expr,
    Integrate,
    Kind,
    Ref,
    SolvedModel,
    Stmt,
    Symbol,
    expressions_in,
    walk,
    walk_statements,
)

PORTS = (Kind.SPIKE_PORT, Kind.CONTINUOUS_PORT)
OWN = (Kind.LOCAL, Kind.ARGUMENT)


@dataclass(frozen=True, slots=True)
class Reach:
    """What an expression or a statement list reads and changes, functions it calls included.

    Attributes
    ----------
    parameters : it reads parameters
    instance : it reads what only an instance has: derived constants, state, time, input
    step : it reads the length of a step
    input : it reads ports
    changes : it changes the instance: its state, its spikes, its random numbers
    """

    parameters: bool = False
    instance: bool = False
    step: bool = False
    input: bool = False
    changes: bool = False

    def __or__(self, other: Reach) -> Reach:
        return Reach(
            self.parameters or other.parameters,
            self.instance or other.instance,
            self.step or other.step,
            self.input or other.input,
            self.changes or other.changes,
        )

    @property
    def is_static(self) -> bool:
        """Whether parameters suffice to evaluate it."""
        return not (self.instance or self.step or self.changes)

    @property
    def is_early(self) -> bool:
        """Whether parameters and the length of a step suffice to evaluate it."""
        return not (self.instance or self.changes)


Reaches = Mapping[str, Reach]


def reaches(model: SolvedModel) -> Reaches:
    """Return the reach of each function of ``model``, by its name in the model."""
    flows = flow_reaches(model)
    found = {f.name: Reach() for f in model.functions}
    while True:
        new = {f.name: body_reach(f.body, found, flows) for f in model.functions}
        if new == found:
            return MappingProxyType(found)
        found = new


def flow_reaches(model: SolvedModel) -> tuple[Reach, ...]:
    """Return the reach of each flow; equations call no functions that change anything."""
    found = []
    for flow in model.flows:
        exprs: list[Expr] = [j.amount for j in flow.jumps]
        exprs += [u.value for u in flow.linear.updates] if flow.linear else []
        exprs += [d.value for d in flow.nonlinear.derivatives] if flow.nonlinear else []
        is_input = any(expr_reach(e, {}).input for e in exprs)
        found.append(Reach(parameters=True, instance=True, input=is_input, changes=True))
    return tuple(found)


def expr_reach(expr: Expr, functions: Reaches) -> Reach:
    reach = Reach()
    for e in walk(expr):
        match e:
            case Ref(symbol) | Element(symbol) if symbol.kind is Kind.PARAMETER:
                reach |= Reach(parameters=True)
            case Ref(symbol) if symbol.kind is Kind.STEP:
                reach |= Reach(step=True)
            case Ref(symbol) | Element(symbol) if symbol.kind not in OWN:
                reach |= Reach(instance=True, input=symbol.kind in PORTS)
            case Call(function) if function in RANDOM:
                reach |= Reach(changes=True)
            case Call(function):
                reach |= functions.get(function, Reach())
    return reach


def body_reach(body: Iterable[Stmt], functions: Reaches, flows: tuple[Reach, ...] = ()) -> Reach:
    reach = Reach()
    statements = tuple(body)
    for e in expressions_in(statements):
        reach |= expr_reach(e, functions)
    for s in walk_statements(statements):
        match s:
            case Assign(Symbol(size=Ref())) | Declare(Symbol(size=Ref())):
                reach |= Reach(parameters=True)
        match s:
            case Assign(target) if target.kind not in OWN:
                reach |= Reach(instance=True, changes=True)
            case Emit():
                reach |= Reach(changes=True)
            case Integrate(flow):
                reach |= flows[flow]
    return reach
