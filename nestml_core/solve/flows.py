"""One call of ``integrate_odes``: what is exact, what is numeric, and the constants it needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from nestml_core.diagnostics import Code, Diagnostic, Severity
from nestml_core.expr import Expr, Kind, Symbol, is_constant, ref, symbols_in
from nestml_core.model import Function
from nestml_core.solve.affine import Affine, affine, obstacle
from nestml_core.solve.algebra import ZERO, is_zero, plus, times, total
from nestml_core.solve.derivative import Obstacle, breaks, jacobian
from nestml_core.solve.propagator import Entry, block_exponential, exponential
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
NO_JACOBIAN = Code("NML340", Severity.ERROR, "an integrator that needs a derivative there is not")


HOW: Mapping[Method, str] = MappingProxyType(
    {
        Method.RK45: "adaptive Dormand-Prince 5(4)",
        Method.ROSENBROCK: "adaptive Rosenbrock method RODAS 4(3), as asked for",
        Method.RK4: "one classical Runge-Kutta step, as asked for; error of order dt**4",
        Method.FORWARD_EULER: "one forward Euler step, as asked for; error of order dt",
        Method.EXPONENTIAL_EULER: "one exponential Euler step, as asked for; error of order dt",
        Method.RUSH_LARSEN: "one Rush-Larsen step, as asked for; error of order dt**2",
    }
)


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
        bad = obstacle(value, ports)
        where = bad.span if bad is not None and bad.span.text else span
        message = (
            f"the spikes in the equation of `{variable.name}` must stand alone or times a factor"
        )
        help = "write `... + factor * port`, or use an event handler"
        return None, (PORT_NOT_LINEAR.at(where, message, help=help),)
    return Derivative(variable, form.constant, form.terms, span), ()


def _row(form: Affine, place: Mapping[Symbol, int]) -> tuple[Expr, ...]:
    """Return the coefficients of ``form`` by the places of its variables."""
    row: list[Expr] = [ZERO] * len(place)
    for w, c in form.terms:
        if w in place:
            row[place[w]] = c
    return tuple(row)


def _placed(symbols: Mapping[Entry, Symbol], place: Mapping[int, int]) -> dict[Entry, Symbol]:
    return {(place[i], place[j]): s for (i, j), s in symbols.items()}


class FlowSolver:
    """Solves the calls of one model; the constants go into ``constants``."""

    def __init__(
        self,
        derivatives: dict[Symbol, Derivative],
        moving: dict[Symbol, Expr],
        constants: Constants,
        integrator: Integrator,
        functions: Iterable[Function] = (),
    ) -> None:
        """``moving`` are convolution states with their derivatives: they move in every flow."""
        self.derivatives = derivatives
        self.moving = moving
        self.constants = constants
        self.integrator = integrator
        self.functions = {f.name: f for f in functions}
        self.found: list[Diagnostic] = []

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
        place = {w: j for j, w in enumerate(order)}
        matrix = tuple(_row(forms[v], place) for v in order)
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
        read: dict[int, list[int]] = {}  # the rows are nearly empty where there are many
        for i, j in sorted(propagator):
            read.setdefault(i, []).append(j)
        driving: dict[int, list[int]] = {}
        for i, j in sorted(integral):
            if j < len(drive):
                driving.setdefault(i, []).append(j)
        updates: list[Update] = []
        for i, v in enumerate(variables):
            terms: list[Expr] = []
            for j in read.get(i, ()):
                name = f"P_{v.identifier}_{order[j].identifier}"
                terms.append(times(self.constants.named(name, propagator[i, j]), ref(order[j])))
            terms += self.driven(v, [(integral[i, j], drive[j]) for j in driving.get(i, ())])
            updates.append(Update(v, total(terms)))
        return tuple(updates)

    def entries(
        self,
        order: tuple[Symbol, ...],
        matrix: tuple[tuple[Expr, ...], ...],
        drive: tuple[Expr, ...],
    ) -> tuple[dict[Entry, Expr], dict[Entry, Expr]]:
        """Return the entries of P and D as expressions."""
        result = exponential(matrix, len(drive))
        propagator, integral = dict(result.propagator), dict(result.integral)
        driven = tuple(j for j, b in enumerate(drive) if not is_zero(b))
        for numeric in result.numeric:
            group = numeric.group
            place = {i: k for k, i in enumerate(group)}
            cells = tuple(matrix[i][j] for i in group for j in group)
            wanted = tuple((place[i], place[j]) for i, j in numeric.entries)
            key = (cells, wanted, tuple(place[j] for j in driven if j in place))
            if key not in self.constants.blocks:  # by places in the group: equal groups share them
                names = self.symbols("P", order, numeric.entries)
                areas = self.symbols("D", order, [e for e in numeric.entries if e[1] in driven])
                self.constants.derived.append(block_exponential(matrix, group, names, areas))
                self.constants.blocks[key] = _placed(names, place), _placed(areas, place)
            names, areas = self.constants.blocks[key]
            propagator |= {(group[i], group[j]): ref(s) for (i, j), s in names.items()}
            integral |= {(group[i], group[j]): ref(s) for (i, j), s in areas.items()}
        return propagator, integral

    def symbols(
        self, letter: str, order: tuple[Symbol, ...], entries: Iterable[Entry]
    ) -> dict[Entry, Symbol]:
        """Return names for entries of a matrix exponential."""
        return {
            (i, j): self.constants.symbol(f"{letter}_{order[i].identifier}_{order[j].identifier}")
            for i, j in entries
        }

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
        order = (*variables, *companions)
        rows = jacobian([d.value for d in derivatives], order, self.functions)
        integrator = self.chosen(variables, forms)
        if isinstance(rows, Obstacle):
            self.blocked(rows, integrator.method, variables)
            return NonlinearSystem(
                variables, companions, derivatives, integrator, no_jacobian=rows.message
            )
        own = tuple(
            v
            for i, v in enumerate(variables)
            if v not in symbols_in(rows[i][i])
            and not breaks(derivatives[i].value, v, self.functions)
        )
        return NonlinearSystem(
            variables, companions, derivatives, integrator, rows, conditionally_linear=own
        )

    def blocked(self, why: Obstacle, method: Method, variables: tuple[Symbol, ...]) -> None:
        """Refuse a method that needs the derivatives that there are not."""
        if not method.needs_jacobian:
            return
        span = why.span if why.span.text else variables[0].span
        message = f"the integrator `{method.value}` needs derivatives, and {why.message}"
        help = "choose `rk45` or `rk4`, which need none, or write the function as one expression"
        self.found.append(NO_JACOBIAN.at(span, message, help=help))

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
        return Integrator(i.method, i.relative, i.absolute, f"{HOW[i.method]}: {why}")
