"""The reference interpreter: what a solved model means, by running it. The oracle for backends.

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
