"""Libraries that are used where they are installed."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import Any

INSTALL = MappingProxyType(
    {
        "matplotlib": 'pip install "nestml-core[plot]"',
        "quantities": "pip install neo",
    }
)
"""How to install what is not called as its module is, or comes with another."""


def optional(module: str) -> Any:
    """Return a library.

    Raises
    ------
    ImportError : it is not installed; the message says how to do that.
    """
    try:
        return import_module(module)
    except ImportError as problem:
        if problem.name not in (None, module):
            raise
        command = INSTALL.get(module, f"pip install {module}")
        message = f"this needs {module}: {command}"
        raise ModuleNotFoundError(message, name=module) from problem
