"""Counter-based random numbers: known answers, distributions, and what they depend on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import special, stats

Cpp = Callable[..., str]
LUCK = 1e-4
"""The probability with which a correct generator may fail; seeds are fixed, so it does not."""

ANSWERS = (
    ("00000000 00000000 00000000 00000000", "00000000 00000000",
     "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
     "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
     "d16cfe09 94fdcceb 5001e420 24126ea1"),
)  # fmt: skip
"""Philox4x32-10 of a counter under a key: the known answers published by Salmon et al. (2011)."""


def test_philox_gives_the_known_answers(cpp: Cpp) -> None:
    given = "\n".join(f"{counter} {key}" for counter, key, _ in ANSWERS)
    printed = cpp(
        """
        #include "counter.hpp"
        #include <cstdio>
        int main() {
          nestml_runtime::Block x;
          nestml_runtime::Key key;
          while (std::scanf("%x %x %x %x", &x[0], &x[1], &x[2], &x[3]) == 4 &&
                 std::scanf("%x %x", &key[0], &key[1]) == 2) {
            for (const auto word : nestml_runtime::philox(x, key)) std::printf("%08x ", word);
            std::printf("\\n");
          }
        }
        """,
        stdin=given,
    )
    assert [line.strip() for line in printed.splitlines()] == [answer for *_, answer in ANSWERS]


def test_normal_deviates_are_the_quantiles_of_their_probabilities(cpp: Cpp) -> None:
    p = np.concatenate([np.linspace(1e-4, 1 - 1e-4, 1999), 2.0 ** -np.arange(2, 54)])
    p = np.append(p, 1 - 2.0 ** -np.arange(2, 54))
    printed = cpp(
        """
        #include "counter.hpp"
        #include <cstdio>
        int main() {
          double p = 0.0;
          while (std::scanf("%lf", &p) == 1) {
            std::printf("%.17g\\n", nestml_runtime::normal_quantile(p));
          }
        }
        """,
        stdin="\n".join(map(repr, p.tolist())),
    )
    got = np.array([float(x) for x in printed.split()])
    np.testing.assert_allclose(got, special.ndtri(p), rtol=1e-14, atol=2e-16)


UNITS = """
#include "counter.hpp"
#include <cstdio>
int main() {
  unsigned long long seed = 0, neuron = 0, step = 0, draw = 0;
  int which = 0;
  int n = 0;
  while (std::scanf("%llu %llu %llu %llu %d %d", &seed, &neuron, &step, &draw, &which, &n) == 6) {
    for (int i = 0; i < n; ++i) {
      std::printf("%.17g\\n", nestml_runtime::Draw(seed, neuron, step, draw).unit());
      (which == 0 ? seed : which == 1 ? neuron : which == 2 ? step : draw) += 1;
    }
  }
}
"""


@pytest.mark.parametrize("which", range(4), ids=("seeds", "neurons", "steps", "draws"))
def test_neighbours_are_independent(cpp: Cpp, which: int) -> None:
    """Along each of the things that numbers are for they are uniform and not correlated."""
    n = 40000
    x = np.array([float(v) for v in cpp(UNITS, stdin=f"7 3 5 0 {which} {n}").split()])
    assert ((x > 0) & (x < 1)).all()
    assert len(np.unique(x)) == n
    assert stats.kstest(x, "uniform").pvalue > LUCK
    for lag in (1, 2, 4, 16):
        assert abs(np.corrcoef(x[:-lag], x[lag:])[0, 1]) < 4 / n**0.5


def test_counters_keep_their_places(cpp: Cpp) -> None:
    """Far neurons, steps beyond 2^32 and many draws all have numbers of their own."""
    far = [
        (1, 0, 0, 0), (1, 2**32 - 1, 0, 0), (1, 0, 2**32, 0), (1, 0, 2**47, 0),
        (1, 0, 0, 2**32 - 1), (1, 1, 0, 0), (1, 0, 1, 0), (1, 0, 0, 1), (2**32 + 1, 0, 0, 0),
        (2, 0, 0, 0),
    ]  # fmt: skip
    given = "\n".join(f"{a} {b} {c} {d} 0 1" for a, b, c, d in far)
    assert len(set(cpp(UNITS, stdin=given).split())) == len(far)


def test_seeds_for_parts_differ(cpp: Cpp) -> None:
    printed = cpp(
        """
        #include "counter.hpp"
        #include <cstdio>
        int main() {
          for (unsigned seed = 0; seed < 50; ++seed) {
            for (unsigned part = 0; part < 50; ++part) {
              const auto own = nestml_runtime::seed_for(seed, part);
              std::printf("%llu\\n", static_cast<unsigned long long>(own));
            }
          }
        }
        """
    )
    assert len(set(printed.split())) == 2500
