#ifndef NESTML_NEST_H
#define NESTML_NEST_H

// What every module needs of NEST, and what is the same in all modules.

// The special functions of C++17, of which nothing here uses any, take time in every unit.
#define _GLIBCXX_BITS_SPECFUN_H 1

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "archiving_node.h"
#include "dict_util.h"
#include "dictionary.h"
#include "event.h"
#include "exceptions.h"
#include "kernel_manager.h"
#include "nest_extension_interface.h"
#include "nest_time.h"
#include "nest_types.h"
#include "node.h"
#include "recordables_map.h"
#include "structural_plasticity_node.h"
#include "universal_data_logger_impl.h"

// Where these headers are kept precompiled, so is what parts.h defines. Most of it is not worth
// the time that it takes to make it fast.
#ifdef NESTML_COMPILED_BEFORE
#define NESTML_PART
#else
#define NESTML_PART inline
#endif
#define NESTML_RARE [[gnu::cold]] NESTML_PART

namespace nestml {

/// The node that a neuron derives from: one of NEST's, with or without an archive of spikes.
template <class Node>
class Neuron : public Node {
 public:
  Neuron();
  Neuron(const Neuron& other);
  ~Neuron() override;
};

/// Send a spike at the end of a step of the current slice.
void send_spike(nest::Node& neuron, long lag);

// --------------------------------------------------------------------------------------- recording

/// What returns a recordable. Loggers look at all neurons as nodes, so that one class serves them.
using Recorded = double (nest::Node::*)() const;

struct Recordable {
  const char* name;
  Recorded value;
};

/// What can be recorded of the neurons of a class.
class Recordables {
 public:
  Recordables(std::initializer_list<Recordable> all);
  ~Recordables();
  Recordables(const Recordables&) = delete;

  /// Put their names into a status dictionary.
  void list(Dictionary& d) const;

 private:
  friend class Recorder;
  nest::RecordablesMap<nest::Node> map_;
};

/// What multimeters have asked a neuron for.
class Recorder {
 public:
  explicit Recorder(nest::Node& neuron);
  ~Recorder();
  Recorder(const Recorder&) = delete;

  std::size_t connect(const nest::DataLoggingRequest& request, const Recordables& recordables);
  void handle(const nest::DataLoggingRequest& request);
  void record(long step);
  void init();
  void reset();

 private:
  nest::UniversalDataLogger<nest::Node> logger_;
};

// ------------------------------------------------------------------------------------------ status

/// A value is a double, a long, a bool or a std::string.
template <class T>
void put(Dictionary& d, const char* key, const T& value);

/// Replace `value` by what stands in `d`, if anything does; numbers may be random or spatial
/// parameters.
template <class T>
bool update(const Dictionary& d, const char* key, T& value, nest::Node* node);

/// The same for a value in a unit of which one is `above / below` of what the model computes in.
bool update(const Dictionary& d, const char* key, double& value, nest::Node* node, double above,
            double below);

// ------------------------------------------------------------------------------------------ errors

[[noreturn]] void refuse(const char* message);
[[noreturn]] void refuse_value(const char* message);
[[noreturn]] void refuse_receptor(std::size_t receptor, const nest::Node& neuron);
[[noreturn]] void refuse_event(std::size_t receptor, const nest::Node& neuron, const char* event);
[[noreturn]] void end_unstable(const char* model);

}  // namespace nestml

#ifdef NESTML_COMPILED_BEFORE
extern template class nestml::Neuron<nest::ArchivingNode>;
extern template class nestml::Neuron<nest::StructuralPlasticityNode>;
// NEST's messages: what registers a model makes one.
extern template std::string String::compose(const std::string&, const std::string&);
#else
#include "parts.h"
#endif

#endif
