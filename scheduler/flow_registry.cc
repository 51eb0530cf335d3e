#include "scheduler/flow_registry.h"

#include "common/base/text.h"
#include "common/expr/zone.h"
#include "common/flow/builder.h"
#include "common/flow/outputs.h"
#include "common/flow/subflow_circles.h"
#include "common/flow/templates.h"
#include "scheduler/input_subflows.h"

namespace headrace::scheduler {
namespace {

Result<Value> TypeOutput(const model::OutputSpec& spec, const Value& rendered) { return flow::TypeOutput(spec, rendered); }

Result<std::vector<store::FlowRow>> AsWritten(Result<std::vector<store::FlowRow>> rows) {
  if (!rows) return rows;
  for (store::FlowRow& row : *rows) row.source = std::string(flow::SplitStored(row.source).own);
  return rows;
}

}  // namespace

Result<std::vector<store::FlowRow>> FlowRegistry::ListLatest(const std::string& ns_prefix) {
  return AsWritten(flows_.ListLatest(ns_prefix));
}

Result<std::vector<store::FlowRow>> FlowRegistry::Revisions(const std::string& ns, const std::string& id) {
  return AsWritten(flows_.Revisions(ns, id));
}

Result<RegisteredFlow> FlowRegistry::Register(flow::BuiltFlow built) const {
  ASSIGN_OR_RETURN(ProgramPtr program, executor::Program::Build(built.flow, {&TypeOutput, expr::MachineZoneName(), surroundings_, loop_history_}));
  RegisteredFlow registered;
  registered.program = std::move(program);
  registered.asks_subflow = InputSubflows::MayAsk(registered.program->flow());
  registered.warnings = std::move(built.warnings);
  registered.advice = std::move(built.advice);
  registered.stored = std::move(built.stored);
  return registered;
}

Result<RegisteredFlow> FlowRegistry::Check(const std::string& source, const std::string& file) {
  ASSIGN_OR_RETURN(flow::BuiltFlow built, flow::BuildFlow(source, file, *catalog_));
  ASSIGN_OR_RETURN(RegisteredFlow checked, Register(std::move(built)));
  const auto find = [this](const std::string& ns, const std::string& id) { return FindLatest(ns, id); };
  if (auto circle = flow::FindCircle(checked.program->flow(), find, file)) checked.warnings.push_back(std::move(*circle));
  return checked;
}

// As Get, but without a word about flows that are not there.
model::FlowPtr FlowRegistry::FindLatest(const std::string& ns, const std::string& id) {
  const auto row = flows_.Get(ns, id, 0);
  if (!row || row->deleted) return nullptr;
  const auto loaded = Load(*row);
  return loaded ? loaded->program->flow_ptr() : nullptr;
}

Result<RegisteredFlow> FlowRegistry::Apply(const std::string& source, const std::string& file, Timestamp now) {
  ASSIGN_OR_RETURN(RegisteredFlow checked, Check(source, file));
  const model::Flow& flow = checked.program->flow();
  store::FlowRow row{.ns = flow.ns, .id = flow.id, .digest = flow.digest, .source = std::move(checked.stored), .created = now};
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
  auto source = flow::BuildStored(row.source, row.ns + "/" + row.id, *catalog_, row.revision);
  auto built = source ? Register(std::move(*source)) : Result<RegisteredFlow>(Fail(std::move(source.error())));
  if (!built) {
    built.error().code = Code::kFailedPrecondition;
    return Fail(std::move(built.error()).Wrap("Cannot execute an invalid flow"));
  }
  built->created = row.created;
  std::lock_guard lock(mutex_);
  return by_revision_.emplace(key, std::move(*built)).first->second;
}

void FlowRegistry::ForgetLatest(const std::string& ns, const std::string& id) {
  std::lock_guard lock(mutex_);
  latest_.erase({ns, id});
}

FlowHead FlowHead::Of(const store::FlowRow& row) {
  return {row.ns, row.id, row.revision, row.source.find("triggers") != std::string::npos};
}

Result<std::vector<FlowHead>> FlowRegistry::Heads() {
  ASSIGN_OR_RETURN(const std::vector<store::FlowRow> latest, flows_.ListLatest(""));
  std::vector<FlowHead> heads;
  for (const store::FlowRow& row : latest) heads.push_back(FlowHead::Of(row));
  return heads;
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
