#ifndef NESTML_RUNTIME_V1_TEXT
#define NESTML_RUNTIME_V1_TEXT
#include <cstddef>
#include <cstring>

namespace nestml_runtime {
inline namespace v1 {

/// What is said about a problem: letters, and no more of a std::string than that takes.
class Text {
 public:
  Text() = default;
  Text(const char* text) { *this += text; }

  const char* c_str() const { return letters.empty() ? "" : letters.data(); }
  std::size_t size() const { return letters.empty() ? 0 : letters.size() - 1; }
  void clear() { letters.clear(); }
  [[gnu::noinline]] Text& operator+=(const char* more) {
    if (!letters.empty()) letters.resize(letters.size() - 1);  // its end
    letters.append(more, more + std::strlen(more) + 1);
    return *this;
  }

 private:
  Array<char> letters = {};
};

}  // namespace v1
}  // namespace nestml_runtime
#endif
