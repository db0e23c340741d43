"""The headers of synapses: free of warnings and of undefined behaviour, to be cut and continued."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from generated_programs import generate, solved

import nestml_core as nestml
from nestml_core.api import SolvedModel
from nestml_core.pipeline import compile_files
from nestml_core.testing import models

Cpp = Callable[..., str]

FOLDER = Path(nestml.__file__).parent / "models" / "synapses"
GROUPS = 3
"""Programs that all synapses of the library are spread over: compiling is what takes long."""

SANITIZERS = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")

INCLUDES = r"""
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

using nestml_runtime::Plastic;
"""

PROGRAM = r"""
static const int steps = 900, sources = 7, targets = 6;

static unsigned next(unsigned& x) {
  x = x * 1664525u + 1013904223u;
  return x >> 8;
}

/// Connections to some of the targets.
template <class Model>
static std::unique_ptr<Plastic> made(bool uniform, int part, int parts) {
  nestml_runtime::Wires wires;
  wires.source_size = sources;
  wires.target_size = targets;
  unsigned chance = 3;
  for (unsigned k = 0; k < 40; ++k) {
    const unsigned from = next(chance) % sources, to = next(chance) % targets;
    const int delay = 1 + static_cast<int>(next(chance) % 30);
    if (static_cast<int>(to) % parts != part) continue;
    wires.sources.push_back(from);
    wires.targets.push_back(to);
    wires.numbers.push_back(k);
    if (!uniform || wires.delays.empty()) wires.delays.push_back(uniform ? 12 : delay);
  }
  auto synapses = std::make_unique<nestml_runtime::PlasticConnections<Model>>();
  for (std::size_t port = 0; port < Model::modulators; ++port) {
    synapses->modulations.push_back({port, 2});
  }
  synapses->connect(std::move(wires));
  return synapses;
}

template <class Model>
struct World {
  std::vector<double> signal = std::vector<double>(2 * targets, 0.0);
  std::vector<nestml_runtime::FactorRows> factors{Model::ports};
  std::vector<double> arrived = std::vector<double>(static_cast<std::size_t>(targets) * 64, 0.0);
  double total = 0.0;

  World() {
    for (auto& f : factors) f = {signal.data(), targets, 1};
  }

  /// Let connections take the spikes of some steps. Who fires follows from the step alone.
  bool run(Plastic& synapses, int from, int to) {
    for (int now = from + 1; now <= to; ++now) {
      nestml_runtime::Array<std::uint32_t> firing, fired, rewards;
      for (unsigned i = 0; i < sources; ++i) {
        unsigned x = static_cast<unsigned>(now) * 31u + i * 7919u;
        if (next(x) % 40 == 0) firing.push_back(i);
        if (next(x) % 400 == 0) firing.push_back(i);
      }
      for (unsigned j = 0; j < targets; ++j) {
        unsigned x = static_cast<unsigned>(now) * 17u + j * 104729u;
        if (next(x) % 30 == 0) fired.push_back(j);
        signal[j] = signal[targets + j];
        signal[targets + j] = 20.0 * static_cast<double>(next(x) % 1000) / 1000.0 - 65.0;
      }
      if (now % 100 == 0) rewards.push_back(0);
      const std::vector<nestml_runtime::Fired> modulators(Model::modulators, &rewards);
      nestml_runtime::Slice slice;
      slice.first = now - 1;
      slice.steps = 1;
      slice.sources = &firing;
      slice.targets = &fired;
      slice.modulators = modulators.data();
      slice.factors = factors.data();
      slice.inbox.sums = arrived.data();
      slice.inbox.stride = targets;
      slice.inbox.slots = 64;
      if (!synapses.advance(slice)) return false;
      double* const row = arrived.data() + slice.inbox.row(now);
      for (int j = 0; j < targets; ++j) {
        total += row[j];
        row[j] = 0.0;
      }
    }
    return true;
  }
};

static bool same(double a, double b) { return a == b; }

