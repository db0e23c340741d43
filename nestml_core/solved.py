"""The solved model: what to compute in each step. THE CONTRACT with backends.

Numbers are in coherent units (ms, mV, pA; hence nS, pF, GOhm), rates per ms. One step covers
(t0, t1], t1 = t0 + dt, and does, in this order:

1. For each spike port, sum the weights of the events due in the step; note which ports had any.
2. For each convolution compute, but do not store, its value at t1 without the new spikes.
3. Run ``update``. ``Integrate(k)`` advances the state as ``flows[k]`` says.
4. Run the ``on_receive`` bodies of the ports that had an event, in the order given.
5. Store the values of 2 and add the jumps of the convolutions.
6. Test the ``on_condition`` blocks in the order given, each seeing what those before it did.
7. Take the continuous inputs due at t1; they hold for the step that follows.
8. Record.

``t`` is t1 everywhere. A spike emitted anywhere in the step carries the time t1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction

from nestml_core.expr import Expr, Kind, Symbol
from nestml_core.model import (
    ContinuousPort,
    Declaration,
    Function,
    OnCondition,
    OnReceive,
    Output,
    Sign,
    SpikePort,
)
from nestml_core.source import Span
from nestml_core.stmt import Stmt
from nestml_core.types import Base, Dimension, Type, Unit

__all__ = [
    "DT",
    "TIME",
    "ContinuousPort",
    "Convolution",
    "Declaration",
    "Definition",
    "Derived",
    "Flow",
    "Function",
    "Integrator",
    "Jump",
    "LinearSystem",
    "MatrixExponential",
    "Method",
    "ModelKind",
    "NonlinearSystem",
    "OnCondition",
    "OnReceive",
    "Output",
    "Pair",
    "Recordable",
    "Sign",
    "SolvedModel",
    "SolvedProgram",
    "SpikePort",
    "Update",
    "sign_pairs",
]

_MS = Type(
    Base.QUANTITY,
    Unit("ms", Dimension(tuple(Fraction(i == 2) for i in range(7))), Fraction(1)),
)

DT = Symbol("dt", Kind.STEP, _MS)
"""The length of a step."""

TIME = Symbol("t", Kind.TIME, _MS)
"""The time at the end of the step that is being executed."""


class ModelKind(Enum):
    NEURON = "neuron"
    SYNAPSE = "synapse"


@dataclass(frozen=True, slots=True)
class Definition:
    """A derived constant with its value: an internal of the model, a propagator, an offset."""

    symbol: Symbol
    value: Expr


@dataclass(frozen=True, slots=True)
class MatrixExponential:
    """Derived constants that are entries of ``exp(matrix * dt)``.

    ``symbols[i][j]`` is entry ij, or None where it is not needed; both are square, of one size.
    Used where states are coupled in a cycle, so that no closed form is safe.
    """

    symbols: tuple[tuple[Symbol | None, ...], ...]
    matrix: tuple[tuple[Expr, ...], ...]


Derived = Definition | MatrixExponential
"""What is computed when parameters or the step size change, never in a step."""


@dataclass(frozen=True, slots=True)
class Update:
    """``target`` after the step; ``value`` reads the values before it."""

    target: Symbol
    value: Expr


@dataclass(frozen=True, slots=True)
class Jump:
    """``target += amount`` at the end of a flow; ``amount`` reads spike ports (summed weights)."""

    target: Symbol
    amount: Expr


@dataclass(frozen=True, slots=True)
class LinearSystem:
    """``x' = A x + b`` with constant ``A``, advanced exactly: ``x(t1) = exp(A dt) x(t0) + q``.

    ``matrix`` and ``drive`` are A (per ms) and b (unit of x per ms; constant over the step) in
    terms of the model's own symbols: for backends that analyse, and for the reader.
    ``updates`` say the same step in derived constants, one for each variable, all reading the
    values before the step. ``companions`` are convolution states that drive the system: columns
    of the matrix behind those of ``variables``, advanced by their own ``Convolution``.
    """

    variables: tuple[Symbol, ...]
    companions: tuple[Symbol, ...]
    matrix: tuple[tuple[Expr, ...], ...]
    drive: tuple[Expr, ...]
    updates: tuple[Update, ...]


class Method(Enum):
    """How a nonlinear system is integrated over one step.

    RK45: Dormand-Prince 5(4) with local extrapolation. Each call starts with one trial step of
    the length of the whole interval. The error of a trial step is the largest
    ``|e_i| / (absolute + relative * max(|x_i|, |x_i new|))`` over variables and companions; one
    that is not a number counts as infinite. A trial step with error <= 1 is accepted; the next
    one is the last times ``min(5, max(0.2, 0.9 * error ** -0.2))``, cut to what remains. A trial
    step below 16 roundings of the interval is given up. Nothing is carried from call to call.

    FORWARD_EULER: one explicit step of the length of the interval.
    """

    RK45 = "rk45"
    FORWARD_EULER = "forward_euler"


@dataclass(frozen=True, slots=True)
class Integrator:
    method: Method
    relative: float
    absolute: float
    reason: str
    """Why this method was chosen, for people."""


@dataclass(frozen=True, slots=True)
class NonlinearSystem:
    """``x' = f(x)``, integrated numerically.

    ``derivatives`` give the right-hand side of each of ``variables`` and then of each of
    ``companions`` (unit per ms). Companions are variables with an exact solution, or convolution
    states, on which ``f`` depends: they move along inside the step, and what comes out for them
    is dropped in favour of their exact values.
    """

    variables: tuple[Symbol, ...]
    companions: tuple[Symbol, ...]
    derivatives: tuple[Update, ...]
    integrator: Integrator


@dataclass(frozen=True, slots=True)
class Flow:
    """What one ``integrate_odes(...)`` advances; every other state variable is held constant.

    Both systems start from the values before the call; then their results are stored, then the
    jumps are added (they read the values after the flow).
    """

    variables: tuple[Symbol, ...]
    linear: LinearSystem | None
    nonlinear: NonlinearSystem | None
    jumps: tuple[Jump, ...]


@dataclass(frozen=True, slots=True)
class Convolution:
    """The states of one kernel on one port: exact flow in every step, then the spikes' jumps."""

    kernel: str
    port: Symbol
    states: tuple[Symbol, ...]
    updates: tuple[Update, ...]
    jumps: tuple[Jump, ...]


