// headrace standalone and scheduler: processes that serve until they are told to stop.
#include <CLI/CLI.hpp>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>

#include "api/address.h"
#include "api/server.h"
#include "cli/commands/arguments.h"
#include "cli/commands/catalog.h"
#include "cli/commands/local.h"
#include "cli/commands/remote.h"
#include "cli/commands/serve.h"
#include "cli/exit_code.h"
#include "cli/host/cluster_choice.h"
#include "cli/host/engine_host.h"
#include "cli/host/github_hooks.h"
#include "cli/host/http_host.h"
#include "cli/host/local_door.h"
#include "cli/host/new_folder.h"
#include "cli/host/retention.h"
#include "cli/host/store_choice.h"
#include "cli/host/tracing.h"
#include "cli/host/webhooks.h"
#include "cli/host/worker_host.h"
#include "cli/pem.h"
#include "cli/signals.h"
#include "cli/version.h"

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
  ClusterFlags cluster{};
  HttpArguments http{};
  std::string queue_endpoint = "tcp://127.0.0.1:5570";
  std::string queue_key{};
  std::string queue_authorized{};
  std::string lease{};  // empty: LeaseOfTasks decides
  std::vector<std::string> flows{};
  std::vector<std::string> templates{};
  std::string storage{};
  int loop_history = 500;
  int slots = 8;
  std::string connections{};
  bool flow_labels = false;
  std::string otlp_endpoint{};
  std::string retain{};
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
  ASSIGN_OR_RETURN(options.lease, LeaseOfTasks(arguments.lease, Duration(0)));
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
  ASSIGN_OR_RETURN(tls.tokens, api::http::OpenTokenFile(arguments.http.token_file));
  return tls;
}

// HTTP shows the certificate of the API.
Result<api::http::ServerTls> HttpTlsOf(const SchedulerArguments& arguments, const api::ApiOptions& api) {
  if (!arguments.http.tls) return api::http::ServerTls();
  if (!api.tls) return InvalidArgument("--http-tls needs --grpc-cert and --grpc-key: HTTP shows the same certificate");
  auto tls = api::http::MakeServerTls(api.tls->certificate, api.tls->key);
  if (!tls) return Fail(std::move(tls.error()).Wrap("--http-tls with " + arguments.grpc_cert));
  return tls;
}

std::string ApiAddress(const SchedulerArguments& arguments, int port) {
  const bool six = arguments.grpc_address.find(':') != std::string::npos && !arguments.grpc_address.starts_with('[');
  return (six ? "[" + arguments.grpc_address + "]" : arguments.grpc_address) + ":" + std::to_string(port);
}

// So that whoever waits for another scheduler does not keep the others waiting.
constexpr std::size_t kApiThreadsOfCluster = 16;

Result<api::ApiOptions> ApiOptionsOf(const SchedulerArguments& arguments) {
  api::ApiOptions options{.address = ApiAddress(arguments, arguments.grpc_port), .version = kVersion};
  ASSIGN_OR_RETURN(options.tls, TlsOf(arguments));
  if (!arguments.http.audit_log.empty()) {
    ASSIGN_OR_RETURN(options.audit, api::AuditLog::Open(arguments.http.audit_log));
  }
  RETURN_IF_ERROR(api::ApiServer::Check(options));
  return options;
}

// One that has its store for itself is alone. `api` has the port that it will have.
Status JoinCluster(const SchedulerArguments& arguments, api::ApiOptions& api, EngineHostOptions& host) {
  if (!host.redis) return RefuseClusterFlags(arguments.cluster);
  ASSIGN_OR_RETURN(host.cluster, ChooseCluster(arguments.cluster, api.address, api.tls));
  ASSIGN_OR_RETURN(host.lease, LeaseOfTasks(arguments.lease, host.cluster->lease));
  api.peers = true;
  api.threads = kApiThreadsOfCluster;
  return {};
}

