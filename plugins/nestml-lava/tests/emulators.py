"""Emulators of Loihi by others: each has a Python of its own, which a variable names."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nestml_core.testing import REQUIRE


def emulated(variable: str, program: str, cases: Any) -> Any:
    """Return what a program in the Python that ``variable`` names makes of ``cases``."""
    python = os.environ.get(variable, "")
    if not python or not Path(python).exists():
        message = f"{variable} names no Python: {python!r}"
        if os.environ.get(REQUIRE) == "1":
            pytest.fail(message)
        pytest.skip(message)
    done = subprocess.run(
        [python, "-c", program],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])
