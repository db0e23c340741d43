"""What makes Lava hang, or run what nobody asked for, does not happen to generated processes.

Every program ends within half a minute by itself, or is ended.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nestml_lava import execution, interpreter
from nestml_lava.backend import LavaBackend
from nestml_lava.options import Options

from nestml_core.pipeline import compile_files, generate

SECONDS = 30.0

NETWORK = """
import json, multiprocessing, sys
sys.path.insert(0, {out!r})
import numpy as np
from gif_cond_exp import connect, gif_cond_exp, run
from izhikevich import InProcess, izhikevich

if __name__ == "__main__":
    values = np.array([[0.0, 5.0, 10.0], [15.0, 20.0, 25.0]])
    first = izhikevich(shape=(2, 3), I_e=values)
    second = gif_cond_exp(shape=4, seed=1, q_stc=[5.0, 2.0], lambda_0=0.0)
    connect(first, second.exc_spikes, np.full((4, 6), 2.0), 1.5)
    run(first, 20.0)
    read = {{x.name: np.asarray(x.get()) for p in (first, second) for x in p.vars}}
    for process in (first, second):
        for x in process.vars:
            if x.name not in ("n_stc", "n_sfa"):
                x.set(np.asarray(x.get()))
    run(first, 20.0)
    found = first.V_m.get()
    first.stop()
    first.stop()
    alone = InProcess(izhikevich(shape=(2, 3), I_e=values))
    for _ in range(400):
        alone.step()
    print(json.dumps([
        {{name: list(x.shape) for name, x in read.items()}},
        float(np.abs(found - alone["V_m"]).max()),
        len(multiprocessing.active_children()),
    ]))
"""


def test_all_variables_of_two_models_are_read_and_set_while_they_run(
    build_library: Callable[..., Any], lava: interpreter.Interpreter, tmp_path: Path
) -> None:
    """Two models, one of two dimensions, one with vectors; nothing is left after two stops.

    Files that would end any program lie beside the packages and beside the program.
    """
    build_library("izhikevich", "gif_cond_exp")
    run = tmp_path / "run"
    run.mkdir()
    hostile = "raise SystemExit('hostile')\n"
    (tmp_path / "out" / "hostile.py").write_text(hostile, encoding="utf-8")
    (run / "hostile.py").write_text(hostile, encoding="utf-8")
    program = run / "program.py"
    program.write_text(NETWORK.format(out=str(tmp_path / "out")), encoding="utf-8")
    outcome = execution.execute([lava.path, "-B", str(program)], run, SECONDS)
    assert outcome.status == 0, outcome.errors
    assert "hostile" not in outcome.output + outcome.errors
    shapes, difference, left = ast.literal_eval(outcome.output.strip().splitlines()[-1])
    assert shapes["I_e"] in ([2, 3], [4])
    assert shapes["U_m"] == [2, 3]
    assert shapes["q_stc"] == shapes["stc"] == [2, 4]
    assert difference == 0.0
    assert left == 0


NESTED = """
import json, sys
sys.path.insert(0, {folder!r})
import warnings
warnings.simplefilter("error", UserWarning)
from out.iaf_psc_exp import iaf_psc_exp, run

if __name__ == "__main__":
    neurons = iaf_psc_exp(shape=(2,), I_e=500.0)
    run(neurons, 30.0)
    spiking = neurons.V_m.get().tolist()
    neurons.stop()
    print(json.dumps(spiking))
"""


def test_a_package_in_a_package_is_found(
    library: Callable[..., Any], lava: interpreter.Interpreter, tmp_path: Path
) -> None:
    """Lava finds the model without a warning that it could not import a file."""
    library("iaf_psc_exp")
    program = tmp_path / "program.py"
    program.write_text(NESTED.format(folder=str(tmp_path)), encoding="utf-8")
    outcome = execution.execute([lava.path, "-B", str(program)], tmp_path, SECONDS)
    assert outcome.status == 0, outcome.errors
    assert "Cannot import" not in outcome.errors
    one, other = ast.literal_eval(outcome.output.strip().splitlines()[-1])
    assert one == other
    assert np.isfinite(one)


def test_vectors_keep_their_lengths(
    library: Callable[..., Any], answer: Callable[..., Any]
) -> None:
    library("gif_cond_exp")
    said = answer(LENGTHS)
    assert said[0] == [[5.0, 5.0, 5.0], [7.0, 7.0, 7.0]]
    assert said[1].startswith("ValueError: gif_cond_exp: q_stc: ")
    assert said[2] == "ValueError: gif_cond_exp: n_stc is 2; for others change the model"
    assert said[3] == "ValueError: gif_cond_exp: n_stc is 2, a size, and has to stay that"


LENGTHS = """
from gif_cond_exp import InProcess, gif_cond_exp
said = [gif_cond_exp(shape=3, q_stc=[5.0, 7.0]).q_stc.init.tolist()]
def change():
    neurons = InProcess(gif_cond_exp())
    neurons.set(n_stc=3.0)
    neurons.step()
