"""The TextMate grammar of NESTML, made of the same lists of words as everything else.

``python -m nestml_core.editors.textmate`` writes it to the standard output.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

from nestml_core.syntax.words import (
    BLOCKS,
    CONTROL,
    DEFINITIONS,
    END,
    FUNCTIONS,
    LOGIC,
    NAME,
    NUMBER,
    PORTS,
    PREDEFINED,
    RESERVED,
    TYPES,
    VALUES,
)

BEGIN = r"(?<![\w$])"
UNIT = rf"{NAME}(?:\*\*-?\d+(?:\.\d+)?|[*/]{NAME}(?![\w$]|[ \t]*\())*"

Rule = dict[str, object]


def _any_of(words: Iterable[str]) -> str:
    return "(?:" + "|".join(sorted(words)) + ")"


def _words(words: Iterable[str], scope: str) -> Rule:
    return {"match": f"{BEGIN}{_any_of(words)}{END}", "name": f"{scope}.nestml"}


def _captures(match: str, *scopes: str) -> Rule:
    found = {str(k): {"name": f"{scope}.nestml"} for k, scope in enumerate(scopes, 1)}
    return {"match": match, "captures": found}


def grammar() -> dict[str, object]:
    """Return the grammar. Its rules are all single matches: the first that fits counts."""
    rules: list[Rule] = [
        {"match": "#.*$", "name": "comment.line.number-sign.nestml"},
        {"match": r'"(?:[^"\\]|\\.)*"', "name": "string.quoted.double.nestml"},
        _captures(rf"{BEGIN}(model)[ \t]+({NAME})", "storage.type", "entity.name.class"),
        _captures(rf"{BEGIN}(function)[ \t]+({NAME})", "storage.type", "entity.name.function"),
        {"match": f"@{NAME}(?:::{NAME})?", "name": "entity.name.function.decorator.nestml"},
        _words(BLOCKS, "keyword.other.block"),
        _words(DEFINITIONS, "storage.type"),
        _words(CONTROL, "keyword.control"),
        _words(LOGIC, "keyword.operator.logical"),
        _words(TYPES, "support.type"),
        _words(PORTS, "storage.modifier"),
        _words(VALUES, "constant.language"),
        {
            "match": rf"{BEGIN}{_any_of(FUNCTIONS)}(?=[ \t]*\()",
            "name": "support.function.nestml",
        },
        {"match": rf"{BEGIN}{NAME}(?=[ \t]*\()", "name": "entity.name.function.nestml"},
        _words(PREDEFINED, "variable.language"),
        {"match": f"{BEGIN}{NAME}", "name": "variable.other.nestml"},
        _captures(
            rf"({NUMBER})(?:[ \t]*(?!{_any_of(RESERVED)}{END})({UNIT}))?",
            "constant.numeric",
            "support.type.unit",
        ),
        {"match": r"[-+*/%&|^~<>=!?:']+|\.\.\.", "name": "keyword.operator.nestml"},
        {"match": r"[()\[\],;]", "name": "punctuation.nestml"},
    ]
    return {
        "name": "NESTML",
        "scopeName": "source.nestml",
        "fileTypes": ["nestml"],
        "patterns": rules,
    }


def text() -> str:
    """Return the grammar as the text of its file."""
    return json.dumps(grammar(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
