#include "common/store/metered_store.h"

#include <chrono>
#include <type_traits>
#include <utility>

namespace headrace::store {
namespace {

using Steady = std::chrono::steady_clock;

class MeteredStore final : public Store {
 public:
  MeteredStore(std::unique_ptr<Store> inner, StoreTold told) : inner_(std::move(inner)), told_(std::move(told)) {}

  Result<Epoch> Acquire(PartitionId partition) override {
    return Timed("acquire", [&] { return inner_->Acquire(partition); });
  }
  void Commit(WriteBatch batch, CommitDone done) override {
    inner_->Commit(std::move(batch), [this, began = Steady::now(), done = std::move(done)](Status status) {
      Tell("commit", began, status);
      done(std::move(status));
    });
  }
  Result<PartitionSnapshot> Load(PartitionId partition) override {
    return Timed("load", [&] { return inner_->Load(partition); });
  }
  Result<StoredExecution> Read(const ExecutionId& id) override {
    return Timed("read", [&] { return inner_->Read(id); });
  }
  Result<std::string> ReadRecord(const ExecutionId& id) override {
    return Timed("read", [&] { return inner_->ReadRecord(id); });
  }
  Result<ExecutionPage> List(const ExecutionQuery& query) override {
    return Timed("list", [&] { return inner_->List(query); });
  }
  Result<std::vector<FlowCount>> Count(const ExecutionQuery& query) override {
    return Timed("count", [&] { return inner_->Count(query); });
  }
  Result<std::optional<RequestRow>> FindRequest(const std::string& request_id) override {
    return Timed("find_request", [&] { return inner_->FindRequest(request_id); });
  }
  Result<std::optional<RequestRow>> FindRequestIn(PartitionId partition, const std::string& request_id) override {
    return Timed("find_request", [&] { return inner_->FindRequestIn(partition, request_id); });
  }
  Status HasRoom() const override { return inner_->HasRoom(); }

 private:
  void Tell(const char* operation, Steady::time_point began, const Status& status) const {
    told_(operation, std::chrono::duration_cast<Duration>(Steady::now() - began), status);
  }
  template <typename Work>
  std::invoke_result_t<Work> Timed(const char* operation, Work work) {
    const auto began = Steady::now();
    auto result = work();
    Tell(operation, began, result ? Status() : Fail(result.error()));
    return result;
  }

  const std::unique_ptr<Store> inner_;
  const StoreTold told_;
};

}  // namespace

std::unique_ptr<Store> MakeMeteredStore(std::unique_ptr<Store> inner, StoreTold told) {
  return std::make_unique<MeteredStore>(std::move(inner), std::move(told));
}

}  // namespace headrace::store
