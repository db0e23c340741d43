"""One model of a tree becomes a resolved model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from heapq import heapify, heappop, heappush
from typing import TypeVar

from nestml_core.diagnostics import Diagnostic, Note, Result, checked
from nestml_core.expr import (
    Binary,
    Expr,
    Kind,
    Ref,
    Symbol,
    integer,
    ref,
    substitute,
    symbols_in,
    walk,
)
from nestml_core.model import (
    MECHANISMS,
    ContinuousPort,
    Declaration,
    Function,
    Inline,
    Kernel,
    Model,
    Ode,
    OnCondition,
    OnReceive,
    Output,
    Sign,
    SpikePort,
)
from nestml_core.resolve import codes
from nestml_core.resolve.builtins import FORBIDDEN_FUNCTIONS, FUNCTIONS
from nestml_core.resolve.cycles import cycles
from nestml_core.resolve.elements import same_size, value_for
from nestml_core.resolve.expressions import Expressions, Place, plain_name
from nestml_core.resolve.literals import NEW_DIALECT, report_powers
from nestml_core.resolve.reach import Reach, called, reach
from nestml_core.resolve.rules import violations
from nestml_core.resolve.rules.compartments import SELF_SPIKES
from nestml_core.resolve.scope import Scope, did_you_mean, listed, with_article
from nestml_core.resolve.statements import Bodies
from nestml_core.resolve.typing import zero
from nestml_core.resolve.units import declared_type, type_of
from nestml_core.resolve.vectors import (
    MAX_PARTS,
    MAX_SIZE,
    Sizes,
    needed,
    one_outside,
    parts,
    taken_apart,
)
from nestml_core.resolve.wording import described
from nestml_core.source import Span
from nestml_core.stmt import Stmt
from nestml_core.syntax import tree
from nestml_core.types import BOOLEAN, ONE, REAL, UNKNOWN, VOID, Base, Type, quantity
from nestml_core.units import known, power

Handler = TypeVar("Handler", OnReceive, OnCondition)

_CONSTANT = (Kind.PARAMETER, Kind.INTERNAL)
_KINDS = {"state": Kind.STATE, "parameters": Kind.PARAMETER, "internals": Kind.INTERNAL}


def resolve(
    model: tree.Model,
    lost: Iterable[str] = (),
    dialect: str = NEW_DIALECT,
    *,
    complete: bool = True,
) -> Result[Model]:
    """Return ``model`` with names bound, types checked and numbers in coherent units.

    Parameters
    ----------
    model : the tree of one model
    lost : names from lines that did not parse, of which nothing is said
    dialect : one of ``DIALECTS``: what ``3 mV**2`` means, and how far a number's unit reaches
    complete : whether all of its file could be parsed; if not, no advice is given

    Errors
    ------
    NML1xx names, NML2xx types and units, NML3xx equations, NML4xx ports and events.
    """
    return _Resolving(model, frozenset(lost), dialect).run(complete=complete)


class _Resolving:
    """The state of one call of ``resolve``."""

    def __init__(self, model: tree.Model, lost: frozenset[str], dialect: str) -> None:
        self.tree = model
        self.scope = Scope(model.name.text, lost, dialect=dialect)
        self.sizes = Sizes(model, self.scope.found)
        self.expressions = Expressions(self.scope, self.sizes)
        self.bodies = Bodies(self.expressions)
        self.declared: dict[str, list[tuple[Symbol, tree.Declaration]]] = {k: [] for k in _KINDS}
        self.reach: Mapping[str, Reach] = {}

    @property
    def found(self) -> list[Diagnostic]:
        return self.scope.found

    def elements(self, kind: type[tree.Element]) -> list[tree.Element]:
        return [e for e in self.tree.elements if isinstance(e, kind)]

    def run(self, *, complete: bool) -> Result[Model]:
        self.check_blocks()
        items = self.equation_items()
        kernel_names = self.declare_kernels(items)
        self.declare_variables()
        self.declare_inlines(items)
        ports = self.declare_ports()
        self.declare_unknown(items)
        self.declare_functions()

        functions = self.functions()
        self.reach = reach(functions)
        parameters = self.declarations("parameters")
        internals = self.declarations("internals")
        state = self.declarations("state")
        readable = {Kind.PARAMETER, Kind.STEP}
        parameters = self.staged(parameters, readable, [*internals, *state])
        readable |= {Kind.INTERNAL}
        internals = self.staged(internals, readable, state)
        state = self.staged(state, readable | {Kind.STATE}, [])
        inlines, kernels, equations = self.equations(items, kernel_names, state)
        initial = {s for k in kernels for s, _ in k.initial}
        model = Model(
            name=self.tree.name.text,
            documentation=self.tree.documentation,
            parameters=self.in_order(parameters),
            internals=self.in_order(internals),
            state=self.in_order([d for d in state if d.symbol not in initial]),
            inlines=inlines,
            kernels=kernels,
            equations=equations,
            spike_ports=tuple(p for p in ports if isinstance(p, SpikePort)),
            continuous_ports=tuple(p for p in ports if isinstance(p, ContinuousPort)),
            output=self.output(),
            update=self.update(),
            on_receive=self.on_receive(),
            on_condition=self.on_condition(),
            functions=functions,
            span=self.tree.span,
            delays=tuple(self.expressions.delays.values()),
            fixed=tuple(d.symbol for d in parameters if d.symbol.name in self.sizes.fixed),
        )
        self.found.extend(one_outside(self.scope.names.values()))
        report_powers(self.scope)
        mentioned = self.scope.read | self.sizes.used
        lost = self.scope.lost
        self.found.extend(
            violations(model, self.tree, mentioned, self.found, lost, complete=complete)
        )
        return checked(model, self.found)

    def check_blocks(self) -> None:
        """Report blocks that may stand once and stand twice."""
        seen: dict[str, Span] = {}
        for e in self.tree.elements:
            if isinstance(e, (tree.OnReceive, tree.OnCondition, tree.Function)):
                continue
            name = e.kind if isinstance(e, tree.VariableBlock) else type(e).__name__.lower()
            if name in seen:
                note = Note(seen[name], "the first one")
                message = f"a second `{name}` block in `{self.tree.name.text}`"
                help = "put its lines into the first one"
                self.found.append(
                    codes.DUPLICATE_BLOCK.at(e.span, message, help=help, notes=(note,))
                )
            seen.setdefault(name, e.span)

    # Declaring names

    def equation_items(self) -> list[tree.EquationItem]:
        return [i for e in self.elements(tree.Equations) for i in e.items]  # type: ignore[union-attr]

    def declare_kernels(self, items: list[tree.EquationItem]) -> set[str]:
        """Declare kernels; return the names that stand for kernels, not for state."""
        names: set[str] = set()
        for item in items:
            if not isinstance(item, tree.Kernel):
                continue
            for q in item.equations:
                v = q.variable
                names.add(v.name.text)
                symbol = Symbol(v.name.text, Kind.KERNEL, REAL, v.span)
                if v.name.text in self.scope.kernels:
                    self.scope.twice(v.name.text, v.span, self.scope.kernels[v.name.text])
                self.scope.kernels[v.name.text] = symbol
        return names

    def declare_variables(self) -> None:
        for block in self.elements(tree.VariableBlock):
            assert isinstance(block, tree.VariableBlock)
            for d in block.declarations:
                type = declared_type(d, self.scope)
                for v in d.variables:
                    if v.order and block.kind != "state":
                        message = f"a derivative such as `{v.text}` belongs in `state`"
                        self.found.append(codes.NOT_HERE.at(v.span, message))
                    kind = _KINDS[block.kind]
                    if v.name.text in self.scope.kernels:
                        kind = Kind.KERNEL  # the initial value of a kernel given by ODEs
                    size = self.variable_size(v, block.kind)
                    symbol = self.scope.declare(v.text, kind, type, v.span, size)
                    self.declared[block.kind].append((symbol, d))
                    if block.kind == "internals":
                        self.scope.internals.setdefault(v.text, d)

    def variable_size(self, v: tree.Variable, block: str) -> Expr | None:
        if v.index is not None and v.name.text in self.scope.kernels:
            message = f"`{v.text}` is the initial value of a kernel, which cannot be a vector"
            help = "define one kernel for each element"
            self.found.append(codes.NO_VECTOR_HERE.at(v.span, message, help=help))
            return None
        moves = block == "state" and v.name.text in self.sizes.integrated
        return self.sizes.of(v, MAX_PARTS if moves else MAX_SIZE)

    def declare_inlines(self, items: list[tree.EquationItem]) -> None:
        for item in items:
            if isinstance(item, tree.Inline):
                type = type_of(item.type, self.scope)
                self.scope.declare(item.name.text, Kind.INLINE, type, item.name.span)
        for name, symbol in self.scope.kernels.items():
            known = self.scope.names.get(name)
            if known is None:
                self.scope.names[name] = symbol
            elif known.kind is not Kind.KERNEL:
                self.scope.twice(name, symbol.span, known)

    def declare_ports(self) -> list[SpikePort | ContinuousPort]:
        ports: list[SpikePort | ContinuousPort] = []
        pulses = quantity(ONE / known("s"))
        for block in self.elements(tree.Input):
            assert isinstance(block, tree.Input)
            for p in block.ports:
                v = p.variable
                size = self.sizes.of(v, MAX_PARTS)
                if isinstance(p, tree.ContinuousPort):
                    type = type_of(p.type, self.scope)
                    symbol = self.scope.declare(v.text, Kind.CONTINUOUS_PORT, type, v.span, size)
                    ports += [ContinuousPort(s) for s in parts(symbol)]
                else:
                    symbol = self.scope.declare(v.text, Kind.SPIKE_PORT, pulses, v.span, size)
                    sign = self.sign(p)
                    ports += [SpikePort(s, sign) for s in parts(symbol)]
        return ports

    def sign(self, p: tree.SpikePort) -> Sign:
        if len(p.qualifiers) > 1:
            message = f"`{p.variable.text}` has more than one qualifier"
            help = "a port is excitatory, inhibitory, or neither"
            self.found.append(codes.BAD_QUALIFIER.at(p.qualifiers[1].span, message, help=help))
        return Sign(p.qualifiers[0].text) if len(p.qualifiers) == 1 else Sign.ANY

    def declare_unknown(self, items: list[tree.EquationItem]) -> None:
        """Report what has an equation and is no state; its name is known to all else."""
        for item in items:
            if not isinstance(item, tree.Equation):
                continue
            v = item.variable
            names = [v.name.text + "'" * k for k in range(v.order)]
            missing = [n for n in names if n not in self.scope.names]
            if not missing or any(n in self.scope.lost for n in missing):
                continue
            message = f"`{missing[0]}` is not declared in `state`"
            help = f"add `{missing[0]} <unit> = <initial value>` to the state block"
            self.found.append(codes.NO_STATE.at(v.span, message, help=help))
            for name in missing:
                self.scope.names[name] = Symbol(name, Kind.STATE, UNKNOWN, v.span)

    def declare_functions(self) -> None:
        for f in self.elements(tree.Function):
            assert isinstance(f, tree.Function)
            name = f.name.text
            if name in FUNCTIONS or name in FORBIDDEN_FUNCTIONS:
                what = "predefined" if name in FUNCTIONS else "reserved"
                message = f"the function name `{name}` is {what}"
                self.found.append(codes.PREDEFINED_NAME.at(f.name.span, message))
            elif name in self.scope.functions:
                note = Note(self.scope.functions[name].name.span, "the first one")
                message = f"a second function `{name}`"
                self.found.append(codes.DUPLICATE_NAME.at(f.name.span, message, notes=(note,)))
            else:
                self.scope.functions[name] = f

    # Values

    def declarations(self, block: str) -> list[Declaration]:
        result: list[Declaration] = []
        for symbol, d in self.declared[block]:
            if d.value is not None:
                value = value_for(self.expressions, symbol, d.value, f"`{symbol.name}`")
            else:
                value = zero(symbol.type)
                if block == "state":
                    message = f"the state variable `{symbol.name}` has no initial value"
                    self.found.append(
                        codes.NO_INITIAL_VALUE.at(symbol.span, message, help="add `= ...`")
                    )
            homogeneous = any(x.text == "@homogeneous" for x in d.decorators)
            guard = self.with_size_guard(symbol, self.guard(d))
            texts = tuple(x.text for x in d.decorators)
            result.append(Declaration(symbol, value, guard, homogeneous, d.documentation, texts))
        return result

    def guard(self, d: tree.Declaration) -> Expr | None:
        if d.guard is None:
            return None
        unread = {v.text for v in d.variables} - self.scope.read
        guard = self.expressions.value(d.guard)
        self.expressions.condition(guard, "this guard")
        self.scope.read -= unread  # its own guard is no use of a parameter
        return guard if guard.type == BOOLEAN else None

    def with_size_guard(self, symbol: Symbol, guard: Expr | None) -> Expr | None:
        """Return the guard of a parameter, with what holds because it is the size of a vector."""
        fixed = self.sizes.fixed.get(symbol.name)
        if symbol.kind is not Kind.PARAMETER or (
            fixed is None and symbol.name not in self.sizes.free
        ):
            return guard
        limit = integer(1 if fixed is None else fixed)
        implied = Binary(">=" if fixed is None else "==", ref(symbol), limit, BOOLEAN)
        return implied if guard is None else Binary("and", guard, implied, BOOLEAN, guard.span)

    def in_order(self, declarations: Sequence[Declaration]) -> tuple[Declaration, ...]:
        """Return the declarations so that each stands behind those its value reads."""
        place = {d.symbol.name: i for i, d in enumerate(declarations)}
        needs = [[place[n] for n in self.names_read(d) if n in place] for d in declarations]
        users: list[list[int]] = [[] for _ in declarations]
        for i, needed_places in enumerate(needs):
            for k in needed_places:
                users[k].append(i)
        left = [len(n) for n in needs]
        ready = [i for i, n in enumerate(left) if n == 0]
        heapify(ready)
        order: list[int] = []
        while ready:
            order.append(heappop(ready))
            for user in users[order[-1]]:
                left[user] -= 1
                if left[user] == 0:
                    heappush(ready, user)
        if len(order) == len(declarations):
            return tuple(declarations[i] for i in order)
        waiting = [i for i, n in enumerate(left) if n]
        names = {i: declarations[i].symbol.name for i in waiting}
        graph = {names[i]: [names[k] for k in needs[i] if k in names] for i in waiting}
        for cycle in cycles(graph):
            self.circular([declarations[place[n]] for n in cycle])
        return tuple(declarations)

    def names_read(self, d: Declaration) -> tuple[str, ...]:
        """Return the names that the value of ``d`` needs, by itself and by the functions it calls.

        They include the size of a vector.
        """
        names = dict.fromkeys(s.owner.name for s in needed(d))
        for c in called(d.value, self.reach):
            names |= dict.fromkeys(r.symbol.owner.name for r in self.reach[c.function].reads)
        return tuple(names)

    def circular(self, cycle: Sequence[Declaration | Inline]) -> None:
        """Report definitions of which each needs the next, and the last the first."""
        first, *others = cycle
        through = f", through {listed(d.symbol.name for d in others)}" if others else ""
        message = f"the value of `{first.symbol.name}` depends on itself{through}"
        following = [*others, first]
        notes = tuple(
            Note(_mention(d, n), f"`{d.symbol.name}` needs `{n.symbol.name}`")
            for d, n in zip(others, following[1:], strict=True)
        )
        help = "define one of them by something else" if others else "define it by something else"
        span = _mention(first, following[0])
        self.found.append(codes.CIRCULAR.at(span, message, help=help, notes=notes))

    def staged(
        self, declarations: Sequence[Declaration], readable: set[Kind], later: Sequence[Declaration]
    ) -> list[Declaration]:
        """Return the declarations with what they read of ``later`` ones replaced by its definition.

        A parameter may be defined by the initial value of a state variable, which does not exist
        yet: its definition stands in for it, so that it needs no particular order in the file.
        A function that reads something later cannot be helped in this way.
        """
        values = {d.symbol: d.value for d in later}
        result: list[Declaration] = []
        for d in declarations:
            value, seen = d.value, set[Symbol]()
            while early := [s for s in symbols_in(value) if s in values and s.kind not in readable]:
                if seen.issuperset(early):
                    break  # a cycle of what comes later, which is reported there
                if not seen:
                    self.too_early(d, early[0])
                seen.update(early)
                value = substitute(value, {s: values[s] for s in early})
            for s in symbols_in(value):
                known_later = s in values and s.size is None
                if not known_later and s.kind not in readable and s.type != UNKNOWN:
                    self.never(d, s)
                    break
            self.check_calls(d, value, readable)
            result.append(replace(d, value=value))
        return result

    def too_early(self, d: Declaration, s: Symbol) -> None:
        message = (
            f"the {d.symbol.kind.value} `{d.symbol.name}` is defined by the {s.kind.value} "
            f"`{s.name}`, which gets its value later; the definition of `{s.name}` is used"
        )
        help = f"define both by a parameter, so that setting `{s.name}` cannot disagree with it"
        self.found.append(codes.DEFINED_LATER.at(_reading(d.value, s), message, help=help))

    def never(self, d: Declaration, s: Symbol) -> None:
        message = (
            f"the value of the {d.symbol.kind.value} `{d.symbol.name}` reads the "
            f"{s.kind.value} `{s.name}`, which has no value yet"
        )
        help = {
            Kind.INLINE: "write what the inline expression stands for, or use a function",
            Kind.TIME: "the time begins with the simulation: compute this in `update`",
        }.get(s.kind, "compute this in `update`, or in an inline expression")
        self.found.append(codes.WRONG_STAGE.at(_reading(d.value, s), message, help=help))

    def check_calls(self, d: Declaration, value: Expr, readable: set[Kind]) -> None:
        """Report calls of functions that read what has no value yet, or do more than compute."""
        for c in called(value, self.reach):
            reached = self.reach[c.function]
            for r in reached.reads:
                if r.symbol.kind not in readable and r.symbol.type != UNKNOWN:
                    s = r.symbol.owner
                    message = (
                        f"`{c.function}` reads the {s.kind.value} `{s.name}`, which has no value "
                        f"yet where the {d.symbol.kind.value} `{d.symbol.name}` is computed"
                    )
                    help = f"give `{c.function}` an argument for `{s.name}`"
                    notes = (Note(r.span, "read here"),)
                    self.found.append(codes.WRONG_STAGE.at(c.span, message, help=help, notes=notes))
                    return
            for x in reached.effects:
                message = f"`{c.function}` {x.words}, which a definition cannot do"
                help = "call it in `update` or in an event handler"
                notes = (Note(x.span, "here"),)
                self.found.append(codes.WRONG_STAGE.at(c.span, message, help=help, notes=notes))
                return

    # Equations

    def equations(
        self, items: list[tree.EquationItem], kernel_names: set[str], state: list[Declaration]
    ) -> tuple[tuple[Inline, ...], tuple[Kernel, ...], tuple[Ode, ...]]:
        inlines: list[Inline] = []
        kernels: list[Kernel] = []
        odes: list[Ode] = []
        inline_items = [i for i in items if isinstance(i, tree.Inline)]
        self.scope.early = {i.name.text: i.name.span for i in inline_items}
        for item in items:
            match item:
                case tree.Inline():
                    inlines += self.inline(item)
                    self.scope.early.pop(item.name.text, None)
                case tree.Kernel():
                    kernels += self.kernel(item, state)
                case tree.Equation():
                    odes += self.ode(item)
        self.scope.early = {}
        self.circular_inlines(inlines)
        return tuple(inlines), tuple(kernels), tuple(odes)

    def circular_inlines(self, inlines: Sequence[Inline]) -> None:
        """Report inlines that need each other once, not as names used too early."""
        if not any(d.code is codes.USED_TOO_EARLY for d in self.found):
            return
        known_ones = {i.symbol.name: i for i in inlines}
        needs = {
            n: [s.name for s in symbols_in(i.value) if s.name in known_ones]
            for n, i in known_ones.items()
        }
        for cycle in cycles(needs):
            inside = [known_ones[n] for n in cycle]
            spans = {_mention(a, b) for a, b in zip(inside, [*inside[1:], inside[0]], strict=True)}
            self.found[:] = [
                d for d in self.found if d.code is not codes.USED_TOO_EARLY or d.span not in spans
            ]
            self.circular(inside)

    def inline(self, item: tree.Inline) -> list[Inline]:
        self.expressions.place = Place.EQUATION
        value = self.expressions.value(item.value)
        self.expressions.place = Place.DECLARATION
        symbol = self.scope.names.get(item.name.text)
        if symbol is None or symbol.kind is not Kind.INLINE:
            return []
        value = self.expressions.fitted(value, symbol.type, f"`{symbol.name}`")
        decorators = tuple(d.text for d in item.decorators)
        return [Inline(symbol, value, item.recordable, decorators)]

    def lhs(self, q: tree.Equation) -> tuple[Symbol, ...] | None:
        """Return x, x', ... for an equation of x'...'; None, with a report, if it has none."""
        v = q.variable
        if v.index is not None:
            message = f"`{' '.join(v.span.text.split())}` on the left of an equation is one element"
            help = f"an equation is for all elements of a vector: write `{v.text} = ...`"
            self.found.append(codes.NO_VECTOR_HERE.at(v.span, message, help=help))
            return None
        if v.order == 0:
            message = f"`{v.text}` on the left of an equation needs a prime"
            help = f"write `{v.text}' = ...` for its derivative, or `inline` for an expression"
            self.found.append(codes.NO_STATE.at(v.span, message, help=help))
            return None
        found: list[Symbol] = []
        for k in range(v.order):
            name = v.name.text + "'" * k
            symbol = self.scope.names.get(name)
            if symbol is None:
                message = f"`{name}` is not declared in `state`"
                help = f"add `{name} <unit> = <initial value>` to the state block"
                if name not in self.scope.lost:
                    self.found.append(codes.NO_STATE.at(v.span, message, help=help))
                return None
            if symbol.kind not in (Kind.STATE, Kind.KERNEL):
                message = f"`{name}` is a {symbol.kind.value}, not a state variable"
                note = Note(symbol.span, "declared here")
                help = "declare it in `state`" if symbol.kind in _CONSTANT else ""
                self.found.append(codes.NO_STATE.at(v.span, message, help=help, notes=(note,)))
                return None
            found.append(symbol)
        x = found[0]
        for dx in found[1:]:
            if dx.size != x.size and not self.same_size(x, dx, v.span):
                return None
        return tuple(found)

    def same_size(self, x: Symbol, dx: Symbol, span: Span) -> bool:
        """Return whether x and x' are both vectors of one size, or both none."""
        if x.size is not None and dx.size is not None:
            return same_size(self.expressions, x, dx, span)
        vector, scalar = (x, dx) if dx.size is None else (dx, x)
        message = f"`{vector.name}` is a vector, `{scalar.name}` is none"
        notes = (Note(scalar.span, "declare it with the same size"),)
        self.found.append(codes.SIZES_DIFFER.at(span, message, notes=notes))
        return False

    def rate(self, symbol: Symbol, order: int) -> Type:
        """Return the type of the derivative of a variable of the type of ``symbol``."""
        if symbol.type.base is Base.UNKNOWN:
            return UNKNOWN
        over = power(known("ms"), Fraction(order))
        assert over is not None  # ms is coherent, so all its powers are
        unit = symbol.type.unit or ONE
        result = unit / over
        text = f"{unit.text}/ms" + (f"**{order}" if order > 1 else "")
        return quantity(replace(result, text=text if symbol.type.unit else result.text))

    def right_side(self, q: tree.Equation, symbol: Symbol | None) -> Expr:
        """Return the derivative of ``symbol``, with the unit that it must have."""
        value = self.expressions.value(q.value)
        if symbol is None:
            return value
        target = self.rate(symbol, q.variable.order)
        return self.expressions.rate(value, symbol, target, q.variable.text)

    def ode(self, q: tree.Equation) -> list[Ode]:
        self.expressions.place = Place.EQUATION
        variables = self.lhs(q)
        first = None if variables is None else variables[0]
        vector = first if first is not None and first.size is not None else None
        named = self.scope.names.get(q.variable.name.text)
        self.expressions.each = named if named is not None and named.size is not None else None
        value = self.right_side(q, first)
        self.expressions.each = None
        self.expressions.place = Place.DECLARATION
        decorators = tuple(d.text for d in q.decorators)
        if variables is None:
            return []
        if vector is None:
            return [Ode(variables, value, q.span, decorators)]
        return [
            Ode(tuple(v.element(k) for v in variables), taken_apart(value, k), q.span, decorators)
            for k in range(vector.length or 0)
        ]

    def kernel(self, item: tree.Kernel, state: list[Declaration]) -> list[Kernel]:
        """Return the kernel: a function of time, or a system whose first variable is the kernel."""
        first = item.equations[0]
        symbol = self.scope.kernels[first.variable.name.text]
        self.expressions.place = Place.KERNEL
        try:
            if len(item.equations) == 1 and first.variable.order == 0:
                return [self.kernel_function(first, symbol)]
            return self.kernel_system(item, symbol, state)
        finally:
            self.expressions.place = Place.DECLARATION

    def kernel_function(self, q: tree.Equation, symbol: Symbol) -> Kernel:
        if _is_delta(q.value):
            return Kernel(symbol, None, (), (), q.span)
        value = self.expressions.value(q.value)
        if value.type.base not in (Base.REAL, Base.INTEGER, Base.UNKNOWN):
            message = f"a kernel is a plain number, this is {described(value.type)}"
            help = "put the unit where the kernel is used, as in `1 pA * convolve(...)`"
            self.found.append(codes.BAD_KERNEL.at(value.span, message, help=help))
        return Kernel(symbol, value, (), (), q.span)

    def kernel_system(
        self, item: tree.Kernel, symbol: Symbol, state: list[Declaration]
    ) -> list[Kernel]:
        values = {d.symbol: d.value for d in state}
        odes: list[Ode] = []
        initial: list[tuple[Symbol, Expr]] = []
        for q in item.equations:
            if q.variable.order == 0:
                message = f"`{q.variable.text}` in a system of equations needs a prime"
                self.found.append(codes.BAD_KERNEL.at(q.variable.span, message))
                continue
            variables = self.lhs(q)
            if variables is None:
                continue
            missing = [v for v in variables if v not in values]
            for v in missing:
                message = f"the initial value of `{v.name}` is missing in `state`"
                help = f"add `{v.name} real = ...`: by how much a spike moves it"
                self.found.append(codes.BAD_KERNEL.at(q.variable.span, message, help=help))
            if missing:
                continue
            value = self.right_side(q, variables[0])
            odes.append(Ode(variables, value, q.span))
            initial += [(v, values[v]) for v in variables]
        return [Kernel(symbol, None, tuple(odes), tuple(initial), item.span)] if odes else []

    # Output and bodies

    def output(self) -> Output:
        blocks = self.elements(tree.Output)
        return Output(blocks[0].kind) if blocks else Output.NONE  # type: ignore[union-attr]

    def update(self) -> tuple[Stmt, ...]:
        blocks = self.elements(tree.Update)
        bodies = [self.bodies.body(b.body, Place.UPDATE)[1] for b in blocks]  # type: ignore[union-attr]
        return bodies[0] if bodies else ()

    def on_receive(self) -> tuple[OnReceive, ...]:
        handlers: list[OnReceive] = []
        for e in self.elements(tree.OnReceive):
            assert isinstance(e, tree.OnReceive)
            port = self.handled(e)
            body = self.bodies.body(e.body, Place.HANDLER)[1]
            priority = self.priority(e.settings)
            if port is None:
                self.scope.unknown(e.port.text, e.port.span, (Kind.SPIKE_PORT,))
            elif port.size is not None and port.kind is Kind.SPIKE_PORT:
                message = f"`{port.name}` is a vector of ports, a handler is for one"
                help = "declare the ports one by one, each with a handler of its own"
                self.found.append(codes.VECTOR_OF_PORTS.at(e.port.span, message, help=help))
            elif port.kind is not Kind.SPIKE_PORT:
                message = f"`{port.name}` is {with_article(port.kind)}, not a spike port"
                help = "test it in `onCondition`" if port.kind is Kind.CONTINUOUS_PORT else ""
                self.found.append(codes.BAD_PORT.at(e.port.span, message, help=help))
            elif any(h.port == port for h in handlers):
                note = Note(next(h.span for h in handlers if h.port == port), "the first one")
                message = f"a second handler for `{port.name}`"
                help = "put its statements into the first one"
                self.found.append(
                    codes.DUPLICATE_HANDLER.at(e.port.span, message, help=help, notes=(note,))
                )
            else:
                handlers.append(OnReceive(port, priority, body, e.span))
        return _by_priority(handlers)

    def handled(self, e: tree.OnReceive) -> Symbol | None:
        """Return what a handler is for; compartments need not declare their own spikes."""
        port = self.scope.names.get(e.port.text)
        if port is None and e.port.text == SELF_SPIKES and self.is_compartmental:
            return Symbol(SELF_SPIKES, Kind.SPIKE_PORT, REAL, e.port.span)
        return port

    @property
    def is_compartmental(self) -> bool:
        items = (i for i in self.equation_items() if not isinstance(i, tree.Kernel))
        return any(d.text in MECHANISMS for i in items for d in i.decorators)

    def priority(self, settings: tuple[tree.Setting, ...]) -> int | None:
        priority: int | None = None
        for s in settings:
            if s.name.text != "priority":
                message = f"unknown setting `{s.name.text}`"
                help = did_you_mean(s.name.text, ("priority",)) or "the only one is `priority`"
                self.found.append(codes.BAD_PRIORITY.at(s.span, message, help=help))
            elif isinstance(s.value, tree.Quantity) and _is_priority(s.value):
                priority = int(s.value.text)
            else:
                message = "a priority is a whole number of up to 15 digits, without a unit"
                help = "the block with the highest number runs first"
                self.found.append(codes.BAD_PRIORITY.at(s.value.span, message, help=help))
        return priority

    def on_condition(self) -> tuple[OnCondition, ...]:
        result: list[OnCondition] = []
        for e in self.elements(tree.OnCondition):
            assert isinstance(e, tree.OnCondition)
            self.expressions.place = Place.HANDLER
            condition = self.expressions.value(e.condition)
            self.expressions.condition(condition, "this condition")
            body = self.bodies.body(e.body, Place.HANDLER)[1]
            result.append(OnCondition(condition, body, e.span, self.priority(e.settings)))
        return _by_priority(result)

    def functions(self) -> tuple[Function, ...]:
        result: list[Function] = []
        for name, f in self.scope.functions.items():
            type = VOID if f.result is None else type_of(f.result, self.scope, result=True)
            arguments = [
                (p.name.text, type_of(p.type, self.scope), p.name.span) for p in f.parameters
            ]
            symbols, body = self.bodies.body(f.body, Place.FUNCTION, arguments, type)
            returned = Symbol("", Kind.LOCAL, type, f.name.span)
            result.append(Function(name, symbols, returned, body, f.span))
        return tuple(result)


