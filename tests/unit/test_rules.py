"""Rules: what the cases do not show."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestml_core.cli import main
from nestml_core.diagnostics import Result, Severity
from nestml_core.expr import Expr
from nestml_core.pipeline import check_sources, library_models, read, resolved_models
from nestml_core.resolve.cycles import cycles
from nestml_core.resolve.rules.constants import known_value
from nestml_core.solved import SolvedProgram
from nestml_core.source import Source

NAMES = "abcdefgh"
GRAPHS = st.dictionaries(
    st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4), max_size=len(NAMES)
)

UNUSED = """model m:
    parameters:
        spare real = 1
    state:
        x real = 0
    output:
        spike
    update:
        x += 1
    onCondition(x > 100):
        x = 0
        emit_spike()
"""


def checked(text: str) -> Result[SolvedProgram]:
    return check_sources([Source("m.nestml", text)])


@given(GRAPHS)
def test_cycles_are_cycles_and_none_is_missed(needs: dict[str, list[str]]) -> None:
    found = cycles(needs)
    for cycle in found:
        following = (*cycle[1:], cycle[0])
        assert all(b in needs[a] for a, b in zip(cycle, following, strict=True))
    members = [name for cycle in found for name in cycle]
    assert len(members) == len(set(members))
    for name in needs:
        reached = _reached(name, needs)
        assert name not in reached or not reached.isdisjoint(members)


def _reached(name: str, needs: dict[str, list[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(needs[name])
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting += needs.get(current, [])
    return seen


def condition(text: str) -> Expr:
    source = f"""model m:
    parameters:
        p real = 0
        q real = 0
    state:
        x real = 0
    onCondition({text}):
        x += 1
"""
    models = resolved_models(Source("m.nestml", source)).value
    assert models is not None
    return models[0].on_condition[0].condition


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 < 2", True),
        ("1/3 + 1/3 + 1/3 == 1", True),
        ("2**-2 >= 0.25", True),
        ("not (1 < 2)", False),
        ("p < q or 1 < 2", True),
        ("p < q and 1 > 2", False),
        ("p < q or 1 > 2", None),
        ("1 > 2 ? p < q : 3 > 2", True),
        ("exp(1) > 2", None),
        ("1 mV < 0.1 V", True),
        ("10**1000 > 0", None),
    ],
)
def test_values_known_while_compiling(text: str, value: bool | None) -> None:
    assert known_value(condition(text)) is value


def test_values_of_names() -> None:
    values = {"p": Fraction(3), "q": Fraction(2)}
    assert known_value(condition("p > q"), values) is True
    assert known_value(condition("p < q"), values) is False
    assert known_value(condition("p < q"), {"p": Fraction(3)}) is None


def test_deep_expressions_are_left_alone() -> None:
    text = "+".join(["1"] * 3000)
    found = checked(UNUSED.replace("x > 100", f"x > 100 or {text} > 2"))
    assert found.value is not None


@pytest.mark.parametrize("path", library_models(), ids=lambda p: p.stem)
def test_shipped_models_give_nothing_to_say(path: Path) -> None:
    source = read(path).value
    assert source is not None
    assert check_sources([source]).diagnostics == ()


def test_errors_silence_advice() -> None:
    """What an unfinished model does not use, it may use when it is finished."""
    found = checked(UNUSED.replace("x += 1", "x += y")).diagnostics
    assert [d.code.severity for d in found] == [Severity.ERROR]


def test_hints_are_for_check_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.nestml"
    path.write_text(UNUSED, encoding="utf-8")
    assert main(["check", str(path)]) == 0
    said = capsys.readouterr()
    assert "hint[NML117]: nothing uses the parameter `spare`" in said.err
    assert said.out == "m: no errors (1 hint)\n"
    assert main(["check", "--no-hints", str(path)]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("m: no errors\n", "")
    assert main(["check", "--json", "--no-hints", str(path)]) == 0
    assert capsys.readouterr().out == "[]\n"
    assert main(["run", str(path), "--backend", "reference", "--duration", "1ms"]) == 0
    assert "hint" not in capsys.readouterr().err
