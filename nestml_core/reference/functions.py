"""Functions of a model as functions of Python. Needs no NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nestml_core.expr import Kind, Symbol
from nestml_core.model import Function
from nestml_core.reference import operations
from nestml_core.reference.expressions import Compiler, Slots, Step, Values
from nestml_core.reference.statements import StatementCompiler


def defined(
    f: Function,
    slots: Slots,
    called: Callable[[str], Callable[..., Any]],
    flows: tuple[Step, ...],
) -> Callable[..., Any]:
    """Return a function of the model as a function of all values and its arguments.

    Its locals live in slots of their own, saved around each call so that it may recurse.

    Parameters
    ----------
    slots : where everything has its value
    called : what the functions do that it calls, by name
    flows : what ``Integrate(k)`` does, for each k
    """
    scope = f"function {f.name}"
    compiler = Compiler(slots, called, scope)
    places = [compiler.slot(a) for a in f.arguments]
    result = compiler.slot(Symbol("return", Kind.LOCAL, f.result.type))
    conversions = [operations.conversion(a.type) for a in f.arguments]
    converted = operations.conversion(f.result.type)
    body = StatementCompiler(compiler, flows, result).body(f.body)
    frame = slots.of(scope)

    def call(v: Values, *arguments: Any) -> Any:
        saved = [v[i] for i in frame]
        for slot, convert, argument in zip(places, conversions, arguments, strict=True):
            v[slot] = convert(argument)
        body(v)
        value = converted(v[result])
        for i, old in zip(frame, saved, strict=True):
            v[i] = old
        return value

    return call
