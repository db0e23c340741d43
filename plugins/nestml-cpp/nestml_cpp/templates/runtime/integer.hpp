#ifndef NESTML_RUNTIME_V1_INTEGER
#define NESTML_RUNTIME_V1_INTEGER
#include <cmath>
#include <limits>

namespace nestml_runtime {
inline namespace v1 {

/// Return a whole number as an integer: the nearest there is if it is out of range, 0 for NaN.
inline long integer(double x) {
  constexpr long low = std::numeric_limits<long>::min();
  constexpr long high = std::numeric_limits<long>::max();
  if (x >= static_cast<double>(high)) return high;
  if (x <= static_cast<double>(low)) return low;
  return x == x ? static_cast<long>(x) : 0;
}

/// Return base to the power of exponent; it wraps around on overflow.
inline long power(long base, long exponent) {
  if (exponent < 0) return integer(std::trunc(std::pow(base, exponent)));
  unsigned long result = 1;
  for (unsigned long square = static_cast<unsigned long>(base); exponent > 0; exponent /= 2) {
    if (exponent % 2 == 1) result *= square;
    square *= square;
  }
  return static_cast<long>(result);
}

}  // namespace v1
}  // namespace nestml_runtime
#endif
