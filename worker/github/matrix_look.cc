#include "worker/github/matrix_look.h"

#include <algorithm>

#include "worker/files/glob.h"
#include "worker/github/dispatching.h"
#include "worker/github/matrix_ending.h"
#include "worker/github/poll.h"
#include "worker/github/rerun_claim.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

using std::chrono::seconds;

// More would not fit into the records of the night.
constexpr std::size_t kCellsMax = 400;
constexpr Duration kAtLatest = std::chrono::minutes(15);
constexpr Duration kWriteSpacing = std::chrono::milliseconds(1100);

// A branch of a fork may have the same name, and runs for its pull requests say nothing of ours.
std::optional<RunSnapshot> NewestOf(const Value& answer) {
  const Value* list = Member(answer, "workflow_runs");
  for (const Value& item : list != nullptr && list->is_array() ? list->get_array() : Array()) {
    auto run = ReadRun(item, "poll");
    if (run && !run->event.starts_with("pull_request")) return run;
  }
  return std::nullopt;
}

}  // namespace

MatrixLook::MatrixLook(Look& look, const MatrixPlan& plan) : look_(look), plan_(plan) {
  const Value memo(look.memo());
  const Value* cells = Member(memo, "cells");
  for (const Value& one : cells != nullptr && cells->is_array() ? cells->get_array() : Array()) cells_.push_back(CellFromMemo(one));
  const Value* resolved = Member(memo, "resolved");
  for (const Value& one : resolved != nullptr && resolved->is_array() ? resolved->get_array() : Array()) resolved_.insert(ToText(one));
}

void MatrixLook::Save() {
  Array cells;
  for (const Cell& cell : cells_) cells.push_back(ToMemo(cell));
  Array resolved;
  for (const std::string& name : resolved_) resolved.emplace_back(json::string(name));
  look_.memo()["cells"] = std::move(cells);
  look_.memo()["resolved"] = std::move(resolved);
}

Status MatrixLook::Step() {
  Status weather;
  for (const Repository& repository : plan_.repositories) {
    Status status = StepRepository(repository);
    if (!status && status.error().code != Code::kUnavailable) GiveUp(repository, status.error().message);
    else if (!status) weather = std::move(status);
    if (cells_.size() > kCellsMax)
      return InvalidArgument("branches: there are more than " + std::to_string(kCellsMax) + " cells; name fewer repositories, branches or workflows, or set branches.newest");
  }
  Save();
  return weather;
}

// Of a repository that refuses, the other cells are no less worth knowing.
void MatrixLook::GiveUp(const Repository& repository, const std::string& why) {
  if (resolved_.insert(repository.full()).second) cells_.push_back({.repository = repository.full(), .state = "INFRA", .reason = why});
  for (Cell& cell : cells_) {
    if (cell.repository != repository.full() || !cell.state.empty()) continue;
    cell.state = "INFRA";
    cell.reason = why;
  }
}

Status MatrixLook::StepRepository(const Repository& repository) {
  if (!resolved_.contains(repository.full())) RETURN_IF_ERROR(Resolve(repository));
  Status weather;
  for (Cell& cell : cells_) {
    if (cell.repository != repository.full() || !cell.state.empty() || cell.run != 0) continue;
    weather = Begin(repository, cell);
    if (!weather) break;
  }
  // Those that run already are not kept waiting by those that cannot begin.
  RETURN_IF_ERROR(Watch(repository));
  return weather;
}

