"""The neuron of Loihi 1 against emulators by others: nengo-loihi, brian2-loihi, SANA-FE.

Each has a Python of its own, which an environment variable names: their demands exclude each other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from emulators import computed, emulated
from nestml_lava.fixed.loihi import Compartment

STEPS = 400

NENGO = """
import json, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
from nengo_loihi.block import LoihiBlock
from nengo_loihi.emulator.interface import BlockInfo, CompartmentState

rows = []
for case in json.load(sys.stdin):
    block = LoihiBlock(1)
    c = block.compartment
    whole = lambda x: np.array([x], np.int32)
    c.decay_u, c.decay_v = whole(case["du"]), whole(case["dv"])
    c.bias, c.vth = whole(case["bias_mant"] << case["bias_exp"]), whole(case["vth"] << 6)
    c.refract_delay = whole(case["refractory"] + 1)
    c.scale_u = c.scale_v = False
    c.vmin, c.vmax = 1 - 2**23, 2**23 - 1
    state = CompartmentState(BlockInfo([block]), strict=True)
    rng = np.random.RandomState(0)
    for a in case["messages"]:
        state.advance_input()
        state.input[0] = 64 * a
        state.update(rng)
        rows.append([int(state.current[0]), int(state.voltage[0]), int(state.spiked[0])])
print(json.dumps(rows))
"""

BRIAN = """
import json, sys
import brian2
brian2.prefs.codegen.target = "numpy"
from brian2_loihi import (
    LoihiNetwork, LoihiNeuronGroup, LoihiSpikeGeneratorGroup, LoihiSpikeMonitor,
    LoihiStateMonitor, LoihiSynapses,
)

results = []
for k, case in enumerate(json.load(sys.stdin)):
    brian2.start_scope()
    times = case["times"]
    source = LoihiSpikeGeneratorGroup(1, [0] * len(times), times)
    group = LoihiNeuronGroup(
        1, refractory=case["refractory"] + 1, threshold_v_mant=case["vth"],
        decay_v=case["dv"], decay_I=case["du"] + 1,
    )
    synapses = LoihiSynapses(source, group, delay=case["delay"], w_exp=case["weight_exp"],
                             sign_mode=2)
    synapses.connect()
    synapses.w = case["weight"]
    v, u = LoihiStateMonitor(group, "v"), LoihiStateMonitor(group, "I")
    spikes = LoihiSpikeMonitor(group)
    network = LoihiNetwork(source, group, synapses, v, u, spikes)
    network.run(case["steps"], report=None)
    results.append({
        "u": [int(x) for x in u.I[0]], "v": [int(x) for x in v.v[0]],
        "spikes": [int(round(float(t))) for t in spikes.t],
    })
print(json.dumps(results))
"""

SANAFE = """
import json, sys
import sanafe

results = []
for case in json.load(sys.stdin):
    architecture = sanafe.load_loihi()
    core = architecture.tiles[0].cores[0]
    network = sanafe.Network()
    inputs = network.create_neuron_group("in", len(case["weights"]))
    neurons = network.create_neuron_group("out", 1)
    neurons[0].set_attributes(
        soma_hw_name="loihi_lif", default_synapse_hw_name="loihi_dense_synapse",
        log_spikes=True, log_potential=True,
        model_attributes={
            "threshold": case["vth"], "bias": case["bias"],
            "leak_decay": 1 - case["dv"] / 4096, "input_decay": 1 - (case["du"] + 1) / 4096,
        },
    )
    for k, (neuron, train) in enumerate(zip(inputs, case["trains"])):
        neuron.set_attributes(
            soma_hw_name=f"loihi_inputs[{k}]", model_attributes={"spikes": train}
        )
        neuron.connect_to_neuron(neurons[0], {"weight": case["weights"][k]})
    for neuron in (*inputs, *neurons):
        neuron.map_to_core(core)
    chip = sanafe.SpikingChip(architecture)
    chip.load(network)
    found = chip.sim(case["steps"], spike_trace=True, potential_trace=True)
    results.append({
        "v": [row[0] for row in found["potential_trace"]],
        "spikes": [k for k, row in enumerate(found["spike_trace"]) if "out.0" in map(str, row)],
        "energy": found["energy"]["total"],
    })
