"""Propagators of models and of random linear systems against 60-digit matrix exponentials."""

from __future__ import annotations

import os
import random
from pathlib import Path

import mpmath
import pytest
from exact_systems import DIGITS, exact_entries, model_error, worst_error

from nestml_core.expr import Symbol
from nestml_core.pipeline import check_sources, compile_files
from nestml_core.reference import constants
from nestml_core.solved import MatrixExponential, SolvedModel
from nestml_core.source import Source
from nestml_core.testing import corpus
from nestml_core.verify import violations

TOLERANCE = 1e-12
STEPS = [1e-3, 1e-2, 0.1, 1.0, 10.0]
SYSTEMS = int(os.environ.get("NESTML_RANDOM_SYSTEMS", "60"))
"""How many random systems; the long search is ``tox -e numerics``."""
PEER = os.environ.get("NESTML_PEER_PACKAGE", "")


def worst(model: SolvedModel, dt: float) -> float:
    """Return the error with default times, with others, and with times that all but coincide."""
    times = corpus.usual(model).parameters
    chosen = [d.symbol for d in model.parameters if d.symbol.name in times]
    sets: list[dict[Symbol, float]] = [{}, {x: times[x.name] for x in chosen}]
    # not quite equal: some models divide by differences of time constants themselves
    sets.append({x: 2.0 * (1 + 1e-9 * k) for k, x in enumerate(chosen)})
    return max(model_error(model, values, dt) for values in sets)


@pytest.mark.parametrize("name", corpus.names())
def test_models_of_the_corpus(name: str) -> None:
    model = corpus.models()[name]
    assert max(worst(model, dt) for dt in STEPS) < TOLERANCE


@pytest.mark.skipif(not PEER, reason="set NESTML_PEER_PACKAGE")
@pytest.mark.parametrize(
    "path", sorted(Path(PEER).glob("**/models/*/*.nestml")) if PEER else [], ids=lambda p: p.stem
)
def test_models_of_the_reference_toolchain(path: Path) -> None:
    program = compile_files([path]).value
    assert program is not None
    assert max(worst(program.models[0], dt) for dt in STEPS) < TOLERANCE


class System:
    """A random ``x' = A x + b`` of one to six variables.

    Rates lie between 1/1000 ms and 1/0.1 ms; they are all different, or come in clusters that
    are equal or differ by a relative 1e-16 to 1e-1; some are zero. Couplings have either sign and
    are 1e-3 to 10 per ms, times ratios of the units of the variables.
    """

    def __init__(self, seed: int) -> None:
        r = random.Random(seed)
        self.n = n = r.randint(1, 6)
        self.dt = 10 ** r.uniform(-3, 1)
        self.kind = r.choice(["triangular", "chain", "sparse", "full"])
        rates = self.rates(r)
        units = [10 ** r.uniform(-3, 3) if seed % 3 == 0 else 1.0 for _ in range(n)]
        self.a = [[0.0] * n for _ in range(n)]
        for i in range(n):
            self.a[i][i] = rates[i]
            for j in range(n):
                if i != j and self.coupled(r, i, j):
                    c = r.choice([-1, 1]) * 10 ** r.uniform(-3, 1)
                    self.a[i][j] = c * units[i] / units[j]
        self.b = [r.choice([0.0, r.uniform(-5, 5)]) for _ in range(n)]
        # an unstable system must not overflow
        growth = max(sum(abs(c) for c in row) for row in self.a)
        self.dt = min(
            self.dt, 10.0 if self.kind in ("triangular", "chain") else 300 / (growth or 1.0)
        )

    def rates(self, r: random.Random) -> list[float]:
        rates = [-(10 ** r.uniform(-3, 1)) for _ in range(self.n)]
        if r.random() < 0.6:
            centres = rates[:2]
            gaps = [0.0, 0.0, *(10.0**-k for k in range(1, 17))]
            rates = [r.choice(centres) * (1 + r.choice(gaps)) for _ in rates]
        return [0.0 if r.random() < 0.1 else x for x in rates]

    def coupled(self, r: random.Random, i: int, j: int) -> bool:
        match self.kind:
            case "triangular":
                return j < i and r.random() < 0.6
            case "chain":
                return j == i - 1
            case "sparse":
                return r.random() < 0.25
            case _:
                return True

    def text(self) -> str:
        """Return the system as a model whose every number is a parameter."""
        names = [f"x{i}" for i in range(self.n)]
        lines = ["model m:", "    state:"]
        lines += [f"        {x} real = 0" for x in names]
        lines += ["    parameters:", "        unused real = 0"]
        right: list[list[str]] = [[] for _ in names]
        for i in range(self.n):
            for j, c in enumerate(self.a[i]):
                if c:
                    lines.append(f"        a{i}{j} real = 0")
                    right[i].append(f"a{i}{j} * x{j}")
            if self.b[i]:
                lines.append(f"        b{i} real = 0")
                right[i].append(f"b{i}")
        lines.append("    equations:")
        lines += [
            f"        {x}' = ({' + '.join(terms) or '0'}) / 1 ms"
            for x, terms in zip(names, right, strict=True)
        ]
        lines += ["    update:", "        integrate_odes()"]
        return "\n".join(lines) + "\n"

    def error(self) -> float:
        program = check_sources([Source("m.nestml", self.text())]).value
        assert program is not None
        model = program.models[0]
        assert violations(model) == ()
        given = {f"a{i}{j}": c for i, row in enumerate(self.a) for j, c in enumerate(row)}
        given |= {f"b{i}": b for i, b in enumerate(self.b)}
        parameters = {
            d.symbol: given[d.symbol.name] for d in model.parameters if d.symbol.name in given
        }
        values = constants(model, parameters, self.dt).value
        assert values is not None
        linear = model.flows[0].linear
        assert linear is not None
        with mpmath.workdps(DIGITS):
            exact = exact_entries(mpmath.matrix(self.a), self.dt)
            drive = [mpmath.mpf(b) for b in self.b]
        return worst_error(linear.updates, linear.variables, exact, drive, dict(values))


