"""Events of an experiment as spikes on axons."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from nestml_core.api import NOWHERE, Diagnostic, Events, Result
from nestml_truenorth import codes
from nestml_truenorth.affine import decimal, exact
from nestml_truenorth.axons import AxonGroup, reach
from nestml_truenorth.chip.spikes import InputSpike
from nestml_truenorth.ir import IoMap

UNREACHED = np.iinfo(np.int32).max // 2


class AxonCode:
    """For every number of counts that axons can deliver, the fewest axons that do.

    A bounded knapsack, solved once for all totals: after group n, ``used[n][total - low]`` says
    how many axons of that group the best choice takes.
    """

    def __init__(self, offered: tuple[AxonGroup, ...]) -> None:
        self.groups = offered
        self.low, self.high = reach(offered)
        width = self.high - self.low + 1
        cost = np.full(width, UNREACHED, np.int64)
        cost[-self.low] = 0
        self.used = []
        for group in offered:
            cost, used = _with_group(cost, group)
            self.used.append(used)
        self.cost = cost

    def __contains__(self, total: int) -> bool:
        return self.low <= total <= self.high and bool(self.cost[total - self.low] < UNREACHED)

    def axons(self, total: int) -> tuple[tuple[int, int], ...]:
        """Return the (core, axon) pairs whose spikes add up to ``total``, which must be in here."""
        found: list[tuple[int, int]] = []
        for group, used in zip(reversed(self.groups), reversed(self.used), strict=True):
            times = int(used[total - self.low])
            found += [(group.core, axon) for axon in group.axons[:times]]
            total -= times * group.counts
        return tuple(sorted(found))


def _with_group(
    cost: npt.NDArray[np.int64], group: AxonGroup
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the least numbers of axons when ``group`` may be used too, and how many of it are."""
    best, used = cost.copy(), np.zeros(len(cost), np.int64)
    for times in range(1, group.size + 1):
        offset = times * group.counts
        shifted = np.full(len(cost), UNREACHED, np.int64)
        if abs(offset) >= len(cost):
            break
        if offset >= 0:
            shifted[offset:] = cost[: len(cost) - offset] + times
        else:
            shifted[:offset] = cost[-offset:] + times
        better = shifted < best
        best[better] = shifted[better]
        used[better] = times
    return best, used


def input_spikes(io: IoMap, events: Mapping[str, Events]) -> Result[tuple[InputSpike, ...]]:
    """Return the spikes that deliver ``events`` (by port), without any rounding.

    Inputs of one step reach the potential before anything is tested, so only their sum matters:
    the fewest axons that add up to it are used.

    Errors
    ------
    TN302 : a weight is no whole number of counts, or a step needs counts that no axons add up to.
    """
    totals: dict[int, Fraction] = {}
    for port in io.ports:
        if port.name not in events:
            continue
        train = events[port.name]
        for step, weight in zip(train.steps.tolist(), train.weights.tolist(), strict=True):
            amount = exact(weight)
            assert isinstance(amount, Fraction)
            totals[step] = totals.get(step, Fraction(0)) + amount * port.counts
    broken = next(((s, t) for s, t in sorted(totals.items()) if t.denominator != 1), None)
    if broken is not None:
        return Result(None, (_not_whole(io, *broken),))
    code = AxonCode(io.axons)
    needed = sorted({int(t) for t in totals.values()})
    beyond = [t for t in needed if t not in code]
    if beyond:
        step = next(s for s, t in sorted(totals.items()) if t in beyond)
        return Result(None, (_not_delivered(io, code, step, int(totals[step])),))
    axons = {total: code.axons(total) for total in needed}
    return Result(
        tuple(
            InputSpike(step - 1, core, axon)
            for step, total in sorted(totals.items())
            for core, axon in axons[int(total)]
        )
    )


def _not_whole(io: IoMap, step: int, total: Fraction) -> Diagnostic:
    return codes.WEIGHT.at(
        NOWHERE,
        f"`{io.model}`: the spikes due at {decimal(step * io.tick)} ms come to {decimal(total)} "
        "counts, not a whole number",
        help=f"use weights that are whole numbers of counts, or a scale {total.denominator} times "
        "as large",
    )


def _not_delivered(io: IoMap, code: AxonCode, step: int, total: int) -> Diagnostic:
    return codes.WEIGHT.at(
        NOWHERE,
        f"`{io.model}`: the spikes due at {decimal(step * io.tick)} ms come to {total} counts; "
        f"the axons deliver {code.low} to {code.high} in a tick, and of these only sums of their "
        "weights",
        help="use smaller weights, fewer spikes in a step, a smaller scale, or other axon weights "
        "(weights=...)",
    )
