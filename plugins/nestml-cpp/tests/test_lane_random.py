"""Random numbers of populations: those of single neurons, whatever else there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from generated_programs import BACKEND, neurons, solved
from scipy import stats

from nestml_core.api import SolvedProgram, hoist
from nestml_core.lanes import straight

LUCK = 1e-4
"""The probability with which a correct generator may fail; seeds are fixed, so it does not."""

JITTERY = """
model jittery:
    state:
        V_m mV = random_uniform(-70 mV, 5 mV)
        x real = 0
        n integer = 0
        k integer = 0
    parameters:
        sigma mV = 2 mV
    equations:
        V_m' = -(V_m + 65 mV) / 10 ms
    output:
        spike
    update:
        integrate_odes()
        V_m += random_normal(0 mV, sigma)
        n = random_poisson(3.5)
        if n > 3:
            x = random_uniform(-1, 2)
            if x > 0:
                V_m += jump(1.5)
        else:
            k += random_poisson(0.3 * n)
        x += random_normal(0, 0.5)
    onCondition(V_m > -62 mV):
        V_m = random_uniform(-70 mV, 2 mV)
        emit_spike()
    function jump(mean real) mV:
        size real = random_normal(mean, 1)
        count integer = random_poisson(40)
        return size * 1 mV + count * 0.01 mV
"""
NAMES = ("V_m", "x", "n", "k")


@pytest.fixture(scope="module")
def folder(compiler: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where libraries of the usual options are kept from test to test."""
    return tmp_path_factory.mktemp("jittery")


def course(folder: Path, size: int, steps: int = 300, **more: Any) -> dict[str, npt.NDArray[Any]]:
    """Return what ``size`` neurons do, shape (steps, size)."""
    many = neurons(solved(JITTERY), folder, size, **more)
    recorded: dict[str, npt.NDArray[Any]] = {name: many.record(name, steps) for name in NAMES}
    assert many.begin() == ()
    assert many.run(steps) == ()
    recorded["wide"] = np.array(many.is_wide)
    recorded["spikes"] = np.array([many.spike_steps, many.spike_neurons])
    return recorded


def test_several_at_once_draw_what_each_draws_alone(folder: Path) -> None:
    """Also where branches, functions and conditions draw different numbers of them."""
    wide = course(folder, 13)
    single = course(folder, 13, one_by_one=True)
    assert wide["wide"]
    assert not single["wide"]
    for name in NAMES:
        np.testing.assert_allclose(wide[name], single[name], rtol=1e-11, atol=1e-11)
    assert (wide["spikes"] == single["spikes"]).all()
    assert wide["spikes"].shape[1] > 10
    assert len(np.unique(wide["V_m"])) == wide["V_m"].size, "every neuron has its own"


def test_a_neuron_draws_the_same_in_a_population_of_any_size(folder: Path) -> None:
    many, few = course(folder, 37), course(folder, 5)
    for name in NAMES:
        assert (many[name][:, :5] == few[name]).all()
    other = course(folder, 5, seed=2)
    assert not (other["V_m"] == few["V_m"]).any()


def test_numbers_do_not_depend_on_the_width(folder: Path, tmp_path: Path) -> None:
    usual = course(folder, 7)
    other = course(tmp_path, 7, options={"native": False})
    for name in NAMES:
        np.testing.assert_allclose(usual[name], other[name], rtol=1e-10, atol=1e-10)


def test_floats_draw_the_same_numbers(folder: Path, tmp_path: Path) -> None:
    usual = course(folder, 7, steps=20)
    other = course(tmp_path, 7, steps=20, options={"real": "float"})
    assert (usual["n"] == other["n"]).all()
    np.testing.assert_allclose(usual["V_m"], other["V_m"], rtol=1e-5)


DRAWS = """
model drawing:
    state:
        a real = 0
        b real = 0
        n integer = 0
        m integer = 0
    update:
        a = random_normal(3, 2)
        b = random_uniform(-1, 4)
        n = random_poisson(4.5)
        m = random_poisson(60)
"""


def test_distributions_over_neurons_and_steps(compiler: tuple[str, ...], tmp_path: Path) -> None:
    steps, size = 200, 250
    many = neurons(solved(DRAWS), tmp_path, size)
    assert many.is_wide
    recorded = {name: many.record(name, steps) for name in ("a", "b", "n", "m")}
    assert many.begin() + many.run(steps) == ()
    a, b = recorded["a"].ravel(), recorded["b"].ravel()
    assert stats.kstest(a, "norm", args=(3, 2)).pvalue > LUCK
    assert stats.kstest(b, "uniform", args=(-1, 5 - 1)).pvalue > LUCK
    for name, mean in (("n", 4.5), ("m", 60.0)):
        x = recorded[name].ravel()
        total = len(x)
        values = np.arange(stats.poisson.ppf(1e-3, mean), stats.poisson.ppf(1 - 1e-3, mean) + 1)
        counts = np.array([(x == v).sum() for v in values])
        expected = total * stats.poisson.pmf(values, mean)
        rest = [total - counts.sum(), total - expected.sum()]
        counts, expected = np.append(counts, rest[0]), np.append(expected, rest[1])
        assert stats.chisquare(counts, expected).pvalue > LUCK
    pairs = [(a, b), (a.reshape(steps, size)[1:].ravel(), a.reshape(steps, size)[:-1].ravel())]
    pairs.append((recorded["a"][:, 1:].ravel(), recorded["a"][:, :-1].ravel()))
    for x, y in pairs:
        assert abs(np.corrcoef(x, y)[0, 1]) < 4 / len(x) ** 0.5


ELIF = """if x > 3:
            x = 0
        elif random_normal(0, 1) < x:
            x = 1"""


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("x = x > 0 ? random_normal(0, 1) : 0", "decided on the way"),
        ("x = random_normal(0, 1) - random_normal(0, 1)", "several random numbers"),
        (ELIF, "elif"),
        ("x = f(x)", "several ends"),
    ],
)
def test_draws_whose_order_branches_decide_go_one_by_one(lines: str, reason: str) -> None:
    text = f"""
model slow:
    state:
        x real = 1
    update:
        {lines}
    function f(a real) real:
        if a < 0:
            return random_normal(0, 1)
        return a
"""
    model = hoist(solved(text))
    found = straight(model, lambda s: s.identifier, lambda s: s.identifier, draws=True)
    assert isinstance(found, str)
    assert reason in found
    assert BACKEND.lower(SolvedProgram((model,)), BACKEND.options()).value is not None
