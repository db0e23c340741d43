#ifndef NESTML_RUNTIME_V1_RANDOM
#define NESTML_RUNTIME_V1_RANDOM
#include <cmath>
#include <cstdint>
#include <random>

namespace nestml_runtime {
inline namespace v1 {

/// Random numbers that depend on the seed alone: the standard fixes the bits of the generator, and
/// the transformations stand here, as the distributions of standard libraries differ.
class Random {
 public:
  explicit Random(std::uint64_t seed = 1) : engine(seed) {}

  /// A number of [offset, offset + scale), a multiple of scale / 2^53 away from offset.
  double uniform(double offset, double scale) { return offset + scale * unit(); }

  /// A normally distributed number: polar method (Marsaglia & Bray 1964, SIAM Rev. 6:260-264).
  double normal(double mean, double deviation) {
    if (has_spare) {
      has_spare = false;
      return mean + deviation * spare;
    }
    double u = 0.0;
    double v = 0.0;
    double s = 0.0;
    do {
      u = 2.0 * unit() - 1.0;
      v = 2.0 * unit() - 1.0;
      s = u * u + v * v;
    } while (s >= 1.0 || s == 0.0);
    const double factor = std::sqrt(-2.0 * std::log(s) / s);
    spare = factor * v;
    has_spare = true;
    return mean + deviation * (factor * u);
  }

  /// A Poisson distributed number; 0 unless mean > 0.
  ///
  /// Below a mean of 10 by inversion (Devroye 1986, Non-Uniform Random Variate Generation, section
  /// X.3.3), from there on by transformed rejection (Hormann 1993, Insur. Math. Econ. 12:39-45,
  /// algorithm PTRS).
  long poisson(double mean) {
    if (!(mean > 0.0)) return 0;
    if (mean < 10.0) return small_poisson(mean);
    if (!(mean < 1e18)) return integer(mean);
    const double b = 0.931 + 2.53 * std::sqrt(mean);
    const double a = -0.059 + 0.02483 * b;
    const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    const double v_r = 0.9277 - 3.6224 / (b - 2.0);
    while (true) {
      const double u = unit() - 0.5;
      const double v = 1.0 - unit();  // not 0
      const double u_s = 0.5 - std::abs(u);
      const double k = std::floor((2.0 * a / u_s + b) * u + mean + 0.43);
      if (u_s >= 0.07 && v <= v_r) return integer(k);
      if (k < 0.0 || k > 4e18 || (u_s < 0.013 && v > u_s)) continue;
      const double proposal = std::log(v * inverse_alpha / (a / (u_s * u_s) + b));
      if (proposal <= log_probability(k, mean)) return integer(k);
    }
  }

 private:
  /// A multiple of 2^-53 in [0, 1).
  double unit() { return static_cast<double>(engine() >> 11) * 0x1p-53; }

  long small_poisson(double mean) {
    double probability = std::exp(-mean);
    double rest = unit();
    long k = 0;
    while (rest >= probability && k < 1000) {
      rest -= probability;
      ++k;
      probability *= mean / static_cast<double>(k);
    }
    return k;
  }

  /// The logarithm of the probability of the whole number k >= 0; from 10 on without cancellation:
  /// the deviance plus Stirling's series (Loader 2000, Fast and Accurate Computation of Binomial
  /// Probabilities), whose error is below 1e-11.
  static double log_probability(double k, double mean) {
    if (k < 10.0) {
      double factorial = 1.0;
      for (double i = 2.0; i <= k; i += 1.0) factorial *= i;
      return k * std::log(mean) - mean - std::log(factorial);
    }
    const double x = (k - mean) / mean;
    const double deviance = mean * ((1.0 + x) * std::log1p(x) - x);
    const double r = 1.0 / k;
    const double series =
        r * (1.0 / 12.0 - r * r * (1.0 / 360.0 - r * r * (1.0 / 1260.0 - r * r / 1680.0)));
    return -deviance - 0.5 * std::log(6.283185307179586 * k) - series;
  }

  std::mt19937_64 engine;
  double spare = 0.0;
  bool has_spare = false;
};

}  // namespace v1
}  // namespace nestml_runtime
#endif
