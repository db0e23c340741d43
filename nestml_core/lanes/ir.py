"""A step of several neurons at once, without branches: what ``straight`` makes of a model.

Expressions and statements are still trees; ``Symbol`` s carry names of generated code: members of
``c`` are constants, members of ``s`` the state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from nestml_core.expr import Expr, Symbol
from nestml_core.stmt import Assign


@dataclass(frozen=True, slots=True)
class Let:
    """A local constant of the code for several neurons; its type says what it is lanes of."""

    symbol: Symbol
    value: Expr


@dataclass(frozen=True, slots=True)
class LaneValue:
    """``target = value``; the target is an element of one of the results of ``LaneEquations``."""

    target: str
    value: Expr


@dataclass(frozen=True, slots=True)
class LaneEquations:
    """A function that evaluates a nonlinear system ``at`` a place: first ``body``, then ``values``.

    ``results`` are the arguments it fills in, the first of them always ``slope``; ``cleared`` those
    of which it fills in what is not zero.
    """

    name: str
    results: tuple[str, ...]
    cleared: tuple[str, ...]
    body: tuple[LaneStatement, ...]
    values: tuple[LaneValue, ...]


@dataclass(frozen=True, slots=True)
class LaneSolve:
    """A nonlinear system is integrated from ``initial``; the results are entries of ``array``.

    Only where ``active`` holds, everywhere if it is None. ``names`` are those of the variables.
    """

    function: str
    array: str
    initial: tuple[Expr, ...]
    names: tuple[str, ...]
    tolerances: tuple[str, ...]
    active: Expr | None
    equations: tuple[LaneEquations, ...]


LaneStatement: TypeAlias = Let | LaneSolve


@dataclass(frozen=True, slots=True)
class LaneField:
    """A constant or a state variable of the model: a member of a struct of lanes, and where its
    value is in one neuron, such as ``p.C_m``."""

    symbol: Symbol
    name: str
    member: str


@dataclass(frozen=True, slots=True)
class LanePort:
    """The local constants that hold what arrives at a port, and whether anything did.

    ``arrived`` is empty if the model does the same for nothing and for a sum of zero.
    """

    name: str
    arrived: str


@dataclass(frozen=True, slots=True)
class LaneRecord:
    """The value of a recordable; ``currents`` are continuous ports with their local names."""

    currents: tuple[tuple[int, str], ...]
    body: tuple[LaneStatement, ...]
    value: Expr


@dataclass(frozen=True, slots=True)
class LaneFinite:
    """A real state variable; ``is_advanced`` says whether equations advance it."""

    name: str
    is_advanced: bool


@dataclass(frozen=True, slots=True)
class Lanes:
    """A step of several neurons at once, without branches.

    ``constants`` are the parameters and derived constants that it reads, as they are in the model;
    ``stores`` what it leaves in the state; ``emitted`` how many spikes it emits, or whether it
    emits the one that it can.
    """

    constants: tuple[LaneField, ...]
    state: tuple[LaneField, ...]
    spike_ports: tuple[LanePort, ...]
    continuous_ports: tuple[LanePort, ...]
    body: tuple[LaneStatement, ...]
    stores: tuple[Assign, ...]
    emitted: Expr
    emits: bool
    records: tuple[LaneRecord, ...]
    finite: tuple[LaneFinite, ...]
