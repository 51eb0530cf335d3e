#include "worker/github/matrix_task.h"

#include <algorithm>

#include "common/base/text.h"
#include "worker/github/matrix_look.h"
#include "worker/github/shared_state.h"
#include "worker/github/write.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;

constexpr Duration kDeadline = std::chrono::hours(4);
constexpr Duration kNightKept = std::chrono::hours(24 * 365);

Result<std::vector<Repository>> ReadRepositories(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, context.Texts("repositories"));
  std::vector<Repository> to;
  const auto plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.'; };
  for (const std::string& text : names) {
    const std::string name(Trim(text));
    const std::size_t slash = name.find('/');
    const Repository one{name.substr(0, slash), slash == std::string::npos ? "" : name.substr(slash + 1)};
    if (one.owner.empty() || one.name.empty() || !std::all_of(one.owner.begin(), one.owner.end(), plain) || !std::all_of(one.name.begin(), one.name.end(), plain))
      return InvalidArgument("repositories: '" + text + "' is not of the form owner/name");
    if (std::none_of(to.begin(), to.end(), [&](const Repository& other) { return other.full() == one.full(); })) to.push_back(one);
  }
  if (to.empty()) return InvalidArgument("repositories: is empty");
  return to;
}

std::vector<std::string> TextsOf(const Value* list) {
  std::vector<std::string> texts;
  if (list != nullptr && list->is_array()) {
    for (const Value& one : list->get_array()) texts.emplace_back(Trim(ToText(one)));
  } else if (list != nullptr && !list->is_null()) {
    texts.emplace_back(Trim(ToText(*list)));
  }
  std::erase(texts, "");
  return texts;
}

Result<BranchRule> ReadBranches(TaskContext& context) {
  ASSIGN_OR_RETURN(const Value branches, context.Render("branches"));
  BranchRule rule{.include = TextsOf(branches.is_object() ? Member(branches, "include") : &branches)};
  if (rule.include.empty()) return InvalidArgument("branches.include: is empty; name branches or patterns such as releases/v*");
  const Value* newest = Member(branches, "newest");
  if (newest == nullptr || newest->is_null()) return rule;
  const std::string text(Trim(ToText(*newest)));
  if (text.empty() || text.size() > 4 || !std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); }) || std::stoi(text) == 0)
    return InvalidArgument("branches.newest: '" + text + "' is no number from 1 to 9999");
  rule.newest = std::stoi(text);
  return rule;
}

// Before the engine ends the task, which could tell nothing.
Result<Timestamp> ReadDeadline(TaskContext& context) {
  ASSIGN_OR_RETURN(const auto span, context.Span("deadline"));
  Timestamp deadline = context.began() + span.value_or(kDeadline);
  const std::string& timeout = context.order().spec->timeout;
  if (timeout.empty()) return deadline;
  const auto text = context.RenderValue(json::string(timeout), false);
  const auto limit = text ? ParseDuration(ToText(*text)) : Result<Duration>(Fail(Code::kInvalidArgument, ""));
  if (limit) deadline = std::min<Timestamp>(deadline, context.began() + *limit - std::min<Duration>(std::chrono::seconds(3), *limit / 5));
  return deadline;
}

Result<MatrixPlan> ReadPlan(Look& look, bool dry) {
  TaskContext& context = look.context();
  MatrixPlan plan;
  ASSIGN_OR_RETURN(plan.repositories, ReadRepositories(context));
  ASSIGN_OR_RETURN(plan.branches, ReadBranches(context));
  ASSIGN_OR_RETURN(const std::vector<std::string> workflows, context.Texts("workflows"));
  for (const std::string& workflow : workflows) {
    const std::string file(Trim(workflow));
    plan.workflows.push_back(file.substr(file.rfind('/') + 1));
  }
  if (plan.workflows.empty()) return InvalidArgument("workflows: is empty");
  ASSIGN_OR_RETURN(plan.dispatch, context.Bool("dispatch", false));
  ASSIGN_OR_RETURN(const Object inputs, context.Map("inputs"));
  for (const auto& [name, value] : inputs)
    if (!value.is_null()) plan.inputs[name] = json::string(ToText(value));
  ASSIGN_OR_RETURN(const Value rerun, context.Render("rerun"));
  ASSIGN_OR_RETURN(plan.rerun, ReadRerunPolicy(rerun));
  if (dry) {
    plan.dispatch = false;
    plan.rerun = {};
  }
  ASSIGN_OR_RETURN(plan.interval, ReadInterval(context, "interval", plan.interval));
  ASSIGN_OR_RETURN(plan.deadline, ReadDeadline(context));
  ASSIGN_OR_RETURN(const auto age, context.Span("maxAge"));
  if (age && !plan.dispatch) plan.oldest = context.began() - *age;
  return plan;
}

