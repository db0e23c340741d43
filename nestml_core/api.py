"""Everything a backend plugin may import from the core, beside ``nestml_core.testing``.

``Schedule``, ``Trace``, ``Events`` and ``Experiment`` need NumPy and are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass

_NUMERIC = ("Events", "Experiment", "Schedule", "Trace")


def __getattr__(name: str) -> Any:
    if name not in _NUMERIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from nestml_core import experiment

    return getattr(experiment, name)
