"""A trial run in floating point: what a model will have to hold, and how far off it then is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nestml_core.api import (
    Events,
    Method,
    Schedule,
    SolvedModel,
    Symbol,
    interpret,
)
from nestml_lava.affine import Affine, affine
from nestml_lava.fixed.formats import Integers, Ranges
from nestml_lava.fixed.loihi import Bounds
from nestml_lava.stock import Lif

if TYPE_CHECKING:
    from nestml_core.api import Trace

FloatArray = npt.NDArray[np.float64]

SAFETY = 2.0
"""How much larger than in the trial values may become."""

STEPS = 2000
RATE = 0.4
"""Spikes per ms at each port of the trial of a build."""
STRENGTHS = (1.0, 10.0, 100.0, 1000.0, 10000.0)
SPIKES_WANTED = 3


def standard(
    model: SolvedModel,
    parameters: Mapping[Symbol, Any],
    dt: float,
    weight: float,
    *,
    has_currents: bool,
) -> Schedule:
    """Return an experiment for builds: random spikes at all ports, strong enough to make it fire.

    ``weight``, if not 0, is that of all spikes.
    """
    chosen = _schedule(model, parameters, dt, weight or STRENGTHS[0], has_currents)
    for strength in () if weight else STRENGTHS:
        chosen = _schedule(model, parameters, dt, strength, has_currents)
        trace = interpret(model, chosen).value
        if trace is not None and len(trace.spike_steps) >= SPIKES_WANTED:
            break
    return chosen


def _schedule(
    model: SolvedModel,
    parameters: Mapping[Symbol, Any],
    dt: float,
    weight: float,
    has_currents: bool,
) -> Schedule:
    current = weight if has_currents else 0.0
    trains: dict[Symbol, Events] = {}
    for k, port in enumerate(model.spike_ports):
        counts = np.random.default_rng(k + 1).poisson(RATE * dt / 2**k, STEPS)
        steps = np.repeat(np.arange(1, STEPS + 1), counts)
        trains[port.symbol] = Events(steps, np.full(len(steps), weight))
    return Schedule(
        dt=dt,
        steps=STEPS,
        parameters=parameters,
        initial={},
        spikes=trains,
        currents={p.symbol: np.full(STEPS, current) for p in model.continuous_ports},
        record=(),
        seed=1,
    )


def arrived(events: Events, steps: int) -> FloatArray:
    """Return the sum of the weights that arrive in each step."""
    return np.bincount(events.steps - 1, events.weights, minlength=steps)[:steps].astype(float)


def recorded(model: SolvedModel, schedule: Schedule) -> Trace | None:
    """Return all that can be recorded, by the reference interpreter."""
    everything = tuple(r.symbol for r in model.recordables)
    return interpret(model, replace(schedule, record=everything)).value


def in_single_steps(model: SolvedModel) -> SolvedModel | None:
    """Return ``model`` with the steps that fixed point takes, None if all of it is linear."""
    if all(f.nonlinear is None for f in model.flows):
        return None
    flows = []
    for flow in model.flows:
        system = flow.nonlinear
        if system is not None:
            is_euler = system.integrator.method is Method.FORWARD_EULER
            method = Method.FORWARD_EULER if is_euler else Method.RK4
            system = replace(system, integrator=replace(system.integrator, method=method))
        flows.append(replace(flow, nonlinear=system))
    return replace(model, flows=tuple(flows))


def ranges(
    model: SolvedModel,
    schedule: Schedule,
    trace: Trace | None,
    values: Mapping[Symbol, Any],
    initial: Mapping[Symbol, Any],
) -> Ranges:
    """Return what the variables and ports of ``model`` must hold."""
    found: dict[Symbol, float] = {}
    for d in model.state:
        constants = _alike(model, d.symbol, values)
        seen = () if trace is None else trace.values.get(d.symbol.name, ())
        found[d.symbol] = _largest([*seen, *constants, float(initial[d.symbol])])
    messages = {s: arrived(e, schedule.steps) for s, e in schedule.spikes.items()}
    for c in model.convolutions:
        flow = {u.target: affine(u.value, values) for u in c.updates}
        jumps = {j.target: affine(j.amount, values) for j in c.jumps}
        found |= _convolved(flow, jumps, messages[c.port], c.port)
    for port, events in schedule.spikes.items():
        single = _largest(events.weights)
        found[port] = max(single, float(np.max(np.abs(messages[port]), initial=0.0)))
    for port, signal in schedule.currents.items():
        found[port] = _largest(signal)
    return Ranges(tuple((s, x if x > 0 else 1.0) for s, x in found.items()))


def _alike(model: SolvedModel, symbol: Symbol, values: Mapping[Symbol, Any]) -> list[float]:
    """Return the parameters that have a unit, the same as ``symbol``."""
    if symbol.type.dimension.is_none:
        return []
    same = [p.symbol for p in model.parameters if p.symbol.type.dimension == symbol.type.dimension]
    return [float(values[s]) for s in same]


def _largest(values: Iterable[float]) -> float:
    finite = [abs(float(x)) for x in values if math.isfinite(x)]
    return SAFETY * max(finite, default=0.0)


def _convolved(
    flow: Mapping[Symbol, Any],
    jumps: Mapping[Symbol, Any],
    messages: FloatArray,
    port: Symbol,
) -> dict[Symbol, float]:
    """Return the largest values of the states of a convolution."""
    z = dict.fromkeys(flow, 0.0)
    most = dict.fromkeys(flow, 0.0)
    for message in messages:
        new = {}
        for s, value in flow.items():
            assert isinstance(value, Affine), "convolutions are linear"
            jump = jumps.get(s)
            size = jump.factor(port) * message if isinstance(jump, Affine) else 0.0
            new[s] = size + sum(f * z[x] for x, f in value.factors)
            most[s] = max(most[s], abs(new[s]))
        z = new
    return {s: SAFETY * x for s, x in most.items()}


def bounds(lif: Lif, schedule: Schedule, weight: float) -> Bounds:
    """Return what a compartment must hold that is the model in this experiment."""
    total = np.zeros(schedule.steps)
    single: set[float] = {abs(gain) * weight for _, gain in lif.ports} if weight else set()
    for port, gain in lif.ports:
        total += gain * arrived(schedule.spikes[port], schedule.steps)
        single |= {abs(gain * float(w)) for w in np.unique(schedule.spikes[port].weights)}
    u, v, waiting = lif.u, lif.v, 0
    largest, lowest = abs(u), min(v, 0.0)
    for message in total:
        u = lif.keep_u * u + message
        if waiting:
            waiting -= 1
        else:
            v = lif.keep_v * v + u + lif.bias
            lowest = min(lowest, v)
            if v > lif.vth:
                v, waiting = 0.0, lif.refractory
        largest = max(largest, abs(u))
    inputs = tuple(sorted(x for x in single if x > 0))
    return Bounds(max(inputs, default=0.0), SAFETY * largest, SAFETY * lowest, inputs)


@dataclass(frozen=True, slots=True)
class Beyond:
    """A weight or a signal that whole numbers cannot hold."""

    port: Symbol
    value: float
    largest: float


def in_whole_numbers(laid: Schedule, of: Integers) -> Schedule | Beyond:
    """Return an experiment as the model in whole numbers sees it: each weight is rounded."""
    spikes: dict[Symbol, Events] = {}
    currents: dict[Symbol, FloatArray] = {}
    for p in of.ports:
        given = (
            laid.spikes[p.symbol].weights if p.symbol in laid.spikes else laid.currents[p.symbol]
        )
        whole = np.rint(given * p.scale)
        if np.max(np.abs(whole), initial=0.0) > p.largest:
            return Beyond(p.symbol, float(np.max(np.abs(given))), abs(p.largest / p.scale))
        if p.symbol in laid.spikes:
            spikes[p.whole] = Events(laid.spikes[p.symbol].steps, whole)
        else:
            currents[p.whole] = whole
    formats = {f.symbol: f for f in of.formats}
    record = tuple(formats[s].whole for s in laid.record if s in formats)
    return replace(laid, parameters={}, initial={}, spikes=spikes, currents=currents, record=record)


@dataclass(frozen=True, slots=True)
class Measured:
    """How far whole numbers are from floating point in one experiment.

    Attributes
    ----------
    before : for each variable the largest difference before the first spike, coherent units
    spikes, expected : how many spikes there are, and are in floating point
    near : the part of the expected spikes that has one at most one step away
    rate : relative error of the mean interval between the first and the last spike
    """

    steps: int
    before: tuple[tuple[str, float], ...]
    spikes: int
    expected: int
    near: float
    rate: float


def measured(laid: Schedule, of: Integers, expected: Trace | None) -> Measured | None:
    """Return the errors in an experiment, None where one of the two does not run."""
    plan = in_whole_numbers(laid, of)
    if isinstance(plan, Beyond) or expected is None:
        return None
    everything = replace(plan, record=tuple(f.whole for f in of.formats))
    got = interpret(of.model, everything).value
    if got is None:
        return None
    a, b = expected.spike_steps, got.spike_steps
    first = min((int(x[0]) - 1 for x in (a, b) if len(x)), default=laid.steps)
    before = []
    for f in of.formats:
        if f.symbol.name in expected.values:
            values = got[f.whole.name][:first] / f.scale + f.offset
            difference = np.abs(values - expected[f.symbol.name][:first])
            before.append((f.symbol.name, float(difference.max(initial=0.0))))
    near = 1.0
    if len(a):
        near = float((np.abs(b[None, :] - a[:, None]).min(axis=1, initial=2) <= 1).mean())
    n = min(len(a), len(b))
    rate = 0.0 if n < 2 else float(abs((b[n - 1] - b[0]) / (a[n - 1] - a[0]) - 1))
    return Measured(laid.steps, tuple(before), len(b), len(a), near, rate)
