"""Old files become files of 9.0 that check clean and mean the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestml_core.diagnostics import Diagnostic, render
from nestml_core.experiment import Experiment, schedule
from nestml_core.pipeline import check_sources
from nestml_core.reference import constants, simulate
from nestml_core.rewriting import up_to_date
from nestml_core.solved import SolvedModel
from nestml_core.source import Source
from nestml_core.stimuli import with_input
from nestml_core.syntax.layout import lay_out
from nestml_core.syntax.upgrade import upgraded
from nestml_core.testing import corpus

OLD = sorted((Path(__file__).parent / "old_models").glob("*.nestml"))


def upgrade(text: str, dialect: str = "auto") -> tuple[str, tuple[Diagnostic, ...]]:
    result = upgraded(Source("m.nestml", text), dialect)
    assert result.value is not None
    return result.value, result.diagnostics


def compiled(text: str, dialect: str = "9.0") -> SolvedModel:
    result = check_sources([Source("m.nestml", text)], dialect=dialect)
    assert result.value is not None, "\n".join(render(d) for d in result.diagnostics)
    return result.value.models[0]


def in_state(*lines: str) -> str:
    return "model m:\n    state:\n" + "".join(f"        {x}\n" for x in lines)


# Each construct


CONSTRUCTS = {
    "neuron": ("neuron m:\n    state:\n        x real = 0\n", in_state("x real = 0")),
    "synapse": ("synapse m:\n    state:\n        x real = 0\n", in_state("x real = 0")),
    "a neuron and a synapse of one name": (
        "neuron m:\n  state:\n    x real = 0\nsynapse m:\n  state:\n    x real = 0\n",
        "model m_neuron:\n  state:\n    x real = 0\nmodel m_synapse:\n  state:\n    x real = 0\n",
    ),
    "end": (
        "neuron m:\n  state:\n    x real = 0\n  end # of state\n\nend\n",
        "model m:\n  state:\n    x real = 0\n  # of state\n\n",
    ),
    "end without indentation": (
        "neuron m:\n# first\nstate:\nx real = 0\n# last\nend\nupdate:\nif x > 0:\n"
        "x = 1\nelif x < 0:\nx = 2 + \\\n3\nelse:\nx = 4\nend\nend\nend\n",
        "model m:\n    # first\n    state:\n        x real = 0\n        # last\n    update:\n"
        "        if x > 0:\n            x = 1\n        elif x < 0:\n            x = 2 + \\\n"
        "                3\n        else:\n            x = 4\n",
    ),
    "initial values alone": (
        "neuron m:\n  initial_values: # at the beginning\n    x real = 0\n",
        "model m:\n  state: # at the beginning\n    x real = 0\n",
    ),
    "initial values and state": (
        "neuron m:\n  initial_values: # at the beginning\n    x real = 0 # x\n  parameters:\n"
        "    a real = 1\n  state:\n      # about y\n      y real = 0",
        "model m:\n  parameters:\n    a real = 1\n  state:\n      # about y\n      y real = 0\n"
        "      # at the beginning\n      x real = 0 # x\n",
    ),
    "output on one line": (
        "model m:\n    state:\n        x real = 0\n    output: spike # o\n",
        "model m:\n    state:\n        x real = 0\n    output:\n        spike # o\n",
    ),
    "output with attributes": (
        "model m:\n    state:\n        x real = 0\n    output:\n"
        "        spike(weight real, delay ms)\n",
        "model m:\n    state:\n        x real = 0\n    output:\n        spike\n",
    ),
    "output with attributes on one line": (
        "model m:\n    state:\n        x real = 0\n    output: spike(weight real)\n",
        "model m:\n    state:\n        x real = 0\n    output:\n        spike\n",
    ),
    "emitted spikes": (
        "model m:\n  output:\n    spike\n  state:\n    w real = 1\n  update:\n"
        "    deliver_spike(max(w, 1), 1 ms) # go\n    emit_spike( w , 1 ms )\n    emit_spike()\n",
        "model m:\n  output:\n    spike\n  state:\n    w real = 1\n  update:\n"
        "    emit_spike(max(w, 1)) # go\n    emit_spike( w )\n    emit_spike()\n",
    ),
    "sizes of vectors": (
        in_state("x mV[3] = 0 mV", "y, z[3] 1/ms [3] = 1 1/ms"),
        in_state("x[3] mV = 0 mV", "y[3], z[3] 1/ms = 1 1/ms"),
    ),
    "a name for an expression of the state": (
        "neuron m:\n  state:\n    V mV = 0 mV\n    # relative\n    function U mV = V - E # U\n"
        "  parameters:\n    E mV = -70 mV\n",
        "model m:\n  state:\n    V mV = 0 mV\n\n  equations:\n    # relative\n"
        "    recordable inline U mV = V - E # U\n  parameters:\n    E mV = -70 mV\n",
    ),
    "a name for an expression of internals": (
        "neuron m:\n  internals:\n    function P real = 2 # p\n",
        "model m:\n  internals:\n    P real = 2 # p\n",
    ),
    "text in triple quotes": (
        '"""\n   m - a model\n     of old\n\n   End.\n"""\nmodel m:\n    """ one line """\n'
        "    state:\n        x real = 0\n",
        "# m - a model\n#   of old\n#\n# End.\nmodel m:\n    # one line\n"
        "    state:\n        x real = 0\n",
    ),
    "block comments": (
        "/* a\n b */\nmodel m:\n  state:\n    x real = 1 /* one */ + 2\n    y real = 2 /* y */\n",
        "# a\n# b\nmodel m:\n  state:\n    # one\n    x real = 1   + 2\n    y real = 2 # y\n",
    ),
    "quotes in comments and strings": (
        'model m:\n  state:\n    s string = "a /* b" # """ /* mV\n    t_ real = 1 ms / ms\n',
        'model m:\n  state:\n    s string = "a /* b" # """ /* mV\n    t_ real = 1 ms / ms\n',
    ),
    "a broken conditional expression": (
        "neuron m:\n  state:\n    x real = 1 > 2\n      ? 1 # yes\n      : 2\n    y real = 0\n",
        "model m:\n  state:\n    # yes\n    x real = 1 > 2 \\\n      ? 1 \\\n      : 2\n"
        "    y real = 0\n",
    ),
    "empty blocks": (
        "neuron m:\n  state:\n    x real = 0\n  end\n  internals:\n  end\n"
        "  input: # none\n  end\nend\n",
        "model m:\n  state:\n    x real = 0\n  # none\n",
    ),
    "semicolons": (
        "neuron m:\n  state:\n    x real = 0; # x\n  equations:\n    x' = -x / (1 ms);\n"
        "  update:\n    x = 1; integrate_odes() ; x = 2;\n",
        "model m:\n  state:\n    x real = 0 # x\n  equations:\n    x' = -x / (1 ms);\n"
        "  update:\n    x = 1\n    integrate_odes() \n    x = 2\n",
    ),
    "line ends": (
        "neuron m:\r\n  output: spike\r\n  state:\r\n    x real = 0\r\n",
        "model m:\r\n  output:\r\n    spike\r\n  state:\r\n    x real = 0\r\n",
    ),
}


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_constructs(name: str) -> None:
    old, new = CONSTRUCTS[name]
    text, _ = upgrade(old)
    assert text == new
    assert upgrade(new)[0] == new
    if "[3]" not in text:
        compiled_all = check_sources([Source("m.nestml", text)])
        assert not compiled_all.errors, "\n".join(render(d) for d in compiled_all.diagnostics)


PORTS = """neuron m:
  state:
    V mV = 0 mV
    k_2 pA = 0 pA
    k_2' pA/ms = 1 pA / tau
  parameters:
    C pF = 1 pF
    tau ms = 2 ms
  equations:
    shape k = exp(-t / tau)
    shape k_2'' = -2 / tau * k_2' - k_2 / tau**2
    function I pA = {sum}
    V' = I / C
  input:
    a pA <- spike
    b nS <- inhibitory excitatory spike
    c mV/ms <- spike
    d real <- excitatory spike
    e_ <- spike
    I_s pA <- current
  update:
    integrate_odes()
    V += {value}
"""

SUMS = {
    "convolve(k, a)": "1 pA * convolve(k, a)",
    "curr_sum(k, a) + 1 pA": "1 pA * convolve(k, a) + 1 pA",
    "cond_sum(k, b) * V": "1 nS * convolve(k, b) * V",
    "-convolve(k, c) * C": "-1 (mV/ms) * convolve(k, c) * C",
    "convolve(k_2, a)": "1 pA * convolve(k_2, a)",
    "convolve(k_2, d)": "1 pA * convolve(k_2, d)",
    "1 pA * convolve(k, d)": "1 pA * convolve(k, d)",
    "curr_sum(k, e_)": "1 pA * convolve(k, e_)",
    "1 pA / (1 + convolve(k, a) / pA)": "1 pA / (1 + 1 pA * convolve(k, a) / 1 pA)",
    "1 pA / convolve(k, a) * pA": "1 pA / (1 pA * convolve(k, a)) * 1 pA",
    "convolve(k, a) ** 2 / pA": "(1 pA * convolve(k, a)) ** 2 / 1 pA",
}


@pytest.mark.parametrize("old", SUMS)
def test_convolutions_have_the_unit_of_their_port(old: str) -> None:
    text, notes = upgrade(PORTS.format(sum=old, value="1 mV"))
    assert f"    inline I pA = {SUMS[old]}\n" in text
    assert "    a <- spike\n    b <- spike\n    c <- spike\n    d <- excitatory spike\n" in text
    assert "I_s pA <- continuous" in text
    assert "    k_2 real = 0 pA / 1 pA\n    k_2' 1/ms = 1 pA / tau / 1 pA\n" in text
    assert "    kernel k = exp(-t / tau)\n    kernel k_2'' =" in text
    assert [d.code.id for d in notes] == ["NML953"]
    compiled(text)


VALUES = {
    "a / C * ms": "(1 pA * a * 1 s) / C * 1 ms",
    "2 * mV * d": "2 mV * (d * 1 s)",
    "mV * e_": "1 mV * (e_ * 1 s)",
    "c * ms": "(1 (mV/ms) * c * 1 s) * 1 ms",
}


@pytest.mark.parametrize("old", VALUES)
def test_values_of_ports_in_statements_are_those_of_a_step(old: str) -> None:
    text, _ = upgrade(PORTS.format(sum="convolve(k, a)", value=old))
    assert f"    V += {VALUES[old]}\n" in text
    compiled(text)


def test_what_cannot_be_upgraded_is_said() -> None:
    old = PORTS.format(sum="a", value="1 mV").replace(
        "update:", "preReceive:\n    V = 0 mV\n  update:"
    )
    text, notes = upgrade(old)
    left = [d for d in notes if d.code.id == "NML952"]
    assert [d.span.text for d in left] == ["a", "preReceive"]
    assert "inline I pA = a\n" in text
    result = up_to_date(Source("m.nestml", old))
    assert result.value == text
    assert result.errors


def test_handlers_get_the_port_of_their_side() -> None:
    old = (
        "synapse m:\n  state:\n    w real = 1\n  input:\n    pre_spikes nS <- spike\n"
        "    post_spikes nS <- spike\n  output: spike\n  preReceive:\n    deliver_spike(w, 1 ms)\n"
        "  postReceive:\n    w += 1\n"
    )
    text, _ = upgrade(old)
    assert "  onReceive(pre_spikes):\n    emit_spike(w)\n  onReceive(post_spikes):\n" in text
    compiled(text)


def test_a_comment_that_is_never_closed_is_said() -> None:
    _, notes = upgrade('"""\nmodel m:\n    state:\n        x real = 0\n')
    assert [(d.code.id, d.span.text) for d in notes] == [("NML952", '"""')]


def test_notes_have_their_place_in_the_old_text() -> None:
    old = "/* a\n b */\nsynapse m:\n  state:\n    w real = 1 @nest::weight # w\n  output: spike\n"
    text, notes = upgrade(old)
    assert "    w real = 1 # w\n" in text
    assert [(d.code.id, d.span.line, d.span.text) for d in notes] == [
        ("NML953", 5, "@nest::weight")
    ]
    assert "weight_variable" in notes[0].help


