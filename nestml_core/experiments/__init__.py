"""Experiments of one call: f-I curve, clamps, postsynaptic potential, plasticity, phase plane.

Each takes a model (loaded, or what ``nestml_core.load`` takes), runs it on any backend that can,
and returns a frozen result with arrays in declared units, ``plot`` and ``to_frame``.
"""

from __future__ import annotations

from nestml_core.experiments.clamp import CurrentStep, VoltageStep, current_step, voltage_step
from nestml_core.experiments.firing import FICurve, f_i_curve
from nestml_core.experiments.phase import FixedPoint, PhasePlane, phase_plane
from nestml_core.experiments.plasticity import (
    ShortTermPlasticity,
    STDPWindow,
    short_term_plasticity,
    stdp_window,
)
from nestml_core.experiments.postsynaptic import PSP, psp

__all__ = [
    "PSP",
    "CurrentStep",
    "FICurve",
    "FixedPoint",
    "PhasePlane",
    "STDPWindow",
    "ShortTermPlasticity",
    "VoltageStep",
    "current_step",
    "f_i_curve",
    "phase_plane",
    "psp",
    "short_term_plasticity",
    "stdp_window",
    "voltage_step",
]
