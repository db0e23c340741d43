"""Several neurons at once: the vector functions, and populations against single neurons."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from generated_programs import BACKEND, neurons, solved
from nestml_cpp.library import Fact

import nestml_core
from nestml_core.api import Result, SolvedModel, SolvedProgram, Trace, hoist, straight
from nestml_core.experiment import Experiment, schedule
from nestml_core.reference import simulate as interpret
from nestml_core.testing import models

HEADERS = Path(nestml_core.__file__).parent / "runtime" / "cpp"

FUNCTIONS = """
#include "lanes.hpp"
using namespace nestml_runtime;
extern "C" void apply(int f, const double* x, double* y, long n) {
  for (long i = 0; i < n; i += static_cast<long>(lanes)) {
    Real a = 0.0;
    for (std::size_t k = 0; k < lanes; ++k) a.put(k, x[i + static_cast<long>(k)]);
    const Real b = f == 0 ? exp(a) : f == 1 ? expm1(a) : log(a);
    for (std::size_t k = 0; k < lanes; ++k) y[i + static_cast<long>(k)] = b[k];
  }
}
"""
EXACT = (mpmath.exp, mpmath.expm1, mpmath.log)
NAMES = ("exp", "expm1", "log")
ULPS = (1.0, 2.0, 1.0)

Apply = Callable[[int, Any], Any]


@pytest.fixture(scope="module", params=["", "-march=x86-64-v3", "-march=native"])
def apply(
    request: pytest.FixtureRequest,
    compiler: tuple[str, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> Apply:
    """Return the vector functions, compiled for processors of several kinds."""
    folder = tmp_path_factory.mktemp("lanes")
    source, library = folder / "functions.cpp", folder / "functions.so"
    source.write_text(FUNCTIONS, encoding="utf-8")
    flags = [request.param] if request.param else []
    if "v3" in request.param and not _has_avx2():
        pytest.skip("a processor of another kind")
    command = [*compiler, "-O2", *flags, "-shared", "-fPIC", f"-I{HEADERS}", source, "-o", library]
    subprocess.run(command, check=True)
    function = ctypes.CDLL(str(library)).apply

    def call(which: int, values: Any) -> Any:
        x = np.ascontiguousarray(np.resize(values, (len(values) + 15) // 16 * 16), dtype=float)
        y = np.empty_like(x)
        pointers = (a.ctypes.data_as(ctypes.c_void_p) for a in (x, y))
        function(which, *pointers, ctypes.c_long(len(x)))
        return y[: len(values)]

    return call


def _has_avx2() -> bool:
    try:
        return " avx2 " in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


def arguments(which: int) -> Any:
    rng = np.random.default_rng(which)
    tiny = rng.choice([-1, 1], 500) * 10.0 ** rng.uniform(-300, 0, 500)
    wide = rng.uniform(-707, 709.7, 800)
    near = rng.uniform(-1, 1, 800)
    if which == 2:
        return np.concatenate([np.exp(wide), 1 + 0.4 * near, abs(tiny), rng.uniform(0, 1e-310, 50)])
    return np.concatenate([wide, near, tiny, rng.uniform(-50, 50, 800)])


@pytest.mark.parametrize("which", range(3), ids=NAMES)
def test_vector_functions_have_all_digits(apply: Apply, which: int) -> None:
    x = arguments(which)
    worst = 0.0
    with mpmath.workprec(150):
        for a, b in zip(x.tolist(), apply(which, x).tolist(), strict=True):
            exact = EXACT[which](mpmath.mpf(a))
            last = np.spacing(abs(float(exact)))
            worst = max(worst, abs(float((mpmath.mpf(b) - exact) / mpmath.mpf(float(last)))))
    assert worst < ULPS[which]


@pytest.mark.parametrize("which", range(3), ids=NAMES)
def test_vector_functions_at_the_ends(apply: Apply, which: int) -> None:
    ends = np.array(
        [0.0, -0.0, np.inf, -np.inf, np.nan, 710.0, -750.0, 709.78, -745.13, 1e308, -1e308, 5e-324]
    )
    with np.errstate(all="ignore"):
        expected = (np.exp, np.expm1, np.log)[which](ends)
    got = apply(which, ends)
    np.testing.assert_allclose(got, expected, rtol=3e-16, atol=0)
    if which == 1:
        assert np.signbit(got[1])


SIZE = 11
STEPS = 400

DRIVEN = """
model driven:
    state:
        V_m mV = E_L
        n integer = 0
        up boolean = false
        y real = 0.1
    parameters:
        E_L mV = -70 mV
        tau ms = 10 ms [[ tau > 0 ms ]]
        flag boolean = true
        gain real = 2
    equations:
        V_m' = -(V_m - E_L) / tau + drive / 1 ms
        y' = (y - y**3) / 5 ms + 0.1 * tanh(V_m / 50 mV) / 1 ms
        recordable inline power real = scaled(y)**2 + n
    input:
        spikes <- spike
        drive mV <- continuous
    output:
        spike
    update:
        if n > 0:
            n -= 1
            integrate_odes(y)
        elif up and flag:
            integrate_odes()
        else:
            integrate_odes(V_m)
        up = not up or V_m > -60 mV
        if V_m > -55 mV and n == 0:
            V_m = E_L
            n = 7
            emit_spike()
    onReceive(spikes):
        V_m += 2 mV * spikes * 1 s + 0.1 mV * (n / (n + 3) + n / 4)
        n = min(n + 1, 9)
    function scaled(a real) real:
        if a > 0.5:
            return gain * a
        return a