# Units


UNITS = {
    "V / mV": "V / 1 mV",
    "V/(mV)": "V/(1 mV)",
    "3 * mV / mV": "3 mV/mV",
    "-1e3 * ms/s": "-1e3 ms/s",
    "(0.01 / s) * s": "(0.01 / 1 s) * 1 s",
    "x / 3 mV * mV": "x / 3 mV * 1 mV",
    "x / 3 * mV / mV": "x / 3 * 1 mV/mV",
    "x * 3 * mV / mV": "x * 3 mV/mV",
    "(3 mV ** 2) / mV**2": "((3 mV) ** 2) / 1 mV**2",
    "3 mV**2 / V**2": "(3 mV)**2 / V**2",
    "1 mV**2 / V**2": "1 mV**2 / V**2",
    "x / mV / ms * mV * ms": "x / 1 mV / 1 ms * 1 mV*ms",
    "x / (mV * ms) * (mV * ms)": "x / (1 mV*ms) * (1 mV*ms)",
    "exp(-V / mV) + (V > 2 * mV ? ms / ms : 2)": "exp(-V / 1 mV) + (V > 2 mV ? 1 ms/ms : 2)",
    "3 mV / ms ** 1 / mV * ms": "3 mV/ms ** 1/mV*ms",
    "mV ** 2 / mV / mV": "1 mV ** 2/mV/mV",
    "5 h / h": "5 h / h",
    "-mV / -mV": "-1 mV / -1 mV",
    "x ** 2 * mV / V": "x ** 2 * 1 mV / V",
    "3 * mV ** k / V": "3 * 1 mV ** k / V",
    "2 mV ** k / V": "2 mV ** k / V",
    "3 mV / ms ** k * ms / mV": "3 mV / 1 ms ** k * 1 ms/mV",
}


