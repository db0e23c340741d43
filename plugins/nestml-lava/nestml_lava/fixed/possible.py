"""Which models have no fixed point, whatever their expressions are."""

from __future__ import annotations

from nestml_core.api import (
    ModelKind,
    Output,
    SolvedModel,
    Span,
    Stmt,
    expressions_in,
    symbols_in,
    walk_statements,
)
from nestml_lava import refusals
from nestml_lava.fixed.expressions import Refusal


def refuse(m: SolvedModel) -> None:
    if m.kind is ModelKind.SYNAPSE or m.output is Output.CONTINUOUS:
        raise Refusal(refusals.NO_SPIKES, m.span, f"`{m.name}` has an output other than spikes")
    if m.is_random:
        message = f"`{m.name}` draws random numbers, which whole numbers do not have here"
        raise Refusal(refusals.WHOLE, m.span, message)
    if m.delays or any(d.symbol.size is not None for d in (*m.state, *m.parameters)):
        message = f"`{m.name}` has delayed variables or vectors"
        raise Refusal(refusals.WHOLE, m.span, message)
    convolved = {s for c in m.convolutions for s in c.states}
    for handler in m.on_receive:
        for stmt in walk_statements(handler.body):
            for e in expressions_in((stmt,)):
                if convolved & set(symbols_in(e)):
                    message = "a handler that reads a convolution"
                    raise Refusal(refusals.WHOLE, handler_span(stmt, m), message)


def handler_span(stmt: Stmt, m: SolvedModel) -> Span:
    return getattr(stmt, "span", m.span)
