"""Bars for what takes long, and interrupts that leave nothing half-written."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import nestml_core
from nestml_core import pipeline, progress
from nestml_core.files import whole_file


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    shown = Terminal()
    stand_in = SimpleNamespace(stderr=shown, modules=sys.modules)  # pytest replaces sys.stderr
    monkeypatch.setattr(progress, "sys", stand_in)
    monkeypatch.setattr(progress, "DELAY", 0.05)
    monkeypatch.setattr(progress, "INTERVAL", 0.02)
    return shown


def test_what_takes_long_shows_a_bar(terminal: Terminal) -> None:
    assert list(progress.tracked(list(range(0)), "nothing")) == []
    for k in progress.tracked(range(8), "counting"):
        time.sleep(0.05 + 0 * k)
    shown = terminal.getvalue()
    assert "counting" in shown
    assert "/8" in shown
    assert shown.endswith("\r")  # the bar is gone


def test_what_is_quick_shows_none(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "DELAY", 60.0)
    assert list(progress.tracked(range(1000), "counting")) == list(range(1000))
    with progress.waiting("compiling"):
        pass
    assert "counting" not in terminal.getvalue()
    assert "compiling" not in terminal.getvalue()


def test_work_that_cannot_be_counted_shows_its_time(terminal: Terminal) -> None:
    with progress.waiting("compiling"):
        time.sleep(0.3)
    assert "compiling: 00:00" in terminal.getvalue()


def test_a_failure_passes_through(terminal: Terminal) -> None:
    with pytest.raises(ZeroDivisionError), progress.waiting("compiling"):
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        [1 // k for k in progress.tracked(range(3), "dividing")]


def test_a_simulation_shows_one_unless_silenced(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "DELAY", 0.0)
    model = nestml_core.load("iaf_psc_exp")
    model.simulate(500, backend="reference", progress=False)
    assert terminal.getvalue() == ""
    model.simulate(500, backend="reference")
    assert "simulating" in terminal.getvalue()


def test_no_bar_where_nobody_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    modules: dict[str, Any] = {}
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=io.StringIO(), modules=modules))
    assert not progress.is_seen(True)
    modules["IPython"] = SimpleNamespace(get_ipython=object)
    assert not progress.is_seen(True)  # IPython on a terminal whose messages go elsewhere
    modules["ipykernel"] = SimpleNamespace()
    assert progress.is_seen(True)
    assert not progress.is_seen(False)


# Interrupts


def left(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*"))


class Interrupting:
    """A file-like thing that is interrupted in the middle."""

    def __init__(self, after: int) -> None:
        self.after = after

    def __call__(self, *_: Any, **__: Any) -> Any:
        self.after -= 1
        if self.after < 0:
            raise KeyboardInterrupt
        return None


def interrupted(path: Path) -> None:
    with whole_file(path) as stage:
        stage.write_text("half")
        raise KeyboardInterrupt


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for old in (None, "old"):
        if old is not None:
            path.write_text(old)
        with pytest.raises(KeyboardInterrupt):
            interrupted(path)
        assert left(tmp_path) == ([] if old is None else ["a.txt"])
        assert old is None or path.read_text() == old
    path.chmod(0o640)
    with whole_file(path) as stage:
        stage.write_text("new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640


def test_an_interrupted_table_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = nestml_core.simulate("iaf_psc_exp", 5, backend="reference")
    run.to_csv(tmp_path / "run.csv")
    before = (tmp_path / "run.csv").read_bytes()

    def writer(file: Any) -> Any:
        file.write("half of it")
        return SimpleNamespace(writerow=lambda row: None, writerows=Interrupting(0))

    monkeypatch.setattr("nestml_core.results.csv.writer", writer)
    with pytest.raises(KeyboardInterrupt):
        run.to_csv(tmp_path / "run.csv")
    assert left(tmp_path) == ["run.csv"]
    assert (tmp_path / "run.csv").read_bytes() == before


def test_an_interrupted_picture_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.figure import Figure

    run = nestml_core.simulate("iaf_psc_exp", 5, backend="reference")
    run.plot(tmp_path / "run.png")
    before = (tmp_path / "run.png").read_bytes()

    def half(self: Figure, path: Path, **_: Any) -> None:
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Figure, "savefig", half)
    with pytest.raises(KeyboardInterrupt):
        run.plot(tmp_path / "run.png")
    assert left(tmp_path) == ["run.png"]
    assert (tmp_path / "run.png").read_bytes() == before


@pytest.mark.parametrize("after", [0, 1, 2])
def test_generated_files_change_together(
    after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupt while files are moved to their places waits until all are there."""
    old, new = ({n: f"{age} {n}" for n in ("a.hpp", "b/c.cpp", "d.txt")} for age in ("old", "new"))
    pipeline.write_files(old, tmp_path)
    moved = os.replace
    interrupt = Interrupting(after)

    def replace(source: Path, target: Path) -> None:
        try:
            interrupt()
        finally:
            interrupt.after += interrupt.after < 0 and 10
            moved(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        pipeline.write_files(new, tmp_path)
    assert {n: (tmp_path / n).read_text() for n in new} == new
    assert left(tmp_path) == ["a.hpp", "b", "c.cpp", "d.txt"]


def test_generated_files_that_were_not_all_written_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.write_files({"a.hpp": "old", "b.hpp": "old"}, tmp_path)
    monkeypatch.setattr(Path, "write_bytes", Interrupting(1))
    with pytest.raises(KeyboardInterrupt):
        pipeline.write_files({"a.hpp": "new", "b.hpp": "new"}, tmp_path)
    assert left(tmp_path) == ["a.hpp", "b.hpp"]
    assert {p.read_text() for p in tmp_path.iterdir()} == {"old"}


LONG = """\
import signal, sys, nestml_core
# ignored where pytest runs in the background
signal.signal(signal.SIGINT, signal.default_int_handler)
run = nestml_core.load("iaf_psc_exp").simulate(20_000, backend="reference")
run.to_csv("small.csv")
print("ready", flush=True)
while True:
    run.to_csv("run.csv")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_a_real_interrupt_while_writing(tmp_path: Path) -> None:
    """A program that writes a table again and again is interrupted at some moment."""
    process = subprocess.Popen(
        [sys.executable, "-c", LONG], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.4)
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert b"KeyboardInterrupt" in said
    assert set(left(tmp_path)) <= {"small.csv", "run.csv"}
    whole = (tmp_path / "small.csv").read_bytes()
    if (tmp_path / "run.csv").exists():
        assert (tmp_path / "run.csv").read_bytes() == whole
