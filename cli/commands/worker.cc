// headrace worker: runs tasks for schedulers until it is told to stop.
#include <CLI/CLI.hpp>

#include <memory>

#include "cli/client/remote_door.h"
#include "cli/commands/arguments.h"
#include "cli/commands/local.h"
#include "cli/commands/serve.h"
#include "cli/exit_code.h"
#include "cli/host/worker_health.h"
#include "common/queue/zmq_queue.h"
#include "worker/sealed.h"

namespace headrace::cli {
namespace {

struct WorkerArguments {
  std::vector<std::string> schedulers = {"tcp://127.0.0.1:5570"};
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
  std::string health_port = "off";
  std::string health_address = "127.0.0.1";
};

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

Result<worker::WorkerOptions> ToOptions(const WorkerArguments& arguments) {
  worker::WorkerOptions options = WorkerDefaults(arguments.id);
  options.slots = arguments.slots;
  options.group = arguments.group;
  options.spool = true;
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

std::string SchedulersOf(const WorkerArguments& arguments) {
  std::string text;
  for (const std::string& one : arguments.schedulers) text += (text.empty() ? "" : ",") + one;
  return text;
}

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
                         std::to_string(arguments.slots) + " slots, scheduler " + SchedulersOf(arguments));
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
    Ready(context, "worker " + name + " is waiting for a scheduler at " + SchedulersOf(arguments) +
                       (told_waiting ? "" : "; name another with --scheduler or HEADRACE_SCHEDULER"));
    told_waiting = true;
    patience = kLaterHint;
  }
}

Result<int> RunWorker(Context& context, const WorkerArguments& arguments) {
  ASSIGN_OR_RETURN(worker::WorkerOptions options, ToOptions(arguments));
  RETURN_IF_ERROR(worker::CheckEncryptionKey(options.environment));
  const SystemClock clock;
  Measures measures("worker", false);
  ASSIGN_OR_RETURN(const auto supervisor, worker::Supervisor::Start());
  ASSIGN_OR_RETURN(Signals signals, Signals::Catch());
  queue::ZmqOptions queue_options;
  ASSIGN_OR_RETURN(queue_options.client_keys, ClientKeysOf(arguments));
  const auto connect = [queue_options](const std::string& endpoint) { return queue::ConnectZmq(endpoint, queue_options); };
  ASSIGN_OR_RETURN(auto channels, worker::ChannelSet::Open(arguments.schedulers, connect));
  const std::string id = options.id.str();
  // A default would do: but tasks that delete executions must not find another engine by chance.
  std::unique_ptr<worker::EngineDoor> engine;
  if (context.server_given) engine = MakeRemoteDoor(ConnectTo(context));
  ASSIGN_OR_RETURN(const auto worker,
                   WorkerHost::Start(std::move(options), *supervisor, std::move(channels), clock, std::move(engine), measures.OfWorker()));
  ASSIGN_OR_RETURN(const auto health, WorkerHealth::Start(arguments.health_address, arguments.health_port, measures, worker->vitals()));
  if (!health->address().empty()) Ready(context, "worker health and metrics: " + health->address());
  if (ServeUntilEnd(context, arguments, id, signals, *worker)) RETURN_IF_ERROR(EndWorker(context, *worker, signals));
  else RETURN_IF_ERROR(worker->Wait());
  return kExitOk;
}

}  // namespace

void RegisterWorker(CLI::App& app, Context& context) {
  const auto args = std::make_shared<WorkerArguments>();
  CLI::App* worker = app.add_subcommand("worker", "run tasks for a scheduler; with --server also those that count, resume or purge executions");
  worker->add_option("--scheduler", args->schedulers, "its --queue-endpoint; several with commas; a scheduler tells of the others, too")
      ->envname("HEADRACE_SCHEDULER")->delimiter(',')->allow_extra_args(false)->capture_default_str();
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
  worker->add_option("--health-port", args->health_port, "of health and metrics, such as 8081; 0 takes a free one, off serves none")
      ->envname("HEADRACE_HEALTH_PORT")->capture_default_str();
  worker->add_option("--health-address", args->health_address, "IP address of --health-port; whoever reaches it may read both")
      ->envname("HEADRACE_HEALTH_ADDRESS")->capture_default_str();
  worker->callback([&context, args] { context.action = [&context, args] { return Exit(context, RunWorker(context, *args)); }; });
}

}  // namespace headrace::cli
