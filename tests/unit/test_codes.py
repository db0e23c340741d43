"""Codes of diagnostics are stable and mean one thing each."""

from __future__ import annotations

import importlib
import pkgutil
import re

import nestml_core
from nestml_core.diagnostics import Code


def codes() -> dict[str, set[Code]]:
    found: dict[str, set[Code]] = {}
    for module in pkgutil.walk_packages(nestml_core.__path__, "nestml_core."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Code):
                found.setdefault(value.id, set()).add(value)
    return found


def test_every_code_means_one_thing() -> None:
    found = codes()
    assert len(found) > 60
    assert {id: c for id, c in found.items() if len(c) > 1} == {}


def test_codes_and_titles_have_the_usual_form() -> None:
    for id, (code, *_) in codes().items():
        assert re.fullmatch(r"NML\d{3}", id)
        assert code.title == code.title.strip() != ""
        assert not code.title.endswith(".")
