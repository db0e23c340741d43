"""Figures of runs, comparisons and experiments. The one place that knows Matplotlib."""

from __future__ import annotations

from nestml_core.plotting.comparisons import figure_of_comparison
from nestml_core.plotting.experiments import (
    figure_of_current_step,
    figure_of_f_i_curve,
    figure_of_phase_plane,
    figure_of_psp,
    figure_of_short_term_plasticity,
    figure_of_stdp_window,
    figure_of_voltage_step,
)
from nestml_core.plotting.networks import figure_of_network
from nestml_core.plotting.panels import MAX_POINTS, png, saved, thinned
from nestml_core.plotting.runs import figure_of_path, figure_of_run

__all__ = [
    "MAX_POINTS",
    "figure_of_comparison",
    "figure_of_current_step",
    "figure_of_f_i_curve",
    "figure_of_network",
    "figure_of_path",
    "figure_of_phase_plane",
    "figure_of_psp",
    "figure_of_run",
    "figure_of_short_term_plasticity",
    "figure_of_stdp_window",
    "figure_of_voltage_step",
    "png",
    "saved",
    "thinned",
]
