"""The reference interpreter on the corpus: closed forms, and the truth by other means."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.linalg import expm

from nestml_core.backend import Feature, bodies_of, features
from nestml_core.diagnostics import render
from nestml_core.experiment import Experiment, FloatArray, Trace, schedule
from nestml_core.expr import Expr, Symbol, symbols_in
from nestml_core.reference import constants, evaluate, simulate
from nestml_core.solved import DT, Flow, ModelKind, SolvedModel
from nestml_core.stmt import Emit, walk_statements
from nestml_core.testing import cases, models, names


def run(name: str, duration: float, dt: float = 0.1, **rest: Any) -> Trace:
    accurate = rest.pop("accurate", False)
    return _run(models()[name], Experiment(duration, dt, **rest), accurate)


def _run(model: SolvedModel, experiment: Experiment, accurate: bool = False) -> Trace:
    laid = schedule(experiment, model)
    assert laid.value is not None, [render(d) for d in laid.diagnostics]
    result = simulate(model, laid.value, accurate=accurate)
    assert result.value is not None, [render(d) for d in result.diagnostics]
    return result.value


# The corpus itself


def test_the_names_found_in_the_texts_are_the_models() -> None:
    assert set(names()) == set(models())


def test_the_corpus_needs_every_feature() -> None:
    needed = frozenset().union(*(features(m) for m in models().values()))
    assert set(Feature) - needed == {Feature.COMPILE, Feature.SIMULATE}


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_every_experiment_runs_and_shows_something(name: str, dt: float) -> None:
    """No case fails, and the cases of a model differ in what they yield."""
    model = models()[name]
    traces = {c.title: _run(model, c.experiment) for c in cases(model, dt)}
    for title, trace in traces.items():
        for recorded, values in trace.values.items():
            assert np.isfinite(values).all(), f"{title}: {recorded}"
    if model.recordables:
        shown = {(*map(bytes, t.values.values()), bytes(t.spike_steps)) for t in traces.values()}
        assert len(shown) == len(traces)


def emits(model: SolvedModel) -> bool:
    statements = (s for body in bodies_of(model) for s in walk_statements(body))
    return model.kind is ModelKind.NEURON and any(isinstance(s, Emit) for s in statements)


@pytest.mark.parametrize("name", [n for n, m in models().items() if emits(m)])
def test_models_that_can_spike_do_so(name: str) -> None:
    model = models()[name]
    counts = [len(_run(model, c.experiment).spike_steps) for c in cases(model, 0.1)]
    assert max(counts) > 1


# Linear flows against the exponential of their matrix


def flows() -> list[Any]:
    return [
        pytest.param(m, f, id=f"{m.name}-{i}")
        for m in models().values()
        for i, f in enumerate(m.flows)
        if f.linear is not None and not f.linear.companions
    ]


@pytest.mark.parametrize("dt", [0.01, 0.1, 1.0, 10.0])
@pytest.mark.parametrize(("model", "flow"), flows())
def test_linear_updates_are_the_matrix_exponential(
    model: SolvedModel, flow: Flow, dt: float
) -> None:
    """For random values of everything: x -> exp(A dt) x + integral of exp(A s) b."""
    system = flow.linear
    assert system is not None
    known = dict(constants(model, dt=dt).value or {})
    generator = np.random.default_rng(5)
    x = generator.normal(size=len(system.variables)) * 10
    known |= dict(zip(system.variables, x, strict=True))
    needed = [*system.drive, *(u.value for u in system.updates)]
    for symbol in (s for e in needed for s in symbols_in(e)):
        known.setdefault(symbol, float(generator.normal()))

    def value(e: Expr) -> float:
        result = evaluate(e, known).value
        assert result is not None
        return float(result)

    n = len(system.variables)
    block = np.zeros((n + 1, n + 1))
    block[:n, :n] = [[value(e) for e in row] for row in system.matrix]
    block[:n, n] = [value(e) for e in system.drive]
    expected = (expm(block * dt) @ [*x, 1.0])[:n]
    got = {u.target: value(u.value) for u in system.updates}
    assert [got[s] for s in system.variables] == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert known[DT] == dt


# Nonlinear flows against an integration with a thousandth of the tolerance


def _is_adaptive(model: SolvedModel) -> bool:
    """Whether tolerances bound the error; a step of fixed length may be as wrong as it likes."""
    systems = [f.nonlinear for f in model.flows if f.nonlinear is not None]
    return bool(systems) and all(s.integrator.method.is_adaptive for s in systems)


NONLINEAR = [n for n, m in models().items() if _is_adaptive(m)]


@pytest.mark.parametrize("name", NONLINEAR)
@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_nonlinear_steps_are_near_the_truth(name: str, dt: float) -> None:
    model = models()[name]
    allowed = 1e-4 if name == "izhikevich" else 1e-6  # its spikes magnify errors
    for case in cases(model, dt):
        trace = _run(model, case.experiment)
        truth = _run(model, case.experiment, accurate=True)
        assert trace.spike_steps.tolist() == truth.spike_steps.tolist(), case.title
        for recorded, values in trace.values.items():
            error = np.abs(values - truth[recorded]) / np.maximum(1.0, np.abs(truth[recorded]))
            assert error.max() < allowed, f"{case.title}: {recorded}"


# Closed forms

WEIGHTED = [(0.1, 2.0), (0.1, 1.0), (3.0, 1.5), (3.2, 4.0)]


def response(kernel: Any, times: FloatArray, weights: float = 1.0) -> FloatArray:
    """Return the sum of ``w K(t - t_i)`` over ``WEIGHTED`` at grid times."""
    total = np.zeros_like(times)
    for t, w in WEIGHTED:
        since = times - t
        total += np.where(since > -1e-9, w * weights * kernel(np.maximum(since, 0.0)), 0.0)
    return total


def alpha(tau: float) -> Any:
    return lambda t: math.e / tau * t * np.exp(-t / tau)


@pytest.mark.parametrize("dt", [0.1, 0.05])
def test_kernels_of_time(dt: float) -> None:
    trace = run("kernel_alpha", 20, dt, spikes={"spikes": WEIGHTED})
    assert trace["I_a"] == pytest.approx(response(alpha(2.0), trace.times), abs=1e-13)
    b = response(lambda t: np.exp(-t / 6) - np.exp(-t), trace.times, 2.0)
    assert trace["I_b"] == pytest.approx(b, abs=1e-13)


def test_kernels_of_equations() -> None:
    """B' = B$/tau - B/tau with B$ = exp(-t/tau_2) from 1: a difference of exponentials."""
    trace = run("kernel_ode", 20, spikes={"spikes": WEIGHTED})
    assert trace["g_a"] == pytest.approx(response(alpha(2.0), trace.times), abs=1e-12)
    b = response(lambda t: 5 / 3 * (np.exp(-t / 5) - np.exp(-t / 2)), trace.times)
    assert trace["g_b"] == pytest.approx(b, abs=1e-12)


