// Runs one task of any type as a worker does, with real services in folders of its own.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "common/base/text.h"
#include "worker/files/places.h"
#include "worker/files/storage.h"
#include "worker/files/working_directory.h"
#include "worker/job.h"
#include "worker/notice_book.h"
#include "worker/process/supervisor.h"

namespace headrace::worker {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using model::State;

struct Ran {
  State state;
  Value outputs;
  std::string message;
  std::vector<wire::LogEntry> logs;
  std::vector<wire::NestedResult> nested{};

  std::string Lines(std::string_view level) const {
    std::string lines;
    for (const auto& entry : logs)
      if (entry.level == level) lines += entry.message + "\n";
    return lines;
  }
  std::string Out(std::string_view path) const {
    const Value* value = AtPath(outputs, path);
    return value == nullptr ? "(none)" : ToText(*value);
  }
};

inline Value Json(std::string_view text) {
  auto value = ParseJson(text);
  EXPECT_TRUE(value) << text;
  return value ? *value : Value();
}

class TaskTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { supervisor_ = std::move(*Supervisor::Start()); }
  static void TearDownTestSuite() { supervisor_.reset(); }

  TaskTest()
      : root_(fs::temp_directory_path() / ("headrace-test-" + std::to_string(getpid()))), registry_(BuiltInRegistry()) {
    options_.tmp_dir = root_ / "tmp";
    options_.id = WorkerId("w");
    options_.environment = {{"PATH", getenv("PATH")}, {"SECRET_GITHUB_TOKEN", "Z2hwX3NlY3JldDEyMzQ="}, {"WORKER_SEES", "yes"}};
    if (const char* home = getenv("HOME")) options_.environment["HOME"] = home;
  }
  ~TaskTest() override { fs::remove_all(root_); }

  std::unique_ptr<Job> MakeJob(const std::string& type, const Value& properties, const std::string& context = "{}",
                               std::vector<wire::LogEntry>* logs = nullptr) {
    if (services_ == nullptr) {
      storage_ = std::move(*OpenLocalStorage(root_ / "storage"));
      directories_ = std::move(*WorkingDirectories::Open(options_.tmp_dir, "w"));
      secrets_ = std::make_unique<SecretStore>(options_.environment);
      services_.reset(new Services{{options_, clock_, *secrets_, *storage_, engine_}, *directories_, *supervisor_, notices_, registry_});
    }
    auto spec = std::make_shared<wire::TaskSpec>();
    spec->type = type;
    spec->task_id = "check";
    spec->properties_json = ToJson(properties);
    spec->log_level = log_level_;
    spec->run_if = run_if_;
    spec->children = children_;
    StartOrder order{.key = {ExecutionId("EXEC"), {3, 2, 1}}, .spec = spec, .context_json = context,
                     .task_run = TaskRunId("TASKRUN"), .ns = "a.b", .flow_id = "flow",
                     .trace_parent = trace_parent_};
    return std::make_unique<Job>(std::move(order), worker::Prepare(spec, registry_), *services_,
                                 [this, logs](wire::LogEntry entry) {
                                   if (on_log_) on_log_(entry);
                                   if (logs != nullptr) logs->push_back(std::move(entry));
                                 });
  }
  Ran Finish(Job& job, std::vector<wire::LogEntry> logs) {
    wire::TaskResult result = job.TakeResult();
    return {result.outcome, Json(result.outputs_json), result.message, std::move(logs), std::move(result.nested)};
  }
  Ran Run(const std::string& type, const Value& properties, const std::string& context = "{}") {
    std::vector<wire::LogEntry> logs;
    auto job = MakeJob(type, properties, context, &logs);
    EXPECT_FALSE(job->Step());
    return Finish(*job, std::move(logs));
  }
  // A script of the Process runner; `more` are further properties.
  Ran Script(const std::string& script, const std::string& more = "{}", const std::string& language = "shell",
             const std::string& context = "{}") {
    Object properties = Json(more).as_object();
    properties["script"] = json::string(script);
    if (!properties.contains("taskRunner")) properties["taskRunner"] = Json(R"({"type":"io.kestra.plugin.core.runner.Process"})");
    return Run("io.kestra.plugin.scripts." + language + ".Script", properties, context);
  }
  std::string Stored(const Ran& ran, std::string_view name) {
    const Value* files = Member(ran.outputs, "outputFiles");
    const Value* uri = files == nullptr ? nullptr : Member(*files, name);
    if (uri == nullptr) return "(none)";
    return ReadUri(ToText(*uri));
  }
  std::string ReadUri(const std::string& uri) {
    const auto place = PlaceOf(uri);
    if (!place) return place.error().message;
    const auto file = storage_->Open(*place);
    if (!file) return file.error().message;
    auto text = ReadText(file->get(), 10'000'000, uri);
    return text ? *text : text.error().message;
  }
  // A file of this execution, as an earlier task left it.
  std::string PutFile(const std::string& name, const std::string& content) {
    if (services_ == nullptr) MakeJob("io.kestra.plugin.core.log.Log", Object());
    const std::string place = "a/b/flow/executions/EXEC/tasks/earlier/RUN/1-1/" + name;
    EXPECT_TRUE(storage_->Write(place, content));
    return ToUri(place);
  }

  static inline std::unique_ptr<Supervisor> supervisor_;
  fs::path root_;
  WorkerOptions options_;
  SystemClock clock_;
  Registry registry_;
  NoticeBook notices_;
  EngineDoor* engine_ = nullptr;
  std::string log_level_;
  std::string run_if_;
  std::string trace_parent_;
  std::vector<wire::TaskSpec> children_;
  std::function<void(const wire::LogEntry&)> on_log_;
  std::unique_ptr<Storage> storage_;
  std::unique_ptr<WorkingDirectories> directories_;
  std::unique_ptr<SecretStore> secrets_;
  std::unique_ptr<Services> services_;
};

}  // namespace headrace::worker
