"""What must hold for all backends at once: the comparison, equal bytes, refusals, exactness."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from together_tools import need

from nestml_core.building import build
from nestml_core.loading import load
from nestml_core.problems import ModelError
from nestml_core.testing.corpus import FROM_LIBRARY

LIBRARY = sorted(FROM_LIBRARY)
BACKENDS = ("cpp", "nest", "lava", "truenorth")


def nestml(*arguments: str, cwd: Path, seed: str = "0") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nestml_core.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONHASHSEED": seed},
        check=False,
        timeout=600,
    )


def test_compare_prints_a_table_and_writes_a_plot(tmp_path: Path) -> None:
    for backend in ("cpp", "nest", "lava"):
        need(backend)
    done = nestml(
        *("compare", "iaf_psc_exp", "--backends", "reference,cpp,nest,lava"),
        *("--duration", "300ms"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line.split()}
    for backend in ("reference", "cpp", "nest", "lava"):
        assert rows[backend][2] == "yes"
        assert int(rows[backend][1]) >= 3
        assert float(rows[backend][3]) < 1e-9
    assert (tmp_path / "iaf_psc_exp-compare.png").read_bytes().startswith(b"\x89PNG")


def generated(backend: str, models: list[str], directory: Path, seed: str) -> dict[str, bytes]:
    done = nestml(
        *("build", *models, "--backend", backend, "--no-compile", "-o", str(directory)),
        cwd=directory.parent,
        seed=seed,
    )
    assert done.returncode == 0, done.stderr
    files = [p for p in directory.rglob("*") if p.is_file()]
    return {p.relative_to(directory).as_posix(): p.read_bytes() for p in files}


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_same_model_gives_the_same_bytes(backend: str, tmp_path: Path) -> None:
    models = ["pif_psc_delta"] if backend == "truenorth" else LIBRARY
    first = generated(backend, models, tmp_path / "a", "1")
    assert first
    assert generated(backend, models, tmp_path / "b", "2") == first
    assert generated(backend, models, tmp_path / "b", "3") == first
    text = b"\n".join(first.values())
    assert str(tmp_path).encode() not in text


@pytest.mark.parametrize("model", ["iaf_psc_delta", "iaf_psc_exp", "izhikevich"])
def test_truenorth_refuses_what_it_cannot_compute_exactly(model: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as refusal:
        build([model], "truenorth", tmp_path / "out")
    errors = [d for d in refusal.value.diagnostics if d.is_error]
    assert errors
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())
    for d in errors:
        assert re.fullmatch(r"TN\d+", d.code.id)
        assert d.span.source.name.endswith(f"{model}.nestml")
        assert d.span.line > 1
        assert d.help


def test_the_perfect_integrator_is_exact_on_truenorth() -> None:
    """10 s of random input in ticks of 1 ms: every spike and every potential is the reference's."""
    need("truenorth")
    rng = np.random.default_rng(20261122)
    steps = np.arange(1, 10_001)
    spikes = []
    for weight, mean in ((1.0, 0.8), (5.0, 0.25), (-3.0, 0.15)):
        counts = rng.poisson(mean, len(steps))
        spikes += [(float(t), weight) for t in np.repeat(steps, counts)]
    model = load("pif_psc_delta")
    settings = {"duration": 10_000, "dt": 1.0, "spikes": {"spikes": spikes}}
    reference = model.simulate(**settings, backend="reference")
    chip = model.simulate(**settings, backend="truenorth")
    assert len(reference.spikes) > 100
    assert chip.spike_steps.tolist() == reference.spike_steps.tolist()
    assert np.array_equal(chip["V_m"], reference["V_m"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_is_written_for_a_model_with_errors(backend: str, tmp_path: Path) -> None:
    (tmp_path / "m.nestml").write_text("model m:\n    state:\n        V mV = E_l\n")
    done = nestml("build", "m.nestml", "--backend", backend, "-o", "out", cwd=tmp_path)
    assert done.returncode == 1
    assert "m.nestml:3:16: error[NML101]" in done.stderr
    assert not (tmp_path / "out").exists()
