#ifndef NESTML_COURSE_H
#define NESTML_COURSE_H

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <set>
#include <utility>
#include <vector>

#include "kernel_manager.h"

namespace nestml {

/// What a neuron was like at the ends of its steps, for synapses that follow it step by step. Times
/// are in steps.
///
/// A value stays until every synapse has had an event at its time or later. A synapse may have no
/// presynaptic spike for long, or be gone: where there are many values, all are to be looked at, and
/// then `cut`.
template <std::size_t size>
class StepCourse {
 public:
  using Values = std::array<double, size>;

  StepCourse() = default;

  /// A neuron that is made of another one has neither its synapses nor its past.
  StepCourse(const StepCourse&) {}

  StepCourse& operator=(const StepCourse&) = delete;

  bool is_watched() const { return synapses_ > 0; }

  /// A synapse is there from `now` on, for which there is a value.
  void attach(const long now) {
    ++synapses_;
    ++entries_[place(now)].waiting;
  }

  void note(const long time, const Values& values) {
    if (!is_watched() || entries_.empty() || time < first_) {
      entries_.clear();
      first_ = time;
    }
    const std::size_t index = static_cast<std::size_t>(time - first_);
    while (index >= entries_.size()) {
      // somebody may have kept the neuron from making steps
      entries_.push_back(entries_.empty() ? Entry{values, 0} : Entry{entries_.back().values, 0});
    }
    entries_[index].values = values;
    for (; entries_.size() > 1 && entries_.front().waiting == 0; ++first_) {
      entries_.pop_front();
    }
  }

  bool is_long() const { return entries_.size() > longest; }

  /// All synapses have had an event at `time`, or later.
  void cut(const long time) {
    for (; entries_.size() > 1 && first_ < time; ++first_) {
      entries_.pop_front();
    }
  }

  long first() const { return first_; }

  const Values& at(const double time) const {
    return entries_[place(static_cast<long>(time))].values;
  }

  /// The last event of a synapse was at `begin`, and is at `end` now.
  void pass(const long begin, const long end) {
    auto& waiting = entries_[place(begin)].waiting;
    waiting -= waiting > 0;
    ++entries_[place(end)].waiting;
  }

 private:
  struct Entry {
    Values values;
    std::size_t waiting;  // how many synapses had their last event at this time
  };

  std::size_t place(const long time) const {
    const long last = static_cast<long>(entries_.size()) - 1;
    return static_cast<std::size_t>(std::clamp(time - first_, 0L, last));
  }

  static constexpr std::size_t longest = 1024;

  std::deque<Entry> entries_;
  long first_ = 0;
  std::size_t synapses_ = 0;
};

/// The same for synapses that look at the neuron when spikes reach them: the values of as many steps
/// as presynaptic spikes are late, and those at the times at which postsynaptic spikes come back.
template <std::size_t size>
class EventCourse {
 public:
  using Values = std::array<double, size>;

  EventCourse() = default;

  /// A neuron that is made of another one has neither its synapses nor its past.
  EventCourse(const EventCourse&) {}

  EventCourse& operator=(const EventCourse&) = delete;

  bool is_watched() const { return synapses_ > 0; }

  /// A synapse is there from `now` on, for which there is a value. `spikes` are those of the neuron
  /// that it may still see.
  void attach(const long now, const long delay, const std::vector<long>& spikes) {
    ++synapses_;
    if (std::find(delays_.begin(), delays_.end(), delay) == delays_.end()) {
      delays_.push_back(delay);
    }
    for (const long spike : spikes) {
      if (spike + delay > now) {
        due_.insert(spike + delay);
      }
    }
  }

  void spike(const long time) {
    for (const long delay : delays_) {
      due_.insert(time + delay);
    }
  }

  void note(const long time, const Values& values) {
    if (!is_watched() || recent_.empty() || time < first_) {
      recent_.clear();
      first_ = time;
    }
    const std::size_t index = static_cast<std::size_t>(time - first_);
    while (index > recent_.size()) {
      // somebody may have kept the neuron from making steps
      append(recent_.back());
    }
    if (index == recent_.size()) {
      append(values);
    } else {
      recent_[index] = values;
      if (!kept_.empty() && kept_.back().first == time) {
        kept_.back().second = values;
      }
    }
    const auto wanted =
      static_cast<std::size_t>(nest::kernel().connection_manager.get_min_delay()) + 1;
    for (; recent_.size() > wanted; ++first_) {
      recent_.pop_front();
    }
  }

  /// No synapse asks for what was before `time`.
  void forget(const long time) {
    while (!kept_.empty() && kept_.front().first < time) {
      kept_.pop_front();
    }
  }

  const Values& at(const double time) const {
    const long step = static_cast<long>(time);
    if (step < first_) {
      const auto before = [](const Kept& kept, const long t) { return kept.first < t; };
      const auto found = std::lower_bound(kept_.begin(), kept_.end(), step, before);
      return found == kept_.end() ? recent_.front() : found->second;
    }
    return recent_[std::min(static_cast<std::size_t>(step - first_), recent_.size() - 1)];
  }

 private:
  using Kept = std::pair<long, Values>;

  void append(const Values values) {
    const long time = first_ + static_cast<long>(recent_.size());
    recent_.push_back(values);
    due_.erase(due_.begin(), due_.lower_bound(time));
    if (!due_.empty() && *due_.begin() == time) {
      kept_.emplace_back(time, values);
    }
  }

  std::deque<Values> recent_;
  long first_ = 0;  // the time of the first of them
  std::deque<Kept> kept_;
  std::set<long> due_;  // when spikes come back
  std::vector<long> delays_;
  std::size_t synapses_ = 0;
};

}  // namespace nestml

#endif
