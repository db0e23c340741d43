"""NESTML backend for standalone C++20: one header and one program a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nestml_core.api import Backend, hookimpl

__version__ = "0.1.0"


@hookimpl
def nestml_backends() -> Iterable[Backend[Any, Any]]:
    from nestml_cpp.backend import CppBackend

    return (CppBackend(),)
