#ifndef NESTML_MODULATION_H
#define NESTML_MODULATION_H

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "kernel_manager.h"
#include "nest_time.h"
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

/// The spikes that a transmitter has forgotten, and synapses may not have seen: when it delivers, it
/// knows those of a whole interval of communication, and presynaptic ones of the same interval are
/// still to come.
class Modulators {
 public:
  /// The transmitter is about to forget `spikes`: it delivers in an interval that begins at `begin`.
  void take(const std::vector<nest::spikecounter>& spikes, const long begin) {
    if (begin == seen_) {
      return;  // another synapse has had them taken
    }
    // at the last delivery, everything up to its own begin was seen
    const double gone = static_cast<double>(seen_) * nest::Time::get_resolution().get_ms();
    const auto is_gone = [gone](const nest::spikecounter& s) { return s.spike_time_ <= gone; };
    spikes_.erase(std::remove_if(spikes_.begin(), spikes_.end(), is_gone), spikes_.end());
    spikes_.insert(spikes_.end(), spikes.begin(), spikes.end());
    seen_ = begin;
  }

  const std::vector<nest::spikecounter>& spikes() const { return spikes_; }

  /// The step of the last of them that is not after `end`; -1 if there are none.
  long last_until(const long end, const double resolution) const {
    long last = -1;
    for (const auto& s : spikes_) {
      const long time = std::lround(s.spike_time_ / resolution);
      if (s.multiplicity_ > 0.0 && time <= end) {
        last = std::max(last, time);
      }
    }
    return last;
  }

 private:
  std::vector<nest::spikecounter> spikes_;
  long seen_ = -1;
};

/// The spikes of modulating neurons that reach a synapse in an interval.
class Modulation {
 public:
  /// `spikes` are later than `earlier` ones.
  Modulation(const std::vector<nest::spikecounter>& earlier,
             const std::vector<nest::spikecounter>& spikes, const long begin, const long end,
             const double resolution)
    : earlier_(earlier), spikes_(spikes), begin_(begin), end_(end), resolution_(resolution) {
    find();
  }

  double arrival() const { return arrival_; }

  long multiplicity() const { return std::lround(spike().multiplicity_); }

  void pass() {
    ++next_;
    find();
  }

 private:
  const nest::spikecounter& spike() const {
    return next_ < earlier_.size() ? earlier_[next_] : spikes_[next_ - earlier_.size()];
  }

  void find() {
    for (arrival_ = never; next_ < earlier_.size() + spikes_.size(); ++next_) {
      const double time = in_steps(spike().spike_time_, resolution_);
      if (time > begin_ && time <= end_ && spike().multiplicity_ > 0.0) {
        arrival_ = time;
        return;
      }
    }
  }

  const std::vector<nest::spikecounter>& earlier_;
  const std::vector<nest::spikecounter>& spikes_;
  double begin_;
  double end_;
  double resolution_;
  std::size_t next_ = 0;
  double arrival_ = never;
};

}  // namespace nestml

#endif