for attempt in (
    lambda: gif_cond_exp(q_stc=[5.0, 7.0, 9.0]), lambda: gif_cond_exp(n_stc=3), change
):
    try:
        attempt()
        said.append("nothing")
    except ValueError as problem:
        said.append(f"ValueError: {problem}")
print(json.dumps(said))
"""


@pytest.mark.parametrize("name", ["iaf_psc_exp", "hh_psc_alpha", "gif_cond_exp", "wilson_cowan"])
def test_files_do_nothing_when_they_are_imported(name: str) -> None:
    """They define, and import nothing beside NumPy, SciPy, Lava and the standard library.

    Lava executes all but ``__init__.py`` outside their package: these import no neighbours.
    """
    program = compile_files([name]).value
    assert program is not None
    files = generate(program, LavaBackend(), Options()).value
    assert files is not None
    allowed = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    for path, text in files.items():
        if not path.endswith(".py"):
            continue
        assert isinstance(text, str)
        for node in ast.parse(text).body:
            documentation = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            assert documentation or isinstance(node, allowed), f"{path}:{node.lineno}"
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0 or path.endswith("__init__.py"), f"{path}:{node.lineno}"


SHARED = """
from {name} import InProcess, {name}
rng = np.random.default_rng(2)
shared = InProcess({name}(shape=(5,), I_e={current}))
mixed = InProcess({name}(
    shape=(5,), I_e=[{current}] * 3 + [1.0, 2.0], C_m=[{capacity}] * 4 + [{capacity} / 2],
    tau_syn_exc=[0.7, 0.9, 2.0, 2.0, 2.0]))
shared.set(tau_syn_exc=[0.7, 2.0, 2.0, 2.0, 2.0])
for k in range(300):
    message = 50.0 * rng.poisson(0.1, 5)
    shared.step(exc_spikes=message)
    mixed.step(exc_spikes=message)
print(json.dumps([bool(shared["V_m"][i] == mixed["V_m"][i]) for i in range(5)]))
"""


@pytest.mark.parametrize(
    ("name", "current", "capacity"), [("iaf_psc_exp", 400.0, 250.0), ("hh_psc_alpha", 700.0, 100.0)]
)
def test_neurons_do_not_depend_on_what_their_neighbours_share(
    name: str,
    current: float,
    capacity: float,
    library: Callable[..., Any],
    answer: Callable[..., Any],
) -> None:
    """Parameters that all have in common are computed with once, to the same last bit."""
    library(name)
    same = answer(SHARED.format(name=name, current=current, capacity=capacity))
    assert same == [True, False, True, False, False]


SPARSE = """
from iaf_psc_exp import InProcess, Recorder, iaf_psc_exp
import os
os.mkdir("all")
both = [Recorder("all", ("V_m",), 100), Recorder(".", ("V_m",), 100, every=7)]
for recorder in both:
    neurons = InProcess(iaf_psc_exp(I_e=500.0, recorder=recorder))
    for _ in range(150):
        neurons.step()
each, some = (np.load(recorder.path("V_m")) for recorder in both)
try:
    Recorder(".", ("V_m",), 100, every=0)
except ValueError as problem:
    print(json.dumps([each.shape, some.shape, bool((some == each[6::7]).all()), str(problem)]))
"""


def test_a_recorder_can_leave_steps_out(
    library: Callable[..., Any], answer: Callable[..., Any]
) -> None:
    library("iaf_psc_exp")
    whole, part, same, said = answer(SPARSE)
    assert (whole, part, same) == ([100, 1], [14, 1], True)
    assert "whole number from 1 on, not 0" in said
