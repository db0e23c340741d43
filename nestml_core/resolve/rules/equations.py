"""Rules about equations."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from nestml_core.diagnostics import Diagnostic, Note
from nestml_core.expr import RANDOM, Call, Kind, Ref, walk
from nestml_core.model import Function, Model, Ode
from nestml_core.resolve import codes
from nestml_core.resolve.rules.compartments import POTENTIAL
from nestml_core.resolve.rules.survey import Survey
from nestml_core.source import Span
from nestml_core.stmt import Assign, Declare, IntegrateOdes
from nestml_core.syntax import tree
from nestml_core.units import coherent_text, known

PER_TIME = known("ms").dimension ** Fraction(-1)


def one_equation_each(survey: Survey) -> Iterator[Diagnostic]:
    """A variable has one equation."""
    seen: dict[str, Ode] = {}
    for ode in survey.model.equations:
        x = ode.variables[0].owner
        if x.name in seen and not ode.variables[0].place:
            note = Note(seen[x.name].span, "the first one")
            message = f"a second equation for `{x.name}`"
            help = "write the sum of both right-hand sides, or rename one of the variables"
            yield codes.DUPLICATE_EQUATION.at(ode.span, message, help=help, notes=(note,))
        seen.setdefault(x.name, ode)


def derivatives_have_their_unit(survey: Survey) -> Iterator[Diagnostic]:
    """Where x is in mV, x' is in mV/ms."""
    model = survey.model
    seen: set[str] = set()
    for q in (*model.equations, *(q for k in model.kernels for q in k.equations)):
        x = q.variables[0].owner
        if x.name in seen or not x.type.is_numeric:
            continue
        seen.add(x.name)
        for order, dx in enumerate((v.owner for v in q.variables[1:]), start=1):
            wanted = x.type.dimension * PER_TIME ** Fraction(order)
            if dx.type.is_numeric and dx.type.dimension != wanted:
                message = f"`{dx.name}` is declared as `{dx.type}`, the derivative is in "
                message += coherent_text(wanted)
                note = Note(x.span, f"`{x.name}` is declared as `{x.type}`")
                help = f"declare `{dx.name} {coherent_text(wanted)}`"
                yield codes.BAD_DERIVATIVE.at(dx.span, message, help=help, notes=(note,))


def initial_values_belong_to_kernels(survey: Survey) -> Iterator[Diagnostic]:
    """Only kernels given by equations have initial values, one for each order below theirs."""
    model = survey.model
    kernels = {k.symbol.name: k for k in model.kernels}
    for d in model.state:
        if d.symbol.kind is not Kind.KERNEL:
            continue
        kernel = kernels.get(d.symbol.name.rstrip("'"))
        notes = () if kernel is None else (Note(kernel.span, "the kernel"),)
        message = f"`{d.symbol.name}` is no initial value that its kernel needs"
        help = "leave it out, or write the kernel as an equation of higher order"
        yield codes.BAD_KERNEL.at(d.symbol.span, message, help=help, notes=notes)


def kernels_are_plain_numbers(survey: Survey) -> Iterator[Diagnostic]:
    """A convolution is a plain number, whatever its kernel was declared in."""
    for k in survey.model.kernels:
        for symbol, _ in k.initial[:1]:
            if symbol.type.unit is not None:
                unit = symbol.type.unit.text
                message = f"the kernel `{symbol.name}` is declared in {unit}, but a convolution "
                message += "with it is a plain number"
                help = f"declare it as `real`, and write `1 {unit} * convolve(...)` for it"
                yield codes.KERNEL_UNIT.at(symbol.span, message, help=help)


def equations_are_integrated(survey: Survey) -> Iterator[Diagnostic]:
    """Equations do nothing unless ``integrate_odes`` is called; compartments call it themselves."""
    model = survey.model
    if not model.equations or model.is_compartmental or "integrate_odes" in survey.lost:
        return
    if not any(isinstance(s, IntegrateOdes) for s in survey.statements):
        message = f"`{model.name}` has equations but never calls `integrate_odes`"
        help = "add an `update` block with `integrate_odes()`"
        yield codes.NEVER_INTEGRATED.at(model.equations[0].span, message, help=help)


