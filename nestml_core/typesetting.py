"""A solved model as a LaTeX document: tables, equations, propagators, events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from nestml_core.derivatives import derivatives, row
from nestml_core.expr import Binary, Element, Expr, Number, Ref, Symbol, number, ref, walk
from nestml_core.model import Sign
from nestml_core.printing.latex import LatexPrinter, escaped, name_formula, unit_formula
from nestml_core.printing.nestml import NestmlPrinter
from nestml_core.solved import (
    TIME,
    Convolution,
    Declaration,
    Definition,
    Flow,
    MatrixExponential,
    SolvedModel,
)
from nestml_core.stmt import Stmt
from nestml_core.types import Type
from nestml_core.units import coherent_text

PREAMBLE = r"""\documentclass[a4paper]{article}
\usepackage[utf8]{inputenc}
\usepackage{amsmath}
\usepackage{longtable}
\usepackage[margin=2.5cm]{geometry}
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.4em}
\newcommand{\formula}[1]{\par{\raggedright\hangindent=2em\hangafter=1 $\displaystyle #1$\par}}
\begin{document}
"""

ENDING = r"""\end{document}
"""

EXPDD = (
    r"Here $\mathrm{expdd}\left(h, a_{1}, \dots, a_{n}\right)$ is the divided difference of "
    r"$x \mapsto \mathrm{e}^{x h}$ over the rates $a_{1}, \dots, a_{n}$; for equal rates it is "
    r"the limit."
)


class Solved(Protocol):
    """What holds a solved model, such as what ``nestml_core.load`` returns."""

    @property
    def solved(self) -> SolvedModel: ...


def latex(*models: SolvedModel | Solved, standalone: bool = True) -> str:
    """Return ``models`` as LaTeX: a section for each.

    Parameters
    ----------
    models : solved models, or models that ``nestml_core.load`` has returned
    standalone : a document to be compiled as it is; otherwise the sections alone, for a document
        that loads ``amsmath`` and ``longtable`` and defines ``\\formula`` as ``PREAMBLE`` does
    """
    solved = [m if isinstance(m, SolvedModel) else m.solved for m in models]
    body = "\n".join(Typesetting(m).section() for m in solved)
    return f"{PREAMBLE}\n{body}\n{ENDING}" if standalone else body


class Typesetting:
    """One model, with the spelling of its names."""

    def __init__(self, model: SolvedModel, printer: type[LatexPrinter] = LatexPrinter) -> None:
        self.model = model
        self.printer = printer(ambiguous(_names(model)))
        self.code = NestmlPrinter()

    def text(self, e: Expr) -> str:
        return self.printer.expr(e)

    def name(self, symbol: Symbol) -> str:
        return self.printer.name(symbol)

    def section(self) -> str:
        m = self.model
        parts = [rf"\section*{{{_code(m.name)} ({m.kind.value})}}", *_paragraphs(m.documentation)]
        parts += self.table("Parameters", m.parameters, "Default")
        parts += self.table("State", m.state, "Initial value")
        parts += self.titled("Inputs", self.inputs())
        parts += self.titled("Equations", self.equations())
        parts += self.titled("Kernels", self.kernels())
        parts += self.titled("Integration", self.integration())
        parts += self.titled("Constants of a step", self.constants())
        parts += self.titled("In each step", self.lines(m.update))
        for h in m.on_receive:
            parts += self.titled(f"On a spike at {_code(h.port.name)}", self.lines(h.body))
        for c in m.on_condition:
            parts += self.titled(f"If ${self.text(c.condition)}$", self.lines(c.body))
        parts += self.titled("Between spikes", self.between())
        return "\n".join(parts) + "\n"

    def titled(self, title: str, lines: Iterable[str]) -> list[str]:
        body = list(lines)
        return [rf"\subsection*{{{title}}}", *body] if body else []

    # Tables

    def table(self, title: str, declared: Sequence[Declaration], value: str) -> list[str]:
        if not declared:
            return []
        rows = [rf"Symbol & {value} & Unit & Meaning \\", r"\hline"]
        for d in declared:
            said = escaped(" ".join(d.documentation.split()))
            guard = "" if d.guard is None else rf" (${self.text(d.guard)}$)"
            amount, unit = self.value(d)
            rows.append(rf"${self.declared(d.symbol)}$ & ${amount}$ & {unit} & {said}{guard} \\")
        columns = r"{l l l p{0.5\textwidth}}"
        body = [rf"\begin{{longtable}}{columns}", *rows, r"\end{longtable}"]
        return self.titled(title, body)

    def declared(self, symbol: Symbol) -> str:
        """Return a name, of a vector with its size."""
        if symbol.size is None:
            return self.name(symbol)
        return rf"{{{self.name(symbol)}}}\left[{self.text(symbol.size)}\right]"

    def value(self, d: Declaration) -> tuple[str, str]:
        """Return the default in the declared unit; an expression stays in coherent units."""
        type = d.symbol.type
        if type.unit is None:
            return self.text(d.value), ""
        if isinstance(d.value, Number):
            return self.text(number(d.value.value / type.unit.factor)), _unit(type)
        return self.text(d.value), f"${unit_formula(coherent_text(type.dimension))}$"

    def inputs(self) -> Iterator[str]:
        m = self.model
        signs = {Sign.ANY: "spikes", Sign.EXCITATORY: "excitatory spikes"}
        for p in m.spike_ports:
            yield rf"\par ${self.name(p.symbol)}$: {signs.get(p.sign, 'inhibitory spikes')}"
        for c in m.continuous_ports:
            yield rf"\par ${self.name(c.symbol)}$: a continuous signal in {_unit(c.symbol.type)}"

    # Equations

    def equations(self) -> Iterator[str]:
        return map(_formula, self.equation_formulas())

    def equation_formulas(self) -> Iterator[str]:
        """Yield the differential equations, and what delayed variables are, as bare formulas."""
        seen: set[Symbol] = set()
        for flow in self.model.flows:
            for symbol, value in derivatives(flow):
                if symbol not in seen:
                    seen.add(symbol)
                    yield self.equation(symbol, value, flow)
        for delay in self.model.delays:
            then = self.text(Binary("-", ref(TIME), delay.duration))
            past = rf"{{{self.name(delay.variable)}}}\left({then}\right)"
            yield f"{self.name(delay.symbol)} = {past}"

    def equation(self, symbol: Symbol, value: Expr, flow: Flow) -> str:
        left = rf"\frac{{\mathrm{{d}} {self.name(symbol)}}}{{\mathrm{{d}} t}}"
        jumps = [self.text(j.amount) for j in flow.jumps if j.target == symbol]
        pulses = "".join(rf" + \left[{j}\right]\,\delta" for j in jumps)
        return f"{left} = {self.text(value)}{pulses}"

    def kernels(self) -> Iterator[str]:
        """The states of each convolution: their equations, their step, and what a spike does."""
        for c in self.model.convolutions:
            yield rf"\par ${self.kernel(c)}$:"
            yield from map(_formula, self.kernel_formulas(c))
            for u in c.updates:
                yield _formula(rf"{self.name(u.target)} \leftarrow {self.text(u.value)}")
            for j in c.jumps:
                target, amount = self.name(j.target), self.text(j.amount)
                yield _formula(rf"{target} \leftarrow {target} + {amount}")

    def kernel_formulas(self, c: Convolution) -> Iterator[str]:
        """Yield the differential equations of the states of a convolution, as bare formulas."""
        for z, entries in zip(c.states, c.matrix, strict=False):
            left = rf"\frac{{\mathrm{{d}} {self.name(z)}}}{{\mathrm{{d}} t}}"
            yield f"{left} = {self.text(row(entries, c.states))}"

    def kernel(self, c: Convolution) -> str:
        return rf"{name_formula(c.kernel)} \ast {self.name(c.port)}"

    def integration(self) -> Iterator[str]:
        for k, flow in enumerate(self.model.flows):
            if len(self.model.flows) > 1:
                yield rf"\paragraph{{Flow {k}}}"
            if flow.linear is not None:
                yield r"\par Exact, by propagators:"
                for u in flow.linear.updates:
                    yield _formula(rf"{self.name(u.target)} \leftarrow {self.text(u.value)}")
            if flow.nonlinear is not None:
                i = flow.nonlinear.integrator
                names = ", ".join(f"${self.name(v)}$" for v in flow.nonlinear.variables)
                said = "; ".join(t for t in (i.reason, i.expected_error) if t)
                yield rf"\par Numeric: {names}, by {_prose(said)}."
                own = ", ".join(f"${self.name(v)}$" for v in flow.nonlinear.conditionally_linear)
                if own:
                    yield rf"\par Linear in themselves: {own}."
            for j in flow.jumps:
                target, amount = self.name(j.target), self.text(j.amount)
                yield _formula(rf"{target} \leftarrow {target} + {amount}")

    def between(self) -> Iterator[str]:
        found = self.model.between
        if not self.model.flows and not self.model.convolutions:
            return
        verdict = "Exact" if found.is_exact else "No closed form"
        yield rf"\par {verdict}: {_prose(found.reason)}."
        if found.event_driven:
            names = ", ".join(f"${self.name(v)}$" for v in found.event_driven)
            yield rf"\par Needs no steps, only events: {names}."

    def constants(self) -> Iterator[str]:
        uses_expdd = False
        for d in self.model.derived:
            match d:
                case Definition(symbol, value):
                    yield _formula(f"{self.name(symbol)} = {self.text(value)}")
                    uses_expdd |= any(getattr(e, "function", "") == "expdd" for e in walk(value))
                case MatrixExponential(symbols, matrix):
                    wanted = self.matrix([[self.entry(s) for s in row] for row in symbols])
                    given = self.matrix([[self.text(e) for e in row] for row in matrix])
                    yield _formula(rf"{wanted} = \exp\left({given}\, \Delta t\right)")
        if uses_expdd:
            yield rf"\par {EXPDD}"

    def entry(self, symbol: Symbol | None) -> str:
        return r"\cdot" if symbol is None else self.name(symbol)

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        n = max((len(r) for r in rows), default=1)
        body = r" \\ ".join(" & ".join(row) for row in rows)
        return rf"\left(\begin{{array}}{{{'c' * n}}} {body} \end{{array}}\right)"

    # Statements

    def lines(self, body: tuple[Stmt, ...]) -> Iterator[str]:
        """Yield statements as they would be written, in typewriter letters."""
        for line in self.code.lines(body):
            blanks = len(line) - len(line.lstrip(" "))
            yield rf"\par\hspace*{{{blanks / 2:g}em}}{_code(line.strip())}"


def _names(model: SolvedModel) -> Iterator[str]:
    """Yield the names in ``model``, those that are declared first."""
    for d in (*model.parameters, *model.state):
        yield d.symbol.name
    yield from (p.symbol.name for p in model.spike_ports)
    yield from (c.symbol.name for c in model.continuous_ports)
    for delay in model.delays:
        yield delay.symbol.name
    for s in model.internals:
        yield s.name
    for c in model.convolutions:
        yield from (s.name for s in c.states)
    for value in (r.value for r in model.recordables):
        for e in walk(value):
            if isinstance(e, Ref):
                yield e.symbol.name
            elif isinstance(e, Element):
                yield e.vector.name


def ambiguous(names: Iterable[str]) -> frozenset[str]:
    """Return the names whose formula an earlier one has already; these are spelt out."""
    first: dict[str, str] = {}
    return frozenset(n for n in names if first.setdefault(name_formula(n), n) != n)


def _formula(text: str) -> str:
    return rf"\formula{{{text}}}"


def _unit(type: Type) -> str:
    return "" if type.unit is None else f"${unit_formula(type.unit.text)}$"


def _prose(text: str) -> str:
    """Return text in which code stands between backquotes."""
    parts = text.split("`")
    return "".join(_code(p) if k % 2 else escaped(p) for k, p in enumerate(parts))


def _code(text: str) -> str:
    return rf"\texttt{{{escaped(text)}}}"


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        if paragraph.strip():
            yield rf"\par {escaped(' '.join(paragraph.split()))}"
