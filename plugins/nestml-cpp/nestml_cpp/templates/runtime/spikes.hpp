#ifndef NESTML_RUNTIME_V1_SPIKES
#define NESTML_RUNTIME_V1_SPIKES
namespace nestml_runtime {
inline namespace v1 {

/// The spikes that arrive at one port in one step.
struct Spikes {
  double sum = 0.0;  ///< of their weights
  long count = 0;    ///< how many there are

  void add(double weight) {
    sum += weight;
    ++count;
  }
};

}  // namespace v1
}  // namespace nestml_runtime
#endif
