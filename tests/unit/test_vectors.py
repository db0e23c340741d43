"""Vectors at the boundary: values from outside, names seen from outside, files and text."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pint
import pytest

from nestml_core import loading as api
from nestml_core.cli import main
from nestml_core.describe import describe
from nestml_core.experiment import Experiment, schedule
from nestml_core.expr import Element, Kind, Number, Ref, Symbol, integer, ref, rewrite, symbols_in
from nestml_core.interchange import from_json, to_json
from nestml_core.model import Sign, SpikePort
from nestml_core.pipeline import check_sources
from nestml_core.printing.nestml import NestmlPrinter
from nestml_core.solved import SolvedModel, SolvedProgram, sign_pairs
from nestml_core.source import Source
from nestml_core.stmt import Assign, expressions, map_body
from nestml_core.testing.corpus import models
from nestml_core.types import INTEGER
from nestml_core.verify import violations

MODEL = """model m:
    state:
        x[3] mV = 1 mV
        g[2] real = 0
        g[2]' 1/ms = 1 / 1 ms
        free[n] real = 0
        k integer = 0
    parameters:
        n integer = 2
        ports integer = 3
        times[n] ms = 5 ms
        tau[2] ms = 2 ms
    equations:
        g'' = -g' / tau - g / tau**2
    input:
        p[ports] <- spike
    output:
        spike
    update:
        integrate_odes()
        free[k % n] = times[k % n] / 1 ms
        x[k % 3] += 1 mV * p[1] * 1 ms
        k += 1
