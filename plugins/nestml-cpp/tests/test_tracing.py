"""What a compiler says about generated code, at the line of the model that it comes from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from generated_programs import BACKEND, generate, solved
from nestml_cpp import network_rendering
from nestml_cpp.toolchain import Variant, compile_program, find_compiler
from nestml_cpp.tracing import origins

import nestml_core as nestml
from nestml_core.api import NOWHERE, SolvedProgram
from nestml_core.testing import models

ALL = tuple(models())
LEAK = """model traced:
    state:
        V_m mV = -70 mV
        n integer = 0
    parameters:
        tau ms = 10 ms [[ tau > 0 ms ]]
        E_L mV = -70 mV
    equations:
        V_m' = -(V_m - E_L) / tau + drive / 1 ms
    input:
        drive mV <- continuous
    output:
        spike
    update:
        integrate_odes()
        n = n + 3
    onCondition(V_m > -55.25 mV):
        V_m = E_L
        emit_spike()
"""


def compact(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("name", ALL)
def test_each_line_has_its_origin(name: str, tmp_path: Path) -> None:
    """Marks change no line: there is an origin for each line of each file."""
    model = models()[name]
    lowered = BACKEND.lower(SolvedProgram((model,)), BACKEND.options())
    if lowered.value is None:
        return
    files = BACKEND.render(lowered.value)
    found = origins(SolvedProgram((model,)), BACKEND.options())
    assert set(found) == set(files) - {"CMakeLists.txt", network_rendering.HEADER}
    for path, spans in found.items():
        assert len(spans) == len(str(files[path]).splitlines()), path


COMPILERS = [c for c in ("g++", "clang++") if shutil.which(c)]


@pytest.mark.parametrize("command", COMPILERS)
@pytest.mark.parametrize(
    ("broken", "line"),
    [("> -55.25", "onCondition(V_m > -55.25 mV):"), ("+ 3", "n = n + 3"), ("p.tau > 0", "tau ms")],
)
def test_errors_are_shown_at_the_line_of_the_model(
    command: str, broken: str, line: str, tmp_path: Path
) -> None:
    """A line of a generated file is spoilt; what the compiler says of it leads to the model."""
    model = solved(LEAK)
    generate(model, tmp_path)
    header = tmp_path / "traced.hpp"
    lines = header.read_text(encoding="utf-8").splitlines()
    (at,) = [i for i, text in enumerate(lines) if broken in text]
    lines[at] = lines[at].replace(broken, f"{broken} @")
    header.write_text("\n".join(lines) + "\n", encoding="utf-8")
    options = BACKEND.options(compiler=command)
    made = compile_program(SolvedProgram((model,)), tmp_path, options, Variant.SINGLE)
    assert made.value is None
    first = made.diagnostics[0]
    assert first.code.id == "CPP103"
    assert f"line {at + 1} of traced.hpp" in first.help
    assert first.span != NOWHERE
    assert line in LEAK.splitlines()[first.span.line - 1]


def test_errors_in_populations_lead_to_the_model(compiler: tuple[str, ...], tmp_path: Path) -> None:
    model = solved(LEAK)
    generate(model, tmp_path)
    header = tmp_path / "traced_population.hpp"
    text = header.read_text(encoding="utf-8")
    spoilt = text.replace("-55.25;", "-55.25 +;")
    assert spoilt != text
    header.write_text(spoilt, encoding="utf-8")
    made = compile_program(SolvedProgram((model,)), tmp_path, BACKEND.options(), Variant.POPULATION)
    assert "onCondition" in LEAK.splitlines()[made.diagnostics[0].span.line - 1]


def test_errors_in_synapses_lead_to_the_model(compiler: tuple[str, ...], tmp_path: Path) -> None:
    model = nestml.load("stdp").solved
    generate(model, tmp_path)
    header = tmp_path / "stdp_synapse.hpp"
    lines = header.read_text(encoding="utf-8").splitlines()
    at = next(i for i, line in enumerate(lines) if "raised(" in line and "mu_plus" in line)
    lines[at] += " @"
    header.write_text("\n".join(lines) + "\n", encoding="utf-8")
    made = compile_program(SolvedProgram((model,)), tmp_path, BACKEND.options())
    first = made.diagnostics[0]
    assert first.code.id == "CPP103"
    assert f"line {at + 1} of stdp_synapse.hpp" in first.help
    source = first.span.source.text.splitlines()
    assert "**" in source[first.span.line - 1]


def test_a_flag_may_be_to_blame(compiler: tuple[str, ...], tmp_path: Path) -> None:
    """Where the compiler names no line of ours the whole model is meant."""
    assert find_compiler() is not None
    model = solved(LEAK)
    generate(model, tmp_path)
    options = BACKEND.options(flags="-DNESTML_REAL=nonsense")
    made = compile_program(SolvedProgram((model,)), tmp_path, options, Variant.POPULATION)
    assert {d.code.id for d in made.diagnostics} == {"CPP103"}
    assert made.diagnostics[0].span == model.span
