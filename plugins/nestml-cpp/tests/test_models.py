"""Models of the library, and those that the reference toolchain ships, against the interpreter.

Each is compiled with all warnings as errors, and run as one neuron and as several at once.
``tox -e cpp-library`` runs all of them, ``NESTML_PEER_PACKAGE`` says where the other models are;
otherwise a few stand for all.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from generated_programs import BACKEND, WARNINGS, generate
from nestml_cpp.names import file_name
from nestml_cpp.population import population

import nestml_core
from nestml_core.api import (
    Artifact,
    Diagnostic,
    ModelKind,
    Schedule,
    SolvedModel,
    SolvedProgram,
    Trace,
    render,
)
from nestml_core.experiment import Experiment, schedule
from nestml_core.pipeline import compile_files
from nestml_core.reference import simulate as interpret
from nestml_core.stimuli import with_input

ALL = os.environ.get("NESTML_CPP_LIBRARY") == "1"
LIBRARY = Path(nestml_core.__file__).parent / "models"
PEER = os.environ.get("NESTML_PEER_PACKAGE", "")
SOME = ("iaf_psc_exp_htum", "iaf_cond_alpha", "aeif_psc_exp", "gif_psc_exp")
FILES = sorted(LIBRARY.glob("*/*.nestml")) + sorted(
    Path(PEER).glob("**/models/neurons/*.nestml") if ALL and PEER else []
)
NEURONS = [p for p in FILES if p.parent.name != "synapses" and (ALL or p.stem in SOME)]

EXACT = 1e-9
"""The largest error relative to max(1, value) where every equation is integrated exactly."""
SOLVED = 1e-6
"""The same where equations are integrated within tolerances of 1e-9 a step."""
STRENGTHS = {"terub_gpe": 2.0, "terub_gpe_neuron": 2.0}
"""What is driven harder than usual leaves the range of its equations, and these run away."""
USUAL = 20.0
SIZE = 5


def named(path: Path) -> str:
    return path.stem if LIBRARY in path.parents else f"peer-{path.stem}"


@cache
def solved(path: Path) -> SolvedModel:
    program = compile_files([path]).value
    assert program is not None
    return program.models[0]


def test_all_models_are_there() -> None:
    assert len(NEURONS) == (57 + (30 if PEER else 0) if ALL else len(SOME))
    assert all(solved(p).kind is ModelKind.NEURON for p in NEURONS)


@pytest.mark.parametrize("path", NEURONS, ids=named)
def test_models_do_as_the_interpreter_says(
    path: Path, compiler: tuple[str, ...], tmp_path: Path
) -> None:
    model = solved(path)
    options = BACKEND.options(flags=" ".join(WARNINGS), optimization="1")
    program = SolvedProgram((model,))
    generate(model, tmp_path)
    made = BACKEND.compile(program, tmp_path, options)
    assert made.value is not None, "\n".join(map(render, made.diagnostics))
    main = tmp_path / f"{file_name(model)}_main.cpp"
    subprocess.run([*compiler, *WARNINGS, "-fsyntax-only", main], check=True)

    strength = STRENGTHS.get(path.stem, USUAL)
    wanted, _ = with_input(model, Experiment(duration=200.0, dt=0.1), strength)
    laid = schedule(wanted, model).value
    assert laid is not None
    one = BACKEND.simulate(made.value, model, laid)
    assert one.value is not None, "\n".join(map(render, one.diagnostics))
    several = many(made.value, model, laid)
    tolerance = SOLVED if any(f.nonlinear for f in model.flows) else EXACT
    compare(several, one.value, tolerance)
    if model.is_random:
        return  # the interpreter draws other numbers
    expected = interpret(model, laid)
    assert expected.value is not None, "\n".join(map(render, expected.diagnostics))
    compare(one.value, expected.value, tolerance)


def compare(found: Trace, expected: Trace, tolerance: float) -> None:
    assert found.spike_steps.tolist() == expected.spike_steps.tolist()
    assert set(found.values) == set(expected.values)
    for name, values in expected.values.items():
        error = np.abs(found[name] - values) / np.maximum(1, np.abs(values))
        assert np.nanmax(error, initial=0.0) < tolerance, name
        assert (np.isnan(found[name]) == np.isnan(values)).all()


def many(artifact: Artifact, model: SolvedModel, laid: Schedule) -> Trace:
    """Return what the first of several neurons does, of which all get the same."""
    made = population(artifact, model, SIZE, laid.dt, seed=laid.seed)
    assert made.value is not None, "\n".join(map(render, made.diagnostics))
    neurons = made.value
    neurons.set(laid.parameters, laid.initial)
    for port, events in laid.spikes.items():
        steps, weights = (np.repeat(x, SIZE) for x in (events.steps, events.weights))
        neurons.spikes(port, steps, np.tile(np.arange(SIZE), len(events.steps)), weights)
    for port, values in laid.currents.items():
        neurons.current(port, values)
    recorded = {s.name: neurons.record(s.name, laid.steps, [0]) for s in laid.record}
    assert errors(neurons.begin()) == []
    assert errors(neurons.run(laid.steps)) == []
    first: npt.NDArray[Any] = neurons.spike_neurons == 0
    return Trace(
        dt=laid.dt,
        steps=laid.steps,
        values={name: np.ascontiguousarray(x[:, 0]) for name, x in recorded.items()},
        units={},
        spike_steps=neurons.spike_steps[first],
        backend="cpp",
    )


def errors(said: tuple[Diagnostic, ...]) -> list[str]:
    return [render(d) for d in said if d.is_error]


def solvers() -> Iterator[str]:
    """Yield how the models are integrated, for what the subset stands for."""
    for path in NEURONS:
        yield from (f.nonlinear.integrator.method.value for f in solved(path).flows if f.nonlinear)


def test_the_models_cover_what_there_is() -> None:
    """Exact, adaptive and random ones are among the few, too."""
    exact = [p for p in NEURONS if not any(f.nonlinear for f in solved(p).flows)]
    assert exact
    assert any(solved(p).is_random for p in NEURONS)
    assert len(set(solvers())) >= 1
