"""The data sheet of a model: what it is, its equations, parameters, ports and how it is solved."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from html import escape
from typing import Any

from nestml_core.diagnostics import harmless
from nestml_core.expr import Binary, Constant, Expr, Number, Symbol, Unary, bottom_up
from nestml_core.library import head
from nestml_core.model import Declaration, Function, Kernel, Model, Output, Sign
from nestml_core.printing import mathml, terminal
from nestml_core.printing.base import ATOM, Piece
from nestml_core.printing.nestml import NestmlPrinter
from nestml_core.solved import SolvedModel
from nestml_core.source import Span
from nestml_core.stmt import Return


class Form(Enum):
    """What stands on the left of an equation."""

    DERIVATIVE = "derivative"
    VALUE = "value"
    KERNEL = "kernel"
    FUNCTION = "function"


@dataclass(frozen=True, slots=True)
class Equation:
    """``name = value``, or the derivative of ``name``, or a function of ``arguments``.

    Numbers in ``value`` are in coherent units and carry the units in which they were written.
    """

    form: Form
    name: str
    value: Expr
    order: int = 1
    arguments: tuple[str, ...] = ()
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a table: a parameter, state variable or port."""

    name: str
    value: str
    meaning: str
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Handler:
    """Code of the model: the lines of a block without its indentation."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DataSheet:
    """All that a reader of a model wants to know, in the order in which it is told.

    Attributes
    ----------
    name, kind, summary : what it is called, what it is, and what it is in one line
    paragraphs : of its documentation; those that are indented are formulas or tables
    equations : of the state, in the order of the model
    definitions : inline expressions, kernels and functions that the equations use
    parameters, state, ports : with default or kind, and meaning
    handlers : what happens in each step and at events, as written
    integration : how the equations are solved, in sentences
    recordables : the names of what can be recorded
    references : the literature
    """

    name: str
    kind: str
    summary: str
    paragraphs: tuple[str, ...]
    equations: tuple[Equation, ...]
    definitions: tuple[Equation, ...]
    parameters: tuple[Entry, ...]
    state: tuple[Entry, ...]
    ports: tuple[Entry, ...]
    handlers: tuple[Handler, ...]
    integration: tuple[str, ...]
    recordables: tuple[str, ...]
    references: tuple[str, ...]


class _WithUnits(NestmlPrinter):
    """Print expressions with their numbers in the units in which they were written."""

    def number(self, e: Number) -> Piece:
        unit = e.type.unit
        if unit is None:
            return super().number(e)
        plain = super().number(Number(e.value / unit.factor))
        return Piece(f"{plain.text} {unit.text}", min(plain.level, self.levels["*"]))

    def constant(self, e: Constant) -> Piece:
        return Piece(e.name, ATOM)


_CODE = _WithUnits()


def data_sheet(model: Model, solved: SolvedModel, kind: str = "") -> DataSheet:
    """Return the data sheet of a model.

    Parameters
    ----------
    model : as it was written; gives the equations
    solved : the same model; gives the order of things and the integrators
    kind : "neuron", "synapse", "astrocyte"; taken from the structure of the model if empty
    """
    found = head(model.name, model.documentation)
    return DataSheet(
        name=model.name,
        kind=kind or solved.kind.value,
        summary=found.summary,
        paragraphs=tuple(p for p in found.description.split("\n\n") if p.strip()),
        equations=tuple(_equations(model)),
        definitions=tuple(_definitions(model)),
        parameters=entries(model.parameters),
        state=entries(model.state),
        ports=tuple(_ports(model)),
        handlers=tuple(_handlers(model)),
        integration=tuple(_integration(solved)),
        recordables=tuple(r.symbol.name for r in solved.recordables),
        references=found.references,
    )


def entries(declared: Sequence[Declaration]) -> tuple[Entry, ...]:
    """Return declarations as lines of a table, values in the declared units."""
    return tuple(map(_entry, declared))


def _entry(d: Declaration) -> Entry:
    size = "" if d.symbol.size is None else f"[{_CODE.expr(d.symbol.size)}]"
    amount = bottom_up(d.value, _amount)
    value = _CODE.expr(d.value if amount is None else Number(amount, d.symbol.type))
    condition = "" if d.guard is None else _CODE.expr(d.guard)
    meaning = " ".join(d.documentation.split())
    if not meaning and d.symbol.name.endswith("'"):
        meaning = f"derivative of {d.symbol.name[:-1]}"
    return Entry(d.symbol.name + size, value, meaning, condition)


def _amount(e: Expr, operands: tuple[Fraction | None, ...]) -> Fraction | None:
    """Return what an expression of numbers alone comes to, None for all else."""
    match (e, *operands):
        case (Number(value),):
            return value
        case (Unary("-"), Fraction() as x):
            return -x
        case (Binary("*"), Fraction() as x, Fraction() as y):
            return x * y
        case (Binary("/"), Fraction() as x, Fraction() as y) if y:
            return x / y
    return None


def _equations(model: Model) -> Iterator[Equation]:
    for ode in model.equations:
        yield Equation(Form.DERIVATIVE, ode.variables[0].name, ode.value, len(ode.variables))


def _definitions(model: Model) -> Iterator[Equation]:
    for i in model.inlines:
        remark = _remark(i.symbol.span)
        yield Equation(Form.VALUE, i.symbol.name, i.value, remark=remark)
    for k in model.kernels:
        yield from _kernel(k)
    for f in model.functions:
        value = _formula_of(f)
        if value is not None:
            arguments = tuple(a.name for a in f.arguments)
            yield Equation(Form.FUNCTION, f.name, value, arguments=arguments)


def _formula_of(f: Function) -> Expr | None:
    """Return what a function returns, if it does nothing else."""
    match f.body:
        case (Return(value),):
            return value
        case _:
            return None


def _kernel(k: Kernel) -> Iterator[Equation]:
    remark = _remark(k.symbol.span)
    if k.value is not None:
        yield Equation(Form.KERNEL, k.symbol.name, k.value, arguments=("t",), remark=remark)
    for ode in k.equations:
        yield Equation(Form.DERIVATIVE, ode.variables[0].name, ode.value, len(ode.variables))
    for symbol, value in k.initial:
        yield Equation(Form.KERNEL, symbol.name, value, arguments=("0",))
    if k.value is None and not k.equations:
        delta = Constant("δ(t)")
        yield Equation(Form.KERNEL, k.symbol.name, delta, arguments=("t",), remark=remark)


def _remark(span: Span) -> str:
    """Return the comment at the end of the line in which something is declared."""
    if not span.source.text:
        return ""
    _, sign, comment = span.source.line(span.line).partition("#")
    return comment.strip() if sign else ""


def _ports(model: Model) -> Iterator[Entry]:
    signs = {Sign.ANY: "spikes", Sign.EXCITATORY: "excitatory spikes"}
    seen: set[Symbol] = set()
    for p in model.spike_ports:
        port = p.symbol.owner
        if port not in seen:
            seen.add(port)
            size = "" if port.size is None else f"[{_CODE.expr(port.size)}]"
            what = signs.get(p.sign, "inhibitory spikes")
            yield Entry(port.name + size, what, _remark(port.span))
    for c in model.continuous_ports:
        yield Entry(c.symbol.name, f"continuous, {c.symbol.type}", _remark(c.symbol.span))
    if model.output is not Output.NONE:
        what = "spikes" if model.output is Output.SPIKE else "continuous"
        yield Entry("(output)", what, "")


def _handlers(model: Model) -> Iterator[Handler]:
    """Yield the functions that are no formulas and the blocks of code, as they were written."""
    typeset = [f.span for f in model.functions if _formula_of(f) is not None]
    lines = model.span.source.text.splitlines()
    first = model.span.line
    ends = (k for k in range(first, len(lines)) if lines[k].startswith("model "))
    last = next(ends, len(lines))
    shown = {s.line for s in typeset}
    opening = re.compile(r"\s+(update|onReceive|onCondition|function)\b")
    for k in range(first, last):
        if opening.match(lines[k]) and k + 1 not in shown:
            yield Handler(_block(lines[k:last]))


def _block(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the first line and those below it that are indented deeper."""
    margin = len(lines[0]) - len(lines[0].lstrip())
    block = [lines[0]]
    for line in lines[1:]:
        if line.strip() and len(line) - len(line.lstrip()) <= margin:
            break
        block.append(line)
    return tuple(line.rstrip() for line in textwrap.dedent("\n".join(block)).strip().split("\n"))


