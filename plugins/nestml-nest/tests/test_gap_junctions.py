"""Neurons joined by gap junctions, and neurons without an archive for plastic synapses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nestml_nest.backend import NestBackend
from nestml_nest.options import Options
from scipy.integrate import solve_ivp

from nestml_core.api import SolvedProgram
from nestml_core.pipeline import check_sources, compile_files, generate
from nestml_core.source import Source

InNest = Callable[..., Any]

CELL = (Path(__file__).parent / "gap_cell.nestml").read_text(encoding="utf-8")
OPTIONS = Options(gap_port="I_gap", gap_variable="V", archive=False)


@pytest.mark.parametrize("threads", [1, 2])
def test_two_cells_follow_their_equations(in_nest: InNest, joined: str, threads: int) -> None:
    g, start = 4.0, [30.0, -10.0]

    def slope(t: float, v: np.ndarray) -> np.ndarray:
        return (-5.0 * v * (1 + (v / 20) ** 2) + [60.0, 0.0] + g * (v[::-1] - v)) / 100.0

    found = in_nest("gap_pair", module=joined, threads=threads, g=g, start=start, order=3)
    times = np.array(found["times"])
    truth = solve_ivp(slope, (0, 40), start, "DOP853", t_eval=times, rtol=1e-12, atol=1e-12).y
    assert np.abs(np.array(found["V"]) - truth).max() < 1e-7
    # the current that is recorded is that at the end of the step
    assert np.abs(np.array(found["I_total"][0]) - g * (truth[1] - truth[0])).max() < 1e-5
    assert found["spikes"] == []


def test_the_order_of_interpolation_is_obeyed(in_nest: InNest, joined: str) -> None:
    start = [30.0, -10.0]
    found = [
        np.array(in_nest("gap_pair", module=joined, threads=1, g=4.0, start=start, order=k)["V"])
        for k in (0, 1, 3)
    ]
    constant, straight = (np.abs(v - found[2]).max() for v in found[:2])
    assert constant > 100 * straight > 0


def test_as_the_interneuron_of_nest(in_nest: InNest, interneurons: str) -> None:
    """NEST's own solver has a looser tolerance, which cannot be set."""
    found = in_nest("gap_interneurons", modules=[interneurons])
    assert len(found["native"]["spikes"]) > 4
    assert found["ours"]["spikes"] == found["native"]["spikes"]
    ours, native = (np.array(found[k]["V_m"]) for k in ("ours", "native"))
    assert np.abs(ours - native).max() < 1e-3


def test_without_an_archive(in_nest: InNest, joined: str) -> None:
    found = in_nest("no_archive", modules=[joined])
    assert found["static"] == ""
    assert found["plastic"] != ""
    assert "tau_minus" not in found["entries"]


def refusals(text: str, **options: Any) -> list[tuple[str, str]]:
    program = check_sources([Source("cell.nestml", text)]).value
    assert program is not None
    made = generate(program, NestBackend(), Options(**{"gap_port": "I_gap", **options}))
    return [(d.code.id, d.message) for d in made.errors]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("* (1 + (V / V_s)**2)", "", "stand still"),
        ("update:\n", 'update:\n        println("V: " + V)\n', "it prints"),
        ("V += spikes", "V += random_normal(0, 1) * spikes", "random"),
        ("I_e + I_gap", "I_e + I_gap + g_L * V(t - 1 ms)", "delayed"),
    ],
)
def test_what_cannot_be_run_again_is_refused(old: str, new: str, why: str) -> None:
    assert old in CELL
    ((code, message),) = refusals(CELL.replace(old, new), gap_variable="V")
    assert code == "NEST111"
    assert why in message


def test_the_names_must_be_there() -> None:
    assert [c for c, _ in refusals(CELL, gap_variable="U")] == ["NEST111"]
    assert [c for c, _ in refusals(CELL, gap_variable="V", gap_port="I_gab")] == ["NEST106"]


def test_other_models_of_the_module_are_as_ever() -> None:
    plain = compile_files(["iaf_psc_exp"]).value
    cell = check_sources([Source("cell.nestml", CELL)]).value
    assert plain is not None
    assert cell is not None
    both = SolvedProgram((*plain.models, *cell.models))
    made = generate(both, NestBackend(), OPTIONS).value
    alone = generate(plain, NestBackend(), Options(archive=False)).value
    assert made is not None
    assert alone is not None
    assert made["iaf_psc_exp_nestml.h"] == alone["iaf_psc_exp_nestml.h"]
    assert "gap" not in str(alone["iaf_psc_exp_nestml.h"])
