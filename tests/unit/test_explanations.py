"""Every code is explained, every explanation is true, and the reference page holds all of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nestml_core import explaining
from nestml_core.diagnostics import Code, Diagnostic, Severity
from nestml_core.experiment import Experiment, schedule
from nestml_core.explaining import CORE, Explanation, explanations, parsed, read
from nestml_core.reference import simulate
from nestml_core.solved import SolvedProgram
from nestml_core.testing.explained import codes_of, mismatches, wrong_examples

ROOT = Path(__file__).parent.parent.parent
PLUGINS = sorted((ROOT / "plugins").glob("*/nestml_*/explanations"))
PAGE = ROOT / "docs" / "errors.md"
ALL = read(CORE).found
WITHOUT_CASE = ("NML008", "NML020", "NML340", "NML9")
"""Codes that no small model causes without options; other tests name them."""

SHORT = Experiment(duration=20, dt=1)


def nestml(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nestml_core.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def executed(program: SolvedProgram) -> tuple[Diagnostic, ...]:
    """Return what the reference interpreter says when it runs the models."""
    found: list[Diagnostic] = []
    for model in program.models:
        laid = schedule(SHORT, model)
        assert laid.value is not None
        found += simulate(model, laid.value).diagnostics
    return tuple(found)


def test_codes_and_files_belong_together() -> None:
    assert list(mismatches(codes_of("nestml_core"), read(CORE))) == []


@pytest.mark.parametrize("e", ALL, ids=lambda e: e.code)
def test_the_examples_are_what_they_say(e: Explanation) -> None:
    runs = e.code.startswith("NML93")
    further = executed if runs else lambda program: ()
    beside = ("NML390",) if e.code.startswith("NML43") else ()  # compartments: not compiled yet
    assert list(wrong_examples(e, further, alone=e.code != "NML009", beside=beside)) == []


COMMANDS = [
    pytest.param(e, x.text, is_wrong, id=f"{e.code}-{k}")
    for e in ALL
    for k, (x, is_wrong) in enumerate([(x, True) for x in e.wrong] + [(x, False) for x in e.right])
    if x.language == "console"
]


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are for a POSIX shell")
@pytest.mark.parametrize(("e", "text", "is_wrong"), COMMANDS)
def test_the_commands_say_what_is_shown(
    e: Explanation, text: str, is_wrong: bool, tmp_path: Path
) -> None:
    """Each command runs, in an empty folder; the last one is the one that is about the code."""
    lines = text.rstrip("\n").split("\n")
    commands = [line[2:] for line in lines if line.startswith(("$ ", "> "))]
    printed = [line for line in lines if not line.startswith(("$ ", "> "))]
    assert commands[-1].startswith("nestml ")
    script = f'set -e; nestml() {{ "{sys.executable}" -m nestml_core.cli "$@"; }}\n'
    done = subprocess.run(
        ["sh", "-c", script + "\n".join(commands)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        timeout=120,
    )
    output = done.stdout + done.stderr
    assert all(line in output for line in printed), output
    assert (f"[{e.code}]" in output) == is_wrong, output
    assert done.returncode == int(is_wrong and e.severity is Severity.ERROR), output


CASES = "\n".join(p.read_text(encoding="utf-8") for p in sorted((ROOT / "tests").rglob("*.case")))
PLACED = re.compile(r"^\S+:\d+:\d+: \w+\[(\w+)\]: .*\n(?: {4}.*\n {4} *\^+$)?", re.MULTILINE)
EXPECTED: dict[str, str] = {}
for _shown in PLACED.finditer(CASES):
    EXPECTED[_shown[1]] = EXPECTED.get(_shown[1], "") + _shown[0]
SOURCES = "\n".join(
    p.read_text(encoding="utf-8") for p in (ROOT / "tests").rglob("*.py") if p != Path(__file__)
)


CASE = re.compile(r"^=== (.*)\n((?s:.*?))^--- \w+\n((?s:.*?))(?=^=== |\Z)", re.MULTILINE)
SAID = {
    m[1]: set(re.findall(r"^\S+:\d+:\d+: \w+\[(\w+)\]", m[3], re.MULTILINE))
    for m in CASE.finditer(CASES)
}
"""What each case expects to be said, by its name."""


@pytest.mark.parametrize("id", sorted(codes_of("nestml_core")))
def test_every_code_has_a_wrong_and_a_right_case(id: str) -> None:
    """The right case has the name of the wrong one and `, mended` behind it."""
    if not id.startswith(WITHOUT_CASE):
        mended = [f"{name}, mended" for name, wrong in SAID.items() if id in wrong]
        assert any(id not in SAID[name] for name in mended if name in SAID), f"{id}: none mended"


@pytest.mark.parametrize("id", sorted(codes_of("nestml_core")))
def test_every_code_has_a_case(id: str) -> None:
    """What a model can cause stands in a case with its place; all else in some other test."""
    if id.startswith(WITHOUT_CASE):
        assert id in SOURCES or codes_named(id), f"no test names {id}"
    else:
        assert id in EXPECTED, f"no case expects {id}"
        assert "^" in EXPECTED[id] or id == "NML407", f"no case shows where {id} is"


def codes_named(id: str) -> bool:
    """Return whether an executed example or a test that uses the code's name covers it."""
    return any(p.values[0].code == id and p.values[2] for p in COMMANDS) or (  # type: ignore[union-attr]
        id.startswith("NML93") and (CORE / f"{id}.md").exists()
    )


