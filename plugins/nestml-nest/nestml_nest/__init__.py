"""NESTML backend for the NEST simulator: neurons as C++ extension modules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nestml_core.api import Backend, hookimpl

__version__ = "0.1.0"

__all__ = ["install", "nestml_backends"]


def __getattr__(name: str) -> Any:
    if name != "install":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from nestml_nest.installing import install

    return install


@hookimpl
def nestml_backends() -> Iterable[Backend[Any, Any]]:
    from nestml_nest.backend import NestBackend

    return [NestBackend()]
