"""A step of a model as straight-line code that several neurons can run side by side.

Before: ``if refr > 0: refr -= 1`` and ``else: V = a * V``. After: ``if_1 = refr > 0``,
``V_1 = a * V``, and in the end ``refr = select(if_1, refr - 1, refr)``,
``V = select(if_1, V, V_1)``: all branches are computed, and the conditions select. What branches
compute alike is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from nestml_core.expr import (
    RANDOM,
    Binary,
    Boolean,
    Call,
    Conditional,
    Constant,
    Convolve,
    Element,
    Expr,
    Kind,
    Number,
    Ref,
    Symbol,
    Text,
    Unary,
    bottom_up,
    ref,
    symbols_in,
    walk,
    with_children,
)
from nestml_core.lanes import ir
from nestml_core.lanes.algebra import REALS, fused, simplified
from nestml_core.lanes.joining import joined
from nestml_core.runtime import CPP_INTEGRATORS, evaluations
from nestml_core.sharing import share
from nestml_core.solved import (
    DT,
    TIME,
    Flow,
    Function,
    NonlinearSystem,
    OnReceive,
    SolvedModel,
)
from nestml_core.stmt import (
    Assign,
    Branch,
    Declare,
    Emit,
    Evaluate,
    For,
    If,
    Integrate,
    Return,
    Say,
    Stmt,
    While,
    expressions_in,
    walk_statements,
)
from nestml_core.types import BOOLEAN, INTEGER, REAL, Base, Type

Env = dict[Symbol, Expr]
"""What the variables of the model are worth at some point of the code."""

EMITTED = Symbol("emitted", Kind.LOCAL, INTEGER)
DRAWN = Symbol("drawn", Kind.LOCAL, INTEGER)
COUNTERS = (EMITTED, DRAWN)
"""What a step counts beside the state: spikes, and random numbers."""
ZERO = Number(Fraction(0), INTEGER)
ONE = Number(Fraction(1), INTEGER)
CHEAP = ("fma", "abs", "min", "max")


class NotStraight(Exception):
    """The model needs one neuron after the other; the text says why."""


def straight(
    model: SolvedModel,
    name: Callable[[Symbol], str],
    member: Callable[[Symbol], str],
    *,
    draws: bool = False,
) -> ir.Lanes | str:
    """Return a step of ``model``, or why it cannot be computed for several neurons at once.

    Parameters
    ----------
    name : returns a C++ name, one for each constant and state variable of the model
    member : returns where one neuron keeps it, such as ``p.C_m``
    draws : random numbers can be drawn: by functions whose first argument is how many were drawn
        in this step before
    """
    try:
        return _Step(model, name, member, draws=draws).lanes()
    except NotStraight as reason:
        return str(reason)


def _refuse(condition: object, reason: str) -> None:
    if condition:
        raise NotStraight(reason)


@dataclass(slots=True)
class _Code:
    """Statements in the making; ``known`` are values that have names."""

    items: list[ir.LaneStatement] = field(default_factory=list)
    known: dict[tuple[Base, Expr], Expr] = field(default_factory=dict)

    def inner(self) -> _Code:
        """Return the code of a function inside, which may use what is known here."""
        return _Code([], dict(self.known))


class _Step:
    """The state of one call of ``straight``."""

    def __init__(
        self,
        model: SolvedModel,
        name: Callable[[Symbol], str],
        member: Callable[[Symbol], str],
        *,
        draws: bool,
    ) -> None:
        self.draws = draws
        self.model = model
        self.name = name
        self.member = member
        self.functions = {f.name: f for f in model.functions}
        self.random_functions = _random_functions(model)
        self.constants: dict[Symbol, Symbol] = {}
        self.names: set[str] = {"s", "c", "t", "dt", "k", "at", "slope", "rate", "jacobian"}
        self.calls: list[str] = []
        self.solvers = 0

    # The whole

    def lanes(self) -> ir.Lanes:
        model = self.model
        _refuse(model.delays, "it has delayed variables")
        state = tuple(self.state_symbols())
        members = {s: Symbol(f"s.{self.name(s)}", Kind.LOCAL, s.type) for s in state}
        code = _Code()
        env: Env = {s: ref(m) for s, m in members.items()}
        spikes = tuple(self.port(p.symbol, env) for p in model.spike_ports)
        currents = tuple(self.port(p.symbol, env) for p in model.continuous_ports)
        counted = tuple(not self.is_additive(p.symbol) for p in model.spike_ports)
        env |= dict.fromkeys(COUNTERS, ZERO)
        arrived = {
            p.symbol: Symbol(self.fresh(f"{port.name}_arrived"), Kind.LOCAL, BOOLEAN)
            for p, port in zip(model.spike_ports, spikes, strict=True)
        }
        self.step(code, env, arrived)
        changed = [s for s in state if env[s] != ref(members[s])]
        stores = tuple(Assign(members[s], self.let(code, s, env[s], always=True)) for s in changed)
        body, emitted = joined(tuple(code.items), stores, env[EMITTED])
        shown = (r for r in model.recordables if r.symbol.type.base is not Base.STRING)
        records = tuple(self.record(r.value, members) for r in shown)
        return ir.Lanes(
            constants=self.fields(self.constants),
            state=self.fields(members),
            spike_ports=tuple(
                ir.LanePort(port.name, arrived[p.symbol].name if c else "")
                for p, port, c in zip(model.spike_ports, spikes, counted, strict=True)
            ),
            continuous_ports=tuple(ir.LanePort(port.name, "") for port in currents),
            body=body,
            stores=stores,
            emitted=emitted,
            emits=emitted != ZERO,
            records=records,
            finite=tuple(self.finite(members)),
        )

    def finite(self, members: Mapping[Symbol, Symbol]) -> Iterable[ir.LaneFinite]:
        advanced = {v for f in self.model.flows for v in f.variables}
        advanced |= {s for c in self.model.convolutions for s in c.states}
        for symbol, member in members.items():
            if symbol.type.base in REALS:
                yield ir.LaneFinite(member.name, symbol in advanced)

    def state_symbols(self) -> Iterable[Symbol]:
        for d in self.model.state:
            s = d.symbol
            _refuse(s.type.base is Base.STRING, f"`{s.name}` is a text")
            _refuse(s.size is not None and not s.elements, f"`{s.name}` is a vector of any size")
            yield from s.elements if s.size is not None else (s,)
        for c in self.model.convolutions:
            yield from c.states

    def port(self, symbol: Symbol, env: Env) -> Symbol:
        new = Symbol(self.fresh(symbol.identifier), Kind.LOCAL, symbol.type)
        env[symbol] = ref(new)
        return new

    def step(self, code: _Code, env: Env, arrived: Mapping[Symbol, Symbol]) -> None:
        """Do what the contract says a step does, in its order."""
        model = self.model
        convolved = [
            (u.target, self.let(code, u.target, self.expr(code, env, u.value)))
            for c in model.convolutions
            for u in c.updates
        ]
        self.run(code, env, model.update, None)
        for h in model.on_receive:
            if self.is_additive(h.port, h):
                self.run(code, env, h.body, None)
            else:
                self.branch(code, env, [(ref(arrived[h.port]), h.body)])
        env |= dict(convolved)
        jumps = [j for c in model.convolutions for j in c.jumps]
        self.jump(code, env, [(j.target, j.amount) for j in jumps])
        for condition in model.on_condition:
            test = self.condition(code, self.expr(code, env, condition.condition))
            self.branch(code, env, [(test, condition.body)])

    def record(self, value: Expr, members: Mapping[Symbol, Symbol]) -> ir.LaneRecord:
        code = _Code()
        env: Env = {s: ref(m) for s, m in members.items()}
        symbols = [p.symbol for p in self.model.spike_ports]
        symbols += [p.symbol for p in self.model.continuous_ports]
        ports = {s: Symbol(self.fresh(s.identifier), Kind.LOCAL, s.type) for s in symbols}
        env |= {s: ref(local) for s, local in ports.items()}
        used = set(symbols_in(value))
        _refuse(used & {p.symbol for p in self.model.spike_ports}, "what is recorded reads spikes")
        result = self.expr(code, env, value)
        read = tuple((i, ports[p.symbol].name) for i, p in enumerate(self.model.continuous_ports))
        return ir.LaneRecord(read, tuple(code.items), result)

    def is_additive(self, port: Symbol, handler: OnReceive | None = None) -> bool:
        """Return whether the handlers of ``port`` change nothing if the sum of its weights is 0."""
        handlers = [h for h in self.model.on_receive if h.port == port]
        if handler is not None:
            handlers = [handler]
        return all(_is_addition(s, port) for h in handlers for s in h.body)

    def fields(self, members: Mapping[Symbol, Symbol]) -> tuple[ir.LaneField, ...]:
        return tuple(
            ir.LaneField(s, new.name.partition(".")[2], self.member(s))
            for s, new in members.items()
        )

    # Names

    def fresh(self, base: str) -> str:
        n = 1
        while f"{base}_{n}" in self.names:
            n += 1
        self.names.add(f"{base}_{n}")
        return f"{base}_{n}"

    def let(self, code: _Code, target: Symbol, value: Expr, *, always: bool = False) -> Expr:
        """Return ``value`` under a name of its own, unless it is a name or a number already."""
        base = Base.REAL if target.type.base in REALS else target.type.base
        own = Base.REAL if value.type.base in REALS else value.type.base
        if isinstance(value, Number) and base is Base.REAL:
            value = replace(value, type=REAL)
            own = base
        is_member = isinstance(value, Ref) and value.symbol.name.startswith("s.")
        if (
            isinstance(value, (Ref, Number, Boolean, Constant))
            and base is own
            and not (always and is_member)
        ):
            return value
        if base is Base.INTEGER and own is Base.REAL:
            value = Call("whole", (value,), INTEGER)
        known = code.known.get((base, value))
        if known is not None:
            return known
        symbol = Symbol(self.fresh(target.identifier), Kind.LOCAL, _plain(target.type))
        code.items.append(ir.Let(symbol, value))
        code.known[base, value] = ref(symbol)
        return ref(symbol)

    def condition(self, code: _Code, value: Expr) -> Expr:
        return self.let(code, Symbol("if", Kind.LOCAL, BOOLEAN), value)

    # Expressions

    def expr(self, code: _Code, env: Env, e: Expr) -> Expr:
        """Return ``e`` in terms of names of the code; functions of the model are put in place."""
        drawing = sum(self.is_drawing(x) for x in walk(e))
        _refuse(drawing > 1, "an expression draws several random numbers")
        _refuse(drawing and _is_lazy(e), "whether a random number is drawn is decided on the way")
        return bottom_up(e, lambda x, parts: self.combined(code, env, x, parts))

    def is_drawing(self, e: Expr) -> bool:
        """Return whether ``e`` itself draws a random number, or calls a function that may."""
        return isinstance(e, Call) and e.function in self.random_functions

    def refuse_drawn_tests(self, branches: tuple[Branch, ...]) -> None:
        """Refuse tests that draw random numbers only where no earlier one holds."""
        later = (x for b in branches[1:] for x in walk(b.condition))
        _refuse(any(map(self.is_drawing, later)), "it draws random numbers in an `elif`")

    def combined(self, code: _Code, env: Env, e: Expr, parts: tuple[Expr, ...]) -> Expr:
        match e:
            case Ref(symbol):
                return self.value(env, symbol)
            case Number() | Constant() | Boolean():
                return e
            case Element() | Convolve():
                raise NotStraight("an element of a vector is chosen in the step")
            case Call(function) if function in self.functions:
                return self.inlined(code, env, self.functions[function], parts)
            case Call(function, type=type) if function in RANDOM:
                return self.drawn(code, env, function, parts, type)
            case _:
                _refuse_single(e)
                return self.named(code, fused(simplified(with_children(e, parts))))

    def drawn(
        self, code: _Code, env: Env, function: str, arguments: tuple[Expr, ...], type: Type
    ) -> Expr:
        """Draw a random number: a function of how many were drawn before."""
        _refuse(not self.draws or DRAWN not in env, "it draws random numbers")
        number = Call(function, (env[DRAWN], *arguments), _plain(type))
        env[DRAWN] = self.counted(code, env, DRAWN)
        return self.let(code, Symbol(function, Kind.LOCAL, _plain(type)), number)

    def counted(self, code: _Code, env: Env, counter: Symbol) -> Expr:
        """Return a counter after one more."""
        match env[counter]:
            case Number(value):
                return Number(value + 1, INTEGER)
            case before:
                return self.let(code, counter, Binary("+", before, ONE, INTEGER))

    def named(self, code: _Code, e: Expr) -> Expr:
        """Give a name to what takes long, so that it is computed once; use the names there are."""
        if e.type.base not in REALS:
            return e
        match e:
            case Call(function) if function not in CHEAP:
                return self.let(code, Symbol(function, Kind.LOCAL, REAL), e)
            case Binary("/"):
                return self.let(code, Symbol("quotient", Kind.LOCAL, REAL), e)
            case Unary("-", Binary("/") as quotient):
                return replace(e, operand=self.named(code, quotient))
            case Unary("-", Unary("-", operand)):
                return operand
            case _:
                return code.known.get((Base.REAL, e), e)

    def value(self, env: Env, symbol: Symbol) -> Expr:
        if symbol in env:
            return env[symbol]
        if symbol in (TIME, DT):
            return ref(symbol)
        _refuse(symbol.size is not None, f"`{symbol.name}` is used as a whole vector")
        if symbol.kind not in (Kind.PARAMETER, Kind.INTERNAL):
            raise AssertionError(f"{symbol.name} has no value here")
        _refuse(symbol.type.base is Base.STRING, f"`{symbol.name}` is a text")
        if symbol not in self.constants:
            new = Symbol(f"c.{self.name(symbol)}", Kind.LOCAL, symbol.type)
            self.constants[symbol] = new
        return ref(self.constants[symbol])

    def inlined(self, code: _Code, env: Env, f: Function, arguments: tuple[Expr, ...]) -> Expr:
        _refuse(f.name in self.calls, f"`{f.name}` calls itself")
        _refuse(f.result.type.base is Base.STRING, f"`{f.name}` returns a text")
        self.calls.append(f.name)
        inside = {s: v for s, v in env.items() if s.kind is not Kind.LOCAL or s in COUNTERS}
        for symbol, value in zip(f.arguments, arguments, strict=True):
            inside[symbol] = self.let(code, symbol, value)
        before = {s: v for s, v in inside.items() if s.kind is Kind.STATE or s == EMITTED}
        result = self.returned(code, inside, f.body)
        _refuse(any(inside[s] != v for s, v in before.items()), f"`{f.name}` changes the neuron")
        self.calls.pop()
        if result is None:
            raise NotStraight(f"`{f.name}` may end without a value")
        if DRAWN in env:
            env[DRAWN] = inside[DRAWN]
        return self.let(code, replace(f.result, name=f.name), result)

    def returned(self, code: _Code, env: Env, body: tuple[Stmt, ...]) -> Expr | None:
        """Return what a function returns; None if it ends before."""
        for i, stmt in enumerate(body):
            match stmt:
                case Return(value):
                    return None if value is None else self.expr(code, env, value)
                case If(branches, otherwise) if _returns(stmt):
                    self.refuse_drawn_tests(branches)
                    rest = body[i + 1 :]
                    tests = [self.expr(code, env, b.condition) for b in branches]
                    result = self.apart(code, env, otherwise + rest)
                    for test, b in zip(reversed(tests), reversed(branches), strict=True):
                        then = self.apart(code, env, b.body + rest)
                        if then is None or result is None:
                            return None
                        result = Conditional(test, then, result, then.type)
                    return result
                case _:
                    self.run(code, env, (stmt,), None)
        return None

    def apart(self, code: _Code, env: Env, body: tuple[Stmt, ...]) -> Expr | None:
        """Return what one of several ends of a function returns."""
        inside = dict(env)
        result = self.returned(code, inside, body)
        drawn = inside.get(DRAWN) != env.get(DRAWN)
        _refuse(drawn, "a function draws random numbers at one of several ends")
        return result

    # Statements

    def run(self, code: _Code, env: Env, body: Iterable[Stmt], active: Expr | None) -> None:
        """Do ``body``; ``env`` is changed. ``active`` tells where it counts, None everywhere."""
        for stmt in body:
            self.statement(code, env, stmt, active)

    def statement(self, code: _Code, env: Env, stmt: Stmt, active: Expr | None) -> None:
        match stmt:
            case Assign(target, value, _, index):
                _refuse(index is not None, "an element of a vector is chosen in the step")
                self.assign(code, env, target, value)
            case Declare(symbol, value):
                self.assign(code, env, symbol, value)
            case If(branches, otherwise):
                self.refuse_drawn_tests(branches)
                tests = [self.condition(code, self.expr(code, env, b.condition)) for b in branches]
                pairs = zip(tests, (b.body for b in branches), strict=True)
                self.branch(code, env, pairs, otherwise, active)
            case Integrate(flow):
                self.integrate(code, env, self.model.flows[flow], active)
            case Emit(weight):
                if weight is not None:
                    _refuse(any(map(self.is_drawing, walk(weight))), "it draws random weights")
                    self.expr(code, env, weight)
                env[EMITTED] = self.counted(code, env, EMITTED)
            case Evaluate():
                raise NotStraight("it calls a function for its effects")
            case For() | While():
                raise NotStraight("it has a loop")
            case Say():
                raise NotStraight("it prints")
            case _:
                raise NotStraight(f"it has a statement of the kind {type(stmt).__name__}")

    def assign(self, code: _Code, env: Env, target: Symbol, value: Expr) -> None:
        _refuse(target.type.base is Base.STRING, f"`{target.name}` is a text")
        if target.size is None:
            env[target] = self.let(code, target, self.expr(code, env, value))
            return
        _refuse(not target.elements, f"`{target.name}` is a vector of any size")
        whole = value.symbol if isinstance(value, Ref) and value.symbol.size is not None else None
        if whole is None:
            new = self.let(code, target.elements[0], self.expr(code, env, value))
            env |= {e: new for e in target.elements}
            return
        _refuse(len(whole.elements) != len(target.elements), "vectors of different sizes")
        pairs = zip(target.elements, whole.elements, strict=True)
        env |= {e: self.value(env, other) for e, other in pairs}

    def branch(
        self,
        code: _Code,
        env: Env,
        branches: Iterable[tuple[Expr, tuple[Stmt, ...]]],
        otherwise: tuple[Stmt, ...] = (),
        active: Expr | None = None,
    ) -> None:
        """Do all branches, each on values of its own, and select what comes out.

        The conditions are in terms of the code already: they read what is there before.
        """
        done: list[tuple[Expr, Env]] = []
        left = active  # where no condition has held yet
        for test, body in branches:
            inside = dict(env)
            self.run(code, inside, body, _both(left, test))
            done.append((test, inside))
            left = _both(left, Unary("not", test, BOOLEAN))
        last = dict(env)
        self.run(code, last, otherwise, left)
        for symbol in list(env):
            result = last[symbol]
            for test, inside in reversed(done):
                if inside[symbol] != result:
                    chosen = Conditional(test, inside[symbol], result, _plain(symbol.type))
                    result = self.let(code, symbol, chosen)
            env[symbol] = result

    # Equations

    def integrate(self, code: _Code, env: Env, flow: Flow, active: Expr | None) -> None:
        before = {s: v for s, v in env.items() if s != DRAWN}  # equations draw nothing
        if flow.nonlinear is not None:
            env |= self.solved(code, before, flow.nonlinear, active)
        for u in flow.linear.updates if flow.linear else ():
            env[u.target] = self.let(code, u.target, self.expr(code, before, u.value))
        self.jump(code, env, [(j.target, j.amount) for j in flow.jumps])

    def jump(self, code: _Code, env: Env, jumps: list[tuple[Symbol, Expr]]) -> None:
        """Add amounts that all read the values before any of them is added."""
        amounts = [self.expr(code, env, amount) for _, amount in jumps]
        for (target, _), amount in zip(jumps, amounts, strict=True):
            env[target] = self.let(code, target, fused(Binary("+", env[target], amount)))

    def solved(self, code: _Code, env: Env, system: NonlinearSystem, active: Expr | None) -> Env:
        """Have ``system`` integrated; return the values of its variables afterwards."""
        self.solvers += 1
        array = self.fresh("moving")
        moving = (*system.variables, *system.companions)
        method = system.integrator.method
        tolerances = (system.integrator.relative, system.integrator.absolute)
        code.items.append(
            ir.LaneSolve(
                function=CPP_INTEGRATORS[method][1],
                array=array,
                initial=tuple(self.expr(code, env, ref(s)) for s in moving),
                names=tuple(s.name for s in moving),
                tolerances=tuple(map(repr, tolerances)) if method.is_adaptive else (),
                active=None if active is None else self.condition(code, active),
                equations=tuple(self.equations(code, env, system)),
            )
        )
        return {
            s: ref(Symbol(f"{array}[{i}]", Kind.LOCAL, REAL))
            for i, s in enumerate(moving)
            if s in system.variables
        }

    def equations(
        self, code: _Code, env: Env, system: NonlinearSystem
    ) -> Iterable[ir.LaneEquations]:
        moving = (*system.variables, *system.companions)
        places = {s: Symbol(f"at[{i}]", Kind.LOCAL, REAL) for i, s in enumerate(moving)}
        for called in evaluations(system):
            inside = code.inner()
            at: Env = env | {s: ref(p) for s, p in places.items()}
            definitions, values = share([e for _, e in called.values], self.names)
            for d in definitions:
                at[d.symbol] = self.let(inside, d.symbol, self.expr(inside, at, d.value))
            results = tuple(
                ir.LaneValue(target, self.expr(inside, at, e))
                for (target, _), e in zip(called.values, values, strict=True)
            )
            yield ir.LaneEquations(
                self.fresh(called.name),
                called.results,
                called.cleared,
                tuple(inside.items),
                results,
            )


def _random_functions(model: SolvedModel) -> frozenset[str]:
    """Return the functions of the model that may draw random numbers, and those that always do."""
    found: frozenset[str] = frozenset(RANDOM)
    while True:
        more = found | {
            f.name
            for f in model.functions
            for value in expressions_in(f.body)
            for e in walk(value)
            if isinstance(e, Call) and e.function in found
        }
        if more == found:
            return found
        found = more


def _is_lazy(e: Expr) -> bool:
    """Return whether a part of ``e`` need not be evaluated."""
    return any(
        isinstance(x, Conditional) or (isinstance(x, Binary) and x.op in ("and", "or"))
        for x in walk(e)
    )


def _both(a: Expr | None, b: Expr) -> Expr:
    return b if a is None else Binary("and", a, b, BOOLEAN)


def _plain(type: Type) -> Type:
    return REAL if type.base in REALS else type


def _returns(stmt: Stmt) -> bool:
    return any(isinstance(s, Return) for s in walk_statements((stmt,)))


def _refuse_single(e: Expr) -> None:
    """Refuse what has no meaning for lanes where it is computed but does not count."""
    _refuse(e.type.base is Base.STRING or isinstance(e, Text), "it makes texts")
    match e:
        case Call("expdd"):
            raise NotStraight("it has a divided difference in the step")
        case Binary("**" | "<<" | ">>") if e.type.base is Base.INTEGER:
            raise NotStraight(f"it uses {e.op} on whole numbers")
        case Binary("//" | "%", left, right) if left.type.base is right.type.base is Base.INTEGER:
            raise NotStraight("it divides whole numbers")


def _is_addition(stmt: Stmt, port: Symbol) -> bool:
    """Return whether ``stmt`` adds something proportional to the value of ``port``."""
    match stmt:
        case Assign(target, Binary("+" | "-", Ref(other), amount), _, None):
            return target == other and target.type.base in REALS and _is_factor(amount, port)
        case _:
            return False


def _is_factor(e: Expr, port: Symbol) -> bool:
    match e:
        case Ref(symbol):
            return symbol == port
        case Unary("-", operand):
            return _is_factor(operand, port)
        case Binary("*", left, right):
            return any(
                _is_factor(a, port) and _is_finite(b) for a, b in ((left, right), (right, left))
            )
        case Binary("/", left, Number()):
            return _is_factor(left, port)
        case _:
            return False


def _is_finite(e: Expr) -> bool:
    """Return whether ``e`` is a product of numbers and constants: 0 times it is 0."""
    return all(
        isinstance(x, Number)
        or (isinstance(x, Ref) and x.symbol.kind in (Kind.PARAMETER, Kind.INTERNAL))
        or (isinstance(x, Binary) and x.op in ("*", "+", "-"))
        for x in walk(e)
    )
