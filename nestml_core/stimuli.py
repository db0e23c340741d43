"""Stimuli: random spike trains, and one that makes an unknown model fire."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from nestml_core.experiment import Experiment, schedule
from nestml_core.reference import simulate
from nestml_core.solved import TIME, ModelKind, Sign, SolvedModel
from nestml_core.units import known, magnitude

PROBE_STEPS = 2000
SPIKES_WANTED = 3
SYNAPSE_RATE = 50.0
"""Of the spikes at each port of a synapse, in Hz."""


def poisson_train(
    rate: Any, weight: float, duration: Any, dt: Any, *, seed: int
) -> list[tuple[float, float]]:
    """Return a Poisson spike train on the grid of steps: pairs (time in ms, weight).

    The number of spikes that arrive at the end of each step has the Poisson distribution with mean
    ``rate * dt``; a step may hold several.

    Parameters
    ----------
    rate : Hz, or a quantity
    weight : of every spike
    duration, dt : ms, or quantities
    seed : of the random numbers (NumPy's default generator)
    """
    ms = TIME.type.unit
    step, length = magnitude(dt, ms), magnitude(duration, ms)
    mean = magnitude(rate, known("Hz")) * step
    counts = np.random.default_rng(seed).poisson(mean, size=round(length / step))
    steps = np.repeat(np.arange(1, len(counts) + 1), counts)
    return [(float(t), weight) for t in steps * step]


def standard_stimulus(model: SolvedModel, experiment: Experiment) -> tuple[Experiment, str]:
    """Return ``experiment`` with input on every port, strong enough to make ``model`` fire.

    A synapse gets Poisson trains of 50 Hz, and 1 (in declared units) at its continuous ports. Of a
    neuron, each port for spikes gets a Poisson train of 400 Hz (a quarter of that if inhibitory),
    each continuous port a constant. The strength of all is the smallest of 1, 2, 5, ... 10,000 (in
    declared units) with which the reference interpreter sees three spikes in 2,000 steps.

    Returns
    -------
    The experiment, and the stimulus in words.
    """
    if model.kind is ModelKind.SYNAPSE:
        return with_input(model, experiment, 1.0)
    strengths = [float(f"{m}e{e}") for e in range(4) for m in (1, 2, 5)] + [1e4]
    chosen, text = experiment, "no input"
    for strength in strengths:
        chosen, text = with_input(model, experiment, strength)
        probe = replace(chosen, duration=PROBE_STEPS * magnitude(experiment.dt, TIME.type.unit))
        laid = schedule(probe, model)
        if laid.value is None:
            break
        trace = simulate(model, laid.value).value
        if trace is not None and len(trace.spike_steps) >= SPIKES_WANTED:
            break
    return chosen, text


def with_input(
    model: SolvedModel, experiment: Experiment, strength: float
) -> tuple[Experiment, str]:
    """Return ``experiment`` with input of one strength on every port, and the input in words.

    Continuous ports that have an input keep it. Spikes that come to a synapse have no strength,
    they only count.
    """
    spikes: dict[str, Any] = {}
    said: list[str] = []
    counts = model.kind is ModelKind.SYNAPSE
    weight = 1.0 if counts else strength
    for k, port in enumerate(model.spike_ports):
        rate = 100.0 if port.sign is Sign.INHIBITORY else 400.0
        rate = SYNAPSE_RATE if counts else rate
        seed = experiment.seed + k
        train = poisson_train(rate, weight, experiment.duration, experiment.dt, seed=seed)
        spikes[port.symbol.name] = train
        weighing = "" if counts else f", weight {strength:g}"
        said.append(f"{port.symbol.name}: Poisson {rate:g} Hz{weighing}")
    free = [c.symbol for c in model.continuous_ports if c.symbol.name not in experiment.currents]
    currents: dict[str, Any] = {port.name: strength for port in free}
    said += [f"{port.name}: {strength:g} {port.type}" for port in free]
    given = currents | dict(experiment.currents)
    return replace(experiment, spikes=spikes, currents=given), "; ".join(said) or "no input"