def _integration(solved: SolvedModel) -> Iterator[str]:
    exact = dict.fromkeys(
        v.name for f in solved.flows if f.linear is not None for v in f.linear.variables
    )
    if exact:
        yield f"Exact, by propagators: {', '.join(exact)}."
    if solved.convolutions:
        kernels = ", ".join(f"{c.kernel} ∗ {c.port.name}" for c in solved.convolutions)
        yield f"Exact, as states of their own: {kernels}."
    said: dict[str, None] = {}
    for flow in solved.flows:
        if flow.nonlinear is not None:
            i = flow.nonlinear.integrator
            names = ", ".join(v.name for v in flow.nonlinear.variables)
            error = f"; error: {i.expected_error}" if i.expected_error else ""
            said[f"Numeric: {names}, by {i.reason}{error}."] = None
    yield from said
    if solved.flows or solved.convolutions:
        verdict = "Exact between events" if solved.between.is_exact else "Not exact between events"
        yield f"{verdict}: {solved.between.reason}."


# Text


def as_text(sheet: DataSheet, width: int = 80) -> str:
    """Return a data sheet for a terminal of ``width`` columns."""
    parts = [f"{sheet.name} ({sheet.kind})", *_wrapped(sheet.summary, width, "  "), ""]
    for paragraph in sheet.paragraphs:
        parts += [*_paragraph(paragraph, width), ""]
    parts += _titled("Equations", _formulas(sheet.equations, width))
    parts += _titled(
        "with" if sheet.equations else "Definitions", _formulas(sheet.definitions, width)
    )
    parts += _titled("Parameters", _table(sheet.parameters, width))
    parts += _titled("State", _table(sheet.state, width))
    parts += _titled("Ports", _table(sheet.ports, width, numeric=False))
    parts += _titled("Steps and events", _code(sheet.handlers))
    parts += _titled("Recordable", _wrapped(", ".join(sheet.recordables), width, "  "))
    integration = [line for s in sheet.integration for line in _wrapped(_plain(s), width, "  ")]
    parts += _titled("Integration", integration)
    references = [line for r in sheet.references for line in _wrapped(r, width, "  ", "    ")]
    parts += _titled("References", references)
    return harmless("\n".join(parts).rstrip()) + "\n"


