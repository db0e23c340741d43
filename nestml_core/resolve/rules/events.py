"""Rules about events."""

from __future__ import annotations

from collections.abc import Iterator

from nestml_core.diagnostics import Diagnostic, Note
from nestml_core.model import Model, OnReceive, Output
from nestml_core.resolve import codes
from nestml_core.resolve.rules.bodies import statements
from nestml_core.stmt import Emit


def priorities_give_an_order(model: Model) -> Iterator[Diagnostic]:
    """Priorities are distinct, and one alone orders nothing."""
    ranked = [h for h in model.on_receive if h.priority is not None]
    if len(ranked) == 1:
        message = f"only the handler for `{ranked[0].port.name}` has a priority"
        help = "give priorities to at least two handlers, or to none"
        yield codes.BAD_PRIORITY.at(ranked[0].span, message, help=help)
    seen: dict[int, OnReceive] = {}
    for h in ranked:
        assert h.priority is not None
        if h.priority in seen:
            note = Note(seen[h.priority].span, "the other one")
            message = f"a second handler with priority {h.priority}"
            yield codes.BAD_PRIORITY.at(h.span, message, notes=(note,))
        seen.setdefault(h.priority, h)


def spikes_need_an_output(model: Model) -> Iterator[Diagnostic]:
    """``emit_spike`` needs an output block that says ``spike``."""
    if model.output is Output.SPIKE:
        return
    for s in statements(model):
        if isinstance(s, Emit):
            message = f"`{model.name}` emits a spike but has no spike output"
            help = "add the block `output:` with the line `spike`"
            yield codes.NO_OUTPUT.at(s.span, message, help=help)
            return