def test_a_membrane_behind_a_kernel() -> None:
    """V_m through tau_m and an exponential current through tau_syn, on both ports."""
    trace = run("kernel_exp", 20, spikes={"exc_spikes": WEIGHTED, "inh_spikes": [(5.0, 3.0)]})

    def psp(t: FloatArray) -> FloatArray:
        return (np.exp(-t / 10) - np.exp(-t / 2)) / (1 / 2 - 1 / 10) / 100

    late = np.maximum(trace.times - 5.0, 0.0)
    assert trace["V_m"] == pytest.approx(response(psp, trace.times) - 3 * psp(late), abs=1e-13)


def test_equal_time_constants() -> None:
    """V' = -V/tau + I/C with tau of I the same: V = w t exp(-t/tau) / C."""
    same = {"tau_syn": 10.0}
    trace = run("kernel_exp", 20, spikes={"exc_spikes": WEIGHTED}, parameters=same)
    exact = response(lambda t: t * np.exp(-t / 10) / 100, trace.times)
    assert trace["V_m"] == pytest.approx(exact, abs=1e-14)


def test_an_equation_of_second_order() -> None:
    trace = run("second_order", 20, spikes={"spikes": WEIGHTED})
    assert trace["g"] == pytest.approx(response(alpha(3.0), trace.times), abs=1e-12)


