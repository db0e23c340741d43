"""A synapse in the terms of C++: what its header contains, in the order in which it stands there.

Symbols in expressions and statements carry C++ names with the struct that owns them: ``p`` holds
the parameters that all connections share, ``o`` those that each has of its own; ``d`` and ``k``
what follows from these, ``i`` and ``j`` what follows from the length of an interval too; ``s`` the
state of a connection, ``a`` what its source and ``b`` what its target keeps for all connections,
``in`` the ports.
"""

from __future__ import annotations

from dataclasses import dataclass

from nestml_core.api import Assign, Expr, Stmt, Symbol
from nestml_cpp.ir import Derivation, Field, FlowMethod, Guard, Jump, Method, OnCondition


@dataclass(frozen=True, slots=True)
class Setting:
    """Something that is set, by its number among parameters or state.

    ``owner`` is the struct whose member ``target`` is; ``otherwise`` its default, None where that
    stands in the struct.
    """

    index: int
    name: str
    target: Symbol
    owner: str
    otherwise: Expr | None


@dataclass(frozen=True, slots=True)
class Column:
    """A member of the state, or a parameter, that each connection has of its own."""

    name: str
    member: str
    type: str
    is_boolean: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """What follows from the spikes of one neuron alone, and is kept beside its spikes.

    ``owner`` is the struct that it is called in statements.
    """

    struct: str
    owner: str
    title: str
    fields: tuple[Field, ...]
    initial: tuple[Assign, ...]
    ahead: tuple[Assign, ...]
    exact: tuple[Assign, ...]
    before: tuple[Assign, ...]
    body: tuple[Stmt, ...]
    amounts: tuple[Assign, ...]
    jumps: tuple[Jump, ...]
    reads_time: bool


@dataclass(frozen=True, slots=True)
class Event:
    """What a spike at a port does to a connection.

    ``member`` is the port among the inputs, empty if nothing reads it; ``flows_anyway`` tells that
    equations contain its spikes, so that there is a flow even if no time has passed. The last two
    tell whether it needs to see what source and target keep.
    """

    port: str
    name: str
    role: str
    is_modulator: bool
    member: str
    flows_anyway: bool
    body: tuple[Stmt, ...]
    amounts: tuple[Assign, ...]
    jumps: tuple[Jump, ...]
    needs_source: bool
    needs_target: bool


@dataclass(frozen=True, slots=True)
class Recorder:
    index: int
    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Factor:
    """A continuous port, by its number among those of the model."""

    index: int
    name: str
    member: str


@dataclass(frozen=True, slots=True)
class CppSynapse:
    """Everything that stands in ``FILE_synapse.hpp``."""

    name: str
    file: str
    title: str
    documentation: tuple[str, ...]
    brief: str
    """What it is, in a line."""
    equations: tuple[str, ...]
    """To be read."""
    macro: str
    namespace: str
    headers: tuple[str, ...]
    runtime: tuple[str, ...]
    numerics: tuple[str, ...]

    shared: tuple[Field, ...]
    own: tuple[Field, ...]
    derived: tuple[Field, ...]
    own_derived: tuple[Field, ...]
    interval: tuple[Field, ...]
    own_interval: tuple[Field, ...]
    derivation: tuple[Derivation, ...]
    own_derivation: tuple[Derivation, ...]
    interval_derivation: tuple[Derivation, ...]
    own_interval_derivation: tuple[Derivation, ...]
    state: tuple[Field, ...]
    columns: tuple[Column, ...]
    inputs: tuple[Field, ...]
    factors: tuple[Factor, ...]
    source: Kept
    target: Kept

    parameters: tuple[Setting, ...]
    initial: tuple[Setting, ...]
    beginning: tuple[Assign, ...]
    """The initial values of a connection, in order."""
    shared_guards: tuple[Guard, ...]
    guards: tuple[Guard, ...]

    convolved: tuple[Assign, ...]
    stored: tuple[Assign, ...]
    update: tuple[Stmt, ...]
    flows: tuple[FlowMethod, ...]
    events: tuple[Event, ...]
    """Modulators, postsynaptic and presynaptic spikes, in the order of events of one time."""
    conditions: tuple[OnCondition, ...]
    condition_bodies: tuple[tuple[Stmt, ...], ...]
    static_functions: tuple[Method, ...]
    functions: tuple[Method, ...]
    recorders: tuple[Recorder, ...]
    ports: int
    """How many continuous ports the model has."""

    has_post: bool
    post_first: bool
    """Whether postsynaptic spikes come before presynaptic ones of the same time."""
    modulators: int
    is_random: bool
    moves: bool
    """Something happens between events, or the time of the last one matters for the next."""
    reads_interval: bool
    """The length of the last interval matters at an event."""
    is_eager: bool
    """Events must be handled when they happen, not when the next presynaptic spike arrives."""
    is_stepwise: bool
    """The end of every step is an event."""
    sees_target: bool
    """Postsynaptic spikes act by what the target keeps."""

    @property
    def keeps(self) -> tuple[Kept, ...]:
        return (self.source, self.target)

    @property
    def modulatory(self) -> tuple[Event, ...]:
        return tuple(e for e in self.events if e.is_modulator)

    @property
    def modulator_needs_source(self) -> bool:
        return any(e.needs_source for e in self.modulatory)

    @property
    def modulator_needs_target(self) -> bool:
        return any(e.needs_target for e in self.modulatory)
