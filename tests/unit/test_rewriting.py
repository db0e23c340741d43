"""`nestml fmt` and `nestml upgrade` as commands: which files they touch, and how."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from nestml_core import rewriting
from nestml_core.diagnostics import Result
from nestml_core.source import Source

UGLY = "model m:\n  state:\n    x real=1 # one\n"
FINE = "model m:\n    state:\n        x real = 1  # one\n"
OLD = "neuron m:\n  state:\n    x ms = 3 * ms\n  end\nend\n"
NEW = "model m:\n  state:\n    x ms = 3 ms\n"


def nestml(*arguments: str, cwd: Path, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "nestml_core.cli", *arguments],
        capture_output=True,
        input=text,
        cwd=cwd,
        check=False,
        timeout=120,
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_fmt_rewrites_what_needs_it_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.nestml").write_text(UGLY)
    (tmp_path / "b.nestml").write_text(FINE)
    (tmp_path / "c.txt").write_text(UGLY)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "d.nestml").write_bytes(b"\xef\xbb\xbf" + UGLY.encode())
    (tmp_path / "broken.nestml").write_text("model m:\n  state:\n    x = 1\n")
    os.chmod(tmp_path / "a.nestml", 0o640)
    os.utime(tmp_path / "b.nestml", (1, 1))
    done = nestml("fmt", ".", cwd=tmp_path)
    assert done.returncode == 1
    assert b"broken.nestml:3:7: error[NML014]" in done.stderr
    assert done.stderr.count(b"formatted: ") == 2
    assert b"2 of 4 files formatted, 1 error" in done.stderr
    assert files(tmp_path) == {
        "a.nestml": FINE.encode(),
        "b.nestml": FINE.encode(),
        "broken.nestml": b"model m:\n  state:\n    x = 1\n",
        "c.txt": UGLY.encode(),
        "deep/d.nestml": FINE.encode(),
    }
    assert stat.S_IMODE((tmp_path / "a.nestml").stat().st_mode) == 0o640
    assert (tmp_path / "b.nestml").stat().st_mtime == 1
    assert nestml("fmt", "a.nestml", "b.nestml", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("command", ["fmt", "upgrade"])
def test_check_and_diff_write_nothing(command: str, tmp_path: Path) -> None:
    old, new = (UGLY, FINE) if command == "fmt" else (OLD, NEW)
    (tmp_path / "a.nestml").write_text(old)
    (tmp_path / "b.nestml").write_text(new)
    before = files(tmp_path)
    checked = nestml(command, "--check", ".", cwd=tmp_path)
    assert checked.returncode == 1
    assert b"1 of 2 files would be" in checked.stderr
    assert checked.stdout == b""
    assert nestml(command, "--check", "b.nestml", cwd=tmp_path).returncode == 0
    shown = nestml(command, "--diff", ".", cwd=tmp_path)
    assert shown.returncode == 0
    lines = shown.stdout.decode().splitlines()
    assert lines[0] == "--- a.nestml"
    assert [x[1:] for x in lines if x.startswith("-") and x != lines[0]] != []
    added = [x[1:] for x in lines if x.startswith("+") and not x.startswith("+++")]
    assert set(added) <= set(new.splitlines())
    assert files(tmp_path) == before


@pytest.mark.parametrize(("command", "old", "new"), [("fmt", UGLY, FINE), ("upgrade", OLD, NEW)])
def test_standard_input_goes_to_standard_output(
    command: str, old: str, new: str, tmp_path: Path
) -> None:
    done = nestml(command, "-", cwd=tmp_path, text=old.replace("\n", "\r\n").encode())
    expected = new if command == "fmt" else new.replace("\n", "\r\n")
    assert (done.returncode, done.stdout) == (0, expected.encode())
    assert nestml(command, "--check", "-", cwd=tmp_path, text=old.encode()).returncode == 1
    assert nestml(command, "--check", "-", cwd=tmp_path, text=new.encode()).returncode == 0
    bad = nestml(command, "-", cwd=tmp_path, text=b"\xff")
    assert bad.returncode == 1
    assert b"<stdin>:1:1: error[NML911]" in bad.stderr
    assert files(tmp_path) == {}


def test_a_text_that_does_not_parse_is_not_printed(tmp_path: Path) -> None:
    done = nestml("fmt", "-", cwd=tmp_path, text=b"model m\n")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"<stdin>:1:8: error[NML011]" in done.stderr


def test_upgrade_in_place_reports_what_is_left(tmp_path: Path) -> None:
    (tmp_path / "a.nestml").write_text(OLD)
    (tmp_path / "b.nestml").write_text("neuron m:\n  state:\n    x ms = y\n")
    done = nestml("upgrade", "a.nestml", "b.nestml", cwd=tmp_path)
    assert done.returncode == 1
    assert b"b.nestml:3:12: error[NML101]: `y` is not defined" in done.stderr
    assert files(tmp_path) == {
        "a.nestml": NEW.encode(),
        "b.nestml": b"model m:\n  state:\n    x ms = y\n",
    }


def test_upgrade_into_a_folder(tmp_path: Path) -> None:
    (tmp_path / "old" / "deep").mkdir(parents=True)
    (tmp_path / "old" / "a.nestml").write_text(OLD)
    (tmp_path / "old" / "deep" / "b.nestml").write_text(NEW)
    done = nestml("upgrade", "old", "-o", "new", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert files(tmp_path) == {
        "new/a.nestml": NEW.encode(),
        "new/deep/b.nestml": NEW.encode(),
        "old/a.nestml": OLD.encode(),
        "old/deep/b.nestml": NEW.encode(),
    }


def test_two_files_do_not_become_one(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "m.nestml").write_text(OLD)
    done = nestml("upgrade", "a/m.nestml", "b/m.nestml", "-o", "new", cwd=tmp_path)
    assert done.returncode == 1
    assert b"error[NML914]: a/m.nestml and b/m.nestml would both become m.nestml" in done.stderr
    assert not (tmp_path / "new").exists()


def test_nothing_outside_of_what_is_named_is_touched(tmp_path: Path) -> None:
    """Neither through links, nor in the library that comes with the compiler."""
    outside = tmp_path / "outside.nestml"
    outside.write_text(UGLY)
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "link.nestml").symlink_to(outside)
    (inside / "folder").symlink_to(tmp_path, target_is_directory=True)
    (inside / "a.nestml").write_text(UGLY)
    done = nestml("fmt", "in", cwd=tmp_path)
    assert done.returncode == 1
    assert b"error[NML951]: in/link.nestml is a symbolic link" in done.stderr
    (inside / "link.nestml").unlink()
    assert nestml("fmt", "in", cwd=tmp_path).returncode == 0
    assert outside.read_text() == UGLY
    assert (inside / "a.nestml").read_text() == FINE
    shipped = nestml("fmt", "iaf_psc_exp", cwd=tmp_path)
    assert shipped.returncode == 1
    assert b"there is no file iaf_psc_exp" in shipped.stderr
    target = tmp_path / "new"
    target.mkdir()
    (inside / "folder").unlink()
    (target / "a.nestml").symlink_to(outside)
    assert nestml("upgrade", "in", "-o", "new", cwd=tmp_path).returncode == 0
    assert outside.read_text() == UGLY
    assert not (target / "a.nestml").is_symlink()


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX pipe")
def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.nestml")
    done = nestml("fmt", ".", cwd=tmp_path)
    assert done.returncode == 1
    assert b"error[NML951]: p.nestml is not a regular file" in done.stderr


def test_a_file_that_cannot_be_written_stays_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.nestml"
    path.write_text(UGLY)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    found = rewriting.write(FINE, path, path)
    assert [d.code.id for d in found] == ["NML951"]
    assert files(tmp_path) == {"a.nestml": UGLY.encode()}


def test_a_rewriting_that_errs_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.nestml"
    path.write_text(UGLY)
    result = rewriting.rewriting_of(path, lambda source: Result(None))
    assert (result.after, result.changed) == (None, False)
    again = rewriting.rewriting_of(path, lambda source: Result(source.text + "\n"))
    assert again.changed
    assert again.difference().splitlines()[0] == f"--- {path}"


def test_lines_that_cannot_be_upgraded_keep_their_place() -> None:
    """What is left is reported where it stands in the new text."""
    source = Source("m.nestml", '"""\n\n\ndoc\n"""\nneuron m:\n  state:\n    x ms = y\n')
    result = rewriting.up_to_date(source)
    assert result.value is not None
    assert [(d.span.line, d.span.text) for d in result.errors] == [(4, "y")]
    assert result.value.split("\n")[3] == "    x ms = y"
