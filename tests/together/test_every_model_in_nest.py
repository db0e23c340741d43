"""Every model of the library, built for NEST, loaded there and run for 200 ms with input.

Compiling all of them takes minutes: CI has some, ``tox -e nest-sweep`` all, and the synapses that
the reference toolchain ships; its neurons are in ``tests/peers``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from together_tools import need, need_nest

from nestml_core.backend import Artifact
from nestml_core.experiment import Experiment, schedule
from nestml_core.library import library_models
from nestml_core.pipeline import compile_files, generate, write_files
from nestml_core.solved import Pair, SolvedModel, SolvedProgram
from nestml_core.stimuli import poisson_train, with_input

IS_LONG = os.environ.get("NESTML_NEST_SWEEP") == "1"
PACKAGE = os.environ.get("NESTML_PEER_PACKAGE", "")
SOME = ("hh_psc_alpha", "mat2_psc_exp", "pif_psc_delta", "quantal_stp", "stdp_triplet", "tsodyks")

LIBRARY = {p.stem: p for p in library_models() if IS_LONG or p.stem in SOME}
THEIRS = {
    p.stem: p
    for p in (sorted(Path(PACKAGE).glob("**/models/synapses/*.nestml")) if PACKAGE else ())
    if IS_LONG
}
FILES = LIBRARY | THEIRS
SYNAPSES = [n for n, p in FILES.items() if p.parent.name == "synapses"]
CELLS = [n for n in FILES if n not in SYNAPSES]

DURATION = 200.0
STRENGTH = 20.0
WEAKER = {"terub_gpe": 2.0, "terub_stn": 2.0}
"""What is driven harder leaves the range of its equations, and these run away."""

TARGET = "iaf_psc_delta"
"""The neuron that synapses end at."""

RATES = {"pre": 50.0, "post": 30.0, "mod": 10.0}
RUNS = Path(__file__).parents[2] / "plugins/nestml-nest/tests/synapse_runs.py"
AT_A_TIME = 12
"""So many models are compiled in one module."""


@cache
def solved(name: str) -> SolvedModel:
    program = compile_files([FILES.get(name, Path(name))]).value
    assert program is not None
    return program.models[0]


def built(program: SolvedProgram, folder: Path, module: str) -> Artifact:
    need_nest()
    need("nest")
    from nestml_nest.backend import NestBackend
    from nestml_nest.options import Options

    backend, options = NestBackend(), Options(optimization="1", module=module)
    files = generate(program, backend, options)
    assert files.value is not None, files.diagnostics
    write_files(files.value, folder)
    made = backend.compile(program, folder, options)
    assert made.value is not None, made.diagnostics
    return made.value


def chunks(names: list[str]) -> Iterator[list[str]]:
    return (names[k : k + AT_A_TIME] for k in range(0, len(names), AT_A_TIME))


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    """Return the module that each neuron or astrocyte is in."""
    found = {}
    for k, names in enumerate(chunks(CELLS)):
        folder = tmp_path_factory.mktemp(f"cells{k}")
        program = SolvedProgram(tuple(map(solved, names)))
        found |= dict.fromkeys(names, built(program, folder, f"cells{k}"))
    return found


def test_the_library_is_complete() -> None:
    if not IS_LONG:
        assert set(FILES) == set(SOME)
        return
    assert len(LIBRARY) == len(library_models())
    assert {p.parent.name for p in LIBRARY.values()} == {"neurons", "synapses", "astrocytes"}
    assert len(THEIRS) == (10 if PACKAGE else 0)


@pytest.mark.parametrize("name", CELLS)
def test_every_cell_runs_with_input(name: str, cells: dict[str, Artifact]) -> None:
    """On all ports, and without ever not being a number."""
    from nestml_nest.backend import NestBackend

    model = solved(name)
    wanted, _ = with_input(model, Experiment(duration=DURATION, dt=0.1), WEAKER.get(name, STRENGTH))
    laid = schedule(wanted, model).value
    assert laid is not None
    found = NestBackend().simulate(cells[name], model, laid)
    assert found.value is not None, found.diagnostics
    recorded = found.value.values
    assert [n for n, values in recorded.items() if not np.isfinite(values).all()] == []
    assert len(found.value.spike_steps) > 0 or any(np.ptp(v) > 0 for v in recorded.values())


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what each synapse passes on when it is driven on all its ports."""
    found: dict[str, Any] = {}
    for k, names in enumerate(chunks(SYNAPSES)):
        folder = tmp_path_factory.mktemp(f"synapses{k}")
        found |= driven(names, folder, f"synapses{k}")
    return found


def driven(names: list[str], folder: Path, module: str) -> dict[str, Any]:
    names = [n for n in names if not refusals(n)]
    models = (solved(TARGET), *map(solved, names))
    paired = [n for n in names if solved(n).continuous_ports]
    pairs = tuple(Pair(TARGET, n) for n in paired)
    artifact = built(SolvedProgram(models, pairs), folder / "module", module)
    trains = {
        port: [t for t, _ in poisson_train(rate, 1.0, DURATION - 10.0, 0.1, seed=k + 1) if t > 5.0]
        for k, (port, rate) in enumerate(RATES.items())
    }
    jobs = []
    for name in names:
        ports = [p.symbol.name for p in solved(name).spike_ports]
        job: dict[str, Any] = {
            "synapse": f"{name}__with_{TARGET}" if name in paired else name,
            "neuron": f"{TARGET}__with_{name}" if name in paired else f"{TARGET}_nestml",
            "parameters": {},
            "values": {},
            "properties": {},
            "delay": 1.0,
            "pre": trains["pre"],
            "post": trains["post"],
        }
        if any("mod" in p for p in ports):
            job["mod"] = trains["mod"]
        jobs.append(job)
    given, taken = folder / "in.json", folder / "out.json"
    request = {"modules": [str(artifact.product)], "jobs": jobs, "duration": DURATION}
    given.write_text(json.dumps(request), encoding="utf-8")
    command = [sys.executable, str(RUNS), "weights", str(given), str(taken)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    passed = json.loads(taken.read_text(encoding="utf-8"))
    return dict(zip(names, passed, strict=True))


def refusals(name: str) -> list[str]:
    """Return what NEST cannot do with a synapse that reads a variable of its neuron."""
    from nestml_nest.backend import NestBackend
    from nestml_nest.options import Options

    if not solved(name).continuous_ports:
        return []
    program = SolvedProgram((solved(TARGET), solved(name)), (Pair(TARGET, name),))
    found = generate(program, NestBackend(), Options()).diagnostics
    return [d.code.id for d in found if d.is_error]


@pytest.mark.parametrize("name", SYNAPSES)
def test_every_synapse_runs_with_input(name: str, weights: dict[str, Any]) -> None:
    if refused := refusals(name):
        assert set(refused) <= {"NEST101", "NEST112"}
        return
    times, passed = weights[name]
    assert len(times) >= 1
    assert np.isfinite(passed).all()
    assert any(passed)
    if name.startswith("stdp"):
        assert len(set(passed)) > 1
