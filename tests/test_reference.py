"""The reference interpreter on models built by hand, against closed forms, SciPy and the rules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from nestml_core.diagnostics import Result
from nestml_core.experiment import Experiment, Trace, schedule
from nestml_core.expr import (
    Binary,
    Call,
    Conditional,
    Constant,
    Expr,
    Kind,
    Number,
    Ref,
    Symbol,
    Text,
    Unary,
    integer,
)
from nestml_core.reference import constants, evaluate, simulate
from nestml_core.solved import (
    DT,
    TIME,
    ContinuousPort,
    Convolution,
    Declaration,
    Definition,
    Flow,
    Function,
    Integrator,
    Jump,
    LinearSystem,
    MatrixExponential,
    Method,
    ModelKind,
    NonlinearSystem,
    OnCondition,
    OnReceive,
    Output,
    Recordable,
    Sign,
    SolvedModel,
    SpikePort,
    Update,
)
from nestml_core.source import NOWHERE, Source, Span
from nestml_core.stmt import (
    Assign,
    Branch,
    Channel,
    Declare,
    Emit,
    For,
    If,
    Integrate,
    Return,
    Say,
    While,
)
from nestml_core.types import BOOLEAN, INTEGER, REAL, Type


def state(name: str, type: Type = REAL) -> Symbol:
    return Symbol(name, Kind.STATE, type)


def parameter(name: str, type: Type = REAL) -> Symbol:
    return Symbol(name, Kind.PARAMETER, type)


def internal(name: str, type: Type = REAL) -> Symbol:
    return Symbol(name, Kind.INTERNAL, type)


def local(name: str, type: Type = REAL) -> Symbol:
    return Symbol(name, Kind.LOCAL, type)


def port(name: str) -> Symbol:
    return Symbol(name, Kind.SPIKE_PORT)


def expr(x: Expr | Symbol | float) -> Expr:
    match x:
        case Symbol():
            return Ref(x, x.type)
        case bool():
            raise TypeError("not a number")
        case int():
            return integer(x)
        case float():
            return Number(Fraction(x))
        case _:
            return x


COMPARISONS = ("<", "<=", "==", "!=", ">=", ">", "and", "or")


def op(left: Expr | Symbol | float, operator: str, right: Expr | Symbol | float) -> Binary:
    a, b = expr(left), expr(right)
    whole = a.type == INTEGER == b.type and operator != "/"
    type = BOOLEAN if operator in COMPARISONS else INTEGER if whole else REAL
    return Binary(operator, a, b, type)


def call(function: str, *arguments: Expr | Symbol | float, type: Type = REAL) -> Call:
    return Call(function, tuple(map(expr, arguments)), type)


def declaration(
    symbol: Symbol, value: Expr | Symbol | float = 0.0, guard: Expr | None = None
) -> Declaration:
    return Declaration(symbol, expr(value), guard, False, "")


def model(**parts: Any) -> SolvedModel:
    """Return a model with nothing in it but ``parts``; its state is recordable."""
    empty: dict[str, Any] = dict.fromkeys(
        [
            "parameters",
            "derived",
            "state",
            "recordables",
            "spike_ports",
            "continuous_ports",
            "convolutions",
            "flows",
            "update",
            "on_receive",
            "on_condition",
            "functions",
        ],
        (),
    )
    whole = SolvedModel(
        name="m",
        kind=ModelKind.NEURON,
        documentation="",
        output=Output.SPIKE,
        is_random=False,
        span=NOWHERE,
        **(empty | parts),
    )
    states = [d.symbol for d in whole.state] + [s for c in whole.convolutions for s in c.states]
    recordables = tuple(Recordable(s, expr(s)) for s in states)
    return replace(whole, recordables=recordables + whole.recordables)


def attempt(m: SolvedModel, duration: float = 1.0, dt: float = 0.1, **rest: Any) -> Result[Trace]:
    accurate = rest.pop("accurate", False)
    laid = schedule(Experiment(duration, dt, **rest), m)
    assert laid.value is not None, laid.diagnostics
    return simulate(m, laid.value, accurate=accurate)


def run(m: SolvedModel, duration: float = 1.0, dt: float = 0.1, **rest: Any) -> Trace:
    result = attempt(m, duration, dt, **rest)
    assert result.value is not None, result.diagnostics
    return result.value


def problem(m: SolvedModel, duration: float = 1.0, dt: float = 0.1, **rest: Any) -> str:
    """Return code and message of the one error of a run."""
    result = attempt(m, duration, dt, **rest)
    assert result.value is None
    (error,) = result.errors
    return f"{error.code.id}: {error.message}"


def neg(x: Expr | Symbol) -> Unary:
    return Unary("-", expr(x))


# A leaky integrate-and-fire neuron with an exponential current

V, I_SYN, R = state("V_m"), state("I_syn"), state("refr", INTEGER)
TAU_M, TAU_S, C, E_L = (parameter(n) for n in ("tau_m", "tau_syn", "C_m", "E_L"))
V_TH, REFR_T = parameter("V_th"), parameter("refr_T")
P_VV, P_VI, P_II, D_V = (internal(n) for n in ("P_VV", "P_VI", "P_II", "D_V"))
REFR = internal("refr_count", INTEGER)
SPIKES, I_STIM = port("spikes"), Symbol("I_stim", Kind.CONTINUOUS_PORT)


def iaf() -> SolvedModel:
    rate_m, rate_s = neg(op(1.0, "/", TAU_M)), neg(op(1.0, "/", TAU_S))
    derived = (
        Definition(REFR, call("ceil", op(REFR_T, "/", DT), type=INTEGER)),
        Definition(P_VV, call("exp", op(rate_m, "*", DT))),
        Definition(P_II, call("exp", op(rate_s, "*", DT))),
        Definition(P_VI, op(call("expdd", DT, rate_m, rate_s), "/", C)),
        Definition(D_V, op(call("expdd", DT, rate_m, 0.0), "/", C)),
    )
    deviation = op(P_VV, "*", op(V, "-", E_L))
    drive = op(op(P_VI, "*", I_SYN), "+", op(D_V, "*", I_STIM))
    update_v = Update(V, op(op(E_L, "+", deviation), "+", drive))
    update_i = Update(I_SYN, op(P_II, "*", I_SYN))

    def flow(*updates: Update) -> Flow:
        variables = tuple(u.target for u in updates)
        return Flow(variables, LinearSystem(variables, (), (), (), updates), None, ())

    threshold = op(op(R, "==", 0), "and", op(V, ">=", V_TH))
    reset = (Assign(R, expr(REFR)), Assign(V, expr(E_L)), Emit(None))
    waiting = Branch(op(R, ">", 0), (Assign(R, op(R, "-", 1)), Integrate(1)))
    defaults = [(TAU_M, 10.0), (TAU_S, 2.0), (C, 250.0), (E_L, -70.0), (V_TH, -55.0), (REFR_T, 2.0)]
    return model(
        parameters=tuple(declaration(s, x) for s, x in defaults),
        derived=derived,
        state=(declaration(V, E_L), declaration(I_SYN), declaration(R, 0)),
        spike_ports=(SpikePort(SPIKES, Sign.ANY),),
        continuous_ports=(ContinuousPort(I_STIM),),
        flows=(flow(update_v, update_i), flow(update_i)),
        update=(If((waiting,), (Integrate(0),)),),
        on_receive=(OnReceive(SPIKES, None, (Assign(I_SYN, op(I_SYN, "+", SPIKES)),), NOWHERE),),
        on_condition=(OnCondition(threshold, reset, NOWHERE),),
    )


@pytest.mark.parametrize("dt", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("tau_syn", [2.0, 9.999999, 10.0])
def test_exact_integration_is_exact(dt: float, tau_syn: float) -> None:
    """One spike of 100 pA at 2 ms: the closed form holds at every grid point."""
    trace = run(iaf(), 20, dt, spikes={"spikes": [(2.0, 100.0)]}, parameters={"tau_syn": tau_syn})
    t = np.maximum(trace.times - 2.0, 0.0)
    if tau_syn == 10.0:
        difference = t * np.exp(-t / 10)
    else:
        gap = 1 / tau_syn - 1 / 10
        difference = np.exp(-t / 10) * -np.expm1(-t * gap) / gap
    exact = -70 + 100 / 250 * difference
    assert trace["V_m"] == pytest.approx(exact, rel=1e-13)
    assert trace["I_syn"] == pytest.approx(100 * np.exp(-t / tau_syn) * (trace.times > 1.999))


def test_spikes_of_a_constant_current() -> None:
    """The first threshold crossing and the refractory period are where the formula puts them."""
    trace = run(iaf(), 100, 0.1, currents={"I_stim": 500.0})
    rise = -10 * math.log(1 - 15 / (500 / 250 * 10))
    first = math.ceil(rise / 0.1)
    assert trace.spike_steps[0] == first
    assert np.diff(trace.spike_steps).tolist() == [first + 20] * (len(trace.spike_steps) - 1)
    assert trace["V_m"][trace.spike_steps - 1].tolist() == [-70.0] * len(trace.spike_steps)
    assert trace.units["V_m"] == "1"
    assert trace.backend == "reference"


def test_events_of_one_step_are_summed() -> None:
    """Two events in a step are one arrival with the sum of the weights, also in step one."""
    twice = run(iaf(), 2, 0.1, spikes={"spikes": [(0.1, 3.0), (0.1, 4.0)]})
    once = run(iaf(), 2, 0.1, spikes={"spikes": [(0.1, 7.0)]})
    assert twice["V_m"].tolist() == once["V_m"].tolist()
    assert once["I_syn"][0] == 7.0


def test_parameters_reach_derived_constants_and_initial_values() -> None:
    trace = run(iaf(), 1, 0.1, parameters={"E_L": -65.0})
    assert trace["V_m"].tolist() == [-65.0] * 10
    trace = run(iaf(), 0.1, 0.1, parameters={"E_L": -65.0}, initial={"V_m": -60.0})
    assert trace["V_m"][0] == pytest.approx(-65 + 5 * math.exp(-0.01), rel=1e-15)


def test_no_steps() -> None:
    trace = run(iaf(), 0)
    assert trace["V_m"].shape == (0,)
    assert trace.spike_steps.shape == (0,)


def test_constants() -> None:
    found = constants(iaf(), {TAU_M: 20.0}, 0.5).value
    assert found is not None
    assert list(found)[:2] == [TAU_M, TAU_S]
    assert found[P_VV] == math.exp(-0.5 / 20)
    assert found[D_V] == pytest.approx(20 * -math.expm1(-0.5 / 20) / 250, rel=1e-15)
    assert found[REFR] == 4
    assert isinstance(found[REFR], int)


# The order of a step

X, Y = state("x"), state("y")
IN = SpikePort(SPIKES, Sign.ANY)


def test_order_of_a_step() -> None:
    """update sees the port, then onReceive, then convolutions jump, then conditions in order."""
    k, log = state("K__X__spikes"), [state(f"log{i}") for i in range(4)]
    half = Update(k, op(k, "*", 0.5))
    convolution = Convolution("K", SPIKES, (k,), (half,), (Jump(k, expr(SPIKES)),))
    always = op(0, "==", 0)
    m = model(
        state=tuple(declaration(s) for s in log),
        spike_ports=(IN,),
        convolutions=(convolution,),
        update=(Assign(log[0], op(op(k, "*", 100.0), "+", SPIKES)),),
        on_receive=(OnReceive(SPIKES, None, (Assign(log[1], expr(k)),), NOWHERE),),
        on_condition=(
            OnCondition(always, (Assign(log[2], expr(k)), Assign(log[3], expr(1.0))), NOWHERE),
            OnCondition(op(log[3], "==", 1.0), (Assign(log[3], op(log[3], "+", 1.0)),), NOWHERE),
        ),
    )
    trace = run(m, 0.3, 0.1, spikes={"spikes": [(0.1, 8.0), (0.3, 2.0)]})
    assert trace["K__X__spikes"].tolist() == [8.0, 4.0, 4.0]
    assert trace["log0"].tolist() == [8.0, 800.0, 402.0]  # update: the value at the step's start
    assert trace["log1"].tolist() == [0.0, 0.0, 4.0]  # onReceive: still that; not called in step 2
    assert trace["log2"].tolist() == [8.0, 4.0, 4.0]  # onCondition: with this step's spikes
    assert trace["log3"].tolist() == [2.0, 2.0, 2.0]


def test_a_port_without_weight_still_receives() -> None:
    body = (Assign(X, op(X, "+", 1.0)),)
    m = model(
        state=(declaration(X),),
        spike_ports=(IN,),
        on_receive=(OnReceive(SPIKES, None, body, NOWHERE),),
    )
    trace = run(m, 0.3, 0.1, spikes={"spikes": [(0.2, 1.0), (0.2, -1.0)]})
    assert trace["x"].tolist() == [0.0, 1.0, 1.0]


def test_time_is_the_end_of_the_step() -> None:
    m = model(state=(declaration(X),), update=(Assign(X, expr(TIME)),))
    assert run(m, 0.3, 0.1)["x"].tolist() == [0.1, 0.2, pytest.approx(0.3, rel=1e-15)]


def test_currents_hold_from_their_time_on_and_are_recorded_after_the_change() -> None:
    m = model(
        state=(declaration(X),),
        continuous_ports=(ContinuousPort(I_STIM),),
        recordables=(Recordable(local("seen"), expr(I_STIM)),),
        update=(Assign(X, expr(I_STIM)),),
    )
    trace = run(m, 0.4, 0.1, currents={"I_stim": ([0.0, 0.2], [1.0, 5.0])})
    assert trace["x"].tolist() == [1.0, 1.0, 5.0, 5.0]
    assert trace["seen"].tolist() == [1.0, 5.0, 5.0, 5.0]


def test_linear_and_nonlinear_parts_start_from_the_same_values_and_jumps_come_last() -> None:
    linear = LinearSystem((X,), (), (), (), (Update(X, op(X, "+", 1.0)),))
    euler = Integrator(Method.FORWARD_EULER, 0.0, 0.0, "")
    nonlinear = NonlinearSystem(
        (Y,), (X,), (Update(Y, op(X, "*", 10.0)), Update(X, expr(10.0))), euler
    )
    jumps = (Jump(X, op(SPIKES, "+", Y)), Jump(Y, op(SPIKES, "+", X)))
    m = model(
        state=(declaration(X), declaration(Y, 3.0)),
        spike_ports=(IN,),
        flows=(Flow((X, Y), linear, nonlinear, jumps),),
        update=(Integrate(0),),
    )
    trace = run(m, 0.1, 0.1, initial={"x": 2.0}, spikes={"spikes": [(0.1, 100.0)]})
    assert trace["x"].tolist() == [3.0 + 100.0 + 5.0]
    assert trace["y"].tolist() == [5.0 + 100.0 + 3.0]


# Nonlinear systems

RK45 = Integrator(Method.RK45, 1e-6, 1e-6, "")


def van_der_pol(mu: float, integrator: Integrator = RK45) -> SolvedModel:
    acceleration = op(op(op(1.0, "-", op(X, "*", X)), "*", Y), "*", mu)
    system = NonlinearSystem(
        (X, Y), (), (Update(X, expr(Y)), Update(Y, op(acceleration, "-", X))), integrator
    )
    return model(
        state=(declaration(X, 2.0), declaration(Y)),
        flows=(Flow((X, Y), None, system, ()),),
        update=(Integrate(0),),
    )


def truth(mu: float, times: np.ndarray) -> np.ndarray:
    def f(_: float, x: np.ndarray) -> list[float]:
        return [x[1], mu * (1 - x[0] * x[0]) * x[1] - x[0]]

    end = times[-1]
    done = solve_ivp(f, (0, end), [2.0, 0.0], "DOP853", times, rtol=1e-13, atol=1e-13)
    return np.array(done.y[0])


@pytest.mark.parametrize("dt", [0.1, 1.0])
@pytest.mark.parametrize("mu", [0.5, 5.0])
def test_nonlinear_systems(dt: float, mu: float) -> None:
    trace = run(van_der_pol(mu), 20, dt)
    exact = truth(mu, trace.times)
    assert np.abs(trace["x"] - exact).max() < 1e-3
    trace = run(van_der_pol(mu), 20, dt, accurate=True)
    assert np.abs(trace["x"] - exact).max() < 1e-8


def test_tighter_tolerances_get_closer() -> None:
    errors = []
    for tolerance in (1e-4, 1e-6, 1e-8):
        trace = run(van_der_pol(1.0, Integrator(Method.RK45, tolerance, tolerance, "")), 10, 1.0)
        errors.append(np.abs(trace["x"] - truth(1.0, trace.times)).max())
    assert errors[0] > 5 * errors[1] > 25 * errors[2]


def test_forward_euler() -> None:
    trace = run(van_der_pol(0.0, Integrator(Method.FORWARD_EULER, 0.0, 0.0, "")), 0.2, 0.1)
    assert trace["x"].tolist() == [2.0, pytest.approx(2.0 - 0.02)]


def test_a_solution_that_escapes() -> None:
    """x' = x^2 from 1 reaches infinity at 1 ms; t = 1 ms is the end of the first step of 2 ms."""
    system = NonlinearSystem((X,), (), (Update(X, op(X, "*", X)),), RK45)
    m = model(
        state=(declaration(X, 1.0),),
        flows=(Flow((X,), None, system, ()),),
        update=(Integrate(0),),
    )
    assert run(m, 0.5, 0.5)["x"][-1] == pytest.approx(2.0, rel=1e-5)
    assert problem(m, 2.0, 2.0).startswith("NML936: `x`: no step is short enough")
    assert problem(m, 2.0, 2.0, accurate=True).startswith("NML936")


