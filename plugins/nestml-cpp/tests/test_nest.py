"""Generated neurons against the hand-written ones of NEST: equal spikes, V_m within 1e-9 mV."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_programs import Neuron, build

from nestml_core.testing import models

DURATION = 1000.0
DT = 0.1

SCRIPT = """
import json, sys
import nest

given = json.load(open(sys.argv[1]))
nest.set_verbosity("M_ERROR")
nest.ResetKernel()
nest.resolution = given["dt"]
neuron = nest.Create(given["model"], params=given["parameters"])
meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": given["dt"]})
recorder = nest.Create("spike_recorder")
nest.Connect(meter, neuron)
nest.Connect(neuron, recorder)
for times, weight in given["trains"]:
    # a spike sent at t arrives at t + delay
    delay = 1.0
    sent = [round(t - delay, 4) for t in times]
    source = nest.Create("spike_generator", params={"spike_times": sent})
    nest.Connect(source, neuron, syn_spec={"weight": weight, "delay": delay})
nest.Simulate(given["duration"] + given["dt"])
events = meter.get("events")
json.dump(
    {
        "times": list(events["times"]),
        "V_m": [v.hex() for v in map(float, events["V_m"])],
        "spikes": list(recorder.get("events")["times"]),
    },
    open(sys.argv[2], "w"),
)
"""


def nest_run(folder: Path, **given: Any) -> tuple[np.ndarray, list[int]]:
    """Return V_m at the end of each step, and the steps of spikes, of one of NEST's neurons."""
    script, request, reply = folder / "run.py", folder / "request.json", folder / "reply.json"
    script.write_text(SCRIPT, encoding="utf-8")
    request.write_text(json.dumps({"duration": DURATION, "dt": DT} | given), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script, request, reply], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    got = json.loads(reply.read_text(encoding="utf-8"))
    n = round(DURATION / DT)
    assert np.allclose(got["times"][:n], np.arange(1, n + 1) * DT)
    spikes = [round(t / DT) for t in got["spikes"] if t <= DURATION + DT / 2]
    return np.array([float.fromhex(x) for x in got["V_m"][:n]]), spikes


def poisson_train(rate: float, seed: int) -> list[float]:
    """Return times on the grid, at most one spike a step, from 2 ms on; ``rate`` per ms."""
    draw = np.random.default_rng(seed)
    steps = np.flatnonzero(draw.random(round(DURATION / DT)) < rate * DT) + 1
    return [round(float(k) * DT, 4) for k in steps if k * DT >= 2]


EXPERIMENTS: Mapping[str, tuple[dict[str, float], list[tuple[str, float, list[float]]]]] = {
    "constant current": ({"I_e": 500.0}, []),
    "poisson train": (
        {"I_e": 200.0},
        [("+", 1.0, poisson_train(2.0, 1)), ("-", 0.7, poisson_train(1.0, 2))],
    ),
}


@pytest.mark.nest
@pytest.mark.parametrize("experiment", EXPERIMENTS)
@pytest.mark.parametrize("name", ["iaf_psc_exp", "iaf_psc_delta"])
def test_agrees_with_the_built_in_model(
    name: str, experiment: str, compiler: tuple[str, ...], tmp_path: Path
) -> None:
    own, trains = EXPERIMENTS[experiment]
    parameters = {"tau_m": 12.0, "C_m": 200.0, "E_L": -65.0, "V_reset": -72.0, "V_th": -51.0} | own
    # NEST's parameters have another name for the refractory period
    theirs = parameters | {"t_ref": 3.0, "V_m": -65.0}
    size = {"iaf_psc_exp": 60.0, "iaf_psc_delta": 0.6}[name]
    if name == "iaf_psc_exp":
        parameters |= {"tau_syn_exc": 2.5, "tau_syn_inh": 7.0}
        theirs |= {"tau_syn_ex": 2.5, "tau_syn_in": 7.0}
    ports = {"iaf_psc_exp": {"+": "exc_spikes", "-": "inh_spikes"}, "iaf_psc_delta": {}}[name]
    spikes: dict[str, list[tuple[float, float]]] = {}
    for sign, weight, times in trains:
        port = ports.get(sign, "spikes")
        signed = -1.0 if sign == "-" and not ports else 1.0
        spikes.setdefault(port, []).extend((t, signed * weight * size) for t in times)

    V_m, steps = nest_run(
        tmp_path,
        model=name,
        parameters=theirs,
        trains=[
            (times, weight * size * (-1.0 if sign == "-" else 1.0))
            for sign, weight, times in trains
        ],
    )
    made = Neuron(models()[name], build(models()[name], tmp_path))
    trace = made.run(
        DURATION,
        dt=DT,
        parameters=parameters | {"refr_T": 3.0},
        spikes={port: sorted(events) for port, events in spikes.items()},
    )
    assert len(steps) > 10, "an experiment without spikes shows little"
    assert trace.spike_steps.tolist() == steps
    assert np.abs(trace["V_m"] - V_m).max() < 1e-9
