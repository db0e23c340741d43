"""From textX's objects to the tree. Nothing of textX gets past here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from nestml_core.diagnostics import Code, Diagnostic, Severity
from nestml_core.source import Span
from nestml_core.syntax import tree
from nestml_core.syntax.layout import NEWLINE, Comment, Laid
from nestml_core.syntax.older import OLD_CALLS, Old
from nestml_core.syntax.words import OLD_SUMS

TOO_DEEP = Code("NML007", Severity.ERROR, "an expression or block nested too deeply")
IDLE_DECORATOR = Code("NML022", Severity.HINT, "a decorator that does nothing")
MAX_CHAIN = 40

_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = MappingProxyType({"n": "\n", "t": "\t"})


class Builder:
    """Builds the tree from the objects the grammar made of a stretch of a laid-out file.

    ``comments`` are those of the file by their line; ``begin`` is where the stretch begins in the
    laid-out text; ``joined`` says that two state blocks are to be one.

    What it meets on the way stands in ``found`` (diagnostics) and ``old`` (places of calls of
    older versions).
    """

    def __init__(
        self, laid: Laid, comments: Mapping[int, Comment], begin: int = 0, joined: bool = False
    ) -> None:
        self.laid = laid
        self.comments = comments
        self.begin = begin
        self.joined = joined
        self.functions: frozenset[str] = frozenset()
        self.found: list[Diagnostic] = []
        self.old: list[tuple[Old, Span]] = []

    def span(self, node: Any) -> Span:
        begin = self.begin
        return self.laid.span(node._tx_position + begin, node._tx_position_end + begin)

    def models(self, root: Any) -> tuple[tree.Model, ...]:
        return tuple(map(self.model, root.models))

    def name(self, node: Any) -> tree.Name:
        return tree.Name(node.text, self.span(node))

    def model(self, node: Any) -> tree.Model:
        name = self.name(node.name)
        own = (e.name.text for e in node.elements if type(e).__name__ == "Function")
        self.functions = frozenset(own)
        elements = tuple(map(self.element, node.elements))
        if self.joined:
            elements = _with_one_state_block(elements)
        return tree.Model(name, elements, name.span, self.remarks(self.head(node)))

    # Comments

    def remarks(self, span: Span) -> tree.Remarks:
        """Return the comments directly above ``span`` and those on its lines."""
        if not self.comments:
            return tree.NO_REMARKS
        return self.found_remarks(self.above(span), self.beside(span.line, span.last_line))

    def found_remarks(
        self, above: tuple[Comment, ...], beside: tuple[Comment, ...]
    ) -> tree.Remarks:
        return tree.Remarks(above, beside) if above or beside else tree.NO_REMARKS

    def above(self, span: Span) -> tuple[Comment, ...]:
        """Return the run of comment lines that ends on the line above ``span``."""
        line = span.line - 1
        found: list[Comment] = []
        while (comment := self.comments.get(line)) is not None and comment.own_line:
            found.append(comment)
            line -= 1
        return tuple(reversed(found))

    def beside(self, first: int, last: int) -> tuple[Comment, ...]:
        return tuple(self.comments[k] for k in range(first, last + 1) if k in self.comments)

    def element(self, node: Any) -> tree.Element:
        head = self.head(node)
        remarks = self.remarks(head)
        match type(node).__name__:
            case "VariableBlock":
                declarations = tuple(map(self.declaration, node.declarations))
                return tree.VariableBlock(node.kind, declarations, head, remarks)
            case "Equations":
                items = tuple(map(self.equation_item, node.items))
                return tree.Equations(items, head, remarks)
            case "Input":
                return tree.Input(tuple(map(self.port, node.ports)), head, remarks)
            case "Output":
                whole = self.span(node)
                kind = Span(whole.source, whole.end - len(node.kind), whole.end)
                return tree.Output(node.kind, head, remarks, self.remarks(kind))
            case "Update":
                return tree.Update(self.body(node.body), head, remarks)
            case "OnReceive":
                settings = tuple(map(self.setting, node.settings))
                body = self.body(node.body)
                return tree.OnReceive(self.name(node.port), settings, body, head, remarks)
            case "OnCondition":
                condition = self.expression(node.condition)
                settings = tuple(map(self.setting, node.settings))
                body = self.body(node.body)
                return tree.OnCondition(condition, settings, body, head, remarks)
            case _:
                return self.function(node, head, remarks)

    def head(self, node: Any) -> Span:
        """Return the span of a block's first line: what a message about the block points at."""
        start = node._tx_position + self.begin
        return self.laid.span(start, self.laid.text.index(NEWLINE, start))

    def function(self, node: Any, head: Span, remarks: tree.Remarks) -> tree.Function:
        parameters = tuple(
            tree.Parameter(
                tree.Name(p.name, self.prefix(p, p.name)), self.type(p.type), self.span(p)
            )
            for p in node.parameters
        )
        result = self.type(node.result) if node.result is not None else None
        name = self.name(node.name)
        return tree.Function(name, parameters, result, self.body(node.body), head, remarks)

    def prefix(self, node: Any, text: str) -> Span:
        start = node._tx_position + self.begin
        return self.laid.span(start, start + len(text))

    def setting(self, node: Any) -> tree.Setting:
        name = tree.Name(node.name, self.prefix(node, node.name))
        value: tree.Quantity | tree.Text | tree.Truth | tree.Infinity
        match type(node.value).__name__:
            case "Number":
                value = self.number(node.value)
            case "Text":
                value = self.text(node.value)
            case "Truth":
                value = self.truth(node.value)
            case _:
                value = tree.Infinity(self.span(node.value))
        return tree.Setting(name, value, self.span(node))

    def declaration(self, node: Any) -> tree.Declaration:
        span = self.span(node)
        return tree.Declaration(
            bool(node.recordable),
            bool(node.inline),
            tuple(map(self.variable, node.variables)),
            self.type(node.type),
            self.optional(node.value),
            self.optional(node.guard),
            tuple(map(self.decorator, node.decorators)),
            span,
            self.remarks(span),
        )

    def decorator(self, node: Any) -> tree.Decorator:
        span = self.span(node)
        if node.text in ("@nest::weight", "@nest::delay"):
            message = f"`{node.text}` means nothing since NESTML 8.0"
            help = "delete it, and name the variable in the options of the backend"
            self.found.append(IDLE_DECORATOR.at(span, message, help=help))
        return tree.Decorator(node.text, span)

    def equation_item(self, node: Any) -> tree.EquationItem:
        span = self.span(node)
        match type(node).__name__:
            case "Inline":
                return tree.Inline(
                    bool(node.recordable),
                    self.name(node.name),
                    self.type(node.type),
                    self.expression(node.value),
                    tuple(map(self.decorator, node.decorators)),
                    span,
                    self.remarks(span),
                )
            case "Kernel":
                return self.kernel(node, span)
            case _:
                return tree.Equation(
                    self.variable(node.variable),
                    self.expression(node.value),
                    tuple(map(self.decorator, node.decorators)),
                    span,
                    self.remarks(span),
                )

    def kernel(self, node: Any, span: Span) -> tree.Kernel:
        """Return a kernel; the comments of its inner lines are those of its single equations."""
        equations: list[tree.Equation] = []
        beside: tuple[Comment, ...] = ()
        for k, part in enumerate(node.equations):
            here = self.span(part)
            own = self.remarks(here)
            if k == 0:
                own = self.found_remarks((), own.beside)
            if k == len(node.equations) - 1:
                own, beside = self.found_remarks(own.above, ()), own.beside
            value = self.expression(part.value)
            equations.append(tree.Equation(self.variable(part.variable), value, (), here, own))
        return tree.Kernel(tuple(equations), span, self.found_remarks(self.above(span), beside))

    def port(self, node: Any) -> tree.SpikePort | tree.ContinuousPort:
        span = self.span(node)
        remarks = self.remarks(span)
        variable = self.variable(node.variable)
        if type(node).__name__ == "SpikePort":
            qualifiers = tuple(map(self.name, node.qualifiers))
            return tree.SpikePort(variable, qualifiers, span, remarks)
        return tree.ContinuousPort(variable, self.type(node.type), span, remarks)

    # Statements

    def body(self, node: Any) -> tuple[tree.Statement, ...]:
        return tuple(self.statement(s) for s in node.statements)

    def statement(self, node: Any) -> tree.Statement:
        kind = type(node).__name__
        if kind == "SimpleStatement":
            return self.simple(node.content)
        head = self.head(node)
        remarks = self.remarks(head)
        condition = self.expression(node.condition) if kind != "Loop" else None
        if kind == "Branching" and condition is not None:
            first = tree.Branch(condition, self.body(node.body), remarks)
            others = map(self.alternative, node.alternatives)
            if node.otherwise is None:
                return tree.If((first, *others), (), head)
            return tree.If(
                (first, *others), self.body(node.otherwise), head, self.line_of_else(node)
            )
        if condition is not None:
            return tree.While(condition, self.body(node.body), head, remarks)
        return tree.For(
            self.name(node.variable),
            self.expression(node.start),
            self.expression(node.stop),
            self.number(node.step),
            bool(node.down),
            self.body(node.body),
            head,
            remarks,
        )

    def alternative(self, node: Any) -> tree.Branch:
        remarks = self.remarks(self.head(node))
        return tree.Branch(self.expression(node.condition), self.body(node.body), remarks)

    def line_of_else(self, node: Any) -> tree.Remarks:
        end = node.otherwise._tx_position + self.begin
        return self.remarks(self.laid.span(self.laid.text.rindex("else", 0, end), end))

    def simple(self, node: Any) -> tree.Statement:
        kind = type(node).__name__
        if kind == "Declaration":
            return self.declaration(node)
        span = self.span(node)
        remarks = self.remarks(span)
        match kind:
            case "Return":
                return tree.Return(self.optional(node.value), span, remarks)
            case "Assignment":
                variable, value = self.variable(node.variable), self.expression(node.value)
                return tree.Assignment(variable, node.op, value, span, remarks)
            case _:
                return tree.CallStatement(self.call(node.call), span, remarks)

    # Expressions

    def optional(self, node: Any) -> tree.Expression | None:
        return None if node is None else self.expression(node)

    def expression(self, node: Any) -> tree.Expression:
        operands = (self.operand(node.first), *(self.operand(r.operand) for r in node.rest))
        operators = tuple(tree.Operator(r.op, self.prefix(r, r.op)) for r in node.rest)
        if len(operators) > MAX_CHAIN and self.too_many_powers(operators):
            operands, operators = operands[:1], ()
        return tree.Expression(
            operands,
            operators,
            self.optional(node.then),
            self.optional(node.otherwise),
            self.span(node),
        )

    def operand(self, node: Any) -> tree.Operand:
        offset = node._tx_position + self.begin
        prefixes = []
        for text in node.prefixes:
            offset = self.laid.text.index(text, offset)
            prefixes.append(tree.Operator(text, self.laid.span(offset, offset + len(text))))
            offset += len(text)
        if len(prefixes) > MAX_CHAIN:
            self.too_deep(prefixes[MAX_CHAIN].span, "signs and `not`s stand before one operand")
            del prefixes[1:]
        return tree.Operand(tuple(prefixes), self.atom(node.atom), self.span(node))

    def too_many_powers(self, operators: tuple[tree.Operator, ...]) -> bool:
        length = 0
        for o in operators:
            length = length + 1 if o.text == "**" else 0
            if length > MAX_CHAIN:
                self.too_deep(o.span, "`**` stand in a row")
                return True
        return False

    def too_deep(self, span: Span, what: str) -> None:
        help = "split the expression with `inline` or a local variable"
        self.found.append(TOO_DEEP.at(span, f"more than {MAX_CHAIN} {what}", help=help))

    def atom(self, node: Any) -> tree.Atom:
        match type(node).__name__:
            case "Variable":
                return self.variable(node)
            case "Quantity":
                return self.quantity(node)
            case "Call":
                return self.call(node)
            case "Group":
                return tree.Group(self.expression(node.value), self.span(node))
            case "Text":
                return self.text(node)
            case "Truth":
                return self.truth(node)
            case _:
                return tree.Infinity(self.span(node))

    def call(self, node: Any) -> tree.Call:
        name = tree.Name(node.name, self.prefix(node, node.name))
        arguments = tuple(map(self.expression, node.arguments))
        call = tree.Call(name, arguments, self.span(node))
        return self.brought_up_to_date(call) if node.name in OLD_CALLS else call

    def brought_up_to_date(self, call: tree.Call) -> tree.Call:
        """Report a call of an older version, and return what is written now."""
        name = call.name.text
        if name in self.functions or (name == "emit_spike" and len(call.arguments) != 2):
            return call
        self.old.append((OLD_CALLS[name], call.span))
        if name in OLD_SUMS:
            return call
        name_now = replace(call.name, text="emit_spike")
        return replace(call, name=name_now, arguments=call.arguments[:1])

    def number(self, node: Any) -> tree.Quantity:
        span = self.span(node)
        return tree.Quantity(node.text, None, span, span)

    def quantity(self, node: Any) -> tree.Quantity:
        unit = self.unit_factor(node.unit.factor) if node.unit is not None else None
        return tree.Quantity(node.number.text, unit, self.span(node.number), self.span(node))

    def text(self, node: Any) -> tree.Text:
        span = self.span(node)
        value = _ESCAPE.sub(lambda m: _ESCAPES.get(m[1], m[1]), span.text[1:-1])
        return tree.Text(value, span)

    def truth(self, node: Any) -> tree.Truth:
        return tree.Truth(node.text in ("true", "True"), self.span(node))

    def variable(self, node: Any) -> tree.Variable:
        name = tree.Name(node.name, self.prefix(node, node.name))
        return tree.Variable(name, self.optional(node.index), len(node.primes), self.span(node))

    # Types and units

    def type(self, node: Any) -> tree.TypeName:
        span = self.span(node)
        if type(node).__name__ == "PrimitiveType":
            return tree.TypeName(node.name, None, span)
        return tree.TypeName(None, self.unit(node), span)

    def unit(self, node: Any) -> tree.Unit:
        left = self.unit_factor(node.first)
        for tail in node.rest:
            right = self.unit_factor(tail.factor)
            left = tree.UnitProduct(left, tail.op, right, left.span.to(right.span))
        return left

    def unit_factor(self, node: Any) -> tree.Unit:
        span = self.span(node)
        match type(node).__name__:
            case "UnitReciprocal":
                return tree.UnitReciprocal(int(node.numerator), self.unit(node.unit), span)
            case "LiteralReciprocal":
                return tree.UnitReciprocal(int(node.numerator), self.unit_factor(node.unit), span)
            case _:
                base = self.unit_base(node.base)
                if not node.exponent:
                    return base
                text = re.sub(r"[()\s]", "", node.exponent)
                return tree.UnitPower(base, Fraction(text), span)

    def unit_base(self, node: Any) -> tree.Unit:
        if type(node).__name__ == "UnitGroup":
            return self.unit(node.unit)
        return tree.UnitName(node.name, self.span(node))


def _with_one_state_block(elements: tuple[tree.Element, ...]) -> tuple[tree.Element, ...]:
    """Return the elements with the declarations of all state blocks in the first of them."""
    blocks = [e for e in elements if isinstance(e, tree.VariableBlock) and e.kind == "state"]
    if len(blocks) < 2:
        return elements
    joined = replace(blocks[0], declarations=tuple(d for b in blocks for d in b.declarations))
    return tuple(joined if e is blocks[0] else e for e in elements if e not in blocks[1:])
