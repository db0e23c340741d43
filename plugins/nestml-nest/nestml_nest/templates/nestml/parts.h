#ifndef NESTML_PARTS_H
#define NESTML_PARTS_H

// What nest.h declares: compiled once where NEST's headers are kept precompiled.

#include "nest.h"

namespace nestml {

template <class Node>
Neuron<Node>::Neuron() = default;
template <class Node>
Neuron<Node>::Neuron(const Neuron& other) = default;
template <class Node>
Neuron<Node>::~Neuron() = default;

NESTML_PART void send_spike(nest::Node& neuron, const long lag) {
  nest::SpikeEvent spike;
  nest::kernel().event_delivery_manager.send(neuron, spike, lag);
}

// --------------------------------------------------------------------------------------- recording

NESTML_RARE Recordables::Recordables(const std::initializer_list<Recordable> all) {
  for (const auto& r : all) map_.insert({r.name, r.value});
}
NESTML_RARE Recordables::~Recordables() = default;

NESTML_RARE void Recordables::list(Dictionary& d) const { d["recordables"] = map_.get_list(); }

NESTML_RARE Recorder::Recorder(nest::Node& neuron) : logger_(neuron) {}
NESTML_RARE Recorder::~Recorder() = default;

NESTML_RARE std::size_t Recorder::connect(const nest::DataLoggingRequest& request,
                                          const Recordables& recordables) {
  return logger_.connect_logging_device(request, recordables.map_);
}
NESTML_PART void Recorder::handle(const nest::DataLoggingRequest& request) {
  logger_.handle(request);
}
NESTML_PART void Recorder::record(const long step) { logger_.record_data(step); }
NESTML_RARE void Recorder::init() { logger_.init(); }
NESTML_RARE void Recorder::reset() { logger_.reset(); }

// ------------------------------------------------------------------------------------------ status

template <class T>
[[gnu::cold]] void put(Dictionary& d, const char* const key, const T& value) {
  d[key] = value;
}

template <class T>
[[gnu::cold]] bool update(const Dictionary& d, const char* const key, T& value, nest::Node* const node) {
  if constexpr (std::is_same_v<T, double> || std::is_same_v<T, long>) {
    return nest::update_value_param(d, key, value, node);
  } else {
    return d.update_value(key, value);
  }
}

NESTML_RARE bool update(const Dictionary& d, const char* const key, double& value,
                        nest::Node* const node, const double above, const double below) {
  double given = 0.0;
  if (!update(d, key, given, node)) {
    return false;
  }
  value = given * above / below;
  return true;
}

// ------------------------------------------------------------------------------------------ errors

NESTML_RARE void refuse(const char* const message) { throw nest::KernelException(message); }

NESTML_RARE void refuse_value(const char* const message) { throw nest::BadProperty(message); }

NESTML_RARE void refuse_receptor(const std::size_t receptor, const nest::Node& neuron) {
  throw nest::UnknownReceptorType(receptor, neuron.get_name());
}

NESTML_RARE void refuse_event(const std::size_t receptor, const nest::Node& neuron,
                              const char* const event) {
  throw nest::IncompatibleReceptorType(receptor, neuron.get_name(), event);
}

NESTML_RARE void end_unstable(const char* const model) { throw nest::NumericalInstability(model); }

}  // namespace nestml

#ifdef NESTML_COMPILED_BEFORE
template class nestml::Neuron<nest::ArchivingNode>;
template class nestml::Neuron<nest::StructuralPlasticityNode>;

template std::string String::compose(const std::string&, const std::string&);

template void nestml::put(Dictionary&, const char*, const double&);
template void nestml::put(Dictionary&, const char*, const long&);
template void nestml::put(Dictionary&, const char*, const bool&);
template void nestml::put(Dictionary&, const char*, const std::string&);

template bool nestml::update(const Dictionary&, const char*, double&, nest::Node*);
template bool nestml::update(const Dictionary&, const char*, long&, nest::Node*);
template bool nestml::update(const Dictionary&, const char*, bool&, nest::Node*);
template bool nestml::update(const Dictionary&, const char*, std::string&, nest::Node*);
#endif

#endif
