#include <algorithm>

#include "common/base/text.h"
#include "worker/engine/asking.h"
#include "worker/github/dispatching.h"
#include "worker/github/github_tasks.h"
#include "worker/github/shared_state.h"
#include "worker/github/waiting.h"
#include "worker/github/write.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;

// ---- WaitRun ----

// Which run is meant when no id says so: the newest that fits.
struct Selector {
  std::string workflow{};
  std::string ref{};
  std::string sha{};
  std::string event{};
  std::optional<Timestamp> created_after{};

  bool Fits(const RunSnapshot& run) const {
    if (!workflow.empty() && run.workflow != workflow && run.workflow_id != workflow) return false;
    if (!ref.empty() && run.branch != ref) return false;
    if (!sha.empty() && !run.sha.starts_with(sha)) return false;
    if (!event.empty() && run.event != event) return false;
    return !created_after || run.created >= *created_after;
  }
  std::string Said() const {
    std::string text = workflow.empty() ? "any workflow" : workflow;
    if (!ref.empty()) text += " on " + ref;
    if (!sha.empty()) text += " at " + sha;
    if (!event.empty()) text += " by " + event;
    return text;
  }
  std::string Path(const Repository& repository) const {
    std::string path = repository.path() + "/actions/" + (workflow.empty() ? "" : "workflows/" + Part(workflow) + "/") + "runs?per_page=30&exclude_pull_requests=true";
    if (!ref.empty()) path += "&branch=" + Part(ref);
    if (sha.size() == 40) path += "&head_sha=" + sha;
    if (!event.empty()) path += "&event=" + Part(event);
    if (created_after) path += "&created=" + Part(">=" + FormatInstant(*created_after).substr(0, 19) + "Z");
    return path;
  }
};

Result<Selector> ReadSelector(TaskContext& context) {
  Selector to;
  for (auto& [name, field] : {std::pair<const char*, std::string*>{"workflow", &to.workflow}, {"ref", &to.ref}, {"headSha", &to.sha}, {"event", &to.event}}) {
    ASSIGN_OR_RETURN(const auto text, context.Text(name));
    *field = std::string(Trim(text.value_or("")));
  }
  to.ref = ShortRef(to.ref);
  ASSIGN_OR_RETURN(to.created_after, Instant(context, "createdAfter"));
  if (to.workflow.empty() && to.sha.empty() && to.ref.empty())
    return InvalidArgument("runId: is missing; or name the run by workflow, ref or headSha");
  return to;
}

std::optional<RunSnapshot> Newest(const std::vector<RunSnapshot>& runs, const Selector& selector) {
  std::optional<RunSnapshot> newest;
  for (const RunSnapshot& run : runs)
    if (selector.Fits(run) && (!newest || run.id > newest->id)) newest = run;
  return newest;
}

// GitHub's own search, for runs that are older than the newest hundred.
Result<std::optional<RunSnapshot>> SearchRun(Look& look, const Repository& repository, const Selector& selector) {
  const Ask ask{.path = selector.Path(repository)};
  ASSIGN_OR_RETURN(const Answer answer, look.client().Send(ask));
  if (!answer.ok()) return Fail(Code::kFailedPrecondition, Refusal(ask, answer));
  std::vector<RunSnapshot> runs;
  const Value* list = Member(answer.body, "workflow_runs");
  for (const Value& item : list != nullptr && list->is_array() ? list->get_array() : Array()) {
    if (auto run = ReadRun(item, "poll")) runs.push_back(std::move(*run));
  }
  return Newest(runs, selector);
}

