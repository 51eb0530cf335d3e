// headrace standalone, scheduler, worker: processes that serve until they are told to stop.
#include <CLI/CLI.hpp>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>
#include <ostream>

#include "api/server.h"
#include "cli/client/remote_door.h"
#include "cli/commands/arguments.h"
#include "cli/commands/catalog.h"
#include "cli/commands/local.h"
#include "cli/exit_code.h"
#include "cli/host/engine_host.h"
#include "cli/host/github_hooks.h"
#include "cli/host/http_host.h"
#include "cli/host/local_door.h"
#include "cli/host/new_folder.h"
#include "cli/host/store_choice.h"
#include "cli/host/webhooks.h"
#include "cli/host/worker_host.h"
#include "cli/output/json.h"
#include "cli/pem.h"
#include "cli/signals.h"
#include "cli/version.h"
#include "common/queue/zmq_queue.h"
#include "worker/sealed.h"

extern char** environ;

namespace headrace::cli {
namespace {

struct SchedulerArguments {
  std::string data{};
  StoreFlags store{};
  int grpc_port = 8082;
  std::string grpc_address = "127.0.0.1";
  std::string grpc_cert{};
  std::string grpc_key{};
  std::string grpc_client_ca{};
  HttpArguments http{};
  std::string queue_endpoint = "tcp://127.0.0.1:5570";
  std::string queue_key{};
  std::string queue_authorized{};
  std::string lease = "10s";
  std::vector<std::string> flows{};
  std::vector<std::string> templates{};
  std::string storage{};
  int loop_history = 500;
  int slots = 8;
  std::string connections{};
};

struct WorkerArguments {
  std::string scheduler = "tcp://127.0.0.1:5570";
  std::string key{};
  std::string scheduler_key{};
  int slots = 8;
  std::string connections{};
  std::string group{};
  std::string id{};
  std::vector<std::string> tags{};
  std::string work_dir{};
  std::string storage{};
  std::string drain_timeout{};
};

Result<std::optional<queue::ServerKeys>> ServerKeysOf(const SchedulerArguments& arguments) {
  if (arguments.queue_key.empty() != arguments.queue_authorized.empty()) {
    return InvalidArgument("--queue-key and --queue-authorized belong together: who the scheduler is, and whom it lets in");
  }
  if (arguments.queue_key.empty()) return std::nullopt;
  queue::ServerKeys keys;
  ASSIGN_OR_RETURN(keys.own, queue::ReadKeyFile(arguments.queue_key));
  ASSIGN_OR_RETURN(keys.workers, queue::AuthorizedKeys::Open(arguments.queue_authorized));
  return keys;
}

Result<std::optional<queue::ClientKeys>> ClientKeysOf(const WorkerArguments& arguments) {
  if (arguments.key.empty() != arguments.scheduler_key.empty()) {
    return InvalidArgument("--key and --scheduler-key belong together: who the worker is, and to whom it speaks");
  }
  if (arguments.key.empty()) return std::nullopt;
  queue::ClientKeys keys;
  ASSIGN_OR_RETURN(keys.own, queue::ReadKeyFile(arguments.key));
  ASSIGN_OR_RETURN(keys.server, queue::ReadPublicKey(arguments.scheduler_key));
  return keys;
}

Result<EngineHostOptions> HostOptions(const Context& context, const SchedulerArguments& arguments, bool embedded) {
  EngineHostOptions options{.data = arguments.data};
  options.loop_history = arguments.loop_history;
  ASSIGN_OR_RETURN(flow::Catalog catalog, CatalogWithTemplates(arguments.templates, context.in));
  options.catalog = std::make_shared<const flow::Catalog>(std::move(catalog));
  if (!embedded) options.queue_endpoint = arguments.queue_endpoint;
  ASSIGN_OR_RETURN(options.queue_keys, ServerKeysOf(arguments));
  ASSIGN_OR_RETURN(StoreChoice chosen, ChooseStore(arguments.store, arguments.data));
  options.durability = chosen.file;
  options.redis = std::move(chosen.redis);
  options.place = std::move(chosen.text);
  ASSIGN_OR_RETURN(options.lease, ParseSpan(arguments.lease));
  if (options.lease < std::chrono::seconds(1)) return InvalidArgument("--lease must be at least 1s");
  options.world = WorkerDefaults("");
  if (!arguments.storage.empty()) options.world.storage_dir = arguments.storage;
  if (options.world.storage_dir.empty() && arguments.data.empty()) {
    return InvalidArgument("--store keeps no files: name a folder for them with --storage, the workers' too");
  }
  if (options.world.storage_dir.empty()) options.world.storage_dir = arguments.data + "/storage";
  return options;
}

// Secrets are the workers': a process without one has no business with them.
void ForgetSecrets() {
  std::vector<std::string> names;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view entry(*at);
    const std::string_view name = entry.substr(0, entry.find('='));
    if (name.starts_with("SECRET_") || name.starts_with("HEADRACE_SECRET_")) names.emplace_back(name);
  }
  for (const std::string& name : names) unsetenv(name.c_str());
}

Status ApplyFlows(Context& context, scheduler::Engine& engine, const std::vector<std::string>& folders) {
  if (folders.empty()) return {};
  ASSIGN_OR_RETURN(const std::vector<FlowText> texts, ReadFlowTexts(folders, context.in));
  // All of them or none.
  FlowTwins twins;
  for (const bool keep : {false, true}) {
    for (const FlowText& text : texts) {
      auto view = keep ? engine.ApplyFlow(text.text, text.file) : engine.ValidateFlow(text.text, text.file);
      if (!view) {
        ShiftLines(view.error().violations, text.first_line);
        return Fail(std::move(view.error()));
      }
      if (!keep) RETURN_IF_ERROR(twins.Add(view->flow->ns + "/" + view->flow->id, text));
    }
  }
  spdlog::info("{} flows deployed", texts.size());
  return {};
}

Result<std::optional<api::ApiTls>> TlsOf(const SchedulerArguments& arguments) {
  if (arguments.grpc_cert.empty() != arguments.grpc_key.empty()) return InvalidArgument("--grpc-cert and --grpc-key belong together");
  if (arguments.grpc_cert.empty() && !arguments.grpc_client_ca.empty()) return InvalidArgument("--grpc-client-ca needs --grpc-cert and --grpc-key");
  if (arguments.grpc_cert.empty()) return std::nullopt;
  if (arguments.http.token_file.empty()) return InvalidArgument("--grpc-cert needs --token-file, too: who may call what");
  api::ApiTls tls;
  ASSIGN_OR_RETURN(tls.certificate, ReadPem(arguments.grpc_cert, "--grpc-cert"));
  ASSIGN_OR_RETURN(tls.key, ReadPem(arguments.grpc_key, "--grpc-key"));
  if (!arguments.grpc_client_ca.empty()) {
    ASSIGN_OR_RETURN(tls.client_ca, ReadPem(arguments.grpc_client_ca, "--grpc-client-ca"));
  }
  ASSIGN_OR_RETURN(tls.tokens, api::http::ReadTokenFile(arguments.http.token_file));
  return tls;
}

std::string ApiAddress(const SchedulerArguments& arguments, int port) {
  const bool six = arguments.grpc_address.find(':') != std::string::npos && !arguments.grpc_address.starts_with('[');
  return (six ? "[" + arguments.grpc_address + "]" : arguments.grpc_address) + ":" + std::to_string(port);
}

Result<std::unique_ptr<api::ApiServer>> OpenApi(const SchedulerArguments& arguments, scheduler::Engine& engine) {
  api::ApiOptions options{.address = ApiAddress(arguments, arguments.grpc_port), .version = kVersion};
  ASSIGN_OR_RETURN(options.tls, TlsOf(arguments));
  return api::ApiServer::Start(options, engine);
}

void Ready(Context& context, const std::string& text) { context.err << "headrace " << text << std::endl; }

std::string SignalName(std::optional<int> signal) { return signal == SIGINT ? "SIGINT" : signal == SIGHUP ? "SIGHUP" : "SIGTERM"; }

Result<int> RunScheduler(Context& context, const SchedulerArguments& arguments) {
  ForgetSecrets();
  ASSIGN_OR_RETURN(const EngineHostOptions options, HostOptions(context, arguments, false));
  ASSIGN_OR_RETURN(const auto clock, MakeClock());
  ASSIGN_OR_RETURN(Signals signals, Signals::Catch());
  NewFolder data(arguments.data);
  ASSIGN_OR_RETURN(const auto host, EngineHost::Start(options, *clock));
  RETURN_IF_ERROR(ApplyFlows(context, host->engine(), arguments.flows));
  ASSIGN_OR_RETURN(const auto api, OpenApi(arguments, host->engine()));
  const auto webhooks = MakeWebhookDoor(host->engine());
  const auto github = MakeGithubHookDoor(host->engine());
  ASSIGN_OR_RETURN(const auto http, OpenHttp(arguments.http, "scheduler", host->engine(), {.webhooks = webhooks.get(), .github = github.get()}));
  data.Keep();
  Ready(context, "scheduler is ready: API " + ApiAddress(arguments, api->port()) + ", workers " +
                     host->engine().worker_endpoint() + ", " + Served(*http) + options.place);
  const auto signal = signals.WaitForEnd({host->failure().fd()});
  RETURN_IF_ERROR(host->failure().status());
  spdlog::info("{}: the scheduler stops", SignalName(signal));
  http->Stop();
  api->Shutdown();
  return kExitOk;
}

// Drains; a second signal ends what runs.
Status EndWorker(Context& context, WorkerHost& worker, Signals& signals) {
  Ready(context, "worker drains: it takes nothing new and ends when its tasks have; another signal ends them now");
  worker.Drain();
  if (signals.WaitForEnd({worker.fd()})) worker.Abort();
  return worker.Wait();
}

Result<int> RunStandalone(Context& context, const SchedulerArguments& arguments) {
  ASSIGN_OR_RETURN(const EngineHostOptions options, HostOptions(context, arguments, true));
  ASSIGN_OR_RETURN(const auto clock, MakeClock());
  ASSIGN_OR_RETURN(const auto supervisor, worker::Supervisor::Start());
  ASSIGN_OR_RETURN(Signals signals, Signals::Catch());
  NewFolder data(arguments.data);
  ASSIGN_OR_RETURN(const auto host, EngineHost::Start(options, *clock));
  RETURN_IF_ERROR(ApplyFlows(context, host->engine(), arguments.flows));
  worker::WorkerOptions worker_options = WorkerDefaults("");
  worker_options.slots = arguments.slots;
  worker_options.storage_dir = options.world.storage_dir;
  if (!arguments.connections.empty()) worker_options.environment["HEADRACE_CONNECTIONS"] = arguments.connections;
  ASSIGN_OR_RETURN(const auto worker,
                   WorkerHost::Start(std::move(worker_options), *supervisor, host->MakeWorkerQueue(), *clock,
                                     MakeLocalDoor(host->engine())));
  ASSIGN_OR_RETURN(const auto api, OpenApi(arguments, host->engine()));
  const auto webhooks = MakeWebhookDoor(host->engine());
  const auto github = MakeGithubHookDoor(host->engine());
  ASSIGN_OR_RETURN(const auto http, OpenHttp(arguments.http, "standalone", host->engine(), {.webhooks = webhooks.get(), .github = github.get()}));
  data.Keep();
  Ready(context, "is ready: API " + ApiAddress(arguments, api->port()) + ", " + Served(*http) + std::to_string(arguments.slots) +
                     " slots, " + options.place);
  const auto signal = signals.WaitForEnd({worker->fd(), host->failure().fd()});
  RETURN_IF_ERROR(host->failure().status());
  if (!signal) return Fail(Code::kInternal, "the worker ended by itself");
  http->Drain();
  RETURN_IF_ERROR(EndWorker(context, *worker, signals));
  http->Stop();
  api->Shutdown();
  return kExitOk;
}

Result<worker::WorkerOptions> ToOptions(const WorkerArguments& arguments) {
  worker::WorkerOptions options = WorkerDefaults(arguments.id);
  options.slots = arguments.slots;
  options.group = arguments.group;
  if (!arguments.work_dir.empty()) options.tmp_dir = arguments.work_dir;
  if (!arguments.storage.empty()) options.storage_dir = arguments.storage;
  if (!arguments.connections.empty()) options.environment["HEADRACE_CONNECTIONS"] = arguments.connections;
  if (!arguments.drain_timeout.empty()) {
    ASSIGN_OR_RETURN(options.drain_timeout, ParseSpan(arguments.drain_timeout));
  }
  for (const std::string& tag : arguments.tags) {
    ASSIGN_OR_RETURN(auto pair, ParsePair(tag, "tag"));
    options.tags.insert(std::move(pair));
  }
  return options;
}

constexpr std::chrono::seconds kFirstHint(1);
constexpr std::chrono::seconds kLaterHint(60);

// Tells when the worker has a scheduler, and now and then while it has none. Until a signal, or until the worker ends by
// itself: then nothing.
std::optional<int> ServeUntilEnd(Context& context, const WorkerArguments& arguments, const std::string& name, Signals& signals,
                                 WorkerHost& worker) {
  bool told_waiting = false;
  bool was_ready = false;
  std::chrono::seconds patience = kFirstHint;
  while (true) {
    const bool welcomed = worker.welcomed();
    if (welcomed && (!was_ready || told_waiting)) {
      Ready(context, "worker is ready" + std::string(was_ready ? " again: " : ": ") + name + ", " +
                         std::to_string(arguments.slots) + " slots, scheduler " + arguments.scheduler);
      was_ready = true;
    }
    if (welcomed) {
      told_waiting = false;
      patience = kFirstHint;
    }
    const auto began = std::chrono::steady_clock::now();
    const auto limit = welcomed ? std::nullopt : std::optional<std::chrono::milliseconds>(patience);
    const auto signal = signals.WaitForEnd({worker.fd(), worker.welcome_fd()}, limit);
    if (signal || worker.ended()) return signal;
    worker.NoteWelcome();
    if (welcomed || worker.welcomed() || std::chrono::steady_clock::now() - began < patience) continue;
    Ready(context, "worker " + name + " is waiting for a scheduler at " + arguments.scheduler +
                       (told_waiting ? "" : "; name another with --scheduler or HEADRACE_SCHEDULER"));
    told_waiting = true;
    patience = kLaterHint;
  }
}

Result<int> RunWorker(Context& context, const WorkerArguments& arguments) {
  ASSIGN_OR_RETURN(worker::WorkerOptions options, ToOptions(arguments));
  RETURN_IF_ERROR(worker::CheckEncryptionKey(options.environment));
  const SystemClock clock;
  ASSIGN_OR_RETURN(const auto supervisor, worker::Supervisor::Start());
  ASSIGN_OR_RETURN(Signals signals, Signals::Catch());
  queue::ZmqOptions queue_options;
  ASSIGN_OR_RETURN(queue_options.client_keys, ClientKeysOf(arguments));
  ASSIGN_OR_RETURN(auto queue, queue::ConnectZmq(arguments.scheduler, queue_options));
  const std::string id = options.id.str();
  // A default would do: but tasks that delete executions must not find another engine by chance.
  std::unique_ptr<worker::EngineDoor> engine;
  if (context.server_given) engine = MakeRemoteDoor(ConnectTo(context));
  ASSIGN_OR_RETURN(const auto worker,
                   WorkerHost::Start(std::move(options), *supervisor, std::move(queue), clock, std::move(engine)));
  if (ServeUntilEnd(context, arguments, id, signals, *worker)) RETURN_IF_ERROR(EndWorker(context, *worker, signals));
  else RETURN_IF_ERROR(worker->Wait());
  return kExitOk;
}

int Exit(Context& context, const Result<int>& code) {
  if (code) return *code;
  PrintError(context, code.error());
  return LocalExitCodeOf(code.error());
}

void AddHttpOptions(CLI::App& app, HttpArguments& to) {
  app.add_option("--port", to.port, "of HTTP: webhooks, health, metrics; 0 takes a free one, off serves none")
      ->envname("HEADRACE_HTTP_PORT")->capture_default_str();
  app.add_option("--http-address", to.address, "IP address of --port; one that others can reach needs --token-file")
      ->envname("HEADRACE_HTTP_ADDRESS")->capture_default_str();
  app.add_option("--management-port", to.management_port, "of health and metrics alone, on 127.0.0.1; 0 takes a free one, off serves none")
      ->envname("HEADRACE_MANAGEMENT_PORT")->capture_default_str();
  app.add_option("--token-file", to.token_file, "lines of TOKEN NAME ROLE: who may use what is not everybody's; without it this machine's own programs")
      ->envname("HEADRACE_TOKEN_FILE");
  app.add_option("--http-names", to.names, "names of this server besides localhost that requests may give as Host when there are no tokens")
      ->envname("HEADRACE_HTTP_NAMES")->delimiter(',')->allow_extra_args(false);
  app.add_option("--github-hooks", to.github_hooks, "lines of CONNECTION SECRET: webhooks of GitHub at /api/v1/hooks/github/CONNECTION")
      ->envname("HEADRACE_GITHUB_HOOKS");
}

void AddEngineOptions(CLI::App& app, SchedulerArguments& to) {
  AddHttpOptions(app, to.http);
  app.add_option("--grpc-port", to.grpc_port, "of the API; 0 takes a free one")
      ->envname("HEADRACE_GRPC_PORT")->check(CLI::Range(0, 65535))->capture_default_str();
  app.add_option("--grpc-address", to.grpc_address, "IP address of the API; one that others can reach needs --grpc-cert, --grpc-key and --token-file")
      ->envname("HEADRACE_GRPC_ADDRESS")->capture_default_str();
  app.add_option("--grpc-cert", to.grpc_cert, "PEM file of the API's certificate; with it every call needs a token of --token-file")->envname("HEADRACE_GRPC_CERT");
  app.add_option("--grpc-key", to.grpc_key, "PEM file of its key")->envname("HEADRACE_GRPC_KEY");
  app.add_option("--grpc-client-ca", to.grpc_client_ca, "PEM file: clients need a certificate of it, besides their token")->envname("HEADRACE_GRPC_CLIENT_CA");
  app.add_option("--flows", to.flows, "deploy the flows of this folder at the start")->envname("HEADRACE_FLOWS")->allow_extra_args(false);
  app.add_option("--templates", to.templates, "folder of templates that flows may take in (deprecated in Kestra); without it they are refused")
      ->envname("HEADRACE_TEMPLATES")->allow_extra_args(false);
  app.add_option("--storage", to.storage, "folder of task files, keys and namespace files, shared with the workers; DATA/storage otherwise")
      ->envname("HEADRACE_STORAGE_DIR");
  app.add_option("--loop-history", to.loop_history, "earlier rounds of a LoopUntil that stay visible")
      ->envname("HEADRACE_LOOP_HISTORY")->check(CLI::Range(0, 100000))->capture_default_str();
  app.add_option("--store", to.store.url, "redis://…, rediss://…, redis+unix:///… or redis+sentinel://…: remember there, not in a file")
      ->envname("HEADRACE_STORE");
  app.add_option("--durability", to.store.durability,
                 "of a file: full (answers after fsync) or normal (a power cut may take back the last moments); of a Redis: memory, local or replica")
      ->envname("HEADRACE_DURABILITY")->check(CLI::IsMember({"full", "normal", "memory", "local", "replica"}));
  app.add_option("--replicas", to.store.replicas, "of the Redis, that must have a commit with --durability replica")
      ->envname("HEADRACE_REPLICAS")->check(CLI::Range(1, 9))->capture_default_str();
}

CLI::Option* AddSlots(CLI::App& app, int& slots) {
  return app.add_option("--slots", slots, "tasks at once")->envname("HEADRACE_SLOTS")->check(CLI::Range(1, 1024))->capture_default_str();
}

void AddConnections(CLI::App& app, std::string& connections) {
  app.add_option("--connections", connections, "YAML of connections that tasks name: GitHub's endpoints, logins and budgets")->envname("HEADRACE_CONNECTIONS");
}

void RegisterScheduler(CLI::App& app, Context& context) {
  const auto args = std::make_shared<SchedulerArguments>();
  CLI::App* scheduler = app.add_subcommand("scheduler", "decide and remember; workers connect to it");
  scheduler->add_option("--data", args->data, "folder of headrace.db")->envname("HEADRACE_DATA");
  scheduler->add_option("--queue-endpoint", args->queue_endpoint, "where workers connect")
      ->envname("HEADRACE_QUEUE_ENDPOINT")->capture_default_str();
  scheduler->add_option("--queue-key", args->queue_key, "its key file (headrace keys new); an address that others can reach needs one")
      ->envname("HEADRACE_QUEUE_KEY");
  scheduler->add_option("--queue-authorized", args->queue_authorized, "lines of PUBLICKEY NAME: the workers that are let in; read again when it changes")
      ->envname("HEADRACE_QUEUE_AUTHORIZED");
  scheduler->add_option("--lease", args->lease, "after this long without a sign of its worker a task is given out again")
      ->envname("HEADRACE_LEASE")->capture_default_str();
  AddEngineOptions(*scheduler, *args);
  scheduler->callback([&context, args] {
    if (args->data.empty() && args->store.url.empty()) throw CLI::RequiredError("--data FOLDER or --store URL: where the scheduler remembers. One of them");
    context.action = [&context, args] { return Exit(context, RunScheduler(context, *args)); };
  });
}

void RegisterStandalone(CLI::App& app, Context& context) {
  const auto args = std::make_shared<SchedulerArguments>();
  args->data = "headrace-data";
  CLI::App* standalone = app.add_subcommand("standalone", "everything in one process");
  standalone->add_option("--data", args->data, "folder of headrace.db")->envname("HEADRACE_DATA")->capture_default_str();
  AddEngineOptions(*standalone, *args);
  AddSlots(*standalone, args->slots);
  AddConnections(*standalone, args->connections);
  standalone->callback([&context, args] { context.action = [&context, args] { return Exit(context, RunStandalone(context, *args)); }; });
}

void RegisterWorker(CLI::App& app, Context& context) {
  const auto args = std::make_shared<WorkerArguments>();
  CLI::App* worker = app.add_subcommand("worker", "run tasks for a scheduler; with --server also those that count, resume or purge executions");
  worker->add_option("--scheduler", args->scheduler, "its --queue-endpoint")->envname("HEADRACE_SCHEDULER")->capture_default_str();
  worker->add_option("--key", args->key, "its key file (headrace keys new)")->envname("HEADRACE_WORKER_KEY");
  worker->add_option("--scheduler-key", args->scheduler_key, "the scheduler's public key, or a file with it")->envname("HEADRACE_SCHEDULER_KEY");
  AddSlots(*worker, args->slots);
  AddConnections(*worker, args->connections);
  worker->add_option("--group", args->group, "take only tasks of this group")->envname("HEADRACE_GROUP");
  worker->add_option("--id", args->id, "its name; HOST-PID otherwise")->envname("HEADRACE_WORKER_ID");
  worker->add_option("--tags", args->tags, "KEY=VALUE,…")->envname("HEADRACE_TAGS")->delimiter(',')->allow_extra_args(false);
  worker->add_option("--work-dir", args->work_dir, "for working directories and files of tasks")->envname("HEADRACE_WORK_DIR");
  worker->add_option("--storage", args->storage, "folder of task files, keys and namespace files, shared with the scheduler; below the work dir otherwise")
      ->envname("HEADRACE_STORAGE_DIR");
  worker->add_option("--drain-timeout", args->drain_timeout, "end what still runs this long after SIGTERM; never otherwise")
      ->envname("HEADRACE_DRAIN_TIMEOUT");
  worker->callback([&context, args] { context.action = [&context, args] { return Exit(context, RunWorker(context, *args)); }; });
}

}  // namespace

void RegisterCluster(CLI::App& app, Context& context) {
  RegisterStandalone(app, context);
  RegisterScheduler(app, context);
  RegisterWorker(app, context);
}

}  // namespace headrace::cli
