"""Headers in the compiler's own form: they save time, and change nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from generated_programs import Neuron, build, neurons
from nestml_cpp import precompiled, toolchain

from nestml_core.testing import models

NEURON = "iaf_psc_exp"
COMPILERS = [c for c in ("g++", "clang++") if shutil.which(c)]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where headers are kept, from the first library on: nothing is there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(precompiled, "PAYS_AFTER", 0)
    return tmp_path / "cache" / "nestml" / "cpp-headers"


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the list that commands of the compiler are appended to."""
    seen: list[list[str]] = []
    run = toolchain._run

    def noted(command: list[str]) -> str | None:
        seen.append(list(command))
        return run(command)

    monkeypatch.setattr(toolchain, "_run", noted)
    return seen


def potential(folder: Path, **options: object) -> np.ndarray:
    folder.mkdir()
    model = models()[NEURON]
    return Neuron(model, build(model, folder, **options)).run(50, parameters={"I_e": 400.0})["V_m"]


@pytest.mark.parametrize("command", COMPILERS)
def test_kept_headers_are_used_and_change_nothing(
    command: str, cache: Path, commands: list[list[str]], tmp_path: Path
) -> None:
    with_headers = potential(tmp_path / "a", compiler=command)
    (kept,) = cache.iterdir()
    assert (kept / f"{precompiled.NAME}.gch").stat().st_size > 1_000_000
    made = kept.stat().st_ino
    again = potential(tmp_path / "b", compiler=command)
    assert [p.stat().st_ino for p in cache.iterdir()] == [made]
    assert len(commands) == 2, "nothing had to be tried again"
    assert all(str(kept / precompiled.NAME) in words for words in commands)
    plain = potential(tmp_path / "c", compiler=command, flags="-DPLAIN")
    assert precompiled.NAME not in " ".join(commands[-1]), "a trial of flags keeps nothing"
    assert (with_headers == plain).all()
    assert (again == plain).all()


def test_they_are_made_once_it_pays(
    compiler: tuple[str, ...],
    cache: Path,
    commands: list[list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(precompiled, "PAYS_AFTER", 2)
    values = [potential(tmp_path / name) for name in "abcd"]
    used = ["-include" in words for words in commands]
    assert used == [False, False, True, True], "not for the first two"
    assert len(list(cache.glob(f"*/{precompiled.NAME}.gch"))) == 1
    assert all((v == values[0]).all() for v in values)


def test_populations_use_them_too(
    compiler: tuple[str, ...], cache: Path, commands: list[list[str]], tmp_path: Path
) -> None:
    many = neurons(models()["noise"], tmp_path, 5)
    assert many.begin() + many.run(10) == ()
    assert len(commands) == len(list(cache.iterdir())) == 1


def test_a_kept_header_that_no_longer_fits_is_no_reason_to_fail(
    compiler: tuple[str, ...], cache: Path, commands: list[list[str]], tmp_path: Path
) -> None:
    first = potential(tmp_path / "a")
    (kept,) = cache.iterdir()
    (kept / f"{precompiled.NAME}.gch").write_bytes(b"no header")
    (kept / precompiled.NAME).write_text("no C++", encoding="utf-8")
    assert (potential(tmp_path / "b") == first).all()
    assert len(commands) == 3
    assert "-include" not in commands[-1]


def test_where_nothing_can_be_kept(
    compiler: tuple[str, ...],
    commands: list[list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    potential(tmp_path / "a")
    assert "-include" not in commands[-1]


def test_only_the_last_ones_used_are_kept(cache: Path) -> None:
    cache.mkdir(parents=True)
    for k in range(precompiled.KEPT + 2):
        (cache / str(k)).mkdir()
        (cache / str(k) / f"{precompiled.NAME}.gch").touch()
        os.utime(cache / str(k), (1000 + k, 1000 + k))
    (cache / "begun").mkdir()
    (cache / "abandoned").mkdir()
    os.utime(cache / "abandoned", (0, 0))
    precompiled._forget(cache)
    last = [str(k) for k in range(2, precompiled.KEPT + 2)]
    assert sorted(p.name for p in cache.iterdir()) == sorted([*last, "begun"])
