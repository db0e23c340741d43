#ifndef NESTML_RUNTIME_V1_LANE_STEPS
#define NESTML_RUNTIME_V1_LANE_STEPS
#include <array>
#include <cstddef>
#include <limits>
#include <utility>

namespace nestml_runtime {
inline namespace v1 {

// The integrators of single neurons for several neurons at once. Each lane has trial steps of its
// own: what a neuron does depends on no other one. Lanes that are not `active` stand still.

template <std::size_t N>
using Reals = std::array<Real, N>;

/// The control of trial steps, as for one neuron: `trial_error`, `trial_growth`.
struct Trial {
  Real h, remaining, shortest;
  Mask running;
  double exponent;

  Trial(double interval, Mask active, double exponent)
      : h(select_real(active, interval, 0.0)),
        remaining(interval),
        shortest(16.0 * std::numeric_limits<double>::epsilon() * interval),
        running(active),
        exponent(exponent) {}

  /// Judge a trial step; returns the lanes in which it is accepted, and chooses the next steps.
  /// Where no step is short enough, x becomes NaN.
  template <std::size_t N>
  Mask judge(Reals<N>& x, const Reals<N>& next, const Reals<N>& difference, double relative,
             double absolute) {
    Real error = 0.0;
    Mask is_number = true;
    for (std::size_t i = 0; i < N; ++i) {
      const Real part =
          abs(difference[i]) / (max(abs(x[i]), abs(next[i])) * relative + absolute);
      is_number = is_number && is_finite(part) && is_finite(next[i]);
      error = max(error, part);
    }
    error = select_real(is_number, error, std::numeric_limits<double>::infinity());
    const Mask accepted = running && error <= 1.0;
    remaining = select_real(accepted, remaining - h, remaining);
    for (std::size_t i = 0; i < N; ++i) x[i] = select_real(accepted, next[i], x[i]);
    running = running && !(accepted && remaining <= 0.0);
    if (!any(running)) return accepted;

    const Real growth = exp(log(error) * exponent) * 0.9;
    h = h * select_real(growth > 0.2, min(growth, 5.0), 0.2);
    const Mask is_last = h >= remaining;
    const Mask gives_up = running && !is_last && h < shortest;
    if (any(gives_up)) {
      for (Real& value : x) {
        value = select_real(gives_up, std::numeric_limits<double>::quiet_NaN(), value);
      }
      running = running && !gives_up;
    }
    h = select_real(running, select_real(is_last, remaining, h), 0.0);
    return accepted;
  }
};

/// As `dormand_prince` for one neuron.
template <std::size_t N, class RightHandSide>
void dormand_prince(const RightHandSide& f, Reals<N>& x, double interval, double relative,
                    double absolute, Mask active) {
  Reals<N> k1, k2, k3, k4, k5, k6, k7, next, difference;
  Trial trial(interval, active, -0.2);
  f(x, k1);
  while (any(trial.running)) {
    const Real h = trial.h;
    for (std::size_t i = 0; i < N; ++i) next[i] = fma(h, k1[i] * (1.0 / 5.0), x[i]);
    f(next, k2);
    for (std::size_t i = 0; i < N; ++i) {
      next[i] = fma(h, fma(k2[i], 9.0 / 40.0, k1[i] * (3.0 / 40.0)), x[i]);
    }
    f(next, k3);
    for (std::size_t i = 0; i < N; ++i) {
      next[i] = fma(h, fma(k3[i], 32.0 / 9.0, fma(k2[i], -56.0 / 15.0, k1[i] * (44.0 / 45.0))),
                    x[i]);
    }
    f(next, k4);
    for (std::size_t i = 0; i < N; ++i) {
      next[i] = fma(h,
                    fma(k4[i], -212.0 / 729.0,
                        fma(k3[i], 64448.0 / 6561.0,
                            fma(k2[i], -25360.0 / 2187.0, k1[i] * (19372.0 / 6561.0)))),
                    x[i]);
    }
    f(next, k5);
    for (std::size_t i = 0; i < N; ++i) {
      next[i] = fma(h,
                    fma(k5[i], -5103.0 / 18656.0,
                        fma(k4[i], 49.0 / 176.0,
                            fma(k3[i], 46732.0 / 5247.0,
                                fma(k2[i], -355.0 / 33.0, k1[i] * (9017.0 / 3168.0))))),
                    x[i]);
    }
    f(next, k6);
    for (std::size_t i = 0; i < N; ++i) {
      next[i] = fma(h,
                    fma(k6[i], 11.0 / 84.0,
                        fma(k5[i], -2187.0 / 6784.0,
                            fma(k4[i], 125.0 / 192.0,
                                fma(k3[i], 500.0 / 1113.0, k1[i] * (35.0 / 384.0))))),
                    x[i]);
    }
    f(next, k7);
    for (std::size_t i = 0; i < N; ++i) {
      difference[i] =
          h * fma(k7[i], -1.0 / 40.0,
                  fma(k6[i], 22.0 / 525.0,
                      fma(k5[i], -17253.0 / 339200.0,
                          fma(k4[i], 71.0 / 1920.0,
                              fma(k3[i], -71.0 / 16695.0, k1[i] * (71.0 / 57600.0))))));
    }
    const Mask accepted = trial.judge(x, next, difference, relative, absolute);
    for (std::size_t i = 0; i < N; ++i) k1[i] = select_real(accepted, k7[i], k1[i]);
  }
}

/// A square matrix, prepared for the solution of linear equations: LU factors, rows pivoted.
template <std::size_t N>
class LaneFactors {
 public:
  explicit LaneFactors(const std::array<Reals<N>, N>& matrix) : a(matrix) {
    for (std::size_t k = 0; k < N; ++k) {
      for (std::size_t i = k + 1; i < N; ++i) {  // the largest one comes to the top
        const Mask larger = abs(a[i][k]) > abs(a[k][k]);
        swapped[k][i] = larger;
        if (!any(larger)) continue;
        for (std::size_t j = 0; j < N; ++j) exchange(larger, a[k][j], a[i][j]);
      }
      for (std::size_t i = k + 1; i < N; ++i) {
        const Real factor = a[i][k] = a[i][k] / a[k][k];
        for (std::size_t j = k + 1; j < N; ++j) a[i][j] = a[i][j] - factor * a[k][j];
      }
    }
  }

  /// Put the solution of matrix * x = right into x.
  void solve(const Reals<N>& right, Reals<N>& x) const {
    x = right;
    for (std::size_t k = 0; k < N; ++k) {
      for (std::size_t i = k + 1; i < N; ++i) exchange(swapped[k][i], x[k], x[i]);
    }
    for (std::size_t i = 0; i < N; ++i) {
      for (std::size_t j = 0; j < i; ++j) x[i] = x[i] - a[i][j] * x[j];
    }
    for (std::size_t i = N; i-- > 0;) {
      for (std::size_t j = i + 1; j < N; ++j) x[i] = x[i] - a[i][j] * x[j];
      x[i] = x[i] / a[i][i];
    }
  }

 private:
  static void exchange(Mask m, Real& a, Real& b) {
    const Real old = a;
    a = select_real(m, b, a);
    b = select_real(m, old, b);
  }

  std::array<Reals<N>, N> a;
  std::array<std::array<Mask, N>, N> swapped;
};

/// As `rosenbrock` for one neuron.
template <std::size_t N, class RightHandSide, class Linearisation>
void rosenbrock(const RightHandSide& f, const Linearisation& linearised, Reals<N>& x,
                double interval, double relative, double absolute, Mask active) {
  Reals<N> slope, right, next, u1, u2, u3, u4, u5, u6;
  std::array<Reals<N>, N> jacobian, w;
  Trial trial(interval, active, -0.25);
  linearised(x, slope, jacobian);
  while (any(trial.running)) {
    const Real inverse = 1.0 / select_real(trial.running, trial.h, interval);
    for (std::size_t i = 0; i < N; ++i) {
      for (std::size_t j = 0; j < N; ++j) w[i][j] = -jacobian[i][j];
      w[i][i] = w[i][i] + inverse * 4.0;
    }
    const LaneFactors<N> factors(w);
    factors.solve(slope, u1);

    for (std::size_t i = 0; i < N; ++i) next[i] = x[i] + u1[i] * 1.544;
    f(next, right);
    for (std::size_t i = 0; i < N; ++i) right[i] = right[i] - u1[i] * 5.6688 * inverse;
    factors.solve(right, u2);

    for (std::size_t i = 0; i < N; ++i) {
      next[i] = x[i] + u1[i] * 0.9466785280815826 + u2[i] * 0.2557011698983284;
    }
    f(next, right);
    for (std::size_t i = 0; i < N; ++i) {
      right[i] = right[i] + (u1[i] * -2.430093356833875 - u2[i] * 0.2063599157091915) * inverse;
    }
    factors.solve(right, u3);

    for (std::size_t i = 0; i < N; ++i) {
      next[i] = x[i] + u1[i] * 3.314825187068521 + u2[i] * 2.896124015972201 +
                u3[i] * 0.9986419139977817;
    }
    f(next, right);
    for (std::size_t i = 0; i < N; ++i) {
      right[i] = right[i] + (u1[i] * -0.1073529058151375 - u2[i] * 9.594562251023355 -
                             u3[i] * 20.47028614809616) *
                                inverse;
    }
    factors.solve(right, u4);

    for (std::size_t i = 0; i < N; ++i) {
      next[i] = x[i] + u1[i] * 1.221224509226641 + u2[i] * 6.019134481288629 +
                u3[i] * 12.53708332932087 - u4[i] * 0.6878860361058950;
    }
    f(next, right);
    for (std::size_t i = 0; i < N; ++i) {
      right[i] = right[i] + (u1[i] * 7.496443313967647 - u2[i] * 10.24680431464352 -
                             u3[i] * 33.99990352819905 + u4[i] * 11.70890893206160) *
                                inverse;
    }
    factors.solve(right, u5);

    for (std::size_t i = 0; i < N; ++i) next[i] = next[i] + u5[i];
    f(next, right);
    for (std::size_t i = 0; i < N; ++i) {
      right[i] = right[i] + (u1[i] * 8.083246795921522 - u2[i] * 7.981132988064893 -
                             u3[i] * 31.52159432874371 + u4[i] * 16.31930543123136 -
                             u5[i] * 6.058818238834054) *
                                inverse;
    }
    factors.solve(right, u6);
    for (std::size_t i = 0; i < N; ++i) next[i] = next[i] + u6[i];

    trial.judge(x, next, u6, relative, absolute);
    if (any(trial.running)) linearised(x, slope, jacobian);
  }
}

/// As `runge_kutta` for one neuron.
template <std::size_t N, class RightHandSide>
void runge_kutta(const RightHandSide& f, Reals<N>& x, double interval, Mask) {
  Reals<N> k1, k2, k3, k4, next;
  f(x, k1);
  for (std::size_t i = 0; i < N; ++i) next[i] = fma(k1[i], interval / 2.0, x[i]);
  f(next, k2);
  for (std::size_t i = 0; i < N; ++i) next[i] = fma(k2[i], interval / 2.0, x[i]);
  f(next, k3);
  for (std::size_t i = 0; i < N; ++i) next[i] = fma(k3[i], interval, x[i]);
  f(next, k4);
  for (std::size_t i = 0; i < N; ++i) {
    x[i] = fma(k1[i] + (k2[i] + k3[i]) * 2.0 + k4[i], interval / 6.0, x[i]);
  }
}

/// As `forward_euler` for one neuron.
template <std::size_t N, class RightHandSide>
void forward_euler(const RightHandSide& f, Reals<N>& x, double interval, Mask) {
  Reals<N> slope;
  f(x, slope);
  for (std::size_t i = 0; i < N; ++i) x[i] = fma(slope[i], interval, x[i]);
}

/// As `exponential_euler` for one neuron.
///
/// In one piece with what calls it, so that what nobody asks for is not computed.
template <std::size_t N, class Linearisation>
[[gnu::always_inline]] inline void exponential_euler(const Linearisation& f, Reals<N>& x,
                                                     double interval, Mask) {
  Reals<N> slope, rate;
  f(x, slope, rate);
  [&]<std::size_t... i>(std::index_sequence<i...>) {
    ((x[i] = fma(phi(rate[i] * interval) * interval, slope[i], x[i])), ...);
  }(std::make_index_sequence<N>());
}

/// As `rush_larsen` for one neuron.
template <std::size_t N, class Linearisation>
void rush_larsen(const Linearisation& f, Reals<N>& x, double interval, Mask active) {
  Reals<N> slope, rate;
  Reals<N> middle = x;
  exponential_euler(f, middle, interval / 2.0, active);
  f(middle, slope, rate);
  for (std::size_t i = 0; i < N; ++i) {
    x[i] = fma(phi(rate[i] * interval) * interval, fma(rate[i], x[i] - middle[i], slope[i]), x[i]);
  }
}

}  // namespace v1
}  // namespace nestml_runtime
#endif
