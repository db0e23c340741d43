"""What the tests share: models compiled to packages, and a Python with Lava that runs scripts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nestml_lava import execution, interpreter
from nestml_lava.backend import LavaBackend
from nestml_lava.lower import process
from nestml_lava.options import Options

from nestml_core.api import (
    Artifact,
    Experiment,
    Method,
    Result,
    Schedule,
    SolvedModel,
    SolvedProgram,
    Source,
    Trace,
    render,
)
from nestml_core.experiment import schedule
from nestml_core.pipeline import check_sources, compile_files, generate, write_files
from nestml_core.solve import SolveOptions
from nestml_core.testing import REQUIRE

SECONDS = 120.0


@dataclass(frozen=True)
class Package:
    """A generated package in ``directory``."""

    artifact: Artifact
    directory: Path

    def simulate(self, experiment: Experiment) -> Trace:
        result = self.attempt(experiment)
        assert result.value is not None, "\n".join(render(d) for d in result.diagnostics)
        return result.value

    def attempt(self, experiment: Experiment) -> Result[Trace]:
        model = self.artifact.program.models[0]
        laid = schedule(experiment, model)
        assert laid.value is not None, "\n".join(render(d) for d in laid.diagnostics)
        return LavaBackend().simulate(self.artifact, model, laid.value)


def build(program: SolvedProgram, directory: Path, **options: Any) -> Package:
    backend, chosen = LavaBackend(), Options(**options)
    files = generate(program, backend, chosen)
    assert files.value is not None, "\n".join(render(d) for d in files.diagnostics)
    write_files(files.value, directory)
    compiled = backend.compile(program, directory, chosen)
    assert compiled.value is not None, "\n".join(render(d) for d in compiled.diagnostics)
    return Package(compiled.value, directory)


@pytest.fixture
def library(tmp_path: Path) -> Callable[..., Package]:
    """Return what builds a shipped model."""

    def make(name: str, **options: Any) -> Package:
        program = compile_files([name])
        assert program.value is not None
        return build(program.value, tmp_path / "out", **options)

    return make


@pytest.fixture
def build_library(tmp_path: Path) -> Callable[..., Package]:
    """Return what builds several shipped models into one folder."""

    def make(*names: str) -> Package:
        program = compile_files(names)
        assert program.value is not None
        return build(program.value, tmp_path / "out")

    return make


@pytest.fixture
def built(tmp_path: Path) -> Callable[..., Package]:
    """Return what builds a solved model."""

    def make(model: SolvedModel, **options: Any) -> Package:
        return build(SolvedProgram((model,)), tmp_path / "out", **options)

    return make


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Package]:
    """Return what builds a model from its text."""

    def make(text: str, method: Method | None = None, **options: Any) -> Package:
        return build(solved(text, method), tmp_path / "out", **options)

    return make


@pytest.fixture
def compiled() -> Callable[..., SolvedProgram]:
    """Return what compiles the text of models."""
    return solved


def solved(text: str, method: Method | None = None) -> SolvedProgram:
    program = check_sources([Source("model.nestml", text)], SolveOptions(method))
    assert program.value is not None, "\n".join(render(d) for d in program.diagnostics)
    return program.value


@pytest.fixture(scope="session")
def lava() -> interpreter.Interpreter:
    """Return a Python that has Lava."""
    search = interpreter.find()
    if search.interpreter is None:
        message = f"no Python with Lava ({'; '.join(search.tried)}): {interpreter.INSTALL}"
        if os.environ.get(REQUIRE) == "1":
            pytest.fail(message)
        pytest.skip(message)
    return search.interpreter


Jobs = Sequence[tuple[SolvedModel, Schedule]]


@pytest.fixture
def in_process(lava: interpreter.Interpreter, tmp_path: Path) -> Callable[[Jobs], list[Trace]]:
    """Return what runs models without Lava's runtime, all of them in one process of its Python."""

    def run(jobs: Jobs) -> list[Trace]:
        backend, options = LavaBackend(), Options()
        laid = []
        for i, (model, plan) in enumerate(jobs):
            files = generate(SolvedProgram((model,)), backend, options)
            assert files.value is not None, files.diagnostics
            write_files(files.value, tmp_path / "out")
            neuron = process(model, options.step).value
            assert neuron is not None
            recorded = execution.recorded_variables(neuron, plan)
            job = tmp_path / f"{i}_{model.name}"
            job.mkdir()
            out = tmp_path / "out"
            execution.write_job(job, neuron, plan, recorded, directory=out, runtime="inproc")
            laid.append((job, neuron, plan, recorded))
        folders = (str(job) for job, *_ in laid)
        command = [lava.path, "-I", "-B", str(execution.HARNESS), *folders]
        outcome = execution.execute(command, tmp_path, 600.0)
        assert outcome.status == 0, outcome.errors
        return [execution.read_trace(*job) for job in laid]

    return run


@pytest.fixture
def script(lava: interpreter.Interpreter, tmp_path: Path) -> Callable[..., execution.Outcome]:
    """Return what runs a script under Lava's Python, in a process group that is ended after it.

    The script finds generated packages, and Lava's usual imports are made.
    """

    def run(text: str, *flags: str) -> execution.Outcome:
        folder = tmp_path / "run"
        folder.mkdir(exist_ok=True)
        program = folder / "program.py"
        program.write_text(PREAMBLE.format(out=str(tmp_path / "out")) + text, encoding="utf-8")
        return execution.execute([lava.path, "-I", "-B", *flags, str(program)], folder, SECONDS)

    return run


@pytest.fixture
def answer(script: Callable[..., execution.Outcome]) -> Callable[..., Any]:
    """Return what runs a script and reads the JSON it prints last."""

    def run(text: str) -> Any:
        outcome = script(text)
        assert outcome.status == 0, outcome.errors
        return json.loads(outcome.output.strip().splitlines()[-1])

    return run


PREAMBLE = """
import json, sys
sys.path.insert(0, {out!r})
import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import Dense
from lava.proc.io.source import RingBuffer
CONFIG = Loihi2SimCfg(select_tag="floating_pt")
"""
