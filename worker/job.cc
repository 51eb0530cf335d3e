#include "worker/job.h"

#include <algorithm>
#include <exception>

#include "common/base/text.h"
#include "common/expr/template.h"
#include "worker/files/working_directory.h"

namespace headrace::worker {
namespace {

std::string Unknown(const std::string& type, const Registry& registry) {
  std::string text = "this worker has no task type '" + type + "'";
  if (const auto near = Nearest(type, registry.names())) text += "; did you mean '" + *near + "'?";
  return text;
}

// http() waits for somebody, and what render() finds may be an http().
bool MayBlock(const Object& properties) {
  const expr::References references = expr::ReferencesDeep(properties);
  return std::any_of(references.functions.begin(), references.functions.end(),
                     [](const std::string& name) { return name == "http" || name.starts_with("render"); });
}

std::string FinishedJson(Object outputs, const Masker& masker) {
  return ToJson(masker.empty() ? Value(std::move(outputs)) : masker.MaskDeep(Value(std::move(outputs))));
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
    else task->quick = task->type->quick && !MayBlock(task->properties) && spec->run_if.find("http") == std::string::npos;
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

std::optional<TaskOutcome> DecideRunIf(TaskContext& context) {
  const std::string& condition = context.order().spec->run_if;
  if (condition.empty()) return std::nullopt;
  const auto rendered = context.RenderValue(json::string(condition), false);
  if (!rendered) return TaskOutcome::Failed("Failed evaluating runIf: " + rendered.error().message);
  if (IsTruthy(ToText(*rendered))) return std::nullopt;
  return TaskOutcome{.state = model::State::kSkipped};
}

TaskOutcome Job::RunGuarded() {
  if (task_->type == nullptr) return TaskOutcome::Failed(task_->problem);
  try {
    if (runner_ == nullptr) {
      if (auto opened = context_.Open(); !opened) return TaskOutcome::Failed(opened.error().message);
      if (auto decided = DecideRunIf(context_)) return std::move(*decided);
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
  if (outcome.look_again && outcome.state == model::State::kSuccess) {
    LookAgain& again = *outcome.look_again;
    result_.look_later = wire::LookLater{again.after, again.interval, again.at_latest, ToJson(context_.masker().MaskDeep(std::move(again.memo))),
                                         std::move(again.topic), std::move(again.keys)};
    // What a scheduler reads that is older than this worker.
    outcome.state = model::State::kFailed;
    outcome.message = "the scheduler does not know tasks that are looked at again: upgrade it";
  }
  if (outcome.state == model::State::kFailed && !outcome.message.empty() && !result_.look_later) context_.Log("ERROR", outcome.message);
  Masker& masker = context_.masker();
  result_.outcome = outcome.state;
  result_.message = masker.Mask(outcome.message);
  result_.outputs_json = FinishedJson(std::move(outcome.outputs), masker);
  std::uint64_t bytes = result_.outputs_json.size();
  for (wire::NestedResult& nested : outcome.nested) {
    nested.message = masker.Mask(nested.message);
    if (!masker.empty()) {
      auto outputs = ParseJson(nested.outputs_json);
      if (outputs) nested.outputs_json = ToJson(masker.MaskDeep(*outputs));
    }
    bytes += nested.outputs_json.size();
  }
  result_.nested = std::move(outcome.nested);
  if (bytes > services_.options.outputs_bytes_max) {
    result_.message = "OUTPUT_TOO_LARGE: the outputs are " + std::to_string(bytes) +
                      " bytes, at most " + std::to_string(services_.options.outputs_bytes_max) +
                      " are taken; write a file and name it in outputFiles";
    context_.Log("ERROR", result_.message);
    result_.outcome = model::State::kFailed;
    result_.outputs_json = "{}";
    for (wire::NestedResult& nested : result_.nested) nested.outputs_json = "{}";
  }
  result_.ended = services_.clock.Now();
  runner_ = nullptr;
  context_.Close();
}

wire::TaskResult Job::TakeResult() { return std::move(result_); }

}  // namespace headrace::worker
