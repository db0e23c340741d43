"""What all figures are made of: layout, axes, labels, lines, colours. Needs no display."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from nestml_core.experiment import FloatArray
from nestml_core.files import whole_file

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


RESOLUTION = 150
"""Of pictures made of points, in points per inch."""


class Picture(Figure):
    """A figure that notebooks show by themselves, and in which names are text, never formulas."""

    def draw(self, renderer: Any) -> None:
        for words in self.findobj(Text):
            words.set_parse_math(False)
        super().draw(renderer)

    def _repr_png_(self) -> bytes:
        return png(self)


def png(figure: Figure) -> bytes:
    """Return ``figure`` as a PNG file."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=RESOLUTION)
    return buffer.getvalue()


def saved(figure: Figure, path: str | Path | None) -> Figure:
    """Return ``figure``, also written to ``path``, whole or not at all, if there is one.

    The suffix gives the format; without one it is PNG.
    """
    if path is not None:
        with whole_file(path) as stage:
            figure.savefig(stage, dpi=RESOLUTION, format=Path(path).suffix[1:] or "png")
    return figure


def canvas(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches."""
    figure = Picture(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def stack(heights: Sequence[float], end: float) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels below each other that share the time axis, 0 to ``end`` ms."""
    figure = canvas(WIDTH, sum(heights) + 1.0)
    grid = figure.subplots(
        len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    axes = list(grid[:, 0])
    for a in axes:
        quiet(a)
    axes[-1].set_xlim(0.0, end if end > 0 else 1.0)
    axes[-1].set_xlabel("time (ms)", fontsize=9, color=INK)
    axes[-1].spines["bottom"].set_visible(True)
    axes[-1].tick_params(bottom=True)
    return figure, axes


def quiet(axes: Axes) -> None:
    """Take away what carries no information."""
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(GREY)
    axes.tick_params(colors=GREY, labelsize=8, bottom=False)
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)


def title(axes: Axes, name: str, said: str) -> None:
    axes.set_title(name, loc="left", fontsize=12, fontweight="bold", color=INK, pad=10)
    axes.set_title(said, loc="right", fontsize=9, color=GREY, pad=10)


def empty(name: str, said: str) -> Figure:
    figure, (axes,) = stack([PANEL], 1.0)
    remark(axes, said)
    title(axes, name, "")
    return figure


def remark(axes: Axes, text: str) -> None:
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


def label(axes: Axes, name: str, unit: str) -> None:
    shown = f"{name} ({unit})" if name and unit != "1" else name or unit
    axes.set_ylabel(shown if shown != "1" else "", fontsize=9, color=INK)


def extent(arrays: Sequence[FloatArray]) -> list[float]:
    """Return the least and the largest finite value of all, if there is one."""
    finite = [x[np.isfinite(x)] for x in arrays]
    return [float(f(x)) for x in finite if len(x) for f in (np.min, np.max)]


def scale(axes: Axes, values: Sequence[float], ticks: int) -> None:
    """Show all of ``values``, with a margin; what never changes lies in the middle of +-1."""
    low, high = (min(values), max(values)) if values else (0.0, 0.0)
    margin = 0.05 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)
    axes.yaxis.set_major_locator(MaxNLocator(ticks))


def legend(axes: Axes, *, inside: bool = False) -> None:
    """List the lines to the right of the panel, or inside where there is most room."""
    if inside:
        axes.legend(loc="best", frameon=False, fontsize=9, labelcolor=INK, handlelength=1.6)
        return
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        handlelength=1.6,
        borderaxespad=0.3,
    )


def rows(axes: Axes, names: Sequence[str]) -> None:
    """Turn the panel into rows of a raster, the first on top."""
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(left=False, labelsize=9, labelcolor=INK)
    axes.spines["left"].set_visible(False)


def line(axes: Axes, times: FloatArray, values: FloatArray, **style: Any) -> None:
    times, values = thinned(times, values)
    shape: dict[str, Any] = {"linewidth": 1.4, "solid_joinstyle": "round"}
    axes.plot(times, values, **shape | style)


def entry(name: str) -> str:
    """Return a name for a legend, which leaves away what begins with an underscore."""
    return f" {name}" if name.startswith("_") else name


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
