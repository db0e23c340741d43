"""Generated neurons, without Lava's runtime, against the built-in models of NEST: two seconds each.

``test_nest.py`` runs a few of them in the runtime, too.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lifs import lif_runs

from nestml_core.api import Experiment, Schedule, SolvedModel, Trace
from nestml_core.experiment import schedule
from nestml_core.pipeline import compile_files
from nestml_core.testing import REQUIRE

pytestmark = [
    pytest.mark.usefixtures("lava"),
    pytest.mark.skipif(
        importlib.util.find_spec("nest") is None and os.environ.get(REQUIRE) != "1",
        reason="NEST is not installed (pip install nest-simulator)",
    ),
]

REFERENCE = """
import json, sys
import numpy as np
import nest
nest.set_verbosity("M_ERROR")
for job in json.load(open(sys.argv[1])):
    dt, steps = job["dt"], job["steps"]
    nest.ResetKernel()
    nest.resolution = dt
    neuron = nest.Create(job["model"], params=job["parameters"])
    for train in job["trains"]:
        # a spike that is due in step k was sent one step earlier
        sent = np.round((np.array(train["steps"]) - 1) * dt, 1)
        source = nest.Create("spike_generator", params={
            "spike_times": sent, "spike_multiplicities": train["counts"]})
        nest.Connect(source, neuron, syn_spec={"weight": train["weight"], "delay": dt})
    meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": dt})
    nest.Connect(meter, neuron)
    recorder = nest.Create("spike_recorder")
    nest.Connect(neuron, recorder)
    nest.Simulate((steps + 2) * dt)
    times = np.rint(np.array(meter.events["times"]) / dt).astype(int)
    V_m = np.array(meter.events["V_m"])[np.argsort(times)][:steps]
    spikes = np.rint(np.array(recorder.events["times"]) / dt).astype(int)
    np.savez(job["result"], V_m=V_m, spikes=np.sort(spikes[spikes <= steps]))
"""


@dataclass(frozen=True)
class Train:
    """Poisson spikes at a port, several of which may fall into a step: ``rate`` in Hz."""

    port: str
    rate: float
    weight: float
    seed: int

    def steps(self, dt: float, duration: float) -> tuple[Any, Any]:
        """Return the steps with spikes, and how many there are in each."""
        counts = np.random.default_rng(self.seed).poisson(
            self.rate * dt / 1000, round(duration / dt)
        )
        steps = np.nonzero(counts[1:])[0] + 2
        return steps, counts[steps - 1]


@dataclass(frozen=True)
class Case:
    model: str
    dt: float
    parameters: Mapping[str, float]
    trains: tuple[Train, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    """What NEST calls our parameters, where that is something else."""
    extra: Mapping[str, float] = field(default_factory=dict)
    """Parameters for NEST alone."""
    duration: float = 2000.0

    @property
    def title(self) -> str:
        return f"{self.model}, {'Poisson' if self.trains else 'constant'}, dt = {self.dt:g} ms"

    def experiment(self) -> Experiment:
        spikes = {}
        for train in self.trains:
            steps, counts = train.steps(self.dt, self.duration)
            arrived = spikes.setdefault(train.port, [])
            for k, n in zip(steps, counts, strict=True):
                size = train.weight if train.port == "spikes" else abs(train.weight)
                arrived += [(round(k * self.dt, 1), size)] * int(n)
        return Experiment(
            self.duration, dt=self.dt, parameters=self.parameters, spikes=spikes, record=["V_m"]
        )

    def job(self, result: Path) -> dict[str, Any]:
        """Return what NEST has to do."""
        trains = [(train, *train.steps(self.dt, self.duration)) for train in self.trains]
        return {
            "model": self.model,
            "dt": self.dt,
            "steps": round(self.duration / self.dt),
            "parameters": {self.names.get(k, k): x for k, x in self.parameters.items()}
            | dict(self.extra),
            "trains": [
                {"weight": t.weight, "steps": steps.tolist(), "counts": counts.tolist()}
                for t, steps, counts in trains
            ],
            "result": str(result),
        }


SYNAPSES = {"tau_syn_exc": "tau_syn_ex", "tau_syn_inh": "tau_syn_in", "refr_T": "t_ref"}
MEMBRANE = {
    "C_m": 250.0,
    "tau_m": 10.0,
    "E_L": -70.0,
    "V_th": -55.0,
    "V_reset": -65.0,
    "refr_T": 2.0,
}
CURRENTS = MEMBRANE | {"tau_syn_exc": 2.0, "tau_syn_inh": 3.0}


def linear(dt: float) -> tuple[Case, ...]:
    """Return the linear neurons with a constant current, and with Poisson trains."""
    found: list[Case] = []
    for model, weight in (("iaf_psc_exp", 200.0), ("iaf_psc_alpha", 80.0)):
        trains = (
            Train("exc_spikes", 1200.0, weight, 1),
            Train("inh_spikes", 400.0, -0.75 * weight, 2),
        )
        found += [
            Case(model, dt, CURRENTS | {"I_e": 500.0}, names=SYNAPSES),
            Case(model, dt, CURRENTS | {"I_e": 200.0}, trains, SYNAPSES),
        ]
    trains = (Train("spikes", 1200.0, 1.0, 1), Train("spikes", 400.0, -0.75, 2))
    names = {"refr_T": "t_ref"}
    return (
        *found,
        Case("iaf_psc_delta", dt, MEMBRANE | {"I_e": 500.0}, names=names),
        Case("iaf_psc_delta", dt, MEMBRANE | {"I_e": 200.0}, trains, names),
    )


LINEAR = (*linear(0.1), *linear(1.0))
EQUAL = {"tau_syn_inh": 2.0}
STOCK = (
    *(replace(c, parameters=c.parameters | EQUAL) for c in LINEAR if c.model == "iaf_psc_exp"),
    *(c for c in LINEAR if c.model == "iaf_psc_delta"),
)
"""What Lava's own neurons are; the reset is not the resting potential."""

