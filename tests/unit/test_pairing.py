"""What a neuron can keep for the synapses that end at it."""

from __future__ import annotations

import pytest

from nestml_core.api import Integrate, SolvedModel, bodies_of, walk_statements
from nestml_core.pipeline import check_sources, compile_files
from nestml_core.solve.pairing import Postsynaptic, postsynaptic, without
from nestml_core.source import Source

HEAD = """
model example:
    state:
        w real = 1
        x real = {begin}
        y real = 0
    parameters:
        tau ms = 20 ms
        a real = 1 [[ a > {guard} ]]
        b real = 2
    equations:
        x' = {slope}
    input:
        pre_spikes <- spike
        post_spikes <- spike
    output:
        spike
    update:
        {update}
    onReceive(post_spikes):
        {post}
    onReceive(pre_spikes):
        {pre}
        emit_spike(w)
"""

PLAIN = {
    "begin": "0",
    "guard": "0",
    "slope": "-x / tau",
    "update": "integrate_odes()",
    "post": "x += a",
    "pre": "w += x",
}


def solved(text: str) -> SolvedModel:
    found = check_sources([Source("example.nestml", text)]).value
    assert found is not None
    return found.models[0]


def kept(**changes: str) -> Postsynaptic:
    model = solved(
        HEAD.format(**PLAIN | {k: v.replace("\n", "\n        ") for k, v in changes.items()})
    )
    (port,) = (p.symbol for p in model.spike_ports if p.symbol.name == "post_spikes")
    weight = next(d.symbol for d in model.state if d.symbol.name == "w")
    return postsynaptic(model, port, [weight])


def names(part: Postsynaptic) -> set[str]:
    return {s.name for s in part.symbols}


def test_a_trace_moves_with_its_flow_and_its_statement() -> None:
    part = kept()
    assert names(part) == {"x"}
    assert [u.target.name for u in part.updates] == ["x"]
    assert len(part.body) == 1
    assert {d.symbol.name for d in part.parameters} == {"tau", "a"}
    assert len(part.derived) == 1


def test_what_is_set_after_the_flow_moves_too() -> None:
    part = kept(update="integrate_odes()\ny = x", pre="w += y")
    assert names(part) == {"x", "y"}
    assert [u.target.name for u in part.before] == ["y"]


def test_conditions_and_locals_move() -> None:
    part = kept(post="more real = a * x\nif more < b:\n    x += more + 1\nw += pre_spikes * 1 s")
    assert names(part) == {"x"}
    assert {d.symbol.name for d in part.parameters} == {"tau", "a", "b"}
    assert len(part.body) == 2


def test_a_guard_takes_its_parameters_along() -> None:
    assert {d.symbol.name for d in kept(guard="b / 4").parameters} == {"tau", "a", "b"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"pre": "x += 1"}, "another port"),
        ({"post": "x += w"}, "of its own"),
        ({"post": "if w > 0:\n    x += 1"}, "of its own"),
        ({"post": "some real = w\nx += some"}, "of its own"),
        ({"slope": "-x / tau + w / tau"}, "delay"),
        ({"slope": "-w * x / tau"}, "not integrated exactly"),
        ({"slope": "-x**3 / tau"}, "not integrated exactly"),
        ({"begin": "1"}, "does not begin at rest"),
        ({"post": "x += random_normal(0, 1)"}, "of its own"),
        ({"update": "integrate_odes()\nintegrate_odes()"}, "once between two events"),
        ({"update": "integrate_odes()\nw += x"}, "`update` reads it"),
        ({"update": "integrate_odes()\nx = 0.5 * x"}, "`update`"),
    ],
)
def test_what_each_connection_keeps(changes: dict[str, str], reason: str) -> None:
    part = kept(**changes)
    assert "x" not in names(part)
    (said,) = (why for s, why in part.reasons if s.name == "x")
    assert reason in said


def test_what_nobody_changes_stays() -> None:
    reasons = {s.name: why for s, why in kept().reasons}
    assert reasons["y"] == "nothing changes it"


def test_what_depends_on_what_stays_stays() -> None:
    part = kept(post="x += y\ny += 1", pre="y += 1")
    assert names(part) == set()


def test_the_rest_integrates_what_is_left() -> None:
    model = compile_files(["stdp"]).value
    assert model is not None
    (stdp,) = model.models
    port = stdp.spike_ports[1].symbol
    part = postsynaptic(stdp, port)
    rest = without(stdp, part)
    assert [v.name for f in rest.flows for v in f.variables] == ["pre_trace"]
    assert all(isinstance(s, Integrate) for s in rest.update)
    assert rest.on_receive == stdp.on_receive
    assert sum(1 for b in bodies_of(rest) for _ in walk_statements(b)) > 4


def test_nothing_moves_without_a_postsynaptic_port() -> None:
    model = compile_files(["static"]).value
    assert model is not None
    assert postsynaptic(model.models[0], None) == Postsynaptic()
