// YAML source to a checked, immutable flow: the one way a flow comes to be.
// Called by the flow catalog at deployment and at start, by `flow validate`, `run` and the editor.
// Shapes: plugin defaults are merged into the tasks' properties; alias types and properties carry their canonical
// names. Errors: INVALID_ARGUMENT with all violations of the file at once: file, line, column, field path such as
//   tasks[2].retry.interval, what is wrong and the nearest right name.
// Threads: pure. Cost: linear in the source. Source: FLOWS 1.3 to 1.6.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/flow/catalog.h"
#include "common/flow/yaml.h"
#include "common/model/flow.h"

namespace headrace::flow {

struct BuiltFlow {
  model::FlowPtr flow;
  std::vector<Violation> warnings;
  std::string stored{};  // what builds this flow again: its source, and the templates that it took in
  std::vector<Violation> advice{};  // for `flow validate`: what works, and is better done otherwise
};

// One flow. `file` is only what messages call the source.
Result<BuiltFlow> BuildFlow(std::string_view source, const std::string& file, const Catalog& catalog, int revision = 1);
// From what was stored: with the templates of then, also where templates are switched off now.
Result<BuiltFlow> BuildStored(std::string_view stored, const std::string& file, const Catalog& catalog, int revision);
// Every flow of a text whose documents are separated by `---`; the errors of all of them together.
Result<std::vector<BuiltFlow>> BuildFlows(std::string_view source, const std::string& file, const Catalog& catalog);
// The same for a file on disk; NOT_FOUND or UNAVAILABLE name the path.
Result<std::vector<BuiltFlow>> LoadFlowFile(const std::string& path, const Catalog& catalog);

}  // namespace headrace::flow
