"""How models and results show themselves in a notebook.

Formulas are written for MathJax, between ``\\(`` and ``\\)``. Whatever a model holds comes out as
characters: its text is never read as HTML, and never as a formula.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from nestml_core.expr import Expr, Number, Symbol, number
from nestml_core.model import Sign
from nestml_core.printing.latex import LatexPrinter, unit_formula
from nestml_core.solved import Declaration, SolvedModel
from nestml_core.stmt import Stmt
from nestml_core.typesetting import Typesetting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Bundle = Mapping[str, Any]
"""What a notebook can show, by MIME type; it takes the richest it knows."""

CELL = "text-align:left;vertical-align:top;padding:0.2em 0.8em"
FORMULA = "margin:0.5em 1.5em;overflow-x:auto"
COHERENT = "Numbers in equations are in ms, mV and pA, and in what follows: nS, pF, GOhm, 1/ms."
SIGNS = {
    Sign.ANY: "spikes",
    Sign.EXCITATORY: "excitatory spikes",
    Sign.INHIBITORY: "inhibitory spikes",
}


def of_model(model: SolvedModel, text: str) -> Bundle:
    """Return a model as equations and tables; ``text`` where there is nothing but a terminal."""
    return {"text/plain": text, "text/html": model_html(model)}


def of_picture(text: str, figure: Callable[[], Figure]) -> Bundle:
    """Return a result as its figure, where Matplotlib is installed."""
    if find_spec("matplotlib") is None:
        return {"text/plain": text}
    from nestml_core import plotting

    data = b64encode(plotting.png(figure())).decode("ascii")
    return {"text/plain": text, "image/png": data}


def of_table(text: str, heading: Sequence[str], rows: Iterable[Sequence[str]]) -> Bundle:
    """Return a table of texts."""
    return {"text/plain": text, "text/html": _table(map(_text, heading), _texts(rows))}


def of_lines(text: str) -> Bundle:
    """Return lines whose blanks count, such as a message with its place in a file."""
    return {"text/plain": text, "text/html": f"<pre>{escape(text)}</pre>"}


def _texts(rows: Iterable[Sequence[str]]) -> Iterator[Iterable[str]]:
    return (map(_text, row) for row in rows)


# Models


def model_html(model: SolvedModel) -> str:
    """Return equations and tables of a model as HTML."""
    return "\n".join(["<div>", *_Page(model).parts(), "</div>"])


class _MathJaxPrinter(LatexPrinter):
    """Formulas in the part of LaTeX that MathJax knows: text in them is a formula, too."""

    def name(self, symbol: Symbol) -> str:
        return _verbatim(symbol.name) if symbol.name in self.plain else super().name(symbol)

    def text(self, value: str) -> str:
        return _verbatim(value)


def _verbatim(text: str) -> str:
    """Return a formula that shows ``text``; what is no letter or digit stands for itself."""
    shown = "".join(c if c.isalnum() and c.isascii() else rf"\unicode{{{ord(c)}}}" for c in text)
    return rf"\mathtt{{{shown}}}"


class _Page:
    """One model as HTML."""

    def __init__(self, model: SolvedModel) -> None:
        self.model = model
        self.typesetting = Typesetting(model, _MathJaxPrinter)

    def parts(self) -> Iterator[str]:
        m = self.model
        yield f"<h3>{_text(m.name)} <small>({m.kind.value})</small></h3>"
        if m.documentation:
            shown = escape(m.documentation.strip("\n"))
            yield f'<pre style="white-space:pre-wrap">{shown}</pre>'
        yield from _titled("Equations", self.formulas())
        yield from _titled("Parameters", self.declarations("Default", m.parameters))
        yield from _titled("State", self.declarations("Initial value", m.state))
        yield from _titled("Inputs", self.inputs())
        yield from _titled("In each step", self.code(m.update))
        for h in m.on_receive:
            yield from _titled(f"On a spike at {_code(h.port.name)}", self.code(h.body))
        for c in m.on_condition:
            yield from _titled(f"If {self.inline(c.condition)}", self.code(c.body))

    def formulas(self) -> Iterator[str]:
        shown = [_formula(f) for f in self.equations()]
        if shown:
            yield from shown
            yield f"<small>{COHERENT}</small>"

    def equations(self) -> Iterator[str]:
        yield from self.typesetting.equation_formulas()
        for c in self.model.convolutions:
            yield from self.typesetting.kernel_formulas(c)
            for j in c.jumps:
                target, amount = self.typesetting.name(j.target), self.typesetting.text(j.amount)
                yield rf"{target} \leftarrow {target} + {amount}"

    def inline(self, e: Expr) -> str:
        return _math(self.typesetting.text(e))

    def declarations(self, value: str, declared: Sequence[Declaration]) -> Iterator[str]:
        if declared:
            heading = ("Name", "Symbol", value, "Unit", "Meaning")
            yield _table(heading, map(self.declaration, declared))

    def declaration(self, d: Declaration) -> tuple[str, ...]:
        meaning = _text(" ".join(d.documentation.split()))
        if d.guard is not None:
            meaning += f" ({self.as_written(d.guard)})"
        amount, unit = self.value(d)
        symbol = _math(self.typesetting.declared(d.symbol))
        return _code(d.symbol.name), symbol, amount, unit, meaning

    def value(self, d: Declaration) -> tuple[str, str]:
        """Return the default in the declared unit: a number, or an expression as it is written."""
        unit = d.symbol.type.unit
        shown = "" if unit is None else _math(unit_formula(unit.text))
        if isinstance(d.value, Number):
            return self.inline(number(d.value.value / (unit.factor if unit else 1))), shown
        return self.as_written(d.value), shown

    def as_written(self, e: Expr) -> str:
        """Return the text of an expression, with its units; a formula if there is no text."""
        return _code(" ".join(e.span.text.split())) if e.span.text else self.inline(e)

    def inputs(self) -> Iterator[str]:
        m = self.model
        rows = [(_code(p.symbol.name), SIGNS[p.sign], "") for p in m.spike_ports]
        for c in m.continuous_ports:
            unit = c.symbol.type.unit
            shown = _math(unit_formula(unit.text)) if unit is not None else ""
            rows.append((_code(c.symbol.name), "continuous", shown))
        if rows:
            yield _table(("Port", "Signal", "Unit"), rows)

    def code(self, body: tuple[Stmt, ...]) -> Iterator[str]:
        lines = self.typesetting.code.lines(body)
        if lines:
            yield f"<pre>{escape(chr(10).join(lines))}</pre>"


def _titled(title: str, parts: Iterable[str]) -> Iterator[str]:
    body = list(parts)
    if body:
        yield f"<h4>{title}</h4>"
        yield from body


def _table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table of pieces of HTML."""
    head = "".join(f'<th style="{CELL}">{c}</th>' for c in heading)
    body = ("<tr>" + "".join(f'<td style="{CELL}">{c}</td>' for c in row) + "</tr>" for row in rows)
    return "\n".join([f"<table><thead><tr>{head}</tr></thead><tbody>", *body, "</tbody></table>"])


def _math(formula: str) -> str:
    return rf"\({escape(formula)}\)"


def _formula(formula: str) -> str:
    return rf'<div style="{FORMULA}">\(\displaystyle {escape(formula)}\)</div>'


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _text(text: str) -> str:
    """Return text as HTML in which MathJax finds no formula: it does not look across elements."""
    shown = escape(text)
    return shown.replace("\\", "<span>\\</span>").replace("$", "<span>$</span>")
