"""The phase plane: nullclines, vector field and fixed points of two variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, root

from nestml_core.declared import declared_value, unit_text
from nestml_core.experiment import FloatArray
from nestml_core.experiments.bench import (
    DOES_NOT_FIT,
    Model,
    current_input,
    input_of,
    neuron,
    numbers,
    whole_number,
)
from nestml_core.experiments.field import STILL, Field
from nestml_core.experiments.measurement import Measurement
from nestml_core.expr import Symbol
from nestml_core.loading import loaded
from nestml_core.problems import refuse
from nestml_core.progress import tracked

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class FixedPoint:
    """Where both variables stand still.

    Attributes
    ----------
    x, y : in the units of the variables
    eigenvalues : of the Jacobian of the two, 1/ms
    kind : such as ``"stable focus"``
    """

    x: float
    y: float
    eigenvalues: tuple[complex, complex]
    kind: str

    @property
    def is_stable(self) -> bool:
        """Whether what is close by comes closer."""
        return all(e.real < 0 for e in self.eigenvalues)


@dataclass(frozen=True, eq=False, repr=False)
class PhasePlane(Measurement):
    """The plane of two state variables, the others frozen.

    Attributes
    ----------
    x_name, y_name : the variables
    x, y : shapes (nx,), (ny,): the grid of the vector field, in the units of the variables
    dx, dy : shapes (ny, nx): how fast they change, in these units per ms
    x_nullcline, y_nullcline : shapes (n, 2, 2): segments on which x, or y, stands still; a
        segment is two points, a point is x and y
    fixed_points : where both stand still
    frozen : the values of the other variables, by name
    """

    x_name: str
    y_name: str
    x: FloatArray
    y: FloatArray
    dx: FloatArray
    dy: FloatArray
    x_nullcline: FloatArray
    y_nullcline: FloatArray
    fixed_points: tuple[FixedPoint, ...]
    frozen: Mapping[str, float]

    def columns(self) -> Mapping[str, FloatArray]:
        across, up = np.meshgrid(self.x, self.y)
        return {
            self.x_name: across.ravel(),
            self.y_name: up.ravel(),
            f"d{self.x_name}/dt": self.dx.ravel(),
            f"d{self.y_name}/dt": self.dy.ravel(),
        }

    def figure(self) -> Figure:
        from nestml_core import plotting

        return plotting.figure_of_phase_plane(self)

    def summary(self) -> str:
        points = "; ".join(
            f"{p.kind} at {self.x_name} = {p.x:.4g}, {self.y_name} = {p.y:.4g}"
            for p in self.fixed_points
        )
        return points or "no fixed point"


def phase_plane(
    model: Model,
    x: str,
    y: str,
    *,
    x_range: Any,
    y_range: Any,
    points: int = 25,
    resolution: int = 160,
    current: Any = 0.0,
    port: str | None = None,
    frozen: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> PhasePlane:
    """Analyse the equations of a model in the plane of two of its variables.

    Nullclines and fixed points are computed from the equations, to the last digits; nothing is
    simulated, and resets are not shown.

    Parameters
    ----------
    x, y : names of variables with an equation
    x_range, y_range : from, to; in the units of the variables, or quantities
    points : of the vector field, along each side
    resolution : of the grid on which nullclines are looked for, cells along each side
    current : that flows in, in the unit of its port, or a quantity
    port : the port, or parameter, that it flows through; looked for only if ``current`` is not 0
    frozen : values of other variables; those that are not given have the values at which, without
        spikes, the model is at rest
    parameters, progress : as ``Model.simulate``

    Raises
    ------
    ModelError : there are no such variables, an equation is no formula, a value does not fit, or
        the model comes to no rest.
    """
    chosen = loaded(model)
    neuron(chosen.solved)
    field = _field(chosen, parameters or {}, current, port, frozen or {})
    across, up = field.variable(x), field.variable(y)
    if across == up:
        refuse(DOES_NOT_FIT, "a plane needs two variables")
    whole_number(points, "points", 2)
    whole_number(resolution, "resolution", 1)
    plane = _Plane(field, across, up, tuple(frozen or {}))
    sides = [_range(r, s) for r, s in ((x_range, across), (y_range, up))]
    xs, ys = _grid(sides, points)
    dx, dy = plane.on_grid((xs, ys), progress)
    fine = _grid(sides, resolution + 1)
    slopes = plane.on_grid(fine, progress)
    nullclines = [_contour(plane, k, fine, slopes[k]) for k in (0, 1)]
    rates = {f"d{s.name}/dt": _per_ms(unit_text(s)) for s in (across, up)}
    return PhasePlane(
        model=chosen.name,
        backend="equations",
        units=MappingProxyType({s.name: unit_text(s) for s in field.variables} | rates),
        x_name=across.name,
        y_name=up.name,
        x=xs,
        y=ys,
        dx=dx,
        dy=dy,
        x_nullcline=nullclines[0],
        y_nullcline=nullclines[1],
        fixed_points=_fixed_points(plane, fine, slopes),
        frozen=MappingProxyType(plane.others()),
    )


def _per_ms(unit: str) -> str:
    return "1/ms" if unit == "1" else f"{unit}/ms"


def _field(
    model: Any, parameters: Mapping[str, Any], current: Any, port: str | None, frozen: Any
) -> Field:
    solved = model.solved
    if port is None and isinstance(current, (int, float)) and current == 0:
        return Field(solved, parameters, {}, frozen)
    symbol = current_input(solved, port)
    what = input_of(symbol, current, solved)
    return Field(
        solved, {**parameters, **what.get("parameters", {})}, what.get("currents", {}), frozen
    )


def _grid(sides: Sequence[tuple[float, float]], n: int) -> tuple[FloatArray, FloatArray]:
    """Return ``n`` places along each of two sides."""
    (left, right), (low, high) = sides
    return np.linspace(left, right, n), np.linspace(low, high, n)


def _range(given: Any, symbol: Symbol) -> tuple[float, float]:
    ends = numbers(given, symbol, f"range of `{symbol.name}`")
    if len(ends) != 2 or not ends[0] < ends[1]:
        message = f"the range of `{symbol.name}` is not a smaller and a larger number"
        refuse(DOES_NOT_FIT, message)
    return float(ends[0]), float(ends[1])


class _Plane:
    """Two variables of a field, in declared units, the others at rest."""

    def __init__(self, field: Field, x: Symbol, y: Symbol, frozen: tuple[str, ...]) -> None:
        self.field = field
        self.pair = [field.variables.index(x), field.variables.index(y)]
        self.symbols = (x, y)
        others = set(range(len(field.variables))) - set(self.pair)
        known = all(field.variables[i].name in frozen for i in others)
        self.at = (
            field.start if known else field.rest([n for n in frozen if n not in (x.name, y.name)])
        )
        self.scale = np.array([float(declared_value(s, 1.0)) for s in self.symbols])

    def others(self) -> dict[str, float]:
        return {
            v.name: float(declared_value(v, float(self.at[i])))
            for i, v in enumerate(self.field.variables)
            if i not in self.pair
        }

    def whole(self, point: FloatArray) -> FloatArray:
        x = self.at.copy()
        x[self.pair] = point / self.scale
        return x

    def slopes(self, point: FloatArray) -> FloatArray:
        """Return how fast both change, in declared units per ms."""
        return np.asarray(self.field.slopes(self.whole(point))[self.pair] * self.scale)

    def jacobian(self, point: FloatArray) -> FloatArray:
        part = self.field.jacobian(self.whole(point))[np.ix_(self.pair, self.pair)]
        return np.asarray(part * self.scale[:, None] / self.scale[None, :])

    def on_grid(
        self, grid: tuple[FloatArray, FloatArray], progress: bool
    ) -> tuple[FloatArray, FloatArray]:
        """Return the slopes at all points of a grid; shapes (ny, nx)."""
        xs, ys = grid
        rows = [
            [self.slopes(np.array([x, y])) for x in xs]
            for y in tracked(ys, "phase plane", wanted=progress)
        ]
        both = np.array(rows)
        return both[..., 0], both[..., 1]


def _contour(
    plane: _Plane, k: int, grid: tuple[FloatArray, FloatArray], values: FloatArray
) -> FloatArray:
    """Return where component ``k`` of the field is zero: a segment for each cell that it crosses.

    The ends of a segment are zeros on the sides of the cell, found to the last digits. Where four
    sides are crossed, the zeros are joined so that the value in the middle of the cell has its
    sign on one side.
    """
    xs, ys = grid
    signs = values >= 0
    finite = np.isfinite(values)
    above = _corners(signs)
    mixed = _corners(finite).all(axis=0) & above.any(axis=0) & ~above.all(axis=0)
    found: dict[tuple[tuple[int, int], tuple[int, int]], FloatArray] = {}

    def zero(a: tuple[int, int], b: tuple[int, int]) -> FloatArray:
        if (a, b) not in found:
            p, q = (np.array([xs[j], ys[i]]) for i, j in (a, b))

            def along(t: float) -> float:
                return float(plane.slopes(p + t * (q - p))[k])

            ends = along(0.0), along(1.0)
            t = 0.0 if ends[0] == 0 else 1.0 if ends[1] == 0 else float(brentq(along, 0.0, 1.0))
            found[a, b] = p + t * (q - p)
        return found[a, b]

    segments: list[tuple[FloatArray, FloatArray]] = []
    for i, j in np.argwhere(mixed).tolist():
        corners = [(i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j)]
        sides = [tuple(sorted((corners[n], corners[(n + 1) % 4]))) for n in range(4)]
        crossed = [zero(a, b) for a, b in sides if signs[a] != signs[b]]
        if len(crossed) == 4:
            middle = np.array([(xs[j] + xs[j + 1]) / 2, (ys[i] + ys[i + 1]) / 2])
            same = (plane.slopes(middle)[k] >= 0) == signs[corners[0]]
            order = (0, 1, 2, 3) if same else (3, 0, 1, 2)
            crossed = [crossed[n] for n in order]
            segments.append((crossed[2], crossed[3]))
        segments.append((crossed[0], crossed[1]))
    return np.array(segments) if segments else np.zeros((0, 2, 2))


def _corners(values: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the values at the four corners of each cell; shape (4, ny, nx)."""
    return np.stack([values[:-1, :-1], values[1:, :-1], values[:-1, 1:], values[1:, 1:]])


