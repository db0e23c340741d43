"""One walk over a model, so that the rules need none of their own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from nestml_core.expr import (
    Binary,
    Call,
    Conditional,
    Convolve,
    Element,
    Expr,
    Kind,
    Ref,
    Unary,
    children,
)
from nestml_core.model import Function, Model, OnCondition, OnReceive
from nestml_core.resolve.rules.written import Written, written
from nestml_core.stmt import Stmt, expressions, walk_statements
from nestml_core.syntax import tree

OWN = (Kind.LOCAL, Kind.ARGUMENT)


@dataclass(frozen=True, slots=True)
class Parts:
    """What stands in some expressions, by kind; ``own`` are the locals and arguments read."""

    comparisons: tuple[Binary, ...]
    calls: tuple[Call, ...]
    convolutions: tuple[Convolve, ...]
    conditions: tuple[Expr, ...]
    """The conditions of ``?:``."""
    own: frozenset[str]


@dataclass(frozen=True, slots=True)
class Body:
    """A body with all its statements, outer before inner, and what they evaluate."""

    of: OnReceive | OnCondition | Function | None
    """None for ``update``."""
    statements: tuple[Stmt, ...]
    every: tuple[Stmt, ...]
    parts: Parts


@dataclass(frozen=True, slots=True)
class Survey:
    """A resolved model, its tree, and what a walk over them found.

    ``mentioned`` are the global names that some expression reads; ``lost`` are the words in lines
    that did not parse: what seems to be missing may stand there.
    """

    model: Model
    tree: tree.Model
    written: Written
    mentioned: Collection[str]
    declarations: Parts
    equations: Parts
    bodies: tuple[Body, ...]
    lost: Collection[str] = ()

    @property
    def statements(self) -> Iterator[Stmt]:
        for body in self.bodies:
            yield from body.every

    @property
    def parts(self) -> Iterator[Parts]:
        yield self.declarations
        yield self.equations
        for body in self.bodies:
            yield body.parts


def survey(
    model: Model,
    model_tree: tree.Model,
    mentioned: Collection[str],
    lost: Collection[str] = (),
) -> Survey:
    """Return the survey of ``model``."""
    declared = [d.value for d in (*model.parameters, *model.internals, *model.state)]
    declared += [
        d.guard for d in (*model.parameters, *model.internals, *model.state) if d.guard is not None
    ]
    equations = [i.value for i in model.inlines] + [q.value for q in model.equations]
    for k in model.kernels:
        equations += [q.value for q in k.equations]
        declared += [value for _, value in k.initial]
        if k.value is not None:
            equations.append(k.value)
    bodies = [_body(None, model.update)]
    bodies += [_body(h, h.body) for h in model.on_receive]
    bodies += [_body(c, c.body, (c.condition,)) for c in model.on_condition]
    bodies += [_body(f, f.body) for f in model.functions]
    return Survey(
        model,
        model_tree,
        written(model_tree),
        mentioned,
        _parts(declared),
        _parts(equations),
        tuple(bodies),
        lost,
    )


def _body(
    of: OnReceive | OnCondition | Function | None,
    statements: tuple[Stmt, ...],
    more: tuple[Expr, ...] = (),
) -> Body:
    every = tuple(walk_statements(statements))
    return Body(of, statements, every, _parts([*more, *(e for s in every for e in expressions(s))]))


def _parts(expressions: Iterable[Expr]) -> Parts:
    """Return the parts of ``expressions``. A loop over types: this is the walk that costs."""
    comparisons: list[Binary] = []
    calls: list[Call] = []
    convolutions: list[Convolve] = []
    conditions: list[Expr] = []
    own: set[str] = set()
    waiting = list(expressions)
    while waiting:
        e = waiting.pop()
        kind = type(e)
        if kind is Ref or kind is Element:
            symbol = e.symbol if isinstance(e, Ref) else e.vector  # type: ignore[union-attr]
            if symbol.kind in OWN:
                own.add(symbol.owner.name)
            if kind is Element:
                waiting.extend(children(e))
        elif isinstance(e, Binary):
            if e.op in ("==", "!="):
                comparisons.append(e)
            waiting.append(e.left)
            waiting.append(e.right)
        elif isinstance(e, Unary):
            waiting.append(e.operand)
        elif isinstance(e, Call):
            calls.append(e)
            waiting.extend(e.arguments)
        elif isinstance(e, Conditional):
            conditions.append(e.condition)
            waiting.extend(children(e))
        elif isinstance(e, Convolve):
            convolutions.append(e)
        else:
            waiting.extend(children(e))
    return Parts(
        tuple(comparisons), tuple(calls), tuple(convolutions), tuple(conditions), frozenset(own)
    )