std::string NightKey(Look& look) {
  const StartOrder& order = look.context().order();
  return "gh/" + look.client().connection().name + "/matrix/" + order.ns + "/" + order.flow_id + "/" + order.spec->task_id;
}

Status CompareWithLastNight(Look& look, std::vector<Cell>& cells, bool writes) {
  const std::string key = NightKey(look);
  const wire::TaskKey& mine = look.context().order().key;
  const std::string by = mine.execution.str() + "/" + std::to_string(mine.fence.task_run);
  return ChangeBoard(look.door(), {key}, [&](Board& board) -> Status {
    board.keep = kNightKept;
    const Value before = CellsBefore(board.at(key), by);
    Compare(cells, before, look.now());
    if (writes) board.at(key) = NightRecord(cells, before, by, look.now());
    return {};
  });
}

std::string NamesOf(const std::vector<Cell>& cells) {
  std::vector<std::string> names;
  for (const Cell& cell : cells)
    if (cell.broken()) names.push_back(cell.key());
  return Listed(names);
}

Result<TaskOutcome> Finish(Look& look, std::vector<Cell> cells, bool dry) {
  ASSIGN_OR_RETURN(const bool scheduled, look.context().Bool("scheduled", false));
  ASSIGN_OR_RETURN(const auto fail_if, look.context().Text("failIf"));
  RETURN_IF_ERROR(CompareWithLastNight(look, cells, scheduled && !dry));
  const Object counts = CountsOf(cells);
  Object outputs{{"cells", OutputOf(cells)}, {"newlyRed", OutputOf(cells, "NEWLY_RED")}, {"recovered", OutputOf(cells, "RECOVERED")},
                 {"stillRed", OutputOf(cells, "STILL_RED")}, {"markdown", MarkdownOf(cells)}, {"html", HtmlOf(cells)}, {"counts", counts},
                 {"scheduled", scheduled}, {"dryRun", dry}, {"apiCost", look.cost()}};
  for (const Cell& cell : cells)
    if (!cell.reason.empty()) look.context().Log("WARN", cell.key() + " is " + cell.state + ": " + cell.reason);
  if (cells.empty()) return TaskOutcome::Failed("no branch of these repositories is one of branches.include", std::move(outputs));
  if (std::all_of(cells.begin(), cells.end(), [](const Cell& cell) { return cell.state == "INFRA" && cell.run == 0; }))
    return TaskOutcome::Failed("nothing could be read of GitHub: " + cells.front().reason, std::move(outputs));
  const std::string when = fail_if.value_or("");
  const bool fails = (when == "newlyRed" && NumberAt(Value(counts), "newlyRed") > 0) || (when == "red" && NumberAt(Value(counts), "RED") > 0);
  if (fails) return TaskOutcome::Failed("red: " + NamesOf(cells), std::move(outputs));
  return TaskOutcome::Success(std::move(outputs));
}

Result<TaskOutcome> RunHealthMatrix(Look& look) {
  ASSIGN_OR_RETURN(const Writer writer, Writer::Of(look));
  ASSIGN_OR_RETURN(const MatrixPlan plan, ReadPlan(look, writer.dry()));
  MatrixLook matrix(look, plan);
  Status status = matrix.Step();
  if (!status && status.error().code != Code::kUnavailable) return tl::unexpected(std::move(status.error()));
  if (matrix.done()) return Finish(look, matrix.cells(), writer.dry());
  if (look.now() >= plan.deadline) {
    matrix.EndLate();
    return Finish(look, matrix.cells(), writer.dry());
  }
  if (status) return matrix.Again();
  if (look.client().due() > plan.deadline) return look.Again(plan.deadline - look.now());
  return tl::unexpected(std::move(status.error()));
}

