"""Axons: how a number of counts in a step becomes spikes on axons of four weights.

A neuron sees four weights, one for each axon type; an axon delivers its weight at most once in a
tick, whatever arrives at it. So several axons of each type are given to one neuron, and the counts
that a step needs are put together from them.
"""

from __future__ import annotations

from dataclasses import dataclass

from nestml_truenorth.chip.network import AXON_TYPES, MAX_WEIGHT, SIZE

BINARY = (1, -1, 64, -64)
"""The weights that reach most: with 64 axons each, every whole number up to +-4160."""

HELD: tuple[int, int, int, int] = (1, 16, 200, -MAX_WEIGHT)
"""The weights for a neuron that is held down after spikes: the last one does that, too."""

HELD_SIZES = (16, 16, 20, 16)
"""How many axons of each of them carry inputs: every whole number from -4080 to 4272."""


@dataclass(frozen=True, slots=True)
class AxonGroup:
    """Consecutive axons of one core with one weight."""

    core: int
    first: int
    last: int
    counts: int
    pool: int = 0
    """Inputs that are summed before they are put together from axons have one pool."""

    @property
    def size(self) -> int:
        return self.last - self.first + 1

    @property
    def axons(self) -> range:
        return range(self.first, self.last + 1)


def groups(weights: tuple[int, ...], core: int = 0) -> tuple[AxonGroup, ...]:
    """Return all axons of a core, shared out evenly among one to four weights."""
    share = SIZE // len(weights)
    return tuple(
        AxonGroup(core, n * share, (n + 1) * share - 1, counts) for n, counts in enumerate(weights)
    )


def sized(weights: tuple[int, ...], sizes: tuple[int, ...]) -> tuple[AxonGroup, ...]:
    """Return so many axons of each weight, one group after the other."""
    found, first = [], 0
    for counts, size in zip(weights, sizes, strict=True):
        found.append(AxonGroup(0, first, first + size - 1, counts))
        first += size
    return tuple(found)


def by_type(weights: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return four weights for the axon types; types without axons have 0."""
    padded = (*weights, *(0,) * (AXON_TYPES - len(weights)))
    return (padded[0], padded[1], padded[2], padded[3])


def reach(offered: tuple[AxonGroup, ...]) -> tuple[int, int]:
    """Return the least and the greatest number of counts that all axons together can deliver."""
    totals = [g.counts * g.size for g in offered]
    return sum(min(t, 0) for t in totals), sum(max(t, 0) for t in totals)
