"""A text in the making: edits by offset, and where each character came from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from nestml_core.source import Source, Span

_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|([ \t]*#[^\n]*\n?[ \t]*)')


@dataclass(frozen=True, slots=True)
class Edit:
    """The characters ``start`` to ``end`` become ``text``."""

    start: int
    end: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A text made of a source by edits.

    ``origins`` has the offset in the source of each character (of what is new: of what it stands
    for), and one more for the end.
    """

    source: Source
    text: str
    origins: tuple[int, ...]

    @staticmethod
    def of(source: Source) -> Draft:
        return Draft(source, source.text, tuple(range(len(source.text) + 1)))

    @property
    def newline(self) -> str:
        """The line end that the source uses."""
        return "\r\n" if "\r\n" in self.source.text else "\n"

    def span(self, start: int, end: int) -> Span:
        """Return where the characters of this text came from."""
        first = self.origins[start]
        last = self.origins[end - 1] + 1 if end > start else first
        return Span(self.source, first, max(first, last))

    def cut(self, start: int, end: int, text: str = "") -> Edit:
        """Return the edit that puts ``text`` in place of what is not a comment."""
        kept = (m[1] for m in _COMMENT.finditer(self.text, start, end) if m[1])
        return Edit(start, end, text + "".join(kept))

    def edited(self, edits: Iterable[Edit]) -> Draft:
        """Return the draft with all edits made; insertions at one place keep their order.

        Raises
        ------
        ValueError : two edits overlap.
        """
        text: list[str] = []
        origins: list[int] = []
        at = 0
        for e in sorted(edits, key=lambda e: (e.start, e.end)):
            if e.start < at:
                raise ValueError(f"edits overlap at {e.start}")
            text += (self.text[at : e.start], e.text)
            origins += self.origins[at : e.start]
            origins += [self.origins[e.start]] * len(e.text)
            at = e.end
        text.append(self.text[at:])
        origins += self.origins[at:]
        return Draft(self.source, "".join(text), tuple(origins))
