"""Synapses of an extension module, and what neurons keep for them, in NEST's own terms.

Symbols in expressions and statements carry C++ names with the struct that owns them: ``P`` holds
the parameters of a connection, ``C`` those that all connections of a model share, ``N`` those that
belong to the postsynaptic neuron; ``V``, ``K`` and ``D`` what follows from ``C`` alone, from
parameters, and from the length of the interval since the last event; ``S`` the state of a
connection, ``M`` a copy of the state that the neuron keeps; ``in`` ports, time and interval.
"""

from __future__ import annotations

from dataclasses import dataclass

from nestml_core.api import Expr, Stmt
from nestml_nest.ir import (
    Change,
    Computation,
    Condition,
    Convolved,
    Entry,
    FlowFunction,
    FunctionDefinition,
    Guard,
    Member,
    Recording,
)


@dataclass(frozen=True, slots=True)
class Owned:
    """An entry and the struct that holds it."""

    owner: str
    entry: Entry
    is_parameter: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """What a spike at a port does."""

    name: str
    role: str
    """``pre``, ``post`` or ``mod``."""
    is_post: bool
    is_mod: bool
    member: str
    """The port as a member of ``in``; empty if nothing reads it."""
    flows_anyway: bool
    """Equations contain spikes of the port: there is a flow even if no time has passed."""
    body: tuple[Stmt, ...]
    jumps: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """A continuous port of a synapse, and what it sees of the neuron."""

    port: str
    """As a member of ``in``."""
    value: Expr
    """In terms of the neuron."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a neuron keeps for the synapses of one model that end at it."""

    name: str
    """The C++ struct, in a header of this name."""
    member: str
    """The member of the neuron."""
    synapse: str
    parameters: tuple[Entry, ...]
    state: tuple[Entry, ...]
    hidden: tuple[Member, ...]
    dependents: tuple[Owned, ...]
    constants: tuple[Member, ...]
    constant_computations: tuple[Computation, ...]
    interval: tuple[Member, ...]
    interval_computations: tuple[Computation, ...]
    updates: tuple[Change, ...]
    before: tuple[Change, ...]
    body: tuple[Stmt, ...]
    jumps: tuple[Change, ...]
    uses_time: bool
    guards: tuple[Guard, ...]
    headers: tuple[str, ...]
    runtime: tuple[str, ...]
    has_archive: bool
    """Synapses see the spikes of the neuron."""
    has_mod: bool
    """They hear of modulating neurons, and so are looked at again and again."""
    catches_up: bool
    """Otherwise the neuron has them looked at when it keeps too much for them."""
    seen: tuple[Seen, ...]
    """What else they see of it."""
    course: str
    """The C++ class that remembers that."""
    is_stepwise: bool
    """It remembers every step."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An entry of the model that is set in the neuron."""

    key: str
    message: str


@dataclass(frozen=True, slots=True)
class Partner:
    """The neuron that a synapse is paired with."""

    name: str
    title: str
    kept: Kept
    elsewhere: tuple[Elsewhere, ...]


@dataclass(frozen=True, slots=True)
class Synapse:
    name: str
    events: str
    """The struct of what happens at events."""
    title: str
    documentation: tuple[str, ...]
    headers: tuple[str, ...]
    runtime: tuple[str, ...]
    own: tuple[Entry, ...]
    """The parameters of each connection,"""
    settable: tuple[Entry, ...]
    """among them those that can be set by their names,"""
    delay: Entry | None
    """and the one that is NEST's delay,"""
    delay_key: str
    """which is read by this name, too."""
    shared: tuple[Entry, ...]
    state: tuple[Entry, ...]
    hidden: tuple[Member, ...]
    dependents: tuple[Owned, ...]
    shared_dependents: tuple[Owned, ...]
    variables: tuple[Member, ...]
    variable_computations: tuple[Computation, ...]
    constants: tuple[Member, ...]
    constant_computations: tuple[Computation, ...]
    interval: tuple[Member, ...]
    interval_computations: tuple[Computation, ...]
    inputs: tuple[Member, ...]
    guards: tuple[Guard, ...]
    shared_guards: tuple[Guard, ...]
    flows: tuple[FlowFunction, ...]
    convolutions: tuple[Convolved, ...]
    functions: tuple[FunctionDefinition, ...]
    update: tuple[Stmt, ...]
    order: tuple[Event, ...]
    """In the order in which events of one time happen."""
    conditions: tuple[Condition, ...]
    own_weight: Owned | None
    """What NEST calls the weight, if each connection has its own."""
    shared_weight: Owned | None
    shown_weight: Recording | None
    """What follows from parameters and state, and is the weight, but cannot be set."""
    recordings: tuple[Recording, ...]
    """What else follows from them and has a name."""
    partner: Partner | None
    has_state: bool
    has_post: bool
    sees_archive: bool
    """It sees the postsynaptic spikes in the archive of NEST,"""
    sees_kept: bool
    """or in what its neuron keeps for it."""
    has_others: bool
    """There are other than presynaptic spikes, or there is something to see of the neuron."""
    has_mod: bool
    is_random: bool
    seen: tuple[str, ...]
    """The continuous ports that see something of the neuron, as members of ``in``."""
    remembers_steps: bool
    """The neuron remembers every step for it."""
    is_attached: bool
    """The neuron keeps something for it."""
    follows: bool
    """It reads them in between, and so follows its neuron step by step."""
    flows_at_all: bool
    """Something happens between events, or the time of the last one matters for the next."""

    @property
    def is_called(self) -> bool:
        """Return whether NEST or the neuron calls it between its spikes."""
        return self.has_mod or self.is_attached