def integrated_variables_have_equations(survey: Survey) -> Iterator[Diagnostic]:
    """``integrate_odes(x)`` does nothing for an x without equation."""
    model = survey.model
    equations = {ode.variables[0].owner.name for ode in model.equations}
    state = {d.symbol.name for d in model.state if "'" not in d.symbol.name} - equations
    for call in _integrations(survey):
        for argument in call.arguments:
            name = argument.span.text
            if name in state:
                message = f"`{name}` has no equation to integrate"
                help = f"write an equation for `{name}'`, or leave `{name}` out"
                yield codes.NOTHING_TO_INTEGRATE.at(argument.span, message, help=help)


def _integrations(survey: Survey) -> Iterator[tree.Call]:
    return (c for c in survey.written.calls if c.name.text == "integrate_odes")


def every_equation_is_integrated(survey: Survey) -> Iterator[Diagnostic]:
    """Where variables are integrated by name, one that is never named stands still."""
    calls = [s for s in survey.statements if isinstance(s, IntegrateOdes)]
    if not calls or any(s.variables is None for s in calls):
        return
    named = {x.owner.name for s in calls for x in s.variables or ()}
    for ode in survey.model.equations:
        x = ode.variables[0].owner
        if x.name not in named and not ode.variables[0].place:
            message = f"the equation of `{x.name}` is never integrated, while others are"
            help = f"name `{x.name}` in `integrate_odes(...)`, or write `integrate_odes()`"
            yield codes.STANDS_STILL.at(ode.span, message, help=help)


def state_changes(survey: Survey) -> Iterator[Diagnostic]:
    """State that never changes is a parameter."""
    model = survey.model
    changed = {x.owner.name for q in model.equations for x in q.variables}
    for s in survey.statements:
        if isinstance(s, Assign) and s.target.kind is Kind.STATE:
            changed.add(s.target.owner.name)
    hidden = {s.symbol.name for s in survey.statements if isinstance(s, Declare)}
    for d in model.state:
        name = d.symbol.name
        potential = model.is_compartmental and name.lower() == POTENTIAL
        if name in changed or name in hidden or potential:
            continue
        message = f"the state variable `{name}` never changes: no equation, no assignment"
        yield codes.CONSTANT_STATE.at(d.symbol.span, message, help="declare it in `parameters`")


def equations_draw_no_random_numbers(survey: Survey) -> Iterator[Diagnostic]:
    """What equations and kernels read is evaluated as often as the integrator likes."""
    drawing = _drawing_functions(survey)
    if not any(c.function in RANDOM or c.function in drawing for c in survey.equations.calls):
        return
    for call in _calls_while_integrating(survey.model):
        if call.function in RANDOM or call.function in drawing:
            message = f"`{call.function}` draws random numbers while equations are integrated"
            help = "draw in `update` and store the number in a state variable"
            place = drawing.get(call.function)
            notes = () if place is None else (Note(place, "drawn here"),)
            yield codes.RANDOM_EQUATION.at(call.span, message, help=help, notes=notes)


def _calls_while_integrating(model: Model) -> Iterator[Call]:
    """Yield the calls in equations and kernels, and in the inline expressions they read."""
    waiting = [q.value for q in model.equations]
    waiting += [q.value for k in model.kernels for q in k.equations]
    waiting += [k.value for k in model.kernels if k.value is not None]
    inlines = {i.symbol.name: i.value for i in model.inlines}
    while waiting:
        for e in walk(waiting.pop()):
            if isinstance(e, Call):
                yield e
            elif isinstance(e, Ref) and e.symbol.kind is Kind.INLINE and e.symbol.name in inlines:
                waiting.append(inlines.pop(e.symbol.name))


def _drawing_functions(survey: Survey) -> dict[str, Span]:
    """Return the functions of the model that draw random numbers, by themselves or by others."""
    bodies = [(b.of.name, b.parts.calls) for b in survey.bodies if isinstance(b.of, Function)]
    found: dict[str, Span] = {}
    grown = True
    while grown:
        grown = False
        for name, calls in bodies:
            draws = [c.span for c in calls if c.function in RANDOM or c.function in found]
            if draws and name not in found:
                found[name] = draws[-1]
                grown = True
    return found
