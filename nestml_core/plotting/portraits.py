"""Figures of portraits: columns of panels, small enough for a page of many models."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from nestml_core.plotting.panels import (
    COLOURS,
    EXCITED,
    FAINT,
    GREY,
    INHIBITED,
    INK,
    MARGIN,
    STRIP,
    canvas,
    entry,
    extent,
    label,
    line,
    quiet,
    rows,
    scale,
)
from nestml_core.portrait import Column, Curve, Panel, Portrait, Style, Train

WIDTH, HEIGHT = 8.0, 1.35
"""Of a picture, and of an ordinary panel, in inches."""

FREE = 0.3
"""How much of a column may stay empty, in inches, before its panels end above the bottom."""

TINTS = 48
"""Colours of a small file: few lines have few."""

COARSE = 90
"""Points per inch: sharp enough for a page, and a small file."""


def figure_of_portrait(portrait: Portrait) -> Figure:
    """Return a portrait as a figure."""
    tallest = max(_height(c) for c in portrait.columns)
    figure = canvas(WIDTH, tallest + 0.85)
    figure.suptitle(portrait.name, x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK)
    figure.text(0.99, 0.985, portrait.said, ha="right", va="top", fontsize=9, color=GREY)
    widths = [c.width for c in portrait.columns]
    parts = figure.subfigures(1, len(portrait.columns), width_ratios=widths, squeeze=False)[0]
    for column, part in zip(portrait.columns, parts, strict=True):
        heights = [_panel_height(p) for p in column.panels]
        left = tallest - sum(heights)
        heights += [left] if left > FREE else []
        grid = part.subplots(
            *(len(heights), 1),
            sharex=True,
            squeeze=False,
            gridspec_kw={"height_ratios": heights},
        )
        axes = list(grid[:, 0])
        for a, panel in zip(axes, column.panels, strict=False):
            quiet(a)
            _draw(a, panel)
        for a in axes[len(column.panels) :]:
            a.set_visible(False)
        last = axes[len(column.panels) - 1]
        last.set_xlabel(column.across, fontsize=9, color=INK)
        last.spines["bottom"].set_visible(True)
        last.tick_params(bottom=True, labelbottom=True)
        if column.limits is not None:
            last.set_xlim(*column.limits)
        part.align_ylabels([a for a, p in zip(axes, column.panels, strict=False) if p.curves])
    return figure


def picture(portrait: Portrait) -> bytes:
    """Return a portrait as a small PNG file, the same for the same portrait."""
    drawn, small = BytesIO(), BytesIO()
    figure_of_portrait(portrait).savefig(drawn, format="png", dpi=COARSE)
    image = Image.open(drawn).convert("RGB")
    image.quantize(TINTS, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    return small.getvalue()


def _height(column: Column) -> float:
    return sum(map(_panel_height, column.panels))


def _panel_height(panel: Panel) -> float:
    if panel.curves or not panel.trains:
        return HEIGHT * panel.height
    return STRIP * len(panel.trains) + MARGIN


def _draw(axes: Axes, panel: Panel) -> None:
    if panel.title:
        axes.set_title(panel.title, loc="left", fontsize=9, color=INK, pad=5)
    if panel.trains:
        _trains(axes, panel.trains)
        return
    for k, curve in enumerate(panel.curves):
        _curve(axes, curve, COLOURS[k % len(COLOURS)])
    shown = extent([c.y for c in panel.curves])
    if panel.zero:
        axes.axhline(0.0, color=FAINT, linewidth=1.0, zorder=0)
        shown.append(0.0)
    scale(axes, shown, 4 if panel.height > 0.6 else 2)
    label(axes, panel.label, "1")
    if len(panel.curves) > 1 and panel.labelled:
        _legend(axes, panel)
    _marks(axes, panel)


def _legend(axes: Axes, panel: Panel) -> None:
    """List the curves above a panel, in one row; inside where a title stands above it."""
    style: dict[str, Any] = {"frameon": False, "fontsize": 8, "labelcolor": INK}
    if panel.title:
        axes.legend(loc="best", handlelength=1.2, **style)
        return
    axes.set_title(" ", fontsize=7, pad=5)  # what keeps the row free
    listed = axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.02),
        ncols=len(panel.curves),
        handlelength=1.0,
        columnspacing=1.0,
        borderaxespad=0.0,
        borderpad=0.1,
        **style,
    )
    listed.set_in_layout(False)


def _curve(axes: Axes, curve: Curve, colour: str) -> None:
    name = entry(curve.label)
    match curve.style:
        case Style.BARS:
            axes.vlines(curve.x, 0.0, curve.y, color=colour, linewidth=1.6)
            axes.plot(curve.x, curve.y, color=colour, marker="o", markersize=3.5, linestyle="none")
        case Style.STEPS:
            axes.step(
                curve.x,
                curve.y,
                where="post",
                color=colour,
                linewidth=1.2,
                label=name,
            )
        case Style.POINTS:
            axes.plot(
                curve.x,
                curve.y,
                color=colour,
                marker="o",
                markersize=3.5,
                linewidth=0.9,
                label=name,
            )
        case Style.DASHED:
            dashes = (0, (4, 2))
            line(axes, curve.x, curve.y, color=GREY, linestyle=dashes, label=name)
        case Style.LINE:
            line(axes, curve.x, curve.y, color=colour, linewidth=1.2, label=name)


def _marks(axes: Axes, panel: Panel) -> None:
    if panel.spikes is not None and len(panel.spikes):
        axes.plot(
            panel.spikes,
            np.ones(len(panel.spikes)),
            transform=axes.get_xaxis_transform(),
            linestyle="none",
            marker="v",
            markersize=4,
            color=INK,
            clip_on=False,
        )


def _trains(axes: Axes, trains: tuple[Train, ...]) -> None:
    for row, train in enumerate(trains):
        weights = train.weights if train.weights is not None else np.ones(len(train.times))
        largest = float(np.max(np.abs(weights), initial=0.0)) or 1.0
        half = 0.12 + 0.26 * np.abs(weights) / largest
        for colour, chosen in ((EXCITED, weights >= 0), (INHIBITED, weights < 0)):
            axes.vlines(
                train.times[chosen],
                row - half[chosen],
                row + half[chosen],
                color=colour,
                linewidth=1.1,
            )
    rows(axes, [t.label for t in trains])
