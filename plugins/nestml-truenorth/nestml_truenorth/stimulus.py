"""Events of an experiment as spikes on axons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from nestml_core.api import NOWHERE, Diagnostic, Events, Result
from nestml_truenorth import codes
from nestml_truenorth.affine import decimal, exact
from nestml_truenorth.axons import AxonGroup, reach
from nestml_truenorth.chip.spikes import InputSpike
from nestml_truenorth.ir import IoMap, Port

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

    def nearest(self, total: int) -> int:
        """Return the number nearest to ``total`` that axons can deliver."""
        width = self.high - self.low + 1
        for away in range(width):
            for near in (total - away, total + away):
                if near in self:
                    return near
        return 0

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


def input_spikes(
    io: IoMap,
    events: Mapping[str, Events],
    currents: Mapping[str, npt.NDArray[np.float64]] = MappingProxyType({}),
) -> Result[tuple[InputSpike, ...]]:
    """Return the spikes that deliver ``events`` and ``currents`` (by port).

    Inputs of one step reach the potential before anything is tested, so only their sum in each
    pool matters: the fewest axons that add up to it are used. An exact program gets no rounded
    inputs; otherwise they are rounded, and what is left over is added to the next ones.

    Errors
    ------
    TN302 : a weight is no whole number of counts, or a step needs counts that no axons add up to.
    """
    found: list[InputSpike] = []
    for pool in dict.fromkeys(g.pool for g in io.axons):
        ports = [p for p in io.ports if p.pool == pool]
        totals = _totals(ports, events)
        offered = tuple(g for g in io.axons if g.pool == pool)
        if io.is_exact:
            delivered = _exactly(io, offered, totals)
        else:
            delivered = _rounded(io, offered, _with_currents(ports, totals, currents))
        if delivered.value is None:
            return Result(None, delivered.diagnostics)
        found += delivered.value
    return Result(tuple(sorted(found)))


def _totals(ports: list[Port], events: Mapping[str, Events]) -> dict[int, Fraction]:
    """Return the counts that the events of each step come to."""
    totals: dict[int, Fraction] = {}
    for port in ports:
        if port.name not in events or port.current:
            continue
        train = events[port.name]
        for step, weight in zip(train.steps.tolist(), train.weights.tolist(), strict=True):
            amount = exact(weight)
            assert isinstance(amount, Fraction)
            totals[step] = totals.get(step, Fraction(0)) + amount * port.counts
    return totals


def _with_currents(
    ports: list[Port],
    totals: dict[int, Fraction],
    currents: Mapping[str, npt.NDArray[np.float64]],
) -> dict[int, float]:
    added = {step: float(total) for step, total in totals.items()}
    for port in ports:
        signal = currents.get(port.name)
        if not port.current or signal is None or not signal.any():
            continue
        per_unit = float(port.counts)
        for step, value in enumerate(signal.tolist(), 1):
            added[step] = added.get(step, 0.0) + per_unit * value
    return added


def _exactly(
    io: IoMap, offered: tuple[AxonGroup, ...], totals: dict[int, Fraction]
) -> Result[list[InputSpike]]:
    broken = next(((s, t) for s, t in sorted(totals.items()) if t.denominator != 1), None)
    if broken is not None:
        return Result(None, (_not_whole(io, *broken),))
    code = AxonCode(offered)
    needed = sorted({int(t) for t in totals.values()})
    beyond = [t for t in needed if t not in code]
    if beyond:
        step = next(s for s, t in sorted(totals.items()) if t in beyond)
        return Result(None, (_not_delivered(io, code, step, int(totals[step])),))
    return Result(list(_spikes(code, {step: int(t) for step, t in totals.items()})))


def _rounded(
    io: IoMap, offered: tuple[AxonGroup, ...], totals: dict[int, float]
) -> Result[list[InputSpike]]:
    """Deliver the nearest counts that axons add up to; carry the rest to the next input."""
    code = AxonCode(offered)
    amounts, rest = {}, 0.0
    for step, total in sorted(totals.items()):
        wanted = total + rest
        if not code.low <= round(wanted) <= code.high:
            return Result(None, (_not_delivered(io, code, step, round(wanted)),))
        amounts[step] = code.nearest(round(wanted))
        rest = wanted - amounts[step]
    return Result(list(_spikes(code, amounts)))


def _spikes(code: AxonCode, amounts: dict[int, int]) -> Iterator[InputSpike]:
    axons = {total: code.axons(total) for total in sorted(set(amounts.values()))}
    for step, total in amounts.items():
        for core, axon in axons[total]:
            yield InputSpike(step - 1, core, axon)


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
