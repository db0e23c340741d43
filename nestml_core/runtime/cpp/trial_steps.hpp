#ifndef NESTML_RUNTIME_V1_TRIAL_STEPS
#define NESTML_RUNTIME_V1_TRIAL_STEPS
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

namespace nestml_runtime {
inline namespace v1 {

/// Return the error of a trial step from `x` to `next` relative to the tolerances: the largest
/// |difference_i| / (absolute + relative max(|x_i|, |next_i|)); infinity if one is not finite.
template <std::size_t N>
double trial_error(const std::array<double, N>& x, const std::array<double, N>& next,
                   const std::array<double, N>& difference, double relative, double absolute) {
  double error = 0.0;
  for (std::size_t i = 0; i < N; ++i) {
    const double size = std::max(std::abs(x[i]), std::abs(next[i]));
    const double part = std::abs(difference[i]) / (absolute + relative * size);
    if (!std::isfinite(part) || !std::isfinite(next[i])) {
      return std::numeric_limits<double>::infinity();
    }
    error = std::max(error, part);
  }
  return error;
}

/// Return by what factor the next trial step is longer than one with this error.
inline double trial_growth(double error, double exponent) {
  const double growth = 0.9 * std::pow(error, exponent);
  return growth > 0.2 ? std::min(growth, 5.0) : 0.2;
}

/// The shortest trial step, relative to the interval.
inline constexpr double shortest_trial = 16.0 * std::numeric_limits<double>::epsilon();

/// The largest number of trial steps for one interval.
inline constexpr int most_trials = 100000;

/// The trial steps of one interval: the first has its length, the others follow from the errors.
class TrialSteps {
 public:
  TrialSteps(double interval, double exponent)
      : remaining_(interval), length_(interval), shortest_(shortest_trial * interval),
        exponent_(exponent) {}

  double length() const { return length_; }
  bool done() const { return remaining_ <= 0.0; }

  /// Go on by the last step if its error is at most 1, and choose the next one, if there is one.
  /// Returns false where no step is short enough, or too many are needed.
  bool advance(double error) {
    if (error <= 1.0) {
      remaining_ -= length_;
      if (done()) return true;
    }
    length_ *= trial_growth(error, exponent_);
    if (length_ >= remaining_) {
      length_ = remaining_;
    } else if (length_ < shortest_) {
      return false;
    }
    return --left_ > 0;
  }

 private:
  double remaining_;
  double length_;
  double shortest_;
  double exponent_;
  int left_ = most_trials;
};

}  // namespace v1
}  // namespace nestml_runtime
#endif
