"""Replace every reference to an inline expression by its definition."""

from __future__ import annotations

from nestml_core.expr import Expr, Symbol, substitute
from nestml_core.model import Model


def expanded_inlines(model: Model) -> dict[Symbol, Expr]:
    """Return the definition of each inline without other inlines.

    ``resolve`` has made sure that an inline refers to earlier ones only.
    """
    values: dict[Symbol, Expr] = {}
    for inline in model.inlines:
        values[inline.symbol] = substitute(inline.value, values)
    return values
