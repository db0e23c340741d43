#ifndef NESTML_RANDOM_H
#define NESTML_RANDOM_H

#include "nest.h"
#include "random_generators.h"

namespace nestml {

/// Random numbers from the generator of the virtual process a neuron lives in.
class Random {
 public:
  /// Draw from the generator of a thread from now on.
  void attach(const std::size_t thread) { generator_ = nest::get_vp_specific_rng(thread); }

  double normal(const double mean, const double std) { return mean + std * normal_(generator_); }

  double uniform(const double offset, const double scale) {
    return offset + scale * generator_->drand();
  }

  long poisson(const double mean) {
    if (!(mean > 0.0)) {
      return 0;
    }
    nest::poisson_distribution::param_type of_mean(mean);
    return static_cast<long>(poisson_(generator_, of_mean));
  }

 private:
  nest::RngPtr generator_ = nullptr;
  nest::normal_distribution normal_;
  nest::poisson_distribution poisson_;
};

}  // namespace nestml

#endif
