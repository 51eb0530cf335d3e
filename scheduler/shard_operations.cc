// What people ask of an execution and what concerns more than that execution: its slot among those of its flow, the
// inputs of whoever resumes it, another execution that repeats it.
#include <spdlog/spdlog.h>

#include "common/flow/inputs.h"
#include "scheduler/shard.h"

namespace headrace::scheduler {

using model::Admission;
using model::State;

namespace {

tl::unexpected<Error> NoTaskRun(const ExecutionId& id, const TaskRunId& task_run) {
  return NotFound("execution " + id.str() + " has no task run " + task_run.str());
}

const model::TaskRun* FindById(const model::Execution& execution, const TaskRunId& id) {
  for (const model::TaskRun& run : execution.task_runs) {
    if (run.id == id && !run.superseded) return &run;
  }
  return nullptr;
}

// The Pause that would be resumed: the one named, else the first that waits.
const model::TaskRun* FindPaused(const executor::LiveExecution& live, const TaskRunId& named) {
  std::optional<model::TaskRunIndex> index;
  if (!named.empty()) {
    const model::TaskRun* run = FindById(live.execution(), named);
    if (run == nullptr) return nullptr;
    index = run->index;
  }
  index = live.Resumable(index);
  return index ? &live.execution().task_runs[*index] : nullptr;
}

}  // namespace

Status Shard::Admit(PreparedSubmission& submission) {
  model::Submitted& submitted = submission.submitted;
  if (submitted.admission != Admission::kRun) return {};
  ASSIGN_OR_RETURN(Admissions::Decision decision,
                   admissions_.Ask(submission.program->flow(), submitted.id, now_.wall));
  submitted.admission = decision.admission;
  submitted.reason = std::move(decision.reason);
  return {};
}

Status Shard::Create(PreparedSubmission& submission) {
  RETURN_IF_ERROR(Admit(submission));
  const model::Flow& flow = submission.program->flow();
  const std::string ns = flow.ns;
  const std::string flow_id = flow.id;
  const ExecutionId id = submission.submitted.id;
  Status created = partition_->Create(std::move(submission.program), {now_.wall, std::move(submission.submitted)});
  if (!created && created.error().code != Code::kAlreadyExists) admissions_.Ended(ns, flow_id, id);
  return created;
}

void Shard::LetQueuedRun(const std::string& ns, const std::string& flow_id) {
  if (!admissions_.HasQueue(ns, flow_id)) return;
  const auto latest = flows_.Get(ns, flow_id, 0);
  if (!latest && latest.error().code != Code::kNotFound) {
    later_.insert({ns, flow_id});
    return TryLater();
  }
  model::Flow gone;  // a flow that was deleted limits nobody
  gone.ns = ns;
  gone.id = flow_id;
  for (const ExecutionId& id : admissions_.TakeReady(latest ? latest->program->flow() : gone)) {
    if (!Apply(id, model::Unqueued{})) admissions_.Ended(ns, flow_id, id);
  }
}

void Shard::Restart(const ExecutionId& id, std::function<void(Status)> done) {
  const auto live = partition_->Find(id);
  if (!live) return done(Fail(live.error()));
  const model::Flow& flow = (*live)->program().flow();
  auto decision = admissions_.Ask(flow, id, now_.wall);
  if (!decision) return done(Fail(std::move(decision.error())));
  // A limit may make it wait; it does not take away what exists.
  const bool waits = decision->admission == Admission::kQueue;
  if (!waits) admissions_.Force(flow.ns, flow.id, id);
  Post(id, model::RestartRequested{waits ? Admission::kQueue : Admission::kRun},
       std::move(done));
  if (const auto after = partition_->Find(id); after && (*after)->ended()) admissions_.Ended(flow.ns, flow.id, id);
}

void Shard::Unqueue(const ExecutionId& id, Admission admission, std::function<void(Status)> done) {
  const auto live = partition_->Find(id);
  if (!live) return done(Fail(live.error()));
  const State state = (*live)->execution().state.current();
  if (state != State::kQueued && state != State::kCreated) {
    return done(Fail(Code::kFailedPrecondition, "execution " + id.str() + " does not wait to begin, its state is " +
                                                    std::string(model::StateName(state))));
  }
  const model::Flow& flow = (*live)->program().flow();
  if (admission == Admission::kRun) admissions_.Force(flow.ns, flow.id, id);
  Post(id, model::Unqueued{admission}, std::move(done));
}

void Shard::Resume(const ExecutionId& id, ResumeRequest request, std::function<void(Status)> done) {
  const auto live = partition_->Find(id);
  if (!live) return done(Fail(live.error()));
  const model::Execution& execution = (*live)->execution();
  const model::Flow& flow = (*live)->program().flow();
  model::ResumeRequested event{.by = std::move(request.by)};
  const bool held = execution.held && request.task_run.empty();
  const model::TaskRun* paused = held ? nullptr : FindPaused(**live, request.task_run);
  if (!held && paused == nullptr) {
    return done(Fail(Code::kFailedPrecondition, "execution " + id.str() + " is not paused, its state is " +
                                                    std::string(model::StateName(execution.state.current()))));
  }
  if (paused != nullptr) {
    event.task_run = paused->index;
    expr::BasicEnvironment environment(now_.wall, 0);
    auto inputs = flow::ResolveInputs(flow.task(paused->task).on_resume, request.inputs, environment,
                                      {{"outputs", Object()}}, flows_.seams());
    if (!inputs) return done(Fail(std::move(inputs.error())));
    event.inputs = std::move(inputs->inputs);
  }
  Post(id, std::move(event), std::move(done));
}

void Shard::Mark(const ExecutionId& id, const TaskRunId& task_run, State state, std::function<void(Status)> done) {
  const auto live = partition_->Find(id);
  if (!live) return done(Fail(live.error()));
  const model::TaskRun* run = FindById((*live)->execution(), task_run);
  if (run == nullptr) return done(NoTaskRun(id, task_run));
  Post(id, model::TaskRunMarked{run->index, state}, std::move(done));
}

void Shard::Replay(const ExecutionId& id, ReplayRequest request, Engine::SubmitDone done) {
  const auto live = partition_->Find(id);
  if (!live) return done(Fail(live.error()));
  const model::Execution& source = (*live)->execution();
  PreparedSubmission submission;
  submission.program = (*live)->program_ptr();
  if (request.revision != 0 && request.revision != source.flow_revision) {
    auto other = flows_.Get(source.ns, source.flow_id, request.revision);
    if (!other) return done(Fail(std::move(other.error())));
    if (!request.task_run.empty()) {
      return done(InvalidArgument("another revision can only be replayed from the beginning: leave the task run out"));
    }
    submission.program = other->program;
  }
  model::Submitted& submitted = submission.submitted;
  submitted.id = DeriveExecutionId(now_.wall, id.str(), "replay/" + std::to_string(source.version), PlaceOf(id));
  submitted.inputs = source.inputs;
  if (request.inputs) {
    expr::BasicEnvironment environment(now_.wall, 0);
    Object given = source.inputs;
    for (const auto& [key, value] : *request.inputs) given[key] = value;
    auto inputs = flow::ResolveInputs(submission.program->flow(), given, environment, {}, flows_.seams());
    if (!inputs) return done(Fail(std::move(inputs.error())));
    submitted.inputs = std::move(inputs->inputs);
  }
  submitted.labels = source.labels;
  submitted.labels.emplace_back("system.replay", "true");
  submitted.trigger = source.trigger;
  submitted.original_id = source.original_id.value_or(id);
  submitted.replay_of = id;
  if (!request.task_run.empty()) {
    const model::TaskRun* from = FindById(source, request.task_run);
    if (from == nullptr) return done(NoTaskRun(id, request.task_run));
    if (!model::IsTerminal(source.state.current())) {
      return done(Fail(Code::kFailedPrecondition, "execution " + id.str() + " must have ended to be replayed from a task"));
    }
    auto replay = std::make_shared<model::ReplaySource>();
    replay->execution = source;
    replay->from = from->index;
    submitted.replay = std::move(replay);
  }
  submission.done = std::move(done);
  const ExecutionId made = submitted.id;
  Submit(std::move(submission));
  if (partition_->Find(made)) Apply(id, model::Replayed{});
}

bool Shard::StartReplacement(const wire::OutboxItem& item) {
  const auto live = partition_->Find(item.from);
  if (!live) {
    if (live.error().code == Code::kUnavailable) return false;
    spdlog::error("execution {} cannot be retried: {}", item.from.str(), live.error().message);
    return true;
  }
  const model::Execution& source = (*live)->execution();
  const std::optional<model::ParentLink> parent = source.parent;
  if (const Value* trigger = parent ? nullptr : Member(source.trigger, "id"); trigger != nullptr) {
    triggers_.OnReplaced({source.ns, source.flow_id, ToText(*trigger)}, item.from, item.to);
  }
  if (const auto found = partition_->Find(item.to); !found) {
    if (found.error().code == Code::kUnavailable) return false;
    PreparedSubmission next;
    next.program = (*live)->program_ptr();
    next.submitted = {item.to, source.inputs, source.labels, source.trigger, parent};
    next.submitted.original_id = source.original_id.value_or(source.id);
    next.submitted.attempt_number = source.attempt_number + 1;
    if (const Status created = Create(next); !created) {
      if (created.error().code == Code::kUnavailable) return false;
      spdlog::error("the retry {} of execution {}: {}", item.to.str(), item.from.str(), created.error().message);
    }
  }
  if (parent) {
    Bring(item.from, parent->execution, wire::ChildBegun{{parent->task_run, parent->attempt, item.to}, {}});
  }
  return true;
}

// Records of 889f384 do not say who asks: the run that has this child. Nothing when there is none.
Result<std::optional<model::RestartChild>> Shard::FindAsker(const wire::OutboxItem& item) {
  const auto parent = store_.Read(item.from);
  if (!parent && parent.error().code == Code::kUnavailable) return Fail(parent.error());
  if (!parent) return std::nullopt;
  for (const std::string& record : parent->task_runs) {
    const auto run = wire::DecodeTaskRun(record);
    const Value* id = run ? run->outputs.if_contains("executionId") : nullptr;
    if (id == nullptr || run->superseded || ToText(*id) != item.to.str()) continue;
    return model::RestartChild{run->index, run->attempt, item.to};
  }
  return std::nullopt;
}

bool Shard::RestartChild(const wire::OutboxItem& item, model::RestartChild restart) {
  if (restart.attempt == 0) {
    auto asker = FindAsker(item);
    if (!asker || !*asker) return asker.has_value();
    restart = std::move(**asker);
  }
  Restart(item.to, [](const Status&) {});
  const auto child = partition_->Find(item.to);
  // It is gone, or has ended otherwise meanwhile: whoever waits for it must hear of it.
  if (!child) {
    Bring(item.to, item.from, model::ChildRejected{restart.task_run, restart.attempt,
                                                   "the subflow's execution " + item.to.str() + " is not there any more"});
    return true;
  }
  const model::Execution& execution = (*child)->execution();
  if (model::IsTerminal(execution.state.current())) {
    Bring(item.to, item.from,
          model::ChildEnded{restart.task_run, restart.attempt, item.to, execution.state.current(), execution.outputs});
  }
  return true;
}

}  // namespace headrace::scheduler
