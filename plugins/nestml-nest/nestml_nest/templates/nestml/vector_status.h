#ifndef NESTML_VECTOR_STATUS_H
#define NESTML_VECTOR_STATUS_H

#include <cmath>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "dict_util.h"
#include "dictionary.h"
#include "exceptions.h"
#include "node.h"
#include "parameter.h"

namespace nestml {

/// The elements of a vector in the entry `key` of a status dictionary.
///
/// They come as a sequence of numbers of any type, as what Python made of it; or as one number, or
/// one random or spatial parameter of NEST, for all of them.
template <class Value>
class Elements {
 public:
  Elements(const std::string& key, const std::size_t size, nest::Node* const node)
      : key_(key), size_(size), node_(node) {}

  std::vector<Value> read(const any_type& entry) {
    std::visit([this](const auto& given) { take(given); }, entry);
    return values_;
  }

 private:
  template <class Given>
  void take(const Given& given) {
    if constexpr (is_one<Given>()) {
      values_.assign(size_, converted(given));
    } else if constexpr (std::is_same_v<Given, std::shared_ptr<nest::Parameter>>) {
      const auto generator = nest::get_vp_specific_rng(nest::kernel().vp_manager.vp_to_thread(
        nest::kernel().vp_manager.node_id_to_vp(node_->get_node_id())));
      for (std::size_t i = 0; i < size_; ++i) {
        values_.push_back(converted(given->value(generator, node_)));
      }
    } else if constexpr (std::is_same_v<Given, AnyVector>) {
      for (const any_type& element : given) {
        std::visit([this](const auto& one) { add(one); }, element);
      }
      check();
    } else if constexpr (std::is_same_v<Given, EmptyList>) {
      check();
    } else if constexpr (is_sequence<Given>()) {
      for (const auto& one : given) {
        add(typename Given::value_type(one));
      }
      check();
    } else {
      refuse();
    }
  }

  template <class Given>
  void add(const Given& given) {
    if constexpr (is_one<Given>()) {
      values_.push_back(converted(given));
    } else {
      refuse();
    }
  }

  void check() const {
    if (values_.size() != size_) {
      throw nest::BadProperty(key_ + " has " + std::to_string(size_) + " elements; " +
                              std::to_string(values_.size()) + " are given.");
    }
  }

  [[noreturn]] void refuse() const {
    throw nest::TypeMismatch("The elements of " + key_ + " are of another type than those given.");
  }

  template <class Given>
  Value converted(const Given& given) const {
    if constexpr (std::is_same_v<Given, double> && !std::is_same_v<Value, double>) {
      if (given != std::floor(given)) {
        refuse();
      }
    }
    if constexpr (std::is_same_v<Value, bool>) {
      return given != Given(0);
    } else {
      return Value(given);
    }
  }

  /// Whether a value can be one element.
  template <class Given>
  static constexpr bool is_one() {
    constexpr bool is_text = std::is_same_v<Given, std::string>;
    if constexpr (std::is_same_v<Value, std::string>) {
      return is_text;
    } else {
      return std::is_same_v<Given, double> || std::is_same_v<Given, long> ||
             std::is_same_v<Given, bool>;
    }
  }

  template <class Given>
  static constexpr bool is_sequence() {
    if constexpr (std::is_same_v<Given, std::vector<double>> ||
                  std::is_same_v<Given, std::vector<long>> ||
                  std::is_same_v<Given, std::vector<bool>> ||
                  std::is_same_v<Given, std::vector<std::string>>) {
      return is_one<typename Given::value_type>();
    } else {
      return false;
    }
  }

  const std::string& key_;
  std::size_t size_;
  nest::Node* node_;
  std::vector<Value> values_;
};

/// Replace the `size` elements of a vector by what stands in `d`, if anything does. One of them is
/// `above / below` of what the model computes in.
template <class Vector>
bool update_elements(const Dictionary& d, const std::string& key, Vector& vector,
                     nest::Node* const node, const long size, [[maybe_unused]] const double above = 1.0,
                     [[maybe_unused]] const double below = 1.0) {
  using Value = typename Vector::value_type;
  if (!d.known(key)) {
    return false;
  }
  d.mark_as_accessed(key);
  Elements<Value> elements(key, size > 0 ? static_cast<std::size_t>(size) : 0, node);
  auto values = elements.read(d.at(key));
  if constexpr (std::is_same_v<Value, double>) {
    for (double& value : values) {
      value = value * above / below;
    }
  }
  if constexpr (std::is_same_v<Vector, std::vector<Value>>) {
    vector = std::move(values);
  } else {
    std::copy(values.begin(), values.end(), vector.begin());
  }
  return true;
}

/// Return the elements of a vector as an entry of a status dictionary.
template <class Vector>
std::vector<typename Vector::value_type> elements(const Vector& vector,
                                                  [[maybe_unused]] const double above = 1.0,
                                                  [[maybe_unused]] const double below = 1.0) {
  std::vector<typename Vector::value_type> values(vector.begin(), vector.end());
  if constexpr (std::is_same_v<typename Vector::value_type, double>) {
    for (double& value : values) {
      value = value * below / above;
    }
  }
  return values;
}

}  // namespace nestml

#endif
