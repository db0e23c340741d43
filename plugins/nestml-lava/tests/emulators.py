"""Emulators of Loihi by others: each has a Python of its own, which a variable names."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nestml_lava.fixed.loihi import Compartment, start, step

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


def computed(c: Compartment, messages: np.ndarray) -> list[list[int]]:
    """Return u, v and spike of our own compartment after each step, to be compared with theirs."""
    state, rows = start(c, (1,)), []
    for a in messages:
        state, spikes = step(c, state, np.array([a]))
        rows.append([int(state.u[0]), int(state.v[0]), int(spikes[0])])
    return rows
