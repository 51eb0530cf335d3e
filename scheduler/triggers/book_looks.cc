// When polling triggers look, and what a look changes in their rows.
#include <algorithm>

#include "common/model/look_answer.h"
#include "scheduler/triggers/book.h"

namespace headrace::scheduler {

using model::TriggerKind;
using model::TriggerName;

namespace {

// As for schedules: in case nobody told of the end of its execution.
constexpr Duration kLockLook = std::chrono::minutes(1);
constexpr std::size_t kProblemBytesMax = 1000;

bool Waits(const model::Trigger& row) { return row.execution && !row.allow_concurrent; }

}  // namespace

std::string ProblemText(std::string problem) {
  if (problem.size() <= kProblemBytesMax) return problem;
  std::size_t cut = kProblemBytesMax;
  while (cut > 0 && (static_cast<unsigned char>(problem[cut]) & 0xC0U) == 0x80U) --cut;
  problem.resize(cut);
  return problem;
}

ExecutionId LookExecutionId(const TriggerName& name, Timestamp date) {
  return DeriveExecutionId(date, name.str(), "look/" + std::to_string(ToMicros(date)), PlaceOfFlow(name.ns, name.flow_id));
}

// Nothing for a trigger that does not look.
std::optional<Timestamp> TriggerBook::LookAt(const Entry& entry, Timestamp now) {
  const model::Trigger& row = entry.row;
  if (row.kind != TriggerKind::kPolling || row.off || row.disabled) return std::nullopt;
  if (entry.look) return entry.look->second;
  const Timestamp at = row.next.value_or(now);
  return Waits(row) ? std::max(at, now + kLockLook) : at;
}

void TriggerBook::BeginAnew(Entry& entry, Timestamp now) {
  entry.row.next = now;
  entry.row.memo = model::FirstMemo(now);
}

std::optional<Timestamp> TriggerBook::DueLook(const TriggerName& name, Timestamp now) const {
  const auto it = entries_.find(name);
  if (it == entries_.end() || it->second.look || Waits(it->second.row)) return std::nullopt;
  const auto at = LookAt(it->second, now);
  return at && *at <= now ? at : std::nullopt;
}

void TriggerBook::BeginLook(const TriggerName& name, std::uint64_t number, Timestamp until) {
  if (Entry* entry = Get(name)) entry->look = {number, until};
}

std::optional<std::uint64_t> TriggerBook::LookOf(const TriggerName& name) const {
  const auto it = entries_.find(name);
  if (it == entries_.end() || !it->second.look) return std::nullopt;
  return it->second.look->first;
}

void TriggerBook::EndLook(const TriggerName& name, LookEnd end, Timestamp now) {
  Entry* entry = Get(name);
  if (entry == nullptr) return;
  model::Trigger& row = entry->row;
  entry->look.reset();
  row.next = now + std::max(row.interval, end.later);
  if (!end.lost) {
    row.last = now;
    end.problem = ProblemText(std::move(end.problem));
    const bool news = end.execution || row.problem != end.problem || (end.memo && row.memo != *end.memo);
    row.problem = std::move(end.problem);
    if (end.memo) row.memo = std::move(*end.memo);
    if (end.execution && !row.allow_concurrent) {
      row.execution = end.execution;
      row.locked_since = now;
    }
    if (news) Mark(*entry);
  }
  Arm(*entry, now);
}

}  // namespace headrace::scheduler
