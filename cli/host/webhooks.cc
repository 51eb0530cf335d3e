#include "cli/host/webhooks.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "api/execution_json.h"
#include "api/http/webhook.h"
#include "api/translate.h"

namespace headrace::cli {
namespace {

using api::http::WebhookAnswer;
using api::http::WebhookCall;
using Done = std::function<void(WebhookAnswer)>;

int StatusOf(const Error& error) {
  switch (error.code) {
    case Code::kNotFound: return 404;
    case Code::kFailedPrecondition: return 409;
    case Code::kInvalidArgument: return 422;
    case Code::kResourceExhausted: return 429;
    case Code::kUnavailable: return 503;
    default: return 500;
  }
}

WebhookAnswer Refusal(const Error& error) {
  return {.status = StatusOf(error), .content_type = "text/plain", .body = Value(error.ToString())};
}

WebhookAnswer AnswerOf(const scheduler::ExecutionView& view, const scheduler::WebhookReply& reply) {
  const model::Execution& execution = view.execution;
  WebhookAnswer answer{.status = reply.code, .execution_id = execution.id.str()};
  if (!reply.content_type.empty()) answer.content_type = reply.content_type;
  if (reply.wait && execution.state.current() == model::State::kFailed) answer.status = 500;
  if (reply.wait && reply.return_outputs && answer.status != 500) {
    answer.body = execution.outputs;
    return answer;
  }
  api::v1::Execution message;
  api::ToProto(execution, view.flow.get(), &message);
  Object body = api::ExecutionObject(message);
  body["url"] = "/ui/main/executions/" + execution.ns + "/" + execution.flow_id + "/" + execution.id.str();
  answer.body = std::move(body);
  return answer;
}

// Shared with the callbacks, which may come when the door is gone.
class Waiters {
 public:
  struct Waiter {
    std::shared_ptr<scheduler::Subscription> news;
    scheduler::WebhookReply reply;
    Done done;
  };

  void Add(std::uint64_t ticket, Waiter waiter) {
    std::lock_guard lock(mutex_);
    waiters_.emplace(ticket, std::move(waiter));
    ready_.push_back(ticket);
    bell_.notify_one();
  }
  void Ring(std::uint64_t ticket) {
    std::lock_guard lock(mutex_);
    ready_.push_back(ticket);
    bell_.notify_one();
  }
  std::uint64_t NextTicket() {
    std::lock_guard lock(mutex_);
    return ++tickets_;
  }
  void Stop() {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    bell_.notify_one();
  }

  // Until Stop.
  void Run(scheduler::Engine& engine) {
    std::unique_lock lock(mutex_);
    while (!stopped_) {
      bell_.wait(lock, [this] { return stopped_ || !ready_.empty(); });
      while (!stopped_ && !ready_.empty()) {
        const std::uint64_t ticket = ready_.front();
        ready_.pop_front();
        const auto found = waiters_.find(ticket);
        if (found == waiters_.end()) continue;
        Waiter waiter = found->second;
        lock.unlock();
        const bool answered = Look(engine, waiter);
        lock.lock();
        if (answered) waiters_.erase(ticket);
      }
    }
    const auto left = std::exchange(waiters_, {});
    lock.unlock();
    for (const auto& [ticket, waiter] : left) waiter.done(Refusal({Code::kUnavailable, "the server stops"}));
  }

 private:
  static bool Look(scheduler::Engine& engine, const Waiter& waiter) {
    while (true) {
      const auto update = waiter.news->Next();
      if (!update) {
        waiter.done(Refusal(update.error()));
        return true;
      }
      if (!*update) return false;
      if (!(*update)->execution.closed) continue;
      const auto view = engine.GetExecution(waiter.reply.id);
      waiter.done(view ? AnswerOf(*view, waiter.reply) : Refusal(view.error()));
      return true;
    }
  }

  std::mutex mutex_;
  std::condition_variable bell_;
  std::map<std::uint64_t, Waiter> waiters_;
  std::deque<std::uint64_t> ready_;
  std::uint64_t tickets_ = 0;
  bool stopped_ = false;
};

class EngineWebhooks final : public api::http::WebhookDoor {
 public:
  explicit EngineWebhooks(scheduler::Engine& engine)
      : engine_(engine), waiters_(std::make_shared<Waiters>()), thread_([this] { waiters_->Run(engine_); }) {}
  ~EngineWebhooks() override {
    waiters_->Stop();
    thread_.join();
  }

  void Fire(WebhookCall call, Done done) override {
    scheduler::WebhookCall fired{call.ns, call.flow_id, call.key, call.method, api::http::ToObject(call.headers), api::http::ToObject(call.parameters)};
    if (Value* body = call.variables.if_contains("body")) fired.body = std::move(*body);
    engine_.triggers().FireWebhook(std::move(fired), [&engine = engine_, waiters = waiters_,
                                                      done = std::move(done)](Result<scheduler::WebhookReply> reply) {
      if (!reply) return done(Refusal(reply.error()));
      const std::uint64_t ticket = waiters->NextTicket();
      auto news = engine.Watch(reply->id, 0, [waiters, ticket] { waiters->Ring(ticket); });
      if (!news) return done(Refusal(news.error()));
      if (reply->wait) return waiters->Add(ticket, {std::move(*news), *reply, done});
      const auto view = engine.GetExecution(reply->id);
      done(view ? AnswerOf(*view, *reply) : Refusal(view.error()));
    });
  }

 private:
  scheduler::Engine& engine_;
  const std::shared_ptr<Waiters> waiters_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<api::http::WebhookDoor> MakeWebhookDoor(scheduler::Engine& engine) {
  return std::make_unique<EngineWebhooks>(engine);
}

}  // namespace headrace::cli
