"""The numerical functions of the runtime against mpmath, SciPy and closed forms."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

import mpmath
import numpy as np
import pytest
from scipy import stats
from scipy.integrate import solve_ivp
from scipy.linalg import expm

Cpp = Callable[..., str]


def divided_difference(h: float, rates: Sequence[float]) -> mpmath.mpf:
    """Return the divided difference of x -> exp(x h), with 400 digits; equal rates are moved apart
    by 1e-80."""
    with mpmath.workdps(400):
        a = [mpmath.mpf(x) + i * mpmath.mpf(10) ** -80 for i, x in enumerate(rates)]
        f = [mpmath.exp(x * mpmath.mpf(h)) for x in a]
        for k in range(1, len(a)):
            f = [(f[i + 1] - f[i]) / (a[i + k] - a[i]) for i in range(len(f) - 1)]
        return f[0]


def rates_to_try() -> list[tuple[float, list[float]]]:
    """Return steps and rates: equal, apart by a relative 1e-16 to 1e-1, and of any size."""
    draw = random.Random(1)
    found: list[tuple[float, list[float]]] = []
    for n in range(2, 6):
        for h in (0.01, 0.1, 1.0, 50.0):
            base = -(10 ** draw.uniform(-2, 1))
            found.append((h, [base] * n))
            for e in range(-16, 0):
                found.append((h, [base * (1 + 10.0**e * draw.uniform(-1, 1)) for _ in range(n)]))
            for _ in range(10):
                found.append((h, [-(10 ** draw.uniform(-3, 2)) for _ in range(n)]))
                found.append((h, [base] * (n - 1) + [-(10 ** draw.uniform(-3, 1))]))
            found.append((h, [0.0] * n))
            found.append((h, [0.0, *[-0.5] * (n - 1)]))
            found.append((h, [0.3, *[-0.5] * (n - 1)]))
    return found


def test_divided_differences_keep_their_digits(cpp: Cpp) -> None:
    cases = rates_to_try()
    choices = " : ".join(
        f"n == {n} ? expdd(h, {{{', '.join(f'a[{i}]' for i in range(n))}}})" for n in range(2, 6)
    )
    printed = cpp(
        f"""
        #include "expdd.hpp"
        #include <cstdio>
        using nestml_runtime::expdd;
        int main() {{
          int n = 0;
          double h = 0.0;
          double a[5];
          while (std::scanf("%d %lf", &n, &h) == 2) {{
            for (int i = 0; i < n; ++i) {{
              if (std::scanf("%lf", &a[i]) != 1) return 1;
            }}
            std::printf("%.17g\\n", {choices} : 0.0);
          }}
        }}
        """,
        stdin="\n".join(f"{len(a)} {h!r} {' '.join(map(repr, a))}" for h, a in cases),
    )
    got = [float(x) for x in printed.split()]
    assert len(got) == len(cases)
    tiniest = 1e-290  # below, doubles lose digits
    for (h, a), x in zip(cases, got, strict=True):
        exact = divided_difference(h, a)
        if exact > tiniest:
            assert abs(x - exact) <= 2e-15 * exact, (h, a)
        else:
            assert x <= tiniest


def test_divided_differences_of_wild_rates_are_no_traps(cpp: Cpp) -> None:
    printed = cpp(
        """
        #include "expdd.hpp"
        #include <cstdio>
        #include <limits>
        int main() {
          const double inf = std::numeric_limits<double>::infinity();
          using nestml_runtime::expdd;
          std::printf("%g %g %g\\n", expdd(0.1, {-inf, -1.0, -2.0}), expdd(0.0, {-1.0, -2.0}),
                      expdd(100.0, {-1e6, -1e5, -1e-3}));
        }
        """
    )
    infinite, no_time, spread = map(float, printed.split())
    assert math.isnan(infinite)
    assert no_time == 0.0
    assert spread == pytest.approx(math.exp(-0.1) / (1e6 - 1e-3) / (1e5 - 1e-3), rel=1e-14)


def matrices() -> list[tuple[float, np.ndarray]]:
    draw = np.random.default_rng(2)
    found = []
    for scale in (1e-3, 0.1, 1.0, 10.0, 300.0):
        found += [(0.1, scale * (draw.normal(size=(3, 3)) - 3 * np.eye(3))) for _ in range(5)]
    found.append((1.0, np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])))  # rotation
    found.append((1.0, np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])))  # nilpotent
    found.append((0.5, np.zeros((3, 3))))
    return found


def test_matrix_exponential(cpp: Cpp) -> None:
    cases = matrices()
    printed = cpp(
        """
        #include "matrix_exponential.hpp"
        #include <cstdio>
        int main() {
          double h = 0.0;
          while (std::scanf("%lf", &h) == 1) {
            nestml_runtime::Matrix<3> a = {};
            for (auto& row : a) {
              for (double& x : row) {
                if (std::scanf("%lf", &x) != 1) return 1;
              }
            }
            for (const auto& row : nestml_runtime::matrix_exponential(a, h)) {
              for (const double x : row) std::printf("%.17g\\n", x);
            }
          }
        }
        """,
        stdin="\n".join(f"{h!r} " + " ".join(repr(float(x)) for x in a.flat) for h, a in cases),
    )
    got = np.array([float(x) for x in printed.split()]).reshape(-1, 3, 3)
    for (h, a), m in zip(cases, got, strict=True):
        exact = expm(h * a)
        # the condition of the problem grows with the norm (Higham 2005, section 4)
        allowed = 1e-14 * (1 + np.linalg.norm(h * a, 1)) * np.linalg.norm(exact, 1)
        assert np.abs(m - exact).max() <= allowed, (h, a)


def test_dormand_prince_meets_its_tolerance(cpp: Cpp) -> None:
    """Van der Pol's equation, far more than a trial step at a time."""
    printed = cpp(
        """
        #include "trial_steps.hpp"
        #include "dormand_prince.hpp"
        #include <cstdio>
        int main() {
          std::array<double, 2> x = {2.0, 0.0};
          const auto f = [](const auto& at, auto& slope) {
            slope[0] = at[1];
            slope[1] = 5.0 * (1.0 - at[0] * at[0]) * at[1] - at[0];
          };
          for (int i = 0; i < 10; ++i) {
            nestml_runtime::dormand_prince(f, x, 1.0, 1e-10, 1e-10);
            std::printf("%.17g %.17g\\n", x[0], x[1]);
          }
        }
        """
    )
    got = np.array([float(x) for x in printed.split()]).reshape(10, 2)
    exact = solve_ivp(
        lambda _, y: [y[1], 5 * (1 - y[0] ** 2) * y[1] - y[0]],
        (0, 10),
        [2.0, 0.0],
        method="DOP853",
        t_eval=np.arange(1, 11),
        rtol=1e-13,
        atol=1e-13,
    ).y.T
    assert np.abs(got - exact).max() < 1e-7