@pytest.mark.parametrize("old", UNITS)
def test_units_get_a_number(old: str) -> None:
    model = "model m:\n    parameters:\n        V mV = 2 mV\n        x real = 3\n"
    model += "        h h = 2 h\n    internals:\n        k integer = 1\n        y real = {}\n"
    text, notes = upgrade(model.format(old), "8")
    assert text == model.format(UNITS[old])
    assert notes == ()
    assert value(text) == pytest.approx(value(model.format(old), "8"), rel=1e-14)
    assert upgrade(text)[0] == text


def value(text: str, dialect: str = "9.0") -> float:
    found = constants(compiled(text, dialect)).value
    assert found is not None
    return next(v for s, v in found.items() if s.name == "y")


def test_what_a_power_means_is_read_off_the_file() -> None:
    power = in_state("x mV**2 = 3 mV**2")
    assert upgrade(power)[0] == power
    assert "(3 mV)**2" in upgrade(power, "8")[0]
    old = power + "    parameters:\n        p real = 3 mV / (2 * mV)\n"
    assert "(3 mV)**2" in upgrade(old)[0]
    assert "3 mV**2" in upgrade(old, "9.0")[0]
    new = old + "        q 1/ms = 3 1/ms\n"
    assert "= 3 mV**2" in upgrade(new)[0]


