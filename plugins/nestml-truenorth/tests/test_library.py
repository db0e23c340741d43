"""Every model of the library ends in a build or a refusal with a way out; the docs say which."""

from pathlib import Path

import pytest
from nestml_truenorth.library import HEADER, Outcome, outcomes

from nestml_core.api import library_models

PAGE = Path(__file__).parent.parent / "docs" / "library.md"


@pytest.fixture(scope="module")
def found() -> list[Outcome]:
    return list(outcomes())


def test_the_page_is_up_to_date(found: list[Outcome]) -> None:
    """Otherwise: python -m nestml_truenorth table > docs/library.md."""
    rows = [f"| `{o.model}` | {o.kind} | {o.words.replace('|', '/')} |" for o in found]
    assert PAGE.read_text() == HEADER + "\n".join(rows) + "\n"


def test_nothing_is_missing(found: list[Outcome]) -> None:
    assert [o.model for o in found] == sorted(p.stem for p in library_models())
    assert all(o.kind.startswith("TN") or o.kind in ("exact", "stochastic-exp") for o in found)
    assert all(o.words.strip("; ") for o in found)


def test_what_is_built(found: list[Outcome]) -> None:
    kinds = {o.model: o.kind for o in found}
    assert kinds["pif_psc_delta"] == "exact"
    assert kinds["iaf_psc_delta"] == kinds["iaf_psc_exp"] == "stochastic-exp"
    assert kinds["stdp"] == "TN107"
    assert kinds["iaf_cond_exp"] == kinds["izhikevich"] == kinds["aeif_psc_exp"] == "TN102"
