#ifndef NESTML_DELAY_H
#define NESTML_DELAY_H

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace nestml {

inline constexpr double MAX_DELAY = 1e8;  // steps

/// Whether a delay of `duration` ms can be kept, in steps of `dt` ms.
inline bool is_delay(const double duration, const double dt) {
  return duration / dt >= 0.0 && duration / dt < MAX_DELAY;
}

/// A variable as it was a number of steps ago; before the first step, as it is in that.
class DelayLine {
 public:
  /// Forget all values.
  void clear() { values_.clear(); }

  /// Delay by `duration` ms, rounded to steps of `dt` ms, from now on. What is known of the past
  /// stays known; before that, the variable was as it is then.
  void set(const double duration, const double dt) {
    steps_ = is_delay(duration, dt) ? static_cast<std::size_t>(std::floor(duration / dt + 0.5)) : 0;
    if (values_.empty()) {
      values_.reserve(steps_ + 1);  // here, not in a step
      return;
    }
    if (values_.size() == steps_ + 1) {
      return;
    }
    std::rotate(values_.begin(), values_.begin() + static_cast<long>(place_), values_.end());
    if (values_.size() > steps_ + 1) {
      values_.erase(values_.begin(), values_.end() - static_cast<long>(steps_ + 1));
    } else {
      values_.insert(values_.begin(), steps_ + 1 - values_.size(), double(values_.front()));
    }
    place_ = 0;
  }

  /// Keep the value at the begin of a step, and return the delayed one.
  double next(const double value) {
    if (values_.empty()) {
      values_.assign(steps_ + 1, value);
      place_ = 0;
    }
    values_[place_] = value;
    place_ = place_ == steps_ ? 0 : place_ + 1;
    return values_[place_];
  }

 private:
  std::size_t steps_ = 0;
  std::vector<double> values_;
  std::size_t place_ = 0;
};

}  // namespace nestml

#endif
