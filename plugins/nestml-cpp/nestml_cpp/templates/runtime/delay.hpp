#ifndef NESTML_RUNTIME_V1_DELAY
#define NESTML_RUNTIME_V1_DELAY
#include <cmath>
#include <cstddef>
#include <vector>

namespace nestml_runtime {
inline namespace v1 {

constexpr double max_delay = 1e8;  // steps

/// Return whether a delay of `duration` ms can be kept, in steps of `dt` ms.
inline bool is_delay(double duration, double dt) {
  return duration / dt >= 0.0 && duration / dt < max_delay;
}

/// A variable as it was a number of steps ago; before the first step, as it is in that.
class DelayLine {
 public:
  /// Begin anew, with a delay of `duration` ms rounded to steps of `dt` ms.
  void begin(double duration, double dt) {
    steps = is_delay(duration, dt) ? static_cast<std::size_t>(std::floor(duration / dt + 0.5)) : 0;
    clear();
    values.reserve(steps + 1);  // here, not in a step
  }

  /// Forget all values.
  void clear() {
    values.clear();
    place = 0;
  }

  /// Keep the value at the begin of a step, and return the delayed one.
  double next(double value) {
    if (values.empty()) values.assign(steps + 1, value);
    values[place] = value;
    place = place == steps ? 0 : place + 1;
    return values[place];
  }

  /// Have an archive read or write the values.
  template <class Self, class Archive>
  static void keep(Self& self, Archive& archive) {
    archive.take(self.values);
    archive.take(self.place);
  }

 private:
  std::size_t steps = 0;
  std::vector<double> values = {};
  std::size_t place = 0;
};

}  // namespace v1
}  // namespace nestml_runtime
#endif
