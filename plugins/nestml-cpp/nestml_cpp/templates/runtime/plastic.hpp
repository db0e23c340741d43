#ifndef NESTML_RUNTIME_V1_PLASTIC
#define NESTML_RUNTIME_V1_PLASTIC
#include <cstddef>
#include <cstdint>

#ifndef NESTML_REAL
#define NESTML_REAL double
#endif

namespace nestml_runtime {
inline namespace v1 {

/// Values that replace a default: one for all connections, or one for `each`, by its number.
struct Setting {
  const double* values = nullptr;
  bool each = false;

  double of(std::size_t connection, double otherwise) const {
    return values == nullptr ? otherwise : values[each ? connection : 0];
  }
};

/// Where the weights that connections emit arrive: rows of numbers, one for each step and target.
/// Nothing arrives anywhere if there are no `sums`. Targets that tell spikes apart from none have
/// `counts`.
struct Inbox {
  NESTML_REAL* sums = nullptr;
  NESTML_REAL* counts = nullptr;
  std::size_t stride = 0;  ///< from the row of a step to that of the next one
  std::int64_t slots = 1;  ///< the rows there are; that of step n is number (n - 1) % slots

  std::size_t row(std::int64_t step) const {
    return static_cast<std::size_t>((step - 1) % slots) * stride;
  }
};

/// A continuous input: the value of each target at the end of step `first + i` begins at
/// `values + i * step`, where `first` is that of the slice; so row 0 is from before it.
struct FactorRows {
  const double* values = nullptr;
  std::size_t step = 0;    ///< from row to row; 0 if the value never changes
  std::size_t target = 0;  ///< from target to target; 0 if all have the same

  double of(std::size_t row, std::size_t member) const {
    return values[row * step + member * target];
  }
};

/// The members of a node that emit a spike, for each step of a slice; one that emits two is there
/// twice.
using Fired = const Array<std::uint32_t>*;

/// What happens in the steps `first + 1` to `first + steps`.
struct Slice {
  std::int64_t first = 0;
  std::int64_t steps = 0;
  Fired sources = nullptr;
  Fired targets = nullptr;               ///< by number among the targets of these connections
  const Fired* modulators = nullptr;     ///< for each modulation
  const FactorRows* factors = nullptr;   ///< for each continuous port of the synapse
  Inbox inbox = {};
  Inbox negative = {};  ///< for weights below zero, without the sign; if there is none, as others
};

/// All spikes of a node reach a modulatory port, some steps later. Ports are counted in the order
/// in which events of one time happen.
struct Modulation {
  std::size_t port = 0;
  std::int64_t delay = 0;
};

/// Connections between the members of two nodes: number n leads from `sources[n]` to `targets[n]`,
/// and takes `delays[n]` steps, in both directions. `numbers` says what they are called outside.
struct Wires {
  Array<std::uint32_t> sources, targets, numbers;
  Array<std::int32_t> delays;  ///< one for all, or one for each
  std::size_t source_size = 0;
  std::size_t target_size = 0;
};

/// Plastic connections, whatever their synapse.
class Plastic {
 public:
  enum Problem { none, guard, not_finite, misuse };

  virtual ~Plastic() = default;
  Plastic() = default;
  Plastic(const Plastic&) = delete;
  Plastic& operator=(const Plastic&) = delete;

  Array<Setting> parameters, initial;
  Array<Modulation> modulations;
  bool keeps_emitted = false;
  Array<std::int64_t> emitted_steps, emitted_connections;
  Array<double> emitted_weights;
  Problem problem = none;
  Text text = {};  ///< what the problem is about

  /// Take over connections; sorted by source, then by target.
  virtual void connect(Wires&& wires) = 0;
  /// Set everything to its begin. `factors` are the continuous inputs, row 0 of which is used.
  /// Returns whether all guards hold.
  virtual bool begin(double dt, std::uint64_t seed, const FactorRows* factors) = 0;
  /// Take the spikes of a slice. Returns whether there is no problem.
  virtual bool advance(const Slice& slice) = 0;
  /// Write a recordable of all connections, by their numbers outside, as it is now. `factors` have
  /// the present values in row 0.
  virtual void read(std::size_t recordable, const FactorRows* factors, double* out) = 0;
  virtual std::size_t size() const = 0;
  /// Append all that changes in steps; take it back, behind `begin`, and return what follows it.
  virtual void save(Array<unsigned char>& to) const = 0;
  virtual const unsigned char* load(const unsigned char* from, const unsigned char* end) = 0;
};

}  // namespace v1
}  // namespace nestml_runtime
#endif
