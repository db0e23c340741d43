"""Lava's own terms: a process with variables and ports, and vectorised functions that step it.

All functions work on the values ``v`` of a whole population at once, arrays of its shape in
coherent units. What a condition guards works on a mask, True for the neurons concerned.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from nestml_core.api import Expr, Symbol


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

    @property
    def description(self) -> str:
        return f"{self.unit}; {self.summary}" if self.summary else self.unit


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
class Needs:
    """Which parts of the runtime the module contains."""

    adaptive: bool
    rk45: bool
    rosenbrock: bool
    rk4: bool
    forward_euler: bool
    exponential: bool
    expdd: bool
    matrix_exponential: bool
    special: bool
    random: bool
    poisson: bool
    messages: bool
    loops: bool
    rounding: bool
    bitwise: bool
    events: bool


@dataclass(frozen=True, slots=True)
class Process:
    """A process with its model, and the module that holds both."""

    name: str
    model_class: str
    symbol_name: str
    """What the model is called in NESTML."""
    title: str
    """The first line of the model's documentation."""
    documentation: tuple[str, ...]
    spike_ports: tuple[Port, ...]
    continuous_ports: tuple[Port, ...]
    sends: bool
    graded: bool
    """Whether the messages sent are weights, not counts."""
    parameters: tuple[Variable, ...]
    states: tuple[Variable, ...]
    convolutions: tuple[Variable, ...]
    held: tuple[Variable, ...]
    inlines: tuple[Variable, ...]
    routines: tuple[Routine, ...]
    recordables: tuple[tuple[Symbol, Variable], ...] = field(repr=False)
    needs: Needs

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


@dataclass(frozen=True, slots=True)
class Program:
    processes: tuple[Process, ...]
    version: str
