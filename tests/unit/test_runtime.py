"""The C++ headers that generated code takes along: complete, self-contained, and as the contract
says. That they compile and compute is tested where there are compilers, with the backends."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import nestml_core
from nestml_core.api import CPP_INTEGRATORS, RODAS, Method, cpp_runtime
from nestml_core.reference.integrators import ERROR, STAGES
from nestml_core.runtime import NEEDS
from nestml_core.solved import MOST_TRIALS

FOLDER = Path(nestml_core.__file__).parent / "runtime" / "cpp"


def test_every_file_is_offered() -> None:
    assert set(cpp_runtime()) == {p.name for p in FOLDER.iterdir()} == set(NEEDS)


def test_prerequisites_come_first_and_nothing_else_comes_along() -> None:
    assert tuple(cpp_runtime(["rosenbrock.hpp"])) == (
        "trial_steps.hpp",
        "linear_equations.hpp",
        "rosenbrock.hpp",
    )
    assert tuple(cpp_runtime(["runge_kutta.hpp"])) == ("runge_kutta.hpp",)
    assert cpp_runtime([]) == {}
    for header, needed in NEEDS.items():
        order = list(NEEDS)
        assert all(order.index(n) < order.index(header) for n in needed)


@pytest.mark.parametrize("name", NEEDS)
def test_headers_can_be_pasted_into_one_file(name: str) -> None:
    text = cpp_runtime()[name]
    guard = f"NESTML_RUNTIME_V1_{name.removesuffix('.hpp').upper()}"
    assert text.startswith(f"#ifndef {guard}\n#define {guard}\n")
    assert text.endswith("#endif\n")
    assert '#include "' not in text
    assert "namespace nestml_runtime {\ninline namespace v1 {\n" in text
    code = re.sub(r"//.*", "", text)
    assert not re.search(r"\b(new|malloc|std::vector|std::string|std::function|throw)\b", code)
    assert all(len(line) <= 100 for line in text.splitlines())


@pytest.mark.parametrize("method", Method)
def test_every_method_has_a_function(method: Method) -> None:
    header, function = CPP_INTEGRATORS[method]
    assert re.search(rf"^(bool|void) {function}\(", cpp_runtime()[header], re.MULTILINE)


def numbers(text: str) -> set[float]:
    return {float(x) for x in re.findall(r"\d+\.\d+(?:e-?\d+)?", text)}


def test_rosenbrock_has_the_coefficients_of_the_contract() -> None:
    found = numbers(cpp_runtime()["rosenbrock.hpp"])
    for row in (*RODAS.stages, *RODAS.couplings):
        assert {abs(x) for x in row} <= found
    assert 1 / RODAS.gamma in found


def test_dormand_prince_has_the_coefficients_of_the_reference() -> None:
    text = cpp_runtime()["dormand_prince.hpp"]
    fractions = {float(a) / float(b) for a, b in re.findall(r"(\d+\.0) / (\d+\.0)", text)}
    assert {abs(x) for row in (*STAGES, ERROR) for x in row if x} == fractions


def test_trial_steps_end_where_the_contract_says() -> None:
    assert f"most_trials = {MOST_TRIALS};" in cpp_runtime()["trial_steps.hpp"]
