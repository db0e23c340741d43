#ifndef NESTML_RUNTIME_V1_ROSENBROCK
#define NESTML_RUNTIME_V1_ROSENBROCK
#include <array>
#include <cstddef>
#include <limits>

namespace nestml_runtime {
inline namespace v1 {

/// Advance x' = f(x) by `interval`, also where it is stiff: RODAS of order 4(3), L-stable
/// (Hairer & Wanner 1996, Solving Ordinary Differential Equations II, IV.7).
///
/// A trial step takes W = 1 / (h / 4) - J(x) and six solutions u of
/// W u_i = f(x_i) + (sum of c_ij u_j) / h, x_i = x + sum of a_ij u_j; the last one is its error.
/// The steps are controlled as in `dormand_prince`, with the exponent -1/4.
///
/// `f(x, slope)` fills in the derivatives, `linearised(x, slope, jacobian)` also the Jacobian.
/// Returns whether it got to the end; x is NaN if not.
template <std::size_t N, class RightHandSide, class Linearisation>
bool rosenbrock(const RightHandSide& f, const Linearisation& linearised, std::array<double, N>& x,
                double interval, double relative, double absolute) {
  using Vector = std::array<double, N>;
  Vector slope, right, next, u1, u2, u3, u4, u5, u6;
  std::array<Vector, N> jacobian, w;
  TrialSteps steps(interval, -0.25);
  linearised(x, slope, jacobian);
  while (true) {
    const double h = steps.length();
    for (std::size_t i = 0; i < N; ++i) {
      for (std::size_t j = 0; j < N; ++j) w[i][j] = -jacobian[i][j];
      w[i][i] += 4.0 / h;
    }
    const Factors<N> factors(w);
    factors.solve(slope, u1);

    for (std::size_t i = 0; i < N; ++i) next[i] = x[i] + 1.544 * u1[i];
    f(next, right);
    for (std::size_t i = 0; i < N; ++i) right[i] += -5.6688 * u1[i] / h;
    factors.solve(right, u2);

    for (std::size_t i = 0; i < N; ++i) {
      next[i] = x[i] + 0.9466785280815826 * u1[i] + 0.2557011698983284 * u2[i];
    }
    f(next, right);
    for (std::size_t i = 0; i < N; ++i) {
      right[i] += (-2.430093356833875 * u1[i] - 0.2063599157091915 * u2[i]) / h;
    }
    factors.solve(right, u3);

    for (std::size_t i = 0; i < N; ++i) {
      next[i] = x[i] + 3.314825187068521 * u1[i] + 2.896124015972201 * u2[i] +
                0.9986419139977817 * u3[i];
    }
    f(next, right);
    for (std::size_t i = 0; i < N; ++i) {
      right[i] += (-0.1073529058151375 * u1[i] - 9.594562251023355 * u2[i] -
                   20.47028614809616 * u3[i]) /
                  h;
    }
    factors.solve(right, u4);

    for (std::size_t i = 0; i < N; ++i) {
      next[i] = x[i] + 1.221224509226641 * u1[i] + 6.019134481288629 * u2[i] +
                12.53708332932087 * u3[i] - 0.6878860361058950 * u4[i];
    }
    f(next, right);
    for (std::size_t i = 0; i < N; ++i) {
      right[i] += (7.496443313967647 * u1[i] - 10.24680431464352 * u2[i] -
                   33.99990352819905 * u3[i] + 11.70890893206160 * u4[i]) /
                  h;
    }
    factors.solve(right, u5);

    for (std::size_t i = 0; i < N; ++i) next[i] += u5[i];
    f(next, right);
    for (std::size_t i = 0; i < N; ++i) {
      right[i] += (8.083246795921522 * u1[i] - 7.981132988064893 * u2[i] -
                   31.52159432874371 * u3[i] + 16.31930543123136 * u4[i] -
                   6.058818238834054 * u5[i]) /
                  h;
    }
    factors.solve(right, u6);
    for (std::size_t i = 0; i < N; ++i) next[i] += u6[i];

    const double error = trial_error(x, next, u6, relative, absolute);
    if (error <= 1.0) x = next;
    if (!steps.advance(error)) {
      x.fill(std::numeric_limits<double>::quiet_NaN());
      return false;
    }
    if (steps.done()) return true;
    if (error <= 1.0) linearised(x, slope, jacobian);
  }
}

}  // namespace v1
}  // namespace nestml_runtime
#endif
