"""A NESTML compiler core: from a model file to a solved model, which backends turn into code.

The names below are loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from nestml_core.experiment import Experiment
    from nestml_core.simulate import Comparison, ModelError, Run, build, compare, load
    from nestml_core.simulate import LoadedModel as Model
    from nestml_core.typesetting import latex

__all__ = [
    "Comparison",
    "Experiment",
    "Model",
    "ModelError",
    "Run",
    "__version__",
    "build",
    "compare",
    "latex",
    "load",
]

_HOME = {
    "load": ("nestml_core.simulate", "load"),
    "build": ("nestml_core.simulate", "build"),
    "compare": ("nestml_core.simulate", "compare"),
    "Comparison": ("nestml_core.simulate", "Comparison"),
    "Experiment": ("nestml_core.experiment", "Experiment"),
    "ModelError": ("nestml_core.simulate", "ModelError"),
    "Run": ("nestml_core.simulate", "Run"),
    "Model": ("nestml_core.simulate", "LoadedModel"),
    "latex": ("nestml_core.typesetting", "latex"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _HOME[name]
    return getattr(import_module(module), attribute)