def test_matrix_exponential_of_an_oscillator() -> None:
    (a, b), (c, d) = [[internal(f"P{i}{j}") for j in range(2)] for i in range(2)]
    omega = parameter("omega")
    zero = expr(0.0)
    matrix = ((zero, expr(omega)), (neg(omega), zero))
    updates = (
        Update(X, op(op(a, "*", X), "+", op(b, "*", Y))),
        Update(Y, op(op(c, "*", X), "+", op(d, "*", Y))),
    )
    m = model(
        parameters=(declaration(omega, 2.0),),
        derived=(MatrixExponential(((a, b), (c, d)), matrix),),
        state=(declaration(X, 1.0), declaration(Y)),
        flows=(Flow((X, Y), LinearSystem((X, Y), (), (), (), updates), None, ()),),
        update=(Integrate(0),),
    )
    trace = run(m, 10, 0.1)
    assert trace["x"] == pytest.approx(np.cos(2 * trace.times), abs=1e-12)
    assert constants(m, {omega: 1.0}).value[a] == pytest.approx(math.cos(0.1))  # type: ignore[index]


# Statements, functions, messages

N = state("n", INTEGER)


def test_loops() -> None:
    i = local("i", INTEGER)
    up = For(i, expr(0), expr(5), expr(2), (Assign(N, op(N, "+", i)),))
    after = Assign(X, expr(i))
    down = For(i, expr(3), expr(0), integer(-1), (Assign(N, op(N, "+", 100)),))
    halve = While(op(X, ">", 1.0), (Assign(X, op(X, "/", 2.0)),))
    m = model(
        state=(declaration(N, 0), declaration(X)),
        update=(Declare(i, expr(0)), up, after, down, halve),
    )
    trace = run(m, 0.1, 0.1)
    assert trace["n"].tolist() == [306.0]
    assert trace["x"].tolist() == [0.75]


