// What should be at work, said naively: walks the whole flow and all task runs, knows nothing of the books.
// Shapes: an empty text is agreement; else the first place where the execution differs from what the flow asks for.
#pragma once

#include <string>

#include "common/model/execution.h"

namespace headrace::executor_test {

std::string OracleDisagrees(const model::Flow& flow, const model::Execution& execution);

}  // namespace headrace::executor_test
