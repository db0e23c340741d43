"""What an approximation is worth: its files, read back, against the model they were made from.

Constant currents give the f-I curve, trains of random spikes the rates under fluctuating input,
and a current below threshold the noise. The model is run by the reference interpreter on the grid
of ticks; the closed solution says what the grid itself costs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from nestml_core.api import Events, Schedule, SolvedModel, Symbol, interpret
from nestml_truenorth import iomap
from nestml_truenorth.approximation import SWEEP, Recipe, leaky_interval
from nestml_truenorth.chip import cpe
from nestml_truenorth.chip.network import Network
from nestml_truenorth.chip.simulator import run
from nestml_truenorth.corelet import seed_of
from nestml_truenorth.ir import IoMap, Metric
from nestml_truenorth.leaky import Leaky
from nestml_truenorth.stimulus import AxonCode

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

SLOWEST = 2.0
"""Rates (in 1/s) from which on relative errors count."""

QUIET = 0.6
"""The constant drive at which noise is measured."""

POISSON = (0.5, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0)
"""Mean drives by random spikes."""

EPSP = 1 / 30
"""What one of these spikes moves the membrane by in all, as a part of its way to threshold."""


@dataclass(frozen=True, eq=False, slots=True)
class Probe:
    """One copy of the neuron: the counts that its pool gets in each step."""

    pool: int
    counts: FloatArray


@dataclass(frozen=True, eq=False, slots=True)
class Response:
    """Spike times in ticks, and the potential at the end of each."""

    spikes: npt.NDArray[np.int64]
    potential: npt.NDArray[np.int64]


def respond(program: str, io_text: str, probes: Sequence[Probe], seed: int) -> list[Response]:
    """Run as many copies of a program as there are probes, each on a core with its own seed."""
    network, io = cpe.read(program), iomap.read(io_text)
    (core,) = network.cores
    copies = tuple(
        replace(
            core,
            id=n,
            seed=seed_of(seed, n + 1),
            dest_cores=tuple(n if c == core.id else c for c in core.dest_cores),
        )
        for n in range(len(probes))
    )
    many = Network(network.neuron_types, copies, network.build_key)
    codes: dict[int, AxonCode] = {}
    inputs = np.concatenate([_inputs(io, probe, n, codes) for n, probe in enumerate(probes)])
    ticks = max(len(p.counts) for p in probes) + 1
    recording = run(many, inputs, ticks, watch=[(n, io.neuron) for n in range(len(probes))])
    fired = recording.fired[recording.fired[:, 2] == io.neuron]
    return [
        Response(fired[fired[:, 1] == n, 0], recording.potentials[1:, n])
        for n in range(len(probes))
    ]


def _inputs(io: IoMap, probe: Probe, core: int, codes: dict[int, AxonCode]) -> IntArray:
    """Return input spikes, as rows, of a copy on ``core``; what is rounded off is carried on."""
    if probe.pool not in codes:
        codes[probe.pool] = AxonCode(tuple(g for g in io.axons if g.pool == probe.pool))
    code = codes[probe.pool]
    sent: list[int] = []
    rest = 0.0
    for total in probe.counts.tolist():
        wanted = total + rest
        amount = code.nearest(min(max(round(wanted), code.low), code.high))
        rest = wanted - amount
        sent.append(amount)
    amounts = np.array(sent, np.int64)
    found = [np.zeros((0, 4), np.int64)]
    for amount in np.unique(amounts).tolist():
        times = np.flatnonzero(amounts == amount)
        for _, axon in code.axons(amount):
            rows = np.ones((len(times), 4), np.int64)
            rows[:, 0], rows[:, 1], rows[:, 2] = times, core, axon
            found.append(rows)
    return np.concatenate(found)


def rate(spikes: npt.NDArray[np.int64], ticks: int, tick: float) -> float:
    """Return a rate in 1/s: from the first spike to the last, if there are several."""
    if len(spikes) < 3:
        return len(spikes) * 1000 / (ticks * tick)
    return (len(spikes) - 1) * 1000 / (int(spikes[-1] - spikes[0]) * tick)


def metrics(
    model: SolvedModel,
    m: Leaky,
    recipe: Recipe,
    program: str,
    io_text: str,
    settings: tuple[Mapping[Symbol, float], Mapping[Symbol, float]],
    seed: int,
    tolerance: float,
) -> tuple[Metric, ...]:
    """Return how the program in these files differs from the model."""
    h = recipe.tick
    ticks = math.ceil(3000 / min(h, 1.0))
    found = list(_constant(model, m, recipe, program, io_text, settings, seed, tolerance, ticks))
    found += _random(model, m, recipe, program, io_text, settings, seed, ticks)
    return tuple(found)


def _constant(
    model: SolvedModel,
    m: Leaky,
    recipe: Recipe,
    program: str,
    io_text: str,
    settings: tuple[Mapping[Symbol, float], Mapping[Symbol, float]],
    seed: int,
    tolerance: float,
    ticks: int,
) -> list[Metric]:
    h, top = recipe.tick, recipe.scale * m.depth
    moved = recipe.leak.rate if recipe.leak is not None else h / m.tau
    drives = [x for x in SWEEP for _ in range(2)] + [QUIET] * 6
    probes = [Probe(0, np.full(ticks, (x - m.bias) * top * moved)) for x in drives]
    responses = respond(program, io_text, probes, seed)
    ours, theirs, exactly = [], [], []
    for n, x in enumerate(SWEEP):
        ours.append(float(np.mean([rate(r.spikes, ticks, h) for r in responses[2 * n : 2 * n + 2]])))
        theirs.append(_model_rate(model, m, x, h, ticks, settings))
        exactly.append(_exact_rate(m, x, h))
    a, b, c = np.array(ours), np.array(theirs), np.array(exactly)
    below = np.array(SWEEP) <= 0.95
    found = [
        Metric("rates under constant current: rms relative error", _rms(a, b), "", tolerance),
        Metric("the same, of the model against continuous time", _rms(b, c), ""),
        Metric("the same, of the chip against continuous time", _rms(a, c), ""),
        Metric("largest error of a rate", float(np.abs(a - b)[~below].max()), "1/s"),
        Metric("largest error against continuous time", float(np.abs(a - c)[~below].max()), "1/s"),
        Metric("false rate at 95 % of rheobase", float((a - b)[SWEEP.index(0.95)]), "1/s"),
        Metric("false rate at 80 % of rheobase", float((a - b)[SWEEP.index(0.8)]), "1/s"),
    ]
    if recipe.leak is not None:
        quiet = [r for r in responses[2 * len(SWEEP) :] if not len(r.spikes)]
        skip = math.ceil(5 * m.tau / h)
        values = np.concatenate([r.potential[skip:] for r in quiet]) if quiet else np.zeros(1)
        found += [
            Metric("noise, predicted, as part of threshold", recipe.spread(QUIET * top) / top, ""),
            Metric("noise, measured, as part of threshold", float(values.std()) / top, ""),
        ]
    return found


def _rms(ours: FloatArray, theirs: FloatArray) -> float:
    counts = theirs > SLOWEST
    return float(np.sqrt(np.mean((ours[counts] / theirs[counts] - 1) ** 2)))


def _exact_rate(m: Leaky, drive: float, h: float) -> float:
    """Return the rate in continuous time."""
    if drive <= 1:
        return 0.0
    return 1000 / (m.held * h + m.tau * math.log((drive - m.restart) / (drive - 1)))


def _model_rate(
    model: SolvedModel,
    m: Leaky,
    drive: float,
    h: float,
    ticks: int,
    settings: tuple[Mapping[Symbol, float], Mapping[Symbol, float]],
) -> float:
    """Return the rate of the model on the grid: by running it, if a current can be put in."""
    if not m.signals:
        n = leaky_interval(drive, h / m.tau, m.restart)
        return 0.0 if n == math.inf else 1000 / ((n + m.held) * h)
    port, gain = m.signals[0]
    current = (drive - m.bias) * m.depth / gain
    spikes = _interpreted(model, h, ticks, settings, {}, {port: np.full(ticks, current)})
    return rate(spikes, ticks, h)


def _interpreted(
    model: SolvedModel,
    h: float,
    ticks: int,
    settings: tuple[Mapping[Symbol, float], Mapping[Symbol, float]],
    spikes: Mapping[Symbol, Events],
    currents: Mapping[Symbol, FloatArray],
) -> npt.NDArray[np.int64]:
    none = Events(np.zeros(0, np.int64), np.zeros(0))
    schedule = Schedule(
        dt=h,
        steps=ticks,
        parameters=settings[0],
        initial=settings[1],
        spikes={p.symbol: spikes.get(p.symbol, none) for p in model.spike_ports},
        currents={
            p.symbol: currents.get(p.symbol, np.zeros(ticks)) for p in model.continuous_ports
        },
        record=(),
        seed=1,
    )
    ran = interpret(model, schedule)
    if ran.value is None:
        raise RuntimeError(ran.diagnostics[0].message)
    return ran.value.spike_steps


def _random(
    model: SolvedModel,
    m: Leaky,
    recipe: Recipe,
    program: str,
    io_text: str,
    settings: tuple[Mapping[Symbol, float], Mapping[Symbol, float]],
    seed: int,
    ticks: int,
) -> list[Metric]:
    """Compare rates under random spikes of one excitatory port, the same for both."""
    port = _excitatory(m)
    if port is None:
        return []
    symbol, epsp, pool = port
    h = recipe.tick
    rng = np.random.default_rng(seed)
    weight = EPSP * m.depth / epsp
    io = iomap.read(io_text)
    per_weight = float(next(p.counts for p in io.ports if p.name == symbol.name) or Fraction(0))
    steps = np.arange(1, 2 * ticks + 1)
    probes, events = [], []
    for x in POISSON:
        mean = max(0.0, (x - m.bias) / EPSP * h / m.tau)
        numbers = rng.poisson(mean, 2 * ticks)
        probes.append(Probe(pool, numbers * weight * per_weight))
        events.append(Events(steps[numbers > 0], numbers[numbers > 0] * weight))
    responses = respond(program, io_text, probes, seed + 1)
    ours = np.array([len(r.spikes) * 1000 / (2 * ticks * h) for r in responses])
    theirs = np.array(
        [
            len(_interpreted(model, h, 2 * ticks, settings, {symbol: e}, {})) * 1000 / (2 * ticks * h)
            for e in events
        ]
    )
    return [
        Metric("rates under random spikes: largest error", float(np.abs(ours - theirs).max()), "1/s"),
        Metric(
            "rates under random spikes: rms error",
            float(np.sqrt(np.mean((ours - theirs) ** 2))),
            "1/s",
        ),
    ]


def _excitatory(m: Leaky) -> tuple[Symbol, float, int] | None:
    """Return a port, what a weight of 1 moves the membrane by in all (as a jump), and its pool."""
    for symbol, factor in m.ports:
        if factor > 0:
            return symbol, factor, 0
    for k, current in enumerate(m.currents):
        for symbol, factor in current.ports:
            moved = factor * current.coupling * current.tau
            if moved > 0:
                return symbol, moved, k + 1
    return None
