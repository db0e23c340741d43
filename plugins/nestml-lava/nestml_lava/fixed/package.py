"""Models in whole numbers as packages: from a solved model and an arithmetic to all that they need.

The numbers belong to given parameters and a given step. They are chosen by a trial run in floating
point, which also says what they cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nestml_core.api import (
    DT,
    NOWHERE,
    Diagnostic,
    Result,
    SolvedModel,
    Symbol,
    checked,
    constants,
    evaluate,
    nearest,
)
from nestml_lava import refusals
from nestml_lava.fixed import chip, general, loihi, trial
from nestml_lava.fixed.formats import Integers, Ranges
from nestml_lava.ir import Process
from nestml_lava.lower import process
from nestml_lava.options import BAD_OPTION, FIXED24, FIXED32, LOIHI, Options
from nestml_lava.stock import Lif, detect

if TYPE_CHECKING:
    from nestml_core.api import Schedule

WIDTHS = {FIXED24: general.Widths(24, 20), FIXED32: general.Widths(32, 24)}
TAGS = {
    LOIHI: ("fixed_pt", "bit_accurate_loihi"),
    FIXED24: ("fixed_pt",),
    FIXED32: ("fixed_pt",),
}
BAD_DECAY = 0.005
"""The error of the rate from which a decay in 12 bits is warned of."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A model in whole numbers, and what is known of their cost."""

    integers: Integers
    lif: Lif | None
    compartment: loihi.Compartment | None
    predicted: loihi.Errors | None
    bounds: loihi.Bounds | None
    precision: int
    measured: trial.Measured | None
    rounding: trial.Measured | None = None
    """The errors against the same steps in floating point, for nonlinear equations."""


@dataclass(frozen=True, slots=True)
class IntegerPackage:
    """A process in whole numbers. ``inner`` has the names of what the module declares."""

    name: str
    arithmetic: str
    tags: tuple[str, ...]
    inner: Process
    numbers: Numbers
    made_for: tuple[tuple[str, float], ...]
    """Parameters that are not the defaults, in declared units."""
    baked: tuple[str, ...]
    """The names of all parameters, which the numbers are made for."""

    @property
    def process(self) -> Process:
        return self.inner


def lowered(
    model: SolvedModel, options: Options, laid: Schedule | None = None
) -> Result[IntegerPackage]:
    """Return ``model`` in the arithmetic that the options name.

    Parameters
    ----------
    laid : the experiment whose parameters, inputs and step count; None for those of the options

    Errors
    ------
    LAVA101 to LAVA115 : what the arithmetic cannot hold.
    LAVA108 (warning) : a decay that is held badly.
    """
    given = given_values(model, options.values) if laid is None else Result(laid.parameters)
    if given.value is None:
        return Result(None, given.diagnostics)
    dt = options.step if laid is None else laid.dt
    found = constants(model, given.value, dt)
    if found.value is None:
        return Result(None, found.diagnostics)
    if options.arith == LOIHI:
        numbers = _on_chip(model, options, given.value, laid, dt)
    else:
        numbers = _in_general(model, options, found.value, laid)
    if numbers.value is None:
        return Result(None, numbers.diagnostics)
    inner = process(numbers.value.integers.code, dt)
    if inner.value is None:
        return Result(None, inner.diagnostics)
    package = IntegerPackage(
        name=inner.value.name,
        arithmetic=options.arith,
        tags=TAGS[options.arith],
        inner=inner.value,
        numbers=numbers.value,
        made_for=tuple((s.name, _declared(s, x)) for s, x in given.value.items()),
        baked=tuple(d.symbol.identifier for d in model.parameters),
    )
    return Result(package, (*numbers.diagnostics, *inner.diagnostics))


def given_values(model: SolvedModel, text: str) -> Result[Mapping[Symbol, Any]]:
    """Return the parameters of ``NAME=VALUE,...``, in declared units, as coherent numbers."""
    known = {d.symbol.name: d.symbol for d in model.parameters}
    found: dict[Symbol, Any] = {}
    wrong: list[Diagnostic] = []
    for part in (x.strip() for x in text.split(",") if x.strip()):
        name, _, value = (x.strip() for x in part.partition("="))
        if name not in known:
            continue  # of another model, or refused by ``unknown_values``
        unit = known[name].type.unit
        try:
            found[known[name]] = float(value) * (float(unit.factor) if unit else 1.0)
        except ValueError:
            message = f"values: `{part}` is no NAME=NUMBER"
            wrong.append(BAD_OPTION.at(NOWHERE, message, help="write I_e=500, in its unit"))
    return checked(found, wrong)


