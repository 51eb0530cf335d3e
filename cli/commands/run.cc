// headrace run: engine, worker and watcher in one process. The watcher speaks to the engine as a remote one would, over
// gRPC's in-process channel, so that what is seen and printed is the same.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <future>
#include <memory>
#include <ostream>

#include "api/server.h"
#include "cli/commands/arguments.h"
#include "cli/commands/catalog.h"
#include "cli/commands/local.h"
#include "cli/commands/outcome.h"
#include "cli/exit_code.h"
#include "cli/host/engine_host.h"
#include "cli/host/local_door.h"
#include "cli/host/new_folder.h"
#include "cli/host/worker_host.h"
#include "cli/output/json.h"
#include "cli/version.h"
#include "cli/watch/watch.h"
#include "common/base/text.h"

namespace headrace::cli {
namespace {

struct RunArguments {
  std::string file;
  std::vector<std::string> flows{};
  std::vector<std::string> templates{};
  std::vector<std::string> inputs{};
  std::vector<std::string> input_files{};
  std::vector<std::string> labels{};
  std::string timeout{};
  std::string data{};
  int slots = 8;
  std::string connections{};
  bool watch = false;
};

void Warn(const Context& context, const std::string& text) {
  if (!context.quiet) context.err << "warning: " << text << "\n";
}

Result<scheduler::FlowView> Apply(const Context& context, scheduler::Engine& engine, const FlowText& text) {
  auto applied = engine.ApplyFlow(text.text, text.file);
  if (!applied) {
    ShiftLines(applied.error().violations, text.first_line);
    return applied;
  }
  ShiftLines(applied->warnings, text.first_line);
  for (const Violation& warning : applied->warnings) Warn(context, ToString(warning));
  return applied;
}

// What else lies in the folders: a file that is no flow must not keep a good one from running.
Status ApplyFolders(const Context& context, scheduler::Engine& engine, const RunArguments& arguments) {
  if (arguments.flows.empty()) return {};
  ASSIGN_OR_RETURN(const std::vector<FlowText> texts, ReadFlowTexts(arguments.flows, context.in));
  for (const FlowText& text : texts) {
    const auto applied = Apply(context, engine, text);
    if (!applied) Warn(context, text.file + " is left out: " + applied.error().ToString());
  }
  return {};
}

// The first flow of the file is the one to run.
Result<model::FlowPtr> ApplyFile(const Context& context, scheduler::Engine& engine, const RunArguments& arguments) {
  ASSIGN_OR_RETURN(const std::vector<FlowText> texts, ReadFlowTexts({arguments.file}, context.in));
  model::FlowPtr first;
  for (const FlowText& text : texts) {
    ASSIGN_OR_RETURN(const scheduler::FlowView view, Apply(context, engine, text));
    if (first == nullptr) first = view.flow;
  }
  return first;
}

// HEADRACE_INPUT_VERSION for the input VERSION; flags and files win.
void AddFromEnvironment(const model::Flow& flow, Object& inputs) {
  for (const model::InputSpec& input : flow.inputs) {
    std::string name = "HEADRACE_INPUT_";
    for (const char c : input.id) name += std::isalnum(static_cast<unsigned char>(c)) ? static_cast<char>(std::toupper(c)) : '_';
    const char* value = std::getenv(name.c_str());
    if (value != nullptr && !inputs.contains(input.id)) inputs[input.id] = value;
  }
}

Result<scheduler::SubmitRequest> MakeRequest(const Context& context, const model::Flow& flow, const RunArguments& arguments) {
  scheduler::SubmitRequest request{.ns = flow.ns, .flow_id = flow.id};
  std::vector<std::string> given = arguments.input_files;
  given.insert(given.end(), arguments.inputs.begin(), arguments.inputs.end());
  ASSIGN_OR_RETURN(request.inputs, ParseInputs(given, context.in));
  AddFromEnvironment(flow, request.inputs);
  for (const std::string& label : arguments.labels) {
    ASSIGN_OR_RETURN(auto pair, ParsePair(label, "label"));
    request.labels.push_back(std::move(pair));
  }
  return request;
}

Result<std::string> Submit(const Context& context, scheduler::Engine& engine, scheduler::SubmitRequest request) {
  std::promise<Result<scheduler::SubmitReply>> promise;
  engine.Submit(std::move(request), [&promise](Result<scheduler::SubmitReply> reply) { promise.set_value(std::move(reply)); });
  ASSIGN_OR_RETURN(const scheduler::SubmitReply reply, promise.get_future().get());
  for (const std::string& warning : reply.warnings) Warn(context, warning);
  return reply.id.str();
}

// Everything that a run needs, alive together; ends in the reverse order.
struct House {
  std::unique_ptr<Clock> clock;
  std::unique_ptr<worker::Supervisor> supervisor;
  std::unique_ptr<EngineHost> engine;
  std::unique_ptr<WorkerHost> worker;
  std::unique_ptr<api::ApiServer> api;
};

worker::WorkerOptions RunnerOptions(const RunArguments& arguments) {
  worker::WorkerOptions options = WorkerDefaults("");
  options.slots = arguments.slots;
  if (!arguments.connections.empty()) options.environment["HEADRACE_CONNECTIONS"] = arguments.connections;
  if (options.storage_dir.empty() && !arguments.data.empty()) options.storage_dir = arguments.data + "/storage";
  // Who runs a flow on their own machine may speak with that machine.
  for (const char* own : {"127.0.0.0/8", "::1/128"}) options.http_allow.emplace_back(own);
  return options;
}

Result<House> Open(const Context& context, const RunArguments& arguments) {
  House house;
  ASSIGN_OR_RETURN(flow::Catalog catalog, CatalogWithTemplates(arguments.templates, context.in));
  catalog.WarnOfUnknownNames();  // as in Kestra, where such a flow runs until it comes to the expression
  ASSIGN_OR_RETURN(house.clock, MakeClock());
  // First, while this process is small and has one thread.
  ASSIGN_OR_RETURN(house.supervisor, worker::Supervisor::Start());
  ASSIGN_OR_RETURN(house.engine, EngineHost::Start({.data = arguments.data, .triggers = false, .local_files = true,
                                                    .catalog = std::make_shared<const flow::Catalog>(std::move(catalog)),
                                                    .world = RunnerOptions(arguments)},
                                                   *house.clock));
  return house;
}

Status OpenWorker(const RunArguments& arguments, House& house) {
  worker::WorkerOptions options = RunnerOptions(arguments);
  ASSIGN_OR_RETURN(house.worker, WorkerHost::Start(std::move(options), *house.supervisor, house.engine->MakeWorkerQueue(),
                                                   *house.clock, MakeLocalDoor(house.engine->engine())));
  ASSIGN_OR_RETURN(house.api, api::ApiServer::Start({.address = "", .version = kVersion}, house.engine->engine()));
  return {};
}

Result<int> Run(Context& context, const RunArguments& arguments, std::optional<Duration> timeout) {
  NewFolder data(arguments.data);
  ASSIGN_OR_RETURN(House house, Open(context, arguments));
  ASSIGN_OR_RETURN(Signals signals, Signals::Catch());
  scheduler::Engine& engine = house.engine->engine();
  RETURN_IF_ERROR(ApplyFolders(context, engine, arguments));
  ASSIGN_OR_RETURN(const model::FlowPtr flow, ApplyFile(context, engine, arguments));
  ASSIGN_OR_RETURN(scheduler::SubmitRequest request, MakeRequest(context, *flow, arguments));
  RETURN_IF_ERROR(OpenWorker(arguments, house));
  ASSIGN_OR_RETURN(const std::string id, Submit(context, engine, std::move(request)));
  data.Keep();
  const auto feed = MakeGrpcFeed(house.api->InProcessChannel(), Duration::zero());
  WatchOptions options{.clock = house.clock.get(), .logs = true, .timeout = timeout, .owns_run = true,
                       .failure_fd = house.engine->failure().fd()};
  const WatchOutcome outcome = WatchExecution(context, *feed, signals, id, options);
  RETURN_IF_ERROR(house.engine->failure().status());
  PrintOutcome(context, outcome.model, house.clock->Now());
  return outcome.exit_code;
}

int RunCommand(Context& context, const RunArguments& arguments) {
  std::optional<Duration> timeout;
  if (!arguments.timeout.empty()) {
    const Result<Duration> span = ParseSpan(arguments.timeout);
    if (!span) {
      PrintError(context, span.error());
      return kExitUsage;
    }
    timeout = *span;
  }
  const Result<int> code = Run(context, arguments, timeout);
  if (code) return *code;
  PrintError(context, code.error());
  return LocalExitCodeOf(code.error());
}

}  // namespace

void RegisterRun(CLI::App& app, Context& context) {
  const auto args = std::make_shared<RunArguments>();
  CLI::App* run = app.add_subcommand("run", "run a flow here and now, without a server; the exit code is how it ended");
  run->add_option("file", args->file, "the flow's YAML, or - for standard input")->required();
  run->add_option("--flows", args->flows, "a folder of flows that subflows are found in")->allow_extra_args(false);
  run->add_option("--templates", args->templates, "folder of templates that flows may take in (deprecated in Kestra); without it they are refused")
      ->envname("HEADRACE_TEMPLATES")->allow_extra_args(false);
  run->add_option("-i,--input", args->inputs, "KEY=VALUE")->allow_extra_args(false);
  run->add_option("-I,--inputs", args->input_files, "a YAML or JSON file of inputs, or -")->allow_extra_args(false);
  run->add_option("--label", args->labels, "KEY=VALUE")->allow_extra_args(false);
  run->add_option("--timeout", args->timeout, "end the run after this long (90s, 15m, PT1H)");
  run->add_option("--data", args->data, "keep the run in DIR/headrace.db instead of in memory");
  run->add_option("--connections", args->connections, "YAML of connections that tasks name: GitHub's endpoints, logins and budgets")->envname("HEADRACE_CONNECTIONS");
  run->add_option("--slots", args->slots, "tasks at once")->check(CLI::Range(1, 1024))->capture_default_str();
  run->add_flag("--watch", args->watch, "show it live (this is how it is; -q turns it off)");
  run->callback([&context, args] { context.action = [&context, args] { return RunCommand(context, *args); }; });
}

}  // namespace headrace::cli
