// Flow sources turned into programs, once a revision, and which revision is the latest.
// Errors: an unknown flow is NOT_FOUND in Kestra's words; a stored source that no longer builds is FAILED_PRECONDITION.
// Threads: any (one mutex; building happens outside it).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>

#include "common/flow/builder.h"
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
  bool asks_subflow = false;  // in its inputs: resolving them may take long
  std::vector<Violation> warnings{};
  std::vector<Violation> advice{};
  std::string stored{};  // what the store keeps of it
};

// What is known of a flow's latest revision without building it.
struct FlowHead {
  std::string ns;
  std::string id;
  int revision = 0;
  bool triggers = false;  // it may have some
  static FlowHead Of(const store::FlowRow& row);
};

class FlowRegistry {
 public:
  // `surroundings`: what expressions see of the process: `envs`, `globals`, `kestra`.
  FlowRegistry(std::shared_ptr<const flow::Catalog> catalog, store::FlowStore& flows, Object surroundings = {},
               flow::InputSeams seams = {}, std::int32_t loop_history = executor::Program::Options().loop_history)
      : catalog_(std::move(catalog)),
        flows_(flows),
        surroundings_(std::move(surroundings)),
        seams_(std::move(seams)),
        loop_history_(loop_history) {}

  // What inputs may ask of the process.
  const flow::InputSeams& seams() const { return seams_; }
  // With what the flows that are there already say of it.
  Result<RegisteredFlow> Check(const std::string& source, const std::string& file);
  Result<RegisteredFlow> Apply(const std::string& source, const std::string& file, Timestamp now);
  // revision 0: the latest.
  Result<RegisteredFlow> Get(const std::string& ns, const std::string& id, int revision);
  // Which revision is the latest is asked anew: others have changed the flow.
  void ForgetLatest(const std::string& ns, const std::string& id);
  // Of all flows.
  Result<std::vector<FlowHead>> Heads();
  // With the sources as people wrote them.
  Result<std::vector<store::FlowRow>> ListLatest(const std::string& ns_prefix);
  Result<std::vector<store::FlowRow>> Revisions(const std::string& ns, const std::string& id);

 private:
  using Key = std::tuple<std::string, std::string, int>;
  Result<RegisteredFlow> Register(flow::BuiltFlow built) const;
  Result<RegisteredFlow> Load(const store::FlowRow& row);
  model::FlowPtr FindLatest(const std::string& ns, const std::string& id);
  Error UnknownFlow(const std::string& ns, const std::string& id, int revision);

  std::shared_ptr<const flow::Catalog> catalog_;
  store::FlowStore& flows_;
  const Object surroundings_;
  const flow::InputSeams seams_;
  const std::int32_t loop_history_;
  std::mutex mutex_;
  std::map<Key, RegisteredFlow> by_revision_;
  std::map<std::pair<std::string, std::string>, int> latest_;
};

}  // namespace headrace::scheduler
