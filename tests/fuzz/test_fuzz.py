"""Whatever text comes in, the compiler answers: a model, or errors that have a place.

``tox -e fuzz`` searches longer.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from fractions import Fraction
from pathlib import Path

import pytest
from generated_models import models
from hypothesis import given, settings
from hypothesis import strategies as st

from nestml_core.diagnostics import render
from nestml_core.pipeline import check_sources, library_models
from nestml_core.printing.nestml import NestmlPrinter
from nestml_core.source import Source, Span
from nestml_core.syntax import parse as parsing
from nestml_core.syntax import tree
from nestml_core.syntax.build import Builder
from nestml_core.syntax.layout import lay_out
from nestml_core.syntax.parse import parse
from nestml_core.syntax.printing import print_file
from nestml_core.testing.corpus import files
from nestml_core.verify import violations

PEER = os.environ.get("NESTML_PEER_PACKAGE", "")
TEXTS = [
    p.read_text(encoding="utf-8")
    for p in (*library_models(), *files(), *sorted(Path(PEER).rglob("*.nestml") if PEER else ()))
]
"""Real models: the library, the corpus of the conformance kit, and the peer's where it is."""
MUTATIONS = 500
WORDS = (
    "V_m state: equations: parameters: update: model m: neuron end shape function if else: and or "
    "not = == + - * / ** // //= ( ) [ ] [[ ]] ' mV ms pA 1 0.5 1e3 inf true spikes <- spike "
    "continuous excitatory @a::b @homogeneous integrate_odes() emit_spike() "
    'convolve(K, spikes) kernel inline real integer exp( , ; # " """ ? : \\ \n \n    \n        \t '
    "\r µ \ue000 \0 \f"
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


def mutations() -> int:
    """Return how many edited models are tried: 500, or 20,000 in the long profile."""
    return max(MUTATIONS, 4 * settings.default.max_examples)


def edited(text: str, rng: random.Random) -> str:
    """Return ``text`` after some small edits: words, characters and lines put in, out or moved."""
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, len(text))
        match rng.randrange(6):
            case 0 | 1:
                end = min(len(text), at + rng.randint(0, 12))
                text = text[:at] + rng.choice(WORDS) + text[end:]
            case 2:
                text = text[:at] + chr(rng.randrange(32, 127)) + text[at + 1 :]
            case 3:
                text = text[:at] + text[at + rng.randint(1, 3) :]
            case 4:
                lines = text.split("\n")
                k = rng.randrange(len(lines))
                lines[k : k + rng.randint(1, 3)] = rng.choices(lines, k=rng.randint(0, 2))
                text = "\n".join(lines)
            case _:
                other = rng.choice(TEXTS)
                start = rng.randint(0, len(other))
                text = text[:at] + other[start : start + rng.randint(0, 80)] + text[at:]
    return text


def test_edited_models() -> None:
    """Edits of real models: never a crash, never a hang, and every rejection has a place."""
    slowest = 0.0
    for k in range(mutations()):
        rng = random.Random(k)
        text = edited(rng.choice(TEXTS), rng)
        begin = time.process_time()
        try:
            answer(text)
        except Exception as problem:
            raise AssertionError(f"mutation {k}:\n{text}") from problem
        slowest = max(slowest, time.process_time() - begin)
    assert slowest < 30  # a bound against hanging, not a measurement


def test_the_quick_parser_agrees_with_the_plain_one() -> None:
    """The same trees, and the same texts refused; also of texts with a mistake in them."""
    from textx.exceptions import TextXSyntaxError

    quick = parsing._quick_parser()
    assert quick is not None, "this version of textX or Python is not understood"
    accepted = 0
    for k in range(max(120, settings.default.max_examples)):
        rng = random.Random(-k)
        text = rng.choice(TEXTS)
        if k % 3:
            at = rng.randrange(len(text))
            text = text[:at] + rng.choice(WORDS) + text[at + rng.randint(0, 2) :]
        laid, _ = lay_out(Source("m.nestml", text))
        ours = quick(laid.text)
        try:
            plain = parsing._metamodel().model_from_str(laid.text)
        except TextXSyntaxError:
            assert ours is None, f"{k}: {text}"
            continue
        accepted += 1
        assert ours is not None, f"{k}: {text}"
        assert Builder(laid, {}).models(ours) == Builder(laid, {}).models(plain), f"{k}: {text}"
    assert accepted > 40


def bare(value: object) -> object:
    """Return a tree without its spans."""
    if isinstance(value, Span):
        return None
    if isinstance(value, tuple):
        return tuple(map(bare, value))
    if is_dataclass(value):
        parts = (bare(getattr(value, f.name)) for f in fields(value))
        return (type(value).__name__, *parts)
    return value


def elements(value: object) -> Iterator[tree.Remarks]:
    if isinstance(value, tree.Remarks):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from elements(part)
    elif is_dataclass(value) and not isinstance(value, Span):
        for f in fields(value):
            yield from elements(getattr(value, f.name))


@given(models())
def test_generated_models_are_printed_and_read_again(text: str) -> None:
    first = parse(Source("m.nestml", text))
    assert not first.diagnostics, [render(d) for d in first.diagnostics]
    printed = print_file(first.file)
    second = parse(Source("m.nestml", printed))
    assert bare(second.file.models) == bare(first.file.models)
    assert print_file(second.file) == printed
    attached = [c for r in elements(first.file.models) for c in (*r.above, *r.beside)]
    assert len(attached) == len(set(attached)), "a comment belongs to two elements"
    assert set(attached) <= set(first.file.comments)


@given(models())
def test_generated_models_are_valid(text: str) -> None:
    answer(text)
    result = check_sources([Source("m.nestml", text)])
    # whether a constant divisor comes to zero is beyond the generator
    errors = [d for d in result.errors if d.code.id != "NML214"]
    assert not errors, [render(d) for d in errors]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_real_models_are_printed_and_read_again(text: str) -> None:
    first = parse(Source("m.nestml", text)).file
    second = parse(Source("m.nestml", print_file(first))).file
    assert bare(second.models) == bare(first.models)


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
