"""Models for the tests, from text, and the way from there to traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from nestml_truenorth.backend import TrueNorthBackend
from nestml_truenorth.options import Options

from nestml_core.api import Artifact, Diagnostic, Experiment, Result, Trace, render
from nestml_core.experiment import schedule
from nestml_core.pipeline import compile_files, generate, library_model
from nestml_core.reference import simulate as interpret
from nestml_core.solved import SolvedProgram

BACKEND = TrueNorthBackend()

PERFECT = """\
model perfect:
    state:
        V_m mV = 0 mV

    equations:
        V_m' = -leak + unit_psp * spikes

    parameters:
        leak mV/ms = 1 mV/ms
        V_th mV = 50 mV
        V_reset mV = 0 mV
        V_min mV = 0 mV

    internals:
        unit_psp mV = 1 mV

    input:
        spikes <- spike

    output:
        spike

    update:
        integrate_odes(V_m)

    onCondition(V_m < V_min):
        V_m = V_min

    onCondition(V_m >= V_th):
        V_m = V_reset
        emit_spike()
"""
"""A model that the chip computes exactly; tests change lines of it."""

FLOOR = """\
    onCondition(V_m < V_min):
        V_m = V_min

"""

FIRE = """\
    onCondition(V_m >= V_th):
        V_m = V_reset
        emit_spike()
"""


def changed(*changes: tuple[str, str], text: str = PERFECT) -> str:
    """Return ``text`` with each first string, which must be there, replaced by the second."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


@lru_cache
def solved(text: str) -> SolvedProgram:
    """Return the one model in ``text``, which must be free of errors."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.nestml"
        path.write_text(text, encoding="utf-8")
        result = compile_files([path])
    assert result.value is not None, [render(d) for d in result.diagnostics]
    return result.value


def library(name: str) -> SolvedProgram:
    path = library_model(name)
    assert path is not None
    result = compile_files([path])
    assert result.value is not None
    return result.value


def lowered(text: str, **options: Any) -> tuple[Any, tuple[Diagnostic, ...]]:
    """Return what ``text`` becomes, or None, and the diagnostics."""
    result = BACKEND.lower(solved(text), Options(**options))
    return result.value, result.diagnostics


def built(program: SolvedProgram, folder: Path, **options: Any) -> Artifact:
    """Generate and compile; both must succeed."""
    chosen = Options(**options)
    files = generate(program, BACKEND, chosen)
    assert files.value is not None, [render(d) for d in files.diagnostics]
    for path, content in files.value.items():
        (folder / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    made = BACKEND.compile(program, folder, chosen)
    assert made.value is not None, [render(d) for d in made.diagnostics]
    return made.value


def on_chip(artifact: Artifact, experiment: Experiment) -> Result[Trace]:
    (model,) = artifact.program.models
    laid = schedule(experiment, model)
    assert laid.value is not None, [render(d) for d in laid.diagnostics]
    return BACKEND.simulate(artifact, model, laid.value)


def by_reference(program: SolvedProgram, experiment: Experiment) -> Trace:
    (model,) = program.models
    laid = schedule(experiment, model)
    assert laid.value is not None, [render(d) for d in laid.diagnostics]
    ran = interpret(model, laid.value)
    assert ran.value is not None, [render(d) for d in ran.diagnostics]
    return ran.value


def assert_equal_traces(ours: Result[Trace], theirs: Trace) -> None:
    """Fail unless both spike in the same steps and recorded the very same numbers."""
    assert ours.value is not None, [render(d) for d in ours.diagnostics]
    assert ours.value.spike_steps.tolist() == theirs.spike_steps.tolist()
    assert list(ours.value.values) == list(theirs.values)
    assert ours.value.units == theirs.units
    for name, values in theirs.values.items():
        assert np.array_equal(ours.value[name], values), name


def random_events(
    seed: int, steps: int, weights: Sequence[float], *, dt: float = 1.0, most: int = 4
) -> list[tuple[float, float]]:
    """Return up to ``most`` events in each step, with weights from ``weights``."""
    rng = np.random.default_rng(seed)
    return [
        (step * dt, float(weight))
        for step in range(1, steps + 1)
        for weight in rng.choice(weights, rng.integers(0, most + 1))
    ]


def codes_of(diagnostics: Sequence[Diagnostic]) -> list[str]:
    return [d.code.id for d in diagnostics]


Changes = Sequence[tuple[str, str]]
Parameters = Mapping[str, Any]
