"""Running a schedule on an instance of a model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np

from nestml_core.diagnostics import Diagnostic, Result
from nestml_core.experiment import Events, FloatArray, Schedule, Trace
from nestml_core.expr import Symbol
from nestml_core.network import roles
from nestml_core.progress import tracked
from nestml_core.reference.connection import run_alone
from nestml_core.reference.failure import ENDLESS, MESSAGE, Failure
from nestml_core.reference.instance import Arrivals, Instance
from nestml_core.solved import ModelKind, SolvedModel
from nestml_core.units import coherent_text

NAME = "reference"

_Recorded: TypeAlias = Mapping[Symbol, Sequence[float] | FloatArray]
_Runner: TypeAlias = Callable[[Instance, Schedule, bool], _Recorded]


def simulate(
    model: SolvedModel, schedule: Schedule, *, accurate: bool = False, progress: bool = False
) -> Result[Trace]:
    """Run one instance of ``model``, literally as ``nestml_core.solved`` defines a step.

    Of a synapse it is one connection without delay.

    This is the executable meaning of a solved model, written to be read and trusted rather than to
    be fast: some 5 us a step where integration is exact, 30 us and more where it is not.

    Parameters
    ----------
    schedule : what happens when; everything in coherent units
    accurate : integrate nonlinear systems to a relative 1e-12 instead of by the model's own
        method and tolerances: the truth that these are measured against
    progress : show a bar on a terminal, or in a notebook, if it takes longer than a second

    Returns
    -------
    The trace in coherent units. Messages of the model come as diagnostics.

    Errors
    ------
    NML931 : a guard does not hold.
    NML932 : an expression has no value (a function outside its domain).
    NML933 : a variable is not a finite number.
    NML934 : a whole number does not fit into 64 bits.
    NML935 : a loop or recursion does not end.
    NML936 : an equation cannot be integrated.
    NML964, NML965 : it is not clear what the ports of a synapse are for, or it cannot run alone.
    """
    done = None
    run = _runner(model)
    if run.value is None:
        return Result(None, run.diagnostics)
    try:
        instance = Instance(model, schedule, accurate)
        done = instance.progress
        recorded = run.value(instance, schedule, progress)
    except (Failure, RecursionError) as problem:
        failure = problem if isinstance(problem, Failure) else _too_deep(model)
        when = f" at t = {done.time:g} ms" if done is not None else ""
        said = tuple(done.messages) if done is not None else ()
        return Result(None, (*said, failure.diagnostic(when)))
    trace = Trace(
        dt=schedule.dt,
        steps=schedule.steps,
        values={s.name: np.array(x, dtype=float) for s, x in recorded.items()},
        units={s.name: coherent_text(s.type.dimension) for s in recorded},
        spike_steps=np.array(done.spike_steps, dtype=np.int64),
        backend=NAME,
        spike_weights=np.array(done.spike_weights, dtype=float),
    )
    return Result(trace, _messages(instance))


def _runner(model: SolvedModel) -> Result[_Runner]:
    """Return what runs a model of that kind."""
    if model.kind is ModelKind.NEURON:
        return Result(_run)
    parts = roles(model)
    if parts.value is None:
        return Result(None, parts.diagnostics)
    return Result(partial(run_alone, parts.value))


def _run(instance: Instance, schedule: Schedule, progress: bool) -> _Recorded:
    v = instance.values
    arrivals = _by_step(schedule.spikes)
    nothing: Arrivals = {}
    signals = [
        (instance.inputs[port], signal.tolist())
        for port, signal in schedule.currents.items()
        if len(signal)
    ]
    recorded: dict[Symbol, list[float]] = {s: [] for s in schedule.record}
    recording = [(instance.recordables[s], x.append) for s, x in recorded.items()]
    for slot, signal in signals:
        v[slot] = signal[0]
    for k in tracked(range(1, schedule.steps + 1), "simulating", wanted=progress):
        instance.step(k, arrivals.get(k, nothing))
        if k < schedule.steps:
            for slot, signal in signals:
                v[slot] = signal[k]
        for value, append in recording:
            append(value(v))
    return recorded


def _by_step(spikes: Mapping[Symbol, Events]) -> Mapping[int, Arrivals]:
    """Return, for each step with events, the sum of the weights for each port that has any."""
    result: defaultdict[int, dict[Symbol, float]] = defaultdict(dict)
    for port, events in spikes.items():
        for step, weight in zip(events.steps.tolist(), events.weights.tolist(), strict=True):
            result[step][port] = result[step].get(port, 0.0) + weight
    return result


def _messages(instance: Instance) -> tuple[Diagnostic, ...]:
    progress = instance.progress
    if not progress.unsaid:
        return tuple(progress.messages)
    more = MESSAGE.at(instance.model.span, f"and {progress.unsaid} more messages")
    return (*progress.messages, more)


def _too_deep(model: SolvedModel) -> Failure:
    return Failure(ENDLESS, "functions call each other too deeply", model.span)