// Nothing: the memo has the run now.
Result<std::optional<TaskOutcome>> FindRun(Look& look, const WaitPlan& plan) {
  ASSIGN_OR_RETURN(const auto id, look.context().Integer("runId"));
  if (id) {
    look.memo()["run"] = *id;
    return std::optional<TaskOutcome>();
  }
  ASSIGN_OR_RETURN(const Selector selector, ReadSelector(look.context()));
  ASSIGN_OR_RETURN(const auto within, look.context().Span("appearWithin"));
  const Timestamp appear_until = look.context().began() + within.value_or(std::chrono::minutes(10));
  const bool over = look.now() >= appear_until;
  std::optional<RunSnapshot> found;
  Refreshed seen{.next = look.now(), .interval = plan.interval};
  if (!look.memo().contains("searched") || over) {
    ASSIGN_OR_RETURN(found, SearchRun(look, plan.repository, selector));
    if (found) RETURN_IF_ERROR(Tell(look, plan.repository, *found));
    look.memo()["searched"] = true;
  }
  if (!found && !over) {
    ASSIGN_OR_RETURN(seen, Refresh(look, plan.repository, {.any = true}, plan.interval));
    found = Newest(seen.all, selector);
  }
  if (found) {
    look.memo()["run"] = found->id;
    look.context().Log("INFO", "waits for run " + std::to_string(found->id) + " of " + plan.repository.full() + " (" + found->title + ") " + found->url);
    return std::optional<TaskOutcome>();
  }
  const std::string what = "a run of " + selector.Said() + " in " + plan.repository.full();
  if (over) return std::optional(TaskOutcome::Failed("RunNotFound: " + what + " did not appear within " + FormatDuration(appear_until - look.context().began())));
  if (IsLate(look, plan)) {
    ASSIGN_OR_RETURN(TaskOutcome late, EndLate(look, plan, what + " did not appear"));
    return std::optional(std::move(late));
  }
  Duration at_latest = appear_until - look.now();
  if (plan.deadline) at_latest = std::min(at_latest, *plan.deadline - MarginOf(look, plan) - look.now());
  at_latest = std::max<Duration>(at_latest, std::chrono::milliseconds(50));
  const Duration after = std::min(std::max<Duration>(seen.next - look.now(), std::chrono::seconds(1)), at_latest);
  return std::optional(look.Again(after, seen.interval, TopicOf(look, plan.repository), {"any"}, at_latest));
}

Result<TaskOutcome> RunWaitRun(Look& look) {
  ASSIGN_OR_RETURN(const WaitPlan plan, ReadWaitPlan(look));
  if (!look.memo().contains("since")) look.memo()["since"] = ToMicros(look.now());
  if (!look.memo().contains("run")) {
    ASSIGN_OR_RETURN(std::optional<TaskOutcome> outcome, FindRun(look, plan));
    if (outcome) return std::move(*outcome);
  }
  return GoOnWaiting(look, plan);
}

model::TaskTypeSpec WaitRunSpec() {
  std::vector<model::PropertySpec> properties = WithConnection(
      {{.name = "repository", .required = true, .doc = "owner/name."},
       {.name = "runId", .kind = PropertyKind::kInteger, .doc = "The run; or it is found by the next five: the newest that fits."},
       {.name = "workflow", .doc = "File name such as release.yml, or id."},
       {.name = "ref", .doc = "Branch or tag."},
       {.name = "headSha", .doc = "The commit."},
       {.name = "event", .doc = "What began it: push, workflow_dispatch, schedule, …"},
       {.name = "createdAfter", .doc = "An instant: older runs are not meant."},
       {.name = "appearWithin", .kind = PropertyKind::kDuration, .doc = "A run that is not there yet is waited for so long.", .default_value = "PT10M"}});
  for (model::PropertySpec& one : WaitProperties()) properties.push_back(std::move(one));
  return {.type = "headrace.github.WaitRun",
          .doc = "Waits until a workflow run is completed. Holds no worker meanwhile; limits and outages of GitHub only make it wait longer. Fails when the run is red.",
          .properties = std::move(properties),
          .outputs = WaitOutputs(),
          .example = "id: wait_green\ntype: headrace.github.WaitRun\nconnection: releases\nrepository: acme/app\nworkflow: pre-release.yml\n"
                     "ref: \"v{{ inputs.version }}\"\nrerun:\n  maxAttempts: 3\n  never:\n    jobs: publish.*\ntimeout: PT6H\n"};
}

// ---- RunWorkflow ----

// GitHub takes texts; what is more is JSON.
Object InputTexts(const Object& inputs) {
  Object texts;
  for (const auto& [name, value] : inputs)
    if (!value.is_null()) texts[name] = json::string(ToText(value));
  return texts;
}