def test_rosenbrock_meets_its_tolerance_where_it_is_stiff(cpp: Cpp) -> None:
    """Van der Pol's equation with mu = 1000, a slow arc and a jump."""
    printed = cpp(
        """
        #include "trial_steps.hpp"
        #include "linear_equations.hpp"
        #include "rosenbrock.hpp"
        #include <cstdio>
        int main() {
          std::array<double, 2> x = {2.0, 0.0};
          const auto f = [](const auto& at, auto& slope) {
            slope[0] = at[1];
            slope[1] = 1e3 * ((1.0 - at[0] * at[0]) * at[1] - at[0]);
          };
          const auto linearised = [&](const auto& at, auto& slope, auto& jacobian) {
            f(at, slope);
            jacobian[0] = {0.0, 1.0};
            jacobian[1] = {1e3 * (-2.0 * at[0] * at[1] - 1.0), 1e3 * (1.0 - at[0] * at[0])};
          };
          for (int i = 0; i < 10; ++i) {
            if (!nestml_runtime::rosenbrock(f, linearised, x, 0.1, 1e-8, 1e-8)) return 1;
            std::printf("%.17g %.17g\\n", x[0], x[1]);
          }
        }
        """
    )
    rows = np.array([float(x) for x in printed.split()]).reshape(10, 2)
    exact = solve_ivp(
        lambda _, y: [y[1], 1e3 * ((1 - y[0] ** 2) * y[1] - y[0])],
        (0, 1),
        [2.0, 0.0],
        method="Radau",
        t_eval=np.arange(1, 11) / 10,
        rtol=1e-11,
        atol=1e-12,
    ).y.T
    assert np.abs((rows - exact) / np.maximum(1.0, np.abs(exact))).max() < 1e-5


