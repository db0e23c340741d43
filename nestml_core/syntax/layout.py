"""Indentation and line ends as characters, so that an ordinary grammar can parse the rest."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from nestml_core.diagnostics import Code, Diagnostic, Severity
from nestml_core.source import Source, Span

NEWLINE, INDENT, DEDENT = "\ue000", "\ue001", "\ue002"
MARKERS = NEWLINE + INDENT + DEDENT
TAB = 8

BAD_DEDENT = Code("NML001", Severity.ERROR, "indentation that fits no open block")
BAD_CHARACTER = Code("NML002", Severity.ERROR, "a character that cannot stand here")
OPEN_STRING = Code("NML003", Severity.ERROR, "a string that is not closed on its line")
BAD_CONTINUATION = Code("NML004", Severity.ERROR, "a blank behind a backslash")
OLD_SYNTAX = Code("NML017", Severity.ERROR, "a construct of an older NESTML")

_PIECE = re.compile(r'"(?:[^"\\\n]|\\.)*"|"|#|[()\[\]]|[^"#()\[\]]+')
_BAD = re.compile(r"[^\t\r\x20-\x7e]+")
_MARKER = re.compile(f"[{MARKERS}]")
_LEVEL = re.compile(f"[{INDENT}{DEDENT}]")
_ALTERNATIVE = re.compile(r"(elif|else)\b")
_EMPTIED = re.compile(f"[^{MARKERS}]*{NEWLINE}{INDENT}{DEDENT}")
_DOCSTRING = '"""'
_BLANKS_BEHIND = MARKERS + " \t"


PLAIN: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys("\u2212\u2013\u2014\u2010\u2011", "-"),
        **dict.fromkeys("\u00b7\u00d7\u2217\u22c5", "*"),
        **dict.fromkeys("\u00f7\u2044\u2215", "/"),
        **dict.fromkeys("\u2018\u2019\u2032\u00b4", "'"),
        **{"\u2264": "<=", "\u2265": ">=", "\u2260": "!=", "\u221e": "inf", "\u2190": "<-"},
        **{"\u00b2": "**2", "\u00b3": "**3", "\u2026": "...", "\u2126": "Ohm", "\u03a9": "Ohm"},
    }
)
"""What characters of typeset formulas are in NESTML."""

Edit: TypeAlias = tuple[int, int, str]
"""A stretch of laid-out text, from and to, and what comes in its place."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment, without the ``#``; ``own_line`` if nothing stands before it."""

    span: Span
    text: str
    own_line: bool


@dataclass(frozen=True, slots=True)
class Laid:
    """A source laid out for the grammar.

    ``text`` is a sequence of pieces of the source and of markers; ``starts[k]`` is where piece k
    begins in ``text`` and ``origins[k]`` where it begins in the source.
    """

    source: Source
    text: str
    starts: tuple[int, ...]
    origins: tuple[int, ...]
    comments: tuple[Comment, ...]

    def origin(self, offset: int) -> int:
        """Return the offset in the source of ``offset`` in the laid-out text."""
        k = bisect_right(self.starts, offset) - 1
        if k < 0:
            return 0
        last = k + 1 == len(self.starts)
        limit = len(self.source.text) if last else self.origins[k + 1]
        return min(self.origins[k] + offset - self.starts[k], limit)

    def span(self, start: int, end: int) -> Span:
        """Return the source span of a stretch of laid-out text; markers at its end do not count."""
        while end > start and self.text[end - 1] in _BLANKS_BEHIND:
            end -= 1
        first = self.origin(start)
        k = bisect_right(self.starts, start)
        if k == len(self.starts) or end <= self.starts[k]:  # all in one piece
            return Span(self.source, first, min(first + end - start, len(self.source.text)))
        last = self.origin(end - 1) + 1 if end > start else first
        return Span(self.source, first, max(first, min(last, len(self.source.text))))

    def edited(self, *edits: Edit) -> Laid:
        """Return the layout with stretches of its text replaced; they are in order and apart."""
        parts: list[str] = []
        starts: list[int] = []
        origins: list[int] = []
        length = at = 0
        for start, end, new in (*edits, (len(self.text), len(self.text), "")):
            if start > at:
                first, last = bisect_right(self.starts, at), bisect_left(self.starts, start)
                shift = length - at
                inner = self.starts[first:last]
                starts.append(length)
                starts += inner if shift == 0 else [k + shift for k in inner]
                origins.append(self.origin(at))
                origins += self.origins[first:last]
                parts.append(self.text[at:start])
                length += start - at
            if new:
                starts.append(length)
                origins.append(self.origin(start))
                parts.append(new)
                length += len(new)
            at = end
        text = "".join(parts)
        return Laid(self.source, text, tuple(starts), tuple(origins), self.comments)


