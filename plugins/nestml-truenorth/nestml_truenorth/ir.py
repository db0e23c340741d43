"""What a model becomes: a network for the chip, and the map between the two worlds."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from nestml_truenorth.axons import AxonGroup
from nestml_truenorth.chip.network import Network


@dataclass(frozen=True, slots=True)
class Port:
    """A spike port; an event of weight 1 adds ``counts`` to the potential."""

    name: str
    counts: Fraction


@dataclass(frozen=True, slots=True)
class Reading:
    """A recordable: ``at_zero + per_count * potential``, in a coherent unit."""

    name: str
    unit: str
    per_count: Fraction
    at_zero: Fraction


@dataclass(frozen=True, slots=True)
class IoMap:
    """How to drive a generated network and how to read it.

    Tick k computes step k of the model, from (k-1) * tick to k * tick; tick 0 comes before the
    first step and leaves the potential at its initial value. An event due in step k enters as
    spikes with source time k - 1; a spike with source time k is one of step k.

    Attributes
    ----------
    model : its name
    tick : ms
    core, neuron : which neuron computes the model
    output_core, output_axon : the line on which its spikes leave the chip
    axons : what can be delivered in one tick: each axon once
    ports, readings : how inputs become counts, and counts recordings
    low, high : potentials, in counts, within which the chip computes the model without any error
    """

    model: str
    tick: Fraction
    core: int
    neuron: int
    output_core: int
    output_axon: int
    axons: tuple[AxonGroup, ...]
    ports: tuple[Port, ...]
    readings: tuple[Reading, ...]
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the report: what, in the model, and on the chip."""

    what: str
    model: str
    chip: str


@dataclass(frozen=True, slots=True)
class NeuronProgram:
    """One model on the chip.

    ``name`` is the stem of its files; ``ticks`` is for the run configuration.
    """

    name: str
    documentation: tuple[str, ...]
    variable: str
    unit: str
    scale: Fraction
    origin: Fraction
    network: Network
    io: IoMap
    facts: tuple[Fact, ...]
    ticks: int

    @property
    def axon_count(self) -> int:
        return sum(group.size for group in self.io.axons)


@dataclass(frozen=True, slots=True)
class ChipProgram:
    neurons: tuple[NeuronProgram, ...]
