"""Vectors against scalars written out, against closed forms, and against NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from nestml_core.backend import Feature
from nestml_core.experiment import Experiment, Trace, schedule
from nestml_core.loading import LoadedModel
from nestml_core.pipeline import check_sources
from nestml_core.reference import simulate
from nestml_core.solved import MatrixExponential, SolvedModel
from nestml_core.source import Source
from nestml_core.testing.corpus import models
from nestml_core.verify import violations


def compiled(text: str) -> SolvedModel:
    program = check_sources([Source("m.nestml", text)])
    assert program.value is not None, program.diagnostics
    model = program.value.models[0]
    assert violations(model) == ()
    return model


def traced(model: SolvedModel, **experiment: Any) -> Trace:
    laid = schedule(Experiment(**experiment), model)
    assert laid.value is not None, laid.diagnostics
    trace = simulate(model, laid.value)
    assert trace.value is not None, trace.diagnostics
    return trace.value


EQUATIONS = """model m:
    state:
{state}
    parameters:
        a 1/ms = 0.08 / 1 ms
{parameters}
    equations:
        kernel K = exp(-t / 3 ms)
{equations}
    input:
{ports}
    update:
        integrate_odes()
"""
VECTOR = EQUATIONS.format(
    state="        x[3] real = 1\n        u[3] real = 0.5\n        u[3]' 1/ms = 0 / 1 ms\n"
    "        v[3] real = 0.2\n        w[3] real = 0",
    parameters="        tau[3] ms = 10 ms",
    equations="        x' = -x / tau + (convolve(K, p) + u) / 1 ms\n"
    "        u'' = -0.2 * u' / 1 ms - u / tau**2\n"
    "        v' = (v - v**3 / 3 - w + I / 100 pA + x[0]) / 1 ms\n"
    "        w' = a * (v + 0.7 - 0.8 * w)",
    ports="        p[3] <- spike\n        I[3] pA <- continuous",
)


def _lines(*lines: str) -> str:
    return "\n".join(f"        {line.replace('#', str(k))}" for line in lines for k in range(3))


SCALARS = EQUATIONS.format(
    state=_lines("x# real = 1", "u# real = 0.5", "u#' 1/ms = 0 / 1 ms", "v# real = 0.2")
    + "\n"
    + _lines("w# real = 0"),
    parameters=_lines("tau# ms = 10 ms"),
    equations=_lines(
        "x#' = -x# / tau# + (convolve(K, p#) + u#) / 1 ms",
        "u#'' = -0.2 * u#' / 1 ms - u# / tau#**2",
        "v#' = (v# - v#**3 / 3 - w# + I# / 100 pA + x0) / 1 ms",
        "w#' = a * (v# + 0.7 - 0.8 * w#)",
    ),
    ports=_lines("p# <- spike", "I# pA <- continuous"),
)


def test_a_vector_is_as_many_scalars() -> None:
    """The same equations, element by element, give the same numbers to the last bit."""
    taus, spikes = [4.0, 10.0, 25.0], [(1.0, 2.0), (3.5, -1.0)]
    vector = traced(
        compiled(VECTOR),
        duration=40.0,
        parameters={"tau": taus},
        initial={"w": [0.1, -0.2, 0.3]},
        spikes={"p[1]": spikes, "p[2]": [(7.0, 3.0)]},
        currents={"I[0]": 50.0, "I[2]": ([5.0, 20.0], [90.0, -40.0])},
    )
    scalars = traced(
        compiled(SCALARS),
        duration=40.0,
        parameters={f"tau{k}": tau for k, tau in enumerate(taus)},
        initial={"w0": 0.1, "w1": -0.2, "w2": 0.3},
        spikes={"p1": spikes, "p2": [(7.0, 3.0)]},
        currents={"I0": 50.0, "I2": ([5.0, 20.0], [90.0, -40.0])},
    )
    assert set(vector.values) == {f"{n}[{k}]" for n in ("x", "u", "u'", "v", "w") for k in range(3)}
    for k in range(3):
        for stem, prime in (("x", ""), ("u", ""), ("u", "'"), ("v", ""), ("w", "")):
            expected = scalars[f"{stem}{k}{prime}"]
            got = vector[f"{stem}{prime}[{k}]"]
            # the order of the variables in the numerical system is another: the last bit may differ
            assert np.max(np.abs(got - expected)) <= 1e-13 * max(1, np.max(np.abs(expected)))


def test_elements_share_their_constants() -> None:
    """As many derived constants for a hundred elements as for two, of all kinds."""
    text = """model m:
    state:
        x[SIZE] real = 1
        a[SIZE] real = 1
        b[SIZE] real = 0
    parameters:
        tau ms = 10 ms
        omega 1/ms = 0.5 / 1 ms
    equations:
        x' = -x / tau + a / 1 ms
        a' = -omega * b - a / tau
        b' = omega * a
    update:
        integrate_odes()
