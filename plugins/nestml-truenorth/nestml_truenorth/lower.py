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
from nestml_truenorth.axons import BINARY, HELD, HELD_SIZES, AxonGroup, groups, reach, sized
from nestml_truenorth.chip.network import FIRST_OUTPUT, MAX_WEIGHT, SIZE, NeuronType, Reset
from nestml_truenorth.corelet import Drawing, Out, Part, Target, place, size_problem
from nestml_truenorth.holding import LONGEST, Hold, clamps, hold
from nestml_truenorth.ir import ChipProgram, Fact, IoMap, NeuronProgram, Port, Reading
from nestml_truenorth.options import EXACT, Choices
from nestml_truenorth.quantise import (
    Quantised,
    Quantity,
    coarsest_scale,
    not_whole,
    quantise,
    quantities,
)
from nestml_truenorth.refractory import Refractory, stripped
from nestml_truenorth.step import Dynamics, dynamics
from nestml_truenorth.text import formula, place_of

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
    return exact_case(model, choices, settings).then(lambda found: _on_chip(*found))


def exact_case(
    model: SolvedModel, choices: Choices, settings: Settings
) -> Result[tuple[Case, Dynamics]]:
    """Return what is known of a model, and its step in the chip's order."""
    found = stripped(model, choices.tick, settings.parameters, settings.initial)
    clean, refractory = found.model, found.refractory
    variable = membrane(clean)
    ports = [p.symbol for p in clean.spike_ports]
    variables = frozenset(ports if variable is None else [variable, *ports])
    scope = Scope(clean, choices.tick, settings.parameters, variables)
    problems = tuple(_structure(clean, variable, scope))
    if problems or variable is None:
        return Result(None, problems)
    case = Case(clean, refractory, variable, scope, choices, settings)
    return dynamics(clean, variable, scope).then(lambda d: _checked(case, d))


def _checked(case: Case, d: Dynamics) -> Result[tuple[Case, Dynamics]]:
    problems = constants_problem(case) or tuple(_unheld(case, d))
    return Result(None, problems) if problems else Result((case, d))


@dataclass(frozen=True, eq=False, slots=True)
class Case:
    """A model that is being lowered, and what is known of it.

    Attributes
    ----------
    model : without its refractory counter
    refractory : what that did; None if there is none
    variable : the membrane potential
    """

    model: SolvedModel
    refractory: Refractory | None
    variable: Symbol
    scope: Scope
    choices: Choices
    settings: Settings

    @property
    def held(self) -> int:
        """For how many ticks after a spike the membrane is held."""
        return 0 if self.refractory is None else self.refractory.steps


# What a model is made of


