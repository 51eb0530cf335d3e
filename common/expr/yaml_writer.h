// Values as YAML text: block style, quotes only where needed, lists indented by one space under their key.
// Threads: pure. Source: Kestra's yaml filter.
#pragma once

#include <string>

#include "common/model/value.h"

namespace headrace::expr {

// Ends with a line break.
std::string WriteYaml(const Value& value);
// Amazon Ion text: names without quotes where they may stand so.
std::string WriteIon(const Value& value);

}  // namespace headrace::expr
