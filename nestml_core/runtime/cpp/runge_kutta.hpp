#ifndef NESTML_RUNTIME_V1_RUNGE_KUTTA
#define NESTML_RUNTIME_V1_RUNGE_KUTTA
#include <array>
#include <cstddef>

namespace nestml_runtime {
inline namespace v1 {

/// Advance x' = f(x) by one step of the classical Runge-Kutta method of order 4
/// (Kutta 1901, Z. Math. Phys. 46:435-453). `f(x, slope)` fills in the derivatives.
template <std::size_t N, class RightHandSide>
void runge_kutta(const RightHandSide& f, std::array<double, N>& x, double interval) {
  std::array<double, N> k1, k2, k3, k4, next;
  f(x, k1);
  for (std::size_t i = 0; i < N; ++i) next[i] = x[i] + interval / 2.0 * k1[i];
  f(next, k2);
  for (std::size_t i = 0; i < N; ++i) next[i] = x[i] + interval / 2.0 * k2[i];
  f(next, k3);
  for (std::size_t i = 0; i < N; ++i) next[i] = x[i] + interval * k3[i];
  f(next, k4);
  for (std::size_t i = 0; i < N; ++i) {
    x[i] += interval / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]);
  }
}

}  // namespace v1
}  // namespace nestml_runtime
#endif