def test_linear_equations(cpp: Cpp) -> None:
    """A matrix that needs pivots, and one that is singular."""
    printed = cpp(
        """
        #include "linear_equations.hpp"
        #include <cstdio>
        int main() {
          const std::array<std::array<double, 3>, 3> a = {{{0, 2, 1}, {1, 1, 0}, {4, 0, -1}}};
          std::array<double, 3> x;
          nestml_runtime::Factors<3>(a).solve({7, 3, 1}, x);
          std::printf("%.17g %.17g %.17g\\n", x[0], x[1], x[2]);
          const std::array<std::array<double, 2>, 2> b = {{{1, 2}, {2, 4}}};
          std::array<double, 2> y;
          nestml_runtime::Factors<2>(b).solve({1, 1}, y);
          std::printf("%d\\n", std::isfinite(y[0]) || std::isfinite(y[1]));
        }
        """
    )
    *x, is_finite = map(float, printed.split())
    assert x == pytest.approx([1.0, 2.0, 3.0])
    assert is_finite == 0


def test_runge_kutta_and_exponential_steps(cpp: Cpp) -> None:
    """x' = -4 x + 8 over one step: exact for the exponential methods, of order 4 for the other."""
    printed = cpp(
        """
        #include "exponential_euler.hpp"
        #include "runge_kutta.hpp"
        #include <cstdio>
        int main() {
          const auto f = [](const auto& at, auto& slope) { slope[0] = -4.0 * at[0] + 8.0; };
          const auto both = [&](const auto& at, auto& slope, auto& rate) {
            f(at, slope);
            rate[0] = -4.0;
          };
          std::array<double, 1> a = {5.0}, b = {5.0}, c = {5.0};
          nestml_runtime::exponential_euler(both, a, 0.5);
          nestml_runtime::rush_larsen(both, b, 0.5);
          nestml_runtime::runge_kutta(f, c, 0.5);
          std::printf("%.17g %.17g %.17g %g\\n", a[0], b[0], c[0], nestml_runtime::phi(0.0));
        }
        """
    )
    a, b, c, limit = map(float, printed.split())
    exact = 2.0 + 3.0 * math.exp(-2.0)
    assert [a, b] == pytest.approx([exact, exact], rel=1e-15)
    assert c == pytest.approx(2.0 + 3.0 * (1 - 2 + 2 - 8 / 6 + 16 / 24), rel=1e-15)
    assert limit == 1.0


def test_dormand_prince_is_of_order_five(cpp: Cpp) -> None:
    """x' = x over one step, tolerances so loose that the first trial is accepted: error ~ h^6."""
    printed = cpp(
        """
        #include "trial_steps.hpp"
        #include "dormand_prince.hpp"
        #include <cstdio>
        int main() {
          for (const double h : {0.2, 0.1, 0.05}) {
            std::array<double, 1> x = {1.0};
            const auto f = [](const auto& at, auto& slope) { slope[0] = at[0]; };
            nestml_runtime::dormand_prince(f, x, h, 1.0, 1.0);
            std::printf("%.17g\\n", x[0]);
          }
        }
        """
    )
    errors = [
        abs(float(x) - math.exp(h)) for x, h in zip(printed.split(), (0.2, 0.1, 0.05), strict=True)
    ]
    assert errors[0] / errors[1] == pytest.approx(64, rel=0.15)
    assert errors[1] / errors[2] == pytest.approx(64, rel=0.15)


def test_dormand_prince_gives_up_where_the_solution_ends(cpp: Cpp) -> None:
    """x' = x^2 from 1 is infinite at 1; from 1/2 it is 1 there."""
    printed = cpp(
        """
        #include "trial_steps.hpp"
        #include "dormand_prince.hpp"
        #include <cstdio>
        int main() {
          const auto f = [](const auto& at, auto& slope) { slope[0] = at[0] * at[0]; };
          for (const double start : {1.0, 0.5}) {
            std::array<double, 1> x = {start};
            nestml_runtime::dormand_prince(f, x, start == 1.0 ? 1.5 : 1.0, 1e-10, 1e-10);
            std::printf("%.17g\\n", x[0]);
          }
        }
        """
    )
    endless, fine = map(float, printed.split())
    assert math.isnan(endless)
    assert fine == pytest.approx(1.0, rel=1e-9)


def test_forward_euler_is_one_step(cpp: Cpp) -> None:
    printed = cpp(
        """
        #include "forward_euler.hpp"
        #include <cstdio>
        int main() {
          std::array<double, 2> x = {1.0, 2.0};
          const auto f = [](const auto& at, auto& slope) {
            slope[0] = at[1];
            slope[1] = -at[0];
          };
          nestml_runtime::forward_euler(f, x, 0.25);
          std::printf("%.17g %.17g\\n", x[0], x[1]);
        }
        """
    )
    assert [float(x) for x in printed.split()] == [1.5, 1.75]


