#ifndef NESTML_RUNTIME_V1_ARRAY
#define NESTML_RUNTIME_V1_ARRAY
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

namespace nestml_runtime {
inline namespace v1 {

/// The smaller and the larger of two values, without the header <algorithm>, which is long.
template <class T>
constexpr T least(T a, T b) {
  return b < a ? b : a;
}
template <class T>
constexpr T most(T a, T b) {
  return a < b ? b : a;
}

/// Return room for `count` values of `each` bytes. Throws std::bad_alloc.
[[gnu::noinline]] inline void* new_room(std::size_t count, std::size_t each,
                                        std::size_t alignment) {
  if (count > static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()) / each) {
    throw std::bad_alloc();
  }
  return ::operator new(count * each, std::align_val_t(alignment));
}
[[gnu::noinline]] inline void free_room(void* room, std::size_t alignment) {
  ::operator delete(room, std::align_val_t(alignment));
}

/// Return more room, with the first `used` bytes of the old one, which is freed.
[[gnu::noinline]] inline void* more_room(void* old, std::size_t used, std::size_t count,
                                         std::size_t each, std::size_t alignment) {
  void* const room = new_room(count, each, alignment);
  if (used > 0) std::memcpy(room, old, used);
  free_room(old, alignment);
  return room;
}

/// Values one behind the other, as many as it takes: a std::vector of few functions, which are
/// called where they take time anyway. Compilers would otherwise spend a third of theirs on vectors.
template <class T>
class Array {
 public:
  Array() = default;
  explicit Array(std::size_t count) { resize(count); }
  Array(std::size_t count, const T& x) { append(count, x); }
  Array(std::initializer_list<T> values) { append(values.begin(), values.end()); }
  Array(const Array& other) { append(other.begin(), other.end()); }
  Array(Array&& other) noexcept { swap(other); }
  Array& operator=(Array other) noexcept {
    swap(other);
    return *this;
  }
  ~Array() {
    cut(0);
    free_room(first, alignof(T));
  }

  std::size_t size() const { return count; }
  std::size_t capacity() const { return room; }
  bool empty() const { return count == 0; }
  T* data() { return first; }
  const T* data() const { return first; }
  T* begin() { return first; }
  const T* begin() const { return first; }
  T* end() { return first + count; }
  const T* end() const { return first + count; }
  T& operator[](std::size_t k) { return first[k]; }
  const T& operator[](std::size_t k) const { return first[k]; }
  T& back() { return first[count - 1]; }

  void clear() { cut(0); }
  [[gnu::noinline]] void reserve(std::size_t wanted) {
    if (wanted <= room) return;
    if constexpr (is_plain) {
      first = static_cast<T*>(more_room(first, count * sizeof(T), wanted, sizeof(T), alignof(T)));
    } else {
      T* const to = static_cast<T*>(new_room(wanted, sizeof(T), alignof(T)));
      for (std::size_t k = 0; k < count; ++k) {
        new (to + k) T(std::move(first[k]));
        first[k].~T();
      }
      free_room(first, alignof(T));
      first = to;
    }
    room = wanted;
  }
  [[gnu::noinline]] void resize(std::size_t wanted) {
    cut(wanted);
    reserve(wanted);
    for (; count < wanted; ++count) new (first + count) T();
  }
  void push_back(T x) { emplace_back(std::move(x)); }
  template <class... From>
  T& emplace_back(From&&... from) {
    if (count == room) reserve(2 * room + 4);
    return *new (first + count++) T(std::forward<From>(from)...);
  }
  /// Add `more` values that are like `x`, which is not one of these here.
  [[gnu::noinline]] void append(std::size_t more, const T& x) {
    grow(more);
    for (const std::size_t end = count + more; count < end; ++count) new (first + count) T(x);
  }
  template <class Other>
  [[gnu::noinline]] void append(const Other* from, const Other* to) {
    grow(static_cast<std::size_t>(to - from));
    for (; from != to; ++from) new (first + count++) T(*from);
  }
  void assign(std::size_t wanted, const T& x) {
    cut(0);
    reserve(wanted);
    append(wanted, x);
  }
  /// Forget the first values.
  void drop(std::size_t values) {
    for (std::size_t k = values; k < count; ++k) first[k - values] = std::move(first[k]);
    cut(count - values);
  }
  void swap(Array& other) noexcept {
    std::swap(first, other.first);
    std::swap(count, other.count);
    std::swap(room, other.room);
  }

 private:
  static constexpr bool is_plain = std::is_trivially_copyable_v<T>;

  void grow(std::size_t more) {
    if (more > room - count) reserve(count + (more < count ? count : more));
  }
  void cut(std::size_t to) {
    if constexpr (!std::is_trivially_destructible_v<T>) {
      for (std::size_t k = to; k < count; ++k) first[k].~T();
    }
    if (to < count) count = to;
  }

  T* first = nullptr;
  std::size_t count = 0, room = 0;
};

}  // namespace v1
}  // namespace nestml_runtime
#endif
