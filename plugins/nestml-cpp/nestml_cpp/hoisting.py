"""Move what does not change from step to step out of the step, into derived constants.

Before and after, in the update of a membrane potential under an injected current ::

    V_m = P_V_m_V_m * V_m + D_V_m_V_m * I_stim / C_m
    V_m = P_V_m_V_m * V_m + c_V_m_I_stim * I_stim         with c_V_m_I_stim = D_V_m_V_m / C_m
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from nestml_core.api import (
    INTRINSICS,
    REAL,
    Base,
    Binary,
    Call,
    Conditional,
    Convolution,
    Definition,
    Expr,
    Flow,
    Jump,
    Kind,
    Number,
    Ref,
    SolvedModel,
    Symbol,
    Unary,
    Update,
    children,
    number,
    ref,
    symbols_in,
    walk,
    with_children,
)

DEEPEST = 100
"""How deeply expressions may be nested to be looked into."""

FIXED = (Kind.PARAMETER, Kind.INTERNAL, Kind.STEP)


def hoist(model: SolvedModel) -> SolvedModel:
    """Return ``model`` with what is constant in its flows and convolutions among the derived.

    Products and quotients are regrouped where that saves work in the step, so results may differ in
    the last digit.
    """
    used = {s.identifier for s in model.internals}
    hoisting = _Hoisting(used)
    flows = tuple(hoisting.flow(f) for f in model.flows)
    convolutions = tuple(hoisting.convolution(c) for c in model.convolutions)
    derived = (*model.derived, *hoisting.found.values())
    return replace(model, derived=derived, flows=flows, convolutions=convolutions)


@dataclass(slots=True)
class _Hoisting:
    """What has been found so far: a definition for each constant expression."""

    used: set[str]
    found: dict[Expr, Definition] = field(default_factory=dict)

    def flow(self, flow: Flow) -> Flow:
        linear, nonlinear = flow.linear, flow.nonlinear
        if linear is not None:
            linear = replace(linear, updates=self.updates(linear.updates))
        if nonlinear is not None:
            nonlinear = replace(nonlinear, derivatives=self.updates(nonlinear.derivatives))
        return replace(flow, linear=linear, nonlinear=nonlinear, jumps=self.jumps(flow.jumps))

    def convolution(self, c: Convolution) -> Convolution:
        return replace(c, updates=self.updates(c.updates), jumps=self.jumps(c.jumps))

    def updates(self, updates: Iterable[Update]) -> tuple[Update, ...]:
        return tuple(replace(u, value=self.expr(u.value, u.target)) for u in updates)

    def jumps(self, jumps: Iterable[Jump]) -> tuple[Jump, ...]:
        return tuple(replace(j, amount=self.expr(j.amount, j.target)) for j in jumps)

    def expr(self, e: Expr, target: Symbol) -> Expr:
        """Return ``e`` with constant parts replaced; as it is if it is nested deeply."""
        return e if _depth(e) > DEEPEST else self.replaced(e, target)

    def replaced(self, e: Expr, target: Symbol) -> Expr:
        if is_fixed(e):
            return self.constant(e, target, ())
        if _is_product(e):
            return self.product(e, target)
        return with_children(e, tuple(self.replaced(c, target) for c in children(e)))

    def product(self, e: Expr, target: Symbol) -> Expr:
        above, below = _factors(e)
        fixed_above = [f for f in above if is_fixed(f)]
        fixed_below = [f for f in below if is_fixed(f)]
        if len(fixed_above) <= 1 and not fixed_below and not any(map(is_costly, fixed_above)):
            return with_children(e, tuple(self.replaced(c, target) for c in children(e)))
        lead = _quotient(fixed_above, fixed_below)
        moving_above = [self.replaced(f, target) for f in above if not is_fixed(f)]
        moving_below = [self.replaced(f, target) for f in below if not is_fixed(f)]
        around = tuple(s for f in (*moving_above, *moving_below) for s in symbols_in(f))
        constant = self.constant(lead, target, around)
        if not isinstance(constant, Number) or not moving_above:
            return _quotient([constant, *moving_above], moving_below)
        rest = _quotient(moving_above, moving_below)
        match constant.value:
            case 1:
                return rest
            case -1:
                return Unary("-", rest, REAL)
            case _:
                return _quotient([constant, *moving_above], moving_below)

    def constant(self, e: Expr, target: Symbol, around: tuple[Symbol, ...]) -> Expr:
        """Return a reference to a derived constant of value ``e``, or ``e`` if that is no gain."""
        if not is_costly(e):
            return e
        if e not in self.found:
            moving = [s.identifier for s in around if s.kind not in FIXED]
            name = "_".join(["c", target.identifier, *moving[:1]])
            while name in self.used:
                name += "_"
            self.used.add(name)
            self.found[e] = Definition(Symbol(name, Kind.INTERNAL, REAL), e)
        return ref(self.found[e].symbol)


def is_fixed(e: Expr) -> bool:
    """Return whether ``e`` is a number that changes with parameters and step size only."""
    if not e.type.is_numeric or e.type.base is Base.INTEGER:
        return isinstance(e, Number)
    return all(
        (not isinstance(x, Ref) or x.symbol.kind in FIXED)
        and (not isinstance(x, Call) or x.function in INTRINSICS)
        for x in walk(e)
    )


def is_costly(e: Expr) -> bool:
    """Return whether ``e`` computes something from parameters, so that storing it saves time."""
    works = any(isinstance(x, (Binary, Call, Conditional)) for x in walk(e))
    return works and any(isinstance(x, Ref) for x in walk(e))


def _is_product(e: Expr) -> bool:
    return isinstance(e, Binary) and e.op in ("*", "/") and e.type.base is not Base.INTEGER


def _depth(e: Expr) -> int:
    """Return how deep ``e`` is nested."""
    deepest = 0
    waiting = [(e, 1)]
    while waiting:
        part, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting.extend((c, depth + 1) for c in children(part))
    return deepest


def _factors(e: Expr) -> tuple[list[Expr], list[Expr]]:
    """Return the factors of a product above and below the fraction bar, in their order."""
    above: list[Expr] = []
    below: list[Expr] = []
    waiting: list[tuple[Expr, bool]] = [(e, True)]
    while waiting:
        part, is_above = waiting.pop()
        if isinstance(part, Binary) and _is_product(part):
            waiting.append((part.right, is_above == (part.op == "*")))
            waiting.append((part.left, is_above))
        elif isinstance(part, Unary) and part.op == "-" and not is_fixed(part):
            (above if is_above else below).append(number(-1))
            waiting.append((part.operand, is_above))
        else:
            (above if is_above else below).append(part)
    return above, below


def _quotient(above: list[Expr], below: list[Expr]) -> Expr:
    """Return the product of ``above`` over that of ``below``; numbers come together, exactly."""
    value = Fraction(1)
    for f in above:
        value *= f.value if isinstance(f, Number) else 1
    for f in below:
        value /= f.value if isinstance(f, Number) and f.value else 1
    top: list[Expr] = [f for f in above if not isinstance(f, Number)]
    bottom: list[Expr] = [f for f in below if not isinstance(f, Number) or not f.value]
    if value != 1 or not top:
        top.insert(0, number(value))
    return Binary("/", _joined(top), _joined(bottom), REAL) if bottom else _joined(top)


def _joined(factors: list[Expr]) -> Expr:
    result = factors[0]
    for f in factors[1:]:
        result = Binary("*", result, f, REAL)
    return result
