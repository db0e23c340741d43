"""Lower solved models to Lava processes."""

from __future__ import annotations

from collections.abc import Iterator

from nestml_core.api import (
    NOWHERE,
    Base,
    Call,
    Code,
    Diagnostic,
    Emit,
    Output,
    Result,
    Severity,
    SolvedModel,
    Symbol,
    bodies_of,
    checked,
    safe,
    sign_pairs,
    walk,
    walk_statements,
)
from nestml_lava.bodies import all_expressions
from nestml_lava.ir import (
    OutPort,
    Partner,
    Port,
    Process,
    Routine,
)
from nestml_lava.modules import imports
from nestml_lava.reserved import MODELS
from nestml_lava.scope import Scope
from nestml_lava.setting import Setup
from nestml_lava.steps import Steps

TEXT = Code("LAVA002", Severity.ERROR, "a string where Lava keeps numbers only")

SPECIAL = ("erf", "erfc")


def process(model: SolvedModel, dt: float) -> Result[Process]:
    """Return ``model`` as a Lava process; ``dt`` is the time step it has unless told otherwise.

    Errors
    ------
    LAVA002 : a state variable, parameter, internal or recordable that holds a string.
    """
    found = tuple(refusals(model))
    if found:
        return Result(None, found)
    scope = Scope(model)
    routines = (*Setup(scope).routines(), *Steps(scope).routines())
    return checked(Lowering(model, scope).process(dt, routines), ())


def refusals(model: SolvedModel) -> Iterator[Diagnostic]:
    """Yield why this backend cannot generate ``model``."""
    yield from strings(model)


def strings(model: SolvedModel) -> Iterator[Diagnostic]:
    symbols = [d.symbol for d in (*model.parameters, *model.state)]
    symbols += [*model.internals, *(r.symbol for r in model.recordables)]
    for symbol in dict.fromkeys(symbols):
        if symbol.type.base is Base.STRING:
            yield TEXT.at(
                symbol.span if symbol.span is not NOWHERE else model.span,
                f"`{symbol.name}` is a string; the variables of a Lava process are numbers",
                help="use a whole number, or write the text where it is printed",
            )


class Lowering:
    """The lowering of one model, apart from its routines."""

    def __init__(self, model: SolvedModel, scope: Scope) -> None:
        self.model = model
        self.scope = scope
        self.names = scope.names

    def process(self, dt: float, routines: tuple[Routine, ...]) -> Process:
        m = self.model
        package = safe(m.name, MODELS)
        documentation = [x.rstrip() for x in m.documentation.strip().splitlines()] or [m.name]
        graded = any(e.weight is not None for e in self.emits())
        return Process(
            name=package,
            model_class=_class_name(package),
            symbol_name=m.name,
            dt=dt,
            title=documentation[0],
            documentation=tuple(documentation[1:]),
            spike_ports=tuple(
                self.port(p.symbol, "sum of the weights that arrive") for p in m.spike_ports
            ),
            partners=tuple(self.partners()),
            continuous_ports=tuple(
                self.port(p.symbol, "value that holds for the step that follows")
                for p in m.continuous_ports
            ),
            sends=m.output is Output.SPIKE,
            graded=graded,
            outputs=tuple(
                OutPort(self.names.variables[port], self.scope.variable(s, ""))
                for s, port in self.scope.outputs.items()
            ),
            parameters=tuple(
                self.scope.variable(d.symbol, d.documentation, d) for d in m.parameters
            ),
            states=tuple(self.scope.variable(d.symbol, d.documentation) for d in m.state),
            convolutions=tuple(
                self.scope.variable(s, f"kernel {c.kernel} on {c.port.name}")
                for c in m.convolutions
                for s in c.states
            ),
            held=tuple(
                self.scope.variable(h, f"what the port {p.name} received last")
                for p, h in self.scope.held.items()
            ),
            inlines=tuple(
                self.scope.variable(r.symbol, "recordable, computed in every step")
                for r in self.scope.inlines
            ),
            routines=routines,
            imports=imports(routines, variables=bool(self.public_variables())),
            recordables=tuple(
                (r.symbol, self.scope.variable(r.symbol.owner, "")) for r in m.recordables
            ),
            special=any(f in SPECIAL for f in self.functions_called()),
            handles_events=bool(m.on_receive),
        )

    def public_variables(self) -> tuple[Symbol, ...]:
        """Return what becomes a ``Var``."""
        m = self.model
        declared = (d.symbol for d in (*m.parameters, *m.state))
        inlines = (r.symbol for r in self.scope.inlines)
        convolved = (s for c in m.convolutions for s in c.states)
        return (*declared, *inlines, *convolved, *self.scope.held.values())

    def partners(self) -> Iterator[Partner]:
        for one, other in sign_pairs(self.model.spike_ports):
            names = self.names.variables[one.symbol], self.names.variables[other.symbol]
            yield Partner(names[0], names[1])
            yield Partner(names[1], names[0])

    def emits(self) -> Iterator[Emit]:
        for stmts in bodies_of(self.model):
            for stmt in walk_statements(stmts):
                if isinstance(stmt, Emit):
                    yield stmt

    def port(self, symbol: Symbol, summary: str) -> Port:
        unit = symbol.type.unit if symbol in self.scope.held else None
        return Port(
            name=self.names.variables[symbol],
            symbol=symbol,
            unit=unit.text if unit else "",
            factor=float(unit.factor) if unit else 1.0,
            held=self.names.variables[self.scope.held[symbol]] if symbol in self.scope.held else "",
            summary=summary,
        )

    def functions_called(self) -> Iterator[str]:
        """Yield the functions that are called anywhere in the model."""
        for top in all_expressions(self.model):
            yield from (e.function for e in walk(top) if isinstance(e, Call))


def _class_name(package: str) -> str:
    return "Py" + "".join(part[:1].upper() + part[1:] for part in package.split("_")) + "ModelFloat"
