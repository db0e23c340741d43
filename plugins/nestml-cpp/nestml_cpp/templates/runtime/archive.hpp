#ifndef NESTML_RUNTIME_V1_ARCHIVE
#define NESTML_RUNTIME_V1_ARCHIVE
#include <cstddef>
#include <cstring>
#include <exception>
#include <type_traits>
#include <utility>

namespace nestml_runtime {
inline namespace v1 {

/// Whether values of a type are lists of others, as in Array and std::vector.
template <class Value, class = void>
struct IsList : std::false_type {};
template <class Value>
struct IsList<Value, decltype(std::declval<Value&>().resize(0))> : std::true_type {};

/// Writes plain values, and lists of them, one behind the other.
struct Writer {
  Array<unsigned char>& to;

  template <class Value>
  [[gnu::noinline]] void take(const Value& value) {
    if constexpr (IsList<Value>::value) {
      static_assert(std::is_trivially_copyable_v<std::decay_t<decltype(*value.data())>>);
      take(value.size());
      append(value.data(), value.size() * sizeof *value.data());
    } else {
      static_assert(std::is_trivially_copyable_v<Value>);
      append(&value, sizeof(Value));
    }
  }

 private:
  void append(const void* from, std::size_t bytes) {
    const auto* first = static_cast<const unsigned char*>(from);
    to.append(first, first + bytes);
  }
};

/// What is read back is not what was written.
struct NoArchive : std::exception {
  const char* what() const noexcept override { return "this is not what was saved"; }
};

/// Reads them back. Throws NoArchive beyond the end.
struct Reader {
  const unsigned char* from;
  const unsigned char* end;

  template <class Value>
  [[gnu::noinline]] void take(Value& value) {
    if constexpr (IsList<Value>::value) {
      std::size_t size = 0;
      copy(&size, sizeof size);
      if (size > static_cast<std::size_t>(end - from) / sizeof *value.data()) throw NoArchive();
      value.resize(size);
      if (size > 0) copy(value.data(), size * sizeof *value.data());
    } else {
      copy(&value, sizeof(Value));
    }
  }

 private:
  void copy(void* to, std::size_t bytes) {
    if (bytes > static_cast<std::size_t>(end - from)) throw NoArchive();
    std::memcpy(to, from, bytes);
    from += bytes;
  }
};

}  // namespace v1
}  // namespace nestml_runtime
#endif
