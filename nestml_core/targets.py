"""The installed backends by name, what they take and what they lack here."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping
from typing import Any

from nestml_core import plugins
from nestml_core.backend import Backend
from nestml_core.diagnostics import Code, Severity, nearest
from nestml_core.problems import BAD_OPTION, refuse

REFERENCE = "reference"
NO_BACKEND = Code("NML922", Severity.ERROR, "no such backend")


def backend_options(backend: Backend[Any, Any], given: Mapping[str, Any]) -> Any:
    """Return the options of ``backend`` with the given values.

    Raises
    ------
    ModelError : it has no such option, or does not take such a value.
    """
    known = [f.name for f in dataclasses.fields(backend.options)]
    for name in given:
        if name not in known:
            refuse(
                BAD_OPTION,
                f"`{backend.name}` has no option `{name}`",
                nearest(name, known, "its options are"),
            )
    try:
        return backend.options(**given)
    except (TypeError, ValueError) as problem:
        refuse(BAD_OPTION, f"an option of `{backend.name}`: {problem}")


def with_options(text: str) -> tuple[str, dict[str, Any]]:
    """Return the name and the options in ``NAME:OPTION=VALUE:...``; a name alone has none.

    Raises
    ------
    ModelError : a part has no ``=``, or the backend has no such option or no such value.
    """
    name, *parts = (x.strip() for x in text.split(":"))
    if not parts:
        return name, {}
    backend = None if name == REFERENCE else backend_named(name)
    hints = {"accurate": bool} if backend is None else typing.get_type_hints(backend.options)
    given: dict[str, Any] = {}
    for part in parts:
        option, equals, value = (x.strip() for x in part.partition("="))
        option = option.replace("-", "_")
        if not equals or not option:
            refuse(BAD_OPTION, f"`{part}` in `{text}`", "write NAME:OPTION=VALUE")
        given[option] = _converted(value, hints.get(option, str), f"`{option}` of `{name}`")
    if backend is not None:
        backend_options(backend, given)
    return name, given


def _converted(text: str, kind: Any, what: str) -> Any:
    """Return the text of an option as a value of its type: a number, a truth value, or text."""
    kinds: dict[Any, Callable[[str], Any]] = {int: int, float: float, bool: _truth}
    try:
        return kinds.get(kind, str)(text)
    except (ValueError, KeyError):
        refuse(BAD_OPTION, f"{what}: `{text}` is no {getattr(kind, '__name__', kind)}")


def _truth(text: str) -> bool:
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text]


def backend_named(name: str) -> Backend[Any, Any]:
    """Return an installed backend.

    Raises
    ------
    ModelError : there is none of that name, or its plugin is broken.
    """
    found = plugins.find(name)
    if found.backends:
        return found.backends[0]
    broken = "; ".join(f"{b.distribution} is broken: {b.problem}" for b in found.broken)
    names = [b.name for b in plugins.discover().backends]
    message = f"there is no backend `{name}`" + (f" ({broken})" if broken else "")
    refuse(NO_BACKEND, message, nearest(name, names, "installed"))


def missing_tools(backend: Backend[Any, Any]) -> str:
    """Return what the backend lacks on this machine, in words; nothing if it is complete."""
    return "; ".join(
        f"{t.name} is missing" + (f" ({t.install})" if t.install else "")
        for t in backend.toolchain().missing
    )
