#ifndef NESTML_DIVIDED_DIFFERENCE_H
#define NESTML_DIVIDED_DIFFERENCE_H

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <vector>

namespace nestml {

/// exp(a h) to one or two units in the last place: the rounding error of the product, which the
/// exponential would magnify, is made up for.
inline double exp_product(const double a, const double h) {
  const double x = a * h;
  if (!std::isfinite(x)) {
    return x > 0.0 ? std::numeric_limits<double>::infinity() : 0.0;
  }
  return std::exp(x) * (1.0 + std::fma(a, h, -x));
}

/// h^(n-1) exp(m h) sum_k H_k((a_1 - m) h, ..., (a_n - m) h) / (n - 1 + k)!, m the smallest rate:
/// no term is negative, so nothing cancels.
inline double divided_difference_series(const double h, const double* rates, const std::size_t n) {
  std::vector<double> x(n);
  std::vector<double> homogeneous(n, 1.0);  // H_k of the first 1, 2, ..., n of x
  double weight = std::pow(h, static_cast<double>(n) - 1.0) * exp_product(rates[0], h);
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = (rates[i] - rates[0]) * h;
    weight /= static_cast<double>(std::max<std::size_t>(i, 1));
  }
  double total = weight;
  for (std::size_t k = 1; weight * homogeneous[n - 1] > 0x1p-60 * total; ++k) {
    weight /= static_cast<double>(n - 1 + k);
    double below = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      below += x[i] * homogeneous[i];
      homogeneous[i] = below;
    }
    total += weight * homogeneous[n - 1];
  }
  return total;
}

/// The divided difference of x -> exp(x h) over two or more rates, in any order; equal and nearly
/// equal rates are fine. The relative error is about 1e-15 for up to 6 rates.
///
/// For two rates it is (exp(a h) - exp(b h)) / (a - b), the coupling of a state of rate a to one of
/// rate b in exact integration. Rates that lie close together are summed as a series; elsewhere
/// the recursion that defines divided differences subtracts numbers of clearly different size.
///
/// McCurdy, Ng & Parlett (1984), Math. Comp. 43:501-528.
inline double divided_difference(const double h, const std::initializer_list<double> given) {
  std::vector<double> rates(given);
  for (const double rate : rates) {
    if (!std::isfinite(rate)) {
      return std::numeric_limits<double>::quiet_NaN();
    }
  }
  std::sort(rates.begin(), rates.end());
  const std::size_t n = rates.size();
  std::vector<double> row(n);
  for (std::size_t i = 0; i < n; ++i) {
    row[i] = exp_product(rates[i], h);
  }
  for (std::size_t width = 1; width < n; ++width) {
    for (std::size_t i = 0; i + width < n; ++i) {
      const double gap = rates[i + width] - rates[i];
      const double x = gap * h;
      if (width == 1) {
        row[i] = exp_product(rates[i + 1], h) * h * (x > 0.0 ? -std::expm1(-x) / x : 1.0);
      } else if (x <= 4.0) {
        row[i] = divided_difference_series(h, rates.data() + i, width + 1);
      } else {
        row[i] = (row[i + 1] - row[i]) / gap;
      }
    }
  }
  return row[0];
}

}  // namespace nestml

#endif
