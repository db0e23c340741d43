#ifndef NESTML_RUNTIME_V1_NETWORK
#define NESTML_RUNTIME_V1_NETWORK
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <new>

namespace nestml_runtime {
inline namespace v1 {

/// Where a continuous port of a synapse gets its values: a recordable of its postsynaptic neuron,
/// or a number.
struct FactorSource {
  bool is_recordable = false;
  std::size_t recordable = 0;
  double value = 0.0;
};

/// Connections between two nodes, cut by the blocks of their targets.
struct Projection {
  std::size_t source = 0;
  std::size_t target = 0;
  std::size_t port = 0;
  std::int64_t negative = -1;  ///< the port for negative weights, without the sign; -1 for none
  Array<StaticConnections<Scalar>> fixed = {}, fixed_negative = {};
  SortedRows rows = {};   ///< of connections that lie by source
  bool is_split = false;  ///< all `fixed` ones of a source go to the port for their sign
  Array<Synapses> plastic = {};
  Array<Wires> wires = {};  ///< of plastic synapses that are still to be made
  Array<std::size_t> modulators = {};
  Array<FactorSource> factors = {};
  Array<Recording> recordings = {};
  std::size_t size = 0;
};

/// What ended a run: a problem of some neurons (`in_node`) or synapses, or of the network itself.
struct NetworkProblem {
  enum Where { nowhere, in_node, in_projection };
  Where where = nowhere;
  std::size_t number = 0;
  int kind = 0;  ///< as of neurons, or of synapses
  Text text = {};
};

/// Neurons, sources of spikes, and connections.
///
/// A spike emitted at the end of a step is delivered before any neuron can need it: all neurons
/// advance by a slice of steps, as many as the shortest delay has, then all spikes of the slice are
/// delivered. Each thread has its own neurons, and all that arrives at them; so no two threads
/// write to one place, sums are made in the same order, and results do not depend on the number of
/// threads, nor on where a run is split.
class Network {
 public:
  static constexpr std::int64_t longest_slice = 32;
  /// Rows of sums that take more are slower to write than tallies, which are slower to read.
  static constexpr std::size_t cached_bytes = 262144;

  /// Populations are cut into blocks as for `cut` threads, if that is not 0: what one run has saved
  /// another one with as many blocks can go on from, on any number of threads.
  ///
  /// Throws std::system_error if there cannot be so many threads.
  Network(double dt, std::size_t threads, std::size_t cut = 0)
      : dt(dt),
        cut(cut == 0 ? std::max<std::size_t>(threads, 1) : cut),
        team(std::max<std::size_t>(threads, 1)) {}

  const double dt;
  const std::size_t cut;
  Array<Node> nodes;
  Array<Projection> projections;
  Array<std::unique_ptr<Population>> owned;  ///< populations that nobody else keeps
  NetworkProblem problem;
  bool measures = false;  ///< whether the CPU time of the first thread's work is taken
  double update_seconds = 0.0, delivery_seconds = 0.0;

  // What there is

  /// Return how many neurons to put into a block of a population.
  std::size_t block_length(std::size_t size) const {
    const std::size_t least = (size + block_limit - 1) / block_limit;
    std::size_t blocks = std::max(least, std::min(cut, (size + 255) / 256));
    if (blocks > cut) blocks = (blocks + cut - 1) / cut * cut;
    const std::size_t length = (size + blocks - 1) / blocks;
    return std::min(block_limit, (length + 63) / 64 * 64);
  }

  /// Add a population, whose blocks follow by `add_block`. Returns its number.
  std::size_t add_population(std::size_t size) {
    Node node;
    node.size = size;
    node.length = block_length(size);
    return add(std::move(node));
  }
  void add_block(std::size_t node, const Neurons& neurons) {
    Node& n = nodes[node];
    NeuronBlock block;
    block.neurons = neurons;
    block.first = n.blocks.size() * n.length;
    const std::size_t blocks = (n.size + n.length - 1) / n.length;
    // large populations are spread evenly, small ones go round
    block.thread = blocks >= team.size ? n.blocks.size() * team.size / blocks : turn++ % team.size;
    n.blocks.push_back(std::move(block));
  }
  std::size_t add_sources(std::size_t size, const SpikeTrains& trains) {
    Node node;
    node.size = size;
    node.trains = trains;
    return add(std::move(node));
  }
  std::size_t add_sources(const PoissonTrains& trains) {
    Node node;
    node.size = trains.count;
    node.poisson = trains;
    return add(std::move(node));
  }

  /// Connect nodes by weights that never change. Returns the number of the projection.
  std::size_t connect(std::size_t source, std::size_t target, std::size_t port,
                      std::int64_t negative, const Wiring& wiring) {
    using Sort = Sorting<Scalar>;
    Projection p = started(source, target, port, negative, wiring);
    const std::size_t size = nodes[source].size;
    const std::size_t blocks = nodes[target].blocks.size(), length = nodes[target].length;
    const bool splits = negative >= 0 && Sort::has_negative(wiring);
    const bool one_weight = Sort::is_shared(wiring, wiring.weights, Sort::any);
    const bool flips = splits && one_weight;
    const bool stays = Sort::can_stay(wiring, splits);
    if (stays || Sort::can_lie_by_source(wiring, blocks)) {
      (flips ? p.fixed_negative : p.fixed) =
          stays ? Sort::left(wiring, size, blocks, length, p.rows, flips)
                : Sort::by_source(wiring, size, blocks, length, p.rows, flips);
      if (flips) p.fixed.resize(blocks);
      p.is_split = splits && !flips;
    } else if (splits) {
      p.fixed = Sort::sorted(wiring, size, blocks, length, Sort::not_negative);
      p.fixed_negative = Sort::sorted(wiring, size, blocks, length, Sort::negative);
    } else {
      p.fixed = Sort::sorted(wiring, size, blocks, length);
    }
    projections.push_back(std::move(p));
    return projections.size() - 1;
  }

  /// Connect nodes by plastic synapses, which follow by `add_synapses`, one for each block.
  std::size_t connect_plastic(std::size_t source, std::size_t target, std::size_t port,
                              std::int64_t negative, const Wiring& wiring) {
    Projection p = started(source, target, port, negative, wiring);
    const Node& to = nodes[target];
    p.wires.resize(to.blocks.size());
    for (std::size_t b = 0; b < p.wires.size(); ++b) {
      p.wires[b].source_size = nodes[source].size;
      p.wires[b].target_size = to.blocks[b].size();
    }
    for (std::size_t k = 0; k < wiring.count; ++k) {
      const auto post = static_cast<std::size_t>(wiring.post.whole(k));
      Wires& w = p.wires[post / to.length];
      w.sources.push_back(static_cast<std::uint32_t>(wiring.pre.whole(k)));
      w.targets.push_back(static_cast<std::uint32_t>(post % to.length));
      w.numbers.push_back(static_cast<std::uint32_t>(k));
      if (!wiring.delays.is_shared() || w.delays.empty()) {
        w.delays.push_back(static_cast<std::int32_t>(wiring.delays.whole(k)));
      }
    }
    projections.push_back(std::move(p));
    return projections.size() - 1;
  }
  void add_synapses(std::size_t projection, const Synapses& synapses) {
    Projection& p = projections[projection];
    Wires& wires = p.wires[p.plastic.size()];
    if (wires.delays.empty()) wires.delays.push_back(1);
    synapses.plastic->connect(std::move(wires));
    wires = {};
    p.plastic.push_back(synapses);
  }
  /// Have every spike of a node seen by a modulator of plastic synapses; in their order.
  void modulate(std::size_t projection, std::size_t node) {
    projections[projection].modulators.push_back(node);
  }
  /// Have the next continuous port of plastic synapses see something.
  void add_factor(std::size_t projection, const FactorSource& factor) {
    projections[projection].factors.push_back(factor);
    if (factor.is_recordable) {
      for (NeuronBlock& b : nodes[projections[projection].target].blocks) {
        factor_buffer(b, factor.recordable);
      }
    }
  }

  /// Have a continuous port of neurons see a recordable of others, weighted and summed.
  void couple(std::size_t source, std::size_t target, std::size_t recordable, std::size_t port,
              const Wiring& wiring) {
    const Node& to = nodes[target];
    for (std::size_t b = 0; b < to.blocks.size(); ++b) {
      coupled_port(target, b, port).parts.push_back({signals.size(), {}});
    }
    Signal signal;
    signal.node = source;
    signal.recordable = recordable;
    for (std::size_t k = 0; k < wiring.count; ++k) {
      const auto post = static_cast<std::size_t>(wiring.post.whole(k));
      const std::int64_t ago = wiring.delays.whole(k);
      signal.rows = std::max(signal.rows, ago + 1);
      coupled_port(target, post / to.length, port)
          .parts.back()
          .pairs.push_back({wiring.weights.real(k), static_cast<std::uint32_t>(wiring.pre.whole(k)),
                            static_cast<std::uint32_t>(ago),
                            static_cast<std::uint16_t>(post % to.length)});
    }
    signals.push_back(std::move(signal));
    signal_sizes.push_back(nodes[source].size);
    shortest = 1;
  }

  // What is recorded

  /// Have a recordable of a population written: rows of `size` numbers, for the steps from the
  /// present one on.
  void record(std::size_t node, std::size_t recordable, double* out, std::int64_t steps) {
    for (NeuronBlock& b : nodes[node].blocks) {
      b.recordings.push_back({recordable, out, nodes[node].size, done, steps});
    }
  }
  /// Have a recordable of all synapses of a projection written, likewise.
  void record_synapses(std::size_t projection, std::size_t recordable, double* out,
                       std::int64_t steps) {
    Projection& p = projections[projection];
    p.recordings.push_back({recordable, out, p.size, done, steps});
  }

  // Running

  std::int64_t steps_done() const { return done; }
  std::size_t threads() const { return team.size; }

  /// Return the bytes that connections with weights that never change take, beside what they are
  /// left in by those who gave them.
  std::size_t static_bytes() const {
    std::size_t sum = 0;
    for (const Projection& p : projections) {
      sum += p.rows.bytes();
      for (const auto& c : p.fixed) sum += c.bytes();
      for (const auto& c : p.fixed_negative) sum += c.bytes();
    }
    return sum;
  }

  /// Set everything to its begin. Returns whether all is well.
  bool begin() {
    problem = {};
    done = 0;
    slice_length = std::min(shortest, longest_slice);
    const std::int64_t reach = std::max(longest, slice_length);
    const auto slots = static_cast<std::size_t>((reach + slice_length - 1) / slice_length *
                                                slice_length);
    prepare_ports(slots);
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      Node& node = nodes[n];
      node.spike_steps.clear();
      node.spike_members.clear();
      node.fired.assign(rows_of_spikes(), {});
      node.trains.next = 0;
      for (NeuronBlock& b : node.blocks) {
        if (b.begin(slots, rows_of_spikes()) != 0) return stopped_in(n, b);
      }
    }
    for (Signal& s : signals) begin_signal(s);
    couple_all();
    return begin_synapses();
  }

  /// Advance by some steps, or until there is a problem. Returns whether there is none.
  bool advance(std::int64_t steps) {
    if (problem.kind != 0) return false;
    std::int64_t reached = done;
    auto work = [this, steps, &reached](std::size_t thread) {
      const std::int64_t at = run(thread, done, done + steps);
      if (thread == 0) reached = at;
    };
    for (std::atomic<bool>& failed : failed_update) failed = false;
    for (std::atomic<bool>& failed : failed_delivery) failed = false;
    out_of_memory = false;
    team.run(work);
    done = reached;
    if (failed_update[0] || failed_update[1] || failed_delivery[0] || failed_delivery[1]) {
      find_problem();
      forget_later();
    }
    return problem.kind == 0;
  }

  /// Append all that changes in steps.
  void save(Array<unsigned char>& to) const {
    Writer writer{to};
    writer.take(done);
    for (const Node& n : nodes) {
      for (const NeuronBlock& b : n.blocks) b.neurons.population->save(to);
    }
    for (const Projection& p : projections) {
      for (const Synapses& s : p.plastic) s.plastic->save(to);
    }
    for (const Signal& s : signals) writer.take(s.values);
  }
  /// Take it back, behind `begin` of the same network.
  void load(const unsigned char* from, const unsigned char* end) {
    Reader reader{from, end};
    reader.take(done);
    for (Node& n : nodes) {
      for (NeuronBlock& b : n.blocks) {
        reader.from = b.neurons.population->load(reader.from, end);
      }
      n.trains.seek(done);
    }
    for (Projection& p : projections) {
      for (Synapses& s : p.plastic) reader.from = s.plastic->load(reader.from, end);
    }
    for (Signal& s : signals) reader.take(s.values);
    couple_all();
    for (Node& n : nodes) {
      for (NeuronBlock& b : n.blocks) {
        for (FactorBuffer& f : b.factors) b.read(f.recordable, f.values.data());
        for (Recording& r : b.recordings) r.begin = done;
      }
    }
    for (Projection& p : projections) {
      for (Recording& r : p.recordings) r.begin = done;
    }
  }

 private:
  /// Return the seconds of the CPU that this thread has taken; where nobody counts these, those of
  /// the process.
  static double cpu_seconds() {
#ifdef CLOCK_THREAD_CPUTIME_ID
    std::timespec now = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
#else
    return static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
#endif
  }

  // Building

  std::size_t add(Node&& node) {
    node.thread = nodes.size() % team.size;
    nodes.push_back(std::move(node));
    return nodes.size() - 1;
  }

  Projection started(std::size_t source, std::size_t target, std::size_t port,
                     std::int64_t negative, const Wiring& wiring) {
    Projection p;
    p.source = source;
    p.target = target;
    p.port = port;
    p.negative = negative;
    p.size = wiring.count;
    const std::size_t known = wiring.delays.is_shared() ? std::min<std::size_t>(wiring.count, 1)
                                                        : wiring.count;
    for (std::size_t k = 0; k < known; ++k) {
      const std::int64_t ago = wiring.delays.whole(k);
      shortest = std::min(shortest, ago);
      longest = std::max(longest, ago);
    }
    return p;
  }

  static FactorBuffer& factor_buffer(NeuronBlock& block, std::size_t recordable) {
    for (FactorBuffer& f : block.factors) {
      if (f.recordable == recordable) return f;
    }
    block.factors.push_back({recordable, {}});
    return block.factors.back();
  }

  CoupledPort& coupled_port(std::size_t node, std::size_t block, std::size_t port) {
    NeuronBlock& b = nodes[node].blocks[block];
    for (Coupled& c : coupled) {
      if (c.node == node && c.block == block && c.port->port == port) return *c.port;
    }
    auto made = std::make_unique<CoupledPort>();
    made->port = port;
    made->outside = b.neurons.population->currents[port];
    made->sums.assign(b.size(), 0.0);
    made->total.assign(b.size(), 0.0);
    b.neurons.population->currents[port] = {made->total.data(), 1, true};
    coupled.push_back({node, block, std::move(made)});
    return *coupled.back().port;
  }

  // Beginning

  /// Have each port get spikes in the way that suits the connections that lead to it.
  void prepare_ports(std::size_t slots) {
    for (Node& n : nodes) {
      for (NeuronBlock& b : n.blocks) b.neurons.population->take_sums();
    }
    for (const Projection& p : projections) {
      Array<NeuronBlock>& blocks = nodes[p.target].blocks;
      const bool is_large = nodes[p.target].size * slots * sizeof(Scalar) > cached_bytes;
      const auto negative = static_cast<std::size_t>(p.negative);
      for (std::size_t b = 0; b < blocks.size(); ++b) {
        if (b < p.fixed.size()) blocks[b].prepare(p.fixed[b], p.port, is_large);
        if (b < p.fixed_negative.size()) {
          blocks[b].prepare(p.fixed_negative[b], negative, is_large);
        }
        if (p.is_split) blocks[b].neurons.population->open(negative);
        if (p.plastic.empty()) continue;
        blocks[b].neurons.population->open(p.port);
        if (p.negative >= 0) blocks[b].neurons.population->open(negative);
      }
    }
  }

  void begin_signal(Signal& s) {
    const std::size_t size = nodes[s.node].size;
    s.values.assign(static_cast<std::size_t>(s.rows) * size, 0.0);
    for (std::int64_t i = 0; i < s.rows; ++i) {
      for (NeuronBlock& b : nodes[s.node].blocks) b.read(s.recordable, s.row(i, size) + b.first);
    }
  }

  void couple_all() {
    for (Coupled& c : coupled) {
      c.port->compute(signals, signal_sizes, done);
      nodes[c.node].blocks[c.block].neurons.population->refresh();
    }
  }

  bool begin_synapses() {
    for (std::size_t n = 0; n < projections.size(); ++n) {
      for (std::size_t b = 0; b < projections[n].plastic.size(); ++b) {
        const Array<FactorRows> factors = factor_rows(projections[n], b, 0);
        Synapses& s = projections[n].plastic[b];
        s.kind = s.start(s.handle, factors.data());
        if (s.kind != 0) return stopped_in_projection(n, s);
      }
    }
    return true;
  }

  bool stopped_in(std::size_t node, const NeuronBlock& b) {
    const Problem& p = b.neurons.population->problem;
    problem = {NetworkProblem::in_node, node, p.kind, p.text};
    return false;
  }

  bool stopped_in_projection(std::size_t projection, const Synapses& s) {
    problem = {NetworkProblem::in_projection, projection, s.kind, s.problem(s.handle)};
    return false;
  }

  // Running: what each thread does

  /// What a thread has of the spikes of a slice: those of populations of several blocks together.
  struct Gathered {
    Array<SpikesByStep> of_node;
    Bins bins;
  };

  /// Return how far all is done. A thread that has delivered the spikes of a slice goes on to the
  /// next one, whose spikes lie elsewhere; behind its update it waits for the others.
  std::int64_t run(std::size_t thread, std::int64_t from, std::int64_t to) {
    Gathered gathered;
    bool ready = false;
    const bool always_meets = meets_twice();
    std::int64_t now = from, before = from;
    while (now < to) {
      const std::int64_t steps = std::min(to - now, slice_length - now % slice_length);
      const auto turn = static_cast<std::size_t>(now / slice_length % 2);
      const double begun = measures ? cpu_seconds() : 0.0;
      guarded(failed_update[turn], [&] { return update(thread, now, steps); });
      const double updated = measures ? cpu_seconds() : 0.0;
      team.meet();
      if (failed_delivery[1 - turn]) return before;
      if (failed_update[turn]) return now;
      const double met = measures ? cpu_seconds() : 0.0;
      guarded(failed_delivery[turn], [&] {
        if (!ready) gathered.of_node.resize(nodes.size());
        ready = true;
        return deliver(thread, now, steps, gathered);
      });
      if (measures && thread == 0) {
        update_seconds += updated - begun;
        delivery_seconds += cpu_seconds() - met;
      }
      before = now;
      now += steps;
      if (!always_meets && now < to) continue;
      team.meet();
      if (failed_delivery[turn]) return before;
    }
    guarded(failed_update[0], [&] { return look(thread); });
    return now;
  }

  /// Whether a thread sees more of others' neurons than their spikes, or can fail in a delivery.
  bool meets_twice() const {
    bool is_plastic = false;
    for (const Projection& p : projections) is_plastic = is_plastic || !p.plastic.empty();
    return is_plastic || !coupled.empty();
  }

  /// Spikes of two slices are kept, each step in a row.
  std::size_t rows_of_spikes() const { return 2 * static_cast<std::size_t>(slice_length); }
  std::size_t row_of_spikes(std::int64_t before) const {
    return static_cast<std::size_t>(before) % rows_of_spikes();
  }

  template <class Act>
  void guarded(std::atomic<bool>& failed, const Act& act) {
    try {
      if (!act()) failed = true;
    } catch (const std::bad_alloc&) {
      out_of_memory = true;
      failed = true;
    }
  }

  bool update(std::size_t thread, std::int64_t now, std::int64_t steps) {
    bool is_well = true;
    for (Node& n : nodes) {
      if (n.blocks.empty() && n.thread == thread) n.emit(now, steps, row_of_spikes(now));
      for (NeuronBlock& b : n.blocks) {
        if (b.thread != thread) continue;
        if (coupled.empty()) {
          is_well = b.advance(now, steps, row_of_spikes(now)) == 0 && is_well;
        } else {
          is_well = advance_coupled(b, row_of_spikes(now)) && is_well;
        }
      }
    }
    for (Signal& s : signals) {
      for (NeuronBlock& b : nodes[s.node].blocks) {
        if (b.thread == thread) b.read(s.recordable, s.row(now + 1, nodes[s.node].size) + b.first);
      }
    }
    return is_well;
  }

  /// See whether all variables of a thread's neurons are numbers.
  bool look(std::size_t thread) {
    bool is_well = true;
    for (Node& n : nodes) {
      for (NeuronBlock& b : n.blocks) {
        if (b.thread != thread) continue;
        is_well = b.neurons.advance(b.neurons.handle, 0) == 0 && is_well;
      }
    }
    return is_well;
  }

  /// As `NeuronBlock::advance` for one step; what is recorded is read later.
  bool advance_coupled(NeuronBlock& b, std::size_t row) {
    if (b.neurons.advance(b.neurons.handle, 1) != 0) return false;
    b.fired[row].swap(b.neurons.population->fired[0]);
    for (FactorBuffer& f : b.factors) b.read(f.recordable, f.values.data() + b.size());
    return true;
  }

  bool deliver(std::size_t thread, std::int64_t now, std::int64_t steps, Gathered& gathered) {
    gather(now, steps, gathered);
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      if (nodes[n].thread == thread && nodes[n].keeps_spikes) keep(n, now, steps, gathered);
    }
    bool is_well = true;
    for (std::int64_t i = 0; i < steps; ++i) {  // so that sources stay in the cache for all blocks
      for (std::size_t n = 0; n < nodes.size(); ++n) {
        for (const Projection& p : projections) {
          if (p.target == n && !p.fixed.empty()) deliver_fixed(p, thread, now + i, gathered);
        }
        for (Projection& p : projections) {
          if (p.target != n || p.plastic.empty()) continue;
          for (std::size_t b = 0; b < nodes[n].blocks.size(); ++b) {
            if (nodes[n].blocks[b].thread != thread) continue;
            is_well = take(p, b, now, i, gathered) && is_well;
          }
        }
      }
    }
    for (Node& n : nodes) {
      for (NeuronBlock& b : n.blocks) {
        if (b.thread == thread) b.turn(steps);
      }
    }
    for (Coupled& c : coupled) {
      NeuronBlock& b = nodes[c.node].blocks[c.block];
      if (b.thread != thread) continue;
      c.port->compute(signals, signal_sizes, now + 1);
      b.neurons.population->refresh();
    }
    if (!coupled.empty()) {
      for (Node& n : nodes) {
        for (NeuronBlock& b : n.blocks) {
          if (b.thread == thread) b.record(now + 1);
        }
      }
    }
    return is_well;
  }

