#include <map>
#include <mutex>

#include "common/store/memory_store.h"
#include "common/store/query.h"

namespace headrace::store {
namespace {

class MemoryFlowStore final : public FlowStore {
 public:
  Result<FlowRow> Put(FlowRow flow) override {
    std::lock_guard lock(mutex_);
    std::vector<FlowRow>& revisions = flows_[{flow.ns, flow.id}];
    if (!revisions.empty() && revisions.back().digest == flow.digest && revisions.back().deleted == flow.deleted) {
      return revisions.back();
    }
    flow.revision = revisions.empty() ? 1 : revisions.back().revision + 1;
    revisions.push_back(std::move(flow));
    return revisions.back();
  }

  Result<FlowRow> Get(const std::string& ns, const std::string& id, int revision) override {
    std::lock_guard lock(mutex_);
    if (const auto found = flows_.find({ns, id}); found != flows_.end()) {
      if (revision == 0 && !found->second.back().deleted) return found->second.back();
      for (const FlowRow& row : found->second) {
        if (row.revision == revision) return row;
      }
    }
    return FlowNotFound(ns, id, revision);
  }

  Result<std::vector<FlowRow>> ListLatest(const std::string& ns_prefix) override {
    std::lock_guard lock(mutex_);
    std::vector<FlowRow> latest;
    for (const auto& [key, revisions] : flows_) {
      if (!revisions.back().deleted && InNamespace(key.first, ns_prefix)) latest.push_back(revisions.back());
    }
    return latest;
  }

  Result<std::vector<FlowRow>> Revisions(const std::string& ns, const std::string& id) override {
    std::lock_guard lock(mutex_);
    const auto found = flows_.find({ns, id});
    return found == flows_.end() ? std::vector<FlowRow>{} : found->second;
  }

 private:
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::vector<FlowRow>> flows_;
};

}  // namespace

std::unique_ptr<FlowStore> MakeMemoryFlowStore() { return std::make_unique<MemoryFlowStore>(); }

}  // namespace headrace::store
