"""Parsing: a source becomes a tree, and everything wrong with its syntax is said in one go."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from nestml_core.diagnostics import Code, Diagnostic, Severity
from nestml_core.source import Source, Span
from nestml_core.syntax import tree
from nestml_core.syntax.build import Builder
from nestml_core.syntax.layout import DEDENT, INDENT, NEWLINE, Laid, lay_out
from nestml_core.syntax.mistakes import Failure, Mistake, explain

TOO_DEEP = Code("NML007", Severity.ERROR, "an expression or block nested too deeply")
TOO_LARGE = Code("NML008", Severity.ERROR, "a file too large to be a model")
TOO_MANY = Code("NML009", Severity.ERROR, "too many syntax errors")

MAX_CHARACTERS = 2_000_000
MAX_LINE = 50_000
MAX_ERRORS = 20
MAX_NESTING = 40


@dataclass(frozen=True, slots=True)
class Parsed:
    """A tree of all that could be parsed, and what could not."""

    file: tree.File
    diagnostics: tuple[Diagnostic, ...]


@lru_cache(maxsize=1)
def _metamodel() -> Any:
    import textx

    grammar = Path(__file__).with_name("nestml.tx")
    return textx.metamodel_from_file(str(grammar), ws=" \t\r", autokwd=True)


def parse(source: Source) -> Parsed:
    """Return the tree of ``source``; what does not parse is reported and left out of it.

    Errors
    ------
    NML001-NML005 : layout; NML007 : nesting; NML008, NML009 : size and number of errors;
    NML010 and following : a line that does not fit the grammar.
    """
    if len(source.text) > MAX_CHARACTERS:
        message = f"{len(source.text)} characters are more than {MAX_CHARACTERS}"
        span = Span(source, 0, 0)
        return _nothing(TOO_LARGE.at(span, message, help="is this a NESTML model?"))
    laid, layout_problems = lay_out(source)
    deep = _unreadable(laid)
    if deep is not None:
        return _nothing(*layout_problems, deep)
    if len(layout_problems) > MAX_ERRORS:
        return _nothing(*layout_problems[:MAX_ERRORS], _gave_up(layout_problems[MAX_ERRORS].span))
    return _parse_laid(laid, list(layout_problems))


def _nothing(*problems: Diagnostic) -> Parsed:
    return Parsed(tree.File((), (), ()), problems)


def _gave_up(span: Span) -> Diagnostic:
    message = f"more than {MAX_ERRORS} syntax errors; the rest of this file was not read"
    return TOO_MANY.at(span, message, help="mend the first ones and try again")


def _unreadable(laid: Laid) -> Diagnostic | None:
    """Return a diagnostic if brackets, blocks or lines are more than the parser can follow."""
    blocks = brackets = start = 0
    for i, c in enumerate(laid.text):
        if c in "([?" or c == INDENT:
            blocks += c == INDENT
            brackets += c != INDENT
            if blocks + brackets > MAX_NESTING:
                message = f"more than {MAX_NESTING} brackets and blocks are open here"
                help = "split the expression with `inline` or a local variable"
                return TOO_DEEP.at(laid.span(i, i + 1), message, help=help)
        elif c in ")]":
            brackets = max(0, brackets - 1)
        elif c == DEDENT:
            blocks -= 1
        elif c == NEWLINE:
            if i - start > MAX_LINE:
                message = f"a line of {i - start} characters; {MAX_LINE} are the limit"
                return TOO_LARGE.at(laid.span(start, start + 1), message)
            brackets, start = 0, i + 1
    return None


def _parse_laid(laid: Laid, found: list[Diagnostic]) -> Parsed:
    """Parse; at an error repair or drop the line it is in, and parse again."""
    from textx.exceptions import TextXSyntaxError

    lost: dict[str, None] = {}
    reported = frozenset(
        d.span.line for d in found
    )  # lines with a bad layout: one report is enough
    for _ in range(MAX_ERRORS + 1):
        if not laid.text.strip():
            return Parsed(tree.File((), laid.comments, tuple(lost)), tuple(found))
        try:
            root = _metamodel().model_from_str(laid.text)
        except TextXSyntaxError as problem:
            mistake = explain(laid, _failure(problem))
            if mistake.diagnostic.span.line not in reported:
                found.append(mistake.diagnostic)
            laid, words = _mend(laid, mistake)
            lost |= dict.fromkeys(words)
        else:
            return Parsed(Builder(laid).file(root, tuple(lost)), tuple(found))
    found[-1] = _gave_up(found[-1].span)
    return Parsed(tree.File((), laid.comments, tuple(lost)), tuple(found))


def _failure(problem: Any) -> Failure:
    """Return where the parser got stuck and what it had tried there."""
    cause = problem.__cause__
    tried: dict[str, None] = {}
    for rule in cause.rules:
        tried[rule.rule_name or getattr(rule, "to_match", "") or rule.name] = None
    return Failure(cause.position, tuple(tried))


_WORD = re.compile(r"[A-Za-z_$][\w$]*")


def _mend(laid: Laid, mistake: Mistake) -> tuple[Laid, tuple[str, ...]]:
    """Return the layout without the mistake, and the names that went with it."""
    if mistake.fixes:
        for start, end, new in reversed(mistake.fixes):
            laid = laid.edited(start, end, new)
        return laid, ()
    start, end = _logical_line(laid.text, mistake.offset)
    words = tuple(_WORD.findall(laid.text[start:end]))
    laid = laid.edited(start, end)
    return _without_empty_blocks(laid, start), words


def _logical_line(text: str, offset: int) -> tuple[int, int]:
    """Return the line around ``offset``, with its line end and the block that it opens."""
    offset = min(offset, len(text) - 1)
    while offset > 0 and text[offset] in INDENT + DEDENT:
        offset -= 1
    start = offset
    while start > 0 and text[start - 1] not in NEWLINE + INDENT + DEDENT:
        start -= 1
    end = text.find(NEWLINE, offset) + 1 or len(text)
    if text[end : end + 1] == INDENT:
        depth = 0
        while end < len(text):
            depth += (text[end] == INDENT) - (text[end] == DEDENT)
            end += 1
            if depth == 0:
                break
    if re.match(r"(elif|else)\b", text[end:]):
        return start, _logical_line(text, end)[1]
    return start, end


def _without_empty_blocks(laid: Laid, near: int) -> Laid:
    """Remove blocks that dropping a line has emptied, with their headers."""
    while True:
        at = laid.text.find(INDENT + DEDENT, max(0, near - 1))
        if at < 0 or at > near:
            return laid
        start = at - 1
        while start > 0 and laid.text[start - 1] not in NEWLINE + INDENT + DEDENT:
            start -= 1
        laid = laid.edited(start, at + 2)
        near = start
