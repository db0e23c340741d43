#ifndef NESTML_RUNTIME_V1_NODES
#define NESTML_RUNTIME_V1_NODES
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace nestml_runtime {
inline namespace v1 {

/// Members of a node by step: one entry for each spike, ascending.
using SpikesByStep = Array<Array<std::uint32_t>>;

/// Neurons of a library, and the functions to call them by: no exception leaves these. Those that
/// may fail return a kind of problem, which `population->problem` has too.
struct Neurons {
  Population* population = nullptr;
  void* handle = nullptr;
  int (*begin)(void* handle) = nullptr;
  int (*advance)(void* handle, std::int64_t steps) = nullptr;
  int (*read)(void* handle, std::int64_t recordable, double* out) = nullptr;
};

/// Synapses of a library, likewise.
struct Synapses {
  Plastic* plastic = nullptr;
  void* handle = nullptr;
  int (*start)(void* handle, const FactorRows* factors) = nullptr;
  int (*take)(void* handle, const Slice* slice) = nullptr;
  int (*read)(void* handle, std::int64_t recordable, const FactorRows* factors,
              double* out) = nullptr;
  const char* (*problem)(void* handle) = nullptr;  ///< what the last one was about
  int kind = 0;                                    ///< of the last problem
};

/// Where a recordable goes, step by step: to rows of `width` numbers, from the step after `begin`
/// on, as long as there is room.
struct Recording {
  std::size_t recordable = 0;
  double* out = nullptr;
  std::size_t width = 0;
  std::int64_t begin = 0;
  std::int64_t steps = 0;

  /// Return the row of a step; nullptr if there is none.
  double* row(std::int64_t now) const {
    const std::int64_t k = now - begin - 1;
    return k < 0 || k >= steps ? nullptr : out + static_cast<std::size_t>(k) * width;
  }
};

/// A recordable of all neurons of a block in each step of a slice, as plastic synapses see it. Row
/// 0 is from before the slice.
struct FactorBuffer {
  std::size_t recordable = 0;
  Array<double> values = {};
};

/// The rows of one spike port, and tables of where each row begins: two rounds of all slots, so
/// that `d` rows ahead of any of them is an entry `d` places later.
struct PortRows {
  Inbox inbox = {};
  Array<Scalar*> sums = {}, counts = {};

  void begin(Population& of, std::size_t port) {
    inbox.sums = of.sum(port, 1);
    inbox.counts = of.is_counted(port) ? of.count(port, 1) : nullptr;
    inbox.stride = of.row_distance();
    inbox.slots = static_cast<std::int64_t>(of.slots());
    sums.clear();
    counts.clear();
    for (std::size_t i = 0; i < 2 * of.slots(); ++i) {
      const std::size_t at = i % of.slots() * inbox.stride;
      sums.push_back(inbox.sums + at);
      if (inbox.counts != nullptr) counts.push_back(inbox.counts + at);
    }
  }

  /// Return the rows of what arrives so many steps after `now`.
  Rows<Scalar> from(std::int64_t now) const {
    const auto slot = static_cast<std::size_t>((now - 1) % inbox.slots);
    return {sums.data() + slot, counts.empty() ? nullptr : counts.data() + slot};
  }
};

/// Neurons that one thread owns, with what arrives at them.
struct NeuronBlock {
  Neurons neurons = {};
  std::size_t first = 0;   ///< the number of its first neuron in the population
  std::size_t thread = 0;  ///< who owns it
  Array<Recording> recordings = {};
  Array<FactorBuffer> factors = {};
  Array<PortRows> ports = {};
  SpikesByStep fired = {};
  bool is_stepwise = false;

  std::size_t size() const { return neurons.population->size; }

  int begin(std::size_t slots, std::size_t rows) {
    Population& p = *neurons.population;
    p.keeps_spikes = false;
    p.looks_later = recordings.empty();
    p.reserve(slots);
    if (const int kind = neurons.begin(neurons.handle)) return kind;
    ports.resize(p.events.size());
    for (std::size_t i = 0; i < ports.size(); ++i) ports[i].begin(p, i);
    fired.assign(rows, {});
    for (FactorBuffer& f : factors) {
      f.values.assign((rows / 2 + 1) * size(), 0.0);
      read(f.recordable, f.values.data());
    }
    is_stepwise = !recordings.empty() || !factors.empty();
    return p.problem.kind;
  }

  /// Advance by steps whose spikes are kept from a row on.
  int advance(std::int64_t now, std::int64_t steps, std::size_t row) {
    if (!is_stepwise) {
      const int kind = neurons.advance(neurons.handle, steps);
      const auto first = fired.begin() + static_cast<std::ptrdiff_t>(row);
      std::swap_ranges(first, first + steps, neurons.population->fired.begin());
      return kind;
    }
    for (std::int64_t i = 0; i < steps; ++i) {
      if (const int kind = neurons.advance(neurons.handle, 1)) return kind;
      fired[row + static_cast<std::size_t>(i)].swap(neurons.population->fired[0]);
      for (FactorBuffer& f : factors) {
        read(f.recordable, f.values.data() + static_cast<std::size_t>(i + 1) * size());
      }
      record(now + i + 1);
    }
    return neurons.population->problem.kind;
  }

  /// Have the last row of a slice become the one before the next slice.
  void turn(std::int64_t steps) {
    const auto n = static_cast<std::ptrdiff_t>(size());
    for (FactorBuffer& f : factors) {
      std::copy_n(f.values.begin() + steps * n, n, f.values.begin());
    }
  }

  /// Have spikes of static connections to a port tallied if that is asked for, and all have one
  /// weight and delay.
  void prepare(const StaticConnections<Scalar>& connections, std::size_t port, bool is_tallied) {
    Population& p = *neurons.population;
    if (!connections.is_uniform()) {
      if (connections.size() > 0) p.open(port);
    } else if (is_tallied) {
      p.take_tallies(port, connections.shared_weight());
    }
  }

  /// Return where the spikes that some sources emitted at the end of step `now` are to be tallied;
  /// nullptr if they are not.
  std::uint16_t* tally(const StaticConnections<Scalar>& connections,
                       const Array<std::uint32_t>& sources, std::size_t port,
                       std::int64_t now) {
    if (!connections.is_uniform()) return nullptr;
    return neurons.population->tally(port, connections.shared_weight(),
                                     now + connections.shared_delay(),
                                     sources.size() * connections.repeats());
  }

  /// Deliver these spikes.
  void deliver(const StaticConnections<Scalar>& connections,
               const Array<std::uint32_t>& sources, std::size_t port, std::int64_t now) {
    if (sources.empty()) return;
    std::uint16_t* const numbers = tally(connections, sources, port, now);
    if (numbers != nullptr) return connections.tally(sources, numbers);
    // from now on there is something in this row
    if (connections.is_uniform()) neurons.population->sum(port, now + connections.shared_delay());
    connections.deliver(sources, ports[port].from(now));
  }

  void record(std::int64_t now) {
    for (const Recording& r : recordings) {
      if (double* const row = r.row(now)) read(r.recordable, row + first);
    }
  }

  void read(std::size_t recordable, double* out) {
    neurons.read(neurons.handle, static_cast<std::int64_t>(recordable), out);
  }
};

/// Spikes at given times: source `members[k]` emits one at the end of step `steps[k]`, ascending.
struct SpikeTrains {
  const std::int64_t* steps = nullptr;
  const std::int64_t* members = nullptr;
  std::size_t count = 0;
  std::size_t next = 0;

  /// Go to the first spike after a step.
  void seek(std::int64_t now) {
    next = static_cast<std::size_t>(std::upper_bound(steps, steps + count, now) - steps);
  }
  void emit(std::int64_t now, Array<std::uint32_t>& to) {
    for (; next < count && steps[next] == now; ++next) {
      to.push_back(static_cast<std::uint32_t>(members[next]));
    }
  }
};

/// Poisson trains on the grid of steps: in each step a source emits a number of spikes that has a
/// Poisson distribution. What it emits is a function of the seed, its number and the step.
struct PoissonTrains {
  const double* rates = nullptr;  ///< in kHz, one for each source
  std::size_t count = 0;
  double dt = 0.1;
  std::uint64_t seed = 1;

  void emit(std::int64_t now, Array<std::uint32_t>& to) const {
    for (std::size_t i = 0; i < count; ++i) {
      const double mean = rates[i] * dt;
      if (!(mean > 0.0)) continue;
      Draw draw(seed, i, static_cast<std::uint64_t>(now), 0);
      const auto often = static_cast<std::size_t>(poisson_number(draw, mean));
      to.append(often, static_cast<std::uint32_t>(i));
    }
  }
};

/// Members of a network that emit: neurons in blocks, or sources.
struct Node {
  std::size_t size = 0;
  std::size_t length = 0;  ///< of a block, but the last one may be shorter
  Array<NeuronBlock> blocks = {};
  SpikeTrains trains = {};
  PoissonTrains poisson = {};
  std::size_t thread = 0;   ///< who emits and keeps its spikes
  SpikesByStep fired = {};  ///< of sources
  bool keeps_spikes = true;
  Array<std::int64_t> spike_steps = {}, spike_members = {};

  void emit(std::int64_t now, std::int64_t steps, std::size_t row) {
    for (std::int64_t i = 0; i < steps; ++i) {
      Array<std::uint32_t>& to = fired[row + static_cast<std::size_t>(i)];
      to.clear();
      trains.emit(now + i + 1, to);
      poisson.emit(now + i + 1, to);
    }
  }
};

}  // namespace v1
}  // namespace nestml_runtime
#endif
