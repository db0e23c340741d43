"""Rate neurons, astrocytes and random neurons of the library against those NEST has built in."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import ks_2samp
from together_tools import need_nest

import nestml_core

DT = 0.1
DELAY = 1.0
DURATION = 1500.0
COARSE = 0.5

COMMON = {"lambda": 0.7, "mu": 0.4, "sigma": 0.0, "tau": 8.0}
SOURCE = {"mu": 1.0, "sigma": 0.0, "tau": 5.0}
RATES: dict[str, tuple[str, dict[str, Any]]] = {
    "lin_rate": ("lin_rate_ipn", {"g": 1.5}),
    "lin_rate, rectified": (
        "lin_rate_ipn",
        {"g": -2.0, "rectify_output": True, "rectify_rate": 0.1},
    ),
    "tanh_rate": ("tanh_rate_ipn", {"g": 1.5, "theta": 0.3}),
    "sigmoid_rate": ("sigmoid_rate_ipn", {"g": 1.5, "theta": 0.3, "beta": 0.8}),
}
WEIGHT = 2.0
EVENTS = [(float(t), 100.0) for t in range(50, 1000, 25)]
GIF = {
    "I_e": 220.0,
    "Delta_V": 4.0,
    "lambda_0": 10.0,
    "q_stc": [3.0, 8.0],
    "tau_stc": [10.0, 60.0],
    "q_sfa": [2.0, 4.0],
    "tau_sfa": [15.0, 80.0],
}
PP = {
    "I_e": 300.0,
    "q_sfa": [4.0, 2.0],
    "tau_sfa": [20.0, 80.0],
    "c_1": 0.5,
    "c_2": 3.0,
    "c_3": 0.4,
    "with_reset": False,
}


@cache
def in_nest() -> dict[str, dict[str, np.ndarray]]:
    need_nest()
    jobs: dict[str, dict[str, Any]] = {
        name: {
            "kind": "rates",
            "model": model,
            "source": SOURCE,
            "target": {**COMMON, **own},
            "weight": WEIGHT,
            "duration": 60.0,
        }
        for name, (model, own) in RATES.items()
    }
    jobs["astrocyte"] = {
        "kind": "astrocyte",
        "astrocyte": {},
        "neuron": {"gsl_error_tol": 1e-10, "t_ref": 2.0, "I_e": 450.0},
        "events": EVENTS,
        "weight": 60.0,
        "duration": DURATION,
    }
    for name, own in (("gif_psc_exp", GIF), ("gif_cond_exp", GIF), ("pp_psc_delta", PP)):
        jobs[name] = {
            "kind": "many",
            "model": name,
            "copies": 20,
            "parameters": own,
            "duration": 5000.0,
            "dt": COARSE,
        }
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("nest_continuous.py"))],
        input=json.dumps([{"dt": DT, **job} for job in jobs.values()]),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.rsplit("\n", 1)[-1])
    return {
        name: {key: np.array(x) for key, x in one.items()}
        for name, one in zip(jobs, found, strict=True)
    }


def delayed(run: nestml_core.Run, name: str, weight: float) -> tuple[list[float], list[float]]:
    """Return a recorded signal as the input of a port: what is there at t holds from t + DELAY."""
    return [round(t + DELAY, 6) for t in run.times], [weight * x for x in run[name]]


@pytest.mark.parametrize("name", RATES)
def test_rate_neurons(name: str) -> None:
    want = in_nest()[name]
    source = nestml_core.load("lin_rate").simulate(
        60.0, DT, parameters=SOURCE, record=["rate"], backend="reference"
    )
    n = source.trace.steps
    assert np.abs(source["rate"] - want["source"][:n]).max() < 1e-12
    got = nestml_core.load(name.partition(",")[0]).simulate(
        60.0,
        DT,
        parameters={**COMMON, **RATES[name][1]},
        currents={"input_rate": delayed(source, "rate", WEIGHT)},
        backend="reference",
    )
    assert np.ptp(want["target"]) > 0.04
    assert np.abs(got["rate"] - want["target"][:n]).max() < 1e-12


def test_astrocyte_and_its_slow_inward_current() -> None:
    want = in_nest()["astrocyte"]
    net = nestml_core.Network(dt=DT)
    source = net.spike_source([[t - DELAY for t, _ in EVENTS]])
    cell = net.create("astrocyte_lr_1994", 1)
    neuron = net.create("aeif_cond_alpha_astro", 1, parameters={"I_e": 450.0})
    net.connect(source, cell, weight=EVENTS[0][1], delay=DELAY, port="spikes")
    net.couple(cell, neuron, "I_SIC", "I_SIC", weight=60.0, delay=DELAY)
    net.record(cell, ["IP3", "Ca_astro", "h_IP3R", "I_SIC"])
    net.record(neuron, ["V_m"])
    result = net.run(DURATION)
    got = result[cell]
    n, lag = got["I_SIC"].shape[1], round(DELAY / DT)
    for name in ("IP3", "Ca_astro", "h_IP3R"):
        assert np.abs(got[name][0] - want[name][:n]).max() < 1e-9, name
    assert want["I_SIC"].max() > 100, "the current must flow"
    assert np.abs(60.0 * got["I_SIC"][0, :-lag] - want["I_SIC"][lag:n]).max() < 1e-6
    assert len(want["spikes"]) > 5
    late = want["spikes"] > DURATION + DT / 2
    assert np.allclose(result.spikes(neuron)[0], want["spikes"][~late], rtol=0, atol=1e-6)
    # in the upstroke of spikes
    assert np.abs(result[neuron]["V_m"][0] - want["V_m"][:n]).max() < 5e-3


@pytest.mark.parametrize("model", ["gif_psc_exp", "gif_cond_exp", "pp_psc_delta"])
def test_gaps_between_random_spikes(model: str) -> None:
    """The gaps are distributed as those of NEST."""
    own = PP if model == "pp_psc_delta" else GIF
    got = nestml_core.load(model).simulate(
        10000.0, COARSE, parameters=own, record=[], seed=3, backend="reference"
    )
    gaps, want = np.diff(got.spikes), in_nest()[model]["gaps"]
    assert min(len(gaps), len(want)) > 200
    assert ks_2samp(gaps, want).pvalue > 1e-2