def test_functions_recurse_with_locals_of_their_own() -> None:
    """fib(n), with a local of the caller's name that must survive the inner calls."""
    n = Symbol("n", Kind.ARGUMENT, INTEGER)
    i, k = local("i", INTEGER), local("k", INTEGER)
    fib = Function(
        "fib",
        (n,),
        local("", INTEGER),
        (
            If((Branch(op(n, "<", 2), (Return(expr(n)),)),), ()),
            Declare(i, call("fib", op(n, "-", 1), type=INTEGER)),
            Declare(k, call("fib", op(n, "-", 2), type=INTEGER)),
            Return(op(i, "+", k)),
        ),
        NOWHERE,
    )
    m = model(
        state=(declaration(N, 0),),
        functions=(fib,),
        update=(
            Declare(i, expr(7)),
            Assign(N, call("fib", 12, type=INTEGER)),
            Assign(N, op(N, "+", i)),
        ),
    )
    assert run(m, 0.1, 0.1)["n"].tolist() == [144 + 7]


def calling(f: Function) -> SolvedModel:
    """Return a model that stores the value of ``f()`` in each step."""
    step = Assign(N, call(f.name, type=INTEGER))
    return model(state=(declaration(N, 0),), functions=(f,), update=(step,))


def test_return_leaves_loops() -> None:
    i = local("i", INTEGER)
    body = (
        While(
            op(0, "==", 0),
            (Assign(i, op(i, "+", 1)), If((Branch(op(i, ">", 4), (Return(expr(i)),)),), ())),
        ),
        Return(expr(0)),
    )
    f = Function("f", (), local("", INTEGER), (Declare(i, expr(0)), *body), NOWHERE)
    m = model(
        state=(declaration(N, 0),), functions=(f,), update=(Assign(N, call("f", type=INTEGER)),)
    )
    assert run(m, 0.1, 0.1)["n"].tolist() == [5.0]