std::vector<model::PropertySpec> Properties() {
  return WithWrites(
      {{.name = "repositories", .kind = PropertyKind::kList, .required = true, .doc = "owner/name of each.", .members = {{.name = "repository"}}},
       {.name = "branches", .kind = PropertyKind::kObject, .required = true, .doc = "Of every repository, those that there are.",
        .members = {{.name = "include", .kind = PropertyKind::kList, .required = true, .doc = "Names, and patterns such as releases/v*.", .members = {{.name = "branch"}}},
                    {.name = "newest", .kind = PropertyKind::kInteger, .doc = "Of each pattern only so many, the highest versions."}}},
       {.name = "workflows", .kind = PropertyKind::kList, .required = true, .doc = "File names such as e2e.yml, or ids.", .members = {{.name = "workflow"}}},
       {.name = "dispatch", .kind = PropertyKind::kBoolean, .doc = "true: dispatches each workflow on each branch, exactly once. false: looks at the newest run of each, those of pull requests left out.", .default_value = false},
       {.name = "inputs", .kind = PropertyKind::kMap, .doc = "Of all dispatched workflows; values become texts."},
       {.name = "rerun", .kind = PropertyKind::kObject, .doc = "Runs a red run again, as headrace.github.WaitRun does.",
        .members = {{.name = "maxAttempts", .kind = PropertyKind::kInteger, .doc = "Attempts in all, people's re-runs included; at most 51.", .default_value = 2},
                    {.name = "jobs", .kind = PropertyKind::kEnum, .doc = "Only those that failed, with those that need them; or all.", .default_value = "FAILED", .enum_values = {"FAILED", "ALL"}},
                    {.name = "delay", .kind = PropertyKind::kDuration, .doc = "Waits so long before."},
                    {.name = "on", .kind = PropertyKind::kList, .doc = "Conclusions that are worth another attempt.", .default_value = Array{"failure", "timed_out"}, .members = {{.name = "conclusion"}}},
                    {.name = "never", .kind = PropertyKind::kObject, .doc = "What must not be run again.", .members = {{.name = "jobs", .doc = "A regular expression of names of jobs."}}},
                    {.name = "stopIfSame", .kind = PropertyKind::kInteger, .doc = "The same step of the same job failed so often in a row: it is broken, not flaky."},
                    {.name = "budget", .kind = PropertyKind::kObject, .doc = "Of all executions together.", .members = {{.name = "perDay", .kind = PropertyKind::kInteger, .doc = "Re-runs of a workflow of a repository a day (UTC)."}}}}},
       {.name = "maxAge", .kind = PropertyKind::kDuration, .doc = "Without dispatch: a newest run that began longer ago is MISSING."},
       {.name = "deadline", .kind = PropertyKind::kDuration, .doc = "What has not ended then is OVERDUE.", .default_value = "PT4H"},
       {.name = "interval", .kind = PropertyKind::kDuration, .doc = "How often runs are looked at: one request a repository, for all its cells.", .default_value = "PT15S"},
       {.name = "scheduled", .kind = PropertyKind::kBoolean, .doc = "Whether the next nights are compared with this one. By itself when a trigger of dates (Schedule) has started the execution.", .default_value = "{{ trigger.date is defined }}"},
       {.name = "failIf", .kind = PropertyKind::kEnum, .doc = "Fails the task, with all outputs, when a cell is newly red, or red at all. Otherwise it fails only when nothing could be read.", .enum_values = {"newlyRed", "red"}}});
}

model::TaskTypeSpec Spec() {
  return {.type = "headrace.github.HealthMatrix",
          .doc = "Tells which workflows are green on which branches of which repositories, and what has changed since the last scheduled night. Dispatches them, or looks at the newest runs. Holds no worker while it waits.",
          .properties = Properties(),
          .outputs = {{.name = "cells", .kind = PropertyKind::kList, .doc = "{repository, branch, workflow, state, runId, attempt, sha, since, consecutiveReds, lastGoodSha, compareUrl, failedJobs, flakyJobs, suspicion, reason, durationMs, url}; state is GREEN, FLAKY_GREEN, RED, MISSING (no such branch, workflow or run), OVERDUE, NOT_DISPATCHABLE or INFRA (no verdict on the code); suspicion of a red one is regression or flake."},
                      {.name = "newlyRed", .kind = PropertyKind::kList, .doc = "Cells that are red and were not when a verdict was last given on a scheduled night."},
                      {.name = "recovered", .kind = PropertyKind::kList, .doc = "Cells that are green and were red."},
                      {.name = "stillRed", .kind = PropertyKind::kList, .doc = "Cells that are red and were."},
                      {.name = "markdown", .doc = "Changes and a table of all cells."},
                      {.name = "html", .doc = "The table for a mail."},
                      {.name = "counts", .kind = PropertyKind::kMap, .doc = "How many cells: of each state, and newlyRed, recovered, stillRed, cells."},
                      {.name = "scheduled", .kind = PropertyKind::kBoolean, .doc = "The next nights are compared with this one."},
                      {.name = "dryRun", .kind = PropertyKind::kBoolean, .doc = "true: nothing was dispatched, run again or kept; the newest runs were looked at."},
                      {.name = "apiCost", .kind = PropertyKind::kInteger, .doc = "Requests that GitHub charged."}},
          .example = "id: matrix\ntype: headrace.github.HealthMatrix\nconnection: releases\nrepositories: [acme/app, acme/plugins]\n"
                     "branches:\n  include: [main, \"releases/v*\"]\n  newest: 3\nworkflows: [main.yml, e2e.yml]\ndispatch: true\n"
                     "rerun:\n  maxAttempts: 2\ndeadline: PT4H\n"};
}

}  // namespace

std::vector<TaskType> MatrixTasks(const SharedHub& hub) {
  std::vector<TaskType> types;
  types.push_back(MakeGithubType(Spec(), RunHealthMatrix, hub));
  return types;
}

}  // namespace headrace::worker::github
