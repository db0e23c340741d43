"""The state of one instance of a model: all that its compiled functions read and change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from nestml_core.diagnostics import Diagnostic


@dataclass(slots=True)
class Progress:
    """What has happened so far in a run, beside the change of values."""

    step: int = 0
    time: float = 0.0
    """The end of the step, or the event, in ms."""
    passes: int = 0
    """Passes of loops in this step."""
    spike_steps: list[int] = field(default_factory=list)
    spike_weights: list[float] = field(default_factory=list)
    messages: list[Diagnostic] = field(default_factory=list)
    unsaid: int = 0
    """Messages beyond the first hundred."""


class State(list[Any]):
    """The value of every symbol by slot, what has happened, and where random numbers come from.

    The compiled functions of a model get this and nothing else, so that any number of instances
    share them. It is a list because nothing is read faster by number.

    Parameters
    ----------
    random : a generator of random numbers of NumPy; None where nothing random may be called
    """

    __slots__ = ("progress", "random")

    def __init__(self, values: Iterable[Any], progress: Progress, random: Any) -> None:
        super().__init__(values)
        self.progress = progress
        self.random = random
