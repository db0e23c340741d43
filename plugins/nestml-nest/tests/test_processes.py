"""The same network on threads and, where NEST was built with MPI, on ranks: the same results.

What NEST promises: results depend on the number of virtual processes if random numbers are drawn,
and otherwise on nothing; never on how virtual processes are spread over ranks and threads.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nestml_core.pipeline import compile_files

EXACT = "iaf_psc_exp_nestml"
RANDOM = "pp_psc_delta_nestml"
MODELS = {EXACT: (450.0, -16.0), RANDOM: (500.0, -0.25)}

RECORDED = ("spikes", "V_m")

Network = Callable[..., Any]


def together(parts: list[Any], model: str, what: str) -> list[list[float]]:
    """Return what all ranks have recorded, in order."""
    return sorted(row for part in parts for row in part[model][what])


@pytest.fixture(scope="module")
def network(module_of: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Network:
    """Return what runs the network on so many virtual processes, with so many ranks."""
    program = compile_files(["iaf_psc_exp", "pp_psc_delta"]).value
    assert program is not None
    module = module_of(program, optimization="1")

    def run(virtual: int, seed: int = 1, ranks: int = 0) -> Any:
        folder = tmp_path_factory.mktemp("network")
        job = {
            "modules": [module],
            "models": MODELS,
            "virtual": virtual,
            "seed": seed,
            "duration": 200.0,
        }
        (folder / "in.json").write_text(json.dumps(job), encoding="utf-8")
        script = Path(__file__).with_name("processes.py")
        command = [sys.executable, str(script), str(folder / "in.json"), str(folder / "out")]
        if ranks:
            command = ["mpirun", "--oversubscribe", "-n", str(ranks), *command]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        parts = [json.loads(p.read_text(encoding="utf-8")) for p in sorted(folder.glob("out.*"))]
        assert len(parts) == max(1, ranks)
        return {
            model: {what: together(parts, model, what) for what in RECORDED} for model in MODELS
        }

    return run


def test_threads_change_nothing_without_random_numbers(network: Network) -> None:
    one, two, four = (network(n)[EXACT] for n in (1, 2, 4))
    assert len(one["spikes"]) > 100
    assert one == two == four


@pytest.mark.parametrize("virtual", [1, 2, 4])
def test_random_numbers_depend_on_the_seed_and_the_number_of_processes(
    network: Network, virtual: int
) -> None:
    first, again, other = (network(virtual, seed)[RANDOM] for seed in (1, 1, 2))
    assert len(first["spikes"]) > 100
    assert first == again
    assert first["spikes"] != other["spikes"]
    # the same process, whatever its random numbers are
    mean = len(first["spikes"])
    assert abs(len(other["spikes"]) - mean) < 6 * (2 * mean) ** 0.5


def test_ranks_change_nothing(network: Network) -> None:
    """On four virtual processes: of one rank, two or four."""
    why = without_mpi()
    if why:
        pytest.skip(why)
    one, two, four = (network(4, ranks=ranks) for ranks in (1, 2, 4))
    assert one == two == four
    assert one == network(4)


def without_mpi() -> str:
    """Return why nothing can be run under MPI here."""
    text = "import nest; print(); print(nest.build_info['have_mpi'])"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    if done.stdout.split()[-1] != "True":
        return "this NEST was built without MPI, as that of PyPI is"
    return "" if shutil.which("mpirun") else "there is no mpirun"
