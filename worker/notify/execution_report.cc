#include "worker/notify/execution_report.h"

#include <algorithm>
#include <map>
#include <set>

#include "common/base/text.h"
#include "worker/http/request_plan.h"

namespace headrace::worker {
namespace {

using model::PropertyKind;
using model::State;

bool Failed(State state) { return state == State::kFailed || state == State::kKilled; }

// The runs of one execution, by what stands around them.
class Runs {
 public:
  explicit Runs(const std::vector<SeenTaskRun>& runs) : runs_(runs) {
    for (const SeenTaskRun& run : runs) by_id_[run.id] = &run;
    for (const SeenTaskRun& run : runs)
      if (Failed(run.state)) with_failed_child_.insert(run.parent_id);
  }

  // What failed first and not because of something inside it. What an AllowFailure took back does not count.
  const SeenTaskRun* FirstFailed() const {
    const SeenTaskRun* first = nullptr;
    for (const SeenTaskRun& run : runs_) {
      if (!Failed(run.state) || with_failed_child_.contains(run.id) || Forgiven(run)) continue;
      if (first == nullptr || run.changed < first->changed) first = &run;
    }
    return first;
  }

  const SeenTaskRun* Last(const std::string& own) const {
    const std::set<std::string> around = WithAncestors(own);
    for (auto run = runs_.rbegin(); run != runs_.rend(); ++run)
      if (!around.contains(run->id)) return &*run;
    return nullptr;
  }

 private:
  const SeenTaskRun* Parent(const SeenTaskRun& run) const {
    const auto at = by_id_.find(run.parent_id);
    return at == by_id_.end() ? nullptr : at->second;
  }
  bool Forgiven(const SeenTaskRun& run) const {
    for (const SeenTaskRun* at = Parent(run); at != nullptr; at = Parent(*at))
      if (at->state == State::kWarning || at->state == State::kSuccess) return true;
    return false;
  }
  std::set<std::string> WithAncestors(const std::string& id) const {
    std::set<std::string> ids;
    const auto found = by_id_.find(id);
    for (const SeenTaskRun* at = found == by_id_.end() ? nullptr : found->second; at != nullptr; at = Parent(*at)) ids.insert(at->id);
    return ids;
  }