  void gather(std::int64_t now, std::int64_t steps, Gathered& gathered) const {
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      const Node& node = nodes[n];
      if (node.blocks.size() < 2) continue;
      SpikesByStep& all = gathered.of_node[n];
      all.resize(rows_of_spikes());
      for (std::int64_t i = 0; i < steps; ++i) {
        const std::size_t row = row_of_spikes(now + i);
        std::size_t count = 0;
        for (const NeuronBlock& b : node.blocks) count += b.fired[row].size();
        all[row].resize(count);
        std::uint32_t* to = all[row].data();
        for (const NeuronBlock& b : node.blocks) {
          const auto first = static_cast<std::uint32_t>(b.first);
          for (const std::uint32_t k : b.fired[row]) *to++ = first + k;
        }
      }
    }
  }

  /// Return what a node emitted in the step behind some steps.
  const Array<std::uint32_t>& spikes(std::size_t node, std::int64_t before,
                                           const Gathered& gathered) const {
    const Node& n = nodes[node];
    const std::size_t row = row_of_spikes(before);
    if (n.blocks.empty()) return n.fired[row];
    if (n.blocks.size() == 1) return n.blocks[0].fired[row];
    return gathered.of_node[node][row];
  }

  void keep(std::size_t node, std::int64_t now, std::int64_t steps, const Gathered& gathered) {
    Node& n = nodes[node];
    for (std::int64_t i = 0; i < steps; ++i) {
      const Array<std::uint32_t>& who = spikes(node, now + i, gathered);
      n.spike_steps.append(who.size(), now + i + 1);
      n.spike_members.append(who.begin(), who.end());
    }
  }

  /// Deliver what was emitted in the step behind some steps to the blocks of a thread.
  void deliver_fixed(const Projection& p, std::size_t thread, std::int64_t before,
                     Gathered& gathered) {
    const Array<std::uint32_t>& who = spikes(p.source, before, gathered);
    if (who.empty()) return;
    const std::int64_t now = before + 1;
    Array<NeuronBlock>& blocks = nodes[p.target].blocks;
    std::size_t begin = 0, end = blocks.size();  // those of a thread follow each other
    while (begin < end && blocks[begin].thread != thread) ++begin;
    while (begin < end && blocks[end - 1].thread != thread) --end;
    const auto negative = static_cast<std::size_t>(p.negative);
    if (p.is_split) {
      for (std::size_t b = begin; b < end; ++b) {
        const Rows<Scalar> inhibition = blocks[b].ports[negative].from(now);
        p.fixed[b].deliver(who, blocks[b].ports[p.port].from(now), &inhibition);
      }
      return;
    }
    const Arriving part = {blocks, begin, end, who, now};
    deliver_part(p.fixed, p.port, part, gathered.bins);
    if (!p.fixed_negative.empty()) deliver_part(p.fixed_negative, negative, part, gathered.bins);
  }

  /// Spikes at the end of step `now`, and blocks that they go to.
  struct Arriving {
    Array<NeuronBlock>& blocks;
    std::size_t begin, end;
    const Array<std::uint32_t>& sources;
    std::int64_t now;
  };

  static void deliver_part(const Array<StaticConnections<Scalar>>& connections,
                           std::size_t port, const Arriving& a, Bins& bins) {
    if (tally(connections, port, a, bins)) return;
    for (std::size_t b = a.begin; b < a.end; ++b) {
      a.blocks[b].deliver(connections[b], a.sources, port, a.now);
    }
  }

  /// Have spikes tallied in all of these blocks at once. Returns whether that can be.
  static bool tally(const Array<StaticConnections<Scalar>>& connections, std::size_t port,
                    const Arriving& a, Bins& bins) {
    if (a.end == a.begin || !connections[a.begin].is_by_source()) return false;
    for (std::size_t b = a.begin; b < a.end; ++b) {
      NeuronBlock& block = a.blocks[b];
      std::uint16_t* const numbers = block.tally(connections[b], a.sources, port, a.now);
      if (numbers == nullptr) return false;  // in the first block as in all
      bins.add(numbers, block.size());
    }
    connections[a.begin].tally(a.sources, bins);
    return true;
  }

  bool take(Projection& p, std::size_t block, std::int64_t before, std::int64_t offset,
            const Gathered& gathered) {
    const NeuronBlock& b = nodes[p.target].blocks[block];
    Array<Fired> modulators;
    for (const std::size_t m : p.modulators) {
      modulators.push_back(&spikes(m, before + offset, gathered));
    }
    const Array<FactorRows> factors = factor_rows(p, block, offset);
    Slice slice;
    slice.first = before + offset;
    slice.steps = 1;
    slice.sources = &spikes(p.source, before + offset, gathered);
    slice.targets = &b.fired[row_of_spikes(before + offset)];
    slice.modulators = modulators.data();
    slice.factors = factors.data();
    slice.inbox = b.ports[p.port].inbox;
    if (p.negative >= 0) slice.negative = b.ports[static_cast<std::size_t>(p.negative)].inbox;
    Synapses& s = p.plastic[block];
    s.kind = s.take(s.handle, &slice);
    if (s.kind != 0) return false;
    if (p.recordings.empty()) return true;
    const Array<FactorRows> present = factor_rows(p, block, offset + 1);
    for (const Recording& r : p.recordings) {
      double* const row = r.row(before + offset + 1);
      if (row == nullptr) continue;
      const auto recordable = static_cast<std::int64_t>(r.recordable);
      s.kind = s.read(s.handle, recordable, present.data(), row);
      if (s.kind != 0) return false;
    }
    return true;
  }

  /// Return the continuous inputs of synapses, row 0 being from the end of a step of the slice.
  Array<FactorRows> factor_rows(const Projection& p, std::size_t block,
                                      std::int64_t offset) const {
    const NeuronBlock& b = nodes[p.target].blocks[block];
    Array<FactorRows> found;
    for (const FactorSource& f : p.factors) {
      if (!f.is_recordable) {
        found.push_back({&f.value, 0, 0});
        continue;
      }
      for (const FactorBuffer& buffer : b.factors) {
        if (buffer.recordable != f.recordable) continue;
        const double* const row = buffer.values.data() + static_cast<std::size_t>(offset) * b.size();
        found.push_back({row, b.size(), 1});
      }
    }
    return found;
  }

  /// Find out what went wrong: the first problem in the order of nodes and projections.
  void find_problem() {
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      for (const NeuronBlock& b : nodes[n].blocks) {
        if (b.neurons.population->problem.kind != Problem::none) {
          stopped_in(n, b);
          return;
        }
      }
    }
    for (std::size_t n = 0; n < projections.size(); ++n) {
      for (const Synapses& s : projections[n].plastic) {
        if (s.kind != 0) {
          stopped_in_projection(n, s);
          return;
        }
      }
    }
    problem = {NetworkProblem::nowhere, 0, Problem::no_memory, ""};
    if (!out_of_memory) problem.kind = Problem::stopped;
  }

  /// Keep no spikes but those of steps that were done by all.
  void forget_later() {
    for (Node& n : nodes) {
      const auto end = std::upper_bound(n.spike_steps.begin(), n.spike_steps.end(), done);
      const auto kept = std::min(static_cast<std::size_t>(end - n.spike_steps.begin()),
                                 n.spike_members.size());
      n.spike_steps.resize(kept);
      n.spike_members.resize(kept);
    }
  }

  /// A continuous port of a block that sees other neurons.
  struct Coupled {
    std::size_t node;
    std::size_t block;
    std::unique_ptr<CoupledPort> port;
  };

  Team team;
  std::size_t turn = 0;
  std::int64_t shortest = longest_slice;
  std::int64_t longest = 1;
  std::int64_t slice_length = 1;
  std::int64_t done = 0;
  Array<Signal> signals;
  Array<std::size_t> signal_sizes;
  Array<Coupled> coupled;
  std::atomic<bool> failed_update[2] = {}, failed_delivery[2] = {};  ///< in slices by turns
  std::atomic<bool> out_of_memory{false};
};

}  // namespace v1
}  // namespace nestml_runtime
#endif
