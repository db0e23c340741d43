"""What callers give, as numbers in coherent units and as symbols; what does not fit is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nestml_core.diagnostics import Code, nearest
from nestml_core.experiment import FloatArray
from nestml_core.expr import Symbol
from nestml_core.problems import refuse
from nestml_core.solved import TIME, SolvedModel
from nestml_core.types import Unit
from nestml_core.units import magnitude


def number(value: Any, unit: Unit | None, what: str, code: Code) -> float:
    """Return a number in ``unit``, or a quantity, in coherent units.

    Raises
    ------
    ModelError : it is no number, or has another dimension; with ``code``.
    """
    return float(numbers([value], unit, what, code)[0])


def numbers(
    values: Iterable[Any], unit: Unit | None, what: str, code: Code, help: str = ""
) -> FloatArray:
    """Return numbers in ``unit``, or quantities, in coherent units; shape (n,).

    Raises
    ------
    ModelError : one of them is no number, or has another dimension; with ``code``.
    """
    try:
        return np.array([magnitude(x, unit) for x in values], float)
    except (TypeError, ValueError) as problem:
        refuse(code, f"{what}: {problem}", help)


def time(value: Any, what: str, code: Code) -> float:
    """Return a time in ms, perhaps not a finite one.

    Raises
    ------
    ModelError : it is none; with ``code``.
    """
    return number(value, TIME.type.unit, what, code)


def named(
    name: str, symbols: Sequence[Symbol], model: SolvedModel, what: str, code: Code
) -> Symbol:
    """Return the one of ``symbols``, which are of ``model``, that is called ``name``.

    Raises
    ------
    ModelError : there is none; with ``code``. The message suggests one.
    """
    for symbol in symbols:
        if isinstance(name, str) and name in (symbol.name, symbol.identifier):
            return symbol
    help = nearest(name, [s.name for s in symbols])
    refuse(code, f"`{model.name}` has no {what} `{name}`", help)
