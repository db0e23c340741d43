"""Portraits of models: what their pictures show, as values; drawn by ``plotting.portraits``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from nestml_core.experiment import FloatArray


class Style(Enum):
    LINE = "line"
    STEPS = "steps"
    """The value at a point of x holds until the next one."""
    POINTS = "points"
    DASHED = "dashed"
    BARS = "bars"
    """A line from zero to each point."""


@dataclass(frozen=True, eq=False, slots=True)
class Curve:
    """Values over an axis; arrays of one shape (n,)."""

    label: str
    x: FloatArray
    y: FloatArray
    style: Style = Style.LINE


@dataclass(frozen=True, eq=False, slots=True)
class Train:
    """A row of spikes: times in ms, and weights, which make some of them taller."""

    label: str
    times: FloatArray
    weights: FloatArray | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Panel:
    """One pair of axes: curves or rows of spikes.

    Attributes
    ----------
    label : of the vertical axis, with the unit
    spikes : times in ms that are marked above the curves
    height : relative to an ordinary panel
    title : what stands above it
    zero : whether the line at zero is drawn, and is inside
    """

    curves: tuple[Curve, ...] = ()
    trains: tuple[Train, ...] = ()
    label: str = ""
    spikes: FloatArray | None = None
    height: float = 1.0
    title: str = ""
    zero: bool = False
    labelled: bool = True
    """Whether the curves are told apart by a list of their labels."""


@dataclass(frozen=True, eq=False, slots=True)
class Column:
    """Panels below each other that share a horizontal axis; ``width`` is relative."""

    panels: tuple[Panel, ...]
    across: str = "time (ms)"
    width: float = 1.0
    limits: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Portrait:
    """A picture of a model: columns of panels, and in words what was done to it."""

    name: str
    said: str
    columns: tuple[Column, ...]


def points(values: npt.ArrayLike) -> FloatArray:
    """Return numbers as an array."""
    return np.array(values, dtype=np.float64)
