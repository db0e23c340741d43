#ifndef NESTML_RUNTIME_V1_LANES
#define NESTML_RUNTIME_V1_LANES
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

// Numbers of several neurons side by side: one operation computes one lane for each of them. They
// are the vector types that GNU compilers and clang share, as wide as the processor compiled for.

#ifndef NESTML_REAL
#define NESTML_REAL double  // what the numbers of a population are kept in: double or float
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#define NESTML_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define NESTML_VECTOR_BYTES 32
#else
#define NESTML_VECTOR_BYTES 16
#endif

namespace nestml_runtime {
inline namespace v1 {

using Scalar = NESTML_REAL;
using Integer = std::conditional_t<sizeof(Scalar) == 8, std::int64_t, std::int32_t>;

/// How many neurons advance together.
inline constexpr std::size_t lanes = NESTML_VECTOR_BYTES / sizeof(Scalar);

typedef Scalar RealVector __attribute__((vector_size(NESTML_VECTOR_BYTES)));
typedef Integer WholeVector __attribute__((vector_size(NESTML_VECTOR_BYTES)));

/// Truth values: all bits of a lane are set, or none.
struct Mask {
  WholeVector v;

  Mask() = default;
  Mask(bool all) : v(WholeVector{} - static_cast<Integer>(all)) {}
  explicit Mask(WholeVector vector) : v(vector) {}
  bool operator[](std::size_t lane) const { return v[lane] != 0; }
  void put(std::size_t lane, bool value) { v[lane] = -static_cast<Integer>(value); }
};

/// Whole numbers.
struct Whole {
  WholeVector v;

  Whole() = default;
  Whole(long all) : v(WholeVector{} + static_cast<Integer>(all)) {}
  explicit Whole(WholeVector vector) : v(vector) {}
  explicit Whole(Mask m) : v(m.v & WholeVector(WholeVector{} + 1)) {}
  long operator[](std::size_t lane) const { return v[lane]; }
  void put(std::size_t lane, long value) { v[lane] = static_cast<Integer>(value); }
};

/// Real numbers.
struct Real {
  RealVector v;

  Real() = default;
  Real(double all) : v(static_cast<Scalar>(all) - RealVector{}) {}  // keeps the sign of zero
  Real(Whole whole) : v(__builtin_convertvector(whole.v, RealVector)) {}
  explicit Real(RealVector vector) : v(vector) {}
  double operator[](std::size_t lane) const { return static_cast<double>(v[lane]); }
  void put(std::size_t lane, double value) { v[lane] = static_cast<Scalar>(value); }
};

inline Real load(const Scalar* from) {
  Real x;
  std::memcpy(&x.v, from, sizeof x.v);
  return x;
}
inline void store(Scalar* to, Real x) { std::memcpy(to, &x.v, sizeof x.v); }

inline WholeVector bits(Real x) { return reinterpret_cast<WholeVector>(x.v); }
inline Real of_bits(WholeVector bits) { return Real(reinterpret_cast<RealVector>(bits)); }

inline Real operator-(Real a) { return Real(-a.v); }
inline Real operator+(Real a, Real b) { return Real(a.v + b.v); }
inline Real operator-(Real a, Real b) { return Real(a.v - b.v); }
inline Real operator*(Real a, Real b) { return Real(a.v * b.v); }
inline Real operator/(Real a, Real b) { return Real(a.v / b.v); }

inline Whole operator-(Whole a) { return Whole(-a.v); }
inline Whole operator~(Whole a) { return Whole(~a.v); }
inline Whole operator+(Whole a, Whole b) { return Whole(a.v + b.v); }
inline Whole operator-(Whole a, Whole b) { return Whole(a.v - b.v); }
inline Whole operator*(Whole a, Whole b) { return Whole(a.v * b.v); }
inline Whole operator&(Whole a, Whole b) { return Whole(a.v & b.v); }
inline Whole operator|(Whole a, Whole b) { return Whole(a.v | b.v); }
inline Whole operator^(Whole a, Whole b) { return Whole(a.v ^ b.v); }

inline Mask operator<(Real a, Real b) { return Mask(WholeVector(a.v < b.v)); }
inline Mask operator<=(Real a, Real b) { return Mask(WholeVector(a.v <= b.v)); }
inline Mask operator>(Real a, Real b) { return Mask(WholeVector(a.v > b.v)); }
inline Mask operator>=(Real a, Real b) { return Mask(WholeVector(a.v >= b.v)); }
inline Mask operator==(Real a, Real b) { return Mask(WholeVector(a.v == b.v)); }
inline Mask operator!=(Real a, Real b) { return Mask(WholeVector(a.v != b.v)); }
inline Mask operator<(Whole a, Whole b) { return Mask(WholeVector(a.v < b.v)); }
inline Mask operator<=(Whole a, Whole b) { return Mask(WholeVector(a.v <= b.v)); }
inline Mask operator>(Whole a, Whole b) { return Mask(WholeVector(a.v > b.v)); }
inline Mask operator>=(Whole a, Whole b) { return Mask(WholeVector(a.v >= b.v)); }
inline Mask operator==(Whole a, Whole b) { return Mask(WholeVector(a.v == b.v)); }
inline Mask operator!=(Whole a, Whole b) { return Mask(WholeVector(a.v != b.v)); }

inline Mask operator!(Mask a) { return Mask(~a.v); }
inline Mask operator&&(Mask a, Mask b) { return Mask(a.v & b.v); }
inline Mask operator||(Mask a, Mask b) { return Mask(a.v | b.v); }
inline Mask operator==(Mask a, Mask b) { return Mask(~(a.v ^ b.v)); }
inline Mask operator!=(Mask a, Mask b) { return Mask(a.v ^ b.v); }

inline Real select_real(Mask m, Real a, Real b) { return Real(m.v ? a.v : b.v); }
inline Whole select_whole(Mask m, Whole a, Whole b) { return Whole(m.v ? a.v : b.v); }
inline Mask select_mask(Mask m, Mask a, Mask b) { return Mask((m.v & a.v) | (~m.v & b.v)); }

/// Return a bit for each lane, that of the first one lowest.
inline unsigned lane_bits(Mask m) {
#if defined(__AVX512F__) && defined(__AVX512DQ__)
  if constexpr (sizeof(Scalar) == 8) {
    return static_cast<unsigned>(__builtin_ia32_cvtq2mask512(
        reinterpret_cast<long long __attribute__((vector_size(64)))>(m.v)));
  } else {
    return static_cast<unsigned>(
        __builtin_ia32_cvtd2mask512(reinterpret_cast<int __attribute__((vector_size(64)))>(m.v)));
  }
#elif defined(__AVX2__)
  if constexpr (sizeof(Scalar) == 8) {
    return static_cast<unsigned>(__builtin_ia32_movmskpd256(
        reinterpret_cast<double __attribute__((vector_size(32)))>(m.v)));
  } else {
    return static_cast<unsigned>(__builtin_ia32_movmskps256(
        reinterpret_cast<float __attribute__((vector_size(32)))>(m.v)));
  }
#else
  unsigned found = 0;
  for (std::size_t i = 0; i < lanes; ++i) found |= static_cast<unsigned>(m.v[i] & 1) << i;
  return found;
#endif
}
inline bool any(Mask m) { return lane_bits(m) != 0; }
inline bool any(Whole n) { return any(n != Whole(0L)); }
inline bool all(Mask m) { return lane_bits(m) == (1u << lanes) - 1u; }

/// Return a * b + c, rounded once where the processor can do that, unless results must not depend
/// on it: NESTML_ROUND_PRODUCTS.
inline Real fma(Real a, Real b, Real c) {
#if defined(__FMA__) && !defined(NESTML_ROUND_PRODUCTS)
  // copies, so that what they are parts of can stay in registers
  RealVector x = a.v, y = b.v, z = c.v;
  for (std::size_t i = 0; i < lanes; ++i) z[i] = std::fma(x[i], y[i], z[i]);
  return Real(z);
#else
  return Real(a.v * b.v + c.v);
#endif
}

/// Return f of each lane, for what has no algorithm for all of them at once.
template <class F, class... Rest>
Real each(F f, Real a, Rest... rest) {
  Real x;
  for (std::size_t i = 0; i < lanes; ++i) x.put(i, f(a[i], rest[i]...));
  return x;
}

inline Real abs(Real a) { return select_real(a < 0.0, -a, a + 0.0); }
inline Whole abs(Whole a) { return select_whole(a < Whole(0L), -a, a); }
inline Real min(Real a, Real b) { return select_real(b < a, b, a); }
inline Real max(Real a, Real b) { return select_real(a < b, b, a); }
inline Whole min(Whole a, Whole b) { return select_whole(b < a, b, a); }
inline Whole max(Whole a, Whole b) { return select_whole(a < b, b, a); }
inline Mask is_finite(Real a) { return a - a == 0.0; }

inline Real floor(Real a) { return each([](double x) { return std::floor(x); }, a); }
inline Real ceil(Real a) { return each([](double x) { return std::ceil(x); }, a); }
inline Real trunc(Real a) { return each([](double x) { return std::trunc(x); }, a); }
inline Real round(Real a) { return each([](double x) { return std::round(x); }, a); }
inline Real sqrt(Real a) { return each([](double x) { return std::sqrt(x); }, a); }
inline Real sin(Real a) { return each([](double x) { return std::sin(x); }, a); }
inline Real cos(Real a) { return each([](double x) { return std::cos(x); }, a); }
inline Real tan(Real a) { return each([](double x) { return std::tan(x); }, a); }
inline Real sinh(Real a) { return each([](double x) { return std::sinh(x); }, a); }
inline Real cosh(Real a) { return each([](double x) { return std::cosh(x); }, a); }
inline Real tanh(Real a) { return each([](double x) { return std::tanh(x); }, a); }
inline Real erf(Real a) { return each([](double x) { return std::erf(x); }, a); }
inline Real erfc(Real a) { return each([](double x) { return std::erfc(x); }, a); }
inline Real log10(Real a) { return each([](double x) { return std::log10(x); }, a); }
inline Real fmod(Real a, Real b) {
  return each([](double x, double y) { return std::fmod(x, y); }, a, b);
}
inline Real pow(Real a, Real b) {
  return each([](double x, double y) { return std::pow(x, y); }, a, b);
}

/// Return a whole number as an integer: the nearest there is if it is out of range, 0 for NaN.
inline Whole whole(Real a) {
  Whole n;
  for (std::size_t i = 0; i < lanes; ++i) {
    constexpr auto low = static_cast<Scalar>(std::numeric_limits<Integer>::min());
    const Scalar x = a.v[i];
    n.v[i] = x != x        ? 0
             : x <= low    ? std::numeric_limits<Integer>::min()
             : x >= -low   ? std::numeric_limits<Integer>::max()
                           : static_cast<Integer>(x);
  }
  return n;
}

/// Return x to a small power.
template <unsigned exponent>
Real power(Real x) {
  if constexpr (exponent == 0) {
    return 1.0;
  } else if constexpr (exponent == 1) {
    return x;
  } else if constexpr (exponent % 2 == 0) {
    const Real half = power<exponent / 2>(x);
    return half * half;
  } else {
    return x * power<exponent - 1>(x);
  }
}

/// x = n log(2) + r with a whole n and |r| <= log(2) / 2, and e^r - 1.
///
/// The argument is reduced in two parts (Cody & Waite 1980, Software Manual for the Elementary
/// Functions, chapter 6); (e^r - 1 - r) / r^2 is a polynomial, fitted at Chebyshev nodes, whose
/// error is below 2e-20.
struct Exponential {
  WholeVector n;
  Real r, rest;  ///< e^r - 1 = r + rest
};

inline Exponential exponential(Real x) {
  Exponential e;
  if constexpr (sizeof(Scalar) == 8) {
    constexpr double shift = 0x1.8p52;  // a number this large has no digits behind the point
    const Real shifted = fma(x, 0x1.71547652b82fep+0, shift);
    const Real n = shifted - shift;
    e.n = bits(shifted) - bits(Real(shift));
    e.r = fma(n, -0x1.a39ef35793c76p-33, fma(n, -0x1.62e42feep-1, x));
    const Real r = e.r;
    const Real r2 = r * r;
    const Real r4 = r2 * r2;
    const Real low = fma(fma(r, 0.008333333333333333, 0.04166666666666668), r2,
                         fma(r, 0.16666666666666666, 0.5));
    const Real middle = fma(fma(r, 2.7557319247274564e-06, 2.4801587336526005e-05), r2,
                            fma(r, 0.0001984126984126328, 0.0013888888888879043));
    const Real high = fma(fma(r, 1.608665004457821e-10, 2.0918170876658783e-09), r2,
                          fma(r, 2.5052071034565116e-08, 2.755726318947621e-07));
    e.rest = r2 * fma(fma(high, r4, middle), r4, low);
  } else {
    constexpr float shift = 0x1.8p23f;
    const Real shifted = fma(x, 0x1.715476p+0, shift);
    const Real n = shifted - shift;
    e.n = bits(shifted) - bits(Real(shift));
    e.r = fma(n, -0x1.7f7d1cp-20, fma(n, -0x1.62e4p-1, x));
    const Real r = e.r;
    e.rest = r * r *
             fma(fma(fma(fma(r, 1.0 / 720.0, 1.0 / 120.0), r, 1.0 / 24.0), r, 1.0 / 6.0), r, 0.5);
  }
  return e;
}

/// Return 2^n for an n whose power is a normal number.
inline Real power_of_two(WholeVector n) {
  constexpr int digits = std::numeric_limits<Scalar>::digits - 1;
  constexpr int bias = std::numeric_limits<Scalar>::max_exponent - 1;
  return of_bits((n + bias) << digits);
}

/// Return e^x with an error below 1 unit in the last place.
inline Real exp(Real x) {
  constexpr bool wide = sizeof(Scalar) == 8;
  constexpr double highest = wide ? 710.0 : 89.0;
  constexpr double lowest = wide ? -746.0 : -104.0;
  x = select_real(x > highest, highest, select_real(x < lowest, lowest, x));
  const Exponential e = exponential(x);
  const WholeVector half = e.n >> 1;  // in two parts: the result may be infinite or subnormal
  return ((e.r + e.rest) + 1.0) * power_of_two(half) * power_of_two(e.n - half);
}

/// Return e^x - 1 with an error of at most about 1 unit in the last place.
inline Real expm1(Real x) {
  constexpr bool wide = sizeof(Scalar) == 8;
  constexpr double highest = wide ? 710.0 : 89.0;
  constexpr double lowest = wide ? -40.0 : -20.0;
  const Real bounded = select_real(x > highest, highest, select_real(x < lowest, lowest, x));
  const Exponential e = exponential(bounded);
  const Real scale = power_of_two(e.n - 1);  // half of 2^n, which may be infinite
  const Real result = fma(scale, e.rest, fma(scale, e.r, scale - 0.5)) * 2.0;
  constexpr double tiny = wide ? 1e-290 : 1e-30;  // half of it is no normal number, or it is -0
  return select_real(abs(x) < tiny, x, result);
}

/// Return the natural logarithm with an error below about 1 unit in the last place.
///
/// With x = 2^n (1 + f), s = f / (2 + f) and z = s^2, log(1 + f) = f - s (f - z P(z)), where P is
/// fitted to the rest of the series 2/3 + 2/5 z + ... with an error below 3e-18.
inline Real log(Real x) {
  constexpr int digits = std::numeric_limits<Scalar>::digits - 1;
  constexpr auto smallest = std::numeric_limits<Scalar>::min();
  constexpr double lift = sizeof(Scalar) == 8 ? 0x1p54 : 0x1p25;
  const Mask is_subnormal = x < static_cast<double>(smallest);
  const Real normal = select_real(is_subnormal, x * lift, x);
  const WholeVector root = bits(Real(0.70710678118654752440));
  const WholeVector shifted = bits(normal) - root;
  const WholeVector exponent = shifted >> digits;
  const Real n = Real(Whole(exponent)) -
                 select_real(is_subnormal, sizeof(Scalar) == 8 ? 54.0 : 25.0, 0.0);
  const Real f = of_bits(bits(normal) - (exponent << digits)) - 1.0;
  const Real s = f / (f + 2.0);
  const Real z = s * s;
  const Real z2 = z * z;
  const Real low = fma(fma(z, 0.22222222392581045, 0.28571428570799784), z2,
                       fma(z, 0.40000000000000885, 0.6666666666666666));
  const Real high = fma(fma(z, 0.13088034850927555, 0.13268638369266825), z2,
                        fma(z, 0.15386244737621665, 0.18181795547521137));
  const Real p = z * fma(high, z2 * z2, low);
  const double upper = sizeof(Scalar) == 8 ? 0x1.62e42feep-1 : 0x1.62e4p-1;
  const double lower = sizeof(Scalar) == 8 ? 0x1.a39ef35793c76p-33 : 0x1.7f7d1cp-20;
  const Real result = fma(n, upper, f - (s * (f - p) - n * lower));
  constexpr double inf = std::numeric_limits<double>::infinity();
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const Real special = select_real(x == 0.0, -inf, select_real(x > 0.0, x, nan));
  return select_real(x > 0.0 && x < inf, result, special);
}

/// Return (e^z - 1) / z, and its limit 1 at zero.
inline Real phi(Real z) { return select_real(z == 0.0, 1.0, expm1(z) / z); }

}  // namespace v1
}  // namespace nestml_runtime
#endif
