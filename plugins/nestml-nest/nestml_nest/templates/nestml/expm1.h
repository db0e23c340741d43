#ifndef NESTML_EXPM1_H
#define NESTML_EXPM1_H

#include <cmath>

namespace nestml {

/// exp(x) - 1 within four roundings, several times faster than `std::expm1`.
///
/// The difference loses at most two digits of the last place for |x| > 1/4; below, the Taylor
/// series up to x^12 leaves out less than 1e-17 of the sum.
inline double expm1(const double x) {
  if (!(std::abs(x) <= 0.25)) return std::exp(x) - 1.0;
  const double x2 = x * x;
  const double x4 = x2 * x2;
  const double a = (1.0 / 2.0 + x * (1.0 / 6.0)) + x2 * (1.0 / 24.0 + x * (1.0 / 120.0));
  const double b =
    (1.0 / 720.0 + x * (1.0 / 5040.0)) + x2 * (1.0 / 40320.0 + x * (1.0 / 362880.0));
  const double c =
    (1.0 / 3628800.0 + x * (1.0 / 39916800.0)) + x2 * (1.0 / 479001600.0);
  return x + x2 * (a + x4 * (b + x4 * c));
}

}  // namespace nestml

#endif
