"""Read what spikes do to the weight of a synapse: sums of products of traces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from nestml_core.api import (
    Assign,
    Code,
    Declare,
    Diagnostic,
    Emit,
    Expr,
    If,
    Integrate,
    OnReceive,
    Roles,
    SolvedModel,
    Span,
    Stmt,
    Symbol,
    expressions_in,
    is_random,
    needs_every_step,
    substitute,
    walk_statements,
)
from nestml_lava.synapses import codes
from nestml_lava.synapses.polynomials import (
    NotPolynomial,
    Polynomial,
    clipped,
    constant,
    plus,
    polynomial,
    roots,
    substituted,
)

PROCESS = "learning=process runs the model as it is, as a process of its own"


@dataclass(frozen=True, slots=True)
class Term:
    """``coefficient * (w - root) ... * trace ...``, at spikes of one side."""

    event: str
    coefficient: Fraction
    roots: tuple[int, ...]
    traces: tuple[Symbol, ...]


class Refused(Exception):
    """A synapse has no learning rule."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__()
        self.diagnostic = diagnostic


class Reading:
    """The handlers of a synapse, for the parameters ``known``."""

    def __init__(self, model: SolvedModel, ports: Roles, known: Mapping[Symbol, Fraction]) -> None:
        self.model, self.ports, self.known = model, ports, known
        self.handlers = {h.port: _inlined(h) for h in model.on_receive}

    def refuse(self, code: Code, span: Span, message: str, help: str = PROCESS) -> Refused:
        return Refused(code.at(span, message, help=help))

    @property
    def sides(self) -> dict[str, OnReceive]:
        """The handlers of both sides."""
        ports = {"x": self.ports.presynaptic, "y": self.ports.postsynaptic}
        return {
            side: self.handlers[port]
            for side, port in ports.items()
            if port is not None and port in self.handlers
        }

    # What the model may be

    def check_events(self) -> None:
        model, ports = self.model, self.ports
        for h in model.on_receive:
            for e in expressions_in(h.body):
                if is_random(e):
                    message = f"`{model.name}` draws random numbers"
                    raise self.refuse(codes.CHANCE, e.span, message)
        if ports.third_factors or ports.modulators:
            port = (*ports.third_factors, *ports.modulators)[0]
            timed = self.timed()
            if timed is not None:
                message = (
                    f"`{timed.name}` is a time, on which a condition of `{model.name}` depends"
                )
                raise self.refuse(codes.PER_CONNECTION, timed.span, message)
            conditions = [s for h in model.on_receive for s in h.body if isinstance(s, If)]
            if conditions and not needs_every_step(model):
                message = "a condition depends on what each connection keeps"
                raise self.refuse(codes.PER_CONNECTION, conditions[0].span, message)
            message = f"`{port.name}` acts on the weights of `{model.name}` also between spikes"
            raise self.refuse(codes.THIRD_FACTOR, port.span, message)
        if ports.postsynaptic is None:
            message = f"what `{model.name}` passes on depends on presynaptic spikes alone"
            raise self.refuse(codes.PER_SPIKE, model.span, message)
        if model.on_condition or model.convolutions:
            message = f"`{model.name}` has conditions or kernels"
            raise self.refuse(codes.NO_SUM, model.span, message)

    def timed(self) -> Symbol | None:
        """Return a state variable that counts time, if there is one."""
        for flow in self.model.flows:
            if flow.linear is not None:
                for v, drive in zip(flow.linear.variables, flow.linear.drive, strict=True):
                    try:
                        counts = constant(polynomial(drive, self.known))
                    except NotPolynomial:
                        counts = None
                    if counts:
                        return v
        return None

    def check_between(self, weight: Symbol) -> None:
        for body in (self.model.update, *(f.body for f in self.model.functions)):
            for s in walk_statements(body):
                if isinstance(s, Assign) and s.target == weight:
                    message = f"`{weight.name}` changes between spikes"
                    raise self.refuse(codes.THIRD_FACTOR, s.span, message)
        if any(weight in flow.variables for flow in self.model.flows):
            message = f"`{weight.name}` changes between spikes"
            raise self.refuse(codes.THIRD_FACTOR, weight.span, message)

    def emitted(self, pre: OnReceive) -> tuple[Symbol, Span]:
        """Return the weight: what is emitted at each presynaptic spike."""
        emits = [s for s in walk_statements(pre.body) if isinstance(s, Emit)]
        for s in pre.body:
            if isinstance(s, If):
                message = "what a spike does depends on a condition"
                raise self.refuse(codes.FLAG, s.span, message)
        if len(emits) == 1 and emits[0].weight is not None:
            p = self.polynomial(emits[0].weight)
            match tuple(p.items()):
                case (((((Symbol() as symbol), 1),), factor),) if factor == 1:
                    return symbol, emits[0].span
        message = "what is emitted is not the weight, in coherent units"
        raise self.refuse(codes.NO_SUM, emits[0].span if emits else pre.span, message)

    def growth(
        self, sides: Mapping[str, OnReceive], weight: Symbol
    ) -> dict[Symbol, tuple[str, Fraction]]:
        """Return the side whose spikes raise each trace, and by how much."""
        self.check_sides(sides, weight)
        found: dict[Symbol, tuple[str, Fraction]] = {}
        for side, handler in sides.items():
            for s in handler.body:
                match s:
                    case Assign(target, value) if target != weight:
                        change = plus(self.polynomial(value), {((target, 1),): Fraction(-1)})
                        step = constant(change)
                        if step is None:
                            reset = constant(self.polynomial(value)) is not None
                            flags = target not in self.moving()
                            kind = codes.NEAREST if reset else codes.NO_SUM
                            kind = codes.FLAG if reset and flags else kind
                            message = f"a spike sets `{target.name}`, and does not add to it"
                            raise self.refuse(kind, s.span, message)
                        found[target] = side, step
                    case Assign() | Emit():
                        pass
                    case _:
                        message = "a statement that no learning rule has"
                        raise self.refuse(codes.NO_SUM, s.span, message)
        return found

    def check_sides(self, sides: Mapping[str, OnReceive], weight: Symbol) -> None:
        changed: dict[Symbol, str] = {}
        for handler in sides.values():
            for s in handler.body:
                if isinstance(s, If):
                    message = "what a spike does depends on a condition"
                    raise self.refuse(codes.FLAG, s.span, message)
        for side, handler in sides.items():
            for s in handler.body:
                if not isinstance(s, Assign) or s.target == weight:
                    continue
                if changed.setdefault(s.target, side) != side:
                    message = f"`{s.target.name}` is changed by spikes of both sides"
                    raise self.refuse(codes.BOTH_SIDES, s.span, message)

    def moving(self) -> frozenset[Symbol]:
        return frozenset(v for flow in self.model.flows for v in flow.variables)

    def decays(self, grows: Mapping[Symbol, tuple[str, Fraction]]) -> dict[Symbol, Fraction]:
        """Return the time constants of the traces."""
        found: dict[Symbol, Fraction] = {}
        for flow in self.model.flows:
            linear = flow.linear
            for v in flow.variables:
                at = linear.variables.index(v) if linear and v in linear.variables else -1
                row = linear.matrix[at] if linear is not None and at >= 0 else ()
                rates = [self.value(e) for e in row]
                alone = rates and not any(r for i, r in enumerate(rates) if i != at)
                drive = self.value(linear.drive[at]) if linear is not None and at >= 0 else 1
                if not alone or drive or not rates[at] or rates[at] > 0 or flow.jumps:
                    message = f"`{v.name}` does not simply decay"
                    raise self.refuse(codes.NO_SUM, v.span, message)
                found[v] = -1 / rates[at]
        for symbol in grows:
            if symbol not in found:
                message = f"`{symbol.name}` does not decay"
                raise self.refuse(codes.FLAG, symbol.span, message)
        return found

    def before(self, grows: Mapping[Symbol, tuple[str, Fraction]]) -> dict[Symbol, Symbol]:
        """Return the variables that keep a trace as it was before the spikes of the moment."""
        found: dict[Symbol, Symbol] = {}
        for s in self.model.update:
            match s:
                case Integrate():
                    pass
                case Assign(target, value):
                    p = tuple(self.polynomial(value).items())
                    match p:
                        case (((((Symbol() as symbol), 1),), factor),) if (
                            factor == 1 and symbol in grows
                        ):
                            found[target] = symbol
                        case _:
                            message = f"`{target.name}` is no copy of a trace"
                            raise self.refuse(codes.NO_SUM, s.span, message)
                case _:
                    message = "`update` does more than integrate"
                    raise self.refuse(codes.NO_SUM, s.span, message)
        return found

    # What a spike does to the weight

    def change(
        self, handler: OnReceive, weight: Symbol, *, bounded: bool = True
    ) -> tuple[Polynomial, Fraction | None]:
        """Return by what a spike changes the weight, and the upper bound."""
        changes = [s for s in handler.body if isinstance(s, Assign) and s.target == weight]
        if not changes:
            return {}, None
        if len(changes) > 1:
            message = f"`{weight.name}` changes twice"
            raise self.refuse(codes.NO_SUM, changes[1].span, message)
        inner, low, high = clipped(changes[0].value, weight)
        if bounded:
            self.check_bounds(weight, changes[0], low, high)
        old: Polynomial = {((weight, 1),): Fraction(-1)}
        return plus(self.polynomial(inner), old), None if high is None else self.value(high)

    def check_bounds(
        self, weight: Symbol, change: Assign, low: Expr | None, high: Expr | None
    ) -> None:
        lowest = None if low is None else self.value(low)
        if lowest:
            message = f"`{weight.name}` is at least {float(lowest):g}; in Lava at least 0"
            raise self.refuse(codes.LOWER_BOUND, change.span, message)
        if low is None and high is None:
            message = f"`{weight.name}` has no bounds here"
            raise self.refuse(codes.NO_SUM, change.span, message)

    def with_own_spikes(
        self,
        p: Polynomial,
        side: str,
        weight: Symbol,
        grows: Mapping[Symbol, tuple[str, Fraction]],
        aliases: Mapping[Symbol, Symbol],
    ) -> Polynomial:
        """Return ``p`` in terms of traces that have the spike itself already."""
        targets = [s.target for s in self.sides[side].body if isinstance(s, Assign)]
        later = targets[targets.index(weight) + 1 :] if weight in targets else []
        for symbol, (own, step) in grows.items():
            raised: Polynomial = {((symbol, 1),): Fraction(1)}
            less = plus(raised, {(): -step}) if own == side else raised
            p = substituted(p, symbol, less if symbol in later else raised)
            for alias, original in aliases.items():
                if original == symbol:
                    p = substituted(p, alias, less)
        return p

    def terms(
        self, event: str, p: Polynomial, weight: Symbol, span: Span, unit: Fraction
    ) -> Iterator[Term]:
        """Yield the products; of each, the part in the weight is split into ``w - root``."""
        by_traces: dict[tuple[Symbol, ...], dict[int, Fraction]] = {}
        for m, c in p.items():
            traces = tuple(s for s, power in m for _ in range(power) if s != weight)
            power = dict(m).get(weight, 0)
            by_traces.setdefault(traces, {})[power] = c * unit**power / unit
        for traces, powers in by_traces.items():
            row = [powers.get(k, Fraction(0)) for k in range(max(powers) + 1)]
            split = roots(row)
            if split is None:
                message = f"how `{weight.name}` changes has no factors `w - n` with whole n"
                help = f"an upper bound that is a whole number may help; {PROCESS}"
                raise self.refuse(codes.EXPONENT, span, message, help)
            yield Term(event, split[0], tuple(split[1]), traces)

    # Values

    def polynomial(self, e: Expr) -> Polynomial:
        try:
            return polynomial(e, self.known)
        except NotPolynomial as problem:
            exponent = getattr(problem.where, "op", "") == "**"
            kind = codes.EXPONENT if exponent else codes.NO_SUM
            shown = " ".join(problem.where.span.text.split()) or "a part of it"
            message = (
                f"`{shown}`: the exponent is no whole number"
                if exponent
                else f"`{shown}` is no sum of products"
            )
            raise self.refuse(kind, problem.where.span, message) from None

    def value(self, e: Expr) -> Fraction:
        found = constant(self.polynomial(e))
        if found is None:
            message = f"`{' '.join(e.span.text.split())}` is no constant"
            raise self.refuse(codes.NO_SUM, e.span, message)
        return found


def _inlined(handler: OnReceive) -> OnReceive:
    """Return a handler without its local variables."""
    values: dict[Symbol, Expr] = {}
    body: list[Stmt] = []
    for s in handler.body:
        match s:
            case Declare(symbol, value):
                values[symbol] = substitute(value, values)
            case Assign(target, value) if target in values:
                values[target] = substitute(value, values)
            case Assign(_, value):
                body.append(replace(s, value=substitute(value, values)))
            case Emit(weight) if weight is not None:
                body.append(replace(s, weight=substitute(weight, values)))
            case _:
                body.append(s)
    return replace(handler, body=tuple(body))
