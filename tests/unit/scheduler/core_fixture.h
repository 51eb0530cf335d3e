// A core over a real memory store whose commits the test lets through one by one.
// Threads: the test's.
#pragma once

#include <gtest/gtest.h>

#include <deque>

#include "common/store/memory_store.h"
#include "scheduler/core.h"

namespace headrace::scheduler {

inline constexpr const char* kFlow = R"(
id: f
namespace: t
inputs:
  - {id: who, type: STRING, defaults: you}
tasks:
  - {id: one, type: test.Task, text: "{{ inputs.who }}"}
  - {id: two, type: test.Task, text: "{{ outputs.one.value }}"}
)";

// Holds commits back until the test says so; can refuse them.
class HeldStore final : public store::Store {
 public:
  Result<store::Epoch> Acquire(store::PartitionId id) override { return real->Acquire(id); }
  void Commit(store::WriteBatch batch, store::CommitDone done) override { held.emplace_back(std::move(batch), std::move(done)); }
  Result<store::PartitionSnapshot> Load(store::PartitionId id) override { return real->Load(id); }
  Result<store::StoredExecution> Read(const ExecutionId& id) override { return real->Read(id); }
  Result<std::string> ReadRecord(const ExecutionId& id) override { return real->ReadRecord(id); }
  Result<std::vector<store::FlowCount>> Count(const store::ExecutionQuery& query) override { return real->Count(query); }
  Result<store::ExecutionPage> List(const store::ExecutionQuery& query) override {
    if (!readable) return Fail(readable.error());
    return real->List(query);
  }
  Result<std::optional<store::RequestRow>> FindRequest(const std::string& id) override { return real->FindRequest(id); }

  Status HasRoom() const override { return room; }

  std::unique_ptr<store::Store> real = store::MakeMemoryStore();
  Status room{};
  Status readable{};
  std::deque<std::pair<store::WriteBatch, store::CommitDone>> held;
};

class CoreTest : public testing::Test, protected CorePort {
 protected:
  CoreTest() {
    auto catalog = std::make_shared<flow::Catalog>();
    model::TaskTypeSpec spec;
    spec.type = "test.Task";
    spec.properties = {{.name = "text"}};
    spec.outputs = {{.name = "value"}};
    catalog->Add(spec);
    for (model::TaskTypeSpec& steered : executor::TaskTypeSpecs()) catalog->Add(std::move(steered));
    catalog_ = catalog;
    Boot();
    const auto applied = registry_->Apply(kFlow, "f.yaml", now_.wall);
    EXPECT_TRUE(applied) << applied.error().ToString();
  }

  // A fresh process on the same disk.
  void Boot() {
    store_.held.clear();
    registry_ = std::make_unique<FlowRegistry>(catalog_, *flows_);
    hub_ = std::make_shared<WatchHub>([this](const ExecutionId& id) -> Result<ExecutionView> {
      ASSIGN_OR_RETURN(const store::StoredExecution stored, store_.Read(id));
      ExecutionView view;
      ASSIGN_OR_RETURN(view.execution, wire::DecodeExecution(stored.record));
      return view;
    });
    core_.reset(new Core(core_options_, store_, *registry_, *hub_, *this));
    ASSERT_TRUE(core_->Recover(now_));
    Tick();
  }

  void Tick() { core_->Tick(now_); }
  void CommitAll() {
    while (!store_.held.empty()) {
      auto [batch, done] = std::move(store_.held.front());
      store_.held.pop_front();
      const store::PartitionId partition = batch.partition;
      store_.real->Commit(std::move(batch), [&](Status status) { core_->OnCommitted(partition, status, now_); });
      Tick();
    }
  }
  void Submit(const std::string& request_id, Object inputs = {}, const std::string& flow_id = "f") {
    auto prepared = PrepareSubmission(*registry_, {.ns = "t", .flow_id = flow_id, .inputs = std::move(inputs),
                                                   .request_id = request_id}, now_.wall, random_);
    ASSERT_TRUE(prepared) << prepared.error().ToString();
    prepared->done = [this](Result<SubmitReply> reply) { replies_.push_back(std::move(reply)); };
    core_->Submit(std::move(*prepared), now_);
    Tick();
  }
  void FromWorker(wire::FromWorker message) {
    core_->OnFrame("peer", wire::EncodeFromWorker({std::move(message)}), now_);
    Tick();
  }
  void Join() {
    wire::Hello hello;
    hello.worker = WorkerId("w");
    hello.incarnation = 1;
    hello.capacity = 4;
    FromWorker(hello);
    FromWorker(wire::Credit{4, 1});
  }
  template <typename Message>
  std::vector<Message> Take() {
    std::vector<Message> found;
    for (const wire::ToWorker& message : sent_) {
      if (const auto* wanted = std::get_if<Message>(&message)) found.push_back(*wanted);
    }
    sent_.clear();
    return found;
  }
  model::State StateOf(const ExecutionId& id) {
    const auto stored = store_.Read(id);
    return stored ? wire::DecodeExecution(stored->record)->state.current() : model::State::kQueued;
  }

  void SendFrame(const std::string&, std::string bytes) override {
    auto messages = wire::DecodeToWorker(bytes);
    ASSERT_TRUE(messages);
    for (wire::ToWorker& message : *messages) sent_.push_back(std::move(message));
  }
  void AppendLogs(std::vector<store::LogRow>) override {}
  void Commit(store::WriteBatch batch) override { store_.Commit(std::move(batch), {}); }

  void Apply(const std::string& source) {
    const auto applied = registry_->Apply(source, "flow.yaml", now_.wall);
    ASSERT_TRUE(applied) << applied.error().ToString();
  }

  CoreOptions core_options_{};
  Moment now_{FromMicros(4'000'000'000'000'000), std::chrono::seconds(100)};
  Random random_{1};
  std::shared_ptr<const flow::Catalog> catalog_;
  HeldStore store_;
  std::unique_ptr<store::FlowStore> flows_ = store::MakeMemoryFlowStore();
  std::unique_ptr<FlowRegistry> registry_;
  std::shared_ptr<WatchHub> hub_;
  std::unique_ptr<Core> core_;
  std::vector<Result<SubmitReply>> replies_;
  std::vector<wire::ToWorker> sent_;
};

}  // namespace headrace::scheduler
