"""All synapses of the library, and those that the reference toolchain ships, on random trains.

Each is compiled with all warnings as errors, and held against the interpreter's network, with one
delay and with several: every weight that is emitted, and every recordable in every step.
``tox -e cpp-library`` runs all of them, ``NESTML_PEER_PACKAGE`` says where the other models are;
otherwise a few stand for all.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driven_connections import DT, FORCE, Builder, check, run
from generated_programs import WARNINGS

import nestml_core as nestml

ALL = os.environ.get("NESTML_CPP_LIBRARY") == "1"
PEER = os.environ.get("NESTML_PEER_PACKAGE", "")
LIBRARY = Path(nestml.__file__).parent / "models" / "synapses"
SOME = ("stdp_triplet", "tsodyks2")
FILES = [p for p in sorted(LIBRARY.glob("*.nestml")) if ALL or p.stem in SOME] + sorted(
    Path(PEER).glob("**/models/synapses/*.nestml") if ALL and PEER else []
)

DELAYS = (0.1, 0.7, 1.5, 8.0)
PAIRS = ([0, 0, 0, 1, 1, 1, 2, 2, 2, 0], [0, 1, 0, 0, 1, 1, 0, 1, 0, 1])
MIXED = [DELAYS[k % 4] for k in range(10)]
DURATION = 500.0 if ALL else 200.0

MODULATED: dict[str, Any] = {"modulated": lambda nodes: {"mod_spikes": (nodes[0], 0.7)}}
BURSTS: dict[str, Any] = {"inputs": {"dAP_trace": "I_syn_exc"}, "neuron": "iaf_psc_exp"}
STRUCTURAL = {
    "lambda_minus": 0.01,
    "lambda_plus": 1e-3,
    "lambda_h": 5e-7,
    "zt": 5e4,
    "permanence_threshold": 48.0,
}
"""With these the permanence goes up and down across its threshold, and meets no bound."""
CERTAIN = {"n": 4, "U": 1.0, "tau_rec": 1e-3, "w": 2.5}
"""With these all sites are full, and all release: nothing is left to chance."""
SETTINGS: dict[str, dict[str, Any]] = {
    "clopath": {"inputs": {"V": "V_m"}, "parameters": {"theta_plus": -69.0, "A_LTP": 8e-3}},
    "noisy": {"parameters": {"A_noise": 0.0, "w": np.linspace(-2.0, 3.0, 10)}},
    "quantal_stp": {"parameters": CERTAIN, "initial": {"a": 4}},
    "stdp_dopamine": MODULATED,
    "neuromodulated_stdp": MODULATED,
    "stdsp": BURSTS | {"parameters": STRUCTURAL, "initial": {"permanence": 50.0}},
}


@cache
def trains(seed: int) -> tuple[list[list[float]], list[list[float]], list[list[float]]]:
    """Return times of sources, of neurons and of modulators, with all kinds of coincidences.

    Spikes of neurons reach connections, after their delays, in the same steps as those of sources
    and of modulators; there are two in one step, too.
    """
    rng = np.random.default_rng(seed)
    steps = round(DURATION / DT)

    def poisson(rate: float) -> list[int]:
        return list(np.flatnonzero(rng.random(steps - 200) < rate * DT / 1000) + 50)

    post = [poisson(60.0), poisson(35.0)]
    pre = [poisson(25.0), poisson(40.0), poisson(3.0)]
    modulators = [poisson(6.0), poisson(4.0)]
    for times in post:
        for s in rng.choice(times, 4):
            for delay in DELAYS:
                arrival = int(s) + round(delay / DT)
                pre[rng.integers(3)].append(arrival)
                modulators[rng.integers(2)].append(arrival)
    both = int(rng.choice(pre[0]))
    pre[0].append(both)
    pre[1].append(both)
    made = [[[k * DT for k in sorted(t)] for t in group] for group in (pre, post, modulators)]
    return made[0], made[1], made[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, compiler: tuple[str, ...]) -> Builder:
    return Builder(tmp_path_factory.mktemp("synapses"), flags=" ".join(WARNINGS))


def named(path: Path) -> str:
    return path.stem if LIBRARY in path.parents else f"peer-{path.stem}"


def test_all_models_are_there() -> None:
    assert len(FILES) == (14 + (10 if PEER else 0) if ALL else len(SOME))


@pytest.mark.parametrize("delay", [1.5, MIXED], ids=["one", "mixed"])
@pytest.mark.parametrize("path", FILES, ids=named)
def test_synapses_do_as_the_interpreter_says(path: Path, delay: Any, built: Builder) -> None:
    name = path.stem.removesuffix("_synapse")
    given = dict(SETTINGS.get(name, {}))
    for seed in (1, 2) if ALL else (1,):
        pre, post, modulators = trains(seed)
        if "modulated" in given:
            given["modulators"] = [modulators]
        given["force"] = 1e5 if "neuron" in given else FORCE
        ran = run(nestml.load(path), pre, post, PAIRS, delay, duration=DURATION, **given)
        assert len(ran.trace.emitted[0].steps) > 30
        assert len(ran.trace.spikes[1].steps) > 5
        check(ran, built)
