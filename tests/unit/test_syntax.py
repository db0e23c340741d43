"""Positions, comments, recovery, and hostile input."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from nestml_core.diagnostics import render
from nestml_core.pipeline import library_models
from nestml_core.source import Source, Span
from nestml_core.syntax import tree
from nestml_core.syntax.layout import lay_out
from nestml_core.syntax.parse import Parsed, parse
from nestml_core.syntax.printing import print_type

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
    assert seen > 5


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
        "a b\n" * 120_000,
        "model m:\n" + "".join("    " * k + "if true:\n" for k in range(1, 400)),
        "model m:\n    state:\n        x real = 1" + " + 1" * 300_000 + "\n",
        "".join(chr(32 + (i * 7919) % 95) if i % 61 else "\n" for i in range(1_000_000)),
        "\x00" * 1_000_000,
        "é" * 1_000_000,
        "model m:\n    state:\n        x real = " + "x + " * 2_500_000 + "1\n",
        "\n" * 10_000_000,
        "# a comment\n" * 900_000,
        "#" + "x" * 10_000_000,
        "model m:\n    state:\n        x real = " + "b[" * 10_000 + "]" * 10_000 + "\n",
        "model m:\n    state:\n        x real = " + "-" * 10_000 + "1\n",
        "model m:\n    state:\n        x real = " + "1**" * 10_000 + "1\n",
        "model m:\n    state:\n        x real = " + "true ? 1 : " * 1_000 + "1\n",
        "model m:\n    state:\n        x " + "(" * 10_000 + "mV" + ")" * 10_000 + " = 1\n",
        "neuron m:\n" + "    end\n" * 60_000,
        "model m:\n    update:\n" + "        x = \n" * 35_000,
        "model m:\n    update:\n        if b:\n            x = 1\n" + "        elif b:\n" * 10_000,
        "model m:\n    state:\n        x real = " + "9" * 100_000 + "\n",
        "model m:\n    state:\n        x real = 1e999999999\n",
    ],
    ids=(
        "brackets lines blocks sum garbage zeros letters long_line blank_lines comment_lines "
        "comment indices signs powers conditions units ends mistakes elifs digits exponent"
    ).split(),
)
def test_hostile_text_is_refused_in_reasonable_time(text: str) -> None:
    from nestml_core.pipeline import check_sources

    begin = time.process_time()
    result = check_sources([Source("m.nestml", text)])
    assert result.value is None
    assert result.errors
    assert len(result.diagnostics) <= 30
    assert time.process_time() - begin < 60  # a bound against hanging, not a measurement


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "NML407"),
        ("\ufeff", "NML407"),
        ("\r\n\r\n", "NML407"),
        ("model m:\r    state:\r        x real = 0", "NML020"),
        ("model m:\n    state:\n        x\x00 real = 0\n", "NML002"),
        ("model m:\n\f    state:\n        x real = 0\n", "NML002"),
        ("model m:\n    state:\n\xa0       x real = 0\n", "NML002"),
        ("model m:\n    state:\n        x real = \ue000 0\n", "NML002"),
        ("model m:\n    state:\n        x real \ue001= 0\n", "NML002"),
        ("model m:\n\ue002    state:\n        x real = 0\n", "NML002"),
    ],
)
def test_one_foreign_character_is_one_error(text: str, code: str) -> None:
    from nestml_core.pipeline import check_sources

    result = check_sources([Source("m.nestml", text)])
    assert [d.code.id for d in result.errors] == [code]


def test_characters_of_the_layout_mean_nothing_in_strings_and_comments() -> None:
    text = (
        "# \ue000\ue001\ue002\n"
        "model m: # \ue001\n"
        "    update: # \ue002\n"
        '        print("\ue000\ue001 \ue002 µ # \\" (") # \ue000\n'
    )
    result = parsed(text)
    assert not result.diagnostics
    (model,) = result.file.models
    assert model.documentation == "\ue000\ue001\ue002"
    (update,) = model.elements
    assert isinstance(update, tree.Update)
    (statement,) = update.body
    assert isinstance(statement, tree.CallStatement)
    (argument,) = statement.call.arguments
    string = argument.operands[0].atom
    assert isinstance(string, tree.Text)
    assert string.value == '\ue000\ue001 \ue002 µ # " ('
    assert argument.span.text == '"\ue000\ue001 \ue002 µ # \\" ("'


def test_a_byte_order_mark_and_no_last_line_end_are_no_matter() -> None:
    result = parsed("\ufeffmodel m:\r\n\tstate:\r\n\t\tx real = 0")
    assert not result.diagnostics
    assert result.file.models[0].name.span.text == "m"


def test_a_file_that_is_no_text_has_a_place(tmp_path: Path) -> None:
    from nestml_core.pipeline import compile_files

    path = tmp_path / "m.nestml"
    path.write_bytes(b"model m:\n    state: # caf\xe9\n        x real = 0\n")
    (found,) = compile_files([path]).diagnostics
    assert found.code.id == "NML911"
    assert render(found).startswith(f"{path}:")


NESTED = 37
"""Brackets inside a model, a block and a statement; 40 may be open in all."""


@pytest.mark.parametrize(
    "statement",
    [
        "x = " + "(" * NESTED + "x" + ")" * NESTED,
        "x = " + "tanh(" * NESTED + "x" + ")" * NESTED,
        "x = " + "-" * 40 + "x",
        "b = " + "not " * 40 + "b",
        "x = " + "**".join(["x"] * 41),
        "x = " + "b ? x : " * NESTED + "2",
        "x = " + "(" * NESTED + " + ".join(["x"] * 500) + ")" * NESTED,
        "x = " + " + ".join(["x"] * 3000),
        "b = " + " and ".join(["b"] * 3000),
    ],
    ids="brackets calls signs nots powers conditions both sum conjunction".split(),
)
def test_what_may_be_nested_passes_everything_behind(statement: str) -> None:
    """Solving, describing, printing and running; the limits must leave room for all of it."""
    from nestml_core.describe import describe
    from nestml_core.experiment import Experiment, schedule
    from nestml_core.pipeline import check_sources
    from nestml_core.reference import simulate
    from nestml_core.syntax.printing import print_file

    state = "    state:\n        x real = 0.5\n        b boolean = true\n"
    source = Source("m.nestml", f"model m:\n{state}    update:\n        {statement}\n")
    program = check_sources([source])
    assert program.value is not None, [render(d) for d in program.diagnostics]
    (model,) = program.value.models
    assert describe(model)
    laid = schedule(Experiment(duration=1.0, dt=0.5), model).value
    assert laid is not None
    assert simulate(model, laid).value is not None
    assert not parse(Source("m.nestml", print_file(parse(source).file))).diagnostics


# What the language has, line by line


def declared(text: str) -> str:
    return f"model m:\n    state:\n        {text}\n"


def updated(text: str) -> str:
    return f"model m:\n    update:\n        {text}\n"


def equated(text: str) -> str:
    return f"model m:\n    equations:\n        {text}\n"


def received(text: str) -> str:
    return f"model m:\n    {text}:\n        return\n"


def ported(text: str) -> str:
    return f"model m:\n    input:\n        {text}\n"


VALID = [
    *map(
        declared,
        (
            "x real",
            "recordable inline a, b mV = 1 mV [[ a > 0 mV ]] @homogeneous @a::b",
            "x, y ,z integer = 007",
            "$x_1$ real = 5.",
            "x real = .5",
            "x real = 1.e3 + 1E+3 - 1e-3",
            "x [ 3 ] mV = 1 mV",
            "x '' real = 0",
            "neuron real = 0",
            "end real = 0",
            "shape real = 0",
            "weight real = 0",
            "x 1/ms = 1/ms",
            "x 1/(ms*mV) = 1 1/(ms*mV)",
            "x (ms*mV)**-1 = 1 (ms*mV)**-1",
            "x mV**(1/2) = 3 mV**(1/2)",
            "x mV**-(1/2) = 3 mV**-(1/2)",
            "x mV**0.5 = 3 mV**0.5",
            "x mV**+2 = 3 mV ** 2",
            "x mV**0 = 1",
            "x uF/cm**2 = 1 uF/cm**2",
            "x mV*mV*nS**2",
            "x (1/ms)*mV",
            "x 2/ms = 1",
            "x boolean = True or false and not x == y",
            'x string = "a \\" # b" # c',
            "x real = -inf * 1 mV",
            "x real = a[b[1]] + a[ b[1] ]",
            "x real = 2**-1 + -a**2 + ~a",
            "x boolean = a <> b",
            "x integer = a // b % c << 1 >> 2 & 3 | 4 ^ 5",
            "x real = a ? b : c ? d : e",
            "x real = f() + f(1, g(2))",
            "x real = (1 +\n            2)",
            "x real = 1 + \\\n 2",
            "x real = max(1,\n            2)",
        ),
    ),
    *map(
        updated,
        (
            "x = 1",
            "x += 1",
            "x -= -1",
            "x *= 2",
            "x /= 2",
            "x //= 2",
            "x[i + 1] = 2",
            "f()",
            "l0 (pA*ms)/pF = 1",
            "return",
            "return x",
            "x mV = 1 mV @a::b",
            "for k in 0 ... 5 step 1:\n            x = k",
            "for k in 0...5 step 2:\n            x = k",
            "for k in a ... b - 1 step -0.5:\n            x = k",
            "for k in 5 ... 0 step - 1:\n            x = k",
            "while true:\n            x = k",
            "if a:\n          x = 1\n        elif b:\n          x=2\n        else:\n         x = 3",
        ),
    ),
    *map(
        equated,
        (
            "x' = -x / tau",
            "x'' = -x / tau;",
            "x' = -x / tau; @mechanism::channel",
            "inline y real = x;",
            "recordable inline y mV = x @mechanism::receptor @a::b",
            "kernel K = exp(-t / tau);",
            "kernel K' = L - K,\n            L' = -K",
        ),
    ),
    *map(received, ("onReceive(p)", "onReceive(p, priority=1, a=true, b=1.5, c=inf)")),
    *map(received, ('onReceive( p , name="x" )', "onCondition(x > 1 and y)", "update")),
    *map(
        received, ("onCondition(f(x), priority=2)", "function f()", "function f(a mV, b real) real")
    ),
    *map(ported, ("p <- spike", "p <- excitatory spike", "p[2] <- inhibitory spike")),
    *map(ported, ("q pA <- continuous", "q [n] mV/ms <- continuous")),
    "model m:\n    output:\n        continuous\n",
    "\n# only\n   # comments\n\nmodel m:\n  state:\n        x real\n  update:\n   x = 1\n",
    "model m:\n\tstate:\n            x real\n\nmodel n:\n\tupdate:\n\t\tx = 1",
]
INVALID = [
    *map(
        declared,
        (
            "x = 1",
            "real x = 1",
            "while real = 1",
            "x real = 1;",
            "x real = 1 @foo",
            "x real = 1 @a::b [[ x > 1 ]]",
            "x real = 'a'",
            "x real = 1 +\n        2",
            "x real = 1 +\n            2",
            "x mV**x = 1",
            "x real = a b",
            "x real = (1",
            "x real = 1)",
            "µ real = 1",
            "x real[3] = 1",
        ),
    ),
    *map(
        updated,
        (
            "x %= 2",
            "x = y = 2",
            "x = 1; y = 2",
            "break",
            "pass",
            "x",
            "x++",
            "for k in 0 ... 5:\n            x = k",
            "for k in 0 ... 5 step n:\n            x = k",
            "if x = 1:\n            x = 2",
            "if a: x = 1",
            "x = 1 @homogeneous",
        ),
    ),
    *map(
        equated, ("kernel K = 1 @a::b", "x' -x", "shape K = 1", "function y mV = 1", "x real = 1")
    ),
    *map(received, ("onReceive", "onReceive(p[1])", "onReceive(p, priority=-2)", "function f(a)")),
    *map(ported, ("p mV <- spike", "q <- continuous", "q pA <- current", "p <- spike(w real)")),
    *map(ported, ("p <- spike @a::b",)),
    "model m:\n",
    "model m:\n    state:\n        # nothing\n",
    "model m:\n    output: spike\n",
    "model m:\n    state: x real = 1\n",
    "state:\n    x real = 1\n",
]


@pytest.mark.parametrize("text", VALID)
def test_valid_syntax(text: str) -> None:
    assert [render(d) for d in parsed(text).diagnostics] == []


@pytest.mark.parametrize("text", INVALID)
def test_invalid_syntax_is_one_error(text: str) -> None:
    result = parsed(text)
    assert len([d for d in result.diagnostics if d.is_error]) == 1, result.diagnostics


def test_units_keep_their_form() -> None:
    def unit(text: str) -> str:
        (block,) = parsed(declared(f"x {text}")).file.models[0].elements
        assert isinstance(block, tree.VariableBlock)
        return print_type(block.declarations[0].type)

    assert unit("1/ms*mV") == "1/ms*mV"  # the numerator takes all that follows
    assert unit("(1/ms)*mV") == "(1/ms)*mV"
    assert unit("1/ms/mV") == "1/ms/mV"
    assert unit("mV**0.5") == "mV**(1/2)"
    assert unit("mV** - ( 1 / 2 )") == "mV**-(1/2)"
    assert unit("((mV)) * (ms)") == "mV*ms"


def test_every_kind_of_element_keeps_its_comments() -> None:
    text = """\
