"""Render processes in floating point."""

from __future__ import annotations

from collections.abc import Mapping

from nestml_core.api import environment
from nestml_lava import modules
from nestml_lava.ir import Process
from nestml_lava.layout import broken
from nestml_lava.printing import code, docstring


def render(process: Process, version: str) -> Mapping[str, str]:
    """Return the files of the package: the process with its model, and the runtime it needs."""
    copied = {i.file: modules.text(i.file) for i in process.imports}
    return {"__init__.py": broken(rendered(process, version)), **copied}


def rendered(process: Process, version: str) -> str:
    """Return the module of the process, with lines of any length."""
    templates = environment("nestml_lava", code=code, docstring=docstring)
    return templates.get_template("model.py.jinja").render(process=process, version=version)
