"""The conformance kit, on all models of the corpus and the library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
from nestml_cpp import network_rendering
from nestml_cpp.backend import CppBackend

from nestml_core.api import Backend, Result, SolvedProgram, Trace, render
from nestml_core.testing import BackendConformance, models, names


class TestCpp(BackendConformance):
    backend: ClassVar[Backend[Any, Any]] = CppBackend()
    time_steps: ClassVar[Sequence[float]] = (0.1, 1.0)

    def _may_refuse(self, ran: Result[Trace]) -> bool:
        """Return False: the backend is selective, but not about anything in the corpus."""
        return False


@pytest.mark.parametrize("name", names())
def test_refuses_nothing(name: str) -> None:
    lowered = CppBackend().lower(SolvedProgram((models()[name],)), CppBackend.options())
    assert lowered.value is not None, "\n".join(map(render, lowered.diagnostics))


def test_namespace_shows_in_all_code() -> None:
    backend = CppBackend()
    options = backend.options(namespace="lab::neurons")
    program = SolvedProgram(tuple(models().values()))
    lowered = backend.lower(program, options)
    assert lowered.value is not None
    for path, text in backend.render(lowered.value).items():
        if path == network_rendering.HEADER or not path.endswith((".hpp", ".cpp")):
            continue  # the same for all models, or C
        what = "namespace lab::neurons {" if path.endswith(".hpp") else "lab::neurons::"
        assert what in str(text), path