std::string SignalName(std::optional<int> signal) { return signal == SIGINT ? "SIGINT" : signal == SIGHUP ? "SIGHUP" : "SIGTERM"; }

Result<int> RunScheduler(Context& context, const SchedulerArguments& arguments) {
  ForgetSecrets();
  ASSIGN_OR_RETURN(EngineHostOptions options, HostOptions(context, arguments, false));
  ASSIGN_OR_RETURN(api::ApiOptions api_options, ApiOptionsOf(arguments));
  Measures measures("scheduler", arguments.flow_labels);
  ASSIGN_OR_RETURN(const auto tracing, Tracing::Open(arguments.otlp_endpoint, "scheduler", measures));
  options.measures = &measures;
  api_options.call_ended = measures.OfApi();
  // The engine tells the others where the API is before the API can listen: it needs the engine.
  ASSIGN_OR_RETURN(const api::HeldPort held, api::HeldPort::Take(api_options.address));
  api_options.address = held.address();
  RETURN_IF_ERROR(JoinCluster(arguments, api_options, options));
  ASSIGN_OR_RETURN(const auto clock, MakeClock());
  ASSIGN_OR_RETURN(Signals signals, Signals::Catch());
  NewFolder data(arguments.data);
  ASSIGN_OR_RETURN(const auto host, EngineHost::Start(options, *clock));
  const auto traces = ExportTraces(tracing.get(), host->engine());
  ASSIGN_OR_RETURN(const auto retention, Retention::Start(host->engine(), *clock, arguments.retain));
  // Others may ask this one as soon as it has partitions; of one that is alone nobody asks before its flows are there.
  std::unique_ptr<api::ApiServer> api;
  if (options.cluster) {
    ASSIGN_OR_RETURN(api, api::ApiServer::Start(api_options, host->engine()));
  }
  RETURN_IF_ERROR(ApplyFlows(context, host->engine(), arguments.flows));
  if (!api) {
    ASSIGN_OR_RETURN(api, api::ApiServer::Start(api_options, host->engine()));
  }
  const auto webhooks = MakeWebhookDoor(host->engine());
  const auto github = MakeGithubHookDoor(host->engine());
  ASSIGN_OR_RETURN(const auto http_tls, HttpTlsOf(arguments, api_options));
  ASSIGN_OR_RETURN(const auto http, OpenHttp(arguments.http, "scheduler", host->engine(), measures, {.webhooks = webhooks.get(), .github = github.get(), .audit = api_options.audit, .tls = http_tls}));
  data.Keep();
  Ready(context, "scheduler is ready: API " + ApiAddress(arguments, api->port()) + ", workers " +
                     host->engine().worker_endpoint() + ", " + Served(*http, arguments.http.tls) + options.place);
  const auto signal = signals.WaitForEnd({host->failure().fd()});
  RETURN_IF_ERROR(host->failure().status());
  spdlog::info("{}: the scheduler stops", SignalName(signal));
  http->Drain();
  // First, so that nothing waits for the last calls of the API: who asks meanwhile is sent to the others.
  if (options.cluster) host->engine().HandOver();
  api->Shutdown();
  http->Stop();
  return kExitOk;
}

