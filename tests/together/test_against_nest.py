"""Every backend against NEST's own models: the same spike steps, the same potentials."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from together_tools import need, need_nest

from nestml_core.experiment import Experiment
from nestml_core.loading import LoadedModel
from nestml_core.pipeline import compile_files
from nestml_core.results import Run
from nestml_core.solve import SolveOptions
from nestml_core.solved import Method
from nestml_core.stimuli import poisson_train

DT, DURATION = 0.1, 1000.0
BACKENDS = ("reference", "cpp", "nest", "lava")
EARLIEST = 1.2


def train(rate: float, weight: float, seed: int) -> list[tuple[float, float]]:
    spikes = poisson_train(rate, weight, DURATION, DT, seed=seed)
    return [(round(t, 6), w) for t, w in spikes if t >= EARLIEST]


CASES: dict[str, tuple[str, dict[str, Any], dict[str, list[tuple[float, float]]]]] = {
    "exp, current": ("iaf_psc_exp", {"I_e": 500.0, "tau_syn_exc": 2.0}, {}),
    "exp, Poisson": (
        "iaf_psc_exp",
        {"tau_syn_exc": 2.0, "tau_syn_inh": 3.0, "V_reset": -65.0, "I_e": 100.0},
        {"excitatory": train(1200, 200.0, 11), "inhibitory": train(400, 150.0, 12)},
    ),
    "exp, equal constants": (
        "iaf_psc_exp",
        {"tau_m": 2.0, "tau_syn_exc": 2.0, "tau_syn_inh": 2.0, "refr_T": 1.0},
        {"excitatory": train(3000, 1500.0, 13), "inhibitory": train(300, 500.0, 14)},
    ),
    "delta, current": ("iaf_psc_delta", {"I_e": 500.0, "V_reset": -62.0}, {}),
    "delta, Poisson": (
        "iaf_psc_delta",
        {"I_e": 200.0, "refr_T": 3.0},
        {"excitatory": [*train(1500, 1.1, 15), *train(500, -0.7, 16)]},
    ),
}
NEST_NAMES = {
    "refr_T": "t_ref",
    "tau_syn_exc": "tau_syn_ex",
    "tau_syn_inh": "tau_syn_in",
}
PORTS = {
    "iaf_psc_exp": {"excitatory": "exc_spikes", "inhibitory": "inh_spikes"},
    "iaf_psc_delta": {"excitatory": "spikes"},
    "izhikevich": {"excitatory": "spikes"},
}


def builtin(
    model: str, parameters: dict[str, Any], spikes: dict[str, Any], record: list[str]
) -> dict[str, np.ndarray]:
    """Return times, recorded values and spikes of NEST's own ``model``."""
    job = {
        "model": model,
        "parameters": parameters,
        "spikes": spikes,
        "record": record,
        "dt": DT,
        "duration": DURATION,
    }
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("nest_builtin.py"))],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout[done.stdout.index('{"times"') :])
    return {name: np.array(values) for name, values in found.items()}


@lru_cache(maxsize=16)
def expected(case: str) -> dict[str, np.ndarray]:
    model, parameters, spikes = CASES[case]
    common = {"tau_m": 10.0, "C_m": 250.0, "t_ref": 2.0, "E_L": -70.0, "V_reset": -70.0}
    common |= {"V_th": -55.0, "V_m": -70.0}
    own = {NEST_NAMES.get(k, k): v for k, v in parameters.items()}
    return builtin(model, {**common, **own}, spikes, ["V_m"])


def run(
    model: str, parameters: dict[str, Any], spikes: dict[str, Any], backend: str, method: Method
) -> Run:
    program = compile_files([model], SolveOptions(method)).value
    assert program is not None
    ports = PORTS[model]
    experiment = Experiment(
        duration=DURATION,
        dt=DT,
        parameters=parameters,
        spikes={ports[sign]: events for sign, events in spikes.items()},
        record=["V_m"],
    )
    return LoadedModel(program.models[0]).run(experiment, backend)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES)
def test_same_spikes_and_potentials_as_nest(case: str, backend: str) -> None:
    need_nest()
    need(backend)
    model, parameters, spikes = CASES[case]
    got = run(model, parameters, spikes, backend, Method.RK45)
    want = expected(case)
    steps = np.rint(want["spikes"] / DT).astype(int)
    assert len(steps) > 10, "the stimulus must make the neuron fire"
    assert got.spike_steps.tolist() == steps[steps <= got.trace.steps].tolist()
    assert np.allclose(want["times"][: got.trace.steps], got.times, rtol=0, atol=1e-9)
    assert np.abs(got["V_m"] - want["V_m"][: got.trace.steps]).max() < 1e-9


@pytest.mark.parametrize("backend", BACKENDS)
def test_izhikevich_with_forward_euler_is_nests(backend: str) -> None:
    """NEST's own model takes one forward Euler step; with the same scheme we agree."""
    need_nest()
    need(backend)
    spikes = {"excitatory": train(300, 2.0, 17)}
    own = {"a": 0.02, "b": 0.2, "c": -65.0, "d": 8.0, "V_th": 30.0, "I_e": 6.0}
    want = builtin("izhikevich", {**own, "V_m": -65.0, "U_m": -13.0}, spikes, ["V_m", "U_m"])
    got = run("izhikevich", {"I_e": 6.0}, spikes, backend, Method.FORWARD_EULER)
    steps = np.rint(want["spikes"] / DT).astype(int)
    assert len(steps) > 5
    assert got.spike_steps.tolist() == steps[steps <= got.trace.steps].tolist()
    assert np.abs(got["V_m"] - want["V_m"][: got.trace.steps]).max() < 1e-9


@pytest.mark.parametrize("backend", BACKENDS)
def test_izhikevich_with_rk45_is_the_solution(backend: str) -> None:
    """The adaptive method differs from NEST's scheme by design: the truth is SciPy's DOP853."""
    need(backend)
    from nestml_core.experiment import schedule
    from nestml_core.reference import simulate

    program = compile_files(["izhikevich"]).value
    assert program is not None
    model = program.models[0]
    experiment = Experiment(
        duration=300.0,
        dt=DT,
        parameters={"I_e": 10.0},
        spikes={"spikes": train(200, 3.0, 18)},
    )
    laid = schedule(experiment, model).value
    assert laid is not None
    truth = simulate(model, laid, accurate=True).value
    assert truth is not None
    got = LoadedModel(model).run(experiment, backend)
    assert len(got.spikes) > 5
    assert got.spike_steps.tolist() == truth.spike_steps.tolist()
    for name in ("V_m", "U_m"):
        assert np.abs(got[name] - truth[name]).max() < 1e-6
