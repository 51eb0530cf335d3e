// The feed over a real channel and a server that does as it is told.
#include <gtest/gtest.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <poll.h>

#include <mutex>

#include "cli/watch/feed.h"
#include "headrace/api/v1/execution_service.grpc.pb.h"

namespace headrace::cli {
namespace {

// Answers the nth call of WatchExecution with the nth step.
class ScriptedServer final : public v1::ExecutionService::Service {
 public:
  struct Step {
    std::vector<std::uint64_t> cursors{};  // one update each
    grpc::Status end{};
  };

  explicit ScriptedServer(std::vector<Step> steps) : steps_(std::move(steps)) {
    grpc::ServerBuilder builder;
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~ScriptedServer() override { server_->Shutdown(); }

  std::shared_ptr<grpc::Channel> Channel() { return server_->InProcessChannel({}); }
  std::vector<std::uint64_t> asked() {
    std::lock_guard lock(mutex_);
    return asked_;
  }

  grpc::Status WatchExecution(grpc::ServerContext*, const v1::WatchExecutionRequest* request,
                              grpc::ServerWriter<v1::WatchExecutionResponse>* writer) override {
    Step step;
    {
      std::lock_guard lock(mutex_);
      asked_.push_back(request->cursor());
      step = steps_.at(std::min(asked_.size(), steps_.size()) - 1);
    }
    for (const std::uint64_t cursor : step.cursors) {
      v1::WatchExecutionResponse update;
      update.mutable_execution()->set_cursor(cursor);
      writer->Write(update);
    }
    return step.end;
  }

 private:
  std::mutex mutex_;
  std::vector<Step> steps_;
  std::vector<std::uint64_t> asked_;
  std::unique_ptr<grpc::Server> server_;
};

struct Heard {
  std::vector<std::uint64_t> cursors{};
  int broken = 0;
  std::optional<StreamEnded> end{};
};

Heard HearOut(Feed& feed) {
  Heard heard;
  while (!heard.end) {
    for (const FeedItem& item : feed.Take()) {
      if (const auto* update = std::get_if<v1::WatchExecutionResponse>(&item.what)) {
        heard.cursors.push_back(update->execution().cursor());
      } else if (const auto* end = std::get_if<StreamEnded>(&item.what)) {
        heard.end = *end;
      } else if (std::holds_alternative<StreamBroken>(item.what)) {
        ++heard.broken;
      }
    }
    pollfd waits{feed.fd(), POLLIN, 0};
    const Duration retry = feed.NextRetry();
    const int ms = retry == Duration::max() ? 10'000 : static_cast<int>(retry.count() / 1000) + 1;
    if (!heard.end) poll(&waits, 1, ms);
  }
  return heard;
}

const grpc::Status kAway(grpc::StatusCode::UNAVAILABLE, "restarting");
const grpc::Status kNobody(grpc::StatusCode::NOT_FOUND, "there is no execution id");

TEST(GrpcFeedTest, GoesOnBehindTheLastUpdateWhenTheServerComesBack) {
  ScriptedServer server({{{1, 2}, kAway}, {{}, kAway}, {{3}, {}}});
  const auto feed = MakeGrpcFeed(server.Channel(), std::chrono::seconds(60));
  feed->Watch("id", false);
  const Heard heard = HearOut(*feed);
  EXPECT_EQ(heard.cursors, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(server.asked(), (std::vector<std::uint64_t>{0, 2, 2}));
  EXPECT_EQ(heard.broken, 1);
  EXPECT_TRUE(heard.end->why);
}

TEST(GrpcFeedTest, AsksAgainForAChildThatIsNotThereYet) {
  ScriptedServer server({{{}, kNobody}, {{}, kNobody}, {{7}, {}}});
  const auto feed = MakeGrpcFeed(server.Channel(), Duration::zero());
  feed->Watch("id", true);
  const Heard heard = HearOut(*feed);
  EXPECT_EQ(heard.cursors, std::vector<std::uint64_t>{7});
  EXPECT_EQ(heard.broken, 0);
  EXPECT_TRUE(heard.end->why);
}

TEST(GrpcFeedTest, EndsAtOnceForAnExecutionThatIsUnknown) {
  ScriptedServer server({{{}, kNobody}});
  const auto feed = MakeGrpcFeed(server.Channel(), std::chrono::seconds(60));
  feed->Watch("id", false);
  const Heard heard = HearOut(*feed);
  ASSERT_FALSE(heard.end->why);
  EXPECT_EQ(heard.end->why.error().code, Code::kNotFound);
  EXPECT_EQ(server.asked().size(), 1U);
}

TEST(GrpcFeedTest, GivesUpWhenPatienceIsSpent) {
  ScriptedServer server({{{1}, kAway}});
  const auto feed = MakeGrpcFeed(server.Channel(), Duration::zero());
  feed->Watch("id", false);
  const Heard heard = HearOut(*feed);
  ASSERT_FALSE(heard.end->why);
  EXPECT_EQ(heard.end->why.error().code, Code::kUnavailable);
}

TEST(GrpcFeedTest, CanBeLeftInTheMiddleOfStreams) {
  ScriptedServer server({{std::vector<std::uint64_t>(1000, 5), {}}});
  for (int i = 0; i < 20; ++i) {
    const auto feed = MakeGrpcFeed(server.Channel(), Duration::zero());
    feed->Watch("id", false);
    pollfd waits{feed->fd(), POLLIN, 0};
    poll(&waits, 1, 10'000);
    EXPECT_FALSE(feed->Take().empty());
  }
}

}  // namespace
}  // namespace headrace::cli
