"""The one Jinja environment: templates lay files out and can do nothing else."""

from __future__ import annotations

from collections.abc import Callable

import jinja2


def environment(package: str, **filters: Callable[..., object]) -> jinja2.Environment:
    """Return an environment for the templates in ``package/templates``.

    A misspelt field is an error, there is nothing to call, and nothing is escaped: what enters a
    template as text must have come out of a printer or of ``naming``.
    """
    env = jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    env.globals.clear()
    env.filters |= filters
    return env
