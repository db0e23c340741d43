// What NEST's headers use of Boost.Tuple: tuples of two elements, of values or of references.
#pragma once

#include <type_traits>

#define BOOST_STATIC_ASSERT(condition) static_assert(condition)

namespace boost::tuples {

struct null_type {};

template <class Head, class Tail>
struct cons {
  Head head;
  Tail tail;

  const std::remove_reference_t<Head>& get_head() const { return head; }
};

template <class T>
struct length {
  static constexpr int value = 0;
};

template <class Head, class Tail>
struct length<cons<Head, Tail>> {
  static constexpr int value = 1 + length<Tail>::value;
};

template <class First, class Second>
struct tuple : cons<First, cons<Second, null_type>> {
  tuple(First first, Second second)
    : cons<First, cons<Second, null_type>>{static_cast<First>(first),
                                           {static_cast<Second>(second), {}}} {}
};

template <int n, class First, class Second>
decltype(auto) get(const tuple<First, Second>& t) {
  if constexpr (n == 0) {
    return (const_cast<tuple<First, Second>&>(t).head);
  } else {
    return (const_cast<tuple<First, Second>&>(t).tail.head);
  }
}

}  // namespace boost::tuples

namespace boost {

using tuples::get;
using tuples::tuple;

}  // namespace boost
