"""The core's numerical headers as NEST modules compile them, against independent computations."""

from __future__ import annotations

import itertools
import math
import subprocess
from importlib.resources import files
from pathlib import Path

import mpmath
import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
from nestml_nest.toolchain import Compiler, find_compiler

from nestml_core.api import cpp_runtime

OWN = {"expm1.h": (files("nestml_nest") / "templates/nestml/expm1.h").read_text(encoding="utf-8")}
RATES = (0.0, -0.1, -0.1 * (1 + 1e-15), -0.1 * (1 + 1e-9), -0.1001, -0.5, -2.0, -20.0, -1e3)


@pytest.fixture
def output_of(toolchain: None, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Return what compiles and runs C++ and returns the numbers it prints."""
    compiler = find_compiler("g++")
    assert isinstance(compiler, Compiler)

    def run(header: str, body: str) -> list[float]:
        source, program = tmp_path / "a.cpp", tmp_path / "a"
        headers = {header: OWN[header]} if header in OWN else cpp_runtime([header])
        for name, content in headers.items():
            (tmp_path / name).write_text(content, encoding="utf-8")
        included = "".join(f'#include "{name}"\n' for name in headers)
        text = f"{included}#include <cstdio>\nint main() {{\n{body}\n}}\n"
        source.write_text(text, encoding="utf-8")
        flags = ["-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{tmp_path}"]
        command = [compiler.command, *flags, str(source), "-o", str(program)]
        subprocess.run(command, check=True)
        done = subprocess.run([str(program)], capture_output=True, text=True, check=True)
        return [float(x) for x in done.stdout.split()]

    return run


def exact(h: float, rates: tuple[float, ...]) -> float:
    """Return the divided difference in 200 digits, equal rates told apart by far less."""
    with mpmath.workdps(200):
        points = [mpmath.mpf(r) + k * mpmath.mpf(10) ** -60 for k, r in enumerate(rates)]
        row = [mpmath.exp(p * h) for p in points]
        for width in range(1, len(points)):
            row = [
                (row[i + 1] - row[i]) / (points[i + width] - points[i])
                for i in range(len(points) - width)
            ]
        return float(row[0])


def test_divided_differences(output_of) -> None:  # type: ignore[no-untyped-def]
    cases = [
        (h, rates)
        for h in (0.1, 1.0)
        for n in (2, 3, 4)
        for rates in itertools.combinations_with_replacement(RATES, n)
    ]
    calls = (f"nestml_runtime::expdd({h!r}, {{{', '.join(map(repr, r))}}})" for h, r in cases)
    body = "\n".join(f'std::printf("%.17g\\n", {call});' for call in calls)
    for (h, rates), got in zip(cases, output_of("expdd.hpp", body), strict=True):
        expected = exact(h, rates)
        assert got == pytest.approx(expected, rel=4e-15, abs=1e-300), (h, rates)


def test_exponentials_minus_one(output_of) -> None:  # type: ignore[no-untyped-def]
    near = [k / 8 * 10.0**e for e in range(-9, 1) for k in range(-9, 10)]
    points = [*near, 0.25, math.nextafter(0.25, 1), -0.25, math.nextafter(-0.25, -1), -40.0, 709.0]
    body = "\n".join(f'std::printf("%.17g\\n", nestml::expm1({x!r}));' for x in points)
    for x, got in zip(points, output_of("expm1.h", body), strict=True):
        assert abs(got - math.expm1(x)) <= 4 * math.ulp(math.expm1(x)), x
    body = 'const double x[] = {1e3, -1e3, __builtin_nan("")};\n'
    body += 'for (const double y : x) std::printf("%g\\n", nestml::expm1(y));'
    high, low, unknown = output_of("expm1.h", body)
    assert (high, low) == (math.inf, -1.0)
    assert math.isnan(unknown)


def test_matrix_exponentials(output_of) -> None:  # type: ignore[no-untyped-def]
    generator = np.random.default_rng(5)
    matrices = [generator.normal(size=(3, 3)) * scale for scale in (1e-3, 0.1, 1.0, 30.0)]
    matrices += [np.array([[0.0, 1.0, 0.0], [-4.0, -0.1, 0.0], [0.0, 0.5, -2.0]]), np.zeros((3, 3))]
    lines = []
    for m in matrices:
        rows = ", ".join("{" + ", ".join(repr(float(x)) for x in row) + "}" for row in m)
        lines.append(
            f"{{ const nestml_runtime::Matrix<3> a{{{{{rows}}}}};"
            "for (const auto& row : nestml_runtime::matrix_exponential(a, 0.1))"
            '  for (const double x : row) std::printf("%.17g\\n", x); }'
        )
    got = np.reshape(output_of("matrix_exponential.hpp", "\n".join(lines)), (-1, 3, 3))
    for m, g in zip(matrices, got, strict=True):
        expected = scipy.linalg.expm(m * 0.1)
        assert np.abs(g - expected).max() < 1e-13 * max(1.0, np.abs(expected).max())


def test_a_matrix_that_is_not_finite(output_of) -> None:  # type: ignore[no-untyped-def]
    body = """
    using namespace nestml_runtime;
    const double inf = std::numeric_limits<double>::infinity();
    for (const double bad : {inf, inf * 0})
      for (const auto& row : matrix_exponential(Matrix<2>{{{bad, 0}, {0, 1}}}, 1.0))
        for (const double x : row) std::printf("%g\\n", x);"""
    assert all(math.isnan(x) for x in output_of("matrix_exponential.hpp", body))


def test_dormand_prince(output_of) -> None:  # type: ignore[no-untyped-def]
    """A van der Pol oscillator for 20 ms, and a solution that runs away within one step."""
    body = """
    std::array<double, 2> x{2.0, 0.0};
    const auto f = [](const auto& x, auto& slope) {
      slope[0] = x[1];
      slope[1] = 5 * (1 - x[0] * x[0]) * x[1] - x[0];
    };
    bool done = true;
    using nestml_runtime::dormand_prince;
    for (int k = 0; k < 200; ++k) done = done && dormand_prince(f, x, 0.1, 1e-10, 1e-10);
    std::printf("%d %.17g %.17g\\n", done, x[0], x[1]);
    std::array<double, 1> y{1.0};
    const auto g = [](const auto& y, auto& s) { s[0] = y[0] * y[0]; };
    std::printf("%d\\n", dormand_prince(g, y, 2.0, 1e-6, 1e-6));"""
    done, a, b, ran_away = output_of("dormand_prince.hpp", body)

    def slope(_: float, x: list[float]) -> list[float]:
        return [x[1], 5 * (1 - x[0] ** 2) * x[1] - x[0]]

    truth = scipy.integrate.solve_ivp(slope, (0, 20), [2.0, 0.0], "DOP853", rtol=1e-13, atol=1e-13)
    assert done == 1.0
    assert [a, b] == pytest.approx(truth.y[:, -1], abs=1e-7)
    assert ran_away == 0.0
