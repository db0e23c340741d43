#ifndef NESTML_RUNTIME_V1_HANDLE
#define NESTML_RUNTIME_V1_HANDLE
namespace nestml_runtime {
inline namespace v1 {

/// A population with what the C interface keeps beside it. No exception leaves it.
struct Handle {
  Population* population;
  Messages messages = {};

  explicit Handle(Population* owned) : population(owned) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { delete population; }

  static Handle* of(void* handle) { return static_cast<Handle*>(handle); }

  template <class Kind>
  static void* open(std::size_t size, double dt, std::uint64_t seed) {
    Population* made = nullptr;
    try {
      made = new Kind(size, dt, seed);
      return new Handle(made);
    } catch (const std::exception&) {
      delete made;
      return nullptr;
    }
  }

  int give(Array<Given> Population::*which, std::int64_t index, const double* values,
           std::int64_t elements, int each) {
    Array<Given>& list = (*population).*which;
    if (index < 0 || static_cast<std::size_t>(index) >= list.size() || elements < 0) {
      return fail(Problem::misuse, "no such parameter or variable");
    }
    list[static_cast<std::size_t>(index)] = {values, static_cast<std::size_t>(elements), each != 0};
    return 0;
  }

  int spikes(std::int64_t port, const std::int64_t* steps, const std::int64_t* neurons,
             const double* weights, std::int64_t count) {
    if (!has(population->events, port)) return fail(Problem::misuse, "no such port");
    for (std::int64_t i = 0; i < count; ++i) {
      if (steps[i] < 1 || (i > 0 && steps[i] < steps[i - 1])) {
        return fail(Problem::misuse, "spikes must be in the order of their steps, from 1 on");
      }
      if (neurons != nullptr && !is_neuron(neurons[i])) return fail(Problem::misuse, "no neuron");
    }
    population->events[static_cast<std::size_t>(port)] = {steps, neurons, weights,
                                                          static_cast<std::size_t>(count), 0};
    return 0;
  }

  int current(std::int64_t port, const double* values, std::int64_t steps, int each) {
    if (!has(population->currents, port)) return fail(Problem::misuse, "no such port");
    population->currents[static_cast<std::size_t>(port)] = {values, steps, each != 0};
    return 0;
  }

  int record(std::int64_t recordable, std::size_t known, const std::int64_t* neurons,
             std::int64_t count, double* out, std::int64_t steps) {
    if (recordable < 0 || static_cast<std::size_t>(recordable) >= known) {
      return fail(Problem::misuse, "no such recordable");
    }
    for (std::int64_t i = 0; neurons != nullptr && i < count; ++i) {
      if (!is_neuron(neurons[i])) return fail(Problem::misuse, "no such neuron");
    }
    const std::size_t width =
        neurons == nullptr ? population->size : static_cast<std::size_t>(count);
    return guarded([&] {
      population->recorders.push_back(
          {static_cast<std::size_t>(recordable), neurons, width, out, steps, 0});
    });
  }

  int reserve(std::int64_t slots) {
    return guarded([&] { population->reserve(static_cast<std::size_t>(slots > 0 ? slots : 1)); });
  }

  int begin() {
    messages.clear();
    return guarded([&] { population->begin(); });
  }

  int advance(std::int64_t steps) {
    return guarded([&] { population->advance(steps); });
  }

  int read(std::int64_t recordable, std::size_t known, double* out) {
    if (recordable < 0 || static_cast<std::size_t>(recordable) >= known) {
      return fail(Problem::misuse, "no such recordable");
    }
    return guarded([&] { population->read(static_cast<std::size_t>(recordable), out); });
  }

  void* row(std::int64_t port, std::int64_t step, bool counts) {
    if (!has(population->events, port) || step < 1) return nullptr;
    const auto index = static_cast<std::size_t>(port);
    population->open(index);  // whoever asked may keep the pointer
    if (!counts) return population->sum(index, step);
    return population->is_counted(index) ? population->count(index, step) : nullptr;
  }

  std::int64_t fact(int which) const {
    switch (which) {
      case 0:
        return population->steps_done();
      case 1:
        return population->is_wide() ? 1 : 0;
      case 2:
        return static_cast<std::int64_t>(lanes);
      case 3:
        return static_cast<std::int64_t>(sizeof(Scalar));
      case 4:
        return static_cast<std::int64_t>(population->stride());
      case 5:
        return static_cast<std::int64_t>(population->slots());
      case 6:
        return static_cast<std::int64_t>(population->spike_steps.size());
      case 7:
        return static_cast<std::int64_t>(messages.size());
      default:
        return -1;
    }
  }

 private:
  template <class List>
  static bool has(const List& list, std::int64_t index) {
    return index >= 0 && static_cast<std::size_t>(index) < list.size();
  }

  bool is_neuron(std::int64_t index) const {
    return index >= 0 && static_cast<std::size_t>(index) < population->size;
  }

  int fail(Problem::Kind kind, const char* text) {
    try {
      population->problem = {kind, text};
    } catch (const std::bad_alloc&) {  // the text did not fit: the kind is what counts
      population->problem.kind = kind;
    }
    return kind;
  }

  template <class Action>
  int guarded(const Action& action) {
    try {
      const Listening listening(messages);
      action();
      return population->problem.kind;
    } catch (...) {
      return caught();
    }
  }

  /// Say what is being thrown: once, not in each function that may throw.
  int caught() {
    try {
      throw;
    } catch (const std::bad_alloc&) {
      return fail(Problem::no_memory, "there is not enough memory");
#ifdef NESTML_RUNTIME_V1_VECTORS
    } catch (const NoElement& e) {
      const std::string text =
          e.vector + " " + std::to_string(e.index) + " " + std::to_string(e.size);
      return fail(Problem::no_element, text.c_str());
#endif
    } catch (const Interrupted&) {
      return fail(Problem::interrupted, "interrupted");
    } catch (const std::exception& e) {
      return fail(Problem::stopped, e.what());
    }
  }
};

}  // namespace v1
}  // namespace nestml_runtime
#endif
