"""The one Jinja environment: templates lay files out and can do nothing else."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

import jinja2
import jinja2.bccache

from nestml_core.files import cache_folder, private_folder


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
        bytecode_cache=_compiled_before(),
    )
    env.globals.clear()
    env.filters |= filters
    return env


class _Kept(jinja2.FileSystemBytecodeCache):
    """Templates as Jinja compiles them, which takes longer than to render them once."""

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        try:
            super().dump_bytecode(bucket)
        except OSError:
            return  # a full disk: it is compiled again the next time


def _compiled_before() -> jinja2.BytecodeCache | None:
    """Return where compiled templates are kept, if this user can keep any.

    They are found by their text; the folder's name has what else they depend on.
    """
    try:
        folder = private_folder(cache_folder() / "templates" / f"jinja-{version('jinja2')}")
    except OSError:
        return None
    return _Kept(str(folder))