"""


def given(model: SolvedModel) -> dict[str, Any]:
    """Return inputs that differ between the neurons of a population."""
    rng = np.random.default_rng(3)
    events = {}
    for p in model.spike_ports:
        steps = np.sort(rng.integers(1, STEPS + 1, 120))
        events[p.symbol] = (steps, rng.integers(0, SIZE, 120), np.full(120, 4.0))
    scale = np.linspace(0, 1, SIZE)
    size = {
        p.symbol: 600.0 if p.symbol.type.unit and p.symbol.type.unit.text == "pA" else 3.0
        for p in model.continuous_ports
    }
    currents = {
        s: np.outer(1 + 0.2 * np.sin(np.arange(STEPS) / 30), scale * top) for s, top in size.items()
    }
    return {"events": events, "currents": currents}


def reference(model: SolvedModel, neuron: int, what: dict[str, Any], **more: Any) -> Trace:
    spikes = {
        s.name: [
            (k * 0.1, w) for k, i, w in zip(*(a.tolist() for a in e), strict=True) if i == neuron
        ]
        for s, e in what["events"].items()
    }
    laid = schedule(Experiment(STEPS * 0.1, spikes=spikes, **more), model)
    assert laid.value is not None
    currents = {s: np.ascontiguousarray(c[:, neuron]) for s, c in what["currents"].items()}
    object.__setattr__(laid.value, "currents", currents)
    result: Result[Trace] = interpret(model, laid.value)
    assert result.value is not None
    return result.value


@pytest.mark.parametrize("name", ["driven", "iaf_psc_exp", "izhikevich", "oscillator"])
def test_populations_do_as_single_neurons(
    name: str, compiler: tuple[str, ...], tmp_path: Path
) -> None:
    model = solved(DRIVEN) if name == "driven" else models()[name]
    many = neurons(model, tmp_path, SIZE)
    assert many.is_wide
    what = given(model)
    for port, events in what["events"].items():
        many.spikes(port, *events)
    for port, current in what["currents"].items():
        many.current(port, current)
    names = [r.symbol.name for r in model.recordables]
    recorded = {n: many.record(n, STEPS) for n in names}
    assert many.begin() == ()
    assert many.run(STEPS // 2) + many.run(STEPS - STEPS // 2) == ()
    assert many.steps_done == STEPS
    for i in (0, 4, SIZE - 1):
        single = reference(model, i, what)
        for n in names:
            np.testing.assert_allclose(recorded[n][:, i], single[n], rtol=1e-8, atol=1e-8)
        assert many.spike_steps[many.spike_neurons == i].tolist() == single.spike_steps.tolist()
    assert len(many.spike_steps) > 0 or name == "oscillator"
    assert (many[names[0]] == recorded[names[0]][-1]).all()


def test_parameters_of_each_neuron(compiler: tuple[str, ...], tmp_path: Path) -> None:
    model = solved(DRIVEN)
    many = neurons(model, tmp_path, SIZE)
    what = given(model)
    symbols = {d.symbol.name: d.symbol for d in (*model.parameters, *model.state)}
    tau = np.linspace(5, 20, SIZE)
    flag = (np.arange(SIZE) % 2).astype(float)
    start = np.linspace(-80, -60, SIZE)
    many.set({symbols["tau"]: tau, symbols["flag"]: flag}, {symbols["V_m"]: start})
    for port, current in what["currents"].items():
        many.current(port, current)
    for port, events in what["events"].items():
        many.spikes(port, *events)
    recorded = many.record("V_m", STEPS, [7, 3])
    assert many.begin() == ()
    assert many.run(STEPS) == ()
    for column, i in enumerate((7, 3)):
        own = {"parameters": {"tau": tau[i], "flag": flag[i]}, "initial": {"V_m": start[i]}}
        single = reference(model, i, what, **own)
        np.testing.assert_allclose(recorded[:, column], single["V_m"], rtol=1e-9)
    tau[5] = -1
    many.set({symbols["tau"]: tau})
    (d,) = many.begin()
    assert d.code.id == "CPP201"
    assert "neuron 5" in d.message
    assert d.span.text == "tau > 0 ms"


def test_one_by_one_is_the_same_as_single_neurons_bit_for_bit(
    compiler: tuple[str, ...], tmp_path: Path
) -> None:
    model = models()["iaf_psc_exp"]
    many = neurons(model, tmp_path, SIZE, one_by_one=True)
    assert not many.is_wide
    what = given(model)
    for port, events in what["events"].items():
        many.spikes(port, *events)
    for port, current in what["currents"].items():
        many.current(port, current)
    recorded = many.record("V_m", STEPS)
    assert many.begin() + many.run(STEPS) == ()
    laid = schedule(Experiment(STEPS * 0.1), model).value
    assert laid is not None
    for i in (0, SIZE - 1):
        np.testing.assert_allclose(recorded[:, i], reference(model, i, what)["V_m"], rtol=1e-14)


def test_neurons_do_not_depend_on_each_other_nor_on_slices(
    compiler: tuple[str, ...], tmp_path: Path
) -> None:
    """Adaptive steps are each neuron's own: its neighbours, and who they are, change no bit."""
    model = models()["izhikevich"]
    (port,) = (p.symbol for p in model.continuous_ports)
    drive = np.linspace(0, 20, 30)
    values = []
    for size, slices in ((30, 1), (30, 7), (9, 3)):
        folder = tmp_path / f"{size}-{slices}"
        folder.mkdir()
        many = neurons(model, folder, size)
        many.current(port, np.tile(drive[-size:], (1, 1)))
        many.reserve(slices)
        many.begin()
        assert many.run(500) == ()
        values.append(many["V_m"][-9:])
    assert (values[0] == values[1]).all()
    assert (values[0] == values[2]).all()


