"""Triple-quoted texts and ``/* ... */`` become comments; broken conditional expressions join."""

from __future__ import annotations

import re
from itertools import pairwise
from textwrap import dedent

from nestml_core.diagnostics import Diagnostic
from nestml_core.syntax.upgrade.draft import Draft, Edit
from nestml_core.syntax.upgrade.notes import LEFT, Step, step
from nestml_core.syntax.upgrade.scan import HEADERS, code_lines

_PIECE = re.compile(r'#[^\n]*|"""|/\*|"(?:[^"\\\n]|\\.)*"')
_CLOSING = {'"""': '"""', "/*": "*/"}


def line_comments(draft: Draft) -> Step:
    """Replace texts in triple quotes and block comments by comments of lines.

    Before: a text in triple quotes above a model. After: the same lines, each behind ``#``.
    """
    edits: list[Edit] = []
    notes: list[Diagnostic] = []
    text, at = draft.text, 0
    top = last = 0  # where the line begins that the last one stood in, and where that one ended
    while (m := _PIECE.search(text, at)) is not None:
        at = m.end()
        if m[0] not in _CLOSING:
            continue
        end = text.find(_CLOSING[m[0]], at)
        if end < 0:
            message = f"this `{m[0]}` is never closed"
            notes.append(LEFT.at(draft.span(m.start(), at), message, help="write `#` comments"))
            break
        content = text[at:end]
        at = end + len(_CLOSING[m[0]])
        line = text.rfind("\n", 0, m.start()) + 1
        top = top if line < last else line
        edits += _as_comments(draft, top, m.start(), at, content)
        last = at
    return step(draft, edits, notes)


def _as_comments(draft: Draft, line: int, start: int, end: int, content: str) -> list[Edit]:
    text, newline = draft.text, draft.newline
    before = text[line:start]
    indent = before[: len(before) - len(before.lstrip())]
    stop = text.find("\n", end)
    behind = text[end : stop if stop >= 0 else len(text)].strip()
    block = f"{newline}{indent}".join(_commented(content))
    if behind and not behind.startswith("#"):  # code goes on: the comment goes above its line
        above = [Edit(line, line, f"{indent}{block}{newline}")] if block else []
        return [*above, Edit(start, end, " " if before.strip() else "")]
    return [Edit(start, end, block)]


def _commented(content: str) -> list[str]:
    first, *rest = content.split("\n")
    inner = [first.strip(), *dedent("\n".join(rest)).split("\n")]
    lines = [line.rstrip() for line in inner]
    while lines and not lines[0]:
        del lines[0]
    while lines and not lines[-1]:
        lines.pop()
    return [f"# {line}" if line else "#" for line in lines]


def joined_lines(draft: Draft) -> Step:
    """Put a backslash where a conditional expression goes on in the next line without one.

    Before: ``x = a > b ?`` and ``1 : 2`` on two lines. After: ``x = a > b ? \\`` on the first.
    """
    edits: list[Edit] = []
    lines = code_lines(draft.text)
    first = None
    asked = False  # whether a `?` stands in what has been joined so far
    for line, following in pairwise(lines):
        first = first or line
        asked = asked or "?" in line.words
        goes_on = (
            following.words[0] in ("?", ":")
            or line.words[-1] == "?"
            or (line.words[-1] == ":" and asked and first.words[0] not in HEADERS)
        )
        if goes_on and not line.joined:
            comment = draft.text[line.end : line.stop].strip()
            if comment:
                lead = draft.text[first.first : first.start]
                edits.append(Edit(first.first, first.first, f"{lead}{comment}{draft.newline}"))
            edits.append(Edit(line.end, line.stop, " \\"))
        if not goes_on and not line.joined:
            first, asked = None, False
    return step(draft, edits)
