"""Connections in the order of their sources, with little memory beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from nestml_core.experiment import IntArray
from nestml_core.network import Pairs
from nestml_core.networks.members import AT_ONCE

PIECES = 32
"""Connections are sorted in so many pieces, so that their order takes little room."""

Array = npt.NDArray[Any]


def numbering(size: int) -> npt.DTypeLike:
    """Return the type of the numbers of so many members: two bytes if these are enough."""
    return np.uint16 if size <= 2**16 else np.int32


def by_source(
    pairs: Pairs, sources: int, neurons: int, *columns: Array
) -> tuple[Pairs, tuple[Array, ...]]:
    """Return connections by source, those of a source by neuron, with what there is for each.

    Connections between the same two stay in their order. What has to be moved is copied, but not
    what is there once for all of them.

    Parameters
    ----------
    sources, neurons : how many there are
    columns : shape (connections,): a value for each
    """
    if pairs.sources is None:
        return pairs, columns
    pre, post = pairs.sources, pairs.targets
    starts = _starts(pre, sources)
    targets = np.empty(len(pairs), numbering(neurons))
    moved = tuple(x if _is_single(x) else np.empty(len(pairs), x.dtype) for x in columns)
    for at, part in _pieces(pre, starts):
        order = part[_order(pre[part], post[part])]
        span = slice(at, at + len(part))
        targets[span] = post[order]
        for x, y in zip(columns, moved, strict=True):
            if not _is_single(x):
                y[span] = x[order]
    return Pairs(targets, starts, None), moved


def own(pairs: Pairs, values: Array) -> Array:
    """Return values that nobody else can change: copied, but where ``by_source`` does so anyway."""
    return values if pairs.starts is None or _is_single(values) else values.copy()


def _is_single(values: Array) -> bool:
    return values.strides == (0,)


def _starts(pre: Array, sources: int) -> IntArray:
    """Return where the connections of each source begin; shape (sources + 1,)."""
    starts = np.zeros(sources + 1, np.int64)
    for k in range(0, len(pre), AT_ONCE):
        starts[1:] += np.bincount(pre[k : k + AT_ONCE].astype(np.int64), minlength=sources)
    return starts.cumsum(out=starts)


def _pieces(pre: Array, starts: IntArray) -> Iterator[tuple[int, IntArray]]:
    """Yield the connections of some sources after the other: where they are to go, and numbers."""
    first, sources, most = 0, len(starts) - 1, max(AT_ONCE, len(pre) // PIECES)
    while first < sources:
        beyond = int(np.searchsorted(starts, starts[first] + most, side="right")) - 1
        last = min(max(beyond, first + 1), sources)
        if starts[last] > starts[first]:
            yield int(starts[first]), _of_sources(pre, first, last)
        first = last


def _of_sources(pre: Array, first: int, last: int) -> IntArray:
    found = [
        np.flatnonzero((part >= first) & (part < last)) + k
        for k in range(0, len(pre), AT_ONCE)
        for part in (pre[k : k + AT_ONCE],)
    ]
    return np.concatenate(found)


def _order(pre: Array, post: Array) -> IntArray:
    """Return the order by source, then by neuron; sixteen bits at a time, which is fast."""
    order = np.arange(len(pre))
    for numbers in (post, pre - pre.min()):
        left = int(numbers.max())
        shift = 0
        while left >> shift:
            digits = (numbers >> shift).astype(np.uint16)
            order = order[np.argsort(digits[order], kind="stable")]
            shift += 16
    return order


def listed(pairs: Pairs, neurons: int) -> Pairs:
    """Return connections in the order in which they are given, copied."""
    if pairs.starts is not None or pairs.sources is None:
        return pairs
    return Pairs(pairs.targets.astype(numbering(neurons)), None, pairs.sources.astype(np.int32))
