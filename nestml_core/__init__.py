"""A NESTML compiler core: from a model file to a solved model, which backends turn into code.

The names below are loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from nestml_core.building import build
    from nestml_core.checking import check, solve
    from nestml_core.comparing import Comparison, compare
    from nestml_core.experiment import Experiment
    from nestml_core.loading import LoadedModel as Model
    from nestml_core.loading import load, simulate
    from nestml_core.networks import Network, NetworkRun
    from nestml_core.problems import ModelError
    from nestml_core.results import Run
    from nestml_core.typesetting import latex

__all__ = [
    "Comparison",
    "Experiment",
    "Model",
    "ModelError",
    "Network",
    "NetworkRun",
    "Run",
    "__version__",
    "build",
    "check",
    "compare",
    "latex",
    "load",
    "simulate",
    "solve",
]

_HOME = {
    "build": ("nestml_core.building", "build"),
    "check": ("nestml_core.checking", "check"),
    "solve": ("nestml_core.checking", "solve"),
    "Comparison": ("nestml_core.comparing", "Comparison"),
    "compare": ("nestml_core.comparing", "compare"),
    "Experiment": ("nestml_core.experiment", "Experiment"),
    "Model": ("nestml_core.loading", "LoadedModel"),
    "load": ("nestml_core.loading", "load"),
    "simulate": ("nestml_core.loading", "simulate"),
    "ModelError": ("nestml_core.problems", "ModelError"),
    "Run": ("nestml_core.results", "Run"),
    "Network": ("nestml_core.networks", "Network"),
    "NetworkRun": ("nestml_core.networks", "NetworkRun"),
    "latex": ("nestml_core.typesetting", "latex"),
}


class _Package(ModuleType):
    """This package: importing the subpackage ``solve`` does not hide the function ``solve``."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _HOME[name]
    return getattr(import_module(module), attribute)
