"""Whatever text comes in, the compiler answers: a model, or errors that have a place.

``tox -e fuzz`` searches longer.
"""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from nestml_core.diagnostics import render
from nestml_core.pipeline import check_sources, library_models
from nestml_core.printing.nestml import NestmlPrinter
from nestml_core.source import Source
from nestml_core.verify import violations

TEXTS = [p.read_text(encoding="utf-8") for p in library_models()]
WORDS = (
    "V_m state: equations: parameters: update: model m: if else: and or not = == + - * / ** "
    "( ) [ ] [[ ]] ' mV ms pA 1 0.5 1e3 inf true spikes <- spike continuous "
    "integrate_odes() emit_spike() "
    'convolve(K, spikes) kernel inline real integer exp( , ; # " ? : \n \n    \n        \t'
).split(" ")


def answer(text: str) -> None:
    """Compile ``text`` and check the answer."""
    source = Source("m.nestml", text)
    result = check_sources([source])
    for d in result.diagnostics:
        assert 0 <= d.span.start <= d.span.end <= len(text)
        assert render(d).startswith("m.nestml:")
    if result.value is None:
        assert result.errors
    else:
        for model in result.value.models:
            assert violations(model) == ()


@given(st.sampled_from(TEXTS), st.data())
def test_edited_models(text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        end = min(len(text), at + data.draw(st.integers(0, 12)))
        text = text[:at] + data.draw(st.sampled_from(WORDS)) + text[end:]
    answer(text)


@given(st.lists(st.sampled_from(WORDS), max_size=60))
def test_words_in_any_order(words: list[str]) -> None:
    answer("model m:\n    state:\n        V_m mV = 0 mV\n" + " ".join(words))


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    answer(text)


NUMBERS = st.integers(0, 9).map(str)
EXPRESSIONS = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" + ", " - ", " * "]), inner).map("".join),
        inner.map(lambda e: f"({e})"),
        inner.map(lambda e: f"-{e}"),
        st.tuples(inner, st.sampled_from(["2", "3"])).map(lambda t: f"({t[0]})**{t[1]}"),
    ),
    max_leaves=12,
)


@given(EXPRESSIONS)
def test_arithmetic_means_what_python_says(text: str) -> None:
    """Precedence and associativity, against Python's own parser on a common subset."""
    import ast

    def value(node: ast.expr) -> Fraction:
        match node:
            case ast.Constant(v):
                return Fraction(v)
            case ast.UnaryOp(_, operand):
                return -value(operand)
            case ast.BinOp(left, op, right):
                a, b = value(left), value(right)
                kinds = {ast.Add: a + b, ast.Sub: a - b, ast.Mult: a * b}
                return kinds[type(op)] if type(op) in kinds else a ** int(b)
        raise AssertionError(ast.dump(node))

    model = f"model m:\n    internals:\n        x integer = {text}\n"
    result = check_sources([Source("m.nestml", model)])
    assert result.value is not None, [render(d) for d in result.diagnostics]
    printed = NestmlPrinter().expr(result.value.models[0].derived[0].value)  # type: ignore[union-attr]
    expected = value(ast.parse(text, mode="eval").body)
    assert value(ast.parse(printed, mode="eval").body) == expected
