#include "tests/sim/release_before.h"

namespace headrace::sim {
namespace {

// Which process fell silent with it.
void TaskRunAsBefore(std::string& record) {
  auto run = wire::DecodeTaskRun(record);
  if (!run) return;
  for (model::Attempt& attempt : run->attempts) attempt.lost_process = 0;
  record = wire::EncodeTaskRun(*run);
}

void OutboxAsBefore(std::string& record) {
  auto item = wire::DecodeOutbox(record);
  if (!item) return;
  AsBefore(*item);
  record = wire::EncodeOutbox(*item);
}

}  // namespace

void AsBefore(wire::OutboxItem& item) {
  if (auto* restart = std::get_if<model::RestartChild>(&item.body)) restart->task_run = restart->attempt = 0;
}

void AsBefore(store::WriteBatch& batch) {
  for (store::TaskRunRow& row : batch.task_runs) TaskRunAsBefore(row.record);
  for (store::OutboxRow& row : batch.outbox_added) OutboxAsBefore(row.record);
}

void AsBefore(store::PartitionSnapshot& snapshot) {
  for (store::OutboxRow& row : snapshot.outbox) OutboxAsBefore(row.record);
}

void AsBefore(store::StoredExecution& stored) {
  for (std::string& record : stored.task_runs) TaskRunAsBefore(record);
}

}  // namespace headrace::sim
