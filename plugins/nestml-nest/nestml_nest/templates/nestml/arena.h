#ifndef NESTML_ARENA_H
#define NESTML_ARENA_H

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

#include "exceptions.h"
#include "kernel_manager.h"
#include "nest_time.h"
#include "node.h"

#include "input_buffer.h"
#define NESTML_ROUND_PRODUCTS  // results do not depend on the processor
#include "lanes.hpp"

namespace nestml {

using nestml_runtime::lanes;

/// What arrives at some neurons side by side in one step.
struct LaneInput {
  using Real = nestml_runtime::Real;
  using Mask = nestml_runtime::Mask;

  double* cells;        // of the first channel
  std::size_t stride;   // from one channel to the next
  const bool* is_used;  // whether anything was added to a channel, for any neuron
  const Real* held;     // continuous inputs that hold in the step

  [[gnu::always_inline]] Real cell(const std::size_t channel) const {
    return nestml_runtime::load(cells + channel * stride);
  }
  [[gnu::always_inline]] Real sum(const std::size_t channel) const {
    return is_used[channel] ? cell(channel) + 0.0 : Real(0.0);
  }
  [[gnu::always_inline]] Mask arrived(const std::size_t channel) const {
    if (!is_used[channel]) return false;
    const nestml_runtime::WholeVector nothing = nestml_runtime::bits(Real(NOTHING));
    return Mask(nestml_runtime::WholeVector(nestml_runtime::bits(cell(channel)) != nothing));
  }
  Real current(const std::size_t port) const { return held[port]; }
  [[gnu::always_inline]] void clear(const std::size_t channel) const {
    if (is_used[channel]) nestml_runtime::store(cells + channel * stride, NOTHING);
  }
};

/// The neurons of one class that live on one thread, in the order of their numbers: their state and
/// what is still to arrive lie together here, some neurons side by side. Whichever of them is updated
/// first in a slice advances all. That is possible as nothing that is sent in a slice arrives in it.
///
/// A neuron keeps its parameters. Its state is here from the moment in which it enters the arena.
template <class Neuron>
class Arena {
  using Lanes = typename Neuron::Lanes_;
  using State = typename Lanes::State;
  using Constants = typename Lanes::Constants;
  using Real = nestml_runtime::Real;
  using Whole = nestml_runtime::Whole;
  static constexpr std::size_t channels = Lanes::spike_ports + Lanes::continuous_ports;
  // So many blocks advance at once: one does not wait for the results of the other then.
  static constexpr std::size_t blocks = Lanes::solves ? 1 : 2;

 public:
  /// The arena of a thread.
  static Arena& of(const std::size_t thread) { return *arenas_[thread]; }

  Neuron* neuron(const std::size_t index) const { return neurons_[index]; }

  /// Let a neuron enter, and all neurons of its thread that are there and have a smaller number.
  [[gnu::cold]] static Arena& enter(Neuron& neuron) {
    const std::size_t thread = neuron.get_thread();
    if (thread >= arenas_.size()) {
      refuse("too many threads for neurons that advance side by side");
    }
    if (arenas_[thread] == nullptr) arenas_[thread] = new Arena(thread);
    arenas_[thread]->enter_all(nest::kernel().node_manager.get_local_nodes(thread));
    return *arenas_[thread];
  }

  [[gnu::cold]] void leave(const std::size_t index) {
    neurons_[index] = nullptr;
    is_current_ = false;
    if (--living_ > 0) return;
    arenas_[thread_] = nullptr;
    delete this;
  }

  /// Parameters, or what is to be told of a neuron, may have changed.
  void change() { is_current_ = false; }

  /// Have room for all that may arrive.
  [[gnu::cold]] void prepare() {
    is_current_ = false;
    const auto& connections = nest::kernel().connection_manager;
    const std::size_t rows = connections.get_min_delay() + connections.get_max_delay();
    // odd, so that rows differ in cache sets
    const std::size_t lines = ((state_.size() * lanes + 7) / 8) | 1;
    if (rows == rows_ && 8 * lines == stride_) return;
    std::vector<Line> cells(rows * channels * lines, Line());
    if (rows != rows_) {
      is_used_ = std::make_unique<bool[]>(rows * channels + 1);
    } else {
      const std::size_t kept = stride_ / 8;
      for (std::size_t row = 0; row < rows * channels; ++row) {
        for (std::size_t i = 0; i < kept; ++i) cells[row * lines + i] = cells_[row * kept + i];
      }
    }
    cells_.swap(cells);
    rows_ = rows;
    stride_ = 8 * lines;
  }

  /// Add to a channel of a neuron in the step that begins `steps` after the current slice.
  [[gnu::always_inline]] void add(const std::size_t index, const long steps,
                                  const std::size_t channel, const double value) {
    const std::size_t row = nest::kernel().event_delivery_manager.get_modulo(steps);
    const std::size_t line = row * channels + channel;
    is_used_[line] = true;
    cells_[0].cells[line * stride_ + index] += value + 0.0;
  }