def _titled(title: str, lines: Iterable[str]) -> list[str]:
    body = list(lines)
    return [title, *body, ""] if body else []


def _wrapped(text: str, width: int, first: str, others: str | None = None) -> list[str]:
    others = first if others is None else others
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _paragraph(text: str, width: int) -> list[str]:
    """Return prose filled to ``width``; formulas and tables, which are indented, as they are."""
    if is_display(text):
        lines = textwrap.dedent(text).splitlines()
        fitting = max(map(len, lines)) + 4 <= width
        return [f"    {line}" for line in lines] if fitting else [f"  {line}" for line in lines]
    return _wrapped(_plain(" ".join(text.split())), width, "")


def is_display(paragraph: str) -> bool:
    """Return whether a paragraph of a comment is set off, as formulas and tables are."""
    return all(line.startswith("    ") for line in paragraph.splitlines() if line.strip())


def _plain(text: str) -> str:
    return text.replace("`", "")


def _formulas(equations: Sequence[Equation], width: int) -> Iterator[str]:
    """Yield equations one below the other; what is too wide for typesetting as it was written."""
    tall_before = False
    for k, e in enumerate(equations):
        left, value = _left(e), terminal.formula(e.value)
        lines = terminal.equation(left, value, width - 2)
        if terminal.width_of(lines) > width - 2:
            name = f"d {e.name} / dt" if e.form is Form.DERIVATIVE else left.lines[0].strip()
            lines = tuple(_wrapped(f"{name} = {_CODE.expr(e.value)}", width - 2, "", "    "))
        tall = len(lines) > 1
        if k and (tall or tall_before):
            yield ""
        tall_before = tall
        remark = f"   # {e.remark}" if e.remark else ""
        if remark and len(lines) == 1 and len(lines[0]) + len(remark) <= width - 2:
            lines = (lines[0] + remark,)
        yield from (f"  {line}".rstrip() for line in lines)


