"""Verifying a build: what is on disk against the model that it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nestml_core.api import (
    NOWHERE,
    Diagnostic,
    Events,
    Result,
    Schedule,
    Sign,
    SolvedModel,
    SpikePort,
    interpret,
)
from nestml_truenorth import codes, files, iomap
from nestml_truenorth.approximate import attempts
from nestml_truenorth.chip import cpe
from nestml_truenorth.files import Loaded, load
from nestml_truenorth.measure import Bench, metrics
from nestml_truenorth.options import Choices, Options, choices
from nestml_truenorth.simulation import run_loaded
from nestml_truenorth.stimulus import AxonCode


@dataclass(frozen=True, slots=True)
class Verdict:
    holds: bool
    lines: tuple[str, ...]


def verified(directory: Path, model: SolvedModel, options: Options, ticks: int) -> Result[Verdict]:
    """Return whether a build computes ``model``.

    An exact one must agree with the reference interpreter in every spike and every recorded value,
    over so many ticks of random input. An approximated one is measured again, with other random
    numbers, and must be within the tolerance.

    Errors
    ------
    TN304 : files are missing, damaged, or not what these options give.
    """
    loaded = load(directory, model.name)
    if loaded.value is None:
        return Result(None, loaded.diagnostics)
    chosen = choices(options)
    if chosen.value is None:
        return Result(None, chosen.diagnostics)
    if loaded.value.io.is_exact:
        return _exactly(loaded.value, model, ticks)
    return _measured(directory, model, chosen.value)


def _exactly(loaded: Loaded, model: SolvedModel, ticks: int) -> Result[Verdict]:
    io = loaded.io
    rng = np.random.default_rng(1)
    code = AxonCode(io.axons)
    spikes = {}
    for port in model.spike_ports:
        weights = _weights(loaded, port, code)
        steps = np.flatnonzero(rng.random(ticks) < 0.4) + 1 if weights else np.zeros(0, np.int64)
        drawn = rng.choice(weights, len(steps)) if weights else np.zeros(0)
        spikes[port.symbol] = Events(steps.astype(np.int64), drawn)
    schedule = Schedule(
        dt=float(io.tick),
        steps=ticks,
        parameters={},
        initial={},
        spikes=spikes,
        currents={p.symbol: np.zeros(ticks) for p in model.continuous_ports},
        record=tuple(r.symbol for r in model.recordables),
        seed=1,
    )
    ours = run_loaded(loaded, schedule)
    if ours.value is None:
        return Result(None, ours.diagnostics)
    theirs = interpret(model, schedule)
    if theirs.value is None:
        return Result(None, theirs.diagnostics)
    a, b = set(ours.value.spike_steps.tolist()), set(theirs.value.spike_steps.tolist())
    worst = max(
        (
            float(np.abs(ours.value[name] - values).max(initial=0.0))
            for name, values in theirs.value.values.items()
        ),
        default=0.0,
    )
    lines = (
        f"{model.name}: exact, {ticks} ticks of random input",
        f"{len(b)} spikes of the model, {len(a)} of the chip, {len(a ^ b)} differ",
        f"largest difference of a recorded value: {worst:.3g}",
    )
    return Result(Verdict(a == b and worst <= 1e-9, lines))


def _weights(loaded: Loaded, port: SpikePort, code: AxonCode) -> list[float]:
    """Return weights that come to whole counts, of up to half a threshold upwards.

    Each port has its share, so that what all of them do in a step can be delivered.
    """
    io, network = loaded.io, loaded.network
    per_weight = next(p.counts for p in io.ports if p.name == port.symbol.name)
    if not per_weight:
        return []
    number = next(c for c in network.cores if c.id == io.core).types[io.neuron]
    threshold = next(k.threshold for k in network.neuron_types if k.number == number)
    unit, counts = per_weight.denominator, per_weight.numerator
    most = max(1, threshold // (2 * abs(counts)))
    share = [c // max(1, len(io.ports)) for c in (code.low, code.high)]
    found = [n for n in range(-most // 3, most + 1) if n * counts in code and n]
    if port.sign is Sign.INHIBITORY or port.sign is Sign.EXCITATORY:
        found = [n for n in found if n > 0]
    return [float(n * unit) for n in found if share[0] <= n * counts <= share[1]]


def _measured(directory: Path, model: SolvedModel, chosen: Choices) -> Result[Verdict]:
    name = files.stem(model.name)
    program = (directory / f"{name}{files.PROGRAM}").read_text(encoding="utf-8")
    io = (directory / f"{name}{files.IO_MAP}").read_text(encoding="utf-8")
    for m, recipe, made in attempts(model, chosen):
        if cpe.write(made.network) == program and iomap.write(made.io) == io:
            bench = Bench(
                model=model,
                leaky=m,
                recipe=recipe,
                program=program,
                io=io,
                settings=({}, {}),
                seed=chosen.rng_seed + 100,
                tolerance=chosen.tolerance,
            )
            found = metrics(bench)
            lines = [f"{model.name}: {made.strategy}, {made.neuron_count} chip neurons"]
            lines += [f"{x.what}: {x.value:.3g} {x.unit}".rstrip() for x in found]
            holds = all(x.value <= x.limit for x in found if x.limit is not None)
            return Result(Verdict(holds, tuple(lines)))
    return Result(None, (_other(name),))


def _other(name: str) -> Diagnostic:
    return codes.BAD_FILES.at(
        NOWHERE,
        f"{name}{files.PROGRAM} is not what the model gives with these options",
        help="name the options it was built with, or build it again",
    )
