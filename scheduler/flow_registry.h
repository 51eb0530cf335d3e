// Flow sources turned into programs, once a revision, and which revision is the latest.
// Errors: an unknown flow is NOT_FOUND in Kestra's words; a stored source that no longer builds is FAILED_PRECONDITION.
// Threads: any (one mutex; building happens outside it).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>

#include "common/flow/catalog.h"
#include "common/flow/inputs.h"
#include "common/store/store.h"
#include "executor/program.h"

namespace headrace::scheduler {

using ProgramPtr = std::shared_ptr<const executor::Program>;

struct RegisteredFlow {
  ProgramPtr program;
  Timestamp created{};
  bool changed = false;
  std::vector<Violation> warnings{};
  bool asks_subflow = false;  // in its inputs: resolving them may take long
};

class FlowRegistry {
 public:
  // `surroundings`: what expressions see of the process: `envs`, `globals`, `kestra`.
  FlowRegistry(std::shared_ptr<const flow::Catalog> catalog, store::FlowStore& flows, Object surroundings = {},
               flow::InputSeams seams = {})
      : catalog_(std::move(catalog)), flows_(flows), surroundings_(std::move(surroundings)), seams_(std::move(seams)) {}

  // What inputs may ask of the process.
  const flow::InputSeams& seams() const { return seams_; }
  Result<RegisteredFlow> Check(const std::string& source, const std::string& file) const;
  Result<RegisteredFlow> Apply(const std::string& source, const std::string& file, Timestamp now);
  // revision 0: the latest.
  Result<RegisteredFlow> Get(const std::string& ns, const std::string& id, int revision);
  Result<std::vector<store::FlowRow>> ListLatest(const std::string& ns_prefix) { return flows_.ListLatest(ns_prefix); }
  Result<std::vector<store::FlowRow>> Revisions(const std::string& ns, const std::string& id) {
    return flows_.Revisions(ns, id);
  }

 private:
  using Key = std::tuple<std::string, std::string, int>;
  Result<RegisteredFlow> Build(const std::string& source, const std::string& file, int revision) const;
  Result<RegisteredFlow> Load(const store::FlowRow& row);
  Error UnknownFlow(const std::string& ns, const std::string& id, int revision);

  std::shared_ptr<const flow::Catalog> catalog_;
  store::FlowStore& flows_;
  const Object surroundings_;
  const flow::InputSeams seams_;
  std::mutex mutex_;
  std::map<Key, RegisteredFlow> by_revision_;
  std::map<std::pair<std::string, std::string>, int> latest_;
};

}  // namespace headrace::scheduler
