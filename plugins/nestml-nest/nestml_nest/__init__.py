"""NESTML backend for the NEST simulator: neurons as C++ extension modules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nestml_core.api import Backend, hookimpl

__version__ = "0.1.0"


@hookimpl
def nestml_backends() -> Iterable[Backend[Any, Any]]:
    from nestml_nest.backend import NestBackend

    return [NestBackend()]
