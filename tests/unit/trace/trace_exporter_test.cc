// The way to a collector: nothing is lost while it is away, nobody waits for it, and what is dropped is counted.
#include "common/trace/trace_exporter.h"

#include <gtest/gtest.h>

#include <map>

namespace headrace::trace {
namespace {

using namespace std::chrono_literals;

// Answers as it is told, then 200.
class FakeSink final : public TraceSink {
 public:
  PostReply Post(const std::string& body) override {
    std::unique_lock lock(mutex_);
    bodies_.push_back(body);
    changed_.notify_all();
    changed_.wait(lock, [this] { return !hangs_ || cancelled_; });
    if (cancelled_) return {.problem = "cancelled"};
    if (always_) return *always_;
    if (replies_.empty()) return {.code = 200};
    const PostReply reply = replies_.front();
    replies_.erase(replies_.begin());
    return reply;
  }
  void Cancel() override {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify_all();
  }
  void WaitForPosts(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return bodies_.size() >= count; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> bodies_;
  std::vector<PostReply> replies_;
  std::optional<PostReply> always_;
  bool hangs_ = false;
  bool cancelled_ = false;
};

class Exporter : public testing::Test {
 protected:
  // Runs until what was offered is told, or the flush gives up.
  void Run(const std::function<void()>& meanwhile = [] {}) {
    const TraceExporter exporter(queue_, sink_, Options());
    meanwhile();
  }
  ExporterOptions Options() {
    return {.read = [this](const ExecutionId& id) { return Read(id); },
            .encode = [](const std::vector<Span>& spans) {
              std::string body;
              for (const Span& span : spans) body += span.name + " ";
              return body;
            },
            .told = [this](TraceFate fate, std::size_t executions, std::size_t spans) {
              executions_[FateName(fate)] += executions;
              spans_[FateName(fate)] += spans;
            },
            .gather = 1ms,
            .back_off = 1ms,
            .back_off_most = 4ms,
            .flush = flush_};
  }
  Result<std::optional<ExecutionTrace>> Read(const ExecutionId& id) {
    if (id.str() == "gone") return NotFound("there is no execution gone");
    if (id.str() == "unsampled") return std::nullopt;
    if (away_-- > 0) return Fail(Code::kUnavailable, "the store is away");
    return ExecutionTrace{.spans = {Span{.name = id.str()}, Span{.name = id.str() + ".a"}}};
  }
  void Offer(std::initializer_list<const char*> ids) {
    for (const char* id : ids) EXPECT_TRUE(queue_.Offer(ExecutionId(id)));
  }
  using Counts = std::map<std::string, std::size_t>;

  TraceQueue queue_{100};
  FakeSink sink_;
  Duration flush_ = 10s;
  int away_ = 0;
  Counts executions_, spans_;
};

TEST_F(Exporter, TellsWhatHasEndedInBatches) {
  Offer({"a", "b", "unsampled", "gone", "c"});
  Run();
  ASSERT_EQ(sink_.bodies_.size(), 1u);
  EXPECT_EQ(sink_.bodies_[0], "a a.a b b.a c c.a ");
  EXPECT_EQ(executions_, (Counts{{"sent", 3}, {"unsampled", 1}, {"unreadable", 1}}));
  EXPECT_EQ(spans_["sent"], 6u);
}

TEST_F(Exporter, PostsTheSameAgainWhileThatMayGoBetter) {
  sink_.replies_ = {{.problem = "nobody"}, {.code = 429, .retry_after = 1ms}, {.code = 502}, {.code = 503}, {.code = 504}};
  Offer({"a"});
  Run([this] { sink_.WaitForPosts(6); });
  EXPECT_EQ(sink_.bodies_, std::vector<std::string>(6, "a a.a "));
  EXPECT_EQ(executions_, (Counts{{"sent", 1}}));
}

TEST_F(Exporter, WhatIsRefusedIsNotPostedAgain) {
  sink_.replies_ = {{.code = 400}, {.code = 200, .body = R"({"partialSuccess":{"rejectedSpans":"1"}})"}};
  Offer({"a"});
  Run([this] {
    sink_.WaitForPosts(1);
    Offer({"b"});
  });
  EXPECT_EQ(sink_.bodies_, (std::vector<std::string>{"a a.a ", "b b.a "}));
  EXPECT_EQ(executions_, (Counts{{"refused", 1}, {"sent", 1}}));
  EXPECT_EQ(spans_, (Counts{{"refused", 3}, {"sent", 1}}));
}

TEST_F(Exporter, AStoreThatIsAwayIsAskedAgain) {
  away_ = 3;
  Offer({"a"});
  Run([this] { sink_.WaitForPosts(1); });
  EXPECT_EQ(executions_, (Counts{{"sent", 1}}));
}

TEST_F(Exporter, AtTheEndWhatCannotBeToldIsCounted) {
  sink_.always_ = PostReply{.code = 503};
  flush_ = 50ms;
  Offer({"a", "b"});
  Run([this] {
    sink_.WaitForPosts(1);
    Offer({"c", "d", "e"});
  });
  EXPECT_EQ(executions_, (Counts{{"dropped", 5}}));
}

TEST_F(Exporter, ACollectorThatHangsHoldsNobodyAtTheEnd) {
  sink_.hangs_ = true;
  flush_ = 20ms;
  Offer({"a"});
  Run([this] { sink_.WaitForPosts(1); });
  EXPECT_EQ(executions_, (Counts{{"dropped", 1}}));
}

TEST(TraceQueue, IsBoundedAndNeverWaits) {
  TraceQueue queue(2);
  EXPECT_TRUE(queue.Offer(ExecutionId("a")));
  EXPECT_TRUE(queue.Offer(ExecutionId("b")));
  EXPECT_FALSE(queue.Offer(ExecutionId("c")));
  EXPECT_EQ(queue.Take(0ms), ExecutionId("a"));
  EXPECT_TRUE(queue.Offer(ExecutionId("d")));
  queue.Close();
  EXPECT_FALSE(queue.Offer(ExecutionId("e")));
  EXPECT_EQ(queue.Take(1h), ExecutionId("b"));
  EXPECT_EQ(queue.Take(1h), ExecutionId("d"));
  EXPECT_EQ(queue.Take(1h), std::nullopt) << "at once";
}

}  // namespace
}  // namespace headrace::trace
