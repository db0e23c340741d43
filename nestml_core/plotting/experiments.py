"""Figures of the results of experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from nestml_core.experiment import FloatArray
from nestml_core.plotting.panels import (
    COLOURS,
    FAINT,
    GREY,
    INK,
    canvas,
    extent,
    line,
    quiet,
    scale,
    title,
)

if TYPE_CHECKING:
    from nestml_core.experiments.clamp import CurrentStep, VoltageStep
    from nestml_core.experiments.firing import FICurve
    from nestml_core.experiments.phase import PhasePlane
    from nestml_core.experiments.plasticity import ShortTermPlasticity, STDPWindow
    from nestml_core.experiments.postsynaptic import PSP

WIDE, HIGH = 6.4, 4.2
BLUE, RED = COLOURS[0], COLOURS[1]
SCALE = "viridis"
"""Of levels in order: the same for every kind of colour vision, darker for lower."""

MANY = 8
"""How many levels have a colour that the legend names; of more a colour bar tells."""


# Labels


def _with_unit(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit != "1" else name


def _labels(axes: Axes, across: str, up: str) -> None:
    axes.set_xlabel(across, fontsize=9, color=INK)
    axes.set_ylabel(up, fontsize=9, color=INK)


def _single(width: float = WIDE, height: float = HIGH) -> tuple[Figure, Axes]:
    figure = canvas(width, height)
    axes = figure.subplots()
    _plain(axes)
    return figure, axes


def _plain(axes: Axes) -> None:
    quiet(axes)
    axes.spines["bottom"].set_visible(True)
    axes.tick_params(bottom=True)


def _zero(axes: Axes, *, vertical: bool = False) -> None:
    """Draw the axes through zero, where it is in sight."""
    axes.axhline(0.0, color=GREY, linewidth=0.8, zorder=1)
    if vertical:
        axes.axvline(0.0, color=GREY, linewidth=0.8, zorder=1)


def _ramp(n: int) -> list[Any]:
    """Return ``n`` colours from dark to light; the lightest is still seen on white."""
    return [colormaps[SCALE](x) for x in np.linspace(0.0, 0.85, n)]


# One figure for each kind of result


def figure_of_f_i_curve(result: FICurve) -> Figure:
    """Return an f-I curve."""
    figure, axes = _single()
    order = np.argsort(result.currents)
    axes.plot(
        result.currents[order],
        result.rates[order],
        color=BLUE,
        linewidth=1.4,
        marker="o",
        markersize=4,
        clip_on=False,
    )
    _labels(axes, _with_unit(result.port, result.units["current"]), "rate (Hz)")
    axes.set_ylim(bottom=0.0, top=1.05 * float(result.rates.max(initial=0.0)) or 1.0)
    title(axes, result.model, f"f-I curve; {result.backend}")
    return figure


def figure_of_psp(result: PSP) -> Figure:
    """Return the response to one spike, with its measures."""
    figure, axes = _single()
    _zero(axes)
    line(axes, result.times, result.response, color=BLUE)
    t, top = result.peak_time, result.amplitude
    axes.plot([t], [top], marker="o", markersize=5, color=RED, linestyle="none", zorder=3)
    unit = result.units["response"]
    said = [f"peak {top:.4g} {unit} at {t:.4g} ms", f"rise (10-90 %) {result.rise_time:.3g} ms"]
    if np.isfinite(result.half_width):
        said.append(f"half-width {result.half_width:.4g} ms")
    axes.text(
        *(0.98, 0.95 if top >= 0 else 0.05),
        "\n".join(said),
        transform=axes.transAxes,
        ha="right",
        va="top" if top >= 0 else "bottom",
        fontsize=9,
        color=INK,
        linespacing=1.5,
    )
    axes.axvline(0.0, color=GREY, linewidth=0.8, linestyle=(0, (2, 2)))
    axes.set_xlim(float(result.times[0]), float(result.times[-1]))
    scale(axes, [0.0, *extent([result.response])], 6)
    _labels(axes, "time after the spike (ms)", _with_unit(f"change of {result.recorded}", unit))
    title(axes, result.model, f"{result.port}, weight {result.weight:g}; {result.backend}")
    return figure


def _families(
    result: VoltageStep | CurrentStep, panels: list[tuple[str, FloatArray]], level: str
) -> Figure:
    """Return panels that share the axis of time, with a line for each level."""
    heights = [2.4] + [1.6] * (len(panels) - 1)
    figure = canvas(WIDE + 1.2, sum(heights) + 0.8)
    grid = figure.subplots(
        len(panels), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    axes = list(grid[:, 0])
    n = len(result.levels)
    colours = _ramp(n)
    order = np.argsort(result.levels, kind="stable")
    colour_of = dict(zip(order.tolist(), colours, strict=True))
    for axis, (name, values) in zip(axes, panels, strict=True):
        quiet(axis)
        axis.axvline(0.0, color=FAINT, linewidth=1.2, zorder=0)
        for k in order[::-1].tolist():
            shown = f"{result.levels[k]:g}"
            line(axis, result.times, values[k], color=colour_of[k], label=shown)
        axis.set_ylabel(_with_unit(name, result.units[name]), fontsize=9, color=INK)
        scale(axis, extent([values]), 5)
    last = axes[-1]
    last.spines["bottom"].set_visible(True)
    last.tick_params(bottom=True)
    last.set_xlabel("time after the step (ms)", fontsize=9, color=INK)
    if len(result.times):
        last.set_xlim(float(result.times[0]), float(result.times[-1]))
    _key(figure, axes, result.levels, _with_unit(level, result.units["level"]))
    figure.align_ylabels()
    return figure


def _key(figure: Figure, axes: list[Axes], levels: FloatArray, name: str) -> None:
    """Tell which colour is which level: in words, or by a bar if there are many."""
    if len(levels) <= MANY:
        shown = axes[0].legend(
            loc="upper left",
            bbox_to_anchor=(1.0, 1.0),
            frameon=False,
            fontsize=9,
            labelcolor=INK,
            handlelength=1.6,
            title=name,
            title_fontsize=9,
        )
        shown.get_title().set_color(INK)
        return
    ramp = colormaps[SCALE].resampled(256)
    colours = LineCollection([], cmap=ramp)
    low, high = float(levels.min()), float(levels.max())
    colours.set_clim(low, low + (high - low) / 0.85)
    bar = figure.colorbar(colours, ax=axes, pad=0.02, aspect=40)
    bar.ax.set_ylim(low, high)
    bar.set_label(name, fontsize=9, color=INK)
    bar.ax.tick_params(colors=GREY, labelsize=8)


def figure_of_voltage_step(result: VoltageStep) -> Figure:
    """Return the currents, the potential and the gates of a voltage clamp."""
    panels = [(result.port, result.currents), (result.potential, result.voltages)]
    panels += list(result.traces.items())
    figure = _families(result, panels, result.potential)
    title(figure.axes[0], result.model, f"voltage clamp; {result.backend}")
    return figure


def figure_of_current_step(result: CurrentStep) -> Figure:
    """Return the responses to steps of the current, and these."""
    panels = [*result.traces.items(), (result.port, result.currents)]
    figure = _families(result, panels, result.port)
    title(figure.axes[0], result.model, f"current steps; {result.backend}")
    return figure


def figure_of_stdp_window(result: STDPWindow) -> Figure:
    """Return changes of a weight by the interval of a pair."""
    figure, axes = _single()
    _zero(axes, vertical=True)
    share = 100 * result.relative if result.before else result.changes
    for chosen in (result.intervals < 0, result.intervals > 0):
        order = np.argsort(result.intervals[chosen])
        across, up = result.intervals[chosen][order], share[chosen][order]
        axes.plot(across, up, color=GREY, linewidth=0.9, zorder=2)
    for chosen, colour in ((share >= 0, BLUE), (share < 0, RED)):
        axes.plot(
            result.intervals[chosen],
            share[chosen],
            color=colour,
            marker="o",
            markersize=4,
            linestyle="none",
            zorder=3,
        )
    shown = f"change of {result.weight} (%)" if result.before else f"change of {result.weight}"
    _labels(axes, "post - pre (ms)", shown)
    pairs = f"{result.pairs} pair{'' if result.pairs == 1 else 's'}"
    title(axes, result.model, f"{pairs}, {result.weight} = {result.before:g}; {result.backend}")
    return figure


def figure_of_short_term_plasticity(result: ShortTermPlasticity) -> Figure:
    """Return what a synapse passes on, spike by spike."""
    figure, axes = _single()
    last = float(result.times[-1])
    for times, values, colour, name in (
        (result.times, result.amplitudes, BLUE, "train"),
        (last + result.recovery, result.recovered, RED, "recovery, a run for each"),
    ):
        axes.vlines(times, 0.0, values, color=colour, linewidth=1.4)
        axes.plot(
            times, values, color=colour, marker="o", markersize=4, linestyle="none", label=name
        )
    shown = [0.0, *extent([result.amplitudes, result.recovered])]
    axes.set_ylim(min(shown), 1.2 * max(shown) or 1.0)
    axes.set_xlim(left=0.0)
    _zero(axes)
    axes.legend(loc="upper right", ncols=2, frameon=False, fontsize=9, labelcolor=INK)
    _labels(axes, "time (ms)", "weight passed on")
    title(axes, result.model, f"{result.rate:g} Hz; {result.backend}")
    return figure


def figure_of_phase_plane(result: PhasePlane) -> Figure:
    """Return nullclines, vector field and fixed points."""
    figure, axes = _single(WIDE, 5.2)
    x, y = result.x_name, result.y_name
    width, height = np.ptp(result.x), np.ptp(result.y)
    across, up = result.dx / width, result.dy / height
    length = np.hypot(across, up)
    with np.errstate(invalid="ignore", divide="ignore"):
        across, up = across / length, up / length
    axes.quiver(
        *(result.x, result.y, across, up),
        color="#BBBBBB",
        angles="uv",
        pivot="mid",
        scale=36,
        width=0.0022,
        headwidth=4,
        zorder=1,
    )
    for segments, colour, name in (
        (result.x_nullcline, BLUE, x),
        (result.y_nullcline, RED, y),
    ):
        axes.add_collection(
            LineCollection(
                list(segments), colors=colour, linewidth=1.6, label=f"d{name}/dt = 0", zorder=2
            )
        )
    for p in result.fixed_points:
        axes.plot(
            *(p.x, p.y),
            marker="o",
            markersize=7,
            markerfacecolor=INK if p.is_stable else "white",
            markeredgecolor=INK,
            linestyle="none",
            label=p.kind,
            zorder=3,
        )
    axes.set_xlim(result.x[0], result.x[-1])
    axes.set_ylim(result.y[0], result.y[-1])
    axes.grid(visible=False)
    lines = dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
    axes.legend(
        lines.values(),
        lines.keys(),
        loc="lower center",
        bbox_to_anchor=(0.5, -0.24),
        ncols=min(4, len(lines)),
        frameon=False,
        fontsize=9,
        labelcolor=INK,
    )
    _labels(axes, _with_unit(x, result.units[x]), _with_unit(y, result.units[y]))
    frozen = ", ".join(f"{n} = {v:.3g}" for n, v in result.frozen.items())
    title(axes, result.model, frozen if len(frozen) < 60 else "others at rest")
    return figure
