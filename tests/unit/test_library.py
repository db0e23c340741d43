"""Every model of the library: free of findings, well-kept, described, and able to run."""

from __future__ import annotations

import re

import numpy as np
import pytest

import nestml_core
from nestml_core.experiment import Experiment, schedule
from nestml_core.library import LibraryModel, library
from nestml_core.pipeline import compile_files
from nestml_core.reference import simulate
from nestml_core.solved import ModelKind
from nestml_core.source import Source
from nestml_core.stimuli import with_input
from nestml_core.syntax.formatting import formatted

MODELS = library()
each = pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)

DURATION = 200.0
SHORT = 50.0
"""For what is integrated in small steps."""

STRONG = re.compile(r".*_psc_(alpha|exp)|aeif_.*|iaf_.*")
"""Models in which currents count in pA, hundreds of them; all others get a few of everything."""


def test_names_are_those_of_the_files_and_unique() -> None:
    names = [m.name for m in MODELS]
    assert len(names) == len(set(names)) >= 50
    for m in MODELS:
        assert f"model {m.name}:\n" in m.text


@each
def test_nothing_is_found(model: LibraryModel) -> None:
    """No error, warning or hint: nothing unused, no unit left open."""
    found = nestml_core.check(model.path)
    assert len(found) == 0, str(found)


@each
def test_it_is_formatted(model: LibraryModel) -> None:
    assert formatted(Source(model.path.name, model.text)).value == model.text


@each
def test_it_is_described(model: LibraryModel) -> None:
    """A summary of one line, an explanation, literature with years, a word on every parameter."""
    assert model.text.startswith(f"# {model.name} - {model.summary}\n#\n")
    assert not model.summary.endswith(".")
    assert len(model.summary) > 10
    assert len(model.description) > 40
    assert model.references
    for reference in model.references:
        assert re.search(r"\b(18|19|20)\d\d\b", reference), reference
    text = model.text.partition("    parameters:\n")[2]
    for line in text.split("\n\n", 1)[0].splitlines():
        # the initial rates of a gate share the comment of the first
        assert "  # " in line or "_init" in line.split()[0], line


@each
def test_it_runs(model: LibraryModel) -> None:
    """With input on every port; all that can be recorded is finite."""
    program = compile_files([model.path]).value
    assert program is not None
    solved = program.models[0]
    smooth = all(f.nonlinear is None for f in solved.flows)
    strength = 200.0 if STRONG.fullmatch(model.name) else 2.0
    duration = DURATION if smooth else SHORT
    experiment, _ = with_input(solved, Experiment(duration, 0.1), strength)
    laid = schedule(experiment, solved).value
    assert laid is not None
    trace = simulate(solved, laid).value
    assert trace is not None
    assert trace.steps == round(duration / 0.1)
    for name, values in trace.values.items():
        assert values.shape == (trace.steps,)
        assert np.isfinite(values).all(), name
    assert (solved.kind is ModelKind.SYNAPSE) is (model.kind == "synapse")