template <class Model>
static int check() {
  for (const bool uniform : {true, false}) {
    const auto whole = made<Model>(uniform, 0, 1);
    World<Model> world;
    if (!whole->begin(0.1, 7, world.factors.data())) return 1;
    if (!world.run(*whole, 0, steps)) return 2;
    std::vector<double> found(40), cut(40), parts(40);
    std::vector<nestml_runtime::FactorRows> present = world.factors;
    for (auto& f : present) f.values += targets;
    whole->read(0, present.data(), found.data());

    // cut in two, the rest in other connections
    const auto first = made<Model>(uniform, 0, 1), second = made<Model>(uniform, 0, 1);
    World<Model> before;
    if (!first->begin(0.1, 7, before.factors.data())) return 3;
    if (!before.run(*first, 0, 417)) return 4;
    nestml_runtime::Array<unsigned char> kept;
    first->save(kept);
    if (!second->begin(0.1, 7, before.factors.data())) return 5;
    if (second->load(kept.data(), kept.data() + kept.size()) != kept.data() + kept.size()) return 6;
    if (!before.run(*second, 417, steps)) return 7;
    second->read(0, present.data(), cut.data());

    // in parts, as threads have them
    double total = 0.0;
    for (int part = 0; part < 2; ++part) {
      const auto some = made<Model>(uniform, part, 2);
      World<Model> own;
      if (!some->begin(0.1, 7, own.factors.data())) return 8;
      if (!own.run(*some, 0, steps)) return 9;
      some->read(0, present.data(), parts.data());
      total += own.total;
    }
    for (std::size_t k = 0; k < 40; ++k) {
      if (!same(found[k], cut[k])) return 10;
      if (!same(found[k], parts[k])) return 11;
    }
    if (!same(world.total, before.total)) return 12;
    const double error = world.total - total;
    if (error > 1e-9 || error < -1e-9) return 13;
    std::printf("%.6g\n", found[0]);
  }
  return 0;
}
"""

MAIN = """
int main() {
  int failed = 0;
CALLS  return failed;
}
"""


def program(names: Iterable[str]) -> str:
    """Return a program that cuts and continues connections with each of some synapses."""
    names = tuple(names)
    headers = "".join(f'#include "{name}_synapse.hpp"\n' for name in names)
    calls = "".join(
        f"  if (const int problem = check<nestml::{name}_synapse>()) failed = problem;\n"
        for name in names
    )
    return headers + INCLUDES + PROGRAM + MAIN.replace("CALLS", calls)


def library() -> list[SolvedModel]:
    program = compile_files(sorted(FOLDER.glob("*.nestml"))).value
    assert program is not None
    return list(program.models)


@pytest.mark.parametrize("group", range(GROUPS))
def test_cut_and_continued_without_undefined_behaviour(
    group: int, cpp: Cpp, tmp_path: Path
) -> None:
    """Connections cut in time or in space do the same; sanitizers and warnings find nothing."""
    synapses = [*library(), models()["relay"]]
    assert len(synapses) == 15
    chosen = synapses[group::GROUPS]
    for model in chosen:
        generate(model, tmp_path)
    said = cpp(program(m.name for m in chosen), flags=SANITIZERS)
    assert len(said.splitlines()) == 2 * len(chosen)


def test_few_headers(tmp_path: Path) -> None:
    """Compiling stays fast: nothing of the standard library but small headers."""
    text = generate(nestml.load("stdp").solved, tmp_path)["stdp_synapse.hpp"]
    found = set(re.findall(r"#include <(\w+)>", text))
    assert found <= {
        "algorithm", "cmath", "cstddef", "cstdint", "cstdio", "cstring", "exception",
        "initializer_list", "limits", "new", "type_traits", "utility",
    }  # fmt: skip


def test_names_that_the_class_uses_itself(cpp: Cpp, tmp_path: Path) -> None:
    model = solved(
        """
