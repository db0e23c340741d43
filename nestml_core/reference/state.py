"""The state of one instance of a model: all that its compiled functions read and change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nestml_core.diagnostics import Diagnostic
from nestml_core.reference.expressions import PROGRESS, Slots, Values


@dataclass(slots=True)
class Progress:
    """What a run of an instance has beside the values of symbols."""

    random: Any = None
    """A generator of random numbers of NumPy, None where nothing random may be called."""
    step: int = 0
    time: float = 0.0
    """The end of the step, or the event, in ms."""
    passes: int = 0
    """Passes of loops in this step."""
    spike_steps: list[int] = field(default_factory=list)
    spike_weights: list[float] = field(default_factory=list)
    messages: list[Diagnostic] = field(default_factory=list)
    unsaid: int = 0
    """Messages beyond ``MAX_MESSAGES``."""


def blank(slots: Slots, progress: Progress) -> Values:
    """Return values, all of them 0 as yet, to run with."""
    values: Values = [0.0] * len(slots)
    values[PROGRESS] = progress
    return values
