"""Files of NESTML 8 and older become files of 9.0, by edits that keep comments and layout."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nestml_core.diagnostics import Diagnostic, Result, in_order
from nestml_core.source import Source, Span
from nestml_core.syntax.formatting import NOT_THE_SAME
from nestml_core.syntax.layout import lay_out
from nestml_core.syntax.parse import MAX_CHARACTERS, parse
from nestml_core.syntax.upgrade.blocks import (
    empty_blocks,
    ends,
    handlers,
    initial_values,
    model_lines,
    outputs,
    semicolons,
)
from nestml_core.syntax.upgrade.comments import joined_lines, line_comments
from nestml_core.syntax.upgrade.declarations import (
    aliases,
    decorators,
    kernel_units,
    keywords,
    sizes,
)
from nestml_core.syntax.upgrade.draft import Draft
from nestml_core.syntax.upgrade.events import emissions, ports
from nestml_core.syntax.upgrade.notes import Step
from nestml_core.syntax.upgrade.quantities import quantities
from nestml_core.syntax.upgrade.scan import scan

DIALECTS = ("auto", "8", "9.0")


def upgraded(source: Source, dialect: str = "auto") -> Result[str]:
    """Return ``source`` in the language of 9.0, with notes on what an upgrade cannot keep.

    What is of 9.0 already stays as it is, to the byte. The result is not checked here.

    Parameters
    ----------
    dialect : "8" if the file is of version 8 or older, "9.0" if not, "auto" to let the file show
        it; this decides what ``3 mV**2`` means

    Errors
    ------
    NML008 : the file is too large; NML950 : a comment was lost, which is a mistake of ours.
    """
    if len(source.text) > MAX_CHARACTERS:
        return Result(None, parse(source).diagnostics)
    notes: list[Diagnostic] = []

    def run(draft: Draft, pass_: Callable[[Draft], Step]) -> Draft:
        step = pass_(draft)
        notes.extend(step.notes)
        return step.draft

    start = run(Draft.of(source), line_comments)
    if notes:  # a comment that is never closed: what follows may be anything
        return Result(source.text, tuple(notes))
    start = run(start, joined_lines)
    before_8 = any(
        x.words[0] in ("neuron", "synapse") and x.is_header for x in scan(start.text).lines
    )
    passes: tuple[Callable[[Draft], Step], ...] = (
        *(model_lines, ends, semicolons, outputs, sizes, keywords),
        *(partial(ports, before_8=before_8), kernel_units, emissions, decorators, handlers),
        *(initial_values, aliases, empty_blocks),
    )
    draft = start
    for pass_ in passes:
        draft = run(draft, pass_)
    is_old = {"8": True, "9.0": False}.get(dialect, True if draft.text != source.text else None)
    draft = run(draft, partial(quantities, is_old=is_old))
    if _comments(start.text) != _comments(draft.text):
        message = f"{source.name} cannot be upgraded: a comment was lost"
        help = "the file is left as it is; this is a mistake of the upgrade: please report it"
        return Result(None, (NOT_THE_SAME.at(Span(source, 0, 0), message, help=help),))
    return Result(draft.text, in_order(notes))


def _comments(text: str) -> list[str]:
    return sorted(c.text.strip() for c in lay_out(Source("", text))[0].comments)
