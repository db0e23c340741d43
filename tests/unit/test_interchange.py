"""Solved models as a file: round trips, the schema, versions, and the page that describes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nestml_core import schema
from nestml_core.interchange import from_json, to_json
from nestml_core.pipeline import compile_files, library_models
from nestml_core.solved import SolvedProgram
from nestml_core.testing import models

DOCS = Path(__file__).parent.parent.parent / "docs"
VALIDATOR = jsonschema.Draft202012Validator(schema.json_schema())
CORPUS = models()
TOO_DEEP = frozenset({"deep_expression"})
"""Models too deep for the validator, which is recursive; they survive all the same."""

LARGE = 100_000
"""Longer documents are not validated, which takes minutes; the shorter ones hold every class."""


def round_trip(program: SolvedProgram, *, validated: bool = True) -> None:
    data = json.loads(json.dumps(to_json(program), allow_nan=False))
    if validated:
        problems = [f"{e.json_path}: {e.message[:200]}" for e in VALIDATOR.iter_errors(data)]
        assert problems[:5] == []
    again = from_json(data)
    assert again == program
    assert to_json(again) == data, "spans and sources survive, too"


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema.json_schema())


@pytest.mark.parametrize("name", CORPUS)
def test_corpus_models_survive(name: str) -> None:
    round_trip(SolvedProgram((CORPUS[name],)), validated=name not in TOO_DEEP)


@pytest.mark.parametrize("path", library_models(), ids=lambda p: p.stem)
def test_library_models_survive(path: Path) -> None:
    program = compile_files([path]).value
    assert program is not None
    round_trip(program, validated=len(json.dumps(to_json(program))) < LARGE)


def data() -> dict[str, Any]:
    program = compile_files(["iaf_psc_exp"]).value
    assert program is not None
    return to_json(program)


@pytest.mark.parametrize(
    "head", [{"version": 2}, {"version": "1"}, {"version": None}, {"format": "other"}]
)
def test_other_formats_and_versions_are_refused(head: Mapping[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected 'nestml-solved' version 1, found"):
        from_json({**data(), **head})
    assert not VALIDATOR.is_valid({**data(), **head})


def _model(d: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = d["program"]["models"][0]
    return found


DAMAGE = {
    "no program": lambda d: d.pop("program"),
    "an unknown class": lambda d: _model(d).update(node="Modell"),
    "an unknown field": lambda d: _model(d).update(color="red"),
    "a missing field": lambda d: _model(d).pop("name"),
    "a symbol that is not there": lambda d: _model(d)["state"][0].update(symbol={"symbol": 999}),
    "an unknown kind": lambda d: _model(d).update(kind="glia"),
    "a list for a class": lambda d: d.update(program=[]),
    "a fraction of words": lambda d: d["symbols"].append({**_number(d), "value": "one"}),
}


def _number(d: dict[str, Any]) -> dict[str, Any]:
    return {"node": "Number", "value": "1", "type": d["symbols"][0]["type"], "span": None}


@pytest.mark.parametrize("what", DAMAGE)
def test_damaged_documents_are_refused(what: str) -> None:
    damaged = json.loads(json.dumps(data()))
    DAMAGE[what](damaged)
    with pytest.raises(ValueError, match=r"nestml-solved|Fraction|is not a valid"):
        from_json(damaged)
    if what != "a symbol that is not there":  # that much a schema cannot say
        assert not VALIDATOR.is_valid(damaged)


@pytest.mark.parametrize(
    ("file", "word"), [("solved-model.md", "page"), ("solved-model.schema.json", "json")]
)
def test_the_description_is_up_to_date(
    file: str, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert schema.main([word]) == 0
    written = (DOCS / file).read_text(encoding="utf-8")
    hint = f"run `python -m nestml_core.schema {word} > docs/{file}`"
    assert capsys.readouterr().out == written, hint


def test_the_page_names_every_field() -> None:
    text = schema.page()
    for name, definition in schema.json_schema()["$defs"].items():
        if "node" not in definition.get("properties", {}):
            continue
        _, _, section = text.partition(f"### {name}\n")
        section = section.partition("\n#")[0]
        for field in definition["properties"].keys() - {"node"}:
            assert f"- `{field}`: " in section, f"{name}.{field}"


def test_schema_takes_one_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert schema.main([]) == 2
    assert "page, json" in capsys.readouterr().err
