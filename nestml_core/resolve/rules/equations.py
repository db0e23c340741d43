"""Rules about equations."""

from __future__ import annotations

from collections.abc import Iterator

from nestml_core.diagnostics import Diagnostic, Note
from nestml_core.expr import Symbol
from nestml_core.model import Model, Ode
from nestml_core.resolve import codes
from nestml_core.resolve.rules.bodies import statements
from nestml_core.stmt import IntegrateOdes


def one_equation_each(model: Model) -> Iterator[Diagnostic]:
    """A variable has one equation."""
    seen: dict[Symbol, Ode] = {}
    for ode in model.equations:
        x = ode.variables[0]
        if x in seen:
            note = Note(seen[x].span, "the first one")
            message = f"a second equation for `{x.name}`"
            yield codes.DUPLICATE_EQUATION.at(ode.span, message, notes=(note,))
        seen.setdefault(x, ode)


def equations_are_integrated(model: Model) -> Iterator[Diagnostic]:
    """Equations do nothing unless ``integrate_odes`` is called somewhere."""
    calls = [s for s in statements(model) if isinstance(s, IntegrateOdes)]
    if model.equations and not calls:
        message = f"`{model.name}` has equations but never calls `integrate_odes`"
        help = "add an `update` block with `integrate_odes()`"
        yield codes.NEVER_INTEGRATED.at(model.equations[0].span, message, help=help)


def integrated_variables_have_equations(model: Model) -> Iterator[Diagnostic]:
    """``integrate_odes(x)`` needs an equation for x."""
    known = {ode.variables[0] for ode in model.equations}
    for s in statements(model):
        if not isinstance(s, IntegrateOdes):
            continue
        for x in s.variables or ():
            if x not in known:
                message = f"`{x.name}` has no equation to integrate"
                yield codes.BAD_INTEGRATION.at(s.span, message)
