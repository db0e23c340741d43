"""Backends that can run here. A missing tool skips, except where all tools are required."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest

from nestml_core.backend import Feature
from nestml_core.plugins import find


def need_nest() -> None:
    """Skip the test if NEST itself is not there; fail if it must be."""
    _missing("" if find_spec("nest") else "NEST is not installed: pip install nest-simulator")


def need(backend: str) -> None:
    """Skip the test if ``backend`` cannot run here; fail if it must."""
    if backend == "reference":
        return
    found = find(backend).backends
    why = ""
    if not found:
        why = f"{backend} is not installed"
    elif Feature.SIMULATE in found[0].supports.features:
        missing = found[0].toolchain().missing
        why = "; ".join(f"{backend} needs {t.name}: {t.install}" for t in missing)
    _missing(why)


def _missing(why: str) -> None:
    if why and os.environ.get("NESTML_REQUIRE_TOOLCHAINS") == "1":
        pytest.fail(why)
    if why:
        pytest.skip(why)
