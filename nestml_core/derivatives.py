"""Equations as people write them, from the systems that a solved model has made of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nestml_core.expr import Binary, Expr, Number, Symbol, Unary, number, ref
from nestml_core.solved import Flow, LinearSystem, NonlinearSystem


def derivatives(flow: Flow) -> Iterator[tuple[Symbol, Expr]]:
    """Yield the variables that a flow advances, with their right-hand sides.

    A right-hand side is in the unit of its variable per ms.
    """
    if flow.linear is not None:
        yield from _rows(flow.linear)
    if flow.nonlinear is not None:
        yield from _right_hand_sides(flow.nonlinear)


def row(entries: Sequence[Expr], columns: Sequence[Symbol], more: Sequence[Expr] = ()) -> Expr:
    """Return the sum of the products of a row of a matrix with its variables, and ``more``."""
    terms = [_times(a, y) for a, y in zip(entries, columns, strict=True) if not _is(a, 0)]
    return _sum([*terms, *more])


def _rows(system: LinearSystem) -> Iterator[tuple[Symbol, Expr]]:
    columns = (*system.variables, *system.companions)
    for x, entries, drive in zip(system.variables, system.matrix, system.drive, strict=True):
        yield x, row(entries, columns, () if _is(drive, 0) else (drive,))


def _right_hand_sides(system: NonlinearSystem) -> Iterator[tuple[Symbol, Expr]]:
    for u in system.derivatives:
        if u.target in system.variables:
            yield u.target, u.value


def _is(e: Expr, value: int) -> bool:
    return isinstance(e, Number) and e.value == value


def _times(a: Expr, y: Symbol) -> Expr:
    match a:
        case Number(value=value) if abs(value) == 1:
            return ref(y) if value == 1 else Unary("-", ref(y))
        case Binary("/", Number(value=value) as above, below) if abs(value) == 1:
            fraction = Binary("/", ref(y), below)
            return fraction if above.value == 1 else Unary("-", fraction)
        case _:
            return Binary("*", a, ref(y))


def _sum(terms: Sequence[Expr]) -> Expr:
    if not terms:
        return number(0)
    total = terms[0]
    for term in terms[1:]:
        total = _plus(total, term)
    return total


def _plus(total: Expr, term: Expr) -> Expr:
    """Return a sum without brackets or double signs."""
    match term:
        case Unary("-", operand):
            return Binary("-", total, operand)
        case Binary("+" | "-" as op, left, right):
            return Binary(op, _plus(total, left), right)
        case _:
            return Binary("+", total, term)