def test_messages_are_diagnostics() -> None:
    said = (Text("x is "), expr(X), Text("!"))
    m = model(
        state=(declaration(X, 1.5),),
        update=(Say(Channel.PRINTLN, said), Say(Channel.WARNING, (Text("w"),))),
    )
    result = attempt(m, 0.2, 0.1)
    assert result.value is not None
    shown = [f"{d.code.severity.value} {d.message}" for d in result.diagnostics]
    assert shown == [
        "hint t = 0.1 ms: x is 1.5!",
        "warning t = 0.1 ms: w",
        "hint t = 0.2 ms: x is 1.5!",
        "warning t = 0.2 ms: w",
    ]
    many = attempt(m, 100, 0.1).diagnostics
    assert len(many) == 101
    assert many[-1].message == "and 1900 more messages"


def test_random_numbers_follow_the_seed() -> None:
    m = model(
        state=(declaration(X), declaration(Y), declaration(N, 0)),
        update=(
            Assign(X, call("random_normal", 3.0, 2.0)),
            Assign(Y, call("random_uniform", 5.0, 2.0)),
            Assign(N, call("random_poisson", 4.0, type=INTEGER)),
        ),
    )
    trace, again, other = (run(m, 1000, 0.1, seed=s) for s in (1, 1, 2))
    assert trace["x"].tolist() == again["x"].tolist() != other["x"].tolist()
    assert trace["x"].mean() == pytest.approx(3.0, abs=0.1)
    assert trace["x"].std() == pytest.approx(2.0, abs=0.1)
    assert trace["y"].min() >= 5.0
    assert trace["y"].max() < 7.0
    assert trace["y"].mean() == pytest.approx(6.0, abs=0.05)
    assert trace["n"].mean() == pytest.approx(4.0, abs=0.1)


