"""Long lines of generated Python are broken, and what they mean stays the same."""

from __future__ import annotations

import ast

import pytest
from nestml_lava.floating import rendered
from nestml_lava.layout import WIDTH, broken
from nestml_lava.lower import process

from nestml_core.api import SolvedModel
from nestml_core.pipeline import compile_files
from nestml_core.testing import corpus

LONG = """
def f(v, active):
    '''Text.'''
    v.x = np.where(active, v.first_coefficient * (v.second_one + v.third_one) - np.exp(-v.some_exponent / v.tau_m), v.x)
    message = g("a bracket ( in a string, and a comma, which is left alone in every case that there can be", v.number, 3)
    return -(v.first_coefficient * v.first_variable + v.second_coefficient * v.second_variable + v.third_coefficient)
"""  # noqa: E501

SHORT = """
def f(v, active):
    '''Text.'''
    v.x = np.where(
        active,
        v.first_coefficient * (v.second_one + v.third_one) - np.exp(-v.some_exponent / v.tau_m),
        v.x,
    )
    message = g(
        "a bracket ( in a string, and a comma, which is left alone in every case that there can be",
        v.number,
        3,
    )
    return -(
        v.first_coefficient * v.first_variable
        + v.second_coefficient * v.second_variable
        + v.third_coefficient
    )
"""


def test_brackets_are_opened() -> None:
    assert broken(LONG) == SHORT
    assert broken(SHORT) == SHORT


def meaning(text: str) -> str:
    """Return the syntax tree, in which documentation may be laid out in any way."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant(" ".join(str(node.value.value).split()))
    return ast.dump(tree)


NEURONS = [m for m in corpus.models().values() if m.kind.value == "neuron"]


@pytest.mark.parametrize("name", ["hill_tononi", "hh_moto_5ht", "aeif_cond_exp", "glif_psc"])
def test_neurons_of_the_library_keep_their_meaning(name: str) -> None:
    program = compile_files([name]).value
    assert program is not None
    check(program.models[0])


@pytest.mark.parametrize("model", NEURONS, ids=lambda m: m.name)
def test_models_of_the_corpus_keep_their_meaning(model: SolvedModel) -> None:
    check(model)


def check(model: SolvedModel) -> None:
    lowered = process(model, 0.1).value
    assert lowered is not None
    plain = rendered(lowered, "1.0")
    laid_out = broken(plain)
    assert meaning(laid_out) == meaning(plain)
    lines = laid_out.splitlines()
    assert all(line == line.rstrip() for line in lines)
    long = [line for line in lines if len(line) > WIDTH]
    assert len(long) <= max(6, len(lines) // 50)