  template <class... To>
  void unpack(const std::size_t index, To&... to) const {
    Lanes::unpack(state_[index / lanes], index % lanes, to...);
  }
  template <class... From>
  void pack(const std::size_t index, const From&... from) {
    Lanes::pack(from..., state_[index / lanes], index % lanes);
  }

  /// How far the neurons have come, in ms.
  double time() const { return end_; }

  void update(const Neuron& neuron, const nest::Time& origin, const long from, const long to) {
    if (!is_current_) refresh();
    if (&neuron != leader_) return;
    if constexpr (Lanes::uses_time) end_ = time_after(origin, to - 1);
    for (std::size_t first = 0; first < state_.size(); first += blocks) {
      if (!is_watched_[first] && !is_watched_[first + blocks - 1]) {
        advance(first, origin, from, to);
        check(first);
      } else {
        follow(first, origin, from, to);
      }
    }
    if (has_frozen_) return;  // theirs is still there
    std::size_t row = nest::kernel().event_delivery_manager.get_modulo(from);
    for (long lag = from; lag < to; ++lag) {
      for (std::size_t i = 0; i < channels; ++i) is_used_[row * channels + i] = false;
      if (++row == rows_) row = 0;
    }
  }

 private:
  struct alignas(64) Line {
    double cells[8] = {NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING};
  };

  explicit Arena(const std::size_t thread) : thread_(thread) {}

  [[gnu::cold]] void enter_all(const nest::SparseNodeArray& nodes) {
    for (; seen_ < nodes.size(); ++seen_) {
      auto* const neuron = dynamic_cast<Neuron*>(nodes.get_node_by_index(seen_));
      if (neuron == nullptr) continue;
      const std::size_t index = neurons_.size();
      if (index == state_.size() * lanes) state_.resize(state_.size() + blocks);
      neurons_.push_back(neuron);
      ++living_;
      is_current_ = false;
      for (std::size_t i = index; i < state_.size() * lanes; ++i) {  // the lanes to spare do the same
        Lanes::pack(neuron->S_, neuron->in_, state_[i / lanes], i % lanes);
      }
      neuron->arena_ = this;
      neuron->index_ = index;
    }
    if (rows_ > 0 && state_.size() * lanes > stride_) prepare();
  }

  /// Adopt what neurons have been given.
  [[gnu::cold]] void refresh() {
    const std::size_t count = neurons_.size();
    constants_.assign(state_.size(), Constants());
    is_watched_.assign(state_.size(), 0);
    leader_ = nullptr;
    has_frozen_ = false;
    bool is_shared = true;
    const Neuron* last = nullptr;
    for (std::size_t i = 0; i < state_.size() * lanes; ++i) {
      const Neuron* const neuron = i < count && neurons_[i] != nullptr ? neurons_[i] : last;
      if (neuron == nullptr) continue;
      last = neuron;
      Lanes::pack(neuron->P_, neuron->V_, constants_[i / lanes], i % lanes);
      if (i >= count) continue;
      const bool is_frozen = neurons_[i] == nullptr || neuron->is_frozen();
      has_frozen_ = has_frozen_ || is_frozen;
      if (is_frozen || neuron->is_followed_()) is_watched_[i / lanes] = 1;
      if (leader_ == nullptr && !is_frozen) leader_ = neuron;
    }
    for (std::size_t block = 1; block < constants_.size() && is_shared; ++block) {
      is_shared = std::memcmp(static_cast<const void*>(&constants_[block]),
                              static_cast<const void*>(&constants_[0]), sizeof(Constants)) == 0;
    }
    if (is_shared && !constants_.empty()) constants_.resize(1);
    is_current_ = true;
  }

  const Constants& constants(const std::size_t block) const {
    return constants_[constants_.size() == 1 ? 0 : block];
  }

  /// Run over a slice with the state of some blocks in registers.
  void advance(const std::size_t first, const nest::Time& origin, const long from, const long to) {
    const double dt = nest::Time::get_resolution().get_ms();
    const std::size_t stride = stride_, rows = rows_;
    double* const cells = channels > 0 ? cells_[0].cells : nullptr;
    const bool* const is_used = is_used_.get();
    std::array<State, blocks> state;
    std::array<const Constants*, blocks> c;
#pragma GCC unroll 2  // so that registers can hold the state
    for (std::size_t b = 0; b < blocks; ++b) {
      state[b] = state_[first + b];
      c[b] = &constants(first + b);
    }
    std::size_t row = nest::kernel().event_delivery_manager.get_modulo(from);
    for (long lag = from; lag < to; ++lag) {
      const double t = Lanes::uses_time ? time_after(origin, lag) : 0.0;
      const std::size_t line = row * channels;
#pragma GCC unroll 2
      for (std::size_t b = 0; b < blocks; ++b) {
        const LaneInput in{cells + line * stride + (first + b) * lanes, stride, is_used + line,
                           state[b].held.data()};
        const Whole emitted = Lanes::step(*c[b], state[b], in, dt, t);
#pragma GCC unroll 16
        for (std::size_t i = 0; i < channels; ++i) {
          if (i >= Lanes::spike_ports) state[b].held[i - Lanes::spike_ports] = in.sum(i);
          in.clear(i);
        }
        if constexpr (Lanes::emits) {
          if (const unsigned fired = lane_bits(emitted > Whole(0L))) [[unlikely]] {
            tell(fired, emitted, first + b, origin, lag);
          }
        }
      }
      if (++row == rows) row = 0;
    }
#pragma GCC unroll 2
    for (std::size_t b = 0; b < blocks; ++b) state_[first + b] = state[b];
  }

