"""Finding compilers, and compiling only where something changed."""

from __future__ import annotations

import importlib.util
import stat
import sys
from pathlib import Path

import pytest
from generated_programs import BACKEND, build, generate
from nestml_cpp import toolchain
from nestml_cpp.toolchain import find_compiler

from nestml_core.api import Artifact, Result, SolvedProgram
from nestml_core.testing import models

MODEL = "pif_psc_delta"


def compile_again(directory: Path, **options: object) -> Result[object]:
    program = SolvedProgram((models()[MODEL],))
    return BACKEND.compile(program, directory, BACKEND.options(**options))


def age(path: Path) -> int:
    return path.stat().st_mtime_ns


def test_compiles_only_what_changed(compiler: tuple[str, ...], tmp_path: Path) -> None:
    product = build(models()[MODEL], tmp_path).product
    first = age(product)
    assert compile_again(tmp_path).value is not None
    assert age(product) == first
    generate(models()[MODEL], tmp_path)  # the same text again
    assert compile_again(tmp_path).value is not None
    assert age(product) == first

    second = remade(tmp_path)
    assert second != product, "other options"
    assert not product.exists(), "what is out of date goes"

    header = tmp_path / f"{MODEL}.hpp"
    header.write_text(header.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    third = remade(tmp_path)
    assert third != second, "another header"

    third.unlink()
    assert remade(tmp_path) == third
    names = sorted(p.name for p in tmp_path.iterdir())
    endings = (".hpp", "_library.cpp", "_library.h", "_main.cpp", "_population.hpp")
    generated = [f"{MODEL}{e}" for e in endings]
    shared = ["CMakeLists.txt", "nestml_network.hpp"]
    assert names == sorted([*shared, f"{MODEL}.build", third.name, *generated])
    assert third.stat().st_mode & stat.S_IXUSR


def remade(directory: Path) -> Path:
    made = compile_again(directory, optimization="0").value
    assert isinstance(made, Artifact)
    assert made.product.exists()
    return made.product


def test_libraries_of_several_models_stand_side_by_side(
    compiler: tuple[str, ...], tmp_path: Path
) -> None:
    both = (models()[MODEL], models()["leak"])
    for model in both:
        generate(model, tmp_path)
    made = BACKEND.compile(SolvedProgram(both), tmp_path, BACKEND.options(optimization="0"))
    assert made.value is not None
    assert made.value.product == tmp_path
    assert all(toolchain.library_of(tmp_path, m).exists() for m in both)


def test_a_rejected_library_is_our_mistake(compiler: tuple[str, ...], tmp_path: Path) -> None:
    product = build(models()[MODEL], tmp_path).product
    before = age(product)
    header = tmp_path / f"{MODEL}.hpp"
    header.write_text("this is no C++", encoding="utf-8")
    rejected, *_ = compile_again(tmp_path).diagnostics
    assert rejected.code.id == "CPP103"
    assert "this" in rejected.message
    assert f"line 1 of {MODEL}.hpp" in rejected.help
    assert age(product) == before, "the old library stays until there is a new one"
    assert not list(tmp_path.glob(".*")), "nothing half done is left"


def test_bad_flags_are_the_users_mistake(compiler: tuple[str, ...], tmp_path: Path) -> None:
    generate(models()[MODEL], tmp_path)
    result = compile_again(tmp_path, flags="-fno-such-flag")
    assert [d.code.id for d in result.diagnostics] == ["CPP102"]
    assert "-fno-such-flag" in result.diagnostics[0].message
    result = compile_again(tmp_path, flags='"unbalanced')
    assert [d.code.id for d in result.diagnostics] == ["CPP006"]


@pytest.mark.parametrize("option", [{"optimization": "fast"}, {"real": "half"}])
def test_bad_options_are_refused(option: dict[str, str]) -> None:
    program = SolvedProgram((models()[MODEL],))
    lowered = BACKEND.lower(program, BACKEND.options(**option))
    assert [d.code.id for d in lowered.diagnostics] == ["CPP006"]


def test_options_reach_the_compiler() -> None:
    options = BACKEND.options(optimization="3", native=True, flags="-g -DNAME='a b'")
    flags = toolchain.flags(options)
    assert flags[:2] == ("-std=c++20", "-O3")
    assert "-ffp-contract=off" in flags
    assert "-march=native" in flags
    assert flags[-2:] == ("-g", "-DNAME=a b")
    assert not any("fast-math" in f for f in toolchain.flags(BACKEND.options()))
    assert "-march=native" not in toolchain.flags(BACKEND.options(native=False))
    assert "-DNESTML_REAL=float" in toolchain.flags(BACKEND.options(real="float"))


def fake(folder: Path, name: str, version: str = "fake 1.0") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{version}'\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="shell scripts")
def test_compilers_are_sought_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clang, own = fake(tmp_path, "clang++"), fake(tmp_path, "mine")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert found(find_compiler()) == (str(clang),)
    gcc = fake(tmp_path, "g++")
    assert found(find_compiler()) == (str(gcc),)
    system = fake(tmp_path, "c++")
    assert found(find_compiler()) == (str(system),)
    monkeypatch.setenv("CXX", f"{own} -m64")
    assert found(find_compiler()) == (str(own), "-m64")
    assert found(find_compiler("clang++ -v")) == (str(clang), "-v")
    assert find_compiler("none-such") is None
    assert find_compiler('"unbalanced') is None
    (tool,) = BACKEND.toolchain().tools
    assert tool.found
    assert "fake 1.0" in tool.detail
    assert "$CXX" in tool.detail


def found(compiler: toolchain.Compiler | None) -> tuple[str, ...]:
    assert compiler is not None
    return compiler.command


def test_the_package_ziglang_serves_where_there_is_no_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    real = importlib.util.find_spec("json")
    monkeypatch.setattr(toolchain, "find_spec", lambda name: real if name == "ziglang" else None)
    assert found(find_compiler())[:4] == (sys.executable, "-m", "ziglang", "c++")


def test_without_a_compiler_it_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(toolchain, "find_spec", lambda name: None)
    (tool,) = BACKEND.toolchain().tools
    assert not tool.found
    assert "pip install" in tool.install
    generate(models()[MODEL], tmp_path)
    result = compile_again(tmp_path)
    assert [d.code.id for d in result.diagnostics] == ["CPP101"]
    assert "pip install" in result.diagnostics[0].help
    result = compile_again(tmp_path, compiler="gcc-99")
    assert "`gcc-99`" in result.diagnostics[0].message


@pytest.mark.skipif(sys.platform == "win32", reason="shell scripts")
def test_a_compiler_that_compiles_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    lines = ['[ "$1" = --version ] && echo 1 && exit', "echo 'error: no licence' >&2", "exit 1"]
    broken.write_text("\n".join(["#!/bin/sh", *lines, ""]), encoding="utf-8")
    broken.chmod(0o755)
    generate(models()[MODEL], tmp_path)
    result = compile_again(tmp_path, compiler=str(broken))
    assert [d.code.id for d in result.diagnostics] == ["CPP102"]
    assert "no licence" in result.diagnostics[0].message
