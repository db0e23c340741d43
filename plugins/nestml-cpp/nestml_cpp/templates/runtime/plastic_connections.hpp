#ifndef NESTML_RUNTIME_V1_PLASTIC_CONNECTIONS
#define NESTML_RUNTIME_V1_PLASTIC_CONNECTIONS
#include <cmath>
#include <cstdio>
#include <type_traits>

namespace nestml_runtime {
inline namespace v1 {

/// Return x to the power of y. Exponents of 0 and 1 are frequent in rules of plasticity.
inline double raised(double x, double y) {
  if (y == 1.0) return x;
  if (y == 0.0) return 1.0;
  return std::pow(x, y);
}

struct Nothing {};

/// What follows from the length of an interval, for whole numbers of steps: a table for the short
/// ones, filled as they occur.
template <class Model>
class Intervals {
  using Interval = typename Model::Interval;

 public:
  static constexpr std::int64_t length = 4096;

  void begin(const typename Model::Shared& p, const typename Model::Derived& d) {
    shared = &p;
    derived = &d;
    rows.assign(static_cast<std::size_t>(length), Interval{});
  }
  const Interval& of(std::int64_t steps) {
    if (steps >= length) [[unlikely]] return filled(long_one, steps);
    Interval& row = rows[static_cast<std::size_t>(steps)];
    if (row.dt == 0.0) [[unlikely]] return filled(row, steps);
    return row;
  }

 private:
  [[gnu::noinline]] const Interval& filled(Interval& row, std::int64_t steps) {
    row.dt = static_cast<double>(steps) * derived->resolution;
    Model::derive(*shared, *derived, &row);
    return row;
  }

  const typename Model::Shared* shared = nullptr;
  const typename Model::Derived* derived = nullptr;
  Array<Interval> rows;
  Interval long_one = {};
};

/// The connections of one synapse model.
///
/// What follows from the spikes of one neuron alone is computed once for all its connections, where
/// the model allows it. Events are handled in one of three ways, with the same results:
///
/// - eagerly, when they happen, where a connection must see the moment: with continuous inputs, or
///   if it emits at others than presynaptic spikes;
/// - promptly, when they happen, row by row: presynaptic spikes by source, postsynaptic ones by
///   target, where all connections have one delay;
/// - lazily, when the next presynaptic spike arrives: then those since the last one follow in their
///   order.
///
/// What a connection does depends on no other one.
template <class Model>
class PlasticConnections final : public Plastic {
  using Target = typename Model::Target;
  using Source = typename Model::Source;

  /// Where what a connection emits goes.
  struct Sink {
    PlasticConnections& of;
    NESTML_REAL* sums;
    NESTML_REAL* counts;
    NESTML_REAL* negative_sums;
    NESTML_REAL* negative_counts;
    std::int64_t now;
    std::uint32_t target;
    std::size_t connection;

    void emit(double weight) {
      if (!std::isfinite(weight)) [[unlikely]] of.fail(now, connection);
      if (negative_sums != nullptr && weight < 0.0) {
        add(negative_sums, negative_counts, -weight);
      } else if (sums != nullptr) {
        add(sums, counts, weight);
      }
      if (of.keeps_emitted) [[unlikely]] of.keep(now, connection, weight);
    }
    void add(NESTML_REAL* sum, NESTML_REAL* count, double weight) const {
      sum[target] += static_cast<NESTML_REAL>(weight);
      if (count != nullptr) count[target] += NESTML_REAL(1);
    }
  };
  using Connection = typename Model::template Connection<Sink>;

  /// The same where it goes to one row, and nobody looks.
  struct PlainSink {
    PlasticConnections& of;
    NESTML_REAL* sums;
    std::int64_t now;
    std::uint32_t target;
    std::size_t connection;

    void emit(double weight) {
      if (!std::isfinite(weight)) [[unlikely]] of.fail(now, connection);
      sums[target] += static_cast<NESTML_REAL>(weight);
    }
  };

  /// A postsynaptic spike with what the neuron keeps: behind it, and on its arrival.
  struct Spike {
    std::int64_t step = 0;
    [[no_unique_address]] Target left = {};
    [[no_unique_address]] std::conditional_t<Model::sees_target, Target, Nothing> seen = {};
  };
  /// The first entry is that before all that are still to be seen.
  using History = Array<Spike>;

  /// A presynaptic neuron: what it keeps, and up to where its connections have seen other events.
  struct Sender {
    std::int64_t last = 0;
    std::int64_t seen = 0;
    [[no_unique_address]] Source left = {};
  };

  /// The window of events that a row of connections still has to see.
  struct Window {
    std::int64_t post_from, post_to;
    std::size_t mod_from, mod_to;
  };

  /// A postsynaptic neuron whose connections are handled promptly: what it keeps, as they see it.
  struct Receiver {
    std::int64_t last = 0;
    [[no_unique_address]] Target left = {};
  };

  /// A connection in the row of its target.
  struct Incoming {
    std::uint32_t connection, source;
  };

  struct Modulator {
    std::int64_t key;  ///< the time and the place among events of one time
    std::size_t port;
  };

  static constexpr std::int64_t ranks = Model::ranks;
  static constexpr bool is_lazy = !Model::is_eager;
  static constexpr bool sees_others = Model::has_post || Model::modulators > 0;
  static constexpr bool can_be_prompt = is_lazy && Model::has_post && Model::modulators == 0;

 public:
  PlasticConnections() {
    parameters.resize(Model::parameters);
    initial.resize(Model::initial);
  }

  std::size_t size() const override { return wires.targets.size(); }

  void connect(Wires&& given) override {
    wires = std::move(given);
    sort();
    longest = 0;
    for (const std::int32_t ago : wires.delays) longest = most<std::int64_t>(longest, ago);
    is_prompt = can_be_prompt && wires.delays.size() == 1;
    if constexpr (Model::has_post) {
      if (Model::is_eager || is_prompt) index_targets();
    }
  }

  bool begin(double dt, std::uint64_t with, const FactorRows* factors) override {
    problem = none;
    text.clear();
    emitted_steps.clear();
    emitted_connections.clear();
    emitted_weights.clear();
    seed = with;
    done = 0;
    all_seen = 0;
    room = least_room;
    is_full = false;
    seen_modulators.clear();
    const char* strange = Model::strange_parameter(parameters.data());
    if (strange == nullptr) strange = Model::strange_begin(initial.data(), longest);
    if (strange != nullptr) {
      problem = misuse;
      text = strange;
      return false;
    }
    p = {};
    d = {};
    d.resolution = dt;
    Model::set_shared(parameters.data(), p, d);
    if (const char* violated = Model::violated_guard(p, d)) return violates(violated, 0, false);
    table.begin(p, d);
    kept.begin(p, d);
    Sender sender = {};
    Model::begin(p, d, sender.left);
    Model::set(initial.data(), sender.left);
    senders.assign(wires.source_size, sender);
    Spike ground = {};
    Model::begin(p, d, ground.left);
    Model::set(initial.data(), ground.left);
    if constexpr (is_lazy && Model::has_post) {
      histories.assign(is_prompt ? 0 : wires.target_size, History(1, ground));
      receivers.assign(is_prompt ? wires.target_size : 0, {0, ground.left});
    }
    if constexpr (Model::has_post) due.assign(static_cast<std::size_t>(longest) + 1, {});
    return begin_all(ground.left, sender.left, factors);
  }

  bool advance(const Slice& slice) override {
    for (std::int64_t i = 0; i < slice.steps && problem == none; ++i) step(slice, i);
    return problem == none;
  }

  void read(std::size_t recordable, const FactorRows* factors, double* out) override {
    if constexpr (is_lazy && sees_others) {
      if (!is_prompt) catch_up(done);
    }
    for (std::uint32_t s = 0; s < wires.source_size; ++s) {
      [[maybe_unused]] const Source left = source_at(senders[s], done);
      for (std::size_t k = first[s]; k < first[s + 1]; ++k) {
        Sink sink = silent(k);
        Connection c = load(k, sink);
        see(c, k, factors, 0);
        c.advance(done);
        c.a = left;
        if constexpr (is_lazy && Model::has_post) {
          if (is_prompt) {
            c.b = received_at(receivers[wires.targets[k]], done);
          } else {
            const History& history = histories[wires.targets[k]];
            c.b = target_at(history, ending(history, done + 1 - delay(k)), done, delay(k));
          }
        }
        out[wires.numbers[k]] = c.recorded(recordable, done);
      }
    }
  }

  void save(Array<unsigned char>& to) const override {
    Writer writer{to};
    keep_in(*this, writer);
  }
  const unsigned char* load(const unsigned char* from, const unsigned char* end) override {
    Reader reader{from, end};
    keep_in(*this, reader);
    return reader.from;
  }

 private:
  /// Visit all that changes in steps.
  template <class Self, class Archive>
  static void keep_in(Self& self, Archive& archive) {
    self.columns.each([&](auto& column) { archive.take(column); });
    archive.take(self.last);
    archive.take(self.lengths);
    archive.take(self.numbers_of_events);
    archive.take(self.senders);
    archive.take(self.seen_modulators);
    for (auto& history : self.histories) archive.take(history);
    archive.take(self.receivers);
    for (auto& list : self.due) archive.take(list);
    archive.take(self.done);
    archive.take(self.all_seen);
    archive.take(self.room);
  }

  // Building

  /// Sort by source, then by target; `first` are the begins of the rows of sources.
  void sort() {
    const std::size_t n = wires.targets.size();
    Array<std::uint32_t> order(n), sorted(n);
    for (std::size_t k = 0; k < n; ++k) order[k] = static_cast<std::uint32_t>(k);
    by(wires.targets, wires.target_size, order, sorted);
    first = by(wires.sources, wires.source_size, sorted, order);
    rearrange(wires.sources, order);
    rearrange(wires.targets, order);
    rearrange(wires.numbers, order);
    if (wires.delays.size() > 1) rearrange(wires.delays, order);
    wires.sources = {};
  }

  /// Sort the places `from` by the `keys` there, in a stable way. Returns where each key begins.
  static Array<std::size_t> by(const Array<std::uint32_t>& keys, std::size_t size,
                                     const Array<std::uint32_t>& from,
                                     Array<std::uint32_t>& to) {
    Array<std::size_t> begins(size + 1, 0);
    for (const std::uint32_t key : keys) ++begins[key + 1];
    for (std::size_t key = 0; key < size; ++key) begins[key + 1] += begins[key];
    Array<std::size_t> place(begins);
    for (const std::uint32_t k : from) to[place[keys[k]]++] = k;
    return begins;
  }

  template <class Value>
  static void rearrange(Array<Value>& values, const Array<std::uint32_t>& order) {
    Array<Value> sorted(values.size());
    for (std::size_t k = 0; k < values.size(); ++k) sorted[k] = values[order[k]];
    values.swap(sorted);
  }

  /// Sort the connections by target, in a stable way.
  void index_targets() {
    first_of_target.assign(wires.target_size + 1, 0);
    for (const std::uint32_t j : wires.targets) ++first_of_target[j + 1];
    for (std::size_t j = 0; j < wires.target_size; ++j) first_of_target[j + 1] += first_of_target[j];
    Array<std::size_t> place(first_of_target);
    by_target.resize(size());
    for (std::uint32_t s = 0; s < wires.source_size; ++s) {
      for (std::size_t k = first[s]; k < first[s + 1]; ++k) {
        by_target[place[wires.targets[k]]++] = {static_cast<std::uint32_t>(k), s};
      }
    }
  }

  bool begin_all(const Target& target, const Source& source, const FactorRows* factors) {
    columns.resize(size());
    if constexpr (Model::moves) last.assign(size(), 0);
    if constexpr (Model::reads_interval) lengths.assign(size(), 0);
    if constexpr (Model::is_random) numbers_of_events.assign(size(), 0);
    for (std::size_t k = 0; k < size(); ++k) {
      Sink sink = silent(k);
      Connection c(p, d, table, sink);
      c.a = source;
      c.b = target;
      see(c, k, factors, 0);
      c.begin(parameters.data(), initial.data(), wires.numbers[k]);
      if (const char* violated = c.violated_guard()) {
        return violates(violated, wires.numbers[k], true);
      }
      columns.store(k, c.s);
      columns.store(k, c.o);
    }
    return true;
  }

  bool violates(const char* violated, std::size_t number, bool is_one) {
    problem = guard;
    text = violated;
    char which[48];
    std::snprintf(which, sizeof which, " (connection %zu)", number);
    if (is_one && size() > 1) text += which;
    return false;
  }

  // One connection

  std::int64_t delay(std::size_t k) const {
    return wires.delays[wires.delays.size() == 1 ? 0 : k];
  }

  /// A sink from which nothing goes anywhere.
  Sink silent(std::size_t k) {
    return {*this, nullptr, nullptr, nullptr, nullptr, 0, wires.targets[k], k};
  }

  template <class SomeSink>
  auto load(std::size_t k, SomeSink& sink) {
    typename Model::template Connection<SomeSink> c(p, d, table, sink);
    columns.load(k, c.s);
    columns.load(k, c.o);
    if constexpr (Model::moves) c.last = last[k];
    c.resume(Model::reads_interval ? lengths[Model::reads_interval ? k : 0] : 0);
    if constexpr (Model::is_random) c.stream(seed, wires.numbers[k], numbers_of_events[k]);
    return c;
  }

  template <class SomeConnection>
  void store(std::size_t k, const SomeConnection& c) {
    columns.store(k, c.s);
    if constexpr (Model::moves) last[k] = c.last;
    if constexpr (Model::reads_interval) lengths[k] = c.length;
    if constexpr (Model::is_random) numbers_of_events[k] = c.events;
  }

  /// Let a connection see its continuous inputs at the end of a step of the slice.
  template <class SomeConnection>
  void see([[maybe_unused]] SomeConnection& c, [[maybe_unused]] std::size_t k,
           [[maybe_unused]] const FactorRows* factors, [[maybe_unused]] std::int64_t row) const {
    if constexpr (Model::factors > 0) {
      c.see(factors, static_cast<std::size_t>(row), wires.targets[k]);
    }
  }

  // What neurons keep

  Source source_at(const Sender& sender, std::int64_t now) {
    Source a = sender.left;
    if constexpr (Model::keeps_source) {
      if (now > sender.last) Model::flow(p, d, &kept.of(now - sender.last), a);
    }
    return a;
  }

  /// Return what a target keeps, as a connection sees it at `now`. `end` is behind its last spike.
  Target target_at(const History& history, std::size_t end, std::int64_t now, std::int64_t ago) {
    const Spike& before = history[end - 1];
    Target b = before.left;
    if constexpr (Model::keeps_target) {
      const std::int64_t steps = before.step == 0 ? now : now - ago - before.step;
      if (steps > 0) Model::flow(p, d, &kept.of(steps), b);
    }
    return b;
  }

  /// As that, where all connections have one delay.
  Target received_at(const Receiver& receiver, std::int64_t now) {
    Target b = receiver.left;
    if constexpr (Model::keeps_target) {
      if (now > receiver.last) Model::flow(p, d, &kept.of(now - receiver.last), b);
    }
    return b;
  }

  /// Return the place behind the last spike before a step.
  static std::size_t ending(const History& history, std::int64_t step) {
    std::size_t end = history.size();
    while (end > 1 && history[end - 1].step >= step) --end;
    return end;
  }

  void note(std::uint32_t target, std::int64_t now) {
    History& history = histories[target];
    Spike spike = {};
    spike.step = now;
    spike.left = history.back().left;
    if constexpr (Model::keeps_target) {
      const std::int64_t steps = now - history.back().step;
      if (steps > 0) Model::flow(p, d, &kept.of(steps), spike.left);
      if constexpr (Model::sees_target) spike.seen = spike.left;
      Model::spike(p, d, static_cast<double>(now) * d.resolution, spike.left);
    }
    history.push_back(spike);
    if (history.size() >= room) is_full = true;
  }

  // Running

  void step(const Slice& slice, std::int64_t i) {
    const std::int64_t now = slice.first + i + 1;
    done = now;
    if constexpr (can_be_prompt) {
      if (is_prompt) return step_promptly(slice, i, now);
    }
    if constexpr (Model::has_post) {
      for (const std::uint32_t target : slice.targets[i]) {
        if constexpr (is_lazy) {
          note(target, now);
        } else {
          expect(target, now);
        }
      }
    }
    if constexpr (Model::modulators > 0) modulate(slice, i, now);
    if constexpr (is_lazy) {
      for (const std::uint32_t source : slice.sources[i]) presynaptic(source, now, slice, i);
      if (is_full) [[unlikely]] tidy(now);
    } else {
      step_eagerly(slice, i, now);
    }
  }

  Sink sink_at(const Slice& slice, std::int64_t now, std::int64_t later) {
    Sink sink = {*this, nullptr, nullptr, nullptr, nullptr, now, 0, 0};
    aim(sink, slice, later);
    return sink;
  }
  static void aim(Sink& sink, const Slice& slice, std::int64_t later) {
    const std::int64_t when = sink.now + later;
    if (slice.inbox.sums != nullptr) {
      sink.sums = slice.inbox.sums + slice.inbox.row(when);
      if (slice.inbox.counts != nullptr) sink.counts = slice.inbox.counts + slice.inbox.row(when);
    }
    if (slice.negative.sums != nullptr) {
      const std::size_t row = slice.negative.row(when);
      sink.negative_sums = slice.negative.sums + row;
      if (slice.negative.counts != nullptr) sink.negative_counts = slice.negative.counts + row;
    }
  }

  void presynaptic(std::uint32_t source, std::int64_t now, const Slice& slice, std::int64_t i) {
    Sender& sender = senders[source];
    const Source on_arrival = source_at(sender, now);
    [[maybe_unused]] const Window window = window_of(sender, now, Model::pre_rank);
    const bool is_uniform = wires.delays.size() == 1;
    Sink sink = sink_at(slice, now, wires.delays.empty() ? 1 : wires.delays[0]);
    for (std::size_t k = first[source]; k < first[source + 1]; ++k) {
      const std::int64_t ago = is_uniform ? wires.delays[0] : delay(k);
      if (!is_uniform) aim(sink, slice, ago);
      sink.target = wires.targets[k];
      sink.connection = k;
      Connection c = load(k, sink);
      see(c, k, slice.factors, i + 1);
      if constexpr (is_lazy && sees_others) {
        const std::size_t end = replay(c, k, ago, sender, window);
        if constexpr (Model::has_post && Model::pre_needs_target) {
          c.b = target_at(histories[sink.target], end, now, ago);
        }
      }
      if constexpr (Model::pre_needs_source) c.a = on_arrival;
      c.receive_pre(now, static_cast<double>(now) * d.resolution);
      store(k, c);
    }
    sender.left = on_arrival;
    if constexpr (Model::keeps_source) {
      Model::spike(p, d, static_cast<double>(now) * d.resolution, sender.left);
    }
    sender.last = now;
    sender.seen = now * ranks + Model::pre_rank;
  }

  /// Return what the connections of a row have not seen of what comes before `rank` at `now`.
  Window window_of(const Sender& sender, std::int64_t now, std::int64_t rank) const {
    Window w = {};
    if constexpr (is_lazy && sees_others) {
      const std::int64_t seen = most(sender.seen, all_seen);
      w.post_from = (seen + ranks - 1 - Model::post_rank) / ranks;
      w.post_to = now + (Model::post_rank < rank ? 1 : 0);
      if constexpr (Model::modulators > 0) {
        w.mod_from = place_of(seen);
        w.mod_to = place_of(now * ranks + rank);
      }
    }
    return w;
  }
  std::size_t place_of(std::int64_t key) const {
    std::size_t begin = 0, end = seen_modulators.size();
    while (begin < end) {
      const std::size_t middle = (begin + end) / 2;
      if (seen_modulators[middle].key < key) {
        begin = middle + 1;
      } else {
        end = middle;
      }
    }
    return begin;
  }

  /// Let a connection take the events of a window. Returns the place behind the last spike of its
  /// target that it has seen.
  std::size_t replay(Connection& c, std::size_t k, std::int64_t ago, const Sender& sender,
                     const Window& window) {
    std::size_t end = 0;
    std::size_t begin = 0;
    const Spike* spikes = nullptr;
    if constexpr (Model::has_post) {
      const History& history = histories[wires.targets[k]];
      spikes = history.data();
      end = history.size();
      while (end > 1 && spikes[end - 1].step + ago >= window.post_to) --end;
      begin = end;
      while (begin > 1 && spikes[begin - 1].step + ago >= window.post_from) --begin;
    }
    if constexpr (Model::modulators > 0) {
      std::size_t m = window.mod_from;
      for (std::size_t e = begin; e < end; ++e) {
        const std::int64_t key = (spikes[e].step + ago) * ranks + Model::post_rank;
        for (; m < window.mod_to && seen_modulators[m].key < key; ++m) modulated(c, m, k, sender);
        postsynaptic(c, spikes[e], ago, sender);
      }
      for (; m < window.mod_to; ++m) modulated(c, m, k, sender);
    } else {
      for (std::size_t e = begin; e < end; ++e) postsynaptic(c, spikes[e], ago, sender);
    }
    return end;
  }

  void postsynaptic(Connection& c, const Spike& spike, std::int64_t ago, const Sender& sender) {
    if constexpr (Model::has_post) {
      const std::int64_t now = spike.step + ago;
      if constexpr (Model::post_needs_source) c.a = source_at(sender, now);
      if constexpr (Model::sees_target) c.b = spike.seen;
      c.receive_post(now, static_cast<double>(spike.step) * d.resolution);
    }
  }

  void modulated(Connection& c, std::size_t m, std::size_t k, const Sender& sender) {
    const std::int64_t now = seen_modulators[m].key / ranks;
    if constexpr (Model::modulator_needs_source) c.a = source_at(sender, now);
    if constexpr (Model::modulator_needs_target && Model::has_post) {
      const History& history = histories[wires.targets[k]];
      const std::int64_t rank = seen_modulators[m].key % ranks;
      const std::int64_t until = now - delay(k) + (Model::post_rank < rank ? 1 : 0);
      c.b = target_at(history, ending(history, until), now, delay(k));
    }
    c.receive_modulator(seen_modulators[m].port, now, static_cast<double>(now) * d.resolution);
  }

  /// Note the spikes of modulators that arrive now, those of before being on their way.
  void modulate(const Slice& slice, std::int64_t i, std::int64_t now) {
    for (std::size_t m = 0; m < modulations.size(); ++m) {
      const std::size_t count = slice.modulators[m][i].size();
      const std::int64_t when = now + modulations[m].delay;
      const std::int64_t rank = Model::modulator_ranks[modulations[m].port];
      const Modulator event = {when * ranks + rank, modulations[m].port};
      std::size_t place = seen_modulators.size();
      seen_modulators.append(count, event);
      for (; place > 0 && seen_modulators[place - 1].key > event.key; --place) {
        seen_modulators[place - 1 + count] = seen_modulators[place - 1];
      }
      for (std::size_t k = place; k < place + count; ++k) seen_modulators[k] = event;
    }
    if (seen_modulators.size() >= room) is_full = true;
  }

  // Keeping memory in bounds

  /// Let all connections see what has happened up to now, this step included.
  void catch_up(std::int64_t now) {
    if (all_seen > now * ranks) return;
    for (std::uint32_t s = 0; s < wires.source_size; ++s) {
      const Window window = window_of(senders[s], now, ranks);
      for (std::size_t k = first[s]; k < first[s + 1]; ++k) {
        Sink sink = silent(k);
        Connection c = load(k, sink);
        replay(c, k, delay(k), senders[s], window);
        store(k, c);
      }
    }
    all_seen = (now + 1) * ranks;
  }

  /// Forget the spikes that all connections have seen.
  void tidy(std::int64_t now) {
    is_full = false;
    if constexpr (is_lazy && sees_others) {
      catch_up(now);
      std::size_t longest_list = 0;
      for (History& history : histories) {
        const std::size_t ground = ending(history, now + 1 - longest) - 1;
        history.drop(ground);
        longest_list = most(longest_list, history.size());
      }
      seen_modulators.drop(place_of(all_seen));
      longest_list = most(longest_list, seen_modulators.size());
      room = most(least_room, 2 * longest_list);
    }
  }

  // Handling events promptly

  void step_promptly(const Slice& slice, std::int64_t i, std::int64_t now) {
    Array<std::uint32_t>& arriving = due[static_cast<std::size_t>(now % (longest + 1))];
    const auto leaving = static_cast<std::size_t>((now + longest) % (longest + 1));
    due[leaving].clear();
    due[leaving].append(slice.targets[i].begin(), slice.targets[i].end());
    if constexpr (Model::post_rank < Model::pre_rank) take_postsynaptic(arriving, now);
    take_presynaptic(slice, i, now);
    if constexpr (Model::post_rank > Model::pre_rank) take_postsynaptic(arriving, now);
    arriving.clear();
  }

  void take_postsynaptic(const Array<std::uint32_t>& targets, std::int64_t now) {
    if (targets.empty()) return;
    std::size_t events = 0;
    for (const std::uint32_t j : targets) events += first_of_target[j + 1] - first_of_target[j];
    if (Model::post_needs_source && Model::keeps_source && events > senders.size()) {
      sources_now.resize(senders.size());
      for (std::size_t s = 0; s < senders.size(); ++s) sources_now[s] = source_at(senders[s], now);
      for (const std::uint32_t j : targets) {
        incoming(j, now, [this](std::size_t s) { return sources_now[s]; });
      }
    } else {
      for (const std::uint32_t j : targets) {
        incoming(j, now, [this, now](std::size_t s) { return source_at(senders[s], now); });
      }
    }
  }

  /// Let the connections of a target take its spike.
  template <class SourceNow>
  void incoming(std::uint32_t target, std::int64_t now, const SourceNow& source_now) {
    Receiver& receiver = receivers[target];
    const Target seen = received_at(receiver, now);
    const double at = static_cast<double>(now - longest) * d.resolution;
    Sink sink = {*this, nullptr, nullptr, nullptr, nullptr, now, target, 0};
    for (std::size_t x = first_of_target[target]; x < first_of_target[target + 1]; ++x) {
      const Incoming from = by_target[x];
      Connection c = load(from.connection, sink);
      if constexpr (Model::post_needs_source) c.a = source_now(from.source);
      if constexpr (Model::sees_target) c.b = seen;
      c.receive_post(now, at);
      store(from.connection, c);
    }
    receiver.left = seen;
    if constexpr (Model::keeps_target) Model::spike(p, d, at, receiver.left);
    receiver.last = now;
  }

  void take_presynaptic(const Slice& slice, std::int64_t i, std::int64_t now) {
    const Array<std::uint32_t>& sources = slice.sources[i];
    std::size_t events = 0;
    for (const std::uint32_t s : sources) events += first[s + 1] - first[s];
    const bool is_plain = slice.inbox.counts == nullptr && slice.negative.sums == nullptr &&
                          slice.inbox.sums != nullptr && !keeps_emitted;
    if (Model::pre_needs_target && Model::keeps_target && events > receivers.size()) {
      targets_now.resize(receivers.size());
      for (std::size_t j = 0; j < receivers.size(); ++j) {
        targets_now[j] = received_at(receivers[j], now);
      }
      const auto target_now = [this](std::size_t j) { return targets_now[j]; };
      for (const std::uint32_t s : sources) choose_row(is_plain, s, now, slice, i, target_now);
    } else {
      const auto target_now = [this, now](std::size_t j) { return received_at(receivers[j], now); };
      for (const std::uint32_t s : sources) choose_row(is_plain, s, now, slice, i, target_now);
    }
  }

  template <class TargetNow>
  void choose_row(bool is_plain, std::uint32_t source, std::int64_t now, const Slice& slice,
                  std::int64_t i, const TargetNow& target_now) {
    if (is_plain) {
      PlainSink sink = {*this, slice.inbox.sums + slice.inbox.row(now + longest), now, 0, 0};
      outgoing(sink, source, now, slice, i, target_now);
    } else {
      Sink sink = sink_at(slice, now, longest);
      outgoing(sink, source, now, slice, i, target_now);
    }
  }

  /// Let the connections of a source take its spike.
  template <class SomeSink, class TargetNow>
  void outgoing(SomeSink& sink, std::uint32_t source, std::int64_t now, const Slice& slice,
                std::int64_t i, const TargetNow& target_now) {
    Sender& sender = senders[source];
    const Source on_arrival = source_at(sender, now);
    const double at = static_cast<double>(now) * d.resolution;
    for (std::size_t k = first[source]; k < first[source + 1]; ++k) {
      sink.target = wires.targets[k];
      sink.connection = k;
      auto c = load(k, sink);
      see(c, k, slice.factors, i + 1);
      if constexpr (Model::pre_needs_target) c.b = target_now(sink.target);
      if constexpr (Model::pre_needs_source) c.a = on_arrival;
      c.receive_pre(now, at);
      store(k, c);
    }
    sender.left = on_arrival;
    if constexpr (Model::keeps_source) Model::spike(p, d, at, sender.left);
    sender.last = now;
  }

  // Handling events when they happen

  /// Note when the connections of a target will see its spike.
  void expect(std::uint32_t target, std::int64_t now) {
    for (std::size_t x = first_of_target[target]; x < first_of_target[target + 1]; ++x) {
      const std::size_t k = by_target[x].connection;
      const auto slot = static_cast<std::size_t>((now + delay(k)) % (longest + 1));
      due[slot].push_back(static_cast<std::uint32_t>(k));
    }
  }

  void step_eagerly(const Slice& slice, std::int64_t i, std::int64_t now) {
    if constexpr (Model::is_stepwise) {
      for (std::size_t k = 0; k < size(); ++k) {
        Sink sink = silent(k);
        Connection c = load(k, sink);
        see(c, k, slice.factors, i);
        c.advance(now);
        store(k, c);
      }
    }
    std::size_t m = 0;
    for (std::int64_t rank = 0; rank < ranks; ++rank) {
      if (rank == Model::pre_rank) {
        for (const std::uint32_t source : slice.sources[i]) presynaptic(source, now, slice, i);
      } else if (Model::has_post && rank == Model::post_rank) {
        take_due(slice, i, now);
      } else if constexpr (Model::modulators > 0) {
        for (; m < seen_modulators.size() && seen_modulators[m].key == now * ranks + rank; ++m) {
          for (std::size_t k = 0; k < size(); ++k) {
            at_once(slice, i, now, k, [&](Connection& c) {
              c.receive_modulator(seen_modulators[m].port, now,
                                  static_cast<double>(now) * d.resolution);
            });
          }
        }
      }
    }
    seen_modulators.drop(m);
    is_full = false;
  }

  void take_due(const Slice& slice, std::int64_t i, std::int64_t now) {
    if constexpr (Model::has_post && Model::is_eager) {
      Array<std::uint32_t>& now_due = due[static_cast<std::size_t>(now % (longest + 1))];
      for (const std::uint32_t k : now_due) {
        at_once(slice, i, now, k, [&](Connection& c) {
          c.receive_post(now, static_cast<double>(now - delay(k)) * d.resolution);
        });
      }
      now_due.clear();
    }
  }

  template <class Act>
  void at_once(const Slice& slice, std::int64_t i, std::int64_t now, std::size_t k,
               const Act& act) {
    Sink sink = sink_at(slice, now, delay(k));
    sink.target = wires.targets[k];
    sink.connection = k;
    Connection c = load(k, sink);
    see(c, k, slice.factors, i + 1);
    act(c);
    store(k, c);
  }

  // What comes out

  [[gnu::noinline]] void keep(std::int64_t now, std::size_t k, double weight) {
    emitted_steps.push_back(now);
    emitted_connections.push_back(wires.numbers[k]);
    emitted_weights.push_back(weight);
  }
  [[gnu::noinline]] void fail(std::int64_t now, std::size_t k) {
    if (problem != none) return;
    problem = not_finite;
    char where[48];
    std::snprintf(where, sizeof where, "%lld %zu", static_cast<long long>(now),
                  static_cast<std::size_t>(wires.numbers[k]));
    text = where;
  }

  static constexpr std::size_t least_room = 32;

  typename Model::Shared p = {};
  typename Model::Derived d = {};
  Intervals<Model> table, kept;
  Wires wires;
  typename Model::Columns columns;
  Array<std::size_t> first, first_of_target;
  Array<Incoming> by_target;
  Array<std::int64_t> last, lengths;
  Array<std::uint64_t> numbers_of_events;
  Array<Sender> senders;
  Array<History> histories;
  Array<Receiver> receivers;
  Array<Source> sources_now;
  Array<Target> targets_now;
  Array<Modulator> seen_modulators;
  Array<Array<std::uint32_t>> due;
  std::uint64_t seed = 1;
  std::int64_t done = 0;
  std::int64_t all_seen = 0;  ///< events with keys below have been seen by all connections
  std::int64_t longest = 0;
  std::size_t room = least_room;
  bool is_full = false;
  bool is_prompt = false;
};

}  // namespace v1
}  // namespace nestml_runtime
#endif
