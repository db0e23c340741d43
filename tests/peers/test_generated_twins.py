"""The code that the reference toolchain generates for NEST against ours: same models, same input.

``tox -e nest-peer`` installs the toolchain with NEST in an environment of its own, in which it
generates code as a black box; ``NESTML_PEER_PYTHON`` is its interpreter. Both read the models that
it ships. Where the traces are apart, ``DIFFERENCES`` says by how much and why.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from peer_drive import DRIVE, rate_of
from peer_modules import PEER, peer_module, shipped
from together_tools import need, need_nest

from nestml_core.pipeline import compile_files
from nestml_core.solve import SolveOptions
from nestml_core.solved import Method, SolvedModel
from nestml_core.stimuli import poisson_train

WANTED = os.environ.get("NESTML_PEER_MODELS", "").split()
"""Parts of the names of models; all if there are none."""

pytestmark = pytest.mark.skipif(not PEER, reason="set NESTML_PEER_PYTHON, or use tox -e nest-peer")

DT = 0.125
"""A power of two: so their refractory timers, which count down in ms, end when they should."""

DELAY = 1.0
DURATION = 100.0
GROUPS = 2
"""So many processes generate and compile at a time."""

CLOSE = 1e-9
"""Difference of exact solutions, relative to the largest value and to 1."""

ADAPTIVE = 1e-6
"""The same for adaptive integration, where theirs is given a tolerance for each step."""

TOLERANCE = 1e-11


@dataclass(frozen=True)
class Difference:
    """How far theirs is from ours.

    Attributes
    ----------
    reason : why
    until : the time in ms up to which both agree
    apart : recordables that differ from the start
    values : what both are set to before, with which they can be compared
    tolerance : in place of the usual one
    """

    reason: str
    values: Mapping[str, float] = field(default_factory=dict)
    tolerance: float = 0.0
    until: float = DURATION
    apart: frozenset[str] = frozenset()


NOTHING = Difference("none")
GATES = (
    "theirs computes initial values from a potential of 0 mV, before the potential has its own; "
    "compared from ours on"
)
TRAUB = Difference(
    GATES,
    values={
        "Act_m": 0.00787013592322398,
        "Act_n": 0.022847601529718087,
        "Inact_h": 0.9981099795551048,
    },
)

DIFFERENCES: Mapping[str, Difference] = {
    "hh_cond_exp_destexhe": Difference(
        GATES + ". Random numbers are drawn in another order: without noise. Theirs shows "
        "conductances in nS, although the model declares uS",
        values={
            "Act_m": 7.078593047842338e-11,
            "Act_h": 0.9999999999946122,
            "Inact_n": 3.5904248385832445e-09,
            "Noninact_p": 0.0038510323559302543,
            "sigma_noise_exc": 0.0,
            "sigma_noise_inh": 0.0,
        },
        apart=frozenset({"g_noise_exc", "g_noise_inh"}),
    ),
    "hh_moto_5ht": Difference(
        "theirs drops the unit of a number in an equation: calcium is a thousand times too fast",
        until=1.25,
        tolerance=1e-4,
    ),
    "hill_tononi": Difference("theirs leaves the gates out of two currents, see below", until=0.0),
    "iaf_chxk_2008": Difference(
        "a spike sets in between two steps, at a time that is as accurate as the slope of the "
        "potential is",
        tolerance=1e-4,
    ),
    "ignore_and_fire": Difference(
        "theirs truncates the quotient of two integers, which is a real number",
        apart=frozenset({"phase"}),
    ),
    "traub_cond_multisyn": TRAUB,
    "traub_psc_alpha": replace(
        TRAUB, reason=GATES + ": where theirs begins by itself, it runs away to NaN"
    ),
    "wb_cond_multisyn": Difference(
        GATES, values={"Act_n": 0.08255363030234175, "Inact_h": 0.804578977270273}
    ),
}


FILES = [p for p in shipped("neurons") if not WANTED or any(w in p.stem for w in WANTED)]
NAMES = [p.stem for p in FILES]


def test_all_neurons_are_there() -> None:
    assert len(FILES) == 30 or WANTED
    assert {n.rpartition("_")[0] for n in NAMES} <= set(DRIVE)
    assert set(DIFFERENCES) <= {n.rpartition("_")[0] for n in NAMES} or WANTED


def ours(models: tuple[SolvedModel, ...], folder: Path) -> str:
    from nestml_nest.backend import NestBackend
    from nestml_nest.options import Options

    from nestml_core.pipeline import generate, write_files
    from nestml_core.solved import SolvedProgram

    backend, options = NestBackend(), Options(optimization="1")
    program = SolvedProgram(models)
    files = generate(program, backend, options).value
    assert files is not None
    write_files(files, folder)
    artifact = backend.compile(program, folder, options).value
    assert artifact is not None
    return str(artifact.product)


def cases(models: tuple[SolvedModel, ...]) -> dict[str, Any]:
    """Return what is done with each: a train for each port, then a current, too."""
    from nestml_core.api import sign_pairs

    found: dict[str, Any] = {}
    for path, model in zip(FILES, models, strict=True):
        name = path.stem.rpartition("_")[0]
        current, weight = DRIVE[name]
        pairs = sign_pairs(model.spike_ports)
        negative = {inhibitory.symbol for _, inhibitory in pairs}
        partner = {a.symbol: b.symbol for pair in pairs for a, b in (pair, pair[::-1])}
        ports = []
        for k, port in enumerate(model.spike_ports):
            symbol = port.symbol
            train = poisson_train(rate_of(symbol.name), weight, DURATION, DT, seed=k + 1)
            both = [symbol.name, *([partner[symbol].name] if symbol in partner else [])]
            names = [n.upper() for n in (*both, "_".join(both), "_".join(both[::-1]))]
            times = [t for t, _ in train if t >= 1.0]
            sign = -1.0 if symbol in negative else 1.0
            ports.append({"names": names, "times": times, "weight": sign * weight})
        found[path.stem] = {
            "models": [model.name, path.stem],
            "ports": ports,
            "current": current if model.continuous_ports else 0.0,
            "delay": DELAY,
            "values": dict(DIFFERENCES.get(name, NOTHING).values),
        }
    return found


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """Return spikes and recordings of all models, ours as 0 and theirs as 1."""
    need_nest()
    need("nest")
    folder = tmp_path_factory.mktemp("twins")
    solved = []
    for path in FILES:
        program = compile_files([path], SolveOptions(Method.RK45)).value
        assert program is not None
        solved.append(replace(program.models[0], name=f"{path.stem}_ours"))
    models = tuple(solved)
    groups = [g for g in (FILES[k::GROUPS] for k in range(GROUPS)) if g]
    with ThreadPoolExecutor(GROUPS) as pool:
        made = [pool.submit(peer_module, f"peer{k}module", g, folder) for k, g in enumerate(groups)]
        modules = [ours(models, folder / "ours"), *(m.result() for m in made)]
    job = {
        "modules": modules,
        "cases": cases(models),
        "tolerance": {"gsl_abs_error_tol": TOLERANCE, "gsl_rel_error_tol": TOLERANCE},
        "dt": DT,
        "duration": DURATION,
        "output": str(folder / "traces.npz"),
    }
    script = Path(__file__).with_name("side_by_side.py")
    done = subprocess.run(
        [sys.executable, str(script)],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    with np.load(folder / "traces.npz") as file:
        return {key: file[key] for key in file.files}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_same_traces(path: Path, traces: Mapping[str, Any]) -> None:
    """What both record agrees, to the tolerance of integration, up to where a difference shows."""
    name = path.stem.rpartition("_")[0]
    difference = DIFFERENCES.get(name, NOTHING)
    prefix = f"{path.stem}/0/"
    variables = [k.removeprefix(prefix) for k in traces if k.startswith(prefix)]
    variables = [v for v in variables if v != "spikes" and v not in difference.apart]
    assert len(variables) >= 1
    tolerance = difference.tolerance or (ADAPTIVE if is_adaptive(path) else CLOSE)
    steps = max(0, round(difference.until / DT) - 1)
    for variable in variables:
        mine, other = (traces[f"{path.stem}/{which}/{variable}"][:steps] for which in (0, 1))
        assert np.isfinite(traces[f"{path.stem}/0/{variable}"]).all()
        error = np.abs(mine - other).max(initial=0.0) / max(1.0, np.abs(other).max(initial=0.0))
        assert error <= tolerance, f"{variable}: {error}"
    mine, other = (traces[f"{path.stem}/{which}/spikes"] for which in (0, 1))
    assert [t for t in mine if t < difference.until] == [t for t in other if t < difference.until]


def is_adaptive(path: Path) -> bool:
    program = compile_files([path], SolveOptions(Method.RK45)).value
    assert program is not None
    return any(f.nonlinear for f in program.models[0].flows)


@pytest.mark.skipif("hill_tononi_neuron" not in NAMES, reason="not wanted")
def test_currents_without_gates(traces: Mapping[str, Any]) -> None:
    """With peak conductances of 1 nS, theirs are ``E - V_m``, whatever the gates are.

    The model multiplies them by its gates; in a small model, theirs computes the same product.
    """
    ours, theirs = (f"hill_tononi_neuron/{which}/" for which in (0, 1))
    for current, reversal in (("I_T", 0.0), ("I_h", -40.0)):
        assert np.allclose(traces[theirs + current], reversal - traces[theirs + "V_m"], atol=1e-9)
    gates = traces[ours + "IT_m"] ** 2 * traces[ours + "IT_h"]
    assert np.allclose(traces[ours + "I_T"], -gates * traces[ours + "V_m"], atol=1e-9)
