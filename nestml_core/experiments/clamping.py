"""A model whose potential is an input: the model that a voltage clamp sees.

Before: ``V' = f(V, I, ...)``, ``m' = g(m, V)``. After: V is a port for a continuous signal,
``m' = g(m, V)``, and what is recorded is the current for which the potential would stand still.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from nestml_core.expr import Expr, Kind, Ref, Symbol, number, rewrite, substitute, symbols_in
from nestml_core.model import ContinuousPort, Declaration, Inline, Model
from nestml_core.solve.algebra import over, scaled
from nestml_core.solve.derivative import Obstacle, jacobian
from nestml_core.solve.inlines import expanded_inlines
from nestml_core.stmt import Assign, IntegrateOdes, Stmt, map_body


def clamped(model: Model, v: Symbol, current: Symbol) -> tuple[Model, str] | str:
    """Return ``model`` with ``v`` as a port, and the name of the recorded current.

    Returns
    -------
    A text that says why, where that cannot be done.
    """
    needed = _needed(model, v, current)
    if isinstance(needed, str):
        return needed
    name = _free(model, f"{current.name}_clamp")
    port = replace(v, kind=Kind.CONTINUOUS_PORT)
    start = next(d.value for d in model.state if d.symbol == v)

    def seen(e: Expr) -> Expr:
        """Return ``e`` with the port in place of the variable."""
        return rewrite(
            e, lambda x: replace(x, symbol=port) if isinstance(x, Ref) and x.symbol == v else x
        )

    def at_start(d: Declaration) -> Declaration:
        guard = None if d.guard is not None and v in symbols_in(d.guard) else d.guard
        return replace(d, value=substitute(d.value, {v: start}), guard=guard)

    def body(statements: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        return map_body(statements, seen, lambda s: _without(s, v))

    recorded = Symbol(name, Kind.INLINE, current.type, current.span)
    inlines = tuple(replace(i, value=seen(i.value)) for i in model.inlines)
    held = replace(
        model,
        state=tuple(at_start(d) for d in model.state if d.symbol != v),
        parameters=tuple(at_start(d) for d in model.parameters),
        inlines=(*inlines, Inline(recorded, seen(needed), recordable=True)),
        equations=tuple(
            replace(q, value=seen(q.value)) for q in model.equations if v not in q.variables
        ),
        continuous_ports=(*model.continuous_ports, ContinuousPort(port)),
        update=body(model.update),
        on_receive=tuple(replace(h, body=body(h.body)) for h in model.on_receive),
        on_condition=tuple(
            replace(c, condition=seen(c.condition), body=body(c.body))
            for c in model.on_condition
            if v not in symbols_in(substitute(c.condition, expanded_inlines(model)))
        ),
        functions=tuple(replace(f, body=body(f.body)) for f in model.functions),
    )
    return held, name


def _needed(model: Model, v: Symbol, current: Symbol) -> Expr | str:
    """Return the current for which the potential stands still, or why there is none."""
    equation = next((q for q in model.equations if v in q.variables), None)
    if equation is None:
        return f"`{v.name}` has no equation"
    if len(equation.variables) > 1:
        return f"the equation of `{v.name}` is of higher order"
    if any(d.variable == v for d in model.delays):
        return f"`{v.name}` is read with a delay"
    spikes: dict[Symbol, Expr] = {p.symbol: number(0) for p in model.spike_ports}
    slope_of = substitute(substitute(equation.value, expanded_inlines(model)), spikes)
    rows = jacobian([slope_of], [current], {f.name: f for f in model.functions})
    if isinstance(rows, Obstacle):
        return rows.message
    slope = rows[0][0]
    if slope == number(0):
        return f"the equation of `{v.name}` does not depend on `{current.name}`"
    if current in symbols_in(slope):
        return f"the equation of `{v.name}` is not linear in `{current.name}`"
    without = substitute(slope_of, {current: number(0)})
    return scaled(Fraction(-1), over(without, slope))


def _without(s: Stmt, v: Symbol) -> Stmt | tuple[Stmt, ...]:
    """Return ``s`` without what would change ``v``."""
    match s:
        case Assign(target) if target == v:
            return ()
        case IntegrateOdes(variables) if variables is not None:
            left = tuple(x for x in variables if x != v)
            return replace(s, variables=left) if left else ()
        case _:
            return s


def _free(model: Model, wanted: str) -> str:
    symbols = [d.symbol for d in (*model.parameters, *model.internals, *model.state)]
    symbols += [i.symbol for i in model.inlines] + [k.symbol for k in model.kernels]
    symbols += [p.symbol for p in model.spike_ports] + [c.symbol for c in model.continuous_ports]
    taken = {s.name for s in symbols} | {f.name for f in model.functions}
    while wanted in taken:
        wanted += "_"
    return wanted