def _left(e: Equation) -> terminal.Block:
    if e.form is Form.DERIVATIVE:
        return terminal.derivative(e.name, e.order)
    arguments = f"({', '.join(e.arguments)})" if e.arguments else ""
    return terminal.text(terminal.name_text(e.name) + arguments)


def _table(entries: Sequence[Entry], width: int, *, numeric: bool = True) -> Iterator[str]:
    """Yield a table of names, values and meanings; long values stand in a line of their own."""
    names = max((len(e.name) for e in entries), default=0)
    values = max((len(e.value) for e in entries if len(e.value) <= 20), default=0)
    indent = " " * (names + values + 6)
    for e in entries:
        guard = f"({e.condition})" if e.condition else ""
        meaning = "  ".join(filter(None, (e.meaning, guard)))
        value = e.value.rjust(values) if numeric else e.value.ljust(values)
        begin = f"  {e.name.ljust(names)}  {value}  "
        if len(e.value) > values:
            yield from _wrapped(f"{e.name.ljust(names)}  {e.value}", width, "  ", " " * (names + 4))
            begin = indent
        lines = _wrapped(meaning, width, begin, indent)
        yield from (line.rstrip() for line in lines or [begin])


def _code(handlers: Sequence[Handler]) -> Iterator[str]:
    for k, handler in enumerate(handlers):
        if k:
            yield ""
        yield from (f"  {line}".rstrip() for line in handler.lines)


# HTML

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem;
  color: #222; background: #fff; }