NONLINEAR = (
    Case("hh_psc_alpha", 0.1, {"I_e": 700.0}, duration=500.0),
    Case(
        "aeif_cond_exp",
        0.1,
        {"I_e": 900.0, "refr_T": 2.0},
        names={"refr_T": "t_ref"},
        extra={"gsl_error_tol": 1e-12},
        duration=500.0,
    ),
)


def both(
    cases: tuple[Case, ...], in_process: Callable[..., list[Trace]], folder: Path
) -> list[tuple[Trace, Any]]:
    """Return for each case what our process and what NEST's neuron does."""
    expected = in_nest(cases, folder)
    return list(zip(in_process(laid_out(cases)), expected, strict=True))


def in_nest(cases: tuple[Case, ...], folder: Path) -> list[Any]:
    """Return for each case what NEST's neuron does."""
    results = [folder / f"nest_{i}.npz" for i in range(len(cases))]
    jobs = [case.job(result) for case, result in zip(cases, results, strict=True)]
    given = folder / "nest.json"
    given.write_text(json.dumps(jobs), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", REFERENCE, str(given)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [np.load(result) for result in results]


def laid_out(cases: tuple[Case, ...]) -> list[tuple[SolvedModel, Schedule]]:
    models = {name: solved(name) for name in dict.fromkeys(case.model for case in cases)}
    plans = []
    for case in cases:
        laid = schedule(case.experiment(), models[case.model])
        assert laid.value is not None, laid.diagnostics
        plans.append((models[case.model], laid.value))
    return plans


def solved(name: str) -> SolvedModel:
    program = compile_files([name]).value
    assert program is not None
    return program.models[0]


def test_linear_neurons_are_those_of_nest(
    in_process: Callable[..., list[Trace]], tmp_path: Path
) -> None:
    """Spikes in the same steps, and V_m to rounding; several spikes in a step count as such."""
    pairs = both(LINEAR, in_process, tmp_path)
    several = [train.steps(c.dt, c.duration)[1].max() for c in LINEAR for train in c.trains]
    assert max(several) >= 2
    for case, (trace, nest) in zip(LINEAR, pairs, strict=True):
        assert len(nest["spikes"]) >= 20, f"{case.title}: too quiet to mean anything"
        assert np.array_equal(trace.spike_steps, nest["spikes"]), case.title
        rms = np.sqrt(np.mean((trace["V_m"] - nest["V_m"]) ** 2))
        assert rms <= 1e-9, f"{case.title}: {rms:.2g} mV"


@pytest.mark.parametrize("refractory", [2.0, 0.0])
def test_lavas_own_neurons_are_those_of_nest(
    answer: Callable[[str], Any], tmp_path: Path, refractory: float
) -> None:
    """LIFRefractory, and LIF where there is no refractory period, with translated parameters."""
    cases = tuple(replace(c, parameters=c.parameters | {"refr_T": refractory}) for c in STOCK)
    ours = lif_runs(answer, laid_out(cases), tmp_path)
    for case, (v, spikes), nest in zip(cases, ours, in_nest(cases, tmp_path), strict=True):
        assert len(nest["spikes"]) >= 20, f"{case.title}: too quiet to mean anything"
        assert np.array_equal(spikes, nest["spikes"]), case.title
        rms = np.sqrt(np.mean((v - nest["V_m"]) ** 2))
        assert rms <= 1e-9, f"{case.title}: {rms:.2g} mV"


def test_nonlinear_neurons_are_those_of_nest(
    in_process: Callable[..., list[Trace]], tmp_path: Path
) -> None:
    """As many spikes, none off by more than a step, V_m within 0.05 mV (root mean square)."""
    for case, (trace, nest) in zip(NONLINEAR, both(NONLINEAR, in_process, tmp_path), strict=True):
        assert np.isfinite(trace["V_m"]).all()
        assert len(nest["spikes"]) >= 10, f"{case.title}: too quiet to mean anything"
        assert len(trace.spike_steps) == len(nest["spikes"]), case.title
        assert np.abs(trace.spike_steps - nest["spikes"]).max() <= 1, case.title
        rms = np.sqrt(np.mean((trace["V_m"] - nest["V_m"]) ** 2))
        assert rms <= 0.05, f"{case.title}: {rms:.2g} mV"
