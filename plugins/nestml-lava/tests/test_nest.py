"""Generated processes in Lava's runtime against the built-in models of NEST."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nestml_core.api import Experiment
from nestml_core.testing import REQUIRE

DT = 0.1
STEPS = 10000
pytestmark = [
    pytest.mark.usefixtures("lava"),
    pytest.mark.skipif(
        importlib.util.find_spec("nest") is None and os.environ.get(REQUIRE) != "1",
        reason="NEST is not installed (pip install nest-simulator)",
    ),
]

REFERENCE = """
import sys
import numpy as np
import nest
nest.set_verbosity("M_ERROR")
job = np.load(sys.argv[1])
nest.ResetKernel()
nest.resolution = 0.1
parameters = {k[2:]: float(job[k]) for k in job.files if k.startswith("p_")}
neuron = nest.Create(str(job["model"]), params=parameters)
if "steps" in job.files:
    # a spike that is due in step k was sent one step earlier
    source = nest.Create("spike_generator", params={
        "spike_times": np.round((job["steps"] - 1) * 0.1, 1), "spike_weights": job["weights"]})
    nest.Connect(source, neuron, syn_spec={"weight": 1.0, "delay": 0.1})
meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": 0.1})
nest.Connect(meter, neuron)
recorder = nest.Create("spike_recorder")
nest.Connect(neuron, recorder)
nest.Simulate(1000.2)
times = np.rint(np.array(meter.events["times"]) / 0.1).astype(int)
V_m = np.array(meter.events["V_m"])[np.argsort(times)][:10000]
spikes = np.rint(np.array(recorder.events["times"]) / 0.1).astype(int)
np.savez(sys.argv[2], V_m=V_m, spikes=np.sort(spikes[spikes <= 10000]))
"""


def nest(tmp_path: Path, **job: Any) -> Any:
    """Return V_m and spike steps of a built-in model of NEST, run in a process of its own."""
    given, result = tmp_path / "nest_job.npz", tmp_path / "nest_result.npz"
    np.savez(given, allow_pickle=False, **job)
    done = subprocess.run(
        [sys.executable, "-c", REFERENCE, str(given), str(result)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return np.load(result)


def poisson(rate: float, size: float, seed: int) -> tuple[Any, Any]:
    """Return a fixed Poisson train: the steps with spikes, and the summed weights in them."""
    counts = np.random.default_rng(seed).poisson(rate * DT / 1000, STEPS)
    steps = np.nonzero(counts[1:])[0] + 2
    return steps, counts[steps - 1] * size


def pairs(steps: Any, weights: Any) -> list[tuple[float, float]]:
    return [(round(k * DT, 1), float(abs(w))) for k, w in zip(steps, weights, strict=True)]


def check(trace: Any, reference: Any, fewest: int) -> None:
    assert len(reference["spikes"]) >= fewest, "too quiet to mean anything"
    assert np.array_equal(trace.spike_steps, reference["spikes"])
    assert np.abs(trace["V_m"] - reference["V_m"]).max() < 1e-9


COMMON = {
    "p_tau_m": 10.0,
    "p_C_m": 250.0,
    "p_t_ref": 2.0,
    "p_E_L": -70.0,
    "p_V_th": -55.0,
    "p_V_m": -70.0,
}


def test_iaf_psc_exp_with_constant_current(library: Callable[..., Any], tmp_path: Path) -> None:
    reference = nest(
        tmp_path,
        model="iaf_psc_exp",
        p_I_e=500.0,
        p_tau_syn_ex=2.0,
        p_tau_syn_in=2.0,
        p_V_reset=-70.0,
        **COMMON,
    )
    trace = library("iaf_psc_exp").simulate(
        Experiment(STEPS * DT, dt=DT, parameters={"I_e": 500.0}, record=["V_m"])
    )
    check(trace, reference, 50)


def test_iaf_psc_exp_with_poisson_input(library: Callable[..., Any], tmp_path: Path) -> None:
    excitatory, inhibitory = poisson(1200, 200.0, 1), poisson(400, -150.0, 2)
    steps = np.concatenate([excitatory[0], inhibitory[0]])
    weights = np.concatenate([excitatory[1], inhibitory[1]])
    order = np.argsort(steps, kind="stable")
    reference = nest(
        tmp_path,
        model="iaf_psc_exp",
        p_I_e=200.0,
        p_tau_syn_ex=2.0,
        p_tau_syn_in=3.0,
        p_V_reset=-65.0,
        steps=steps[order],
        weights=weights[order],
        **COMMON,
    )
    trace = library("iaf_psc_exp").simulate(
        Experiment(
            STEPS * DT,
            dt=DT,
            parameters={"I_e": 200.0, "tau_syn_inh": 3.0, "V_reset": -65.0},
            spikes={"exc_spikes": pairs(*excitatory), "inh_spikes": pairs(*inhibitory)},
            record=["V_m"],
        )
    )
    check(trace, reference, 20)


def test_iaf_psc_delta_with_constant_current(library: Callable[..., Any], tmp_path: Path) -> None:
    reference = nest(tmp_path, model="iaf_psc_delta", p_I_e=450.0, p_V_reset=-65.0, **COMMON)
    trace = library("iaf_psc_delta").simulate(
        Experiment(STEPS * DT, dt=DT, parameters={"I_e": 450.0, "V_reset": -65.0}, record=["V_m"])
    )
    check(trace, reference, 30)


def test_iaf_psc_delta_with_poisson_input(library: Callable[..., Any], tmp_path: Path) -> None:
    steps, weights = poisson(1500, 1.5, 3)
    reference = nest(
        tmp_path,
        model="iaf_psc_delta",
        p_I_e=100.0,
        p_V_reset=-65.0,
        steps=steps,
        weights=weights,
        **COMMON,
    )
    trace = library("iaf_psc_delta").simulate(
        Experiment(
            STEPS * DT,
            dt=DT,
            parameters={"I_e": 100.0, "V_reset": -65.0},
            spikes={"spikes": pairs(steps, weights)},
            record=["V_m"],
        )
    )
    check(trace, reference, 20)


NETWORK = """
import sys
import numpy as np
import nest
nest.set_verbosity("M_ERROR")
nest.ResetKernel()
nest.resolution = 0.1
common = dict(tau_m=10.0, C_m=250.0, t_ref=2.0, E_L=-70.0, V_th=-55.0, V_m=-70.0, V_reset=-70.0,
              tau_syn_ex=2.0, tau_syn_in=2.0)
