"""Statements of a resolved model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypeAlias

from nestml_core.expr import Expr, Symbol
from nestml_core.source import NOWHERE, Span


@dataclass(frozen=True, slots=True)
class Assign:
    """``target = value``; compound assignments are written out.

    With an ``index``, the element of the vector ``target`` at that place gets the value. A vector
    as a whole gets a vector of the same size, or one number for all elements, evaluated once.
    """

    target: Symbol
    value: Expr
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    index: Expr | None = None


@dataclass(frozen=True, slots=True)
class Declare:
    """A new local variable with its first value; a vector gets it as in ``Assign``."""

    symbol: Symbol
    value: Expr
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Branch:
    condition: Expr
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class If:
    branches: tuple[Branch, ...]
    otherwise: tuple[Stmt, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class For:
    """``variable`` runs from ``start`` while it is below (step > 0) or above (step < 0) ``stop``.

    ``stop`` is evaluated anew before each pass.
    """

    variable: Symbol
    start: Expr
    stop: Expr
    step: Expr
    body: tuple[Stmt, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class While:
    condition: Expr
    body: tuple[Stmt, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Return:
    value: Expr | None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class IntegrateOdes:
    """``integrate_odes(...)`` as written: the named variables, or None for all of them."""

    variables: tuple[Symbol, ...] | None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Integrate:
    """Advance by one step what ``SolvedModel.flows[flow]`` says; stands for ``integrate_odes``."""

    flow: int
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Emit:
    """Send a spike at the end of the step. ``weight`` is None for ``emit_spike()``."""

    weight: Expr | None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


class Channel(Enum):
    PRINT = "print"
    PRINTLN = "println"
    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Say:
    """Text for the user: string expressions and values, printed one after the other."""

    channel: Channel
    parts: tuple[Expr, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Evaluate:
    """A call for its effects: a void function of the model."""

    call: Expr
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Stmt: TypeAlias = (
    Assign | Declare | If | For | While | Return | IntegrateOdes | Integrate | Emit | Say | Evaluate
)


def bodies(stmt: Stmt) -> tuple[tuple[Stmt, ...], ...]:
    """Return the statement lists inside ``stmt``."""
    match stmt:
        case If(branches, otherwise):
            return (*(b.body for b in branches), otherwise)
        case For() | While():
            return (stmt.body,)
        case _:
            return ()


def walk_statements(body: tuple[Stmt, ...]) -> Iterator[Stmt]:
    """Yield all statements, outer before inner, in source order."""
    for stmt in body:
        yield stmt
        for inner in bodies(stmt):
            yield from walk_statements(inner)


def expressions(stmt: Stmt) -> tuple[Expr, ...]:
    """Return the expressions that ``stmt`` itself evaluates, not those of inner statements."""
    match stmt:
        case Assign(_, value, _, index) if index is not None:
            return (value, index)
        case Assign(_, value) | Declare(_, value):
            return (value,)
        case If(branches):
            return tuple(b.condition for b in branches)
        case For(_, start, stop, step):
            return (start, stop, step)
        case While(condition):
            return (condition,)
        case Return(value) | Emit(value):
            return () if value is None else (value,)
        case Say(_, parts):
            return parts
        case Evaluate(call):
            return (call,)
        case _:
            return ()


def expressions_in(body: tuple[Stmt, ...]) -> Iterator[Expr]:
    """Yield the top-level expressions of all statements in ``body``."""
    for stmt in walk_statements(body):
        yield from expressions(stmt)


def map_body(
    body: tuple[Stmt, ...],
    expr: Callable[[Expr], Expr],
    stmt: Callable[[Stmt], Stmt | tuple[Stmt, ...]] = lambda s: s,
) -> tuple[Stmt, ...]:
    """Return ``body`` with every expression and then every statement replaced, by one or more."""
    found: list[Stmt] = []
    for s in body:
        new = stmt(_map(s, expr, stmt))
        found += new if isinstance(new, tuple) else (new,)
    return tuple(found)


def _map(
    s: Stmt, expr: Callable[[Expr], Expr], stmt: Callable[[Stmt], Stmt | tuple[Stmt, ...]]
) -> Stmt:
    def inner(body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        return map_body(body, expr, stmt)

    match s:
        case Assign(_, value, _, index) if index is not None:
            return replace(s, value=expr(value), index=expr(index))
        case Assign() | Declare():
            return replace(s, value=expr(s.value))
        case If(branches, otherwise):
            new = tuple(Branch(expr(b.condition), inner(b.body)) for b in branches)
            return replace(s, branches=new, otherwise=inner(otherwise))
        case For():
            return replace(
                s,
                start=expr(s.start),
                stop=expr(s.stop),
                step=expr(s.step),
                body=inner(s.body),
            )
        case While():
            return replace(s, condition=expr(s.condition), body=inner(s.body))
        case Return(value):
            return s if value is None else replace(s, value=expr(value))
        case Emit(weight):
            return s if weight is None else replace(s, weight=expr(weight))
        case Say():
            return replace(s, parts=tuple(expr(p) for p in s.parts))
        case Evaluate():
            return replace(s, call=expr(s.call))
        case _:
            return s