Term = tuple[str, dict[str, int]]
NAMES = {"mV": "V", "ms": "tau", "pA": "I"}


def joined(a: Term, op: str, b: Term) -> Term:
    sign = 1 if op == "*" else -1
    unit = {u: a[1].get(u, 0) + sign * b[1].get(u, 0) for u in NAMES}
    return f"{a[0]} {op} {b[0]}", unit


@st.composite
def terms(draw: st.DrawFn, depth: int = 2) -> Term:
    """Return a product in the dialect of NESTML 8, and its unit."""
    result: Term | None = None
    for _ in range(draw(st.integers(1, 5))):
        unit = draw(st.sampled_from(sorted(NAMES)))
        number = draw(st.sampled_from(["2", "3.5", "1"]))
        kinds = [(number, {}), (unit, {unit: 1}), (NAMES[unit], {unit: 1})]
        kinds += [(f"{number} {unit}", {unit: 1}), (f"{number} {unit} ** 2", {unit: 2})]
        kinds += [(f"{unit}**2", {unit: 2})]
        kind = draw(st.integers(0, 7 if depth else 5))
        if kind < 6:
            factor: Term = kinds[kind]
        else:
            inner = draw(terms(depth - 1))
            form = draw(st.sampled_from(["({0})", "(-{0})", "({0} + {0})"]))
            factor = (form.format(inner[0]), inner[1])
        result = joined(result, draw(st.sampled_from("*/")), factor) if result else factor
    assert result is not None
    return result


@given(terms())
def test_any_product_keeps_its_value(term: Term) -> None:
    old, unit = term
    of = "*".join(f"{u}**{k}" for u, k in unit.items() if k) or "real"
    model = "model m:\n    parameters:\n        V mV = 7 mV\n        tau ms = 0.3 ms\n"
    model += f"        I pA = 1.7 pA\n    internals:\n        y {of} = {old}\n"
    text, _ = upgrade(model, "8")
    before, after = value(model, "8"), value(text)
    assert after == pytest.approx(before, rel=1e-12), text
    again, _ = upgrade(text)
    assert again == text


# Whole models


def comments(text: str) -> list[str]:
    return sorted(c.text.strip() for c in lay_out(Source("", text))[0].comments)


