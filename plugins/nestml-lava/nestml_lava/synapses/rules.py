"""Handlers of pairs and triplets of spikes as learning rules of Loihi.

A learning rule adds, at each pre- (``x0``) or postsynaptic spike (``y0``), a sum of products to the
weight: of a number on a coarse grid, of traces and of ``w - n``. Coefficients off the grid go into
the impulses of the traces, by which they grow at a spike. In floating point that is exact. In
Loihi's whole numbers, products of many bits lose their last ones, so that exponents differ.

    w = clip(w - alpha * lambda * w * post_trace, 0, 100)   ->   -2^-7*x0*w*y1

Traces already have the spike of the step when a rule is evaluated: what the model reads before the
spike is the trace less its impulse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import floor, log2

from nestml_core.api import Diagnostic, Kind, Result, Roles, SolvedModel, Symbol
from nestml_lava.synapses import codes
from nestml_lava.synapses.reading import PROCESS, Reading, Refused, Term

FULL = 255
"""The largest weight of a synapse of Loihi."""
SMALLEST, LARGEST = -7, 8
"""Exponents of the factor of a product."""
ROOM = 32.0
"""The largest impulse that is chosen, so that traces of 7 bits hold several spikes."""
WIDTH, TRACE_BITS, WEIGHT_BITS, FACTOR_BITS = 15, 7, 9, 4


@dataclass(frozen=True, slots=True)
class Trace:
    """``x1``, ``x2``, ``y1``, ``y2`` or ``y3``: it decays with ``tau``, ms."""

    name: str
    symbol: Symbol
    impulse: float
    tau: float


@dataclass(frozen=True, slots=True)
class Rule:
    """A learning rule.

    Attributes
    ----------
    dw, dt : the changes of the weight and of the tag, in Lava's terms
    tag : the value of the tag of each connection, by which constants are told
    unit : what a weight of 1 in Lava is in the model's unit
    weight : the weight of the model
    largest : its upper bound
    """

    dw: str
    traces: tuple[Trace, ...]
    tag: float
    unit: float
    weight: Symbol
    begin: float
    largest: float
    dt: str = ""


def rule(
    model: SolvedModel, ports: Roles, known: Mapping[Symbol, Fraction], whole: bool
) -> Result[Rule]:
    """Return the synapse as a learning rule, for the parameters ``known``.

    Parameters
    ----------
    whole : for whole numbers: weights of 8 bits, traces of 7

    Errors
    ------
    LAVA201 to LAVA215 : what no learning rule does.
    """
    try:
        lowering = _Lowering(Reading(model, ports, known), whole)
        return Result(lowering.rule(), tuple(lowering.warnings))
    except Refused as refused:
        return Result(None, (refused.diagnostic,))


class _Lowering:
    def __init__(self, reading: Reading, whole: bool) -> None:
        self.reading, self.whole = reading, whole
        self.model = reading.model
        self.warnings: list[Diagnostic] = []

    def rule(self) -> Rule:
        reading = self.reading
        reading.check_events()
        sides = reading.sides
        weight, span = reading.emitted(sides["x"])
        reading.check_between(weight)
        grows = reading.growth(sides, weight)
        taus = reading.decays(grows)
        aliases = reading.before(grows)
        changes = {side: reading.change(handler, weight) for side, handler in sides.items()}
        bound = next((high for _, high in changes.values() if high is not None), None)
        if bound is None:
            raise reading.refuse(codes.NO_SUM, span, f"`{weight.name}` has no upper bound")
        terms: list[Term] = []
        for side, handler in sides.items():
            p = reading.with_own_spikes(changes[side][0], side, weight, grows, aliases)
            terms += reading.terms(f"{side}0", p, weight, handler.span, self.unit(bound))
        return self.assembled(weight, bound, terms, grows, taus)

    def unit(self, bound: Fraction) -> Fraction:
        return bound / FULL if self.whole else Fraction(1)

    def assembled(
        self,
        weight: Symbol,
        bound: Fraction,
        terms: list[Term],
        grows: Mapping[Symbol, tuple[str, Fraction]],
        taus: Mapping[Symbol, Fraction],
    ) -> Rule:
        read = dict.fromkeys(s for t in terms for s in t.traces)
        names: dict[Symbol, str] = {}
        for side, most in (("x", 2), ("y", 3)):
            mine = [s for s in grows if s in read and grows[s][0] == side]
            if len(mine) > most:
                message = f"more than {most} traces: {', '.join(f'`{s.name}`' for s in mine)}"
                raise self.reading.refuse(codes.TRACES, mine[most].span, message)
            names |= {s: f"{side}{i}" for i, s in enumerate(mine, 1)}
        factors: dict[Symbol, float] = {}
        products, tag = [], 0.0
        order = sorted(terms, key=lambda t: (len(t.traces), t.event))
        for t in order:
            if not t.traces:
                text, tag = self.constant_product(t, tag, weight)
                products.append(text)
                continue
            scale = self.scale(t, factors, grows)
            if scale is None:
                shown = "*".join(names[s] for s in t.traces)
                message = f"the product with {shown} is below the grid of the rule, and left out"
                self.warnings.append(codes.DROPPED.at(weight.span, message, help=PROCESS))
                continue
            products.append(_product(scale, t, tuple(names[s] for s in t.traces)))
        if not self.whole:
            message = f"`{weight.name}` is not kept below {float(bound):g} in Lava's floating point"
            self.warnings.append(codes.UPPER_BOUND.at(weight.span, message, help=PROCESS))
        message = f"a spike passes `{weight.name}` on as it was before the spike changes it"
        self.warnings.append(codes.BEFORE.at(weight.span, message, help=PROCESS))
        declared = {d.symbol: d for d in self.model.state}
        return Rule(
            dw="".join(products).removeprefix("+"),
            traces=tuple(
                Trace(n, s, factors.get(s, 1.0) * float(grows[s][1]), float(taus[s]))
                for s, n in names.items()
                if any(f"*{n}" in p for p in products)
            ),
            tag=tag,
            unit=float(self.unit(bound)),
            weight=weight,
            begin=float(self.reading.value(declared[weight].value)),
            largest=float(bound),
        )

    def constant_product(self, t: Term, tag: float, weight: Symbol) -> tuple[str, float]:
        """Return a product without traces: its coefficient is the tag of the connection."""
        size = abs(float(t.coefficient)) * 2.0**7
        if tag and abs(tag - size) > 1e-12 * size:
            message = "two different constants in a learning rule"
            raise self.reading.refuse(codes.COEFFICIENTS, weight.span, message)
        if self.whole and not 1 <= size <= 127:
            message = (
                f"a constant change of {float(t.coefficient):g} is not on the grid of the rule"
            )
            raise self.reading.refuse(codes.COEFFICIENTS, weight.span, message)
        sign = 1 if t.coefficient > 0 else -1
        return _product((sign, -7), t, ("t",)), round(size) if self.whole else size

    def scale(
        self, t: Term, factors: dict[Symbol, float], grows: Mapping[Symbol, tuple[str, Fraction]]
    ) -> tuple[int, int] | None:
        """Choose the factor of a product, as mantissa and exponent; traces take up the rest.

        None if it is too small for whole numbers.
        """
        sign = 1 if t.coefficient > 0 else -1
        size = abs(float(t.coefficient)) * 2.0 ** self.lost(t)
        for s in t.traces:
            size /= factors.get(s, 1.0)
        free = [s for s in dict.fromkeys(t.traces) if s not in factors]
        if not free:
            mantissa, exponent = _on_grid(size)
            if not self.whole and abs(mantissa * 2.0**exponent - size) > 1e-12 * size:
                message = "coefficients whose ratio is not on the grid of learning rules"
                raise self.reading.refuse(codes.COEFFICIENTS, self.model.span, message)
            return None if mantissa == 0 else (sign * mantissa, exponent)
        exponent = SMALLEST
        if self.whole:
            least = size / ROOM
            exponent = min(LARGEST, max(SMALLEST, floor(log2(least)) + 1))
            if size / 2.0**exponent < 1.0:
                return None
        for s in free[1:]:
            factors[s] = 1.0
        power = t.traces.count(free[0])
        factors[free[0]] = (size / 2.0**exponent) ** (1 / power) / float(grows[free[0]][1])
        return sign, exponent

    def lost(self, t: Term) -> int:
        """Return how many bits the product loses in whole numbers."""
        if not self.whole:
            return 0
        bits = FACTOR_BITS + TRACE_BITS * len(t.traces) + WEIGHT_BITS * len(t.roots)
        return max(0, bits - WIDTH)


def _on_grid(size: float) -> tuple[int, int]:
    """Return the mantissa of 1 to 7 and the exponent that come closest; 0 if it is too small."""
    best = (0, SMALLEST)
    for exponent in range(SMALLEST, LARGEST + 1):
        mantissa = round(size / 2.0**exponent)
        if 1 <= mantissa <= 7 and abs(mantissa * 2.0**exponent - size) < abs(
            best[0] * 2.0 ** best[1] - size
        ):
            best = mantissa, exponent
    return best


def _product(scale: tuple[int, int], t: Term, names: tuple[str, ...]) -> str:
    mantissa, exponent = scale
    sign = "+" if mantissa > 0 else "-"
    size = f"2^{exponent}" if abs(mantissa) == 1 else f"{abs(mantissa)}*2^{exponent}"
    weights = ["w" if r == 0 else f"(w-{r})" if r > 0 else f"(w+{-r})" for r in t.roots]
    return sign + "*".join((size, t.event, *names, *weights))


def known_values(values: Mapping[Symbol, float | int]) -> dict[Symbol, Fraction]:
    """Return parameters and constants as exact numbers."""
    return {s: Fraction(v) for s, v in values.items() if s.kind is not Kind.STEP}