# The command


def test_explain_without_a_code_lists_all() -> None:
    done = nestml("explain")
    assert done.returncode == 0
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    assert {code for code, _, _ in lines} >= set(codes_of("nestml_core"))
    assert ["NML101", "error", "an unknown name"] in lines
    assert ["NML107", "warning", "a unit that stands by itself"] in lines


def test_explain_shows_text_and_indented_examples() -> None:
    done = nestml("explain", "nml101", "NML107")
    assert done.returncode == 0
    assert done.stdout.startswith("error[NML101]: an unknown name\n\nA name is used")
    assert "\nWrong:\n\n    model m:\n        parameters:\n" in done.stdout
    assert "\nwarning[NML107]: a unit that stands by itself\n" in done.stdout
    assert "```" not in done.stdout


def test_explain_prints_json() -> None:
    found = json.loads(nestml("explain", "--json", "NML101").stdout)
    assert [e["code"] for e in found] == ["NML101"]
    assert found[0]["wrong"][0]["language"] == "nestml"
    assert found[0]["wrong"][0]["text"].startswith("model m:\n")
    every = json.loads(nestml("explain", "--json").stdout)
    assert {e["code"] for e in every} >= set(codes_of("nestml_core"))


def test_an_unknown_code_is_answered_with_likely_ones() -> None:
    done = nestml("explain", "NML1011", "NML102")
    assert done.returncode == 1
    assert "error[NML940]: there is no code `NML1011`" in done.stderr
    assert "did you mean `NML101`" in done.stderr
    assert done.stdout.startswith("error[NML102]")


def test_explain_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom nestml_core.cli import main\nmain(['explain', 'NML101'])\n"
        "print('IMPORTED', *sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(done.stdout.rpartition("IMPORTED ")[2].split())
    assert not {"numpy", "scipy", "pint", "textx", "jinja2", "matplotlib", "sympy"} & modules


# Reading


def test_plugins_are_found_without_being_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "nestml_foo" / "explanations"
    folder.mkdir(parents=True)
    (tmp_path / "nestml_foo" / "__init__.py").write_text("raise SystemExit('imported')\n")
    text = (
        "# FOO001: a foo\n\nText.\n\n## Wrong\n\n```text\nx\n```\n\n## Right\n\n```text\ny\n```\n"
    )
    (folder / "FOO001.md").write_text(text)
    (folder / "FOO002.md").write_text(text)
    info = tmp_path / "nestml_foo-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nestml-foo\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[nestml]\nfoo = nestml_foo\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    every = explanations()
    found = [e for e in every.found if e.code.startswith("FOO")]
    assert [(e.code, e.title, e.origin) for e in found] == [("FOO001", "a foo", "nestml-foo")]
    assert [b for b in every.broken if "FOO002.md: the first line is not" in b]
    assert "nestml_foo" not in sys.modules


@pytest.mark.parametrize(
    "text",
    [
        "NML999: no heading\n",
        "# NML998: another code\n\nText.\n",
        "# NML999: no sections\n\nText.\n",
        "# NML999: no text\n\n## Wrong\n\n```nestml\nx\n```\n\n## Right\n\n```nestml\nx\n```\n",
        "# NML999: no example\n\nText.\n\n## Wrong\n\n## Right\n\n```nestml\nx\n```\n",
    ],
)
def test_what_is_no_explanation_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"first line|sections|needs a text"):
        parsed(text, "NML999")


def test_mismatches_are_noticed() -> None:
    codes = codes_of("nestml_core")
    every = read(CORE)
    extra = Code("NML999", Severity.ERROR, "new")
    assert list(mismatches({**codes, "NML999": extra}, every)) == [
        "NML999 (new) has no file explanations/NML999.md"
    ]
    fewer = {id: c for id, c in codes.items() if id != "NML101"}
    assert list(mismatches(fewer, every)) == [
        "explanations/NML101.md explains a code that does not exist"
    ]
    other = {**codes, "NML101": Code("NML101", Severity.HINT, "other")}
    assert len(list(mismatches(other, every))) == 2


# The page


def test_the_reference_page_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert explaining.main([str(p) for p in PLUGINS]) == 0
    written = PAGE.read_text(encoding="utf-8")
    command = "python -m nestml_core.explaining plugins/*/*/explanations > docs/errors.md"
    assert capsys.readouterr().out == written, f"run `{command}`"
    for anchor in re.findall(r"\]\(#([^)]+)\)", written):
        headings = (
            re.sub(r"[^\w\- ]", "", h.lower()) for h in re.findall("^### (.+)$", written, re.M)
        )
        assert anchor in {h.replace(" ", "-") for h in headings}