Result<int> RunStandalone(Context& context, const SchedulerArguments& arguments) {
  ASSIGN_OR_RETURN(EngineHostOptions options, HostOptions(context, arguments, true));
  Measures measures("standalone", arguments.flow_labels);
  ASSIGN_OR_RETURN(const auto tracing, Tracing::Open(arguments.otlp_endpoint, "standalone", measures));
  options.measures = &measures;
  ASSIGN_OR_RETURN(const auto clock, MakeClock());
  ASSIGN_OR_RETURN(const auto supervisor, worker::Supervisor::Start());
  ASSIGN_OR_RETURN(Signals signals, Signals::Catch());
  NewFolder data(arguments.data);
  ASSIGN_OR_RETURN(const auto host, EngineHost::Start(options, *clock));
  const auto traces = ExportTraces(tracing.get(), host->engine());
  ASSIGN_OR_RETURN(const auto retention, Retention::Start(host->engine(), *clock, arguments.retain));
  RETURN_IF_ERROR(ApplyFlows(context, host->engine(), arguments.flows));
  worker::WorkerOptions worker_options = WorkerDefaults("");
  worker_options.slots = arguments.slots;
  worker_options.storage_dir = options.world.storage_dir;
  if (!arguments.connections.empty()) worker_options.environment["HEADRACE_CONNECTIONS"] = arguments.connections;
  ASSIGN_OR_RETURN(const auto worker,
                   WorkerHost::Start(std::move(worker_options), *supervisor, host->MakeWorkerQueue(), *clock,
                                     MakeLocalDoor(host->engine()), measures.OfWorker()));
  ASSIGN_OR_RETURN(api::ApiOptions api_options, ApiOptionsOf(arguments));
  api_options.call_ended = measures.OfApi();
  ASSIGN_OR_RETURN(const auto api, api::ApiServer::Start(api_options, host->engine()));
  const auto webhooks = MakeWebhookDoor(host->engine());
  const auto github = MakeGithubHookDoor(host->engine());
  ASSIGN_OR_RETURN(const auto http_tls, HttpTlsOf(arguments, api_options));
  ASSIGN_OR_RETURN(const auto http, OpenHttp(arguments.http, "standalone", host->engine(), measures, {.webhooks = webhooks.get(), .github = github.get(), .audit = api_options.audit, .tls = http_tls}, &worker->vitals()));
  data.Keep();
  Ready(context, "is ready: API " + ApiAddress(arguments, api->port()) + ", " + Served(*http, arguments.http.tls) + std::to_string(arguments.slots) +
                     " slots, " + options.place);
  const auto signal = signals.WaitForEnd({worker->fd(), host->failure().fd()});
  RETURN_IF_ERROR(host->failure().status());
  if (!signal) return Fail(Code::kInternal, "the worker ended by itself");
  http->Drain();
  RETURN_IF_ERROR(EndWorker(context, *worker, signals));
  http->Stop();
  api->Shutdown();
  // What no worker was given is given out at once by the next process.
  host->engine().HandOver();
  return kExitOk;
}

