"""Running generated files on the chip's simulator: always what is on disk, never a shortcut."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from nestml_core.api import (
    NOWHERE,
    Artifact,
    Diagnostic,
    Result,
    Schedule,
    SolvedModel,
    Trace,
)
from nestml_truenorth import codes
from nestml_truenorth.affine import decimal, exact
from nestml_truenorth.approximate import lowered as lower_model
from nestml_truenorth.chip.simulator import IntArray, PotentialOverflow, run
from nestml_truenorth.files import Loaded, load
from nestml_truenorth.ir import ChipProgram, IoMap, Reading
from nestml_truenorth.lower import Settings
from nestml_truenorth.options import Choices, choices
from nestml_truenorth.stimulus import input_spikes

NAME = "truenorth"
SAME_STEP = 1e-9
"""The relative difference up to which a step counts as the tick."""

FloatArray = npt.NDArray[np.float64]
Render = Callable[[ChipProgram], Mapping[str, str | bytes]]


def simulate(
    artifact: Artifact, model: SolvedModel, schedule: Schedule, render: Render
) -> Result[Trace]:
    """Run one neuron of ``model`` from its files.

    Parameters and initial values that differ from the defaults are part of the program on the
    chip: with such, the files are generated anew in a temporary folder and read from there.

    Errors
    ------
    TN301 : the step of the experiment is not the tick of the program.
    TN302 : its spikes cannot be delivered by the axons.
    TN303 : the potential left the range in which the chip is exact.
    TN304 : the files are missing or damaged.
    """
    return choices(artifact.options).then(
        lambda chosen: _checked_step(chosen, schedule).then(
            lambda _: _loaded(artifact, model, schedule, chosen, render).then(
                lambda loaded: run_loaded(loaded, schedule)
            )
        )
    )


def _checked_step(chosen: Choices, schedule: Schedule) -> Result[float]:
    tick = float(chosen.tick)
    if abs(schedule.dt - tick) <= SAME_STEP * tick:
        return Result(tick)
    diagnostic = codes.WRONG_STEP.at(
        NOWHERE,
        f"the experiment has steps of {schedule.dt:g} ms, the program ticks of {tick:g} ms",
        help=f"use dt={tick:g}, or build with tick={schedule.dt:g}",
    )
    return Result(None, (diagnostic,))


def _loaded(
    artifact: Artifact, model: SolvedModel, schedule: Schedule, chosen: Choices, render: Render
) -> Result[Loaded]:
    if not schedule.parameters and not schedule.initial:
        return load(artifact.directory, model.name)
    settings = Settings(
        {s: exact(float(v)) for s, v in schedule.parameters.items()},
        {s: exact(float(v)) for s, v in schedule.initial.items()},
    )
    lowered = lower_model(model, _as_built(artifact, model, chosen), settings)
    return lowered.then(lambda neuron: _through_disk(render(ChipProgram((neuron,))), model.name))


def _as_built(artifact: Artifact, model: SolvedModel, chosen: Choices) -> Choices:
    """Return the options with the strategy that the build has; its error is known from there."""
    built = load(artifact.directory, model.name)
    if built.value is None or built.value.io.is_exact:
        return chosen
    return replace(chosen, strategy=built.value.io.strategy, tolerance=math.inf)


def _through_disk(files: Mapping[str, str | bytes], name: str) -> Result[Loaded]:
    with TemporaryDirectory(prefix="nestml-truenorth-") as folder:
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            (Path(folder) / path).write_bytes(data)
        return load(Path(folder), name)


def run_loaded(loaded: Loaded, schedule: Schedule) -> Result[Trace]:
    """Run a program with its map; see ``simulate``."""
    io = loaded.io
    events = {port.name: train for port, train in schedule.spikes.items()}
    currents = {port.name: signal for port, signal in schedule.currents.items()}
    stimulus = input_spikes(io, events, currents)
    if stimulus.value is None:
        return Result(None, stimulus.diagnostics)
    readings = {r.name: r for r in io.readings}
    recorded = [readings[s.name] for s in schedule.record]
    watched = [(io.core, io.neuron), *((io.core, r.neuron) for r in recorded)]
    try:
        recording = run(loaded.network, stimulus.value, schedule.steps + 1, watch=watched)
    except PotentialOverflow as problem:
        return Result(None, (_left_range(io, str(problem)),))
    potentials = recording.potentials[1:, 0]
    fired = recording.fired
    mine = (fired[:, 1] == io.core) & (fired[:, 2] == io.neuron)
    spikes = fired[mine, 0]
    counts = ~held_steps(io.held, spikes, schedule.steps)
    outside = np.flatnonzero(counts & ((potentials < io.low) | (potentials > io.high)))
    if outside.size:
        step = int(outside[0]) + 1
        what = f"at {decimal(step * io.tick)} ms the potential is {potentials[step - 1]} counts"
        return Result(None, (_left_range(io, what),))
    trace = Trace(
        dt=schedule.dt,
        steps=schedule.steps,
        values={
            r.name: values_of(r, recording.potentials[1:, n], spikes)
            for n, r in enumerate(recorded, 1)
        },
        units={r.name: r.unit for r in recorded},
        spike_steps=spikes,
        backend=NAME,
    )
    return Result(trace, _cut(io, schedule))


def _cut(io: IoMap, schedule: Schedule) -> tuple[Diagnostic, ...]:
    """Warn of inputs that would take an approximated membrane below the lowest it can have."""
    if io.is_exact:
        return ()
    pools = {p.name: p for p in io.ports}
    negative = [
        port.name
        for port, train in schedule.spikes.items()
        if port.name in pools and (train.weights * float(pools[port.name].counts) < 0).any()
    ]
    negative += [
        port.name
        for port, signal in schedule.currents.items()
        if port.name in pools and (signal * float(pools[port.name].counts) < 0).any()
    ]
    if not negative:
        return ()
    warning = codes.CUT.at(
        NOWHERE,
        f"`{io.model}`: `{negative[0]}` inhibits; an approximated membrane does not go below its "
        "rest",
        help="results are good where inhibition meets excitation; use another backend otherwise",
    )
    return (warning,)


def held_steps(ticks: int, spikes: IntArray, steps: int) -> npt.NDArray[np.bool_]:
    """Return in which steps the membrane is held down, and stands for its reset value."""
    held = np.zeros(steps + 1, bool)
    for n in range(1, ticks + 1):
        held[np.minimum(spikes + n, steps + 1)[spikes + n <= steps]] = True
    return held[1:]


def _left_range(io: IoMap, what: str) -> Diagnostic:
    return codes.LEFT_RANGE.at(
        NOWHERE,
        f"`{io.model}`: {what}; the chip computes the model exactly only from {io.low} to "
        f"{io.high} counts",
        help="give the model a lower bound (onCondition(V_m < V_min): V_m = V_min), or weaker "
        "inputs",
    )


def values_of(reading: Reading, potentials: IntArray, spikes: IntArray) -> FloatArray:
    """Return what was recorded, each value rounded once, from its exact fraction."""
    per_count, at_zero = reading.per_count, reading.at_zero
    divisor = per_count.denominator * at_zero.denominator
    factor = per_count.numerator * at_zero.denominator
    offset = at_zero.numerator * per_count.denominator
    values = np.array([(v * factor + offset) / divisor for v in potentials.tolist()], np.float64)
    if reading.after_spike and not per_count and spikes.size:
        values[spikes[0] - 1 :] = float(reading.after_spike[-1])
    for n, value in enumerate(reading.after_spike):
        steps = spikes + n
        values[steps[steps <= len(values)] - 1] = float(value)
    return values
