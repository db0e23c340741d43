"""What is generated in the hands of others: in programs, in C, and as a CMake package."""

from __future__ import annotations

import ctypes
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from generated_programs import BACKEND, WARNINGS, Neuron, build, generate

import nestml_core as nestml
from nestml_core.api import SolvedProgram
from nestml_core.testing import models

Cpp = Callable[..., str]
C = ("cc", "-std=c11", *WARNINGS)


def test_the_population_of_the_readme_runs(cpp: Cpp, tmp_path: Path) -> None:
    generate(models()["iaf_psc_exp"], tmp_path)
    assert re.fullmatch(r"[1-9]\d+ spikes", cpp(example("population", "cpp")).strip())


def test_the_connections_of_the_readme_run(cpp: Cpp, tmp_path: Path) -> None:
    generate(nestml.load("stdp").solved, tmp_path)
    first, second, third = (float(x) for x in cpp(example("connections", "cpp")).split())
    assert first == third > 1.0
    assert second == 1.0, "its neuron never fires"


def test_the_quick_start_of_the_readme_runs(compiler: tuple[str, ...], tmp_path: Path) -> None:
    script = tmp_path / "start.py"
    script.write_text(example("quick start", "python"), encoding="utf-8")
    done = runpy.run_path(str(script))
    assert done["run"].backend == "cpp"
    assert len(done["run"]["V_m"]) == len(done["run"].times) == 2000
    assert len(done["run"].spikes) > 1
    rates, higher = done["rates"], done["higher_rates"]
    assert rates[done["drive"] <= 375].sum() == 0, "375 pA only just reach the threshold"
    assert (np.diff(rates) >= 0).all()
    assert rates[-1] > 20
    assert higher.sum() > rates.sum()


@pytest.fixture
def in_c() -> str:
    """Return the program in C of the README."""
    return example("c", "c")


def example(name: str, language: str) -> str:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- example: {name} -->\n```{language}\n(.*?)```", readme, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
@pytest.mark.skipif(sys.platform == "win32", reason="paths of Unix")
def test_the_library_is_called_from_c(in_c: str, compiler: tuple[str, ...], tmp_path: Path) -> None:
    """It is compiled as C11 without a warning, and does as the same neuron in Python."""
    model = models()["iaf_psc_exp"]
    artifact = build(model, tmp_path)
    source, program = tmp_path / "main.c", tmp_path / "main"
    source.write_text(in_c, encoding="utf-8")
    _run(*C, source, artifact.product, f"-Wl,-rpath,{tmp_path}", "-lm", "-o", program)
    spikes, potential = re.findall(r"-?[\d.]+", _run(program))
    trace = Neuron(model, artifact).run(200, parameters={"I_e": 400.0})
    assert int(spikes) == 100 * len(trace.spike_steps) > 0
    assert float(potential) == pytest.approx(trace["V_m"][-1], abs=1e-6)


@pytest.mark.parametrize("name", ["vectors", "reserved_words", "leak", "noise"])
def test_any_header_is_c(name: str, compiler: tuple[str, ...], tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    generate(models()[name], tmp_path)
    (header,) = tmp_path.glob("*_library.h")
    _run(*C, "-fsyntax-only", "-x", "c", header)
    names = re.findall(r"^NESTML_LIBRARY .*?(\w+)\(", header.read_text("utf-8"), re.MULTILINE)
    text = header.with_suffix(".cpp").read_text(encoding="utf-8")
    assert len(names) > 20
    assert all(re.search(rf"^[\w:* ]+ \**{n}\(", text, re.MULTILINE) for n in names)


@pytest.mark.skipif(shutil.which("cmake") is None, reason="needs CMake")
@pytest.mark.skipif(sys.platform == "win32", reason="paths of Unix")
def test_the_cmake_package_is_found(in_c: str, compiler: tuple[str, ...], tmp_path: Path) -> None:
    """Built, installed, and used by a project of somebody else: headers, networks, libraries."""
    generated, user, there = tmp_path / "out", tmp_path / "user", tmp_path / "there"
    generated.mkdir()
    user.mkdir()
    program = SolvedProgram((models()["iaf_psc_exp"], nestml.load("stdp").solved))
    lowered = BACKEND.lower(program, BACKEND.options()).value
    assert lowered is not None
    for path, text in BACKEND.render(lowered).items():
        (generated / path).write_text(str(text), encoding="utf-8")
    made = generated / "build"
    given = {
        "CMAKE_CXX_COMPILER": compiler[0],
        "CMAKE_CXX_FLAGS": " ".join(WARNINGS),
        "CMAKE_BUILD_TYPE": "Debug",
        "NESTML_PROGRAMS": "ON",
        "NESTML_LIBRARIES": "ON",
    }
    _run("cmake", "-S", generated, "-B", made, *(f"-D{k}={v}" for k, v in given.items()))
    _run("cmake", "--build", made)
    _run("cmake", "--install", made, "--prefix", there)
    assert next(there.glob("bin/iaf_psc_exp_main*")).exists()
    for name in ("iaf_psc_exp", "stdp_synapse"):
        library = ctypes.CDLL(str(next(there.glob(f"lib*/lib{name}.*"))))
        assert getattr(library, f"{name}_interface")() == 1
    (user / "CMakeLists.txt").write_text(USER, encoding="utf-8")
    (user / "main.cpp").write_text(USES, encoding="utf-8")
    (user / "main.c").write_text(in_c, encoding="utf-8")
    flags = (f"-DCMAKE_PREFIX_PATH={there}", f"-DCMAKE_CXX_COMPILER={compiler[0]}")
    _run("cmake", "-S", user, "-B", user / "build", *flags)
    _run("cmake", "--build", user / "build")
    assert _run(user / "build" / "user") == "-70 mV, 0 spikes"
    assert "spikes, V_m = " in _run(user / "build" / "in_c")


USER = """
cmake_minimum_required(VERSION 3.16)
project(user LANGUAGES C CXX)
find_package(nestml_models 0.1 REQUIRED)
add_executable(user main.cpp)
target_link_libraries(user PRIVATE nestml::models nestml::network)
add_executable(in_c main.c)
target_link_libraries(in_c PRIVATE nestml::iaf_psc_exp_library)
"""
USES = """
#include <iaf_psc_exp_population.hpp>
#include <stdp_synapse.hpp>
#include <nestml_network.hpp>
#include <cstdio>
int main() {
  nestml_runtime::Network network(0.1, 2);
  const auto neurons = nestml_runtime::add<nestml::iaf_psc_exp_population>(network, 10, 1);
  if (!network.begin()) return 1;
  network.advance(100);
  const auto spikes = network.nodes[neurons].spike_steps.size();
  std::printf("%g mV, %zu spikes", nestml::iaf_psc_exp(0.1).state().V_m, spikes);
}
"""


def _run(*command: object) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
