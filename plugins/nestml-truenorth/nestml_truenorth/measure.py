"""What an approximation is worth: its files, read back, against the model they were made from.

Constant currents give the f-I curve, trains of random spikes the rates under fluctuating input,
and a current below threshold the noise. The model is run by the reference interpreter on the grid
of ticks; the closed solution says what the grid itself costs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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


@dataclass(frozen=True, eq=False, slots=True)
class Bench:
    """What is measured: a model, and the files of a program that approximates it.

    Attributes
    ----------
    settings : values of parameters, and initial values, that replace defaults
    seed : of all random numbers
    tolerance : what the error of rates under constant current may be
    """

    model: SolvedModel
    leaky: Leaky
    recipe: Recipe
    program: str
    io: str
    settings: tuple[Mapping[Symbol, float], Mapping[Symbol, float]]
    seed: int
    tolerance: float

    @property
    def ticks(self) -> int:
        """How long each copy runs under constant current."""
        return math.ceil(3000 / min(self.recipe.tick, 1.0))

    def responses(self, probes: Sequence[Probe], run: int) -> list[Response]:
        return respond(self.program, self.io, probes, self.seed + run)

    def interpreted(
        self,
        ticks: int,
        spikes: Mapping[Symbol, Events],
        currents: Mapping[Symbol, FloatArray],
    ) -> IntArray:
        """Return the steps in which the model itself spikes."""
        none = Events(np.zeros(0, np.int64), np.zeros(0))
        ports, signals = self.model.spike_ports, self.model.continuous_ports
        schedule = Schedule(
            dt=self.recipe.tick,
            steps=ticks,
            parameters=self.settings[0],
            initial=self.settings[1],
            spikes={p.symbol: spikes.get(p.symbol, none) for p in ports},
            currents={p.symbol: currents.get(p.symbol, np.zeros(ticks)) for p in signals},
            record=(),
            seed=1,
        )
        ran = interpret(self.model, schedule)
        if ran.value is None:
            raise RuntimeError(ran.diagnostics[0].message)
        return ran.value.spike_steps

    def model_rate(self, drive: float) -> float:
        """Return the rate of the model on the grid: by running it, if a current can be put in."""
        m, h = self.leaky, self.recipe.tick
        if not m.signals:
            n = leaky_interval(drive, h / m.tau, m.restart)
            return 0.0 if n == math.inf else 1000 / ((n + m.held) * h)
        port, gain = m.signals[0]
        current = (drive - m.bias) * m.depth / gain
        spikes = self.interpreted(self.ticks, {}, {port: np.full(self.ticks, current)})
        return rate(spikes, self.ticks, h)


def metrics(bench: Bench) -> tuple[Metric, ...]:
    """Return how the program in these files differs from the model."""
    return (*_constant(bench), *_random(bench))


def _constant(bench: Bench) -> list[Metric]:
    m, recipe, ticks, h = bench.leaky, bench.recipe, bench.ticks, bench.recipe.tick
    top = recipe.scale * m.depth
    moved = recipe.leak.rate if recipe.leak is not None else h / m.tau
    drives = [x for x in SWEEP for _ in range(2)] + [QUIET] * 6
    probes = [Probe(0, np.full(ticks, (x - m.bias) * top * moved)) for x in drives]
    responses = bench.responses(probes, 0)
    rates = [rate(r.spikes, ticks, h) for r in responses[: 2 * len(SWEEP)]]
    a = np.array(rates).reshape(-1, 2).mean(axis=1)
    b = np.array([bench.model_rate(x) for x in SWEEP])
    c = np.array([_exact_rate(m, x, h) for x in SWEEP])
    above = np.array(SWEEP) > 1
    found = [
        Metric("rates under constant current: rms relative error", _rms(a, b), "", bench.tolerance),
        Metric("the same, of the model against continuous time", _rms(b, c), ""),
        Metric("the same, of the chip against continuous time", _rms(a, c), ""),
        Metric("largest error of a rate", float(np.abs(a - b)[above].max()), "1/s"),
        Metric("largest error against continuous time", float(np.abs(a - c)[above].max()), "1/s"),
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


def _random(bench: Bench) -> list[Metric]:
    """Compare rates under random spikes of one excitatory port, the same for both."""
    m, h, ticks = bench.leaky, bench.recipe.tick, 2 * bench.ticks
    port = _excitatory(m)
    if port is None:
        return []
    symbol, epsp, pool = port
    rng = np.random.default_rng(bench.seed)
    weight = EPSP * m.depth / epsp
    per_weight = float(next(p.counts for p in iomap.read(bench.io).ports if p.name == symbol.name))
    steps = np.arange(1, ticks + 1)
    probes, events = [], []
    for x in POISSON:
        mean = max(0.0, (x - m.bias) / EPSP * h / m.tau)
        numbers = rng.poisson(mean, ticks)
        weights = (numbers * weight).astype(np.float64)
        probes.append(Probe(pool, weights * per_weight))
        events.append(Events(steps[numbers > 0], weights[numbers > 0]))
    per_spike = 1000 / (ticks * h)
    ours = np.array([len(r.spikes) * per_spike for r in bench.responses(probes, 1)])
    theirs = np.array([len(bench.interpreted(ticks, {symbol: e}, {})) * per_spike for e in events])
    error = ours - theirs
    return [
        Metric("rates under random spikes: largest error", float(np.abs(error).max()), "1/s"),
        Metric("rates under random spikes: rms error", float(np.sqrt(np.mean(error**2))), "1/s"),
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
