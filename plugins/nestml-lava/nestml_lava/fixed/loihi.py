"""The neuron of Loihi 1 in whole numbers, bit for bit, and models translated to it.

A step, with 24-bit u and v, computes

    u = wrap(decay(u, du + 1) + 64 a),    v = clip(decay(v, dv) + u + bias_mant 2^bias_exp),

    decay(x, d) = sign(x) floor(|x| (4096 - d) / 4096),

and, where v > 64 vth, sends a spike and sets v to 0; v then stands still for the refractory period.
Davies et al. (2018), IEEE Micro 38(1):82-99; the widths are those of Lava's LIF.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nestml_lava.stock import Lif

IntArray = npt.NDArray[np.int64]

UNITY = 4096
ALIGN = 64
"""What a synaptic message of 1 adds to u."""
LIMIT = 2**23
MAX_DECAY = 4095
MAX_BIAS = 4095
MAX_BIAS_EXP = 7
MAX_THRESHOLD = 2**17 - 1
MAX_WEIGHT = 255
MAX_REFRACTORY = 63
WEIGHT_EXPONENTS = range(-6, 8)
MOST_INPUTS = 16
SMALL = 1e-9
"""A bias below this part of the threshold is 0 but for rounding."""
ROOM = 0.999
"""How much of a range the scale may use."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a model must hold: the largest weight of each port, the ranges of u and v, in mV."""

    largest_input: float
    """The largest ``|gain * weight|`` of a single spike, in mV."""
    largest_u: float
    lowest_v: float
    inputs: tuple[float, ...] = ()
    """``|gain * weight|`` of the spikes that are known, in mV: the scale suits them."""


@dataclass(frozen=True, slots=True)
class Compartment:
    """A neuron of the chip, and what its numbers mean.

    Attributes
    ----------
    du, dv, bias_mant, bias_exp, vth : as in Lava's LIF
    refractory : for how many steps v stands still after a spike
    weight_exp : exponent of the weights, whose unit adds ``64 * 2**weight_exp`` to u
    scale : how many counts of v are 1 mV
    u, v : at the start
    """

    du: int
    dv: int
    bias_mant: int
    bias_exp: int
    vth: int
    refractory: int
    weight_exp: int
    scale: float
    u: int = 0
    v: int = 0

    @property
    def unit(self) -> float:
        """What a weight of 1 adds to u, in mV."""
        return ALIGN * 2.0**self.weight_exp / self.scale


def decayed(x: IntArray, d: int) -> IntArray:
    """Return what a decay of ``d / 4096`` leaves of x: rounded towards zero."""
    left: IntArray = np.sign(x) * ((np.abs(x) * (UNITY - d)) >> 12)
    return left


def wrapped(x: IntArray) -> IntArray:
    """Return x where 24 bits overflow as in the chip: by 2^24, once."""
    high = np.where(x > LIMIT, x - 2 * LIMIT, x)
    return np.where(high <= -LIMIT, x + 2 * LIMIT, high)


@dataclass(frozen=True, slots=True)
class State:
    """u, v, and for how many more steps v stands still; arrays of one shape."""

    u: IntArray
    v: IntArray
    waiting: IntArray


def start(c: Compartment, shape: tuple[int, ...]) -> State:
    nothing = np.zeros(shape, np.int64)
    return State(nothing + c.u, nothing + c.v, nothing)


def step(c: Compartment, state: State, message: IntArray) -> tuple[State, npt.NDArray[np.bool_]]:
    """Return the state after a step in which ``message`` arrives, and who spikes."""
    u = wrapped(decayed(state.u, c.du + 1) + ALIGN * message)
    moved = decayed(state.v, c.dv) + u + (c.bias_mant << c.bias_exp)
    free = state.waiting == 0
    v = np.where(free, np.clip(moved, 1 - LIMIT, LIMIT - 1), state.v)
    spikes = free & (v > ALIGN * c.vth)
    waiting = np.where(spikes, c.refractory, np.where(free, 0, state.waiting - 1))
    return State(u, np.where(spikes, 0, v), waiting), spikes


def compartment(lif: Lif, bounds: Bounds) -> Compartment | str:
    """Return a model as a compartment, on the finest scale that holds it, or why there is none."""
    if lif.refractory > MAX_REFRACTORY:
        return f"a refractory period of {lif.refractory} steps; the chip has {MAX_REFRACTORY}"
    if lif.threshold <= 0:
        return "the threshold is not above the reset"
    dv = round(UNITY * (1 - lif.keep_v))
    du = round(UNITY * (1 - lif.keep_u)) - 1
    vanished = dv == 0 and lif.keep_v < 1
    if vanished or not 0 <= dv <= MAX_DECAY + 1 or not 0 <= du <= MAX_DECAY:
        return "a time constant that 12 bits cannot hold: it must be below 8192 steps"
    scale = _fitting(ROOM * min(_scales(lif, bounds)), bounds)
    top = abs(lif.bias) * scale
    bias_exp = max(0, math.ceil(math.log2(top / MAX_BIAS))) if top > MAX_BIAS else 0
    exponent = _weight_exponent(bounds.largest_input * scale)
    return Compartment(
        du=du,
        dv=dv,
        bias_mant=round(lif.bias * scale / 2**bias_exp),
        bias_exp=bias_exp,
        vth=math.ceil(lif.threshold * scale / ALIGN) - (0 if lif.strict else 1),
        refractory=lif.refractory,
        weight_exp=exponent,
        scale=scale,
        u=round(lif.u * scale),
        v=round(lif.v * scale),
    )


