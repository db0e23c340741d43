"""Holding a membrane down: resets of many cells, and refractory periods, out of chip neurons.

A cell that fires resets only itself. Copies of it fire in the same ticks, and each drives an axon
of weight -255 ("clamp") that reaches all cells of the corelet one tick later: together they push
these to their floor. For longer periods a neuron that fires so many times in a row goes on doing
that, and where the reset lies above the floor, further axons lift all cells to it in the tick
after the last clamp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nestml_truenorth.chip.network import MAX_DELAY, MAX_WEIGHT, NeuronType, Reset
from nestml_truenorth.corelet import Drawing, Here

LONGEST = 256
"""For how many ticks a membrane can be held."""

CLAMP = 3
"""The axon type with weight -255."""


@dataclass(frozen=True, slots=True)
class Hold:
    """How to hold.

    Attributes
    ----------
    ticks : 1 or more: for how many ticks after a spike
    first, later : how many clamps it takes in the first of them, and in the others
    restore : the types of the axons that lift the cells afterwards
    """

    ticks: int
    first: int
    later: int
    restore: tuple[int, ...] = ()

    @property
    def copies(self) -> int:
        """How many further copies of the spiking cell it takes."""
        return self.first + int(self.needs_trigger)

    @property
    def needs_trigger(self) -> bool:
        return self.ticks > 1 or bool(self.restore)


def clamps(distance: int) -> int:
    """Return how many clamps pull a potential down by ``distance`` counts, at least one."""
    return max(1, -(-distance // MAX_WEIGHT))


def hold(drawing: Drawing, kind: NeuronType, cells: Sequence[int], how: Hold) -> tuple[int, ...]:
    """Add what holds ``cells``, of which one or more are of the spiking ``kind``.

    Returns the copies of the spiking cell that were added: they need the same inputs. The cells
    and the copies are connected to the clamps here.
    """
    axons = [drawing.axon(CLAMP) for _ in range(how.first)]
    copies = [drawing.cell(kind, Here(axon), "reset") for axon in axons]
    if how.needs_trigger:
        trigger = drawing.axon(0)
        copies.append(drawing.cell(kind, Here(trigger), "trigger"))
    held = (*cells, *copies)
    for axon in axons:
        drawing.connect(axon, held)
    if how.ticks > 1:
        for axon in axons[: how.later]:
            drawing.connect(trigger, [drawing.cell(_burst(how.ticks - 1), Here(axon), "hold")])
    if how.restore:
        last, delay = _delayed(drawing, trigger, how.ticks)
        for type in how.restore:
            lift = drawing.axon(type, held)
            drawing.connect(last, [drawing.cell(RELAY, Here(lift, delay), "restore")])
    return tuple(copies)


RELAY = NeuronType(0, (1, 1, 1, 1), threshold=1, saturates=True)
"""A neuron that fires whenever a spike reaches it."""


def _burst(times: int) -> NeuronType:
    """Return a neuron that, from one spike on, fires in so many ticks in a row."""
    return NeuronType(0, (times, 0, 0, 0), threshold=1, reset_mode=Reset.SUBTRACT, saturates=True)


def _delayed(drawing: Drawing, axon: int, delay: int) -> tuple[int, int]:
    """Return an axon, and a delay of a relay on it, that come ``delay`` ticks after ``axon``."""
    while delay > MAX_DELAY:
        following = drawing.axon(0)
        drawing.connect(axon, [drawing.cell(RELAY, Here(following, MAX_DELAY), "delay")])
        axon, delay = following, delay - MAX_DELAY
    return axon, delay
