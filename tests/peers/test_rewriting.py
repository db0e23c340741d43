"""The formatter, the upgrade and the lexer on the models that the reference toolchain ships."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pygments.token import Error

from nestml_core.lexer import NestmlLexer
from nestml_core.pipeline import check_sources
from nestml_core.solved import SolvedProgram
from nestml_core.source import Source
from nestml_core.syntax.formatting import formatted
from nestml_core.syntax.upgrade import upgraded

PACKAGE = os.environ.get("NESTML_PEER_PACKAGE", "")
FILES = sorted(Path(PACKAGE).glob("**/models/*/*.nestml")) if PACKAGE else []

pytestmark = pytest.mark.skipif(not PACKAGE, reason="set NESTML_PEER_PACKAGE, or use tox -e peers")


def solved(text: str) -> SolvedProgram | None:
    return check_sources([Source("m.nestml", text)]).value


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_formatting_does_not_change_the_solved_model(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    new = formatted(Source("m.nestml", text)).value
    assert new is not None
    assert formatted(Source("m.nestml", new)).value == new
    before = solved(text)
    assert before is not None
    assert solved(new) == before


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_models_of_9_need_no_upgrade(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    result = upgraded(Source("m.nestml", text))
    assert (result.value, result.diagnostics) == (text, ())


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_pygments_knows_every_token(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tokens = list(NestmlLexer(stripnl=False, ensurenl=False).get_tokens(text))
    assert "".join(value for _, value in tokens) == text
    assert [value for kind, value in tokens if kind in Error] == []
