#include "scheduler/input_subflows.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <optional>

#include "common/expr/template.h"

namespace headrace::scheduler {
namespace {

constexpr std::size_t kWaitingMax = 16;
constexpr int kDepthMax = 3;
constexpr Duration kTimeout = std::chrono::minutes(1);
constexpr Duration kTimeoutMax = std::chrono::minutes(5);

// By place or by name; null when it is absent.
Value Argument(const Array& positional, const Object& named, std::string_view name) {
  if (const Value* given = named.if_contains(name); given != nullptr) return *given;
  const auto& names = expr::FindEnvironmentFunction("subflow")->parameters;
  const auto at = static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
  return at < positional.size() ? positional[at] : Value();
}

Result<std::vector<model::Label>> LabelsOf(const Value& value) {
  std::vector<model::Label> labels;
  if (const Object* map = value.if_object()) {
    for (const auto& [key, text] : *map) labels.emplace_back(key, ToText(text));
  } else if (const Array* list = value.if_array()) {
    for (const Value& label : *list) {
      const Value* key = Member(label, "key");
      const Value* text = Member(label, "value");
      if (key == nullptr || text == nullptr) return InvalidArgument("subflow(): labels: each needs key and value");
      labels.emplace_back(ToText(*key), ToText(*text));
    }
  } else if (!value.is_null()) {
    return InvalidArgument("subflow(): labels must be a map, or a list of {key, value}");
  }
  return labels;
}

}  // namespace

Result<Value> InputEnvironment::Call(std::string_view function, const Array& positional, const Object& named,
                                     const Value& context) {
  if (function != "subflow") return BasicEnvironment::Call(function, positional, named, context);
  if (subflow_) return subflow_(positional, named);
  return Fail(Code::kFailedPrecondition,
              "subflow() is only for inputs of executions that somebody starts: the inputs of a Subflow task's child are resolved "
              "where nothing may wait; give the input a value there");
}

struct InputSubflows::Question {
  SubmitRequest request;
  Duration timeout = kTimeout;

