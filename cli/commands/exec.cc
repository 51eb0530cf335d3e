#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

#include "cli/commands/exec_verbs.h"
#include "common/model/state.h"

namespace headrace::cli {
namespace {

struct ExecArguments {
  StartArguments start;
  ListArguments list;
  LogArguments logs;
  FollowArguments follow;
  OperateArguments operate;
  PurgeArguments purge;
  std::string id;
  std::string reason;
};

using Shared = std::shared_ptr<ExecArguments>;

constexpr char kIdHelp[] = "the execution's id, or @latest";

// In the state's own spelling, whatever the case.
std::string CheckState(std::string& text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (model::ParseState(text)) return {};
  return "'" + text + "' is no state; states are CREATED, RUNNING, PAUSED, SUCCESS, WARNING, FAILED, KILLED …";
}

void AddStart(CLI::App& exec, Context& context, const Shared& args, const Follow& follow) {
  CLI::App* start = exec.add_subcommand("start", "start a deployed flow");
  StartArguments& to = args->start;
  start->add_option("flow", to.flow, "NAMESPACE/ID")->required();
  start->add_option("-i,--input", to.inputs, "KEY=VALUE, a YAML file, or -")->allow_extra_args(false);
  start->add_option("--label", to.labels, "KEY=VALUE")->allow_extra_args(false);
  start->add_option("--revision", to.revision, "a number; the latest otherwise")->check(CLI::PositiveNumber);
  start->add_option("--idempotency-key", to.request_id, "the same key within 24 h finds the same execution");
  CLI::Option* watch = start->add_flag("--watch", to.watch, "show it live; the exit code is how it ended");
  start->add_flag("--wait", to.wait, "the same without showing it")->excludes(watch);
  start->add_option("--timeout", to.timeout, "stop watching after this long (90s, 15m, PT1H)");
  start->callback([&context, args, follow] {
    context.action = [&context, args, follow] { return StartExecution(context, args->start, follow); };
  });
}

void AddLook(CLI::App& exec, Context& context, const Shared& args) {
  CLI::App* list = exec.add_subcommand("list", "executions, newest first");
  ListArguments& to = args->list;
  list->add_option("-n,--namespace", to.ns, "this namespace and those below it");
  list->add_option("--flow", to.flow, "a flow's id");
  list->add_option("--state", to.states, "FAILED,RUNNING …")
      ->delimiter(',')->transform(CLI::Validator(CheckState, "STATE"))->allow_extra_args(false);
  list->add_option("--label", to.labels, "KEY=VALUE")->allow_extra_args(false);
  list->add_option("--since", to.since, "created at most this long ago (24h, 7d, PT1H)");
  list->add_option("--parent", to.parent, "started by this execution");
  list->add_option("--limit", to.limit, "at most so many")->check(CLI::Range(1, 100'000));
  list->callback(
      [&context, args] { context.action = [&context, args] { return ListExecutions(context, args->list); }; });

  CLI::App* get = exec.add_subcommand("get", "one execution with its task runs");
  get->add_option("id", args->id, kIdHelp)->required();
  get->callback([&context, args] { context.action = [&context, args] { return GetExecution(context, args->id); }; });

  CLI::App* logs = exec.add_subcommand("logs", "what the tasks wrote");
  logs->add_option("id", args->logs.id, kIdHelp)->required();
  logs->add_flag("-f,--follow", args->logs.follow, "go on until the execution ends");
  logs->add_option("--task", args->logs.task, "of this task alone");
  logs->add_option("--attempt", args->logs.attempt, "of this attempt alone");
  logs->add_option("--level", args->logs.level, "at least this level")
      ->transform(CLI::IsMember({"TRACE", "DEBUG", "INFO", "WARN", "ERROR"}, CLI::ignore_case));
  logs->callback([&context, args] { context.action = [&context, args] { return ShowLogs(context, args->logs); }; });
}

void AddSteer(CLI::App& exec, Context& context, const Shared& args, const Follow& follow) {
  CLI::App* watch = exec.add_subcommand("watch", "show an execution live");
  watch->add_option("id", args->follow.id, kIdHelp)->required();
  watch->add_option("--timeout", args->follow.timeout, "stop watching after this long");
  watch->callback([&context, args, follow] {
    context.action = [&context, args, follow] { return WatchExecution(context, args->follow, follow); };
  });

  CLI::App* kill = exec.add_subcommand("kill", "end an execution and what it started");
  kill->add_option("id", args->id, kIdHelp)->required();
  kill->add_option("--reason", args->reason, "for those who look later");
  kill->callback(
      [&context, args] { context.action = [&context, args] { return KillExecution(context, args->id, args->reason); }; });

  CLI::App* restart = exec.add_subcommand("restart", "run a failed execution again from its first failed task");
  restart->add_option("id", args->follow.id, kIdHelp)->required();
  restart->add_flag("--watch", args->follow.watch, "show it live");
  restart->callback([&context, args, follow] {
    context.action = [&context, args, follow] { return RestartExecution(context, args->follow, follow); };
  });
}

using Operation = int (*)(Context&, const OperateArguments&);

CLI::App* AddOperation(CLI::App& exec, Context& context, const Shared& args, const char* name, const char* doc,
                       Operation operation) {
  CLI::App* verb = exec.add_subcommand(name, doc);
  verb->add_option("id", args->operate.id, kIdHelp)->required();
  verb->callback([&context, args, operation] {
    context.action = [&context, args, operation] { return operation(context, args->operate); };
  });
  return verb;
}

void AddState(CLI::App& verb, OperateArguments& to, const char* doc) {
  verb.add_option("--state", to.state, doc)->transform(CLI::Validator(CheckState, "STATE"));
}

void AddOperations(CLI::App& exec, Context& context, const Shared& args) {
  OperateArguments& to = args->operate;
  const auto add = [&](const char* name, const char* doc, Operation operation) {
    return AddOperation(exec, context, args, name, doc, operation);
  };
  add("pause", "let what runs end and begin nothing new", &PauseExecution);
  CLI::App* resume = add("resume", "go on with an execution that is paused, or end a Pause task", &ResumeExecution);
  resume->add_option("--task", to.task, "this Pause; the first that waits otherwise");
  resume->add_option("-i,--input", to.inputs, "KEY=VALUE of its onResume, a YAML file, or -")->allow_extra_args(false);
  resume->add_option("--by", to.by, "who resumes")->envname("USER");
  CLI::App* replay = add("replay", "repeat an execution as a new one", &ReplayExecution);
  replay->add_option("--task", to.task, "from this task (or task run) on; from the beginning otherwise");
  replay->add_option("-i,--input", to.inputs, "KEY=VALUE, a YAML file, or -: in place of what it had")->allow_extra_args(false);
  replay->add_option("--revision", to.revision, "another revision of the flow")->check(CLI::PositiveNumber);
  CLI::App* mark = add("mark", "decide how a task ended; the flow goes on from there", &MarkTaskRun);
  mark->add_option("task", to.task, "the task, or its task run's id")->required();
  AddState(*mark, to, "SUCCESS, WARNING, FAILED …");
  mark->get_option("--state")->required();
  CLI::App* status = add("status", "correct the state of an execution that has ended", &ChangeStatus);
  AddState(*status, to, "SUCCESS, WARNING, FAILED …");
  status->get_option("--state")->required();
  CLI::App* label = add("label", "replace the labels of an execution", &SetLabels);
  label->add_option("label", to.labels, "KEY=VALUE …");
  label->add_flag("--clear", to.clear, "take all labels away");
  CLI::App* unqueue = add("unqueue", "take an execution out of its queue: it runs now", &UnqueueExecution);
  AddState(*unqueue, to, "RUNNING (the default), CANCELLED or FAILED");
}

void AddPurge(CLI::App& exec, Context& context, const Shared& args) {
  CLI::App* purge = exec.add_subcommand("purge", "delete executions that have ended, with their logs and files, for ever");
  PurgeArguments& to = args->purge;
  purge->add_option("--before", to.before, "begun before: 2026-01-31, an instant, or 30d for so long ago")->required();
  purge->add_option("-n,--namespace", to.ns, "of this namespace and those below it");
  purge->add_option("--flow", to.flow, "of this flow's id");
  purge->add_option("--state", to.states, "SUCCESS,KILLED …; all that end otherwise")
      ->delimiter(',')->transform(CLI::Validator(CheckState, "STATE"))->allow_extra_args(false);
  purge->add_flag("--keep-files", to.keep_files, "leave the files that tasks have stored");
  purge->add_flag("--dry-run", to.dry_run, "only count what would go");
  purge->callback(
      [&context, args] { context.action = [&context, args] { return PurgeExecutions(context, args->purge); }; });
}

}  // namespace

void RegisterExec(CLI::App& app, Context& context, Follow follow) {
  CLI::App* exec = app.add_subcommand("exec", "start, watch and steer executions")->require_subcommand(1);
  exec->fallthrough();
  const auto args = std::make_shared<ExecArguments>();
  AddStart(*exec, context, args, follow);
  AddLook(*exec, context, args);
  AddSteer(*exec, context, args, follow);
  AddOperations(*exec, context, args);
  AddPurge(*exec, context, args);
  for (CLI::App* verb : exec->get_subcommands({})) verb->fallthrough();
}

}  // namespace headrace::cli
