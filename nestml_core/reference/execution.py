"""Running a schedule on an instance of a model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from nestml_core.diagnostics import Diagnostic, Result
from nestml_core.experiment import Events, Schedule, Trace
from nestml_core.expr import Symbol
from nestml_core.reference.failure import ENDLESS, MESSAGE, Failure
from nestml_core.reference.instance import Arrivals, Instance
from nestml_core.solved import SolvedModel
from nestml_core.units import coherent_text

NAME = "reference"


def simulate(model: SolvedModel, schedule: Schedule, *, accurate: bool = False) -> Result[Trace]:
    """Run one instance of ``model``, literally as ``nestml_core.solved`` defines a step.

    This is the executable meaning of a solved model, written to be read and trusted rather than to
    be fast: some 5 us a step where integration is exact, 30 us and more where it is not.

    Parameters
    ----------
    schedule : what happens when; everything in coherent units
    accurate : integrate nonlinear systems to a relative 1e-12 instead of by the model's own
        method and tolerances: the truth that these are measured against

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
    """
    progress = None
    try:
        instance = Instance(model, schedule, accurate)
        progress = instance.progress
        recorded = _run(instance, schedule)
    except (Failure, RecursionError) as problem:
        failure = problem if isinstance(problem, Failure) else _too_deep(model)
        when = f" at t = {progress.time:g} ms" if progress is not None else ""
        said = tuple(progress.messages) if progress is not None else ()
        return Result(None, (*said, failure.diagnostic(when)))
    trace = Trace(
        dt=schedule.dt,
        steps=schedule.steps,
        values={s.name: np.array(x, dtype=float) for s, x in recorded.items()},
        units={s.name: coherent_text(s.type.dimension) for s in recorded},
        spike_steps=np.array(progress.spike_steps, dtype=np.int64),
        backend=NAME,
    )
    return Result(trace, _messages(instance))


def _run(instance: Instance, schedule: Schedule) -> Mapping[Symbol, list[float]]:
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
    for k in range(1, schedule.steps + 1):
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
