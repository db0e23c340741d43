"""Values for the members of a part of a network: one for all of them, or one for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from nestml_core import arguments
from nestml_core.experiment import GRID, FloatArray, IntArray, settings, signal
from nestml_core.expr import Symbol
from nestml_core.network import BAD_DELAY, BAD_PART
from nestml_core.problems import by_name, refuse, valued
from nestml_core.solved import TIME, SolvedModel
from nestml_core.types import Unit

Arrays: TypeAlias = Mapping[Symbol, FloatArray]
"""A value for each member: shape (members,), of vectors (members, length)."""


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


def numbers(value: Any, n: int, unit: Unit | None, what: str) -> FloatArray:
    """Return a number for each of ``n`` members, in coherent units; shape (n,)."""
    single = is_single(value)
    items = [value] if single else list(value)
    if not single and len(items) != n:
        refuse(BAD_PART, f"{what}: {n} are needed, here are {len(items)}")
    found = arguments.numbers(items, unit, what, BAD_PART)
    if not np.isfinite(found).all():
        refuse(BAD_PART, f"{what}: all must be finite")
    return np.array(np.broadcast_to(found, (n,)))


def delays(value: Any, n: int, dt: float, least: int) -> IntArray:
    """Return a delay for each of ``n`` connections, in steps, ``least`` or more; shape (n,)."""
    times = numbers(value, n, TIME.type.unit, "delays")
    steps = np.rint(times / dt)
    off_grid = np.abs(times / dt - steps) > GRID
    if off_grid.any():
        message = f"a delay of {times[off_grid][0]:g} ms is not a multiple of {dt:g} ms"
        refuse(BAD_DELAY, message, "change the delay, or the dt of the network")
    if (steps < least).any():
        message = f"a delay of {times[steps < least][0]:g} ms"
        shortest = f"the shortest is {least * dt:g} ms"
        refuse(BAD_DELAY, message, f"{shortest}, one step" if least else shortest)
    return steps.astype(np.int64)


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
    if n and (for_each or starts):
        made = [
            valued(settings(model, for_all | _of(k, for_each), start | _of(k, starts)))[0]
            for k in range(n)
        ]
    else:
        made = [valued(settings(model, for_all, start))[0]] * n
    return _stacked([m.parameters for m in made]), _stacked([m.initial for m in made])


def _apart(
    values: Mapping[str, Any], vectors: set[str], n: int, what: str
) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Return, by name, the values for all members, and lists of those for each."""
    for_all: dict[str, Any] = {}
    for_each: dict[str, list[Any]] = {}
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
        for_each[name] = list(value)
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
        values = list(given) if many else [given]
        rows = [valued(signal(model, port, x, dt, steps))[0] for x in values]
        stacked = np.array([x for _, x in rows])
        found[rows[0][0]] = np.broadcast_to(stacked, (size, steps))
    return MappingProxyType(found)