// A pattern of a name that is not there is a cell that is missing; a wildcard without a match is none.
Status MatrixLook::Resolve(const Repository& repository) {
  std::vector<std::string> branches;
  std::vector<std::string> missing;
  for (const std::string& pattern : plan_.branches.include) {
    const Ask ask{.path = repository.path() + "/git/matching-refs/heads/" + Part(LiteralPrefix(pattern)) + "?per_page=100", .cached = true};
    ASSIGN_OR_RETURN(const Answer answer, look_.client().GetAll(ask.path, ""));
    if (!answer.ok()) {
      GiveUp(repository, Refusal(ask, answer));
      return {};
    }
    std::vector<std::string> seen;
    for (const Value& ref : answer.body.is_array() ? answer.body.get_array() : Array()) seen.push_back(ShortRef(TextAt(ref, "ref")));
    const std::vector<std::string> chosen = ChooseBranches(std::move(seen), pattern, plan_.branches.newest);
    if (chosen.empty() && Glob(pattern).literal()) missing.push_back(pattern);
    for (const std::string& branch : chosen)
      if (std::find(branches.begin(), branches.end(), branch) == branches.end()) branches.push_back(branch);
  }
  for (const std::string& branch : branches)
    for (const std::string& workflow : plan_.workflows) cells_.push_back({.repository = repository.full(), .branch = branch, .workflow = workflow});
  for (const std::string& branch : missing)
    for (const std::string& workflow : plan_.workflows)
      cells_.push_back({.repository = repository.full(), .branch = branch, .workflow = workflow, .state = "MISSING", .reason = "there is no such branch"});
  resolved_.insert(repository.full());
  return {};
}

Status MatrixLook::Begin(const Repository& repository, Cell& cell) {
  Status status = plan_.dispatch ? Dispatch(repository, cell) : FindNewest(repository, cell);
  if (status || status.error().code == Code::kUnavailable) return status;
  Refuse(cell, status.error().message);
  return {};
}

Status MatrixLook::Dispatch(const Repository& repository, Cell& cell) {
  if (written_) {
    DueAt(look_.now() + kWriteSpacing);
    return {};
  }
  DispatchPlan plan{.repository = repository, .workflow = cell.workflow, .ref = cell.branch, .inputs = plan_.inputs};
  // A night's run is looked at, whoever's it is.
  plan.rule.on_ambiguous = "ADOPT";
  written_ = true;
  // Waiting for this dispatch is not waiting for all: what it leaves for the next look is counted there.
  const Value cost = look_.memo().contains("cost") ? look_.memo()["cost"] : Value(0);
  ASSIGN_OR_RETURN(const Dispatched dispatched, DispatchOnce(look_, plan));
  look_.memo()["cost"] = cost;
  if (dispatched.outcome && dispatched.outcome->look_again) {
    DueAt(look_.now() + dispatched.outcome->look_again->after);
  } else if (dispatched.outcome) {
    Refuse(cell, dispatched.outcome->message);
  } else {
    cell.run = dispatched.dispatch.run;
    cell.url = dispatched.dispatch.url;
  }
  return {};
}

Status MatrixLook::FindNewest(const Repository& repository, Cell& cell) {
  const Ask ask{.path = repository.path() + "/actions/workflows/" + Part(cell.workflow) + "/runs?branch=" + Part(cell.branch) + "&per_page=20&exclude_pull_requests=true", .cached = true};
  ASSIGN_OR_RETURN(const Answer answer, look_.client().Send(ask));
  if (!answer.ok()) return Fail(Code::kFailedPrecondition, Refusal(ask, answer));
  const std::optional<RunSnapshot> run = NewestOf(answer.body);
  if (!run || (plan_.oldest && run->created < *plan_.oldest)) {
    cell.state = "MISSING";
    cell.reason = run ? "its newest run is of " + FormatInstant(run->created).substr(0, 10) : "it has never run";
    return {};
  }
  RETURN_IF_ERROR(Tell(look_, repository, *run));
  cell.run = run->id;
  cell.attempt = run->attempt;
  cell.url = run->url;
  return {};
}

std::vector<Cell*> MatrixLook::OpenRuns(const Repository& repository) {
  std::vector<Cell*> open;
  for (Cell& cell : cells_)
    if (cell.repository == repository.full() && cell.state.empty() && cell.run != 0) open.push_back(&cell);
  return open;
}

