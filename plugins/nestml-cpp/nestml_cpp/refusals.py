"""What a model must not contain to become C++."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from nestml_core.api import (
    Base,
    Call,
    Code,
    Declaration,
    Definition,
    Diagnostic,
    Expr,
    MatrixExponential,
    Number,
    Severity,
    SolvedModel,
    is_random,
    step_expressions,
    walk,
)
from nestml_cpp.functions import Reaches, expr_reach, reaches
from nestml_cpp.names import file_name

OUT_OF_RANGE = Code("CPP002", Severity.ERROR, "a number does not fit into a variable of C++")
TOO_EARLY = Code("CPP003", Severity.ERROR, "a value is needed before it can be known")
EFFECT_IN_EQUATION = Code("CPP004", Severity.ERROR, "an equation changes the neuron")
SAME_FILE = Code("CPP005", Severity.ERROR, "two models have the same file name")

LARGEST = 2**63 - 1


def refusals(models: Sequence[SolvedModel]) -> Iterator[Diagnostic]:
    """Yield why ``models`` cannot become C++."""
    yield from _same_files(models)
    for model in models:
        yield from _numbers(model)
        yield from _early_values(model)
        yield from _equations(model)


def _same_files(models: Sequence[SolvedModel]) -> Iterator[Diagnostic]:
    first: dict[str, SolvedModel] = {}
    for model in models:
        file = file_name(model).lower()
        if file in first:
            message = f"`{model.name}` and `{first[file].name}` would be written to the same file"
            help = "on some systems file names differ in more than upper and lower case only"
            yield SAME_FILE.at(model.span, message, help=help)
        else:
            first[file] = model


def every_expression(model: SolvedModel) -> tuple[Expr, ...]:
    """Return all expressions of ``model``."""
    found = list(step_expressions(model))
    for d in model.derived:
        match d:
            case Definition(_, value):
                found.append(value)
            case MatrixExponential(_, matrix):
                found += [e for row in matrix for e in row]
    for declared in (*model.parameters, *model.state):
        found.append(declared.value)
        if declared.guard is not None:
            found.append(declared.guard)
    return tuple(found)


def _numbers(model: SolvedModel) -> Iterator[Diagnostic]:
    for expr in every_expression(model):
        for e in walk(expr):
            if isinstance(e, Number) and not _fits(e):
                kind = "64-bit integer" if e.type.base is Base.INTEGER else "double"
                shown = e.span.text or "a number"
                message = f"`{shown}` is too large for a {kind}"
                yield OUT_OF_RANGE.at(e.span, message, help="use a smaller number, or `inf`")


def _fits(e: Number) -> bool:
    if e.type.base is Base.INTEGER:
        return -LARGEST <= e.value <= LARGEST
    try:
        return math.isfinite(float(e.value))
    except OverflowError:
        return False


def _early_values(model: SolvedModel) -> Iterator[Diagnostic]:
    known = reaches(model)
    for d in model.parameters:
        yield from _default(d, known)
    for d in (*model.parameters, *model.state):
        if d.guard is not None:
            reach = expr_reach(d.guard, known)
            if reach.changes or reach.input:
                message = f"the guard of `{d.symbol.name}` does more than compare values"
                help = "let it read parameters, internals and state only"
                yield TOO_EARLY.at(d.guard.span, message, help=help)
    values = [(d.symbol, d.value) for d in model.state]
    values += [(d.symbol, d.value) for d in model.derived if isinstance(d, Definition)]
    for symbol, value in values:
        if expr_reach(value, known).input:
            message = f"the value of `{symbol.name}` depends on an input port"
            yield TOO_EARLY.at(value.span, message, help="ports have values in steps only")


def _default(d: Declaration, known: Reaches) -> Iterator[Diagnostic]:
    called = (
        known[e.function] for e in walk(d.value) if isinstance(e, Call) and e.function in known
    )
    if not expr_reach(d.value, known).is_early or not all(r.is_static for r in called):
        what = "a random number" if is_random(d.value) else "what only a neuron has"
        message = f"the default of the parameter `{d.symbol.name}` depends on {what}"
        help = "make it an internal, or give it a default that depends on other parameters only"
        yield TOO_EARLY.at(d.value.span, message, help=help)


def _equations(model: SolvedModel) -> Iterator[Diagnostic]:
    known = reaches(model)
    for flow in model.flows:
        for u in flow.nonlinear.derivatives if flow.nonlinear else ():
            if expr_reach(u.value, known).changes:
                message = f"evaluating the equation of `{u.target.name}` changes the neuron"
                help = "draw random numbers and set variables in `update`"
                yield EFFECT_IN_EQUATION.at(u.value.span, message, help=help)