void AddHttpOptions(CLI::App& app, HttpArguments& to) {
  app.add_option("--port", to.port, "of HTTP: webhooks, health, metrics; 0 takes a free one, off serves none")
      ->envname("HEADRACE_HTTP_PORT")->capture_default_str();
  app.add_option("--http-address", to.address, "IP address of --port; one that others can reach needs --token-file")
      ->envname("HEADRACE_HTTP_ADDRESS")->capture_default_str();
  app.add_option("--management-port", to.management_port, "of health and metrics alone; 0 takes a free one, off serves none")
      ->envname("HEADRACE_MANAGEMENT_PORT")->capture_default_str();
  app.add_option("--management-address", to.management_address, "IP address of --management-port; one that others can reach needs --token-file")
      ->envname("HEADRACE_MANAGEMENT_ADDRESS")->capture_default_str();
  app.add_option("--token-file", to.token_file, "lines of TOKEN NAME ROLE [NAMESPACE,NAMESPACE], read again when it changes: who may use what is not everybody's; without it this machine's own programs")
      ->envname("HEADRACE_TOKEN_FILE");
  app.add_option("--audit-log", to.audit_log, "file that gets a line of JSON for every change and every refusal; may be renamed at any time")
      ->envname("HEADRACE_AUDIT_LOG");
  app.add_flag("--http-tls", to.tls, "HTTP on both ports speaks TLS, with the certificate of --grpc-cert and --grpc-key")->envname("HEADRACE_HTTP_TLS");
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
  app.add_flag("--metrics-flow-labels", to.flow_labels, "name namespace and flow in headrace_executions_total, up to 1,000 series")
      ->envname("HEADRACE_METRICS_FLOW_LABELS");
  AddTraces(app, to.otlp_endpoint);
  app.add_option("--flows", to.flows, "deploy the flows of this folder at the start")->envname("HEADRACE_FLOWS")->allow_extra_args(false);
  app.add_option("--templates", to.templates, "folder of templates that flows may take in (deprecated in Kestra); without it they are refused")
      ->envname("HEADRACE_TEMPLATES")->allow_extra_args(false);
  app.add_option("--storage", to.storage, "folder of task files, keys and namespace files, shared with the workers; DATA/storage otherwise")
      ->envname("HEADRACE_STORAGE_DIR");
  app.add_option("--retain", to.retain, "purge executions that have ended and began longer ago than this, with their logs and files: 30d, PT12H; empty keeps all")
      ->envname("HEADRACE_RETAIN");
  app.add_option("--loop-history", to.loop_history, "earlier rounds of a LoopUntil that stay visible")
      ->envname("HEADRACE_LOOP_HISTORY")->check(CLI::Range(0, 100000))->capture_default_str();
  app.add_option("--store", to.store.url, "redis://…, rediss://…, redis+unix:///…, redis+sentinel://… or redis+cluster://…: remember there, not in a file")
      ->envname("HEADRACE_STORE");
  app.add_option("--durability", to.store.durability,
                 "of a file: full (answers after fsync) or normal (a power cut may take back the last moments); of a Redis: memory, local or replica")
      ->envname("HEADRACE_DURABILITY")->check(CLI::IsMember({"full", "normal", "memory", "local", "replica"}));
  app.add_option("--replicas", to.store.replicas, "of the Redis, that must have a commit with --durability replica")
      ->envname("HEADRACE_REPLICAS")->check(CLI::Range(1, 9))->capture_default_str();
}

void AddClusterOptions(CLI::App& app, ClusterFlags& to) {
  app.add_option("--advertise", to.advertise,
                 "where the other schedulers of the Redis reach the API: HOST, HOST:PORT or [IPV6]:PORT; where it listens otherwise")
      ->envname("HEADRACE_ADVERTISE");
  app.add_option("--advertise-workers", to.advertise_workers, "where workers reach the queue: tcp://HOST:PORT; where it listens otherwise")
      ->envname("HEADRACE_ADVERTISE_WORKERS");
  app.add_option("--partition-lease", to.partition_lease, "after this long without a sign of a scheduler the others take its partitions: 1s to 60s")
      ->envname("HEADRACE_PARTITION_LEASE")->capture_default_str();
  app.add_option("--peer-ca", to.peer_ca, "PEM file of who signed the other schedulers' certificates, or system; --grpc-client-ca otherwise")
      ->envname("HEADRACE_PEER_CA");
  app.add_option("--peer-name", to.peer_name, "name that their certificates have, where it is not the host of their --advertise")
      ->envname("HEADRACE_PEER_NAME");
  app.add_option("--peer-token-file", to.peer_token_file, "file with the token of role scheduler that they ask for; HEADRACE_PEER_TOKEN otherwise")
      ->envname("HEADRACE_PEER_TOKEN_FILE");
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
  scheduler->add_option("--lease", args->lease, "after this long without a sign of its worker a task is given out again; 10s, and twice --partition-lease at least")
      ->envname("HEADRACE_LEASE");
  AddEngineOptions(*scheduler, *args);
  AddClusterOptions(*scheduler, args->cluster);
  RegisterSchedulerList(*scheduler, context);
  scheduler->callback([&context, args, scheduler] {
    if (!scheduler->get_subcommands().empty()) return;
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

}  // namespace

void RegisterCluster(CLI::App& app, Context& context) {
  RegisterStandalone(app, context);
  RegisterScheduler(app, context);
  RegisterWorker(app, context);
}

}  // namespace headrace::cli
