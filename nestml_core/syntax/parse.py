"""Parsing: a source becomes a tree, and everything wrong with its syntax is said in one go."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from nestml_core.diagnostics import Code, Diagnostic, Severity
from nestml_core.source import Source, Span
from nestml_core.syntax import tree
from nestml_core.syntax.build import TOO_DEEP, Builder
from nestml_core.syntax.layout import (
    DEDENT,
    INDENT,
    NEWLINE,
    Laid,
    lay_out,
    logical_line,
    without_empty_blocks,
)
from nestml_core.syntax.mistakes import Failure, Mistake, explain
from nestml_core.syntax.older import Old, mend, once_each

TOO_LARGE = Code("NML008", Severity.ERROR, "a file too large to be a model")
LINE_END = Code("NML020", Severity.ERROR, "a line end of another kind")
TOO_MANY = Code("NML009", Severity.ERROR, "too many syntax errors")

MAX_CHARACTERS = 500_000
MAX_LINE = 50_000
MAX_ERRORS = 20
MAX_EFFORT = 1_000_000
"""Characters that are parsed again, in all, to find what is wrong with them."""
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
    NML001-NML005, NML020 : layout; NML007 : nesting; NML008, NML009 : size and number of errors;
    NML010 and following : a line that does not fit the grammar; NML017 : one of an older NESTML.
    """
    if len(source.text) > MAX_CHARACTERS:
        message = f"{len(source.text)} characters are more than {MAX_CHARACTERS}"
        span = Span(source, 0, 0)
        return _nothing(TOO_LARGE.at(span, message, help="is this a NESTML model?"))
    foreign = _LINE_END.search(source.text)
    if foreign is not None:
        span = Span(source, foreign.start(), foreign.start() + 1)
        message = "this carriage return (U+000D) ends no line"
        help = "save the file with line ends LF or CRLF"
        return _nothing(LINE_END.at(span, message, help=help))
    laid, layout_problems = lay_out(source)
    deep = _unreadable(laid)
    if deep is not None:
        return _nothing(*layout_problems, deep)
    if len(layout_problems) > MAX_ERRORS:
        return _nothing(*layout_problems[:MAX_ERRORS], _gave_up(layout_problems[MAX_ERRORS].span))
    return _parse_laid(laid, layout_problems)


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


def _parse_laid(laid: Laid, found: tuple[Diagnostic, ...]) -> Parsed:
    """Parse model by model; at an error repair or drop the line it is in, and parse again."""
    state = _State(laid, list(found))
    while state.begin < len(state.laid.text) and not state.given_up:
        state.step()
    return state.parsed()


class _State:
    """The state of parsing one file: what is parsed, what is said, what comes next."""

    def __init__(self, laid: Laid, found: list[Diagnostic]) -> None:
        self.laid = laid
        self.found = found
        self.reported = frozenset(d.span.line for d in found)  # of a bad layout: once is enough
        self.comments = {c.span.line: c for c in laid.comments}
        self.models: list[tree.Model] = []
        self.lost: dict[str, None] = {}
        self.old: list[tuple[Old, Span]] = []
        self.begin = self.errors = self.effort = 0
        self.mended = self.joined = self.given_up = False

    def step(self) -> None:
        """Parse the next model, or take one mistake out of it."""
        end = _end_of_model(self.laid.text, self.begin)
        root = _root(self.laid.text[self.begin : end])
        if not isinstance(root, Failure):
            builder = Builder(self.laid, self.comments, self.begin, self.joined)
            self.models += builder.models(root)
            self.found += builder.found
            self.old += builder.old
            self.begin = end
        elif not self.mended:
            self.mended = True
            self.bring_up_to_date(root)
        else:
            self.effort += end - self.begin
            self.recover(root)

    def bring_up_to_date(self, failure: Failure) -> None:
        """Read past what is of an older NESTML; if nothing is, take out the mistake."""
        mended = mend(self.laid, self.begin)
        if not mended.diagnostics:
            self.recover(failure)
            return
        self.laid, self.joined = mended.laid, mended.joined
        self.found += mended.diagnostics
        self.lost |= dict.fromkeys(mended.lost)

    def recover(self, failure: Failure) -> None:
        mistake = explain(self.laid, Failure(failure.offset + self.begin, failure.tried))
        self.errors += 1
        if mistake.diagnostic.span.line not in self.reported:
            self.found.append(mistake.diagnostic)
        if self.errors > MAX_ERRORS or self.effort > MAX_EFFORT:
            self.given_up = True
            self.found[-1] = _gave_up(self.found[-1].span)
            self.models.clear()
            return
        self.laid, words = _without(self.laid, mistake)
        self.lost |= dict.fromkeys(words)

    def parsed(self) -> Parsed:
        file = tree.File(tuple(self.models), self.laid.comments, tuple(self.lost))
        return Parsed(file, (*self.found, *once_each(self.old)))


def _end_of_model(text: str, begin: int) -> int:
    """Return where the line that begins at ``begin``, with the block below it, ends."""
    end = text.find(NEWLINE, begin) + 1 or len(text)
    depth = 0
    for mark in _LEVEL.finditer(text, end):
        if mark.start() > end and depth == 0:
            break
        depth += 1 if mark[0] == INDENT else -1
        end = mark.end()
        if depth <= 0:
            break
    return end


def _root(text: str) -> Any:
    """Return the root object of a stretch of laid-out text, or the Failure to parse it."""
    from textx.exceptions import TextXSyntaxError

    quick = _quick_parser()
    root = quick(text) if quick is not None else None
    if root is not None:
        return root
    try:
        return _metamodel().model_from_str(text)
    except TextXSyntaxError as problem:
        return _failure(problem)


@lru_cache(maxsize=1)
def _quick_parser() -> Any:
    """Return the parser with lookahead, or None where it does not know this textX or Python."""
    try:
        from nestml_core.syntax.dispatch import NotUnderstood, parser
    except ImportError:
        return None
    try:
        return parser(_metamodel())
    except NotUnderstood:
        return None


def _failure(problem: Any) -> Failure:
    """Return where the parser got stuck and what it had tried there."""
    cause = problem.__cause__
    tried: dict[str, None] = {}
    for rule in cause.rules:
        tried[rule.rule_name or getattr(rule, "to_match", "") or rule.name] = None
    return Failure(cause.position, tuple(tried))


_LINE_END = re.compile(r"\r(?!\r*(?:\n|\Z))")
_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_LEVEL = re.compile(f"[{INDENT}{DEDENT}]")


def _without(laid: Laid, mistake: Mistake) -> tuple[Laid, tuple[str, ...]]:
    """Return the layout without the mistake, and the names that went with it."""
    if mistake.fixes:
        return laid.edited(*mistake.fixes), ()
    start, end = logical_line(laid.text, mistake.offset)
    rest = without_empty_blocks(laid.edited((start, end, "")))
    gone = Counter(_WORD.findall(laid.text)) - Counter(_WORD.findall(rest.text))
    return rest, tuple(gone)
