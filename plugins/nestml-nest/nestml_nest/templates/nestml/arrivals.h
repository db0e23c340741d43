#ifndef NESTML_ARRIVALS_H
#define NESTML_ARRIVALS_H

#include <cmath>
#include <cstdint>
#include <deque>
#include <limits>
#include <string>

#include "connection.h"
#include "connector_model.h"
#include "dictionary.h"
#include "exceptions.h"
#include "histentry.h"
#include "kernel_manager.h"
#include "nest_time.h"
#include "node.h"

#include "power.h"

namespace nestml {

constexpr double never = std::numeric_limits<double>::infinity();

/// The number of steps that `kept` stands for, which is at most 2^32 steps before `now`.
inline long unwrapped(const std::uint32_t kept, const long now) {
  return now - static_cast<long>(static_cast<std::uint32_t>(now) - kept);
}

/// Whether `now` is later than the step that `kept` stands for, neither being 2^31 steps apart.
inline bool is_later(const long now, const std::uint32_t kept) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(now) - kept) > 0;
}

/// A time in steps. What is nearly a whole number of them is one.
inline double in_steps(const double ms, const double resolution) {
  const double steps = ms / resolution;
  const double whole = std::round(steps);
  return std::abs(steps - whole) * resolution < 1e-6 ? whole : steps;
}

/// Replace `value` by what stands in `d`, if anything does.
template <class T>
bool replace(const Dictionary& d, const std::string& key, T& value) {
  return d.update_value(key, value);
}

/// The same for a value in a unit of which one is `above / below` of what the model computes in.
inline bool replace(const Dictionary& d, const std::string& key, double& value,
                    const double above, const double below) {
  double given = 0.0;
  if (!d.update_value(key, given)) {
    return false;
  }
  value = given * above / below;
  return true;
}

/// The spikes in the archive of a neuron of NEST that reach a synapse in an interval.
class ArchivedSpikes {
 public:
  /// Times in steps: the spikes that arrive after `begin` and not after `end`.
  ArchivedSpikes(nest::Node& neuron, const long begin, const long end, const long delay,
                 const double resolution)
    : delay_(static_cast<double>(delay)), resolution_(resolution) {
    neuron.get_history(static_cast<double>(begin - delay) * resolution,
                       static_cast<double>(end - delay) * resolution, &next_, &end_);
    advance();
  }

  /// When the next one arrives, in steps.
  double arrival() const { return arrival_; }

  /// When it was emitted, in ms.
  double emission() const { return next_->t_; }

  void pass() {
    ++next_;
    advance();
  }

 private:
  void advance() {
    arrival_ = next_ == end_ ? never : in_steps(next_->t_, resolution_) + delay_;
  }

  std::deque<nest::histentry>::iterator next_;
  std::deque<nest::histentry>::iterator end_;
  double delay_;
  double resolution_;
  double arrival_ = never;
};

}  // namespace nestml

#endif
