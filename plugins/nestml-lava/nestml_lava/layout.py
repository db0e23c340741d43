"""Break long lines of generated Python: inside brackets, each part on a line of its own.

x = f(a + b, c)       ->      x = f(
                                  a + b,
                                  c,
                              )
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from nestml_lava.ir import WIDTH

INDENT = "    "
QUOTES = '"""'
OPENING, CLOSING = "([{", ")]}"
RANKS = ((" if ", " else "), (" | ",), (" & ",), (" < ", " > ", " <= ", " >= ", " == ", " != "))
SUMS, PRODUCTS = (" + ", " - "), (" * ", " / ")
OPERATORS = (*RANKS, SUMS, PRODUCTS)
"""Operators before which an expression may go on in a new line, those that bind least first."""

LEADING = ("+ ", "- ", "* ", "/ ", "& ", "| ")


def broken(text: str) -> str:
    """Return a module whose lines are not longer than ``WIDTH``, where that can be."""
    return "\n".join(_lines(text))


def _lines(text: str) -> Iterator[str]:
    inside, previous = False, ""
    for line in text.split("\n"):
        marks = line.count(QUOTES)
        if len(line) <= WIDTH:
            yield line
        elif inside or marks:
            yield from _wrapped(line)
        else:
            yield from _split(line, follows=previous[-1:] in tuple(OPENING))
        inside ^= marks % 2 == 1
        previous = line


def _wrapped(line: str) -> list[str]:
    """Return a line of documentation as several."""
    lead = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(
        line, WIDTH, subsequent_indent=lead, break_long_words=False, break_on_hyphens=False
    )


def _split(line: str, *, follows: bool = False) -> Iterator[str]:
    """Yield a statement, or a part of one that stands in brackets, on several lines.

    ``follows`` is set for what comes first in brackets; what begins with an operator stands there.
    """
    lead = line[: len(line) - len(line.lstrip())]
    found = None if len(line) <= WIDTH else _longest_bracket(line)
    if found is None:
        follows = follows or line.lstrip()[:2] in LEADING
        parts = _parts(line.strip(), PRODUCTS) if follows and len(line) > WIDTH else [line.strip()]
        yield from (lead + part.strip() for part in parts)
        return
    begin, end = found
    yield line[: begin + 1]
    yield from _body(line[begin + 1 : end], lead + INDENT, is_call=_is_call(line, begin))
    yield from _split(lead + line[end:])


def _is_call(line: str, begin: int) -> bool:
    """Return whether a bracket takes a comma behind its last part."""
    return begin > 0 and (line[begin - 1].isalnum() or line[begin - 1] == "_")


def _body(body: str, lead: str, *, is_call: bool) -> Iterator[str]:
    """Yield what stands in brackets."""
    parts = _parts(body, (", ",))
    if len(parts) > 1 or is_call:
        for part in parts:
            plain = part.removeprefix(", ").removesuffix(",")
            *first, last = _terms(plain, lead, spare=1)
            yield from first
            yield f"{last},"
    else:
        yield from _terms(body, lead)


def _terms(text: str, lead: str, spare: int = 0) -> Iterator[str]:
    """Yield an expression in brackets: on one line, or one for each term."""
    if len(lead) + len(text) + spare <= WIDTH:
        yield lead + text
        return
    for operators in OPERATORS:
        first, *others = _parts(text, operators)
        if others:
            yield from _terms(first, lead)
            for other in others:
                yield from _split(lead + other.lstrip())
            return
    yield from _split(lead + text)


def _parts(text: str, separators: tuple[str, ...]) -> list[str]:
    """Return ``text`` cut before each separator that stands outside brackets."""
    places = [
        i
        for i in _outside(text)
        if any(text.startswith(x, i) for x in separators) and text[:i].strip()
    ]
    return [text[i:j] for i, j in zip([0, *places], [*places, len(text)], strict=True)]


def _longest_bracket(line: str) -> tuple[int, int] | None:
    """Return where the longest part in brackets begins and ends."""
    found: list[tuple[int, int]] = []
    open_at: list[int] = []
    for i, depth, c in _scan(line):
        if c in OPENING and depth == 1:
            open_at.append(i)
        elif c in CLOSING and depth == 0 and open_at:
            found.append((open_at.pop(), i))
    long = [(b, e) for b, e in found if e - b > 1]
    return max(long, key=lambda x: x[1] - x[0], default=None)


def _outside(text: str) -> Iterator[int]:
    return (i for i, depth, c in _scan(text) if depth == 0 and c not in CLOSING)


def _scan(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield place, depth of brackets behind it and character, but not those of strings."""
    depth, quote, escaped = 0, "", False
    for i, c in enumerate(text):
        if quote:
            closes = c == quote and not escaped
            escaped = c == "\\" and not escaped
            quote = "" if closes else quote
            continue
        if c in "\"'":
            quote = c
            continue
        depth += (c in OPENING) - (c in CLOSING)
        yield i, depth, c
