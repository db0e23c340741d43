"""Refractory periods: a counter that keeps a model from integrating, taken out and put into words.

On the chip no neuron counts; a corelet holds its membrane down for so many ticks instead. The
pattern is found by structure: one state variable beside those of the equations, which ``update``
counts down in one branch of an ``if`` while the other branch integrates, and which is set where a
spike is emitted. How many steps that holds is found by counting, so that whole numbers and times
in ms serve alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from nestml_core.api import (
    Assign,
    Binary,
    Emit,
    Expr,
    If,
    Integrate,
    OnCondition,
    SolvedModel,
    Span,
    Stmt,
    Symbol,
    symbols_in,
    walk_statements,
)
from nestml_truenorth.affine import Affine, Exact, Scope

LONGEST = 4096
"""Steps of a refractory period up to which we count."""


@dataclass(frozen=True, slots=True)
class Refractory:
    """What the counter does.

    Attributes
    ----------
    counter : the state variable
    values : of the counter at the end of the step of a spike and of those that follow; the last
        one is where it stays
    begins : its first value
    flows : what is integrated while it counts
    span : where the model counts
    """

    counter: Symbol
    values: tuple[Fraction, ...]
    begins: Fraction
    flows: tuple[int, ...]
    span: Span

    @property
    def steps(self) -> int:
        """For how many steps after that of a spike the membrane is held."""
        return len(self.values) - 1


@dataclass(frozen=True, slots=True)
class Stripped:
    """A model without its counter, and what that did; None if there was none."""

    model: SolvedModel
    refractory: Refractory | None


class _Other(Exception):
    """The model is not of that pattern."""


def stripped(
    model: SolvedModel,
    tick: Fraction,
    settings: Mapping[Symbol, Exact],
    initial: Mapping[Symbol, Exact],
) -> Stripped:
    """Return ``model`` without its refractory counter, or as it is if it has none we know."""
    moving = {s for flow in model.flows for s in flow.variables}
    still = [d.symbol for d in model.state if d.symbol not in moving]
    counters = [s for s in still if s.size is None and _is_counted(model, s)]
    if len(counters) != 1:
        return Stripped(model, None)
    try:
        return _without(model, counters[0], tick, settings, initial)
    except _Other:
        return Stripped(model, None)


def _is_counted(model: SolvedModel, symbol: Symbol) -> bool:
    return any(isinstance(s, Assign) and s.target == symbol for s in walk_statements(model.update))


def _without(
    model: SolvedModel,
    counter: Symbol,
    tick: Fraction,
    settings: Mapping[Symbol, Exact],
    initial: Mapping[Symbol, Exact],
) -> Stripped:
    at = [n for n, s in enumerate(model.update) if _mentions(s, counter)]
    if len(at) != 1:
        raise _Other
    choice = model.update[at[0]]
    if not isinstance(choice, If) or len(choice.branches) != 1:
        raise _Other
    condition = choice.branches[0].condition
    if set(symbols_in(condition)) & {d.symbol for d in model.state} != {counter}:
        raise _Other
    bodies = (choice.branches[0].body, choice.otherwise)
    counting = [n for n, body in enumerate(bodies) if any(_mentions(s, counter) for s in body)]
    if len(counting) != 1:
        raise _Other
    held, free = bodies[counting[0]], bodies[1 - counting[0]]
    flows, countdown = _held(held, counter)
    fire_at, fire, start = _fire(model, counter)

    def value(expr: Expr, now: Fraction) -> object:
        return Scope(model, tick, {**settings, counter: now}, frozenset()).value(expr)

    def counts(now: Fraction) -> bool:
        known = value(condition, now)
        if not isinstance(known, bool):
            raise _Other
        return known == (counting[0] == 0)

    values = [_number(value(start, Fraction(0)))]
    while counts(values[-1]):
        values.append(_number(value(countdown, values[-1])))
        if len(values) > LONGEST:
            raise _Other
    first = next(d.value for d in model.state if d.symbol == counter)
    begins = initial.get(counter) if counter in initial else _number(value(first, Fraction(0)))
    if not isinstance(begins, Fraction) or counts(begins):
        raise _Other
    rest, guards = _split(fire.condition, counter)
    if any(value(g, now) is not True for g in guards for now in (values[-1], begins)):
        raise _Other
    body = tuple(s for s in fire.body if not _mentions(s, counter))
    blocks = list(model.on_condition)
    blocks[fire_at] = replace(fire, condition=rest, body=body)
    others = [b for n, b in enumerate(blocks) if n != fire_at]
    if any(_reads(b.condition, counter) or _any_mention(b.body, counter) for b in others):
        raise _Other
    if any(_any_mention(h.body, counter) for h in model.on_receive):
        raise _Other
    update = (*model.update[: at[0]], *free, *model.update[at[0] + 1 :])
    clean = replace(
        model,
        state=tuple(d for d in model.state if d.symbol != counter),
        recordables=tuple(r for r in model.recordables if r.symbol != counter),
        update=update,
        on_condition=tuple(blocks),
    )
    return Stripped(clean, Refractory(counter, tuple(values), begins, flows, choice.span))


def _mentions(stmt: Stmt, symbol: Symbol) -> bool:
    return any(
        _writes(s, symbol) or any(_reads(e, symbol) for e in _expressions(s))
        for s in walk_statements((stmt,))
    )


def _any_mention(body: tuple[Stmt, ...], symbol: Symbol) -> bool:
    return any(_mentions(s, symbol) for s in body)


def _writes(stmt: Stmt, symbol: Symbol) -> bool:
    return isinstance(stmt, Assign) and stmt.target == symbol


def _expressions(stmt: Stmt) -> Iterator[Expr]:
    if isinstance(stmt, Assign):
        yield stmt.value
    if isinstance(stmt, If):
        yield from (b.condition for b in stmt.branches)


def _reads(expr: Expr, symbol: Symbol) -> bool:
    return symbol in set(symbols_in(expr))


def _held(body: tuple[Stmt, ...], counter: Symbol) -> tuple[tuple[int, ...], Expr]:
    """Return which flows go on while the counter counts, and how it does."""
    flows: list[int] = []
    countdown: list[Expr] = []
    for stmt in body:
        match stmt:
            case Integrate(flow):
                flows.append(flow)
            case Assign(target, value) if target == counter:
                countdown.append(value)
            case _:
                raise _Other
    if len(countdown) != 1:
        raise _Other
    return tuple(flows), countdown[0]


def _fire(model: SolvedModel, counter: Symbol) -> tuple[int, OnCondition, Expr]:
    """Return the block that emits, its place, and what it sets the counter to."""
    found = [
        (n, block)
        for n, block in enumerate(model.on_condition)
        if any(isinstance(s, Emit) for s in walk_statements(block.body))
    ]
    if len(found) != 1:
        raise _Other
    set_to = [s.value for s in found[0][1].body if isinstance(s, Assign) and s.target == counter]
    if len(set_to) != 1:
        raise _Other
    return (*found[0], set_to[0])


def _split(condition: Expr, counter: Symbol) -> tuple[Expr, tuple[Expr, ...]]:
    """Return the part of ``condition`` that is not about the counter, and the parts that are."""
    parts = list(_conjuncts(condition))
    guards = tuple(p for p in parts if _reads(p, counter))
    rest = [p for p in parts if p not in guards]
    if len(rest) != 1:
        raise _Other
    return rest[0], guards


def _conjuncts(condition: Expr) -> Iterator[Expr]:
    if isinstance(condition, Binary) and condition.op == "and":
        yield from _conjuncts(condition.left)
        yield from _conjuncts(condition.right)
    else:
        yield condition


def _number(value: object) -> Fraction:
    if isinstance(value, Affine) and value.is_constant and isinstance(value.constant, Fraction):
        return value.constant
    raise _Other