# What goes wrong is said, with place, variable and time

TEXT = Source("m.nestml", "tau > 0 ms and 1 / x")
GUARD, QUOTIENT = Span(TEXT, 0, 10), Span(TEXT, 15, 20)


def test_guards() -> None:
    tau = parameter("tau")
    guard = Binary(">", expr(tau), expr(0.0), BOOLEAN, GUARD)
    m = model(parameters=(declaration(tau, 1.0, guard),))
    run(m)
    message = "NML931: the guard `tau > 0 ms` of `tau` does not hold: tau = -2"
    assert problem(m, parameters={"tau": -2.0}) == message
    found = constants(m, {tau: -2.0})
    assert found.value is None
    assert found.errors[0].span == GUARD


def test_guards_of_initial_values() -> None:
    m = model(state=(declaration(X, 1.0, op(X, ">", 0.0)),))
    run(m)
    assert problem(m, initial={"x": -1.0}) == "NML931: the guard of `x` does not hold: x = -1"


def test_division_by_zero() -> None:
    quotient = Binary("/", expr(1.0), expr(X), REAL, QUOTIENT)
    step = Assign(X, op(X, "-", 1.0))
    m = model(state=(declaration(X, 2.0), declaration(Y)), update=(step, Assign(Y, quotient)))
    result = attempt(m)
    assert result.errors[0].span == QUOTIENT
    expected = "`y` would become infinite: division by zero in `1 / x` at t = 0.2 ms"
    assert problem(m) == f"NML933: {expected}"


