#ifndef NESTML_RUNTIME_V1_OWNED
#define NESTML_RUNTIME_V1_OWNED
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>

namespace nestml_runtime {
inline namespace v1 {

/// Populations of a program call no functions of libraries: what they throw becomes a problem.
template <class Act>
int as_problem(void* handle, const Act& act) {
  Population& p = *static_cast<Population*>(handle);
  try {
    act(p);
  } catch (const std::bad_alloc&) {
    p.problem.kind = Problem::no_memory;
  } catch (const std::exception& e) {
    p.problem = {Problem::stopped, e.what()};
  }
  return p.problem.kind;
}

/// Add `size` neurons of a kind to a network, which keeps them. Returns the number of the node.
///
/// `seed` is that of their random numbers. `act`, if given, is called for each block of neurons,
/// so that it can set parameters, initial values and currents, which are those of the neurons from
/// `block.first` on.
template <class Kind, class Act>
std::size_t add(Network& network, std::size_t size, std::uint64_t seed, const Act& act) {
  const std::size_t node = network.add_population(size);
  const std::size_t length = network.nodes[node].length;
  for (std::size_t first = 0; first < size; first += length) {
    const std::size_t n = size - first < length ? size - first : length;
    auto made = std::make_unique<Kind>(n, network.dt, seed);
    made->first = first;
    made->whole = size;
    act(*made);
    Neurons neurons;
    neurons.population = made.get();
    neurons.handle = static_cast<Population*>(made.get());
    neurons.begin = [](void* h) { return as_problem(h, [](Population& p) { p.begin(); }); };
    neurons.advance = [](void* h, std::int64_t steps) {
      return as_problem(h, [&](Population& p) { p.advance(steps); });
    };
    neurons.read = [](void* h, std::int64_t recordable, double* out) {
      return as_problem(h, [&](Population& p) {
        p.read(static_cast<std::size_t>(recordable), out);
      });
    };
    network.add_block(node, neurons);
    network.owned.push_back(std::move(made));
  }
  return node;
}
template <class Kind>
std::size_t add(Network& network, std::size_t size, std::uint64_t seed) {
  return add<Kind>(network, size, seed, [](Population&) {});
}

/// Return a column that views numbers: one for each.
template <class Number>
Column column(const Number* values);
template <>
inline Column column(const double* values) {
  return {values, sizeof(double), Column::float64};
}
template <>
inline Column column(const std::int64_t* values) {
  return {values, sizeof(std::int64_t), Column::int64};
}
template <>
inline Column column(const std::int32_t* values) {
  return {values, sizeof(std::int32_t), Column::int32};
}
template <>
inline Column column(const std::uint32_t* values) {
  return {values, sizeof(std::uint32_t), Column::uint32};
}
template <>
inline Column column(const std::uint16_t* values) {
  return {values, sizeof(std::uint16_t), Column::uint16};
}
template <>
inline Column column(const std::uint8_t* values) {
  return {values, sizeof(std::uint8_t), Column::uint8};
}
template <>
inline Column column(const float* values) {
  return {values, sizeof(float), Column::float32};
}
/// Return a column in which all are the number at `value`.
template <class Number>
Column for_all(const Number* value) {
  Column c = column(value);
  c.stride = 0;
  return c;
}

}  // namespace v1
}  // namespace nestml_runtime
#endif
