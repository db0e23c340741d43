"""How diagnostics look: excerpts, colours, counts, and what a hostile text can do to them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nestml_core.diagnostics import (
    Code,
    Diagnostic,
    Note,
    Severity,
    as_json,
    foremost,
    render,
    summary,
)
from nestml_core.source import NOWHERE, Source, Span

ERROR = Code("NML001", Severity.ERROR, "an error")
WARNING = Code("NML002", Severity.WARNING, "a warning")
HINT = Code("NML003", Severity.HINT, "a hint")


def at(text: str, part: str, code: Code = ERROR, name: str = "m.nestml") -> Diagnostic:
    """Return a diagnostic of ``part`` in ``text``."""
    start = text.index(part)
    return code.at(Span(Source(name, text), start, start + len(part)), "is wrong")


def excerpt(text: str, part: str) -> list[str]:
    return render(at(text, part)).split("\n")[1:]


def test_the_caret_stands_below_what_is_meant() -> None:
    assert excerpt("a\n  b = cc + d\n", "cc") == ["      b = cc + d", "          ^^"]


def test_tabs_are_widened() -> None:
    assert excerpt("\tx\ty = 1", "y") == ["        x   y = 1", "            ^"]
    assert excerpt("ab\tc", "b\tc") == ["    ab  c", "     ^^^^"]


def test_wide_and_combining_characters_are_measured() -> None:
    assert excerpt('a = "漢字" + b', "b") == ['    a = "漢字" + b', "                 ^"]
    assert excerpt('a = "e\u0301" + b', "b") == ['    a = "e\u0301" + b', "              ^"]


def test_of_a_long_line_the_surroundings_are_shown() -> None:
    text = "x = " + " + ".join(f"a_{i}" for i in range(10_000))
    line, carets = excerpt(text, "a_5000 ")
    assert len(line) <= 164
    assert line[carets.index("^") : carets.rindex("^") + 1] == "a_5000 "


def test_an_end_behind_the_text_has_a_caret() -> None:
    source = Source("m.nestml", "model m")
    found = render(ERROR.at(Span(source, 7, 7), "ends"))
    assert found.split("\n")[1:] == ["    model m", "           ^"]


def test_of_several_lines_the_first_is_marked() -> None:
    text = "a = (1 +\n    2 +\n    3)\nb"
    assert excerpt(text, "(1 +\n    2 +\n    3)") == [
        "    a = (1 +",
        "        ^^^^",
        "    ... to line 3",
    ]


def test_notes_and_help_follow() -> None:
    source = Source("m.nestml", "a\nb\n")
    note = Note(Span(source, 0, 1), "the first one")
    found = ERROR.at(Span(source, 2, 3), "twice", help="rename it", notes=(note,))
    assert render(found) == (
        "m.nestml:2:1: error[NML001]: twice\n    b\n    ^\n"
        "note: m.nestml:1:1: the first one\n    a\n    ^\nhelp: rename it"
    )


def test_colours_change_nothing_but_colours() -> None:
    found = at("a = b", "b")
    colored = render(found, color=True)
    assert "\x1b[1;31merror[NML001]\x1b[0m" in colored
    assert "\x1b[1;31m^\x1b[0m" in colored
    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == render(found)


@pytest.mark.parametrize("color", [True, False])
def test_no_text_can_steer_the_terminal(color: bool) -> None:
    evil = "\x1b]0;owned\x07\x9b31m\u202e"
    found = ERROR.at(
        Span(Source(f"{evil}.nestml", f"x = {evil}"), 4, 6),
        f"`{evil}`",
        help=evil,
        notes=(Note(NOWHERE, evil),),
    )
    shown = re.sub(r"\x1b\[(0|1|1;3\d)m", "", render(found, color=color))
    assert all(c.isprintable() for line in shown.split("\n") for c in line)


def test_errors_are_not_hidden_behind_warnings() -> None:
    text = "".join(f"x_{i}\n" for i in range(300))
    source = Source("m.nestml", text)
    warnings = [WARNING.at(Span(source, i, i + 1), f"{i}") for i in range(200)]
    error = ERROR.at(Span(source, 500, 501), "late")
    shown = foremost([*warnings, error, *warnings], 100)
    assert shown == (*warnings[:99], error)
    assert summary([*warnings, error]) == "1 error, 200 warnings"
    assert summary([error, error]) == "1 error"
    assert summary([at("a", "a", HINT)]) == "1 hint"
    assert summary([]) == ""


def test_json_has_places_as_lines_and_as_offsets() -> None:
    found = as_json(at("a\nbc = 1\n", "bc"))
    assert {k: found[k] for k in ("line", "column", "endLine", "endColumn", "start", "end")} == {
        **{"line": 2, "column": 1, "endLine": 2, "endColumn": 3, "start": 2, "end": 4},
    }
    assert (found["severity"], found["code"], found["title"]) == ("error", "NML001", "an error")
    assert as_json(ERROR.at(NOWHERE, "no place"))["file"] is None


# On the command line


def nestml(
    *arguments: str, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    import os

    command = [sys.executable, "-m", "nestml_core.cli", *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        check=False,
        timeout=120,
    )


def many(n: int) -> str:
    lines = "".join(f"        x_{i} real = y_{i}\n" for i in range(n))
    return f"model m:\n    state:\n{lines}"


def test_the_first_hundred_are_shown(tmp_path: Path) -> None:
    (tmp_path / "m.nestml").write_text(many(130))
    done = nestml("check", "m.nestml", cwd=tmp_path)
    assert done.stderr.count("error[NML101]") == 100
    assert done.stderr.endswith("... and 30 errors more\n130 errors\n")
    listed = json.loads(nestml("check", "--json", "m.nestml", cwd=tmp_path).stdout)
    assert len(listed) == 130


def test_color_is_chosen_by_option(tmp_path: Path) -> None:
    (tmp_path / "m.nestml").write_text(many(1))
    always = nestml("check", "--color", "always", "m.nestml", cwd=tmp_path)
    assert "\x1b[1;31merror[NML101]\x1b[0m" in always.stderr
    for words in (("--color", "never"), ("--color", "auto"), ()):
        assert "\x1b" not in nestml("check", *words, "m.nestml", cwd=tmp_path).stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(
    ("env", "colored"),
    [
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb", "NO_COLOR": ""}, False),
    ],
)
def test_a_terminal_gets_colour(tmp_path: Path, env: dict[str, str], colored: bool) -> None:
    import os
    import pty

    (tmp_path / "m.nestml").write_text(many(1))
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "nestml_core.cli", "check", "m.nestml"]
    subprocess.run(
        command, stderr=child, cwd=tmp_path, env={**os.environ, **env}, check=False, timeout=120
    )
    os.close(child)
    said = os.read(parent, 10_000).decode()
    os.close(parent)
    assert "error[NML101]" in re.sub(r"\x1b\[[\d;]*m", "", said)
    assert ("\x1b[" in said) == colored
