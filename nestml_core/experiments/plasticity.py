"""Plasticity of a synapse: windows of spike timing, and trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from nestml_core.declared import unit_text
from nestml_core.experiment import BAD_VALUE, FloatArray
from nestml_core.experiments.bench import (
    DOES_NOT_FIT,
    Bench,
    Model,
    bench,
    frequency,
    named,
    numbers,
    synapse,
    time,
    whole_number,
)
from nestml_core.experiments.measurement import Measurement
from nestml_core.problems import by_name, refuse
from nestml_core.progress import tracked
from nestml_core.solved import TIME

if TYPE_CHECKING:
    from matplotlib.figure import Figure


DEFAULT = tuple(float(x) for x in range(-100, 101, 5) if x)
"""The intervals of a window, ms."""


@dataclass(frozen=True, eq=False, repr=False)
class STDPWindow(Measurement):
    """Changes of the weight by the time between the spikes of a pair.

    Attributes
    ----------
    weight : name of the weight
    pairs : how many pairs were given
    intervals : shape (n,), ms: the arrival of the postsynaptic spike at the synapse less that of
        the presynaptic one
    before : the weight before the pairs
    changes : shape (n,): the weight after the pairs less that before
    """

    weight: str
    pairs: int
    intervals: FloatArray
    before: float
    changes: FloatArray

    @property
    def relative(self) -> FloatArray:
        """The changes in parts of the weight before; shape (n,)."""
        return self.changes / self.before

    def columns(self) -> Mapping[str, FloatArray]:
        return {"interval": self.intervals, "change": self.changes}

    def figure(self) -> Figure:
        from nestml_core import plotting

        return plotting.figure_of_stdp_window(self)

    def summary(self) -> str:
        low, high = self.changes.min(initial=0.0), self.changes.max(initial=0.0)
        return f"{self.weight} changes by {low:.4g} to {high:.4g} with {self.pairs} pair(s)"


def stdp_window(
    model: Model,
    intervals: Any = None,
    *,
    pairs: int = 1,
    period: Any = 1000.0,
    pre: str = "pre_spikes",
    post: str = "post_spikes",
    weight: str = "w",
    after: Any = 0.0,
    dt: Any = 0.1,
    parameters: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    currents: Mapping[str, Any] | None = None,
    spikes: Mapping[str, Any] | None = None,
    seed: int = 1,
    backend: str | None = None,
    progress: bool = True,
    **options: Any,
) -> STDPWindow:
    """Measure how pairs of a pre- and a postsynaptic spike change the weight of a synapse.

    Each interval has a run of its own, from the initial state of the model.

    Parameters
    ----------
    intervals : the postsynaptic less the presynaptic arrival at the synapse, ms, multiples of
        ``dt``; from -100 to 100 in steps of 5 without 0 if None
    pairs, period : how many pairs, and the time from one to the next, ms
    pre, post, weight : names of the ports for spikes and of the weight
    currents, spikes : into the other ports, such as those for third factors. The first presynaptic
        spike comes as late as the widest interval is, and ten steps
    after : how long, beyond the same time after the last pair, to wait before the weight is read,
        ms: for a modulator that comes later, say
    dt, parameters, initial, seed, backend, progress, options : as ``Model.simulate``

    Raises
    ------
    ModelError : the model is no synapse, has no such names, a value does not fit, or a run went
        wrong.
    """
    ready = bench(model, dt, parameters, backend, options, progress=progress)
    solved = ready.model.solved
    synapse(solved)
    ports = [p.symbol for p in solved.spike_ports]
    first, second = (named(p, ports, solved, "spike port").name for p in (pre, post))
    observed = named(weight, [r.symbol for r in solved.recordables], solved, "recordable")
    chosen = _multiples(DEFAULT if intervals is None else intervals, ready.dt, "intervals")
    if first == second:
        refuse(DOES_NOT_FIT, f"`{first}` is given as the port of both spikes")
    whole_number(pairs, "pairs", 1)
    gap, wait = time(period, "period"), time(after, "after")
    if wait < 0:
        refuse(DOES_NOT_FIT, f"after: {wait:g} ms is negative")
    widest = np.abs(chosen).max(initial=0.0)
    if pairs > 1 and gap <= widest:
        refuse(
            DOES_NOT_FIT,
            f"a pair every {gap:g} ms overlaps the next: some are {widest:g} ms wide",
            "give a longer period",
        )
    margin = float(np.abs(chosen).max(initial=0.0)) + 10 * ready.dt
    what = {
        "initial": initial or {},
        "currents": currents or {},
        "seed": seed,
        "record": [observed.name],
    }
    others = by_name(spikes, "spikes", BAD_VALUE)
    for name in (first, second):
        if name in others:
            refuse(
                DOES_NOT_FIT,
                f"spikes: those of `{name}` are the pairs",
                "give those of other ports",
            )
    begin = float(ready.run(ready.dt, spikes=others, **what)[observed.name][0])
    changes = []
    for interval in tracked(chosen.tolist(), "STDP window", wanted=progress):
        times = margin + gap * np.arange(pairs)
        trains = {first: times.tolist(), second: (times + interval).tolist()}
        length = float(times[-1]) + margin + wait
        run = ready.run(length, spikes={**others, **trains}, **what)
        changes.append(float(run[observed.name][-1]) - begin)
    unit = unit_text(observed)
    return STDPWindow(
        model=solved.name,
        backend=ready.backend,
        units=MappingProxyType({"interval": "ms", "change": unit, "before": unit}),
        weight=observed.name,
        pairs=pairs,
        intervals=chosen,
        before=begin,
        changes=np.array(changes),
    )


def _multiples(given: Any, dt: float, what: str, least: int = 1) -> FloatArray:
    """Return times in ms, which must be multiples of the step.

    Raises
    ------
    ModelError : one of them is not.
    """
    found = numbers(given, TIME, what, least)
    off = np.abs(found / dt - np.rint(found / dt)) > 1e-6
    if off.any():
        refuse(DOES_NOT_FIT, f"{what}: {found[off][0]:g} ms is no multiple of {dt:g} ms")
    return found


@dataclass(frozen=True, eq=False, repr=False)
class ShortTermPlasticity(Measurement):
    """What a synapse passes on of each spike of a train, and of one that comes later.

    Attributes
    ----------
    rate : of the train, Hz
    times : shape (n,), ms: the spikes of the train
    amplitudes : shape (n,): the weights that they are passed on with
    recovery : shape (m,), ms: the times from the last spike of the train to the one that follows
    recovered : shape (m,): the weights that these are passed on with
    """

    rate: float
    times: FloatArray
    amplitudes: FloatArray
    recovery: FloatArray
    recovered: FloatArray

    @property
    def relative(self) -> FloatArray:
        """The amplitudes in parts of the first; shape (n,)."""
        return np.asarray(self.amplitudes / self.amplitudes[0])

    @property
    def paired_pulse_ratio(self) -> float:
        """The second amplitude in parts of the first."""
        return float(self.relative[1])

    def columns(self) -> Mapping[str, FloatArray]:
        train = np.concatenate([self.times, self.times[-1] + self.recovery])
        return {
            "t": train,
            "amplitude": np.concatenate([self.amplitudes, self.recovered]),
            "recovery": np.concatenate([np.full(len(self.times), np.nan), self.recovery]),
        }

    def figure(self) -> Figure:
        from nestml_core import plotting

        return plotting.figure_of_short_term_plasticity(self)

    def summary(self) -> str:
        shares = ", ".join(f"{x:.3g}" for x in self.relative)
        return f"{self.rate:g} Hz; amplitudes in parts of the first: {shares}"


def short_term_plasticity(
    model: Model,
    rate: Any = 20.0,
    *,
    spikes: int = 10,
    recovery: Any = (50.0, 100.0, 200.0, 500.0, 1000.0),
    pre: str = "pre_spikes",
    dt: Any = 0.1,
    parameters: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    currents: Mapping[str, Any] | None = None,
    seed: int = 1,
    backend: str | None = None,
    progress: bool = True,
    **options: Any,
) -> ShortTermPlasticity:
    """Measure what a synapse passes on of a regular train, and of a spike after a pause.

    Parameters
    ----------
    rate : of the train, Hz; its period is rounded to a multiple of ``dt``
    spikes : how many spikes the train has, two at least
    recovery : times from the last of them to the one that follows, ms; each has a run of its own
    pre : name of the port for the spikes
    currents : into other ports, such as those for third factors
    dt, parameters, initial, seed, backend, progress, options : as ``Model.simulate``

    Raises
    ------
    ModelError : the model is no synapse, does not answer each spike with one, a value does not
        fit, or a run went wrong.
    """
    ready = bench(model, dt, parameters, backend, options, progress=progress)
    solved = ready.model.solved
    synapse(solved)
    port = named(pre, [p.symbol for p in solved.spike_ports], solved, "spike port").name
    hertz, pauses = frequency(rate, "rate"), _multiples(recovery, ready.dt, "recovery", 0)
    whole_number(spikes, "spikes", 2)
    steps = round(1000.0 / hertz / ready.dt) if hertz > 0 else 0
    if steps < 1 or (pauses <= 0).any():
        message = "a train has a rate above 0 and at most one spike a step; pauses are above 0"
        refuse(DOES_NOT_FIT, message)
    period = steps * ready.dt
    train: FloatArray = period * np.arange(1, spikes + 1, dtype=np.float64)
    what = {"initial": initial or {}, "currents": currents or {}, "seed": seed, "record": []}
    amplitudes = _passed_on(ready, port, train, what)
    recovered = [
        _passed_on(ready, port, np.append(train, train[-1] + pause), what)[-1]
        for pause in tracked(pauses.tolist(), "recovery", wanted=progress)
    ]
    return ShortTermPlasticity(
        model=solved.name,
        backend=ready.backend,
        units=MappingProxyType({"t": "ms", "amplitude": "1", "recovery": "ms", "rate": "Hz"}),
        rate=1000.0 / period,
        times=train,
        amplitudes=amplitudes,
        recovery=pauses,
        recovered=np.array(recovered),
    )


def _passed_on(ready: Bench, port: str, train: FloatArray, what: Mapping[str, Any]) -> FloatArray:
    """Return the weights of what the synapse emits, one for each spike of the train."""
    run = ready.run(float(train[-1]) + ready.dt, spikes={port: train.tolist()}, **what)
    weights = run.weights
    if weights is None or len(weights) != len(train):
        name = ready.model.name
        refuse(
            DOES_NOT_FIT,
            f"`{name}` on `{ready.backend}` emits {len(run.spikes)} spikes for {len(train)}, or "
            "does not tell their weights",
            "use the reference, and a synapse that answers each spike with one",
        )
    return weights
