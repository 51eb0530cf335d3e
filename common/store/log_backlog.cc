#include "common/store/log_backlog.h"

namespace headrace::store {
namespace {

constexpr std::size_t kBacklogBytesMax = 64 * 1024 * 1024;
constexpr std::size_t kBytesBesideMessage = 160;

LogRow DroppedRow(const ExecutionId& execution, std::uint64_t lines) {
  return {.execution = execution, .level = "WARN",
          .message = std::to_string(lines) + " log lines were dropped: the store did not keep up"};
}

}  // namespace

void LogBacklog::Add(std::vector<LogRow> rows) {
  for (LogRow& row : rows) {
    const std::size_t bytes = row.message.size() + kBytesBesideMessage;
    if (bytes_ + bytes > kBacklogBytesMax) {
      ++dropped_[row.execution];
      continue;
    }
    bytes_ += bytes;
    ++added_;
    rows_.push_back(std::move(row));
  }
}

std::vector<LogRow> LogBacklog::Take(std::size_t most) {
  std::vector<LogRow> rows;
  while (!rows_.empty() && rows.size() < most) {
    bytes_ -= rows_.front().message.size() + kBytesBesideMessage;
    rows.push_back(std::move(rows_.front()));
    rows_.pop_front();
  }
  if (rows_.empty()) {
    for (const auto& [execution, lines] : dropped_) {
      rows.push_back(DroppedRow(execution, lines));
      ++added_;
    }
    dropped_.clear();
  }
  return rows;
}

}  // namespace headrace::store
