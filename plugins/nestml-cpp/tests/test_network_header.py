"""Networks in C++, without Python: threads, states, and what sanitizers and warnings find."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from generated_programs import generate

from nestml_core.testing import models

PROGRAM = """
#include "iaf_psc_exp_population.hpp"
#include "nestml_network.hpp"
#include <cstdio>

using namespace nestml_runtime;

struct Lists {
  std::vector<std::int32_t> pre, post, delays;
  std::vector<double> weights;

  Wiring wiring() const {
    return {pre.size(), column(pre.data()), column(post.data()), column(delays.data()),
            column(weights.data())};
  }
};

/// Connections of both signs, the same each time.
static Lists lists(std::int32_t sources, std::int32_t targets, std::size_t count) {
  Lists made;
  std::uint32_t x = 12345;
  const auto draw = [&x](std::int32_t below) {
    x = x * 1664525u + 1013904223u;
    return static_cast<std::int32_t>((x >> 8) % static_cast<std::uint32_t>(below));
  };
  for (std::size_t k = 0; k < count; ++k) {
    made.pre.push_back(draw(sources));
    made.post.push_back(draw(targets));
    made.delays.push_back(3 + draw(20));
    made.weights.push_back(static_cast<double>(draw(120)) - 40.0);
  }
  return made;
}

struct Made {
  Network network;
  std::size_t cells = 0;
  std::vector<double> recorded = std::vector<double>(400 * 700);

  Made(std::size_t threads, std::size_t cut, std::int64_t from, bool couples)
      : network(0.1, threads, cut) {
    static const std::int64_t steps[] = {5, 5, 40, 211}, members[] = {0, 1, 0, 2};
    static const double drive = 370.0;
    const std::size_t trains = network.add_sources(3, SpikeTrains{steps, members, 4, 0});
    static const double rates[] = {0.5, 2.0, 0.0, 1.0};
    const std::size_t noise = network.add_sources(PoissonTrains{rates, 4, 0.1, 9});
    cells = add<nestml::iaf_psc_exp_population>(
        network, 700, 1, [](Population& b) { b.parameters[8] = {&drive, 1, false}; });
    network.connect(trains, cells, 0, 1, lists(3, 700, 2000).wiring());
    network.connect(noise, cells, 0, 1, lists(4, 700, 2000).wiring());
    network.connect(cells, cells, 0, 1, lists(700, 700, 9000).wiring());
    if (couples) network.couple(cells, cells, 0, 0, lists(700, 700, 900).wiring());
    network.record(cells, 0, recorded.data(), 400 - from);
    if (!network.begin()) std::printf("%s\\n", network.problem.text.c_str());
  }
  const std::vector<std::int64_t>& spikes() const { return network.nodes[cells].spike_members; }
};

static bool same(bool couples) {
  Made one(1, 0, 0, couples), three(3, 0, 0, couples), first(2, 0, 0, couples);
  one.network.advance(400);
  three.network.advance(400);
  if (one.spikes().size() < 500) return false;
  if (one.spikes() != three.spikes() || one.recorded != three.recorded) return false;

  first.network.advance(117);
  std::vector<unsigned char> state;
  first.network.save(state);
  Made second(3, 2, 117, couples);  // cut as for two threads
  second.network.load(state.data(), state.data() + state.size());
  second.network.advance(400 - 117);
  std::vector<std::int64_t> both = first.spikes();
  both.insert(both.end(), second.spikes().begin(), second.spikes().end());
  if (both != one.spikes()) return false;

  try {
    Made third(1, 2, 0, couples);
    third.network.load(state.data(), state.data() + state.size() / 2);
    return false;
  } catch (const NoArchive&) {
    return true;
  }
}

int main() { std::printf("%d %d\\n", same(false), same(true)); }
"""


@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_sanitizers_find_nothing(sanitizer: str, cpp: Callable[..., str], tmp_path: Path) -> None:
    generate(models()["iaf_psc_exp"], tmp_path)
    flags = ("-O1", "-pthread", f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all")
    assert cpp(PROGRAM, flags=flags) == "1 1\n"
