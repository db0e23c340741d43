"""Fixtures that compile and run C++."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from nestml_cpp.toolchain import find_compiler

from nestml_core.api import cpp_runtime
from nestml_core.testing import REQUIRE

sys.path.insert(0, str(Path(__file__).parent))
from generated_programs import RUNTIME, WARNINGS, Neuron, build, solved


@pytest.fixture(scope="session")
def compiler() -> tuple[str, ...]:
    """Return the command of the compiler; without one, there is nothing to test here."""
    found = find_compiler()
    if found is None:
        _missing("a C++ compiler")
    assert found is not None
    return (*found.command, "-std=c++20", "-ffp-contract=off")


@pytest.fixture
def neuron(compiler: tuple[str, ...], tmp_path: Path) -> Callable[..., Neuron]:
    """Return what compiles the model in a text."""

    def make(text: str, **options: Any) -> Neuron:
        model = solved(text)
        return Neuron(model, build(model, tmp_path, **options))

    return make


@pytest.fixture
def cpp(compiler: tuple[str, ...], tmp_path: Path) -> Callable[..., str]:
    """Return what compiles and runs C++ text, and returns what it prints."""

    def run(*texts: str, flags: tuple[str, ...] = ("-O1",), stdin: str = "") -> str:
        for name, header in cpp_runtime().items():
            (tmp_path / name).write_text(header, encoding="utf-8")
        sources = []
        for i, text in enumerate(texts):
            sources.append(tmp_path / f"test{i}.cpp")
            sources[i].write_text(text, encoding="utf-8")
        program = tmp_path / "test"
        command = [*compiler, *WARNINGS, *flags, f"-I{RUNTIME}", f"-I{tmp_path}"]
        made = subprocess.run(
            [*command, *sources, "-o", program], capture_output=True, text=True, check=False
        )
        assert made.returncode == 0, made.stderr
        done = subprocess.run([program], input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def _missing(what: str) -> None:
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(f"{what} is missing, and {REQUIRE}=1 demands it")
    pytest.skip(f"{what} is missing")


@pytest.fixture(autouse=True)
def _nest_is_there(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("nest") and find_spec("nest") is None:
        _missing("NEST")
