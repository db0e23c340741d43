"""Figures of runs: what went in, what was recorded, what came out, over time or as a path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from nestml_core.diagnostics import nearest
from nestml_core.experiment import FloatArray, IntArray
from nestml_core.plotting.panels import (
    COLOURS,
    DASHES,
    EXCITED,
    GREY,
    INHIBITED,
    INK,
    MARGIN,
    PANEL,
    STRIP,
    canvas,
    entry,
    extent,
    label,
    legend,
    line,
    quiet,
    rows,
    scale,
    stack,
    title,
)
from nestml_core.types import Base

if TYPE_CHECKING:
    from nestml_core.results import Run

SPIKES = "spikes"
"""What the emitted spikes are called where parts of a figure are chosen."""

COUNTERS = (Base.INTEGER, Base.BOOLEAN)
"""What is drawn only if it is asked for, or nothing else was recorded."""

FLAT = 0.03
"""A trace that moves by less than this part of the height of its panel cannot be read."""

CROWD = 6
"""How many traces are drawn in one panel at most."""

LEAP = 0.1
"""What moves at a spike by more than this part of its range in one step has been reset."""

ALONG = "viridis"
"""The colours along a path: light later, the same for every kind of colour vision."""


def figure_of_run(run: Run, what: str | Sequence[str] | None = None) -> Figure:
    """Return input, recorded traces and emitted spikes over one axis of time.

    Traces of one unit share a panel, unless one would look flat beside another.

    Parameters
    ----------
    what : names of recorded quantities, of input ports and ``"spikes"``; if None everything but
        whole numbers and truth values, such as counters of refractory steps

    Raises
    ------
    KeyError : there is nothing of that name.
    """
    chosen = _chosen(run, what)
    recorded = [n for n in run.recorded if n in chosen]
    panels = _panels(run, recorded)
    rasters = [r for r in _input_rows(run) if r[0] in chosen]
    signals = {n: x for n, x in run.inputs.items() if n in chosen and (what or np.any(x))}
    shows_spikes = SPIKES in chosen
    heights = [STRIP * len(rasters) + MARGIN] if rasters else []
    heights += [PANEL * 0.55] if signals else []
    heights += [PANEL] * len(panels)
    heights += [STRIP + MARGIN] if shows_spikes or not heights else []
    figure, axes = stack(heights, run.trace.steps * run.trace.dt)
    rest = iter(axes)
    if rasters:
        _inputs(next(rest), rasters, run.trace.dt)
    if signals:
        _signals(next(rest), run, signals)
    for names in panels:
        _traces(next(rest), run, names, run.units[names[0]])
    for axis in rest:
        emitted(axis, {"output": run})
    title(axes[0], run.model, _summary(run))
    figure.align_ylabels()
    return figure


def _chosen(run: Run, what: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of what is to be drawn."""
    spike_ports = [p.name for p in run.schedule.spikes]
    known = tuple(dict.fromkeys([*run.recorded, *run.inputs, *spike_ports, SPIKES]))
    if what is None:
        counters = {s.name for s in run.schedule.record if s.type.base in COUNTERS}
        return (
            known
            if counters.issuperset(run.recorded)
            else tuple(n for n in known if n not in counters)
        )
    names = (what,) if isinstance(what, str) else tuple(what)
    for name in names:
        if name not in known:
            raise KeyError(f"no `{name}` to plot; {nearest(name, known)}")
    return names


def _panels(run: Run, names: Sequence[str]) -> list[list[str]]:
    """Return which traces share a panel: those of one unit that can be read side by side."""
    panels: list[list[str]] = []
    for name in names:
        fitting = (p for p in panels if run.units[p[0]] == run.units[name])
        place = next((p for p in fitting if _fit([*p, name], run)), None)
        if place is None:
            panels.append([name])
        else:
            place.append(name)
    order = list(dict.fromkeys(run.units[n] for n in names))
    return sorted(panels, key=lambda p: order.index(run.units[p[0]]))


def _fit(names: Sequence[str], run: Run) -> bool:
    """Report whether each trace that moves is still seen to move beside the others."""
    if len(names) > CROWD:
        return False
    own = [_span([run[n]]) for n in names]
    whole = _span([run[n] for n in names])
    return all(s == 0 or s >= FLAT * whole for s in own)


def _span(arrays: Sequence[FloatArray]) -> float:
    values = extent(arrays)
    return max(values) - min(values) if values else 0.0


def _summary(run: Run) -> str:
    n = len(run.spikes)
    seconds = run.trace.steps * run.trace.dt / 1000
    rate = f", {n / seconds:.3g} spikes/s" if n and seconds else ""
    return f"{n} spike{'' if n == 1 else 's'}{rate}; dt = {run.trace.dt:g} ms; {run.backend}"


# Panels


def _input_rows(run: Run) -> list[tuple[str, IntArray, FloatArray]]:
    """Return name, steps and weights for each spike port that receives anything."""
    return [(p.name, e.steps, e.weights) for p, e in run.schedule.spikes.items() if len(e.steps)]


