"""A NEST extension module in NEST's own terms.

Symbols in expressions and statements carry the names of C++ members: those of the parameters are
members of ``P``, derived constants of ``V``, state variables of ``S``, inputs and time of ``in``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nestml_core.api import Expr, Lanes, Stmt, Symbol, Type

if TYPE_CHECKING:
    from nestml_nest.synapse_ir import Kept, Synapse


@dataclass(frozen=True, slots=True)
class Member:
    """A member of one of the structs of a neuron, with the value it is declared with.

    A vector has the ``symbol`` with its size; if that is a parameter, it is declared without value.
    """

    name: str
    type: Type
    value: Expr
    comment: str
    symbol: Symbol | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A parameter or state variable with its status entry.

    Outside, values are in the declared unit. ``unit`` says to ``nestml::update`` what one of it is
    in coherent units, ``outward`` stands behind a value to convert it; both are empty where the
    units are the same. Of a vector, ``size`` is the number of elements.
    """

    member: Member
    key: str
    """The name in the status dictionary."""
    default: Expr
    is_dependent: bool
    """The default reads others, and follows them until the entry is given a value."""
    unit: str
    outward: str
    size: Expr | None = None
    grows: bool = False
    """A vector that has another size when a parameter changes."""


@dataclass(frozen=True, slots=True)
class Rate:
    """An entry of a matrix of rates."""

    row: int
    column: int
    value: Expr


@dataclass(frozen=True, slots=True)
class Propagator:
    """A derived constant that is an entry of the exponential of a matrix."""

    row: int
    column: int
    name: str


@dataclass(frozen=True, slots=True)
class Computation:
    """How a derived constant is found, or several that are entries of a matrix exponential."""

    name: str
    value: Expr
    is_matrix: bool
    size: int
    rates: tuple[Rate, ...]
    propagators: tuple[Propagator, ...]


@dataclass(frozen=True, slots=True)
class Guard:
    condition: Expr
    message: str
    """What NEST reports if the condition does not hold."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A port: a cell of the rows of the input buffer, and a member of ``in``."""

    member: Member
    cell: int
    is_watched: bool
    """Something happens whenever an event arrives, even if the weights sum to zero."""


@dataclass(frozen=True, slots=True)
class Receptor:
    """What a receptor number leads to: a cell, or two of them by the sign of the weight."""

    number: int
    cell: int
    negative_cell: int
    is_pair: bool


@dataclass(frozen=True, slots=True)
class PortNumber:
    """An entry of ``receptor_types`` or ``continuous_inputs``."""

    key: str
    number: int


