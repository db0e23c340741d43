"""The solved program as JSON and back: a file format with a version, for tools outside Python."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from nestml_core import expr, model, solved, stmt, types
from nestml_core.expr import Symbol
from nestml_core.solved import SolvedProgram
from nestml_core.source import BUILTIN, Source, Span

FORMAT = "nestml-solved"
VERSION = 1


@lru_cache(maxsize=1)
def _classes() -> Mapping[str, type[Any]]:
    found: dict[str, type[Any]] = {}
    for module in (types, expr, stmt, model, solved):
        for name, value in vars(module).items():
            if isinstance(value, type) and is_dataclass(value):
                found[name] = value
    return MappingProxyType(found)


@lru_cache(maxsize=128)
def _hints(name: str) -> Mapping[str, Any]:
    return MappingProxyType(typing.get_type_hints(_classes()[name]))


def to_json(program: SolvedProgram) -> dict[str, Any]:
    """Return ``program`` as plain data.

    ``symbols`` lists every symbol once; elsewhere it is ``{"symbol": index}``. A value is an
    object with its class under ``node``; a fraction is text such as ``"1/3"``; a span is
    ``[source, start, end]``, characters counted from 0, null where nothing in a source stands for
    the value.
    """
    writer = _Writer()
    body = writer.value(program)
    return {
        "format": FORMAT,
        "version": VERSION,
        "sources": [{"name": s.name, "text": s.text} for s in writer.sources],
        "symbols": writer.table,
        "program": body,
    }


class _Writer:
    def __init__(self) -> None:
        self.sources: dict[Source, int] = {}
        self.symbols: dict[tuple[Symbol, int, int], int] = {}
        self.table: list[dict[str, Any]] = []

    def value(self, value: Any) -> Any:
        match value:
            case Symbol():
                return {"symbol": self.symbol(value)}
            case Span():
                return self.span(value)
            case Fraction():
                return str(value)
            case Enum():
                return value.value
            case tuple():
                return [self.value(v) for v in value]
            case None | bool() | int() | float() | str():
                return value
            case _:
                return self.node(value)

    def node(self, value: Any) -> dict[str, Any]:
        content = {f.name: self.value(getattr(value, f.name)) for f in fields(value)}
        return {"node": type(value).__name__, **content}

    def symbol(self, symbol: Symbol) -> int:
        key = (symbol, symbol.span.start, symbol.span.end)
        if key not in self.symbols:
            content = self.node(symbol)  # lists the symbols first that this one needs
            self.symbols[key] = len(self.table)
            self.table.append(content)
        return self.symbols[key]

    def span(self, span: Span) -> list[int] | None:
        if span.source is BUILTIN:
            return None
        index = self.sources.setdefault(span.source, len(self.sources))
        return [index, span.start, span.end]


def from_json(data: Mapping[str, Any]) -> SolvedProgram:
    """Return the program that ``to_json`` made ``data`` of.

    Raises
    ------
    ValueError : the data are of another format or version, or not well formed.
    """
    if data.get("format") != FORMAT or data.get("version") != VERSION:
        found = f"{data.get('format')!r} version {data.get('version')!r}"
        raise ValueError(f"expected {FORMAT!r} version {VERSION}, found {found}")
    try:
        program = _Reader(data).read(data["program"], SolvedProgram)
    except (KeyError, TypeError, IndexError, AttributeError) as problem:
        raise ValueError(f"not a well-formed {FORMAT} document: {problem!r}") from problem
    if not isinstance(program, SolvedProgram):
        raise ValueError(f"not a well-formed {FORMAT} document: no program in it")
    return program


class _Reader:
    def __init__(self, data: Mapping[str, Any]) -> None:
        self.sources = [Source(str(s["name"]), str(s["text"])) for s in data["sources"]]
        self.symbols: list[Symbol] = []
        for s in data["symbols"]:
            self.symbols.append(self.read(s, Symbol))

    def read(self, value: Any, hint: Any) -> Any:
        """Return ``value`` as the annotation ``hint`` says."""
        if isinstance(value, dict):
            return self.node(value) if "node" in value else self.symbols[value["symbol"]]
        if hint is Span:
            return Span(BUILTIN, 0, 0) if value is None else self.span(value)
        if hint is Fraction:
            return Fraction(value)
        if isinstance(hint, type) and issubclass(hint, Enum):
            return hint(value)
        if isinstance(value, list):
            return self.sequence(value, hint)
        return value

    def sequence(self, value: list[Any], hint: Any) -> tuple[Any, ...]:
        inner = typing.get_args(hint)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(self.read(v, inner[0]) for v in value)
        return tuple(self.read(v, h) for v, h in zip(value, inner, strict=True))

    def node(self, value: Mapping[str, Any]) -> Any:
        cls = _classes()[value["node"]]
        hints = _hints(value["node"])
        content = {name: self.read(v, hints[name]) for name, v in value.items() if name != "node"}
        return cls(**content)

    def span(self, value: list[int]) -> Span:
        source, start, end = value
        return Span(self.sources[source], int(start), int(end))
