// What NEST's headers use of Boost.Sort: sorting a range in place.
#pragma once

namespace boost::sort::spreadsort {

/// Restore the heap below `root`, which holds the largest element on top, within `size` elements.
template <class Iterator, class Index>
void sift(const Iterator first, Index root, const Index size) {
  for (Index child = 2 * root + 1; child < size; child = 2 * root + 1) {
    if (child + 1 < size && first[child] < first[child + 1]) {
      ++child;
    }
    if (!(first[root] < first[child])) {
      return;
    }
    swap(first[root], first[child]);
    root = child;
  }
}

/// Sort by comparison. A heap needs no copies of elements, which may be tuples of references.
template <class Iterator, class RightShift>
void integer_sort(const Iterator first, const Iterator last, RightShift) {
  const auto size = last - first;
  for (auto root = size / 2; root > 0; --root) {
    sift(first, root - 1, size);
  }
  for (auto end = size - 1; end > 0; --end) {
    swap(first[0], first[end]);
    sift(first, decltype(end){0}, end);
  }
}

}  // namespace boost::sort::spreadsort
