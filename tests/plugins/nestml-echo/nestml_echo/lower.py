"""From solved models to Python classes."""

from __future__ import annotations

from nestml_core.api import (
    DT,
    TIME,
    Code,
    Declare,
    Diagnostic,
    Feature,
    Flow,
    Jump,
    Result,
    Severity,
    SolvedModel,
    SolvedProgram,
    Symbol,
    Update,
    bodies_of,
    checked,
    features,
    safe,
    walk_statements,
)
from nestml_echo.ir import Handler, Method, PythonClass, Reading, Value
from nestml_echo.printing import RESERVED, Printer

UNSUPPORTED = Code("ECHO001", Severity.ERROR, "a model needs what this backend lacks")


def lower(
    program: SolvedProgram, claimed: frozenset[Feature], *, slots: bool
) -> Result[tuple[PythonClass, ...]]:
    """Return a class for each model.

    Errors
    ------
    ECHO001 : a model needs a feature that is not in ``claimed``.
    """
    found: list[Diagnostic] = []
    for model in program.models:
        lacking = features(model) - claimed
        if lacking:
            what = ", ".join(sorted(f.value for f in lacking))
            message = f"`{model.name}` needs {what}"
            found.append(UNSUPPORTED.at(model.span, message, help="use another backend"))
    if found:
        return checked((), found)
    return Result(tuple(_class(m, slots) for m in program.models))


def _class(m: SolvedModel, slots: bool) -> PythonClass:
    p = Printer(symbols(m))
    constants = (*(d.symbol for d in m.parameters), DT, *m.internals)
    ports = (*(x.symbol for x in m.spike_ports), *(x.symbol for x in m.continuous_ports))
    states = tuple(
        Value(p.name(d.symbol), "", p.stored(d.symbol, d.value)) for d in m.state
    ) + tuple(Value(p.name(s), "", "0.0") for c in m.convolutions for s in c.states)
    kept = (*(d.symbol for d in m.state), *(s for c in m.convolutions for s in c.states))
    attributes = (*constants, *ports, *kept, TIME)
    return PythonClass(
        name=safe(m.name, RESERVED),
        time=p.names[TIME],
        slots=(*(p.names[s] for s in attributes), "spikes") if slots else (),
        documentation=tuple(line.rstrip() for line in m.documentation.splitlines()),
        constants=tuple(Reading(p.name(s), ascii(s.name)) for s in constants),
        inputs=tuple(p.name(s) for s in ports),
        state=states,
        flows=tuple(Method(f"flow_{i}", _flow(p, f)) for i, f in enumerate(m.flows)),
        convolved=tuple(v for c in m.convolutions for v in _values(p, c.updates, "new")),
        jumps=tuple(_jump(p, j) for c in m.convolutions for j in c.jumps),
        update=p.lines(m.update),
        receivers=tuple(
            Handler(f"{h.port.name!a} in received", p.lines(h.body)) for h in m.on_receive
        ),
        conditions=tuple(Handler(p.expr(c.condition), p.lines(c.body)) for c in m.on_condition),
        recordables=tuple(Reading(p.expr(r.value), ascii(r.symbol.name)) for r in m.recordables),
    )


def symbols(m: SolvedModel) -> tuple[Symbol, ...]:
    """Return all symbols that a class for ``m`` names, the most public ones first."""
    declared = [d.symbol for d in (*m.parameters, *m.state)]
    declared += [s for c in m.convolutions for s in c.states]
    ports = [p.symbol for p in m.spike_ports] + [p.symbol for p in m.continuous_ports]
    statements = [s for body in bodies_of(m) for s in walk_statements(body)]
    local = [s.symbol for s in statements if isinstance(s, Declare)]
    return (*declared, *ports, *m.internals, DT, TIME, *local)


def _values(p: Printer, updates: tuple[Update, ...], prefix: str) -> tuple[Value, ...]:
    names = [f"{prefix}_{p.names[u.target]}" for u in updates]
    return tuple(
        Value(p.name(u.target), name, p.expr(u.value))
        for u, name in zip(updates, names, strict=True)
    )


def _jump(p: Printer, j: Jump) -> str:
    return f"{p.name(j.target)} += {p.expr(j.amount)}"


def _flow(p: Printer, flow: Flow) -> tuple[str, ...]:
    values = _values(p, flow.linear.updates if flow.linear else (), "new")
    new = [f"{v.temporary} = {v.text}" for v in values]
    store = [f"{v.target} = {v.temporary}" for v in values]
    return (*new, *store, *(_jump(p, j) for j in flow.jumps)) or ("pass",)