def test_rows_are_views(compiler: tuple[str, ...], tmp_path: Path) -> None:
    model = models()["iaf_psc_exp"]
    many = neurons(model, tmp_path, SIZE)
    port = model.spike_ports[0].symbol
    many.reserve(20)
    many.begin()
    row = many.arriving(port, 3)
    assert row is not None
    row[4] += 50.0
    assert many.arriving(port, 3, counts=True) is None, "what arrives is just added"
    many.run(3)
    assert np.flatnonzero(many["I_syn_exc"]).tolist() == [4]
    assert row[4] == 0.0, "taken"
    counted = neurons(solved(DRIVEN), tmp_path, SIZE)
    counted.begin()
    assert counted.arriving(counted.model.spike_ports[0].symbol, 1, counts=True) is not None


def test_what_is_not_finite_is_named_with_its_neuron(
    compiler: tuple[str, ...], tmp_path: Path
) -> None:
    model = solved(DRIVEN)
    many = neurons(model, tmp_path, SIZE)
    (port,) = (p.symbol for p in model.continuous_ports)
    current = np.zeros((100, SIZE))
    current[50:, 6] = np.nan
    many.current(port, current)
    recorded = many.record("V_m", 100)
    many.begin()
    (d,) = many.run(100)
    assert d.code.id == "CPP202"
    assert "neuron 6" in d.message
    assert "`V_m`" in d.message
    assert np.isfinite(recorded[:50]).all(), "what was recorded so far is kept"


def test_float_is_an_option(compiler: tuple[str, ...], tmp_path: Path) -> None:
    """Against double, within what rounding can do to a linear recursion.

    A step computes five products and sums no larger than 70 mV, of constants that are rounded once
    each: at most ten roundings of 70 mV. The next steps shrink what they leave behind by
    exp(-dt / tau_m), so that all steps together leave at most that over 1 - exp(-dt / tau_m).
    """
    model = models()["iaf_psc_exp"]
    (port,) = (p.symbol for p in model.continuous_ports)
    course = {}
    for real, size in (("double", 8), ("float", 4)):
        folder = tmp_path / real
        folder.mkdir()
        many = neurons(model, folder, SIZE, options={"real": real})
        many.current(port, 300.0 * np.sin(np.arange(2000) / 100))
        course[real] = many.record("V_m", 2000)
        assert many.begin() + many.run(2000) == ()
        assert many._handle.fact(Fact.REAL_BYTES) == size
        assert len(many.spike_steps) == 0, "the recursion is that of the membrane alone"
    error = np.abs(course["float"] - course["double"]).max()
    assert 0 < error < 10 * 2**-24 * 70 / -np.expm1(-0.1 / 10)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("x = f(x)", "calls itself"),
        ('println("{x}")', "prints"),
        ("n = 7 // n", "divides whole numbers"),
        ("while x > 3:\n            x -= 1", "loop"),
    ],
)
def test_what_goes_one_by_one(line: str, reason: str) -> None:
    text = f"""
model slow:
    state:
        x real = 1
        n integer = 1
    update:
        {line}
    function f(a real) real:
        if a < 0:
            return a
        return f(a - 1)
"""
    found = straight(hoist(solved(text)), lambda s: s.identifier, lambda s: s.identifier)
    assert isinstance(found, str)
    assert reason in found
    program = SolvedProgram((solved(text),))
    lowered = BACKEND.lower(program, BACKEND.options())
    assert lowered.value is not None
    assert found in str(BACKEND.render(lowered.value)["slow_population.hpp"]).replace("\n/// ", " ")
