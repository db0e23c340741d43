"""Networks on the reference interpreter against the same networks of NEST's own models."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from together_tools import need_nest

from nestml_core import Network, NetworkRun
from nestml_core.networks import Connections, Nodes

DT, DURATION = 0.1, 400.0
SOURCES, NEURONS = 6, 5
STDP = {
    "lambda": 0.02,
    "alpha": 1.1,
    "mu_plus": 0.4,
    "mu_minus": 0.7,
    "tau_plus": 17.0,
    "Wmax": 900.0,
}
TAU_MINUS = 23.0
NEURON = {"tau_m": 12.0, "C_m": 200.0, "t_ref": 2.0, "E_L": -70.0, "V_reset": -66.0}
NEURON |= {"V_th": -55.0, "V_m": -70.0, "tau_syn_ex": 2.0, "tau_syn_in": 3.0, "I_e": 210.0}
NEURON |= {"tau_minus": TAU_MINUS}
OURS = {"tau_m": 12.0, "C_m": 200.0, "refr_T": 2.0, "V_reset": -66.0, "tau_syn_exc": 2.0}
OURS |= {"tau_syn_inh": 3.0, "I_e": 210.0}


@lru_cache(maxsize=1)
def description() -> dict[str, Any]:
    """Return sources and connections, some recurrent, with all kinds of delays and both signs."""
    random = np.random.default_rng(5)
    trains = [
        (np.unique(random.integers(20, 3900, size=60)) * DT).round(6).tolist()
        for _ in range(SOURCES)
    ]

    def connections(pre: int, low: float, high: float) -> dict[str, Any]:
        i, j = np.nonzero(random.random((pre, NEURONS)) < 0.7)
        delays = random.integers(1, 50, size=len(i)) * DT
        weights = random.uniform(low, high, size=len(i))
        return {
            "pre": i.tolist(),
            "post": j.tolist(),
            "delays": delays.round(6).tolist(),
            "weights": weights.round(3).tolist(),
        }

    feed = connections(SOURCES, -150.0, 400.0)
    back = connections(NEURONS, -100.0, 100.0)
    plastic = connections(SOURCES, 200.0, 500.0)
    return {
        "dt": DT,
        "duration": DURATION,
        "sources": {"sources": trains},
        "populations": {"neurons": {"model": "iaf_psc_exp", "size": NEURONS, "parameters": NEURON}},
        "stdp": STDP,
        "connections": [
            {"from": "sources", "to": "neurons", "model": "static_synapse", **feed},
            {"from": "neurons", "to": "neurons", "model": "static_synapse", **back},
            {"from": "sources", "to": "neurons", "model": "plastic", **plastic},
        ],
    }


@lru_cache(maxsize=1)
def by_nest() -> dict[str, Any]:
    # a spike leaves the parrot one step after the generator
    job = description()
    sources = [[round(t - DT, 6) for t in train] for train in job["sources"]["sources"]]
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("nest_network.py"))],
        input=json.dumps({**job, "sources": {"sources": sources}}),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@lru_cache(maxsize=1)
def ours() -> tuple[NetworkRun, Nodes, Nodes, Connections]:
    job = description()
    net = Network(DT)
    sources = net.spike_source(job["sources"]["sources"])
    neurons = net.create("iaf_psc_exp", NEURONS, parameters=OURS)
    nodes = {"sources": sources, "neurons": neurons}
    plastic: Connections | None = None
    for c in job["connections"]:
        pre, post = nodes[c["from"]], nodes[c["to"]]
        pairs = c["pre"], c["post"]
        if c["model"] == "static_synapse":
            net.connect(pre, post, pairs=pairs, weight=c["weights"], delay=c["delays"])
            continue
        own = {k: v for k, v in STDP.items() if k != "tau_plus"}
        plastic = net.connect(
            pre,
            post,
            pairs=pairs,
            delay=c["delays"],
            synapse="stdp",
            parameters={**own, "tau_tr_pre": STDP["tau_plus"], "tau_tr_post": TAU_MINUS},
            initial={"w": c["weights"]},
        )
    assert plastic is not None
    net.record(neurons, "V_m")
    return net.run(DURATION), sources, neurons, plastic


def test_same_spikes_and_potentials_as_nest() -> None:
    need_nest()
    want = by_nest()
    got, sources, neurons, _ = ours()
    for nodes, name in ((sources, "sources"), (neurons, "neurons")):
        times, senders = got.spikes(nodes)
        expected = sorted(
            (round(t / DT), k) for t, k in want["spikes"][name] if t < DURATION + 0.05
        )
        found = sorted(zip(np.rint(times / DT).astype(int).tolist(), senders.tolist(), strict=True))
        assert found == expected
        assert len(found) > 100
    potentials = np.array(want["V_m"]["neurons"])[:, : got.trace.steps]
    assert np.abs(got[neurons]["V_m"] - potentials).max() < 1e-9


def test_same_weights_as_nest() -> None:
    need_nest()
    want = by_nest()
    got, _, _, plastic = ours()
    sources, neurons = want["ids"]["sources"], want["ids"]["neurons"]
    expected = {
        (round(t / DT), sources.index(s), neurons.index(r)): w for t, s, r, w in want["weights"]
    }
    times, numbers, weights = got.emitted(plastic)
    steps = np.rint(times / DT).astype(int).tolist()
    pairs = zip(plastic.pre[numbers].tolist(), plastic.post[numbers].tolist(), strict=True)
    found = {
        (step, i, j): w for step, (i, j), w in zip(steps, pairs, weights.tolist(), strict=True)
    }
    assert found.keys() == {key for key in expected if key[0] <= got.trace.steps}
    assert len(found) > 500
    assert max(abs(w - expected[key]) for key, w in found.items()) < 1e-9
    last: dict[tuple[int, int], float] = {}
    for (_, i, j), w in sorted(found.items()):
        last[i, j] = w
    given = {(i, j): w for i, j, w in zip(plastic.pre, plastic.post, initial(), strict=True)}
    assert min(abs(last[key] - given[key]) for key in last) > 1.0, "all have learnt something"


def initial() -> list[float]:
    found: list[float] = description()["connections"][-1]["weights"]
    return found
