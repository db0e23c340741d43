"""The spikes of the sources of a network, on the grid of steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nestml_core import arguments
from nestml_core.diagnostics import Diagnostic
from nestml_core.experiment import GRID, OFF_GRID, FloatArray, IntArray, grid_steps, is_list
from nestml_core.network import BAD_PART
from nestml_core.problems import refuse
from nestml_core.solved import TIME
from nestml_core.source import NOWHERE

_TRAINS = "give a list of times for each source"


def trains(times: Any, dt: float) -> tuple[list[IntArray], list[Diagnostic]]:
    """Return the steps in which each source emits, and warnings of times off the grid.

    Parameters
    ----------
    times : for each source its times, in ms
    """
    if not is_list(times):
        refuse(BAD_PART, f"times: {times!r} is no list", _TRAINS)
    found = [_train(train, dt, f"times of source {k}") for k, train in enumerate(times)]
    return [at for at, _ in found], [d for _, said in found for d in said]


def _train(times: Any, dt: float, what: str) -> tuple[IntArray, list[Diagnostic]]:
    if not is_list(times):
        refuse(BAD_PART, f"{what}: {times!r} is no list", _TRAINS)
    numbers = arguments.numbers(times, TIME.type.unit, what, BAD_PART, _TRAINS)
    if not np.isfinite(numbers).all() or (numbers / dt < GRID).any():
        refuse(BAD_PART, f"{what}: the first possible spike is at {dt:g} ms")
    at, off_grid = grid_steps(numbers, dt)
    if not off_grid:
        return at, []
    message = f"{what}: {off_grid} of them are not multiples of {dt:g} ms"
    help = "these spikes are emitted at the end of the step they fall in"
    return at, [OFF_GRID.at(NOWHERE, message, help=help)]


def in_time(steps: Sequence[IntArray]) -> tuple[IntArray, IntArray]:
    """Return the steps and the sources of all spikes, by step, then by source.

    Parameters
    ----------
    steps : in which each source emits
    """
    at = np.concatenate([*steps, np.zeros(0, np.int64)])
    sources = np.repeat(np.arange(len(steps)), [len(x) for x in steps])
    order = np.lexsort((sources, at))
    return at[order], sources[order]


def poisson(
    rates: FloatArray, dt: float, steps: int, random: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Return the steps and the sources of Poisson spikes, by step, then by source.

    All sources together emit a Poisson number of spikes in a step, and each spike is that of a
    source with a probability that is its share of all rates: so the sources are independent Poisson
    processes. Time and memory grow with the spikes. A shorter run is the begin of a longer one.

    Parameters
    ----------
    rates : of each source, in kHz; shape (sources,)
    """
    shares = np.cumsum(rates)
    whole = shares[-1] if len(shares) else 0.0
    often, who = random.spawn(2)
    counts = often.poisson(whole * dt, size=steps)
    at = np.repeat(np.arange(1, steps + 1), counts)
    drawn = np.minimum(who.random(len(at)) * whole, np.nextafter(whole, 0.0))
    places = at * len(rates) + np.searchsorted(shares, drawn, side="right")
    places.sort()
    return places // max(len(rates), 1), places % max(len(rates), 1)
