"""What an upgrade has to say about what it did, or could not do."""

from __future__ import annotations

from dataclasses import dataclass

from nestml_core.diagnostics import Code, Diagnostic, Severity
from nestml_core.syntax.upgrade.draft import Draft, Edit

LEFT = Code("NML952", Severity.WARNING, "something that an upgrade leaves to you")
CHANGED = Code("NML953", Severity.HINT, "something that an upgrade could not keep as it was")


@dataclass(frozen=True, slots=True)
class Step:
    """What one pass of an upgrade makes of a draft."""

    draft: Draft
    notes: tuple[Diagnostic, ...] = ()


def step(draft: Draft, edits: list[Edit], notes: list[Diagnostic] | None = None) -> Step:
    return Step(draft.edited(edits), tuple(notes or ()))
