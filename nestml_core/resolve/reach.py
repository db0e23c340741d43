"""What the functions of a model read and change besides their arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nestml_core.expr import Call, Element, Expr, Kind, Ref, walk
from nestml_core.model import Function
from nestml_core.source import Span
from nestml_core.stmt import Assign, Emit, IntegrateOdes, Stmt, expressions_in, walk_statements

OWN = (Kind.LOCAL, Kind.ARGUMENT)


@dataclass(frozen=True, slots=True)
class Effect:
    """Something a function does that is seen outside, in words, and where."""

    words: str
    span: Span


@dataclass(frozen=True, slots=True)
class Reach:
    """The global symbols a function reads, each once, and what it does to the model.

    Both include what the functions do that it calls, directly or through others.
    """

    reads: tuple[Ref, ...] = ()
    effects: tuple[Effect, ...] = ()


NOTHING = Reach()


def reach(functions: Iterable[Function]) -> Mapping[str, Reach]:
    """Return the reach of each function, by name."""
    known = {f.name: f for f in functions}
    own = {name: _own(f) for name, f in known.items()}
    calls = {name: tuple(dict.fromkeys(_called(f))) for name, f in known.items()}
    result: dict[str, Reach] = {}
    for name in known:
        reads: dict[str, Ref] = {}
        effects: dict[Effect, None] = {}
        seen, waiting = {name}, [name]
        while waiting:
            current = waiting.pop()
            for r in own[current].reads:
                reads.setdefault(r.symbol.owner.name, r)
            effects |= dict.fromkeys(own[current].effects)
            more = [c for c in calls[current] if c in known and c not in seen]
            seen.update(more)
            waiting.extend(reversed(more))
        result[name] = Reach(tuple(reads.values()), tuple(effects))
    return result


def called(expr: Expr, reached: Mapping[str, Reach]) -> tuple[Call, ...]:
    """Return the calls in ``expr`` of functions of the model."""
    if not reached:
        return ()
    return tuple(e for e in walk(expr) if isinstance(e, Call) and e.function in reached)


def _own(f: Function) -> Reach:
    reads: dict[str, Ref] = {}
    for e in expressions_in(f.body):
        for part in walk(e):
            match part:
                case Ref(symbol) | Element(symbol) if symbol.kind not in OWN:
                    read = Ref(symbol, part.type, part.span)
                    reads.setdefault(symbol.owner.name, read)
                case _:
                    pass
    effects = [x for s in walk_statements(f.body) for x in _effect(s)]
    return Reach(tuple(reads.values()), tuple(effects))


def _effect(s: Stmt) -> Iterable[Effect]:
    match s:
        case Assign(target) if target.kind not in OWN:
            return (Effect(f"changes `{target.owner.name}`", s.span),)
        case Emit():
            return (Effect("emits a spike", s.span),)
        case IntegrateOdes():
            return (Effect("integrates equations", s.span),)
        case _:
            return ()


def _called(f: Function) -> Iterable[str]:
    for e in expressions_in(f.body):
        yield from (part.function for part in walk(e) if isinstance(part, Call))
