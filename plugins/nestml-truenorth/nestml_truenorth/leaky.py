"""Leaky integrate-and-fire models: what an approximation needs to know of one, read off its terms.

The membrane potential relaxes with one time constant to a rest that constants and continuous
inputs set; spikes move it at once, or through currents that decay exponentially, each on its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from nestml_core.api import (
    Assign,
    Code,
    Convolution,
    Diagnostic,
    Expr,
    Feature,
    Flow,
    Integrate,
    LinearSystem,
    ModelKind,
    Output,
    Result,
    Span,
    Symbol,
    constructs,
)
from nestml_truenorth import codes
from nestml_truenorth.affine import Affine, Scope
from nestml_truenorth.lower import Case, membrane
from nestml_truenorth.options import Choices
from nestml_truenorth.step import dynamics
from nestml_truenorth.text import formula, place_of

Ports = tuple[tuple[Symbol, float], ...]


@dataclass(frozen=True, slots=True)
class Current:
    """A variable that decays with ``tau`` (ms) and moves the membrane by ``coupling`` per ms.

    ``ports`` say by how much a weight of 1 raises it.
    """

    variable: Symbol
    tau: float
    coupling: float
    ports: Ports


@dataclass(frozen=True, slots=True)
class Leaky:
    """A leaky integrate-and-fire neuron; potentials and jumps in the coherent unit (mV).

    Attributes
    ----------
    tau : ms
    rest : where the membrane goes without inputs
    signals : continuous ports, and how far a value of 1 moves the rest
    ports : spike ports, and how far a weight of 1 moves the membrane at once
    held : for how many steps after a spike the membrane is held
    """

    variable: Symbol
    tau: float
    rest: float
    threshold: float
    reset: float
    signals: Ports
    ports: Ports
    currents: tuple[Current, ...]
    held: int
    initial: float

    @property
    def origin(self) -> float:
        """The lowest potential that constant inputs and resets lead to: 0 on the chip."""
        return min(self.rest, self.reset)

    @property
    def depth(self) -> float:
        """The distance from there to the threshold."""
        return self.threshold - self.origin

    @property
    def bias(self) -> float:
        """Where the membrane goes without inputs, from 0 at the origin to 1 at the threshold."""
        return (self.rest - self.origin) / self.depth

    @property
    def restart(self) -> float:
        """Where it starts after a spike, likewise."""
        return (self.reset - self.origin) / self.depth


class _Refusal(Exception):
    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


OTHERS = "use another backend: cpp, nest or lava"


def leaky(case: Case) -> Result[Leaky]:
    """Return ``case`` as a leaky integrate-and-fire neuron.

    Errors
    ------
    TN101 .. TN117 : it is not one.
    """
    try:
        return Result(_leaky(case))
    except _Refusal as refusal:
        return Result(None, (refusal.diagnostic,))


def _leaky(case: Case) -> Leaky:
    model, variable = case.model, case.variable
    _require_plain(case)
    flows = [s.flow for s in model.update if isinstance(s, Integrate)]
    at = [k for k in flows if variable in model.flows[k].variables]
    if len(at) != 1 or len(flows) != len(model.update) or model.flows[at[0]].linear is None:
        raise _refused(
            codes.NONLINEAR,
            model.span,
            f"`{model.name}` does more in a step than to integrate linear equations",
            f"write integrate_odes() alone in `update`, or {OTHERS}",
        )
    flow = model.flows[at[0]]
    system = flow.linear
    assert system is not None
    row = system.variables.index(variable)
    rate = _number(case, system.matrix[row][row], "the leak")
    if rate >= 0:
        raise _refused(
            codes.NONLINEAR,
            place_of(system.matrix[row][row], variable.span),
            f"`{variable.name}` does not relax: its rate is {rate:g} per ms",
            OTHERS,
        )
    tau = -1 / rate
    drive, signals = _drive(case, system.drive[row])
    jumps = _jumps(case, flow)
    currents = tuple(_currents(case, system, row, jumps))
    own = jumps.pop(variable, {})
    known = {variable, *(c.variable for c in currents)}
    loose = [s for s in jumps if s not in known]
    if loose:
        raise _refused(
            codes.SECOND_VARIABLE,
            loose[0].span,
            f"`{loose[0].name}` is moved by spikes, but does not move `{variable.name}`",
            f"remove it, or {OTHERS}",
        )
    fire = _threshold(case, currents)
    return Leaky(
        variable=variable,
        tau=tau,
        rest=drive * tau,
        threshold=float(fire.threshold),
        reset=float(fire.reset),
        signals=tuple((s, f * tau) for s, f in signals),
        ports=tuple(own.items()),
        currents=currents,
        held=case.held,
        initial=_initial(case),
    )


@dataclass(frozen=True, slots=True)
class _Fire:
    threshold: Fraction
    reset: Fraction


def _refused(code: Code, span: Span, message: str, help: str) -> _Refusal:
    return _Refusal(code.at(span, message, help=help))


def _require_plain(case: Case) -> None:
    model = case.model
    if model.kind is ModelKind.SYNAPSE:
        raise _refused(
            codes.SYNAPSE,
            model.span,
            f"`{model.name}` is a synapse; the chip has no plasticity: its synapses are fixed "
            "at load time",
            "build the neuron alone; in a network, freeze the weights of its connections",
        )
    for c in constructs(model, (Feature.VECTORS, Feature.DELAYS)):
        raise _refused(codes.NO_PLACE, c.span, f"{c.words}; the chip has no place for it", c.help)
    if model.output is not Output.SPIKE:
        raise _refused(
            codes.NO_SPIKES,
            model.span,
            f"`{model.name}` emits no spikes, and nothing else leaves a neuron of the chip",
            "add a threshold: onCondition(V_m >= V_th): V_m = V_reset, emit_spike()",
        )
    if model.is_random:
        raise _refused(
            codes.RANDOM,
            model.span,
            f"`{model.name}` draws random numbers",
            f"remove them, or {OTHERS}",
        )
    if model.functions:
        function = model.functions[0]
        raise _refused(
            codes.STATEMENT,
            function.span,
            f"`{function.name}` is a function of the model; the chip has none",
            "write its formula where it is used",
        )
    for flow in model.flows:
        if flow.nonlinear is not None:
            first = flow.nonlinear.variables[0]
            raise _refused(
                codes.NONLINEAR,
                first.span,
                f"the equation of `{first.name}` is nonlinear; a chip neuron only adds",
                f"use linear equations, or {OTHERS}",
            )
    moving = {s for flow in model.flows for s in flow.variables}
    for declaration in model.state:
        if declaration.symbol not in moving:
            raise _refused(
                codes.COUNTER,
                declaration.symbol.span,
                f"`{declaration.symbol.name}` is a state variable without an equation, and no "
                "refractory counter of the usual form",
                "count steps down in one branch of an `if` in `update`, integrate in the other, "
                f"and set the counter where a spike is emitted, or {OTHERS}",
            )


def _number(case: Case, expr: Expr, what: str) -> float:
    value = case.scope.value(expr)
    if isinstance(value, Affine) and value.is_constant and math.isfinite(value.constant):
        return float(value.constant)
    raise _refused(
        codes.NOT_RATIONAL,
        place_of(expr, case.variable.span),
        f"{what}, `{formula(expr)}`, is not a constant",
        "use constants made of + - * / only",
    )


def _affine(case: Case, expr: Expr, what: str) -> Affine:
    value = case.scope.value(expr)
    if isinstance(value, Affine) and math.isfinite(value.constant):
        return value
    raise _refused(
        codes.INPUT,
        place_of(expr, case.variable.span),
        f"{what}, `{formula(expr)}`, is not a sum of constants times inputs",
        f"use constant factors, or {OTHERS}",
    )


def _drive(case: Case, drive: Expr) -> tuple[float, Ports]:
    value = _affine(case, drive, "what drives the membrane")
    signals = {p.symbol for p in case.model.continuous_ports}
    for symbol, _ in value.terms:
        if symbol not in signals:
            raise _refused(
                codes.INPUT,
                place_of(drive, case.variable.span),
                f"`{symbol.name}` drives the membrane during a step",
                "let spikes add to a variable at the end of the step",
            )
    return float(value.constant), tuple((s, float(f)) for s, f in value.terms)


def _jumps(case: Case, flow: Flow) -> dict[Symbol, dict[Symbol, float]]:
    """Return, for each variable that spikes move, the ports and what a weight of 1 adds."""
    found: dict[Symbol, dict[Symbol, float]] = {}

    def add(target: Symbol, value: Affine, expr: Expr) -> None:
        ports = {p.symbol for p in case.model.spike_ports}
        if value.constant or any(s not in ports for s, _ in value.terms):
            raise _refused(
                codes.INPUT,
                place_of(expr, target.span),
                f"what spikes add to `{target.name}`, `{formula(expr)}`, is not proportional to "
                "their weights",
                "use factor * port",
            )
        for port, factor in value.terms:
            of = found.setdefault(target, {})
            of[port] = of.get(port, 0.0) + float(factor)

    for jump in flow.jumps:
        add(jump.target, _affine(case, jump.amount, "what a spike adds"), jump.amount)
    for handler in case.model.on_receive:
        for stmt in handler.body:
            if not isinstance(stmt, Assign) or stmt.index is not None:
                raise _refused(
                    codes.STATEMENT,
                    stmt.span,
                    "the chip only adds what spikes bring",
                    f"use `variable += factor * {handler.port.name}`",
                )
            value = _affine(case, stmt.value, "what a spike does")
            if value.factor(stmt.target) != 1:
                raise _refused(
                    codes.INPUT,
                    stmt.span,
                    f"`{stmt.target.name}` is set, or scaled, by a spike",
                    f"use `{stmt.target.name} += factor * {handler.port.name}`",
                )
            add(stmt.target, value.without(stmt.target), stmt.value)
    for convolution in case.model.convolutions:
        for jump in convolution.jumps:
            add(jump.target, _affine(case, jump.amount, "what a spike adds"), jump.amount)
    return found


def _currents(
    case: Case, system: LinearSystem, row: int, jumps: dict[Symbol, dict[Symbol, float]]
) -> Iterator[Current]:
    symbols = (*system.variables, *system.companions)
    for column, symbol in enumerate(symbols):
        if symbol == case.variable:
            continue
        coupling = _number(case, system.matrix[row][column], f"how `{symbol.name}` acts")
        tau = _decay(case, system, symbol, column)
        yield Current(symbol, tau, coupling, tuple(jumps.get(symbol, {}).items()))


def _decay(case: Case, system: LinearSystem, symbol: Symbol, column: int) -> float:
    """Return the time constant of ``symbol``, which must decay by itself."""
    convolution = next((c for c in case.model.convolutions if symbol in c.states), None)
    where = symbol.span
    if convolution is not None:
        return _of_kernel(case, convolution)
    if column < len(system.variables):
        rates = [_number(case, e, f"a rate of `{symbol.name}`") for e in system.matrix[column]]
        drive = _number(case, system.drive[column], f"what drives `{symbol.name}`")
        alone = not drive and not any(r for n, r in enumerate(rates) if n != column)
        if alone and rates[column] < 0:
            return -1 / rates[column]
    raise _refused(
        codes.SECOND_VARIABLE,
        where,
        f"`{symbol.name}` does more than to decay between spikes: it is driven, or follows "
        "another variable",
        f"use currents that decay exponentially, each by itself, or {OTHERS}",
    )


def _of_kernel(case: Case, convolution: Convolution) -> float:
    if len(convolution.states) == 1 and convolution.matrix:
        rate = _number(case, convolution.matrix[0][0], f"the rate of `{convolution.kernel}`")
        if rate < 0:
            return -1 / rate
    raise _refused(
        codes.CONVOLUTION,
        convolution.port.span,
        f"spikes on `{convolution.port.name}` act through the kernel `{convolution.kernel}`, which "
        "is no single exponential",
        f"use an exponential kernel, exp(-t / tau), or {OTHERS}",
    )


def _threshold(case: Case, currents: tuple[Current, ...]) -> _Fire:
    """Return threshold and reset: what the step does apart from the equations."""
    flows = tuple(replace(f, linear=None, nonlinear=None, jumps=()) for f in case.model.flows)
    bare = replace(case.model, flows=flows, on_receive=(), convolutions=())
    found = dynamics(bare, case.variable, case.scope)
    if found.value is None:
        raise _Refusal(found.diagnostics[0])
    fire = found.value.fire
    if fire.reset is None:
        raise _refused(
            codes.RESET,
            fire.span,
            f"a spike takes something off `{case.variable.name}`; the corelet resets to a constant",
            "reset it to a constant",
        )
    return _Fire(fire.threshold, fire.reset)


def _initial(case: Case) -> float:
    if case.variable in case.settings.initial:
        return float(case.settings.initial[case.variable])
    declared = next(d for d in case.model.state if d.symbol == case.variable)
    return _number(case, declared.value, f"the initial `{case.variable.name}`")


def scope_of(case: Case, choices: Choices) -> Scope:
    """Return what names stand for if all that moves, or comes in, is a variable."""
    model = case.model
    moving = [s for flow in model.flows for s in flow.variables]
    moving += [s for c in model.convolutions for s in c.states]
    ports = [p.symbol for p in model.spike_ports] + [p.symbol for p in model.continuous_ports]
    return Scope(model, choices.tick, case.settings.parameters, frozenset([*moving, *ports]))


__all__ = ["Current", "Leaky", "leaky", "membrane", "scope_of"]
