#include "worker/job.h"

#include <exception>

#include "common/base/text.h"

namespace headrace::worker {
namespace {

std::string Unknown(const std::string& type, const Registry& registry) {
  std::string text = "this worker has no task type '" + type + "'";
  if (const auto near = Nearest(type, registry.names())) text += "; did you mean '" + *near + "'?";
  return text;
}

// Kestra leaves null outputs out.
void DropNulls(Object& outputs) {
  for (auto at = outputs.begin(); at != outputs.end();)
    if (at->value().is_null()) at = outputs.erase(at);
    else ++at;
}

}  // namespace

std::shared_ptr<const PreparedTask> Prepare(std::shared_ptr<const wire::TaskSpec> spec, const Registry& registry) {
  auto task = std::make_shared<PreparedTask>();
  auto properties = spec->properties_json.empty() ? Result<Value>(Object()) : ParseJson(spec->properties_json);
  if (!properties || !properties->is_object()) {
    task->problem = "the properties of the task did not arrive as an object";
  } else {
    task->properties = std::move(properties->as_object());
    task->type = registry.Find(spec->type);
    if (task->type == nullptr) task->problem = Unknown(spec->type, registry);
  }
  task->spec = std::move(spec);
  return task;
}

Job::Job(StartOrder order, std::shared_ptr<const PreparedTask> task, const Services& services, LogSink log)
    : order_(std::move(order)), task_(std::move(task)), services_(services),
      context_(order_, task_->properties, services, cancel_, std::move(log)) {
  result_.key = order_.key;
}

std::optional<Duration> Job::Step() {
  if (runner_ == nullptr) result_.started = services_.clock.Now();
  TaskOutcome outcome = RunGuarded();
  if (outcome.again_after && !cancel_.requested()) return outcome.again_after;
  Finish(std::move(outcome));
  return std::nullopt;
}

TaskOutcome Job::RunGuarded() {
  if (task_->type == nullptr) return TaskOutcome::Failed(task_->problem);
  try {
    if (runner_ == nullptr) {
      if (auto opened = context_.Open(); !opened) return TaskOutcome::Failed(opened.error().message);
      runner_ = task_->type->make();
    }
    return runner_->Run(context_);
  } catch (const std::exception& problem) {
    return TaskOutcome::Failed(std::string("the task broke off: ") + problem.what());
  }
}

void Job::EndCancelled() {
  if (result_.started == Timestamp{}) result_.started = services_.clock.Now();
  Finish({.state = model::State::kKilled});
}

void Job::Finish(TaskOutcome outcome) {
  // A task that ended well before the kill reached it has ended well.
  if (cancel_.requested() && outcome.state != model::State::kSuccess) {
    outcome.state = model::State::kKilled;
    outcome.message = cancel_.reason();
  } else if (outcome.again_after) {
    outcome = {.state = model::State::kKilled, .message = cancel_.reason()};
  }
  if (outcome.state == model::State::kFailed && !outcome.message.empty()) context_.Log("ERROR", outcome.message);
  DropNulls(outcome.outputs);
  Masker& masker = context_.masker();
  result_.outcome = outcome.state;
  result_.message = masker.Mask(outcome.message);
  result_.outputs_json = ToJson(masker.empty() ? Value(std::move(outcome.outputs))
                                               : masker.MaskDeep(Value(std::move(outcome.outputs))));
  if (result_.outputs_json.size() > services_.options.outputs_bytes_max) {
    result_.message = "OUTPUT_TOO_LARGE: the outputs are " + std::to_string(result_.outputs_json.size()) +
                      " bytes, at most " + std::to_string(services_.options.outputs_bytes_max) +
                      " are taken; write a file and name it in outputFiles";
    context_.Log("ERROR", result_.message);
    result_.outcome = model::State::kFailed;
    result_.outputs_json = "{}";
  }
  result_.ended = services_.clock.Now();
  runner_ = nullptr;
}

wire::TaskResult Job::TakeResult() { return std::move(result_); }

}  // namespace headrace::worker
