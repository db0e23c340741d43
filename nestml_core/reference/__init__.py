"""The reference interpreter: what a solved model means, by running it. The oracle for backends.

To read it, begin with ``instance``, a step of a neuron; ``connection`` is a synapse from event to
event, and ``network`` runs both. They call what ``compiled`` makes of a model: its expressions,
statements, functions and flows as functions of the state of one instance. ``bytecode`` makes some
of these once more, to be faster, never to mean anything else.

``simulate`` needs NumPy and is loaded on first use; the rest does without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nestml_core.reference.derived import constants, evaluate
from nestml_core.reference.exponential import expdd

if TYPE_CHECKING:
    from nestml_core.reference.execution import simulate

__all__ = ["constants", "evaluate", "expdd", "simulate"]


def __getattr__(name: str) -> Any:
    if name != "simulate":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from nestml_core.reference import execution

    return execution.simulate
