"""Kernels as linear systems: what a convolution has to keep between spikes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from math import comb, factorial

from nestml_core.expr import (
    Binary,
    Call,
    Conditional,
    Constant,
    Expr,
    Kind,
    Number,
    Ref,
    Symbol,
    Unary,
    is_constant,
    number,
    symbols_in,
    walk,
)
from nestml_core.model import Kernel, Ode
from nestml_core.resolve.scope import with_article
from nestml_core.solve.affine import affine
from nestml_core.solve.algebra import (
    ONE,
    ZERO,
    coefficient,
    is_one,
    is_zero,
    over,
    plus,
    scaled,
    times,
    total,
)
from nestml_core.solved import TIME
from nestml_core.source import Span

MAX_POWER = 32
MAX_POWER_OF_SUM = 8
"""Higher ones of a difference would lose too many digits when they are multiplied out."""
MAX_TERMS = 64


@dataclass(frozen=True, slots=True)
class Response:
    """A kernel as ``K(t) = output . z(t)`` with ``z' = matrix z``, ``z(0) = initial``.

    ``names`` tells the states apart: the suffixes of their symbols.
    """

    names: tuple[str, ...]
    matrix: tuple[tuple[Expr, ...], ...]
    initial: tuple[Expr, ...]
    output: tuple[Expr, ...]


class Reason(Enum):
    """Why a kernel has no linear system with constant coefficients."""

    NO_EQUATION = "it is a function of time that no linear equation has as its solution"
    NOT_LINEAR = "its equations are not linear"
    NOT_CONSTANT = "it depends on what moves"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps a kernel from being the response of a linear system, where, and a way out."""

    reason: Reason
    span: Span
    message: str
    help: str


class _Blocked(Exception):
    """Carries an obstacle out of nested calls; never leaves this module."""

    def __init__(self, reason: Reason, e: Expr, message: str, help: str) -> None:
        super().__init__(message)
        self.obstacle = Obstacle(reason, e.span, message, help)


@dataclass(frozen=True, slots=True)
class Term:
    """``factor * t^power * exp(rate t)``, times ``cos`` or ``sin`` of ``frequency t`` if any."""

    factor: Expr
    power: int = 0
    rate: Expr = ZERO
    wave: str = ""
    frequency: Expr = ZERO


Terms = tuple[Term, ...]


def response(kernel: Kernel) -> Response | Obstacle:
    """Return the linear system of a kernel, or why it has none with constant coefficients.

    A function of time is a sum of ``c t^k exp(a t)``, with or without a factor ``cos(w t)`` or
    ``sin(w t)``. For each rate a one chain of states ``z_0' = a z_0``, ``z_k' = a z_k + z_(k-1)``
    holds ``t^k / k! exp(a t)``, and a spike moves z_0 only; with a frequency each z is a pair
    (cosine, sine) that turns, ``c' = a c - w s``, ``s' = a s + w c``. The delta function has no
    states and is not for this function.
    """
    try:
        for e in _written(kernel):
            _check_constants(kernel, e)
        if kernel.value is not None:
            return _chains(_terms(kernel.value))
        return _system(kernel)
    except _Blocked as found:
        return found.obstacle


def _written(kernel: Kernel) -> tuple[Expr, ...]:
    if kernel.value is not None:
        return (kernel.value,)
    return (*(q.value for q in kernel.equations), *(v for _, v in kernel.initial))


def _check_constants(kernel: Kernel, e: Expr) -> None:
    """Stop at whatever is neither the time, nor a variable of the kernel, nor a constant."""
    own = {v for q in kernel.equations for v in q.variables}
    if kernel.value is not None:
        own.add(TIME)
    for part in walk(e):
        if isinstance(part, Ref) and part.symbol in own:
            continue
        if isinstance(part, Ref) and part.symbol == TIME:
            raise _Blocked(
                Reason.NOT_CONSTANT,
                part,
                f"the equations of the kernel `{kernel.symbol.name}` change with the time `t`",
                "define the kernel as a function of `t`, or leave `t` out",
            )
        if isinstance(part, Ref) and not is_constant(part):
            raise _Blocked(
                Reason.NOT_CONSTANT,
                part,
                f"the kernel `{kernel.symbol.name}` depends on `{part.symbol.name}`, "
                f"{with_article(part.symbol.kind)}; a kernel is the same for every spike",
                _way_out(part.symbol),
            )
        if isinstance(part, Call) and not _is_intrinsic(part):
            raise _Blocked(
                Reason.NO_EQUATION,
                part,
                f"the kernel `{kernel.symbol.name}` calls the function `{part.function}`, which "
                "is not looked into",
                "write its formula out, or compute a constant with it in `internals`",
            )


