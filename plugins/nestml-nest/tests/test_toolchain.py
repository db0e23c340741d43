"""Finding NEST and a compiler, and compiling with them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nestml_nest import names, native, toolchain
from nestml_nest.backend import NestBackend
from nestml_nest.compilation import compiled
from nestml_nest.options import Options
from nestml_nest.toolchain import Compiler, Nest, find_compiler, find_nest, flags

from nestml_core.api import SolvedProgram
from nestml_core.pipeline import generate, write_files
from nestml_core.testing import models

InNest = Callable[..., Any]


def generated(directory: Path, name: str = "leak") -> Path:
    files = generate(SolvedProgram((models()[name],)), NestBackend(), Options())
    assert files.value is not None
    write_files(files.value, directory)
    return directory


def executable(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_nest_is_found_without_importing_it(toolchain: None) -> None:
    text = (
        "import sys; from nestml_nest.toolchain import report; assert not report().missing; "
        "assert 'nest' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", text], check=True)


def test_the_abi_is_that_of_the_kernel(toolchain: None, tmp_path: Path) -> None:
    """Strings of C++11 have a tag in the names of functions that take them."""
    nest = find_nest()
    assert isinstance(nest, Nest)
    old, new = tmp_path / "old.so", tmp_path / "new.so"
    old.write_bytes(b"\0_ZN4nest11BadPropertyC1ESs\0_ZNSt7__cxx1112basic_stringIcE5clearEv\0")
    new.write_bytes(b"\0_ZN4nest11BadPropertyC1ENSt7__cxx1112basic_stringIcSt11E\0")
    from nestml_nest.toolchain import _has_cxx11_symbols

    assert not _has_cxx11_symbols(old)
    assert _has_cxx11_symbols(new)
    assert f"-D_GLIBCXX_USE_CXX11_ABI={int(nest.cxx11_abi)}" in flags(nest, Options())


def test_options_reach_the_compiler(toolchain: None) -> None:
    nest = find_nest()
    assert isinstance(nest, Nest)
    given = flags(nest, Options(optimization="3", native=True, flags="-g '-DX=a b'"))
    assert {"-O3", "-march=native", "-g", "-DX=a b"} <= set(given)
    assert "-march=native" not in flags(nest, Options())
    assert "-mavx2" not in flags(nest, Options(portable=True))
    assert "-mavx2" not in given, "the processor of this machine says more"


def test_a_missing_nest_is_reported_with_a_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "find_spec", lambda name: None)
    tool = toolchain.report().tools[0]
    assert not tool.found
    assert "pip install" in tool.install
    found = compiled(Path(), Options())
    assert [d.code.id for d in found.diagnostics] == ["NEST201"]


def test_another_version_of_nest_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "_version", lambda include: "3.9.1")
    found = find_nest()
    assert isinstance(found, str)
    assert "3.10 is needed" in found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo clang version 17", "is not GCC"),
        ('case "$1" in --version) echo g++;; *) echo 9.4.0;; esac', "10 or later"),
        ("exit 3", "does not run"),
    ],
)
def test_only_a_recent_gcc_will_do(tmp_path: Path, text: str, said: str) -> None:
    found = find_compiler(executable(tmp_path / "g++", text))
    assert isinstance(found, str)
    assert said in found


def test_a_missing_compiler_is_reported(tmp_path: Path) -> None:
    found = compiled(tmp_path, Options(compiler="no-such-compiler"))
    assert found.value is None
    assert "NEST201" in [d.code.id for d in found.diagnostics]
    assert any("no-such-compiler" in d.message and d.help for d in found.diagnostics)


def test_an_error_of_the_compiler_is_reported_and_leaves_nothing(
    toolchain: None, tmp_path: Path
) -> None:
    generated(tmp_path)
    header = tmp_path / "leak.h"
    header.write_text(header.read_text(encoding="utf-8") + "\nthis is no C++;\n", encoding="utf-8")
    before = sorted(p.name for p in tmp_path.iterdir())
    found = compiled(tmp_path, Options())
    assert found.value is None
    assert [d.code.id for d in found.diagnostics] == ["NEST202"]
    assert "leak.h" in found.diagnostics[0].message
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_boost_is_not_needed(
    in_nest: InNest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(toolchain, "find_boost", lambda: None)
    found = compiled(generated(tmp_path), Options())
    assert found.value is not None
    made = in_nest(
        "create",
        modules=[str(found.value)],
        model="leak",
        params={"V_m": "wrong"},
        read=[],
    )
    assert "TypeMismatch" in made["error"]  # the message is made with the replaced headers
    assert "double" in made["error"]


def test_the_names_of_nest_are_known(in_nest: InNest) -> None:
    found = in_nest(
        "native", models=["iaf_psc_delta", "izhikevich", "hh_psc_alpha", "aeif_cond_exp"]
    )
    assert sorted(native.MODELS) == found["models"]
    known = native.ENTRIES | {"I_e", "V_m"}  # which those models happen to share
    assert set(found["entries"]) <= known


def test_no_name_is_a_macro(toolchain: None, tmp_path: Path) -> None:
    """Whatever the headers define is on the list of reserved words."""
    nest, compiler = find_nest(), find_compiler("g++")
    assert isinstance(nest, Nest)
    assert isinstance(compiler, Compiler)
    source = generated(tmp_path) / "nestmlmodule.cpp"
    command = [compiler.command, *flags(nest, Options()), "-dM", "-E", str(source)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    macros = {line.split()[1].partition("(")[0] for line in listed.splitlines()}
    ours = {
        m for m in macros if not m.startswith("_") and not m.lower().startswith(("boost", "file_"))
    }
    assert len(ours) > 500
    assert ours <= names.reserved(ours)
