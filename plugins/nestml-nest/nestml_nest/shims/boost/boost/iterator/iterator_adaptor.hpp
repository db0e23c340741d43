// What NEST's headers use of Boost.Iterator: a random access iterator made of a few basic moves.
#pragma once

namespace boost {

/// A class derived from `iterator_facade` grants this one access to its basic moves.
class iterator_core_access {
 public:
  template <class Iterator>
  static decltype(auto) dereference(const Iterator& i) {
    return i.dereference();
  }

  template <class Iterator, class Difference>
  static void advance(Iterator& i, const Difference n) {
    i.advance(n);
  }

  template <class Iterator>
  static auto distance(const Iterator& from, const Iterator& to) {
    return from.distance_to(to);
  }
};

template <class Derived, class Value, class Category, class Reference, class Difference>
class iterator_facade {
 public:
  using value_type = Value;
  using reference = Reference;
  using difference_type = Difference;
  using iterator_category = Category;
  using pointer = void;

  /// The element `n` behind this one.
  Reference operator[](const Difference n) const {
    Derived i = static_cast<const Derived&>(*this);
    iterator_core_access::advance(i, n);
    return iterator_core_access::dereference(i);
  }

  friend Difference operator-(const Derived& a, const Derived& b) {
    return iterator_core_access::distance(b, a);
  }
};

}  // namespace boost
