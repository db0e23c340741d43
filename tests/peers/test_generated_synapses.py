"""Synapses that the reference toolchain generates for NEST against ours: same models, same trains.

``tox -e nest-peer``. Its plastic synapses exist in pairs with a neuron only; ours end at any.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from peer_modules import PEER, peer_module, shipped
from together_tools import need, need_nest

from nestml_core.pipeline import compile_files, generate, write_files
from nestml_core.solved import SolvedModel, SolvedProgram
from nestml_core.stimuli import poisson_train

pytestmark = pytest.mark.skipif(not PEER, reason="set NESTML_PEER_PYTHON, or use tox -e nest-peer")

NEURON = "iaf_psc_delta_neuron"
MODULATED = ("neuromodulated_stdp_synapse",)
PLASTIC = (
    "stdp_nn_pre_centered_synapse",
    "stdp_nn_restr_symm_synapse",
    "stdp_nn_symm_synapse",
    "stdp_synapse",
    "stdp_triplet_synapse",
)
PLAIN = ("noisy_synapse", "static_synapse", "tsodyks_synapse")
OTHERS = ("stdsp_synapse",)
"""It reads a variable of a neuron that it is made for, which is a model of its own."""

DIFFERENCES = {
    "stdp_triplet_synapse": "theirs runs handlers of one event in the order opposite to the "
    "priorities, so that traces are updated before they are read; NEST's own synapse is as ours",
    "noisy_synapse": "theirs draws other numbers of the same distribution",
}

DURATION = 2000.0
RATES = {"pre": 20.0, "post": 20.0, "mod": 5.0}
RUNS = Path(__file__).parents[2] / "plugins/nestml-nest/tests/synapse_runs.py"

Weights = tuple[list[float], list[float]]


def paired(synapses: Sequence[str], vt_ports: Sequence[str] = ()) -> dict[str, Any]:
    """Return the options that make pairs with ``NEURON``."""
    ports = {"post_ports": ["post_spikes"], **({"vt_ports": list(vt_ports)} if vt_ports else {})}
    return {
        "neuron_synapse_pairs": [{"neuron": NEURON, "synapses": {s: ports}} for s in synapses],
        "weight_variable": dict.fromkeys(synapses, "w"),
    }


def job(name: str, synapse: str, neuron: str) -> dict[str, Any]:
    trains = {
        port: [t for t, _ in poisson_train(rate, 1.0, DURATION - 10.0, 0.1, seed=k) if t > 5.0]
        for k, (port, rate) in enumerate(RATES.items(), 1)
    }
    found: dict[str, Any] = {"synapse": synapse, "neuron": neuron, "delay": 1.0}
    found |= {"parameters": {}, "values": {}, "properties": {}}
    found |= {"pre": trains["pre"], "post": trains["post"]}
    return found | ({"mod": trains["mod"]} if name in MODULATED else {})


def run(module: str, jobs: Sequence[Mapping[str, Any]], folder: Path) -> list[Weights]:
    given, taken = folder / "in.json", folder / "out.json"
    request = {"modules": [module], "jobs": jobs, "duration": DURATION}
    given.write_text(json.dumps(request), encoding="utf-8")
    command = [sys.executable, str(RUNS), "weights", str(given), str(taken)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return [(t, w) for t, w in json.loads(taken.read_text(encoding="utf-8"))]


def ours(files: Mapping[str, Path], folder: Path) -> str:
    from nestml_nest.backend import NestBackend
    from nestml_nest.options import Options

    def solved(path: Path) -> SolvedModel:
        program = compile_files([path]).value
        assert program is not None
        return replace(program.models[0], name=f"{path.stem}_ours")

    backend, options = NestBackend(), Options(optimization="1")
    names = (NEURON, *PLASTIC, *MODULATED, *PLAIN)
    program = SolvedProgram(tuple(solved(files[n]) for n in names))
    made = generate(program, backend, options).value
    assert made is not None
    write_files(made, folder)
    artifact = backend.compile(program, folder, options).value
    assert artifact is not None
    return str(artifact.product)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[Weights, Weights]]:
    """Return what each synapse passes on, ours and theirs."""
    need_nest()
    need("nest")
    folder = tmp_path_factory.mktemp("synapses")
    files = {p.stem: p for p in (*shipped("neurons"), *shipped("synapses"))}
    groups: list[tuple[Sequence[str], dict[str, Any], str]] = [
        (PLASTIC, paired(PLASTIC), ""),
        (MODULATED, paired(MODULATED, ["mod_spikes"]), ""),
        (PLAIN, {"weight_variable": dict.fromkeys(PLAIN, "w")}, "_peer"),
    ]
    with ThreadPoolExecutor(2) as pool:
        made = [
            pool.submit(
                peer_module,
                f"group{k}module",
                [files[n] for n in (*(() if suffix else (NEURON,)), *names)],
                folder,
                options,
                suffix,
            )
            for k, (names, options, suffix) in enumerate(groups)
        ]
        own = ours(files, folder / "ours")
    everything = [*PLASTIC, *MODULATED, *PLAIN]
    mine = run(own, [job(n, f"{n}_ours", f"{NEURON}_ours") for n in everything], folder)
    other: list[Weights] = []
    for (names, _, suffix), module in zip(groups, made, strict=True):
        jobs = [
            job(n, f"{n}{suffix}", "parrot_neuron")
            if suffix
            else job(n, f"{n}__with_{NEURON}", f"{NEURON}__with_{n}")
            for n in names
        ]
        other += run(module.result(), jobs, folder)
    return dict(zip(everything, zip(mine, other, strict=True), strict=True))


def test_all_synapses_are_there() -> None:
    everything = {*PLASTIC, *MODULATED, *PLAIN, *OTHERS}
    assert {p.stem for p in shipped("synapses")} == everything
    assert len(everything) == 10


@pytest.mark.parametrize("name", [*PLASTIC, *MODULATED, *PLAIN])
def test_same_weights(name: str, weights: Mapping[str, tuple[Weights, Weights]]) -> None:
    (times, mine), (their_times, other) = weights[name]
    assert len(times) > 20
    assert times == their_times
    assert np.isfinite(mine).all()
    apart = np.abs(np.subtract(mine, other)).max()
    if name in DIFFERENCES:
        assert apart > 1e-3  # or the reason stands there for nothing
        return
    assert apart < 1e-9 * max(1.0, np.abs(other).max())
