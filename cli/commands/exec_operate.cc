// The verbs by which people take an execution's fate into their hands, apart from start, kill and restart.
#include <ostream>
#include <utility>

#include "cli/client/exec_client.h"
#include "cli/commands/arguments.h"
#include "cli/commands/exec_verbs.h"
#include "cli/exit_code.h"
#include "cli/output/json.h"
#include "cli/watch/text.h"

namespace headrace::cli {
namespace {

ExecClient Client(const Context& context) {
  return ExecClient(ConnectTo(context));
}

// A task run by its own id or by its task's: then the newest that counts.
Result<std::string> TaskRunOf(ExecClient& client, const std::string& execution, const std::string& name) {
  if (name.empty()) return name;
  ASSIGN_OR_RETURN(const v1::Execution whole, client.Get(execution));
  std::string found;
  for (const v1::TaskRun& run : whole.task_runs()) {
    if (run.id() == name) return name;
    if (run.task_id() == name && !run.superseded()) found = run.id();
  }
  if (found.empty()) return NotFound("execution " + execution + " has no task run '" + name + "': see exec get " + execution);
  return found;
}

Result<std::string> InputsJson(Context& context, const std::vector<std::string>& texts) {
  if (texts.empty()) return std::string();
  ASSIGN_OR_RETURN(const Object inputs, ParseInputs(texts, context.in));
  return json::serialize(inputs);
}

Result<v1::State> StateOf(const std::string& name) {
  v1::State state = v1::STATE_UNSPECIFIED;
  if (v1::State_Parse("STATE_" + name, &state)) return state;
  return InvalidArgument("'" + name + "' is no state; states that end are SUCCESS, WARNING, FAILED, KILLED, CANCELLED");
}

int Done(Context& context, const Status& status, const std::string& what) {
  if (!status) return PrintError(context, status.error());
  if (!context.quiet) context.err << what << '\n';
  return kExitOk;
}

Status Resume(Context& context, ExecClient& client, const std::string& id, const OperateArguments& arguments) {
  v1::ResumeExecutionRequest request;
  request.set_id(id);
  ASSIGN_OR_RETURN(*request.mutable_task_run_id(), TaskRunOf(client, id, arguments.task));
  ASSIGN_OR_RETURN(*request.mutable_inputs_json(), InputsJson(context, arguments.inputs));
  request.set_by(arguments.by);
  return client.Resume(request);
}

Result<v1::SubmitExecutionResponse> Replay(Context& context, ExecClient& client, const std::string& id,
                                           const OperateArguments& arguments) {
  v1::ReplayExecutionRequest request;
  request.set_id(id);
  ASSIGN_OR_RETURN(*request.mutable_task_run_id(), TaskRunOf(client, id, arguments.task));
  ASSIGN_OR_RETURN(*request.mutable_inputs_json(), InputsJson(context, arguments.inputs));
  request.set_revision(arguments.revision);
  return client.Replay(request);
}

Status Mark(ExecClient& client, const std::string& id, const OperateArguments& arguments) {
  v1::MarkTaskRunRequest request;
  request.set_id(id);
  ASSIGN_OR_RETURN(*request.mutable_task_run_id(), TaskRunOf(client, id, arguments.task));
  ASSIGN_OR_RETURN(const v1::State state, StateOf(arguments.state));
  request.set_state(state);
  return client.Mark(request);
}

}  // namespace

int PauseExecution(Context& context, const OperateArguments& arguments) {
  ExecClient client = Client(context);
  const Result<std::string> id = client.ResolveId(arguments.id);
  if (!id) return PrintError(context, id.error());
  return Done(context, client.Pause(*id), "paused " + *id + ": what runs ends, nothing new begins");
}

int ResumeExecution(Context& context, const OperateArguments& arguments) {
  ExecClient client = Client(context);
  const Result<std::string> id = client.ResolveId(arguments.id);
  if (!id) return PrintError(context, id.error());
  return Done(context, Resume(context, client, *id, arguments), "resumed " + *id);
}

int ReplayExecution(Context& context, const OperateArguments& arguments) {
  ExecClient client = Client(context);
  const Result<std::string> id = client.ResolveId(arguments.id);
  if (!id) return PrintError(context, id.error());
  const auto replayed = Replay(context, client, *id, arguments);
  if (!replayed) return PrintError(context, replayed.error());
  if (WantsData(context)) {
    PrintValue(context, Object{{"id", replayed->id()}});
  } else {
    context.out << replayed->id() << '\n';
  }
  PrintTip(context, "watch it: " + context.program + " exec watch " + replayed->id());
  return kExitOk;
}

int MarkTaskRun(Context& context, const OperateArguments& arguments) {
  ExecClient client = Client(context);
  const Result<std::string> id = client.ResolveId(arguments.id);
  if (!id) return PrintError(context, id.error());
  return Done(context, Mark(client, *id, arguments), "marked " + arguments.task + " as " + arguments.state);
}

int ChangeStatus(Context& context, const OperateArguments& arguments) {
  ExecClient client = Client(context);
  const Result<std::string> id = client.ResolveId(arguments.id);
  if (!id) return PrintError(context, id.error());
  const Result<v1::State> state = StateOf(arguments.state);
  if (!state) return PrintError(context, state.error());
  v1::ChangeExecutionStatusRequest request;
  request.set_id(*id);
  request.set_state(*state);
  return Done(context, client.ChangeStatus(request), *id + " is " + arguments.state + " now");
}

int SetLabels(Context& context, const OperateArguments& arguments) {
  ExecClient client = Client(context);
  const Result<std::string> id = client.ResolveId(arguments.id);
  if (!id) return PrintError(context, id.error());
  if (arguments.labels.empty() && !arguments.clear) {
    return PrintError(context, Error{Code::kInvalidArgument, "no label is given: KEY=VALUE …, or --clear to take all away", {}});
  }
  v1::SetExecutionLabelsRequest request;
  request.set_id(*id);
  for (const std::string& text : arguments.labels) {
    const auto pair = ParsePair(text, "label");
    if (!pair) return PrintError(context, pair.error());
    v1::Label* label = request.add_labels();
    label->set_key(pair->first);
    label->set_value(pair->second);
  }
  return Done(context, client.SetLabels(request), *id + " has " + std::to_string(arguments.labels.size()) + " labels of its own now");
}

int UnqueueExecution(Context& context, const OperateArguments& arguments) {
  ExecClient client = Client(context);
  const Result<std::string> id = client.ResolveId(arguments.id);
  if (!id) return PrintError(context, id.error());
  const std::string wanted = arguments.state.empty() ? "RUNNING" : arguments.state;
  const Result<v1::State> state = StateOf(wanted);
  if (!state) return PrintError(context, state.error());
  v1::UnqueueExecutionRequest request;
  request.set_id(*id);
  request.set_state(*state);
  return Done(context, client.Unqueue(request), *id + " left the queue: " + wanted);
}

}  // namespace headrace::cli
