#ifndef NESTML_INPUT_BUFFER_H
#define NESTML_INPUT_BUFFER_H

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernel_manager.h"

namespace nestml {

/// What stands in a cell that nothing was added to: a zero that no sum of events can yield.
///
/// A sum that cancels is +0, and so is the sum of events without weight: a negative zero tells a
/// step without events from one whose events sum to zero, at no cost in memory or time.
inline constexpr double NOTHING = -0.0;

/// Whether an event was added to `cell`.
inline bool has_arrived(const double cell) {
  return std::bit_cast<std::uint64_t>(cell) != std::bit_cast<std::uint64_t>(NOTHING);
}

/// Return the sum in `cell` and leave nothing there.
inline double take(double& cell) {
  const double sum = cell + 0.0;
  cell = NOTHING;
  return sum;
}

/// The inputs of one neuron that are still to come: a ring of rows, one for each step that an
/// event may arrive in, with one cell for each channel. All of it is one block of memory.
template <std::size_t channels>
class InputBuffer {
 public:
  /// Forget all inputs, and adopt the range of delays of the kernel.
  void clear() {
    const auto& connections = nest::kernel().connection_manager;
    rows_ = connections.get_min_delay() + connections.get_max_delay();
    cells_.assign(channels * rows_, NOTHING);
  }

  /// One row after the other, with nothing to ask the kernel for.
  class Rows {
   public:
    Rows(double* const first, const long row, const long count)
      : first_(first), cells_(first + channels * row), end_(first + channels * count) {}

    /// The cells of the next row, by channel.
    double* next() {
      double* const now = cells_;
      cells_ += channels;
      if (cells_ == end_) cells_ = first_;
      return now;
    }

   private:
    double* first_;
    double* cells_;
    double* end_;
  };

  /// The rows from that of the step that begins `steps` after the current slice.
  Rows rows(const long steps) { return Rows(cells_.data(), row(steps), rows_); }

  /// Add to a channel in the step that begins `steps` after the current slice.
  void add(const long steps, const std::size_t channel, const double value) {
    cells_[channels * row(steps) + channel] += value + 0.0;  // -0 becomes +0: it has arrived
  }

  /// The row of the step that begins `steps` after the current slice.
  static long row(const long steps) {
    return nest::kernel().event_delivery_manager.get_modulo(steps);
  }

 private:
  long rows_ = 0;
  std::vector<double> cells_;
};

}  // namespace nestml

#endif
