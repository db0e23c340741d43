"""The neurons that the reference toolchain ships, generated for NEST, in one extension module."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from together_tools import need, need_nest

from nestml_core.backend import Artifact
from nestml_core.experiment import Experiment, schedule
from nestml_core.pipeline import compile_files, generate, write_files
from nestml_core.reference import simulate
from nestml_core.solved import SolvedModel, SolvedProgram
from nestml_core.stimuli import with_input

PACKAGE = os.environ.get("NESTML_PEER_PACKAGE", "")
FILES = sorted(Path(PACKAGE).glob("**/models/neurons/*.nestml")) if PACKAGE else []
COMPARED = 50
"""So many steps must be as in the reference: later on, chaotic models go their own ways."""

STRENGTH = 20.0
WEAKER = {"terub_gpe_neuron": 2.0}
"""What is driven harder leaves the range of its equations, and these run away."""

pytestmark = pytest.mark.skipif(not PACKAGE, reason="set NESTML_PEER_PACKAGE, or use tox -e peers")


def test_all_neurons_are_there() -> None:
    assert len(FILES) == 30


@cache
def solved(path: Path) -> SolvedModel:
    program = compile_files([path]).value
    assert program is not None
    return program.models[0]


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    need_nest()
    need("nest")
    from nestml_nest.backend import NestBackend
    from nestml_nest.options import Options

    backend, options = NestBackend(), Options(optimization="1")
    program = SolvedProgram(tuple(map(solved, FILES)))
    files = generate(program, backend, options)
    assert files.value is not None, files.diagnostics
    folder = tmp_path_factory.mktemp("neurons")
    write_files(files.value, folder)
    made = backend.compile(program, folder, options)
    assert made.value is not None, made.diagnostics
    return made.value


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_neuron_runs_with_input(path: Path, artifact: Artifact) -> None:
    """For 200 ms, with input on all ports, without ever not being a number."""
    from nestml_nest.backend import NestBackend

    model = solved(path)
    wanted, _ = with_input(
        model, Experiment(duration=200.0, dt=0.1), WEAKER.get(path.stem, STRENGTH)
    )
    laid = schedule(wanted, model).value
    assert laid is not None
    found = NestBackend().simulate(artifact, model, laid).value
    assert found is not None
    assert [n for n, values in found.values.items() if not np.isfinite(values).all()] == []
    if model.is_random:
        return
    begin = schedule(replace(wanted, duration=COMPARED * 0.1), model).value
    assert begin is not None
    expected = simulate(model, begin).value
    assert expected is not None
    for name, values in expected.values.items():
        error = np.abs(found[name][:COMPARED] - values) / np.maximum(1, np.abs(values))
        assert error.max() < 1e-6, name
