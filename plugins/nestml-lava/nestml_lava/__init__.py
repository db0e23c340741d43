"""NESTML backend for Lava: one process per neuron model, in floating point."""

from __future__ import annotations

from typing import Any

from nestml_core.api import Backend, hookimpl


@hookimpl
def nestml_backends() -> list[Backend[Any, Any]]:
    """Return the backend ``lava``, imported only when it is asked for."""
    from nestml_lava.backend import LavaBackend

    return [LavaBackend()]
