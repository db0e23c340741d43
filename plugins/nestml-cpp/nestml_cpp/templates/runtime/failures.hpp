#ifndef NESTML_RUNTIME_V1_FAILURES
#define NESTML_RUNTIME_V1_FAILURES
#include <exception>
#include <limits>

namespace nestml_runtime {
inline namespace v1 {

/// A whole number is divided by zero, or a quotient does not fit.
struct NoQuotient : std::exception {
  const char* what() const noexcept override {
    return "an integer was divided by zero, or a quotient does not fit into 64 bits";
  }
};

/// Return a / b. Throws NoQuotient if there is none.
inline long quotient(long a, long b) {
  if (b == 0 || (b == -1 && a == std::numeric_limits<long>::min())) throw NoQuotient();
  return a / b;
}

/// Return a % b. Throws NoQuotient if there is none.
inline long remainder(long a, long b) {
  if (b == 0) throw NoQuotient();
  return b == -1 ? 0 : a % b;
}

/// Functions call each other without end.
struct TooDeep : std::exception {
  const char* what() const noexcept override {
    return "functions of the model call each other without end";
  }
};

/// Counts the calls that have not returned. Throws TooDeep if there are too many.
class Call {
 public:
  Call() {
    if (++depth() > 2000) {
      --depth();
      throw TooDeep();
    }
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() { --depth(); }

 private:
  static int& depth() {
    thread_local int calls = 0;
    return calls;
  }
};

/// The run is to end.
struct Interrupted : std::exception {
  const char* what() const noexcept override { return "interrupted"; }
};

/// Whether loops of models are to end; another thread may say so.
inline volatile bool interruption = false;

/// To be called in each pass of a loop. Throws Interrupted where that is wanted.
inline void pass() {
  if (interruption) throw Interrupted();
}

}  // namespace v1
}  // namespace nestml_runtime
#endif
