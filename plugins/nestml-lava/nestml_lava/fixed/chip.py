"""A compartment of Loihi 1 as a model all of whose variables are whole numbers."""

from __future__ import annotations

from dataclasses import replace

from nestml_core.api import (
    BOOLEAN,
    INTEGER,
    REAL,
    Assign,
    Binary,
    Branch,
    Call,
    Conditional,
    Declaration,
    Declare,
    Emit,
    Expr,
    If,
    Kind,
    OnCondition,
    Recordable,
    Ref,
    SolvedModel,
    Stmt,
    Symbol,
    Unary,
    integer,
)
from nestml_lava.fixed.formats import Format, Integers, PortFormat, clipped_to
from nestml_lava.fixed.loihi import ALIGN, LIMIT, MAX_WEIGHT, UNITY, Compartment
from nestml_lava.fixed.terms import Shift, called, shifted
from nestml_lava.stock import Lif

STATE_BITS = 23


def integers(model: SolvedModel, lif: Lif, c: Compartment, dt: float) -> Integers:
    """Return ``model``, which ``lif`` is, as the compartment ``c``."""
    plain, code = _Chip(model, lif, c, shifted), _Chip(model, lif, c, called)
    v = Format(lif.variable, plain.v, c.scale, lif.reset, STATE_BITS)
    u = Format(plain.u, plain.u, c.scale, 0.0, STATE_BITS)
    ports = tuple(
        PortFormat(symbol, _whole(symbol), gain / c.unit, MAX_WEIGHT) for symbol, gain in lif.ports
    )
    return Integers(plain.model(), code.model(), dt, (v, u), ports)


class _Chip:
    """The statements of one compartment."""

    def __init__(self, model: SolvedModel, lif: Lif, c: Compartment, shift: Shift) -> None:
        self.of = model
        self.lif = lif
        self.c = c
        self.shift = shift
        self.writes_numpy = shift is called
        self.v = _whole(lif.variable)
        taken = {lif.variable.name} | {p.name for p, _ in lif.ports}
        names = (_free(name, taken) for name in ("u", "waiting", "arriving"))
        self.u, self.waiting, self.arriving = (Symbol(n, Kind.STATE, INTEGER) for n in names)

    def model(self) -> SolvedModel:
        m, c = self.of, self.c
        state = [
            _declared(self.v, c.v, "potential above the reset"),
            _declared(self.u, c.u, "synaptic input"),
            _declared(self.waiting, 0, "steps for which the potential still stands"),
        ]
        if self.lif.late:
            state.append(_declared(self.arriving, 0, "input that acts in the next step"))
        return replace(
            m,
            parameters=(),
            derived=(),
            state=tuple(state),
            recordables=tuple(Recordable(d.symbol, _ref(d.symbol)) for d in state),
            spike_ports=tuple(replace(p, symbol=_whole(p.symbol)) for p in m.spike_ports),
            continuous_ports=(),
            convolutions=(),
            flows=(),
            update=self.update(),
            on_receive=(),
            on_condition=(self.condition(m.on_condition[-1]),),
            functions=(),
            fixed=(),
            delays=(),
        )

    def update(self) -> tuple[Stmt, ...]:
        c = self.c
        message = _ref(self.arriving) if self.lif.late else self.received()
        added = self.with_exponent(message)
        total = Symbol("total", Kind.LOCAL, INTEGER)
        sum_ = _sum(self.decayed(self.u, c.du + 1), _times(added, ALIGN))
        bias = c.bias_mant << c.bias_exp
        moved = _sum(_sum(self.decayed(self.v, c.dv), _ref(self.u)), integer(bias))
        waits = Binary(">", _ref(self.waiting), integer(0), BOOLEAN)
        less = Binary("-", _ref(self.waiting), integer(1), INTEGER)
        stands: tuple[Stmt, ...] = (Assign(self.waiting, less),)
        moves: tuple[Stmt, ...] = (Assign(self.v, clipped_to(moved, LIMIT - 1)),)
        taken = (Assign(self.arriving, self.received()),) if self.lif.late else ()
        return (
            Declare(total, sum_),
            Assign(self.u, _wrapped(_ref(total))),
            If((Branch(waits, stands),), moves),
            *taken,
        )

    def condition(self, like: OnCondition) -> OnCondition:
        c = self.c
        above = Binary(">", _ref(self.v), integer(ALIGN * c.vth), BOOLEAN)
        free = Binary("==", _ref(self.waiting), integer(0), BOOLEAN)
        body: tuple[Stmt, ...] = (
            Assign(self.v, integer(0)),
            Assign(self.waiting, integer(c.refractory)),
            Emit(None),
        )
        return replace(like, condition=Binary("and", free, above, BOOLEAN), body=body)

    def received(self) -> Expr:
        total: Expr = integer(0)
        for k, (port, _) in enumerate(self.lif.ports):
            value: Expr = _ref(_whole(port))
            if not self.writes_numpy:  # the interpreter's sums of weights are real numbers
                value = Call("truncate", (Ref(_whole(port), REAL),), INTEGER)
            total = value if k == 0 else _sum(total, value)
        return total

    def with_exponent(self, message: Expr) -> Expr:
        e = self.c.weight_exp
        if e == 0:
            return message
        return self.shift("<<", message, e) if e > 0 else self.shift(">>", message, -e)

    def decayed(self, symbol: Symbol, d: int) -> Expr:
        """Return what a decay of ``d / 4096`` leaves, rounded towards zero."""
        if d == 0:
            return _ref(symbol)
        if d == UNITY:
            return integer(0)
        left = UNITY - d
        down = Unary("-", _ref(symbol), INTEGER)
        negative = Unary("-", self.shift(">>", _times(down, left), 12), INTEGER)
        positive = self.shift(">>", _times(_ref(symbol), left), 12)
        below = Binary("<", _ref(symbol), integer(0), BOOLEAN)
        return Conditional(below, negative, positive, INTEGER)


def _wrapped(x: Ref) -> Expr:
    """Return x where 24 bits overflow, by 2^24."""
    turn = integer(2 * LIMIT)
    low = Binary("<=", x, integer(-LIMIT), BOOLEAN)
    up = Conditional(low, _sum(x, turn), x, INTEGER)
    high = Binary(">", x, integer(LIMIT), BOOLEAN)
    return Conditional(high, Binary("-", x, turn, INTEGER), up, INTEGER)


def _whole(symbol: Symbol) -> Symbol:
    return Symbol(symbol.name, symbol.kind, INTEGER, symbol.span)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _declared(symbol: Symbol, value: int, documentation: str) -> Declaration:
    return Declaration(symbol, integer(value), None, False, documentation)


def _ref(symbol: Symbol) -> Ref:
    return Ref(symbol, symbol.type)


def _sum(a: Expr, b: Expr) -> Expr:
    return Binary("+", a, b, INTEGER)


def _times(a: Expr, factor: int) -> Expr:
    return Binary("*", a, integer(factor), INTEGER)
