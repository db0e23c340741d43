#ifndef NESTML_MESSAGE_H
#define NESTML_MESSAGE_H

#include <ios>
#include <sstream>
#include <string>

#include "kernel_manager.h"
#include "logging.h"

namespace nestml {

/// Hand a message of a model to NEST: numbers as a stream prints them, truth values in words.
template <class... Parts>
void say(const nest::VerbosityLevel level, const std::string& model, const Parts&... parts) {
  std::ostringstream text;
  text << std::boolalpha << model << ": ";
  (text << ... << parts);
  LOG(level, model, text.str());
}

}  // namespace nestml

#endif
