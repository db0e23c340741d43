#ifndef NESTML_VECTORS_H
#define NESTML_VECTORS_H

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "exceptions.h"

namespace nestml {

/// Return the element at a place. An index outside of its vector ends the run.
template <class Vector>
decltype(auto) at(Vector& values, const long index, const char* name) {
  if (index < 0 || static_cast<std::size_t>(index) >= values.size()) {
    throw nest::KernelException("There is no " + std::string(name) + "[" + std::to_string(index) +
                                "]: " + name + " has " + std::to_string(values.size()) +
                                " elements, counted from 0.");
  }
  return values[static_cast<std::size_t>(index)];
}

/// Give all elements one value.
template <class Vector>
void fill(Vector& values, const typename Vector::value_type value) {
  std::fill(values.begin(), values.end(), value);
}

/// Return an array with one value at all places.
template <class Value, std::size_t size>
std::array<Value, size> filled(const Value value) {
  std::array<Value, size> result{};
  result.fill(value);
  return result;
}

/// Return a vector with one value at all places; it is empty if the size makes no sense.
template <class Value>
std::vector<Value> filled(const Value value, const long size) {
  return std::vector<Value>(size > 0 ? static_cast<std::size_t>(size) : 0, value);
}

/// Whether a vector is as long as its size says.
template <class Value>
bool has_size(const std::vector<Value>& values, const long size) {
  return values.size() == (size > 0 ? static_cast<std::size_t>(size) : 0);
}

}  // namespace nestml

#endif