  const std::vector<SeenTaskRun>& runs_;
  std::map<std::string, const SeenTaskRun*, std::less<>> by_id_;
  std::set<std::string, std::less<>> with_failed_child_;
};

std::string TextAt(const Value& value, std::string_view path) {
  const Value* found = AtPath(value, path);
  return found == nullptr ? std::string() : ToText(*found);
}

// What the task was given anyway: of its own execution, or of the one that triggered it. False: it is another one.
bool DescribeFromContext(const TaskContext& context, ExecutionReport& report) {
  const Value& variables = context.variables();
  if (report.execution_id == context.order().key.execution.str()) {
    report.ns = context.order().ns;
    report.flow_id = context.order().flow_id;
    report.state = TextAt(variables, "execution.state");
    report.started = TextAt(variables, "execution.startDate");
    return true;
  }
  if (TextAt(variables, "trigger.executionId") != report.execution_id) return false;
  report.ns = TextAt(variables, "trigger.namespace");
  report.flow_id = TextAt(variables, "trigger.flowId");
  report.state = TextAt(variables, "trigger.state");
  return true;
}

Status ReadExecution(TaskContext& context, ExecutionReport& report) {
  EngineDoor* const door = context.services().engine;
  Result<SeenWhole> whole = door != nullptr
                                ? door->FindWhole(ExecutionId(report.execution_id))
                                : Fail(Code::kFailedPrecondition, "this worker was given no address of the engine (--server HOST:PORT, or HEADRACE_SERVER)");
  if (whole) {
    Describe(*whole, context.order().task_run.str(), context.services().clock.Now(), report);
    return {};
  }
  const bool known = DescribeFromContext(context, report);
  if (!known) return Fail(std::move(whole.error()).Wrap("executionId " + report.execution_id));
  context.Log("WARN", "the execution could not be read, so the alert tells less of it: " + whole.error().message);
  return {};
}

std::string LinkTo(const TaskContext& context, const ExecutionReport& report) {
  std::string base = TextAt(context.variables(), "kestra.url");
  const auto& environment = context.services().options.environment;
  if (const auto own = environment.find("HEADRACE_URL"); base.empty() && own != environment.end()) base = own->second;
  while (base.ends_with('/')) base.pop_back();
  if (base.empty() || report.ns.empty()) return {};
  return base + "/ui/main/executions/" + PercentEncode(report.ns) + "/" + PercentEncode(report.flow_id) + "/" +
         PercentEncode(report.execution_id);
}

}  // namespace

void Describe(const SeenWhole& whole, const std::string& own, Timestamp now, ExecutionReport& report) {
  const Runs runs(whole.task_runs);
  report.ns = whole.seen.ns;
  report.flow_id = whole.seen.flow_id;
  report.started = FormatInstant(whole.started);
  report.why = whole.message;
  State state = whole.state;
  const SeenTaskRun* failed = runs.FirstFailed();
  if (failed != nullptr && !model::IsTerminal(state)) state = State::kFailed;
  if (failed != nullptr && Failed(state)) report.failed_task = failed->task_id;
  report.state = model::StateName(state);
  const SeenTaskRun* last = runs.Last(own);
  if (!report.failed_task.empty()) report.last_task = report.failed_task;
  else if (last != nullptr) report.last_task = last->task_id;
  report.lasted = HumanDuration((model::IsTerminal(whole.state) ? whole.changed : now) - whole.started);
}

ExecutionReport::Mood ExecutionReport::mood() const {
  if (state == "SUCCESS") return Mood::kGood;
  return state == "FAILED" || state == "KILLED" || state == "KILLING" ? Mood::kDanger : Mood::kWarning;
}

std::string ExecutionReport::Headline() const {
  return "[" + ns + "] " + flow_id + (state.empty() ? std::string() : " ➛ " + state);
}

std::string ExecutionReport::Verdict() const {
  std::string text;
  if (!failed_task.empty()) text = (state == "KILLED" ? "Killed in task `" : "Failed on task `") + failed_task + "`";
  else if (state == "FAILED") text = "Failed";
  else if (state == "SUCCESS") text = "Succeeded";
  else if (state == "WARNING") text = "Succeeded with warnings";
  else if (state == "KILLED") text = "Killed";
  else if (state == "CANCELLED") text = "Cancelled";
  else if (state == "PAUSED") text = "Paused";
  else text = state.empty() ? std::string("Execution ") + execution_id : "In state " + state;
  if (!lasted.empty()) text += " after " + lasted;
  if (failed_task.empty() && !why.empty()) text += ": " + Shortened(why, 500);
  return text;
}

std::vector<std::pair<std::string, std::string>> ExecutionReport::Fields() const {
  std::vector<std::pair<std::string, std::string>> fields;
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) fields.emplace_back(name, value);
  };
  add("Namespace", ns);
  add("Flow ID", flow_id);
  add("Execution ID", execution_id);
  add("Execution Status", state);
  add("Final task ID", last_task);
  for (const auto& [name, value] : custom_fields) add(name, ToText(value));
  return fields;
}

Result<ExecutionReport> ReadReport(TaskContext& context) {
  ExecutionReport report;
  ASSIGN_OR_RETURN(const auto id, context.Text("executionId"));
  report.execution_id = id && !Trim(*id).empty() ? std::string(Trim(*id)) : context.order().key.execution.str();
  ASSIGN_OR_RETURN(report.custom_fields, context.Map("customFields"));
  ASSIGN_OR_RETURN(const auto message, context.Text("customMessage"));
  report.custom_message = message.value_or("");
  RETURN_IF_ERROR(ReadExecution(context, report));
  report.link = LinkTo(context, report);
  return report;
}

std::vector<model::PropertySpec> ReportProperties() {
  return {{.name = "executionId", .doc = "The execution to tell of; absent: this one. In a flow with a Flow trigger {{ trigger.executionId }}."},
          {.name = "customFields", .kind = PropertyKind::kMap, .doc = "Further fields of the message, by their titles."},
          {.name = "customMessage", .doc = "A text of the message besides what it tells anyway."}};
}

std::string HumanDuration(Duration duration) {
  const auto millis = std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
  if (millis < 10'000) return std::to_string(millis / 1000) + (millis % 1000 >= 100 ? "." + std::to_string(millis % 1000 / 100) : "") + "s";
  const std::int64_t seconds = millis / 1000;
  const auto two = [](std::int64_t large, const char* a, std::int64_t small, const char* b) {
    return std::to_string(large) + a + (small > 0 ? " " + std::to_string(small) + b : "");
  };
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3600) return two(seconds / 60, "m", seconds % 60, "s");
  if (seconds < 86'400) return two(seconds / 3600, "h", seconds % 3600 / 60, "m");
  return two(seconds / 86'400, "d", seconds % 86'400 / 3600, "h");
}

std::string Shortened(const std::string& text, std::size_t most) {
  if (text.size() <= most) return text;
  std::size_t cut = most;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;
  return text.substr(0, cut) + "…";
}

}  // namespace headrace::worker
