#include <algorithm>
#include <optional>
#include <ostream>
#include <utility>

#include "api/execution_json.h"
#include "api/translate.h"
#include "cli/client/exec_client.h"
#include "cli/commands/arguments.h"
#include "cli/commands/exec_verbs.h"
#include "cli/exit_code.h"
#include "cli/output/lines.h"
#include "cli/output/table.h"
#include "common/base/clock.h"

namespace headrace::cli {
namespace {

constexpr int kPageMax = 1000;
constexpr std::size_t kClockAndLevel = 15;  // "12:00:01 ERROR "

ExecClient ClientOf(const Context& context) {
  return ExecClient(ConnectTo(context));
}

std::string StateText(const v1::StateHistory& history) {
  std::string name = v1::State_Name(history.current());
  constexpr std::string_view kPrefix = "STATE_";
  return name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
}

bool Ended(const v1::StateHistory& history) {
  return history.current() > 0 && model::IsTerminal(static_cast<model::State>(history.current() - 1));
}

Timestamp Began(const v1::StateHistory& history) {
  return history.changes_size() > 0 ? api::FromProto(history.changes(0).at()) : Timestamp{};
}

// From the first state to the last, or to now while it goes on.
std::string Took(const v1::StateHistory& history, Timestamp now) {
  if (history.changes_size() == 0) return "-";
  const Timestamp last = api::FromProto(history.changes(history.changes_size() - 1).at());
  return TookText((Ended(history) ? last : now) - Began(history));
}

// Without those that the engine gives itself; -o json has them all.
std::string LabelsText(const v1::Execution& execution) {
  std::string out;
  for (const v1::Label& label : execution.labels()) {
    if (label.key().starts_with("system.")) continue;
    out += (out.empty() ? "" : " ") + label.key() + "=" + label.value();
  }
  return out;
}

Result<v1::ListExecutionsRequest> RequestOf(const ListArguments& arguments, Timestamp now) {
  v1::ListExecutionsRequest request;
  request.set_namespace_prefix(arguments.ns);
  request.set_flow_id(arguments.flow);
  request.set_parent_id(arguments.parent);
  for (const std::string& state : arguments.states) {
    if (const auto parsed = model::ParseState(state)) request.add_states(api::ToProto(*parsed));
  }
  for (const std::string& text : arguments.labels) {
    ASSIGN_OR_RETURN(const auto pair, ParsePair(text, "label"));
    v1::Label* label = request.add_labels();
    label->set_key(pair.first);
    label->set_value(pair.second);
  }
  if (!arguments.since.empty()) {
    ASSIGN_OR_RETURN(const Duration span, ParseSpan(arguments.since));
    api::ToProto(now - span, request.mutable_created_from());
  }
  return request;
}

// The newest `limit`, page after page.
Result<std::vector<v1::Execution>> Fetch(ExecClient client, v1::ListExecutionsRequest request, int limit, bool* more) {
  std::vector<v1::Execution> executions;
  while (true) {
    const int missing = limit - static_cast<int>(executions.size());
    request.set_page_size(std::min(missing, kPageMax));
    ASSIGN_OR_RETURN(v1::ListExecutionsResponse page, client.List(request));
    for (v1::Execution& execution : *page.mutable_executions()) executions.push_back(std::move(execution));
    request.set_page_token(page.next_page_token());
    *more = !request.page_token().empty();
    if (!*more || static_cast<int>(executions.size()) >= limit) return executions;
  }
}

Listing ListingOf(const std::vector<v1::Execution>& executions, Timestamp now) {
  Listing listing{{{"ID"}, {"FLOW"}, {"STATE"}, {"AGE"}, {"TOOK"}, {"LABELS"}, {"REVISION", true}, {"CREATED", true},
                   {"PARENT", true}, {"MESSAGE", true}}};
  for (const v1::Execution& execution : executions) {
    const v1::StateHistory& state = execution.state();
    listing.rows.push_back(
        {execution.id(),
         {{execution.id()}, {execution.namespace_() + "/" + execution.flow_id()}, StateCell(StateText(state)),
          {AgeText(Began(state), now)}, {Took(state, now)}, {LabelsText(execution)},
          {std::to_string(execution.flow_revision())}, {FormatInstant(Began(state))}, {execution.parent_id()},
          {execution.message()}},
         api::ExecutionObject(execution)});
    listing.rows.back().object.erase("taskRunList");  // lists come without them
  }
  return listing;
}

std::string RunName(const v1::TaskRun& run, std::size_t depth) {
  std::string name = std::string(depth * 2, ' ') + run.task_id();
  if (run.has_value()) name += " [" + run.value() + "]";
  if (run.has_iteration()) name += " #" + std::to_string(run.iteration() + 1);
  return name;
}

Listing RunsOf(const v1::Execution& execution, bool wide, Timestamp now) {
  Listing listing{{{"TASK"}, {"STATE"}, {"TOOK"}, {"ATTEMPTS"}, {"MESSAGE"}, {"TYPE", true}, {"ID", true}}};
  std::vector<std::size_t> depths(static_cast<std::size_t>(execution.task_runs_size()), 0);
  for (const v1::TaskRun& run : execution.task_runs()) {
    if (run.has_parent_index() && run.index() < depths.size() && run.parent_index() < run.index()) {
      depths[run.index()] = depths[run.parent_index()] + 1;
    }
    if (run.superseded() && !wide) continue;
    const std::size_t depth = run.index() < depths.size() ? depths[run.index()] : 0;
    listing.rows.push_back({run.id(),
                            {{RunName(run, depth)}, StateCell(StateText(run.state())), {Took(run.state(), now)},
                             {std::to_string(std::max(1, run.attempts_size()))}, {run.message()}, {run.task_type()},
                             {run.id()}},
                            {}});
  }
  return listing;
}

// "-i approved=BOOLEAN [-i reason=STRING]": what is in brackets may be left out.
std::string Asks(const v1::TaskOutline& pause) {
  std::string text;
  for (const v1::Input& input : pause.on_resume()) {
    const bool needed = input.required() && input.default_json().empty();
    text += std::string(needed ? " " : " [") + "-i " + input.id() + "=" + input.type() + (needed ? "" : "]");
  }
  return text;
}

// How each Pause that waits is resumed.
std::string WaitsText(const Context& context, const ExecClient::Whole& whole) {
  std::vector<std::pair<const v1::TaskRun*, const v1::TaskOutline*>> waiting;
  for (const v1::TaskRun& run : whole.execution.task_runs()) {
    if (run.superseded() || run.state().current() != v1::STATE_PAUSED || !run.task_type().ends_with(".Pause")) continue;
    for (const v1::TaskOutline& task : whole.flow.tasks()) {
      if (task.id() == run.task_id()) waiting.emplace_back(&run, &task);
    }
  }
  std::string text;
  for (const auto& [run, task] : waiting) {
    text += (text.empty() ? "" : "\n") + run->task_id() + ", until: " + context.program + " exec resume " + whole.execution.id();
    if (waiting.size() > 1) text += " --task " + run->id();
    text += Asks(*task);
  }
  return text;
}

void PrintExecution(const Context& context, const ExecClient::Whole& whole) {
  const v1::Execution& execution = whole.execution;
  const Timestamp now = SystemClock().Now();
  const Cell state = StateCell(StateText(execution.state()));
  const auto line = [&context](const char* name, const std::string& text) {
    if (!text.empty()) PrintLines(context.out, name, std::string(10, ' '), text);
  };
  line("id        ", execution.id());
  line("flow      ", execution.namespace_() + "/" + execution.flow_id() + "  revision " +
                         std::to_string(execution.flow_revision()));
  context.out << "state     " << Tinted(state.tint, state.text, context.out_screen.color) << "  "
              << Took(execution.state(), now) << '\n';
  line("waits     ", WaitsText(context, whole));
  line("created   ", FormatInstant(Began(execution.state())));
  line("message   ", execution.message());
  line("labels    ", LabelsText(execution));
  line("parent    ", execution.parent_id());
  line("inputs    ", execution.inputs_json());
  line("outputs   ", execution.outputs_json());
  if (execution.task_runs_size() == 0) return;
  context.out << '\n';
  PrintListing(context, RunsOf(execution, context.output == "wide", now));
}

Tint LevelTint(v1::LogLevel level) {
  switch (level) {
    case v1::LOG_LEVEL_ERROR: return Tint::kRed;
    case v1::LOG_LEVEL_WARN: return Tint::kYellow;
    case v1::LOG_LEVEL_TRACE:
    case v1::LOG_LEVEL_DEBUG: return Tint::kDim;
    default: return Tint::kNone;
  }
}

void PrintLog(const Context& context, const v1::LogEntry& entry) {
  const std::string level = api::LevelName(entry.level()).value_or("");
  const Timestamp at = api::FromProto(entry.time());
  if (WantsData(context)) {
    Object object{{"timestamp", FormatInstant(at)}, {"level", level}, {"message", entry.message()}, {"offset", entry.offset()}};
    if (!entry.task_id().empty()) object["taskId"] = entry.task_id();
    if (entry.attempt() > 0) object["attemptNumber"] = entry.attempt();
    // A stream has no end to close an array with: one document a line, and a `---` before each in YAML.
    if (context.output == "yaml") {
      context.out << "---\n";
      PrintValue(context, object);
    } else {
      context.out << json::serialize(object) << '\n';
    }
    return;
  }
  std::string padded = level;
  padded.resize(std::max<std::size_t>(padded.size(), 5), ' ');
  const bool color = context.out_screen.color;
  std::string first = Tinted(Tint::kDim, ClockText(at), color) + ' ' + Tinted(LevelTint(entry.level()), padded, color) + ' ';
  if (!entry.task_id().empty()) first += Tinted(Tint::kCyan, OneLine(entry.task_id()), color) + ' ';
  // Under the first line's text, so that a stack trace stays one thing.
  PrintLines(context.out, first, std::string(kClockAndLevel, ' '), entry.message());
}

}  // namespace

int ListExecutions(Context& context, const ListArguments& arguments) {
  const Timestamp now = SystemClock().Now();
  const Result<v1::ListExecutionsRequest> request = RequestOf(arguments, now);
  if (!request) return PrintError(context, request.error());
  bool more = false;
  const Result<std::vector<v1::Execution>> executions = Fetch(ClientOf(context), *request, arguments.limit, &more);
  if (!executions) return PrintError(context, executions.error());
  PrintListing(context, ListingOf(*executions, now));
  if (more) PrintTip(context, "there are more: --limit " + std::to_string(arguments.limit * 2));
  else if (executions->empty()) PrintTip(context, "none; start one: " + context.program + " exec start NAMESPACE/ID");
  else PrintTip(context, "look closer: " + context.program + " exec get " + executions->front().id());
  return kExitOk;
}

int GetExecution(Context& context, const std::string& id) {
  ExecClient client = ClientOf(context);
  const Result<std::string> resolved = client.ResolveId(id);
  if (!resolved) return PrintError(context, resolved.error());
  const Result<ExecClient::Whole> whole = client.GetWhole(*resolved);
  if (!whole) return PrintError(context, whole.error());
  if (WantsData(context)) PrintValue(context, api::ExecutionObject(whole->execution));
  else if (context.output == "name") context.out << whole->execution.id() << '\n';
  else PrintExecution(context, *whole);
  return kExitOk;
}

int ShowLogs(Context& context, const LogArguments& arguments) {
  ExecClient client = ClientOf(context);
  const Result<std::string> id = client.ResolveId(arguments.id);
  if (!id) return PrintError(context, id.error());
  v1::FollowLogsRequest request;
  request.set_execution_id(*id);
  request.set_task_id(arguments.task);
  request.set_follow(arguments.follow);
  request.set_level_min(api::ParseLevel(arguments.level));
  const Status read = client.FollowLogs(request, [&](const v1::LogEntry& entry) {
    if (arguments.attempt == 0 || entry.attempt() == arguments.attempt) {
      PrintLog(context, entry);
      if (arguments.follow) context.out.flush();
    }
    return static_cast<bool>(context.out);  // a reader such as head may have gone
  });
  return read ? kExitOk : PrintError(context, read.error());
}

}  // namespace headrace::cli
