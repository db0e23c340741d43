"""Lowering: a solved model becomes a chip neuron that computes it without any error, or is refused.

Exactly computable are models with one state variable whose derivative is constant, inputs that add
to it, one threshold with a reset to a constant or by a constant, and at most a lower bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from nestml_core.api import (
    RANDOM,
    Call,
    Declaration,
    Diagnostic,
    Emit,
    Expr,
    Feature,
    If,
    LinearSystem,
    ModelKind,
    NonlinearSystem,
    Output,
    Result,
    SolvedModel,
    SolvedProgram,
    Symbol,
    checked,
    coherent_text,
    constants,
    constructs,
    step_expressions,
    symbols_in,
    walk,
    walk_statements,
)
from nestml_truenorth import codes
from nestml_truenorth.affine import Affine, Exact, Opaque, Scope, decimal
from nestml_truenorth.axons import BINARY
from nestml_truenorth.chip.network import (
    DISABLED,
    FIRST_OUTPUT,
    MAX_WEIGHT,
    NO_TYPE,
    SIZE,
    Core,
    Corelet,
    Network,
    Reset,
    crossbar,
)
from nestml_truenorth.ir import ChipProgram, Fact, IoMap, NeuronProgram, Port, Reading
from nestml_truenorth.options import Choices
from nestml_truenorth.quantise import (
    Quantised,
    Quantity,
    coarsest_scale,
    not_whole,
    quantise,
    quantities,
)
from nestml_truenorth.step import Dynamics, dynamics
from nestml_truenorth.text import formula, place_of

BUILD_KEY = "nestml-truenorth"
OTHERS = "or use a backend that integrates this equation: cpp, nest or lava"


@dataclass(frozen=True, slots=True)
class Settings:
    """Values that replace defaults, in coherent units."""

    parameters: Mapping[Symbol, Exact]
    initial: Mapping[Symbol, Exact]


def lower_program(program: SolvedProgram, choices: Choices) -> Result[ChipProgram]:
    """Return every model of ``program`` as a chip neuron; see ``lower_model``."""
    results = [lower_model(model, choices, Settings({}, {})) for model in program.models]
    said = tuple(d for r in results for d in r.diagnostics)
    return checked(ChipProgram(tuple(r.value for r in results if r.value is not None)), said)


def lower_model(model: SolvedModel, choices: Choices, settings: Settings) -> Result[NeuronProgram]:
    """Return ``model`` as one neuron of one core.

    Errors
    ------
    TN101 .. TN110 : the model is not of the kind that the chip computes exactly.
    TN111 .. TN117 : a statement, condition, reset, bound, input or recordable is not.
    TN201 .. TN205 : its constants do not fit.
    """
    variable = _membrane(model)
    ports = [p.symbol for p in model.spike_ports]
    variables = frozenset(ports if variable is None else [variable, *ports])
    scope = Scope(model, choices.tick, settings.parameters, variables)
    found = tuple(_structure(model, variable, scope))
    if found or variable is None:
        return Result(None, found)
    return dynamics(model, variable, scope).then(
        lambda d: _on_chip(model, d, scope, choices, settings)
    )


# What a model is made of


def _membrane(model: SolvedModel) -> Symbol | None:
    """Return the state variable that is tested where a spike is emitted, else the first one."""
    states = [d.symbol for d in model.state]
    moving = {s for flow in model.flows for s in flow.variables}
    tested = [s for condition in _spike_conditions(model) for s in symbols_in(condition)]
    preferred = [s for s in tested if s in states and s in moving]
    preferred += [s for s in tested if s in states]
    preferred += [s for s in states if s in moving]
    return next(iter((*preferred, *states)), None)


def _spike_conditions(model: SolvedModel) -> Iterator[Expr]:
    for block in model.on_condition:
        if any(isinstance(s, Emit) for s in walk_statements(block.body)):
            yield block.condition
    for stmt in walk_statements(model.update):
        if isinstance(stmt, If):
            for branch in stmt.branches:
                if any(isinstance(s, Emit) for s in walk_statements(branch.body)):
                    yield branch.condition


def _structure(model: SolvedModel, variable: Symbol | None, scope: Scope) -> Iterator[Diagnostic]:
    """Yield what keeps ``model`` from being a neuron of one variable."""
    if model.kind is ModelKind.SYNAPSE:
        yield codes.SYNAPSE.at(
            model.span,
            f"`{model.name}` is a synapse; synapses on the chip are fixed weights, set at load "
            "time, without dynamics or plasticity",
            help="generate the neuron alone; constant weights are what its axons deliver",
        )
        return
    missing = constructs(model, (Feature.VECTORS, Feature.DELAYS))
    for c in missing:
        message = f"{c.words}; a neuron of the chip keeps one number, its potential"
        yield codes.NO_PLACE.at(c.span, message, help=c.help)
    if missing:
        return
    if model.output is not Output.SPIKE or variable is None:
        yield codes.NO_SPIKES.at(
            model.span,
            f"`{model.name}` emits no spikes, and nothing else leaves a neuron of the chip",
            help="add a threshold: onCondition(V_m >= V_th): V_m = V_reset, emit_spike()",
        )
        return
    yield from _equation(model, variable, scope)
    yield from _other_states(model, variable)
    yield from _inputs(model)


def _equation(model: SolvedModel, variable: Symbol, scope: Scope) -> Iterator[Diagnostic]:
    """Yield a refusal if the derivative of ``variable`` depends on it."""
    for flow in model.flows:
        if flow.nonlinear is not None and variable in flow.nonlinear.variables:
            yield _nonlinear(model, flow.nonlinear, variable)
            return
        if flow.linear is not None and variable in flow.linear.variables:
            yield from _leak(flow.linear, variable, scope)
            return


def _leak(system: LinearSystem, variable: Symbol, scope: Scope) -> Iterator[Diagnostic]:
    """Yield a refusal if ``variable`` relaxes; what else drives it is refused elsewhere."""
    own = system.variables.index(variable)
    rate = system.matrix[own][own]
    value = scope.value(rate)
    if value == Affine(Fraction(0)):
        return
    amount = f" ({decimal(value.constant)} per ms)" if isinstance(value, Affine) else ""
    yield codes.EXPONENTIAL_LEAK.at(
        place_of(rate, variable.span),
        f"`{variable.name}` relaxes exponentially: its equation contains the rate term "
        f"`{formula(rate)} * {variable.name}`{amount}; a chip neuron leaks by a constant amount in "
        "each tick",
        help="use a constant leak, as the library model pif_psc_delta does "
        f"({variable.name}' = -leak + ...), {OTHERS}",
    )


def _nonlinear(model: SolvedModel, system: NonlinearSystem, variable: Symbol) -> Diagnostic:
    derivative = next(u.value for u in system.derivatives if u.target == variable)
    ports = [p.symbol for p in model.spike_ports] + [p.symbol for p in model.continuous_ports]
    states = [*system.variables, *system.companions, *(d.symbol for d in model.state)]
    scope = Scope(model, Fraction(1), {}, frozenset([*ports, *states]))
    value = scope.value(derivative)
    part = value.expr if isinstance(value, Opaque) else derivative
    return codes.NONLINEAR.at(
        place_of(part, place_of(derivative, variable.span)),
        f"the derivative of `{variable.name}` is nonlinear: it contains `{formula(part)}`; a chip "
        "neuron only adds",
        help=f"use a constant derivative, as the library model pif_psc_delta does, {OTHERS}",
    )


def _inputs(model: SolvedModel) -> Iterator[Diagnostic]:
    for port in model.continuous_ports:
        yield codes.CONTINUOUS_INPUT.at(
            port.symbol.span,
            f"`{port.symbol.name}` is a continuous input; only spikes enter the chip",
            help="remove the port; a constant current can be a parameter, which becomes part of "
            "the leak",
        )
    for convolution in model.convolutions:
        yield codes.CONVOLUTION.at(
            convolution.port.span,
            f"spikes on `{convolution.port.name}` act through the kernel `{convolution.kernel}`; "
            "on the chip a spike acts in one tick only",
            help="let spikes add to the potential at once: V_m' = ... + unit_psp * port",
        )
    for call in _random_calls(model):
        yield codes.RANDOM.at(
            call.span,
            f"`{call.function}` draws random numbers; an exact chip neuron has none",
            help="remove the random term, or use the cpp or nest backend",
        )
        break
    for function in model.functions:
        yield codes.STATEMENT.at(
            function.span,
            f"`{function.name}` is a function of the model; the chip has no functions",
            help="write its formula where it is used",
        )


def _random_calls(model: SolvedModel) -> Iterator[Call]:
    for expr in step_expressions(model):
        for e in walk(expr):
            if isinstance(e, Call) and e.function in RANDOM:
                yield e


def _other_states(model: SolvedModel, variable: Symbol) -> Iterator[Diagnostic]:
    moving = {s for flow in model.flows for s in flow.variables}
    for declaration in model.state:
        symbol = declaration.symbol
        if symbol == variable:
            continue
        if symbol in moving:
            yield codes.SECOND_VARIABLE.at(
                symbol.span,
                f"`{symbol.name}` follows an equation of its own beside `{variable.name}`; a chip "
                "neuron has one variable",
                help=f"keep `{variable.name}` alone (delta synapses, no adaptation), {OTHERS}",
            )
        else:
            yield codes.COUNTER.at(
                symbol.span,
                f"`{symbol.name}` is a second state variable, such as a refractory counter; a chip "
                "neuron keeps nothing but its potential",
                help="remove the counter: the chip takes inputs again in the tick after a spike",
            )


# From dynamics to a network


def _on_chip(
    model: SolvedModel, d: Dynamics, scope: Scope, choices: Choices, settings: Settings
) -> Result[NeuronProgram]:
    given = {s: float(v) for s, v in settings.parameters.items()}
    checks = constants(model, given, float(choices.tick))
    if checks.value is None:
        return Result(None, checks.diagnostics)
    start = _initial(model, d, scope, settings)
    if isinstance(start, Diagnostic):
        return Result(None, (start,))
    unit = coherent_text(d.variable.type.dimension)
    found = (*quantities(d, start.value, start.span), *_weight_quantities(d, choices))
    scale = choices.scale or coarsest_scale(found)
    problems = tuple(not_whole(found, scale, unit))
    if problems:
        return Result(None, problems)
    counts = _offered(d, choices, scale)
    if isinstance(counts, Diagnostic):
        return Result(None, (counts,))
    quantised = quantise(d, start.value, start.span, scale, counts)
    if quantised.value is None:
        return Result(None, quantised.diagnostics)
    readings = tuple(_readings(model, d, scope, quantised.value))
    refused = tuple(r for r in readings if isinstance(r, Diagnostic))
    if refused:
        return Result(None, (*quantised.diagnostics, *refused))
    good = tuple(r for r in readings if isinstance(r, Reading))
    program = _program(
        model, d, quantised.value, readings=good, initial=start.value, choices=choices
    )
    return Result(program, quantised.diagnostics)


def _initial(
    model: SolvedModel, d: Dynamics, scope: Scope, settings: Settings
) -> Quantity | Diagnostic:
    """Return the first value of the variable."""
    declaration: Declaration = next(s for s in model.state if s.symbol == d.variable)
    where = place_of(declaration.value, d.variable.span)
    what = f"the initial `{d.variable.name}`"
    if d.variable in settings.initial:
        value: object = Affine(settings.initial[d.variable])
    else:
        value = scope.value(declaration.value)
    if isinstance(value, Affine) and isinstance(value.constant, Fraction) and value.is_constant:
        return Quantity(what, value.constant, where)
    return codes.NOT_RATIONAL.at(
        where,
        f"{what} is not a finite rational number: `{formula(declaration.value)}`",
        help="use constants made of + - * / only",
    )


def _weight_quantities(d: Dynamics, choices: Choices) -> Iterator[Quantity]:
    for port, factor in d.ports:
        for weight in choices.weights or ():
            what = f"what a weight of {decimal(weight)} on `{port.name}` adds"
            yield Quantity(what, weight * factor, port.span)


def _offered(d: Dynamics, choices: Choices, scale: Fraction) -> tuple[int, ...] | Diagnostic:
    """Return the counts that axons deliver: those chosen, or powers that reach all numbers."""
    if choices.weights is None or not d.ports:
        return BINARY
    wanted = [int(scale * q.value) for q in _weight_quantities(d, choices)]
    different = tuple(dict.fromkeys(wanted))
    where = d.ports[0][0].span
    if len(different) > len(BINARY):
        return codes.OUT_OF_RANGE.at(
            where,
            f"the weights come to {len(different)} different numbers of counts; a chip neuron "
            f"tells {len(BINARY)} axon types apart",
            help="choose fewer weights, or weights=auto",
        )
    large = [c for c in different if abs(c) > MAX_WEIGHT]
    if large:
        return codes.OUT_OF_RANGE.at(
            where,
            f"a weight comes to {large[0]} counts; an axon delivers at most {MAX_WEIGHT}",
            help="choose smaller weights, or weights=auto, which puts several axons together",
        )
    return different


def _readings(
    model: SolvedModel, d: Dynamics, scope: Scope, q: Quantised
) -> Iterator[Reading | Diagnostic]:
    for recordable in model.recordables:
        value = scope.value(recordable.value)
        linear = isinstance(value, Affine) and value.without(d.variable).is_constant
        if not isinstance(value, Affine) or not linear or not isinstance(value.constant, Fraction):
            yield codes.RECORDABLE.at(
                place_of(recordable.value, recordable.symbol.span),
                f"`{recordable.symbol.name}` is not a linear function of `{d.variable.name}`",
                help="remove `recordable`, or record the potential and compute it afterwards",
            )
            continue
        factor = value.factor(d.variable)
        yield Reading(
            recordable.symbol.name,
            coherent_text(recordable.symbol.type.dimension),
            factor / q.scale,
            factor * q.origin + value.constant,
        )


def _program(
    model: SolvedModel,
    d: Dynamics,
    q: Quantised,
    *,
    readings: tuple[Reading, ...],
    initial: Fraction,
    choices: Choices,
) -> NeuronProgram:
    name = model.name.replace("$", "__DOLLAR")
    network = _network(name, q, choices.rng_seed)
    io = IoMap(
        model=model.name,
        tick=choices.tick,
        core=0,
        neuron=0,
        output_core=FIRST_OUTPUT,
        output_axon=0,
        axons=q.axons,
        ports=tuple(_ports(model, d, q)),
        readings=readings,
        low=q.low,
        high=q.high,
    )
    unit = coherent_text(d.variable.type.dimension)
    return NeuronProgram(
        name=name,
        documentation=tuple(model.documentation.splitlines()),
        variable=d.variable.name,
        unit=unit,
        scale=q.scale,
        origin=q.origin,
        network=network,
        io=io,
        facts=tuple(_facts(d, q, initial, unit)),
        ticks=choices.ticks,
    )


def _ports(model: SolvedModel, d: Dynamics, q: Quantised) -> Iterator[Port]:
    factors = dict(d.ports)
    for port in model.spike_ports:
        yield Port(port.symbol.name, q.scale * factors.get(port.symbol, Fraction(0)))


def _network(name: str, q: Quantised, seed: int) -> Network:
    """Return one core whose neuron 0 hears every axon that is offered."""
    types = [0] * SIZE
    used = []
    for n, group in enumerate(q.axons):
        for axon in group.axons:
            types[axon] = n
            used.append((axon, 0))
    idle = SIZE - 1
    core = Core(
        id=0,
        crossbar=crossbar(types, used),
        types=(q.kind.number, *(NO_TYPE,) * idle),
        dest_cores=(FIRST_OUTPUT, *(DISABLED,) * idle),
        dest_axons=(0,) * SIZE,
        delays=(1,) * SIZE,
        seed=seed,
        corelet=Corelet(name=name),
    )
    return Network((q.kind,), (core,), BUILD_KEY)


def _facts(d: Dynamics, q: Quantised, initial: Fraction, unit: str) -> Iterable[Fact]:
    name = d.variable.name

    def fact(what: str, value: Fraction, chip: str) -> Fact:
        return Fact(what, f"{decimal(value)} {unit}", chip)

    sign = ">" if d.fire.strict else ">="
    yield fact(f"threshold ({name} {sign})", d.fire.threshold, f"alpha = {q.kind.threshold}")
    if q.kind.reset_mode is Reset.VALUE:
        reset = d.fire.reset or Fraction(0)
        yield fact("reset to", reset, f"gamma = 0, R = {q.kind.reset}")
    else:
        yield fact("reset by", -d.fire.subtract, "gamma = 1")
    yield fact("drift in a tick", d.drift, f"lambda = {q.kind.leak}")
    if d.floor is None:
        yield Fact("lower bound", "none", f"beta = {q.kind.floor} (end of the exact range)")
    else:
        yield fact("lower bound", d.floor, f"beta = {q.kind.floor}, kappa = 1")
    yield fact("initial value", initial, f"{q.counts(initial)} (V = {q.kind.potential} at load)")
