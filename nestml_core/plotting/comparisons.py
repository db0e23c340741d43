"""Figures of the same experiment on several backends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from nestml_core.plotting.panels import (
    COLOURS,
    DASHES,
    MARGIN,
    PANEL,
    STRIP,
    empty,
    extent,
    label,
    legend,
    line,
    remark,
    scale,
    stack,
    title,
)
from nestml_core.plotting.runs import emitted

RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")

if TYPE_CHECKING:
    from nestml_core.comparing import Comparison
    from nestml_core.results import Run


def figure_of_comparison(comparison: Comparison) -> Figure:
    """Return the traces of all backends over each other, their distances, and their spikes."""
    runs = comparison.runs
    if not runs:
        return empty(comparison.model, "no backend could run the experiment")
    first = next(iter(runs.values()))
    shown = [n for n in first.recorded if all(n in r.recorded for r in runs.values())]
    heights: list[float] = []
    for name in shown:
        differ = any(r.differences.get(name) for r in comparison.rows)
        heights += [PANEL, PANEL * 0.62 if differ else STRIP] if len(runs) > 1 else [PANEL]
    heights.append(STRIP * len(runs) + MARGIN)
    figure, axes = stack(heights, first.trace.steps * first.trace.dt)
    rest = iter(axes)
    for name in shown:
        _overlaid(next(rest), runs, name)
        if len(runs) > 1:
            _distances(next(rest), runs, name)
    if shown:
        legend(axes[0])
    emitted(next(rest), runs)
    figure.align_ylabels()
    said = "all spike in the same steps" if comparison.agrees else "the spikes differ"
    title(axes[0], comparison.model, said if len(runs) > 1 else "")
    return figure


def _overlaid(axes: Axes, runs: Mapping[str, Run], name: str) -> None:
    """Draw the first trace broad and pale, so that those on top of it can be told apart."""
    for i, (backend, run) in enumerate(runs.items()):
        if i == 0 and len(runs) > 1:
            line(axes, run.times, run[name], color="#BBBBBB", linewidth=3.2, label=backend)
        else:
            other = max(i - 1, 0)
            style, colour = DASHES[other % len(DASHES)], COLOURS[other % len(COLOURS)]
            line(axes, run.times, run[name], color=colour, linestyle=style, label=backend)
    label(axes, name, next(iter(runs.values())).units[name])
    scale(axes, extent([run[name] for run in runs.values()]), 5)


def _distances(axes: Axes, runs: Mapping[str, Run], name: str) -> None:
    """Draw how far each trace is from the first, on a logarithmic scale; equal values are gaps."""
    (_, first), *others = runs.items()
    seen: list[float] = []
    for i, (_, run) in enumerate(others):
        apart = np.abs(run[name] - first[name])
        apart[~np.isfinite(apart) | (apart == 0)] = np.nan
        if np.isnan(apart).all():
            continue
        seen += [float(np.nanmin(apart)), float(np.nanmax(apart))]
        line(axes, run.times, apart, color=COLOURS[i % len(COLOURS)], linewidth=1.0)
    if seen:
        low, high = (math.floor(math.log10(min(seen))), math.ceil(math.log10(max(seen))))
        axes.set_yscale("log")
        axes.set_ylim(10.0**low, 10.0 ** max(high, low + 1))
        axes.yaxis.set_major_locator(LogLocator(numticks=5))
        axes.yaxis.set_major_formatter(FuncFormatter(_power))
        axes.yaxis.set_minor_formatter(NullFormatter())
        label(axes, f"|Δ{name}|", first.units[name])
    else:
        remark(axes, f"{name} is the same everywhere")


def _power(value: float, _: int | None) -> str:
    """Return a power of ten as text."""
    return f"10{str(round(math.log10(value))).translate(RAISED)}"
