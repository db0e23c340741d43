"""Positions, comments, recovery, and hostile input."""

from __future__ import annotations

import random
import time

import pytest

from nestml_core.diagnostics import render
from nestml_core.pipeline import library_models
from nestml_core.source import Source, Span
from nestml_core.syntax import tree
from nestml_core.syntax.layout import lay_out
from nestml_core.syntax.parse import Parsed, parse

MODELS = {p.stem: p.read_text(encoding="utf-8") for p in library_models()}


def parsed(text: str) -> Parsed:
    return parse(Source("m.nestml", text))


def spans(value: object) -> list[Span]:
    found: list[Span] = []
    waiting = [value]
    while waiting:
        v = waiting.pop()
        if isinstance(v, Span):
            found.append(v)
        elif isinstance(v, tuple):
            waiting.extend(v)
        elif hasattr(v, "__dataclass_fields__"):
            waiting.extend(getattr(v, f) for f in v.__dataclass_fields__)
    return found


@pytest.mark.parametrize("name", MODELS)
def test_every_span_is_inside_the_text_and_not_blank(name: str) -> None:
    result = parsed(MODELS[name])
    assert not result.diagnostics
    for span in spans(result.file.models):
        assert span.text.strip() == span.text != "", span


@pytest.mark.parametrize("name", MODELS)
def test_names_and_operators_stand_where_their_spans_say(name: str) -> None:
    waiting: list[object] = [parsed(MODELS[name]).file.models]
    seen = 0
    while waiting:
        v = waiting.pop()
        if isinstance(v, tree.Name | tree.Operator):
            assert v.span.text == v.text
            seen += 1
        elif isinstance(v, tuple):
            waiting.extend(v)
        elif hasattr(v, "__dataclass_fields__") and not isinstance(v, Span):
            waiting.extend(getattr(v, f) for f in v.__dataclass_fields__)
    assert seen > 20


def test_comments_survive() -> None:
    text = MODELS["iaf_psc_exp"]
    file = parsed(text).file
    assert len(file.comments) == sum("#" in line for line in text.splitlines())
    model = file.models[0]
    assert model.documentation.startswith("iaf_psc_exp - leaky integrate-and-fire")
    block = next(e for e in model.elements if isinstance(e, tree.VariableBlock))
    assert block.declarations[0].documentation == "membrane potential"


def test_line_ends_of_other_systems_change_nothing() -> None:
    text = MODELS["izhikevich"]
    crlf = parsed(text.replace("\n", "\r\n"))
    assert not crlf.diagnostics
    assert crlf.file.models[0].name.text == "izhikevich"
    assert not parsed(text.rstrip("\n")).diagnostics
    assert not parsed(text.replace("    ", "\t")).diagnostics


def test_layout_maps_every_character_back() -> None:
    for text in MODELS.values():
        laid, problems = lay_out(Source("m", text))
        assert not problems
        for i, c in enumerate(laid.text):
            if c not in "\ue000\ue001\ue002 ":
                assert text[laid.origin(i)] == c


def test_deleting_any_one_line_or_character_is_handled() -> None:
    """No crash, no hang, every complaint has a place in the text."""
    rng = random.Random(20261122)
    text = MODELS["iaf_psc_exp"]
    lines = text.splitlines(keepends=True)
    variants = ["".join(lines[:i] + lines[i + 1 :]) for i in range(14, len(lines))]
    for _ in range(150):
        at = rng.randrange(600, len(text))
        variants.append(
            text[:at]
            + rng.choice(["", "(", ")", "=", '"', "[", "'", "\t", "µ", "1"])
            + text[at + 1 :]
        )
    for variant in variants:
        for d in parsed(variant).diagnostics:
            assert 0 <= d.span.start <= len(variant)
            assert render(d).startswith("m.nestml:")


def test_one_mistake_is_one_error() -> None:
    text = MODELS["iaf_psc_exp"]
    for old, new in [
        ("state:", "state"),
        ("V_m mV = E_L", "V_m = E_L"),
        ("if refr_steps > 0:", "if refr_steps > 0"),
        ("else:", "else"),
        ("refr_steps -= 1", "refr_steps -= "),
        ("I_syn_exc' =", "I_syn_exc' "),
        ("exc_spikes <- excitatory spike", "exc_spikes <- exitatory spike"),
        ("emit_spike()", "emit_spike("),
    ]:
        at = text.index(old, 500)
        found = parsed(text[:at] + new + text[at + len(old) :]).diagnostics
        assert len(found) == 1, (new, [d.message for d in found])
        line = text[:at].count("\n") + 1
        assert found[0].span.line == line


@pytest.mark.parametrize(
    "text",
    [
        "(" * 1_000_000,
        "a b\n" * 250_000,
        "model m:\n" + "".join("    " * k + "if true:\n" for k in range(1, 400)),
        "model m:\n    state:\n        x real = 1" + " + 1" * 300_000 + "\n",
        "".join(chr(32 + (i * 7919) % 95) if i % 61 else "\n" for i in range(1_000_000)),
        "\x00" * 1_000_000,
        "é" * 1_000_000,
        "model m:\n    state:\n        x real = " + "9" * 100_000 + "\n",
        "model m:\n    state:\n        x real = 1e999999999\n",
    ],
    ids=["brackets", "lines", "blocks", "sum", "garbage", "zeros", "letters", "digits", "exponent"],
)
def test_hostile_text_is_refused_in_reasonable_time(text: str) -> None:
    from nestml_core.pipeline import check_sources

    begin = time.process_time()
    result = check_sources([Source("m.nestml", text)])
    assert result.value is None
    assert result.errors
    assert len(result.diagnostics) <= 30
    assert time.process_time() - begin < 60  # a bound against hanging, not a measurement
