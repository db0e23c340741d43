#ifndef NESTML_RUNTIME_V1_POPULATION
#define NESTML_RUNTIME_V1_POPULATION
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>

namespace nestml_runtime {
inline namespace v1 {

/// Values that replace a default: `size` numbers, the same for all neurons or some for `each`.
struct Given {
  const double* values = nullptr;
  std::size_t size = 1;
  bool each = false;

  /// Return the values for one neuron; nullptr where the default stays.
  const double* of(std::size_t neuron) const {
    return values == nullptr ? nullptr : values + (each ? neuron * size : 0);
  }
};

/// Spikes for one port by arrival: `neurons` is nullptr if all are for the first one.
struct Events {
  const std::int64_t* steps = nullptr;
  const std::int64_t* neurons = nullptr;
  const double* weights = nullptr;
  std::size_t count = 0;
  std::size_t next = 0;
};

/// A continuous input from step 1 on: a value for each step, or one for each step and neuron.
struct Current {
  const double* values = nullptr;
  std::int64_t steps = 0;
  bool each = false;

  /// Return the value for one neuron of `size` in a step; the last value holds on.
  double of(std::int64_t step, std::size_t neuron, std::size_t size) const {
    if (steps == 0) return 0.0;
    const auto t = static_cast<std::size_t>(least(step, steps) - 1);
    return values[each ? t * size + neuron : t];
  }
};

/// A recordable of some neurons, written to `out` step by step.
struct Recorder {
  std::size_t recordable = 0;
  const std::int64_t* neurons = nullptr;  ///< nullptr: all of them
  std::size_t count = 0;
  double* out = nullptr;
  std::int64_t steps = 0;  ///< how many `out` has room for
  std::int64_t done = 0;
};

/// What ends a run: a kind, and what it is about in the form `name: more`.
struct Problem {
  enum Kind { none, guard, not_finite, no_element, stopped, no_memory, misuse, interrupted };
  Kind kind = none;
  Text text = {};
};

/// A line of the cache: rows begin with one.
struct alignas(64) Line {
  Scalar values[64 / sizeof(Scalar)] = {};
};

/// A line of the cache with numbers of spikes.
struct alignas(64) TallyLine {
  std::uint16_t numbers[32] = {};
};

/// So many weights of spikes for a port can be tallied, as of excitation and of inhibition.
inline constexpr std::size_t tallied_weights = 2;

/// What arrives at a spike port, in a row for each step to come. `slots` of them go round.
struct Arrivals {
  Array<Line> sums = {};
  Array<Line> counts = {};        ///< of spikes, where these are told from none
  Array<TallyLine> tallies = {};  ///< of spikes of some `weights`, first all of the first
  double weights[tallied_weights] = {};
  std::size_t tallied = 0;            ///< so many weights are
  Array<std::uint32_t> most = {};     ///< by row: no neuron has more spikes in its tally
  Array<unsigned char> is_used = {};  ///< by slot: whether there may be something in its sums
  bool is_open = false;               ///< there may be, in any slot
};

/// Neurons of one model with the same step.
///
/// Spikes arrive in rows: what is added to `sum(port, step)[neuron]` arrives at the end of that
/// step. `slots` steps can be written ahead; a row is cleared when its step is done, and has to be
/// asked for again then, unless the port is kept `open`. For ports that are `counted` the number of
/// spikes must be added to `count(port, step)[neuron]`. Many spikes of one weight are cheaper in a
/// `tally`: two bytes a neuron, and no row is read in which nothing arrived.
class Population {
 public:
  virtual ~Population() = default;
  Population(const Population&) = delete;
  Population& operator=(const Population&) = delete;

  const std::size_t size;
  const double dt;
  const std::uint64_t seed;
  std::size_t first = 0;      ///< the number of the first neuron, where they are part of more
  std::size_t whole = size;   ///< how many these are

  Array<Given> parameters, initial;
  Array<Events> events;
  Array<Current> currents;
  Array<Recorder> recorders;
  bool keeps_spikes = true;
  bool looks_later = false;  ///< whoever calls `advance` sees to it that the last step is looked at
  Array<std::int64_t> spike_steps, spike_neurons;
  Array<Array<std::uint32_t>> fired;  ///< of the last slice, step by step
  Problem problem;

  /// Set everything to its begin. Returns whether all guards hold.
  virtual bool begin() = 0;
  /// Write a recordable of all neurons.
  virtual void read(std::size_t recordable, double* out) = 0;
  /// Whether neurons advance several at once.
  virtual bool is_wide() const = 0;
  /// Look at the continuous inputs again, whose values have changed.
  virtual void refresh() {}
  /// Append all that changes in steps, rows too.
  virtual void save(Array<unsigned char>& to) const = 0;
  /// Take it back, behind `begin` of the same neurons; returns what follows it.
  virtual const unsigned char* load(const unsigned char* from, const unsigned char* end) = 0;

  std::int64_t steps_done() const { return done; }
  std::size_t slots() const { return rows_ahead; }
  std::size_t stride() const { return width; }
  std::size_t row_distance() const { return lines * (sizeof(Line) / sizeof(Scalar)); }
  Scalar* sum(std::size_t port, std::int64_t step) {
    arrivals[port].is_used[slot(step)] = 1;
    return arrivals[port].sums[slot(step) * lines].values;
  }
  Scalar* count(std::size_t port, std::int64_t step) {
    return arrivals[port].counts[slot(step) * lines].values;
  }
  bool is_counted(std::size_t port) const { return !arrivals[port].counts.empty(); }

  /// Have rows of a port stay where they are to be written whenever someone likes.
  void open(std::size_t port) { arrivals[port].is_open = true; }

  /// Have spikes of one weight for a port tallied, if there is room; to be called before `begin`.
  void take_tallies(std::size_t port, double weight) {
    Arrivals& a = arrivals[port];
    const bool is_new = tallied(port, weight) == a.tallied;
    if (is_new && a.tallied < tallied_weights && !is_counted(port)) a.weights[a.tallied++] = weight;
  }
  /// Have no tallies, and no ports open.
  void take_sums() {
    for (Arrivals& a : arrivals) {
      a.tallied = 0;
      a.is_open = !a.counts.empty();
    }
  }
  /// Return the tally of spikes of one weight in a step, of which each neuron gets up to `more`;
  /// nullptr if there is none, or it might overflow.
  std::uint16_t* tally(std::size_t port, double weight, std::int64_t step, std::size_t more) {
    constexpr std::uint32_t limit = std::numeric_limits<std::uint16_t>::max();
    Arrivals& a = arrivals[port];
    const std::size_t number = tallied(port, weight);
    if (number == a.tallied) return nullptr;
    const std::size_t row = number * rows_ahead + slot(step);
    if (more > limit - a.most[row]) return nullptr;
    a.most[row] += static_cast<std::uint32_t>(more);
    return a.tallies[row * tally_lines].numbers;
  }

  /// Make room for spikes that arrive up to so many steps ahead; to be called before `begin`.
  void reserve(std::size_t slots) {
    rows_ahead = most<std::size_t>(slots, 1);
    for (Arrivals& a : arrivals) {
      a.sums.assign(rows_ahead * lines, Line{});
      if (!a.counts.empty()) a.counts.assign(rows_ahead * lines, Line{});
      a.tallies.assign(a.tallied * rows_ahead * tally_lines, TallyLine{});
      a.most.assign(a.tallied * rows_ahead, 0);
      a.is_used.assign(rows_ahead, 0);
    }
    fired.resize(rows_ahead);
  }

  /// Advance by so many steps, or until there is a problem. Returns whether there is none. Whether
  /// variables are numbers is looked at after the last step, after every step that is recorded, and
  /// now and then; in no steps it is looked at, and nothing else is done.
  bool advance(std::int64_t steps) {
    if (steps == 0 && problem.kind == Problem::none) look();
    while (steps > 0 && problem.kind == Problem::none) {
      const std::size_t first_slot = slot(done + 1);
      const auto left = static_cast<std::int64_t>(rows_ahead - first_slot);
      const std::int64_t slice = recorders.empty() ? least(steps, left) : 1;
      deliver(slice);
      for (std::int64_t t = 0; t < slice; ++t) fired[static_cast<std::size_t>(t)].clear();
      const bool is_last = steps == slice && !looks_later;
      const bool is_due = done / often != (done + slice) / often;
      run(slice, is_last || is_due || !recorders.empty());
      for (Arrivals& a : arrivals) {
        for (std::size_t k = 0; k < static_cast<std::size_t>(slice); ++k) {
          a.is_used[first_slot + k] = 0;
          for (std::size_t i = 0; i < a.tallied; ++i) a.most[i * rows_ahead + first_slot + k] = 0;
        }
      }
      if (keeps_spikes) keep(slice);
      done += slice;
      steps -= slice;
      if (problem.kind == Problem::none) record();
    }
    return problem.kind == Problem::none;
  }

 protected:
  Population(std::size_t size, std::size_t width, double dt, std::uint64_t seed,
             std::size_t spike_ports, std::size_t continuous_ports)
      : size(size),
        dt(dt),
        seed(seed),
        events(spike_ports),
        currents(continuous_ports),
        width(width),
        arrivals(spike_ports) {
    // rows whose addresses end alike get in each other's way
    lines = (width * sizeof(Scalar) + sizeof(Line) - 1) / sizeof(Line);
    if (lines % 4 == 0) ++lines;
    tally_lines = (width * sizeof(std::uint16_t) + sizeof(TallyLine) - 1) / sizeof(TallyLine);
    if (tally_lines % 4 == 0) ++tally_lines;
  }

  /// Have the spikes of a port counted, so that they are told from none.
  void count_spikes(std::size_t port) {
    arrivals[port].counts.resize(1);
    open(port);
  }

  void restart() {
    done = 0;
    problem = {};
    spike_steps.clear();
    spike_neurons.clear();
    for (Events& e : events) e.next = 0;
    for (Recorder& r : recorders) r.done = 0;
    reserve(rows_ahead);
  }

  static constexpr std::int64_t often = 16;  ///< so many steps are not looked at, at most

  /// Advance by a slice of steps whose rows follow each other; then look if that is asked for.
  virtual void run(std::int64_t slice, bool looks) = 0;
  /// See whether all variables are numbers.
  virtual void look() = 0;

  template <class Self, class Archive>
  static void keep_rows(Self& self, Archive& archive) {
    archive.take(self.done);
    for (auto& a : self.arrivals) {
      archive.take(a.sums);
      archive.take(a.counts);
      archive.take(a.tallies);
      archive.take(a.most);
      archive.take(a.is_used);
    }
  }

  std::size_t slot(std::int64_t step) const {
    return static_cast<std::size_t>(step - 1) % rows_ahead;
  }

  /// Return the sums of a step; nullptr if there is nothing in them.
  Scalar* sum_if_any(std::size_t port, std::int64_t step) {
    Arrivals& a = arrivals[port];
    const bool is_read = a.is_open || a.is_used[slot(step)] != 0;
    return is_read ? a.sums[slot(step) * lines].values : nullptr;
  }
  std::uint16_t* tally_if_any(std::size_t port, std::size_t number, std::int64_t step) {
    Arrivals& a = arrivals[port];
    const std::size_t row = number * rows_ahead + slot(step);
    const bool is_read = number < a.tallied && a.most[row] > 0;
    return is_read ? a.tallies[row * tally_lines].numbers : nullptr;
  }
  double tallied_weight(std::size_t port, std::size_t number) const {
    return arrivals[port].weights[number];
  }

  /// Return the continuous input of one neuron in a step; the last value holds on.
  double current(std::size_t port, std::int64_t step, std::size_t neuron) const {
    return currents[port].of(step, neuron, size);
  }

  std::int64_t done = 0;
  const std::size_t width;  ///< the length of a row

 private:
  /// Return which tally has the spikes of one weight; the number of tallies if none has.
  std::size_t tallied(std::size_t port, double weight) const {
    const Arrivals& a = arrivals[port];
    std::size_t number = 0;
    while (number < a.tallied && a.weights[number] != weight) ++number;
    return number;
  }

  void deliver(std::int64_t slice) {
    for (std::size_t port = 0; port < events.size(); ++port) {
      Events& e = events[port];
      for (; e.next < e.count && e.steps[e.next] <= done + slice; ++e.next) {
        const std::int64_t neuron = e.neurons == nullptr ? 0 : e.neurons[e.next];
        const auto k = static_cast<std::size_t>(neuron);
        sum(port, e.steps[e.next])[k] += static_cast<Scalar>(e.weights[e.next]);
        if (is_counted(port)) count(port, e.steps[e.next])[k] += Scalar(1);
      }
    }
  }

  void keep(std::int64_t slice) {
    for (std::int64_t t = 0; t < slice; ++t) {
      for (const std::uint32_t neuron : fired[static_cast<std::size_t>(t)]) {
        spike_steps.push_back(done + t + 1);
        spike_neurons.push_back(neuron);
      }
    }
  }

  void record() {
    if (recorders.empty()) return;
    scratch.resize(size);
    for (Recorder& r : recorders) {
      if (r.done == r.steps) continue;
      double* const out = r.out + static_cast<std::size_t>(r.done++) * r.count;
      if (r.neurons == nullptr) {
        read(r.recordable, out);
        continue;
      }
      read(r.recordable, scratch.data());
      for (std::size_t i = 0; i < r.count; ++i) {
        out[i] = scratch[static_cast<std::size_t>(r.neurons[i])];
      }
    }
  }

  std::size_t rows_ahead = 16;
  std::size_t lines, tally_lines;  ///< from row to row
  Array<Arrivals> arrivals;  ///< by spike port
  Array<double> scratch;
};

/// Return which guard a neuron violates, with its number where there are several.
[[gnu::noinline]] inline Problem violated(const char* guard, std::size_t neuron,
                                          const Population& of) {
  char number[40] = "";
  if (of.whole > 1) std::snprintf(number, sizeof number, " (neuron %zu)", of.first + neuron);
  Problem problem = {Problem::guard, guard};
  problem.text += number;
  return problem;
}

/// Return that a variable of a neuron is no number after a step.
[[gnu::noinline]] inline Problem no_number(const char* name, std::int64_t step,
                                           std::size_t neuron, const Population& of) {
  char where[32];
  Problem problem = {Problem::not_finite, name};
  std::snprintf(where, sizeof where, " %lld", static_cast<long long>(step));
  problem.text += where;
  if (of.whole > 1) {
    std::snprintf(where, sizeof where, " %zu", of.first + neuron);
    problem.text += where;
  }
  return problem;
}

/// Neurons that advance one after the other.
template <class Model>
class SinglePopulation final : public Population {
  using Neuron = typename Model::Neuron;

 public:
  SinglePopulation(std::size_t size, double dt, std::uint64_t seed)
      : Population(size, size, dt, seed, Model::spike_ports, Model::continuous_ports) {
    for (std::size_t i = 0; i < Model::spike_ports; ++i) count_spikes(i);
    parameters.resize(Model::parameters);
    initial.resize(Model::initial);
  }

  bool begin() override {
    restart();
    neurons.clear();
    neurons.reserve(size);
    for (std::size_t i = 0; i < size; ++i) {
      Neuron& neuron = neurons.emplace_back(Model::make(dt));
      const char* guard = Model::set_up(neuron, *this, i);
      if (guard != nullptr) problem = violated(guard, i, *this);
      if (guard != nullptr) return false;
    }
    inputs.assign(size, {});
    for (std::size_t i = 0; i < size; ++i) hold(i, 1);
    return true;
  }

  void read(std::size_t recordable, double* out) override {
    for (std::size_t i = 0; i < size; ++i) out[i] = Model::read(neurons[i], inputs[i], recordable);
  }

  bool is_wide() const override { return false; }

  void refresh() override {
    for (std::size_t i = 0; i < size; ++i) hold(i, done + 1);
  }

  void save(Array<unsigned char>& to) const override {
    Writer writer{to};
    keep_rows(*this, writer);
    for (const Neuron& neuron : neurons) Neuron::keep(neuron, writer);
  }
  const unsigned char* load(const unsigned char* from, const unsigned char* end) override {
    Reader reader{from, end};
    keep_rows(*this, reader);
    for (Neuron& neuron : neurons) Neuron::keep(neuron, reader);
    refresh();
    return reader.from;
  }

 private:
  void look() override {}  // every step of each neuron is looked at

  void run(std::int64_t slice, bool) override {
    for (std::int64_t t = 0; t < slice; ++t) {
      const std::int64_t step = done + t + 1;
      for (std::size_t i = 0; i < size; ++i) {
        for (std::size_t port = 0; port < Model::spike_ports; ++port) {
          Scalar& arrived = sum(port, step)[i];
          Scalar& number = count(port, step)[i];
          Model::receive(inputs[i], port, static_cast<double>(arrived),
                         static_cast<long>(number));
          arrived = number = Scalar(0);
        }
        const typename Neuron::State before = neurons[i].state();
        const int emitted = neurons[i].step(inputs[i]);
        hold(i, step + 1);
        if (const char* name = neurons[i].not_finite(before)) {
          problem = no_number(name, step, i, *this);
          return;
        }
        fired[static_cast<std::size_t>(t)].append(static_cast<std::size_t>(emitted),
                                                  static_cast<std::uint32_t>(i));
      }
    }
  }

  void hold(std::size_t neuron, std::int64_t step) {
    for (std::size_t port = 0; port < Model::continuous_ports; ++port) {
      Model::hold(inputs[neuron], port, current(port, step, neuron));
    }
  }

  Array<Neuron> neurons;
  Array<typename Neuron::Input> inputs;
};

/// What random numbers depend on, beside the neuron and how many it drew before in the step.
struct Draws {
  std::uint64_t seed;
  std::uint64_t step;
  std::uint64_t first;  ///< the number of the first neuron
};

/// What arrives at lanes of neurons in a step: rows of spikes, and currents.
template <std::size_t SpikePorts, std::size_t ContinuousPorts>
struct LaneInput {
  Scalar* sums[SpikePorts + 1];  ///< nullptr if nothing is in the row, as for tallies
  std::uint16_t* tallies[SpikePorts + 1][tallied_weights];  ///< numbers of spikes of a weight
  Scalar weights[SpikePorts + 1][tallied_weights];          ///< of those that are tallied
  Scalar* counts[SpikePorts + 1];
  const Scalar* currents[ContinuousPorts + 1];
  std::size_t strides[ContinuousPorts + 1];  ///< 0 if all neurons get the same
  Draws random;

  /// Return the sums of the weights for the neurons from `k` on, and clear them.
  Real sum(std::size_t k, std::size_t port) const {
    Real x = 0.0;
    if (sums[port] != nullptr) x = taken(sums[port] + k);
    for (std::size_t i = 0; i < tallied_weights; ++i) {
      std::uint16_t* const tally = tallies[port][i];
      if (tally != nullptr) x = fma(Real(weights[port][i]), number(tally + k), x);
    }
    return x;
  }
  Mask arrived(std::size_t k, std::size_t port) const { return taken(counts[port] + k) > 0.0; }
  Real current(std::size_t k, std::size_t port) const {
    return load(currents[port] + k * strides[port]);
  }

 private:
  static Real taken(Scalar* from) {
    const Real x = load(from);
    store(from, 0.0);
    return x;
  }
  /// Return numbers of spikes, and clear them.
  static Real number(std::uint16_t* from) {
    typedef std::uint16_t Numbers __attribute__((vector_size(lanes * sizeof(std::uint16_t))));
    typedef std::int32_t Wider __attribute__((vector_size(lanes * sizeof(std::int32_t))));
    Numbers n;
    std::memcpy(&n, from, sizeof n);
    std::memset(from, 0, sizeof n);
    return Real(__builtin_convertvector(__builtin_convertvector(n, Wider), RealVector));
  }
};

#ifndef NESTML_ONE_BY_ONE
/// Neurons that advance several at once. The lanes of a variable lie side by side, the variables of
/// the same neurons next to each other. A block of neurons goes through a slice of steps before the
/// next one does, so that its state stays in the cache.
template <class Model>
class LanePopulation final : public Population {
  using Neuron = typename Model::Neuron;
  using Constants = typename Model::Constants;
  using State = typename Model::State;
  using Input = LaneInput<Model::spike_ports, Model::continuous_ports>;
  static constexpr bool is_short = Model::statements <= 64 && !Model::solves;
  static constexpr std::size_t block =
      most<std::size_t>(1, 8192 / (sizeof(State) + sizeof(Constants) / 4));

 public:
  LanePopulation(std::size_t size, double dt, std::uint64_t seed)
      : Population(size, (size + lanes - 1) / lanes * lanes, dt, seed, Model::spike_ports,
                   Model::continuous_ports) {
    for (std::size_t i = 0; i < Model::spike_ports; ++i) {
      if (Model::counted[i]) count_spikes(i);
    }
    parameters.resize(Model::parameters);
    initial.resize(Model::initial);
  }

  bool begin() override {
    restart();
    bool is_shared = true;
    for (const Given& g : parameters) is_shared = is_shared && !g.each;
    constants.assign(is_shared ? 1 : width / lanes, Constants{});
    state.assign(width / lanes, State{});
    Neuron neuron = Model::make(dt);
    for (std::size_t i = 0; i < width; ++i) {
      const std::size_t like = least(i, size - 1);  // lanes too many do as the last one
      const char* guard = is_shared && i > 0 ? Model::set_state(neuron, *this, like)
                                             : Model::set_up(neuron, *this, like);
      if (guard != nullptr) problem = violated(guard, like, *this);
      if (guard != nullptr) return false;
      if (is_shared && i == 0) {
        for (std::size_t lane = 0; lane < lanes; ++lane) Model::pack(neuron, constants[0], lane);
      } else if (!is_shared) {
        Model::pack(neuron, constants[i / lanes], i % lanes);
      }
      Model::pack(neuron, state[i / lanes], i % lanes);
    }
    starts_finite = all_finite();
    return true;
  }

  void read(std::size_t recordable, double* out) override {
    const Input in = input(done + 1, 1, 0);
    for (std::size_t g = 0; g < state.size(); ++g) {
      const Real values = Model::read(constants[g * stride_of_constants()], state[g], in,
                                      g * lanes, dt, static_cast<double>(done) * dt, recordable);
      for (std::size_t i = 0; i < lanes && g * lanes + i < size; ++i) {
        out[g * lanes + i] = values[i];
      }
    }
  }

  bool is_wide() const override { return true; }

  void save(Array<unsigned char>& to) const override {
    Writer writer{to};
    keep_rows(*this, writer);
    writer.take(state);
  }
  const unsigned char* load(const unsigned char* from, const unsigned char* end) override {
    Reader reader{from, end};
    keep_rows(*this, reader);
    reader.take(state);
    return reader.from;
  }

 private:
  std::size_t stride_of_constants() const { return constants.size() == 1 ? 0 : 1; }

  /// Return what arrives in a step, the `offset`th of a slice.
  Input input(std::int64_t step, std::int64_t slice, std::int64_t offset) {
    Input in = {};
    in.random = {seed, static_cast<std::uint64_t>(step), first};
    for (std::size_t port = 0; port < Model::spike_ports; ++port) {
      in.sums[port] = sum_if_any(port, step);
      for (std::size_t i = 0; i < tallied_weights; ++i) {
        in.tallies[port][i] = tally_if_any(port, i, step);
        in.weights[port][i] = static_cast<Scalar>(tallied_weight(port, i));
      }
      if (Model::counted[port]) in.counts[port] = count(port, step);
    }
    for (std::size_t port = 0; port < Model::continuous_ports; ++port) {
      const std::size_t length = currents[port].each ? width : lanes;
      constexpr std::size_t line = sizeof(Line) / sizeof(Scalar);
      const std::size_t from_row = (length + line - 1) / line * line;
      Array<Line>& held = holding[port];
      held.resize(static_cast<std::size_t>(slice) * (from_row / line));
      Scalar* const first = held[0].values;
      in.currents[port] = first + static_cast<std::size_t>(offset) * from_row;
      in.strides[port] = currents[port].each ? 1 : 0;
      if (offset > 0) continue;
      for (std::size_t t = 0; t < static_cast<std::size_t>(slice); ++t) {
        for (std::size_t i = 0; i < length; ++i) {
          const std::size_t neuron = currents[port].each ? least(i, size - 1) : 0;
          first[t * from_row + i] =
              static_cast<Scalar>(current(port, step + static_cast<std::int64_t>(t), neuron));
        }
      }
    }
    return in;
  }

  void look() override {
    if (!all_finite()) check(done);
  }

  void run(std::int64_t slice, bool looks) override {
    inputs.clear();
    for (std::int64_t t = 0; t < slice; ++t) inputs.push_back(input(done + t + 1, slice, t));
    // a block comes back from the cache step by step; a single step has nothing to come back to
    const std::size_t length = slice == 1 ? state.size() : block;
    bool is_finite = true;
    for (std::size_t begin = 0; begin < state.size(); begin += length) {
      const std::size_t end = least(begin + length, state.size());
      bool good = true;
      if constexpr (is_short) {
        good = constants.size() == 1 ? advance_short(begin, end, looks)
                                     : advance_block(begin, end, looks);
      } else {
        good = advance_block(begin, end, looks);
      }
      is_finite = is_finite && good;
    }
    if (!is_finite) check(done + slice);
  }

  /// Advance neurons by the slice. Returns whether all are finite behind it, if that is asked for.
  bool advance_block(std::size_t begin, std::size_t end, bool looks) {
    return each_step(constants.data(), stride_of_constants(), begin, end, looks);
  }

  /// The same for a short step and shared constants: in one piece, so that these stay where they
  /// are at hand.
  [[gnu::flatten]] bool advance_short(std::size_t begin, std::size_t end, bool looks) {
    const Constants shared = constants[0];
    return each_step(&shared, 0, begin, end, looks);
  }

  bool each_step(const Constants* c, std::size_t stride, std::size_t begin, std::size_t end,
                 bool looks) {
    const std::size_t steps = inputs.size();
    bool is_finite = true;
    for (std::size_t t = 0; t < steps; ++t) {
      is_finite = each(c, stride, begin, end, t, looks && t + 1 == steps);
    }
    return is_finite;
  }

  /// Advance neurons by a step. Returns whether all are finite, if that is asked for.
  bool each(const Constants* c, std::size_t stride, std::size_t begin, std::size_t end,
            std::size_t t, bool looks) {
    const Input in = inputs[t];
    State* const all_states = state.data();
    const double step = dt;
    const double time = static_cast<double>(done + static_cast<std::int64_t>(t) + 1) * step;
    Real sum = 0.0;
    for (std::size_t g = begin; g < end; ++g) {
      decltype(Model::step(*c, *all_states, in, 0, step, time)) emitted = {};
      for (; g < end; ++g) {  // calls nothing, so that constants can stay in registers
        State s = all_states[g];  // a copy that nothing else may change
        emitted = Model::step(c[g * stride], s, in, g * lanes, step, time);
        all_states[g] = s;
        if (looks) sum = sum + Model::strange(s);
        if constexpr (Model::emits) {
          if (nestml_runtime::any(emitted)) [[unlikely]] break;
        }
      }
      if (Model::emits && g < end) note(Whole(emitted), g * lanes, fired[t]);
    }
    return all(sum == 0.0);
  }

  [[gnu::noinline]] void note(Whole emitted, std::size_t first,
                              Array<std::uint32_t>& to) const {
    for (std::size_t i = 0; i < lanes && first + i < size; ++i) {
      for (long n = emitted[i]; n > 0; --n) to.push_back(static_cast<std::uint32_t>(first + i));
    }
  }

  bool all_finite() const {
    Mask good = true;
    for (const State& s : state) good = good && Model::is_finite(s);
    return all(good);
  }

  /// Find a neuron with a variable that is no number, or has become infinite through an equation.
  void check(std::int64_t step) {
    Mask good = true;
    for (const State& s : state) good = good && Model::is_number(s);
    if (!starts_finite && all(good)) return;
    for (std::size_t i = 0; i < size; ++i) {
      Neuron neuron = Model::make(dt);
      Model::unpack(state[i / lanes], i % lanes, neuron);
      if (const char* name = neuron.not_finite(typename Neuron::State{})) {
        problem = no_number(name, step, i, *this);
        return;
      }
    }
  }

  Array<Constants> constants;
  Array<State> state;
  Array<Input> inputs;
  Array<Line> holding[Model::continuous_ports + 1];
  bool starts_finite = true;
};
#endif

}  // namespace v1
}  // namespace nestml_runtime
#endif
