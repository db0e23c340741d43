"""All statements of a model."""

from __future__ import annotations

from collections.abc import Iterator

from nestml_core.model import Model
from nestml_core.stmt import Stmt, walk_statements


def statements(model: Model) -> Iterator[Stmt]:
    """Yield every statement of ``model``."""
    yield from walk_statements(model.update)
    for handler in model.on_receive:
        yield from walk_statements(handler.body)
    for condition in model.on_condition:
        yield from walk_statements(condition.body)
    for function in model.functions:
        yield from walk_statements(function.body)
