"""Synapses of compiled libraries: one alone, or the connections of a network's projection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nestml_core.api import (
    Artifact,
    Diagnostic,
    Plasticity,
    Result,
    Roles,
    Schedule,
    SolvedModel,
    Symbol,
    Trace,
    coherent_text,
)
from nestml_cpp.compiled_functions import Kind, LibraryMisused, Problem
from nestml_cpp.names import file_name
from nestml_cpp.options import Options
from nestml_cpp.ownership import is_own
from nestml_cpp.simulation import (
    NOT_FINITE,
    STOPPED,
    guard_violated,
    initial,
    parameters,
    recordables,
    spoken,
)
from nestml_cpp.synapse_library import Driven, SynapseHandle, SynapseLibrary
from nestml_cpp.synapse_refusals import roles_of
from nestml_cpp.toolchain import library_of

# The connections of a projection


def options_for(plasticity: Plasticity, options: Options) -> Options:
    """Return ``options`` for a synapse as a projection uses it.

    Each connection has those parameters of its own that are not the same in all of them, and the
    state that is given initial values.
    """
    own = [s.name for s, x in plasticity.parameters.items() if not _is_one(x)]
    own += [s.name for s in plasticity.initial]
    post = plasticity.roles.postsynaptic
    return replace(
        options,
        own=tuple(sorted(own)),
        presynaptic=plasticity.roles.presynaptic.name,
        postsynaptic="" if post is None else post.name,
    )


def opened(artifact: Artifact, plasticity: Plasticity, dt: float, seed: int) -> SynapseHandle:
    """Return a handle for connections of a projection, or of a part of it.

    Parameters
    ----------
    artifact : of the synapse, made with ``options_for(plasticity, ...)``

    Raises
    ------
    OSError : the library cannot be loaded.
    """
    model = plasticity.model
    library = SynapseLibrary(library_of(artifact.directory, model), file_name(model))
    handle = SynapseHandle(library, dt, seed)
    shared = {d.symbol for d in model.parameters if not is_own(d, artifact.options.own)}
    for k, s in enumerate(parameters(model)):
        if s in plasticity.parameters and len(plasticity.parameters[s]):
            values = plasticity.parameters[s]
            handle.parameter(k, values[0] if s in shared and _is_one(values) else values)
    for k, s in enumerate(initial(model)):
        if s in plasticity.initial and len(plasticity.initial[s]):
            values = plasticity.initial[s]
            handle.initial(k, values[0] if _is_one(values) else values)
    for m in plasticity.modulations:
        handle.modulation(_place(plasticity.roles, m.port), m.delay)
    return handle


def failure(
    model: SolvedModel, name: str, dt: float, given: Mapping[Symbol, Any], problem: Problem
) -> Diagnostic:
    """Return why connections ended a run.

    Parameters
    ----------
    name : what the projection is called; empty for a synapse alone
    given : the values that replaced defaults
    """
    whose = f" of `{name}`" if name else ""
    match problem.kind:
        case Kind.GUARD:
            text, _, number = problem.text.partition(" (connection ")
            found = guard_violated(model, dt, given, text)
            if not number or not name:
                return found
            return replace(
                found, message=f"{found.message} in connection {number.removesuffix(')')}{whose}"
            )
        case Kind.NOT_FINITE:
            step, number = problem.text.split(" ")
            where = f" in connection {number}{whose}" if name else ""
            message = (
                f"the weight of a spike that `{model.name}` emits is not a finite number"
                f"{where}, at t = {int(step) * dt:g} ms"
            )
            return NOT_FINITE.at(model.span, message)
        case Kind.MISUSE:
            raise LibraryMisused(problem.text)
        case _:
            return STOPPED.at(model.span, f"`{model.name}`{whose} was stopped: {problem.text}")


def _is_one(values: npt.NDArray[np.float64]) -> bool:
    """Return whether all of ``values`` are the same."""
    return values.strides[0] == 0 or bool((values == values[:1]).all())


def _place(roles: Roles, modulator: Symbol) -> int:
    """Return the number of a modulatory port: libraries count them in the order of events."""
    return [port for port in roles.order if port in roles.modulators].index(modulator)


# One synapse alone


def simulate_synapse(artifact: Artifact, model: SolvedModel, schedule: Schedule) -> Result[Trace]:
    """Run one synapse; all delays are zero.

    Errors
    ------
    CPP201 : a guard does not hold.
    CPP202 : the weight of a spike is not finite.
    CPP203 : the library could not be loaded, or the run was stopped.
    """
    try:
        library = SynapseLibrary(library_of(artifact.directory, model), file_name(model))
    except OSError as problem:
        message = f"the library of `{model.name}` cannot be loaded: {problem}"
        return Result(None, (STOPPED.at(model.span, message),))
    try:
        return _run(SynapseHandle(library, schedule.dt, schedule.seed), artifact, model, schedule)
    except MemoryError:
        message = f"there is not enough memory for {schedule.steps} steps of `{model.name}`"
        help = "record less, or make the run shorter"
        return Result(None, (STOPPED.at(model.span, message, help=help),))


def _run(
    handle: SynapseHandle, artifact: Artifact, model: SolvedModel, schedule: Schedule
) -> Result[Trace]:
    only = np.zeros(1, dtype=np.int64)
    driven = Driven(handle, only, only, 0, (1, 1))
    for k, s in enumerate(parameters(model)):
        if s in schedule.parameters:
            handle.parameter(k, float(schedule.parameters[s]))
    for k, s in enumerate(initial(model)):
        if s in schedule.initial:
            handle.initial(k, float(schedule.initial[s]))
    _spikes(driven, model, artifact.options, schedule)
    for k, port in enumerate(model.continuous_ports):
        signal = schedule.currents.get(port.symbol, np.zeros(0))
        driven.factor(k, np.append(signal, signal[-1:]) if len(signal) else 0.0)
    numbers = {r.symbol: k for k, r in enumerate(recordables(model))}
    recorded = {s: driven.record(numbers[s], schedule.steps) for s in schedule.record}
    handle.keep_emitted()
    problem = driven.begin() or driven.advance(schedule.steps)
    said = tuple(spoken(model, handle.messages()))
    if problem is not None:
        given = {**schedule.parameters, **schedule.initial}
        return Result(None, (*said, failure(model, "", schedule.dt, given, problem)))
    steps, _, weights = handle.emitted()
    trace = Trace(
        dt=schedule.dt,
        steps=schedule.steps,
        values={s.name: x[:, 0].copy() for s, x in recorded.items()},
        units={s.name: coherent_text(s.type.dimension) for s in schedule.record},
        spike_steps=steps,
        backend="cpp",
        spike_weights=weights,
    )
    driven.close()
    return Result(trace, said)


def _spikes(driven: Driven, model: SolvedModel, options: Options, schedule: Schedule) -> None:
    roles = roles_of(model, options).value
    assert roles is not None, "refused when it was generated"
    for port, steps in _steps(schedule):
        if port == roles.presynaptic:
            driven.sources_fire(steps)
        elif port == roles.postsynaptic:
            driven.targets_fire(steps)
        else:
            driven.handle.modulation(_place(roles, port), 0)
            driven.modulators_fire(steps)


def _steps(schedule: Schedule) -> Iterator[tuple[Symbol, Any]]:
    for port, events in schedule.spikes.items():
        yield port, events.steps
