#include "cli/host/retention.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "cli/commands/arguments.h"

namespace headrace::cli {
namespace {

using model::State;

constexpr std::size_t kPage = 100;
// What is deleted must not stand in the way of what runs.
constexpr std::chrono::milliseconds kPause(100);
constexpr std::chrono::seconds kLeast(1);
constexpr std::chrono::hours kTurnMax(1);
constexpr int kTurns = 24;

}  // namespace

Result<std::unique_ptr<Retention>> Retention::Start(scheduler::Engine& engine, const Clock& clock, const std::string& keep) {
  if (keep.empty()) return std::unique_ptr<Retention>();
  auto span = ParseSpan(keep);
  if (!span) return Fail(std::move(span.error()).Wrap("--retain"));
  if (*span < kLeast) return InvalidArgument("--retain must be at least 1s; without it executions are kept until they are purged");
  return std::unique_ptr<Retention>(new Retention(engine, clock, *span));
}

Retention::Retention(scheduler::Engine& engine, const Clock& clock, Duration keep)
    : engine_(engine), clock_(clock), keep_(keep), thread_([this] { Run(); }) {}

Retention::~Retention() {
  {
    std::lock_guard lock(mutex_);
    ends_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

bool Retention::Rest(Duration length) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, length, [this] { return ends_; });
}

void Retention::Run() {
  const Duration turn = std::clamp<Duration>(keep_ / kTurns, kLeast, kTurnMax);
  while (Rest(turn)) {
    if (!IsMine()) continue;
    if (const Status purged = Purge(); !purged) spdlog::warn("--retain: executions stay until the next turn: {}", purged.error().message);
  }
}

bool Retention::IsMine() {
  const auto schedulers = engine_.ListSchedulers();
  return schedulers && (schedulers->empty() || schedulers->front().self);
}

Status Retention::Purge() {
  store::ExecutionQuery query{.created_before = clock_.Now() - keep_, .limit = kPage};
  query.states = {State::kSuccess, State::kWarning, State::kFailed, State::kKilled, State::kCancelled, State::kRetried};
  std::uint64_t executions = 0;
  do {
    ASSIGN_OR_RETURN(const scheduler::ExecutionList page, engine_.ListExecutions(query));
    std::vector<ExecutionId> ids;
    for (const model::Execution& execution : page.executions) ids.push_back(execution.id);
    if (!ids.empty()) {
      ASSIGN_OR_RETURN(const scheduler::PurgeReply purged, engine_.PurgeExecutions(ids, true));
      executions += purged.executions;
    }
    query.page_token = page.next_page_token;
  } while (!query.page_token.empty() && Rest(kPause));
  if (executions > 0) spdlog::info("--retain: purged {} executions", executions);
  return {};
}

}  // namespace headrace::cli