"""


def model() -> SolvedModel:
    program = check_sources([Source("m.nestml", MODEL)]).value
    assert program is not None
    return program.models[0]


def laid(**experiment: Any) -> Any:
    return schedule(Experiment(**{"duration": 1.0} | experiment), model())


def by_name(values: Any) -> dict[str, Any]:
    return {s.name: v if np.ndim(v) == 0 else np.asarray(v).tolist() for s, v in values.items()}


ureg = pint.UnitRegistry()


@pytest.mark.parametrize(
    "given",
    [
        [1.0, 20.0],
        (1, 20),
        np.array([1.0, 20.0]),
        ["1 ms", "0.02 s"],
        [1.0 * ureg.ms, 20000 * ureg.us],
        np.array([1.0, 20.0]) * ureg.ms,
        np.array([0.001, 0.02]) * ureg.s,
        "1, 20",
        "1,20ms",
        "0.001, 2e-2 s",
        "1 ms, 0.02s",
    ],
    ids=str,
)
def test_values_of_a_vector(given: Any) -> None:
    found = laid(parameters={"times": given}).value
    assert by_name(found.parameters) == {"times": pytest.approx([1.0, 20.0])}


def test_one_value_is_that_of_all_elements() -> None:
    found = laid(parameters={"times": "3 ms", "n": 4}, initial={"x": -70.0, "free": 2}).value
    assert by_name(found.parameters) == {"n": 4, "times": [3.0] * 4}
    assert by_name(found.initial) == {"x": [-70.0] * 3, "free": [2.0] * 4}


@pytest.mark.parametrize(
    ("experiment", "message", "help"),
    [
        (
            {"parameters": {"times": [1.0, 2.0, 3.0]}},
            "parameter `times`: it has 2 elements, here are 3 values",
            "its size is `n`: set that to 3 too",
        ),
        (
            {"initial": {"x": [1.0]}},
            "state variable `x`: it has 3 elements, here is 1 value",
            "",
        ),
        (
            {"parameters": {"tau": [1.0, "2 mV"]}},
            "parameter `tau[1]`: ",
            "",
        ),
        ({"parameters": {"n": [1, 2]}}, "parameter `n`: ", ""),
        (
            {"parameters": {"ports": 4}},
            "parameter `ports`: the equations or ports of `m` are made for 3, not for 4",
            "change the model",
        ),
    ],
)
def test_values_that_do_not_fit(experiment: dict[str, Any], message: str, help: str) -> None:
    (error,) = laid(**experiment).errors
    assert error.message.startswith(message)
    assert error.help == help


def test_a_fixed_size_may_be_set_to_what_it_is() -> None:
    assert laid(parameters={"ports": 3}).errors == ()


def test_names_seen_from_outside() -> None:
    loaded = api.LoadedModel(model())
    assert loaded.spike_ports == ("p[0]", "p[1]", "p[2]")
    assert loaded.recordables == (*("x[0]", "x[1]", "x[2]", "g[0]", "g[1]", "g'[0]", "g'[1]", "k"),)
    run = loaded.simulate(
        2.0, parameters={"times": [1, 2]}, spikes={"p[1]": [(1.0, 3.0)]}, backend="reference"
    )
    assert run.recorded == loaded.recordables
    assert run.units["x[0]"] == "mV"
    # in step 10, k is 9: it goes to x[0]; a port is its weights in 1/s
    assert run["x[0]"][-1] == pytest.approx(1 + 3 * 1e-3)
    same = loaded.simulate(2.0, spikes={"p_1": [(1.0, 3.0)]}, record=["x_0"], backend="reference")
    assert np.array_equal(same["x[0]"], run["x[0]"])


def test_values_on_the_command_line(tmp_path: Any, capsys: Any) -> None:
    path = tmp_path / "m.nestml"
    path.write_text(MODEL.replace("recordable", ""))
    table = tmp_path / "m.csv"
    arguments = ["run", str(path), "--duration", "0.4ms", "--backend", "reference"]
    arguments += ["--set", "n=3", "--set", "times=0,10,20ms", "--initial", "x=1,2,3 V"]
    assert main([*arguments, "--csv", str(table)]) == 0
    heading, *_, last = table.read_text().splitlines()
    assert heading.startswith("t (ms),x[0] (mV),x[1] (mV),x[2] (mV)")
    assert last.split(",")[1:4] == ["1000.0", "2000.0", "3000.0"]
    assert main([*arguments[:-2], "--set", "times=1,2"]) == 1
    assert "its size is `n`: set that to 2 too" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["vectors", "vector_equations", "vector_ports", "delayed"])
def test_files_and_descriptions(name: str) -> None:
    solved = models()[name]
    program = SolvedProgram((solved,))
    back = from_json(json.loads(json.dumps(to_json(program))))
    assert back == program
    for a, b in zip(back.models[0].state, solved.state, strict=True):
        assert a.symbol.size == b.symbol.size
        assert a.symbol.elements == b.symbol.elements
    text = describe(solved)
    if name == "vectors":
        assert "    past[taps] mV = 0\n" in text
        assert "taps integer = 4  [[ taps >= 1 ]]" in text
        assert "past[place] = signal" in text
    if name == "delayed":
        assert "x__delayed = x(t - d)" in text


def test_elements_are_parts_of_expressions() -> None:
    n, i = Symbol("n", Kind.PARAMETER, INTEGER), Symbol("i", Kind.LOCAL, INTEGER)
    v = Symbol("v", Kind.PARAMETER, size=ref(n))
    e = Element(v, ref(i))
    assert symbols_in(e) == (v, i)
    assert rewrite(e, lambda x: integer(2) if x == ref(i) else x) == Element(v, integer(2))
    assert NestmlPrinter().expr(e) == "v[i]"
    w = Symbol("w'", Kind.STATE, size=integer(2))
    assert [s.name for s in w.elements] == ["w'[0]", "w'[1]"]
    assert [s.identifier for s in w.elements] == ["w__d_0", "w__d_1"]
    assert w.element(1).owner == w
    assert v.length is None
    stmt = Assign(v, ref(n), index=ref(i))
    assert expressions(stmt) == (ref(n), ref(i))
    (changed,) = map_body((stmt,), lambda x: integer(1))
    assert changed == Assign(v, integer(1), index=integer(1))
    assert NestmlPrinter().statement(stmt) == ["v[i] = n"]


def test_verify_finds_vectors_where_numbers_belong() -> None:
    from dataclasses import replace

    solved = models()["vectors"]
    past = next(d.symbol for d in solved.state if d.symbol.name == "past")
    y = next(d.symbol for d in solved.state if d.symbol.name == "y")
    wrong = replace(solved, update=(Assign(y, Element(y, Number(0))),))  # type: ignore[arg-type]
    assert "`y` has no elements" in violations(wrong)
    lost = Symbol("counts[7]", Kind.STATE, INTEGER, vector=solved.state[3].symbol, place=7)
    assert "`counts[7]` is not in its vector" in violations(
        replace(solved, update=(Assign(y, Ref(lost)),))
    )
    assert violations(replace(solved, update=(Assign(past, ref(y)),))) == ()


def test_vectors_of_ports_pair_by_size() -> None:
    def ports(name: str, size: int, sign: Sign) -> list[SpikePort]:
        return [SpikePort(Symbol(f"{name}[{k}]", Kind.SPIKE_PORT), sign) for k in range(size)]

    single = SpikePort(Symbol("s", Kind.SPIKE_PORT), Sign.INHIBITORY)
    e2, i2 = ports("e", 2, Sign.EXCITATORY), ports("i", 2, Sign.INHIBITORY)
    assert sign_pairs([*e2, single, *i2]) == tuple(zip(e2, i2, strict=True))
    assert sign_pairs([*ports("f", 3, Sign.EXCITATORY), *i2]) == ()
