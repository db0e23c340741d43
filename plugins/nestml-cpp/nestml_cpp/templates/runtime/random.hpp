#ifndef NESTML_RUNTIME_V1_RANDOM
#define NESTML_RUNTIME_V1_RANDOM
#include <cstdint>

namespace nestml_runtime {
inline namespace v1 {

/// The random numbers of one neuron: each is a function of the seed, of the number of the neuron,
/// of the step, and of how many were drawn in that step before.
class Random {
 public:
  explicit Random(std::uint64_t seed = 1, std::uint64_t neuron = 0, std::uint64_t step = 0)
      : seed(seed), neuron(neuron), step(step) {}

  /// Go on to the next step.
  void next_step() {
    ++step;
    drawn = 0;
  }

  /// A number of (offset, offset + scale).
  double uniform(double offset, double scale) { return offset + scale * draw().unit(); }

  /// A normally distributed number.
  double normal(double mean, double deviation) {
    return mean + deviation * normal_quantile(draw().unit());
  }

  /// A Poisson distributed number; 0 unless mean > 0.
  long poisson(double mean) { return integer(poisson_number(draw(), mean)); }

 private:
  Draw draw() { return Draw(seed, neuron, step, drawn++); }

  std::uint64_t seed;
  std::uint64_t neuron;
  std::uint64_t step;
  std::uint64_t drawn = 0;
};

}  // namespace v1
}  // namespace nestml_runtime
#endif
