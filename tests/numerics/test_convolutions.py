"""Convolutions and the potentials they drive, against integrals computed from the definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from nestml_core.experiment import Experiment, Trace, schedule
from nestml_core.pipeline import check_sources
from nestml_core.reference import simulate
from nestml_core.source import Source

NEURON = """model m:
    state:
        V_m mV = 0 mV
{state}
    parameters:
        tau_m ms = 10 ms
        tau ms = 2 ms
        C_m pF = 250 pF
    equations:
{kernel}
        recordable inline I pA = convolve(K, spikes) * 1 pA
        V_m' = -V_m / tau_m + I / C_m
    input:
        spikes <- spike
    update:
        integrate_odes(V_m)
"""
ALPHA = {
    "function of time": ("", "        kernel K = e / tau * t * exp(-t / tau)"),
    "second order": (
        "        K real = 0\n        K' 1/ms = e / tau",
        "        kernel K'' = -2 * K' / tau - K / tau**2",
    ),
    "system": (
        "        K real = 0\n        K$ real = 1",
        "        kernel K' = e * K$ / tau - K / tau,\n            K$' = -K$ / tau",
    ),
}
SPIKES = [(0.1, 300.0), (2.0, -100.0), (2.0, 250.0), (7.5, 400.0)]


def traced(state: str, kernel: str, dt: float, **parameters: float) -> Trace:
    text = NEURON.format(state=state, kernel=kernel)
    program = check_sources([Source("m.nestml", text)])
    assert program.value is not None, program.diagnostics
    model = program.value.models[0]
    experiment = Experiment(20.0, dt, parameters, spikes={"spikes": SPIKES})
    laid = schedule(experiment, model).value
    assert laid is not None
    trace = simulate(model, laid).value
    assert trace is not None
    return trace


@pytest.mark.parametrize("tau", [2.0, 10.0, 10.0 * (1 + 1e-9)])
@pytest.mark.parametrize("form", ALPHA)
def test_alpha_kernels(form: str, tau: float) -> None:
    """I(t) = sum w K(t - t_i), V(t) = integral of exp(-(t - s)/tau_m) I(s)/C_m ds."""
    trace = traced(*ALPHA[form], dt=0.1, tau=tau)

    def kernel(t: float) -> float:
        return np.e / tau * t * np.exp(-t / tau) if t > 0 else 0.0

    def response(t: float) -> float:
        return float(quad(lambda s: np.exp(-(t - s) / 10) * kernel(s) / 250, 0, t)[0])

    for k in (0, 5, 19, 20, 74, 75, 120, 199):
        t = trace.times[k]
        current = sum(w * kernel(t - s) for s, w in SPIKES)
        assert trace["I"][k] == pytest.approx(current, rel=1e-12, abs=1e-12)
        potential = sum(w * response(t - s) for s, w in SPIKES if s < t)
        assert trace["V_m"][k] == pytest.approx(potential, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("dt", [0.02, 0.1, 0.5])
def test_any_exponential_polynomial_is_a_kernel(dt: float) -> None:
    formula = "(t / 1 ms)**3 * exp(-t / tau) - 0.5 * exp(-t / tau_m) + exp(-t / 1 ms)"
    kernel = f"        kernel K = {formula}"
    spikes_on_grid = [s for s, _ in SPIKES]
    assert all(abs(s / 0.02 - round(s / 0.02)) < 1e-9 for s in spikes_on_grid)
    trace = traced("", kernel, dt)

    def value(t: float) -> float:
        if t < -1e-9:
            return 0.0
        return t**3 * np.exp(-t / 2) - 0.5 * np.exp(-t / 10) + np.exp(-t)

    arrivals = [(np.ceil(s / dt - 1e-6) * dt, w) for s, w in SPIKES]
    expected = [sum(w * value(t - s) for s, w in arrivals) for t in trace.times]
    assert trace["I"] == pytest.approx(expected, rel=1e-11, abs=1e-10)


def test_a_delta_kernel_is_the_spikes_themselves() -> None:
    text = NEURON.format(state="", kernel="        kernel K = delta(t)").replace("recordable ", "")
    program = check_sources([Source("m.nestml", text)])
    assert program.value is not None, program.diagnostics
    model = program.value.models[0]
    laid = schedule(Experiment(20.0, 0.1, spikes={"spikes": SPIKES}), model).value
    assert laid is not None
    trace = simulate(model, laid).value
    assert trace is not None
    t = trace.times
    expected = sum(w / 250 * np.where(t > s - 1e-9, np.exp(-(t - s) / 10), 0) for s, w in SPIKES)
    assert trace["V_m"] == pytest.approx(expected, rel=1e-12, abs=1e-13)