# the model
model m: # beside the model

    # free

    # above parameters
    parameters: # beside parameters
        # above a
        a real = 1 # beside a
    equations: # beside equations
        # above K
        kernel K = L, # beside K
            # above L
            L' = -K / (1 ms) # beside L
        # above x
        x' = (1 # in x
            + 2) # beside x
    input:
        # above p
        p <- spike # beside p
    # above output
    output: # beside output
        # above spike
        spike # beside spike
    update:
        # above if
        if a > 1: # beside if
            a = 1 # beside one
        # above elif
        elif a > 2: # beside elif
            a = 2
        # above else
        else: # beside else
            # above three
            a = 3
            # last
"""
    file = parsed(text).file
    found: list[str] = []
    waiting: list[object] = [file.models]
    while waiting:
        v = waiting.pop()
        if isinstance(v, tree.Remarks):
            found += [c.text.strip() for c in (*v.above, *v.beside)]
        elif isinstance(v, tuple):
            waiting.extend(v)
        elif hasattr(v, "__dataclass_fields__") and not isinstance(v, Span):
            waiting.extend(getattr(v, f) for f in v.__dataclass_fields__)
    every = [c.text.strip() for c in file.comments]
    assert sorted([*found, "free", "last"]) == sorted(every)
    assert len(every) == text.count("#")


def test_an_old_file_is_one_error_for_each_kind() -> None:
    body = "  state:\n    x real = 0\n  end\n"
    text = "".join(f"neuron m{k}:\n{body}end\n" for k in range(500))
    result = parsed(text)
    assert [d.message for d in result.diagnostics] == [
        "`neuron` blocks are of NESTML before 8.0 (500 times in this file)",
        "`end` closes nothing since NESTML 5.3 (1000 times in this file)",
    ]
    assert len(result.file.models) == 500


@pytest.mark.parametrize(
    "text",
    [
        "modelm:\n    state:\n        x real = 0\n",
        "model m:\n    functionf() real:\n        return 1\n",
        "model m:\n    equations:\n        inlinea real = 1\n",
        "model m:\n    update:\n        ifx:\n            y = 1\n",
    ],
)
def test_a_keyword_ends_where_a_word_ends(text: str) -> None:
    assert any(d.is_error for d in parse(Source("m.nestml", text)).diagnostics)


@pytest.mark.parametrize("text", ["×", "\ufeff×", "\ufeff\u00a0×2", "a:\n×", "\t\u00a0×\n  ×"])
def test_a_line_may_begin_with_any_character(text: str) -> None:
    assert any(d.is_error for d in parse(Source("m.nestml", text)).diagnostics)
