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

Result<v1::SubmitExecutionRequest> RequestOf(Context& context, const StartArguments& arguments) {
  v1::SubmitExecutionRequest request;
  ASSIGN_OR_RETURN(const FlowName name, ParseFlowName(arguments.flow));
  request.set_namespace_(name.ns);
  request.set_flow_id(name.id);
  request.set_revision(arguments.revision);
  request.set_request_id(arguments.request_id);
  ASSIGN_OR_RETURN(const Object inputs, ParseInputs(arguments.inputs, context.in));
  request.set_inputs_json(json::serialize(inputs));
  for (const std::string& text : arguments.labels) {
    ASSIGN_OR_RETURN(const auto pair, ParsePair(text, "label"));
    v1::Label* label = request.add_labels();
    label->set_key(pair.first);
    label->set_value(pair.second);
  }
  return request;
}

Result<FollowRequest> FollowOf(const Connection& connection, const std::string& id, const std::string& timeout) {
  FollowRequest request{connection.channel(), id};
  if (!timeout.empty()) {
    ASSIGN_OR_RETURN(request.timeout, ParseSpan(timeout));
  }
  return request;
}

void PrintStarted(const Context& context, const v1::SubmitExecutionResponse& started) {
  for (const std::string& warning : started.warnings()) {
    context.err << Tinted(Tint::kYellow, "warning:", context.err_screen.color) << ' ' << Printable(warning) << '\n';
  }
  if (WantsData(context)) {
    PrintValue(context, Object{{"id", started.id()}, {"alreadyExisted", started.already_existed()}});
  } else {
    context.out << started.id() << '\n';
  }
  if (started.already_existed() && !context.quiet) context.err << "this key has started it before\n";
  PrintTip(context, "watch it: " + context.program + " exec watch " + started.id());
}

}  // namespace

int StartExecution(Context& context, const StartArguments& arguments, const Follow& follow) {
  const auto connection = ConnectTo(context);
  const Result<v1::SubmitExecutionRequest> request = RequestOf(context, arguments);
  if (!request) return PrintError(context, request.error());
  Result<FollowRequest> then = FollowOf(*connection, "", arguments.timeout);
  if (!then) return PrintError(context, then.error());
  const Result<v1::SubmitExecutionResponse> started = ExecClient(connection).Submit(*request);
  if (!started) return PrintError(context, started.error());
  if (!arguments.watch && !arguments.wait) {
    PrintStarted(context, *started);
    return kExitOk;
  }
  then->execution_id = started->id();
  then->silent = arguments.wait;
  return follow(context, *then);
}

int KillExecution(Context& context, const std::string& id, const std::string& reason) {
  ExecClient client(ConnectTo(context));
  const Result<std::string> resolved = client.ResolveId(id);
  if (!resolved) return PrintError(context, resolved.error());
  if (const Status killed = client.Kill(*resolved, reason); !killed) return PrintError(context, killed.error());
  if (!context.quiet) context.err << "asked " << *resolved << " to end\n";
  return kExitOk;
}

int RestartExecution(Context& context, const FollowArguments& arguments, const Follow& follow) {
  const auto connection = ConnectTo(context);
  ExecClient client(connection);
  const Result<std::string> id = client.ResolveId(arguments.id);
  if (!id) return PrintError(context, id.error());
  if (const Status restarted = client.Restart(*id); !restarted) return PrintError(context, restarted.error());
  if (arguments.watch) return follow(context, FollowRequest{connection->channel(), *id});
  if (!context.quiet) context.err << "restarted " << *id << '\n';
  PrintTip(context, "watch it: " + context.program + " exec watch " + *id);
  return kExitOk;
}

int WatchExecution(Context& context, const FollowArguments& arguments, const Follow& follow) {
  const auto connection = ConnectTo(context);
  const Result<std::string> id = ExecClient(connection).ResolveId(arguments.id);
  if (!id) return PrintError(context, id.error());
  const Result<FollowRequest> request = FollowOf(*connection, *id, arguments.timeout);
  if (!request) return PrintError(context, request.error());
  return follow(context, *request);
}

}  // namespace headrace::cli
