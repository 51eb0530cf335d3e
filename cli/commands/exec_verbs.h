// What the verbs of `headrace exec` do, apart from how they are spelled (exec.cc).
// Errors: printed to err; the return value is the exit code.
// Threads: main's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/commands/remote.h"

namespace headrace::cli {

struct StartArguments {
  std::string flow;
  int revision = 0;
  std::vector<std::string> inputs;
  std::vector<std::string> labels;
  std::string request_id;
  bool watch = false;
  bool wait = false;
  std::string timeout;
};
int StartExecution(Context& context, const StartArguments& arguments, const Follow& follow);

struct ListArguments {
  std::string ns;
  std::string flow;
  std::vector<std::string> states;
  std::vector<std::string> labels;
  std::string since;
  std::string parent;
  int limit = 50;
};
int ListExecutions(Context& context, const ListArguments& arguments);
// -o json prints Kestra's execution JSON.
int GetExecution(Context& context, const std::string& id);

struct LogArguments {
  std::string id;
  std::string task;
  std::string level;
  std::uint32_t attempt = 0;
  bool follow = false;
};
int ShowLogs(Context& context, const LogArguments& arguments);

int KillExecution(Context& context, const std::string& id, const std::string& reason);

// ---- exec_purge.cc
struct PurgeArguments {
  std::string ns;
  std::string flow;
  std::vector<std::string> states;
  std::string before;
  bool keep_files = false;
  bool dry_run = false;
};
int PurgeExecutions(Context& context, const PurgeArguments& arguments);

struct FollowArguments {
  std::string id;
  bool watch = false;  // of restart
  std::string timeout;
};
int RestartExecution(Context& context, const FollowArguments& arguments, const Follow& follow);

// ---- exec_operate.cc
struct OperateArguments {
  std::string id;
  std::string task;                 // of resume, mark and replay: a task's id, or a task run's
  std::vector<std::string> inputs;  // of resume and replay
  std::vector<std::string> labels;
  std::string by;
  bool clear = false;
  std::string state;
  int revision = 0;
};
int PauseExecution(Context& context, const OperateArguments& arguments);
int ResumeExecution(Context& context, const OperateArguments& arguments);
int ReplayExecution(Context& context, const OperateArguments& arguments);
int MarkTaskRun(Context& context, const OperateArguments& arguments);
int ChangeStatus(Context& context, const OperateArguments& arguments);
int SetLabels(Context& context, const OperateArguments& arguments);
int UnqueueExecution(Context& context, const OperateArguments& arguments);

int WatchExecution(Context& context, const FollowArguments& arguments, const Follow& follow);

}  // namespace headrace::cli
