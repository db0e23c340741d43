"""Values for the members of a part of a network: one for all of them, or one for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nestml_core import arguments
from nestml_core.experiment import GRID, FloatArray, settings, signal
from nestml_core.expr import Symbol
from nestml_core.network import BAD_DELAY, BAD_PART, NumberArray, RealArray
from nestml_core.problems import by_name, refuse, valued
from nestml_core.solved import TIME, SolvedModel
from nestml_core.types import Base, Unit
from nestml_core.units import scaled

Arrays: TypeAlias = Mapping[Symbol, FloatArray]
"""A value for each member: shape (members,), of vectors (members, length). What is the same for all
is there once: the array repeats it."""

AT_ONCE = 2**18
"""So many connections are looked at together, so that what is between takes little room."""

EXACT = 2**53
"""Whole numbers up to here are numbers of double precision."""


def is_single(value: Any) -> bool:
    """Return whether ``value`` is one value and no sequence of them; a text is one."""
    if isinstance(value, (str, bytes)) or not hasattr(value, "__getitem__"):
        return True
    return getattr(value, "ndim", 1) == 0


def count(n: Any, what: str) -> int:
    """Return how many members there are: one at least."""
    if not isinstance(n, (int, np.integer)) or isinstance(n, bool) or n < 1:
        refuse(BAD_PART, f"{what}: how many? Not {n!r}", "give a whole number, 1 or more")
    return int(n)


def plain(values: Any) -> FloatArray | None:
    """Return numbers without units as an array of their own; None if they are anything else."""
    if isinstance(values, (list, tuple, range)):
        if not all(issubclass(t, (int, float, np.number)) for t in set(map(type, values))):
            return None
    elif hasattr(values, "to_root_units") or getattr(values, "ndim", 0) != 1:
        return None
    array = np.asarray(values)
    return np.array(array, float) if array.dtype.kind in "biuf" else None


def all_finite(values: RealArray) -> bool:
    """Return whether all numbers are finite, without an array of answers for all of them."""
    parts = (values[k : k + AT_ONCE] for k in range(0, len(values), AT_ONCE))
    return all(bool(np.isfinite(part).all()) for part in parts)


def refuse_infinite(values: RealArray, what: str) -> None:
    if not all_finite(values):
        refuse(BAD_PART, f"{what}: all must be finite")


def _coherent(values: FloatArray, unit: Unit | None) -> FloatArray:
    """Return numbers of a unit in coherent units, each rounded once."""
    if unit is None or unit.factor == 1:
        return values
    above, below = unit.factor.numerator, unit.factor.denominator
    if below == 1 and above <= EXACT:
        return values * float(above)
    if above == 1 and below <= EXACT:
        return values / float(below)
    return np.array([scaled(x, unit) for x in values.tolist()])


def numbers(value: Any, n: int, unit: Unit | None, what: str) -> FloatArray:
    """Return a number for each of ``n`` members, in coherent units; shape (n,), not to be written.

    One for all is there once.
    """
    single = is_single(value)
    if not single and len(value) != n:
        refuse(BAD_PART, f"{what}: {n} are needed, here are {len(value)}")
    many = None if single else plain(value)
    if many is not None:
        found = _coherent(many, unit)
    else:
        found = arguments.numbers([value] if single else list(value), unit, what, BAD_PART)
    refuse_infinite(found, what)
    return np.broadcast_to(found, (n,)) if single else found


def delays(value: Any, n: int, dt: float, least: int) -> npt.NDArray[np.integer[Any]]:
    """Return a delay for each of ``n`` connections, in steps, ``least`` or more; shape (n,).

    One for all is there once; of others each takes as few bytes as the longest needs.
    """
    if is_single(value):
        return np.broadcast_to(_steps(numbers(value, 1, TIME.type.unit, "delays"), dt, least), (n,))
    if len(value) != n:
        refuse(BAD_PART, f"delays: {n} are needed, here are {len(value)}")
    found: list[npt.NDArray[np.integer[Any]]] = [np.zeros(0, np.uint8)]
    for k in range(0, n, AT_ONCE):
        part = value[k : k + AT_ONCE]
        found.append(_short(_steps(numbers(part, len(part), TIME.type.unit, "delays"), dt, least)))
    return np.concatenate(found)


def _short(steps: NumberArray) -> npt.NDArray[np.integer[Any]]:
    longest = steps.max()
    if longest > np.iinfo(np.uint16).max:
        return steps
    return steps.astype(np.uint8 if longest <= np.iinfo(np.uint8).max else np.uint16)


def _steps(times: FloatArray, dt: float, least: int) -> NumberArray:
    steps = np.rint(times / dt)
    off_grid = np.abs(times / dt - steps) > GRID
    if off_grid.any():
        message = f"a delay of {times[off_grid][0]:g} ms is not a multiple of {dt:g} ms"
        refuse(BAD_DELAY, message, "change the delay, or the dt of the network")
    if (steps < least).any():
        message = f"a delay of {times[steps < least][0]:g} ms"
        shortest = f"the shortest is {least * dt:g} ms"
        refuse(BAD_DELAY, message, f"{shortest}, one step" if least else shortest)
    if (steps > np.iinfo(np.int32).max).any():
        refuse(BAD_DELAY, f"a delay of {times.max():g} ms", "no run is that long")
    return steps.astype(np.int32)


def settled(
    model: SolvedModel,
    parameters: Mapping[str, Any] | None,
    initial: Mapping[str, Any] | None,
    n: int,
    what: str,
) -> tuple[Arrays, Arrays]:
    """Return parameters and initial values for each of ``n`` instances of ``model``."""
    vectors = {d.symbol.name for d in (*model.parameters, *model.state) if d.symbol.size}
    for_all, for_each = _apart(by_name(parameters, "parameters", BAD_PART), vectors, n, what)
    start, starts = _apart(by_name(initial, "initial", BAD_PART), vectors, n, what)
    if n == 0 or not (for_each or starts):
        only = valued(settings(model, for_all, start))[0]
        return _repeated(only.parameters, n), _repeated(only.initial, n)
    first = valued(settings(model, for_all | _of(0, for_each), start | _of(0, starts)))[0]
    columns = (
        _columns(model, first.parameters, for_each, n),
        _columns(model, first.initial, starts, n),
    )
    if columns[0] is not None and columns[1] is not None:
        return columns[0], columns[1]
    made = [
        valued(settings(model, for_all | _of(k, for_each), start | _of(k, starts)))[0]
        for k in range(n)
    ]
    return _stacked([m.parameters for m in made]), _stacked([m.initial for m in made])


def _repeated(values: Mapping[Symbol, float | FloatArray], n: int) -> Arrays:
    if n == 0:
        return MappingProxyType({})
    return MappingProxyType({s: np.broadcast_to(x, (n, *np.shape(x))) for s, x in values.items()})


def _columns(
    model: SolvedModel,
    first: Mapping[Symbol, float | FloatArray],
    for_each: Mapping[str, Any],
    n: int,
) -> Arrays | None:
    """Return what ``settings`` would for all members, where those for each are plain numbers.

    Parameters
    ----------
    first : what it returns for the first one

    Returns
    -------
    None if they are not, or if one of them would be refused.
    """
    found = dict(_repeated(first, n))
    for name, values in for_each.items():
        symbol = next(s for s in first if name in (s.name, s.identifier))
        column = None if symbol.size is not None else plain(values)
        if column is None:
            return None
        if symbol.type.base is Base.BOOLEAN:
            column = (column != 0.0).astype(float)
        else:
            column = _coherent(column, symbol.type.unit)
        broken = symbol.type.base is Base.INTEGER and (column != np.rint(column)).any()
        fixed = symbol in model.fixed and (column != column[0]).any()
        if broken or fixed or np.isnan(column).any():
            return None
        found[symbol] = column
    return MappingProxyType(found)


def _apart(
    values: Mapping[str, Any], vectors: set[str], n: int, what: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return, by name, the values for all members, and sequences of those for each."""
    for_all: dict[str, Any] = {}
    for_each: dict[str, Any] = {}
    for name, value in values.items():
        many = not is_single(value)
        if name in vectors:
            many = many and len(value) > 0 and not is_single(value[0])
        if not many:
            for_all[name] = value
            continue
        if len(value) != n:
            message = f"`{name}` of {what}: there are {n} of them, here are {len(value)}"
            refuse(BAD_PART, message, "give one value for all, or one for each")
        for_each[name] = value
    return for_all, for_each


