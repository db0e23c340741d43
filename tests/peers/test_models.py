"""The models that the reference toolchain ships, read where its package lies, as a corpus.

``tox -e peers`` installs the package beside the environment and says where, in
``NESTML_PEER_PACKAGE``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from nestml_core.diagnostics import render
from nestml_core.experiment import Experiment, schedule
from nestml_core.hoisting import hoist
from nestml_core.interchange import from_json, to_json
from nestml_core.pipeline import compile_files
from nestml_core.reference import simulate
from nestml_core.schema import json_schema
from nestml_core.solved import ModelKind, SolvedModel, SolvedProgram
from nestml_core.stimuli import with_input
from nestml_core.verify import violations

PACKAGE = os.environ.get("NESTML_PEER_PACKAGE", "")
VALIDATOR = jsonschema.Draft202012Validator(json_schema())
FILES = sorted(Path(PACKAGE).glob("**/models/*/*.nestml")) if PACKAGE else []
TUTORIALS = sorted(Path(PACKAGE).glob("**/tutorials/**/*.nestml")) if PACKAGE else []
EXERCISE = "izhikevich_task"
"""A tutorial's exercise: the reader is to add the variable `u` and the body of a handler."""

pytestmark = pytest.mark.skipif(not PACKAGE, reason="set NESTML_PEER_PACKAGE, or use tox -e peers")


def test_all_models_are_there() -> None:
    assert len(FILES) == 40
    assert len(TUTORIALS) == 8
    assert len(list(Path(PACKAGE).rglob("*.nestml"))) == 48


@pytest.mark.parametrize("path", [p for p in TUTORIALS if p.stem != EXERCISE], ids=lambda p: p.stem)
def test_every_tutorial_compiles(path: Path) -> None:
    assert violations(compiled(path)) == ()


def test_the_exercise_lacks_what_the_reader_is_to_write() -> None:
    (path,) = (p for p in TUTORIALS if p.stem == EXERCISE)
    errors = compile_files([path]).errors
    assert [(e.code.id, e.span.text) for e in errors] == [
        ("NML101", "u"),
        ("NML016", "onCondition(v >= 30 mV):"),
    ]


def compiled(path: Path) -> SolvedModel:
    result = compile_files([path])
    assert result.value is not None, "\n".join(render(d) for d in result.diagnostics)
    return result.value.models[0]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_model_compiles(path: Path) -> None:
    model = compiled(path)
    assert violations(model) == ()
    assert violations(hoist(model)) == ()
    program = SolvedProgram((model,))
    data = json.loads(json.dumps(to_json(program), allow_nan=False))
    assert VALIDATOR.is_valid(data)
    assert from_json(data) == program
    kind = ModelKind.SYNAPSE if path.parent.name == "synapses" else ModelKind.NEURON
    assert model.kind is kind


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.parent.name == "neurons"], ids=lambda p: p.stem
)
def test_every_neuron_runs(path: Path) -> None:
    """With some input on every port, for 5 ms, and to a solution that SciPy agrees with."""
    model = compiled(path)
    experiment, _ = with_input(model, Experiment(duration=5.0, dt=0.1), 20.0)
    laid = schedule(experiment, model).value
    assert laid is not None
    result = simulate(model, laid)
    assert result.value is not None, "\n".join(render(d) for d in result.diagnostics)
    if model.is_random or not any(f.nonlinear for f in model.flows):
        return
    accurate = simulate(model, laid, accurate=True).value
    assert accurate is not None
    assert result.value.spike_steps.tolist() == accurate.spike_steps.tolist()
    for name, values in accurate.values.items():
        scale = np.maximum(1, np.abs(values))
        assert np.max(np.abs(result.value[name] - values) / scale) < 1e-5, name
