"""Indentation and line ends as characters, so that an ordinary grammar can parse the rest."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from nestml_core.diagnostics import Code, Diagnostic, Severity
from nestml_core.source import Source, Span

NEWLINE, INDENT, DEDENT = "\ue000", "\ue001", "\ue002"
MARKERS = NEWLINE + INDENT + DEDENT
TAB = 8

BAD_DEDENT = Code("NML001", Severity.ERROR, "indentation that fits no open block")
BAD_CHARACTER = Code("NML002", Severity.ERROR, "a character that cannot stand here")
OPEN_STRING = Code("NML003", Severity.ERROR, "a string that is not closed on its line")
BAD_CONTINUATION = Code("NML004", Severity.ERROR, "a blank behind a backslash")

_PIECE = re.compile(r'"(?:[^"\\\n]|\\.)*"|"|#|[()\[\]]|[^"#()\[\]]+')
_BAD = re.compile(r"[^\t\r\x20-\x7e]+")


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
        while end > start and self.text[end - 1] in MARKERS + " \t":
            end -= 1
        first = self.origin(start)
        last = self.origin(end - 1) + 1 if end > start else first
        return Span(self.source, first, max(first, min(last, len(self.source.text))))

    def edited(self, start: int, end: int, new: str = "") -> Laid:
        """Return the layout with a stretch of its text replaced."""
        text = self.text[:start] + new + self.text[end:]
        starts: list[int] = []
        origins: list[int] = []
        for piece, origin in zip(self.starts, self.origins, strict=True):
            if piece < start:
                starts.append(piece)
                origins.append(origin)
        if new:
            starts.append(start)
            origins.append(self.origin(start))
        behind = self.origin(end)
        if end < len(self.text):
            starts.append(start + len(new))
            origins.append(behind)
        for piece, origin in zip(self.starts, self.origins, strict=True):
            if piece > end:
                starts.append(piece - end + start + len(new))
                origins.append(origin)
        return Laid(self.source, text, tuple(starts), tuple(origins), self.comments)


@dataclass(frozen=True, slots=True)
class _Line:
    """One physical line: where its code begins and ends, how deep it is, what it leaves open."""

    start: int
    end: int
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

    def add(self, piece: str, origin: int) -> None:
        self.pieces.append(piece)
        self.starts.append(self.length)
        self.origins.append(origin)
        self.length += len(piece)

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def run(self) -> tuple[Laid, tuple[Diagnostic, ...]]:
        levels = [0]
        open_line = False  # a logical line waits for more
        depth = 0
        last = 0
        for line in self.lines():
            if open_line and (depth == 0 or line.indent > levels[-1]):
                self.add(" ", line.start)
            else:
                if open_line:
                    self.add(NEWLINE, last)
                    depth = 0
                self.change_level(levels, line, last)
            self.add(self.source.text[line.start : line.end], line.start)
            last = line.end
            depth = max(0, depth + line.brackets)
            open_line = line.joined or line.comma or depth > 0
            if not open_line:
                self.add(NEWLINE, last)
        if open_line:
            self.add(NEWLINE, last)
        for _ in levels[1:]:
            self.add(DEDENT, last)
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
                widths = " and ".join(map(str, levels))
                message = f"this line is indented by {line.indent}; the open blocks use {widths}"
                span = self.span(line.start, line.start + 1)
                self.found.append(BAD_DEDENT.at(span, message, help="align it with its block"))
                levels[-1] = line.indent  # one report; the line counts as part of the inner block
                return
            levels.pop()
            self.add(DEDENT, last)

    def lines(self) -> list[_Line]:
        """Return the lines that hold code."""
        result: list[_Line] = []
        offset = 0
        for raw in self.source.text.split("\n"):
            line = self.scan(raw, offset)
            if line is not None:
                result.append(line)
            offset += len(raw) + 1
        return result

    def scan(self, raw: str, offset: int) -> _Line | None:
        end, brackets = self.code_end(raw, offset)
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
        indent = len(lead.expandtabs(TAB))
        for bad in _BAD.finditer(raw, 0, end):
            if not self.in_string(raw, bad.start()):
                self.bad_character(offset + bad.start(), offset + bad.end())
        return _Line(
            offset + len(lead), offset + stop, indent, brackets, joined, code.endswith(",")
        )

    def in_string(self, raw: str, at: int) -> bool:
        return any(
            m.start() < at < m.end()
            for m in _PIECE.finditer(raw)
            if len(m[0]) > 1 and m[0][0] == '"'
        )

    def bad_character(self, start: int, end: int) -> None:
        text = self.source.text[start]
        name = f"U+{ord(text):04X}"
        help = "use `u` for micro" if text in "\u00b5\u03bc" else "names and units are plain ASCII"
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
                    self.comments.append(Comment(span, raw[piece.end() :].rstrip(), own))
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
