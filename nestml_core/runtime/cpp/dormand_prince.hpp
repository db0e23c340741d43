#ifndef NESTML_RUNTIME_V1_DORMAND_PRINCE
#define NESTML_RUNTIME_V1_DORMAND_PRINCE
#include <array>
#include <cstddef>
#include <limits>

namespace nestml_runtime {
inline namespace v1 {

/// Advance x' = f(x) by `interval`: Dormand-Prince 5(4) with local extrapolation
/// (Dormand & Prince 1980, J. Comput. Appl. Math. 6:19-26).
///
/// The first trial step has the length of the whole interval. The error of a trial step is the
/// largest |e_i| / (absolute + relative max(|x_i|, |x_i new|)); with an error <= 1 it is accepted.
/// The next step is the last one times min(5, max(0.2, 0.9 error^(-1/5))), cut to what remains.
/// If no step is short enough (16 roundings of the interval are the limit), or 100,000 are not
/// enough, x is set to NaN.
///
/// `f(x, slope)` fills in the derivatives. Returns whether it got to the end.
template <std::size_t N, class RightHandSide>
bool dormand_prince(const RightHandSide& f, std::array<double, N>& x, double interval,
                    double relative, double absolute) {
  using Vector = std::array<double, N>;
  Vector k1, k2, k3, k4, k5, k6, k7, next, difference;
  TrialSteps steps(interval, -0.2);
  f(x, k1);
  while (true) {
    const double h = steps.length();
    for (std::size_t i = 0; i < N; ++i) next[i] = x[i] + h * (1.0 / 5.0 * k1[i]);
    f(next, k2);
    for (std::size_t i = 0; i < N; ++i) {
      next[i] = x[i] + h * (3.0 / 40.0 * k1[i] + 9.0 / 40.0 * k2[i]);
    }
    f(next, k3);
    for (std::size_t i = 0; i < N; ++i) {
      next[i] = x[i] + h * (44.0 / 45.0 * k1[i] - 56.0 / 15.0 * k2[i] + 32.0 / 9.0 * k3[i]);
    }
    f(next, k4);
    for (std::size_t i = 0; i < N; ++i) {
      next[i] = x[i] + h * (19372.0 / 6561.0 * k1[i] - 25360.0 / 2187.0 * k2[i] +
                            64448.0 / 6561.0 * k3[i] - 212.0 / 729.0 * k4[i]);
    }
    f(next, k5);
    for (std::size_t i = 0; i < N; ++i) {
      next[i] = x[i] + h * (9017.0 / 3168.0 * k1[i] - 355.0 / 33.0 * k2[i] +
                            46732.0 / 5247.0 * k3[i] + 49.0 / 176.0 * k4[i] -
                            5103.0 / 18656.0 * k5[i]);
    }
    f(next, k6);
    for (std::size_t i = 0; i < N; ++i) {
      next[i] = x[i] + h * (35.0 / 384.0 * k1[i] + 500.0 / 1113.0 * k3[i] +
                            125.0 / 192.0 * k4[i] - 2187.0 / 6784.0 * k5[i] +
                            11.0 / 84.0 * k6[i]);
    }
    f(next, k7);
    for (std::size_t i = 0; i < N; ++i) {
      difference[i] =
          h * (71.0 / 57600.0 * k1[i] - 71.0 / 16695.0 * k3[i] + 71.0 / 1920.0 * k4[i] -
               17253.0 / 339200.0 * k5[i] + 22.0 / 525.0 * k6[i] - 1.0 / 40.0 * k7[i]);
    }
    const double error = trial_error(x, next, difference, relative, absolute);
    if (error <= 1.0) x = next;
    if (!steps.advance(error)) {
      x.fill(std::numeric_limits<double>::quiet_NaN());
      return false;
    }
    if (steps.done()) return true;
    if (error <= 1.0) k1 = k7;  // the last stage is the first one of the next step
  }
}

}  // namespace v1
}  // namespace nestml_runtime
#endif
