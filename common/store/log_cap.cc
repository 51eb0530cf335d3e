#include "common/store/log_cap.h"

namespace headrace::store {
namespace {

// Not through the middle of a UTF-8 letter.
void Cut(std::string& message, std::size_t most) {
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xc0) == 0x80) --end;
  const std::size_t lost = message.size() - end;
  message.resize(end);
  message += " … (" + std::to_string(lost) + " bytes cut)";
}

}  // namespace

bool Admit(const LogLimits& limits, LogTally& tally, LogRow& row) {
  if (tally.capped) return false;
  if (row.message.size() > limits.message_bytes_max) Cut(row.message, limits.message_bytes_max);
  if (tally.rows >= limits.rows_max || tally.bytes + row.message.size() > limits.bytes_max) {
    tally.capped = true;
    row.level = "WARN";
    row.message = "log capped: this execution has written " + std::to_string(tally.rows) + " lines (" +
                  std::to_string(tally.bytes) + " bytes); later lines are not kept";
    row.task_run.reset();
    row.task_id.clear();
    row.attempt = 0;
  }
  ++tally.rows;
  tally.bytes += row.message.size();
  return true;
}

}  // namespace headrace::store
