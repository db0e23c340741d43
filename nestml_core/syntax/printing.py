"""A tree as text again: what parses to an equal tree, apart from spans and free comments."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from nestml_core.syntax import tree

INDENT = "    "


def print_file(file: tree.File) -> str:
    """Return the models of ``file`` as text; comments that belong to no element are left out."""
    return "\n\n".join(print_model(m) for m in file.models)


def print_model(model: tree.Model) -> str:
    """Return a model as text, indented by four blanks a level."""
    body = [f"{INDENT}{line}" for e in model.elements for line in _element(e)]
    return "\n".join([*_with(model.remarks, f"model {model.name.text}:"), *body, ""])


def _with(remarks: tree.Remarks, line: str) -> list[str]:
    """Return a line with the comments that belong to it, those beside it as one."""
    above = [f"#{c.text}" for c in remarks.above]
    if remarks.beside:
        line += "  #" + " ".join(c.text for c in remarks.beside)
    return [*above, line]


def _indented(lines: Iterator[str] | list[str]) -> list[str]:
    return [INDENT + line for line in lines]


# Blocks


def _element(e: tree.Element) -> list[str]:
    match e:
        case tree.VariableBlock(kind, declarations, _, remarks):
            body = [line for d in declarations for line in _declaration(d)]
            return [*_with(remarks, f"{kind}:"), *_indented(body)]
        case tree.Equations(items, _, remarks):
            body = [line for i in items for line in _equation_item(i)]
            return [*_with(remarks, "equations:"), *_indented(body)]
        case tree.Input(ports, _, remarks):
            body = [line for p in ports for line in _port(p)]
            return [*_with(remarks, "input:"), *_indented(body)]
        case tree.Output(kind, _, remarks, inner):
            return [*_with(remarks, "output:"), *_indented(_with(inner, kind))]
        case tree.Update(body, _, remarks):
            return [*_with(remarks, "update:"), *_body(body)]
        case tree.OnReceive(port, settings, body, _, remarks):
            head = ", ".join((port.text, *map(_setting, settings)))
            return [*_with(remarks, f"onReceive({head}):"), *_body(body)]
        case tree.OnCondition(condition, settings, body, _, remarks):
            head = ", ".join((print_expression(condition), *map(_setting, settings)))
            return [*_with(remarks, f"onCondition({head}):"), *_body(body)]
        case tree.Function(name, parameters, result, body, _, remarks):
            listed = ", ".join(f"{p.name.text} {print_type(p.type)}" for p in parameters)
            kind = f" {print_type(result)}" if result is not None else ""
            return [*_with(remarks, f"function {name.text}({listed}){kind}:"), *_body(body)]


def _setting(s: tree.Setting) -> str:
    return f"{s.name.text}={_atom(s.value)}"


def _decorators(decorators: tuple[tree.Decorator, ...]) -> str:
    return "".join(f" {d.text}" for d in decorators)


def _declaration(d: tree.Declaration) -> list[str]:
    words = "recordable " * d.recordable + "inline " * d.inline
    names = ", ".join(map(_variable, d.variables))
    value = f" = {print_expression(d.value)}" if d.value is not None else ""
    guard = f" [[ {print_expression(d.guard)} ]]" if d.guard is not None else ""
    line = f"{words}{names} {print_type(d.type)}{value}{guard}{_decorators(d.decorators)}"
    return _with(d.remarks, line)


def _equation_item(item: tree.EquationItem) -> list[str]:
    match item:
        case tree.Inline(recordable, name, type_, value, decorators, _, remarks):
            words = "recordable " * recordable + "inline "
            text = f"{words}{name.text} {print_type(type_)} = {print_expression(value)}"
            return _with(remarks, text + _decorators(decorators))
        case tree.Kernel():
            return _kernel(item)
        case tree.Equation(_, _, decorators, _, remarks):
            return _with(remarks, _equation(item) + _decorators(decorators))


def _equation(q: tree.Equation) -> str:
    return f"{_variable(q.variable)} = {print_expression(q.value)}"


def _kernel(kernel: tree.Kernel) -> list[str]:
    first, *others = kernel.equations
    head = "kernel " + _equation(first)
    if not others:
        return _with(kernel.remarks, head)
    lines = _with(tree.Remarks(kernel.remarks.above, first.remarks.beside), head + ",")
    for q in others[:-1]:
        lines += _indented(_with(q.remarks, _equation(q) + ","))
    last = tree.Remarks(others[-1].remarks.above, kernel.remarks.beside)
    return lines + _indented(_with(last, _equation(others[-1])))


def _port(p: tree.SpikePort | tree.ContinuousPort) -> list[str]:
    match p:
        case tree.SpikePort(variable, qualifiers, _, remarks):
            words = "".join(f"{q.text} " for q in qualifiers)
            return _with(remarks, f"{_variable(variable)} <- {words}spike")
        case tree.ContinuousPort(variable, type_, _, remarks):
            return _with(remarks, f"{_variable(variable)} {print_type(type_)} <- continuous")


# Statements


def _body(body: tuple[tree.Statement, ...]) -> list[str]:
    return _indented([line for s in body for line in _statement(s)])


def _statement(s: tree.Statement) -> list[str]:
    match s:
        case tree.Declaration():
            return _declaration(s)
        case tree.Assignment(variable, op, value, _, remarks):
            return _with(remarks, f"{_variable(variable)} {op} {print_expression(value)}")
        case tree.CallStatement(call, _, remarks):
            return _with(remarks, _atom(call))
        case tree.Return(value, _, remarks):
            return _with(remarks, f"return {print_expression(value)}" if value else "return")
        case tree.While(condition, body, _, remarks):
            return [*_with(remarks, f"while {print_expression(condition)}:"), *_body(body)]
        case tree.For(name, start, stop, step, down, body, _, remarks):
            bounds = f"{print_expression(start)} ... {print_expression(stop)}"
            sign = "-" if down else ""
            head = f"for {name.text} in {bounds} step {sign}{step.text}:"
            return [*_with(remarks, head), *_body(body)]
        case tree.If():
            return _if(s)


def _if(s: tree.If) -> list[str]:
    lines: list[str] = []
    for k, branch in enumerate(s.branches):
        head = f"{'elif' if k else 'if'} {print_expression(branch.condition)}:"
        lines += [*_with(branch.remarks, head), *_body(branch.body)]
    if s.otherwise:
        lines += [*_with(s.otherwise_remarks, "else:"), *_body(s.otherwise)]
    return lines


# Expressions


def print_expression(e: tree.Expression) -> str:
    """Return an expression as text; its parentheses are those of the tree."""
    parts = [_operand(e.operands[0])]
    for operator, operand in zip(e.operators, e.operands[1:], strict=True):
        parts += [operator.text, _operand(operand)]
    text = " ".join(parts)
    if e.then is not None and e.otherwise is not None:
        return f"{text} ? {print_expression(e.then)} : {print_expression(e.otherwise)}"
    return text


def _operand(o: tree.Operand) -> str:
    prefixes = "".join("not " if p.text == "not" else p.text for p in o.prefixes)
    return prefixes + _atom(o.atom)


def _atom(a: tree.Atom) -> str:
    match a:
        case tree.Group(value):
            return f"({print_expression(value)})"
        case tree.Call(name, arguments):
            return f"{name.text}({', '.join(map(print_expression, arguments))})"
        case tree.Quantity(text, unit):
            return text if unit is None else f"{text} {_literal_unit(unit)}"
        case tree.Text(value):
            return f'"{_escaped(value)}"'
        case tree.Truth(value):
            return "true" if value else "false"
        case tree.Infinity():
            return "inf"
        case tree.Variable():
            return _variable(a)


def _escaped(text: str) -> str:
    pairs = (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t"))
    for old, new in pairs:
        text = text.replace(old, new)
    return text


def _variable(v: tree.Variable) -> str:
    index = f"[{print_expression(v.index)}]" if v.index is not None else ""
    return v.name.text + index + "'" * v.order


# Types and units


def print_type(t: tree.TypeName) -> str:
    """Return a type as text."""
    return t.primitive or (_unit(t.unit) if t.unit is not None else "")


def _unit(u: tree.Unit) -> str:
    match u:
        case tree.UnitProduct(left, op, right):
            first = _unit(left) if isinstance(left, tree.UnitProduct) else _factor(left)
            return f"{first}{op}{_factor(right)}"
        case tree.UnitReciprocal(numerator, unit):
            return f"{numerator}/{_unit(unit)}"
        case _:
            return _factor(u)


def _factor(u: tree.Unit) -> str:
    match u:
        case tree.UnitName(name):
            return name
        case tree.UnitPower(base, exponent):
            inner = base.name if isinstance(base, tree.UnitName) else f"({_unit(base)})"
            return f"{inner}**{_exponent(exponent)}"
        case _:
            return f"({_unit(u)})"


def _literal_unit(u: tree.Unit) -> str:
    if isinstance(u, tree.UnitReciprocal):
        return f"{u.numerator}/{_factor(u.unit)}"
    return _factor(u)


def _exponent(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    sign = "-" if value < 0 else ""
    return f"{sign}({abs(value.numerator)}/{value.denominator})"