@pytest.mark.parametrize("path", OLD, ids=lambda p: p.stem)
def test_old_models_check_clean(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    new = up_to_date(Source("m.nestml", text))
    assert new.value is not None
    assert not new.errors, "\n".join(render(d) for d in new.diagnostics)
    words = [w for line in text.split("\n") if "#" in line for w in line.split("#", 1)[1].split()]
    kept = " ".join(comments(new.value)).split()
    assert set(filter(str.isalnum, words)) <= set(kept)
    assert upgrade(new.value)[0] == new.value
    assert any(v.shape[0] for v in traces(compiled(new.value)).values())


def traces(model: SolvedModel) -> dict[str, np.ndarray]:
    experiment, _ = with_input(model, Experiment(duration=30.0, dt=0.1, seed=3), 300.0)
    laid = schedule(experiment, model).value
    assert laid is not None
    result = simulate(model, laid)
    assert result.value is not None, "\n".join(render(d) for d in result.diagnostics)
    return dict(result.value.values)


def test_a_model_of_8_runs_as_before() -> None:
    """The 8.x dialect can be compiled as it is, but for what only the output said."""
    path = next(p for p in OLD if p.stem == "timer_8_0")
    text = path.read_text(encoding="utf-8")
    old = text.replace("spike(weight real, delay ms)", "spike")
    old = old.replace("emit_spike(1, 1 ms)", "emit_spike(1)")
    before = traces(compiled(old, "8"))
    after = traces(compiled(upgrade(text)[0]))
    assert before.keys() == after.keys()
    assert np.ptp(before["V_m"]) > 5
    for name, values in before.items():
        np.testing.assert_allclose(after[name], values, rtol=1e-9, atol=1e-12, err_msg=name)


def by_hand(name: str, replacements: dict[str, str]) -> tuple[SolvedModel, SolvedModel]:
    """Return an upgraded model, and one in which what matters was written by hand."""
    path = next(p for p in OLD if p.stem == name)
    text = upgrade(path.read_text(encoding="utf-8"))[0]
    written = text
    for old, new in replacements.items():
        assert old in written
        written = written.replace(old, new)
    return compiled(text), compiled(written)


def test_a_conductance_of_3_1_is_an_alpha_function() -> None:
    one, other = by_hand(
        "conductance_3_1",
        {
            "kernel g_in'' = -2 / tau_in * g_in' - g_in / tau_in**2": "kernel g_in = "
            "e / tau_in * t * exp(-t / tau_in)",
            "    g_in real = 0 nS / 1 nS\n": "",
            "    g_in' 1/ms = (e / tau_in) * 1 nS / 1 nS\n": "",
        },
    )
    first, second = traces(one)["V_m"], traces(other)["V_m"]
    assert np.ptp(first) > 1
    np.testing.assert_allclose(first, second, rtol=1e-7)


def test_a_pulse_of_4_0_jumps_by_its_weight() -> None:
    path = next(p for p in OLD if p.stem == "delta_4_0")
    model = compiled(upgrade(path.read_text(encoding="utf-8"))[0])
    experiment = Experiment(duration=5.0, dt=0.5, spikes={"spikes": [(1.0, 4.0), (3.0, 8.5)]})
    laid = schedule(experiment, model).value
    assert laid is not None
    run = simulate(model, laid).value
    assert run is not None
    assert sorted(set(np.round(run.values["V_m"], 9))) == [0.0, 4.0, 12.5]


@pytest.mark.parametrize("path", corpus.files(), ids=lambda p: p.stem)
def test_models_of_9_stay_as_they_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert upgrade(text) == (text, ())


@given(st.sampled_from([p.read_text(encoding="utf-8") for p in OLD]), st.data())
def test_any_text_is_upgraded_somehow(text: str, data: st.DataObject) -> None:
    """No crash, no comment lost, whatever the file is like."""
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        end = min(len(text), at + data.draw(st.integers(0, 12)))
        word = data.draw(st.sampled_from(WORDS))
        text = text[:at] + word + text[end:]
    result = upgraded(Source("m.nestml", text))
    assert result.value is not None


WORDS = (
    'end state: initial_values: function shape neuron x: <- spike [ ] ( ) " """ /* */ # ? : , '
    "convolve( curr_sum(k, a) emit_spike( deliver_spike(w, d) @nest::weight output: 3 mV ** 2 = "
    "\\ \n"
).split(" ")


def test_a_file_too_large_is_refused() -> None:
    result = upgraded(Source("m.nestml", "neuron m:\n" * 300_000))
    assert result.value is None
    assert [d.code.id for d in result.diagnostics] == ["NML008"]


@pytest.mark.parametrize(
    "text",
    ["neuron m:\n" * 20_000, "(" * 100_000, "x, \n" * 50_000, "end\n" * 100_000, '"""' * 50_001],
    ids=["models", "brackets", "commas", "ends", "quotes"],
)
def test_hostile_text_is_done_in_reasonable_time(text: str) -> None:
    import time

    begin = time.process_time()
    upgraded(Source("m.nestml", text))
    assert time.process_time() - begin < 60  # a bound against hanging, not a measurement
