#ifndef NESTML_CATCHING_UP_H
#define NESTML_CATCHING_UP_H

#include <vector>

#include "kernel_manager.h"
#include "spikecounter.h"

namespace nestml {

/// Connections of NEST are looked at when a spike passes through, and by volume transmitters: where
/// those have their number, synapses of pairs have this one, which no node has.
constexpr long catching_up = -2;

/// Have the synapses of pairs on this thread see everything that reached them before the interval of
/// communication that is under way: what neurons keep for them can be forgotten then.
inline void catch_up() {
  nest::kernel().connection_manager.trigger_update_weight(catching_up, {}, 0.0);
}

/// The begin of this interval, in steps.
inline long slice_begin() {
  return nest::kernel().simulation_manager.get_slice_origin().get_steps();
}

}  // namespace nestml

#endif
