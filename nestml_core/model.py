"""The resolved model: names bound, types known, numbers coherent; kernels still there."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from nestml_core.expr import Expr, Symbol
from nestml_core.source import Span
from nestml_core.stmt import Stmt


@dataclass(frozen=True, slots=True)
class Declaration:
    """A parameter, internal or state variable with its default, guard and documentation."""

    symbol: Symbol
    value: Expr
    guard: Expr | None
    homogeneous: bool
    documentation: str
    decorators: tuple[str, ...] = ()
    """As written, such as ``@homogeneous``."""


@dataclass(frozen=True, slots=True)
class Inline:
    symbol: Symbol
    value: Expr
    recordable: bool
    decorators: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ode:
    """The derivative of order ``len(variables)`` of ``variables[0]``.

    ``variables`` are x, x', ..., so that ``variables[-1]' = value`` (coherent units per ms).
    """

    variables: tuple[Symbol, ...]
    value: Expr
    span: Span = field(compare=False, repr=False)
    decorators: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delay:
    """A state variable as it was: ``symbol`` has the value of ``variable`` at t0 - ``duration``.

    t0 is the begin of the step; the value is constant during the step. ``duration``, in ms, is a
    constant >= 0 that counts as ``floor(duration / dt + 1/2)`` steps. Before the run begins, the
    variable has its initial value.
    """

    symbol: Symbol
    variable: Symbol
    duration: Expr
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Kernel:
    """A causal impulse response: a function of ``t``, a system of ODEs, or the delta function.

    ``value`` is set for a function of time; ``equations`` and ``initial`` (one value for each
    variable of each equation, in order) for ODEs; neither for ``delta(t)``.
    """

    symbol: Symbol
    value: Expr | None
    equations: tuple[Ode, ...]
    initial: tuple[tuple[Symbol, Expr], ...]
    span: Span = field(compare=False, repr=False)


class Sign(Enum):
    ANY = "any"
    EXCITATORY = "excitatory"
    INHIBITORY = "inhibitory"


@dataclass(frozen=True, slots=True)
class SpikePort:
    """A port for weighted spikes.

    Of an excitatory and an inhibitory port the first gets the events with a weight >= 0, the
    second those with a negative weight, sign removed; any other port gets the weight as it is.
    """

    symbol: Symbol
    sign: Sign


@dataclass(frozen=True, slots=True)
class ContinuousPort:
    """A port for a piecewise constant signal."""

    symbol: Symbol


class Output(Enum):
    NONE = "none"
    SPIKE = "spike"
    CONTINUOUS = "continuous"


@dataclass(frozen=True, slots=True)
class OnReceive:
    port: Symbol
    priority: int | None
    body: tuple[Stmt, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class OnCondition:
    condition: Expr
    body: tuple[Stmt, ...]
    span: Span = field(compare=False, repr=False)
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    arguments: tuple[Symbol, ...]
    result: Symbol
    """A nameless symbol that carries the result type."""
    body: tuple[Stmt, ...]
    span: Span = field(compare=False, repr=False)


MECHANISMS = MappingProxyType(
    {
        f"@mechanism::{kind}": kind
        for kind in ("channel", "receptor", "concentration", "continuous_input")
    }
)
"""The decorators that make an inline expression or an equation a mechanism of compartments."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model whose names are bound and whose types and units have been checked."""

    name: str
    documentation: str
    parameters: tuple[Declaration, ...]
    internals: tuple[Declaration, ...]
    state: tuple[Declaration, ...]
    inlines: tuple[Inline, ...]
    kernels: tuple[Kernel, ...]
    equations: tuple[Ode, ...]
    spike_ports: tuple[SpikePort, ...]
    continuous_ports: tuple[ContinuousPort, ...]
    output: Output
    update: tuple[Stmt, ...]
    on_receive: tuple[OnReceive, ...]
    """In the order of execution: by falling priority, then in source order."""
    on_condition: tuple[OnCondition, ...]
    """In the order of execution, as ``on_receive``."""
    functions: tuple[Function, ...]
    span: Span = field(compare=False, repr=False)
    delays: tuple[Delay, ...] = ()
    fixed: tuple[Symbol, ...] = ()
    """Parameters that are sizes taken for good: no value but their default makes sense."""

    @property
    def is_compartmental(self) -> bool:
        """Whether the model describes mechanisms of compartments instead of one point in space."""
        texts = [d for i in self.inlines for d in i.decorators]
        texts += [d for q in self.equations for d in q.decorators]
        return any(t in MECHANISMS for t in texts)
