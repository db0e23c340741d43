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


@pytest.fixture(scope="module")
def installed(in_nest: InNest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return dict(in_nest("installing", folder=str(tmp_path_factory.mktemp("installed"))))


def test_models_are_installed_and_replaced(installed: dict[str, Any]) -> None:
    assert installed["names"] == {"drift": "drift"}
    assert installed["first"] == pytest.approx(1.0)
    assert installed["second"] == pytest.approx(3.0)
    assert "NML101" in installed["mistake"]


def test_a_kernel_that_has_nodes_is_left_alone(installed: dict[str, Any]) -> None:
    assert "NEST has 1 nodes" in installed["with_nodes"]
    assert "ResetKernel" in installed["with_nodes"]
    assert installed["untouched"], "nothing is built in vain"
    assert installed["first"] == pytest.approx(1.0)


def test_a_model_that_nest_has_is_not_installed_twice(installed: dict[str, Any]) -> None:
    assert "NEST has `drift` already" in installed["again"]
    assert "ResetKernel" in installed["again"]


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
    # the first one does without them: they take longer than a module
    assert keeping.precompiled(nest, compiler, given) == keeping.Precompiled()
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


def test_strings_are_made_by_a_loop_where_no_headers_are_kept(
    toolchain: None, tmp_path: Path
) -> None:
    nest = find_nest()
    assert isinstance(nest, Nest)
    assert "-include" in keeping.shortened(nest, tmp_path).flags, "NEST's header has another form"
    header, source, program = (tmp_path / n for n in ("names.h", "show.cpp", "show"))
    header.write_text(keeping.referring(NAMES), encoding="utf-8")
    source.write_text(
        "#include <cstdio>\nint main() { std::puts((names::a + names::b_c).c_str()); }\n",
        encoding="utf-8",
    )
    subprocess.run(["g++", "-include", header, source, "-o", program], check=True)
    shown = subprocess.run([program], capture_output=True, text=True, check=True)
    assert shown.stdout == "ab c\n"
    assert keeping.referring(NAMES.replace("}\n", "int f();\n}\n")) == ""


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
