"""A program in the terms of C++: what its files contain, in the order in which it stands there.

All names are C++ names already; expressions and statements are still trees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from nestml_core.api import Assign, Expr, Lanes, Stmt, Symbol

if TYPE_CHECKING:
    from nestml_cpp.synapse_ir import CppSynapse


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a struct with its first value.

    ``value`` is None if the type has one, or if the constructor sets it; ``is_array`` asks for
    zeros then.
    """

    name: str
    type: str
    value: Expr | None
    comment: str
    is_array: bool = False


@dataclass(frozen=True, slots=True)
class MatrixBlock:
    """Derived constants that are entries, at (row, column), of ``exp(rows * dt)``."""

    rows: tuple[tuple[Expr, ...], ...]
    entries: tuple[tuple[Symbol, int, int], ...]


Derivation: TypeAlias = Assign | MatrixBlock


@dataclass(frozen=True, slots=True)
class Guard:
    """``message`` is a C++ string literal: the symbol, a colon, and the guard as written."""

    condition: Expr
    message: str


@dataclass(frozen=True, slots=True)
class Method:
    """A member function: its declaration, and what it does."""

    declaration: str
    body: tuple[Stmt, ...]
    calls_itself: bool = False


@dataclass(frozen=True, slots=True)
class Jump:
    """``target += amount``."""

    target: Symbol
    amount: Expr


@dataclass(frozen=True, slots=True)
class Element:
    """An element of the vector of a nonlinear system, by its place.

    ``target`` is the state variable it starts from, ``local`` what the equations call it;
    ``is_result`` says whether anyone wants it afterwards.
    """

    place: int
    target: Symbol
    local: str
    is_result: bool


@dataclass(frozen=True, slots=True)
class Value:
    """``target = value``; the target is an element of one of the arguments of ``Equations``."""

    target: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Equations:
    """A function that evaluates a nonlinear system ``at`` a place.

    ``results`` are the arguments it fills in, the first of them always ``slope``; ``cleared`` those
    of which it fills in what is not zero. ``shared`` are local constants.
    """

    name: str
    results: tuple[str, ...]
    cleared: tuple[str, ...]
    read: tuple[Element, ...]
    shared: tuple[Assign, ...]
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Solver:
    """A nonlinear system; ``tolerances`` end the call of ``function``, which calls ``equations``.

    ``lends_state`` : the right-hand side calls functions that read the state, which must therefore
    follow the trial steps.
    """

    function: str
    tolerances: tuple[str, ...]
    size: int
    elements: tuple[Element, ...]
    equations: tuple[Equations, ...]
    lends_state: bool
    reason: str


@dataclass(frozen=True, slots=True)
class FlowMethod:
    """What one ``integrate_odes`` does.

    ``exact`` is in an order in which each value may be stored at once, except for those that
    ``ahead`` computes before anything is stored. Likewise ``amounts`` and ``jumps``.
    """

    title: str
    equations: tuple[str, ...]
    """What it integrates, to be read."""
    declaration: str
    solver: Solver | None
    ahead: tuple[Assign, ...]
    exact: tuple[Assign, ...]
    amounts: tuple[Assign, ...]
    jumps: tuple[Jump, ...]


@dataclass(frozen=True, slots=True)
class Delay:
    """A line that delays ``variable`` by ``duration`` ms; what comes out is ``target``."""

    line: str
    target: Symbol
    variable: Symbol
    duration: Expr


@dataclass(frozen=True, slots=True)
class OnReceive:
    port: str
    call: str


@dataclass(frozen=True, slots=True)
class OnCondition:
    condition: Expr
    call: str


@dataclass(frozen=True, slots=True)
class Watched:
    """A state variable that must be a number, and a finite one if equations advance it.

    ``name`` is a C++ string literal.
    """

    name: str
    member: str
    is_finite: bool
    is_vector: bool = False
    """Whether it is a vector whose size is not known; ``member`` stands for all its elements."""


@dataclass(frozen=True, slots=True)
class Settable:
    """Something an experiment sets: its name outside, and the member of a struct.

    ``otherwise`` is the default of a parameter where that depends on other parameters.
    """

    name: str
    member: str
    otherwise: Expr | None = None
    is_vector: bool = False


@dataclass(frozen=True, slots=True)
class Port:
    """Something an experiment feeds: its number among those of its kind, and a member of Input."""

    index: int
    name: str
    member: str


@dataclass(frozen=True, slots=True)
class Recorder:
    """A recordable: its name outside, and the expression that reads it off a neuron."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class CppModel:
    """Everything that stands in ``FILE.hpp`` and ``FILE_main.cpp``."""

    name: str
    file: str
    title: str
    documentation: tuple[str, ...]
    brief: str
    """What it is, in a line."""
    equations: tuple[str, ...]
    """To be read."""
    macro: str
    population_macro: str
    library_macro: str
    namespace: str
    headers: tuple[str, ...]
    runtime: tuple[str, ...]
    """Templates of ours."""
    numerics: tuple[str, ...]
    """Headers of the core's runtime."""

    parameters: tuple[Field, ...]
    late_parameters: tuple[Field, ...]
    """Those whose default depends on the length of a step."""
    derived: tuple[Field, ...]
    state: tuple[Field, ...]
    inputs: tuple[Field, ...]
    is_random: bool
    reads_time: bool
    has_vectors: bool
    allocates: bool
    """Whether a step may allocate memory."""
    delays: tuple[Delay, ...]

    parameter_guards: tuple[Guard, ...]
    state_guards: tuple[Guard, ...]
    derivation: tuple[Derivation, ...]
    initial: tuple[Assign, ...]

    convolved: tuple[Assign, ...]
    update: str
    on_receive: tuple[OnReceive, ...]
    stored: tuple[Assign, ...]
    amounts: tuple[Assign, ...]
    jumps: tuple[Jump, ...]
    on_condition: tuple[OnCondition, ...]
    watched: tuple[Watched, ...]

    recordables: tuple[Method, ...]
    functions: tuple[Method, ...]
    bodies: tuple[Method, ...]
    flows: tuple[FlowMethod, ...]
    lanes: Lanes | None
    """A step of several neurons at once, where the model allows it."""
    one_by_one: str
    """Why it does not."""
    solves: bool
    """Whether lanes are integrated numerically."""
    lane_headers: tuple[str, ...]
    """Headers of the core's runtime that a population needs."""
    ends_by_itself: bool
    """Whether a step is sure to end: it has no loops."""

    settable_parameters: tuple[Settable, ...]
    settable_state: tuple[Settable, ...]
    spike_ports: tuple[Port, ...]
    continuous_ports: tuple[Port, ...]
    recorders: tuple[Recorder, ...]


@dataclass(frozen=True, slots=True)
class CppProgram:
    models: tuple[CppModel, ...]
    synapses: tuple[CppSynapse, ...] = ()