model struct:
    state:
        w real = 1
        n real = 0
        s real = 0
        t_ real = 0
        place real = 0
        sink boolean = true
        each real = 0
        act real = 0
        o real = 0
    parameters:
        p real = 1
        table ms = 10 ms
        emit real = 2
        resolution ms = 1 ms
        int_ real = 3
    equations:
        n' = -n / table
        s' = -s / (2 * table)
    input:
        Source <- spike
        resume <- spike
    output:
        spike
    function load(k real) real:
        return k * emit
    update:
        integrate_odes()
        place = n + s + o * act + each
    onReceive(resume):
        n += p
    onReceive(Source):
        s += load(int_) + resolution / 1 ms
        emit_spike(w * (n + s + place))
"""
    )
    generate(model, tmp_path)
    assert cpp(program(["struct"]))


INTERFACE = r"""
#include "stdp_dopamine_synapse_library.cpp"
#include <cstdio>

int main() {
  void* const handle = stdp_dopamine_synapse_open(0.1, 7);
  const std::int64_t sources[] = {0, 1, 1}, targets[] = {1, 0, 1}, delays[] = {3, 12, 5};
  if (stdp_dopamine_synapse_connect(handle, sources, targets, delays, 3, 0, 2, 2)) return 1;
  const double weights[] = {1.0, 2.0, 3.0};
  if (stdp_dopamine_synapse_initial(handle, 0, weights, 1)) return 2;
  if (stdp_dopamine_synapse_initial(handle, 99, weights, 1) != 6) return 3;
  if (stdp_dopamine_synapse_parameter(handle, -1, weights, 1) != 6) return 4;
  if (stdp_dopamine_synapse_modulation(handle, 1, 4) != 6) return 5;
  if (stdp_dopamine_synapse_modulation(handle, 0, 4)) return 6;
  stdp_dopamine_synapse_keep(handle, 1);

  void* const drive = stdp_dopamine_synapse_drive(handle);
  const std::int64_t pre[] = {10, 20, 20, 55, 90}, post[] = {8, 30, 52, 90}, reward[] = {40, 86};
  const std::int64_t firing[] = {0, 0, 1, 1, 0}, fired[] = {0, 1, 1, 0};
  stdp_dopamine_synapse_drive_train(drive, 0, pre, firing, 5);
  stdp_dopamine_synapse_drive_train(drive, 1, post, fired, 4);
  stdp_dopamine_synapse_drive_train(drive, 2, reward, nullptr, 2);
  double rows[100 * 3], last[3];
  stdp_dopamine_synapse_drive_record(drive, 0, rows);
  if (stdp_dopamine_synapse_drive_begin(drive)) return 7;
  if (stdp_dopamine_synapse_drive_advance(drive, 100)) return 8;
  if (stdp_dopamine_synapse_drive_read(drive, 0, last)) return 9;
  if (stdp_dopamine_synapse_drive_read(drive, 1000, last) != 6) return 10;
  for (int k = 0; k < 3; ++k) {
    if (rows[99 * 3 + k] != last[k] || last[k] == weights[k]) return 11;
  }
  if (stdp_dopamine_synapse_emitted(handle) != 7) return 12;
  const std::int64_t first = stdp_dopamine_synapse_emitted_steps(handle)[0];
  if (first != 10 || stdp_dopamine_synapse_emitted_weights(handle)[0] != 1.0) return 13;
  stdp_dopamine_synapse_drive_close(drive);

  const double wrong = -5.0;
  if (stdp_dopamine_synapse_initial(handle, 0, &wrong, 0)) return 14;
  if (stdp_dopamine_synapse_start(handle, nullptr) != 1) return 15;
  std::puts(stdp_dopamine_synapse_problem(handle));
  stdp_dopamine_synapse_close(handle);
}
"""


def test_the_c_interface_without_undefined_behaviour(cpp: Cpp, tmp_path: Path) -> None:
    generate(nestml.load("stdp_dopamine").solved, tmp_path)
    assert cpp(INTERFACE, flags=SANITIZERS).startswith("w: ")
