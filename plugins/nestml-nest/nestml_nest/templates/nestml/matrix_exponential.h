#ifndef NESTML_MATRIX_EXPONENTIAL_H
#define NESTML_MATRIX_EXPONENTIAL_H

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

namespace nestml {

template <std::size_t n>
using Matrix = std::array<std::array<double, n>, n>;

template <std::size_t n>
Matrix<n> product(const Matrix<n>& a, const Matrix<n>& b) {
  Matrix<n> c{};
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < n; ++k) {
      for (std::size_t j = 0; j < n; ++j) {
        c[i][j] += a[i][k] * b[k][j];
      }
    }
  }
  return c;
}

/// exp(a h) by scaling and squaring: a Taylor polynomial where the norm is at most 1/2, which
/// leaves a remainder of 1e-23. Not a number where an entry is not finite.
///
/// Moler & Van Loan (2003), SIAM Rev. 45:3-49, methods 1 and 3.
template <std::size_t n>
Matrix<n> matrix_exponential(Matrix<n> a, const double h) {
  double norm = 0.0;
  for (const auto& row : a) {
    double sum = 0.0;
    for (const double entry : row) {
      sum += std::abs(entry * h);
    }
    norm = sum > norm || std::isnan(sum) ? sum : norm;
  }
  Matrix<n> result{};
  if (!std::isfinite(norm)) {
    for (auto& row : result) {
      row.fill(std::numeric_limits<double>::quiet_NaN());
    }
    return result;
  }
  int squarings = 0;
  std::frexp(norm, &squarings);
  squarings = squarings < -1 ? 0 : squarings + 1;
  for (auto& row : a) {
    for (double& entry : row) {
      entry = std::ldexp(entry * h, -squarings);
    }
  }
  for (int k = 18; k >= 0; --k) {  // Horner's rule: 1 + a/1 (1 + a/2 (1 + ...))
    if (k < 18) {
      result = product(a, result);
      for (auto& row : result) {
        for (double& entry : row) {
          entry /= k + 1;
        }
      }
    }
    for (std::size_t i = 0; i < n; ++i) {
      result[i][i] += 1.0;
    }
  }
  for (; squarings > 0; --squarings) {
    result = product(result, result);
  }
  return result;
}

}  // namespace nestml

#endif
