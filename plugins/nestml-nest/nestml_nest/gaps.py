"""Gap junctions: which models can have them, and where their current and potential are."""

from __future__ import annotations

from collections.abc import Iterator

from nestml_core.api import (
    Diagnostic,
    Method,
    NonlinearSystem,
    Say,
    SolvedModel,
    Symbol,
    bodies_of,
    symbols_in,
    walk_statements,
)
from nestml_nest import codes
from nestml_nest.options import Options


def port(model: SolvedModel, options: Options) -> Symbol | None:
    """Return the port for the currents of gap junctions, if the model has it."""
    if not options.gap_port:
        return None
    ports = (p.symbol for p in model.continuous_ports)
    return next((s for s in ports if s.name == options.gap_port), None)


def potential(model: SolvedModel, options: Options) -> Symbol | None:
    """Return the state variable whose differences drive the currents."""
    states = (d.symbol for d in model.state)
    return next((s for s in states if s.name == options.gap_variable and s.size is None), None)


def system(model: SolvedModel, options: Options) -> NonlinearSystem | None:
    """Return the equations that are solved together with those of the neighbours."""
    driven = potential(model, options)
    systems = (f.nonlinear for f in model.flows if f.nonlinear is not None)
    return next((s for s in systems if driven in s.variables), None)


def problems(model: SolvedModel, options: Options) -> Iterator[Diagnostic]:
    """Yield why a model that has the port cannot have gap junctions."""
    gap = port(model, options)
    if gap is None:
        return
    if potential(model, options) is None:
        message = f"`{model.name}` has no state variable `{options.gap_variable}` for gap junctions"
        help = "name the potential, as in `--gap-variable V`"
        yield codes.NO_GAPS.at(gap.span, message, help=help)
        return
    for why, help in _obstacles(model, options, gap):
        message = f"`{model.name}` cannot have gap junctions: {why}"
        yield codes.NO_GAPS.at(gap.span, message, help=help)


def _obstacles(model: SolvedModel, options: Options, gap: Symbol) -> Iterator[tuple[str, str]]:
    equations = system(model, options)
    linear = [f.linear for f in model.flows if f.linear is not None]
    if equations is None or any(gap in symbols_in(u.value) for q in linear for u in q.updates):
        why = f"`{options.gap_variable}` is solved for inputs that stand still during a step"
        yield (
            why,
            "the potentials of neighbours change: NEST solves them numerically, or not at all",
        )
    elif equations.integrator.method is Method.ROSENBROCK:
        why = "its integrator would need the derivative of their current"
        yield why, "choose another one, as in `--integrator rk45`"
    if sum(f.nonlinear is not None for f in model.flows) > 1:
        yield "its equations are integrated in several parts", "integrate all of them in one call"
    statements = [s for body in bodies_of(model) for s in walk_statements(body)]
    again = "NEST runs every slice several times"
    if model.is_random:
        yield f"it draws random numbers, and {again}", "leave the noise to a generator of NEST"
    if any(isinstance(s, Say) for s in statements):
        yield f"it prints, and {again}", "leave the messages out"
    if model.delays:
        yield f"it has delayed variables, and {again}", "leave the delays to the connections"
