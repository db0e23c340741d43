"""Rules about functions."""

from __future__ import annotations

from collections.abc import Iterator

from nestml_core.diagnostics import Diagnostic, Note
from nestml_core.expr import Binary, Call, Conditional, Expr, children
from nestml_core.model import Function
from nestml_core.resolve import codes
from nestml_core.resolve.cycles import cycles
from nestml_core.resolve.rules.survey import Survey
from nestml_core.resolve.scope import listed
from nestml_core.resolve.statements import always_returns
from nestml_core.source import Span
from nestml_core.stmt import For, If, Return, Stmt, While, bodies, expressions, walk_statements
from nestml_core.types import Base


def functions_return(survey: Survey) -> Iterator[Diagnostic]:
    """Every path through a function with a result ends in ``return``, any other body too."""
    if "return" in survey.lost:
        return
    for f in survey.model.functions:
        if f.result.type.base is not Base.VOID and not always_returns(f.body):
            message = f"the function `{f.name}` may end without `return`"
            help = "return a value on every path, in `else` too"
            yield codes.BAD_RETURN.at(f.result.span, message, help=help)
        elif f.result.type.base is Base.VOID and not _ends_in_return(f.body):
            message = f"the function `{f.name}` does not end in `return`"
            help = "write `return` as its last line"
            yield codes.BAD_RETURN.at(f.result.span, message, help=help)


def _ends_in_return(body: tuple[Stmt, ...]) -> bool:
    """Return whether ``return`` is the last statement, in an ``if`` that of each branch."""
    last = body[-1] if body else None
    if isinstance(last, If):
        return all(_ends_in_return(b) for b in bodies(last) if b)
    return isinstance(last, Return)


def recursion_ends(survey: Survey) -> Iterator[Diagnostic]:
    """A function that calls itself whatever its arguments are never returns."""
    own = {f.name: f for f in survey.model.functions}
    certain = {name: _certain_calls(f) for name, f in own.items()}
    for cycle in cycles({name: tuple(c) for name, c in certain.items()}):
        first, *others = cycle
        through = f", through {listed(others)}" if others else ""
        message = f"`{first}` calls itself on every path{through}, and never returns"
        help = "return a value before the call where the recursion should end"
        following = (*others, first)
        notes = tuple(
            Note(certain[a][b], f"`{a}` calls `{b}`")
            for a, b in zip(others, following[1:], strict=True)
        )
        span = certain[first][following[0]]
        yield codes.NEVER_ENDS.at(span, message, help=help, notes=notes)


def _certain_calls(f: Function) -> dict[str, Span]:
    """Return what ``f`` calls on every path, and where."""
    found: dict[str, Span] = {}
    for s in f.body:
        for e in _certain_expressions(s):
            for call in _certain(e):
                found.setdefault(call.function, call.span)
        if isinstance(s, Return) or _may_return(s):
            break
    return found


def _certain_expressions(s: Stmt) -> tuple[Expr, ...]:
    match s:
        case If():
            return expressions(s)[:1]
        case For(_, start, stop):
            return (start, stop)
        case _:
            return expressions(s)


def _may_return(s: Stmt) -> bool:
    inner = isinstance(s, (If, For, While))
    return inner and any(isinstance(x, Return) for b in bodies(s) for x in walk_statements(b))


def _certain(e: Expr) -> Iterator[Call]:
    """Yield the calls that evaluating ``e`` makes whatever the values are."""
    waiting = [e]
    while waiting:
        part = waiting.pop()
        match part:
            case Conditional(condition):
                waiting.append(condition)
            case Binary("and" | "or", left):
                waiting.append(left)
            case _:
                if isinstance(part, Call):
                    yield part
                waiting.extend(children(part))
