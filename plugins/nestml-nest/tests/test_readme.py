"""The README says what is so."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

from nestml_nest import codes
from nestml_nest.options import Options

from nestml_core.api import Code

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_example_runs(module: str) -> None:
    found = re.search(r"<!-- example: use -->\n```python\n(.*?)```", README, re.DOTALL)
    assert found is not None
    text = found[1].replace("/absolute/path/to/out/nestmlmodule.so", module)
    assert module in text
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert -70.0 < float(done.stdout.split()[-1]) < -55.0


def test_models_are_installed_in_one_call(toolchain: None) -> None:
    found = re.search(r"<!-- example: install -->\n```python\n(.*?)```", README, re.DOTALL)
    assert found is not None
    command = [sys.executable, "-c", found[1]]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert -70.0 < float(done.stdout.split()[-1]) < -55.0


def test_the_options_are_those_of_the_backend() -> None:
    rows = re.findall(r"^\| `--([\w-]+)` \| `(.*?)` \| (.*?) \|$", README, re.MULTILINE)
    fields = dataclasses.fields(Options)
    assert rows == [(f.name.replace("_", "-"), str(f.default), f.metadata["help"]) for f in fields]


def test_every_code_it_names_exists() -> None:
    known = {c.id for c in vars(codes).values() if isinstance(c, Code)}
    named = set(re.findall(r"NEST\d{3}", README))
    assert named
    assert named <= known
