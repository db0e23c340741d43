#ifndef NESTML_RUNTIME_V1_COUNTER
#define NESTML_RUNTIME_V1_COUNTER
#include <array>
#include <cmath>
#include <cstdint>

namespace nestml_runtime {
inline namespace v1 {

// Random numbers that are a function of what they are for: of a seed, a neuron, a step, and the
// number of the draw in that step. They depend on nothing else: not on how many neurons there are,
// on the order in which these advance, or on threads.

using Block = std::array<std::uint32_t, 4>;
using Key = std::array<std::uint32_t, 2>;

/// Philox4x32-10: a bijection of blocks for each key, whose results pass as random (Salmon, Moraes,
/// Dror & Shaw 2011, Parallel Random Numbers: As Easy as 1, 2, 3, SC '11).
constexpr Block philox(Block x, Key key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * x[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * x[2];
    x = {static_cast<std::uint32_t>(b >> 32) ^ x[1] ^ key[0], static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32) ^ x[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key = {static_cast<std::uint32_t>(key[0] + 0x9E3779B9u),
           static_cast<std::uint32_t>(key[1] + 0xBB67AE85u)};
  }
  return x;
}

constexpr Key key_of(std::uint64_t seed) {
  return {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
}

/// Return a seed for something of its own, such as a population: different for each `part`.
constexpr std::uint64_t seed_for(std::uint64_t seed, std::uint64_t part) {
  const Block x = philox({static_cast<std::uint32_t>(part), static_cast<std::uint32_t>(part >> 32),
                          0x70617274u, 0u}, key_of(seed));
  return x[0] | std::uint64_t{x[1]} << 32;
}

/// Return a number inside (0, 1): an odd multiple of 2^-53.
constexpr double unit_of(std::uint32_t low, std::uint32_t high) {
  const std::uint64_t bits = (low | std::uint64_t{high} << 32) >> 12;
  return static_cast<double>(2 * bits + 1) * 0x1p-53;
}

/// The random numbers of one draw; most need a single one.
///
/// Neurons are told apart up to 2^32, steps up to 2^48, draws of a step up to 2^32.
class Draw {
 public:
  constexpr Draw(std::uint64_t seed, std::uint64_t neuron, std::uint64_t step, std::uint64_t draw)
      : key(key_of(seed)),
        counter{static_cast<std::uint32_t>(draw), static_cast<std::uint32_t>(step),
                static_cast<std::uint32_t>(step >> 32) & 0xffffu,
                static_cast<std::uint32_t>(neuron)} {}

  /// Return the next number inside (0, 1).
  constexpr double unit() {
    const Block x = philox(counter, key);
    counter[2] += 0x10000u;
    return unit_of(x[0], x[1]);
  }

 private:
  Key key;
  Block counter;
};

/// Return the polynomial c[0] + c[1] x + ... + c[7] x^7.
template <class Number>
Number eighth(const double (&c)[8], Number x) {
  Number y = c[7];
  for (int i = 6; i >= 0; --i) y = y * x + c[i];
  return y;
}

/// Rational functions for normal deviates near the middle, and at the ends.
struct NormalQuantile {
  static constexpr double middle[2][8] = {
      {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
       1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
       3.3430575583588128105e4, 2.5090809287301226727e3},
      {1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
       2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
       5.2264952788528545610e3}};
  static constexpr double outer[2][8] = {
      {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
       3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
       2.27238449892691845833e-2, 7.74545014278341407640e-4},
      {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
       1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
       1.05075007164441684324e-9}};
  static constexpr double tail[2][8] = {
      {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
       2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
       2.71155556874348757815e-5, 2.01033439929228813265e-7},
      {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
       7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
       2.04426310338993978564e-15}};
};

/// Return the number below which a standard normal deviate lies with probability p, to about 1e-16
/// (Wichura 1988, Algorithm AS 241, Appl. Stat. 37:477-484).
inline double normal_quantile(double p) {
  using Q = NormalQuantile;
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * eighth(Q::middle[0], r) / eighth(Q::middle[1], r);
  }
  const double r = std::sqrt(-std::log(q < 0.0 ? p : 1.0 - p));
  const double z = r <= 5.0 ? eighth(Q::outer[0], r - 1.6) / eighth(Q::outer[1], r - 1.6)
                            : eighth(Q::tail[0], r - 5.0) / eighth(Q::tail[1], r - 5.0);
  return q < 0.0 ? -z : z;
}

/// Return the logarithm of the probability of the whole number k >= 0; from 10 on without
/// cancellation: the deviance plus Stirling's series (Loader 2000, Fast and Accurate Computation of
/// Binomial Probabilities), whose error is below 1e-11.
inline double log_poisson(double k, double mean) {
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

/// Return a Poisson distributed number; 0 unless mean > 0.
///
/// Below a mean of 10 by inversion (Devroye 1986, Non-Uniform Random Variate Generation, section
/// X.3.3), from there on by transformed rejection (Hormann 1993, Insur. Math. Econ. 12:39-45,
/// algorithm PTRS).
inline double poisson_number(Draw draw, double mean) {
  if (!(mean > 0.0)) return 0.0;
  if (mean < 10.0) {
    double probability = std::exp(-mean);
    double rest = draw.unit();
    double k = 0.0;
    while (rest >= probability && k < 1000.0) {
      rest -= probability;
      k += 1.0;
      probability *= mean / k;
    }
    return k;
  }
  if (!(mean < 1e18)) return mean;  // all digits that a double has
  const double b = 0.931 + 2.53 * std::sqrt(mean);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double v_r = 0.9277 - 3.6224 / (b - 2.0);
  while (true) {
    const double u = draw.unit() - 0.5;
    const double v = draw.unit();
    const double u_s = 0.5 - std::abs(u);
    const double k = std::floor((2.0 * a / u_s + b) * u + mean + 0.43);
    if (u_s >= 0.07 && v <= v_r) return k;
    if (k < 0.0 || k > 4e18 || (u_s < 0.013 && v > u_s)) continue;
    const double proposal = std::log(v * inverse_alpha / (a / (u_s * u_s) + b));
    if (proposal <= log_poisson(k, mean)) return k;
  }
}

}  // namespace v1
}  // namespace nestml_runtime
#endif
