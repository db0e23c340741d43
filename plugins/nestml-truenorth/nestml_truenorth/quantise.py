"""From exact dynamics to the integers of a chip neuron: scale, origin, parameters.

Potentials on the chip are whole numbers of counts: ``counts = scale * (value - origin)``. Nothing
is rounded: every constant is a whole number of counts, or the model is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from nestml_core.api import Diagnostic, Result, Span
from nestml_truenorth import codes
from nestml_truenorth.affine import decimal
from nestml_truenorth.axons import AxonGroup, by_type, reach
from nestml_truenorth.chip.network import (
    MAX_POTENTIAL,
    MAX_RESET_BITS,
    MAX_THRESHOLD,
    MAX_WEIGHT,
    MIN_POTENTIAL,
    NeuronType,
    Reset,
)
from nestml_truenorth.step import Dynamics

RESETS = (0, *(s * ((1 << bits) - 1) for bits in range(1, MAX_RESET_BITS + 1) for s in (1, -1)))
"""The reset values a chip neuron has, in counts."""

SAFE = MAX_THRESHOLD
"""No potential may go beyond plus or minus this, so that saturation never matters."""


@dataclass(frozen=True, slots=True)
class Quantised:
    """A chip neuron that computes some dynamics exactly while it stays within low..high counts."""

    scale: Fraction
    origin: Fraction
    kind: NeuronType
    axons: tuple[AxonGroup, ...]
    low: int
    high: int

    def counts(self, value: Fraction) -> int:
        """Return a potential of the model in counts; it is a whole number of them."""
        return int(self.scale * (value - self.origin))


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something that must be a whole number of counts."""

    what: str
    value: Fraction
    span: Span


def quantities(d: Dynamics, initial: Fraction, initial_span: Span) -> tuple[Quantity, ...]:
    """Return all distances in the dynamics that the chip holds as whole numbers of counts."""
    anchor = d.fire.threshold if d.fire.reset is None else d.fire.reset
    name = d.variable.name
    found = [
        Quantity(f"the drift of `{name}` in a tick", d.drift, d.drift_span),
        Quantity("the distance from reset to threshold", d.fire.threshold - anchor, d.fire.span),
        Quantity("what a spike subtracts", d.fire.subtract, d.fire.span),
        Quantity(f"the initial `{name}`, relative to the reset", initial - anchor, initial_span),
    ]
    if d.floor is not None:
        what = "the lower bound, relative to the reset"
        found.append(Quantity(what, d.floor - anchor, d.floor_span))
    found += [
        Quantity(f"what a weight of 1 on `{port.name}` adds", factor, port.span)
        for port, factor in d.ports
    ]
    return tuple(q for q in found if q.value)


def coarsest_scale(found: tuple[Quantity, ...]) -> Fraction:
    """Return the smallest scale at which every quantity is a whole number of counts."""
    step = Fraction(0)
    for q in found:
        step = _common_divisor(step, q.value)
    return 1 / step if step else Fraction(1)


def not_whole(found: tuple[Quantity, ...], scale: Fraction, unit: str) -> Iterator[Diagnostic]:
    """Yield a refusal for each quantity that is no whole number of counts at ``scale``."""
    needed = decimal(coarsest_scale(found))
    for q in found:
        counts = q.value * scale
        if counts.denominator != 1:
            yield codes.NOT_EXACT.at(
                q.span,
                f"{q.what} is {decimal(q.value)} {unit}, which at scale {decimal(scale)} is "
                f"{decimal(counts)} counts, not a whole number",
                help=f"use scale={needed} (counts per {unit}) or a whole multiple of it",
            )


def quantise(
    d: Dynamics,
    initial: Fraction,
    initial_span: Span,
    scale: Fraction,
    offered: tuple[AxonGroup, ...],
    *,
    depth: int = SAFE,
    types: tuple[int, int, int, int] | None = None,
) -> Result[Quantised]:
    """Return the chip neuron for ``d``; every quantity is a whole number of counts at ``scale``.

    Parameters
    ----------
    offered : the axons for inputs; of one to four different weights, by type
    types : the weights of the axon types, if not those of ``offered`` in turn
    depth : how far below its zero the potential may fall at most, in counts
    """
    low, high = reach(offered)
    drift = int(scale * d.drift)
    deepest = min(SAFE + low + min(drift, 0), depth)
    bounds = _Bounds(deepest, SAFE - high - max(drift, 0))
    weights = types or by_type(tuple(dict.fromkeys(g.counts for g in offered)))
    found = list(_leak_problems(d, drift))
    origin = _origin(d, scale, bounds)
    if isinstance(origin, Diagnostic):
        return Result(None, (*found, origin))
    kind = _kind(d, scale, origin, weights, bounds)
    potential = _stored(kind, int(scale * (initial - origin)))
    if potential is None:
        found.append(_bad_start(d, initial, initial_span))
    if found or potential is None:
        return Result(None, tuple(found))
    kind = replace(kind, potential=potential)
    deepest = -kind.floor if d.floor is not None else -kind.floor + 1
    lowest = min(deepest, kind.reset)
    quantised = Quantised(scale, origin, kind, offered, lowest, bounds.highest)
    return Result(quantised, tuple(_unbounded(d, kind, scale, high + drift)))


@dataclass(frozen=True, slots=True)
class _Bounds:
    """How far from zero, in counts, a potential may be at the end of a tick."""

    deepest: int
    highest: int


def _common_divisor(a: Fraction, b: Fraction) -> Fraction:
    return Fraction(
        math.gcd(a.numerator * b.denominator, b.numerator * a.denominator),
        a.denominator * b.denominator,
    )


