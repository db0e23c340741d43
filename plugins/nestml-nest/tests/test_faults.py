"""What goes wrong while a module is made: a clear message, and nothing half-built."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from nestml_nest.backend import NestBackend
from nestml_nest.compilation import compiled
from nestml_nest.options import Options
from nestml_nest.precompiled import precompiled
from nestml_nest.toolchain import Compiler, Nest, find_compiler, find_nest, flags

from nestml_core.api import SolvedProgram
from nestml_core.pipeline import generate, write_files
from nestml_core.testing import models

ASKED = 'case "$*" in *-dump*|*--version*) exec g++ "$@";; esac'
"""The first line of a compiler that says what it is, and does something else than compiling."""

COMMAND = (sys.executable, "-m", "nestml_core.cli", "build", "iaf_psc_delta", "-b", "nest")


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Have programs notice Ctrl-C: what a shell has put in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def generated(toolchain: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with generated code; nothing is kept from other tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "out"
    folder.mkdir()
    files = generate(SolvedProgram((models()["leak"],)), NestBackend(), Options()).value
    assert files is not None
    write_files(files, folder)
    return folder


def compiler(tmp_path: Path, text: str) -> str:
    path = tmp_path / "compiler"
    path.write_text(f"#!/bin/sh\n{ASKED}\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def listing(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def kept(tmp_path: Path) -> list[Path]:
    """Return the folders of precompiled headers, half-made ones too."""
    return [p for p in (tmp_path / "cache/nestml/nest-headers").iterdir() if p.is_dir()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "echo 'fatal error: error writing to m.s: No space left on device' >&2; exit 1",
            ("NEST203", "No space left on device", "make room"),
        ),
        (
            "echo 'g++: fatal error: Killed signal terminated program cc1plus' >&2; exit 1",
            ("NEST202", "Killed", "fewer models"),
        ),
        ("kill -9 $$", ("NEST202", "failed", "fewer models")),
        ("echo 'model.h:3: error: nonsense' >&2; exit 1", ("NEST202", "nonsense", "report it")),
    ],
)
def test_a_compiler_that_fails(
    generated: Path, tmp_path: Path, text: str, expected: tuple[str, str, str]
) -> None:
    code, said, help = expected
    before = listing(generated)
    (generated / "nestmlmodule.so").write_bytes(b"the module made before")
    found = compiled(generated, Options(compiler=compiler(tmp_path, text)))
    assert found.value is None
    (problem,) = found.diagnostics
    assert problem.code.id == code
    assert said in problem.message
    assert problem.help is not None
    assert help in problem.help
    # what was whole before is whole
    assert (generated / "nestmlmodule.so").read_bytes() == b"the module made before"
    assert listing(generated) == sorted([*before, "nestmlmodule.so"])
    assert kept(tmp_path) == []


def test_a_linker_that_fails(generated: Path, tmp_path: Path) -> None:
    before = listing(generated)
    text = 'case "$*" in *-shared*) echo "ld: error: no" >&2; exit 1;; esac\nexec g++ "$@"'
    found = compiled(generated, Options(compiler=compiler(tmp_path, text), precompile=False))
    assert [d.code.id for d in found.diagnostics] == ["NEST202"]
    assert listing(generated) == before


@pytest.mark.parametrize("before", [0, 1])
def test_an_interrupt(toolchain: None, interruptible: None, tmp_path: Path, before: int) -> None:
    """While the compiler runs: neither a module nor a precompiled header is left half-made.

    Headers are what it makes if they have been asked for ``before``.
    """
    begun = tmp_path / "begun"
    slow = compiler(tmp_path, f"touch {begun}\nexec sleep 60")
    nest, found = find_nest(), find_compiler(slow)
    assert isinstance(nest, Nest)
    assert isinstance(found, Compiler)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        for _ in range(before):
            precompiled(nest, found, flags(nest, Options()))
    process = subprocess.Popen(
        [*COMMAND, "-o", "out", "--compiler", slow],
        cwd=tmp_path,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    give_up = time.monotonic() + 60
    while not begun.exists():
        assert process.poll() is None
        assert time.monotonic() < give_up
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as the terminal does
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in said
    assert "Traceback" not in said
    left = listing(tmp_path / "out")
    assert "nestmlmodule.cpp" in left
    assert not [name for name in left if name.endswith((".so", ".o")) or ".build-" in name]
    assert kept(tmp_path) == []


def test_a_folder_that_cannot_be_written(toolchain: None, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    done = subprocess.run(
        [*COMMAND, "-o", "out"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "nestml: out: File exists\n"
    assert (tmp_path / "out").read_text(encoding="utf-8") == "a file"
    assert listing(tmp_path) == ["out"]


def test_a_missing_compiler(toolchain: None, tmp_path: Path) -> None:
    """The code is there, and how to get a compiler is said; nothing else is."""
    done = subprocess.run(
        [*COMMAND, "-o", "out", "--compiler", "no-such-g++"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "no-such-g++" in done.stderr
    assert "NEST201" in done.stderr
    assert not list((tmp_path / "out").glob("*.so"))
    assert (tmp_path / "out/nestmlmodule.cpp").is_file()


def test_a_missing_nest(tmp_path: Path) -> None:
    """The same without NEST."""
    text = (
        "import sys; from nestml_core.cli import main; from nestml_nest import toolchain; "
        "toolchain.find_spec = lambda name: None; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", text, *COMMAND[3:], "-o", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "NEST is missing" in done.stderr
    assert "pip install" in done.stderr
    assert not list((tmp_path / "out").glob("*.so"))
    assert (tmp_path / "out/nestmlmodule.cpp").is_file()
