#ifndef NESTML_RUNTIME_V1_MATRIX_EXPONENTIAL
#define NESTML_RUNTIME_V1_MATRIX_EXPONENTIAL
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

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

/// Return the solution x of a x = b, by elimination with row pivoting.
template <std::size_t N>
Matrix<N> solution(Matrix<N> a, Matrix<N> b) {
  for (std::size_t k = 0; k < N; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < N; ++i) {
      if (std::abs(a[i][k]) > std::abs(a[pivot][k])) pivot = i;
    }
    std::swap(a[k], a[pivot]);
    std::swap(b[k], b[pivot]);
    for (std::size_t i = k + 1; i < N; ++i) {
      const double factor = a[i][k] / a[k][k];
      for (std::size_t j = k; j < N; ++j) a[i][j] -= factor * a[k][j];
      for (std::size_t j = 0; j < N; ++j) b[i][j] -= factor * b[k][j];
    }
  }
  for (std::size_t i = N; i-- > 0;) {
    for (std::size_t j = 0; j < N; ++j) {
      for (std::size_t k = i + 1; k < N; ++k) b[i][j] -= a[i][k] * b[k][j];
      b[i][j] /= a[i][i];
    }
  }
  return b;
}

/// Return exp(a h): Pade approximant of degree 13, scaling and squaring
/// (Higham 2005, SIAM J. Matrix Anal. Appl. 26:1179-1193, algorithm 2.3).
template <std::size_t N>
Matrix<N> matrix_exponential(Matrix<N> a, double h) {
  constexpr double theta = 5.371920351148152;  // the largest norm for which degree 13 suffices
  constexpr std::array<double, 14> c = {64764752532480000.0, 32382376266240000.0,
                                        7771770303897600.0,  1187353796428800.0,
                                        129060195264000.0,   10559470521600.0,
                                        670442572800.0,      33522128640.0,
                                        1323241920.0,        40840800.0,
                                        960960.0,            16380.0,
                                        182.0,               1.0};
  double norm = 0.0;  // the largest column sum
  for (std::size_t j = 0; j < N; ++j) {
    double sum = 0.0;
    for (std::size_t i = 0; i < N; ++i) sum += std::abs(a[i][j] * h);
    if (sum > norm || std::isnan(sum)) norm = sum;
  }
  if (!(norm <= std::numeric_limits<double>::max())) {
    for (auto& row : a) row.fill(std::numeric_limits<double>::quiet_NaN());
    return a;
  }
  int squarings = 0;
  while (std::ldexp(norm, -squarings) > theta) ++squarings;
  const double scale = std::ldexp(h, -squarings);
  for (auto& row : a) {
    for (double& x : row) x *= scale;
  }

  const Matrix<N> a2 = product(a, a);
  const Matrix<N> a4 = product(a2, a2);
  const Matrix<N> a6 = product(a2, a4);
  Matrix<N> odd = {};
  Matrix<N> even = {};
  for (std::size_t i = 0; i < N; ++i) {
    for (std::size_t j = 0; j < N; ++j) {
      odd[i][j] = c[13] * a6[i][j] + c[11] * a4[i][j] + c[9] * a2[i][j];
      even[i][j] = c[12] * a6[i][j] + c[10] * a4[i][j] + c[8] * a2[i][j];
    }
  }
  odd = product(a6, odd);
  even = product(a6, even);
  for (std::size_t i = 0; i < N; ++i) {
    for (std::size_t j = 0; j < N; ++j) {
      odd[i][j] += c[7] * a6[i][j] + c[5] * a4[i][j] + c[3] * a2[i][j];
      even[i][j] += c[6] * a6[i][j] + c[4] * a4[i][j] + c[2] * a2[i][j];
    }
    odd[i][i] += c[1];
    even[i][i] += c[0];
  }
  odd = product(a, odd);
  Matrix<N> numerator = {};
  Matrix<N> denominator = {};
  for (std::size_t i = 0; i < N; ++i) {
    for (std::size_t j = 0; j < N; ++j) {
      numerator[i][j] = even[i][j] + odd[i][j];
      denominator[i][j] = even[i][j] - odd[i][j];
    }
  }
  Matrix<N> result = solution(denominator, numerator);
  for (int n = 0; n < squarings; ++n) result = product(result, result);
  return result;
}

}  // namespace v1
}  // namespace nestml_runtime
#endif
