"""NESTML backend for TrueNorth: exact programs for a digital neurosynaptic chip."""

from __future__ import annotations

from typing import Any

from nestml_core.api import Backend, hookimpl

__version__ = "0.1.0"


@hookimpl
def nestml_backends() -> list[Backend[Any, Any]]:
    """Return the backend; nothing of it is imported before."""
    from nestml_truenorth.backend import TrueNorthBackend

    return [TrueNorthBackend()]
