"""What is refused, renamed, or taken out of the step."""

from __future__ import annotations

import pytest
from nestml_nest.backend import NestBackend
from nestml_nest.options import Options

from nestml_core.api import (
    Diagnostic,
    Pair,
    SolvedProgram,
)
from nestml_core.pipeline import check_sources, generate
from nestml_core.source import Source
from nestml_core.testing import models

BACKEND = NestBackend()


def program(text: str) -> SolvedProgram:
    checked = check_sources([Source("test.nestml", text)])
    assert checked.value is not None, checked.diagnostics
    return checked.value


def found(text: str, **options: str) -> tuple[Diagnostic, ...]:
    return generate(program(text), BACKEND, Options(**options)).diagnostics


def codes(diagnostics: tuple[Diagnostic, ...]) -> list[str]:
    return [d.code.id for d in diagnostics]


PLAIN = """
model {name}:
    state:
        x real = 0
    update:
        x = x + 1
"""


def test_a_model_of_a_name_that_nest_has_gets_another() -> None:
    text = PLAIN.format(name="iaf_psc_exp") + PLAIN.format(name="mine")
    made = generate(program(text), BACKEND, Options(module="m"))
    assert codes(made.diagnostics) == ["NEST109"]
    assert made.value is not None
    module = str(made.value["m.cpp"])
    assert 'register_node_model<iaf_psc_exp_nestml>("iaf_psc_exp_nestml")' in module
    assert 'register_node_model<mine>("mine")' in module


def test_without_an_ending_it_is_refused() -> None:
    (refusal,) = found(PLAIN.format(name="iaf_psc_exp"), ending="")
    assert refusal.code.id == "NEST102"
    assert refusal.span.text
    assert "--ending" in refusal.help


def test_two_models_cannot_share_a_name() -> None:
    text = PLAIN.format(name="iaf_psc_exp_nestml") + PLAIN.format(name="iaf_psc_exp")
    assert codes(found(text)) == ["NEST102"]


def test_names_of_classes_are_all_different() -> None:
    text = PLAIN.format(name="double") + PLAIN.format(name="double_") + PLAIN.format(name="nest")
    made = generate(program(text), BACKEND, Options())
    assert not made.diagnostics
    module = str((made.value or {})["nestmlmodule.cpp"])
    for name, title in (("double__", "double"), ("double_", "double_"), ("nest_", "nest")):
        assert f'register_node_model<{name}>("{title}")' in module


@pytest.mark.parametrize(
    "options",
    [
        {"module": "my-module"},
        {"module": "1st"},
        {"module": "std"},
        {"module": "nest"},
        {"ending": "-x"},
        {"optimization": "fast"},
        {"flags": "'"},
    ],
)
def test_options_that_cannot_be(options: dict[str, str]) -> None:
    assert codes(found(PLAIN.format(name="m"), **options)) == ["NEST106"]


def test_module_and_ending_are_used() -> None:
    text = PLAIN.format(name="izhikevich")
    made = generate(program(text), BACKEND, Options(module="mine", ending="_s"))
    assert made.value is not None
    assert "mine.cpp" in made.value
    assert "izhikevich_s.h" in made.value
    assert 'register_node_model<izhikevich_s>("izhikevich_s")' in str(made.value["mine.cpp"])


def test_pairs_are_a_neuron_and_a_synapse() -> None:
    solved = SolvedProgram((models()["leak"],), (Pair("leak", "leak"),))
    assert codes(BACKEND.lower(solved, Options()).diagnostics) == ["NEST112"]


def test_entries_of_nest_are_kept_apart() -> None:
    text = """
model calcium:
    state:
        Ca real = 0
    parameters:
        tau_minus ms = 20 ms
    update:
        Ca = Ca * exp(-resolution() / tau_minus)
"""
    warned = found(text)
    assert codes(warned) == ["NEST103", "NEST103"]
    assert [d.span.text for d in warned] == ["tau_minus", "Ca"]
    assert all(not d.is_error and d.help for d in warned)


def test_weights_of_spikes_are_not_sent() -> None:
    text = """
model m:
    state:
        x real = 0
    output:
        spike
    update:
        emit_spike(x)
"""
    assert codes(found(text)) == ["NEST105"]


def test_random_defaults_are_refused() -> None:
    text = """
model m:
    state:
        V_m mV = random_normal(-70 mV, 5 mV)
    update:
        V_m = V_m
"""
    (refusal,) = found(text)
    assert refusal.code.id == "NEST107"
    assert "nest.random" in refusal.help
    assert refusal.span.text.startswith("random_normal")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("return random_uniform(0, 1)", "draws random numbers"),
        ("n += 1\n        return 1", "changes state variables"),
        ("emit_spike()\n        return 1", "emits spikes"),
    ],
)
def test_functions_with_effects_cannot_stand_in_recordables(body: str, why: str) -> None:
    text = f"""
model m:
    state:
        n integer = 0
    equations:
        recordable inline y real = outer(1)
    output:
        spike
    function inner(x real) real:
        {body}
    function outer(x real) real:
        return 2 * inner(x)
    update:
        n = n + 1
"""
    (refusal,) = found(text)
    assert refusal.code.id == "NEST104"
    assert why in refusal.message
    assert refusal.help


def test_comments_cannot_swallow_code() -> None:
    text = (
        "# a comment that ends in a backslash \\\n# */ and more\n" + PLAIN.format(name="m").lstrip()
    )
    made = generate(program(text), BACKEND, Options()).value
    assert made is not None
    lines = str(made["m.h"]).splitlines()
    assert not any(line.rstrip().endswith("\\") for line in lines)