def _way_out(symbol: Symbol) -> str:
    match symbol.kind:
        case Kind.STATE:
            return (
                f"make `{symbol.name}` a parameter; or write the response as an equation, "
                "`x' = ...`, and let spikes move it in `onReceive`"
            )
        case Kind.DELAYED:
            return "delay the spikes instead: with the delay of the connection"
        case _:
            return "multiply where the kernel is used, as in `convolve(K, port) * ...`"


def _is_intrinsic(call: Call) -> bool:
    return is_constant(Call(call.function, ()))


def _terms(e: Expr) -> Terms:
    """Return a function of time as a sum of terms."""
    found = _collected(_read(e))
    if len(found) > MAX_TERMS:
        raise _too_long(e)
    return found


def _read(e: Expr) -> Terms:
    if TIME not in symbols_in(e):
        return (Term(e),)
    match e:
        case Ref():
            return (Term(ONE, 1),)
        case Unary("-", operand):
            return _scaled(_terms(operand), number(-1))
        case Binary("+", left, right):
            return _terms(left) + _terms(right)
        case Binary("-", left, right):
            return _terms(left) + _scaled(_terms(right), number(-1))
        case Binary("*", left, right):
            return _product(_terms(left), _terms(right))
        case Binary("/", left, right):
            return _product(_terms(left), _powered(_terms(right), Fraction(-1), e))
        case Binary("**", base, exponent):
            return _power(base, exponent, e)
        case Call("exp", (exponent,)):
            return _exponential(ONE, exponent, e)
        case Call("sin" | "cos" as wave, (phase,)):
            return _wave(wave, phase, e)
        case Call("sinh" | "cosh" as name, (x,)):
            sign = Fraction(1 if name == "cosh" else -1, 2)
            down = _exponential(number(-1), x, e)
            half = number(Fraction(1, 2))
            return _scaled(_exponential(ONE, x, e), half) + _scaled(down, number(sign))
        case Call("expm1", (x,)):
            return (*_exponential(ONE, x, e), Term(number(-1)))
        case _:
            raise _no_equation(e)


def _no_equation(e: Expr) -> _Blocked:
    if isinstance(e, Conditional):
        message = "a kernel with a case distinction in time is the solution of no linear equation"
        help = (
            "a spike that takes effect later needs a delay of the connection; a kernel that ends "
            "needs a state variable and `onCondition`"
        )
        return _Blocked(Reason.NO_EQUATION, e, message, help)
    what = "this"
    if isinstance(e, Call):
        what = "this exponential" if e.function == "exp" else f"`{e.function}` of the time"
    message = f"{what} is the solution of no linear equation with constant coefficients"
    help = (
        "sums and products of constants, `t`, `exp(-t / tau)`, `sin(w * t)` and `cos(w * t)` are "
        "such; or write the response as an equation, `x' = ...`, that spikes move in `onReceive`"
    )
    return _Blocked(Reason.NO_EQUATION, e, message, help)


def _too_long(e: Expr) -> _Blocked:
    message = (
        f"this is not multiplied out: powers above {MAX_POWER}, of sums above "
        f"{MAX_POWER_OF_SUM}, and more than {MAX_TERMS} terms are too long to be exact"
    )
    help = "use lower powers, or define the kernel by its equations, `kernel K' = ...`"
    return _Blocked(Reason.NO_EQUATION, e, message, help)


def _scaled(terms: Terms, factor: Expr) -> Terms:
    return tuple(_with(t, times(factor, t.factor)) for t in terms)


def _with(t: Term, factor: Expr) -> Term:
    return Term(factor, t.power, t.rate, t.wave, t.frequency)


def _product(a: Terms, b: Terms) -> Terms:
    found: list[Term] = []
    for x in a:
        for y in b:
            factor, power = times(x.factor, y.factor), x.power + y.power
            rate = _sum(x.rate, y.rate)
            for weight, wave, frequency in _waves(x, y):
                found.append(Term(scaled(weight, factor), power, rate, wave, frequency))
    return tuple(found)


def _sum(a: Expr, b: Expr) -> Expr:
    """Return ``a + b``; multiples of one expression become one."""
    (c, one), (d, other) = coefficient(a), coefficient(b)
    return scaled(c + d, one) if one == other else plus(a, b)


