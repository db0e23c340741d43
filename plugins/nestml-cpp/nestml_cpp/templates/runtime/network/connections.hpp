#ifndef NESTML_RUNTIME_V1_CONNECTIONS
#define NESTML_RUNTIME_V1_CONNECTIONS
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

namespace nestml_runtime {
inline namespace v1 {

/// The largest number of neurons that are kept together: their numbers take two bytes.
inline constexpr std::size_t block_limit = 65536;

/// The longest delay, in steps.
inline constexpr std::int64_t delay_limit = 65535;

/// A column of numbers in memory of someone else's: one for each, or one for all (`stride` 0).
struct Column {
  enum Kind { float64, int64, int32, uint32, uint16, float32, uint8 };
  const void* data = nullptr;
  std::int64_t stride = 0;  ///< bytes from number to number
  Kind kind = float64;

  bool is_shared() const { return stride == 0; }
  /// Whether the numbers lie one after the other, in a type that takes so many bytes.
  bool is_dense(std::size_t bytes) const { return stride == static_cast<std::int64_t>(bytes); }

  [[gnu::noinline]] double real(std::size_t k) const {
    if (kind == float64) return number<double>(k);
    return kind == float32 ? static_cast<double>(number<float>(k)) : static_cast<double>(whole(k));
  }
  [[gnu::noinline]] std::int64_t whole(std::size_t k) const {
    switch (kind) {
      case int64:
        return number<std::int64_t>(k);
      case int32:
        return number<std::int32_t>(k);
      case uint32:
        return number<std::uint32_t>(k);
      case uint16:
        return number<std::uint16_t>(k);
      case uint8:
        return number<std::uint8_t>(k);
      case float32:
        return static_cast<std::int64_t>(number<float>(k));
      default:
        return static_cast<std::int64_t>(number<double>(k));
    }
  }

 private:
  template <class Number>
  Number number(std::size_t k) const {
    Number x;
    std::memcpy(&x, static_cast<const char*>(data) + static_cast<std::int64_t>(k) * stride,
                sizeof x);
    return x;
  }
};

/// Connections as lists: number k leads from member `pre` of the source to neuron `post` of the
/// target, and takes `delays` steps. The columns are read once, when the connections are made.
///
/// If there are `starts`, connections lie by source, and those of a source by target: the ones of
/// source i are number `starts[i]` to `starts[i + 1]`, and `pre` is not needed. The columns then
/// stay where they are as long as the network: weights and delays are not copied if need not be.
struct Wiring {
  std::size_t count = 0;
  Column pre = {}, post = {}, delays = {}, weights = {};
  const std::int64_t* starts = nullptr;

  /// Call `act(k, pre)` for each connection, in their order.
  template <class Act>
  void each(const Act& act) const {
    std::size_t source = 0;
    for (std::size_t k = 0; k < count; ++k) {
      if (starts == nullptr) {
        source = static_cast<std::size_t>(pre.whole(k));
      } else {
        while (static_cast<std::size_t>(starts[source + 1]) <= k) ++source;
      }
      act(k, source);
    }
  }
};

/// What is the same for all rows of a spike port: where the row of a step begins.
///
/// `sums` and `counts` have an entry for each step from the present one on: entry d is the row of
/// what arrives d steps later. `counts` is nullptr where spikes need not be counted.
template <class Number>
struct Rows {
  Number* const* sums = nullptr;
  Number* const* counts = nullptr;
};

/// Have memory come into the cache that is needed soon.
inline void fetch([[maybe_unused]] const void* from, [[maybe_unused]] std::size_t bytes) {
#if defined(__GNUC__)
  const char* const end = static_cast<const char*>(from) + bytes;
  for (const char* at = static_cast<const char*>(from); at < end; at += 64) {
    __builtin_prefetch(at);
    __asm__ volatile("" : : "r"(at));  // or g++ takes this for a function that does nothing
  }
#endif
}

/// Spikes on their way to the tallies of some blocks of neurons. Where one source reaches few
/// neurons of each, these are collected by block, so that one block at a time is in the cache.
class Bins {
 public:
  static constexpr std::size_t piece = 16;  ///< so many targets are copied at once

  std::size_t size() const { return count; }

  /// Take spikes for one more block, of `size` neurons.
  void add(std::uint16_t* numbers, std::size_t size) {
    if (count == bins.size()) {
      bins.push_back({});
      targets.resize(bins.size() * length);
    }
    bins[count++] = {numbers, size, 0};
  }

  /// Have one spike for each of some targets in a block; `piece` numbers more can be read there.
  void take(std::size_t block, const std::uint16_t* from, std::size_t number) {
    Bin& bin = bins[block];
    if (bin.filled + number > capacity) {
      if (number > capacity) return tally(bin.numbers, from, number);
      empty(block);
    }
    std::uint16_t* const to = targets.data() + block * length + bin.filled;
    std::memcpy(to, from, piece * sizeof from[0]);
    for (std::size_t k = piece; k < number; k += piece) {
      std::memcpy(to + k, from + k, piece * sizeof from[0]);
    }
    bin.filled += number;
  }

  /// Have all spikes in the tallies, and no blocks.
  void finish() {
    for (std::size_t i = 0; i < count; ++i) empty(i);
    count = 0;
  }

  /// Add one to the numbers of some targets.
  static void tally(std::uint16_t* numbers, const std::uint16_t* from, std::size_t number) {
    std::size_t k = 0;
    for (; k + 4 <= number; k += 4) {
      ++numbers[from[k]];
      ++numbers[from[k + 1]];
      ++numbers[from[k + 2]];
      ++numbers[from[k + 3]];
    }
    for (; k < number; ++k) ++numbers[from[k]];
  }

 private:
  struct Bin {
    std::uint16_t* numbers;
    std::size_t size, filled;
  };
  static constexpr std::size_t capacity = 16384, length = capacity + piece;

  void empty(std::size_t block) {
    Bin& bin = bins[block];
    const std::size_t bytes = bin.size * sizeof bin.numbers[0];
    if (bin.filled >= bytes / 64) fetch(bin.numbers, bytes);
    tally(bin.numbers, targets.data() + block * length, bin.filled);
    bin.filled = 0;
  }

  std::size_t count = 0;
  Array<Bin> bins;
  Array<std::uint16_t> targets;  ///< of all bins, one after the other
};

/// Connections to one block of neurons, with weights that never change. They lie by source, and
/// take 2 bytes each, and those of weights and of delays if these differ.
///
/// What arrives at a neuron is added up in the order of the sources, and of the connections of one
/// source in the order in which they were given.
template <class Number>
class StaticConnections {
 public:
  StaticConnections() = default;
  StaticConnections(const StaticConnections&) = delete;  // it may point into itself
  StaticConnections& operator=(const StaticConnections&) = delete;
  StaticConnections(StaticConnections&&) noexcept = default;
  StaticConnections& operator=(StaticConnections&&) noexcept = default;
  ~StaticConnections() = default;

  std::size_t size() const { return count; }
  /// The bytes that are taken beside the columns of others.
  std::size_t bytes() const {
    return own_starts.capacity() * sizeof own_starts[0] +
           own_targets.capacity() * sizeof own_targets[0] + own_weights.capacity() +
           own_delays.capacity();
  }

  /// Whether all have one weight and one delay.
  bool is_uniform() const { return uniform; }
  /// Whether those of one source to all blocks lie together.
  bool is_by_source() const { return pitch > 1; }
  double shared_weight() const { return weight; }
  std::int64_t shared_delay() const { return delay; }
  /// Return how many connections lead from one source to one neuron, at most.
  std::size_t repeats() const { return repeated; }

  /// Add one to the number of each neuron for every spike that it gets from some sources.
  void tally(const Array<std::uint32_t>& sources, std::uint16_t* numbers) const {
    fetch_rows(sources, numbers, sizeof numbers[0]);
    for (std::size_t i = 0; i < sources.size(); ++i) {
      look_ahead(sources, i);
      const Row row = row_of(sources[i]);
      Bins::tally(numbers, targets + row.begin, row.end - row.begin);
    }
  }

  /// Do so for this block and the next ones, as many as there are bins; their connections must lie
  /// by source.
  void tally(const Array<std::uint32_t>& sources, Bins& bins) const {
    const std::size_t blocks = bins.size();
    for (std::size_t i = 0; i < sources.size(); ++i) {
      look_ahead(sources, i, blocks);
      if (sources[i] < first || sources[i] >= last) continue;
      const std::uint32_t* const start = starts + (sources[i] - first) * pitch;
      for (std::size_t b = 0; b < blocks; ++b) {
        bins.take(b, targets + start[b], start[b + 1] - start[b]);
      }
    }
    bins.finish();
  }

  /// Deliver the spikes of some sources. If there are rows for negative weights, these go there,
  /// without the sign: then all connections of a source have the same sign.
  void deliver(const Array<std::uint32_t>& sources, const Rows<Number>& rows,
               const Rows<Number>* negative = nullptr) const {
    if (sources.empty() || count == 0) return;
    const bool is_one = weights.data == nullptr, is_single = weights.kind == Column::float32;
    const Add once = adding<Shared>();
    const Add add = is_one ? once : is_single ? adding<float>() : adding<double>();
    if (delays.data == nullptr) fetch_rows(sources, rows.sums[delay], sizeof(Number));
    for (std::size_t i = 0; i < sources.size(); ++i) {
      look_ahead(sources, i);
      const Row row = row_of(sources[i]);
      if (row.begin == row.end) continue;
      const bool is_below = !is_one && negative != nullptr && weights.real(row.begin) < 0.0;
      const Rows<Number>& to = is_below ? *negative : rows;
      const Number factor = is_one ? static_cast<Number>(weight) : Number(is_below ? -1 : 1);
      (this->*add)(row, factor, to.sums);
      if (to.counts != nullptr) (this->*once)(row, Number(1), to.counts);
    }
  }

 private:
  template <class>
  friend class Sorting;

  struct Row {
    std::size_t begin, end;
  };
  struct Shared {};  ///< the type of what all have the same

  Row row_of(std::uint32_t source, std::size_t blocks = 1) const {
    if (source < first || source >= last) return {0, 0};
    const std::uint32_t* const start = starts + (source - first) * pitch;
    return {start[0], start[blocks]};
  }

  /// Have the rows of targets fetched of sources that come soon, in some blocks.
  [[gnu::noinline]] void look_ahead(const Array<std::uint32_t>& sources, std::size_t i,
                                    std::size_t blocks = 1) const {
    if (i + 2 * distance < sources.size()) {
      const std::uint32_t later = sources[i + 2 * distance];
      if (later >= first && later < last) {
        fetch(starts + (later - first) * pitch, (blocks + 1) * sizeof starts[0]);
      }
    }
    if (i + distance >= sources.size()) return;
    const Row row = row_of(sources[i + distance], blocks);
    fetch(targets + row.begin, (row.end - row.begin) * sizeof targets[0]);
    if (weights.data != nullptr) fetch_part(weights, row, sizeof(double));
    if (delays.data != nullptr) fetch_part(delays, row, sizeof(std::uint16_t));
  }
  static void fetch_part(const Column& column, const Row& row, std::size_t most) {
    const auto each = static_cast<std::size_t>(column.stride);
    fetch(static_cast<const char*>(column.data) + row.begin * each,
          std::min<std::size_t>((row.end - row.begin) * std::min(each, most), 512));
  }

  /// Have a row of numbers fetched, for one for each neuron, if most of it will be needed.
  [[gnu::noinline]] void fetch_rows(const Array<std::uint32_t>& sources,
                                    const void* numbers, std::size_t each) const {
    const std::size_t bytes = length * each;
    if (sources.size() * (count / (last - first)) >= bytes / 64) fetch(numbers, bytes);
  }

  /// Return what adds a row of such weights.
  using Add = void (StaticConnections::*)(const Row&, Number, Number* const*) const;
  template <class Weight>
  Add adding() const {
    if (delays.data == nullptr) return &StaticConnections::add<Weight, Shared>;
    if (delays.kind == Column::uint8) return &StaticConnections::add<Weight, std::uint8_t>;
    return &StaticConnections::add<Weight, std::uint16_t>;
  }

  /// Add `factor` times the weights of a row.
  template <class Weight, class Delay>
  void add(const Row& row, Number factor, Number* const* rows) const {
    const std::uint16_t* const target = targets;
    [[maybe_unused]] const auto* const own = static_cast<const Weight*>(weights.data);
    [[maybe_unused]] const auto* const ago = static_cast<const Delay*>(delays.data);
    [[maybe_unused]] Number* const same = rows[delay];
    const auto one = [&](std::size_t k) {
      Number* to = same;
      if constexpr (!std::is_same_v<Delay, Shared>) to = rows[ago[k]];
      if constexpr (std::is_same_v<Weight, Shared>) {
        to[target[k]] += factor;
      } else {
        to[target[k]] += factor * static_cast<Number>(own[k]);
      }
    };
    std::size_t k = row.begin;
    for (; k + 4 <= row.end; k += 4) one(k), one(k + 1), one(k + 2), one(k + 3);
    for (; k < row.end; ++k) one(k);
  }

  std::uint32_t first = 0, last = 0;  ///< sources that have connections are from `first` to `last`
  double weight = 0.0;                ///< of all, if there are no `weights`
  std::uint16_t delay = 1;            ///< of all, if there are no `delays`
  bool uniform = false;
  std::size_t repeated = 0;
  std::size_t count = 0;
  std::size_t length = 0;                 ///< of the block of neurons
  std::size_t distance = 8;               ///< so many spikes ahead rows are fetched
  const std::uint32_t* starts = nullptr;  ///< of rows: that of the next source is `pitch` later
  std::size_t pitch = 1;
  const std::uint16_t* targets = nullptr;
  Column weights, delays;  ///< without data where all have the same
  Array<std::uint32_t> own_starts;
  Array<std::uint16_t> own_targets;
  Array<unsigned char> own_weights, own_delays;
};

/// Thrown if a block would have more connections than can be counted.
struct TooManyConnections {};

/// Connections to several blocks that lie by source.
struct SortedRows {
  Array<std::uint32_t> starts;  ///< by source, then by block
  Array<std::uint16_t> targets;

  std::size_t bytes() const {
    return starts.capacity() * sizeof starts[0] + targets.capacity() * sizeof targets[0];
  }
};

/// Sorts connections by block and source, in time and memory that grow with their number.
template <class Number>
class Sorting {
 public:
  using Blocks = Array<StaticConnections<Number>>;
  /// Which connections are taken, by the sign of their weights.
  enum Sign { any, not_negative, negative };

  /// Return the connections to each block of `length` neurons.
  static Blocks sorted(const Wiring& w, std::size_t sources, std::size_t blocks,
                       std::size_t length, Sign sign = any) {
    Blocks found(blocks);
    const bool one_weight = is_shared(w, w.weights, sign);
    const bool one_delay = is_shared(w, w.delays, any);
    const bool is_single = w.weights.kind == Column::float32;
    measure(w, found, sources, length, sign);
    for (StaticConnections<Number>& b : found) {
      b.own_targets.resize(b.count);
      if (!one_weight) b.own_weights.resize(b.count * (is_single ? 4 : 8));
      if (!one_delay) b.own_delays.resize(b.count * 2);
    }
    w.each([&](std::size_t k, std::size_t pre) {
      const double weight = w.weights.real(k);
      if (!takes(sign, weight)) return;
      const auto post = static_cast<std::size_t>(w.post.whole(k));
      StaticConnections<Number>& b = found[post / length];
      const std::size_t place = b.own_starts[pre - b.first]++;
      const auto ago = static_cast<std::uint16_t>(w.delays.whole(k));
      const double strength = sign == negative ? -weight : weight;
      b.own_targets[place] = static_cast<std::uint16_t>(post % length);
      b.weight = strength;
      b.delay = ago;
      if (!one_weight && is_single) put(b.own_weights, place, static_cast<float>(strength));
      if (!one_weight && !is_single) put(b.own_weights, place, strength);
      if (!one_delay) put(b.own_delays, place, ago);
    });
    for (StaticConnections<Number>& b : found) {
      restore(b.own_starts);
      b.starts = b.own_starts.data();
      b.targets = b.own_targets.data();
      const Column::Kind kind = is_single ? Column::float32 : Column::float64;
      if (!one_weight) b.weights = {b.own_weights.data(), is_single ? 4 : 8, kind};
      if (!one_delay) b.delays = {b.own_delays.data(), 2, Column::uint16};
      finish(b, length);
    }
    if (one_weight && one_delay) make_uniform(found, length);
    return found;
  }

  /// Whether connections can be left where they are. If negative weights go to another port, all
  /// connections of a source must have the same sign.
  static bool can_stay(const Wiring& w, bool splits) {
    const Column &weights = w.weights, &delays = w.delays;
    bool can = w.starts != nullptr && w.count <= std::numeric_limits<std::uint32_t>::max() &&
               (weights.is_shared() || (weights.kind == Column::float64 && weights.is_dense(8)) ||
                (weights.kind == Column::float32 && weights.is_dense(4))) &&
               (delays.is_shared() || (delays.kind == Column::uint16 && delays.is_dense(2)) ||
                (delays.kind == Column::uint8 && delays.is_dense(1)));
    if (!can || w.count == 0) return can;
    std::size_t source = 0, before = 0;
    bool is_negative = false;
    w.each([&](std::size_t k, std::size_t pre) {
      const auto post = static_cast<std::size_t>(w.post.whole(k));
      const bool below = splits && w.weights.real(k) < 0.0;
      const bool is_next = k == 0 || pre != source;
      can = can && (is_next || (post >= before && below == is_negative));
      source = pre;
      before = post;
      is_negative = below;
    });
    return can;
  }

  /// Return connections to each block of `length` neurons that lie together by source; `rows` must
  /// live as long. All have one weight and one delay, and there are few enough to count.
  static Blocks by_source(const Wiring& w, std::size_t sources, std::size_t blocks,
                          std::size_t length, SortedRows& rows, bool flips) {
    Blocks found(blocks);
    if (w.count == 0) return found;
    std::size_t first = sources, last = 0;
    w.each([&](std::size_t, std::size_t pre) {
      first = std::min(first, pre);
      last = std::max(last, pre + 1);
    });
    rows.starts.assign((last - first) * blocks + 1, 0);
    rows.targets.resize(w.count + Bins::piece);
    const auto each = [&](const auto& act) {
      w.each([&](std::size_t k, std::size_t pre) {
        const auto post = static_cast<std::size_t>(w.post.whole(k));
        const std::size_t block = post / length;
        act(block, (pre - first) * blocks + block, post - block * length);
      });
    };
    each([&](std::size_t block, std::size_t row, std::size_t) {
      ++found[block].count;
      ++rows.starts[row];
    });
    std::uint32_t sum = 0;
    for (std::uint32_t& start : rows.starts) sum += std::exchange(start, sum);
    each([&](std::size_t, std::size_t row, std::size_t target) {
      rows.targets[rows.starts[row]++] = static_cast<std::uint16_t>(target);
    });
    restore(rows.starts);
    lay(w, found, first, last, length, rows.targets.data(), rows, flips);
    return found;
  }

  /// Whether connections to several blocks have one weight and one delay, and can be counted.
  static bool can_lie_by_source(const Wiring& w, std::size_t blocks) {
    return blocks > 1 && w.count <= std::numeric_limits<std::uint32_t>::max() &&
           is_shared(w, w.weights, any) && is_shared(w, w.delays, any);
  }

  /// Return connections that are left where they are, to each block of `length` neurons. `rows`
  /// must live as long. If all weights are the same and negative, `flips` takes the sign away.
  static Blocks left(const Wiring& w, std::size_t sources, std::size_t blocks,
                     std::size_t length, SortedRows& rows, bool flips) {
    Blocks found(blocks);
    if (w.count == 0) return found;
    const bool stays = blocks == 1 && w.post.kind == Column::uint16 && w.post.is_dense(2);
    if (!stays) rows.targets.resize(w.count + Bins::piece);
    std::size_t first = 0, last = sources;  // who has any
    while (w.starts[first + 1] == w.starts[0]) ++first;
    while (w.starts[last - 1] == w.starts[sources]) --last;
    rows.starts.resize((last - first) * blocks + 1);
    std::size_t next = 0;  // the place among the starts of rows
    w.each([&](std::size_t k, std::size_t pre) {
      const auto post = static_cast<std::size_t>(w.post.whole(k));
      const std::size_t block = post / length;
      const auto here = static_cast<std::uint32_t>(k);
      for (; next <= (pre - first) * blocks + block; ++next) rows.starts[next] = here;
      if (!stays) rows.targets[k] = static_cast<std::uint16_t>(post - block * length);
      ++found[block].count;
    });
    const auto end = static_cast<std::uint32_t>(w.count);
    for (; next < rows.starts.size(); ++next) rows.starts[next] = end;
    lay(w, found, first, last, length,
        stays ? static_cast<const std::uint16_t*>(w.post.data) : rows.targets.data(), rows, flips);
    return found;
  }

  static bool has_negative(const Wiring& w) {
    if (w.weights.is_shared()) return w.count > 0 && w.weights.real(0) < 0.0;
    for (std::size_t k = 0; k < w.count; ++k) {
      if (w.weights.real(k) < 0.0) return true;
    }
    return false;
  }

  /// Whether all connections that are taken have the same value.
  [[gnu::noinline]] static bool is_shared(const Wiring& w, const Column& column, Sign sign) {
    if (column.is_shared()) return true;
    bool is_first = true;
    double value = 0.0;
    for (std::size_t k = 0; k < w.count; ++k) {
      const double x = column.real(k);
      if (sign != any && !takes(sign, w.weights.real(k))) continue;
      if (is_first) value = x;
      if (x != value) return false;
      is_first = false;
    }
    return true;
  }

 private:
  /// Have each block know where its connections lie, by source from `first` to `last`.
  static void lay(const Wiring& w, Blocks& found, std::size_t first, std::size_t last,
                  std::size_t length, const std::uint16_t* targets, const SortedRows& rows,
                  bool flips) {
    const std::size_t blocks = found.size();
    const bool one_weight = is_shared(w, w.weights, any), one_delay = is_shared(w, w.delays, any);
    for (std::size_t i = 0; i < blocks; ++i) {
      StaticConnections<Number>& b = found[i];
      b.first = static_cast<std::uint32_t>(first);
      b.last = static_cast<std::uint32_t>(last);
      b.weight = flips ? -w.weights.real(0) : w.weights.real(0);
      b.delay = static_cast<std::uint16_t>(w.delays.whole(0));
      b.starts = rows.starts.data() + i;
      b.pitch = blocks;
      b.targets = targets;
      if (!one_weight) b.weights = w.weights;
      if (!one_delay) b.delays = w.delays;
      finish(b, length);
    }
    if (one_weight && one_delay) make_uniform(found, length);
  }

  static bool takes(Sign sign, double weight) {
    return sign == any || (weight < 0.0) == (sign == negative);
  }

  template <class Value>
  static void put(Array<unsigned char>& to, std::size_t place, Value x) {
    std::memcpy(to.data() + place * sizeof x, &x, sizeof x);
  }

  /// Find where the rows of the sources begin in each block.
  static void measure(const Wiring& w, Blocks& found, std::size_t sources, std::size_t length,
                      Sign sign) {
    for (StaticConnections<Number>& b : found) b.first = static_cast<std::uint32_t>(sources);
    const auto each = [&](const auto& act) {
      w.each([&](std::size_t k, std::size_t pre) {
        if (!takes(sign, w.weights.real(k))) return;
        act(found[static_cast<std::size_t>(w.post.whole(k)) / length],
            static_cast<std::uint32_t>(pre));
      });
    };
    each([](StaticConnections<Number>& b, std::uint32_t pre) {
      b.first = std::min(b.first, pre);
      b.last = std::max(b.last, pre + 1);
    });
    for (StaticConnections<Number>& b : found) {
      if (b.first < b.last) b.own_starts.assign(b.last - b.first + 1, 0);
    }
    each([](StaticConnections<Number>& b, std::uint32_t pre) {
      ++b.own_starts[pre - b.first + 1];
    });
    for (StaticConnections<Number>& b : found) {
      std::uint64_t total = 0;
      for (std::uint32_t& start : b.own_starts) {
        total += start;
        if (total > std::numeric_limits<std::uint32_t>::max()) throw TooManyConnections();
        start = static_cast<std::uint32_t>(total);
      }
      b.count = static_cast<std::size_t>(total);
    }
  }

  /// While connections were placed, the begin of each row has moved to its end.
  static void restore(Array<std::uint32_t>& starts) {
    if (starts.empty()) return;
    std::copy_backward(starts.begin(), starts.end() - 1, starts.end());
    starts[0] = 0;
  }

  static void finish(StaticConnections<Number>& b, std::size_t length) {
    b.length = length;
    if (b.count == 0) return;
    const auto each = 2 + b.weights.stride + b.delays.stride;
    const auto row = static_cast<std::int64_t>(b.count / (b.last - b.first) + 1) * each;
    b.distance = static_cast<std::size_t>(std::clamp<std::int64_t>(4096 / row, 1, 8));
  }

  /// Have each block know what is the same in all of them, so that what is done for it does not
  /// depend on how neurons are cut into blocks.
  static void make_uniform(Blocks& found, std::size_t length) {
    const StaticConnections<Number>* some = &found[0];
    std::size_t most = 0;
    for (const StaticConnections<Number>& b : found) {
      if (b.count > 0) some = &b;
      most = std::max(most, repeats(b, length));
    }
    const double weight = some->weight;
    const std::uint16_t delay = some->delay;
    for (StaticConnections<Number>& b : found) {
      b.uniform = true;
      b.weight = weight;
      b.delay = delay;
      b.repeated = most;
    }
  }

  static std::size_t repeats(const StaticConnections<Number>& b, std::size_t length) {
    Array<std::uint32_t> often(length, 0);
    std::uint32_t most = 0;
    for (std::uint32_t source = b.first; source < b.last; ++source) {
      const auto row = b.row_of(source);
      for (std::size_t k = row.begin; k < row.end; ++k) {
        most = std::max(most, ++often[b.targets[k]]);
      }
      for (std::size_t k = row.begin; k < row.end; ++k) often[b.targets[k]] = 0;
    }
    return most;
  }
};

}  // namespace v1
}  // namespace nestml_runtime
#endif