first = nest.Create("iaf_psc_exp", params=dict(common, I_e=600.0))
second = nest.Create("iaf_psc_exp", params=dict(common, I_e=420.0))
nest.Connect(first, second, syn_spec={"weight": 400.0, "delay": 0.1})
nest.Connect(second, first, syn_spec={"weight": 250.0, "delay": 0.1})
meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": 0.1})
nest.Connect(meter, first)
nest.Connect(meter, second)
nest.Simulate(300.2)
times = np.rint(np.array(meter.events["times"]) / 0.1).astype(int)
senders = np.array(meter.events["senders"])
V_m = np.array(meter.events["V_m"])
rows = [V_m[senders == s][np.argsort(times[senders == s])][:3000] for s in sorted(set(senders))]
np.save(sys.argv[1], np.stack(rows, axis=1))
"""

IN_LAVA = """
from iaf_psc_exp import Recorder, iaf_psc_exp
recorder = Recorder({folder!r}, ("V_m", "spike"), 3000)
neurons = iaf_psc_exp(shape=(2,), I_e=[600.0, 420.0], recorder=recorder)
synapses = Dense(weights=np.array([[0.0, 250.0], [400.0, 0.0]]))
neurons.spike.connect(synapses.s_in)
synapses.a_out.connect(neurons.exc_spikes)
neurons.run(RunSteps(3000), CONFIG)
neurons.stop()
print(json.dumps(np.load(recorder.path("spike")).sum(axis=0).tolist()))
"""


def test_recurrent_network_has_a_delay_of_one_step(
    library: Callable[..., Any], answer: Callable[..., Any], tmp_path: Path
) -> None:
    """Lava's Dense is NEST's synapse with a delay of one step."""
    result = tmp_path / "network.npy"
    done = subprocess.run(
        [sys.executable, "-c", NETWORK, str(result)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    library("iaf_psc_exp")
    spikes = answer(IN_LAVA.format(folder=str(tmp_path)))
    assert min(spikes) >= 10
    assert np.abs(np.load(tmp_path / "V_m.npy") - np.load(result)).max() < 1e-9