def test_infinity_on_the_way_is_no_error() -> None:
    """1 / (1 + 1 / x) is 0 for x = 0, as on every target: doubles follow IEEE 754."""
    inverse = op(1.0, "/", op(1.0, "+", op(1.0, "/", X)))
    m = model(state=(declaration(X), declaration(Y, 3.0)), update=(Assign(Y, inverse),))
    assert set(run(m)["y"]) == {0.0}


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        (call("ln", expr(-1.0)), "a function outside its domain"),
        (op(neg(expr(2.0)), "**", 0.5), "a function outside its domain"),
        (op(X, "%", X), "division by zero"),
        (op(1, "<<", 70), "a shift by 70 bits"),
        (call("random_normal", 0.0, -1.0), "scale < 0"),
    ],
)
def test_operations_without_a_value(value: Expr, cause: str) -> None:
    m = model(state=(declaration(X), declaration(Y)), update=(Assign(Y, value),))
    assert problem(m) == f"NML932: `y` has no value: {cause} at t = 0.1 ms"


@pytest.mark.parametrize(
    ("value", "became"),
    [
        (call("ln", X), "minus infinite"),
        (op(X, "**", -1.0), "infinite"),
        (op(X, "//", X), "not a number: division by zero"),
        (op(-1.0, "/", X), "minus infinite: division by zero"),
    ],
)
def test_values_that_are_not_finite(value: Expr, became: str) -> None:
    m = model(state=(declaration(X), declaration(Y)), update=(Assign(Y, value),))
    assert problem(m) == f"NML933: `y` would become {became} at t = 0.1 ms"