  static Result<Question> Of(const Array& positional, const Object& named) {
    Question question;
    question.request.ns = ToText(Argument(positional, named, "namespace"));
    question.request.flow_id = ToText(Argument(positional, named, "id"));
    const Value inputs = Argument(positional, named, "inputs");
    if (inputs.is_object()) question.request.inputs = inputs.get_object();
    else if (!inputs.is_null()) return InvalidArgument("subflow(): inputs must be a map");
    const Value revision = Argument(positional, named, "revision");
    if (revision.is_int64()) question.request.revision = static_cast<int>(std::clamp<std::int64_t>(revision.get_int64(), 0, 1 << 30));
    else if (!revision.is_null()) return InvalidArgument("subflow(): revision must be a number");
    ASSIGN_OR_RETURN(question.request.labels, LabelsOf(Argument(positional, named, "labels")));
    if (const Value timeout = Argument(positional, named, "timeout"); !timeout.is_null()) {
      ASSIGN_OR_RETURN(question.timeout, ParseDuration(ToText(timeout)));
    }
    if (question.timeout <= Duration::zero() || question.timeout > kTimeoutMax) {
      return InvalidArgument("subflow(): timeout must be more than PT0S and at most PT5M");
    }
    return question;
  }
  std::string name() const { return request.ns + "." + request.flow_id; }
};

bool InputSubflows::MayAsk(const model::Flow& flow) {
  return std::any_of(flow.inputs.begin(), flow.inputs.end(), [](const model::InputSpec& input) {
    const expr::References references =
        expr::ReferencesDeep(Object{{"defaults", input.defaults}, {"condition", input.condition}, {"extra", input.extra}});
    return std::any_of(references.functions.begin(), references.functions.end(),
                       [](const std::string& name) { return name == "subflow"; });
  });
}

void InputSubflows::Begin(SubmitRequest request, Engine::SubmitDone done) {
  std::unique_lock lock(mutex_);
  Reap();
  if (waiting_.size() >= kWaitingMax) {
    lock.unlock();
    return done(Fail(Code::kResourceExhausted, std::to_string(kWaitingMax) +
                                                   " submissions wait for a subflow() in their inputs already: try again in a moment"));
  }
  Waiting& waiting = waiting_.emplace_back();
  waiting.thread = std::thread([this, &waiting, request = std::move(request), done = std::move(done)]() mutable {
    const SubflowCall call = CallFor(request.request_id, 1);
    submit_(std::move(request), call, std::move(done));
    std::lock_guard ended(mutex_);
    waiting.over = true;
  });
}

void InputSubflows::Reap() {
  std::erase_if(waiting_, [](Waiting& waiting) {
    if (!waiting.over) return false;
    waiting.thread.join();
    return true;
  });
}

void InputSubflows::Stop() {
  {
    std::lock_guard lock(bell_->mutex);
    bell_->stopped = true;
  }
  bell_->rung.notify_all();
  std::list<Waiting> ending;
  {
    std::lock_guard lock(mutex_);
    ending.splice(ending.end(), waiting_);
  }
  for (Waiting& waiting : ending) waiting.thread.join();
}

SubflowCall InputSubflows::CallFor(const std::string& request_id, int depth) {
  return [this, request_id, depth, number = std::make_shared<int>(0)](const Array& positional, const Object& named) -> Result<Value> {
    ASSIGN_OR_RETURN(const Question question, Question::Of(positional, named));
    if (depth > kDepthMax) {
      return Fail(Code::kFailedPrecondition, "subflow(): " + question.name() + " would be more than " + std::to_string(kDepthMax) +
                                                 " deep: do inputs ask for their own flow?");
    }
    // Whoever submits again with the same request id is answered by the same execution.
    const int place = ++*number;
    std::string id = request_id.empty() ? "" : request_id + "/subflow/" + std::to_string(place);
    return Ask(question, std::move(id), depth);
  };
}

Result<Value> InputSubflows::Ask(const Question& question, std::string request_id, int depth) {
  auto started = Start(question, std::move(request_id), depth);
  if (!started) return Fail(std::move(started.error()).Wrap("subflow " + question.name()));
  return AwaitEnd(question, *started);
}

Result<ExecutionId> InputSubflows::Start(const Question& question, std::string request_id, int depth) {
  SubmitRequest request = question.request;
  request.request_id = std::move(request_id);
  const SubflowCall deeper = CallFor(request.request_id, depth + 1);
  const auto promise = std::make_shared<std::promise<Result<SubmitReply>>>();
  std::future<Result<SubmitReply>> answer = promise->get_future();
  submit_(std::move(request), deeper, [promise](Result<SubmitReply> reply) { promise->set_value(std::move(reply)); });
  if (answer.wait_for(question.timeout) != std::future_status::ready) {
    return Fail(Code::kDeadlineExceeded, "the scheduler did not start it within " + FormatDuration(question.timeout));
  }
  ASSIGN_OR_RETURN(const SubmitReply reply, answer.get());
  return reply.id;
}

Result<Value> InputSubflows::AwaitEnd(const Question& question, const ExecutionId& id) {
  const auto ring = [bell = bell_] {
    {
      std::lock_guard lock(bell->mutex);
      ++bell->rings;
    }
    bell->rung.notify_all();
  };
  ASSIGN_OR_RETURN(const std::shared_ptr<Subscription> updates, watch_(id, ring));
  const auto end = std::chrono::steady_clock::now() + question.timeout;
  while (true) {
    std::uint64_t heard = 0;
    {
      std::lock_guard lock(bell_->mutex);
      heard = bell_->rings;
    }
    ASSIGN_OR_RETURN(const std::optional<WatchUpdate> update, updates->Next());
    if (update && model::IsTerminal(update->execution.state.current())) {
      Object labels;
      for (const auto& [key, value] : update->execution.labels) labels[key] = value;
      return Value(Object{{"executionId", id.str()}, {"namespace", question.request.ns}, {"flowId", question.request.flow_id},
                          {"state", model::StateName(update->execution.state.current())}, {"outputs", update->execution.outputs},
                          {"labels", std::move(labels)}});
    }
    if (update) continue;
    std::unique_lock lock(bell_->mutex);
    const bool rung = bell_->rung.wait_until(lock, end, [&] { return bell_->stopped || bell_->rings != heard; });
    if (bell_->stopped) return Fail(Code::kUnavailable, "subflow " + question.name() + ": the scheduler stops");
    if (!rung) {
      return Fail(Code::kDeadlineExceeded, "subflow " + question.name() + " did not end within " + FormatDuration(question.timeout) +
                                               "; execution " + id.str() + " goes on");
    }
  }
}

}  // namespace headrace::scheduler
