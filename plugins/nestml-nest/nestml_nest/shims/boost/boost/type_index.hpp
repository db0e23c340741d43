// What NEST's headers use of Boost.TypeIndex: the name of a type, for messages.
#pragma once

#include <cstdlib>
#include <cxxabi.h>
#include <string>
#include <typeinfo>

namespace boost::typeindex {

class type_name {
 public:
  explicit type_name(const std::type_info& type) : mangled_(type.name()) {}

  std::string pretty_name() const {
    int status = 0;
    char* const text = abi::__cxa_demangle(mangled_, nullptr, nullptr, &status);
    const std::string name = status == 0 ? text : mangled_;
    std::free(text);
    return name;
  }

 private:
  const char* mangled_;
};

template <class T>
type_name type_id() {
  return type_name(typeid(T));
}

}  // namespace boost::typeindex