Result<DispatchPlan> ReadDispatchPlan(Look& look, const char* workflow) {
  TaskContext& context = look.context();
  DispatchPlan plan;
  ASSIGN_OR_RETURN(plan.repository, look.ReadRepository());
  ASSIGN_OR_RETURN(const std::string file, context.RequiredText(workflow));
  plan.workflow = std::string(Trim(file));
  plan.workflow = plan.workflow.substr(plan.workflow.rfind('/') + 1);
  ASSIGN_OR_RETURN(const std::string ref, context.RequiredText("ref"));
  plan.ref = std::string(Trim(ref));
  ASSIGN_OR_RETURN(const Object inputs, context.Map("inputs"));
  plan.inputs = InputTexts(inputs);
  ASSIGN_OR_RETURN(const auto correlation, context.Text("correlationInput"));
  const wire::TaskKey& key = context.order().key;
  if (correlation && !Trim(*correlation).empty()) {
    plan.correlation = CorrelationOf(DispatchId(key.execution.str(), key.fence.task_run, key.fence.attempt));
    plan.inputs[Trim(*correlation)] = plan.correlation;
  }
  plan.rule.correlated = !plan.correlation.empty();
  ASSIGN_OR_RETURN(const auto on_ambiguous, context.Text("onAmbiguous"));
  plan.rule.on_ambiguous = on_ambiguous.value_or("FAIL");
  if (plan.rule.on_ambiguous == "RETRY" && !plan.rule.correlated)
    return InvalidArgument("onAmbiguous: RETRY needs a correlationInput: only that can prove that no run was made");
  ASSIGN_OR_RETURN(const auto within, context.Span("reconcileWithin"));
  if (within) plan.rule.within = *within;
  ASSIGN_OR_RETURN(const auto appear, context.Span("appearWithin"));
  if (appear) plan.rule.appear = *appear;
  return plan;
}

// What a dry run gives in place of a run: nobody waits for it.
Result<TaskOutcome> DispatchDry(Writer& writer, const DispatchPlan& plan) {
  const Ask ask{.method = "POST", .path = plan.repository.path() + "/actions/workflows/" + Part(plan.workflow) + "/dispatches",
                .body = Object{{"ref", plan.ref}, {"inputs", plan.inputs}}};
  RETURN_IF_ERROR(writer.Send(ask));
  return TaskOutcome::Success({{"runId", 0}, {"url", nullptr}, {"conclusion", nullptr}, {"correlation", TextOrNull(plan.correlation)}});
}

Result<TaskOutcome> RunDispatch(Look& look, const char* workflow) {
  ASSIGN_OR_RETURN(const DispatchPlan plan, ReadDispatchPlan(look, workflow));
  ASSIGN_OR_RETURN(Writer writer, Writer::Of(look));
  if (writer.dry()) return DispatchDry(writer, plan);
  ASSIGN_OR_RETURN(const bool waits, look.context().Bool("wait", false));
  ASSIGN_OR_RETURN(const WaitPlan wait, ReadWaitPlan(look));
  if (!look.memo().contains("run")) {
    ASSIGN_OR_RETURN(Dispatched dispatched, DispatchOnce(look, plan));
    if (dispatched.outcome) return std::move(*dispatched.outcome);
    const Dispatch& dispatch = dispatched.dispatch;
    look.memo()["run"] = dispatch.run;
    look.memo()["dispatched"] = Object{{"runId", dispatch.run}, {"url", dispatch.url}, {"dispatchedAt", FormatInstant(dispatch.sent)},
                                       {"correlation", plan.correlation.empty() ? Value() : Value(json::string(plan.correlation))},
                                       {"bound", dispatch.bound}};
  }
  Object more = look.memo()["dispatched"].as_object();
  if (waits) {
    more.erase("url");
    return GoOnWaiting(look, wait, std::move(more));
  }
  more["apiCost"] = look.cost();
  return TaskOutcome::Success(std::move(more));
}

Result<TaskOutcome> RunRunWorkflow(Look& look) { return RunDispatch(look, "workflow"); }
Result<TaskOutcome> RunKestraRunWorkflow(Look& look) { return RunDispatch(look, "workflowId"); }

