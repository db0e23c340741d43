"""The layout of C++ lines: breaks in long ones, comments in one column."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

WIDTH = 100
CONTINUED = 4
"""How much further than its first line the rest of a statement is indented."""

BREAKS = (" + ", " - ", " && ", " || ", ", ", " ? ", " : ", " * ", " / ", " return ")


def broken(text: str) -> str:
    """Return lines with those broken that are too long, at operators and commas outside strings."""
    return "".join(f"{part}\n" for line in text.splitlines() for part in _broken(line))


def _broken(line: str) -> Iterator[str]:
    margin = len(line) - len(line.lstrip())
    if line.startswith("//", margin):
        lead = " " * margin + line[margin:].partition(" ")[0] + " "
        yield from textwrap.wrap(line, WIDTH, subsequent_indent=lead, break_long_words=False)
        return
    indent = margin + CONTINUED
    while len(line) > WIDTH:
        places = [(depth, at) for at, depth in _places(line) if indent < at <= WIDTH]
        if not places:
            break
        outermost = min(depth for depth, _ in places)
        at = max(at for depth, at in places if depth == outermost)
        yield line[:at].rstrip()
        line = " " * indent + line[at:].lstrip()
    yield line


def _places(line: str) -> Iterator[tuple[int, int]]:
    """Yield where a line may be broken, and how many brackets are open there."""
    depth = 0
    is_text = False
    skip = False
    for i, c in enumerate(line):
        if skip:
            skip = False
        elif is_text:
            skip = c == "\\"
            is_text = c != '"'
        elif c == '"':
            is_text = True
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        else:
            found = next((b for b in BREAKS if line.startswith(b, i)), None)
            if found is not None:
                # behind a comma, in front of an operator
                yield i + (2 if found == ", " else 1), depth


def aligned(lines: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Return pairs of code and comment as lines whose comments stand in one column."""
    width = max((len(code) for code, comment in lines if comment), default=0)
    return tuple(f"{code:<{width}}  ///< {comment}" if comment else code for code, comment in lines)
