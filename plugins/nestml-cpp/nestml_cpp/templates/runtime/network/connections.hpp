#ifndef NESTML_RUNTIME_V1_CONNECTIONS
#define NESTML_RUNTIME_V1_CONNECTIONS
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

namespace nestml_runtime {
inline namespace v1 {

/// The largest number of neurons that are kept together: their numbers take two bytes.
inline constexpr std::size_t block_limit = 65536;

/// The longest delay, in steps.
inline constexpr std::int64_t delay_limit = 65535;

/// A column of numbers in memory of someone else's: one for each, or one for all (`stride` 0).
struct Column {
  enum Kind { float64, int64, int32, uint32, uint16 };
  const void* data = nullptr;
  std::int64_t stride = 0;  ///< bytes from number to number
  Kind kind = float64;

  bool is_shared() const { return stride == 0; }

  double real(std::size_t k) const {
    return kind == float64 ? number<double>(k) : static_cast<double>(whole(k));
  }
  std::int64_t whole(std::size_t k) const {
    switch (kind) {
      case int64:
        return number<std::int64_t>(k);
      case int32:
        return number<std::int32_t>(k);
      case uint32:
        return number<std::uint32_t>(k);
      case uint16:
        return number<std::uint16_t>(k);
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
struct Wiring {
  std::size_t count = 0;
  Column pre, post, delays, weights;
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

/// Connections to one block of neurons, with weights that never change. They lie by source, and
/// take 2 bytes each, 8 more if weights differ and 2 more if delays do.
///
/// What arrives at a neuron is added up in the order of the sources, and of the connections of one
/// source in the order in which they were given.
template <class Number>
class StaticConnections {
 public:
  std::size_t size() const { return targets.size(); }
  std::size_t bytes() const {
    return starts.capacity() * sizeof starts[0] + targets.capacity() * sizeof targets[0] +
           weights.capacity() * sizeof weights[0] + delays.capacity() * sizeof delays[0];
  }

  /// Deliver the spikes of some sources.
  void deliver(const std::vector<std::uint32_t>& sources, const Rows<Number>& rows) const {
    if (sources.empty() || targets.empty()) return;
    if (rows.counts == nullptr) {
      choose<false>(sources, rows);
    } else {
      choose<true>(sources, rows);
    }
  }

 private:
  template <class>
  friend class Sorting;

  template <bool counted>
  void choose(const std::vector<std::uint32_t>& sources, const Rows<Number>& rows) const {
    if (weights.empty() && delays.empty()) return each<counted, false, false>(sources, rows);
    if (delays.empty()) return each<counted, true, false>(sources, rows);
    if (weights.empty()) return each<counted, false, true>(sources, rows);
    each<counted, true, true>(sources, rows);
  }

  template <bool counted, bool weighted, bool delayed>
  void each(const std::vector<std::uint32_t>& sources, const Rows<Number>& rows) const {
    const std::uint16_t* const target = targets.data();
    const std::uint16_t* const ago = delays.data();
    const double* const own = weights.data();
    const auto shared = static_cast<Number>(weight);
    Number* const sums = rows.sums[delay];
    [[maybe_unused]] Number* const counts = counted ? rows.counts[delay] : nullptr;
    for (const std::uint32_t source : sources) {
      if (source < first || source >= last) continue;
      const auto one = [&](std::size_t k) {
        Number* const to = delayed ? rows.sums[ago[k]] : sums;
        to[target[k]] += weighted ? static_cast<Number>(own[k]) : shared;
        if constexpr (counted) {
          Number* const number = delayed ? rows.counts[ago[k]] : counts;
          number[target[k]] += Number(1);
        }
      };
      const std::size_t end = starts[source - first + 1];
      std::size_t k = starts[source - first];
      for (; k + 4 <= end; k += 4) one(k), one(k + 1), one(k + 2), one(k + 3);
      for (; k < end; ++k) one(k);
    }
  }

  std::uint32_t first = 0, last = 0;  ///< sources that have connections are from `first` to `last`
  double weight = 0.0;                ///< of all, if there are no `weights`
  std::uint16_t delay = 1;            ///< of all, if there are no `delays`
  std::vector<std::uint32_t> starts;
  std::vector<std::uint16_t> targets, delays;
  std::vector<double> weights;
};

/// Thrown if a block would have more connections than can be counted.
struct TooManyConnections {};

/// Sorts connections by block and source, in time and memory that grow with their number.
template <class Number>
class Sorting {
 public:
  /// Which connections are taken, by the sign of their weights.
  enum Sign { any, not_negative, negative };

  /// Return the connections to each block of `length` neurons.
  static std::vector<StaticConnections<Number>> sorted(const Wiring& w, std::size_t sources,
                                                       std::size_t blocks, std::size_t length,
                                                       Sign sign = any) {
    std::vector<StaticConnections<Number>> found(blocks);
    const bool one_weight = is_shared(w, w.weights, sign);
    const bool one_delay = is_shared(w, w.delays, any);
    measure(w, found, sources, length, sign);
    for (StaticConnections<Number>& b : found) {
      if (b.starts.empty()) continue;
      const std::size_t n = b.starts.back();
      b.targets.resize(n);
      if (!one_weight) b.weights.resize(n);
      if (!one_delay) b.delays.resize(n);
    }
    for (std::size_t k = 0; k < w.count; ++k) {
      const double weight = w.weights.real(k);
      if (!takes(sign, weight)) continue;
      const auto post = static_cast<std::size_t>(w.post.whole(k));
      StaticConnections<Number>& b = found[post / length];
      const std::size_t place = b.starts[static_cast<std::size_t>(w.pre.whole(k)) - b.first]++;
      const auto ago = static_cast<std::uint16_t>(w.delays.whole(k));
      const double strength = sign == negative ? -weight : weight;
      b.targets[place] = static_cast<std::uint16_t>(post % length);
      b.weight = strength;
      b.delay = ago;
      if (!one_weight) b.weights[place] = strength;
      if (!one_delay) b.delays[place] = ago;
    }
    for (StaticConnections<Number>& b : found) restore(b);
    return found;
  }

  static bool has_negative(const Wiring& w) {
    if (w.weights.is_shared()) return w.count > 0 && w.weights.real(0) < 0.0;
    for (std::size_t k = 0; k < w.count; ++k) {
      if (w.weights.real(k) < 0.0) return true;
    }
    return false;
  }

 private:
  static bool takes(Sign sign, double weight) {
    return sign == any || (weight < 0.0) == (sign == negative);
  }

  /// Whether all connections that are taken have the same value.
  static bool is_shared(const Wiring& w, const Column& column, Sign sign) {
    if (column.is_shared()) return true;
    bool is_first = true;
    double value = 0.0;
    for (std::size_t k = 0; k < w.count; ++k) {
      const double x = column.real(k);
      if (!takes(sign, x)) continue;
      if (is_first) value = x;
      if (x != value) return false;
      is_first = false;
    }
    return true;
  }

  /// Find where the rows of the sources begin in each block.
  static void measure(const Wiring& w, std::vector<StaticConnections<Number>>& found,
                      std::size_t sources, std::size_t length, Sign sign) {
    for (StaticConnections<Number>& b : found) b.first = static_cast<std::uint32_t>(sources);
    const auto each = [&](const auto& act) {
      for (std::size_t k = 0; k < w.count; ++k) {
        if (!takes(sign, w.weights.real(k))) continue;
        act(found[static_cast<std::size_t>(w.post.whole(k)) / length],
            static_cast<std::uint32_t>(w.pre.whole(k)));
      }
    };
    each([](StaticConnections<Number>& b, std::uint32_t pre) {
      b.first = std::min(b.first, pre);
      b.last = std::max(b.last, pre + 1);
    });
    for (StaticConnections<Number>& b : found) {
      if (b.first < b.last) b.starts.assign(b.last - b.first + 1, 0);
    }
    each([](StaticConnections<Number>& b, std::uint32_t pre) { ++b.starts[pre - b.first + 1]; });
    for (StaticConnections<Number>& b : found) {
      std::uint64_t total = 0;
      for (std::uint32_t& start : b.starts) {
        total += start;
        if (total > std::numeric_limits<std::uint32_t>::max()) throw TooManyConnections();
        start = static_cast<std::uint32_t>(total);
      }
    }
  }

  /// While connections were placed, the begin of each row has moved to its end.
  static void restore(StaticConnections<Number>& b) {
    if (b.starts.empty()) return;
    std::copy_backward(b.starts.begin(), b.starts.end() - 1, b.starts.end());
    b.starts[0] = 0;
  }
};

}  // namespace v1
}  // namespace nestml_runtime
#endif
