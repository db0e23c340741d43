#ifndef NESTML_RUNTIME_V1_MATRIX_EXPONENTIAL
#define NESTML_RUNTIME_V1_MATRIX_EXPONENTIAL
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

namespace nestml_runtime {
inline namespace v1 {

template <std::size_t N>
using Matrix = std::array<std::array<double, N>, N>;

template <std::size_t N>
Matrix<N> product(const Matrix<N>& a, const Matrix<N>& b) {
  Matrix<N> c = {};
  for (std::size_t i = 0; i < N; ++i) {
    for (std::size_t k = 0; k < N; ++k) {
      for (std::size_t j = 0; j < N; ++j) c[i][j] += a[i][k] * b[k][j];
    }
  }
  return c;
}

/// Return the smallest s with |M^32|^(1/32) / 2^s <= 1/2, M not negative: the spectral radius of M
/// or a little more, which hardly depends on the units of the variables.
template <std::size_t N>
int squarings(Matrix<N> m) {
  constexpr int power = 5;
  double log = 0.0;
  for (int squared = 0; squared <= power; ++squared) {
    if (squared > 0) {
      m = product(m, m);
      log *= 2.0;
    }
    double size = 0.0;
    for (const auto& row : m) {
      double sum = 0.0;
      for (const double x : row) sum += x;
      size = std::max(size, sum);
    }
    if (size == 0.0) return 0;
    for (auto& row : m) {
      for (double& x : row) x /= size;
    }
    log += std::log2(size);
  }
  return std::max(0, static_cast<int>(std::ceil(log / (1 << power) + 1.0)));
}

/// Return exp(a h), each entry accurate, however different their sizes.
///
/// With m the smallest diagonal entry and B = (a - m) h, whose diagonal is not negative, it is
/// (exp(m h / 2^s) T(B / 2^s))^(2^s), T being the Taylor series, which goes on until no entry of
/// the series of |B| changes. Nothing is divided, so errors stay relative to each entry
/// (Xue & Ye 2013, Math. Comp. 82:1577-1596).
template <std::size_t N>
Matrix<N> matrix_exponential(Matrix<N> a, double h) {
  constexpr double end = 0x1p-60;  // relative size of the first term that no longer counts
  double low = a[0][0];
  bool finite = std::isfinite(h);
  for (std::size_t i = 0; i < N; ++i) {
    low = std::min(low, a[i][i]);
    for (const double x : a[i]) finite = finite && std::isfinite(x);
  }
  if (!finite) {
    for (auto& row : a) row.fill(std::numeric_limits<double>::quiet_NaN());
    return a;
  }
  Matrix<N> size = {};
  Matrix<N> one = {};
  for (std::size_t i = 0; i < N; ++i) {
    one[i][i] = 1.0;
    a[i][i] -= low;
    for (std::size_t j = 0; j < N; ++j) {
      a[i][j] *= h;
      size[i][j] = std::abs(a[i][j]);
    }
  }
  const int s = squarings(size);
  const double scale = std::ldexp(1.0, -s);
  for (std::size_t i = 0; i < N; ++i) {
    for (std::size_t j = 0; j < N; ++j) {
      a[i][j] *= scale;
      size[i][j] *= scale;
    }
  }
  Matrix<N> term = one;
  Matrix<N> bound = one;
  Matrix<N> total = one;
  Matrix<N> largest = one;
  bool more = true;
  for (std::size_t k = 1; more || k <= N; ++k) {  // paths of up to N - 1 couplings count
    term = product(term, a);
    bound = product(bound, size);
    more = false;
    for (std::size_t i = 0; i < N; ++i) {
      for (std::size_t j = 0; j < N; ++j) {
        total[i][j] += term[i][j] /= static_cast<double>(k);
        largest[i][j] += bound[i][j] /= static_cast<double>(k);
        more = more || bound[i][j] > end * largest[i][j];
      }
    }
  }
  const double decay = std::exp(low * h * scale);
  for (auto& row : total) {
    for (double& x : row) x *= decay;
  }
  for (int i = 0; i < s; ++i) total = product(total, total);
  return total;
}

}  // namespace v1
}  // namespace nestml_runtime
#endif