Status MatrixLook::Watch(const Repository& repository) {
  const std::vector<Cell*> open = OpenRuns(repository);
  if (open.empty()) return {};
  const std::string key = ViewKey(look_, repository);
  Cell* waits = nullptr;
  RETURN_IF_ERROR(ChangeBoard(look_.door(), {key}, [&](Board& board) -> Status {
    board.keep = kViewKept;
    RunView view(board.at(key));
    waits = nullptr;
    for (Cell* cell : open) {
      view.Watch(cell->run, cell->attempt, plan_.deadline);
      const auto run = view.Find(cell->run);
      if (!run || !run->ended() || run->attempt < cell->attempt) waits = cell;
    }
    return {};
  }));
  if (waits != nullptr) {
    ASSIGN_OR_RETURN(const Refreshed seen, Refresh(look_, repository, {.id = waits->run, .attempt = waits->attempt, .until = plan_.deadline}, plan_.interval));
    DueAt(std::max(seen.next, look_.now() + seconds(1)));
  }
  ASSIGN_OR_RETURN(Board board, ReadBoard(look_.door(), {key}));
  const RunView view(board.at(key));
  for (Cell* cell : open) {
    const auto run = view.Find(cell->run);
    if (view.IsGone(cell->run)) {
      cell->state = "MISSING";
      cell->reason = "its run has been deleted";
    } else if (run && run->ended() && run->attempt >= cell->attempt) {
      auto end = EndCell(look_, repository, plan_.rerun, *run, !written_, *cell);
      if (!end && end.error().code == Code::kUnavailable) return tl::unexpected(std::move(end.error()));
      if (!end) Refuse(*cell, end.error().message);
      written_ = written_ || (end && end->written);
      if (end && cell->state.empty()) DueAt(end->due.value_or(look_.now() + plan_.interval));
    } else if (run && run->ended() && run->attempt + 1 == cell->attempt) {
      // Another one was asked to run it again and may have died over it.
      ASSIGN_OR_RETURN(const bool lost, IsRerunLost(look_, repository, *run));
      if (lost) cell->attempt = run->attempt;
    }
  }
  return {};
}

bool MatrixLook::done() const {
  return resolved_.size() == plan_.repositories.size() &&
         std::none_of(cells_.begin(), cells_.end(), [](const Cell& cell) { return cell.state.empty(); });
}

void MatrixLook::EndLate() {
  for (const Repository& repository : plan_.repositories) {
    if (!resolved_.contains(repository.full()))
      cells_.push_back({.repository = repository.full(), .state = "INFRA", .reason = "GitHub could not be asked for its branches before the deadline"});
  }
  for (Cell& cell : cells_) {
    if (!cell.state.empty()) continue;
    cell.state = cell.run != 0 ? "OVERDUE" : "INFRA";
    cell.reason = cell.run != 0 ? "did not end before the deadline" : plan_.dispatch ? "could not be dispatched before the deadline" : "GitHub could not be asked before the deadline";
  }
}

// Cells of one repository alone can be woken by its news; a task waits for one topic.
TaskOutcome MatrixLook::Again() {
  std::set<std::string> waiting;
  std::vector<std::string> keys;
  bool begins = false;
  for (const Cell& cell : cells_) {
    if (!cell.state.empty()) continue;
    waiting.insert(cell.repository);
    begins = begins || cell.run == 0;
    keys.push_back(KeyOf(cell.run));
  }
  const Duration left = std::max<Duration>(plan_.deadline - look_.now(), std::chrono::milliseconds(50));
  const Duration after = std::min(std::max<Duration>(due_.value_or(look_.now() + plan_.interval) - look_.now(), std::chrono::milliseconds(200)), left);
  if (waiting.size() != 1 || begins) return look_.Again(after);
  const auto at = std::find_if(plan_.repositories.begin(), plan_.repositories.end(), [&](const Repository& one) { return one.full() == *waiting.begin(); });
  const bool soon = after < plan_.interval / 2;
  return look_.Again(after, after, TopicOf(look_, *at), std::move(keys), soon ? after : std::min<Duration>(left, kAtLatest));
}

std::vector<Cell> MatrixLook::cells() const {
  std::vector<Cell> sorted;
  for (const Repository& repository : plan_.repositories)
    for (const Cell& cell : cells_)
      if (cell.repository == repository.full()) sorted.push_back(cell);
  return sorted;
}

}  // namespace headrace::worker::github
