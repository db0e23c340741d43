"""Neurons live on the grid of times: the length of the interval and of the step are the same.

``resolution()`` in a neuron becomes ``timestep()``: before, an internal
``refr_count = ceil(refr_T / resolution)``; after, ``ceil(refr_T / dt)``.
"""

from __future__ import annotations

from dataclasses import replace

from nestml_core.expr import Expr, Ref, ref, rewrite
from nestml_core.model import Declaration, Model
from nestml_core.solved import DT, RESOLUTION
from nestml_core.stmt import Stmt, map_body


def on_grid(model: Model) -> Model:
    """Return ``model`` with one symbol for the length of a step."""

    def one(e: Expr) -> Expr:
        return ref(DT, e.span) if isinstance(e, Ref) and e.symbol == RESOLUTION else e

    def expr(e: Expr) -> Expr:
        return rewrite(e, one)

    def declared(declarations: tuple[Declaration, ...]) -> tuple[Declaration, ...]:
        return tuple(
            replace(d, value=expr(d.value), guard=None if d.guard is None else expr(d.guard))
            for d in declarations
        )

    def body(statements: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        return map_body(statements, expr)

    return replace(
        model,
        parameters=declared(model.parameters),
        internals=declared(model.internals),
        state=declared(model.state),
        inlines=tuple(replace(i, value=expr(i.value)) for i in model.inlines),
        update=body(model.update),
        on_receive=tuple(replace(h, body=body(h.body)) for h in model.on_receive),
        on_condition=tuple(
            replace(c, condition=expr(c.condition), body=body(c.body)) for c in model.on_condition
        ),
        functions=tuple(replace(f, body=body(f.body)) for f in model.functions),
        delays=tuple(replace(d, duration=expr(d.duration)) for d in model.delays),
    )
