// The seam to what runs a task: a runner gets a context and gives back an outcome.
// Shapes: properties are rendered when asked for, with what the task may know; outputs and messages are masked later.
// Errors: a property that does not render or has a wrong shape is an Error, which fails the task with its text.
// Threads: a runner object belongs to one run; Run is called on a slot's thread or, for inline types, on the loop's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/model/state.h"
#include "worker/cancel_token.h"
#include "worker/environment.h"
#include "worker/files/scratch.h"
#include "worker/files/task_files.h"
#include "worker/masker.h"
#include "worker/options.h"
#include "worker/session_port.h"
#include "worker/world.h"

namespace headrace::worker {

class NoticeBook;
class Registry;
class Supervisor;
class WorkingDirectories;
class WorkingDirectory;

// What all tasks of a worker share. Everything in it may be used from any thread.
struct Services : World {
  WorkingDirectories& directories;
  Supervisor& supervisor;
  NoticeBook& notices;
  const Registry& registry;
};

// Not done: the task is to be looked at again, in another delivery, by whichever worker; see wire::LookLater.
struct LookAgain {
  Duration after{};
  Duration interval{};               // zero: as `after`
  Duration at_latest{};              // zero: no limit
  Value memo{};                      // what context.memo() is then; no secrets
  std::string topic{};
  std::vector<std::string> keys{};
};

struct TaskOutcome {
  model::State state = model::State::kSuccess;
  Object outputs{};
  std::string message{};
  // Not done: Run is to be called again after this time. Holds no thread meanwhile.
  std::optional<Duration> again_after{};
  // Not done, and it leaves this worker: nothing of it is held meanwhile.
  std::optional<LookAgain> look_again{};
  // Tasks that ran inside this one.
  std::vector<wire::NestedResult> nested{};

  static TaskOutcome Success(Object outputs = {}) { return {.outputs = std::move(outputs)}; }
  static TaskOutcome Failed(std::string message, Object outputs = {}) {
    return {.state = model::State::kFailed, .outputs = std::move(outputs), .message = std::move(message)};
  }
};

using LogSink = std::function<void(wire::LogEntry)>;

class TaskContext {
 public:
  // `order` and `properties` outlive the context, and so does `outer`: the task whose job this one is part of; they share
  // the working directory and what is masked.
  TaskContext(const StartOrder& order, const Object& properties, const Services& services, CancelToken& cancel,
              LogSink log, TaskContext* outer = nullptr);
  ~TaskContext();

  // What the look before left; null at the first.
  const Value& memo() const { return memo_; }
  void SetMemo(Value memo) { memo_ = std::move(memo); }
  // When the attempt began: at its first look.
  Timestamp began() const;

  // Parses the context's JSON. Call it before rendering.
  Status Open();
  void OpenWith(Object variables);
  // Gives the working directory back.
  void Close();

  const StartOrder& order() const { return order_; }
  const Object& properties() const { return properties_; }
  const Services& services() const { return services_; }
  CancelToken& cancel() { return cancel_; }
  Masker& masker() { return masker_; }
  // What expressions see.
  const Value& variables() const { return context_; }

  bool Has(std::string_view property) const;
  // The rendered property; null when it is absent. `typed` keeps the type of a single expression.
  Result<Value> Render(std::string_view property, bool typed = true);
  Result<Value> RenderValue(const Value& value, bool typed = true);
  // With `more` over the variables.
  Result<std::string> RenderOver(std::string_view text, const Object& more);
  // Nothing when the property is absent or null.
  Result<std::optional<std::string>> Text(std::string_view property);
  Result<std::string> RequiredText(std::string_view property);
  Result<bool> Bool(std::string_view property, bool fallback);
  Result<std::optional<std::int64_t>> Integer(std::string_view property);
  Result<std::optional<Duration>> Span(std::string_view property);
  // A single text is a list of one, or a list as JSON.
  Result<std::vector<std::string>> Texts(std::string_view property);
  // A map, or a map as JSON text; empty when absent.
  Result<Object> Map(std::string_view property, bool typed = true);
  // From now on expressions know `name`.
  void AddVariable(std::string_view name, Value value);

  const TaskFiles& files() const { return files_; }
  Result<UniqueFd> OpenFile(std::string_view uri) const { return files_.Open(uri, context_); }
  Result<ScratchFile> Scratch() const;
  // As the task's own, under a name of its own with this extension; returns the URI.
  Result<std::string> Store(ScratchFile& file, std::string_view extension);
  // Made when first asked for; the outer task's when there is one.
  Result<WorkingDirectory*> Directory();

  // Masked, cut to pieces and dropped when below the task's log level.
  void Log(std::string_view level, std::string_view message);
  // Nothing that is logged from now on is kept.
  bool log_full() const { return log_full_; }
  // `message` is masked already.
  void LogMasked(std::string_view level, std::string_view message);
  const LogSink& log_sink() const { return log_; }

 private:
  const StartOrder& order_;
  const Object& properties_;
  const Services& services_;
  CancelToken& cancel_;
  LogSink log_;
  TaskContext* const outer_;
  int level_min_ = 0;
  std::uint64_t log_bytes_ = 0;
  bool log_full_ = false;
  Masker own_masker_;
  Masker& masker_;
  TaskFiles files_;
  WorkerEnvironment environment_;
  Value context_;
  Value memo_;
  int stored_ = 0;
  std::unique_ptr<WorkingDirectory> directory_;
};

class TaskRunner {
 public:
  virtual ~TaskRunner() = default;
  virtual TaskOutcome Run(TaskContext& context) = 0;
};

// "INFO" and so on to 0 (TRACE) … 4 (ERROR); lower case too.
std::optional<int> LevelRank(std::string_view level);

}  // namespace headrace::worker
