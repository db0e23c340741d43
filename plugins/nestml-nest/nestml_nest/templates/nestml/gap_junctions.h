#ifndef NESTML_GAP_JUNCTIONS_H
#define NESTML_GAP_JUNCTIONS_H

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "event_delivery_manager_impl.h"
#include "kernel_manager.h"
#include "input_buffer.h"
#include "secondary_event.h"

namespace nestml {

/// What a cell of the input buffer holds. The iterations of a slice leave it there, for the next.
template <bool is_iteration>
double taken(double& cell) {
  return is_iteration ? cell + 0.0 : take(cell);
}

/// The gap junctions of a neuron during a slice of steps.
///
/// NEST solves neurons with gap junctions by waveform relaxation: all of them run over the slice
/// again and again, each with the courses of the potentials that the others had in the iteration
/// before, until nothing changes any more. A course is a polynomial in each step, in which time runs
/// from 0 to 1, of the order that NEST is asked for. Hahne et al. (2015), Front. Neuroinform. 9:22.
class GapJunctions {
 public:
  bool is_iteration = false;

  /// Forget everything, and adopt the length of slices and the order of the kernel.
  void clear() {
    terms_ = nest::kernel().simulation_manager.get_wfr_interpolation_order() + 1;
    const auto steps = static_cast<std::size_t>(nest::kernel().connection_manager.get_min_delay());
    neighbours_.assign(steps * terms_, 0.0);
    own_.assign(steps * terms_, 0.0);
    ends_.assign(steps, 0.0);
    conductance_ = 0.0;
  }

  /// Adopt them if they have changed.
  void adopt() {
    const auto steps = static_cast<std::size_t>(nest::kernel().connection_manager.get_min_delay());
    const auto order = nest::kernel().simulation_manager.get_wfr_interpolation_order();
    if (ends_.size() != steps || terms_ != order + 1) {
      clear();
    }
  }

  /// Add a neighbour with its course over the slice.
  void receive(nest::GapJunctionEvent& event) {
    const double conductance = event.get_weight();
    conductance_ += conductance;
    std::size_t i = 0;
    for (auto place = event.begin(); place != event.end(); ++i) {
      const double term = event.get_coeffvalue(place);
      if (i < neighbours_.size()) {
        neighbours_[i] += conductance * term;
      }
    }
  }

  /// The current from all neighbours, at a `time` from 0 to 1 in a step.
  double current(const long lag, const double time, const double potential) const {
    const std::size_t first = static_cast<std::size_t>(lag) * terms_;
    double sum = 0.0;
    for (std::size_t k = terms_; k-- > 0;) {
      sum = sum * time + neighbours_[first + k];
    }
    return sum - conductance_ * potential;
  }

  bool is_cubic() const { return terms_ == 4; }

  /// Note the course of the potential over a step: its ends, and its slopes there in one step.
  /// Return whether the end is where it was in the last iteration.
  bool note(const long lag, const double begin, const double end, const double slope_at_begin,
            const double slope_at_end) {
    const auto step = static_cast<std::size_t>(lag);
    double* const course = own_.data() + step * terms_;
    const double change = end - begin;
    course[0] = begin;
    if (terms_ == 2) {
      course[1] = change;
    } else if (terms_ == 4) {
      course[1] = slope_at_begin;
      course[2] = 3.0 * change - 2.0 * slope_at_begin - slope_at_end;
      course[3] = slope_at_begin + slope_at_end - 2.0 * change;
    }
    const double moved = std::abs(end - ends_[step]);
    ends_[step] = end;
    return moved <= nest::kernel().simulation_manager.get_wfr_tol();
  }

  /// Expect the potential to stay where it is, in the slice that follows.
  void extrapolate(const double potential) {
    std::fill(own_.begin(), own_.end(), 0.0);
    for (std::size_t i = 0; i < own_.size(); i += terms_) {
      own_[i] = potential;
    }
    std::fill(ends_.begin(), ends_.end(), 0.0);
  }

  /// Tell the neighbours the own course, and forget theirs: new ones are on the way.
  void exchange(nest::Node& neuron) {
    nest::GapJunctionEvent event;
    event.set_coeffarray(own_);
    nest::kernel().event_delivery_manager.send_secondary(neuron, event);
    std::fill(neighbours_.begin(), neighbours_.end(), 0.0);
    conductance_ = 0.0;
  }

 private:
  std::size_t terms_ = 1;
  double conductance_ = 0.0;
  std::vector<double> neighbours_;
  std::vector<double> own_;
  std::vector<double> ends_;
};

}  // namespace nestml

#endif
