"""From lines of generated C++ back to the model, for what a compiler says about them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath

from nestml_core.api import (
    NOWHERE,
    Code,
    Diagnostic,
    Expr,
    Severity,
    SolvedProgram,
    Span,
    walk,
)
from nestml_cpp.files import templates, texts
from nestml_cpp.lanes import PopulationPrinter
from nestml_cpp.layout import broken
from nestml_cpp.lower import lower
from nestml_cpp.options import Options
from nestml_cpp.printer import CppPrinter
from nestml_cpp.synapse_printer import SynapsePrinter
from nestml_cpp.synapse_rendering import synapse_templates, synapse_texts

REJECTED = Code("CPP103", Severity.ERROR, "the C++ compiler rejects generated code")

ERROR = re.compile(r"^(.*?):(\d+):(?:\d+:)? (?:fatal )?error: (.*)$", re.MULTILINE)
"""An error as g++ and clang++ say it: a file, a line, and what is wrong."""

MARK = re.compile("\ue000([0-9]+)\ue001")
"""The number of a place, between characters that no generated code contains."""
MOST = 5
"""How many errors are shown; further ones tend to follow from the first."""


class _Marks:
    """Places of the model, numbered as they come."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def marked(self, expr: Expr, text: str) -> str:
        span = next((e.span for e in walk(expr) if e.span != NOWHERE), None)
        if span is None:
            return text
        self.spans.append(span)
        return f"\ue000{len(self.spans) - 1}\ue001{text}"


class _One(CppPrinter):
    def __init__(self, marks: _Marks) -> None:
        self.marks = marks

    def expr(self, expr: Expr) -> str:
        return self.marks.marked(expr, super().expr(expr))


class _Many(PopulationPrinter):
    def __init__(self, marks: _Marks) -> None:
        self.marks = marks

    def expr(self, expr: Expr) -> str:
        return self.marks.marked(expr, super().expr(expr))


class _Connections(SynapsePrinter):
    def __init__(self, marks: _Marks) -> None:
        self.marks = marks

    def expr(self, expr: Expr) -> str:
        return self.marks.marked(expr, super().expr(expr))


def origins(program: SolvedProgram, options: Options) -> Mapping[str, tuple[Span, ...]]:
    """Return for each generated file of C++ where in the model its lines come from.

    The code is generated again, with marks that are taken out before long lines are broken: line
    by line it is what ``render`` returns. Lines that come from no expression have ``NOWHERE``.
    """
    lowered = lower(program, options).value
    if lowered is None:
        return {}
    marks = _Marks()
    neurons, synapses = templates(_One(marks), _Many(marks)), synapse_templates(_Connections(marks))
    files = [*texts(lowered, neurons)]
    for synapse in lowered.synapses:
        files += synapse_texts(synapse, synapses)
    return {path: tuple(_origins(text, marks)) for path, text in files}


def _origins(text: str, marks: _Marks) -> Iterator[Span]:
    for line in text.splitlines():
        found = MARK.search(line)
        span = NOWHERE if found is None else marks.spans[int(found[1])]
        yield from (span for _ in broken(f"{MARK.sub('', line)}\n").splitlines())


def rejections(said: str, program: SolvedProgram, options: Options) -> tuple[Diagnostic, ...]:
    """Return what a compiler said as diagnostics at the lines of the model that it is about.

    Errors
    ------
    CPP103 : the compiler rejects generated code.
    """
    places = origins(program, options)
    found: dict[tuple[str, int], Diagnostic] = {}
    for path, number, problem in ERROR.findall(said):
        name, line = PurePath(path).name, int(number)
        lines = places.get(name, ())
        span = lines[line - 1] if line <= len(lines) else NOWHERE
        if span == NOWHERE:
            span = next((m.span for m in program.models if name.startswith(m.name)), NOWHERE)
        message = f"in what this becomes the compiler finds: {problem}"
        found.setdefault((name, line), REJECTED.at(span, message, help=_help(name, line)))
    if not found:
        return (REJECTED.at(program.models[0].span, said.strip(), help=_help("", 0)),)
    return tuple(found.values())[:MOST]


def _help(name: str, line: int) -> str:
    where = f"it is line {line} of {name}; " if name else ""
    return f"{where}unless a flag asks for it, this is a mistake of nestml-cpp: please report it"