std::vector<model::PropertySpec> DispatchProperties(const std::string& workflow) {
  std::vector<model::PropertySpec> properties = WithWrites(
      {{.name = "repository", .required = true, .doc = "owner/name."},
       {.name = workflow, .required = true, .doc = "File name such as release.yml, or id."},
       {.name = "ref", .required = true, .doc = "Branch or tag."},
       {.name = "inputs", .kind = PropertyKind::kMap, .doc = "Of the workflow; values become texts."},
       {.name = "wait", .kind = PropertyKind::kBoolean, .doc = "Goes on as WaitRun does.", .default_value = false},
       {.name = "correlationInput", .doc = "An input of the workflow that its run-name shows. It is given a value of this dispatch's own, by which the run is known for certain, also on servers that answer with no run id (GHES before 3.21)."},
       {.name = "onAmbiguous", .kind = PropertyKind::kEnum, .doc = "When an answer is lost and so whether GitHub took the dispatch is not known: FAIL, naming the runs it may be; ADOPT the run when only one can be it; RETRY when the correlation proves that there is none.", .default_value = "FAIL", .enum_values = {"FAIL", "ADOPT", "RETRY"}},
       {.name = "reconcileWithin", .kind = PropertyKind::kDuration, .doc = "How long the run of such a dispatch is looked for.", .default_value = "PT1M"},
       {.name = "appearWithin", .kind = PropertyKind::kDuration, .doc = "How long the run of a dispatch that was taken may need to be seen.", .default_value = "PT5M"}});
  for (model::PropertySpec& one : WaitProperties()) properties.push_back(std::move(one));
  return properties;
}

std::vector<model::PropertySpec> DispatchOutputs() {
  std::vector<model::PropertySpec> outputs = {
      {.name = "dispatchedAt", .doc = "When it was sent."},
      {.name = "correlation", .doc = "What the correlation input was given."},
      {.name = "bound", .kind = PropertyKind::kEnum, .doc = "How the run is known: API, its TITLE, or as the one that is new (DIFF).", .enum_values = {"API", "TITLE", "DIFF"}}};
  for (model::PropertySpec& one : WaitOutputs()) outputs.push_back(std::move(one));
  return outputs;
}

model::TaskTypeSpec RunWorkflowSpec() {
  return {.type = "headrace.github.RunWorkflow",
          .doc = "Dispatches a workflow exactly once and knows its run. What may have been sent is never sent again blindly, whatever breaks.",
          .properties = DispatchProperties("workflow"),
          .outputs = DispatchOutputs(),
          .example = "id: start_release\ntype: headrace.github.RunWorkflow\nconnection: releases\nrepository: acme/app\nworkflow: release.yml\n"
                     "ref: main\ninputs:\n  version: \"{{ inputs.version }}\"\nwait: true\n"};
}

model::TaskTypeSpec KestraRunWorkflowSpec() {
  return {.type = "io.kestra.plugin.github.actions.RunWorkflow",
          .doc = "Dispatches a workflow exactly once and knows its run.",
          .properties = DispatchProperties("workflowId"),
          .outputs = DispatchOutputs(),
          .support = model::Support::kDiffers,
          .differs = "Everything of headrace.github.RunWorkflow can be set, too, and the outputs are its.",
          .example = "id: start_release\ntype: io.kestra.plugin.github.actions.RunWorkflow\noauthToken: \"{{ secret('GITHUB_TOKEN') }}\"\n"
                     "repository: acme/app\nworkflowId: release.yml\nref: main\ninputs:\n  version: \"{{ inputs.version }}\"\n"};
}

}  // namespace

std::vector<TaskType> RunTasks(const SharedHub& hub) {
  std::vector<TaskType> types;
  types.push_back(MakeGithubType(WaitRunSpec(), RunWaitRun, hub));
  types.push_back(MakeGithubType(RunWorkflowSpec(), RunRunWorkflow, hub));
  types.push_back(MakeGithubType(KestraRunWorkflowSpec(), RunKestraRunWorkflow, hub));
  return types;
}

}  // namespace headrace::worker::github
