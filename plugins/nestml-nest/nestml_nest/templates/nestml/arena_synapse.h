#ifndef NESTML_ARENA_SYNAPSE_H
#define NESTML_ARENA_SYNAPSE_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common_synapse_properties.h"
#include "connection.h"
#include "connector_model.h"
#include "dictionary.h"
#include "event.h"
#include "exceptions.h"
#include "kernel_manager.h"
#include "nest_names.h"
#include "nest_time.h"
#include "spikecounter.h"

#include "arena.h"

namespace nestml {

/// A static synapse that ends at neurons of one class, which live in an arena: it adds its weight to
/// what arrives at them without an event, and without touching them. It takes 16 bytes.
///
/// `Title::text` is its name in NEST.
template <class Neuron, class Title>
class ArenaSynapse {
 public:
  using CommonPropertiesType = nest::CommonSynapseProperties;

  static constexpr nest::ConnectionModelProperties properties =
    nest::ConnectionModelProperties::HAS_DELAY | nest::ConnectionModelProperties::IS_PRIMARY |
    nest::ConnectionModelProperties::SUPPORTS_HPC | nest::ConnectionModelProperties::SUPPORTS_LBL;
  static constexpr bool supports_flush_event = false;

  ArenaSynapse() : delay_(1.0) {}

  bool send(nest::Event& event, const std::size_t thread, const CommonPropertiesType& common) {
    // check_connection lets nothing else through
    auto& spike = static_cast<nest::SpikeEvent&>(event);
    spike.set_delay_steps(delay_.delay);
    if (place_ >= by_event || common.get_weight_recorder() != nullptr) [[unlikely]] {
      spike.set_receiver(*get_target(thread));
      spike.set_weight(weight_);
      spike.set_rport(get_rport());
      if (place_ >= by_event) {
        spike();
        return true;
      }
    }
    const long steps =
      spike.get_rel_delivery_steps(nest::kernel().simulation_manager.get_slice_origin());
    Neuron::receive(Arena<Neuron>::of(thread), place_ / receptors, place_ % receptors, steps,
                    weight_ * spike.get_multiplicity());
    return true;
  }

  void check_connection(nest::Node& source, nest::Node& target, const std::size_t receptor,
                        const CommonPropertiesType&) {
    auto* const neuron = dynamic_cast<Neuron*>(&target);
    if (neuron == nullptr) {
      throw nest::IllegalConnection(std::string(Title::text) + " ends at neurons " +
                                    Title::neuron + " only, not at " + target.get_name() + ".");
    }
    Tested tested;
    source.send_test_event(tested, receptor, delay_.syn_id, true);
    const std::size_t port = source.send_test_event(target, receptor, delay_.syn_id, false);
    if (!(source.sends_signal() & target.receives_signal())) {
      throw nest::IllegalConnection("The source sends nothing that the target could receive.");
    }
    const std::size_t place = neuron->place() * receptors + port;
    if (place >= by_event) {
      throw nest::KernelException("too many neurons on one thread");
    }
    // a device makes something else for each target of what it sends to all
    place_ = static_cast<std::uint32_t>(place) | (source.has_proxies() ? 0 : by_event);
  }

  nest::Node* get_target(const std::size_t thread) const {
    return Arena<Neuron>::of(thread).neuron((place_ & ~by_event) / receptors);
  }
  std::size_t get_rport() const { return (place_ & ~by_event) % receptors; }

  void get_status(Dictionary& d) const {
    d[nest::names::delay] = delay_.get_delay_ms();
    d[nest::names::weight] = weight_;
    d[nest::names::rport] = static_cast<long>(get_rport());
    d[nest::names::size_of] = static_cast<long>(sizeof(*this));
  }
  void set_status(const Dictionary& d, nest::ConnectorModel&) {
    double delay = 0.0;
    if (d.update_value(nest::names::delay, delay)) {
      nest::kernel().connection_manager.get_delay_checker().assert_valid_delay_ms(delay);
      delay_.set_delay_ms(delay);
    }
    d.update_value(nest::names::weight, weight_);
  }
  void check_synapse_params(const Dictionary&) const {}
  void set_weight(const double weight) { weight_ = weight; }

  void calibrate(const nest::TimeConverter& converter) {
    delay_.delay = converter.from_old_steps(delay_.delay).get_steps();
  }
  double get_delay() const { return delay_.get_delay_ms(); }
  long get_delay_steps() const { return delay_.delay; }
  void set_delay(const double delay) { delay_.set_delay_ms(delay); }
  void set_delay_steps(const long delay) { delay_.delay = delay; }
  void set_syn_id(const nest::synindex id) { delay_.syn_id = id; }
  nest::synindex get_syn_id() const { return delay_.syn_id; }
  long get_label() const { return nest::UNLABELED_CONNECTION; }
  void set_source_has_more_targets(const bool more) { delay_.set_source_has_more_targets(more); }
  bool source_has_more_targets() const { return delay_.source_has_more_targets(); }
  void disable() { delay_.disable(); }
  bool is_disabled() const { return delay_.is_disabled(); }

  std::unique_ptr<nest::SecondaryEvent> get_secondary_event() { return nullptr; }
  void trigger_update_weight(std::size_t, const std::vector<nest::spikecounter>&, double,
                             const CommonPropertiesType&) {
    throw nest::IllegalConnection(std::string(Title::text) + " has no volume transmitter.");
  }

 private:
  class Tested : public nest::ConnTestDummyNodeBase {
   public:
    using nest::ConnTestDummyNodeBase::handles_test_event;
    std::size_t handles_test_event(nest::SpikeEvent&, std::size_t) override {
      return nest::invalid_port;
    }
    std::size_t handles_test_event(nest::DSSpikeEvent&, std::size_t) override {
      return nest::invalid_port;
    }
  };

  static constexpr std::size_t receptors = Neuron::last_receptor + 1;
  static constexpr std::uint32_t by_event = 1u << 31;

  nest::SynIdDelay delay_;
  std::uint32_t place_ = 0;  // of the neuron in its arena, and the receptor
  double weight_ = 1.0;
};

}  // namespace nestml

#endif
