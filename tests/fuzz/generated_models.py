"""Models drawn at random: all blocks and statements, well typed, laid out and commented anyhow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st

Draw = st.DrawFn

UNITS = ("mV", "ms", "pA", "nS", "pF")
TYPES = ("real", "integer", "boolean", *UNITS)
ARITHMETIC = ("real", "integer", *UNITS)
LITERALS = {
    "real": ("0.5", "1.", ".25", "1.5e1", "2E-1", "3.0"),
    "integer": ("0", "1", "2", "007", "12"),
    "boolean": ("true", "false", "True", "False"),
    "mV": (
        "1 mV",
        "-65 mV",
        "0.07 V",
        "3e3 uV",
        "2.5 pA/nS",
        "1 mV**2*mV**-1",
        "4 mV**(3/2)/mV**0.5",
    ),
    "ms": ("1 ms", "0.02 s", "1.5e3 us", "1 (1/ms)**-1", "2 pF/nS", "3 1/kHz"),
    "pA": ("1 pA", "0.4 nA", "1e-3 nA", "2 nS*mV", "5 pF*mV/ms"),
    "nS": ("1 nS", "0.03 uS", "2 pA/mV", "1 1/GOhm"),
    "pF": ("250 pF", "0.25 nF", "1 pA*ms/mV", "10 nS*ms"),
}
WRITTEN = {
    "real": ("real",),
    "integer": ("integer",),
    "boolean": ("boolean",),
    "mV": ("mV", "pA/nS", "(pA*ms)/pF", "mV**(1/2)*mV**0.5"),
    "ms": ("ms", "pF/nS", "(1/ms)**-1"),
    "pA": ("pA", "nS*mV", "pF*mV/ms"),
    "nS": ("nS", "pA/mV", "1/(mV/pA)"),
    "pF": ("pF", "pA*ms/mV", "nS/ms**-1"),
}
COMMENTS = st.sampled_from(
    (" a remark", "", "## title", ' says "so"', " \ue000 µV – ∂V/∂t", " end")
)


@dataclass
class Names:
    """The variables that an expression may read, by type."""

    by_type: dict[str, list[str]] = field(default_factory=dict)
    functions: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)

    def add(self, name: str, kind: str) -> None:
        self.by_type.setdefault(kind, []).append(name)

    def with_local(self) -> Names:
        copied = {k: list(v) for k, v in self.by_type.items()}
        return Names(copied, list(self.functions))


def one_of(draw: Draw, *choices: str) -> str:
    return draw(st.sampled_from(choices))


def blanks(draw: Draw) -> str:
    return one_of(draw, " ", " ", " ", "", "  ", "\t")


def expression(draw: Draw, kind: str, names: Names, depth: int = 3) -> str:
    """Return an expression of a type; what is looser than `*` stands in parentheses."""
    own = names.by_type.get(kind, [])
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        if own and draw(st.booleans()):
            return draw(st.sampled_from(own))
        literal = one_of(draw, *LITERALS[kind])
        return f"({literal})" if kind in UNITS else literal

    def of(other: str) -> str:
        return expression(draw, other, names, depth - 1)

    def binary(*operators: str, left: str = kind, right: str = kind) -> str:
        op = one_of(draw, *operators)
        space = " " if op[0].isalpha() or op in "<" else blanks(draw)
        return f"({of(left)}{space}{op}{space}{of(right)})"

    choice = draw(st.integers(0, 6))
    if kind == "boolean":
        return condition(draw, choice, of, binary)
    if choice == 0:
        return f"({of('boolean')} ? {of(kind)} : {of(kind)})"
    if choice == 1:
        return f"({one_of(draw, '-', '+', '- -', '-+')}{of(kind)})"
    if choice == 2:
        return f"{one_of(draw, 'max', 'min')}({of(kind)},{blanks(draw)}{of(kind)})"
    fitting = [f for f in names.functions if f[1] == kind]
    if choice == 3 and fitting:
        name, _, parameters = draw(st.sampled_from(fitting))
        return f"{name}({', '.join(map(of, parameters))})"
    if kind == "integer":
        return binary("+", "-", "*", "&", "|", "^")
    return number(draw, kind, choice, of, binary)


def number(
    draw: Draw, kind: str, choice: int, of: Callable[[str], str], binary: Callable[..., str]
) -> str:
    if kind == "real" and choice == 4:
        unit = one_of(draw, *UNITS)
        return binary("/", left=unit, right=unit)
    if kind == "real" and choice == 5:
        return f"{one_of(draw, 'exp', 'sin', 'cos', 'tanh', 'abs')}({of('real')})"
    if choice == 6:
        return binary("*", left="real", right=kind)
    return binary("+", "-")


def condition(draw: Draw, choice: int, of: Callable[[str], str], binary: Callable[..., str]) -> str:
    if choice < 2:
        return binary("and", "or")
    if choice == 2:
        return f"(not {of('boolean')})"
    if choice == 3:
        return binary("==", "!=", "<>")
    number = one_of(draw, *ARITHMETIC)
    return binary("<", "<=", ">=", ">", left=number, right=number)


@dataclass
class Page:
    """Lines being written, with comments and blank lines between them."""

    draw: Draw
    lines: list[str] = field(default_factory=list)
    lead: str = ""

    def line(self, text: str) -> None:
        comment = self.draw(st.integers(0, 7))
        if comment == 0:
            self.lines += [self.lead + "#" + self.draw(COMMENTS)] * self.draw(st.integers(1, 2))
        elif comment == 1:
            self.lines.append(one_of(self.draw, "", "   ", "# free", "      # free", "\t"))
            self.lines += [""] if self.lines[-1].strip() else []
        elif comment == 2:
            text += blanks(self.draw) + "#" + self.draw(COMMENTS)
        elif comment == 3 and " = " in text and '"' not in text:
            text = text.replace(" = ", " = \\\n" + " " * self.draw(st.integers(0, 9)), 1)
        self.lines.append(self.lead + text)

    def deeper(self) -> Page:
        step = one_of(self.draw, "    ", "  ", "\t", " ", "        ")
        return Page(self.draw, self.lines, self.lead + step)


def decorators(draw: Draw, *choices: str) -> str:
    return "".join(" " + d for d in draw(st.lists(st.sampled_from(choices), max_size=2)))


def declarations(page: Page, block: str, names: Names, known: Names) -> Page:
    """Write a block of variables, each of which may read ``known``; return its page."""
    draw = page.draw
    page.line(f"{block}:")
    inner = page.deeper()
    for k in range(draw(st.integers(1, 4))):
        kind = one_of(draw, *TYPES)
        group = [f"{block[0]}{k}{'abc'[i]}" for i in range(draw(st.integers(1, 3)))]
        listed = one_of(draw, ", ", ",", " , ").join(group)
        value = f" = {expression(draw, kind, known, 2)}"
        if block == "parameters":
            guard = f" [[ true or {expression(draw, 'boolean', known, 1)} ]]"
            value += one_of(draw, "", "", guard)
            value += decorators(draw, "@homogeneous", "@heterogeneous", "@a::b_$c")
        if block != "state" and draw(st.integers(0, 5)) == 0:
            value = ""
        inner.line(f"{listed} {one_of(draw, *WRITTEN[kind])}{value}")
        for name in group:
            names.add(name, kind)
    return inner


def statements(page: Page, names: Names, targets: Names, depth: int = 2, counter: int = 0) -> int:
    """Write a body; ``targets`` may be assigned to. Return the number of locals so far."""
    draw = page.draw

    def body(counter: int) -> int:
        inner = page.deeper()
        return statements(inner, names.with_local(), targets.with_local(), depth - 1, counter)

    for _ in range(draw(st.integers(1, 3))):
        choice = draw(st.integers(0, 7 if depth else 4))
        kinds = [k for k, v in targets.by_type.items() if v]
        if choice <= 2 and kinds:
            kind = draw(st.sampled_from(kinds))
            name = draw(st.sampled_from(targets.by_type[kind]))
            numeric = kind in ("real", "integer")
            op = one_of(draw, "=", "=", "+=", "-=", *(("*=",) if numeric else ()))
            op = "=" if kind == "boolean" else op
            space = blanks(draw)
            page.line(f"{name}{space}{op}{space}{expression(draw, kind, names)}")
        elif choice == 3:
            page.line(f'{one_of(draw, "print", "println")}("a \\"b\\" # c \\\\ µ \ue001")')
        elif choice <= 4:
            kind = one_of(draw, *TYPES)
            name = f"l{counter}"
            counter += 1
            page.line(f"{name} {one_of(draw, *WRITTEN[kind])} = {expression(draw, kind, names)}")
            names.add(name, kind)
            targets.add(name, kind)
        elif choice == 5:
            page.line(f"if {expression(draw, 'boolean', names)}{blanks(draw)}:")
            counter = body(counter)
            for _ in range(draw(st.integers(0, 2))):
                page.line(f"elif {expression(draw, 'boolean', names)}:")
                counter = body(counter)
            if draw(st.booleans()):
                page.line("else:")
                counter = body(counter)
        elif choice == 6:
            page.line(f"while {expression(draw, 'boolean', names)}:")
            counter = body(counter)
        else:
            name = f"l{counter}"
            counter += 1
            page.line(f"{name} integer = 0")
            names.add(name, "integer")
            start, stop = (expression(draw, "integer", names, 1) for _ in range(2))
            step = one_of(draw, "1", "2", "-1", "- 1")
            page.line(f"for {name} in {start}{one_of(draw, ' ... ', '...')}{stop} step {step}:")
            counter = body(counter)
    return counter


def function(page: Page, name: str, known: Names) -> tuple[str, str, tuple[str, ...]]:
    draw = page.draw
    kind = one_of(draw, *TYPES)
    kinds = tuple(draw(st.lists(st.sampled_from(TYPES), max_size=3)))
    listed = ", ".join(f"x{k} {one_of(draw, *WRITTEN[t])}" for k, t in enumerate(kinds))
    page.line(f"function {name}({listed}) {one_of(draw, *WRITTEN[kind])}:")
    inner = page.deeper()
    own = Names()
    for k, t in enumerate(kinds):
        own.add(f"x{k}", t)
    targets = Names()
    statements(inner, own, targets, 1)
    inner.line(f"return {expression(draw, kind, own)}")
    return name, kind, kinds


def equations(page: Page, names: Names, spikes: bool) -> None:
    draw = page.draw
    page.line("equations:")
    inner = page.deeper()
    if spikes:
        inner.line(f"kernel K = exp(-t{blanks(draw)}/{blanks(draw)}(2 ms)){one_of(draw, '', ';')}")
    for k in range(draw(st.integers(0, 2))):
        kind = one_of(draw, *ARITHMETIC)
        words = one_of(draw, "inline", "recordable inline")
        value = expression(draw, kind, names, 2)
        more = decorators(draw, "@lab::note", "@a::b")
        inner.line(
            f"{words} i{k} {one_of(draw, *WRITTEN[kind])} = {value}{one_of(draw, '', ';')}{more}"
        )
        names.add(f"i{k}", kind)
    drive = f"{expression(draw, 'mV', names, 2)} / (5 ms)"
    if spikes and draw(st.booleans()):
        drive += " + convolve(K, p0) * 1 mV/ms"
    end = one_of(draw, "", ";") + decorators(draw, "@lab::note")
    inner.line(f"V_m' = -V_m / (10 ms) + {drive}{end}")
    inner.line(f"w'' = -w / (10 ms)**2 - {one_of(draw, '0.5', '2')} * w' / (10 ms)")


def ports(page: Page, names: Names) -> bool:
    """Write the input block; return whether there is a spike port ``p0``."""
    draw = page.draw
    page.line("input:")
    inner = page.deeper()
    spikes = draw(st.booleans())
    if spikes:
        inner.line(f"p0 <- {one_of(draw, '', 'excitatory ', 'inhibitory ')}spike")
    if not spikes or draw(st.booleans()):
        inner.line("I0 pA <- continuous")
        names.add("I0", "pA")
    return spikes


@st.composite
def models(draw: Draw, name: str = "m") -> str:
    """Return the text of a valid model."""
    page = Page(draw)
    if draw(st.booleans()):
        page.lines += ["# m - drawn at random", "#", "#   indented"]
    page.lines.append(f"model {name}:")
    body = page.deeper()
    parameters, fixed, state = Names(), Names(), Names()
    if draw(st.booleans()):
        declarations(body, "parameters", parameters, Names())
        fixed.by_type = {k: list(v) for k, v in parameters.by_type.items()}
    if draw(st.booleans()):
        declarations(body, "internals", fixed, parameters.with_local())
    inner = declarations(body, "state", state, fixed)
    for line in ("V_m mV = -70 mV", "w real = 1", "w' 1/ms = 0 1/ms"):
        inner.line(line)
    everything = fixed.with_local()
    for kind, more in state.by_type.items():
        for variable in more:
            everything.add(variable, kind)
    everything.add("V_m", "mV")
    everything.add("w", "real")
    spikes = ports(body, everything) if draw(st.booleans()) else False
    equations(body, everything, spikes)
    functions = [function(body, f"f{k}", Names()) for k in range(draw(st.integers(0, 2)))]
    everything.functions += functions
    state.add("V_m", "mV")
    if draw(st.booleans()):
        body.line("output:")
        body.deeper().line("spike")
        emits = True
    else:
        emits = False
    body.line("update:")
    inner = body.deeper()
    inner.line(one_of(draw, "integrate_odes()", "integrate_odes(V_m, w)"))
    statements(inner, everything.with_local(), state.with_local())
    if emits:
        inner.line(one_of(draw, "emit_spike()", "emit_spike(1.5)"))
    if spikes and draw(st.booleans()):
        body.line("onReceive(p0):")
        statements(body.deeper(), everything.with_local(), state.with_local())
    if draw(st.booleans()):
        body.line(f"onCondition({expression(draw, 'boolean', everything)}):")
        statements(body.deeper(), everything.with_local(), state.with_local())
    end = one_of(draw, "\n", "", "\n\n", "\n# the end")
    return one_of(draw, "\n", "\n", "\r\n").join(page.lines) + end
