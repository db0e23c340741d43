#ifndef NESTML_RUNTIME_V1_EXPDD
#define NESTML_RUNTIME_V1_EXPDD
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

namespace nestml_runtime {
inline namespace v1 {

/// Return exp(a h), making up for the rounding error of the product.
inline double exp_product(double a, double h) {
  const double x = a * h;
  if (!std::isfinite(x)) return std::exp(x);
  return std::exp(x) * (1.0 + std::fma(a, h, -x));
}

/// Return (exp(a h) - exp(b h)) / (a - b), and its limit h exp(a h) for a = b.
inline double expdd(double h, double a, double b) {
  const double larger = a > b ? a : b;
  const double z = std::abs(a - b) * h;
  return h * exp_product(larger, h) * (z == 0.0 ? 1.0 : -std::expm1(-z) / z);
}

/// Return the divided difference of x -> exp(x h) at two rates, for h >= 0.
inline double expdd(double h, const double (&rates)[2]) { return expdd(h, rates[0], rates[1]); }

/// Return the divided difference of x -> exp(x h) at N rates in any order, for h >= 0.
///
/// It is the corner entry of exp(h J), where J has the rates on its diagonal and ones above it
/// (Opitz 1964, Z. Angew. Math. Mech. 44:T52-T54). Relative to the smallest rate all terms of
/// the series for a small step are positive, and so are all terms of the products that double
/// the step: nothing cancels, however close the rates are. Taking the diagonal and the one above it
/// from their formulas in every doubling keeps the rounding errors from growing
/// (McCurdy, Ng & Parlett 1984, Math. Comput. 43:501-528).
template <std::size_t N>
double expdd(double h, const double (&rates)[N]) {
  static_assert(N > 2);
  double low = rates[0];
  double high = rates[0];
  for (const double rate : rates) {
    low = rate < low ? rate : low;
    high = rate > high ? rate : high;
  }
  const double spread = (high - low) * h;
  if (!(spread <= std::numeric_limits<double>::max())) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  int exponent = 0;
  std::frexp(spread, &exponent);
  const int doublings = exponent < -1 ? 0 : exponent + 1;  // the spread is then below 1/2
  double step = std::ldexp(h, -doublings);

  // Entry ij belongs to the rates i to j: with m = j - i and y = (rate - low) step it is
  // step^m exp(low step) times the sum over k of H_k(y_i, ..., y_j) / (k + m)!,
  // H_k the complete homogeneous symmetric polynomial of degree k.
  constexpr int terms = 16;
  std::array<std::array<double, N>, N> entry = {};
  for (std::size_t i = 0; i < N; ++i) {
    std::array<double, terms> symmetric = {1.0};  // H_k of no argument
    double factor = exp_product(low, step);
    for (std::size_t j = i; j < N; ++j) {
      const double y = (rates[j] - low) * step;
      double inverse_factorial = 1.0;
      for (std::size_t k = 2; k <= j - i; ++k) inverse_factorial /= static_cast<double>(k);
      double sum = 0.0;
      for (std::size_t k = 0; k < terms; ++k) {
        if (k > 0) {
          symmetric[k] += y * symmetric[k - 1];
          inverse_factorial /= static_cast<double>(k + j - i);
        }
        sum += symmetric[k] * inverse_factorial;
      }
      entry[i][j] = factor * sum;
      factor *= step;
    }
  }
  for (int n = 0; n < doublings; ++n) {
    std::array<std::array<double, N>, N> square = {};
    step *= 2.0;
    for (std::size_t i = 0; i < N; ++i) {
      square[i][i] = exp_product(rates[i], step);
      if (i + 1 < N) square[i][i + 1] = expdd(step, rates[i], rates[i + 1]);
      for (std::size_t j = i + 2; j < N; ++j) {
        for (std::size_t k = i; k <= j; ++k) square[i][j] += entry[i][k] * entry[k][j];
      }
    }
    entry = square;
  }
  return entry[0][N - 1];
}

}  // namespace v1
}  // namespace nestml_runtime
#endif
