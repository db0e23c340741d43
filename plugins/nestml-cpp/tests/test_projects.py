"""What is generated in the hands of others: as a CMake package, and under sanitizers."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from generated_programs import WARNINGS, generate, solved
from test_lanes import DRIVEN

from nestml_core.api import ModelKind
from nestml_core.testing import models

Cpp = Callable[..., str]
ALL = os.environ.get("NESTML_SANITIZE_ALL") == "1"
"""Whether all models of the library and the corpus are run under sanitizers: a long run."""

SOME = ("iaf_psc_exp", "izhikevich", "stiff", "vectors", "messages", "noise")
NEURONS = tuple(n for n, m in models().items() if m.kind is ModelKind.NEURON)
SANITIZED = NEURONS if ALL else tuple(n for n in SOME if n in NEURONS)

RUN = """
#include "MODEL_population.hpp"
#include <cstdio>
int main() {
  using Population = nestml::STRUCT_population;
  Population neurons(13, 0.1, 3);
  neurons.currents.assign(neurons.currents.size(), {});
  static const double drive = 5.0;
  for (auto& current : neurons.currents) current = {&drive, 1, false};
  static double out[200 * 13];
  if (!neurons.begin()) return 1;
  if (nestml::STRUCT_model::recordables > 0) {
    neurons.recorders.push_back({0, nullptr, 13, out, 100, 0});
  }
  for (int k = 0; k < 20; ++k) {
    for (std::size_t port = 0; port < nestml::STRUCT_model::spike_ports; ++port) {
      neurons.sum(port, neurons.steps_done() + 3)[k % 13] += 2.0;
      if (neurons.is_counted(port)) neurons.count(port, neurons.steps_done() + 3)[k % 13] += 1;
    }
    neurons.advance(10);
  }
  std::printf("%s", neurons.problem.kind == 0 ? "good" : neurons.problem.text.c_str());
}
"""


@pytest.mark.parametrize(
    ("name", "flags"),
    [*((name, ()) for name in (*SANITIZED, "driven")), ("driven", ("-march=x86-64-v3",))],
)
def test_populations_under_sanitizers(
    name: str, flags: tuple[str, ...], cpp: Cpp, tmp_path: Path
) -> None:
    if flags and not _runs_v3():
        pytest.skip("a processor of another kind")
    model = solved(DRIVEN) if name == "driven" else models()[name]
    generate(model, tmp_path)
    text = (tmp_path / f"{name}_population.hpp").read_text(encoding="utf-8")
    found = re.search(r"^struct (\w+)_model \{", text, re.MULTILINE)
    assert found is not None
    sanitizers = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    main = RUN.replace("MODEL", name).replace("STRUCT", found[1])
    assert cpp(main, flags=(*sanitizers, *flags)).endswith("good")


def _runs_v3() -> bool:
    try:
        return " avx2 " in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


def test_the_population_of_the_readme_runs(cpp: Cpp, tmp_path: Path) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- example: population -->\n```cpp\n(.*?)```", readme, re.DOTALL)
    assert found is not None
    generate(models()["iaf_psc_exp"], tmp_path)
    assert re.fullmatch(r"[1-9]\d+ spikes", cpp(found[1]).strip())


@pytest.mark.skipif(shutil.which("cmake") is None, reason="needs CMake")
@pytest.mark.skipif(sys.platform == "win32", reason="paths of Unix")
def test_the_cmake_package_is_found(compiler: tuple[str, ...], tmp_path: Path) -> None:
    generated, user, there = tmp_path / "out", tmp_path / "user", tmp_path / "there"
    generated.mkdir()
    user.mkdir()
    generate(models()["iaf_psc_exp"], generated)
    warnings = f"-DCMAKE_CXX_FLAGS={' '.join(WARNINGS)}"
    build = generated / "build"
    options = ["-DNESTML_PROGRAMS=ON", "-DNESTML_LIBRARIES=ON", "-DCMAKE_BUILD_TYPE=Debug"]
    _run(
        "cmake",
        "-S",
        generated,
        "-B",
        build,
        f"-DCMAKE_CXX_COMPILER={compiler[0]}",
        *options,
        warnings,
    )
    _run("cmake", "--build", build)
    _run("cmake", "--install", build, "--prefix", there)
    assert next(there.glob("bin/iaf_psc_exp_main*")).exists()
    library = next(there.glob("lib*/libiaf_psc_exp.*"))
    assert ctypes.CDLL(str(library)).iaf_psc_exp_interface() == 1
    (user / "CMakeLists.txt").write_text(
        """
        cmake_minimum_required(VERSION 3.16)
        project(user LANGUAGES CXX)
        find_package(nestml_models 0.1 REQUIRED)
        add_executable(user main.cpp)
        target_link_libraries(user PRIVATE nestml::models)
        """,
        encoding="utf-8",
    )
    (user / "main.cpp").write_text(
        """
        #include <iaf_psc_exp.hpp>
        int main() { return nestml::iaf_psc_exp(0.1).state().V_m == -70.0 ? 0 : 1; }
        """,
        encoding="utf-8",
    )
    _run("cmake", "-S", user, "-B", user / "build", f"-DCMAKE_PREFIX_PATH={there}")
    _run("cmake", "--build", user / "build")
    _run(user / "build" / "user")


def _run(*command: object) -> None:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
