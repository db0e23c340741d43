"""Figures of runs and comparisons. The one place that knows Matplotlib; needs no display."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from nestml_core.experiment import FloatArray, IntArray

if TYPE_CHECKING:
    from nestml_core.simulate import Comparison, Run

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#6B4C9A", "#7F7F7F")
"""Okabe & Ito (2008), in an order in which neighbours differ for every kind of colour vision."""

INK, GREY, FAINT = "#222222", "#6E6E6E", "#E4E4E4"
EXCITED, INHIBITED = COLOURS[0], COLOURS[1]

WIDTH = 8.0
PANEL, STRIP, MARGIN = 1.9, 0.28, 0.12
"""Heights of a panel of traces, of one row of a raster and of the space around it, in inches."""

DASHES = ("-", (0, (5, 2)), (0, (2, 1.5)), (0, (6, 2, 1, 2)))
MAX_POINTS = 4000
"""Points of a trace that are drawn; of more, the extremes of each stretch."""


def saved(figure: Figure, path: str | Path | None) -> Figure:
    """Return ``figure``, also written to ``path`` if there is one."""
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def figure_of_run(run: Run) -> Figure:
    """Return input, recorded traces (a panel for each unit) and emitted spikes over time."""
    groups = _by_unit(run.recorded, run.units)
    rasters = _input_rows(run)
    signals = {name: x for name, x in run.inputs.items() if np.any(x)}
    heights = [STRIP * len(rasters) + MARGIN] if rasters else []
    heights += [PANEL * 0.55] if signals else []
    heights += [PANEL] * len(groups)
    heights.append(STRIP + MARGIN)
    figure, axes = _stack(heights, run.trace.steps * run.trace.dt)
    rest = iter(axes)
    if rasters:
        _inputs(next(rest), rasters, run.trace.dt)
    if signals:
        _signals(next(rest), run, signals)
    for unit, names in groups.items():
        _traces(next(rest), run, names, unit)
    _emitted(next(rest), {"output": run})
    _title(axes[0], run.model, _summary(run))
    figure.align_ylabels()
    return figure


def figure_of_comparison(comparison: Comparison) -> Figure:
    """Return the traces of all backends over each other, their distances, and their spikes."""
    runs = comparison.runs
    if not runs:
        return _empty(comparison.model, "no backend could run the experiment")
    first = next(iter(runs.values()))
    shown = [n for n in first.recorded if all(n in r.recorded for r in runs.values())]
    heights: list[float] = []
    for name in shown:
        differ = any(r.differences.get(name) for r in comparison.rows)
        heights += [PANEL, PANEL * 0.62 if differ else STRIP] if len(runs) > 1 else [PANEL]
    heights.append(STRIP * len(runs) + MARGIN)
    figure, axes = _stack(heights, first.trace.steps * first.trace.dt)
    rest = iter(axes)
    for name in shown:
        _overlaid(next(rest), runs, name)
        if len(runs) > 1:
            _distances(next(rest), runs, name)
    if shown:
        _legend(axes[0])
    _emitted(next(rest), runs)
    figure.align_ylabels()
    remark = "all spike in the same steps" if comparison.agrees else "the spikes differ"
    _title(axes[0], comparison.model, remark if len(runs) > 1 else "")
    return figure


# Layout


def _stack(heights: Sequence[float], end: float) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels below each other that share the time axis, 0 to ``end`` ms."""
    figure = Figure(figsize=(WIDTH, sum(heights) + 1.0), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(
        len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    axes = list(grid[:, 0])
    for a in axes:
        _quiet(a)
    axes[-1].set_xlim(0.0, end if end > 0 else 1.0)
    axes[-1].set_xlabel("time (ms)", fontsize=9, color=INK)
    axes[-1].spines["bottom"].set_visible(True)
    axes[-1].tick_params(bottom=True)
    return figure, axes


def _quiet(axes: Axes) -> None:
    """Take away what carries no information."""
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(GREY)
    axes.tick_params(colors=GREY, labelsize=8, bottom=False)
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)


def _title(axes: Axes, name: str, remark: str) -> None:
    axes.set_title(name, loc="left", fontsize=12, fontweight="bold", color=INK, pad=10)
    axes.set_title(remark, loc="right", fontsize=9, color=GREY, pad=10)


def _empty(name: str, remark: str) -> Figure:
    figure, (axes,) = _stack([PANEL], 1.0)
    _remark(axes, remark)
    _title(axes, name, "")
    return figure


def _remark(axes: Axes, text: str) -> None:
    """Write ``text`` where there is nothing to draw."""
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.text(
        *(0.5, 0.5),
        text,
        transform=axes.transAxes,
        ha="center",
        va="center",
        fontsize=9,
        color=GREY,
    )


def _label(axes: Axes, name: str, unit: str) -> None:
    shown = f"{name} ({unit})" if name and unit != "1" else name or unit
    axes.set_ylabel(shown if shown != "1" else "", fontsize=9, color=INK)


def _extent(arrays: Sequence[FloatArray]) -> list[float]:
    """Return the least and the largest finite value of all, if there is one."""
    finite = [x[np.isfinite(x)] for x in arrays]
    return [float(f(x)) for x in finite if len(x) for f in (np.min, np.max)]


def _scale(axes: Axes, values: Sequence[float], ticks: int) -> None:
    """Show all of ``values``, with a margin; what never changes lies in the middle of +-1."""
    low, high = (min(values), max(values)) if values else (0.0, 0.0)
    margin = 0.05 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)
    axes.yaxis.set_major_locator(MaxNLocator(ticks))