def _is_delta(e: tree.Expression) -> bool:
    """Return whether ``e`` is exactly ``delta(t)``."""
    if e.then is not None or len(e.operands) != 1 or e.operands[0].prefixes:
        return False
    match e.operands[0].atom:
        case tree.Call(tree.Name("delta"), (argument,)):
            name = plain_name(argument)
            return name is not None and name.text == "t"
        case _:
            return False


def _by_priority(handlers: Sequence[Handler]) -> tuple[Handler, ...]:
    """Return the handlers by falling priority, those without one last, else in source order."""
    last = min((h.priority for h in handlers if h.priority is not None), default=0) - 1
    return tuple(sorted(handlers, key=lambda h: -(last if h.priority is None else h.priority)))


def _is_priority(q: tree.Quantity) -> bool:
    return q.unit is None and q.text.isdecimal() and len(q.text) < 16


def _mention(d: Declaration | Inline, needed: Declaration | Inline) -> Span:
    """Return where the value of ``d`` reads ``needed``; all of it if a function does so."""
    return _reading(d.value, needed.symbol)


def _reading(value: Expr, s: Symbol) -> Span:
    """Return where ``value`` reads ``s``; all of it if it does so in another way."""
    for e in walk(value):
        if isinstance(e, Ref) and e.symbol.owner.name == s.owner.name:
            return e.span
    return value.span