@dataclass(frozen=True, slots=True)
class Recordable:
    """What can be recorded: a state variable or a recordable inline, as an expression."""

    symbol: Symbol
    value: Expr


@dataclass(frozen=True, slots=True)
class SolvedModel:
    name: str
    kind: ModelKind
    documentation: str
    parameters: tuple[Declaration, ...]
    """In an order in which their defaults can be evaluated; these read parameters and ``dt``."""
    derived: tuple[Derived, ...]
    """Internals, propagators and offsets, in order of evaluation; they read parameters and ``dt``.
    To be computed again whenever one of these changes."""
    state: tuple[Declaration, ...]
    """With initial values, in an order in which they can be evaluated, after ``derived``."""
    recordables: tuple[Recordable, ...]
    spike_ports: tuple[SpikePort, ...]
    continuous_ports: tuple[ContinuousPort, ...]
    output: Output
    convolutions: tuple[Convolution, ...]
    """Their states start at zero and are not in ``state``."""
    flows: tuple[Flow, ...]
    update: tuple[Stmt, ...]
    on_receive: tuple[OnReceive, ...]
    on_condition: tuple[OnCondition, ...]
    functions: tuple[Function, ...]
    is_random: bool
    span: Span = field(compare=False, repr=False)

    @property
    def internals(self) -> tuple[Symbol, ...]:
        """All derived constants."""
        found: list[Symbol] = []
        for d in self.derived:
            match d:
                case Definition(symbol):
                    found.append(symbol)
                case MatrixExponential(symbols):
                    found += [s for row in symbols for s in row if s is not None]
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Pair:
    """A synapse that is generated together with its postsynaptic neuron, by name."""

    neuron: str
    synapse: str


@dataclass(frozen=True, slots=True)
class SolvedProgram:
    models: tuple[SolvedModel, ...]
    pairs: tuple[Pair, ...] = ()


def sign_pairs(ports: Sequence[SpikePort]) -> tuple[tuple[SpikePort, SpikePort], ...]:
    """Return the excitatory/inhibitory pairs: the first of one sign with the first of the other."""
    excitatory = [p for p in ports if p.sign is Sign.EXCITATORY]
    inhibitory = [p for p in ports if p.sign is Sign.INHIBITORY]
    return tuple(zip(excitatory, inhibitory, strict=False))
