"""A balanced network of a thousand neurons: the spikes of NEST's built-in models, each of them."""

from __future__ import annotations

import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nestml_core import Network

SIZE, EXCITATORY = 1000, 800
DT, DURATION = 0.1, 1000.0
OWN = {"tau_m": 10.0, "C_m": 250.0, "E_L": -70.0, "V_reset": -65.0, "V_th": -55.0, "I_e": 250.0}
SCALES = {"iaf_psc_exp": 3.0, "iaf_psc_alpha": 1.0}
"""Of all weights: so much less charge flows through an exponential current of one height."""
SYNAPTIC = (1.5, 4.0)

SCRIPT = """
import sys
import nest
import numpy as np

given = dict(np.load(sys.argv[1]))
model, out = sys.argv[2], sys.argv[3]
dt, duration = float(given["dt"]), float(given["duration"])
nest.set_verbosity("M_ERROR")
nest.ResetKernel()
nest.resolution = dt
size = len(given["currents"])
tau_ex, tau_in = given["synaptic"].tolist()
neurons = nest.Create(
    model,
    size,
    {"tau_m": 10.0, "C_m": 250.0, "E_L": -70.0, "V_reset": -65.0, "V_th": -55.0, "V_m": -70.0,
     "t_ref": 2.0, "tau_syn_ex": tau_ex, "tau_syn_in": tau_in},
)
neurons.I_e = given["currents"].tolist()
ids = np.array(neurons.tolist())
sources = nest.Create("spike_generator", size)
for k, source in enumerate(sources):
    source.spike_times = given["input_times"][given["input_sources"] == k].tolist()
nest.Connect(sources, neurons, "one_to_one", {"weight": float(given["J"]), "delay": 1.0})
nest.Connect(
    ids[given["pre"]],
    ids[given["post"]],
    "one_to_one",
    {"synapse_model": "static_synapse", "weight": given["weights"], "delay": given["delays"]},
)
recorder = nest.Create("spike_recorder")
nest.Connect(neurons, recorder)
nest.Simulate(duration + dt)
events = recorder.get("events")
np.savez(out, steps=np.rint(events["times"] / dt).astype(int), members=events["senders"] - ids[0])
"""


@lru_cache(maxsize=2)
def described(scale: float) -> dict[str, Any]:
    """Return connections of both signs, of many weights and delays, and trains of input."""
    random = np.random.default_rng(20)
    pre, post = np.nonzero(random.random((SIZE, SIZE)) < 0.1)
    order = random.permutation(len(pre))
    pre, post = pre[order], post[order]
    strength = np.round(random.uniform(15.0, 25.0, len(pre)), 3)
    # a spike arrives a step later than in a train of NEST's that begins at 0
    steps, sources = np.nonzero(random.random((round(DURATION / DT), SIZE)) < 0.6 * DT)
    return {
        "dt": DT,
        "duration": DURATION,
        "J": 60.0 * scale,
        "synaptic": np.array(SYNAPTIC),
        "pre": pre,
        "post": post,
        "weights": scale * np.where(pre < EXCITATORY, strength, -5.0 * strength),
        "delays": np.round(random.integers(5, 31, len(pre)) * DT, 1),
        "currents": np.round(random.uniform(200.0, 300.0, SIZE), 2),
        "input_times": np.round((steps + 1) * DT, 1),
        "input_sources": sources,
    }


def by_nest(model: str, folder: Path) -> tuple[Any, Any]:
    script, given, out = folder / "run.py", folder / "given.npz", folder / "spikes.npz"
    script.write_text(SCRIPT, encoding="utf-8")
    np.savez(given, **described(SCALES[model]))
    done = subprocess.run(
        [sys.executable, script, given, model, out], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    events = np.load(out)
    in_run = events["steps"] <= round(DURATION / DT)
    steps, members = events["steps"][in_run], events["members"][in_run]
    order = np.lexsort((members, steps))
    return steps[order], members[order]


@pytest.mark.nest
@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("model", SCALES)
def test_a_thousand_neurons_fire_as_in_nest(model: str, tmp_path: Path) -> None:
    job = described(SCALES[model])
    times, sources = job["input_times"], job["input_sources"]
    net = Network(dt=DT)
    noise = net.spike_source([times[sources == k] for k in range(SIZE)])
    taus = dict(zip(("tau_syn_exc", "tau_syn_inh"), SYNAPTIC, strict=True))
    parameters = {**OWN, "refr_T": 2.0, **taus}
    neurons = net.create(model, SIZE, parameters={**parameters, "I_e": job["currents"]})
    net.connect(noise, neurons, rule="one_to_one", weight=job["J"], delay=1.0)
    net.connect(
        neurons, neurons, pairs=(job["pre"], job["post"]),
        weight=job["weights"], delay=job["delays"],
    )  # fmt: skip
    steps, members = by_nest(model, tmp_path)
    rate = len(steps) / SIZE / DURATION * 1000.0
    assert 2.0 < rate < 50.0, "balanced, and neither silent nor saturated"
    for threads in (1, 2):
        found = net.run(DURATION, backend="cpp", threads=threads, progress=False)
        when, who = found.spikes(neurons)
        np.testing.assert_array_equal(np.rint(when / DT).astype(int), steps)
        np.testing.assert_array_equal(who, members)
