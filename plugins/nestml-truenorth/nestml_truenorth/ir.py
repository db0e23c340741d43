"""What a model becomes: a network for the chip, and the map between the two worlds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

from nestml_truenorth.axons import AxonGroup
from nestml_truenorth.chip.network import Network
from nestml_truenorth.corelet import Part


@dataclass(frozen=True, slots=True)
class Port:
    """A port; an event of weight 1 comes to ``counts`` on the axons of its pool.

    ``current`` says that it is a continuous port: its value, in each step, comes to that.
    """

    name: str
    counts: Fraction
    pool: int = 0
    current: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """A recordable: ``at_zero + per_count * potential``, in a coherent unit.

    Attributes
    ----------
    neuron : the neuron whose potential that is
    after_spike : what it is instead at the end of the tick of a spike and of those that follow;
        where ``per_count`` is 0, the last of these is what it stays
    """

    name: str
    unit: str
    per_count: Fraction
    at_zero: Fraction
    neuron: int = 0
    after_spike: tuple[Fraction, ...] = ()


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
    held : for how many ticks after a spike the neuron takes no inputs
    strategy : exact, or how the model is approximated; then inputs are rounded to whole counts,
        with what is left over carried to the next input
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
    held: int = 0
    strategy: str = "exact"

    @property
    def is_exact(self) -> bool:
        return self.strategy == "exact"


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a comparison with the model.

    ``limit`` is what was allowed, if there was a limit.
    """

    what: str
    value: float
    unit: str
    limit: float | None = None


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
    strategy: str
    part: Part
    metrics: tuple[Metric, ...] = ()
    forms: tuple[tuple[str, str | bytes], ...] = ()
    """Further files: the ends of their names, and what is in them."""

    @property
    def is_exact(self) -> bool:
        return self.io.is_exact

    @property
    def axon_count(self) -> int:
        return len(self.part.axons)

    @property
    def neuron_count(self) -> int:
        return len(self.part.cells)

    @property
    def roles(self) -> tuple[Fact, ...]:
        """How many neurons do what."""
        counts = Counter(cell.role for cell in self.part.cells)
        return tuple(Fact(role, str(n), "") for role, n in counts.items())


@dataclass(frozen=True, slots=True)
class ChipProgram:
    neurons: tuple[NeuronProgram, ...]
