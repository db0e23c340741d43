#ifndef NESTML_POWER_H
#define NESTML_POWER_H

#include <cmath>

namespace nestml {

/// std::pow, without its cost for the exponents of most rules of plasticity.
inline double power(const double base, const double exponent) {
  if (exponent == 1.0) return base;
  if (exponent == 0.0) return 1.0;
  return std::pow(base, exponent);
}

}  // namespace nestml

#endif