def _fitting(scale: float, bounds: Bounds) -> float:
    """Return a scale, at most ``scale`` and over half of it, on which inputs are whole numbers.

    If there are too many of them, or none is much better than ``scale``, that is kept.
    """
    if not 0 < len(bounds.inputs) <= MOST_INPUTS:
        return scale
    top = max(bounds.inputs)
    exponent = _weight_exponent(top * scale)
    unit = ALIGN * 2.0**exponent
    most = min(MAX_WEIGHT, math.floor(top * scale / unit))
    choices = [n * unit / top for n in range(most, most // 2, -1)]

    def badness(s: float) -> float:
        return max(abs(w * s / unit - round(w * s / unit)) / (w * s / unit) for w in bounds.inputs)

    best = min(choices, key=lambda s: (round(badness(s), 4), -s), default=scale)
    return best if badness(best) < badness(scale) else scale


def _weight_exponent(top: float) -> int:
    """Return the exponent with which the largest weight, in counts, fits into 8 bits."""
    if top <= 0:
        return WEIGHT_EXPONENTS.start
    needed = math.log2(top / ALIGN / MAX_WEIGHT)
    return max(WEIGHT_EXPONENTS.start, math.ceil(needed - 1e-9))


def _scales(lif: Lif, bounds: Bounds) -> Iterator[float]:
    """Yield the counts per mV at which each limit of the chip is reached."""
    yield MAX_THRESHOLD * ALIGN / lif.threshold
    for size, limit in (
        (abs(lif.bias), MAX_BIAS * 2**MAX_BIAS_EXP),
        (bounds.largest_input, MAX_WEIGHT * 2 ** (WEIGHT_EXPONENTS.stop - 1) * ALIGN),
        (max(abs(bounds.lowest_v), abs(lif.v)), LIMIT - 1),
        (max(bounds.largest_u, abs(lif.u)), LIMIT - 1),
    ):
        if size > 0:
            yield limit / size


@dataclass(frozen=True, slots=True)
class Errors:
    """What rounding the constants of a model costs, as far as that is known before a run.

    Relative errors; ``rate`` bounds that of the firing rate by the error of the slower decay.
    """

    decay_v: float
    decay_u: float
    bias: float
    threshold: float
    weight: float
    """Of the largest weight: half a count."""
    rate: float


def errors(lif: Lif, c: Compartment, bounds: Bounds) -> Errors:
    """Return how far the constants of ``c`` are from those of ``lif``."""
    keep_v, keep_u = 1 - c.dv / UNITY, 1 - (c.du + 1) / UNITY
    leak_v = _relative(1 - keep_v, 1 - lif.keep_v)
    leak_u = _relative(1 - keep_u, 1 - lif.keep_u)
    least = min(x for x in (1 - lif.keep_v, 1 - lif.keep_u) if x > 0) if lif.keep_v < 1 else 1.0
    return Errors(
        decay_v=leak_v,
        decay_u=leak_u,
        bias=_relative((c.bias_mant << c.bias_exp) / c.scale, lif.bias)
        if abs(lif.bias) > SMALL * lif.threshold
        else 0.0,
        threshold=_relative((c.vth + 1) * ALIGN / c.scale, lif.threshold),
        weight=c.unit / 2 / bounds.largest_input if bounds.largest_input else 0.0,
        rate=0.5 / (UNITY * least),
    )


def _relative(value: float, wanted: float) -> float:
    return abs(value - wanted) / abs(wanted) if wanted else abs(value)


def stored_weights(weights: IntArray, mode: str, exponent: int) -> IntArray:
    """Return what single spikes bring of weights that a synapse of 8 bits is given.

    Weights of one sign, ``excitatory`` or ``inhibitory``, have 8 bits; where signs are ``mixed``,
    one of these is the sign and weights are even.
    """
    match mode:
        case "excitatory":
            kept = np.clip(weights, 0, MAX_WEIGHT)
        case "inhibitory":
            kept = np.clip(weights, -MAX_WEIGHT, 0)
        case "mixed":
            kept = 2 * (np.clip(weights, -256, 254) // 2)
        case _:
            raise ValueError(f"no mode of weights: {mode}")
    stored: IntArray = kept << exponent if exponent >= 0 else kept >> -exponent
    return stored
