#ifndef NESTML_STATUS_H
#define NESTML_STATUS_H

#include <string>
#include <type_traits>

#include "dict_util.h"
#include "dictionary.h"
#include "node.h"

namespace nestml {

/// Replace `value` by what stands in `d`, if anything does; numbers may be random or spatial
/// parameters.
template <class T>
bool update(const Dictionary& d, const std::string& key, T& value, nest::Node* const node) {
  if constexpr (std::is_same_v<T, double> || std::is_same_v<T, long>) {
    return nest::update_value_param(d, key, value, node);
  } else {
    return d.update_value(key, value);
  }
}

/// The same for a value in a unit of which one is `above / below` of what the model computes in.
inline bool update(const Dictionary& d, const std::string& key, double& value,
                   nest::Node* const node, const double above, const double below) {
  double given = 0.0;
  if (!nest::update_value_param(d, key, given, node)) {
    return false;
  }
  value = given * above / below;
  return true;
}

}  // namespace nestml

#endif
