#ifndef NESTML_RUNTIME_V1_EXPONENTIAL_EULER
#define NESTML_RUNTIME_V1_EXPONENTIAL_EULER
#include <array>
#include <cmath>
#include <cstddef>

namespace nestml_runtime {
inline namespace v1 {

/// Return (exp(z) - 1) / z, and its limit 1 at zero.
inline double phi(double z) { return z == 0.0 ? 1.0 : std::expm1(z) / z; }

/// Advance x' = f(x) by one exponential Euler step: each equation, linearised in its own variable,
/// is solved exactly (Rush & Larsen 1978, IEEE Trans. Biomed. Eng. 25:389-392).
///
/// `f(x, slope, rate)` fills in the derivatives, and the diagonal of the Jacobian.
template <std::size_t N, class Linearisation>
void exponential_euler(const Linearisation& f, std::array<double, N>& x, double interval) {
  std::array<double, N> slope, rate;
  f(x, slope, rate);
  for (std::size_t i = 0; i < N; ++i) x[i] += interval * phi(interval * rate[i]) * slope[i];
}

/// The same to second order: linearised around what an exponential Euler step of half the length
/// leads to (Sundnes et al. 2009, IEEE Trans. Biomed. Eng. 56:2546-2548).
template <std::size_t N, class Linearisation>
void rush_larsen(const Linearisation& f, std::array<double, N>& x, double interval) {
  std::array<double, N> slope, rate;
  std::array<double, N> middle = x;
  exponential_euler(f, middle, interval / 2.0);
  f(middle, slope, rate);
  for (std::size_t i = 0; i < N; ++i) {
    x[i] += interval * phi(interval * rate[i]) * (slope[i] + rate[i] * (x[i] - middle[i]));
  }
}

}  // namespace v1
}  // namespace nestml_runtime
#endif
