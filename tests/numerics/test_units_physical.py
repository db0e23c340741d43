"""Every quantity is converted exactly once: models with units of all prefixes, by hand."""

from __future__ import annotations

import pytest

from nestml_core.diagnostics import render
from nestml_core.experiment import Experiment, schedule
from nestml_core.pipeline import check_sources
from nestml_core.reference import simulate
from nestml_core.source import Source
from nestml_core.testing.quantities import QUANTITIES, TOLERANCE


@pytest.mark.parametrize("name", QUANTITIES)
def test_the_physical_answer(name: str) -> None:
    case = QUANTITIES[name]
    program = check_sources([Source(f"{name}.nestml", case.text)])
    assert program.value is not None, "\n".join(map(render, program.diagnostics))
    (model,) = program.value.models
    laid = schedule(Experiment(**case.experiment), model)
    assert laid.value is not None, "\n".join(map(render, laid.diagnostics))
    trace = simulate(model, laid.value).value
    assert trace is not None
    assert case.shortfalls(trace.values, TOLERANCE.get(name, 1e-12)) == []
    assert trace.spikes.tolist() == pytest.approx(case.spikes)
