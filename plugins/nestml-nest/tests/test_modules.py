"""Extension modules as files: loaded together, and one after the other from one path."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

InNest = Callable[..., Any]


def test_two_modules_work_together(in_nest: InNest, module: str, other_module: str) -> None:
    models = ["iaf_psc_exp_nestml", "iaf_psc_exp_other", "iaf_psc_exp"]
    found = in_nest("both", modules=[module, other_module], models=models)
    again = in_nest("both", modules=[other_module, module], models=models)
    assert found == again
    assert found["iaf_psc_exp_nestml"] == pytest.approx(found["iaf_psc_exp"], abs=1e-9)


def test_a_module_replaced_at_its_path(
    in_nest: InNest, module: str, other_module: str, tmp_path: Path
) -> None:
    """What was rebuilt is what runs after ``ResetKernel``."""
    original = Path(other_module).parent
    source = (original / "iaf_psc_exp_other.h").read_text(encoding="utf-8")
    changed = tmp_path / "changed"
    shutil.copytree(original, changed)
    text = source.replace("V_th = -57.0", "V_th = -59.0")
    assert text != source
    (changed / "iaf_psc_exp_other.h").write_text(text, encoding="utf-8")
    from nestml_nest.compilation import compiled
    from nestml_nest.options import Options

    rebuilt = compiled(changed, Options(module="other_neurons"))
    assert rebuilt.value is not None
    place = tmp_path / "neurons.so"
    shutil.copy(other_module, place)
    found = in_nest(
        "rebuilt", module=str(place), other=str(rebuilt.value), model="iaf_psc_exp_other"
    )
    assert found == {"first": -57.0, "second": -59.0}


def test_a_module_needs_no_library_but_the_usual(module: str) -> None:
    """No OpenMP runtime of its own, no GSL, no Boost: all that is in the process already."""
    readelf = shutil.which("readelf")
    if readelf is None:
        pytest.skip("no readelf")
    listed = subprocess.run([readelf, "-d", module], capture_output=True, text=True, check=True)
    needed = re.findall(r"NEEDED.*\[(\w+)", listed.stdout)
    assert set(needed) <= {"libstdc", "libm", "libgcc_s", "libc"}


def test_a_module_exports_its_entry_only(module: str) -> None:
    nm = shutil.which("nm")
    if nm is None:
        pytest.skip("no nm")
    command = [nm, "-D", "--defined-only", "--format=posix", module]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    strong = [line.split()[0] for line in listed.stdout.splitlines() if line.split()[1] in "BDTR"]
    assert strong == ["module"]