h1 { margin-bottom: 0; } h1 small { font-weight: normal; color: #6e6e6e; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; border-bottom: 1px solid #e4e4e4; }
p.summary { margin-top: .2rem; font-size: 1.1rem; }
math { font-size: 1.1rem; } math[display=block] { margin: .6rem 0; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .15rem .8rem .15rem 0; }
tr + tr td { border-top: 1px solid #f0f0f0; }
td.value { white-space: nowrap; }
code, pre { font-family: ui-monospace, monospace; font-size: .9rem; }
pre { background: #f7f7f7; padding: .6rem .8rem; overflow-x: auto; } img { max-width: 100%; }
.guard { color: #6e6e6e; }
"""


def as_html(sheet: DataSheet, picture: bytes | None = None) -> str:
    """Return a data sheet as a page that needs nothing else: no script, no other file.

    Parameters
    ----------
    picture : a PNG file
    """
    title = escape(sheet.name)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{title}</title>\n"
        f'<meta name="viewport" content="width=device-width">\n<style>{STYLE}</style>\n</head>\n'
        f"<body>\n{html_body(sheet, picture)}\n</body>\n</html>\n"
    )


def html_body(sheet: DataSheet, picture: bytes | None = None) -> str:
    """Return what stands inside the page: for notebooks and larger pages."""
    parts = [
        f"<h1>{escape(sheet.name)} <small>{escape(sheet.kind)}</small></h1>",
        f'<p class="summary">{escape(sheet.summary)}</p>',
        *_html_picture(sheet, picture),
        *map(_html_paragraph, sheet.paragraphs),
        *_html_section("Equations", map(_html_equation, sheet.equations)),
        *_html_section("Definitions", map(_html_equation, sheet.definitions)),
        *_html_table("Parameters", "Default", sheet.parameters),
        *_html_table("State", "Initial value", sheet.state),
        *_html_table("Ports", "Kind", sheet.ports),
        *_html_section("Steps and events", map(_html_code, sheet.handlers)),
        *_html_section("Recordable", [f"<p>{_codes(sheet.recordables)}</p>"]),
        *_html_section("Integration", (f"<p>{_html_prose(s)}</p>" for s in sheet.integration)),
        *_html_section("References", _html_references(sheet)),
    ]
    return "\n".join(parts)


def _html_picture(sheet: DataSheet, picture: bytes | None) -> Iterator[str]:
    if picture is not None:
        from base64 import b64encode

        data = b64encode(picture).decode("ascii")
        yield f'<img alt="Response of {escape(sheet.name)}" src="data:image/png;base64,{data}">'


def _html_section(title: str, lines: Iterable[str]) -> Iterator[str]:
    body = list(lines)
    if body:
        yield f"<h2>{escape(title)}</h2>"
        yield from body


def _html_paragraph(text: str) -> str:
    if is_display(text):
        return f"<pre>{escape(textwrap.dedent(text))}</pre>"
    return f"<p>{_html_prose(' '.join(text.split()))}</p>"


def _html_prose(text: str) -> str:
    """Return text in which code stands between backquotes."""
    parts = [escape(part) for part in text.split("`")]
    return "".join(f"<code>{p}</code>" if k % 2 else p for k, p in enumerate(parts))


def _html_equation(e: Equation) -> str:
    return _mathml(e) + (f'<p class="guard">{_html_prose(e.remark)}</p>' if e.remark else "")


def _mathml(e: Equation) -> str:
    left = mathml.name_formula(e.name)
    if e.form is Form.DERIVATIVE:
        left = mathml.derivative(e.name, e.order)
    elif e.arguments:
        listed: list[str] = []
        for a in e.arguments:
            word = mathml.name_formula(a) if a.isidentifier() else mathml.element("mn", escape(a))
            listed += [mathml.operator(","), word] if listed else [word]
        left = mathml.row(left, mathml.bracketed("".join(listed)))
    return mathml.display(left, mathml.operator("="), mathml.MathMLPrinter().expr(e.value))


def _html_table(title: str, value: str, entries: Sequence[Entry]) -> Iterator[str]:
    if not entries:
        return
    rows = [f"<tr><th>Name</th><th>{value}</th><th>Meaning</th></tr>"]
    for e in entries:
        guard = f' <span class="guard">({escape(e.condition)})</span>' if e.condition else ""
        rows.append(
            f'<tr><td><code>{escape(e.name)}</code></td><td class="value">{escape(e.value)}</td>'
            f"<td>{_html_prose(e.meaning)}{guard}</td></tr>"
        )
    yield from _html_section(title, ["<table>", *rows, "</table>"])


def _html_code(handler: Handler) -> str:
    return f"<pre>{escape(chr(10).join(handler.lines))}</pre>"


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"<code>{escape(n)}</code>" for n in names)


def _html_references(sheet: DataSheet) -> Iterator[str]:
    if sheet.references:
        items = "".join(f"<li>{escape(r)}</li>" for r in sheet.references)
        yield f"<ul>{items}</ul>"


# JSON


def as_json(sheet: DataSheet) -> dict[str, Any]:
    """Return a data sheet as data that any program can read."""
    return {
        "name": sheet.name,
        "kind": sheet.kind,
        "summary": sheet.summary,
        "documentation": list(sheet.paragraphs),
        "equations": [_equation_json(e) for e in (*sheet.equations, *sheet.definitions)],
        "parameters": [_entry_json(e) for e in sheet.parameters],
        "state": [_entry_json(e) for e in sheet.state],
        "ports": [_entry_json(e) for e in sheet.ports],
        "recordables": list(sheet.recordables),
        "integration": list(sheet.integration),
        "references": list(sheet.references),
    }


def _entry_json(e: Entry) -> dict[str, str]:
    return {"name": e.name, "value": e.value, "meaning": e.meaning, "condition": e.condition}


def _equation_json(e: Equation) -> dict[str, Any]:
    return {
        "form": e.form.value,
        "name": e.name,
        "order": e.order,
        "arguments": list(e.arguments),
        "value": _CODE.expr(e.value),
        "remark": e.remark,
        "mathml": _mathml(e),
    }
