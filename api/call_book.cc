#include "api/call_book.h"

#include <string>
#include <utility>
#include <vector>

namespace headrace::api {
namespace {

Error ShuttingDown() { return Error{Code::kUnavailable, "the server is shutting down", {}}; }

}  // namespace

CallBook::CallBook(std::chrono::milliseconds unary_cap, std::size_t streams_max)
    : unary_cap_(unary_cap), streams_max_(streams_max), thread_([this] { Run(); }) {}

CallBook::~CallBook() {
  Close();
  thread_.join();
}

std::shared_ptr<Call> CallBook::Begin(std::function<void(const Error&)> fail) {
  auto call = std::make_shared<Call>(std::move(fail));
  bool first = false;
  bool closed = false;
  {
    std::lock_guard lock(mutex_);
    closed = closed_;
    // Most calls end long before their cap: the book holds little more than what is open.
    while (!calls_.empty() && calls_.front().second.expired()) calls_.pop_front();
    first = calls_.empty();
    if (!closed) calls_.emplace_back(std::chrono::steady_clock::now() + unary_cap_, call);
  }
  if (closed) call->Fail(ShuttingDown());
  if (first) wake_.notify_one();
  return call;
}

Status CallBook::Enter(OpenStream* key, std::weak_ptr<OpenStream> stream) {
  std::lock_guard lock(mutex_);
  if (closed_) return tl::unexpected<Error>(ShuttingDown());
  if (streams_.size() >= streams_max_) {
    return Fail(Code::kResourceExhausted,
                "the server has " + std::to_string(streams_max_) + " open streams, which is its limit; try again later");
  }
  streams_.emplace(key, std::move(stream));
  return {};
}

void CallBook::Leave(OpenStream* key) {
  std::lock_guard lock(mutex_);
  streams_.erase(key);
}

void CallBook::Close() {
  std::vector<std::shared_ptr<Call>> calls;
  std::vector<std::shared_ptr<OpenStream>> streams;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    for (auto& [deadline, weak] : calls_) {
      if (auto call = weak.lock()) calls.push_back(std::move(call));
    }
    for (auto& [key, weak] : streams_) {
      if (auto stream = weak.lock()) streams.push_back(std::move(stream));
    }
    calls_.clear();
  }
  wake_.notify_one();
  for (const auto& call : calls) call->Fail(ShuttingDown());
  for (const auto& stream : streams) stream->Stop(ShuttingDown());
}

void CallBook::Run() {
  std::unique_lock lock(mutex_);
  while (!closed_) {
    if (calls_.empty()) {
      wake_.wait(lock);
      continue;
    }
    const Deadline next = calls_.front().first;
    if (std::chrono::steady_clock::now() < next) {
      wake_.wait_until(lock, next);
      continue;
    }
    std::shared_ptr<Call> call = calls_.front().second.lock();
    calls_.pop_front();
    if (!call) continue;
    lock.unlock();
    call->Fail(Error{Code::kDeadlineExceeded,
                     "no answer within " + std::to_string(unary_cap_.count()) +
                         " ms; what was asked may still take effect",
                     {}});
    call.reset();
    lock.lock();
  }
}

}  // namespace headrace::api
