"""LaTeX: formulas that mean what the expression means, documents that compile, nothing injected."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import nestml_core
from nestml_core.expr import Binary, Expr, Kind, Number, Ref, Symbol, Unary
from nestml_core.pipeline import check_sources, compile_files, resolved_models
from nestml_core.printing.latex import LatexPrinter, escaped, name_formula, unit_formula
from nestml_core.solved import SolvedModel
from nestml_core.source import Source
from nestml_core.testing import models
from nestml_core.types import Base, Dimension, Type, Unit
from nestml_core.typesetting import latex

GOLDEN = Path(__file__).parent / "latex"
CORPUS = models()
ENGINE = next((e for e in ("tectonic", "pdflatex", "lualatex", "xelatex") if shutil.which(e)), None)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("x", "x"),
        ("V_m", "V_{m}"),
        ("tau_syn_exc", r"\tau_{\mathrm{syn,exc}}"),
        ("tau_m", r"\tau_{m}"),
        ("I_1", "I_{1}"),
        ("k1", "k_{1}"),
        ("theta_alpha_2", r"\theta_{\alpha,2}"),
        ("refr", r"\mathrm{refr}"),
        ("g'", "g'"),
        ("g_ex''", r"{g_{\mathrm{ex}}}''"),
        ("w[2]", "w_{2}"),
        ("K__X__in__1", r"K_{X,\mathrm{in},1}"),
        ("_", r"\text{\ttfamily \_}"),
        ("$x", r"\text{\ttfamily \$x}"),
        (r"\input{x}", r"\text{\ttfamily \textbackslash{}input\{x\}}"),
    ],
)
def test_names(name: str, formula: str) -> None:
    assert name_formula(name) == formula


@pytest.mark.parametrize(
    ("unit", "formula"),
    [
        ("mV", r"\mathrm{mV}"),
        ("nS/mV**2", r"\mathrm{nS}/\mathrm{mV}^{2}"),
        ("1/(ms*mV)", r"1/(\mathrm{ms}\,\mathrm{mV})"),
        ("(ms*mV)**-1", r"(\mathrm{ms}\,\mathrm{mV})^{-1}"),
        ("mV**(1/2)*pA", r"\mathrm{mV}^{1/2}\,\mathrm{pA}"),
        ("MOhm", r"\mathrm{M}\Omega"),
        ("um", r"\mu\mathrm{m}"),
        ("}x", r"\text{\ttfamily \}}\mathrm{x}"),
    ],
)
def test_units(unit: str, formula: str) -> None:
    assert unit_formula(unit) == formula


def formula(text: str) -> str:
    source = (
        "model m:\n    parameters:\n        a real = 1\n        b real = 2\n        n integer = 3\n"
        "        p boolean = true\n"
        f"    equations:\n        inline x real = {text}\n"
    )
    found = resolved_models(Source("m.nestml", source)).value
    assert found is not None
    return LatexPrinter().expr(found[0].inlines[0].value)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a - (b - 1)", r"a - \left(b - 1\right)"),
        ("a + (b + 1)", "a + b + 1"),
        ("a + (b - 1)", "a + b - 1"),
        ("a + (-b + 1)", r"a + \left(-b + 1\right)"),
        ("-(a + b) / 2", r"-\frac{a + b}{2}"),
        ("-a * b", r"-a\, b"),
        ("-2 * a + -b", r"-2\, a - b"),
        ("a * (b + 1) * 2", r"a\, \left(b + 1\right) \cdot 2"),
        ("(-a) ** 2", r"{\left(-a\right)}^{2}"),
        ("-a ** 2", r"-{a}^{2}"),
        ("(a / b) ** n", r"{\left(\frac{a}{b}\right)}^{n}"),
        ("(a ** b) ** n", r"{\left({a}^{b}\right)}^{n}"),
        ("exp(-a / b)", r"\exp\left(-\frac{a}{b}\right)"),
        ("log10(a) ** 2", r"{\left(\log_{10}\left(a\right)\right)}^{2}"),
        ("abs(a)", r"\left|a\right|"),
        ("e ** a + pi", r"{\mathrm{e}}^{a} + \pi"),
        ("1e-5 * a", r"10^{-5}\, a"),
        ("0.125", "0.125"),
        ("2.5e20", r"2.5 \cdot 10^{20}"),
        ("n % 2", r"\mathrm{rem}\left(n, 2\right)"),
        ("n // 2", r"\mathrm{trunc}\left(\frac{n}{2}\right)"),
        ("a > 1 and not p ? a : b", r"\begin{cases} a & \text{if } a > 1 \wedge \neg p"
         r" \\ b & \text{otherwise} \end{cases}"),
        ("1 + (p ? a : b)", r"1 + \left(\begin{cases} a & \text{if } p \\ b & \text{otherwise} "
         r"\end{cases}\right)"),
    ],
)  # fmt: skip
def test_expressions(text: str, wanted: str) -> None:
    assert formula(text) == wanted


A, B = (Symbol(n, Kind.PARAMETER) for n in ("a_x", "tau"))
VALUES = {A: Fraction(3, 7), B: Fraction(-5, 2)}
LEAVES = st.one_of(
    st.sampled_from([Ref(A), Ref(B)]),
    st.fractions(-50, 50, max_denominator=40).map(Number),
    st.sampled_from([Number(Fraction(10) ** k) for k in (-7, 6, 12)]),
)
POWERS = st.integers(-2, 3).map(lambda k: Number(Fraction(k)))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Unary, st.just("-"), inner),
        st.builds(Binary, st.sampled_from("+-*/"), inner, inner),
        st.builds(Binary, st.just("**"), inner, POWERS),
    ),
    max_leaves=12,
)  # fmt: skip


def value(e: Expr) -> Fraction:
    match e:
        case Number(v):
            return v
        case Ref(symbol):
            return VALUES[symbol]
        case Unary(_, operand):
            return -value(operand)
        case Binary("+", a, b):
            return value(a) + value(b)
        case Binary("-", a, b):
            return value(a) - value(b)
        case Binary("*", a, b):
            return value(a) * value(b)
        case Binary("/", a, b):
            return value(a) / value(b)
        case Binary("**", a, b):
            return value(a) ** int(value(b))
        case _:
            raise AssertionError(e)


def read_back(text: str) -> Fraction:
    """Return the value of a formula, read as a mathematician reads it."""
    python = text
    for shown, meant in (
        (r"\left(", "("),
        (r"\right)", ")"),
        ("a_{x}", "A"),
        (r"\tau", "B"),
        (r"\frac", "over"),
        (r"\, ", "*"),
        (r" \cdot ", "*"),
        ("^", "**"),
        ("{", "("),
        ("}", ")"),
    ):
        python = python.replace(shown, meant)
    python = re.sub(r"\d+(\.\d+)?", lambda m: f"F('{m[0]}')", python)
    names: dict[str, Any] = {"F": Fraction, "A": VALUES[A], "B": VALUES[B]}
    return Fraction(eval(python, {"over": lambda a: lambda b: a / b, **names}))


@given(TREES)
def test_a_formula_means_what_the_expression_means(tree: Expr) -> None:
    try:
        wanted = value(tree)
    except ZeroDivisionError:
        assume(False)
    assert read_back(LatexPrinter().expr(tree)) == wanted


# Nothing is injected

COMMAND = re.compile(r"\\([A-Za-z]+|.)", re.DOTALL)
TEXT_COMMANDS = frozenset(
    """textbackslash textasciicircum textasciitilde ensuremath char dots circ pm times cdot
    leftarrow rightarrow leq geq mu ss alpha beta gamma delta epsilon zeta eta theta iota kappa
    lambda nu xi pi rho sigma tau upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma
    Upsilon Phi Psi Omega v c r""".split()
) | set("{}$&#%_`'^~\"=.")


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_becomes_harmless(text: str) -> None:
    shown = escaped(text)
    assert all(" " <= c <= "\x7e" for c in shown)
    assert {m[1] for m in COMMAND.finditer(shown)} <= TEXT_COMMANDS
    bare = COMMAND.sub("", shown)
    assert not re.search(r"[%#$&~_]", bare)
    assert "^" not in re.sub(r"\{\^\d?\}", "", bare), "only in formulas"
    assert all(bare[:k].count("{") >= bare[:k].count("}") for k in range(len(bare)))
    assert bare.count("{") == bare.count("}")


EVIL = r"\input{/etc/passwd} \end{document} ^^5cwrite18{ls} % $$ } \csname x\endcsname" + "\n\n\x00"


def hostile() -> SolvedModel:
    """Return a model, as a file could hold it, whose every text tries to break out."""
    text = (
        "# " + EVIL.splitlines()[0] + "\nmodel m:\n    parameters:\n        a mV = 1 mV  # \\x{%\n"
        "    state:\n        x real = f(1)\n    update:\n"
        '        print("\\\\input{x} %")\n        x += f(2)\n'
        "    function f(y real) real:\n        return 2 * y\n"
    )
    program = check_sources([Source("m.nestml", text)]).value
    assert program is not None
    (model,) = program.models
    unit = Unit(EVIL, Dimension(), Fraction(1))
    symbol = Symbol(EVIL, Kind.PARAMETER, Type(Base.QUANTITY, unit))
    worse = replace(model.parameters[0], symbol=symbol, value=Ref(symbol), documentation=EVIL)
    call = replace(model.state[0].value, function=EVIL)
    state = replace(model.state[0], value=call)
    return replace(
        model, name=EVIL, documentation=EVIL, parameters=(worse, *model.parameters), state=(state,)
    )


def test_no_text_of_a_model_becomes_a_command() -> None:
    shown = latex(hostile())
    assert not re.search(r"\\(input|write|csname|endcsname|x)\b", shown)
    assert shown.count(r"\end{document}") == 1
    assert shown.endswith("\\end{document}\n")
    assert "^^" not in shown
    assert "\x00" not in shown
    assert not re.search(r"(?<!\\)%", shown)


# Documents


def solved(name: str) -> SolvedModel:
    if name in CORPUS:
        return CORPUS[name]
    program = compile_files([name]).value
    assert program is not None
    return program.models[0]


@pytest.mark.parametrize("name", ["iaf_psc_exp", "izhikevich", "kernel_exp"])
def test_documents_have_not_changed(name: str, request: pytest.FixtureRequest) -> None:
    shown = latex(solved(name), standalone=False)
    path = GOLDEN / f"{name}.tex"
    if request.config.getoption("--bless"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CORPUS)
def test_formulas_are_mathematics(name: str) -> None:
    """Matplotlib's own parser accepts each formula that has no table in it."""
    mathtext = pytest.importorskip("matplotlib.mathtext")
    parser = mathtext.MathTextParser("path")
    shown = latex(CORPUS[name], standalone=False)
    found = re.findall(r"^\\formula\{(.*)\}$", shown, re.MULTILINE) + re.findall(
        r"\$([^$]+)\$", shown
    )
    plain = [f for f in found if not re.search(r"\\begin|\\text\b|\\%|\\&", f) and len(f) < 2000]
    for f in dict.fromkeys(plain):
        parser.parse(f"${f}$")
    assert plain or not found


