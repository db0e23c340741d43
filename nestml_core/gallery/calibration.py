"""Stimuli found by trial: weights and currents that bring out what a neuron does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nestml_core.loading import LoadedModel
from nestml_core.problems import ModelError

BACKEND = "reference"
"""Pictures are made by the interpreter: they do not depend on what else is installed."""

QUIET = 60.0
"""How long a postsynaptic potential is looked for, in ms."""

GOAL = 3.0
"""How large it shall be, in the unit of the potential."""

SPIKES = 4
"""How many spikes a step of current shall evoke."""


def rounded(value: float) -> float:
    """Return a value with one leading digit: 1, 2 or 5, the next above."""
    if value == 0 or not math.isfinite(value):
        return value
    power = 10.0 ** math.floor(math.log10(abs(value)))
    digit = next(d for d in (1, 2, 5, 10) if d >= abs(value) / power - 1e-9)
    return math.copysign(digit * power, value)


def weight(model: LoadedModel, port: str, potential: str, given: Mapping[str, Any]) -> float:
    """Return a weight with which one spike at ``port`` moves the potential by about ``GOAL``.

    1 if no spike there moves it. ``given`` are parameters and initial values.
    """
    rest = _course(model, {}, potential, given)
    trial = 1.0
    for _ in range(8):
        moved = _course(model, {port: [(1.0, trial)]}, potential, given)
        size = float(np.nanmax(np.abs(moved - rest), initial=0.0))
        if size == 0.0 or not math.isfinite(size):
            trial *= 100.0
        elif 0.7 * GOAL < size < 2.0 * GOAL:
            return rounded(trial)
        else:
            trial *= min(max(GOAL / size, 1e-3), 1e3)
        if not 1e-6 < trial < 1e9:
            break
    return rounded(trial) if 1e-6 < trial < 1e6 else 1.0


def _course(
    model: LoadedModel, spikes: Mapping[str, Any], potential: str, given: Mapping[str, Any]
) -> Any:
    run = model.simulate(
        QUIET,
        0.1,
        spikes=spikes,
        **given,
        record=[potential],
        backend=BACKEND,
        progress=False,
    )
    return run[potential]


def current(model: LoadedModel, port: str, duration: float, given: Mapping[str, Any]) -> float:
    """Return the least current of 1, 2, 5, 10, ... that evokes ``SPIKES`` spikes in ``duration``.

    0 if none does.
    """
    for exponent in range(-1, 6):
        for digit in (1.0, 2.0, 5.0):
            amplitude = digit * 10.0**exponent
            try:
                run = model.simulate(
                    duration,
                    0.1,
                    currents={port: amplitude},
                    **given,
                    record=[],
                    backend=BACKEND,
                    progress=False,
                )
            except ModelError:
                return 0.0
            if len(run.spikes) >= SPIKES:
                return amplitude
    return 0.0
