"""tau_syn swept through tau_m: exact in the code that each backend generates."""

from __future__ import annotations

from functools import lru_cache

import mpmath
import numpy as np
import pytest
from together_tools import need

from nestml_core.experiment import Experiment
from nestml_core.loading import LoadedModel
from nestml_core.pipeline import check_sources, compile_files
from nestml_core.source import Source

ALPHA = """model alpha_neuron:
    state:
        V_m mV = E_L
    parameters:
        tau_m ms = 10 ms
        tau_syn ms = 2 ms
        C_m pF = 250 pF
        E_L mV = -70 mV
    equations:
        kernel K = e / tau_syn * t * exp(-t / tau_syn)
        V_m' = -(V_m - E_L) / tau_m + convolve(K, spikes) * 1 pA / C_m
    input:
        spikes <- spike
    output:
        spike
    update:
        integrate_odes()
    onCondition(V_m > 0 mV):
        emit_spike()
"""
SECOND_ORDER = ALPHA.replace("alpha_neuron", "second_order_neuron").replace(
    """        kernel K = e / tau_syn * t * exp(-t / tau_syn)
""",
    """        I'' = -2 * I' / tau_syn - I / tau_syn**2 + e / tau_syn * 1 pA * spikes
""",
)
SECOND_ORDER = SECOND_ORDER.replace("convolve(K, spikes) * 1 pA", "I").replace(
    "    parameters:\n", "        I pA = 0 pA\n        I' pA/ms = 0 pA/ms\n    parameters:\n"
)

TAU_M, C_M, E_L, DT, DURATION = 10.0, 250.0, -70.0, 0.1, 40.0
SPIKES = [(1.5, 300.0), (10.0, 100.0), (10.0, 250.0), (30.2, 400.0)]

FACTORS = [1.0, *(1 + sign * 10.0**-k for k in range(1, 17) for sign in (1, -1))]
FEW = [1.0, 1 + 2.0**-52, 1 - 1e-15, 1 + 1e-12, 1 - 1e-8, 1 + 1e-5, 1 - 1e-3, 1.1]
"""For backends that start a process for each run."""

BACKENDS = {"reference": FACTORS, "cpp": FACTORS, "nest": FEW, "lava": FEW[:4:3]}


def exponential(t: mpmath.mpf, a: mpmath.mpf, b: mpmath.mpf) -> mpmath.mpf:
    """Return the integral of ``exp(-(t - s) b) exp(-s a)`` over s from 0 to t."""
    return t * mpmath.exp(-a * t) if a == b else (mpmath.exp(-a * t) - mpmath.exp(-b * t)) / (b - a)


def alpha(t: mpmath.mpf, a: mpmath.mpf, b: mpmath.mpf) -> mpmath.mpf:
    """Return the same integral of ``e a s exp(-s a)``."""
    d = a - b
    whole = t**2 / 2 if d == 0 else (1 - mpmath.exp(-d * t) * (1 + d * t)) / d**2
    return mpmath.e * a * mpmath.exp(-b * t) * whole


@lru_cache(maxsize=128)
def potential(form: str, tau_syn: float) -> tuple[float, ...]:
    """Return V_m at the end of every step, from closed forms with 100 digits."""
    response = {"exp": exponential}.get(form, alpha)
    steps = round(DURATION / DT)
    begins = [(round(at / DT), w) for at, w in SPIKES]
    with mpmath.workdps(100):
        a, b = 1 / mpmath.mpf(tau_syn), 1 / mpmath.mpf(TAU_M)
        one = [response(n * mpmath.mpf(DT), a, b) / C_M for n in range(steps + 1)]
        found = [
            float(E_L + sum(w * one[k - n] for n, w in begins if n < k))
            for k in range(1, steps + 1)
        ]
    return tuple(found)


@lru_cache(maxsize=3)
def loaded(form: str) -> LoadedModel:
    if form == "exp":
        program = compile_files(["iaf_psc_exp"])
    else:
        text = {"alpha": ALPHA, "second order": SECOND_ORDER}[form]
        program = check_sources([Source("m.nestml", text)])
    assert program.value is not None, program.diagnostics
    return LoadedModel(program.value.models[0])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("form", ["exp", "alpha", "second order"])
def test_tau_syn_through_tau_m(form: str, backend: str) -> None:
    need(backend)
    port = "exc_spikes" if form == "exp" else "spikes"
    name = "tau_syn_exc" if form == "exp" else "tau_syn"
    for factor in BACKENDS[backend]:
        tau_syn = TAU_M * factor
        experiment = Experiment(
            duration=DURATION,
            dt=DT,
            parameters={"tau_m": TAU_M, name: tau_syn, "C_m": C_M, "E_L": E_L},
            spikes={port: SPIKES},
            record=["V_m"],
        )
        got = loaded(form).run(experiment, backend)["V_m"]
        want = np.array(potential(form, tau_syn))[: len(got)]
        assert want.max() > E_L + 1
        assert np.abs(got - want).max() < 1e-10, factor
