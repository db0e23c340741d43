#ifndef NESTML_RUNTIME_V1_FORWARD_EULER
#define NESTML_RUNTIME_V1_FORWARD_EULER
#include <array>
#include <cstddef>

namespace nestml_runtime {
inline namespace v1 {

/// Advance x' = f(x) by one explicit Euler step. `f(x, slope)` fills in the
/// derivatives.
template <std::size_t N, class RightHandSide>
void forward_euler(const RightHandSide& f, std::array<double, N>& x, double interval) {
  std::array<double, N> slope;
  f(x, slope);
  for (std::size_t i = 0; i < N; ++i) x[i] += interval * slope[i];
}

}  // namespace v1
}  // namespace nestml_runtime
#endif
