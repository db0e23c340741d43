"""Modules to test, and a way to use them in NEST."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from nestml_nest.backend import NestBackend
from nestml_nest.options import Options

from nestml_core.api import Method, SolvedProgram, render
from nestml_core.pipeline import check_sources, compile_files, generate, write_files
from nestml_core.solve import SolveOptions
from nestml_core.source import Source
from nestml_core.testing import REQUIRE, models

SCENARIOS = Path(__file__).parent / "scenarios.py"

InNest = Callable[..., Any]

EXTRA = """
model events:
    state:
        n integer = 0
        x real = 0
    input:
        spikes <- spike
    update:
        x = x
    onReceive(spikes):
        n += 1
        x += spikes * 1 s

model two_currents:
    state:
        a pA = 0 pA
        b pA = 0 pA
    input:
        first pA <- continuous
        Second pA <- continuous
    update:
        a = first
        b = Second

model keywords:
    state:
        double real = 1
        Ca real = 2
    parameters:
        class real = 3
        NULL real = 4
        PACKAGE real = 5
        errno integer = 6
        flag boolean = true
    update:
        double = class + NULL + PACKAGE + errno

model calls:
    state:
        x real = twice(a) + c
    parameters:
        a real = 2 [[ twice(a) > 0 ]]
        n integer = 4 [[ n % 2 == 0 and n // 2 > 0 ]]
        name string = "nobody"
    internals:
        c real = twice(a) / 4
    function twice(y real) real:
        return 2 * y
    update:
        x = x

model taps:
    parameters:
        weights[n] mV = 1 mV / n [[ weights[0] > 0 mV ]]
        n integer = 3
        volts[2] V = 0.5 V
        flags[2] boolean = true
    state:
        past[n] mV = 2 * unit
        counts[3] integer = 7
        k integer = 0
        y mV = 0 mV
    internals:
        unit mV = 1 mV
        doubled[n] mV = weights
    update:
        y = past[k] + doubled[n - 1]

model ahead:
    parameters:
        d ms = 2 ms
    state:
        x real = 5
        y real = 0
    equations:
        x' = 1 / 1 ms
        y' = (x(t - d) - y) / 1e-3 ms
    update:
        integrate_odes()
"""


@pytest.fixture(scope="session")
def toolchain() -> None:
    """Skip without NEST or compiler; fail where they must be there."""
    missing = NestBackend().toolchain().missing
    if missing:
        text = ", ".join(f"{t.name}: {t.detail} ({t.install})" for t in missing)
        if os.environ.get(REQUIRE) == "1":
            pytest.fail(text)
        pytest.skip(text)


@pytest.fixture(scope="session")
def in_nest(toolchain: None, tmp_path_factory: pytest.TempPathFactory) -> InNest:
    """Return what runs a scenario in a process of its own and returns its result."""

    def run(scenario: str, **fields: Any) -> Any:
        folder = tmp_path_factory.mktemp(scenario)
        given, taken = folder / "in.json", folder / "out.json"
        given.write_text(json.dumps(fields), encoding="utf-8")
        command = [sys.executable, str(SCENARIOS), scenario, str(given), str(taken)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return json.loads(taken.read_text(encoding="utf-8"))

    return run


@pytest.fixture(scope="session")
def synapse_run(toolchain: None, tmp_path_factory: pytest.TempPathFactory) -> InNest:
    """Return what runs a function of ``synapse_runs.py`` in a process of its own."""

    def run(name: str, **fields: Any) -> Any:
        folder = tmp_path_factory.mktemp(name)
        given, taken = folder / "in.json", folder / "out.json"
        given.write_text(json.dumps(fields), encoding="utf-8")
        script = SCENARIOS.with_name("synapse_runs.py")
        command = [sys.executable, str(script), name, str(given), str(taken)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return json.loads(taken.read_text(encoding="utf-8"))

    return run


@pytest.fixture(scope="session")
def module_of(toolchain: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Return what generates and compiles a program with some options."""

    def made(program: SolvedProgram, **options: Any) -> str:
        return build(program, tmp_path_factory.mktemp("module"), Options(**options))

    return made


def build(program: SolvedProgram, directory: Path, options: Options) -> str:
    """Generate and compile a module; return the path of its library."""
    backend = NestBackend()
    files = generate(program, backend, options)
    assert files.value is not None, [render(d) for d in files.diagnostics]
    write_files(files.value, directory)
    made = backend.compile(program, directory, options)
    assert made.value is not None, [render(d) for d in made.diagnostics]
    return str(made.value.product)


def program_of(*texts: str) -> SolvedProgram:
    """Return the solved models of NESTML text."""
    checked = check_sources([Source(f"{i}.nestml", text) for i, text in enumerate(texts)])
    assert checked.value is not None, [render(d) for d in checked.diagnostics]
    return checked.value


def euler(names: Sequence[str]) -> SolvedProgram:
    """Return shipped models, solved with explicit Euler steps where there is no exact solution."""
    checked = compile_files(names, SolveOptions(integrator=Method.FORWARD_EULER))
    assert checked.value is not None
    return checked.value


@pytest.fixture(scope="session")
def module(toolchain: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a module with the models that the tests use."""
    native = euler(["iaf_psc_exp", "iaf_psc_delta", "izhikevich"])
    used = ("defaults", "units", "two_ports", "recordable_inline", "vector_equations")
    corpus = tuple(models()[n] for n in used)
    extra = program_of(EXTRA).models
    program = SolvedProgram((*native.models, *corpus, *extra))
    return build(program, tmp_path_factory.mktemp("module"), Options())


@pytest.fixture(scope="session")
def other_module(toolchain: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a module with a model of a lower threshold, for loading beside and instead."""
    text = models()["iaf_psc_exp"].span.source.text.replace("V_th mV = -55", "V_th mV = -57")
    options = Options(module="other_neurons", ending="_other")
    return build(program_of(text), tmp_path_factory.mktemp("other"), options)


@pytest.fixture(scope="session")
def joined(toolchain: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a module with a cell for gap junctions, without an archive."""
    cell = (Path(__file__).parent / "gap_cell.nestml").read_text(encoding="utf-8")
    options = Options(gap_port="I_gap", gap_variable="V", archive=False)
    return build(program_of(cell), tmp_path_factory.mktemp("joined"), options)


@pytest.fixture(scope="session")
def interneurons(toolchain: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a module with the interneuron of the library, for gap junctions."""
    program = compile_files(["hh_psc_alpha_gap"]).value
    assert program is not None
    folder = tmp_path_factory.mktemp("interneurons")
    return build(program, folder, Options(gap_port="I_gap", optimization="1"))