def _of(member: int, values: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    return {name: each[member] for name, each in values.items()}


def _stacked(values: Sequence[Mapping[Symbol, float | FloatArray]]) -> Arrays:
    found = {}
    for symbol in values[0] if values else ():
        rows = [np.asarray(v[symbol], float) for v in values]
        lengths = sorted({len(x) for x in rows if x.ndim})
        if len(lengths) > 1:
            message = f"`{symbol.name}` has {lengths[0]} elements here and {lengths[1]} there"
            refuse(BAD_PART, message, "all instances of a part have vectors of one length")
        found[symbol] = np.array(rows)
    return MappingProxyType(found)


def signals(
    model: SolvedModel, size: int, currents: Mapping[str, Any], dt: float, steps: int
) -> Arrays:
    """Return the signals of continuous ports, shape (size, steps), in coherent units."""
    found = {}
    for port, given in currents.items():
        many = not is_single(given) and not isinstance(given, tuple)
        if many and len(given) != size:
            message = f"`{port}`: there are {size} neurons, here are {len(given)} values"
            refuse(BAD_PART, message, "give one for all, one for each, or (times, values)")
        column = plain(given) if many else None
        if column is not None and len(column) and np.isfinite(column).all():
            symbol = valued(signal(model, port, column[0], dt, 1))[0][0]
            constants = _coherent(column, symbol.type.unit)
            found[symbol] = np.broadcast_to(constants[:, np.newaxis], (size, steps))
            continue
        values = list(given) if many else [given]
        rows = [valued(signal(model, port, x, dt, steps))[0] for x in values]
        stacked = np.array([x for _, x in rows])
        found[rows[0][0]] = np.broadcast_to(stacked, (size, steps))
    return MappingProxyType(found)