def test_whole_numbers(cpp: Cpp) -> None:
    printed = cpp(
        """
        #include "integer.hpp"
        #include <cstdio>
        int main() {
          using namespace nestml_runtime;
          const double nan = std::numeric_limits<double>::quiet_NaN();
          const double reals[] = {1e300, -1e300, nan, -3.0, 9007199254740993.0};
          for (const double x : reals) std::printf("%ld\\n", integer(x));
          const long bases[] = {3, -2, 2, -1, 7};
          const long exponents[] = {4, 63, -1, -3, 0};
          for (int i = 0; i < 5; ++i) std::printf("%ld\\n", power(bases[i], exponents[i]));
        }
        """
    )
    assert [int(x) for x in printed.split()] == [
        2**63 - 1,
        -(2**63),
        0,
        -3,
        9007199254740992,
        81,
        -(2**63),
        0,
        -1,
        1,
    ]


RANDOM_PROGRAM = """
#include "counter.hpp"
#include "integer.hpp"
#include "random.hpp"
#include <cstdio>
#include <cstring>
int main() {
  nestml_runtime::Random rng(12345);
  char kind[16];
  double a = 0.0;
  double b = 0.0;
  int n = 0;
  while (std::scanf("%15s %lf %lf %d", kind, &a, &b, &n) == 4) {
    for (int i = 0; i < n; ++i) {
      const double x = std::strcmp(kind, "normal") == 0    ? rng.normal(a, b)
                       : std::strcmp(kind, "uniform") == 0 ? rng.uniform(a, b)
                                                           : static_cast<double>(rng.poisson(a));
      std::printf("%.17g\\n", x);
    }
  }
}
"""
LUCK = 1e-4
"""The probability with which a correct generator may fail; the seed is fixed, so it does not."""


@pytest.mark.parametrize("mean", [1e-3, 0.5, 3.0, 9.999, 10.0, 12.5, 60.0, 1000.0, 1e6])
def test_poisson_numbers_are_poisson_distributed(cpp: Cpp, mean: float) -> None:
    n = 50000
    x = np.array([float(v) for v in cpp(RANDOM_PROGRAM, stdin=f"poisson {mean} 0 {n}").split()])
    assert (x == np.floor(x)).all()
    edges = stats.poisson.ppf(np.linspace(0.0, 1.0, 41)[1:-1], mean)
    edges = np.unique(edges)
    counts = np.histogram(x, [-np.inf, *(edges + 0.5), np.inf])[0]
    cumulative = np.concatenate([[0.0], stats.poisson.cdf(edges, mean), [1.0]])
    expected = n * np.diff(cumulative)
    is_usual = expected > 5
    counts = np.append(counts[is_usual], counts[~is_usual].sum())
    expected = np.append(expected[is_usual], expected[~is_usual].sum())
    keep = expected > 0
    assert stats.chisquare(counts[keep], expected[keep], sum_check=False).pvalue > LUCK


def test_poisson_numbers_of_large_means(cpp: Cpp) -> None:
    """At 1e15 the distribution is normal to all that can be seen."""
    n = 20000
    x = np.array([float(v) for v in cpp(RANDOM_PROGRAM, stdin=f"poisson 1e15 0 {n}").split()])
    assert stats.kstest((x - 1e15) / 1e15**0.5, "norm").pvalue > LUCK


def test_poisson_numbers_of_senseless_means(cpp: Cpp) -> None:
    printed = cpp(
        RANDOM_PROGRAM, stdin="poisson 0 0 1 poisson -3 0 1 poisson nan 0 1 poisson inf 0 1"
    )
    assert [float(x) for x in printed.split()] == [0.0, 0.0, 0.0, float(2**63 - 1)]


def test_normal_and_uniform_numbers(cpp: Cpp) -> None:
    printed = cpp(RANDOM_PROGRAM, stdin="normal 2 3 50000 uniform -1 4 50000")
    x = np.array([float(v) for v in printed.split()])
    assert stats.kstest(x[:50000], "norm", args=(2, 3)).pvalue > LUCK
    assert stats.kstest(x[50000:], "uniform", args=(-1, 4)).pvalue > LUCK
    lags = [np.corrcoef(x[:49999], x[1:50000])[0, 1], np.corrcoef(x[50000:-1], x[50001:])[0, 1]]
    assert np.abs(lags).max() < 4 / 50000**0.5
