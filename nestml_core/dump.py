"""Any value of the compiler as indented text: for people who debug, and for tests."""

from __future__ import annotations

import typing
from dataclasses import fields, is_dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

from nestml_core import expr
from nestml_core.printing.nestml import NestmlPrinter
from nestml_core.source import Source, Span
from nestml_core.types import Type

_EXPRESSIONS = typing.get_args(expr.Expr)


def dump(value: Any, indent: str = "") -> str:
    """Return ``value`` as text: one field a line, spans left out, expressions as NESTML."""
    return "\n".join(_lines(value, indent))


def _lines(value: Any, indent: str) -> list[str]:
    short = _short(value)
    if short is not None:
        return [indent + short]
    deeper = indent + "  "
    if isinstance(value, tuple):
        return [line for v in value for line in _lines(v, indent)] or [indent + "()"]
    lines = [indent + type(value).__name__]
    for f in fields(value):
        content = getattr(value, f.name)
        if isinstance(content, (Span, Source)) or content in ((), None, ""):
            continue
        short = repr(content) if isinstance(content, str) and "\n" in content else _short(content)
        if short is not None:
            lines.append(f"{deeper}{f.name}: {short}")
        else:
            lines += [f"{deeper}{f.name}:", *_lines(content, deeper + "  ")]
    return lines


def _short(value: Any) -> str | None:
    """Return what fits on the line of its field, or None."""
    if isinstance(value, _EXPRESSIONS):
        return NestmlPrinter().expr(value)
    if isinstance(value, expr.Symbol):
        return f"{value.name} ({value.kind.value}, {value.type})"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, (Type, Fraction, int, float, str, bool)) or value is None:
        return str(value)
    if isinstance(value, (Span, Source)):
        return ""
    if isinstance(value, tuple) and all(isinstance(v, (str, int, float)) for v in value):
        return ", ".join(map(str, value)) or "()"
    return None if is_dataclass(value) or isinstance(value, tuple) else repr(value)
