"""All compilers that are here yield the same numbers: g++, clang++, that of the package ziglang."""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from generated_programs import BACKEND, WARNINGS, Neuron, build, neurons
from nestml_cpp import toolchain

from nestml_core.testing import models

PACKAGE = f"{sys.executable} -m ziglang c++ {' '.join(toolchain.ZIG_FLAGS)}"
HERE = [c for c in ("g++", "clang++") if shutil.which(c)]
HERE += [PACKAGE] if find_spec("ziglang") else []
MODELS = ("iaf_psc_exp", "izhikevich", "noise")


@pytest.fixture(scope="module")
def usual(
    compiler: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[np.ndarray]]:
    return {n: numbers(n, "", tmp_path_factory.mktemp("usual")) for n in MODELS}


def numbers(name: str, command: str, folder: Path) -> list[np.ndarray]:
    """Return what one neuron of a model does, compiled without a warning."""
    model = models()[name]
    options = {"compiler": command, "flags": " ".join(WARNINGS), "native": False}
    neuron = Neuron(model, build(model, folder, **options))
    currents = {p.symbol.name: 400.0 for p in model.continuous_ports}
    trace = neuron.run(50, currents=currents, record=None)
    return [trace.spike_steps, *(trace[n] for n in sorted(trace.values))]


@pytest.mark.parametrize("command", HERE, ids=lambda c: "ziglang" if "ziglang" in c else c)
@pytest.mark.parametrize("name", MODELS)
def test_single_neurons_are_the_same_bit_for_bit(
    command: str, name: str, usual: dict[str, list[np.ndarray]], tmp_path: Path
) -> None:
    found = numbers(name, command, tmp_path)
    for a, b in zip(found, usual[name], strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("command", HERE, ids=lambda c: "ziglang" if "ziglang" in c else c)
def test_populations_compile_without_a_warning(
    command: str, compiler: tuple[str, ...], tmp_path: Path
) -> None:
    model = models()["noise"]
    options = {"compiler": command, "flags": " ".join(WARNINGS)}
    many = neurons(model, tmp_path, 9, options=options)
    assert many.begin() + many.run(20) == ()


@pytest.mark.skipif(find_spec("ziglang") is None, reason="the package ziglang is not installed")
def test_without_a_compiler_on_the_path_the_package_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    found = toolchain.find_compiler()
    assert found is not None
    assert found.origin == "from the package ziglang"
    assert all(tool.found for tool in BACKEND.toolchain().tools)
    assert len(numbers("iaf_psc_exp", "", tmp_path)) > 1
