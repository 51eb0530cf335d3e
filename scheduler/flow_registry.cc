#include "scheduler/flow_registry.h"

#include "common/base/text.h"
#include "common/expr/zone.h"
#include "common/flow/builder.h"
#include "common/flow/outputs.h"
#include "scheduler/input_subflows.h"

namespace headrace::scheduler {
namespace {

Result<Value> TypeOutput(const model::OutputSpec& spec, const Value& rendered) { return flow::TypeOutput(spec, rendered); }

}  // namespace

Result<RegisteredFlow> FlowRegistry::Build(const std::string& source, const std::string& file, int revision) const {
  ASSIGN_OR_RETURN(flow::BuiltFlow built, flow::BuildFlow(source, file, *catalog_, revision));
  ASSIGN_OR_RETURN(ProgramPtr program, executor::Program::Build(built.flow, {&TypeOutput, expr::MachineZoneName(), surroundings_}));
  RegisteredFlow registered;
  registered.program = std::move(program);
  registered.asks_subflow = InputSubflows::MayAsk(registered.program->flow());
  registered.warnings = std::move(built.warnings);
  return registered;
}

Result<RegisteredFlow> FlowRegistry::Check(const std::string& source, const std::string& file) const {
  return Build(source, file, 1);
}

Result<RegisteredFlow> FlowRegistry::Apply(const std::string& source, const std::string& file, Timestamp now) {
  ASSIGN_OR_RETURN(RegisteredFlow checked, Build(source, file, 1));
  const model::Flow& flow = checked.program->flow();
  store::FlowRow row{.ns = flow.ns, .id = flow.id, .digest = flow.digest, .source = source, .created = now};
  int before = 0;
  if (auto latest = flows_.Get(flow.ns, flow.id, 0)) before = latest->revision;
  ASSIGN_OR_RETURN(const store::FlowRow stored, flows_.Put(std::move(row)));
  ASSIGN_OR_RETURN(RegisteredFlow registered, Load(stored));
  {
    std::lock_guard lock(mutex_);
    latest_[{stored.ns, stored.id}] = stored.revision;
  }
  registered.changed = stored.revision != before;
  registered.warnings = std::move(checked.warnings);
  return registered;
}

Result<RegisteredFlow> FlowRegistry::Load(const store::FlowRow& row) {
  const Key key{row.ns, row.id, row.revision};
  {
    std::lock_guard lock(mutex_);
    if (const auto it = by_revision_.find(key); it != by_revision_.end()) return it->second;
  }
  auto built = Build(row.source, row.ns + "/" + row.id, row.revision);
  if (!built) {
    built.error().code = Code::kFailedPrecondition;
    return Fail(std::move(built.error()).Wrap("Cannot execute an invalid flow"));
  }
  built->created = row.created;
  std::lock_guard lock(mutex_);
  return by_revision_.emplace(key, std::move(*built)).first->second;
}

Error FlowRegistry::UnknownFlow(const std::string& ns, const std::string& id, int revision) {
  std::string message = "Unable to find flow '" + ns + "'.'" + id + "'";
  if (revision != 0) message += " with revision '" + std::to_string(revision) + "'";
  if (auto rows = flows_.ListLatest("")) {
    std::vector<std::string> names;
    for (const store::FlowRow& row : *rows) names.push_back(row.ns + "/" + row.id);
    if (const auto nearest = Nearest(ns + "/" + id, names)) message += "; did you mean " + *nearest + "?";
  }
  return Error{Code::kNotFound, std::move(message)};
}

Result<RegisteredFlow> FlowRegistry::Get(const std::string& ns, const std::string& id, int revision) {
  {
    std::lock_guard lock(mutex_);
    int wanted = revision;
    if (wanted == 0) {
      if (const auto it = latest_.find({ns, id}); it != latest_.end()) wanted = it->second;
    }
    if (const auto it = by_revision_.find(Key{ns, id, wanted}); it != by_revision_.end()) return it->second;
  }
  auto row = flows_.Get(ns, id, revision);
  if (!row) {
    if (row.error().code == Code::kNotFound) return Fail(UnknownFlow(ns, id, revision));
    return Fail(std::move(row.error()));
  }
  ASSIGN_OR_RETURN(RegisteredFlow registered, Load(*row));
  if (revision == 0) {
    std::lock_guard lock(mutex_);
    int& latest = latest_[{ns, id}];
    latest = std::max(latest, row->revision);
  }
  return registered;
}

}  // namespace headrace::scheduler
