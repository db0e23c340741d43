"""Models in whole numbers, run by the reference interpreter: what they are off by, what is refused.

A model in whole numbers is a model like any other; ``test_whole_processes`` shows that generated
processes compute the same to the last bit.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nestml_lava.backend import LavaBackend
from nestml_lava.fixed import trial
from nestml_lava.fixed.package import Numbers, lowered
from nestml_lava.fixed.terms import Arithmetic, Known, Term
from nestml_lava.options import Options

from nestml_core.api import (
    INTEGER,
    Experiment,
    Kind,
    Method,
    Ref,
    Schedule,
    SolvedModel,
    SolvedProgram,
    Symbol,
    Trace,
    evaluate,
    interpret,
    load,
)
from nestml_core.experiment import schedule
from nestml_core.pipeline import compile_files
from nestml_core.solve import SolveOptions
from nestml_core.stimuli import poisson_train


def laid_out(model: SolvedModel, experiment: Experiment) -> Schedule:
    laid = schedule(experiment, model)
    assert laid.value is not None, laid.diagnostics
    return laid.value


def numbers(model: SolvedModel, laid: Schedule, **options: Any) -> Numbers:
    package = lowered(model, Options(**options), laid)
    assert package.value is not None, package.diagnostics
    return package.value.numbers


def run(found: Numbers, laid: Schedule) -> Trace:
    plan = trial.in_whole_numbers(laid, found.integers)
    assert isinstance(plan, Schedule), plan
    trace = interpret(found.integers.model, plan).value
    assert trace is not None
    return trace


def poisson(model: SolvedModel, dt: float, duration: float, weight: float) -> Experiment:
    rates = {"exc_spikes": 1200.0, "inh_spikes": 400.0}
    spikes = {
        name: poisson_train(rate, weight * (1.0, 0.75)[k], duration, dt, seed=k + 1)
        for k, (name, rate) in enumerate(rates.items())
    }
    return Experiment(duration, dt, spikes=spikes)


@pytest.mark.parametrize(("name", "weight"), [("iaf_psc_exp", 200.0), ("iaf_psc_alpha", 80.0)])
def test_fixed24_keeps_all_spikes_at_steps_of_a_tenth(name: str, weight: float) -> None:
    """With 16 significant bits in constants; with a constant current, and with random input.

    The last spike is not a step away, and 95 % of all are not either.
    """
    model = load(name).solved
    for experiment in (
        Experiment(2000.0, 0.1, parameters={"I_e": 500.0}),
        poisson(model, 0.1, 2000.0, weight),
    ):
        laid = laid_out(model, experiment)
        whole = numbers(model, laid, arith="fixed24", precision=16)
        found = whole.measured
        assert found is not None
        assert found.spikes == found.expected > 50
        assert found.rate == 0.0
        assert dict(found.before)["V_m"] <= 5e-3
        exact = interpret(model, laid).value
        assert exact is not None
        steps = run(whole, laid).spike_steps
        assert steps[-1] == exact.spike_steps[-1]
        assert np.isin(exact.spike_steps, steps).mean() >= 0.95


@pytest.fixture(scope="module")
def izhikevich() -> tuple[SolvedModel, Schedule, Trace]:
    """Return the model with one Euler step in each time step, and two seconds of it."""
    program = compile_files(["izhikevich"], SolveOptions(Method.FORWARD_EULER)).value
    assert program is not None
    model = program.models[0]
    laid = laid_out(model, Experiment(2000.0, 0.1, parameters={"I_e": 10.0}))
    trace = interpret(model, laid).value
    assert trace is not None
    return model, laid, trace


@pytest.mark.parametrize(("arith", "limit"), [("fixed24", 5e-3), ("fixed32", 1e-4)])
def test_izhikevich_keeps_its_intervals(izhikevich: Any, arith: str, limit: float) -> None:
    model, laid, expected = izhikevich
    trace = run(numbers(model, laid, arith=arith), laid)
    assert len(expected.spike_steps) > 20
    n = min(len(trace.spike_steps), len(expected.spike_steps))
    got = np.diff(trace.spike_steps[:n]).mean()
    assert abs(got / np.diff(expected.spike_steps[:n]).mean() - 1) <= limit


def test_what_single_steps_cost_is_told_apart_from_rounding() -> None:
    """Nonlinear equations take one step of order 4 in each time step."""
    for name in ("izhikevich", "iaf_cond_alpha", "iaf_cond_exp"):
        package = lowered(load(name).solved, Options(arith="fixed32")).value
        assert package is not None
        all_of_it, rounding = package.numbers.measured, package.numbers.rounding
        assert all_of_it is not None
        assert rounding is not None
        assert all_of_it.near == rounding.near == 1.0
        assert rounding.expected > 3
        assert dict(rounding.before)["V_m"] < 1e-3 < dict(all_of_it.before)["V_m"] < 0.1
    linear = lowered(load("iaf_psc_exp").solved, Options(arith="fixed32")).value
    assert linear is not None
    assert linear.numbers.rounding is None


LINEAR = ["iaf_psc_alpha", "iaf_psc_delta", "mat2_psc_exp", "amat2_psc_exp", "glif_psc"]


@pytest.mark.parametrize("name", LINEAR)
def test_linear_models_keep_their_spikes(name: str) -> None:
    """The input is the one of a build: random spikes that make the model fire."""
    for arith, limit in (("fixed24", 5e-3), ("fixed32", 5e-5)):
        package = lowered(load(name).solved, Options(arith=arith)).value
        assert package is not None
        found = package.numbers.measured
        assert found is not None
        assert found.expected > 3
        assert found.near == 1.0
        assert dict(found.before)["V_m"] <= limit


def test_loihi_at_a_millisecond() -> None:
    """Scales are chosen so that weights are whole numbers: most spikes stay where they are."""
    model = load("iaf_psc_exp").solved
    constant = laid_out(model, Experiment(2000.0, 1.0, parameters={"I_e": 500.0}))
    random = laid_out(model, poisson(model, 1.0, 2000.0, 200.0))
    for laid in (constant, random):
        found = numbers(model, laid, arith="loihi1").measured
        assert found is not None
        assert found.spikes == found.expected > 40
        assert found.near >= 0.98
        assert found.rate * 2000.0 <= 1.0
        assert dict(found.before)["V_m"] <= 0.02


def test_loihi_at_a_tenth_warns_and_is_off_by_less_than_that() -> None:
    model = load("iaf_psc_exp").solved
    laid = laid_out(model, Experiment(2000.0, 0.1, parameters={"I_e": 500.0}))
    package = lowered(model, Options(arith="loihi1"), laid)
    assert package.value is not None
    (warning,) = package.diagnostics
    assert warning.code.id == "LAVA108"
    assert "by up to 1.23%" in warning.message
    found = package.value.numbers.measured
    assert found is not None
    assert abs(found.spikes / found.expected - 1) <= 0.0125
    assert found.rate <= 0.0125


REFUSED = [
    ("hh_psc_alpha", "fixed24", "LAVA105"),
    ("iaf_chxk_2008", "fixed32", "LAVA113"),
    ("gif_psc_exp", "fixed24", "LAVA114"),
    ("tanh_rate", "fixed24", "LAVA110"),
    ("izhikevich", "loihi1", "LAVA103"),
    ("iaf_psc_alpha", "loihi1", "LAVA111"),
]


@pytest.mark.parametrize(("name", "arith", "code"), REFUSED)
def test_what_has_no_form_in_whole_numbers_is_refused(name: str, arith: str, code: str) -> None:
    program = compile_files([name]).value
    assert program is not None
    result = LavaBackend().lower(program, Options(arith=arith))
    assert result.value is None
    (d,) = (d for d in result.diagnostics if d.is_error)
    assert d.code.id == code
    assert d.help
    assert d.span.source is not None


def test_what_does_not_fit_is_refused() -> None:
    model = load("iaf_psc_exp").solved
    for options, parameters, dt, code in (
        ({"arith": "loihi1"}, {}, 0.01, "LAVA115"),
        ({"arith": "loihi1"}, {"tau_m": 5000.0}, 0.1, "LAVA115"),
    ):
        laid = laid_out(model, Experiment(10.0, dt, parameters=parameters))
        result = lowered(model, Options(**options), laid)
        assert [d.code.id for d in result.diagnostics if d.is_error] == [code]
    laid = laid_out(model, Experiment(10.0, 1.0, currents={"I_stim": ([0, 5], [0.0, 100.0])}))
    result = lowered(model, Options(arith="loihi1"), laid)
    assert [d.code.id for d in result.diagnostics] == ["LAVA102"]
    assert result.value is None


def test_values_that_would_overflow_stop_at_the_limit() -> None:
    """The potential stays within its 24 bits under an input larger than the trial had."""
    model = load("iaf_psc_exp").solved
    quiet = laid_out(model, Experiment(20.0, 0.1, parameters={"V_th": 1e6}))
    found = numbers(model, quiet, arith="fixed24")
    loud = interpret(
        found.integers.model,
        Schedule(
            dt=0.1,
            steps=100,
            parameters={},
            initial={found.integers.formats[0].whole: 0},
            spikes={
                p.whole: trial.Events(np.arange(1, 3), np.full(2, 2.0**40))
                for p in found.integers.ports[:2]
            },
            currents={p.whole: np.zeros(100) for p in found.integers.ports[2:]},
            record=tuple(f.whole for f in found.integers.formats),
            seed=1,
        ),
    ).value
    assert loud is not None
    for f in found.integers.formats:
        assert np.abs(loud[f.whole.name]).max() <= f.limit
    assert np.abs(loud["I_syn_exc"]).max() == 2**23 - 1


def test_values_are_those_of_parameters() -> None:
    program = SolvedProgram((load("iaf_psc_exp").solved,))
    for values, message in (("I_f=3", "no parameter `I_f`"), ("I_e=much", "`I_e=much` is no")):
        result = LavaBackend().lower(program, Options(arith="fixed24", values=values))
        assert result.value is None
        found = {d.code.id: d.message for d in result.diagnostics}
        assert message.replace("no parameter", "no model has a parameter") in found["LAVA010"]


def test_a_report_tells_all(tmp_path: Any) -> None:
    model = load("iaf_psc_exp").solved
    backend = LavaBackend()
    for arith in ("float", "loihi1", "fixed24"):
        options = Options(arith=arith, step=1.0, values="I_e=100")
        program = backend.lower(SolvedProgram((model,)), options).value
        assert program is not None
        found = json.loads(backend.render(program)["iaf_psc_exp/report.json"])
        assert found["arithmetic"] == arith
        assert found["stock process"] is None or found["stock process"]["is"] == "LIFRefractory"
        if arith == "float":
            continue
        assert found["parameters that are not the defaults"] == {"I_e": 100.0}
        assert found["measured errors"]["spikes"] > 3
        assert found["variables"]["V_m"]["bits"] == 24
        assert found["predicted errors"]
        assert found["resources"]
    assert found["resources"]["state of a neuron in bits"] == 72


X = Symbol("x", Kind.STATE, INTEGER)
Y = Symbol("y", Kind.STATE, INTEGER)
REALS = st.floats(-1e3, 1e3).filter(lambda x: abs(x) > 1e-3)


@given(
    x=st.integers(-(2**23), 2**23),
    y=st.integers(-(2**31), 2**31),
    k=st.none() | REALS,
    fractions=st.tuples(st.integers(0, 23), st.integers(0, 31)),
    op=st.sampled_from(["plus", "minus", "times"]),
)
def test_operations_are_those_of_numbers(
    x: int, y: int, k: float | None, fractions: tuple[int, int], op: str
) -> None:
    """Within the roundings of operands, and never beyond 63 bits."""
    arithmetic = Arithmetic(24)
    a = Term(Ref(X, INTEGER), fractions[0], 2.0 ** (23 - fractions[0]))
    y_term = Term(Ref(Y, INTEGER), fractions[1], 2.0 ** (31 - fractions[1]))
    b = y_term if k is None else Known(k)
    found = getattr(arithmetic, op)(a, b)
    assert isinstance(found, Term)
    whole = evaluate(found.value, {X: x, Y: y}).value
    assert isinstance(whole, int)
    assert abs(whole) < 2**63
    assert abs(whole) <= found.largest * 2.0**found.fraction * (1 + 1e-9) + 1
    p = x / 2.0 ** fractions[0]
    q = y / 2.0 ** fractions[1] if k is None else k
    exact = {"plus": p + q, "minus": p - q, "times": p * q}[op]
    coarse = 2.0**-found.fraction + 2.0**-20 * (abs(p) + abs(q)) + 2.0**-19 * abs(p * q)
    room = (
        2.0**-20 * (a.largest + (y_term.largest if k is None else abs(k))) * (1 + abs(p) + abs(q))
    )
    assert abs(whole / 2.0**found.fraction - exact) <= coarse + room


def test_statements_mean_the_same_in_whole_numbers(compiled: Callable[..., Any]) -> None:
    """Locals, conditional expressions, min and max, abs, powers, and/or: all in whole numbers."""
    model = compiled(STATEMENTS).models[0]
    laid = laid_out(model, Experiment(50.0, 0.1))
    found = numbers(model, laid, arith="fixed32")
    expected = interpret(model, laid).value
    assert expected is not None
    trace = run(found, laid)
    np.testing.assert_array_equal(trace.spike_steps, expected.spike_steps)
    assert len(trace.spike_steps) >= 3
    for f in found.integers.formats:
        got = trace[f.whole.name] / f.scale + f.offset
        np.testing.assert_allclose(got, expected[f.symbol.name], atol=2e-3)


STATEMENTS = """
model statements:
    state:
        x mV = -3 mV
        y mV = 0 mV
        high boolean = false
        count integer = 0
    equations:
        x' = (2 mV - x) / (5 ms) + 0.3 mV / ms
    output:
        spike
    update:
        integrate_odes()
        gap mV = abs(x - 1 mV)
        if gap > 1 mV and not high:
            y = min(gap, 3 mV) - max(x, -1 mV) / 4
        elif count >= 2 or x > 3 mV:
            gap = gap * 2
            y = gap + 0.125 mV
        else:
            y = (x > 0 mV) ? x : -x
        high = x > 2.5 mV
        count += 1
    onCondition(x**2 >= 9 mV**2 and x > 0 mV):
        x = -3 mV
        count = 0
        emit_spike()
"""
