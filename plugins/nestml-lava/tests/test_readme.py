"""The README says what is so."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nestml_lava import backend, lower, options

from nestml_core.api import Code

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_example_runs(
    library: Callable[..., Any], script: Callable[..., Any], tmp_path: Path
) -> None:
    library("iaf_psc_exp")
    match = re.search(r"<!-- example: network -->\n```python\n(.*?)```", README, re.DOTALL)
    assert match is not None
    outcome = script(match[1].replace('"out"', repr(str(tmp_path / "out"))))
    assert outcome.status == 0, outcome.errors
    counts = re.search(r"\[([\d. ]+)\] spikes; \(2000, 3\)", outcome.output)
    assert counts is not None, outcome.output
    assert all(float(n) > 0 for n in counts[1].split())


def test_the_example_with_synapses_runs(
    build_library: Callable[..., Any], script: Callable[..., Any], tmp_path: Path
) -> None:
    build_library("iaf_psc_exp", "stdp")
    match = re.search(r"<!-- example: synapses -->\n```python\n(.*?)```", README, re.DOTALL)
    assert match is not None
    outcome = script(match[1].replace('"out"', repr(str(tmp_path / "out"))))
    assert outcome.status == 0, outcome.errors
    weights = [float(x) for x in re.findall(r"\d+\.\d*", outcome.output)]
    assert len(weights) == 6
    assert all(w != 50.0 for w in weights)


def test_all_codes_and_options_are_documented() -> None:
    codes = [
        x
        for module in (backend, lower, options)
        for x in vars(module).values()
        if isinstance(x, Code)
    ]
    assert len(codes) == len({c.id for c in codes})
    for code in codes:
        assert code.id in README
    for option in dataclasses.fields(options.Options):
        assert f"`--{option.name}`" in README
