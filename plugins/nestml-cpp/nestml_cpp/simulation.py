"""Running an experiment on one neuron of a compiled library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from nestml_core.api import (
    NOWHERE,
    Artifact,
    Code,
    Declaration,
    Diagnostic,
    Recordable,
    Result,
    Schedule,
    Severity,
    SolvedModel,
    Symbol,
    Trace,
    coherent_text,
    vectors,
)
from nestml_cpp.compiled_functions import Kind, LibraryMisused, Problem
from nestml_cpp.library import Handle, Library
from nestml_cpp.names import file_name, is_number
from nestml_cpp.requirements import has_loops
from nestml_cpp.toolchain import library_of

GUARD_VIOLATED = Code("CPP201", Severity.ERROR, "a value violates the guard of its declaration")
NOT_FINITE = Code("CPP202", Severity.ERROR, "a variable is not a finite number")
STOPPED = Code("CPP203", Severity.ERROR, "a run did not come to its end")
MESSAGE = Code("CPP204", Severity.HINT, "a message of the model")
NO_ELEMENT = Code("CPP206", Severity.ERROR, "an index outside of its vector")
MODEL_WARNING = Code("CPP205", Severity.WARNING, "a warning of the model")

MAX_MESSAGES = 100
WARNING = "warning: "
INFO = "info: "

CAUSES = MappingProxyType({"memory": "record less, or make the run shorter"})


def simulate(artifact: Artifact, model: SolvedModel, schedule: Schedule) -> Result[Trace]:
    """Run one neuron.

    Returns
    -------
    The trace in coherent units. Messages of the model come as diagnostics.

    Errors
    ------
    CPP201 : a guard does not hold.
    CPP202 : a state variable is not finite.
    CPP203 : the library could not be loaded, or the run was stopped.
    CPP206 : an element of a vector is used that it does not have.
    """
    try:
        path = library_of(artifact.directory, model)
        library = Library(path, file_name(model))
    except OSError as problem:
        message = f"the library of `{model.name}` cannot be loaded: {problem}"
        return Result(None, (STOPPED.at(model.span, message),))
    try:
        return _run(Handle(library, 1, schedule.dt, schedule.seed), model, schedule)
    except MemoryError:
        message = f"there is not enough memory for {schedule.steps} steps of `{model.name}`"
        return Result(None, (STOPPED.at(model.span, message, help=CAUSES["memory"]),))


def _run(handle: Handle, model: SolvedModel, schedule: Schedule) -> Result[Trace]:
    for number, symbol in enumerate(parameters(model)):
        if symbol in schedule.parameters:
            values = np.ravel(schedule.parameters[symbol])
            handle.parameter(number, values, len(values), each=False)
    for number, symbol in enumerate(initial(model)):
        if symbol in schedule.initial:
            values = np.ravel(schedule.initial[symbol])
            handle.initial(number, values, len(values), each=False)
    for number, port in enumerate(model.spike_ports):
        if port.symbol in schedule.spikes:
            events = schedule.spikes[port.symbol]
            handle.spikes(number, events.steps, None, events.weights)
    for number, current in enumerate(model.continuous_ports):
        if current.symbol in schedule.currents:
            handle.current(number, schedule.currents[current.symbol])
    recorded = {s: np.empty(schedule.steps) for s in schedule.record}
    numbers = {r.symbol: i for i, r in enumerate(recordables(model))}
    for symbol, out in recorded.items():
        handle.record(numbers[symbol], out)
    problem = handle.begin()
    if problem is None:
        problem = handle.advance(schedule.steps, guarded=has_loops(model))
    said = tuple(spoken(model, handle.messages()))
    given = {**schedule.parameters, **schedule.initial}
    if problem is not None:
        return Result(None, (*said, failure(model, schedule.dt, given, problem)))
    trace = Trace(
        dt=schedule.dt,
        steps=schedule.steps,
        values={s.name: values for s, values in recorded.items()},
        units={s.name: coherent_text(s.type.dimension) for s in schedule.record},
        spike_steps=handle.spike_steps(),
        backend="cpp",
    )
    handle.close()
    return Result(trace, said)


def parameters(model: SolvedModel) -> tuple[Symbol, ...]:
    """Return the parameters that a library takes, in its order."""
    return tuple(d.symbol for d in model.parameters if is_number(d.symbol))


def initial(model: SolvedModel) -> tuple[Symbol, ...]:
    """Return the state variables that a library takes initial values of, in its order."""
    return tuple(d.symbol for d in model.state if is_number(d.symbol))


def recordables(model: SolvedModel) -> tuple[Recordable, ...]:
    """Return what a library can record, in its order."""
    return tuple(r for r in model.recordables if is_number(r.symbol))


def failure(
    model: SolvedModel, dt: float, given: Mapping[Symbol, Any], problem: Problem
) -> Diagnostic:
    """Return why a run ended early; ``given`` are the values that replaced defaults."""
    match problem.kind:
        case Kind.GUARD:
            return guard_violated(model, dt, given, problem.text)
        case Kind.NOT_FINITE:
            return not_finite(model, dt, problem.text)
        case Kind.NO_ELEMENT:
            return no_element(model, problem.text)
        case Kind.NO_MEMORY:
            message = f"`{model.name}` was stopped for want of memory"
            return STOPPED.at(model.span, message, help=CAUSES["memory"])
        case Kind.STOPPED | Kind.INTERRUPTED:
            return STOPPED.at(model.span, f"`{model.name}` was stopped: {problem.text}")
        case _:
            raise LibraryMisused(problem.text)


def guard_violated(
    model: SolvedModel, dt: float, given: Mapping[Symbol, Any], rest: str
) -> Diagnostic:
    name, _, text = rest.partition(": ")
    if name == "dt":
        return GUARD_VIOLATED.at(NOWHERE, f"the step of {dt:g} ms must be positive and finite")
    d = _declared(model, name)
    span = d.symbol.span if d.guard is None else d.guard.span
    guard, _, neuron = text.partition(" (neuron ")
    where = f" in neuron {neuron.removesuffix(')')}" if neuron else ""
    value = given.get(d.symbol)
    shown = "" if value is None or np.ndim(value) else f", which is {value:g} in coherent units"
    message = f"the guard `{guard}` of `{d.symbol.name}`{shown}, does not hold{where}"
    return GUARD_VIOLATED.at(span, message)


def not_finite(model: SolvedModel, dt: float, rest: str) -> Diagnostic:
    name, step, *neuron = rest.split(" ")
    convolved = (s for c in model.convolutions for s in c.states)
    symbols = (*(d.symbol for d in model.state), *convolved)
    elements = (e for s in symbols for e in (s, *s.elements))
    symbol = next(s for s in elements if s.identifier == name)
    where = f" in neuron {neuron[0]}" if neuron else ""
    message = (
        f"`{symbol.name}` is not a finite number after step {step}{where}, "
        f"at t = {int(step) * dt:g} ms"
    )
    help = "does the solution grow without bounds? check parameters, or try a smaller dt"
    return NOT_FINITE.at(symbol.span, message, help=help)


def no_element(model: SolvedModel, rest: str) -> Diagnostic:
    name, index, size = rest.split(" ")
    known = (v for v in vectors(model) if name in (v.name, v.identifier, f"{v.identifier}_"))
    vector = next(known, None)
    plural = "" if size == "1" else "s"
    message = f"`{name}` has {size} element{plural}, there is no `{name}[{index}]`"
    span = model.span if vector is None else vector.span
    return NO_ELEMENT.at(span, message, help="elements are counted from 0")


def _declared(model: SolvedModel, name: str) -> Declaration:
    declared = (*model.parameters, *model.state)
    return next(d for d in declared if d.symbol.identifier == name)


def spoken(model: SolvedModel, text: str) -> Iterator[Diagnostic]:
    """Yield what the model said, line by line."""
    lines = text.splitlines()
    for line in lines[:MAX_MESSAGES]:
        if line.startswith(WARNING):
            yield MODEL_WARNING.at(model.span, line.removeprefix(WARNING))
        else:
            yield MESSAGE.at(model.span, line.removeprefix(INFO))
    if len(lines) > MAX_MESSAGES:
        yield MESSAGE.at(model.span, "and more messages, which are left out")