def test_names_with_one_formula_are_told_apart() -> None:
    text = (
        "model m:\n    parameters:\n        V_m real = 1\n        V__m real = 2\n"
        "    state:\n        x real = V_m + V__m\n"
    )
    program = check_sources([Source("m.nestml", text)]).value
    assert program is not None
    shown = latex(program.models[0])
    assert r"$V_{m} + \text{\ttfamily V\_\_m}$" in shown


def compiled(shown: str, folder: Path) -> None:
    assert ENGINE is not None
    (folder / "m.tex").write_text(shown, encoding="utf-8")
    options = [] if ENGINE == "tectonic" else ["-interaction=nonstopmode", "-halt-on-error"]
    command = [ENGINE, *options, "m.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    assert (folder / "m.pdf").stat().st_size > 1000


needs_latex = pytest.mark.skipif(ENGINE is None, reason="no LaTeX engine is installed")


@needs_latex
def test_all_documents_compile(tmp_path: Path) -> None:
    small = [m for name, m in CORPUS.items() if name != "deep_expression"]
    library = compile_files([Path(nestml_core.__file__).parent / "models"]).value
    assert library is not None
    compiled(latex(*small, *library.models), tmp_path)


@needs_latex
def test_a_hostile_model_compiles(tmp_path: Path) -> None:
    compiled(latex(hostile()), tmp_path)


@needs_latex
def test_any_character_compiles(tmp_path: Path) -> None:
    few = "".join(map(chr, range(0x2600))) + "\u4e2d\ufeff\U0001f9e0" + "--- ,, '' `` ?` !` ''"
    lines = [few[k : k + 40] for k in range(0, len(few), 40)]
    model = replace(CORPUS["leak"], documentation="\n\n".join(lines))
    compiled(latex(model), tmp_path)


def test_the_function_takes_loaded_models() -> None:
    model = nestml_core.load("iaf_psc_exp")
    assert nestml_core.latex(model) == latex(model.solved)


def test_the_command_line_prints_a_document() -> None:
    command = [sys.executable, "-m", "nestml_core.cli", "inspect", "--latex", "iaf_psc_exp"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == latex(solved("iaf_psc_exp"))
    assert done.stdout.startswith("\\documentclass")
