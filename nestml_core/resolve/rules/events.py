"""Rules about events, ports and output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nestml_core.diagnostics import Diagnostic, Note
from nestml_core.model import OnCondition, Output
from nestml_core.resolve import codes
from nestml_core.resolve.rules.survey import Survey
from nestml_core.stmt import Emit, IntegrateOdes
from nestml_core.syntax import tree


def priorities_give_an_order(survey: Survey) -> Iterator[Diagnostic]:
    """Priorities of handlers are distinct, and one alone orders nothing."""
    handlers = [e for e in survey.tree.elements if isinstance(e, tree.OnReceive)]
    ranked = [s for e in handlers for s in e.settings if s.name.text == "priority"]
    if len(ranked) == 1:
        message = "only one handler has a priority, which gives no order"
        help = "give priorities to at least two handlers, or to none"
        yield codes.BAD_PRIORITY.at(ranked[0].span, message, help=help)
    seen: dict[str, tree.Setting] = {}
    for s in ranked:
        number = s.value.span.text.lstrip("0") or "0"
        first = seen.setdefault(number, s)
        if first is not s:
            note = Note(first.span, "the other one")
            message = f"a second handler with priority {number}"
            help = "give each its own number; the highest comes first"
            yield codes.BAD_PRIORITY.at(s.span, message, help=help, notes=(note,))


def conditions_stand_in_their_order(survey: Survey) -> Iterator[Diagnostic]:
    """Priorities order ``onCondition`` blocks here as they do handlers; elsewhere they do not."""
    run = survey.model.on_condition
    moved = [c for c, other in zip(run, _as_written(run), strict=True) if c is not other]
    for c in moved[:1]:
        message = "priorities change the order of these blocks; other programs ignore them here"
        help = "write `onCondition` blocks in the order in which they are to be tested"
        yield codes.TWO_WAYS.at(c.condition.span, message, help=help)


def _as_written(conditions: Sequence[OnCondition]) -> list[OnCondition]:
    return sorted(conditions, key=lambda c: c.span.start)


def spikes_need_an_output(survey: Survey) -> Iterator[Diagnostic]:
    """``emit_spike`` needs an output block that says ``spike``."""
    model = survey.model
    if model.output is Output.SPIKE or "output" in survey.lost:
        return
    for s in survey.statements:
        if isinstance(s, Emit):
            message = f"`{model.name}` emits a spike but has no spike output"
            help = "add the block `output:` with the line `spike`"
            yield codes.NO_OUTPUT.at(s.span, message, help=help)
            return


def models_send_something(survey: Survey) -> Iterator[Diagnostic]:
    """A model without output can only be recorded; an output nothing is sent to stays silent."""
    model = survey.model
    if model.is_compartmental:
        return
    if model.output is Output.NONE:
        message = f"`{model.name}` has no `output` block: it can be recorded, but sends nothing"
        help = "add the block `output:` with the line `spike`, and call `emit_spike()`"
        yield codes.SENDS_NOTHING.at(model.span, message, help=help)
    elif model.output is Output.SPIKE and not any(isinstance(s, Emit) for s in survey.statements):
        block = next(e for e in survey.tree.elements if isinstance(e, tree.Output))
        message = f"`{model.name}` has a spike output but never calls `emit_spike`"
        help = "call `emit_spike()`, as in `onCondition(V_m >= V_th)`, or leave the block out"
        yield codes.SENDS_NOTHING.at(block.span, message, help=help)


def time_passes_once(survey: Survey) -> Iterator[Diagnostic]:
    """``integrate_odes`` outside ``update`` makes time pass twice in one step."""
    for body in survey.bodies:
        if body.of is None:
            continue
        for s in body.every:
            if isinstance(s, IntegrateOdes):
                message = "`integrate_odes` in an event handler advances time once more"
                help = "call it in `update`, which runs in every step, and only there"
                yield codes.TWICE_INTEGRATED.at(s.span, message, help=help)
