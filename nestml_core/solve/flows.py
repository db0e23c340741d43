"""One call of ``integrate_odes``: what is exact, what is numeric, and the constants it needs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from nestml_core.diagnostics import Code, Diagnostic, Severity
from nestml_core.expr import Expr, Kind, Symbol, is_constant, ref, symbols_in
from nestml_core.solve.affine import Affine, affine
from nestml_core.solve.algebra import ZERO, is_zero, plus, times, total
from nestml_core.solve.propagator import Entry, block_exponential, exponential, reachable
from nestml_core.solved import (
    Definition,
    Derived,
    Flow,
    Integrator,
    Jump,
    LinearSystem,
    Method,
    NonlinearSystem,
    Update,
)
from nestml_core.source import Span
from nestml_core.types import REAL

PORT_NOT_LINEAR = Code("NML310", Severity.ERROR, "spikes that do not simply add up")


@dataclass(frozen=True, slots=True)
class Derivative:
    """``variable' = value + sum of coefficient * spikes of port``, first order."""

    variable: Symbol
    value: Expr
    jumps: tuple[tuple[Symbol, Expr], ...]
    span: Span


@dataclass(slots=True)
class Constants:
    """The derived constants found so far; equal formulas share a name."""

    taken: set[str]
    derived: list[Derived] = field(default_factory=list)
    names: dict[Expr, Symbol] = field(default_factory=dict)
    blocks: dict[tuple[object, ...], tuple[dict[Entry, Symbol], dict[Entry, Symbol]]] = field(
        default_factory=dict
    )

    def symbol(self, wanted: str) -> Symbol:
        name, n = wanted, 1
        while name in self.taken:
            n += 1
            name = f"{wanted}_{n}"
        self.taken.add(name)
        return Symbol(name, Kind.INTERNAL, REAL)

    def named(self, wanted: str, value: Expr) -> Expr:
        """Return a reference to a constant of this value; plain numbers and names stay."""
        if not symbols_in(value) or (
            len(symbols_in(value)) == 1 and value == ref(symbols_in(value)[0])
        ):
            return value
        if value not in self.names:
            symbol = self.symbol(wanted)
            self.names[value] = symbol
            self.derived.append(Definition(symbol, value))
        return ref(self.names[value])


def split_ports(
    variable: Symbol, value: Expr, ports: Collection[Symbol], span: Span
) -> tuple[Derivative | None, tuple[Diagnostic, ...]]:
    """Return an equation with the spikes on its right-hand side taken out of the flow."""
    form = affine(value, ports)
    if form is None:
        message = (
            f"the spikes in the equation of `{variable.name}` must stand alone or times a factor"
        )
        help = "write `... + factor * port`, or use an event handler"
        return None, (PORT_NOT_LINEAR.at(span, message, help=help),)
    return Derivative(variable, form.constant, form.terms, span), ()


