#ifndef NESTML_RUNTIME_V1_LANE_RANDOM
#define NESTML_RUNTIME_V1_LANE_RANDOM
#include <cstddef>
#include <cstdint>

namespace nestml_runtime {
inline namespace v1 {

// Random numbers of several neurons at once: those that each of them would draw by itself.

typedef std::uint64_t Words __attribute__((vector_size(NESTML_VECTOR_BYTES)));

/// Return the products of numbers below 2^32.
inline Words product(Words a, std::uint64_t b) {
#if defined(__AVX2__) && !defined(__AVX512F__) && !defined(__clang__)
  typedef int Halves __attribute__((vector_size(32)));
  return reinterpret_cast<Words>(__builtin_ia32_pmuludq256(
      reinterpret_cast<Halves>(a), reinterpret_cast<Halves>(Words{} + b)));
#else
  return a * b;
#endif
}

/// Return the first two words of `philox`, with a word of its four counters in each lane.
inline void philox(Words x[4], Key key) {
  constexpr std::uint64_t low = 0xffffffffu;
  for (int round = 0; round < 10; ++round) {
    const Words a = product(x[0], 0xD2511F53u);
    const Words b = product(x[2], 0xCD9E8D57u);
    x[0] = (b >> 32) ^ x[1] ^ std::uint64_t{key[0]};
    x[1] = b & low;
    x[2] = (a >> 32) ^ x[3] ^ std::uint64_t{key[1]};
    x[3] = a & low;
    key = {static_cast<std::uint32_t>(key[0] + 0x9E3779B9u),
           static_cast<std::uint32_t>(key[1] + 0xBB67AE85u)};
  }
}

/// Return a number inside (0, 1) for the neurons from `k` on, of which each has drawn so many.
/// For lanes of doubles.
inline Real unit(const Draws& of, std::size_t k, Whole drawn) {
  Words x[4];
  for (std::size_t i = 0; i < sizeof(Words) / 8; ++i) x[3][i] = (of.first + k + i) & 0xffffffffu;
  x[0] = reinterpret_cast<Words>(drawn.v) & std::uint64_t{0xffffffffu};
  x[1] = Words{} + (of.step & 0xffffffffu);
  x[2] = Words{} + (of.step >> 32 & 0xffffu);
  philox(x, key_of(of.seed));
  const Words bits = (x[0] | x[1] << 32) >> 12;
  const Real one = of_bits(WholeVector(bits | std::uint64_t{0x3ff0000000000000u}));  // 1 to 2
  return (one - 1.0) + 0x1p-53;
}

/// As `normal_quantile`.
inline Real normal_quantile(Real p) {
  using Q = NormalQuantile;
  const Real q = p - 0.5;
  const Real m = 0.180625 - q * q;
  const Real near = q * eighth(Q::middle[0], m) / eighth(Q::middle[1], m);
  const Mask is_far = abs(q) > 0.425;
  if (!any(is_far)) return near;
  const Real r = sqrt(-log(select_real(q < 0.0, p, 1.0 - p)));
  Real z = eighth(Q::outer[0], r - 1.6) / eighth(Q::outer[1], r - 1.6);
  if (any(r > 5.0)) {
    z = select_real(r > 5.0, eighth(Q::tail[0], r - 5.0) / eighth(Q::tail[1], r - 5.0), z);
  }
  return select_real(is_far, select_real(q < 0.0, -z, z), near);
}

/// Return f of the draw of each lane and its arguments, for what has no algorithm for all at once.
template <class F, class... Rest>
Real each_draw(const Draws& of, std::size_t k, Whole drawn, F f, Rest... rest) {
  Real x;
  for (std::size_t i = 0; i < lanes; ++i) {
    const Draw draw(of.seed, of.first + k + i, of.step, static_cast<std::uint64_t>(drawn[i]));
    x.put(i, f(draw, rest[i]...));
  }
  return x;
}

inline Real random_uniform(const Draws& of, std::size_t k, Whole drawn, Real offset, Real scale) {
  if constexpr (sizeof(Scalar) == 8) {
    return offset + scale * unit(of, k, drawn);
  } else {
    return each_draw(of, k, drawn, [](Draw d, double a, double b) { return a + b * d.unit(); },
                     offset, scale);
  }
}

inline Real random_normal(const Draws& of, std::size_t k, Whole drawn, Real mean, Real deviation) {
  if constexpr (sizeof(Scalar) == 8) {
    return mean + deviation * normal_quantile(unit(of, k, drawn));
  } else {
    return each_draw(
        of, k, drawn,
        [](Draw d, double m, double s) { return m + s * normal_quantile(d.unit()); }, mean,
        deviation);
  }
}

inline Whole random_poisson(const Draws& of, std::size_t k, Whole drawn, Real mean) {
  return whole(each_draw(of, k, drawn, poisson_number, mean));
}

}  // namespace v1
}  // namespace nestml_runtime
#endif
