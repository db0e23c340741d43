"""Flows as member functions: the order in which values may be stored, and the solver's vector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from nestml_core.api import (
    CPP_INTEGRATORS,
    Assign,
    Call,
    Definition,
    Derived,
    Expr,
    Flow,
    Jump,
    Kind,
    NonlinearSystem,
    Symbol,
    Update,
    evaluations,
    ref,
    share,
    symbols_in,
    walk,
)
from nestml_cpp import ir
from nestml_cpp.bodies import INPUT, Renaming, integrate_name
from nestml_cpp.comments import commented
from nestml_cpp.names import members, next_name
from nestml_cpp.printer import RUNTIME

OF_SOLVER = ("at", "slope", "rate", "jacobian", "f", "linearised", "moving", "before")
"""What the member function of a nonlinear system uses itself, beside members."""


def flow_method(
    rename: Renaming, number: int, flow: Flow, quoted: tuple[str, ...] = ()
) -> ir.FlowMethod:
    """Return the member function for ``flows[number]``; its comment has ``quoted`` equations."""
    ahead, exact = stored_in_order(rename, flow.linear.updates if flow.linear else ())
    amounts, jumps = jumping(rename, flow.jumps)
    names = dict.fromkeys(v.owner.name for v in flow.variables)
    parameter = f"const Input& {INPUT.name}" if rename.flows[number].input else ""
    return ir.FlowMethod(
        title=commented(f"integrate_odes({', '.join(names)})"),
        equations=quoted,
        declaration=f"void {integrate_name(number)}({parameter})",
        solver=None if flow.nonlinear is None else solver(rename, flow.nonlinear),
        ahead=ahead,
        exact=exact,
        amounts=amounts,
        jumps=jumps,
    )


def next_symbol(rename: Renaming, symbol: Symbol) -> Symbol:
    """Return the local constant that keeps the value of ``symbol`` at the end of the step."""
    return Symbol(next_name(rename.symbol(symbol)), Kind.LOCAL, symbol.type)


def stored_in_order(
    rename: Renaming, updates: Sequence[Update]
) -> tuple[tuple[Assign, ...], tuple[Assign, ...]]:
    """Return updates that all read old values as assignments one after the other.

    A variable is stored once no other still needs its old value. Those that need each other are
    computed ahead: the first tuple has constants for their new values.
    """
    waiting = list(updates)
    stored: list[Assign] = []
    while waiting:
        free = next((u for u in waiting if not _read_by_others(u, waiting)), None)
        if free is None:
            break
        stored.append(Assign(rename.symbol(free.target), rename.expr(free.value)))
        waiting.remove(free)
    ahead = tuple(Assign(next_symbol(rename, u.target), rename.expr(u.value)) for u in waiting)
    late = (Assign(rename.symbol(u.target), ref(next_symbol(rename, u.target))) for u in waiting)
    return ahead, (*stored, *late)


def _read_by_others(update: Update, waiting: Sequence[Update]) -> bool:
    return any(u is not update and update.target in symbols_in(u.value) for u in waiting)


def jumping(
    rename: Renaming, jumps: Sequence[Jump]
) -> tuple[tuple[Assign, ...], tuple[ir.Jump, ...]]:
    """Return jumps whose amounts all read the values before any of them.

    The first tuple has constants for the amounts that an earlier jump would change.
    """
    amounts: list[Assign] = []
    done: list[ir.Jump] = []
    changed: set[Symbol] = set()
    for i, j in enumerate(jumps):
        amount: Expr = rename.expr(j.amount)
        if changed & set(symbols_in(j.amount)):
            kept = replace(next_symbol(rename, j.target), name=f"jump_{i + 1}")
            amounts.append(Assign(kept, amount))
            amount = ref(kept)
        done.append(ir.Jump(rename.symbol(j.target), amount))
        changed.add(j.target)
    return tuple(amounts), tuple(done)


def solver(rename: Renaming, system: NonlinearSystem) -> ir.Solver:
    """Return the numerical solution of a nonlinear system.

    Inside its right-hand side, what moves is a local constant under the name of the variable.
    """
    moving = (*system.variables, *system.companions)
    local = members(moving, (*rename.names.taken, *OF_SOLVER))
    local = {s: replace(new, kind=Kind.LOCAL, vector=None) for s, new in local.items()}
    integrator = system.integrator
    elements = tuple(
        ir.Element(i, rename.symbol(s), local[s].name, s in system.variables)
        for i, s in enumerate(moving)
    )
    return ir.Solver(
        function=f"{RUNTIME}{CPP_INTEGRATORS[integrator.method][1]}",
        tolerances=(repr(integrator.relative), repr(integrator.absolute))
        if integrator.method.is_adaptive
        else (),
        size=len(moving),
        elements=elements,
        equations=tuple(equations(rename, system, local, elements)),
        lends_state=any(
            isinstance(e, Call)
            and e.function in rename.reaches
            and not rename.reaches[e.function].is_static
            for value in system.evaluated
            for e in walk(value)
        ),
        reason=commented(integrator.reason),
    )


def equations(
    rename: Renaming,
    system: NonlinearSystem,
    local: Mapping[Symbol, Symbol],
    elements: Sequence[ir.Element],
) -> Iterator[ir.Equations]:
    """Yield the functions that the method of ``system`` calls."""
    moving = (*system.variables, *system.companions)
    taken = {*rename.names.taken, *OF_SOLVER, *(s.name for s in local.values())}
    for called in evaluations(system):
        definitions, values = share([e for _, e in called.values], taken)
        read = {s for e in (*values, *(d.value for d in definitions)) for s in symbols_in(e)}
        yield ir.Equations(
            name=called.name,
            results=called.results,
            cleared=called.cleared,
            read=tuple(e for e, s in zip(elements, moving, strict=True) if s in read),
            shared=tuple(Assign(d.symbol, rename.expr(d.value, local)) for d in definitions),
            values=tuple(
                ir.Value(target, rename.expr(e, local))
                for (target, _), e in zip(called.values, values, strict=True)
            ),
        )


def derivation(rename: Renaming, derived: Derived) -> ir.Derivation:
    """Return what computes constants."""
    if isinstance(derived, Definition):
        return Assign(rename.symbol(derived.symbol), rename.expr(derived.value))
    return ir.MatrixBlock(
        rows=tuple(tuple(map(rename.expr, row)) for row in derived.matrix),
        entries=tuple(
            (rename.symbol(s), i, j)
            for i, row in enumerate(derived.symbols)
            for j, s in enumerate(row)
            if s is not None
        ),
    )
