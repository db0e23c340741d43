"""The exception that carries diagnostics to users of the Python interface."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, TypeVar

from nestml_core.diagnostics import Code, Diagnostic, Result, Severity, in_order, render
from nestml_core.source import NOWHERE, Span

NO_MODEL = Code("NML921", Severity.ERROR, "no such model")
BAD_OPTION = Code("NML923", Severity.ERROR, "an option the backend does not take")

T = TypeVar("T")


class ModelError(Exception):
    """A model, an option or an experiment has errors.

    ``str()`` shows all of them with their places, as the command line does.

    Attributes
    ----------
    diagnostics : errors, warnings and hints, by place
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = in_order(diagnostics)
        super().__init__("\n".join(render(d) for d in self.diagnostics))


def valued(result: Result[T]) -> tuple[T, tuple[Diagnostic, ...]]:
    """Return the value and what else there is to say; raise if there is no value.

    Raises
    ------
    ModelError : there is none.
    """
    if result.value is None:
        raise ModelError(result.diagnostics)
    return result.value, result.diagnostics


def by_name(given: Any, what: str, code: Code) -> Mapping[str, Any]:
    """Return what is given by name, nothing if it is None.

    Raises
    ------
    ModelError : it has no names.
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return given
    refuse(code, f"{what}: {reprlib.repr(given)} has no names", 'write {"NAME": ...}')


def refuse(code: Code, message: str, help: str = "", span: Span = NOWHERE) -> NoReturn:
    """Raise a mistake in a call as what it is: a diagnostic."""
    raise ModelError([code.at(span, message, help=help)]) from None
