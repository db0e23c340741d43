"""Refusals that no small model causes: sizes, files, backends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nestml_core.backend import Backend, Feature, Supports, Tool, ToolchainReport
from nestml_core.building import build
from nestml_core.diagnostics import Result
from nestml_core.loading import load
from nestml_core.pipeline import check_sources, write_files
from nestml_core.problems import ModelError
from nestml_core.solved import SolvedProgram
from nestml_core.source import Source

PLAIN = "model {}:\n    state:\n        x real = 0\n    update:\n        x += 1\n"


def codes(result: Result[Any]) -> set[str]:
    return {d.code.id for d in result.diagnostics if not d.is_hint}


@pytest.mark.parametrize("text", ["x" * 5_000_000, "model m:\n    # " + "1.5\n" * 1_000_000])
def test_a_file_too_large_for_a_model_is_not_read(text: str) -> None:
    assert codes(check_sources([Source("m.nestml", text)])) == {"NML008"}


def test_too_long_a_chain_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever pass runs out of stack, the model gets a diagnostic and the program goes on."""

    def deep(*arguments: Any) -> Any:
        raise RecursionError

    monkeypatch.setattr("nestml_core.pipeline.solve", deep)
    result = check_sources([Source("m.nestml", PLAIN.format("m"))])
    assert codes(result) == {"NML912"}
    assert result.diagnostics[0].span.text == "m"


@pytest.mark.parametrize("path", ["../a", "/a", "a//b", "a\\b", "c:d", "", "a/../../b"])
def test_no_file_leaves_its_folder(path: str, tmp_path: Path) -> None:
    result = write_files({"good": "1", path: "2"}, tmp_path / "out")
    assert codes(result) == {"NML913"}
    assert not (tmp_path / "out").exists()


def test_files_that_differ_in_case_only_are_refused(tmp_path: Path) -> None:
    result = write_files({"a.hpp": "1", "A.hpp": "2"}, tmp_path / "out")
    assert codes(result) == {"NML914"}
    assert not (tmp_path / "out").exists()


def test_one_of_several_models_must_be_named(tmp_path: Path) -> None:
    file = tmp_path / "two.nestml"
    file.write_text(PLAIN.format("a") + PLAIN.format("b"))
    for name in (None, "c"):
        with pytest.raises(ModelError, match="NML921") as caught:
            load(file, name)
        assert [d.code.id for d in caught.value.diagnostics] == ["NML921"]
    assert load(file, "b").name == "b"


@dataclass(frozen=True)
class NoOptions:
    """No options."""


class Incomplete(Backend[None, NoOptions]):
    """A backend whose tool is missing."""

    name = "incomplete"
    version = "1.0"
    summary = "for tests"
    options = NoOptions
    supports = Supports(frozenset({Feature.COMPILE, Feature.SIMULATE}))

    def lower(self, program: SolvedProgram, options: NoOptions) -> Result[None]:
        return Result(None)

    def render(self, ir: None) -> Mapping[str, str | bytes]:
        return {}

    def toolchain(self) -> ToolchainReport:
        return ToolchainReport((Tool("anvil", False, "not found", "buy an anvil"),))


class Generating(Incomplete):
    """It generates a file, but cannot compile it here."""

    def lower(self, program: SolvedProgram, options: NoOptions) -> Result[Any]:
        return Result(program)

    def render(self, ir: Any) -> Mapping[str, str | bytes]:
        return {"code.txt": "code"}


def test_a_backend_without_its_tools_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nestml_core.running.backend_named", lambda name: Incomplete())
    with pytest.raises(ModelError, match="anvil is missing") as caught:
        load("iaf_psc_exp").simulate(duration=1, backend="incomplete")
    assert [d.code.id for d in caught.value.diagnostics] == ["NML924"]


def test_what_cannot_be_compiled_here_is_written_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("nestml_core.building.backend_named", lambda name: Generating())
    built = build("iaf_psc_exp", "incomplete", tmp_path)
    assert [d.code.id for d in built.diagnostics] == ["NML925"]
    assert (tmp_path / "code.txt").read_text() == "code"
    assert built.artifact is None
