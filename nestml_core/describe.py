"""A solved model in words: equations, propagators, the integrator and why it was chosen."""

from __future__ import annotations

from collections.abc import Iterable

from nestml_core.diagnostics import harmless
from nestml_core.expr import Expr, Number, Symbol
from nestml_core.model import Sign
from nestml_core.printing.nestml import NestmlPrinter
from nestml_core.solved import (
    Declaration,
    Definition,
    Delay,
    Flow,
    LinearSystem,
    NonlinearSystem,
    SolvedModel,
)
from nestml_core.stmt import Stmt
from nestml_core.units import coherent_text

_PRINTER = NestmlPrinter()


def describe(model: SolvedModel) -> str:
    """Return what ``model`` computes, as text for people; numbers in coherent units."""
    parts = [
        f"{model.name} ({model.kind.value})",
        _section("parameters", _declarations(model)),
        _section("state", _state(model)),
        _section("inputs", _inputs(model)),
        _section("computed once for each set of parameters and step size", _derived(model)),
        _section("delays", (_delay(d) for d in model.delays)),
        _section("convolutions", _convolutions(model)),
    ]
    parts += [_section(f"flow {k}", _flow(f)) for k, f in enumerate(model.flows)]
    parts.append(_section("in each step", _lines(model.update)))
    for h in model.on_receive:
        parts.append(_section(f"on a spike at {h.port.name}", _lines(h.body)))
    for c in model.on_condition:
        parts.append(_section(f"if {_text(c.condition)}", _lines(c.body)))
    parts.append(_section("between spikes", _between(model)))
    return harmless("\n".join(p for p in parts if p))


def _section(title: str, lines: Iterable[str]) -> str:
    body = [f"    {line}" for line in lines]
    return "\n".join([f"  {title}:", *body]) if body else ""


def _text(e: Expr) -> str:
    return _PRINTER.expr(e)


def _lines(body: tuple[Stmt, ...]) -> list[str]:
    return _PRINTER.lines(body)


def _typed(symbol: Symbol) -> str:
    size = "" if symbol.size is None else f"[{_text(symbol.size)}]"
    return f"{symbol.name}{size} {symbol.type}"


def _declarations(model: SolvedModel) -> Iterable[str]:
    for d in model.parameters:
        unit = d.symbol.type.unit
        coherent = ""
        if unit is not None and unit.factor != 1:
            coherent = f" (in {coherent_text(unit.dimension)})"
        guard = f"  [[ {_text(d.guard)} ]]" if d.guard is not None else ""
        yield f"{_typed(d.symbol)} = {_text(d.value)}{coherent}{guard}{_note(d)}"


def _state(model: SolvedModel) -> Iterable[str]:
    return (f"{_typed(d.symbol)} = {_text(d.value)}{_note(d)}" for d in model.state)


def _note(d: Declaration) -> str:
    return f"  # {d.documentation.splitlines()[0]}" if d.documentation else ""


def _inputs(model: SolvedModel) -> Iterable[str]:
    for p in model.spike_ports:
        sign = "" if p.sign is Sign.ANY else f"{p.sign.value} "
        yield f"{p.symbol.name}: {sign}spikes"
    for c in model.continuous_ports:
        yield f"{c.symbol.name}: continuous, {c.symbol.type}"


def _derived(model: SolvedModel) -> Iterable[str]:
    for d in model.derived:
        if isinstance(d, Definition):
            size = "" if d.symbol.size is None else f"[{_text(d.symbol.size)}]"
            yield f"{d.symbol.name}{size} = {_text(d.value)}"
            continue
        names = [s.name for row in d.symbols for s in row if s is not None]
        yield f"{', '.join(names)} = entries of exp(M dt), with M ="
        for row in d.matrix:
            yield "    [" + ", ".join(_text(e) for e in row) + "]"


def _delay(delay: Delay) -> str:
    return f"{delay.symbol.name} = {delay.variable.name}(t - {_text(delay.duration)})"


def _convolutions(model: SolvedModel) -> Iterable[str]:
    for c in model.convolutions:
        yield f"{c.kernel} * {c.port.name}"
        for u in c.updates:
            yield f"    {u.target.name} <- {_text(u.value)}"
        for j in c.jumps:
            yield f"    {j.target.name} += {_text(j.amount)}"


def _between(model: SolvedModel) -> Iterable[str]:
    found = model.between
    if not model.flows and not model.convolutions:
        return
    yield f"{'exact' if found.is_exact else 'no closed form'}: {found.reason}"
    if found.event_driven:
        names = ", ".join(v.name for v in found.event_driven)
        yield f"needs no steps, only events: {names}"


def _flow(flow: Flow) -> Iterable[str]:
    if flow.linear is not None:
        yield from _linear(flow.linear)
    if flow.nonlinear is not None:
        yield from _nonlinear(flow.nonlinear)
    for j in flow.jumps:
        yield f"{j.target.name} += {_text(j.amount)}"


def _linear(system: LinearSystem) -> Iterable[str]:
    yield f"exact: {', '.join(v.name for v in system.variables)} (linear, constant coefficients)"
    for u in system.updates:
        yield f"    {u.target.name} <- {_text(u.value)}"


def _nonlinear(system: NonlinearSystem) -> Iterable[str]:
    i = system.integrator
    yield f"numeric: {', '.join(v.name for v in system.variables)}, by {i.reason}"
    if i.method.is_adaptive:
        yield f"    relative tolerance {i.relative:g}, absolute tolerance {i.absolute:g}"
    if i.expected_error:
        yield f"    error: {i.expected_error}"
    if system.conditionally_linear:
        names = ", ".join(v.name for v in system.conditionally_linear)
        yield f"    linear in themselves: {names}"
    for u in system.derivatives:
        yield f"    d {u.target.name} / dt = {_text(u.value)}"
    if i.method.needs_jacobian:
        moving = (*system.variables, *system.companions)
        for v, row in zip(moving, system.jacobian, strict=True):
            for w, e in zip(moving, row, strict=True):
                if not (isinstance(e, Number) and e.value == 0):
                    yield f"    d({v.name}') / d {w.name} = {_text(e)}"
