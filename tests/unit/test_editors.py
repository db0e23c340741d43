"""What other tools know of NESTML: Pygments, TextMate grammars, textX."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.token import Error, Keyword, Name, Number, Operator, Punctuation, String, Token

from nestml_core.diagnostics import render
from nestml_core.editors import textmate
from nestml_core.lexer import NestmlLexer
from nestml_core.pipeline import check_sources
from nestml_core.resolve.builtins import FUNCTIONS as KNOWN_FUNCTIONS
from nestml_core.resolve.builtins import PREDEFINED as KNOWN_NAMES
from nestml_core.source import Source
from nestml_core.syntax import mistakes, words
from nestml_core.syntax.formatting import formatted
from nestml_core.testing import corpus

ROOT = Path(__file__).parent.parent.parent
EDITORS = ROOT / "nestml_core" / "editors"
FILES = corpus.files()

MODEL = """# a model
model m:
    state:
        V_m mV = -70 mV/ms*ms # remark
        g'' 1/ms**2 = 0 ms**-2 [[ g > .5e-3 and true ]] @homogeneous @a::b
        spiked, x_$ boolean = false
    input:
        p[2] <- inhibitory spike
    function f(a real) real:
        return exp(a) * f(3 x) / t + e # " no string
    update:
        for i in 0 ... 10 step 2:
            println("a # b \\" c")
"""


# Words


def test_words_are_those_of_the_grammar() -> None:
    grammar = (ROOT / "nestml_core" / "syntax" / "nestml.tx").read_text(encoding="utf-8")
    listed = re.search(r"^Name:\s*/\(\?!\(([\w|]+)\)", grammar, re.MULTILINE)
    assert listed is not None
    assert set(listed[1].split("|")) == words.RESERVED == mistakes.RESERVED
    assert set(words.FUNCTIONS) == KNOWN_FUNCTIONS
    assert set(words.PREDEFINED) == KNOWN_NAMES
    assert set(words.BLOCKS) | {"function"} == set(mistakes.BLOCKS)


# Pygments


def test_pygments_finds_the_lexer() -> None:
    assert isinstance(get_lexer_by_name("nestml"), NestmlLexer)
    assert isinstance(get_lexer_for_filename("a/model.nestml"), NestmlLexer)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_pygments_knows_every_token(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tokens = list(NestmlLexer(stripnl=False, ensurenl=False).get_tokens(text))
    assert "".join(value for _, value in tokens) == text
    assert [value for kind, value in tokens if kind in Error] == []


def test_pygments_tells_tokens_apart() -> None:
    found = {(str(kind).removeprefix("Token."), v) for kind, v in NestmlLexer().get_tokens(MODEL)}
    assert {
        ("Name.Class", "m"),
        ("Keyword.Namespace", "state"),
        ("Name.Variable", "V_m"),
        ("Keyword.Type", "mV"),
        ("Keyword.Type", "/ms"),
        ("Keyword.Type", "*ms"),
        ("Keyword.Type", "**-2"),
        ("Comment.Single", "# remark"),
        ("Comment.Single", '# " no string'),
        ("Name.Decorator", "@a::b"),
        ("Name.Variable", "x_$"),
        ("Name.Variable", "spiked"),
        ("Keyword.Pseudo", "spike"),
        ("Name.Function", "f"),
        ("Name.Builtin", "exp"),
        ("Name.Builtin.Pseudo", "t"),
        ("Keyword.Type", "x"),
        ("Keyword", "step"),
        ("Operator", "..."),
        ("Operator.Word", "and"),
        ("Keyword.Constant", "true"),
        ("Literal.Number", ".5e-3"),
        ("Literal.String.Double", '"a # b \\" c"'),
    } <= found


def test_the_lexer_needs_nothing_but_pygments() -> None:
    code = "import sys, nestml_core.lexer; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    modules = done.stdout.split()
    assert not {"textx", "arpeggio", "numpy", "pint", "jinja2", "pluggy"} & set(modules)
    own = {m for m in modules if m.startswith("nestml_core")}
    assert own == {
        "nestml_core",
        "nestml_core.lexer",
        "nestml_core.syntax",
        "nestml_core.syntax.words",
    }


# TextMate


def test_the_grammar_file_is_the_one_that_is_generated() -> None:
    assert (EDITORS / "nestml.tmLanguage.json").read_text(encoding="utf-8") == textmate.text()


def test_the_extension_names_files_that_are_there() -> None:
    package = json.loads((EDITORS / "package.json").read_text(encoding="utf-8"))
    language, grammar = (
        package["contributes"]["languages"][0],
        package["contributes"]["grammars"][0],
    )
    assert language["id"] == grammar["language"] == "nestml"
    assert grammar["scopeName"] == textmate.grammar()["scopeName"]
    for path in (language["configuration"], grammar["path"]):
        json.loads((EDITORS / path).read_text(encoding="utf-8"))


RULES = [
    (re.compile(str(r["match"])), r)
    for r in textmate.grammar()["patterns"]  # type: ignore[attr-defined]
]


def scopes(line: str) -> list[str]:
    """Return the scope of each character, as an editor finds it: the earliest match counts."""
    result = [""] * len(line)
    at = 0
    while at < len(line):
        found = [
            (m.start(), k, m, r) for k, (p, r) in enumerate(RULES) if (m := p.search(line, at))
        ]
        if not found:
            break
        _, _, match, rule = min(found, key=lambda f: f[:2])
        assert match.end() > match.start()
        if "name" in rule:
            result[match.start() : match.end()] = [rule["name"]] * len(match[0])
        for group, capture in rule.get("captures", {}).items():
            start, end = match.span(int(group))
            result[start:end] = [capture["name"]] * (end - start)
        at = match.end()
    return result


SCOPES = {
    Token.Comment: "comment.line",
    String: "string.quoted",
    Name.Class: "entity.name.class",
    Name.Function: "entity.name.function",
    Name.Decorator: "entity.name.function.decorator",
    Keyword.Namespace: "keyword.other.block",
    Keyword.Declaration: "storage.type",
    Keyword.Type: "support.type",
    Keyword.Pseudo: "storage.modifier",
    Keyword.Constant: "constant.language",
    Keyword: "keyword.control",
    Operator.Word: "keyword.operator.logical",
    Operator: "keyword.operator",
    Name.Builtin.Pseudo: "variable.language",
    Name.Builtin: "support.function",
    Name.Variable: "variable.other",
    Number: "constant.numeric",
    Punctuation: "punctuation",
}


@pytest.mark.parametrize("path", corpus.files(), ids=lambda p: p.stem)
def test_editors_and_pygments_agree(path: Path) -> None:
    """Two lists of rules, one meaning: every character is of the same kind in both."""
    agree(path.read_text(encoding="utf-8"))


def test_editors_and_pygments_agree_on_the_rest() -> None:
    agree(MODEL)


def agree(text: str) -> None:
    lines = text.split("\n")
    found = [s for line in lines for s in (*scopes(line), "")]
    at = 0
    for kind, value in NestmlLexer(stripnl=False, ensurenl=False).get_tokens(text):
        expected = next((s for k, s in SCOPES.items() if kind in k), None)
        for offset, c in enumerate(value):
            if not c.isspace() and expected is not None:
                assert found[at + offset].startswith(expected), (kind, value)
        at += len(value)


# The pages about it


def test_the_pattern_for_vs_code_finds_problems() -> None:
    page = (ROOT / "docs" / "editors.md").read_text(encoding="utf-8")
    block = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert block is not None
    pattern = json.loads(block[1])["tasks"][0]["problemMatcher"]["pattern"]
    result = check_sources([Source("a b/m.nestml", "model m:\n    state:\n        x ms = y\n")])
    said = render(result.diagnostics[0]).split("\n")
    found = [m for line in said if (m := re.match(pattern["regexp"], line))]
    assert len(found) == 1
    parts = ("file", "line", "column", "severity", "code", "message")
    assert [found[0][pattern[p]] for p in parts] == [
        *("a b/m.nestml", "3", "16", "error", "NML101", "`y` is not defined in `m`")
    ]


@pytest.mark.parametrize(
    "sample",
    [
        *("-x + (y - 1) * ~n", "x**2", "2**-1", "g'**2", "(a + b) ** 2", "3 mV * x[1] ** 2"),
        *("a[b[1] ]", "0.5 1/ms*mV", "3 mV**2"),
    ],
)
def test_the_style_is_the_one_described(sample: str) -> None:
    page = (ROOT / "docs" / "formatting.md").read_text(encoding="utf-8")
    assert f"`{sample}`" in page
    text = f"model m:\n    parameters:\n        y real = {sample} [[ x > 0 ]]\n"
    assert "[[ x > 0 ]]" in page
    assert formatted(Source("m.nestml", text)).value == text


# textX


def textx(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from textx.cli import textx; textx()", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=cwd,
    )


def test_textx_lists_the_language() -> None:
    done = textx("list-languages")
    assert done.returncode == 0, done.stderr
    listed = done.stdout + done.stderr
    assert re.search(r"nestml \(\*\.nestml\)\s+nestml-core", listed), listed


def test_textx_checks_models() -> None:
    done = textx("check", *map(str, corpus.files()[:3]))
    assert done.returncode == 0, done.stderr
    assert (done.stdout + done.stderr).count("OK.") == 3


@pytest.mark.parametrize(
    ("line", "place", "message"),
    [
        ("        x real = 1 +", "4:21", "NML010"),
        ("        x real = (y)", "4:19", "`y` is not defined"),
        ("      x real = 1", "4:7", "NML001"),
    ],
)
def test_textx_says_what_is_wrong_and_where(
    line: str, place: str, message: str, tmp_path: Path
) -> None:
    text = f"model m:\n    state: # some\n        a real = 1\n{line}\n"
    (tmp_path / "m.nestml").write_text(text)
    done = textx("check", "m.nestml", cwd=tmp_path)
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert f"m.nestml:{place}: error[" in said
    assert message in said


@pytest.mark.parametrize("path", corpus.files()[:5], ids=lambda p: p.stem)
def test_positions_of_textx_objects_are_those_of_the_file(path: Path) -> None:
    from textx import get_children_of_type, get_location, metamodel_for_language

    model = metamodel_for_language("nestml").model_from_file(str(path))
    text = path.read_text(encoding="utf-8")
    variables = get_children_of_type("Variable", model)
    assert len(variables) > 3
    for v in variables:
        assert text[v._tx_position : v._tx_position_end].startswith(v.name)
        place = get_location(v)
        lines = text.split("\n")
        assert lines[place["line"] - 1][place["col"] - 1 :].startswith(v.name)
    for block in model.models[0].elements:
        shown = text[block._tx_position : block._tx_position_end]
        assert shown == shown.strip()


def test_textx_starts_without_the_compiler() -> None:
    code = "import sys, nestml_core.textx_language; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    own = {m for m in done.stdout.split() if m.startswith("nestml_core")}
    assert own == {"nestml_core", "nestml_core.textx_language"}