  /// The same, step by step, where somebody looks at a neuron or keeps it from advancing.
  void follow(const std::size_t first, const nest::Time& origin, const long from, const long to) {
    constexpr std::size_t count = blocks * lanes;
    unsigned moving = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const Neuron* const neuron = at(first, i);
      if (neuron != nullptr && !neuron->is_frozen()) moving |= 1u << i;
    }
    std::size_t row = nest::kernel().event_delivery_manager.get_modulo(from);
    for (long lag = from; lag < to; ++lag) {
      std::array<State, blocks> state;
      std::array<double, channels * count> cells;  // what has arrived
      for (std::size_t b = 0; b < blocks; ++b) state[b] = state_[first + b];
      for (std::size_t k = 0; k < cells.size(); ++k) {
        cells[k] = cell(row, k / count, first * lanes + k % count);
      }
      advance(first, origin, lag, lag + 1);
      for (std::size_t i = 0; i < count; ++i) {
        if ((moving >> i & 1) != 0) continue;
        keep(state[i / lanes], state_[first + i / lanes], i % lanes);
        for (std::size_t k = i; k < cells.size(); k += count) {
          cell(row, k / count, first * lanes + i) = cells[k];
        }
      }
      check(first);
      const double t = time_after(origin, lag);
      for (std::size_t i = 0; i < count; ++i) {
        if ((moving >> i & 1) != 0) at(first, i)->end_step_(origin.get_steps() + lag, t);
      }
      if (++row == rows_) row = 0;
    }
  }

  double& cell(const std::size_t row, const std::size_t channel, const std::size_t index) {
    return cells_[0].cells[(row * channels + channel) * stride_ + index];
  }

  void tell(unsigned fired, const Whole emitted, const std::size_t block, const nest::Time& origin,
            const long lag) {
    for (std::size_t lane = 0; fired != 0; ++lane, fired >>= 1) {
      Neuron* const neuron = (fired & 1) != 0 ? at(block, lane) : nullptr;
      if (neuron == nullptr || neuron->is_frozen()) continue;
      for (long i = 0; i < emitted[lane]; ++i) neuron->emit_spike_(origin, lag);
    }
  }

  /// Models that are integrated numerically can go astray.
  void check([[maybe_unused]] const std::size_t first) const {
    if constexpr (Lanes::solves) {
      for (std::size_t b = 0; b < blocks; ++b) {
        if (!all(Lanes::is_number(state_[first + b]))) end_unstable(Neuron::name_);
      }
    }
  }

  Neuron* at(const std::size_t block, const std::size_t lane) const {
    const std::size_t index = block * lanes + lane;
    return index < neurons_.size() ? neurons_[index] : nullptr;
  }

  /// Put one lane of `from` into `to`.
  static void keep(const State& from, State& to, const std::size_t lane) {
    static_assert(sizeof(State) % sizeof(Real) == 0 && sizeof(Whole) == sizeof(Real));
    const auto* source = reinterpret_cast<const char*>(&from) + lane * sizeof(double);
    auto* target = reinterpret_cast<char*>(&to) + lane * sizeof(double);
    for (std::size_t at = 0; at < sizeof(State); at += sizeof(Real)) {
      std::memcpy(target + at, source + at, sizeof(double));
    }
  }

  /// The end of a step, in ms.
  static double time_after(const nest::Time& origin, const long lag) {
    return nest::Time(nest::Time::step(origin.get_steps() + lag + 1)).get_ms();
  }

  // Each lives as long as one of its neurons, which may be longer than what is static here.
  inline static std::array<Arena*, 1024> arenas_{};

  std::size_t thread_;
  std::vector<Neuron*> neurons_;
  std::vector<State> state_;          // of `lanes` neurons each
  std::vector<Constants> constants_;  // likewise, or one for all
  std::vector<char> is_watched_;      // the blocks that are to be followed step by step
  std::vector<Line> cells_;           // by the row, the channel and the neuron
  std::unique_ptr<bool[]> is_used_ = std::make_unique<bool[]>(1);  // by the row and the channel
  std::size_t rows_ = 0;
  std::size_t stride_ = 0;
  std::size_t seen_ = 0;    // so many nodes of the thread have been looked at
  std::size_t living_ = 0;  // so many of the neurons are still there
  const Neuron* leader_ = nullptr;
  double end_ = 0.0;
  bool has_frozen_ = false;
  bool is_current_ = false;
};

}  // namespace nestml

#endif