def _on_chip(
    model: SolvedModel,
    options: Options,
    parameters: Mapping[Symbol, Any],
    laid: Schedule | None,
    dt: float,
) -> Result[Numbers]:
    currents = {} if laid is None else {s: x for s, x in laid.currents.items() if len(x)}
    for port, signal in currents.items():
        if (signal != signal[0]).any():
            message = f"`{port.name}` changes in time; a neuron of Loihi has no input but spikes"
            help = "give a constant current, or use arith=fixed24 or fixed32"
            return Result(None, (refusals.CONTINUOUS.at(port.span, message, help=help),))
    constant = {port: float(signal[0]) for port, signal in currents.items()}
    verdict = detect(model, parameters, {} if laid is None else laid.initial, dt, constant)
    if verdict.lif is None:
        return Result(None, verdict.why_not)
    weight = options.weight
    plan = laid or trial.standard(model, parameters, dt, weight, has_currents=False)
    bounds = trial.bounds(verdict.lif, plan, weight)
    compartment = loihi.compartment(verdict.lif, bounds)
    if isinstance(compartment, str):
        message = f"`{model.name}` does not fit into a neuron of Loihi: {compartment}"
        help = "take longer steps, or use arith=fixed24 or fixed32"
        return Result(None, (refusals.CHIP.at(model.span, message, help=help),))
    of = chip.integers(model, verdict.lif, compartment, dt)
    predicted = loihi.errors(verdict.lif, compartment, bounds)
    errors = trial.measured(plan, of, trial.recorded(model, plan))
    numbers = Numbers(of, verdict.lif, compartment, predicted, bounds, 12, errors)
    return Result(numbers, tuple(_warnings(model, predicted, dt)))


def _warnings(model: SolvedModel, predicted: loihi.Errors, dt: float) -> Iterator[Diagnostic]:
    if predicted.rate > BAD_DECAY:
        yield refusals.DECAY.at(
            model.span,
            f"with steps of {dt:g} ms, decays in 12 bits change the rate of `{model.name}` by up "
            f"to {predicted.rate:.2%}",
            help="take longer steps (step=1), or use arith=fixed24",
        )


def _in_general(
    model: SolvedModel,
    options: Options,
    values: Mapping[Symbol, Any],
    laid: Schedule | None,
) -> Result[Numbers]:
    widths = WIDTHS[options.arith]
    if options.precision:
        widths = replace(widths, precision=options.precision)
    given = {} if laid is None else laid.initial
    initial = initial_values(model, values, given)
    ones = Ranges(tuple((s, 1.0) for s in _variables(model)))
    possible = general.lowered(model, general.Given(values, initial, ones, widths))
    if possible.value is None:
        return Result(None, possible.diagnostics)
    parameters = {d.symbol: values[d.symbol] for d in model.parameters}
    plan = laid or trial.standard(
        model, parameters, float(values[DT]), options.weight, has_currents=True
    )
    expected = trial.recorded(model, plan)
    ranges = trial.ranges(model, plan, expected, values, initial)
    of = general.lowered(model, general.Given(values, initial, ranges, widths))
    if of.value is None:
        return Result(None, of.diagnostics)
    errors = trial.measured(plan, of.value, expected)
    single = trial.in_single_steps(model)
    rounding = (
        None if single is None else trial.measured(plan, of.value, trial.recorded(single, plan))
    )
    found = Numbers(of.value, None, None, None, None, widths.precision, errors, rounding)
    return Result(found)


def initial_values(
    model: SolvedModel, values: Mapping[Symbol, Any], given: Mapping[Symbol, Any]
) -> Mapping[Symbol, Any]:
    """Return the initial values of all state variables: defaults read defaults."""
    known = dict(values)
    for d in model.state:
        found = evaluate(d.value, known).value
        known[d.symbol] = 0.0 if found is None else found
    return {d.symbol: given.get(d.symbol, known[d.symbol]) for d in model.state}


def _variables(model: SolvedModel) -> Iterator[Symbol]:
    yield from (d.symbol for d in model.state)
    yield from (s for c in model.convolutions for s in c.states)
    yield from (p.symbol for p in model.spike_ports)
    yield from (p.symbol for p in model.continuous_ports)


def why_not(model: SolvedModel) -> tuple[Diagnostic, ...]:
    """Return what keeps a model from fixed point, with its default parameters."""
    found = constants(model, {}, 0.1)
    if found.value is None:
        return found.diagnostics
    initial = initial_values(model, found.value, {})
    ones = Ranges(tuple((s, 1.0) for s in _variables(model)))
    given = general.Given(found.value, initial, ones, WIDTHS[FIXED24])
    return general.lowered(model, given).diagnostics


def unknown_values(text: str, models: Iterable[SolvedModel]) -> Iterator[Diagnostic]:
    """Yield which parameters of ``NAME=VALUE,...`` no model has."""
    known = [d.symbol.name for m in models for d in m.parameters]
    for part in (x.strip() for x in text.split(",") if x.strip()):
        name = part.partition("=")[0].strip()
        if name not in known:
            message = f"values: no model has a parameter `{name}`"
            yield BAD_OPTION.at(NOWHERE, message, help=nearest(name, known))


def unrecorded(
    model: SolvedModel, asked: Sequence[Symbol], recorded: Sequence[Symbol]
) -> tuple[Diagnostic, ...]:
    """Return, as a hint, what of the model is not recorded."""
    names = ", ".join(f"`{s.name}`" for s in asked if s not in recorded)
    if not names:
        return ()
    message = f"the process has no variable for {names}, which will not be recorded"
    return (refusals.UNRECORDED.at(model.span, message, help="record it in floating point"),)


def beyond(of: trial.Beyond) -> Diagnostic:
    """Return what is wrong with an input that does not fit."""
    message = (
        f"`{of.port.name}` gets {of.value:g}, but whole numbers were made for up to {of.largest:g}"
    )
    help = "build for larger ones: weight=..."
    return refusals.RANGE.at(of.port.span, message, help=help)


def _declared(symbol: Symbol, value: Any) -> float:
    unit = symbol.type.unit
    return float(value) / (float(unit.factor) if unit else 1.0)
