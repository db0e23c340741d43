"""The layout of C++ lines: breaks in long ones, comments in one column."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from nestml_cpp.comments import COMPANY, JOINERS, apart

WIDTH = 100
NARROW = WIDTH - len(COMPANY)
"""Of comments that may be broken where a line needs company."""
CONTINUED = 4
"""How much further than its first line the rest of a statement is indented."""

BREAKS = (" + ", " - ", " && ", " || ", ", ", " ? ", " : ", " * ", " / ", " return ")
LAST_BREAKS = (" = ", "(", "))")
"""Where a line is broken that offers no better place."""
BEHIND = (", ", " = ", "(")
"""What stays on the line that ends; other things begin the next one."""


def broken(text: str) -> str:
    """Return a text of C++ with lines broken that are too long, outside strings and comments."""
    return "".join(f"{part}\n" for line in text.splitlines() for part in _broken(line))


def _broken(line: str) -> Iterator[str]:
    margin = len(line) - len(line.lstrip())
    if line.startswith("//", margin):
        slashes, _, words = line[margin:].partition(" ")
        inside = len(words) - len(words.lstrip())
        further = " " * (inside + CONTINUED if inside else 0)
        lead = f"{' ' * margin}{slashes} {further}"
        width = WIDTH if len(line) <= WIDTH or not any(j in line for j in JOINERS) else NARROW
        for part in textwrap.wrap(line, width, subsequent_indent=lead, break_long_words=False):
            yield apart(part)
        return
    indent = margin + CONTINUED
    while len(line) > WIDTH:
        found = ((depth, at) for at, depth in _places(line, BREAKS) if indent < at <= WIDTH)
        places = list(found) or [
            (depth, at) for at, depth in _places(line, LAST_BREAKS) if indent < at <= WIDTH
        ]
        if not places:
            break
        outermost = min(depth for depth, _ in places)
        at = max(at for depth, at in places if depth == outermost)
        yield line[:at].rstrip()
        line = " " * indent + line[at:].lstrip()
    yield line


def _places(line: str, breaks: Sequence[str]) -> Iterator[tuple[int, int]]:
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
        elif line.startswith("//", i):
            return  # the rest is a comment
        else:
            depth += (c in "([{") - (c in ")]}")
            found = next((b for b in breaks if line.startswith(b, i)), None)
            if found is not None:
                yield i + (len(found) if found in BEHIND else 1), depth


def aligned(lines: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Return pairs of code and comment as lines whose comments stand in one column."""
    width = max((len(code) for code, comment in lines if comment), default=0)
    return tuple(f"{code:<{width}}  ///< {comment}" if comment else code for code, comment in lines)
