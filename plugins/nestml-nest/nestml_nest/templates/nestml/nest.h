#ifndef NESTML_NEST_H
#define NESTML_NEST_H

// What every module needs of NEST.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "archiving_node.h"
#include "dict_util.h"
#include "event.h"
#include "kernel_manager.h"
#include "nest_extension_interface.h"
#include "nest_time.h"
#include "nest_types.h"
#include "recordables_map.h"
#include "universal_data_logger_impl.h"

namespace nestml {

/// What returns a recordable. Loggers look at all neurons as nodes, so that one class serves them.
using Recorded = double (nest::Node::*)() const;

}  // namespace nestml

#ifdef NESTML_COMPILED_BEFORE
// Where these headers are kept precompiled, so are the parts that do not differ from module to
// module.
extern template class nest::UniversalDataLogger<nest::Node>;
extern template class nest::RecordablesMap<nest::Node>;
#endif

#endif
