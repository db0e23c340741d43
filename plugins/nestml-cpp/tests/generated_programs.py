"""Models as C++ and as compiled programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nestml_cpp
from nestml_cpp import toolchain
from nestml_cpp.backend import CppBackend
from nestml_cpp.names import file_name
from nestml_cpp.options import Options
from nestml_cpp.population import Population, population

from nestml_core.api import Artifact, Experiment, Result, SolvedModel, SolvedProgram, Trace, render
from nestml_core.experiment import schedule
from nestml_core.pipeline import check_sources
from nestml_core.source import Source

RUNTIME = Path(nestml_cpp.__file__).parent / "templates" / "runtime"
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror")
BACKEND = CppBackend()


def solved(text: str) -> SolvedModel:
    """Return the only model in ``text``."""
    result = check_sources([Source("model.nestml", text)])
    assert result.value is not None, "\n".join(map(render, result.diagnostics))
    (model,) = result.value.models
    return model


def generate(model: SolvedModel, directory: Path, **options: Any) -> Mapping[str, str]:
    """Write the files of ``model``; return them."""
    lowered = BACKEND.lower(SolvedProgram((model,)), BACKEND.options(**options))
    assert lowered.value is not None, "\n".join(map(render, lowered.diagnostics))
    files = {path: str(text) for path, text in BACKEND.render(lowered.value).items()}
    for path, text in files.items():
        (directory / path).write_text(text, encoding="utf-8")
    return files


def build(model: SolvedModel, directory: Path, **options: Any) -> Artifact:
    generate(model, directory, **options)
    program = SolvedProgram((model,))
    made = BACKEND.compile(program, directory, BACKEND.options(**options))
    assert made.value is not None, "\n".join(map(render, made.diagnostics))
    return made.value


def program(model: SolvedModel, directory: Path, **options: Any) -> Path:
    """Return the compiled program that runs one neuron."""
    generate(model, directory, **options)
    compiler = toolchain.find_compiler()
    assert compiler is not None
    target = toolchain.executable(directory, model)
    source = directory / f"{file_name(model)}_main.cpp"
    assert toolchain.made(source, target, (*compiler.command, *toolchain.flags(Options()))) is None
    return target


def neurons(model: SolvedModel, directory: Path, size: int, **more: Any) -> Population:
    """Return a population, compiled in ``directory``."""
    options = BACKEND.options(**more.pop("options", {}))
    program = SolvedProgram((model,))
    lowered = BACKEND.lower(program, options)
    assert lowered.value is not None, "\n".join(map(render, lowered.diagnostics))
    for path, text in BACKEND.render(lowered.value).items():
        (directory / path).write_text(str(text), encoding="utf-8")
    made = population(Artifact(program, options, directory, directory), model, size, **more)
    assert made.value is not None, "\n".join(map(render, made.diagnostics))
    return made.value


@dataclass(frozen=True)
class Neuron:
    """A compiled model that experiments can be made on."""

    model: SolvedModel
    artifact: Artifact

    def attempt(self, duration: float, **experiment: Any) -> Result[Trace]:
        laid = schedule(Experiment(duration=duration, **experiment), self.model)
        assert laid.value is not None, "\n".join(map(render, laid.diagnostics))
        return BACKEND.simulate(self.artifact, self.model, laid.value)

    def run(self, duration: float, **experiment: Any) -> Trace:
        result = self.attempt(duration, **experiment)
        assert result.value is not None, "\n".join(map(render, result.diagnostics))
        return result.value
