#include "cli/host/worker_host.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <sstream>
#include <utility>

#include "cli/version.h"
#include "common/base/text.h"

namespace headrace::cli {

WorkerHost::WorkerHost(worker::Registry registry, std::unique_ptr<worker::EngineDoor> engine)
    : registry_(std::move(registry)), engine_(std::move(engine)),
      ended_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), welcome_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Result<std::unique_ptr<WorkerHost>> WorkerHost::Start(worker::WorkerOptions options, worker::Supervisor& supervisor,
                                                      worker::ChannelSet channels, const Clock& clock,
                                                      std::unique_ptr<worker::EngineDoor> engine, TaskEnded task_ended) {
  std::unique_ptr<WorkerHost> host(new WorkerHost(worker::BuiltInRegistry(), std::move(engine)));
  ASSIGN_OR_RETURN(host->loop_, worker::WorkerLoop::Open(std::move(options), host->registry_, supervisor, std::move(channels),
                                                         clock, host->engine_.get()));
  host->vitals_->task_ended = std::move(task_ended);
  host->loop_->Tell(host->vitals_.get());
  host->loop_->OnWelcome([self = host.get()](bool welcomed) {
    self->welcomed_.store(welcomed);
    const std::uint64_t one = 1;
    (void)!write(self->welcome_, &one, sizeof one);
  });
  host->thread_ = std::thread([self = host.get()] {
    self->why_ = self->loop_->Run();
    self->over_.store(true);
    const std::uint64_t one = 1;
    (void)!write(self->ended_, &one, sizeof one);
  });
  return host;
}

WorkerHost::~WorkerHost() {
  if (loop_) loop_->Abort();
  if (thread_.joinable()) thread_.join();
  loop_.reset();
  if (ended_ >= 0) close(ended_);
  if (welcome_ >= 0) close(welcome_);
}

void WorkerHost::NoteWelcome() {
  std::uint64_t count = 0;
  (void)!read(welcome_, &count, sizeof count);
}

Status WorkerHost::Wait() {
  if (thread_.joinable()) thread_.join();
  return why_;
}

namespace {

// A list with commas.
std::vector<std::string> ListOf(const char* variable) {
  std::vector<std::string> items;
  const char* text = std::getenv(variable);
  std::stringstream stream(text == nullptr ? "" : text);
  for (std::string item; std::getline(stream, item, ',');)
    if (!Trim(item).empty()) items.emplace_back(Trim(item));
  return items;
}

}  // namespace

worker::WorkerOptions WorkerDefaults(const std::string& id) {
  worker::WorkerOptions options;
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) == 0) options.host = host.data();
  options.id = WorkerId(id.empty() ? options.host + "-" + std::to_string(getpid()) : id);
  options.build = kVersion;
  options.environment = worker::EnvironmentSnapshot();
  const char* tmp = std::getenv("TMPDIR");
  options.tmp_dir = std::string(tmp != nullptr && *tmp != 0 ? tmp : "/tmp") + "/headrace-" + std::to_string(getuid());
  options.http_allow = ListOf("HEADRACE_HTTP_ALLOW");
  options.local_folders = ListOf("HEADRACE_LOCAL_FOLDERS");
  for (const char* name : {"DOCKER_HOST", "HEADRACE_DOCKER_HOST"}) {
    const char* host_text = std::getenv(name);
    const std::string_view address = host_text == nullptr ? "" : host_text;
    if (address.starts_with("unix://")) options.docker_socket = address.substr(7);
  }
  if (const char* storage = std::getenv("HEADRACE_STORAGE_DIR")) options.storage_dir = storage;
  return options;
}

}  // namespace headrace::cli
