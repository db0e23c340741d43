"""Lava's own terms: a process with variables and ports, and vectorised functions that step it.

All functions work on the values ``v`` of a whole population at once, arrays of its shape in
coherent units. What a condition guards works on a mask, True for the neurons concerned.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from nestml_core.api import Expr, Symbol

WIDTH = 100
"""Of a line of generated code."""


@dataclass(frozen=True, slots=True)
class Bind:
    """``target = value``, for all neurons."""

    target: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Select:
    """``target = value`` for the neurons in ``mask``; the others keep what they have."""

    target: str
    mask: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Unpack:
    """``targets = value``, for a call that returns several values."""

    targets: tuple[str, ...]
    value: Expr


@dataclass(frozen=True, slots=True)
class Exponential:
    """``target`` is ``exp(rows * dt)``; each of ``entries`` (name, row, column) is read from it."""

    target: str
    rows: tuple[tuple[Expr, ...], ...]
    entries: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class When:
    """``body`` if the mask holds for any neuron."""

    mask: str
    body: tuple[Vector, ...]


@dataclass(frozen=True, slots=True)
class Unless:
    """``body`` if the mask holds for no neuron."""

    mask: str
    body: tuple[Vector, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """``body`` as long as the mask, which it changes, holds for any neuron."""

    mask: str
    body: tuple[Vector, ...]


@dataclass(frozen=True, slots=True)
class Do:
    """A call for its effect."""

    call: Expr


@dataclass(frozen=True, slots=True)
class Give:
    """``return``; several values make a tuple, and one of them too if ``is_tuple``."""

    values: tuple[Expr, ...]
    is_tuple: bool = False


Vector: TypeAlias = Bind | Select | Unpack | Exponential | When | Unless | Repeat | Do | Give
"""A statement on a whole population."""


@dataclass(frozen=True, slots=True)
class Routine:
    """A function of the generated module."""

    name: str
    arguments: tuple[str, ...]
    summary: str
    body: tuple[Vector, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """A ``Var`` of the process: one number for each neuron, in the unit the model declares.

    ``factor`` is the size of that unit in coherent ones. ``strict`` is set for what equations
    advance, which must stay finite.
    """

    name: str
    symbol: Symbol
    unit: str
    factor: float
    is_boolean: bool
    is_integer: bool
    strict: bool
    summary: str
    length: Expr | None = None
    """Of a vector: how many elements it has, in terms of the module."""

    @property
    def description(self) -> str:
        vector = () if self.length is None else ("a vector",)
        return "; ".join(x for x in (self.unit, *vector, self.summary) if x)


@dataclass(frozen=True, slots=True)
class Port:
    """An ``InPort``. ``held`` names the variable that keeps the value of a continuous one."""

    name: str
    symbol: Symbol
    unit: str
    factor: float
    held: str
    summary: str


@dataclass(frozen=True, slots=True)
class Partner:
    """A spike port for one sign, and that for the other."""

    name: str
    other: str


@dataclass(frozen=True, slots=True)
class OutPort:
    """An ``OutPort`` that sends a variable, at the end of each step."""

    name: str
    variable: Variable


@dataclass(frozen=True, slots=True)
class Import:
    """What a generated module takes from a module of its runtime, which lies beside it."""

    module: str
    names: tuple[str, ...]

    @property
    def file(self) -> str:
        return f"{self.module}.py"

    @property
    def is_long(self) -> bool:
        """Whether it does not fit into a line."""
        return len(f"from .{self.module} import {', '.join(self.names)}") > WIDTH


@dataclass(frozen=True, slots=True)
class Process:
    """A process with its model, and the module that holds both."""

    name: str
    model_class: str
    symbol_name: str
    """What the model is called in NESTML."""
    dt: float
    """The length of a time step, in ms, unless the process is given another one."""
    title: str
    """The first line of the model's documentation."""
    documentation: tuple[str, ...]
    spike_ports: tuple[Port, ...]
    partners: tuple[Partner, ...]
    continuous_ports: tuple[Port, ...]
    sends: bool
    graded: bool
    """Whether the messages sent are weights, not counts."""
    outputs: tuple[OutPort, ...]
    """What a model with continuous output sends."""
    parameters: tuple[Variable, ...]
    states: tuple[Variable, ...]
    convolutions: tuple[Variable, ...]
    held: tuple[Variable, ...]
    inlines: tuple[Variable, ...]
    routines: tuple[Routine, ...]
    imports: tuple[Import, ...]
    recordables: tuple[tuple[Symbol, Variable], ...] = field(repr=False)
    """What can be recorded, each with its variable: an element of a vector with the vector."""
    special: bool
    """Whether it calls functions of SciPy."""
    handles_events: bool

    @property
    def process(self) -> Process:
        """The outward interface of the package."""
        return self

    @property
    def lava_ports(self) -> tuple[str, ...]:
        """The classes of the ports of the process."""
        receives = self.spike_ports + self.continuous_ports
        sends = self.sends or self.outputs
        return tuple(x for x, used in (("InPort", receives), ("OutPort", sends)) if used)

    @property
    def model_ports(self) -> tuple[str, ...]:
        return tuple(f"Py{x}" for x in self.lava_ports)

    @property
    def has_types(self) -> bool:
        """Whether the model declares types, of ports or variables."""
        return bool(self.lava_ports or self.variables)

    @property
    def has_vectors(self) -> bool:
        return any(x.length is not None for x in self.variables)

    @property
    def sent(self) -> str:
        """What is sent as spikes: counts, weights or nothing."""
        return ("weights" if self.graded else "counts") if self.sends else ""

    @property
    def advanced(self) -> tuple[Variable, ...]:
        """What a step changes."""
        return self.states + self.convolutions

    @property
    def integrated(self) -> tuple[Variable, ...]:
        """What equations advance."""
        return tuple(x for x in self.advanced if x.strict)

    @property
    def variables(self) -> tuple[Variable, ...]:
        return self.parameters + self.states + self.convolutions + self.held + self.inlines


class Package(Protocol):
    """What becomes a folder: a neuron in some arithmetic, a synapse, a pair of both."""

    @property
    def name(self) -> str:
        """The name of the folder."""

    @property
    def process(self) -> Process | None:
        """The names, units and ports of a neuron that can be run alone, None for all else."""


class Export(Protocol):
    """A neuron in the terms of another tool."""

    @property
    def path(self) -> str:
        """Where the file goes."""


@dataclass(frozen=True, slots=True)
class Program:
    packages: tuple[Package, ...]
    version: str
    reports: tuple[tuple[str, str], ...] = ()
    """For packages in floating point the file ``report.json``."""
    exports: tuple[Export, ...] = ()
