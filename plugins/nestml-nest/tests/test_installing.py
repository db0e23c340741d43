"""Building and loading in one call, and what can go wrong there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nestml_nest import precompiled as keeping
from nestml_nest.backend import NestBackend
from nestml_nest.compilation import compiled
from nestml_nest.options import Options
from nestml_nest.toolchain import Compiler, Nest, find_compiler, find_nest, flags

from nestml_core.api import SolvedProgram
from nestml_core.pipeline import generate, write_files
from nestml_core.testing import models

InNest = Callable[..., Any]


def generated(directory: Path) -> Path:
    files = generate(SolvedProgram((models()["leak"],)), NestBackend(), Options()).value
    assert files is not None
    write_files(files, directory)
    return directory


def test_models_are_installed_and_replaced(in_nest: InNest, tmp_path: Path) -> None:
    found = in_nest("installing", folder=str(tmp_path))
    assert found["names"] == {"drift": "drift"}
    assert found["first"] == pytest.approx(1.0)
    assert "NEST has 1 nodes" in found["with_nodes"]
    assert "NEST has `drift` already" in found["again"]
    assert "ResetKernel" in found["again"]
    assert found["second"] == pytest.approx(3.0)
    assert "NML101" in found["mistake"]


def test_the_command_prints_what_to_do(toolchain: None, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nestml_core.cli", "build", "iaf_psc_delta", "-b", "nest"]
    done = subprocess.run(
        [*command, "-o", "out", "--install"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    line = done.stdout.splitlines()[-1]
    assert line == f"nest.Install({str((tmp_path / 'out/nestmlmodule.so').resolve())!r})"


def test_headers_are_precompiled_once(
    toolchain: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    nest, compiler = find_nest(), find_compiler("g++")
    assert isinstance(nest, Nest)
    assert isinstance(compiler, Compiler)
    given = flags(nest, Options(optimization="0"))
    first = keeping.precompiled(nest, compiler, given)
    (folder,) = (tmp_path / "cache/nestml/nest-headers").iterdir()
    made = folder / f"{keeping.NAME}.gch"
    before = made.stat().st_mtime_ns
    assert keeping.precompiled(nest, compiler, given) == first
    assert made.stat().st_mtime_ns == before
    # the compiler takes the file, or it would say why not
    check = [compiler.command, *given, *first.flags, "-Werror=invalid-pch", "-H", "-fsyntax-only"]
    source = generated(tmp_path / "out") / "nestmlmodule.cpp"
    done = subprocess.run([*check, str(source)], capture_output=True, text=True, check=True)
    assert f"! {made}" in done.stderr


NAMES = """// NEST's
#ifndef NAMES_H
#define NAMES_H
namespace names {
/* what ( is = for */
const std::string a( "a" );
const std::string b_c("b c");
}
#endif
"""


def test_strings_that_every_module_would_make_are_made_once() -> None:
    found = keeping.declarations(NAMES)
    assert "extern const std::string a;\nextern const std::string b_c;\n" in found
    assert found.count("std::string") == 2
    # a header of another form stays as it is
    for strange in ("int f();\n", "const int k = 3;\n", 'const std::string c = "c";\n'):
        assert keeping.declarations(NAMES.replace("}\n", strange + "}\n")) == ""
    assert keeping.declarations(NAMES.replace("#define NAMES_H\n", "")) == ""


def test_a_cache_that_cannot_be_written_is_no_obstacle(
    toolchain: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    nest, compiler = find_nest(), find_compiler("g++")
    assert isinstance(nest, Nest)
    assert isinstance(compiler, Compiler)
    assert keeping.precompiled(nest, compiler, flags(nest, Options())) == keeping.Precompiled()


def test_only_the_last_ones_are_kept(tmp_path: Path) -> None:
    for age in range(5):
        folder = tmp_path / f"key{age}"
        folder.mkdir()
        os.utime(folder, (1e9 - age, 1e9 - age))
    making, abandoned = tmp_path / "new-1", tmp_path / "new-2"
    making.mkdir()
    abandoned.mkdir()
    os.utime(abandoned, (1e9, 1e9))
    keeping._forget(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["key0", "key1", "key2", "new-1"]


def test_a_folder_that_cannot_be_written(toolchain: None, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("not a folder", encoding="utf-8")
    found = compiled(tmp_path / "out", Options())
    assert [d.code.id for d in found.diagnostics] == ["NEST203"]