def _fixed_points(
    plane: _Plane, grid: tuple[FloatArray, FloatArray], slopes: tuple[FloatArray, FloatArray]
) -> tuple[FixedPoint, ...]:
    """Return the zeros of the field within the ranges, from left to right."""
    xs, ys = grid
    dx, dy = slopes
    both = _crossed(dx) & _crossed(dy)
    size = np.array([xs[-1] - xs[0], ys[-1] - ys[0]])
    found: list[FloatArray] = []
    for i, j in np.argwhere(both).tolist():
        begin = np.array([(xs[j] + xs[j + 1]) / 2, (ys[i] + ys[i + 1]) / 2])
        result = root(plane.slopes, begin, jac=plane.jacobian, tol=1e-13)
        p = result.x
        still = np.abs(plane.slopes(p)) <= STILL * (1.0 + np.abs(p))
        inside = (p >= [xs[0], ys[0]]).all() and (p <= [xs[-1], ys[-1]]).all()
        new = all((np.abs(p - q) > 1e-6 * size).any() for q in found)
        if still.all() and inside and new:
            found.append(p)
    return tuple(_fixed_point(plane, p) for p in sorted(found, key=tuple))


def _crossed(values: FloatArray) -> npt.NDArray[np.bool_]:
    """Return in which cells, or in a neighbour of which, the values change their sign."""
    with np.errstate(invalid="ignore"):
        signs = values >= 0
    corners = _corners(signs)
    own = np.asarray(corners.any(axis=0) & ~corners.all(axis=0))
    wide = own.copy()
    wide[1:] |= own[:-1]
    wide[:-1] |= own[1:]
    wide[:, 1:] |= own[:, :-1]
    wide[:, :-1] |= own[:, 1:]
    return wide


def _fixed_point(plane: _Plane, p: FloatArray) -> FixedPoint:
    first, second = (complex(e) for e in np.linalg.eigvals(plane.jacobian(p)))
    return FixedPoint(float(p[0]), float(p[1]), (first, second), _kind(first, second))


def _kind(a: complex, b: complex) -> str:
    """Return what a fixed point is called by its eigenvalues."""
    if a.imag != 0:
        return "centre" if a.real == 0 else f"{'stable' if a.real < 0 else 'unstable'} focus"
    if a.real * b.real < 0:
        return "saddle"
    if a.real * b.real == 0:
        return "degenerate fixed point"
    return f"{'stable' if a.real < 0 else 'unstable'} node"
