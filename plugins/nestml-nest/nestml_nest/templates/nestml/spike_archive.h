#ifndef NESTML_SPIKE_ARCHIVE_H
#define NESTML_SPIKE_ARCHIVE_H

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "kernel_manager.h"
#include "nest_time.h"

#include "power.h"

namespace nestml {

/// The spikes of a neuron with the state that they leave behind, which all synapses of one model
/// share. `Rule` says how it flows and what a spike does to it. Times are in steps.
///
/// An entry stays until every synapse has seen its spike and no synapse can ask for a time at
/// which it was the last one. A synapse may have no presynaptic spike for long, or be gone: where
/// there are many entries, all are to be looked at, and then `cut`.
template <class Rule>
class SpikeArchive {
 public:
  using State = typename Rule::State;

  struct Entry {
    double time;
    std::size_t readers;  // how many synapses have seen the spike
    bool is_spike;        // or somebody has set the state
    State before;         // as the spike finds it
    State after;
  };

  SpikeArchive() : entries_(1, Entry{0.0, 0, false, State(), State()}) {}

  /// A neuron that is made of another one begins in its state, without its past.
  SpikeArchive(const SpikeArchive& other)
    : entries_(1, Entry{0.0, 0, false, other.entries_.back().after, other.entries_.back().after}) {}

  SpikeArchive& operator=(const SpikeArchive&) = delete;

  /// A synapse is there from `time` on.
  void attach(const double time, const double delay) {
    ++synapses_;
    longest_delay_ = std::max(longest_delay_, delay);
    for (auto& e : entries_) {
      e.readers += e.is_spike && e.time + delay <= time;
    }
  }

  void spike(const Rule& rule, const double time) {
    forget(time);
    Entry e{time, 0, true, at(rule, time), State()};
    e.after = e.before;
    rule.spike(e.after, time);
    entries_.push_back(e);
  }

  /// The state at `time`, which is not before the last entry.
  State at(const Rule& rule, const double time) const {
    return from(rule, entries_.back(), time);
  }

  void set(const State& state, const double time) {
    if (entries_.size() == 1 && time <= 0.0) {
      entries_.clear();
    }
    entries_.push_back(Entry{time, 0, false, state, state});
  }

  /// When there were spikes that synapses may still ask for.
  std::vector<long> spikes() const {
    std::vector<long> times;
    for (const auto& e : entries_) {
      if (e.is_spike) {
        times.push_back(static_cast<long>(e.time));
      }
    }
    return times;
  }

  bool is_long() const { return entries_.size() > longest; }

  /// All synapses have seen everything up to `time`.
  void cut(const double time) {
    std::size_t old = 0;
    while (old + 1 < entries_.size() && entries_[old + 1].time < time - longest_delay_) ++old;
    entries_.erase(entries_.begin(), entries_.begin() + old);
  }

  /// No synapse asks for what was before.
  double oldest() const { return entries_.front().time; }

  /// Whether there is a past: what depends on parameters does not follow them any more.
  bool is_begun() const { return entries_.size() > 1 || entries_.back().time > 0.0; }

  /// What a synapse sees of the archive, event by event.
  class View {
   public:
    /// The spikes that arrive after `begin` and not after `end`.
    View(SpikeArchive& archive, const Rule& rule, const double begin, const double end,
         const double delay)
      : entries_(archive.entries_), rule_(rule), delay_(delay) {
      // from the end, which is near: most of the others have been seen before
      end_ = entries_.size();
      while (end_ > 0 && entries_[end_ - 1].time > end - delay) --end_;
      next_ = end_;
      while (next_ > 0 && entries_[next_ - 1].time > begin - delay) ++entries_[--next_].readers;
      skip();
    }

    double arrival() const {
      return next_ == end_ ? std::numeric_limits<double>::infinity()
                           : entries_[next_].time + delay_;
    }

    double emission() const {
      return entries_[next_].time * nest::Time::get_resolution().get_ms();
    }

    void pass() {
      ++next_;
      skip();
    }

    /// The state as the next spike finds it.
    const State& before() const { return entries_[next_].before; }

    /// The state at `time`, between the events that were passed and those that were not.
    State at(const double time) const {
      // what somebody has set meanwhile is no event: it counts from its time on
      std::size_t k = next_;
      while (k > 0 && entries_[k - 1].time + delay_ > time) {
        --k;
      }
      return from(rule_, entries_[k > 0 ? k - 1 : 0], time - delay_);
    }

   private:
    void skip() {
      while (next_ != end_ && !entries_[next_].is_spike) {
        ++next_;
      }
    }

    std::vector<Entry>& entries_;
    Rule rule_;
    double delay_;
    std::size_t next_ = 0;
    std::size_t end_ = 0;
  };

 private:
  static State from(const Rule& rule, const Entry& e, const double time) {
    State state = e.after;
    if (time > e.time) {
      rule.flow(state, time - e.time);
    }
    return state;
  }

  void forget(const double now) {
    const double safe = now - longest_delay_ -
      static_cast<double>(nest::kernel().connection_manager.get_min_delay());
    std::size_t old = 0;
    while (old + 1 < entries_.size() && entries_[old + 1].time < safe &&
           (!entries_[old].is_spike || entries_[old].readers >= synapses_)) {
      ++old;
    }
    entries_.erase(entries_.begin(), entries_.begin() + old);
  }

  static constexpr std::size_t longest = 256;

  std::vector<Entry> entries_;  // few: what is forgotten leaves a gap that is closed at once
  std::size_t synapses_ = 0;
  double longest_delay_ = 0.0;
};

}  // namespace nestml

#endif