def logical_line(text: str, offset: int) -> tuple[int, int]:
    """Return the line around ``offset``, with its line end and the block that it opens.

    A line that begins with ``elif`` or ``else`` goes with the one before it.
    """
    offset = min(offset, len(text) - 1)
    while offset > 0 and text[offset] in INDENT + DEDENT:
        offset -= 1
    start = offset
    while start > 0 and text[start - 1] not in MARKERS:
        start -= 1
    end = text.find(NEWLINE, offset) + 1 or len(text)
    while True:
        if text[end : end + 1] == INDENT:
            depth = 0
            for mark in _LEVEL.finditer(text, end):
                depth += 1 if mark[0] == INDENT else -1
                end = mark.end()
                if depth == 0:
                    break
        if not _ALTERNATIVE.match(text, end):
            return start, end
        end = text.find(NEWLINE, end) + 1 or len(text)


def without_empty_blocks(laid: Laid) -> Laid:
    """Return ``laid`` without the blocks left without a line, and without their heads.

    With the block of an ``if`` goes what hangs on it.
    """
    while found := list(_EMPTIED.finditer(laid.text)):
        edits: list[Edit] = []
        at = 0
        for m in found:
            end = m.end()
            if _ALTERNATIVE.match(laid.text, end):
                end = logical_line(laid.text, end)[1]
            if m.start() >= at:
                edits.append((m.start(), end, ""))
                at = end
        laid = laid.edited(*edits)
    return laid


@dataclass(frozen=True, slots=True)
class _Line:
    """One physical line: where its code begins and ends, how deep it is, what it leaves open."""

    start: int
    end: int
    code: str
    indent: int
    brackets: int
    joined: bool
    comma: bool


def lay_out(source: Source) -> tuple[Laid, tuple[Diagnostic, ...]]:
    """Return ``source`` with indentation turned into markers, and what is wrong with its layout.

    A logical line goes on behind a backslash or a comma at the end of a physical line, and inside
    brackets as long as the lines are indented deeper than the block they stand in.
    """
    return _Layout(source).run()


