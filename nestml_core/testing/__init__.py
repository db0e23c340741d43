"""Conformance kit for backends: what every plugin's tests derive from. Needs pytest.

A plugin's test is three lines::

    from nestml_core.testing import BackendConformance

    class TestFoo(BackendConformance):
        backend = FooBackend()
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("nestml_core.testing.conformance")

from nestml_core.testing.conformance import REQUIRE, BackendConformance  # noqa: E402
from nestml_core.testing.corpus import Case, Stimulus, cases, models, names  # noqa: E402

__all__ = ["REQUIRE", "BackendConformance", "Case", "Stimulus", "cases", "models", "names"]
