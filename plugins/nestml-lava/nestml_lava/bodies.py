"""The locals of a body: their names in generated code, where they live, and what may end it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from nestml_core.api import (
    Assign,
    Call,
    Declare,
    Definition,
    Element,
    Expr,
    For,
    Function,
    Kind,
    MatrixExponential,
    Ref,
    Return,
    SolvedModel,
    Stmt,
    Symbol,
    bodies,
    expressions,
    identifiers,
    step_expressions,
    symbols_in,
    walk,
    walk_statements,
)
from nestml_lava.reserved import LOCALS

Statements: TypeAlias = tuple[Stmt, ...]

OF_A_BODY = (Kind.LOCAL, Kind.ARGUMENT)


def local_names(body: Statements, arguments: Sequence[Symbol] = ()) -> Mapping[Symbol, str]:
    """Return the names of the arguments and locals of ``body``."""
    mentioned = [*arguments]
    for stmt in walk_statements(body):
        match stmt:
            case Declare(symbol) | Assign(symbol) | For(symbol):
                mentioned.append(symbol.owner)
            case _:
                pass
        mentioned += [s.owner for e in expressions(stmt) for s in symbols_in(e)]
    symbols = [s for s in dict.fromkeys(mentioned) if s.kind in OF_A_BODY]
    return dict(identifiers(symbols, LOCALS | generated(symbols)))


def generated(symbols: Iterable[Symbol]) -> frozenset[str]:
    """Return those names that could meet one that generated code makes up."""
    stems = ("active", "choice_", "stride_", "new_", "jump_", "function_", "_")
    return frozenset(s.identifier for s in symbols if s.identifier.startswith(stems))


def recursive(functions: Sequence[Function]) -> frozenset[str]:
    """Return the functions that may come to call themselves."""
    calls = {
        f.name: {
            e.function
            for stmt in walk_statements(f.body)
            for top in expressions(stmt)
            for e in walk(top)
            if isinstance(e, Call)
        }
        for f in functions
    }
    reached = {f: set(called) for f, called in calls.items()}
    for _ in functions:
        for called in reached.values():
            called |= {further for g in tuple(called) for further in reached.get(g, ())}
    return frozenset(f for f, called in reached.items() if f in called)


def may_return(stmt: Stmt) -> bool:
    """Return whether a statement may end its function."""
    return any(isinstance(s, Return) for s in walk_statements((stmt,)))


def _mentions(stmt: Stmt, symbol: Symbol) -> int:
    count = 0
    for s in walk_statements((stmt,)):
        match s:
            case Assign(target) | Declare(target) | For(target):
                count += target.owner == symbol
            case _:
                pass
        count += sum(_read(e) == symbol for top in expressions(s) for e in walk(top))
    return count


def _read(e: Expr) -> Symbol | None:
    match e:
        case Ref(symbol):
            return symbol.owner
        case Element(vector):
            return vector
        case _:
            return None


def escaping(whole: Statements) -> Iterable[Symbol]:
    """Yield the locals that are declared in an inner body and used outside it."""
    total: dict[Symbol, int] = {}

    def visit(inner: Statements, is_outer: bool) -> Iterable[Symbol]:
        for stmt in inner:
            if isinstance(stmt, Declare) and not is_outer:
                symbol = stmt.symbol
                if symbol not in total:
                    total[symbol] = sum(_mentions(s, symbol) for s in whole)
                if total[symbol] != sum(_mentions(s, symbol) for s in inner):
                    yield symbol
            for deeper in bodies(stmt):
                yield from visit(deeper, False)

    return tuple(visit(whole, True))


def all_expressions(model: SolvedModel) -> Iterator[Expr]:
    """Yield every expression: of steps, values, guards and constants."""
    yield from step_expressions(model)
    for d in (*model.parameters, *model.state):
        yield d.value
        if d.guard is not None:
            yield d.guard
    for derived in model.derived:
        match derived:
            case Definition(_, value):
                yield value
            case MatrixExponential(_, matrix):
                yield from (e for row in matrix for e in row)