class _Layout:
    """The state of one call of ``lay_out``."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.found: list[Diagnostic] = []
        self.comments: list[Comment] = []
        self.pieces: list[str] = []
        self.starts: list[int] = []
        self.origins: list[int] = []
        self.length = 0
        self.docstrings: list[Span] = []
        self.misfits: set[tuple[int, int]] = set()

    def add(self, piece: str, origin: int) -> None:
        self.pieces.append(piece)
        self.starts.append(self.length)
        self.origins.append(origin)
        self.length += len(piece)

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def run(self) -> tuple[Laid, tuple[Diagnostic, ...]]:
        levels = [0]
        text = self.source.text
        if _MARKER.search(text):  # only in strings and comments do they mean nothing
            text = _MARKER.sub("\N{REPLACEMENT CHARACTER}", text)
        open_line = False  # a logical line waits for more
        depth = 0
        last = 0
        for line in self.lines(text):
            if open_line and (depth == 0 or line.indent > levels[-1]):
                self.add(" ", line.start)
            else:
                if open_line:
                    self.add(NEWLINE, last)
                    depth = 0
                self.change_level(levels, line, last)
            self.add(line.code, line.start)
            last = line.end
            depth = max(0, depth + line.brackets)
            open_line = line.joined or line.comma or depth > 0
            if not open_line:
                self.add(NEWLINE, last)
        if open_line:
            self.add(NEWLINE, last)
        for _ in levels[1:]:
            self.add(DEDENT, last)
        self.report_docstrings()
        laid = Laid(
            self.source,
            "".join(self.pieces),
            tuple(self.starts),
            tuple(self.origins),
            tuple(self.comments),
        )
        return laid, tuple(self.found)

    def change_level(self, levels: list[int], line: _Line, last: int) -> None:
        if line.indent > levels[-1]:
            levels.append(line.indent)
            self.add(INDENT, last)
            return
        while line.indent < levels[-1]:
            if line.indent > levels[-2]:
                misfit = (len(levels), line.indent)
                if misfit in self.misfits:
                    return
                self.misfits.add(misfit)
                widths = " and ".join(map(str, levels))
                message = f"this line is indented by {line.indent}; the open blocks use {widths}"
                span = self.span(line.start, line.start + 1)
                self.found.append(BAD_DEDENT.at(span, message, help="align it with its block"))
                return  # the line counts as part of the inner block
            levels.pop()
            self.add(DEDENT, last)

    def lines(self, text: str) -> list[_Line]:
        """Return the lines that hold code."""
        result: list[_Line] = []
        offset = skip = 0
        documented = _DOCSTRING in text
        for raw in text.split("\n"):
            if documented and offset >= skip and raw.lstrip().startswith(_DOCSTRING):
                skip = self.docstring_end(text, offset + raw.index(_DOCSTRING))
            line = self.scan(raw, offset) if offset >= skip else None
            if line is not None:
                result.append(line)
            offset += len(raw) + 1
        return result

    def docstring_end(self, text: str, start: int) -> int:
        """Return where the line ends on which the docstring that begins at ``start`` ends."""
        end = text.find(_DOCSTRING, start + len(_DOCSTRING))
        line_end = text.find("\n", max(start, end))
        first = text.find("\n", start)
        self.docstrings.append(self.span(start, first if first >= 0 else len(text)))
        return line_end + 1 if line_end >= 0 else len(text) + 1

    def report_docstrings(self) -> None:
        if self.docstrings:
            more = f" ({len(self.docstrings)} in this file)" if len(self.docstrings) > 1 else ""
            message = f"docstrings are of an older NESTML{more}"
            help = "begin each of their lines with `#`; `nestml upgrade` does it"
            self.found.append(OLD_SYNTAX.at(self.docstrings[0], message, help=help))

    def scan(self, raw: str, offset: int) -> _Line | None:
        end, brackets = self.code_end(raw, offset)
        bad = [m for m in _BAD.finditer(raw, 0, end) if not self.in_string(raw, m.start())]
        for m in bad:
            raw = self.without_bad(raw, m, offset)
        code = raw[:end].rstrip()
        body = code.lstrip(" \t")
        if not body:
            return None
        lead = code[: len(code) - len(body)]
        joined = code.endswith("\\") and end == len(raw)
        if joined and raw.rstrip("\r") != code:
            span = self.span(offset + len(code), offset + len(raw))
            self.found.append(
                BAD_CONTINUATION.at(
                    self.span(offset + len(code) - 1, offset + len(code)),
                    "a backslash joins lines only at the very end of its line",
                    help=f"remove the {span.end - span.start} blank(s) behind it",
                )
            )
        stop = len(code) - joined
        width = len(lead)
        indent = len(lead.expandtabs(TAB)) - sum(
            min(m.end(), width) - m.start() for m in bad if _no_width(m) and m.start() < width
        )
        comma = code.endswith(",")
        start = offset + len(lead)
        return _Line(start, offset + stop, raw[len(lead) : stop], indent, brackets, joined, comma)

    def without_bad(self, raw: str, bad: re.Match[str], offset: int) -> str:
        """Report characters that cannot stand in code; what is no letter goes on as blanks."""
        if offset + bad.end() == 1 and bad[0] == "\ufeff":
            return " " + raw[1:]  # a byte order mark
        self.bad_character(offset + bad.start(), offset + bad.end())
        if any(c.isalnum() for c in bad[0]):
            return raw
        meant = "".join(PLAIN.get(c, " ") for c in bad[0])
        meant = meant if len(meant) == len(bad[0]) else " " * len(bad[0])
        return raw[: bad.start()] + meant + raw[bad.end() :]

    def in_string(self, raw: str, at: int) -> bool:
        return any(
            m.start() < at < m.end()
            for m in _PIECE.finditer(raw)
            if len(m[0]) > 1 and m[0][0] == '"'
        )

    def bad_character(self, start: int, end: int) -> None:
        text = self.source.text[start]
        name = f"U+{ord(text):04X}"
        if text in "\u00b5\u03bc":
            help = "use `u` for micro"
        elif text.isspace():
            help = "put an ordinary blank in its place"
        elif text in "\u201c\u201d\u201e":
            help = 'strings stand between plain double quotes, `"`'
        elif text in PLAIN:
            help = f"write `{PLAIN[text]}`"
        else:
            help = "names and units are plain ASCII" if text.isprintable() else "remove it"
        message = f"the character {text!r} ({name}) can stand only in comments and strings"
        self.found.append(BAD_CHARACTER.at(self.span(start, end), message, help=help))

    def code_end(self, raw: str, offset: int) -> tuple[int, int]:
        """Return where the code of a line ends, and how many brackets it leaves open."""
        brackets = 0
        for piece in _PIECE.finditer(raw):
            match piece[0]:
                case "#":
                    own = not raw[: piece.start()].strip()
                    span = self.span(offset + piece.start(), offset + len(raw.rstrip()))
                    self.comments.append(Comment(span, span.text[1:], own))
                    return piece.start(), brackets
                case '"':
                    span = self.span(offset + piece.start(), offset + len(raw.rstrip()))
                    message = "this string is not closed"
                    help = 'strings end on the line they begin on, with a second `"`'
                    self.found.append(OPEN_STRING.at(span, message, help=help))
                    return piece.start(), brackets
                case "(" | "[":
                    brackets += 1
                case ")" | "]":
                    brackets -= 1
        return len(raw), brackets


def _no_width(bad: re.Match[str]) -> bool:
    """Return whether the characters, at the begin of a line, do not count as indentation."""
    lead = bad.string[: bad.start()]
    return not lead.strip() and not any(c.isalnum() or c == "\u00a0" for c in bad[0])
