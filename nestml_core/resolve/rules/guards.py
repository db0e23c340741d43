"""Rules about declarations: guards and words that mean nothing."""

from __future__ import annotations

from collections.abc import Iterator

from nestml_core.diagnostics import Diagnostic, Note
from nestml_core.resolve import codes
from nestml_core.resolve.rules.constants import Value, known_value
from nestml_core.resolve.rules.survey import Survey
from nestml_core.syntax import tree


def defaults_keep_their_guards(survey: Survey) -> Iterator[Diagnostic]:
    """The default of a parameter or state variable satisfies its guard."""
    model = survey.model
    declared = (*model.parameters, *model.internals, *model.state)
    if not any(d.guard is not None for d in declared):
        return
    values: dict[str, Value] = {}
    for d in declared:
        value = known_value(d.value, values)
        if value is not None:
            values[d.symbol.name] = value
    for d in declared:
        if d.guard is not None and known_value(d.guard, values) is False:
            message = f"the default of `{d.symbol.name}` breaks its own guard"
            help = "correct the value or the guard"
            note = Note(d.symbol.span, "declared here")
            yield codes.BROKEN_GUARD.at(d.guard.span, message, help=help, notes=(note,))


def words_have_a_meaning(survey: Survey) -> Iterator[Diagnostic]:
    """``inline`` makes no inline of a declaration, and internals cannot be set."""
    for block in survey.tree.elements:
        if not isinstance(block, tree.VariableBlock):
            continue
        for d in block.declarations:
            name = d.variables[0].text
            if d.inline:
                message = f"`inline` means nothing in `{block.kind}`: `{name}` is computed once"
                help = "move it to `equations`, or leave `inline` out"
                yield codes.MEANINGLESS.at(d.span, message, help=help)
            if d.guard is not None and block.kind == "internals":
                message = f"nothing sets the internal `{name}`, so that nothing tests its guard"
                help = "put the condition behind the parameters it depends on"
                yield codes.MEANINGLESS.at(d.guard.span, message, help=help)
