#include "worker/engine/asking.h"

#include "common/base/text.h"

namespace headrace::worker {
namespace {

Result<std::string> TextOr(TaskContext& context, std::string_view property) {
  ASSIGN_OR_RETURN(auto text, context.Text(property));
  return std::move(text).value_or("");
}

}  // namespace

Result<EngineDoor*> Door(const TaskContext& context) {
  if (EngineDoor* const door = context.services().engine; door != nullptr) return door;
  return Fail(Code::kFailedPrecondition, context.order().spec->type +
                                             " asks the engine, whose address this worker was not given: start it with "
                                             "`headrace worker --server HOST:PORT` (or HEADRACE_SERVER), the scheduler's API");
}

Result<std::optional<Timestamp>> Instant(TaskContext& context, std::string_view property) {
  ASSIGN_OR_RETURN(const auto text, context.Text(property));
  if (!text || Trim(*text).empty()) return std::optional<Timestamp>();
  auto at = ParseInstant(Trim(text->substr(0, text->find('['))));
  if (!at) return Fail(std::move(at.error()).Wrap(property));
  return std::optional<Timestamp>(*at);
}

Result<std::vector<model::State>> States(TaskContext& context, std::string_view property) {
  ASSIGN_OR_RETURN(const auto names, context.Texts(property));
  std::vector<model::State> states;
  for (const std::string& name : names) {
    const auto state = model::ParseState(name);
    if (!state) return InvalidArgument(std::string(property) + ": '" + name + "' is no state such as SUCCESS, WARNING, FAILED or KILLED");
    states.push_back(*state);
  }
  return states;
}

Result<ExecutionFilter> PurgeFilter(TaskContext& context) {
  ExecutionFilter filter;
  ASSIGN_OR_RETURN(const std::string ns, TextOr(context, "namespace"));
  ASSIGN_OR_RETURN(filter.flow_id, TextOr(context, "flowId"));
  if (filter.flow_id.empty()) filter.ns_prefix = ns;
  else if (ns.empty()) return InvalidArgument("`namespace` is required when `flowId` is set");
  else filter.ns = ns;
  ASSIGN_OR_RETURN(filter.created_from, Instant(context, "startDate"));
  ASSIGN_OR_RETURN(filter.created_before, Instant(context, "endDate"));
  if (!filter.created_before) return InvalidArgument("endDate: is missing");
  *filter.created_before += Duration(1);
  return filter;
}

bool Holds(const ExecutionFilter& filter, std::string_view ns, std::string_view flow_id) {
  if (!filter.flow_id.empty() && filter.flow_id != flow_id) return false;
  if (!filter.ns.empty() && filter.ns != ns) return false;
  const std::string& prefix = filter.ns_prefix;
  return prefix.empty() || ns == prefix || (ns.starts_with(prefix) && ns[prefix.size()] == '.');
}

Result<ExecutionId> NamedExecution(TaskContext& context, EngineDoor& door) {
  ASSIGN_OR_RETURN(const std::string ns, TextOr(context, "namespace"));
  ASSIGN_OR_RETURN(const std::string flow_id, TextOr(context, "flowId"));
  ASSIGN_OR_RETURN(const std::string id, TextOr(context, "executionId"));
  if (ns.empty() != flow_id.empty()) {
    return InvalidArgument(ns.empty() ? "`namespace` is required when `flowId` is set" : "`flowId` is required when `namespace` is set");
  }
  if (id.empty()) {
    if (!ns.empty()) return InvalidArgument("`executionId` is required when `namespace` and `flowId` are set");
    return context.order().key.execution;
  }
  if (!ns.empty()) {
    ASSIGN_OR_RETURN(const SeenExecution found, door.Find(ExecutionId(id)));
    if (found.ns != ns || found.flow_id != flow_id) {
      return NotFound("execution " + id + " is one of " + found.ns + "." + found.flow_id + ", not of " + ns + "." + flow_id);
    }
  }
  return ExecutionId(id);
}

}  // namespace headrace::worker
