// What the verbs of `headrace flow` do, apart from how they are spelled (flow.cc).
// Errors: printed to err; the return value is the exit code.
// Threads: main's.
#pragma once

#include <string>
#include <vector>

#include "cli/context.h"

namespace headrace::cli {

// Offline with this binary's catalog, or by the server, which also knows the other flows.
int ValidateFlows(Context& context, const std::vector<std::string>& paths, const std::vector<std::string>& templates,
                  bool online);

int ApplyFlows(Context& context, const std::vector<std::string>& paths, bool dry_run);
int ListFlows(Context& context, const std::string& ns_prefix);
struct GetFlowArguments {
  std::string name;
  int revision = 0;
  bool source = false;
  bool revisions = false;
};
int GetFlow(Context& context, const GetFlowArguments& arguments);

int GraphFlow(Context& context, const std::string& path, const std::vector<std::string>& templates, const std::string& format);
// Every task with its properties as they would reach a worker; what needs the outputs of other tasks stays as written.
int RenderFlow(Context& context, const std::string& path, const std::vector<std::string>& templates,
               const std::vector<std::string>& inputs);
// Of one type; of all types their names when `type` is empty.
int ShowDocs(Context& context, const std::string& type);
int ShowSchema(Context& context);

}  // namespace headrace::cli
