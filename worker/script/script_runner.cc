#include "worker/script/script_runner.h"

#include <algorithm>
#include <array>

#include "worker/notice_book.h"
#include "worker/script/env_names.h"
#include "worker/secrets.h"

namespace headrace::worker {
namespace {

// The kernel takes 128 KiB in one argument.
constexpr std::size_t kArgumentBytesMax = 120 * 1024;
constexpr std::string_view kOutputFolder = "output-dir";

bool IsShell(const std::string& interpreter) {
  static constexpr std::array<std::string_view, 7> kShells = {"sh", "bash", "dash", "ash", "ksh", "zsh", "busybox"};
  const std::string_view name = std::string_view(interpreter).substr(interpreter.rfind('/') + 1);
  return std::find(kShells.begin(), kShells.end(), name) != kShells.end();
}

std::string ShellQuote(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// As the flow says it, not as an expression made it.
bool IsWrittenOut(const TaskContext& context, std::string_view name) {
  const Value* env = context.properties().if_contains("env");
  return env != nullptr && env->is_object() && env->get_object().contains(name);
}

// JSON that an expression prints into a Python script says true, false and null.
bool NamesJsonWords(std::string_view script) {
  for (const std::string_view word : {"true", "false", "null"}) {
    for (std::size_t at = script.find(word); at != std::string_view::npos; at = script.find(word, at + 1)) {
      const auto letter = [&](std::size_t i) {
        return i < script.size() && (std::isalnum(static_cast<unsigned char>(script[i])) || script[i] == '_');
      };
      if ((at == 0 || !letter(at - 1)) && !letter(at + word.size())) return true;
    }
  }
  return false;
}

}  // namespace

TaskOutcome ScriptRunner::Run(TaskContext& context) {
  if (auto ready = Prepare(context); !ready) return TaskOutcome::Failed(ready.error().message);
  ScriptOutput output(context);
  const auto exit = Execute(context, output);
  output.Finish();
  if (!exit) return TaskOutcome::Failed(exit.error().message);
  return Conclude(context, output, *exit);
}

Status ScriptRunner::ChooseTaskRunner(TaskContext& context) {
  ASSIGN_OR_RETURN(const Value runner, context.Render("taskRunner"));
  ASSIGN_OR_RETURN(const auto legacy, context.Text("runner"));
  const Value* named = Member(runner, "type");
  const std::string type = named != nullptr ? ToText(*named) : legacy.value_or("Docker");
  const auto is = [&](std::string_view kind) { return type.find(kind) != std::string::npos; };
  if (is("Process") || is("PROCESS")) return {};
  if (!is("Docker") && !is("DOCKER"))
    return InvalidArgument("task runner '" + type +
                           "' is not available on this worker; use io.kestra.plugin.core.runner.Process");
  if (!context.services().options.docker_socket.empty()) {
    ASSIGN_OR_RETURN(docker_, PlanDocker(context, runner));
    return {};
  }
  const StartOrder& order = context.order();
  if (context.services().notices.First("docker " + order.ns + "/" + order.flow_id + "/" + order.spec->task_id))
    context.Log("WARN", "There is no Docker on this worker: the script runs as a process. Say so with taskRunner: "
                        "{type: io.kestra.plugin.core.runner.Process}.");
  return {};
}

// An explicit taskRunner wins over the older `docker`.
Result<DockerOrder> ScriptRunner::PlanDocker(TaskContext& context, const Value& runner) const {
  DockerOrder docker{.socket = context.services().options.docker_socket};
  ASSIGN_OR_RETURN(docker.options, context.Map("docker"));
  if (const Object* options = runner.if_object())
    for (const auto& [name, value] : *options) docker.options[name] = value;
  ASSIGN_OR_RETURN(const auto image, context.Text("containerImage"));
  const Value* older = docker.options.if_contains("image");
  docker.image = image ? *image : older != nullptr && older->is_string() ? ToText(*older) : std::string(language_.image);
  const StartOrder& order = context.order();
  docker.labels = {{"kestra.io/namespace", LabelText(order.ns)},
                   {"kestra.io/flow-id", LabelText(order.flow_id)},
                   {"kestra.io/task-id", LabelText(order.spec->task_id)},
                   {"kestra.io/execution-id", LabelText(order.key.execution.str())},
                   {"kestra.io/taskrun-id", LabelText(order.task_run.str())},
                   {"kestra.io/taskrun-attempt", std::to_string(order.key.fence.attempt)}};
  return docker;
}

Status ScriptRunner::Prepare(TaskContext& context) {
  RETURN_IF_ERROR(ChooseTaskRunner(context));
  ASSIGN_OR_RETURN(directory_, context.Directory());
  RETURN_IF_ERROR(PrepareOutputs(context));
  RETURN_IF_ERROR(WriteNamespaceFiles(context, *directory_));
  RETURN_IF_ERROR(WriteInputFiles(context, *directory_));
  RETURN_IF_ERROR(PrepareArguments(context));
  return PrepareEnvironment(context);
}

Status ScriptRunner::PrepareOutputs(TaskContext& context) {
  // With the old `runner` property the folder is there without being asked for.
  ASSIGN_OR_RETURN(const bool folder, context.Bool("outputDirectory", context.Has("runner")));
  if (folder) {
    output_folder_ = kOutputFolder;
    RETURN_IF_ERROR(MakeFolders(directory_->fd(), output_folder_ + "/"));
    context.AddVariable("outputDir", json::string(directory_->path() + "/" + output_folder_));
  }
  ASSIGN_OR_RETURN(output_patterns_, context.Texts("outputFiles"));
  Object paths;
  for (const std::string& name : output_patterns_) {
    if (CheckRelativeName(name)) paths[name] = json::string(directory_->path() + "/" + name);
  }
  context.AddVariable("outputFiles", std::move(paths));
  return {};
}

Result<std::vector<std::string>> ScriptRunner::MainCommands(TaskContext& context) {
  if (commands_) return context.Texts("commands");
  ASSIGN_OR_RETURN(const auto script, context.Text("script"));
  if (!script) return InvalidArgument("script: is missing");
  if (language_.command.empty()) return std::vector<std::string>{*script};
  ASSIGN_OR_RETURN(const std::string local, LocaliseUris(context, *directory_, *script));
  ASSIGN_OR_RETURN(std::string command, ScriptFileCommand(local));
  return std::vector<std::string>{std::move(command)};
}

Result<std::string> ScriptRunner::ScriptFileCommand(const std::string& script) {
  const std::string name = std::string(kOwnPrefix) + "script" + std::string(language_.extension);
  ASSIGN_OR_RETURN(const UniqueFd file, CreateBeneath(directory_->fd(), name));
  const bool words = language_.name == "python" && script.find("from __future__") == std::string::npos && NamesJsonWords(script);
  if (words) RETURN_IF_ERROR(WriteAll(file.get(), "true = True; false = False; null = None\n"));
  RETURN_IF_ERROR(WriteAll(file.get(), script));
  return std::string(language_.command) + " " + ShellQuote(directory_->path() + "/" + name);
}

Status ScriptRunner::PrepareArguments(TaskContext& context) {
  ASSIGN_OR_RETURN(order_.argv, context.Texts("interpreter"));
  if (order_.argv.empty()) {
    if (language_.powershell) order_.argv = {"pwsh", "-NoProfile", "-NonInteractive", "-Command"};
    else order_.argv = {"/bin/sh", "-c"};
  }
  ASSIGN_OR_RETURN(const bool on_failed, context.Bool("exitOnFailed", true));
  ASSIGN_OR_RETURN(const bool fail_fast, context.Bool("failFast", on_failed));
  ASSIGN_OR_RETURN(const auto before, context.Texts("beforeCommands"));
  ASSIGN_OR_RETURN(const auto commands, MainCommands(context));
  if (commands.empty()) return InvalidArgument("commands: there are none");
  std::vector<std::string> lines;
  if (fail_fast && language_.powershell) lines.emplace_back("$ErrorActionPreference = 'Stop'");
  else if (fail_fast && IsShell(order_.argv[0])) lines.emplace_back("set -e");
  lines.insert(lines.end(), before.begin(), before.end());
  lines.insert(lines.end(), commands.begin(), commands.end());
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  ASSIGN_OR_RETURN(text, LocaliseUris(context, *directory_, text));
  if (text.find('\0') != std::string::npos) return InvalidArgument("the commands hold a NUL byte");
  return FitArguments(std::move(text));
}

Status ScriptRunner::FitArguments(std::string text) {
  if (text.size() > kArgumentBytesMax && IsShell(order_.argv[0])) {
    const std::string name = std::string(kOwnPrefix) + "commands.sh";
    ASSIGN_OR_RETURN(const UniqueFd file, CreateBeneath(directory_->fd(), name));
    RETURN_IF_ERROR(WriteAll(file.get(), text));
    text = ". " + ShellQuote(directory_->path() + "/" + name);
  }
  order_.argv.push_back(std::move(text));
  return {};
}

Status ScriptRunner::PrepareEnvironment(TaskContext& context) {
  std::map<std::string, std::string> all;
  // A container inherits nothing.
  if (!docker_) {
    for (const auto& [name, value] : context.services().options.environment)
      if (!IsWorkerOnly(name)) all[name] = value;
  }
  for (const auto& [name, value] : language_.env) all[std::string(name)] = value;
  // So that what the script starts joins the trace; a flow's own wins.
  if (const std::string& parent = context.order().trace_parent; !parent.empty()) {
    all["TRACEPARENT"] = parent;
    all.erase("TRACESTATE");
  }
  ASSIGN_OR_RETURN(const Object env, context.Map("env", false));
  for (const auto& [key, value] : env) {
    const std::string name(key);
    if (!IsVariableName(name))
      return InvalidArgument("env: '" + name + "' is no name of a variable: letters, digits and _, not a digit first");
    if (ChangesWhatRuns(name) && !IsWrittenOut(context, name))
      return InvalidArgument("env: '" + name + "' comes out of an expression and would change which code runs; if that is "
                             "meant, write the name out in the flow");
    all[name] = ToText(value);
    if (all[name].find('\0') != std::string::npos) return InvalidArgument("env: '" + name + "' holds a NUL byte");
  }
  const wire::TaskKey& key = context.order().key;
  all["WORKING_DIR"] = directory_->path();
  if (!output_folder_.empty()) all["OUTPUT_DIR"] = directory_->path() + "/" + output_folder_;
  // The same for every delivery of one attempt, so that a task may make its own effects happen once.
  all["HEADRACE_IDEMPOTENCY_KEY"] =
      key.execution.str() + "/" + context.order().task_run.str() + "/" + std::to_string(key.fence.attempt);
  order_.directory = directory_->path();
  for (const auto& [name, value] : all) order_.env.push_back(name + "=" + value);
  return {};
}

Result<ProcessExit> ScriptRunner::Execute(TaskContext& context, ScriptOutput& output) {
  if (docker_) {
    docker_->argv = order_.argv;
    docker_->env = order_.env;
    docker_->directory = order_.directory;
    return RunInDocker(context, *docker_, [&](OutputStream stream, std::string_view bytes) {
      output.Push(stream == OutputStream::kStderr, bytes);
    });
  }
  auto process = context.services().supervisor.Spawn(order_);
  if (!process) return Fail(std::move(process.error()));
  const Duration most = context.services().options.kill_grace;
  context.cancel().Watch([&](Duration grace) { (*process)->Kill(std::min(grace, most)); });
  auto exit = (*process)->Pump([&](OutputStream stream, std::string_view bytes) {
    output.Push(stream == OutputStream::kStderr, bytes);
  });
  context.cancel().Unwatch();
  if (!exit) return Fail(std::move(exit.error()).Wrap("'" + order_.argv[0] + "'"));
  return exit;
}

TaskOutcome ScriptRunner::Conclude(TaskContext& context, ScriptOutput& output, const ProcessExit& exit) {
  TaskOutcome outcome;
  outcome.outputs["vars"] = std::move(output.vars());
  outcome.outputs["exitCode"] = exit.code;
  auto files = StoreOutputFiles(context, *directory_, output_patterns_, output_folder_);
  outcome.outputs["outputFiles"] = files ? std::move(*files) : Object();
  if (output.too_large()) {
    outcome.outputs["vars"] = Object();
    outcome.state = model::State::kFailed;
    outcome.message =
        "OUTPUT_TOO_LARGE: a line of outputs is longer than 4 MiB, or all of them than 8 MiB; write a file and name it in "
        "outputFiles";
  } else if (exit.code != 0) {
    outcome.state = model::State::kFailed;
    outcome.message = "Command failed with exit code " + std::to_string(exit.code);
    if (exit.signal != 0) outcome.message += " (signal " + std::to_string(exit.signal) + ")";
    if (!files) context.Log("WARN", files.error().message);
  } else if (!files) {
    outcome.state = model::State::kFailed;
    outcome.message = files.error().message;
  }
  return outcome;
}

}  // namespace headrace::worker
