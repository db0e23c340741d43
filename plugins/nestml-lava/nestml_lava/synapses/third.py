"""Pairs of spikes gated by a neuromodulator, as a learning rule of Loihi with three factors.

Spikes change an eligibility c, which is the tag of a connection; between spikes the weight grows
by ``c * (gain * n + offset)`` in a step, where n is the concentration of the modulator. The traces
y1 to y3 of such a rule come from outside, so that a process beside the neurons sends, in each step,

    y1 = the postsynaptic trace, y2 = gain * n + offset, y3 = the part of c that decays,

and the rule is ``dw = u0*t*y2``, ``dt = x1*y0 - x0*y1 - u0*t*y3``: exact but for the bounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import exp

import numpy as np

from nestml_core.api import (
    Assign,
    Diagnostic,
    Events,
    Result,
    Roles,
    Schedule,
    SolvedModel,
    Symbol,
    interpret,
    walk_statements,
)
from nestml_lava.synapses import codes
from nestml_lava.synapses.polynomials import constant
from nestml_lava.synapses.reading import PROCESS, Reading, Refused, Term
from nestml_lava.synapses.rules import Rule, Trace


@dataclass(frozen=True, slots=True)
class ThirdSide:
    """What the process beside the neurons computes, for steps of ``dt`` ms."""

    port: str
    dt: float
    trace_step: float
    trace_tau: float
    trace_factor: float
    begin: float
    """The concentration at the start."""
    raise_by: float
    """What a spike adds to the concentration."""
    keeps: float
    """The part of the concentration that a step leaves."""
    gain: float
    offset: float
    loss: float


def modulated(
    model: SolvedModel, ports: Roles, known: Mapping[Symbol, Fraction], dt: float
) -> Result[tuple[Rule, ThirdSide]]:
    """Return a synapse with a modulator as a learning rule, for the parameters ``known``.

    Errors
    ------
    LAVA202 to LAVA215 : what no learning rule does.
    """
    try:
        lowering = _Lowering(Reading(model, ports, known), dt)
        return Result(lowering.rule(), tuple(lowering.warnings))
    except Refused as refused:
        return Result(None, (refused.diagnostic,))


class _Lowering:
    def __init__(self, reading: Reading, dt: float) -> None:
        self.reading, self.dt = reading, dt
        self.model = reading.model
        self.warnings: list[Diagnostic] = []

    def rule(self) -> tuple[Rule, ThirdSide]:
        reading, model = self.reading, self.model
        port = reading.ports.modulators[0]
        message = f"`{port.name}` acts on the weights of `{model.name}` also between spikes"
        other = reading.refuse(codes.THIRD_FACTOR, port.span, message)
        sides = reading.sides
        handler = reading.handlers.get(port)
        if len(sides) != 2 or handler is None or len(reading.ports.modulators) > 1:
            raise other
        weight, _ = reading.emitted(sides["x"])
        eligibility = self.eligibility(weight)
        reading.check_sides(sides, eligibility)
        grows = reading.growth(sides, eligibility)
        moved = [s for s in handler.body if isinstance(s, Assign)]
        if len(handler.body) != 1 or len(moved) != 1:
            raise other
        level = moved[0].target
        raised = dict(reading.polynomial(moved[0].value))
        begins = raised.pop(((level, 1),), None)
        step = constant(raised)
        taus = self.taus()
        if begins != 1 or step is None:
            raise other
        if any(s not in taus for s in grows):
            raise other
        aliases = self.copies(grows)
        terms: list[Term] = []
        for side, h in sides.items():
            p, _ = reading.change(h, eligibility, bounded=False)
            p = reading.with_own_spikes(p, side, eligibility, grows, aliases)
            terms += reading.terms(f"{side}0", p, eligibility, h.span, Fraction(1))
        pre, post = self.products(terms, grows, other)
        gain, offset = self.between(weight, eligibility, level, other)
        level_keeps, eligibility_keeps = (
            exp(-self.dt / float(taus[s])) if s in taus else self.kept(s, other)
            for s in (level, eligibility)
        )
        for code, text in (
            (codes.UPPER_BOUND, "is not kept below its upper bound in Lava's floating point"),
            (codes.BEFORE, "is passed on by a spike as it was a step before"),
        ):
            self.warnings.append(code.at(weight.span, f"`{weight.name}` {text}", help=PROCESS))
        declared = {d.symbol: d.value for d in model.state}
        trace = post.traces[0]
        rule = Rule(
            dw="2^0*u0*t*y2",
            dt=f"{_sign(pre)}2^0*y0*x1{_sign(post, '+')}2^0*x0*y1-2^0*u0*t*y3".removeprefix("+"),
            traces=(
                Trace(
                    "x1",
                    pre.traces[0],
                    abs(float(pre.coefficient)) * float(grows[pre.traces[0]][1]),
                    float(taus[pre.traces[0]]),
                ),
            ),
            tag=float(reading.value(declared[eligibility])),
            unit=1.0,
            weight=weight,
            begin=float(reading.value(declared[weight])),
            largest=float("inf"),
        )
        beside = ThirdSide(
            port=port.identifier,
            dt=self.dt,
            trace_step=float(grows[trace][1]),
            trace_tau=float(taus[trace]),
            trace_factor=abs(float(post.coefficient)),
            begin=float(reading.value(declared[level])),
            raise_by=float(step),
            keeps=level_keeps,
            gain=gain,
            offset=offset,
            loss=1.0 - eligibility_keeps,
        )
        return rule, beside

    def eligibility(self, weight: Symbol) -> Symbol:
        """Return the variable that spikes of both sides change, in place of the weight."""
        changed = [
            {s.target for s in walk_statements(h.body) if isinstance(s, Assign)}
            for h in self.reading.sides.values()
        ]
        both = [s for d in self.model.state if (s := d.symbol) in changed[0] & changed[1]]
        if len(both) != 1 or both[0] == weight:
            port = self.reading.ports.modulators[0]
            message = f"`{self.model.name}` has no eligibility that spikes of both sides change"
            raise self.reading.refuse(codes.THIRD_FACTOR, port.span, message)
        return both[0]

    def taus(self) -> dict[Symbol, Fraction]:
        """Return the time constants of all that simply decays."""
        found: dict[Symbol, Fraction] = {}
        for flow in self.model.flows:
            if flow.linear is None:
                continue
            for i, v in enumerate(flow.linear.variables):
                rates = [self.reading.value(e) for e in flow.linear.matrix[i]]
                alone = not any(r for j, r in enumerate(rates) if j != i)
                if alone and rates[i] < 0 and not self.reading.value(flow.linear.drive[i]):
                    found[v] = -1 / rates[i]
        return found

    def copies(self, grows: Mapping[Symbol, tuple[str, Fraction]]) -> dict[Symbol, Symbol]:
        """Return the variables that `update` sets to a trace."""
        found: dict[Symbol, Symbol] = {}
        for s in self.model.update:
            if isinstance(s, Assign):
                for symbol in grows:
                    if getattr(s.value, "symbol", None) == symbol:
                        found[s.target] = symbol
        return found

    def products(
        self, terms: list[Term], grows: Mapping[Symbol, tuple[str, Fraction]], other: Refused
    ) -> tuple[Term, Term]:
        """Return the product at postsynaptic spikes and that at presynaptic ones."""
        by_event = {t.event: t for t in terms}
        if len(terms) != 2 or set(by_event) != {"x0", "y0"}:
            raise other
        for event, side in (("y0", "x"), ("x0", "y")):
            t = by_event[event]
            if t.roots or len(t.traces) != 1 or grows.get(t.traces[0], ("",))[0] != side:
                raise other
        return by_event["y0"], by_event["x0"]

    def between(
        self, weight: Symbol, eligibility: Symbol, level: Symbol, other: Refused
    ) -> tuple[float, float]:
        """Return gain and offset of the change of the weight in a step without spikes.

        Measured in the reference interpreter, and checked at further points.
        """
        middle = self.middle(weight)
        size = 0.1 * max(1.0, abs(middle))

        def change(c: float, n: float) -> float:
            begin = {weight: middle, eligibility: c, level: n}
            return self.after_a_step(begin, weight, other) - middle

        offset = change(size, 0.0) / size
        gain = change(size, 1.0) / size - offset
        for c, n in ((2 * size, 0.5), (-size, 2.0), (0.0, 1.0), (0.5 * size, -1.0)):
            expected = c * (gain * n + offset)
            if abs(change(c, n) - expected) > 1e-6 * size * self.dt:
                raise other
        return gain, offset

    def kept(self, symbol: Symbol, other: Refused) -> float:
        """Return the part of a variable that a step leaves, if it simply decays; measured."""
        part = self.after_a_step({symbol: 1.0}, symbol, other)
        twice = self.after_a_step({symbol: 2.0}, symbol, other)
        if not 0.0 < part < 1.0 or abs(twice - 2.0 * part) > 1e-12:
            raise other
        return part

    def after_a_step(self, begin: Mapping[Symbol, float], symbol: Symbol, other: Refused) -> float:
        nothing = Events(np.zeros(0, np.int64), np.zeros(0))
        spikes = {p.symbol: nothing for p in self.model.spike_ports}
        values = {s: float(v) for s, v in self.reading.known.items() if s in self.parameters}
        plan = Schedule(self.dt, 1, values, begin, spikes, {}, (symbol,), 1)
        trace = interpret(self.model, plan).value
        if trace is None:
            raise other
        return float(trace[symbol.name][0])

    @property
    def parameters(self) -> frozenset[Symbol]:
        return frozenset(d.symbol for d in self.model.parameters)

    def middle(self, weight: Symbol) -> float:
        """Return a weight away from its bounds."""
        declared = {d.symbol: d.value for d in self.model.state}
        return float(self.reading.value(declared[weight]))


def _sign(t: Term, plus: str = "") -> str:
    return "-" if t.coefficient < 0 else plus