class FlowSolver:
    """Solves the calls of one model; the constants go into ``constants``."""

    def __init__(
        self,
        derivatives: dict[Symbol, Derivative],
        moving: dict[Symbol, Expr],
        constants: Constants,
        integrator: Integrator,
    ) -> None:
        """``moving`` are convolution states with their derivatives: they move in every flow."""
        self.derivatives = derivatives
        self.moving = moving
        self.constants = constants
        self.integrator = integrator

    def flow(self, variables: tuple[Symbol, ...]) -> Flow:
        """Return what integrating ``variables`` and nothing else means."""
        columns = {*variables, *self.moving}
        forms = {v: self.form(self.derivatives[v].value, columns) for v in variables}
        forms |= {z: self.form(value, columns) for z, value in self.moving.items()}
        numeric = {v for v, form in forms.items() if form is None}
        while more := {
            v
            for v, form in forms.items()
            if form is not None and v not in numeric and numeric.intersection(form.variables)
        }:
            numeric |= more
        exact = tuple(v for v in variables if v not in numeric)
        rest = tuple(v for v in variables if v in numeric)
        linear = {v: form for v, form in forms.items() if form is not None}
        return Flow(
            variables,
            self.linear(exact, linear) if exact else None,
            self.nonlinear(rest, forms) if rest else None,
            tuple(
                Jump(v, total(times(c, ref(p)) for p, c in self.derivatives[v].jumps))
                for v in variables
                if self.derivatives[v].jumps
            ),
        )

    def form(self, value: Expr, columns: Collection[Symbol]) -> Affine | None:
        """Return a right-hand side as an affine form whose coefficients are constants."""
        form = affine(value, columns)
        if form is None or not all(is_constant(c) for _, c in form.terms):
            return None
        return form

    # Exact

    def linear(self, variables: tuple[Symbol, ...], forms: dict[Symbol, Affine]) -> LinearSystem:
        drivers = self.reached(variables, forms)
        companions = tuple(z for z in self.moving if z in drivers)
        order = variables + companions
        matrix = tuple(tuple(forms[v].coefficient(w) for w in order) for v in order)
        drive = tuple(forms[v].constant for v in variables)
        updates = self.exact_updates(order, matrix, variables, drive)
        return LinearSystem(variables, companions, matrix[: len(variables)], drive, updates)

    def reached(self, start: tuple[Symbol, ...], forms: dict[Symbol, Affine]) -> set[Symbol]:
        """Return the variables that ``start`` depends on, directly or through others."""
        found = set(start)
        waiting = list(start)
        while waiting:
            for v in forms[waiting.pop()].variables:
                if v not in found:
                    found.add(v)
                    waiting.append(v)
        return found

    def exact_updates(
        self,
        order: tuple[Symbol, ...],
        matrix: tuple[tuple[Expr, ...], ...],
        variables: tuple[Symbol, ...],
        drive: tuple[Expr, ...],
    ) -> tuple[Update, ...]:
        """Return ``x(t1)`` for each of ``variables``, which come first in ``order``."""
        propagator, integral = self.entries(order, matrix, drive)
        updates: list[Update] = []
        for i, v in enumerate(variables):
            terms: list[Expr] = []
            for j, w in enumerate(order):
                if (i, j) in propagator:
                    name = f"P_{v.identifier}_{w.identifier}"
                    terms.append(times(self.constants.named(name, propagator[i, j]), ref(w)))
            terms += self.driven(v, [(integral.get((i, j), ZERO), b) for j, b in enumerate(drive)])
            updates.append(Update(v, total(terms)))
        return tuple(updates)

    def entries(
        self,
        order: tuple[Symbol, ...],
        matrix: tuple[tuple[Expr, ...], ...],
        drive: tuple[Expr, ...],
    ) -> tuple[dict[Entry, Expr], dict[Entry, Expr]]:
        """Return the entries of P and D as expressions."""
        result = exponential(matrix)
        propagator, integral = dict(result.propagator), dict(result.integral)
        driven = {j for j, b in enumerate(drive) if not is_zero(b)}
        for group in result.numeric:
            key = (tuple(order[i] for i in group), tuple(matrix[i] for i in group), tuple(driven))
            if key not in self.constants.blocks:
                entries = reachable(matrix, group)

                def symbols(letter: str, chosen: list[Entry]) -> dict[Entry, Symbol]:
                    return {
                        (i, j): self.constants.symbol(
                            f"{letter}_{order[i].identifier}_{order[j].identifier}"
                        )
                        for i, j in chosen
                    }

                names = symbols("P", entries)
                areas = symbols("D", [e for e in entries if e[1] in driven])
                self.constants.blocks[key] = names, areas
                self.constants.derived.append(block_exponential(matrix, group, names, areas))
            names, areas = self.constants.blocks[key]
            propagator |= {e: ref(s) for e, s in names.items()}
            integral |= {e: ref(s) for e, s in areas.items()}
        return propagator, integral

    def driven(self, v: Symbol, drives: list[tuple[Expr, Expr]]) -> list[Expr]:
        """Return ``sum of D_j b_j``: one constant for what never changes, factors for the rest."""
        constant: Expr = ZERO
        factors: dict[Symbol, Expr] = {}
        others: list[Expr] = []
        for area, b in drives:
            if is_zero(area) or is_zero(b):
                continue
            varying = tuple(s for s in symbols_in(b) if not is_constant(ref(s)))
            form = affine(b, varying)
            steady = form is not None and all(map(is_constant, (form.constant, *form.factors)))
            if form is None or not steady:
                name = f"D_{v.identifier}"
                others.append(times(self.constants.named(name, area), b))
                continue
            constant = plus(constant, times(area, form.constant))
            for s, c in form.terms:
                factors[s] = plus(factors.get(s, ZERO), times(area, c))
        terms = [
            times(self.constants.named(f"D_{v.identifier}_{s.identifier}", f), ref(s))
            for s, f in factors.items()
        ]
        if not is_zero(constant):
            terms.append(self.constants.named(f"q_{v.identifier}", constant))
        return terms + others

    # Numeric

    def nonlinear(
        self, variables: tuple[Symbol, ...], forms: dict[Symbol, Affine | None]
    ) -> NonlinearSystem:
        def derivative(v: Symbol) -> Expr:
            return self.moving[v] if v in self.moving else self.derivatives[v].value

        needed = dict.fromkeys(variables)
        waiting = list(variables)
        while waiting:
            for s in symbols_in(derivative(waiting.pop())):
                if s in forms and s not in needed:
                    needed[s] = None
                    waiting.append(s)
        companions = tuple(v for v in forms if v in needed and v not in variables)
        derivatives = tuple(Update(v, derivative(v)) for v in (*variables, *companions))
        return NonlinearSystem(variables, companions, derivatives, self.chosen(variables, forms))

    def chosen(
        self, variables: tuple[Symbol, ...], forms: dict[Symbol, Affine | None]
    ) -> Integrator:
        source = [v for v in variables if forms[v] is None]
        others = [v for v in variables if forms[v] is not None]

        def named(symbols: list[Symbol]) -> str:
            return " and ".join(f"`{v.name}`" for v in symbols)

        plural = "s" if len(source) > 1 else ""
        verb = "are" if plural else "is"
        why = (
            f"the equation{plural} of {named(source)} {verb} not linear with constant coefficients"
        )
        if others:
            why += f", and {named(others)} depend{'' if others[1:] else 's'} on {named(source)}"
        i = self.integrator
        how = {
            Method.RK45: "adaptive Dormand-Prince 5(4)",
            Method.FORWARD_EULER: "one forward Euler step, as asked for; error of order dt",
        }[i.method]
        return Integrator(i.method, i.relative, i.absolute, f"{how}: {why}")
