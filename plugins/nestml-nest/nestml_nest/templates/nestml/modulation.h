#ifndef NESTML_MODULATION_H
#define NESTML_MODULATION_H

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "kernel_manager.h"
#include "node_collection.h"
#include "spikecounter.h"
#include "volume_transmitter.h"

#include "arrivals.h"

namespace nestml {

/// The transmitter that a collection of nodes consists of; null if it is anything else.
inline nest::volume_transmitter* transmitter(const nest::NodeCollectionPTR& nodes) {
  if (!nodes || nodes->size() != 1) {
    return nullptr;
  }
  return dynamic_cast<nest::volume_transmitter*>(nest::kernel().node_manager.get_node_or_proxy(
    (*nodes)[0], nest::kernel().vp_manager.get_thread_id()));
}

/// The spikes of modulating neurons that reach a synapse in an interval.
class Modulation {
 public:
  Modulation(const std::vector<nest::spikecounter>& spikes, const long begin, const long end,
             const double resolution)
    : spikes_(spikes), begin_(begin), end_(end), resolution_(resolution) {
    find();
  }

  double arrival() const { return arrival_; }

  long multiplicity() const { return std::lround(spikes_[next_].multiplicity_); }

  void pass() {
    ++next_;
    find();
  }

 private:
  void find() {
    for (arrival_ = never; next_ < spikes_.size(); ++next_) {
      const double time = in_steps(spikes_[next_].spike_time_, resolution_);
      if (time > begin_ && time <= end_ && spikes_[next_].multiplicity_ > 0.0) {
        arrival_ = time;
        return;
      }
    }
  }

  const std::vector<nest::spikecounter>& spikes_;
  double begin_;
  double end_;
  double resolution_;
  std::size_t next_ = 0;
  double arrival_ = never;
};

/// The step of the last of some spikes; -1 if there are none.
inline long last_of(const std::vector<nest::spikecounter>& spikes, const double resolution) {
  long last = -1;
  for (const auto& s : spikes) {
    if (s.multiplicity_ > 0.0) {
      last = std::max(last, std::lround(s.spike_time_ / resolution));
    }
  }
  return last;
}

}  // namespace nestml

#endif
