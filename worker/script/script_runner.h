// Runs one script task as a process on this worker.
// Shapes: argv = interpreter + [set -e, beforeCommands, commands joined by newlines].
// Errors: outcomes: FAILED "Command failed with exit code N" keeps vars, exitCode and outputFiles.
// Threads: the slot's. Source: FLOWS section 3.
#pragma once

#include "worker/docker/docker_run.h"
#include "worker/process/supervisor.h"
#include "worker/script/languages.h"
#include "worker/script/script_output.h"
#include "worker/script/script_files.h"
#include "worker/task_runner.h"

namespace headrace::worker {

class ScriptRunner final : public TaskRunner {
 public:
  // `commands`: the Commands form; else Script.
  ScriptRunner(const Language& language, bool commands) : language_(language), commands_(commands) {}
  TaskOutcome Run(TaskContext& context) override;

 private:
  Status ChooseTaskRunner(TaskContext& context);
  Result<DockerOrder> PlanDocker(TaskContext& context, const Value& runner) const;
  Status Prepare(TaskContext& context);
  Status PrepareOutputs(TaskContext& context);
  Status PrepareArguments(TaskContext& context);
  Result<std::vector<std::string>> MainCommands(TaskContext& context);
  Result<std::string> ScriptFileCommand(const std::string& script);
  Status FitArguments(std::string text);
  Status PrepareEnvironment(TaskContext& context);
  Result<ProcessExit> Execute(TaskContext& context, ScriptOutput& output);
  TaskOutcome Conclude(TaskContext& context, ScriptOutput& output, const ProcessExit& exit);

  const Language& language_;
  const bool commands_;
  WorkingDirectory* directory_ = nullptr;
  std::string output_folder_;                 // below the working directory; empty: none
  std::vector<std::string> output_patterns_;
  ProcessOrder order_;
  std::optional<DockerOrder> docker_{};  // instead of a process
};

}  // namespace headrace::worker
