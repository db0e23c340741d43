#ifndef NESTML_RUNTIME_V1_LISTENING
#define NESTML_RUNTIME_V1_LISTENING
namespace nestml_runtime {
inline namespace v1 {

#ifdef NESTML_RUNTIME_V1_MESSAGES
using Messages = std::string;
#else
/// Models that say nothing.
using Messages = Text;
struct Listening {
  explicit Listening(Messages&) {}
};
#endif

}  // namespace v1
}  // namespace nestml_runtime
#endif
