"""The solved model: what to compute in each step. THE CONTRACT with backends.

Numbers are in coherent units (ms, mV, pA; hence nS, pF, GOhm), rates per ms. One step covers
(t0, t1], t1 = t0 + dt, and does, in this order:

0. For each delay, note the value of its variable; its symbol gets the value of so many steps ago.
1. For each spike port, sum the weights of the events due in the step; note which ports had any.
2. For each convolution compute, but do not store, its value at t1 without the new spikes.
3. Run ``update``. ``Integrate(k)`` advances the state as ``flows[k]`` says.
4. Run the ``on_receive`` bodies of the ports that had an event, in the order given.
5. Store the values of 2 and add the jumps of the convolutions.
6. Test the ``on_condition`` blocks in the order given, each seeing what those before it did.
7. Take the continuous inputs due at t1; they hold for the step that follows.
8. Record.

``t`` is t1 everywhere. A spike emitted anywhere in the step carries the time t1.

A synapse has no steps, only events: spikes at its ports, each of which counts as 1. For an event at
t1, with t0 the time of the one before it (0 at first), ``dt`` is t1 - t0, and this happens:

1. The derived constants that read ``dt`` are computed for it. For each convolution compute, but do
   not store, its value at t1. Run ``update``, with ``t`` = t0. Store the values of the
   convolutions. None of this if t0 = t1, unless a flow has jumps by the port of the event.
2. Run the ``on_receive`` body of the port, with ``t`` the time at which the spike was emitted: t1
   for a presynaptic one; t1 less the delay of the connection for a postsynaptic one, which has
   come back from the soma.
3. Add the jumps of the convolutions with that port.
4. Test the ``on_condition`` blocks in the order given.

Events of one time: modulators first, then the ports whose handlers have priorities, in the order
of these, then postsynaptic and at last presynaptic spikes. A continuous input has, in a handler,
the value at t1. If ``update`` or a flow reads one, then the end of every step is an event too, at
which nothing but 1 happens, with the value that held during the step. What is recorded is what 1
would give at that time, without being stored.
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
    Delay,
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
    "MOST_TRIALS",
    "RESOLUTION",
    "RODAS",
    "TIME",
    "Between",
    "ContinuousPort",
    "Convolution",
    "Declaration",
    "Definition",
    "Delay",
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
    "Reading",
    "Recordable",
    "Rodas",
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
"""The length of a step; in a synapse that of the interval since the last event."""

RESOLUTION = Symbol("resolution", Kind.STEP, _MS)
"""The length of a step of the grid of times. Only synapses have it: in neurons it is ``DT``."""

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


MOST_TRIALS = 100_000
"""How many trial steps an adaptive method takes for one interval at most."""


class Method(Enum):
    """How a nonlinear system ``x' = f(x)`` is integrated over an interval of length T = dt.

    Nothing is carried from call to call. x is the vector of variables and companions, J the
    Jacobian, a_i its diagonal, phi(z) = (exp(z) - 1) / z with phi(0) = 1. What is not a finite
    number makes the error of a trial step infinite.

    RK45: Dormand-Prince 5(4) with local extrapolation. Each call starts with one trial step of
    the length of the whole interval. The error of a trial step is the largest
    ``|e_i| / (absolute + relative * max(|x_i|, |x_i new|))`` over variables and companions; one
    that is not a number counts as infinite. A trial step with error <= 1 is accepted; the next
    one is the last times ``min(5, max(0.2, 0.9 * error ** -0.2))``, cut to what remains. A trial
    step below 16 roundings of the interval is given up, and so is a system that takes more than
    ``MOST_TRIALS`` of them.
    Dormand & Prince (1980), J. Comput. Appl. Math. 6:19-26, table 2 (RK5(4)7M).

    ROSENBROCK: RODAS of order 4(3), L-stable and stiffly accurate. A trial step of length h takes
    ``W = 1 / (h gamma) - J(x)``, factorised once (LU, row pivoting), and for i = 1 ... 6 the
    solutions U_i of ``W U_i = f(x_i) + (c_i1 U_1 + ... + c_i,i-1 U_i-1) / h``, with ``x_1 = x``,
    ``x_i = x + a_i1 U_1 + ... + a_i,i-1 U_i-1`` for i <= 5 and ``x_6 = x_5 + U_5``; the result
    is ``x_6 + U_6`` and its error ``e = U_6``. The steps are controlled as those of RK45, with
    the exponent -0.25 in place of -0.2; J and f(x) are those of the start of the trial step.
    Hairer & Wanner (1996), Solving Ordinary Differential Equations II, section IV.7; the
    coefficients are ``RODAS``.

    RK4: one step of the classical method of order 4.
    Kutta (1901), Z. Math. Phys. 46:435-453.

    FORWARD_EULER: one explicit step of the length of the interval; order 1.

    EXPONENTIAL_EULER: ``x_i + T phi(T a_i(x)) f_i(x)``; order 1, exact for an equation that is
    linear in its own variable while the others stand still.
    Rush & Larsen (1978), IEEE Trans. Biomed. Eng. 25:389-392, with the diagonal of the Jacobian
    as in Sundnes, Artebrant, Skavhaug & Tveito (2009), ibid. 56:2546-2548.

    RUSH_LARSEN: order 2. A step of EXPONENTIAL_EULER of length T/2 gives y, then the result is
    ``x_i + T phi(T a_i(y)) (f_i(y) + a_i(y) (x_i - y_i))``: each equation, linearised in its own
    variable at the midpoint, is solved exactly. Sundnes et al. (2009), who evaluate f_i with its
    own variable at the start of the step instead; for conditionally linear equations that is
    the same.
    """

    RK45 = "rk45"
    ROSENBROCK = "rosenbrock"
    RK4 = "rk4"
    FORWARD_EULER = "forward_euler"
    EXPONENTIAL_EULER = "exponential_euler"
    RUSH_LARSEN = "rush_larsen"

    @property
    def is_adaptive(self) -> bool:
        """Whether the tolerances decide the steps; otherwise there is one, of length dt."""
        return self in (Method.RK45, Method.ROSENBROCK)

    @property
    def is_exponential(self) -> bool:
        """Whether it needs the diagonal of the Jacobian."""
        return self in (Method.EXPONENTIAL_EULER, Method.RUSH_LARSEN)

    @property
    def needs_jacobian(self) -> bool:
        return self is Method.ROSENBROCK or self.is_exponential


@dataclass(frozen=True, slots=True)
class Rodas:
    """The coefficients of ``Method.ROSENBROCK``.

    ``stages[i - 2]`` are a_i1 ... a_i,i-1 for i = 2 ... 5, ``couplings[i - 2]`` are c_i1 ...
    c_i,i-1 for i = 2 ... 6.
    """

    gamma: float
    stages: tuple[tuple[float, ...], ...]
    couplings: tuple[tuple[float, ...], ...]


RODAS = Rodas(
    gamma=0.25,
    stages=(
        (1.544,),
        (0.9466785280815826, 0.2557011698983284),
        (3.314825187068521, 2.896124015972201, 0.9986419139977817),
        (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950),
    ),
    couplings=(
        (-5.6688,),
        (-2.430093356833875, -0.2063599157091915),
        (-0.1073529058151375, -9.594562251023355, -20.47028614809616),
        (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160),
        (
            8.083246795921522,
            -7.981132988064893,
            -31.52159432874371,
            16.31930543123136,
            -6.058818238834054,
        ),
    ),
)
"""Hairer & Wanner (1996), ``RODAS``: the coefficients published with the method."""


@dataclass(frozen=True, slots=True)
class Integrator:
    method: Method
    relative: float
    absolute: float
    reason: str
    """Why this method was chosen, for people."""
    expected_error: str = ""
    """How far from the exact solution the result is, in words."""


@dataclass(frozen=True, slots=True)
class NonlinearSystem:
    """``x' = f(x)``, integrated numerically.

    ``derivatives`` give the right-hand side of each of ``variables`` and then of each of
    ``companions`` (unit per ms). Companions are variables with an exact solution, or convolution
    states, on which ``f`` depends: they move along inside the step, and what comes out for them
    is dropped in favour of their exact values.

    ``jacobian[i][j]`` is the derivative of the right-hand side i with respect to the variable j,
    both counted through variables and companions. It is empty if ``no_jacobian`` says why there
    is none. ``conditionally_linear`` are the variables whose own equation is affine in them.
    """

    variables: tuple[Symbol, ...]
    companions: tuple[Symbol, ...]
    derivatives: tuple[Update, ...]
    integrator: Integrator
    jacobian: tuple[tuple[Expr, ...], ...] = ()
    no_jacobian: str = ""
    conditionally_linear: tuple[Symbol, ...] = ()

    @property
    def rates(self) -> tuple[Expr, ...]:
        """The diagonal of the Jacobian."""
        return tuple(row[i] for i, row in enumerate(self.jacobian))

    @property
    def evaluated(self) -> tuple[Expr, ...]:
        """What a step evaluates: the right-hand sides, and what its method needs beside them."""
        values = tuple(d.value for d in self.derivatives)
        if self.integrator.method.is_exponential:
            return values + self.rates
        if self.integrator.method.needs_jacobian:
            return values + tuple(e for row in self.jacobian for e in row)
        return values


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
    """The states of one kernel on one port: exact flow in every step, then the spikes' jumps.

    ``matrix`` (per ms) says the same flow as an equation: ``z' = matrix z``.
    """

    kernel: str
    port: Symbol
    states: tuple[Symbol, ...]
    updates: tuple[Update, ...]
    jumps: tuple[Jump, ...]
    matrix: tuple[tuple[Expr, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Recordable:
    """What can be recorded: a state variable or a recordable inline, as an expression."""

    symbol: Symbol
    value: Expr


@dataclass(frozen=True, slots=True)
class Between:
    """What is known of the time between events: spikes that arrive, and conditions that hold.

    ``event_driven`` is state (convolution states among it) that follows in closed form from its
    value at the last event, over an interval of any length, and that nothing reads or writes in
    the steps between. A backend may keep it together with the time of that event and advance it
    only at the next one, or when it is to be recorded. To advance it over an interval h, compute
    ``derived`` with h in place of ``dt``, then apply the updates of all of it, which read nothing
    else that moves: those in the ``convolutions``, and those in the linear systems of the flows
    that ``update`` integrates.

    ``is_exact`` tells whether all equations have a closed form from one event to the next, so that
    only the time of the next event must be searched for; ``reason`` says why, or why not.
    """

    event_driven: tuple[Symbol, ...] = ()
    is_exact: bool = False
    reason: str = ""


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
    delays: tuple[Delay, ...] = ()
    fixed: tuple[Symbol, ...] = ()
    """Parameters that give sizes the code is made for: they have no value but their default."""

    between: Between = Between()

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
class Reading:
    """A continuous port of a synapse, and the recordable of a neuron that it sees, by name."""

    port: str
    recordable: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A synapse that is generated together with its postsynaptic neuron, by name.

    A continuous port that is not among ``third_factors`` sees the recordable of its own name.
    """

    neuron: str
    synapse: str
    third_factors: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True)
class SolvedProgram:
    models: tuple[SolvedModel, ...]
    pairs: tuple[Pair, ...] = ()


def sign_pairs(ports: Sequence[SpikePort]) -> tuple[tuple[SpikePort, SpikePort], ...]:
    """Return the excitatory/inhibitory pairs: the first of one sign with the first of the other.

    A vector of ports, which stands here as its elements, pairs with one of the same size.
    """
    vectors: dict[str, list[SpikePort]] = {}
    for p in ports:
        vectors.setdefault(p.symbol.name.partition("[")[0], []).append(p)
    waiting = [v for v in vectors.values() if v[0].sign is Sign.INHIBITORY]
    pairs: list[tuple[SpikePort, SpikePort]] = []
    for excitatory in (v for v in vectors.values() if v[0].sign is Sign.EXCITATORY):
        partner = next((v for v in waiting if len(v) == len(excitatory)), None)
        if partner is not None:
            waiting.remove(partner)
            pairs += zip(excitatory, partner, strict=True)
    return tuple(pairs)
