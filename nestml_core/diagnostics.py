"""What the compiler says about a modeller's text: values that are returned, never raised."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from nestml_core.source import NOWHERE, Span

T = TypeVar("T")
U = TypeVar("U")


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Note:
    """A second place that explains a diagnostic."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of diagnostic: its stable identifier, severity and one-line title."""

    id: str
    severity: Severity
    title: str

    def at(
        self, span: Span, message: str, *, help: str = "", notes: tuple[Note, ...] = ()
    ) -> Diagnostic:
        return Diagnostic(self, span, message, help, notes)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    code: Code
    span: Span
    message: str
    help: str = ""
    notes: tuple[Note, ...] = ()

    @property
    def is_error(self) -> bool:
        return self.code.severity is Severity.ERROR


@dataclass(frozen=True, slots=True)
class Result(Generic[T]):
    """A pass's value, or None when it found an error, and all it has to say."""

    value: T | None
    diagnostics: tuple[Diagnostic, ...] = ()

    def then(self, step: Callable[[T], Result[U]]) -> Result[U]:
        """Apply ``step`` to the value, if there is one, and join what both have to say."""
        if self.value is None:
            return Result(None, self.diagnostics)
        following = step(self.value)
        return Result(following.value, self.diagnostics + following.diagnostics)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self.diagnostics if d.is_error)


def checked(value: T, found: Iterable[Diagnostic]) -> Result[T]:
    """Return ``value`` unless an error was found."""
    diagnostics = tuple(found)
    return Result(None if any(d.is_error for d in diagnostics) else value, diagnostics)


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return the diagnostics by file and place, each once, files in order of first mention."""
    unique = tuple(dict.fromkeys(diagnostics))
    rank = {s: i for i, s in enumerate(dict.fromkeys(d.span.source for d in unique))}
    return tuple(sorted(unique, key=lambda d: (rank[d.span.source], d.span.start, d.code.id)))


MAX_EXCERPT = 160


def _excerpt(span: Span) -> list[str]:
    if span is NOWHERE or span.source is NOWHERE.source:
        return []
    line, column = span.source.position(span.start)
    text = span.source.line(line)
    if not text.strip():
        return []
    first = column - 1
    shown = max(0, first - MAX_EXCERPT // 2) if len(text) > MAX_EXCERPT else 0
    part = text[shown : shown + MAX_EXCERPT]
    lead = "".join("\t" if c == "\t" else " " for c in part[: first - shown])
    width = max(1, min(span.end - span.start, len(part) - (first - shown)))
    printable = "".join(
        c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in part
    )
    return [f"    {printable}", f"    {lead}{'^' * width}"]


def place(span: Span) -> str:
    """Return ``file:line:column``, or the bare name of a source that has no text."""
    if span.source is NOWHERE.source:
        return "nestml"
    return f"{span.source.name}:{span.line}:{span.column}"


def render(diagnostic: Diagnostic) -> str:
    """Return the diagnostic as text: place, code, message, excerpt with caret, help."""
    d = diagnostic
    lines = [f"{place(d.span)}: {d.code.severity.value}[{d.code.id}]: {d.message}"]
    lines += _excerpt(d.span)
    for note in d.notes:
        lines += [f"note: {place(note.span)}: {note.message}", *_excerpt(note.span)]
    if d.help:
        lines.append(f"help: {d.help}")
    return "\n".join(lines)


def as_json(diagnostic: Diagnostic) -> dict[str, object]:
    """Return the diagnostic as plain data, for editors (lines and columns from 1)."""

    def at(span: Span) -> dict[str, object]:
        end = span.source.position(max(span.start, span.end))
        return {
            "file": span.source.name,
            "line": span.line,
            "column": span.column,
            "endLine": end[0],
            "endColumn": end[1],
        }

    d = diagnostic
    return {
        "code": d.code.id,
        "severity": d.code.severity.value,
        **at(d.span),
        "message": d.message,
        "help": d.help,
        "notes": [{**at(n.span), "message": n.message} for n in d.notes],
    }