@dataclass(frozen=True, slots=True)
class Recording:
    """Something a multimeter can record."""

    key: str
    value: Expr
    outward: str
    is_state: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A variable with its new value, or with what is added to it.

    ``name`` is a variable or, as in ``x[2]``, an element; ``local`` can be part of another name.
    """

    name: str
    local: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Value:
    """``target = value``; the target is an element of one of the arguments of ``Equations``."""

    target: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Equations:
    """A function that evaluates ``x' = f(x)`` and fills in ``results``.

    ``cleared`` are the results of which it fills in what is not zero; ``shared`` local constants.
    """

    name: str
    results: tuple[str, ...]
    cleared: tuple[str, ...]
    shared: tuple[Change, ...]
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """How the current from gap junctions follows the potential and the time inside a step.

    Both are elements of the vector of ``Numerics``: the time, in ms from the begin, is the last.
    """

    port: str
    potential: int
    time: int


@dataclass(frozen=True, slots=True)
class GapJunctions:
    """Where the current from gap junctions is put, and the potential that others see.

    ``slope`` evaluates the derivative of the potential at the state.
    """

    port: str
    potential: Expr
    shared: tuple[Change, ...]
    slope: Expr


@dataclass(frozen=True, slots=True)
class Numerics:
    """``x' = f(x)``, advanced by a function of the core's runtime; the first ``kept`` are stored.

    ``tolerances`` are those of an adaptive method, which may fail; others have none.
    """

    names: tuple[str, ...]
    kept: tuple[str, ...]
    size: int
    function: str
    equations: tuple[Equations, ...]
    tolerances: tuple[str, ...]
    course: Course | None


@dataclass(frozen=True, slots=True)
class Delay:
    """What a variable was: ``target``, a member of ``in``, some ms ago."""

    target: Member
    variable: Expr
    duration: Expr


@dataclass(frozen=True, slots=True)
class FlowFunction:
    """What one ``integrate_odes`` does."""

    index: int
    title: str
    updates: tuple[Change, ...]
    numerics: Numerics | None
    jumps: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Convolved:
    """The states of one convolution: new values without the spikes of the step, then jumps."""

    updates: tuple[Change, ...]
    jumps: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Argument:
    type: Type
    name: str


@dataclass(frozen=True, slots=True)
class FunctionDefinition:
    """A function of the model. ``context`` declares what it reads beside its arguments."""

    name: str
    result: Type
    context: tuple[str, ...]
    arguments: tuple[Argument, ...]
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Handler:
    """``onReceive``: runs if an event arrived at a port."""

    port: str
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """``onCondition``."""

    condition: Expr
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class LaneCode:
    """A step of several neurons at once; ``solves`` says whether it has trial steps."""

    code: Lanes
    solves: bool


@dataclass(frozen=True, slots=True)
class StaticSynapse:
    """A static synapse that ends at neurons of one class: its class, and what NEST calls it."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Neuron:
    name: str
    title: str
    """The name in NEST."""
    documentation: tuple[str, ...]
    headers: tuple[str, ...]
    """Of ours."""
    runtime: tuple[str, ...]
    """Of the core's runtime, in an order to include them in."""
    parameters: tuple[Entry, ...]
    constants: tuple[Member, ...]
    computations: tuple[Computation, ...]
    state: tuple[Entry, ...]
    hidden: tuple[Member, ...]
    """States of convolutions."""
    dependents: tuple[str, ...]
    """The members whose defaults depend on others."""
    dependent_parameters: tuple[Entry, ...]
    dependent_state: tuple[Entry, ...]
    guards: tuple[Guard, ...]
    spike_channels: tuple[Channel, ...]
    continuous_channels: tuple[Channel, ...]
    delays: tuple[Delay, ...]
    first_continuous_cell: int
    channel_count: int
    receptors: tuple[Receptor, ...]
    receptor_types: tuple[PortNumber, ...]
    """Empty where there is one receptor only, which has number 0."""
    last_receptor: int
    continuous_inputs: tuple[PortNumber, ...]
    """Empty where there is one continuous port only, which has number 0."""
    last_continuous: int
    recordings: tuple[Recording, ...]
    flows: tuple[FlowFunction, ...]
    convolutions: tuple[Convolved, ...]
    functions: tuple[FunctionDefinition, ...]
    update: tuple[Stmt, ...]
    handlers: tuple[Handler, ...]
    conditions: tuple[Condition, ...]
    uses_time: bool
    is_random: bool
    emits: bool
    has_scoped_update: bool
    """``update`` declares variables of its own."""
    gap: GapJunctions | None
    base: str
    """The class that it derives from."""
    grows: bool
    """Some vectors have sizes that parameters say: copies of the state would allocate memory."""
    kept: tuple[Kept, ...] = ()
    """What it keeps for synapses."""
    watched: tuple[Kept, ...] = ()
    """Those for synapses that see more of it than spikes."""
    lanes: LaneCode | None = None
    """Its neurons advance several at once, if the model allows it."""
    static: StaticSynapse | None = None
    """One that is generated with it."""

    @property
    def has_buffer(self) -> bool:
        """Return whether each neuron keeps by itself what is still to arrive."""
        return self.channel_count > 0 and self.lanes is None

    @property
    def adds(self) -> str:
        """Return the begin of a call that adds to what is still to arrive."""
        return "B_.input.add(" if self.lanes is None else "arena.add(index, "


@dataclass(frozen=True, slots=True)
class Module:
    """An extension module: one translation unit with all its neurons."""

    name: str
    neurons: tuple[Neuron, ...]
    support: tuple[str, ...]
    """The headers of ours that the neurons include."""
    runtime: tuple[str, ...]
    """The headers of the core's runtime that they include."""
    synapses: tuple[Synapse, ...] = ()

    @property
    def is_sparing(self) -> bool:
        """Return whether all that runs in a step or for a spike is inlined by attributes.

        So it is for neurons that advance side by side with propagators. Solvers and NEST's loops
        over synapses are not written that way: hh_psc_alpha would lose a fifteenth of its speed.
        """
        return not self.synapses and all(
            n.lanes is not None and not n.lanes.solves and n.static is None for n in self.neurons
        )
