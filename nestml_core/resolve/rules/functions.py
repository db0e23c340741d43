"""Rules about functions."""

from __future__ import annotations

from collections.abc import Iterator

from nestml_core.diagnostics import Diagnostic
from nestml_core.model import Model
from nestml_core.resolve import codes
from nestml_core.resolve.statements import always_returns
from nestml_core.types import Base


def functions_return(model: Model) -> Iterator[Diagnostic]:
    """Every path through a function with a result ends in ``return``."""
    for f in model.functions:
        if f.result.type.base is not Base.VOID and not always_returns(f.body):
            message = f"the function `{f.name}` may end without `return`"
            help = "return a value on every path, in `else` too"
            yield codes.BAD_RETURN.at(f.span, message, help=help)