@pytest.mark.parametrize("seed", range(SYSTEMS))
def test_random_linear_systems(seed: int) -> None:
    assert System(seed).error() < TOLERANCE


SECOND_ORDER = """model m:
    state:
        g real = 0
        g' 1/ms = 0 / 1 ms
        b real = 0
        b' 1/ms = 0 / 1 ms
        V mV = 0 mV
        w mV = 0 mV
    parameters:
        tau ms = 2 ms
        rise ms = 0.5 ms
        fall ms = 5 ms
        tau_m ms = 10 ms
    equations:
        kernel A'' = -2 / tau * A' - A / tau**2
        kernel K = (t / tau)**2 * exp(-t / tau) + exp(-t / fall)
        kernel O = exp(-t / fall) * sin(t / rise)
        g'' = -2 * g' / tau - g / tau**2 + 2 * s / tau
        b'' = -(1 / rise + 1 / fall) * b' - b / (rise * fall)
        V' = -V / tau_m + (g + b - convolve(K, s) + convolve(A, s) + convolve(O, s)) * 1 mV / ms
        w' = (V - w) / tau
    input:
        s <- spike
    update:
        integrate_odes()
"""
INITIAL = "        A real = 0\n        A' 1/ms = 1 / 1 ms\n"


@pytest.mark.parametrize("gap", [0.0, 1e-16, 1e-12, 1e-8, 1e-4, 0.1, 1.0])
@pytest.mark.parametrize("dt", STEPS)
def test_equations_of_second_order(dt: float, gap: float) -> None:
    """Alpha and beta functions as equations of second order need no numeric exponential."""
    text = SECOND_ORDER.replace("    state:\n", f"    state:\n{INITIAL}")
    program = check_sources([Source("m.nestml", text)]).value
    assert program is not None
    model = program.models[0]
    assert violations(model) == ()
    blocks = [d for d in model.derived if isinstance(d, MatrixExponential)]
    numeric = [s.name for d in blocks for row in d.symbols for s in row if s is not None]
    assert all("O__X__s" in name for name in numeric)
    values = {"tau": 2.0, "rise": 2.0 * (1 + gap), "fall": 2.0 * (1 - gap / 3), "tau_m": 2.0}
    parameters = {d.symbol: values[d.symbol.name] for d in model.parameters}
    assert model_error(model, parameters, dt) < TOLERANCE
