"""What the compiler says about a modeller's text: values that are returned, never raised."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
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

    @property
    def is_hint(self) -> bool:
        return self.code.severity is Severity.HINT


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
TAB = 4
"""To how many columns a tab is widened in an excerpt."""

_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
_COLORS = MappingProxyType(
    {
        "error": "\x1b[1;31m",
        "warning": "\x1b[1;33m",
        "hint": "\x1b[1;36m",
        "note": "\x1b[1;34m",
        "help": "\x1b[1;32m",
    }
)


def _width(c: str) -> int:
    """Return how many columns of a terminal a character takes."""
    if unicodedata.combining(c) or unicodedata.category(c) == "Cf":
        return 0
    return 2 if unicodedata.east_asian_width(c) in "WF" else 1


def _widened(text: str, column: int = 0) -> tuple[str, int]:
    """Return ``text`` as a terminal should get it, and in which column it then ends.

    Tabs become blanks, and what is not printable, such as an escape character, a replacement.
    """
    parts: list[str] = []
    for c in text:
        shown = " " * (TAB - column % TAB) if c == "\t" else _printable(c)
        parts.append(shown)
        column += len(shown) if c == "\t" else _width(shown)
    return "".join(parts), column


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def harmless(text: str) -> str:
    """Return lines of text in which nothing can steer a terminal; all white space is blanks."""
    return "\n".join(
        _printable("".join(" " if c.isspace() else c for c in line)) for line in text.split("\n")
    )


def _excerpt(span: Span, paint: str) -> list[str]:
    """Return the line in which ``span`` begins, and carets below what of the span is on it.

    Of a long line only the surroundings of the span's beginning are shown.
    """
    if span.source is NOWHERE.source:
        return []
    line, column = span.source.position(span.start)
    text = span.source.line(line)
    if not text.strip():
        return []
    first = min(column - 1, len(text))
    shown = max(0, first - MAX_EXCERPT // 2) if len(text) > MAX_EXCERPT else 0
    last = min(len(text), shown + MAX_EXCERPT)
    stop = max(first, min(first + span.end - span.start, last))
    before, begin = _widened(text[shown:first])
    marked, end = _widened(text[first:stop], begin)
    behind, _ = _widened(text[stop:last], end)
    carets = "^" * max(1, end - begin)
    off = _PLAIN if paint else ""
    lines = [f"    {before}{marked}{behind}".rstrip(), f"    {' ' * begin}{paint}{carets}{off}"]
    if "\n" in span.text.rstrip():
        lines.append(f"    ... to line {span.source.position(span.end - 1)[0]}")
    return lines


def nearest(name: str, choices: Sequence[str], otherwise: str = "there are") -> str:
    """Return the help for a name that is not among ``choices``: the closest one, or all."""
    from difflib import get_close_matches

    close = get_close_matches(str(name), choices, 1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"{otherwise}: {', '.join(choices) or 'none'}"


def place(span: Span) -> str:
    """Return ``file:line:column``, or the bare name of a source that has no text."""
    if span.source is NOWHERE.source:
        return "nestml"
    return f"{span.source.name}:{span.line}:{span.column}"


def render(diagnostic: Diagnostic, *, color: bool = False) -> str:
    """Return the diagnostic as text: place, code, message, excerpt with caret, help.

    Nothing in it can steer a terminal but the colours, if ``color`` is set.
    """
    d = diagnostic
    severity = d.code.severity.value

    def painted(text: str, name: str) -> str:
        return f"{_COLORS[name]}{text}{_PLAIN}" if color else text

    def strong(text: str) -> str:
        return f"{_BOLD}{text}{_PLAIN}" if color else text

    def paint(name: str) -> str:
        return _COLORS[name] if color else ""

    head = painted(f"{severity}[{d.code.id}]", severity)
    lines = [f"{strong(_printable(place(d.span)))}: {head}: {strong(_printable(d.message))}"]
    lines += _excerpt(d.span, paint(severity))
    for note in d.notes:
        where = _printable(place(note.span))
        lines.append(f"{painted('note', 'note')}: {where}: {_printable(note.message)}")
        lines += _excerpt(note.span, paint("note"))
    if d.help:
        lines.append(f"{painted('help', 'help')}: {_printable(d.help)}")
    return "\n".join(lines)


def foremost(diagnostics: Sequence[Diagnostic], limit: int) -> tuple[Diagnostic, ...]:
    """Return the first ``limit`` diagnostics, each once, in their order; errors go before others.

    So no error is hidden behind warnings.
    """
    unique = tuple(dict.fromkeys(diagnostics))
    ranks = list(Severity)
    graver = sorted(range(len(unique)), key=lambda i: (ranks.index(unique[i].code.severity), i))
    return tuple(unique[i] for i in sorted(graver[:limit]))


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """Return how many diagnostics there are of each severity, as ``2 errors, 1 hint``."""
    unique = tuple(dict.fromkeys(diagnostics))
    counts = {s: sum(d.code.severity is s for d in unique) for s in Severity}
    return ", ".join(f"{n} {s.value}{'s' if n > 1 else ''}" for s, n in counts.items() if n)


def as_json(diagnostic: Diagnostic) -> dict[str, object]:
    """Return the diagnostic as plain data, for editors.

    Lines and columns are counted from 1, ``start`` and ``end`` are offsets from 0; all of them in
    characters, and the end is the first place behind. ``file`` is null, and the places are left
    out, where no text is meant.
    """

    def at(span: Span) -> dict[str, object]:
        if span.source is NOWHERE.source:
            return {"file": None}
        end = max(span.start, span.end)
        line, column = span.source.position(end)
        return {
            "file": span.source.name,
            "line": span.line,
            "column": span.column,
            "endLine": line,
            "endColumn": column,
            "start": span.start,
            "end": end,
        }

    d = diagnostic
    return {
        "code": d.code.id,
        "severity": d.code.severity.value,
        "title": d.code.title,
        **at(d.span),
        "message": d.message,
        "help": d.help,
        "notes": [{**at(n.span), "message": n.message} for n in d.notes],
    }
