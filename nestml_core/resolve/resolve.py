"""One model of a tree becomes a resolved model."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace

from nestml_core.diagnostics import Diagnostic, Note, Result, checked
from nestml_core.expr import Expr, Kind, Symbol, substitute, symbols_in
from nestml_core.model import (
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
from nestml_core.resolve.expressions import Expressions, Place, described, plain_name
from nestml_core.resolve.rules import RULES
from nestml_core.resolve.scope import Scope
from nestml_core.resolve.statements import Bodies
from nestml_core.resolve.typing import zero
from nestml_core.resolve.units import type_of
from nestml_core.source import Span
from nestml_core.stmt import Stmt
from nestml_core.syntax import tree
from nestml_core.types import BOOLEAN, ONE, REAL, UNKNOWN, VOID, Base, Type, quantity
from nestml_core.units import known

_KINDS = {"state": Kind.STATE, "parameters": Kind.PARAMETER, "internals": Kind.INTERNAL}


def resolve(model: tree.Model, lost: Iterable[str] = ()) -> Result[Model]:
    """Return ``model`` with names bound, types checked and numbers in coherent units.

    Parameters
    ----------
    model : the tree of one model
    lost : names from lines that did not parse, of which nothing is said

    Errors
    ------
    NML1xx names, NML2xx types and units, NML3xx equations, NML4xx ports and events.
    """
    return _Resolving(model, frozenset(lost)).run()


class _Resolving:
    """The state of one call of ``resolve``."""

    def __init__(self, model: tree.Model, lost: frozenset[str]) -> None:
        self.tree = model
        self.scope = Scope(model.name.text, lost)
        self.expressions = Expressions(self.scope)
        self.bodies = Bodies(self.expressions)
        self.declared: dict[str, list[tuple[Symbol, tree.Declaration]]] = {k: [] for k in _KINDS}

    @property
    def found(self) -> list[Diagnostic]:
        return self.scope.found

    def elements(self, kind: type[tree.Element]) -> list[tree.Element]:
        return [e for e in self.tree.elements if isinstance(e, kind)]

    def run(self) -> Result[Model]:
        self.check_blocks()
        items = self.equation_items()
        kernel_names = self.declare_kernels(items)
        self.declare_variables()
        self.declare_inlines(items)
        ports = self.declare_ports()
        self.declare_functions()

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
            functions=self.functions(),
            span=self.tree.span,
        )
        for rule in RULES:
            self.found.extend(rule(model))
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
                type = type_of(d.type, self.scope)
                for v in d.variables:
                    if v.index is not None:
                        message = f"`{v.name.text}` is a vector; vectors are not supported yet"
                        help = "declare one variable for each element"
                        self.found.append(codes.NOT_SUPPORTED.at(v.span, message, help=help))
                    if v.order and block.kind != "state":
                        message = f"a derivative such as `{v.text}` belongs in `state`"
                        self.found.append(codes.NOT_HERE.at(v.span, message))
                    kind = _KINDS[block.kind]
                    if v.name.text in self.scope.kernels:
                        kind = Kind.KERNEL  # the initial value of a kernel given by ODEs
                    symbol = self.scope.declare(v.text, kind, type, v.span)
                    self.declared[block.kind].append((symbol, d))

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
                if v.index is not None:
                    message = f"`{v.name.text}` is a vector of ports; these are not supported yet"
                    help = "declare one port for each element"
                    self.found.append(codes.NOT_SUPPORTED.at(v.span, message, help=help))
                if isinstance(p, tree.ContinuousPort):
                    type = type_of(p.type, self.scope)
                    symbol = self.scope.declare(v.text, Kind.CONTINUOUS_PORT, type, v.span)
                    ports.append(ContinuousPort(symbol))
                else:
                    symbol = self.scope.declare(v.text, Kind.SPIKE_PORT, pulses, v.span)
                    ports.append(SpikePort(symbol, self.sign(p)))
        return ports

    def sign(self, p: tree.SpikePort) -> Sign:
        if len(p.qualifiers) > 1:
            message = f"`{p.variable.text}` has more than one qualifier"
            help = "a port is excitatory, inhibitory, or neither"
            self.found.append(codes.BAD_PORT.at(p.span, message, help=help))
        return Sign(p.qualifiers[0].text) if len(p.qualifiers) == 1 else Sign.ANY

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
                value = self.expressions.value(d.value)
                value = self.expressions.fitted(value, symbol.type, f"`{symbol.name}`")
            else:
                value = zero(symbol.type)
                if block == "state":
                    message = f"the state variable `{symbol.name}` has no initial value"
                    self.found.append(
                        codes.NO_INITIAL_VALUE.at(symbol.span, message, help="add `= ...`")
                    )
            homogeneous = any(x.text == "@homogeneous" for x in d.decorators)
            guard = self.guard(d)
            result.append(Declaration(symbol, value, guard, homogeneous, d.documentation))
        return result

    def guard(self, d: tree.Declaration) -> Expr | None:
        if d.guard is None:
            return None
        guard = self.expressions.value(d.guard)
        self.expressions.condition(guard, "this guard")
        return guard if guard.type == BOOLEAN else None

    def in_order(self, declarations: Sequence[Declaration]) -> tuple[Declaration, ...]:
        """Return the declarations so that each stands behind those its value reads."""
        own = {d.symbol: d for d in declarations}
        done: dict[Symbol, Declaration] = {}
        waiting = list(own.values())
        while waiting:
            ready = [
                d for d in waiting if all(s in done or s not in own for s in symbols_in(d.value))
            ]
            if not ready:
                self.circular(waiting[0], own)
                return tuple(declarations)
            first = ready[0]
            done[first.symbol] = first
            waiting.remove(first)
        return tuple(done.values())

    def circular(self, d: Declaration, own: Container[Symbol]) -> None:
        through = [s.name for s in symbols_in(d.value) if s in own]
        message = f"the value of `{d.symbol.name}` depends on itself"
        if through and d.symbol.name not in through:
            message += f", through `{through[0]}`"
        self.found.append(codes.CIRCULAR.at(d.value.span, message))

    def staged(
        self, declarations: Sequence[Declaration], readable: set[Kind], later: Sequence[Declaration]
    ) -> list[Declaration]:
        """Return the declarations with what they read of ``later`` ones replaced by its definition.

        A parameter may be defined by the initial value of a state variable, which does not exist
        yet: its definition stands in for it, so that it needs no particular order in the file.
        """
        values = {d.symbol: d.value for d in later}
        result: list[Declaration] = []
        for d in declarations:
            value, seen = d.value, set[Symbol]()
            while early := [s for s in symbols_in(value) if s in values and s.kind not in readable]:
                if seen.issuperset(early):
                    self.circular(replace(d, value=value), values)
                    break
                if not seen:
                    self.too_early(d, early[0])
                seen.update(early)
                value = substitute(value, {s: values[s] for s in early})
            for s in symbols_in(value):
                if s not in values and s.kind not in readable and s.type != UNKNOWN:
                    self.never(d, s)
                    break
            result.append(replace(d, value=value))
        return result

    def too_early(self, d: Declaration, s: Symbol) -> None:
        message = (
            f"the {d.symbol.kind.value} `{d.symbol.name}` is defined by the {s.kind.value} "
            f"`{s.name}`, which gets its value later; the definition of `{s.name}` is used"
        )
        help = f"define both by a parameter, so that setting `{s.name}` cannot disagree with it"
        self.found.append(codes.DEFINED_LATER.at(d.value.span, message, help=help))

    def never(self, d: Declaration, s: Symbol) -> None:
        message = (
            f"the value of the {d.symbol.kind.value} `{d.symbol.name}` reads the "
            f"{s.kind.value} `{s.name}`, which has no value yet"
        )
        self.found.append(codes.WRONG_STAGE.at(d.value.span, message))

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
        return tuple(inlines), tuple(kernels), tuple(odes)

    def inline(self, item: tree.Inline) -> list[Inline]:
        self.expressions.place = Place.EQUATION
        value = self.expressions.value(item.value)
        self.expressions.place = Place.DECLARATION
        symbol = self.scope.names.get(item.name.text)
        if symbol is None or symbol.kind is not Kind.INLINE:
            return []
        value = self.expressions.fitted(value, symbol.type, f"`{symbol.name}`")
        return [Inline(symbol, value, item.recordable)]

    def lhs(self, q: tree.Equation) -> tuple[Symbol, ...] | None:
        """Return x, x', ... for an equation of x'...'; None, with a report, if it has none."""
        v = q.variable
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
                self.found.append(codes.NO_STATE.at(v.span, message, notes=(note,)))
                return None
            found.append(symbol)
        return tuple(found)

    def rate(self, symbol: Symbol, order: int) -> Type:
        """Return the type of the derivative of a variable of the type of ``symbol``."""
        if symbol.type.base is Base.UNKNOWN:
            return UNKNOWN
        result = symbol.type.unit or ONE
        for _ in range(order):
            result = result / known("ms")
        return quantity(result)

    def right_side(self, q: tree.Equation, target: Type) -> Expr:
        value = self.expressions.value(q.value)
        return self.expressions.fitted(value, target, f"`{q.variable.text}`")

    def ode(self, q: tree.Equation) -> list[Ode]:
        self.expressions.place = Place.EQUATION
        variables = self.lhs(q)
        target = UNKNOWN if variables is None else self.rate(variables[0], q.variable.order)
        value = self.right_side(q, target)
        self.expressions.place = Place.DECLARATION
        return [] if variables is None else [Ode(variables, value, q.span)]

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
            value = self.right_side(q, self.rate(variables[0], q.variable.order))
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
            port = self.scope.names.get(e.port.text)
            body = self.bodies.body(e.body, Place.HANDLER)[1]
            priority = self.priority(e.settings)
            if port is None:
                self.scope.unknown(e.port.text, e.port.span)
            elif port.kind is not Kind.SPIKE_PORT:
                message = f"`{port.name}` is a {port.kind.value}, not a spike port"
                self.found.append(codes.BAD_PORT.at(e.port.span, message))
            elif any(h.port == port for h in handlers):
                note = Note(next(h.span for h in handlers if h.port == port), "the first one")
                message = f"a second handler for `{port.name}`"
                help = "put its statements into the first one"
                self.found.append(
                    codes.DUPLICATE_HANDLER.at(e.span, message, help=help, notes=(note,))
                )
            else:
                handlers.append(OnReceive(port, priority, body, e.span))
        last = min((h.priority for h in handlers if h.priority is not None), default=0) - 1
        ranked = sorted(handlers, key=lambda h: -(last if h.priority is None else h.priority))
        return tuple(ranked)

    def priority(self, settings: tuple[tree.Setting, ...]) -> int | None:
        priority: int | None = None
        for s in settings:
            if s.name.text != "priority":
                message = f"unknown setting `{s.name.text}`"
                help = "the only one is `priority`"
                self.found.append(codes.BAD_PRIORITY.at(s.span, message, help=help))
            elif isinstance(s.value, tree.Quantity) and s.value.text.isdecimal():
                priority = int(s.value.text[:18])
            else:
                message = "a priority is a whole number"
                self.found.append(codes.BAD_PRIORITY.at(s.value.span, message))
        return priority

    def on_condition(self) -> tuple[OnCondition, ...]:
        result: list[OnCondition] = []
        for e in self.elements(tree.OnCondition):
            assert isinstance(e, tree.OnCondition)
            self.expressions.place = Place.HANDLER
            condition = self.expressions.value(e.condition)
            self.expressions.condition(condition, "this condition")
            body = self.bodies.body(e.body, Place.HANDLER)[1]
            result.append(OnCondition(condition, body, e.span))
        return tuple(result)

    def functions(self) -> tuple[Function, ...]:
        result: list[Function] = []
        for name, f in self.scope.functions.items():
            type = type_of(f.result, self.scope) if f.result is not None else VOID
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