"""
    counts = [len(compiled(text.replace("SIZE", str(n))).derived) for n in (2, 100)]
    assert counts[0] == counts[1]
    large = compiled(text.replace("SIZE", "100"))
    assert sum(isinstance(d, MatrixExponential) for d in large.derived) == 1
    trace = traced(large, duration=5.0)
    assert all(np.array_equal(trace["x[0]"], trace[f"x[{k}]"]) for k in range(100))


FIR = """model filter:
    state:
        past[taps] real = 0
        place integer = 0
        y real = 0
    parameters:
        taps integer = 3
        h[taps] real = 0
    input:
        u pA <- continuous
    update:
        i integer = 0
        past[place] = u / 1 pA
        y = 0
        for i in 0 ... taps step 1:
            y += h[i] * past[(place - i + taps) % taps]
        place = (place + 1) % taps
"""


@pytest.mark.parametrize("taps", [1, 3, 8])
def test_a_filter_with_a_finite_response(taps: int) -> None:
    """y_n = h_0 u_n + h_1 u_n-1 + ..., which NumPy calls a convolution."""
    generator = np.random.default_rng(taps)
    h, u = generator.normal(size=taps), generator.normal(size=200)
    trace = traced(
        compiled(FIR),
        duration=200.0,
        dt=1.0,
        parameters={"taps": taps, "h": h},
        currents={"u": (np.arange(200.0), u)},
    )
    assert trace["y"] == pytest.approx(np.convolve(u, h)[:200], abs=1e-14)


MULTISYNAPSE = """model multisynapse:
    state:
        V_m mV = 0 mV
    parameters:
        tau_m ms = 10 ms
        C_m pF = 250 pF
    equations:
        kernel K_0 = exp(-t / 1 ms)
        kernel K_1 = exp(-t / 4 ms)
        recordable inline I pA = (convolve(K_0, p[0]) + 2 * convolve(K_1, p[1])) * 1 pA
        V_m' = -V_m / tau_m + (I + current[1]) / C_m
    input:
        p[2] <- spike
        current[2] pA <- continuous
    update:
        integrate_odes()
"""


def test_a_neuron_with_vectors_of_ports() -> None:
    spikes = {"p[0]": [(2.0, 100.0)], "p_1": [(5.0, -50.0), (8.0, 30.0)]}
    trace = traced(
        compiled(MULTISYNAPSE), duration=30.0, spikes=spikes, currents={"current[1]": 25.0}
    )

    def current(t: float) -> float:
        first = sum(w * math.exp(-(t - s)) for s, w in spikes["p[0]"] if s <= t)
        second = sum(w * math.exp(-(t - s) / 4) for s, w in spikes["p_1"] if s <= t)
        return first + 2 * second

    def potential(t: float) -> float:
        def response(tau: float, w: float, s: float) -> float:
            rate = 1 / (1 / 10 - 1 / tau)
            return w / 250 * rate * (math.exp(-(t - s) / tau) - math.exp(-(t - s) / 10))

        v = 25.0 / 250 * 10 * (1 - math.exp(-t / 10))
        v += sum(response(1.0, w, s) for s, w in spikes["p[0]"] if s < t)
        return v + sum(response(4.0, 2 * w, s) for s, w in spikes["p_1"] if s < t)

    exact = np.array([current(round(t, 9)) for t in trace.times])
    assert trace["I"] == pytest.approx(exact, rel=1e-12, abs=1e-12)
    exact = np.array([potential(round(t, 9)) for t in trace.times])
    assert trace["V_m"] == pytest.approx(exact, rel=1e-11, abs=1e-13)


def test_a_model_with_vectors_needs_them() -> None:
    from nestml_core.backend import features

    assert Feature.VECTORS in features(models()["vectors"])
    assert Feature.VECTORS in features(models()["vector_equations"])
    assert Feature.VECTORS not in features(models()["vector_ports"])
    assert Feature.DELAYS in features(models()["delayed"])


def test_defaults_of_vectors_are_arrays() -> None:
    model = LoadedModel(compiled(FIR))
    assert np.array_equal(model.parameters["h"], [0.0, 0.0, 0.0])
    assert model.parameters["taps"] == 3
