#ifndef NESTML_RUNTIME_V1_LINEAR_EQUATIONS
#define NESTML_RUNTIME_V1_LINEAR_EQUATIONS
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

namespace nestml_runtime {
inline namespace v1 {

/// A square matrix, prepared for the solution of linear equations: LU factors, rows pivoted.
/// Where it is singular, solutions are not finite.
template <std::size_t N>
class Factors {
 public:
  explicit Factors(const std::array<std::array<double, N>, N>& matrix) : a(matrix) {
    for (std::size_t i = 0; i < N; ++i) order[i] = i;
    for (std::size_t k = 0; k < N; ++k) {
      std::size_t pivot = k;
      for (std::size_t i = k + 1; i < N; ++i) {
        if (std::abs(a[i][k]) > std::abs(a[pivot][k])) pivot = i;
      }
      std::swap(a[k], a[pivot]);
      std::swap(order[k], order[pivot]);
      for (std::size_t i = k + 1; i < N; ++i) {
        const double factor = a[i][k] /= a[k][k];
        for (std::size_t j = k + 1; j < N; ++j) a[i][j] -= factor * a[k][j];
      }
    }
  }

  /// Put the solution of matrix * x = right into x.
  void solve(const std::array<double, N>& right, std::array<double, N>& x) const {
    for (std::size_t i = 0; i < N; ++i) {
      double sum = right[order[i]];
      for (std::size_t j = 0; j < i; ++j) sum -= a[i][j] * x[j];
      x[i] = sum;
    }
    for (std::size_t i = N; i-- > 0;) {
      for (std::size_t j = i + 1; j < N; ++j) x[i] -= a[i][j] * x[j];
      x[i] /= a[i][i];
    }
  }

 private:
  std::array<std::array<double, N>, N> a;
  std::array<std::size_t, N> order;
};

}  // namespace v1
}  // namespace nestml_runtime
#endif
