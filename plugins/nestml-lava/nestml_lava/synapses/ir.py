"""What is generated for a synapse."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from nestml_lava.ir import Port, Process
from nestml_lava.synapses.rules import Rule, Trace
from nestml_lava.synapses.third import ThirdSide


@dataclass(frozen=True, slots=True)
class Connection:
    """A process that holds connections, with its model, and the module of both.

    ``values`` has the variables, ports and routines, as a population of connections has them.
    """

    values: Process
    presynaptic: Port
    postsynaptic: Port | None
    modulators: tuple[Port, ...]
    order: tuple[Port, ...]
    """All ports for spikes, in the order in which events of one time are handled."""
    constants: tuple[str, ...]
    """What is derived from parameters."""
    moving: tuple[str, ...]
    """What may change between events."""
    jumping: tuple[str, ...]
    """Ports whose spikes are added at the end of a flow."""
    every_step: bool
    weight: str = ""
    """The weight, where the rest is fixed, or what the connections of an axon share."""
    is_relay: bool = False
    """Whether a relay at the axon computes what its connections share."""

    @property
    def name(self) -> str:
        return self.values.name

    @property
    def wiring(self) -> str:
        """The function that connects the process to neurons."""
        return "relayed" if self.is_relay else "passed" if self.weight else "wired"

    @property
    def process(self) -> Process | None:
        """No neuron."""
        return None

    @property
    def vectors(self) -> tuple[str, ...]:
        return tuple(x.name for x in self.values.variables if x.length is not None)


@dataclass(frozen=True, slots=True)
class Learning:
    """Connections that learn by a rule of Loihi."""

    name: str
    symbol_name: str
    rule: Rule
    weight: str
    """What the weight is called in generated code."""
    factor: float
    """The size of its unit in coherent ones."""
    whole: bool
    third: ThirdSide | None = None

    @property
    def process(self) -> Process | None:
        """No neuron."""
        return None

    @property
    def dt(self) -> str:
        return self.rule.dt

    @property
    def dw(self) -> str:
        return self.rule.dw

    @property
    def traces(self) -> tuple[Trace, ...]:
        return self.rule.traces

    @property
    def tag(self) -> float:
        return self.rule.tag

    @property
    def unit(self) -> float:
        return self.rule.unit / self.factor

    @property
    def begin(self) -> float:
        return self.rule.begin / self.factor

    @property
    def largest(self) -> float:
        return self.rule.largest / self.factor

    @property
    def is_bounded(self) -> bool:
        return self.rule.largest < inf

    @property
    def shown(self) -> str:
        """The traces with what they are in the model."""
        return ", ".join(f"``{t.name}`` is {t.symbol.name}" for t in self.traces)

    @property
    def taken(self) -> tuple[str, ...]:
        """What the module takes from its runtime."""
        more = ("WHOLE_MODELS",) if self.whole else ()
        return (*more, *(("Third",) if self.third else ()), "Rule", "learning")

    @property
    def shortest(self) -> str:
        return "two steps" if self.whole else "one step"
