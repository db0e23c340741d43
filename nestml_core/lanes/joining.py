"""Straight-line code with less to do: products go into the sums that alone use them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from nestml_core.expr import Binary, Conditional, Expr, Number, Ref, Symbol, walk
from nestml_core.lanes.algebra import REALS, fused
from nestml_core.lanes.ir import LaneSolve, LaneStatement, Let
from nestml_core.stmt import Assign
from nestml_core.types import BOOLEAN


def joined(
    body: tuple[LaneStatement, ...], stores: tuple[Assign, ...], emitted: Expr
) -> tuple[tuple[LaneStatement, ...], Expr]:
    """Return statements and the number of spikes, in a form that computes the same with less.

    A product that one sum alone uses is computed with it, rounded once. A number of spikes that is
    1 or 0 by a condition becomes the condition.
    """
    used = Counter(_used(body))
    used.update(s for a in stores for s in _symbols(a.value))
    used.update(_symbols(emitted))
    body, emitted = _without_number(body, emitted, used)
    products = {
        item.symbol: item.value
        for item in body
        if isinstance(item, Let) and used[item.symbol] == 1 and _is_product(item.value)
    }
    gone: set[Symbol] = set()
    items = [_with_product(i, products, gone) if isinstance(i, Let) else i for i in body]
    left = tuple(i for i in items if not (isinstance(i, Let) and i.symbol in gone))
    return left, emitted


def _without_number(
    body: tuple[LaneStatement, ...], emitted: Expr, used: Counter[Symbol]
) -> tuple[tuple[LaneStatement, ...], Expr]:
    if not isinstance(emitted, Ref) or used[emitted.symbol] != 1:
        return body, emitted
    for item in body:
        if not isinstance(item, Let) or item.symbol != emitted.symbol:
            continue
        match item.value:
            case Conditional(test, Number(1), Number(0)) if test.type == BOOLEAN:
                return tuple(i for i in body if i is not item), test
    return body, emitted


def _with_product(let: Let, products: dict[Symbol, Expr], gone: set[Symbol]) -> Let:
    """Return a sum with one of the products in it that it alone uses."""
    value = let.value
    if not (isinstance(value, Binary) and value.op in ("+", "-") and value.type.base in REALS):
        return let
    for part in (value.right, value.left):
        if not (isinstance(part, Ref) and part.symbol in products):
            continue
        product = products[part.symbol]
        is_right = part is value.right
        new = fused(replace(value, right=product) if is_right else replace(value, left=product))
        if not isinstance(new, Binary):  # it can be done in one operation
            gone.add(part.symbol)
            return replace(let, value=new)
    return let


def _is_product(e: Expr) -> bool:
    return isinstance(e, Binary) and e.op == "*" and e.type.base in REALS


def _used(body: Iterable[LaneStatement]) -> Iterable[Symbol]:
    for item in body:
        match item:
            case Let(_, value):
                yield from _symbols(value)
            case LaneSolve():
                for e in (*item.initial, *((item.active,) if item.active is not None else ())):
                    yield from _symbols(e)
                for f in item.equations:
                    yield from _used(f.body)
                    for v in f.values:
                        yield from _symbols(v.value)


def _symbols(e: Expr) -> Iterable[Symbol]:
    return (x.symbol for x in walk(e) if isinstance(x, Ref))
