"""Neurons of the library under the sanitizers for addresses and undefined behaviour.

Several share a program: what takes long is compiling. All warnings are errors, too.
``tox -e cpp-sanitizers`` runs the models of the corpus as well, and optimizes. Synapses are in
``test_synapse_headers.py``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from generated_programs import generate, solved
from nestml_cpp.names import file_name
from test_lanes import DRIVEN

from nestml_core.api import ModelKind, SolvedModel
from nestml_core.library import library_models
from nestml_core.pipeline import compile_files
from nestml_core.testing import models

Cpp = Callable[..., str]
ALL = os.environ.get("NESTML_SANITIZE_ALL") == "1"
"""Whether the models of the corpus are run, too: a long run."""

GROUPS = 6
NEURONS = 57
"""Of the library, the astrocyte among them."""
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")

RUN = """
#include <cstdio>
#include <memory>

template <class Population, class Model>
static int run(const char* name) {
  typename Model::Neuron alone(0.1);
  for (int k = 0; k < 50; ++k) alone.step({});

  const auto made = std::make_unique<Population>(13, 0.1, 3);
  Population& neurons = *made;
  static const double drive = 5.0;
  for (auto& current : neurons.currents) current = {&drive, 1, false};
  std::unique_ptr<double[]> out(new double[200 * 13]);
  if (!neurons.begin()) return 1;
  if constexpr (Model::recordables > 0) {
    neurons.recorders.push_back({0, nullptr, 13, out.get(), 100, 0});
  }
  for (int k = 0; k < 20; ++k) {
    const auto now = neurons.steps_done();
    for (std::size_t port = 0; port < Model::spike_ports; ++port) {
      neurons.sum(port, now + 3)[k % 13] += 2.0;
      if (neurons.is_counted(port)) neurons.count(port, now + 3)[k % 13] += 1;
    }
    neurons.advance(10);
  }
  std::printf("%s: %s\\n", name, neurons.problem.kind == 0 ? "good" : neurons.problem.text.c_str());
  return neurons.problem.kind;
}
"""


@cache
def library() -> tuple[SolvedModel, ...]:
    program = compile_files([p for p in library_models() if p.parent.name != "synapses"]).value
    assert program is not None
    return program.models


def program(chosen: list[SolvedModel], folder: Path) -> str:
    """Return a program that runs each of some models, alone and as a population."""
    headers, calls = [], []
    for model in chosen:
        generate(model, folder)
        name = file_name(model)
        header = f"{name}_population.hpp"
        text = (folder / header).read_text(encoding="utf-8")
        found = re.search(r"^struct (\w+)_model \{", text, re.MULTILINE)
        assert found is not None
        struct = f"nestml::{found[1]}"
        headers.append(f'#include "{header}"\n')
        calls.append(f'  failed += run<{struct}_population, {struct}_model>("{name}");\n')
    main = f"int main() {{\n  int failed = 0;\n{''.join(calls)}  return failed;\n}}\n"
    return "".join(headers) + RUN + main


def check(chosen: list[SolvedModel], cpp: Cpp, folder: Path, *flags: str) -> None:
    said = cpp(program(chosen, folder), flags=(*SANITIZERS, *flags)).splitlines()
    assert said == [f"{file_name(m)}: good" for m in chosen]


def test_all_neurons_are_there() -> None:
    assert len(library()) == NEURONS


@pytest.mark.parametrize("group", range(GROUPS))
def test_neurons_of_the_library(group: int, cpp: Cpp, tmp_path: Path) -> None:
    check(list(library()[group::GROUPS]), cpp, tmp_path, "-O1" if ALL else "-O0")


@pytest.mark.parametrize("flags", [(), ("-march=x86-64-v3",)], ids=["plain", "v3"])
def test_everything_that_neurons_can_have(flags: tuple[str, ...], cpp: Cpp, tmp_path: Path) -> None:
    if flags and not _runs_v3():
        pytest.skip("a processor of another kind")
    some = [models()[n] for n in ("stiff", "vectors", "messages", "noise") if n in models()]
    assert len(some) >= 3
    check([*some, solved(DRIVEN)], cpp, tmp_path, "-O1", *flags)


@pytest.mark.skipif(not ALL, reason="set NESTML_SANITIZE_ALL=1, or use tox -e cpp-sanitizers")
@pytest.mark.parametrize("group", range(GROUPS))
def test_the_corpus(group: int, cpp: Cpp, tmp_path: Path) -> None:
    known = {m.name for m in library()}
    neurons = [m for m in models().values() if m.kind is ModelKind.NEURON and m.name not in known]
    check(neurons[group::GROUPS], cpp, tmp_path, "-O1")


def _runs_v3() -> bool:
    try:
        return " avx2 " in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
