#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace {

/// What happens at one port: values that arrive at, or hold from, certain steps.
struct Signal {
  const char* port;
  std::vector<std::pair<long long, double>> items = {};
  std::size_t next = 0;

  /// Return whether something is still to come for `step`, and step on to it.
  bool has(long long step) { return next < items.size() && items[next].first <= step; }
  double take() { return items[next++].second; }
};

using Settings = std::vector<std::pair<std::string, double>>;

struct Experiment {
  double dt = 0.1;
  long long steps = 0;
  std::uint64_t seed = 1;
  Settings parameters = {};
  Settings initial = {};
  std::vector<Signal> spikes;
  std::vector<Signal> currents;
  std::vector<std::string> record = {};
};

/// Reads an experiment word by word. After a mistake, `problem` says what is wrong.
class Reader {
 public:
  std::string problem = {};

  explicit Reader(const char* path) : file(std::fopen(path, "rb")) {
    if (file == nullptr) problem = std::string("cannot read ") + path;
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() {
    if (file != nullptr) std::fclose(file);
  }

  bool read(Experiment& experiment) {
    while (problem.empty() && advance()) item(experiment);
    return problem.empty();
  }

 private:
  void item(Experiment& e) {
    const std::string key = word;
    if (key == "dt") {
      e.dt = number();
    } else if (key == "steps") {
      e.steps = whole();
    } else if (key == "seed") {
      e.seed = std::strtoull(argument(), nullptr, 10);
    } else if (key == "record") {
      e.record.emplace_back(argument());
    } else if (key == "parameter" || key == "initial") {
      const std::string name = argument();
      (key == "parameter" ? e.parameters : e.initial).emplace_back(name, number());
    } else if (key == "spike" || key == "current") {
      Signal* signal = find(key == "spike" ? e.spikes : e.currents, argument());
      const long long step = whole();
      const double value = number();
      if (signal == nullptr) return;
      if (!signal->items.empty() && step < signal->items.back().first) {
        fail("the steps of a port must ascend");
      }
      signal->items.emplace_back(step, value);
    } else {
      fail("an unknown item");
    }
  }

  Signal* find(std::vector<Signal>& signals, const std::string& name) {
    for (Signal& signal : signals) {
      if (name == signal.port) return &signal;
    }
    fail("an unknown port");
    return nullptr;
  }

  /// Read the next word; nothing if the file ends here.
  bool advance() {
    word.clear();
    int c = character();
    while (is_blank(c)) c = character();
    word_line = line;
    for (; c != EOF && !is_blank(c); c = character()) word += static_cast<char>(c);
    return !word.empty();
  }

  /// Read a character; a comment counts as the line end behind it.
  int character() {
    int c = std::getc(file);
    while (c == '#' || (in_comment && c != '\n' && c != EOF)) {
      in_comment = true;
      c = std::getc(file);
    }
    in_comment = false;
    if (previous == '\n') ++line;
    previous = c;
    return c;
  }

  static bool is_blank(int c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

  const char* argument() {
    const int place = word_line;
    if (!advance()) {
      word_line = place;
      fail("something is missing");
    }
    return word.c_str();
  }

  double number() {
    const char* begin = argument();
    char* end = nullptr;
    const double value = std::strtod(begin, &end);
    if (end == begin || *end != '\0') fail("not a number");
    return value;
  }

  long long whole() {
    const char* begin = argument();
    char* end = nullptr;
    const long long value = std::strtoll(begin, &end, 10);
    if (end == begin || *end != '\0') fail("not a whole number");
    return value;
  }

  void fail(const char* what) {
    if (problem.empty()) problem = "line " + std::to_string(word_line) + ": " + what + ": " + word;
  }

  std::FILE* file;
  std::string word = {};
  int line = 1;
  int word_line = 1;
  int previous = 0;
  bool in_comment = false;
};

/// Store the value of `name`, if there is one, and take it off the list.
template <class Value>
bool take(Settings& settings, const char* name, Value& target) {
  for (std::size_t i = 0; i < settings.size(); ++i) {
    if (settings[i].first == name) {
      target = static_cast<Value>(settings[i].second);
      settings.erase(settings.begin() + static_cast<std::ptrdiff_t>(i));
      return true;
    }
  }
  return false;
}

/// Store the values of `name`, if there are any, in the order given, and take them off the list.
template <class Vector>
void take_all(Settings& settings, const char* name, Vector& target) {
  for (std::size_t i = 0; i < target.size(); ++i) {
    typename Vector::value_type value = target[i];
    if (!take(settings, name, value)) return;
    target[i] = value;
  }
}

}  // namespace
