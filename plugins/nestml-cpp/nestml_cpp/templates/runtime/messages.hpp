#ifndef NESTML_RUNTIME_V1_MESSAGES
#define NESTML_RUNTIME_V1_MESSAGES
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <string>

namespace nestml_runtime {
inline namespace v1 {

// Values as text, and what models say: it goes to the standard error stream, unless someone listens.

inline std::string*& listener() {
  thread_local std::string* text = nullptr;
  return text;
}

/// Collects what is said in this thread, up to 1 MiB.
class Listening {
 public:
  static constexpr std::size_t limit = 1 << 20;

  explicit Listening(std::string& text) : before(listener()) { listener() = &text; }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  ~Listening() { listener() = before; }

 private:
  std::string* before;
};

inline void say(const char* text) {
  if (listener() == nullptr) {
    std::fputs(text, stderr);
  } else if (listener()->size() <= Listening::limit) {
    listener()->append(text);
  }
}
inline void say(const std::string& text) { say(text.c_str()); }
inline void say(bool value) { say(value ? "true" : "false"); }
inline void say(long value) { say(std::to_string(value)); }

/// A number with up to six digits, the same under every locale.
inline void say(double value) {
  char text[32];
  const auto general = std::chars_format::general;
  *std::to_chars(text, text + sizeof text - 1, value, general, 6).ptr = '\0';
  say(text);
}

inline std::string text(const char* value) { return value; }
inline std::string text(const std::string& value) { return value; }
inline std::string text(bool value) { return value ? "true" : "false"; }
inline std::string text(long value) { return std::to_string(value); }
inline std::string text(double value) {
  char digits[32];
  const auto general = std::chars_format::general;
  return {digits, std::to_chars(digits, digits + sizeof digits, value, general, 6).ptr};
}

}  // namespace v1
}  // namespace nestml_runtime
#endif
