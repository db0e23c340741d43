#ifndef NESTML_RUNTIME_V1_COUPLING
#define NESTML_RUNTIME_V1_COUPLING
#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace nestml_runtime {
inline namespace v1 {

/// A recordable of all neurons of a node at the ends of the last steps.
struct Signal {
  std::size_t node = 0;
  std::size_t recordable = 0;
  std::int64_t rows = 1;  ///< how many steps are kept
  Array<double> values = {};

  double* row(std::int64_t now, std::size_t size) {
    return values.data() + static_cast<std::size_t>(now % rows) * size;
  }
};

/// Part of what a neuron's continuous port sees: a value of another neuron, some steps ago.
struct CoupledPair {
  double weight;
  std::uint32_t pre;
  std::uint32_t ago;  ///< 0 for the end of the last step
  std::uint16_t post;
};

/// What the neurons of a block see of a signal: pairs in the order in which they were given.
struct CoupledBlock {
  std::size_t signal = 0;
  Array<CoupledPair> pairs = {};
};

/// A continuous port of a block that sees other neurons.
struct CoupledPort {
  std::size_t port = 0;
  Current outside = {};  ///< what else it sees
  Array<CoupledBlock> parts = {};
  Array<double> sums = {}, total = {};

  /// Compute what the port sees in the step after `now`: of one signal after the other.
  void compute(Array<Signal>& signals, const Array<std::size_t>& sizes,
               std::int64_t now) {
    std::fill(sums.begin(), sums.end(), 0.0);
    for (const CoupledBlock& part : parts) {
      Signal& signal = signals[part.signal];
      for (const CoupledPair& pair : part.pairs) {
        const std::int64_t when = std::max<std::int64_t>(now - pair.ago, 0);
        sums[pair.post] += pair.weight * signal.row(when, sizes[part.signal])[pair.pre];
      }
    }
    for (std::size_t i = 0; i < total.size(); ++i) {
      total[i] = sums[i] + outside.of(now + 1, i, total.size());
    }
  }
};

}  // namespace v1
}  // namespace nestml_runtime
#endif