def _leak_problems(d: Dynamics, drift: int) -> Iterator[Diagnostic]:
    if abs(drift) > MAX_WEIGHT:
        yield codes.OUT_OF_RANGE.at(
            d.drift_span,
            f"`{d.variable.name}` drifts by {drift} counts in a tick; a chip neuron leaks at most "
            f"{MAX_WEIGHT}",
            help="choose a shorter tick, or constants with a larger common divisor",
        )


def _origin(d: Dynamics, scale: Fraction, bounds: _Bounds) -> Fraction | Diagnostic:
    """Return the value that 0 counts stand for.

    It must not lie above the threshold or below the lower bound. A subtracting reset takes off the
    threshold in counts, so that fixes it. Otherwise the reset is R counts above it, and R is 0 or
    +-(2^k - 1): the first of these between the limits.
    """
    strict = int(d.fire.strict)
    highest = min(MAX_THRESHOLD, bounds.highest + 1)
    if d.fire.reset is None:
        origin = d.fire.threshold + strict / scale - d.fire.subtract
        floor = 0 if d.floor is None else scale * (origin - d.floor)
        fits = scale * d.fire.subtract <= highest and floor <= bounds.deepest
        return origin if fits and floor >= 0 else _no_origin(d, scale, bounds, origin)
    below_threshold = scale * (d.fire.threshold - d.fire.reset) + strict
    above_floor = bounds.deepest if d.floor is None else scale * (d.fire.reset - d.floor)
    between = [reset for reset in RESETS if -below_threshold <= reset <= above_floor]
    for reset in between:
        fits = below_threshold + reset <= highest and above_floor - reset <= bounds.deepest
        if fits and -bounds.deepest <= reset <= bounds.highest:
            return d.fire.reset - reset / scale
    if between:
        return _no_origin(d, scale, bounds, d.fire.reset)
    return codes.RESET.at(
        d.fire.span,
        f"the reset of `{d.variable.name}` to {decimal(d.fire.reset)} cannot be stored: from the "
        f"chip's zero, which lies between lower bound and threshold, it is "
        f"{decimal(-below_threshold)} to {decimal(Fraction(above_floor))} counts; a chip neuron "
        "resets to 0 or +-(2^k - 1)",
        help="choose a reset between the lower bound and the threshold, or try another scale",
    )


def _no_origin(d: Dynamics, scale: Fraction, bounds: _Bounds, zero: Fraction) -> Diagnostic:
    if d.floor is not None and d.fire.reset is None and d.floor > zero:
        return codes.FLOOR.at(
            d.floor_span,
            f"the lower bound ({decimal(d.floor)}) is above what a spike at the threshold "
            f"leaves ({decimal(zero)})",
            help="choose a bound at or below threshold minus what a spike subtracts",
        )
    held = [v for v in (d.fire.threshold, d.fire.reset, d.floor) if v is not None]
    span = scale * max(max(held) - min(held), d.fire.subtract)
    return codes.OUT_OF_RANGE.at(
        d.fire.span,
        f"threshold, reset and lower bound of `{d.variable.name}` are up to {decimal(span)} counts "
        f"apart; the chip holds potentials from -{bounds.deepest} to {bounds.highest} safely",
        help="choose constants with a larger common divisor, so that fewer counts are needed",
    )


def _kind(
    d: Dynamics,
    scale: Fraction,
    origin: Fraction,
    weights: tuple[int, int, int, int],
    bounds: _Bounds,
) -> NeuronType:
    drift = int(scale * d.drift)
    floor = bounds.deepest if d.floor is None else int(scale * (origin - d.floor))
    return NeuronType(
        number=1,
        weights=weights,
        threshold=int(scale * (d.fire.threshold - origin)) + int(d.fire.strict),
        floor=floor,
        leak=max(-MAX_WEIGHT, min(MAX_WEIGHT, drift)),
        reset_mode=Reset.SUBTRACT if d.fire.reset is None else Reset.VALUE,
        reset=0 if d.fire.reset is None else int(scale * (d.fire.reset - origin)),
        saturates=True,
    )


def _stored(kind: NeuronType, start: int) -> int | None:
    """Return a first potential that tick 0, which has no inputs, turns into ``start``.

    Zero, where it does, since that is what every tool starts with.
    """
    for potential in (0, start - kind.leak):
        leaked = potential + kind.leak
        quiet = leaked < kind.threshold
        if quiet and max(leaked, -kind.floor) == start:
            return potential if MIN_POTENTIAL <= potential <= MAX_POTENTIAL else None
    return None


def _bad_start(d: Dynamics, initial: Fraction, span: Span) -> Diagnostic:
    name = d.variable.name
    limits = f"threshold {decimal(d.fire.threshold)}"
    if d.floor is not None:
        limits = f"lower bound {decimal(d.floor)} and {limits}"
    return codes.INITIAL.at(
        span,
        f"`{name}` starts at {decimal(initial)}, outside {limits}",
        help=f"start `{name}` below its threshold and not below its lower bound: the chip would "
        "fire or clip before the first step",
    )


def _unbounded(d: Dynamics, kind: NeuronType, scale: Fraction, most: int) -> Iterator[Diagnostic]:
    name = d.variable.name
    if d.floor is None:
        yield codes.UNBOUNDED.at(
            d.variable.span,
            f"`{name}` has no lower bound; on the chip it cannot fall more than "
            f"{decimal(kind.floor / scale)} below its zero",
            help=f"bound it: onCondition({name} < V_min): {name} = V_min. Simulations stop with an "
            "error if the bound of the chip is reached",
        )
    if kind.reset_mode is Reset.SUBTRACT and most > kind.threshold:
        yield codes.UNBOUNDED.at(
            d.fire.span,
            f"input of more than a threshold in every step lets `{name}` grow without end",
            help="simulations stop with an error if the chip's range is left",
        )
