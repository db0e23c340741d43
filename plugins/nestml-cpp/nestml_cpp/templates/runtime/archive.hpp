#ifndef NESTML_RUNTIME_V1_ARCHIVE
#define NESTML_RUNTIME_V1_ARCHIVE
#include <cstddef>
#include <cstring>
#include <exception>
#include <string>
#include <type_traits>
#include <vector>

namespace nestml_runtime {
inline namespace v1 {

/// Writes plain values, and vectors of them, one behind the other.
struct Writer {
  std::vector<unsigned char>& to;

  template <class Value>
  void take(const Value& value) {
    static_assert(std::is_trivially_copyable_v<Value>);
    append(&value, sizeof(Value));
  }
  template <class Value>
  void take(const std::vector<Value>& values) {
    static_assert(std::is_trivially_copyable_v<Value>);
    take(values.size());
    append(values.data(), values.size() * sizeof(Value));
  }
  void take(const std::string& text) {
    take(text.size());
    append(text.data(), text.size());
  }

 private:
  void append(const void* from, std::size_t bytes) {
    const auto* first = static_cast<const unsigned char*>(from);
    if (bytes > 0) to.insert(to.end(), first, first + bytes);
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
  void take(Value& value) {
    copy(&value, sizeof(Value));
  }
  template <class Value>
  void take(std::vector<Value>& values) {
    std::size_t size = 0;
    take(size);
    if (size > static_cast<std::size_t>(end - from) / sizeof(Value)) throw NoArchive();
    values.resize(size);
    if (size > 0) copy(values.data(), size * sizeof(Value));
  }
  void take(std::string& text) {
    std::size_t size = 0;
    take(size);
    if (size > static_cast<std::size_t>(end - from)) throw NoArchive();
    text.assign(reinterpret_cast<const char*>(from), size);
    from += size;
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
