"""Render synapses."""

from __future__ import annotations

from collections.abc import Mapping

from nestml_core.api import environment
from nestml_lava import modules
from nestml_lava.layout import broken
from nestml_lava.printing import code, docstring
from nestml_lava.synapses.ir import Connection, Learning


def render(connection: Connection, version: str) -> Mapping[str, str]:
    """Return the files of the package: the process with its model, and the runtime it needs."""
    delayed = ("Delayed",) if connection.weight else ()
    imports = modules.for_synapses(connection.values.imports, delayed, connection.wiring)
    copied = {i.file: modules.text(i.file) for i in imports}
    templates = environment("nestml_lava", code=code, docstring=docstring)
    template = templates.get_template("connection.py.jinja")
    text = template.render(
        connection=connection, process=connection.values, imports=imports, version=version
    )
    return {"__init__.py": broken(text), **copied}


def render_rule(rule: Learning, version: str) -> Mapping[str, str]:
    """Return the files of a package for a learning rule."""
    copied = {f: modules.text(f) for f in ("inprocess.py", "learning.py", "network.py")}
    templates = environment("nestml_lava", docstring=docstring)
    text = templates.get_template("rule.py.jinja").render(rule=rule, version=version)
    return {"__init__.py": broken(text), **copied}
