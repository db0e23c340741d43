"""What the functions of a model touch besides their arguments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nestml_core.expr import Call, Kind, Symbol, symbols_in, walk
from nestml_core.model import Function
from nestml_core.stmt import Assign, expressions_in, walk_statements

MOVING = (Kind.STATE, Kind.SPIKE_PORT, Kind.CONTINUOUS_PORT, Kind.INLINE, Kind.TIME)


def hidden_state(functions: Iterable[Function]) -> dict[str, Symbol]:
    """Return, for each function that reads or changes what moves in a step, the first such symbol.

    Functions that call such a function are among them.
    """
    known = tuple(functions)
    found = {f.name: s for f in known for s in (next(_touched(f), None),) if s is not None}
    while True:
        more = {
            f.name: found[c]
            for f in known
            if f.name not in found
            for c in (next((c for c in _called(f) if c in found), None),)
            if c is not None
        }
        if not more:
            return found
        found |= more


def _touched(f: Function) -> Iterator[Symbol]:
    for stmt in walk_statements(f.body):
        if isinstance(stmt, Assign) and stmt.target.kind in MOVING:
            yield stmt.target
    for e in expressions_in(f.body):
        yield from (s for s in symbols_in(e) if s.kind in MOVING)


def _called(f: Function) -> Iterator[str]:
    for e in expressions_in(f.body):
        yield from (part.function for part in walk(e) if isinstance(part, Call))