print(json.dumps(results))
"""


def test_nengo_loihi_computes_the_same() -> None:
    """To the last bit, with biases and all refractory periods from 0 to 5."""
    r = np.random.default_rng(11)
    neurons, cases = [], []
    for k in range(24):
        c = Compartment(
            du=int(r.integers(200, 4096)),
            dv=int(r.integers(20, 2000)),
            bias_mant=int(r.integers(-2000, 4000)),
            bias_exp=int(r.integers(0, 5)),
            vth=int(r.integers(200, 8000)),
            refractory=k % 6,
            weight_exp=0,
            scale=1.0,
        )
        messages = r.integers(-150, 256, STEPS) * (r.random(STEPS) < 0.4)
        neurons.append((c, messages))
        cases.append(
            {
                "du": c.du,
                "dv": c.dv,
                "bias_mant": c.bias_mant,
                "bias_exp": c.bias_exp,
                "vth": c.vth,
                "refractory": c.refractory,
                "messages": messages.tolist(),
            }
        )
    rows = emulated("NESTML_NENGO_LOIHI_PYTHON", NENGO, cases)
    expected = [row for c, messages in neurons for row in computed(c, messages)]
    assert rows == expected
    assert sum(s for _, _, s in rows) > 200


@pytest.fixture(scope="module")
def brian() -> tuple[list[tuple[Compartment, np.ndarray]], Any]:
    """Return neurons with what arrives at them, and what brian2-loihi makes of them."""
    r = np.random.default_rng(12)
    neurons, cases = [], []
    for k in range(8):
        c = Compartment(
            du=int([0, 1, 4094, 4095][k]) if k < 4 else int(r.integers(0, 4096)),
            dv=int(r.integers(0, 4096)),
            bias_mant=0,
            bias_exp=0,
            vth=int(r.integers(100, 4000)),
            refractory=int(r.integers(0, 20)),
            weight_exp=int(r.integers(0, 3)),
            scale=1.0,
        )
        delay, weight = int(r.choice([0, 1, 7, 62])), int(r.integers(20, 256))
        times = np.flatnonzero(r.random(200) < 0.2) + 1
        messages = np.zeros(300, int)
        messages[times + delay] = weight << c.weight_exp
        neurons.append((c, messages))
        cases.append(
            {
                "du": c.du,
                "dv": c.dv,
                "vth": c.vth,
                "refractory": c.refractory,
                "weight_exp": c.weight_exp,
                "delay": delay,
                "weight": weight,
                "times": times.tolist(),
                "steps": 300,
            }
        )
    return neurons, emulated("NESTML_BRIAN2_LOIHI_PYTHON", BRIAN, cases)


def test_brian2_loihi_computes_the_same(brian: Any) -> None:
    """To the last bit, with delays and all sizes of decays."""
    spikes = 0
    for (c, messages), result in zip(*brian, strict=True):
        rows = np.array(computed(c, messages))
        np.testing.assert_array_equal(result["u"], rows[:, 0])
        np.testing.assert_array_equal(result["v"], rows[:, 1])
        np.testing.assert_array_equal(result["spikes"], np.flatnonzero(rows[:, 2]))
        spikes += int(rows[:, 2].sum())
    assert spikes > 50


def test_sana_fe_spikes_the_same() -> None:
    """It computes with real numbers: the potentials differ by roundings only."""
    r = np.random.default_rng(13)
    neurons, cases = [], []
    for _ in range(2):
        c = Compartment(
            du=int(r.integers(400, 3000)),
            dv=int(r.integers(100, 600)),
            bias_mant=64 * int(r.integers(0, 30)),
            bias_exp=0,
            vth=int(r.integers(1200, 2000)),
            refractory=0,
            weight_exp=0,
            scale=1.0,
        )
        weights = r.integers(60, 256, 5)
        trains = r.random((5, STEPS)) < 0.3
        arriving = np.zeros(STEPS, int)
        arriving[1:] = (weights @ trains)[:-1]  # a spike of its inputs arrives in the next step
        neurons.append((c, arriving))
        cases.append(
            {
                "du": c.du,
                "dv": c.dv,
                "bias": c.bias_mant / 64,
                "vth": c.vth,
                "weights": weights.tolist(),
                "trains": trains.tolist(),
                "steps": STEPS,
            }
        )
    results = emulated("NESTML_SANAFE_PYTHON", SANAFE, cases)
    for (c, arriving), result in zip(neurons, results, strict=True):
        rows = np.array(computed(c, arriving))
        spikes = np.flatnonzero(rows[:, 2])
        assert len(spikes) > 20
        assert result["spikes"] == spikes.tolist()
        assert np.abs(np.array(result["v"]) - rows[:, 1] / 64).max() <= 1e-3 * c.vth
        assert result["energy"] > 0
