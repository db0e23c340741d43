"""NESTML backend for plain Python: one class for each model, on the standard library alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nestml_core.api import hookimpl

if TYPE_CHECKING:
    from nestml_echo.backend import EchoBackend


@hookimpl
def nestml_backends() -> list[EchoBackend]:
    from nestml_echo.backend import EchoBackend

    return [EchoBackend()]