def membrane(model: SolvedModel) -> Symbol | None:
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
        f"({variable.name}' = -leak + ...), let it be approximated (strategy=auto), {OTHERS}",
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
            "the leak, and approximations (strategy=auto) take currents",
        )
    for convolution in model.convolutions:
        yield codes.CONVOLUTION.at(
            convolution.port.span,
            f"spikes on `{convolution.port.name}` act through the kernel `{convolution.kernel}`; "
            "on the chip a spike acts in one tick only",
            help="let spikes add to the potential at once (V_m' = ... + unit_psp * port), or let "
            "exponential kernels be approximated (strategy=auto)",
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


def _on_chip(case: Case, d: Dynamics) -> Result[NeuronProgram]:
    model, choices = case.model, case.choices
    start = initial_of(model, d, case.scope, case.settings)
    if isinstance(start, Diagnostic):
        return Result(None, (start,))
    unit = coherent_text(d.variable.type.dimension)
    found = (*quantities(d, start.value, start.span), *_weight_quantities(d, choices))
    scale = choices.scale or coarsest_scale(found)
    problems = tuple(not_whole(found, scale, unit))
    if problems:
        return Result(None, problems)
    counts = _offered(d, choices, scale, BINARY if not case.held else HELD)
    if isinstance(counts, Diagnostic):
        return Result(None, (counts,))
    quantised = _quantised(case, d, start, scale, counts)
    if quantised.value is None:
        return Result(None, quantised.diagnostics)
    q = quantised.value
    readings = tuple(readings_of(case, d, q))
    refused = tuple(r for r in readings if isinstance(r, Diagnostic))
    if refused:
        return Result(None, (*quantised.diagnostics, *refused))
    good = tuple(r for r in readings if isinstance(r, Reading))
    how = hold_of(case, q)
    if isinstance(how, Diagnostic):
        return Result(None, (*quantised.diagnostics, how))
    part = exact_part(identifier(model.name), q.kind, how, q.axons, (Out(0),))
    problem_of_size = too_large(case, part)
    if problem_of_size:
        return Result(None, (*quantised.diagnostics, problem_of_size))
    program = _program(case, d, q, part, readings=good, initial=start.value)
    return Result(program, quantised.diagnostics)


def constants_problem(case: Case) -> tuple[Diagnostic, ...]:
    """Return what is wrong with the constants of the model: guards that do not hold, say."""
    given = {s: float(v) for s, v in case.settings.parameters.items()}
    checks = constants(case.model, given, float(case.choices.tick))
    return checks.diagnostics if checks.value is None else ()


def _unheld(case: Case, d: Dynamics) -> Iterator[Diagnostic]:
    """Yield what keeps the chip from holding the membrane as the model does."""
    if case.refractory is None or not case.held:
        return
    where, name = case.refractory.span, d.variable.name
    if d.fire.reset is None:
        yield codes.RESET.at(
            where,
            f"after a spike `{name}` is held at what is left of it; the chip holds it at a "
            "constant",
            help="reset it to a constant, or leave the refractory period out",
        )
    elif d.fire.reset >= d.fire.threshold:
        yield codes.RESET.at(
            where,
            f"`{name}` is held at {decimal(d.fire.reset)}, which is not below its threshold",
            help="choose a reset below the threshold",
        )
    if any(name in _names(case.model, k) for k in case.refractory.flows):
        yield codes.COUNTER.at(
            where,
            f"`{name}` is integrated while the counter counts down",
            help="integrate it in the other branch only",
        )
    if case.held > LONGEST:
        yield codes.OUT_OF_RANGE.at(
            where,
            f"`{name}` is held for {case.held} ticks; the chip does so for {LONGEST} at most",
            help="choose a longer tick",
        )
    for handler in case.model.on_receive:
        yield codes.COUNTER.at(
            handler.span,
            f"spikes on `{handler.port.name}` change `{name}` also while it is held",
            help=f"let them act through the equation ({name}' = ... + port), which the "
            "refractory period interrupts",
        )


def _names(model: SolvedModel, flow: int) -> tuple[str, ...]:
    return tuple(s.name for s in model.flows[flow].variables)


def _quantised(
    case: Case, d: Dynamics, start: Quantity, scale: Fraction, counts: tuple[int, ...]
) -> Result[Quantised]:
    if not case.held:
        return quantise(d, start.value, start.span, scale, groups(counts))
    if counts == HELD:
        sizes: tuple[int, ...] = HELD_SIZES
        types = HELD
    else:
        share = 3 * SIZE // 4 // len(counts)
        sizes = (share,) * len(counts)
        padded = (*counts, 0, 0)
        types = (padded[0], padded[1], padded[2], HELD[3])
    offered = sized(counts, sizes)
    return quantise(d, start.value, start.span, scale, offered, depth=DEPTH, types=types)


DEPTH = 2040
"""How far below its zero a neuron without a bound may fall if it is held down after spikes."""


def hold_of(case: Case, q: Quantised) -> Hold | Diagnostic | None:
    """Return how to hold the membrane after a spike."""
    if not case.held:
        return None
    _, most = reach(q.axons)
    most += max(q.kind.leak, 0)
    lift = q.kind.reset + q.kind.floor
    restore = composed(lift, q.kind.weights)
    if restore is None:
        return codes.OUT_OF_RANGE.at(
            case.model.span,
            f"the reset lies {lift} counts above the lower bound, and the axons' weights "
            f"({', '.join(str(w) for w in q.kind.weights)}) do not add up to that",
            help="choose weights that do, or weights=auto",
        )
    first = clamps(q.kind.reset + q.kind.floor + most)
    return Hold(case.held, first, clamps(most), restore)


def composed(total: int, weights: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the types of the fewest axons that add up to ``total``; None if none do.

    Positive weights only are used, largest first, and the last step is exact.
    """
    if total == 0:
        return ()
    best: dict[int, tuple[int, ...]] = {0: ()}
    positive = [(w, g) for g, w in enumerate(weights) if w > 0]
    for amount in range(1, total + 1):
        choices = [
            (*best[amount - w], g) for w, g in positive if amount >= w and amount - w in best
        ]
        if choices:
            best[amount] = min(choices, key=lambda c: (len(c), c))
    return best.get(total)


def exact_part(
    name: str,
    kind: NeuronType,
    how: Hold | None,
    axons: tuple[AxonGroup, ...],
    targets: tuple[Target, ...],
) -> Part:
    """Return the corelet of a neuron: one cell for each target, and what holds it down."""
    drawing = Drawing(name)
    for group in axons:
        type = kind.weights.index(group.counts)
        for _ in group.axons:
            drawing.axon(type)
    inputs = range(len(drawing.axons))
    cells = tuple(drawing.cell(kind, target, "membrane") for target in targets)
    copies = () if how is None else hold(drawing, kind, cells, how)
    for axon in inputs:
        drawing.connect(axon, (*cells, *copies))
    return drawing.part(cells[0])


def too_large(case: Case, part: Part) -> Diagnostic | None:
    """Return the refusal of a corelet that needs more than there is, or may be."""
    needed = len(part.cells)
    problem = size_problem(part)
    if not problem and needed > case.choices.budget:
        problem = f"`{part.name}` needs {needed} chip neurons, {case.choices.budget} are allowed"
    if not problem:
        return None
    return codes.BUDGET.at(
        case.model.span,
        problem,
        help="allow more (neurons=...), choose a smaller scale or larger weights, or a shorter "
        "refractory period",
    )


def identifier(name: str) -> str:
    return name.replace("$", "__DOLLAR")


def initial_of(
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


def _offered(
    d: Dynamics, choices: Choices, scale: Fraction, usual: tuple[int, ...]
) -> tuple[int, ...] | Diagnostic:
    """Return the counts that axons deliver: those chosen, or what reaches all numbers."""
    if choices.weights is None or not d.ports:
        return usual
    wanted = [int(scale * q.value) for q in _weight_quantities(d, choices)]
    different = tuple(dict.fromkeys(wanted))
    where = d.ports[0][0].span
    free = len(usual) - int(usual == HELD)
    if len(different) > free:
        return codes.OUT_OF_RANGE.at(
            where,
            f"the weights come to {len(different)} different numbers of counts; a chip neuron "
            f"tells {len(BINARY)} axon types apart"
            + (", one of which serves to hold it after spikes" if usual == HELD else ""),
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


def readings_of(case: Case, d: Dynamics, q: Quantised) -> Iterator[Reading | Diagnostic]:
    refractory = case.refractory
    if refractory is not None:
        counter, begins = refractory.counter, refractory.begins
        unit = coherent_text(counter.type.dimension)
        yield Reading(counter.name, unit, Fraction(0), begins, 0, refractory.values)
    for recordable in case.model.recordables:
        value = case.scope.value(recordable.value)
        linear = isinstance(value, Affine) and value.without(d.variable).is_constant
        if not isinstance(value, Affine) or not linear or not isinstance(value.constant, Fraction):
            yield codes.RECORDABLE.at(
                place_of(recordable.value, recordable.symbol.span),
                f"`{recordable.symbol.name}` is not a linear function of `{d.variable.name}`",
                help="remove `recordable`, or record the potential and compute it afterwards",
            )
            continue
        factor = value.factor(d.variable)
        after: tuple[Fraction, ...] = ()
        if case.held and d.fire.reset is not None:
            after = (factor * d.fire.reset + value.constant,) * (case.held + 1)
        yield Reading(
            recordable.symbol.name,
            coherent_text(recordable.symbol.type.dimension),
            factor / q.scale,
            factor * q.origin + value.constant,
            0,
            after,
        )


def _program(
    case: Case,
    d: Dynamics,
    q: Quantised,
    part: Part,
    *,
    readings: tuple[Reading, ...],
    initial: Fraction,
) -> NeuronProgram:
    model, choices = case.model, case.choices
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
        held=case.held,
    )
    unit = coherent_text(d.variable.type.dimension)
    return NeuronProgram(
        name=identifier(model.name),
        documentation=tuple(model.documentation.splitlines()),
        variable=d.variable.name,
        unit=unit,
        scale=q.scale,
        origin=q.origin,
        network=place((part,), choices.rng_seed).network,
        io=io,
        facts=tuple(_facts(d, q, initial, unit, case.held)),
        ticks=choices.ticks,
        strategy=EXACT,
        part=part,
    )


def _ports(model: SolvedModel, d: Dynamics, q: Quantised) -> Iterator[Port]:
    factors = dict(d.ports)
    for port in model.spike_ports:
        yield Port(port.symbol.name, q.scale * factors.get(port.symbol, Fraction(0)))


def _facts(d: Dynamics, q: Quantised, initial: Fraction, unit: str, held: int) -> Iterable[Fact]:
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
    if held:
        yield Fact("held after a spike", f"{held} steps", f"{held} ticks")
    yield fact("initial value", initial, f"{q.counts(initial)} (V = {q.kind.potential} at load)")
