"""Context conditions: what is wrong with a model whose every line is right by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nestml_core.diagnostics import Diagnostic
from nestml_core.model import Model
from nestml_core.resolve.rules.equations import (
    equations_are_integrated,
    integrated_variables_have_equations,
    one_equation_each,
)
from nestml_core.resolve.rules.events import priorities_give_an_order, spikes_need_an_output
from nestml_core.resolve.rules.functions import functions_return

Rule = Callable[[Model], Iterable[Diagnostic]]

RULES: tuple[Rule, ...] = (
    one_equation_each,
    equations_are_integrated,
    integrated_variables_have_equations,
    priorities_give_an_order,
    spikes_need_an_output,
    functions_return,
)
"""Each looks at the whole model, changes nothing and depends on no other."""
