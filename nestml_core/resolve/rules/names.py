"""Rules about names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from nestml_core.diagnostics import Diagnostic, Note
from nestml_core.expr import Kind, Symbol
from nestml_core.model import Declaration, Function, Model, OnReceive
from nestml_core.resolve import codes
from nestml_core.resolve.rules.survey import Body, Survey
from nestml_core.resolve.scope import with_article
from nestml_core.source import Span
from nestml_core.stmt import Declare, Emit, For
from nestml_core.syntax import tree
from nestml_core.types import Type
from nestml_core.units import known, table

CONNECTION = frozenset(("d", "delay", "dendritic_delay"))
"""How synapses call the delay of the connection, which is declared for the simulator."""


def everything_is_used(survey: Survey) -> Iterator[Diagnostic]:
    """What is declared is used."""
    for symbol in (*_unused_values(survey), *_unused_ports(survey)):
        yield _unused(symbol.kind.value, symbol.name, symbol.span)
    outer = {s.name for s in _globals(survey)}
    called = Counter(c.function for p in survey.parts for c in p.calls)
    for body in survey.bodies:
        if isinstance(body.of, Function):
            f = body.of
            by_itself = sum(c.function == f.name for c in body.parts.calls)
            if called[f.name] == by_itself:
                yield _unused("function", f.name, f.result.span)
        for local in _unused_locals(body):
            if local.name in outer:
                continue  # it hides another name, which is said already
            yield _unused("local variable", local.name, local.span)


def _unused(what: str, name: str, span: Span) -> Diagnostic:
    help = "leave it out, or use it"
    return codes.UNUSED.at(span, f"nothing uses the {what} `{name}`", help=help)


def _unused_values(survey: Survey) -> Iterator[Symbol]:
    model = survey.model
    used = survey.mentioned
    synapse = any(isinstance(s, Emit) for b in survey.bodies for s in b.every if _answers(b))
    for d in (*model.parameters, *model.internals):
        if d.symbol.name not in used and not (synapse and _of_the_connection(d)):
            yield d.symbol
    for i in model.inlines:
        if i.symbol.name not in used and not i.recordable and not i.decorators:
            yield i.symbol
    convolved = {c.kernel.name for p in survey.parts for c in p.convolutions}
    for k in model.kernels:
        if k.symbol.name not in convolved:
            yield k.symbol


def _answers(body: Body) -> bool:
    return isinstance(body.of, OnReceive)


def _of_the_connection(d: Declaration) -> bool:
    time: Type = d.symbol.type
    named = d.symbol.name.lower() in CONNECTION and time.dimension == known("ms").dimension
    return named or any(text.startswith("@nest::") for text in d.decorators)


def _unused_ports(survey: Survey) -> Iterator[Symbol]:
    model = survey.model
    used = {_declared_name(h.port) for h in model.on_receive}
    used |= {_declared_name(c.port) for p in survey.parts for c in p.convolutions}
    for name, symbol in {_declared_name(s): s for s in _ports(model)}.items():
        if name not in used and name not in survey.mentioned:
            yield replace(symbol, name=name)


def _declared_name(port: Symbol) -> str:
    """Return the name of a port, or of the vector of ports that it is one of."""
    return port.name.partition("[")[0]


def _unused_locals(body: Body) -> Iterator[Symbol]:
    loops = {s.variable.name for s in body.every if isinstance(s, For)}
    for s in body.every:
        if isinstance(s, Declare):
            name = s.symbol.owner.name
            if name not in body.parts.own and name not in loops:
                yield s.symbol


def names_are_not_hidden(survey: Survey) -> Iterator[Diagnostic]:
    """A local variable with the name of something global is easily taken for it."""
    outer = {s.name: s for s in _globals(survey)}
    for body in survey.bodies:
        for s in body.every:
            if isinstance(s, Declare) and s.symbol.name in outer:
                hidden = outer[s.symbol.name]
                message = f"the local variable `{hidden.name}` hides {with_article(hidden.kind)}"
                help = "choose another name"
                if hidden.kind is Kind.STATE:
                    help = f"leave out the type to assign to it, as in `{hidden.name} = ...`"
                note = Note(hidden.span, f"the {hidden.kind.value}")
                yield codes.HIDDEN_NAME.at(s.symbol.span, message, help=help, notes=(note,))


def _globals(survey: Survey) -> Iterator[Symbol]:
    m = survey.model
    yield from (d.symbol for d in (*m.parameters, *m.internals, *m.state))
    yield from (i.symbol for i in m.inlines)
    yield from (k.symbol for k in m.kernels)
    yield from (s.owner for s in _ports(m))


def _ports(model: Model) -> Iterator[Symbol]:
    yield from (p.symbol for p in model.spike_ports)
    yield from (p.symbol for p in model.continuous_ports)


def names_are_not_reserved(survey: Survey) -> Iterator[Diagnostic]:
    """Names that begin with two underscores are those of generated code."""
    locals = (s.symbol for b in survey.bodies for s in b.every if isinstance(s, Declare))
    functions = (Symbol(f.name, Kind.LOCAL, span=f.result.span) for f in survey.model.functions)
    for s in (*_globals(survey), *locals, *functions):
        if s.name.startswith("__"):
            message = f"`{s.name}`: generated code uses names with two underscores in front"
            help = f"call it `{s.name.lstrip('_') or 'x'}`"
            yield codes.RESERVED_NAME.at(s.span, message, help=help)


def names_do_not_look_like_units(survey: Survey) -> Iterator[Diagnostic]:
    """Behind a unit, a variable with the name of a unit is read as one.

    ``2 mV / h`` is 2 mV/h to the eye; if ``h`` is declared, it is 2 mV divided by that.
    """
    declared = {s.name for s in _globals(survey)}
    declared |= {s.symbol.name for s in survey.statements if isinstance(s, Declare)}
    declared |= {a.name for f in survey.model.functions for a in f.arguments}
    for e in survey.written.expressions:
        number: Span | None = None  # that of a literal with a unit, as far as its unit may reach
        for operand, op in zip(e.operands, (None, *e.operators), strict=True):
            atom = operand.atom
            if isinstance(atom, tree.Quantity):
                number = None if atom.unit is None else atom.span
            elif op is None or op.text not in ("*", "/") or not isinstance(atom, tree.Variable):
                number = None
            elif number is not None and atom.name.text in declared:
                if atom.name.text in table():
                    yield _like_a_unit(atom, number, op.text)
                number = None


def _like_a_unit(v: tree.Variable, number: Span, op: str) -> Diagnostic:
    message = f"`{v.text}` is declared in this model and is not the unit of that name"
    help = f"write the number in parentheses, as in `({number.text}) {op} {v.text}`"
    return codes.LIKE_A_UNIT.at(v.span, message, help=help)
