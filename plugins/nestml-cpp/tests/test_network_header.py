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
#include <algorithm>
#include <cstdio>
#include <vector>

using namespace nestml_runtime;

struct Lists {
  std::vector<std::int32_t> pre, post, delays;
  std::vector<double> weights;

  Wiring wiring() const {
    return {pre.size(), column(pre.data()), column(post.data()), column(delays.data()),
            column(weights.data()), nullptr};
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
    made.weights.push_back(static_cast<double>(draw(120)) - 40.5);
  }
  return made;
}

/// The same connections by source and by target. They must live as long as the network.
struct Sorted {
  std::vector<std::int64_t> starts;
  std::vector<std::uint16_t> post;
  std::vector<std::uint8_t> delays;
  std::vector<double> weights;

  Sorted(const Lists& from, std::size_t sources) : starts(sources + 1, 0) {
    std::vector<std::size_t> order;
    for (std::size_t k = 0; k < from.pre.size(); ++k) order.push_back(k);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return from.pre[a] != from.pre[b] ? from.pre[a] < from.pre[b] : from.post[a] < from.post[b];
    });
    for (const std::size_t k : order) {
      ++starts[static_cast<std::size_t>(from.pre[k]) + 1];
      post.push_back(static_cast<std::uint16_t>(from.post[k]));
      delays.push_back(static_cast<std::uint8_t>(from.delays[k]));
      weights.push_back(from.weights[k]);
    }
    for (std::size_t i = 1; i <= sources; ++i) starts[i] += starts[i - 1];
  }
  Wiring wiring() const {
    return {post.size(), {}, column(post.data()), column(delays.data()), column(weights.data()),
            starts.data()};
  }
};

/// Have all connections of a source excite, or inhibit.
static Lists of_one_sign(Lists made) {
  for (std::size_t k = 0; k < made.pre.size(); ++k) {
    if ((made.pre[k] % 2 == 0) != (made.weights[k] < 0.0)) made.weights[k] = -made.weights[k];
  }
  return made;
}

/// Have all the same weight and delay, so long that spikes are tallied.
static Lists alike(Lists made, double weight) {
  std::fill(made.weights.begin(), made.weights.end(), weight);
  std::fill(made.delays.begin(), made.delays.end(), 60);
  return made;
}

struct Made {
  Network network;
  std::size_t cells = 0;
  std::vector<double> recorded = std::vector<double>(400 * 700);

  Made(std::size_t threads, std::size_t cut, std::int64_t from, bool couples, bool sorts = false)
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
    static const Lists local = of_one_sign(lists(700, 700, 5000)), mixed = lists(700, 700, 9000);
    static const Sorted local_sorted(local, 700), mixed_sorted(mixed, 700);
    static const Lists some = alike(lists(700, 700, 8000), 21.5);
    static const Sorted some_sorted(some, 700);
    network.connect(cells, cells, 0, 1, alike(lists(700, 700, 6000), -33.0).wiring());
    network.connect(noise, cells, 0, 1, alike(lists(4, 700, 900), 5.25).wiring());
    network.connect(cells, cells, 0, 1, sorts ? some_sorted.wiring() : some.wiring());
    if (sorts) {
      network.connect(cells, cells, 0, 1, local_sorted.wiring());
      network.connect(cells, cells, 0, 1, mixed_sorted.wiring());
    } else {
      network.connect(cells, cells, 0, 1, local.wiring());
      network.connect(cells, cells, 0, 1, mixed.wiring());
    }
    if (couples) network.couple(cells, cells, 0, 0, lists(700, 700, 900).wiring());
    network.record(cells, 0, recorded.data(), 400 - from);
    if (!network.begin()) std::printf("%s\\n", network.problem.text.c_str());
  }
  std::vector<std::int64_t> spikes() const {
    const Array<std::int64_t>& all = network.nodes[cells].spike_members;
    return {all.begin(), all.end()};
  }
};

static bool same(bool couples) {
  Made one(1, 0, 0, couples), three(3, 0, 0, couples), first(2, 0, 0, couples);
  Made sorted_one(1, 0, 0, couples, true), sorted_three(3, 0, 0, couples, true);
  Made cut(1, 3, 0, couples), sorted_cut(2, 3, 0, couples, true);
  for (Made* made : {&one, &three, &sorted_one, &sorted_three, &cut, &sorted_cut}) {
    made->network.advance(400);
  }
  for (Made* made : {&sorted_one, &sorted_three}) {
    if (one.spikes() != made->spikes() || one.recorded != made->recorded) return false;
    if (made->network.static_bytes() >= one.network.static_bytes()) return false;
  }
  if (one.spikes().size() < 500) return false;
  for (Made* made : {&three, &cut, &sorted_cut}) {
    if (one.spikes() != made->spikes() || one.recorded != made->recorded) return false;
  }

  first.network.advance(117);
  Array<unsigned char> state;
  first.network.save(state);
  Made second(3, 2, 117, couples);  // cut as for two threads
  second.network.load(state.data(), state.data() + state.size());
  second.network.advance(400 - 117);
  std::vector<std::int64_t> both = first.spikes();
  for (const std::int64_t member : second.spikes()) both.push_back(member);
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