def test_variables_that_run_away() -> None:
    m = model(state=(declaration(X, 1e300),), update=(Assign(X, op(X, "*", 1e3)),))
    assert problem(m) == "NML933: `x` would become infinite at t = 0.3 ms"
    m = model(state=(declaration(N, 1),), update=(Assign(N, op(N, "*", 2)),))
    expected = "`n` would become 9223372036854775808, which does not fit into 64 bits"
    assert problem(m, 100) == f"NML934: {expected} at t = 6.3 ms"


def test_a_flow_that_runs_away() -> None:
    linear = LinearSystem((X,), (), (), (), (Update(X, op(X, "*", 1e200)),))
    m = model(
        state=(declaration(X, 1.0),), flows=(Flow((X,), linear, None, ()),), update=(Integrate(0),)
    )
    assert problem(m) == "NML933: `x` would become infinite at t = 0.2 ms"


def test_infinity_on_purpose() -> None:
    low = parameter("low")
    m = model(
        parameters=(declaration(low, neg(Constant("inf"))),),
        state=(declaration(X, low), declaration(Y)),
        update=(Assign(Y, call("max", X, 3.0)), Assign(X, neg(Constant("inf")))),
    )
    assert run(m, 0.1, 0.1)["y"].tolist() == [3.0]
    assert math.isinf(run(m, 0.1, 0.1)["x"][0])


def test_endless_loops_end() -> None:
    m = model(state=(declaration(X),), update=(While(op(0, "==", 0), ()),))
    assert problem(m) == (
        "NML935: the loops of one step made more than 1000000 passes at t = 0.1 ms"
    )


def test_endless_recursion_ends() -> None:
    f = Function("f", (), local("", INTEGER), (Return(call("f", type=INTEGER)),), NOWHERE)
    m = model(
        state=(declaration(N, 0),), functions=(f,), update=(Assign(N, call("f", type=INTEGER)),)
    )
    assert problem(m) == "NML935: functions call each other too deeply at t = 0.1 ms"


# Expressions


def value(e: Expr, **values: Any) -> Any:
    known: Mapping[Symbol, Any] = {s: values.get(s.name) for s in (X, Y, N)}
    result = evaluate(e, known)
    assert not result.diagnostics
    return result.value