def _legend(axes: Axes) -> None:
    """List the lines to the right of the panel."""
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        handlelength=1.6,
        borderaxespad=0.3,
    )


def _rows(axes: Axes, names: Sequence[str]) -> None:
    """Turn the panel into rows of a raster, the first on top."""
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(left=False, labelsize=9, labelcolor=INK)
    axes.spines["left"].set_visible(False)


def _by_unit(names: Sequence[str], units: Mapping[str, str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(units[name], []).append(name)
    return groups


def _summary(run: Run) -> str:
    n = len(run.spikes)
    seconds = run.trace.steps * run.trace.dt / 1000
    rate = f", {n / seconds:.3g} spikes/s" if n and seconds else ""
    return f"{n} spike{'' if n == 1 else 's'}{rate}; dt = {run.trace.dt:g} ms; {run.backend}"


# Panels


def _input_rows(run: Run) -> list[tuple[str, IntArray, FloatArray]]:
    """Return name, steps and weights for each spike port that receives anything."""
    return [(p.name, e.steps, e.weights) for p, e in run.schedule.spikes.items() if len(e.steps)]


def _inputs(axes: Axes, rows: Sequence[tuple[str, IntArray, FloatArray]], dt: float) -> None:
    """Draw arriving spikes: taller for larger weights, in another colour for negative ones."""
    for row, (_, steps, weights) in enumerate(rows):
        largest = float(np.max(np.abs(weights))) or 1.0
        for sign, colour in ((1, EXCITED), (-1, INHIBITED)):
            chosen = weights * sign >= 0 if sign > 0 else weights < 0
            half = 0.12 + 0.26 * np.abs(weights[chosen]) / largest
            axes.vlines(steps[chosen] * dt, row - half, row + half, color=colour, linewidth=0.9)
    _rows(axes, [name for name, _, _ in rows])


def _signals(axes: Axes, run: Run, signals: Mapping[str, FloatArray]) -> None:
    """Draw input signals as the steps they are."""
    edges = np.arange(run.trace.steps + 1) * run.trace.dt
    for (name, values), colour in zip(signals.items(), COLOURS[::-1], strict=False):
        axes.stairs(values, edges, color=colour, linewidth=1.2, baseline=None, label=name)
    if len(signals) > 1:
        _legend(axes)
    units = {run.input_units[name] for name in signals}
    name = next(iter(signals)) if len(signals) == 1 else ""
    _label(axes, name, units.pop() if len(units) == 1 else "1")
    _scale(axes, [0.0, *(float(f(x)) for x in signals.values() for f in (np.min, np.max))], 3)


def _traces(axes: Axes, run: Run, names: Sequence[str], unit: str) -> None:
    for i, name in enumerate(names):
        colour, dashes = COLOURS[i % len(COLOURS)], DASHES[i // len(COLOURS) % len(DASHES)]
        _line(axes, run.times, run[name], color=colour, linestyle=dashes, label=name)
    if unit.endswith("V") and len(run.spikes):
        _mark_spikes(axes, run.spikes)
    if len(names) > 1:
        _legend(axes)
    _label(axes, names[0] if len(names) == 1 else "", unit)
    _scale(axes, _extent([run[name] for name in names]), 5)


def _mark_spikes(axes: Axes, spikes: FloatArray) -> None:
    """Put a triangle above a potential where a spike was emitted: the reset hides its peak."""
    top = np.ones(len(spikes))
    axes.plot(
        spikes,
        top,
        transform=axes.get_xaxis_transform(),
        linestyle="none",
        marker="v",
        markersize=4.5,
        color=INK,
        clip_on=False,
    )


def _emitted(axes: Axes, runs: Mapping[str, Run]) -> None:
    for row, run in enumerate(runs.values()):
        axes.vlines(run.spikes, row - 0.36, row + 0.36, color=INK, linewidth=1.1)
    _rows(axes, list(runs))


def _overlaid(axes: Axes, runs: Mapping[str, Run], name: str) -> None:
    """Draw the first trace broad and pale, so that those on top of it can be told apart."""
    for i, (backend, run) in enumerate(runs.items()):
        if i == 0 and len(runs) > 1:
            _line(axes, run.times, run[name], color="#BBBBBB", linewidth=3.2, label=backend)
        else:
            other = max(i - 1, 0)
            style, colour = DASHES[other % len(DASHES)], COLOURS[other % len(COLOURS)]
            _line(axes, run.times, run[name], color=colour, linestyle=style, label=backend)
    _label(axes, name, next(iter(runs.values())).units[name])
    _scale(axes, _extent([run[name] for run in runs.values()]), 5)


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
        _line(axes, run.times, apart, color=COLOURS[i % len(COLOURS)], linewidth=1.0)
    if seen:
        low, high = (math.floor(math.log10(min(seen))), math.ceil(math.log10(max(seen))))
        axes.set_yscale("log")
        axes.set_ylim(10.0**low, 10.0 ** max(high, low + 1))
        axes.yaxis.set_major_locator(LogLocator(numticks=5))
        axes.yaxis.set_minor_formatter(NullFormatter())
        _label(axes, f"|Δ{name}|", first.units[name])
    else:
        _remark(axes, f"{name} is the same everywhere")


def _line(axes: Axes, times: FloatArray, values: FloatArray, **style: Any) -> None:
    times, values = thinned(times, values)
    shape: dict[str, Any] = {"linewidth": 1.4, "solid_joinstyle": "round"}
    axes.plot(times, values, **shape | style)


def thinned(times: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what is worth drawing: all, or the lowest and highest point of each stretch."""
    n = len(values) // (MAX_POINTS // 2)
    if n < 2:
        return times, values
    whole = len(values) // n * n
    stretches = np.nan_to_num(values[:whole].reshape(-1, n), nan=0.0)
    begin = np.arange(0, whole, n)
    extremes = (begin + stretches.argmin(1), begin + stretches.argmax(1))
    index = np.unique(np.concatenate([*extremes, np.arange(whole, len(values))]))
    return times[index], values[index]