def _inputs(axes: Axes, trains: Sequence[tuple[str, IntArray, FloatArray]], dt: float) -> None:
    """Draw arriving spikes: taller for larger weights, in another colour for negative ones."""
    for row, (_, steps, weights) in enumerate(trains):
        largest = float(np.max(np.abs(weights))) or 1.0
        for sign, colour in ((1, EXCITED), (-1, INHIBITED)):
            chosen = weights * sign >= 0 if sign > 0 else weights < 0
            half = 0.12 + 0.26 * np.abs(weights[chosen]) / largest
            axes.vlines(steps[chosen] * dt, row - half, row + half, color=colour, linewidth=0.9)
    rows(axes, [name for name, _, _ in trains])


def _signals(axes: Axes, run: Run, signals: Mapping[str, FloatArray]) -> None:
    """Draw input signals as the steps they are."""
    edges = np.arange(run.trace.steps + 1) * run.trace.dt
    for (name, values), colour in zip(signals.items(), COLOURS[::-1], strict=False):
        axes.stairs(values, edges, color=colour, linewidth=1.2, baseline=None, label=entry(name))
    if len(signals) > 1:
        legend(axes)
    units = {run.input_units[name] for name in signals}
    name = next(iter(signals)) if len(signals) == 1 else ""
    label(axes, name, units.pop() if len(units) == 1 else "1")
    scale(axes, [0.0, *extent(list(signals.values()))], 3)


def _traces(axes: Axes, run: Run, names: Sequence[str], unit: str) -> None:
    for i, name in enumerate(names):
        colour, dashes = COLOURS[i % len(COLOURS)], DASHES[i // len(COLOURS) % len(DASHES)]
        line(axes, run.times, run[name], color=colour, linestyle=dashes, label=entry(name))
    if unit.endswith("V") and len(run.spikes):
        _mark_spikes(axes, run.spikes)
    if len(names) > 1:
        legend(axes)
    label(axes, names[0] if len(names) == 1 else "", unit)
    scale(axes, extent([run[name] for name in names]), 5)


def _mark_spikes(axes: Axes, spikes: FloatArray) -> None:
    """Put a triangle above a potential where a spike was emitted: the reset hides its peak."""
    axes.plot(
        spikes,
        np.ones(len(spikes)),
        transform=axes.get_xaxis_transform(),
        linestyle="none",
        marker="v",
        markersize=4.5,
        color=INK,
        clip_on=False,
    )


def emitted(axes: Axes, runs: Mapping[str, Run]) -> None:
    """Draw a row of emitted spikes for each run."""
    for row, run in enumerate(runs.values()):
        axes.vlines(run.spikes, row - 0.36, row + 0.36, color=INK, linewidth=1.1)
    rows(axes, list(runs))


# Paths


def figure_of_path(run: Run, x: str, y: str) -> Figure:
    """Return one recorded quantity against another; colours tell the time, gaps the resets.

    Raises
    ------
    KeyError : one of them was not recorded.
    """
    figure = canvas(5.6, 4.6)
    axes = figure.subplots()
    quiet(axes)
    path(axes, run, x, y)
    title(axes, run.model, f"{run.trace.steps * run.trace.dt:g} ms; {run.backend}")
    return figure


def path(axes: Axes, run: Run, x: str, y: str) -> None:
    """Draw a run as a path in the plane of two of its recorded quantities."""
    across, up = run[x], run[y]
    points = np.column_stack([across, up])
    segments = np.stack([points[:-1], points[1:]], axis=1)
    whole = ~_resets(run, segments)
    finite = np.isfinite(segments).all(axis=(1, 2))
    chosen = whole & finite
    lines = LineCollection(list(segments[chosen]), cmap=ALONG, linewidth=1.4, capstyle="round")
    lines.set_array(run.times[1:][chosen])
    axes.add_collection(lines)
    resets = segments[~whole & finite]
    axes.add_collection(
        LineCollection(list(resets), colors=GREY, linewidth=0.8, linestyle=(0, (2, 2)))
    )
    if len(points):
        axes.plot(*points[0], marker="o", markersize=5, color=INK, linestyle="none", label="start")
        legend(axes, inside=True)
    _sides(axes, run, x, y)
    figure = axes.figure
    if chosen.any():
        bar = figure.colorbar(lines, ax=axes, pad=0.02, aspect=30)
        bar.set_label("time (ms)", fontsize=9, color=INK)
        bar.ax.tick_params(colors=GREY, labelsize=8)
        bar.outline.set_visible(False)


def _resets(run: Run, segments: FloatArray) -> npt.NDArray[np.bool_]:
    """Return which segments of a path are no motion but a reset: long ones at a spike."""
    found = np.zeros(len(segments), dtype=bool)
    ends = run.spike_steps - 2  # from the end of the step before the spike to its own
    at_spikes = ends[(ends >= 0) & (ends < len(found))]
    size = np.ptp(segments.reshape(-1, 2), axis=0)
    moves = np.abs(segments[at_spikes, 1] - segments[at_spikes, 0])
    found[at_spikes] = (moves > LEAP * size).any(axis=1)
    return found


def _sides(axes: Axes, run: Run, x: str, y: str) -> None:
    for name, set_label, set_limits in (
        (x, axes.set_xlabel, axes.set_xlim),
        (y, axes.set_ylabel, axes.set_ylim),
    ):
        values = extent([run[name]])
        low, high = (min(values), max(values)) if values else (0.0, 0.0)
        margin = 0.05 * (high - low) or 1.0
        set_limits(low - margin, high + margin)
        unit = run.units[name]
        set_label(f"{name} ({unit})" if unit != "1" else name, fontsize=9, color=INK)
