"""Strategies: exact where possible, else the cheapest approximation within the tolerance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from nestml_core.api import (
    Diagnostic,
    ModelKind,
    Output,
    Result,
    SolvedModel,
    SolvedProgram,
    checked,
)
from nestml_truenorth import codes, iomap
from nestml_truenorth.affine import Scope
from nestml_truenorth.approximation import Recipe, linear, program, refusal, stochastic
from nestml_truenorth.chip import cpe
from nestml_truenorth.forms import with_forms
from nestml_truenorth.ir import ChipProgram, NeuronProgram
from nestml_truenorth.leaky import Leaky, leaky, membrane, scope_of
from nestml_truenorth.lower import Case, Settings, constants_problem, lower_model, too_large
from nestml_truenorth.options import AUTO, EXACT, LINEAR, STOCHASTIC, Choices
from nestml_truenorth.refractory import stripped

CELLS = (17, 28, 56)
"""How many leak neurons are tried, one after the other."""

SYNAPTIC_CELLS = 48
"""How many neurons a synaptic current gets, where there is room."""


def lower_program(given: SolvedProgram, choices: Choices) -> Result[ChipProgram]:
    """Return every model of a program on the chip."""
    results = [
        lowered(model, choices, Settings({}, {})).then(lambda m: with_forms(m, choices.emit))
        for model in given.models
    ]
    said = tuple(d for r in results for d in r.diagnostics)
    return checked(ChipProgram(tuple(r.value for r in results if r.value is not None)), said)


def lowered(model: SolvedModel, choices: Choices, settings: Settings) -> Result[NeuronProgram]:
    """Return ``model`` on the chip, as the strategy says.

    Errors
    ------
    TN101 .. TN207 : it cannot be.
    TN208 : it can, but with an error above the tolerance.
    """
    if choices.strategy == EXACT:
        return lower_model(model, choices, settings)
    if choices.strategy == AUTO:
        exactly = lower_model(model, choices, settings)
        if exactly.value is not None:
            return exactly
    case = _case(model, choices, settings)
    if isinstance(case, Diagnostic):
        return Result(None, (case,))
    problem = constants_problem(case)
    if problem:
        return Result(None, problem)
    return leaky(case).then(lambda m: _approximated(model, case, m))


def attempts(model: SolvedModel, choices: Choices) -> Iterator[tuple[Leaky, Recipe, NeuronProgram]]:
    """Yield what a strategy tries, one after the other, not yet measured."""
    case = _case(model, choices, Settings({}, {}))
    if isinstance(case, Diagnostic):
        return
    found = leaky(case)
    if found.value is None:
        return
    for attempt in _recipes(case, found.value):
        if attempt.value is not None:
            yield found.value, attempt.value, program(case, found.value, attempt.value)


def _case(model: SolvedModel, choices: Choices, settings: Settings) -> Case | Diagnostic:
    if model.kind is ModelKind.SYNAPSE or model.output is not Output.SPIKE:
        exactly = lower_model(model, replace(choices, strategy=EXACT), settings)
        return exactly.diagnostics[0]
    found = stripped(model, choices.tick, settings.parameters, settings.initial)
    variable = membrane(found.model)
    if variable is None:
        return codes.NO_SPIKES.at(
            model.span,
            f"`{model.name}` has no state variable that could be a potential",
            help="add one, with an equation and a threshold",
        )
    none = Scope(found.model, choices.tick, settings.parameters, frozenset())
    case = Case(found.model, found.refractory, variable, none, choices, settings)
    return replace(case, scope=scope_of(case, choices))


def _approximated(model: SolvedModel, case: Case, m: Leaky) -> Result[NeuronProgram]:
    """Return the first approximation within the tolerance, or say how far the best one is."""
    best: NeuronProgram | None = None
    said: tuple[Diagnostic, ...] = ()
    for attempt in _recipes(case, m):
        if attempt.value is None:
            said = attempt.diagnostics
            continue
        made = _measured(model, case, m, attempt.value)
        if isinstance(made, Diagnostic):
            said = (made,)
            continue
        if not made.metrics:
            return Result(made)
        if best is None or _error(made) < _error(best):
            best = made
        if _error(made) <= case.choices.tolerance:
            return Result(made, (_notice(case, made),))
    if best is None:
        return Result(None, said)
    return Result(None, (_beyond(case, best),))


def _recipes(case: Case, m: Leaky) -> Iterator[Result[Recipe]]:
    strategy = case.choices.strategy
    if strategy in (LINEAR, AUTO):
        yield linear(case, m)
    if strategy in (STOCHASTIC, AUTO):
        for cells in CELLS:
            yield stochastic(case, m, cells, _synaptic_cells(case, m, cells))


def _synaptic_cells(case: Case, m: Leaky, cells: int) -> int:
    """Return how many cells each current can have beside those of the membrane."""
    if not m.currents:
        return 0
    free = min(case.choices.budget, 256) - cells - 20
    return max(4, min(SYNAPTIC_CELLS, free // len(m.currents)))


def _measured(
    model: SolvedModel, case: Case, m: Leaky, recipe: Recipe
) -> NeuronProgram | Diagnostic:
    from nestml_truenorth.measure import Bench, metrics

    made = program(case, m, recipe)
    problem = too_large(case, made.part)
    if problem is not None:
        return problem
    if case.choices.tolerance == math.inf:
        return made
    settings = (
        {s: float(v) for s, v in case.settings.parameters.items()},
        {s: float(v) for s, v in case.settings.initial.items()},
    )
    choices = case.choices
    bench = Bench(
        model=model,
        leaky=m,
        recipe=recipe,
        program=cpe.write(made.network),
        io=iomap.write(made.io),
        settings=settings,
        seed=choices.rng_seed,
        tolerance=choices.tolerance,
    )
    return replace(made, metrics=metrics(bench))


def _error(made: NeuronProgram) -> float:
    return next(x.value for x in made.metrics if x.limit is not None)


def _words(made: NeuronProgram) -> str:
    chosen = [x for x in made.metrics if x.limit is not None or x.what.startswith("false")]
    return "; ".join(f"{x.what} {x.value:.3g}{' ' + x.unit if x.unit else ''}" for x in chosen)


def _notice(case: Case, made: NeuronProgram) -> Diagnostic:
    return codes.APPROXIMATED.at(
        case.model.span,
        f"`{case.model.name}` is approximated ({made.strategy}, {made.neuron_count} chip "
        f"neurons): {_words(made)}",
        help="the report lists all figures; max_error=... decides what is accepted",
    )


def _beyond(case: Case, made: NeuronProgram) -> Diagnostic:
    other = "strategy=stochastic-exp, " if case.choices.strategy == LINEAR else ""
    return refusal(
        case,
        f"`{case.model.name}` by {made.strategy} ({made.neuron_count} chip neurons): "
        f"{_words(made)}; allowed is {case.choices.tolerance:g}",
        f"choose {other}a shorter tick, more neurons, or a larger max_error",
    )
