#ifndef NESTML_DORMAND_PRINCE_H
#define NESTML_DORMAND_PRINCE_H

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

namespace nestml {

/// Advance x' = f(x) by `interval` with the Runge-Kutta pair of orders 5 and 4 of Dormand &
/// Prince (1980), J. Comput. Appl. Math. 6:19-26, table 2. Nothing is carried from call to call.
///
/// A trial step is accepted if |error_i| <= absolute + relative * max(|x_i before|, |x_i after|) for
/// all i. The first one spans the whole interval.
///
/// @param f      f(x, slope) writes the derivatives at x, per ms, to slope
/// @return false where no step is short enough for the tolerances
template <std::size_t n, class RightHandSide>
bool dormand_prince(std::array<double, n>& x, const double interval, const double relative,
                    const double absolute, const RightHandSide& f) {
  constexpr double shortest = 16.0 * std::numeric_limits<double>::epsilon();
  std::array<double, n> k1, k2, k3, k4, k5, k6, k7, y;
  double remaining = interval;
  double h = interval;
  f(x, k1);
  while (remaining > 0.0) {
    for (std::size_t i = 0; i < n; ++i) {
      y[i] = x[i] + h * (1.0 / 5.0 * k1[i]);
    }
    f(y, k2);
    for (std::size_t i = 0; i < n; ++i) {
      y[i] = x[i] + h * (3.0 / 40.0 * k1[i] + 9.0 / 40.0 * k2[i]);
    }
    f(y, k3);
    for (std::size_t i = 0; i < n; ++i) {
      y[i] = x[i] + h * (44.0 / 45.0 * k1[i] - 56.0 / 15.0 * k2[i] + 32.0 / 9.0 * k3[i]);
    }
    f(y, k4);
    for (std::size_t i = 0; i < n; ++i) {
      y[i] = x[i] + h * (19372.0 / 6561.0 * k1[i] - 25360.0 / 2187.0 * k2[i]
                         + 64448.0 / 6561.0 * k3[i] - 212.0 / 729.0 * k4[i]);
    }
    f(y, k5);
    for (std::size_t i = 0; i < n; ++i) {
      y[i] = x[i] + h * (9017.0 / 3168.0 * k1[i] - 355.0 / 33.0 * k2[i] + 46732.0 / 5247.0 * k3[i]
                         + 49.0 / 176.0 * k4[i] - 5103.0 / 18656.0 * k5[i]);
    }
    f(y, k6);
    for (std::size_t i = 0; i < n; ++i) {
      y[i] = x[i] + h * (35.0 / 384.0 * k1[i] + 500.0 / 1113.0 * k3[i] + 125.0 / 192.0 * k4[i]
                         - 2187.0 / 6784.0 * k5[i] + 11.0 / 84.0 * k6[i]);
    }
    f(y, k7);
    double error = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      const double e = h * (71.0 / 57600.0 * k1[i] - 71.0 / 16695.0 * k3[i] + 71.0 / 1920.0 * k4[i]
                            - 17253.0 / 339200.0 * k5[i] + 22.0 / 525.0 * k6[i] - 1.0 / 40.0 * k7[i]);
      const double e_i =
        std::abs(e) / (absolute + relative * std::max(std::abs(x[i]), std::abs(y[i])));
      if (!std::isfinite(e_i) || !std::isfinite(y[i])) {
        error = std::numeric_limits<double>::infinity();
      }
      error = std::max(error, e_i);  // infinity stays: comparing with NaN is false
    }
    if (error <= 1.0) {
      x = y;
      k1 = k7;
      remaining -= h;
    }
    h *= error == 0.0 ? 5.0 : std::min(5.0, std::max(0.2, 0.9 * std::pow(error, -0.2)));
    if (h >= remaining) {
      h = remaining;
    } else if (h < shortest * interval) {
      return false;
    }
  }
  return true;
}

}  // namespace nestml

#endif
