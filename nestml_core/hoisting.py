"""Move what does not change in a step out of the step, for targets whose constants are cheap.

Before: ``D_V_m_V_m * I_stim / C_m``. After: ``constant_1 * I_stim``, and among the derived
constants ``constant_1 = D_V_m_V_m / C_m``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from nestml_core.expr import (
    INTRINSICS,
    Binary,
    Call,
    Element,
    Expr,
    Kind,
    Number,
    Ref,
    Symbol,
    Unary,
    children,
    rewrite,
    walk,
)
from nestml_core.solved import (
    Convolution,
    Definition,
    Flow,
    Jump,
    Method,
    NonlinearSystem,
    SolvedModel,
    Update,
)
from nestml_core.stmt import map_body
from nestml_core.types import REAL, Base

_STEADY = (Kind.PARAMETER, Kind.INTERNAL, Kind.STEP)


def hoist(model: SolvedModel) -> SolvedModel:
    """Return ``model`` with what is constant in its steps among the derived constants.

    Products and quotients are regrouped where that saves work in the step, so results may differ
    in the last digit. Functions of the model and what is only recorded stay as they are.
    """
    taken = {d.symbol.identifier for d in (*model.parameters, *model.state)}
    constants = Constants({*taken, *(s.identifier for s in model.internals)})
    changed = replace(
        model,
        flows=tuple(_flow(f, constants) for f in model.flows),
        convolutions=tuple(_convolution(c, constants) for c in model.convolutions),
        update=map_body(model.update, constants),
        on_receive=tuple(replace(h, body=map_body(h.body, constants)) for h in model.on_receive),
        on_condition=tuple(
            replace(c, condition=constants(c.condition), body=map_body(c.body, constants))
            for c in model.on_condition
        ),
    )
    return replace(changed, derived=(*model.derived, *constants.definitions))


def _flow(flow: Flow, constants: Constants) -> Flow:
    linear, nonlinear = flow.linear, flow.nonlinear
    if linear is not None:
        linear = replace(linear, updates=_updates(linear.updates, constants))
    if nonlinear is not None:
        derivatives = _updates(nonlinear.derivatives, constants)
        nonlinear = replace(
            nonlinear, derivatives=derivatives, jacobian=_jacobian(nonlinear, constants)
        )
    return replace(flow, linear=linear, nonlinear=nonlinear, jumps=_jumps(flow.jumps, constants))


def _jacobian(system: NonlinearSystem, constants: Constants) -> tuple[tuple[Expr, ...], ...]:
    """Return the Jacobian, with constants for what its method evaluates of it."""
    method = system.integrator.method
    return tuple(
        tuple(
            constants(e) if method is Method.ROSENBROCK or (method.is_exponential and i == j) else e
            for j, e in enumerate(row)
        )
        for i, row in enumerate(system.jacobian)
    )


def _convolution(c: Convolution, constants: Constants) -> Convolution:
    return replace(c, updates=_updates(c.updates, constants), jumps=_jumps(c.jumps, constants))


def _updates(updates: Iterable[Update], constants: Constants) -> tuple[Update, ...]:
    return tuple(replace(u, value=constants(u.value)) for u in updates)


def _jumps(jumps: Iterable[Jump], constants: Constants) -> tuple[Jump, ...]:
    return tuple(replace(j, amount=constants(j.amount)) for j in jumps)


class Constants:
    """The constants taken out of the expressions of one model.

    Parameters
    ----------
    taken : names that cannot be used
    """

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        self._found: dict[Expr, Symbol] = {}

    def __call__(self, expr: Expr) -> Expr:
        """Return ``expr`` with its constant parts replaced by derived constants."""
        grouped = rewrite(expr, _grouped)
        chosen = {id(e) for e in _largest_steady(grouped)}
        return rewrite(grouped, lambda e: self._constant(e) if id(e) in chosen else e)

    @property
    def definitions(self) -> tuple[Definition, ...]:
        """The constants found so far, with their values."""
        return tuple(Definition(symbol, value) for value, symbol in self._found.items())

    def _constant(self, value: Expr) -> Expr:
        if value not in self._found:
            n = len(self._found) + 1
            while f"constant_{n}" in self._taken:
                n += 1
            self._taken.add(f"constant_{n}")
            self._found[value] = Symbol(f"constant_{n}", Kind.INTERNAL, REAL)
        return Ref(self._found[value], REAL, value.span)


def _is_real(e: Expr) -> bool:
    return e.type.base in (Base.REAL, Base.QUANTITY)


def _largest_steady(expr: Expr) -> list[Expr]:
    """Return the largest parts of ``expr`` that are worth computing once."""
    steady: dict[int, bool] = {}
    for e in reversed(tuple(walk(expr))):  # operands before their parents
        steady[id(e)] = _may_be_steady(e) and all(steady[id(c)] for c in children(e))
    found: list[Expr] = []
    waiting = [expr]
    while waiting:
        e = waiting.pop()
        if steady[id(e)] and _is_real(e) and _has_cost(e):
            found.append(e)
        else:
            waiting.extend(children(e))
    return found


def _may_be_steady(e: Expr) -> bool:
    match e:
        case Ref(symbol):
            return symbol.kind in _STEADY
        case Element():
            return False  # would end the run outside its vector even if never needed
        case Call(function):
            return function in INTRINSICS
        case Binary(op, left, right):
            whole = left.type.base is Base.INTEGER and right.type.base is Base.INTEGER
            return not (whole and op in ("//", "%"))  # would trap on zero even if never needed
        case _:
            return True


def _has_cost(e: Expr) -> bool:
    """Return whether ``e`` is more than a value with a sign, and not known to the compiler."""
    inner = e.operand if isinstance(e, Unary) else e
    return bool(children(inner)) and any(isinstance(x, Ref) for x in walk(e))


def _grouped(e: Expr) -> Expr:
    """Return a product or quotient with its steady factors drawn together in front."""
    if not isinstance(e, Binary) or e.op not in ("*", "/") or not _is_real(e):
        return e
    number, above, below, numbers = _factors(e)
    if number is None:
        return e
    known = numbers + sum(map(_is_steady_factor, above))
    if known < 2 and not any(map(_is_steady_factor, below)):
        return e  # nothing to gain: keep the order of operations as it is written
    steady_above = [f for f in above if _is_steady_factor(f)]
    steady_below = [f for f in below if _is_steady_factor(f)]
    other_above = [f for f in above if not _is_steady_factor(f)]
    other_below = [f for f in below if not _is_steady_factor(f)]
    result = _product(steady_above)
    if abs(number) != 1 or (result is None and (steady_below or not other_above)):
        one = Number(number, REAL, e.span)
        result = one if result is None else Binary("*", one, result, REAL, e.span)
        number = Fraction(1)
    for divisor in steady_below:
        assert result is not None
        result = Binary("/", result, divisor, REAL, e.span)
    if number < 0:
        if result is not None:
            result = Unary("-", result, REAL, e.span)
        else:
            other_above[0] = Unary("-", other_above[0], REAL, e.span)
    for factor in other_above:
        result = factor if result is None else Binary("*", result, factor, REAL, e.span)
    for divisor in other_below:
        assert result is not None
        result = Binary("/", result, divisor, REAL, e.span)
    assert result is not None
    return result


def _factors(e: Expr) -> tuple[Fraction | None, list[Expr], list[Expr], int]:
    """Return the numeric factor of a product, the others above and below the bar.

    The number is None where something would be divided by the number zero. The last value tells
    how many numbers there are that change a product.
    """
    number = Fraction(1)
    numbers = 0
    above: list[Expr] = []
    below: list[Expr] = []
    waiting = [(e, False)]
    while waiting:
        f, inverted = waiting.pop()
        match f:
            case Binary("*", left, right) if _is_real(f):
                waiting += [(right, inverted), (left, inverted)]
            case Binary("/", left, right) if _is_real(f):
                waiting += [(right, not inverted), (left, inverted)]
            case Unary("-", operand) if _is_real(f):
                number = -number
                waiting.append((operand, inverted))
            case Number(value):
                if inverted and value == 0:
                    return None, [], [], 0
                numbers += abs(value) != 1
                number = number / value if inverted else number * value
            case _:
                (below if inverted else above).append(f)
    return number, above, below, numbers


def _is_steady_factor(e: Expr) -> bool:
    if e.type.base in (Base.INTEGER, Base.BOOLEAN):
        return False  # stays where it is, so that integers are not multiplied as such
    return all(_may_be_steady(x) for x in walk(e))


def _product(factors: list[Expr]) -> Expr | None:
    result: Expr | None = None
    for f in factors:
        result = f if result is None else Binary("*", result, f, REAL, f.span)
    return result