@pytest.mark.parametrize(("a", "b"), [(7, 2), (-7, 2), (7, -2), (-7, -2), (6, 3), (-6, 3), (0, 5)])
def test_integers_divide_like_in_c(a: int, b: int) -> None:
    quotient, remainder = value(op(a, "//", b)), value(op(a, "%", b))
    assert quotient == math.trunc(a / b)
    assert remainder == math.fmod(a, b)
    assert quotient * b + remainder == a
    assert isinstance(quotient, int)
    assert value(op(a, "/", b)) == a / b
    assert value(op(float(a), "//", float(b))) == math.trunc(a / b)
    assert value(op(float(a), "%", float(b))) == math.fmod(a, b)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (2.5, 3),
        (-2.5, -3),
        (0.5, 1),
        (-0.5, -1),
        (1.4, 1),
        (0.49999999999999994, 0),
        (2.0**53, 2**53),
    ],
)
def test_halves_are_rounded_away_from_zero(x: float, expected: int) -> None:
    assert value(call("round", x)) == expected
    whole = value(call("round", x, type=INTEGER))
    assert whole == expected
    assert isinstance(whole, int)


@pytest.mark.parametrize(
    ("e", "expected"),
    [
        (op(2, "**", 10), 1024),
        (op(2, "**", -1), 0),
        (op(-1, "**", -3), -1),
        (op(2.0, "**", -1.0), 0.5),
        (op(op(1, "<<", 4), "|", 1), 17),
        (op(6, "^", 3), 5),
        (Unary("~", integer(5), INTEGER), -6),
        (call("exp", 1000.0), math.inf),
        (call("exp", -1000.0), 0.0),
        (call("sinh", -1000.0), -math.inf),
        (op(10.0, "**", 400.0), math.inf),
        (op(-10.0, "**", 401.0), -math.inf),
        (call("truncate", -2.7, type=INTEGER), -2),
        (call("min", 3, 2.5), 2.5),
        (Conditional(op(1, "<", 2), expr(3.0), op(1.0, "/", 0.0)), 3.0),
        (op(op(1, ">", 2), "and", op(op(1.0, "/", 0.0), ">", 0.0)), False),
        (op(op(1, "<", 2), "or", op(op(1.0, "/", 0.0), ">", 0.0)), True),
    ],
)
def test_operations(e: Expr, expected: Any) -> None:
    assert value(e) == expected


LONG = 3000


def test_long_sums() -> None:
    total: Expr = expr(X)
    for i in range(1, LONG):
        total = op(total, "+" if i % 2 else "-", op(X, "*", float(i)))
    assert value(total, x=1.0) == 1.0 + sum(i if i % 2 else -i for i in range(1, LONG))


def test_deep_expressions_of_any_shape() -> None:
    right: Expr = expr(X)
    calls: Expr = expr(X)
    choices: Expr = expr(-1)
    conjunction: Expr = op(X, ">", 0.0)
    negations: Expr = expr(X)
    for i in range(LONG):
        right = op(X, "-", right)
        calls = call("max", op(X, "+", 1.0), calls)
        choices = Conditional(op(X, "==", float(i)), integer(i), choices, INTEGER)
        conjunction = op(op(X, "<", float(i + 3)), "and", conjunction)
        negations = neg(negations)
    assert value(right, x=2.0) == 2.0
    assert value(calls, x=2.0) == 3.0
    assert value(choices, x=17.0) == 17
    assert value(choices, x=0.5) == -1
    assert value(conjunction, x=2.0) is True
    assert value(conjunction, x=1000.0) is False
    assert value(negations, x=2.0) == 2.0


def test_deep_expressions_leave_out_what_is_not_needed() -> None:
    """Only the chosen branch runs, however deep: the others divide by zero."""
    deep: Expr = op(1.0, "/", op(X, "-", X))
    for _ in range(100):
        deep = call("exp", deep)
    choice: Expr = Conditional(op(X, ">", 0.0), expr(X), deep)
    guarded = op(op(X, ">", 0.0), "or", op(deep, ">", 0.0))
    also = op(op(X, "<", 0.0), "and", op(deep, ">", 0.0))
    assert value(choice, x=1.0) == 1.0
    assert value(guarded, x=1.0) is True
    assert value(also, x=1.0) is False


def test_text() -> None:
    joined = Binary("+", Text("n = "), expr(N), Text("").type)
    assert value(joined, n=3) == "n = 3"