def _waves(x: Term, y: Term) -> list[tuple[Fraction, str, Expr]]:
    """Return the product of two waves as a sum of waves."""
    if not x.wave or not y.wave:
        one = x if x.wave else y
        return [(Fraction(1), one.wave, one.frequency)]
    half = Fraction(1, 2)
    above = _sum(x.frequency, y.frequency)
    below = _sum(x.frequency, scaled(Fraction(-1), y.frequency))
    match x.wave, y.wave:
        case "cos", "cos":
            found = [(half, "cos", below), (half, "cos", above)]
        case "sin", "sin":
            found = [(half, "cos", below), (-half, "cos", above)]
        case "sin", "cos":
            found = [(half, "sin", above), (half, "sin", below)]
        case _:
            found = [(half, "sin", above), (-half, "sin", below)]
    return [_forward(*w) for w in found if not (is_zero(w[2]) and w[1] == "sin")]


def _forward(weight: Fraction, wave: str, frequency: Expr) -> tuple[Fraction, str, Expr]:
    """Return a wave with no minus in front of its frequency, and none if that is zero."""
    if is_zero(frequency):
        return weight, "", ZERO
    if coefficient(frequency)[0] > 0:
        return weight, wave, frequency
    return -weight if wave == "sin" else weight, wave, scaled(Fraction(-1), frequency)


def _power(base: Expr, exponent: Expr, whole: Expr) -> Terms:
    if TIME not in symbols_in(base):
        if base == Constant("e"):
            return _exponential(ONE, exponent, whole)
        return _exponential(Call("ln", (base,)), exponent, whole)
    match exponent:
        case Number(k) | Unary("-", Number(k)) if TIME not in symbols_in(exponent):
            sign = -1 if isinstance(exponent, Unary) else 1
            return _powered(_terms(base), sign * k, whole)
        case _:
            raise _no_equation(whole)


def _powered(terms: Terms, k: Fraction, whole: Expr) -> Terms:
    """Return a sum to a power: of any one exponential, or a whole and positive one of any sum."""
    if len(terms) == 1 and not terms[0].power and not terms[0].wave:
        (t,) = terms
        if k == -1:
            return (Term(over(ONE, t.factor), 0, scaled(k, t.rate)),)
        factor = ONE if is_one(t.factor) else Binary("**", t.factor, number(k))
        return (Term(factor, 0, scaled(k, t.rate)),)
    if k.denominator != 1 or k < 0:
        raise _no_equation(whole)
    if k > (MAX_POWER if len(terms) == 1 else MAX_POWER_OF_SUM):
        raise _too_long(whole)
    return _sum_to_power(terms, int(k), whole)


def _sum_to_power(terms: Terms, k: int, whole: Expr) -> Terms:
    """Return a sum to a power by the binomial theorem, term by term.

    Its coefficients are whole numbers, so that factors stay short; in repeated products they
    would double each time.
    """
    found: list[Terms] = [(Term(ONE),), *((),) * k]  # the powers 0 ... k of the terms so far
    for t in terms:
        own = [_term_to_power(t, j) for j in range(k + 1)]
        found = [
            _collected(
                tuple(
                    _with(x, scaled(Fraction(comb(j, i)), x.factor))
                    for i in range(j + 1)
                    for x in _product(found[j - i], own[i])
                )
            )
            for j in range(k + 1)
        ]
        if len(found[k]) > MAX_TERMS:
            raise _too_long(whole)
    return found[k]


