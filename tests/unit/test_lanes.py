"""Straight-line code for several neurons: what it leaves out, and what it must not."""

from __future__ import annotations

import pytest

from nestml_core.expr import Ref, walk
from nestml_core.lanes import LanePrinter, Lanes, straight
from nestml_core.pipeline import check_sources
from nestml_core.source import Source
from nestml_core.types import BOOLEAN, INTEGER

MODEL = """model fires:
    state:
        V mV = 0 mV
        g real = 0
        seen real = 0
    parameters:
        tau ms = 10 ms
        a real = 0.5
    equations:
        V' = -V / tau
    input:
        spikes <- spike
    output:
        spike
    update:
        integrate_odes()
        g = a * g
        {more}
    onReceive(spikes):
        g += spikes * 1 s
    onCondition(V > 10 mV):
        V = 0 mV
        emit_spike()
        {last}
"""


def lanes(more: str = "", last: str = "") -> Lanes:
    text = MODEL.replace("{more}", more).replace("{last}", last)
    program = check_sources([Source("m.nestml", text)]).value
    assert program is not None
    found = straight(program.models[0], lambda s: s.identifier, lambda s: f"p.{s.identifier}")
    assert isinstance(found, Lanes)
    return found


def values(code: Lanes, name: str) -> list[str]:
    """Return what is computed under names that begin so."""
    printer = LanePrinter()
    lines = printer.code(code.body, 0).splitlines()
    return [x.partition(" = ")[2] for x in lines if x.split()[2].startswith(name)]


def test_a_product_that_one_sum_uses_is_computed_with_it() -> None:
    assert values(lanes(), "g") == ["nestml_runtime::fma(c.a, s.g, spikes_1);"]


@pytest.mark.parametrize("more", ["seen = seen + g", "seen = g"])
def test_a_product_that_others_use_too_stays(more: str) -> None:
    product, total = values(lanes(more), "g")
    assert product == "c.a * s.g;"
    assert total == "g_1 + spikes_1;"


def test_one_spike_or_none_is_a_truth_value() -> None:
    code = lanes()
    assert code.emits
    assert code.emitted.type == BOOLEAN
    assert isinstance(code.emitted, Ref)
    assert values(code, code.emitted.symbol.name) == ["V_1 > 10.0;"]
    assert "emitted" not in LanePrinter().code(code.body, 0)


def test_two_spikes_are_counted() -> None:
    code = lanes(last="emit_spike()")
    assert code.emitted.type == INTEGER
    assert any("emitted" in x for x in LanePrinter().code(code.body, 0).splitlines())


def test_what_is_computed_is_used() -> None:
    for code in (lanes(), lanes("seen = seen + g")):
        names = {item.symbol for item in code.body}
        read = {
            x.symbol
            for e in (*(i.value for i in code.body), *(a.value for a in code.stores), code.emitted)
            for x in walk(e)
            if isinstance(x, Ref)
        }
        assert names <= read
