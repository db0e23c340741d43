#ifndef NESTML_RUNTIME_V1_SYNAPSE_HANDLE
#define NESTML_RUNTIME_V1_SYNAPSE_HANDLE
#include <exception>
#include <new>
#include <utility>

namespace nestml_runtime {
inline namespace v1 {

/// Plastic connections with what the C interface keeps beside them. No exception leaves it.
struct SynapseHandle {
  enum Kind {
    none = 0,
    guard = 1,
    not_finite = 2,
    no_element = 3,
    stopped = 4,
    no_memory = 5,
    misuse = 6,
    interrupted = 7
  };

  Plastic* connections;
  std::size_t recordables;
  double dt;
  std::uint64_t seed;
  Text text = {};
  Messages messages = {};

  SynapseHandle(Plastic* owned, std::size_t known, double step, std::uint64_t with)
      : connections(owned), recordables(known), dt(step), seed(with) {}
  SynapseHandle(const SynapseHandle&) = delete;
  SynapseHandle& operator=(const SynapseHandle&) = delete;
  ~SynapseHandle() { delete connections; }

  static SynapseHandle* of(void* handle) { return static_cast<SynapseHandle*>(handle); }

  template <class Made>
  static void* open(std::size_t known, double dt, std::uint64_t seed) {
    Plastic* made = nullptr;
    try {
      made = new Made();
      return new SynapseHandle(made, known, dt, seed);
    } catch (const std::exception&) {
      delete made;
      return nullptr;
    }
  }

  int connect(const std::int64_t* from, const std::int64_t* to, const std::int64_t* delays,
              std::int64_t count, int is_uniform, std::int64_t from_size, std::int64_t to_size) {
    return guarded([&] {
      Wires wires;
      wires.source_size = static_cast<std::size_t>(from_size);
      wires.target_size = static_cast<std::size_t>(to_size);
      for (std::int64_t k = 0; k < count; ++k) {
        wires.sources.push_back(static_cast<std::uint32_t>(from[k]));
        wires.targets.push_back(static_cast<std::uint32_t>(to[k]));
        wires.numbers.push_back(static_cast<std::uint32_t>(k));
        if (k == 0 || is_uniform == 0) {
          wires.delays.push_back(static_cast<std::int32_t>(delays[k]));
        }
      }
      connections->connect(std::move(wires));
      return true;
    });
  }

  int give(Array<Setting>& list, std::int64_t index, const double* values, int each) {
    if (index < 0 || static_cast<std::size_t>(index) >= list.size()) {
      return fail(misuse, "no such parameter or variable");
    }
    list[static_cast<std::size_t>(index)] = {values, each != 0};
    return none;
  }

  int start(const FactorRows* factors) {
    messages.clear();
    return guarded([&] { return connections->begin(dt, seed, factors); });
  }
  int take(const Slice& slice) {
    return guarded([&] { return connections->advance(slice); });
  }
  int read(std::int64_t recordable, const FactorRows* factors, double* out) {
    if (recordable < 0 || static_cast<std::size_t>(recordable) >= recordables) {
      return fail(misuse, "no such recordable");
    }
    return guarded([&] {
      connections->read(static_cast<std::size_t>(recordable), factors, out);
      return connections->problem == Plastic::none;
    });
  }

 private:
  int fail(Kind kind, const char* why) {
    text = why;
    return kind;
  }

  template <class Act>
  int guarded(const Act& act) {
    const Listening listening(messages);
    try {
      if (act()) return none;
      text = connections->text;
      switch (connections->problem) {
        case Plastic::guard:
          return guard;
        case Plastic::not_finite:
          return not_finite;
        default:
          return misuse;
      }
    } catch (const std::bad_alloc&) {
      return fail(no_memory, "there is not enough memory");
    } catch (const Interrupted& problem) {
      return fail(interrupted, problem.what());
    } catch (const std::exception& problem) {
      return fail(stopped, problem.what());
    }
  }
};

/// Drives connections with lists of spikes: what a network does, without neurons.
class Drive {
 public:
  /// Spikes by time: of `members`, or of member 0 if there are none.
  struct Train {
    const std::int64_t* steps = nullptr;
    const std::int64_t* members = nullptr;
    std::size_t count = 0;
    std::size_t next = 0;
    Array<std::uint32_t> now = {};

    void give(std::int64_t step) {
      now.clear();
      for (; next < count && steps[next] == step; ++next) {
        now.push_back(members == nullptr ? 0u : static_cast<std::uint32_t>(members[next]));
      }
    }
  };
  struct Record {
    std::int64_t recordable;
    double* out;
  };

  Train sources = {}, targets = {};
  Array<Train> modulators = {};
  Array<FactorRows> factors;  ///< from before step 1 on
  Array<Record> records = {};

  Drive(SynapseHandle& driven, std::size_t ports) : factors(ports), handle(driven) {}

  int begin() {
    done = 0;
    return handle.start(factors.data());
  }

  int advance(std::int64_t steps) {
    for (std::int64_t i = 0; i < steps; ++i) {
      if (const int kind = step()) return kind;
    }
    return SynapseHandle::none;
  }

  int read(std::int64_t recordable, double* out) {
    const Array<FactorRows> present = rows(done);
    return handle.read(recordable, present.data(), out);
  }

 private:
  int step() {
    sources.give(done + 1);
    targets.give(done + 1);
    Array<Fired> fired;
    for (Train& train : modulators) {
      train.give(done + 1);
      fired.push_back(&train.now);
    }
    const Array<FactorRows> held = rows(done);
    Slice slice;
    slice.first = done;
    slice.steps = 1;
    slice.sources = &sources.now;
    slice.targets = &targets.now;
    slice.modulators = fired.data();
    slice.factors = held.data();
    ++done;
    if (const int kind = handle.take(slice)) return kind;
    for (Record& record : records) {
      if (const int kind = read(record.recordable, record.out)) return kind;
      record.out += handle.connections->size();
    }
    return SynapseHandle::none;
  }

  /// Return the continuous inputs from the end of a step on.
  Array<FactorRows> rows(std::int64_t from) const {
    Array<FactorRows> found = factors;
    for (FactorRows& f : found) {
      if (f.values != nullptr) f.values += static_cast<std::size_t>(from) * f.step;
    }
    return found;
  }

  SynapseHandle& handle;
  std::int64_t done = 0;
};

}  // namespace v1
}  // namespace nestml_runtime
#endif
