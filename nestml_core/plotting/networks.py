"""Figures of networks: who fired when, and what was recorded of neurons and connections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nestml_core.experiment import FloatArray
from nestml_core.plotting.panels import (
    COLOURS,
    INK,
    PANEL,
    extent,
    label,
    legend,
    line,
    quiet,
    remark,
    scale,
    stack,
    title,
)

if TYPE_CHECKING:
    from nestml_core.networks import Connections, NetworkRun, Nodes

FEW = 6
"""So many members have a trace of their own; of more, the median and a band are drawn."""

BAND = (0.05, 0.95)
"""The quantiles that bound the band."""

TALLEST = 3.2
"""Of the raster, in inches."""


def figure_of_network(run: NetworkRun) -> Figure:
    """Return the spikes of all nodes, a row for each member, above what was recorded."""
    parts: tuple[Nodes | Connections, ...] = (*run.nodes, *run.connections)
    recorded = [(part, name) for part in parts for name in run[part]]
    members = sum(len(n) for n in run.nodes)
    raster = min(TALLEST, 0.6 + 0.05 * members)
    figure, axes = stack([raster, *[PANEL] * len(recorded)], run.trace.steps * run.trace.dt)
    _raster(axes[0], run)
    for axis, (part, name) in zip(axes[1:], recorded, strict=True):
        _recorded(axis, run, part, name)
    spikes = sum(len(s.steps) for s in run.trace.spikes)
    shown = f"{spikes} spike{'' if spikes == 1 else 's'}; dt = {run.trace.dt:g} ms"
    title(axes[0], "network", f"{shown}; {run.trace.backend}")
    figure.align_ylabels()
    return figure


def _raster(axes: Axes, run: NetworkRun) -> None:
    """Draw a mark for each spike, the first member of the first nodes on top."""
    quiet(axes)
    begin, middles = 0, []
    size = min(5.0, 2.0 + 90.0 / (1 + sum(len(n) for n in run.nodes)))
    for nodes, colour in zip(run.nodes, _colours(len(run.nodes)), strict=True):
        times, indices = run.spikes(nodes)
        axes.plot(times, indices + begin, "|", color=colour, markersize=size)
        middles.append((begin + (len(nodes) - 1) / 2, nodes.name))
        begin += len(nodes)
    if not begin:
        remark(axes, "nothing can fire")
        return
    axes.set_ylim(begin - 0.5, -0.5)
    axes.set_yticks([y for y, _ in middles], [name for _, name in middles])
    axes.tick_params(left=False, labelsize=9, labelcolor=INK)
    axes.spines["left"].set_visible(False)


def _recorded(axes: Axes, run: NetworkRun, part: Nodes | Connections, name: str) -> None:
    quiet(axes)
    values = run[part][name]
    if len(values) <= FEW:
        for k, (trace, colour) in enumerate(zip(values, _colours(len(values)), strict=True)):
            line(axes, run.times, trace, color=colour, label=f"{part.name} {k}")
        if len(values) > 1:
            legend(axes)
        shown: Sequence[FloatArray] = list(values)
    else:
        low, middle, high = np.quantile(values, (BAND[0], 0.5, BAND[1]), axis=0)
        axes.fill_between(run.times, low, high, color=COLOURS[0], alpha=0.25, linewidth=0.0)
        line(axes, run.times, middle, color=COLOURS[0], label="median")
        axes.plot([], [], color=COLOURS[0], alpha=0.25, linewidth=6, label="5 to 95 %")
        legend(axes)
        shown = [low, high]
    label(axes, f"{part.name}\n{name}", run.units(part)[name])
    scale(axes, extent(shown), 5)


def _colours(n: int) -> list[str]:
    return [COLOURS[k % len(COLOURS)] for k in range(n)]
