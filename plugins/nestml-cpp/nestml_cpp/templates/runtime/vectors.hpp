#ifndef NESTML_RUNTIME_V1_VECTORS
#define NESTML_RUNTIME_V1_VECTORS
#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace nestml_runtime {
inline namespace v1 {

/// An index outside of its vector.
struct NoElement : std::out_of_range {
  std::string vector;
  long index;
  std::size_t size;

  NoElement(const char* vector, long index, std::size_t size)
      : std::out_of_range(std::string(vector) + "[" + std::to_string(index) + "], which has " +
                          std::to_string(size) + " elements"),
        vector(vector),
        index(index),
        size(size) {}
};

/// Return the element at a place. Throws NoElement if there is none.
template <class Vector>
decltype(auto) at(Vector& values, long index, const char* name) {
  if (index < 0 || static_cast<std::size_t>(index) >= values.size()) {
    throw NoElement(name, index, values.size());
  }
  return values[static_cast<std::size_t>(index)];
}

/// Return an array with one value at all places.
template <class Value, std::size_t size>
std::array<Value, size> filled(Value value) {
  std::array<Value, size> result{};
  result.fill(value);
  return result;
}

/// Return a vector with one value at all places.
template <class Value>
std::vector<Value> filled(Value value, long size) {
  return std::vector<Value>(size > 0 ? static_cast<std::size_t>(size) : 0, value);
}

/// Return whether a vector has a size that makes sense, or whether that makes none.
template <class Value>
bool has_size(const std::vector<Value>& values, long size) {
  return size < 1 || values.size() == static_cast<std::size_t>(size);
}

}  // namespace v1
}  // namespace nestml_runtime
#endif
