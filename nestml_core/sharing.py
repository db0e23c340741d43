"""Compute repeated parts of expressions once, for targets whose compilers do not see them.

Before: ``exp(V / k) / tau`` and ``(1 - exp(V / k)) * m``. After: ``shared_1 = exp(V / k)``, then
``shared_1 / tau`` and ``(1 - shared_1) * m``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from nestml_core.expr import (
    INTRINSICS,
    Binary,
    Boolean,
    Call,
    Conditional,
    Constant,
    Expr,
    Kind,
    Number,
    Ref,
    Symbol,
    Text,
    Unary,
    bottom_up,
    children,
    with_children,
)
from nestml_core.solved import Definition
from nestml_core.types import REAL, Base

WORTH = 3
"""What a part must cost for the second and further times, in additions, to be computed once."""

CALL, POWER, DIVISION = 20, 10, 4

_Key = tuple[object, ...]


def share(
    expressions: Sequence[Expr], taken: Iterable[str] = ()
) -> tuple[tuple[Definition, ...], tuple[Expr, ...]]:
    """Return what repeats in ``expressions``, and these in terms of it.

    Parameters
    ----------
    expressions : evaluated together, none of which changes what another reads
    taken : names that cannot be used

    Returns
    -------
    Definitions of local variables in order of evaluation, and the expressions, in order. Only real
    numbers are shared, and nothing that may fail is evaluated unless it always was: what stands
    in branches only, and calls functions of the model or divides whole numbers, stays there.
    """
    graph = _Graph()
    roots = [graph.add(e) for e in expressions]
    chosen = graph.worth_sharing(roots)
    return graph.rewritten(roots, chosen, frozenset(taken))


@dataclass(slots=True)
class _Node:
    """A part of the expressions, all places where it stands together."""

    expr: Expr
    operands: tuple[int, ...]
    cost: int
    may_fail: bool
    uses: int = 0
    always: bool = False
    """Whether it is evaluated whatever conditions hold."""


@dataclass(slots=True)
class _Graph:
    """Expressions with equal parts drawn together; operands have lower numbers than parents."""

    nodes: list[_Node] = field(default_factory=list)
    numbers: dict[_Key, int] = field(default_factory=dict)

    def add(self, expr: Expr) -> int:
        """Return the number of ``expr``."""
        return bottom_up(expr, self.number)

    def number(self, e: Expr, operands: tuple[int, ...]) -> int:
        key = (type(e).__name__, _label(e), e.type.base, operands)
        if key not in self.numbers:
            self.numbers[key] = len(self.nodes)
            inner = [self.nodes[i] for i in operands]
            cost = min(_cost(e) + sum(n.cost for n in inner), 10**9)
            fails = _may_fail(e) or any(n.may_fail for n in inner)
            self.nodes.append(_Node(e, operands, cost, fails))
        return self.numbers[key]

    def worth_sharing(self, roots: Sequence[int]) -> tuple[int, ...]:
        """Return the numbers of the parts to be computed once, operands before parents."""
        for i in roots:
            self.nodes[i].uses += 1
            self.nodes[i].always = True
        for i in reversed(_reachable(self.nodes, roots)):
            node = self.nodes[i]
            for operand, always in zip(node.operands, _always(node.expr), strict=True):
                self.nodes[operand].uses += 1
                self.nodes[operand].always |= node.always and always
        return tuple(
            i
            for i, n in enumerate(self.nodes)
            if n.uses > 1
            and n.expr.type.base in (Base.REAL, Base.QUANTITY)
            and (n.uses - 1) * n.cost >= WORTH
            and (n.always or not n.may_fail)
        )

    def rewritten(
        self, roots: Sequence[int], chosen: tuple[int, ...], taken: frozenset[str]
    ) -> tuple[tuple[Definition, ...], tuple[Expr, ...]]:
        names = _names(taken)
        symbols = {i: Symbol(next(names), Kind.LOCAL, REAL) for i in chosen}
        new: list[Expr] = []
        definitions: list[Definition] = []
        for i, n in enumerate(self.nodes):
            e = with_children(n.expr, tuple(new[o] for o in n.operands))
            if i in symbols:
                definitions.append(Definition(symbols[i], e))
                e = Ref(symbols[i], REAL, n.expr.span)
            new.append(e)
        return tuple(definitions), tuple(new[i] for i in roots)


def _names(taken: frozenset[str]) -> Iterator[str]:
    n = 0
    while True:
        n += 1
        if f"shared_{n}" not in taken:
            yield f"shared_{n}"


def _reachable(nodes: Sequence[_Node], roots: Sequence[int]) -> list[int]:
    """Return the numbers of the parts that ``roots`` are made of, rising."""
    found = set(roots)
    waiting = list(roots)
    while waiting:
        for i in nodes[waiting.pop()].operands:
            if i not in found:
                found.add(i)
                waiting.append(i)
    return sorted(found)


def _label(e: Expr) -> object:
    """Return what tells ``e`` from others of its class with the same operands and type."""
    match e:
        case Number(value) | Boolean(value) | Text(value):
            return value
        case Constant(name) | Call(name):
            return name
        case Ref(symbol):
            return symbol
        case Unary(op) | Binary(op):
            return op
        case Conditional():
            return None
        case _:
            return e  # rare and small; equality is structural


def _cost(e: Expr) -> int:
    match e:
        case Call():
            return CALL
        case Binary("**"):
            return POWER
        case Binary("/" | "//" | "%"):
            return DIVISION
        case Unary() | Binary() | Conditional():
            return 1
        case _:
            return 0


def _may_fail(e: Expr) -> bool:
    match e:
        case Call(function):
            return function not in INTRINSICS
        case Binary("//" | "%", left, right):
            return left.type.base is Base.INTEGER and right.type.base is Base.INTEGER
        case Number() | Constant() | Boolean() | Text() | Ref() | Unary() | Binary():
            return False
        case Conditional():
            return False
        case _:
            return True


def _always(e: Expr) -> tuple[bool, ...]:
    """Return, for each operand of ``e``, whether evaluating ``e`` evaluates it."""
    match e:
        case Conditional():
            return (True, False, False)
        case Binary("and" | "or"):
            return (True, False)
        case _:
            return (True,) * len(children(e))