def test_a_cascade() -> None:
    """Three equations in a row, two of them alike; V by the partial fractions of the chain."""
    trace = run("cascade", 20, spikes={"spikes": WEIGHTED})
    assert trace["b"] == pytest.approx(
        response(lambda t: t / 4 * np.exp(-t / 4), trace.times), abs=1e-13
    )
    d = 1 / 4 - 1 / 10

    def v(t: FloatArray) -> FloatArray:
        return (np.exp(-t / 10) - np.exp(-t / 4) * (1 + d * t)) / d**2 / 4 / 100

    assert trace["V_m"] == pytest.approx(response(v, trace.times), abs=1e-14)


def test_a_delta_kernel() -> None:
    trace = run("kernel_delta", 20, spikes={"spikes": WEIGHTED})
    assert trace["x"] == pytest.approx(response(lambda t: np.exp(-t / 8), trace.times), abs=1e-13)


def test_units_do_not_matter() -> None:
    """Volts, nanoamperes and seconds give the numbers that millivolts would."""
    trace = run("units", 60, spikes={"spikes": WEIGHTED}, currents={"I_stim": 0.3})
    w = response(lambda t: 10 * np.exp(-t / 20), trace.times)
    assert trace["w"] == pytest.approx(w, rel=1e-12)
    assert trace["elapsed"] == pytest.approx(trace.times, rel=1e-12)

    def psp(t: FloatArray) -> FloatArray:
        return 10 / 250 * (np.exp(-t / 20) - np.exp(-t / 10)) / (1 / 10 - 1 / 20)

    exact = -70 + 12 * -np.expm1(-trace.times / 10) + response(psp, trace.times)
    assert trace["V_m"] == pytest.approx(exact, rel=1e-12)


def test_time_reads_the_end_of_the_step() -> None:
    trace = run("clock", 5)
    assert trace["now"] == pytest.approx(trace.times, rel=1e-14)
    assert trace.spike_steps.tolist()[:6] == [5, 10, 10, 15, 20, 20]


def test_priorities() -> None:
    """The larger number goes first: (0.5 + 3) * (1 + 2)."""
    trace = run("priorities", 0.1, spikes={"factor": [(0.1, 2.0)], "summand": [(0.1, 3.0)]})
    assert trace["x"].tolist() == [10.5]


def test_integers() -> None:
    """n runs from -8 to 10; C's division and Python's differ for negative n."""
    trace = run("integer_arithmetic", 1.9)
    n = trace["n"]
    assert n.tolist() == list(range(-8, 11))
    assert trace["remainder"].tolist() == [math.fmod(k, 4) for k in n]
    assert trace["quotient"].tolist() == [math.trunc(math.trunc(k / 4) / 2) for k in n]
    assert not trace["back"].any()
    assert trace["stored"].tolist() == [math.trunc(0.75 * k) for k in n]


def known(name: str, values: dict[Symbol, Any]) -> Any:
    return {s.name: x for s, x in values.items()}[name]


def test_defaults_that_depend_on_each_other() -> None:
    model = models()["defaults"]
    found = dict(constants(model).value or {})
    assert known("E_L", found) == -70.0
    assert known("ratio", found) == 4.0
    trace = _run(model, Experiment(0.1, parameters={"E_0": -60.0, "T_ref": 5.0}))
    decay = math.exp(-0.01)
    assert trace["half"][0] == pytest.approx(-65 + 7.5 * decay, rel=1e-14)
    assert trace["scaled"][0] == 20.0
    assert trace["refr"][0] == 49.0
    assert trace["x"][0] == pytest.approx(decay**2, rel=1e-14)
