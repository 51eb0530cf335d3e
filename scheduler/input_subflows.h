// subflow() in inputs: runs a flow to its end while the inputs of another are resolved, before that one exists.
// Shapes: a submission whose inputs may ask has a thread of its own, as each question waits up to five minutes; a question
//   inside a question stays on that thread.
// Errors: RESOURCE_EXHAUSTED when too many wait; otherwise the input's, whose text names the flow.
// Threads: Begin and Stop from any; `done` on the submission's thread or on the loop's.
// Source: FLOWS 2.5 (subflow).
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "common/expr/environment.h"
#include "scheduler/engine.h"

namespace headrace::scheduler {

// What subflow() does; empty where nobody may wait for it.
using SubflowCall = std::function<Result<Value>(const Array& positional, const Object& named)>;

// What expressions of inputs may ask.
class InputEnvironment final : public expr::BasicEnvironment {
 public:
  InputEnvironment(Timestamp now, std::uint64_t seed, std::string time_zone, const SubflowCall& subflow)
      : BasicEnvironment(now, seed, std::move(time_zone)), subflow_(subflow) {}
  Result<Value> Call(std::string_view function, const Array& positional, const Object& named, const Value& context) override;

 private:
  const SubflowCall& subflow_;
};

class InputSubflows {
 public:
  // Resolves the inputs on the calling thread, asking with `subflow`, and submits.
  using Submit = std::function<void(SubmitRequest request, const SubflowCall& subflow, Engine::SubmitDone done)>;
  using Watch = std::function<Result<std::shared_ptr<Subscription>>(const ExecutionId& id, std::function<void()> on_ready)>;

  InputSubflows(Submit submit, Watch watch) : submit_(std::move(submit)), watch_(std::move(watch)) {}
  ~InputSubflows() { Stop(); }

  // Whether the inputs of a flow call subflow(), as far as their expressions tell: what render() finds is not known.
  static bool MayAsk(const model::Flow& flow);
  void Begin(SubmitRequest request, Engine::SubmitDone done);
  // Every question that waits fails; returns when nobody waits any more.
  void Stop();

 private:
  struct Question;
  // Rung whenever something happened to an execution that is waited for.
  struct Bell {
    std::mutex mutex;
    std::condition_variable rung;
    std::uint64_t rings = 0;
    bool stopped = false;
  };
  struct Waiting {
    std::thread thread;
    bool over = false;
  };

  // Of a submission with this request id, `depth` questions deep.
  SubflowCall CallFor(const std::string& request_id, int depth);
  Result<Value> Ask(const Question& question, std::string request_id, int depth);
  Result<ExecutionId> Start(const Question& question, std::string request_id, int depth);
  Result<Value> AwaitEnd(const Question& question, const ExecutionId& id);
  void Reap();

  const Submit submit_;
  const Watch watch_;
  const std::shared_ptr<Bell> bell_ = std::make_shared<Bell>();
  std::mutex mutex_;
  std::list<Waiting> waiting_;
};

}  // namespace headrace::scheduler
