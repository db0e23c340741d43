"""From textX's objects to the tree. Nothing of textX gets past here."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from nestml_core.source import Span
from nestml_core.syntax import tree
from nestml_core.syntax.layout import Comment, Laid

_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = MappingProxyType({"n": "\n", "t": "\t"})


class Builder:
    """Builds the tree of one laid-out file from the objects the grammar made of it."""

    def __init__(self, laid: Laid) -> None:
        self.laid = laid
        self.by_line = {c.span.line: c for c in laid.comments}

    def span(self, node: Any) -> Span:
        return self.laid.span(node._tx_position, node._tx_position_end)

    def file(self, root: Any, lost: tuple[str, ...]) -> tree.File:
        models = tuple(self.model(m) for m in root.models)
        return tree.File(models, self.laid.comments, lost)

    def name(self, node: Any) -> tree.Name:
        return tree.Name(node.text, self.span(node))

    def model(self, node: Any) -> tree.Model:
        name = self.name(node.name)
        elements = tuple(self.element(e) for e in node.elements)
        documentation = "\n".join(c.text.removeprefix(" ") for c in self.comments_above(node))
        return tree.Model(name, documentation, elements, name.span)

    def comments_above(self, node: Any) -> tuple[Comment, ...]:
        """Return the run of comment lines that ends on the line above ``node``."""
        line = self.span(node).line - 1
        found: list[Comment] = []
        while (comment := self.by_line.get(line)) is not None and comment.own_line:
            found.append(comment)
            line -= 1
        return tuple(reversed(found))

    def element(self, node: Any) -> tree.Element:
        match type(node).__name__:
            case "VariableBlock":
                declarations = tuple(map(self.declaration, node.declarations))
                return tree.VariableBlock(node.kind, declarations, self.head(node))
            case "Equations":
                return tree.Equations(tuple(map(self.equation_item, node.items)), self.head(node))
            case "Input":
                return tree.Input(tuple(map(self.port, node.ports)), self.head(node))
            case "Output":
                return tree.Output(node.kind, self.head(node))
            case "Update":
                return tree.Update(self.body(node.body), self.head(node))
            case "OnReceive":
                return tree.OnReceive(
                    self.name(node.port),
                    tuple(map(self.setting, node.settings)),
                    self.body(node.body),
                    self.head(node),
                )
            case "OnCondition":
                return tree.OnCondition(
                    self.expression(node.condition),
                    tuple(map(self.setting, node.settings)),
                    self.body(node.body),
                    self.head(node),
                )
            case _:
                return self.function(node)

    def head(self, node: Any) -> Span:
        """Return the span of a block's first line: what a message about the block points at."""
        whole = self.span(node)
        text = whole.text.split("\n", 1)[0].split("#", 1)[0].rstrip()
        return Span(whole.source, whole.start, whole.start + len(text))

    def function(self, node: Any) -> tree.Function:
        parameters = tuple(
            tree.Parameter(
                tree.Name(p.name, self.prefix(p, p.name)), self.type(p.type), self.span(p)
            )
            for p in node.parameters
        )
        result = self.type(node.result) if node.result is not None else None
        return tree.Function(
            self.name(node.name), parameters, result, self.body(node.body), self.head(node)
        )

    def prefix(self, node: Any, text: str) -> Span:
        start = node._tx_position
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
        return tree.Declaration(
            bool(node.recordable),
            bool(node.inline),
            tuple(map(self.variable, node.variables)),
            self.type(node.type),
            self.optional(node.value),
            self.optional(node.guard),
            tuple(map(self.decorator, node.decorators)),
            self.remark(node),
            self.span(node),
        )

    def remark(self, node: Any) -> str:
        """Return the comment on the line of ``node``, or else the lines directly above it."""
        beside = self.by_line.get(self.span(node).line)
        comments = (beside,) if beside is not None else self.comments_above(node)
        return "\n".join(c.text.strip() for c in comments)

    def decorator(self, node: Any) -> tree.Decorator:
        return tree.Decorator(node.text, self.span(node))

    def equation_item(self, node: Any) -> tree.EquationItem:
        match type(node).__name__:
            case "Inline":
                return tree.Inline(
                    bool(node.recordable),
                    self.name(node.name),
                    self.type(node.type),
                    self.expression(node.value),
                    tuple(map(self.decorator, node.decorators)),
                    self.span(node),
                )
            case "Kernel":
                return tree.Kernel(
                    tuple(
                        tree.Equation(
                            self.variable(q.variable), self.expression(q.value), (), self.span(q)
                        )
                        for q in node.equations
                    ),
                    self.span(node),
                )
            case _:
                return tree.Equation(
                    self.variable(node.variable),
                    self.expression(node.value),
                    tuple(map(self.decorator, node.decorators)),
                    self.span(node),
                )

    def port(self, node: Any) -> tree.SpikePort | tree.ContinuousPort:
        span = self.span(node)
        if type(node).__name__ == "SpikePort":
            qualifiers = tuple(map(self.name, node.qualifiers))
            return tree.SpikePort(self.variable(node.variable), qualifiers, span)
        return tree.ContinuousPort(self.variable(node.variable), self.type(node.type), span)

    # Statements

    def body(self, node: Any) -> tuple[tree.Statement, ...]:
        return tuple(self.statement(s) for s in node.statements)

    def statement(self, node: Any) -> tree.Statement:
        kind = type(node).__name__
        if kind == "SimpleStatement":
            node, kind = node.content, type(node.content).__name__
        match kind:
            case "Return":
                return tree.Return(self.optional(node.value), self.span(node))
            case "Assignment":
                return tree.Assignment(
                    self.variable(node.variable),
                    node.op,
                    self.expression(node.value),
                    self.span(node),
                )
            case "CallStatement":
                return tree.CallStatement(self.call(node.call), self.span(node))
            case "Branching":
                first = tree.Branch(self.expression(node.condition), self.body(node.body))
                others = (
                    tree.Branch(self.expression(a.condition), self.body(a.body))
                    for a in node.alternatives
                )
                otherwise = self.body(node.otherwise) if node.otherwise is not None else ()
                return tree.If((first, *others), otherwise, self.head(node))
            case "Loop":
                return tree.For(
                    self.name(node.variable),
                    self.expression(node.start),
                    self.expression(node.stop),
                    self.number(node.step),
                    bool(node.down),
                    self.body(node.body),
                    self.head(node),
                )
            case "Repetition":
                return tree.While(
                    self.expression(node.condition), self.body(node.body), self.head(node)
                )
            case _:
                return self.declaration(node)

    # Expressions

    def optional(self, node: Any) -> tree.Expression | None:
        return None if node is None else self.expression(node)

    def expression(self, node: Any) -> tree.Expression:
        operands = (self.operand(node.first), *(self.operand(r.operand) for r in node.rest))
        operators = tuple(tree.Operator(r.op, self.prefix(r, r.op)) for r in node.rest)
        return tree.Expression(
            operands,
            operators,
            self.optional(node.then),
            self.optional(node.otherwise),
            self.span(node),
        )

    def operand(self, node: Any) -> tree.Operand:
        offset = node._tx_position
        prefixes = []
        for text in node.prefixes:
            offset = self.laid.text.index(text, offset)
            prefixes.append(tree.Operator(text, self.laid.span(offset, offset + len(text))))
            offset += len(text)
        return tree.Operand(tuple(prefixes), self.atom(node.atom), self.span(node))

    def atom(self, node: Any) -> tree.Atom:
        makers: dict[str, Callable[[Any], tree.Atom]] = {
            "Group": lambda n: tree.Group(self.expression(n.value), self.span(n)),
            "Call": self.call,
            "Quantity": self.quantity,
            "Text": self.text,
            "Truth": self.truth,
            "Infinity": lambda n: tree.Infinity(self.span(n)),
            "Variable": self.variable,
        }
        return makers[type(node).__name__](node)

    def call(self, node: Any) -> tree.Call:
        name = tree.Name(node.name, self.prefix(node, node.name))
        return tree.Call(name, tuple(map(self.expression, node.arguments)), self.span(node))

    def number(self, node: Any) -> tree.Quantity:
        span = self.span(node)
        return tree.Quantity(node.text, None, span, span)

    def quantity(self, node: Any) -> tree.Quantity:
        unit = self.unit_factor(node.unit.factor) if node.unit is not None else None
        return tree.Quantity(node.number.text, unit, self.span(node.number), self.span(node))

    def text(self, node: Any) -> tree.Text:
        value = _ESCAPE.sub(lambda m: _ESCAPES.get(m[1], m[1]), node.text[1:-1])
        return tree.Text(value, self.span(node))

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