def _term_to_power(t: Term, k: int) -> Terms:
    factor = t.factor if k == 1 else Binary("**", t.factor, number(k))
    if k == 0 or is_one(t.factor):
        factor = ONE
    plain = Term(factor, k * t.power, scaled(Fraction(k), t.rate))
    if not t.wave:
        return (plain,)
    # with u = exp(i x): cos x = (u + 1/u) / 2, sin x = (u - 1/u) / 2i
    odd = t.wave == "sin" and k % 2
    sign = -1 if t.wave == "sin" else 1
    front = Fraction((-1) ** (k // 2) if t.wave == "sin" else 1, 2**k)
    waves = [
        Term(
            number(front * sign**j * comb(k, j) * (2 if 2 * j < k else 1)),
            0,
            ZERO,
            "" if 2 * j == k else "sin" if odd else "cos",
            scaled(Fraction(k - 2 * j), t.frequency),
        )
        for j in range(k // 2 + 1)
    ]
    return _product((plain,), tuple(waves))


def _exponential(factor: Expr, exponent: Expr, whole: Expr) -> Terms:
    """Return ``exp(factor * exponent)``."""
    form = affine(exponent, (TIME,))
    if form is None:
        raise _no_equation(whole)
    constant, rate = times(factor, form.constant), times(factor, form.coefficient(TIME))
    return (Term(ONE if is_zero(constant) else Call("exp", (constant,)), 0, rate),)


def _wave(wave: str, phase: Expr, whole: Expr) -> Terms:
    """Return ``sin(w t + c)`` or ``cos(w t + c)`` as waves without a phase."""
    form = affine(phase, (TIME,))
    if form is None:
        raise _no_equation(whole)
    frequency, shift = form.coefficient(TIME), form.constant
    if is_zero(shift):
        return (Term(ONE, 0, ZERO, wave, frequency),)
    sine, cosine = Call("sin", (shift,)), Call("cos", (shift,))
    front: list[tuple[str, Expr]]
    if wave == "sin":
        front = [("sin", cosine), ("cos", sine)]
    else:
        front = [("cos", cosine), ("sin", scaled(Fraction(-1), sine))]
    return tuple(Term(factor, 0, ZERO, name, frequency) for name, factor in front)


def _collected(terms: Terms) -> Terms:
    """Return ``terms`` with those that differ in their factors only added up."""
    sums: dict[tuple[int, Expr, str, Expr], Expr] = {}
    for t in terms:
        key = (t.power, t.rate, t.wave, t.frequency)
        sums[key] = plus(sums[key], t.factor) if key in sums else t.factor
    return tuple(Term(c, *key) for key, c in sums.items() if not is_zero(c))


def _chains(terms: Terms) -> Response:
    chains: dict[tuple[Expr, Expr], dict[tuple[int, str], Expr]] = {}
    for t in terms:
        chains.setdefault((t.rate, t.frequency), {})[t.power, t.wave] = t.factor
    names: list[str] = []
    initial: list[Expr] = []
    output: list[Expr] = []
    cells: dict[tuple[int, int], Expr] = {}
    for r, ((rate, frequency), factors) in enumerate(chains.items()):
        longest = max(k for k, _ in factors)
        waves = ("",) if is_zero(frequency) else ("cos", "sin")
        for k in range(longest + 1):
            first = len(names)
            for i, wave in enumerate(waves, first):
                plain = len(chains) == 1 and not longest
                parts = ([] if plain else [str(r), str(k)]) + ([wave] if wave else [])
                names.append("_".join(parts))
                cells[i, i] = rate
                if k:
                    cells[i, i - len(waves)] = ONE
                initial.append(ONE if not k and wave != "sin" else ZERO)
                output.append(scaled(Fraction(factorial(k)), factors.get((k, wave), ZERO)))
            if len(waves) > 1:
                cells[first, first + 1] = scaled(Fraction(-1), frequency)
                cells[first + 1, first] = frequency
    n = range(len(names))
    matrix = tuple(tuple(cells.get((i, j), ZERO) for j in n) for i in n)
    return Response(tuple(names), matrix, tuple(initial), tuple(output))


def _system(kernel: Kernel) -> Response:
    variables: list[Symbol] = []
    rows: list[tuple[Expr, Ode | None]] = []
    for ode in kernel.equations:
        variables += ode.variables
        rows += [(Ref(s, s.type), None) for s in ode.variables[1:]]
        rows.append((ode.value, ode))
    matrix: list[tuple[Expr, ...]] = []
    for value, of in rows:
        form = affine(value, variables)
        if form is None or not is_zero(form.constant):
            raise _not_linear(kernel, value, of, form is not None)
        matrix.append(tuple(form.coefficient(v) for v in variables))
    values = dict(kernel.initial)
    main = kernel.equations[0].variables[0]
    names = tuple("" if v == main else v.identifier for v in variables)
    initial = tuple(values[v] for v in variables)
    output = tuple(ONE if v == main else ZERO for v in variables)
    return Response(names, tuple(matrix), initial, output)


def _not_linear(kernel: Kernel, value: Expr, ode: Ode | None, affine: bool) -> _Blocked:
    x = ode.variables[0].name if ode is not None else kernel.symbol.name
    if affine:
        message = (
            f"the equation of `{x}` has a term without `{kernel.symbol.name}`: "
            "a kernel is zero without spikes"
        )
        help = "leave the term out; add a constant where the kernel is used"
    else:
        message = f"the equation of `{x}` is not linear, so responses to spikes do not add up"
        help = (
            f"declare `{x}` as a state variable with this equation, "
            "and let spikes move it in `onReceive`"
        )
    return _Blocked(Reason.NOT_LINEAR, value, message, help)


def value(output: tuple[Expr, ...], states: tuple[Symbol, ...]) -> Expr:
    """Return ``output . states``."""
    return total(times(c, Ref(s, s.type)) for c, s in zip(output, states, strict=True))
