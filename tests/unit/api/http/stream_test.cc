// Streams: pieces as they come, a sign of life meanwhile, and readers that do not read or vanish.
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "tests/unit/api/http/rig.h"

namespace headrace::api::http {
namespace {

using std::chrono::milliseconds;
using testing::HttpTest;
using testing::RawClient;
using testing::RawResponse;

// What a test says to the reader, and whether the reader is still there.
class Source {
 public:
  void Say(std::optional<std::string> piece) {  // nothing: the end
    std::function<void()> wake;
    {
      std::lock_guard lock(mutex_);
      pieces_.push_back(std::move(piece));
      wake = wake_;
    }
    if (wake) wake();
  }
  void AwaitGone() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return readers_ == 0 && begun_ > 0; });
  }

  std::unique_ptr<BodyStream> Open() { return std::make_unique<Stream>(*this); }
  std::size_t asked() const { return asked_.load(); }

  bool endless = false;
  std::string sign = ": alive\n\n";

 private:
  class Stream final : public BodyStream {
   public:
    explicit Stream(Source& source) : source_(source) {
      std::lock_guard lock(source_.mutex_);
      ++source_.readers_;
      ++source_.begun_;
    }
    ~Stream() override {
      std::lock_guard lock(source_.mutex_);
      --source_.readers_;
      source_.changed_.notify_all();
    }
    void Begin(std::function<void()> wake) override {
      std::lock_guard lock(source_.mutex_);
      source_.wake_ = std::move(wake);
    }
    Piece Next(std::string& out) override {
      ++source_.asked_;
      std::lock_guard lock(source_.mutex_);
      if (source_.endless) {
        out = std::string(100'000, 'x');
        return Piece::kWrite;
      }
      if (source_.pieces_.empty()) return Piece::kWait;
      std::optional<std::string> piece = std::move(source_.pieces_.front());
      source_.pieces_.pop_front();
      if (!piece) return Piece::kEnd;
      out = std::move(*piece);
      return Piece::kWrite;
    }
    std::string_view heartbeat() const override { return source_.sign; }

   private:
    Source& source_;
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::optional<std::string>> pieces_;
  std::function<void()> wake_;
  int readers_ = 0;
  int begun_ = 0;
  std::atomic<std::size_t> asked_{0};
};

class StreamTest : public HttpTest {
 protected:
  StreamTest() {
    routes.Add("GET", "/events", Role::kPublic, [this](const std::shared_ptr<const HttpRequest>&, const Reply& reply) {
      reply({.content_type = "text/event-stream", .stream = source.Open()});
    });
  }
  ~StreamTest() override { server.reset(); }  // before the source

  Source source;
};

TEST_F(StreamTest, PiecesComeAsTheyAreSaid) {
  Start();
  RawClient client(port());
  client.Send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  const RawResponse head = client.ReadHead();
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Type"), "text/event-stream");
  EXPECT_EQ(head.header("Transfer-Encoding"), "chunked");
  for (const char* piece : {"data: 1\n\n", "data: 2\n\n"}) {
    source.Say(piece);
    EXPECT_EQ(client.ReadChunk(), piece);
  }
  EXPECT_NE(metrics.Expose().find("headrace_sse_clients 1"), std::string::npos);
  source.Say(std::nullopt);
  EXPECT_EQ(client.ReadChunk(), "");
  source.AwaitGone();
  // The connection is as good as before.
  EXPECT_EQ(client.Ask("GET", "/echo").body, "GET ");
  EXPECT_NE(metrics.Expose().find("headrace_sse_clients 0"), std::string::npos);
}

TEST_F(StreamTest, SilenceIsFilledWithSignsOfLife) {
  options.limits.heartbeat = milliseconds(10);
  Start();
  RawClient client(port());
  client.Send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  client.ReadHead();
  EXPECT_EQ(client.ReadChunk(), ": alive\n\n");
  EXPECT_EQ(client.ReadChunk(), ": alive\n\n");
  source.Say("data: 1\n\n");
  std::string piece = client.ReadChunk();
  while (piece == ": alive\n\n") piece = client.ReadChunk();
  EXPECT_EQ(piece, "data: 1\n\n");
}

TEST_F(StreamTest, AReaderThatDoesNotReadIsClosedAndCostsOnePiece) {
  source.endless = true;
  options.limits.write_within = milliseconds(50);
  Start();
  RawClient client(port(), 4096);
  client.Send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  source.AwaitGone();
  // What was asked for fits into the kernel's buffers and one piece: nothing piles up.
  EXPECT_LT(source.asked(), 200U);
}

TEST_F(StreamTest, AReaderThatVanishesIsNoticedWithoutAWrite) {
  Start();
  for (int i = 0; i < 50; ++i) {
    RawClient client(port());
    client.Send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    client.ReadHead();
    if (i % 2 == 0) client.Reset();
  }
  source.AwaitGone();
  while (metrics.connections().load() > 0) std::this_thread::yield();
  EXPECT_EQ(metrics.streams().load(), 0);
}

TEST_F(StreamTest, MoreStreamsThanAllowedAreRefused) {
  options.limits.streams_max = 1;
  Start();
  RawClient first(port());
  first.Send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(first.ReadHead().status, 200);
  const RawResponse refused = Ask("GET", "/events");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Retry-After"), "1");
}

TEST_F(StreamTest, StopEndsStreamsWithTheirLastChunk) {
  Start();
  RawClient client(port());
  client.Send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  client.ReadHead();
  std::thread stopping([this] { server->Stop(std::chrono::seconds(30)); });
  EXPECT_EQ(client.ReadChunk(), "");
  EXPECT_TRUE(client.AwaitEnd());
  stopping.join();
  source.Say("too late");
}

TEST_F(StreamTest, HeadAndHttp10AreServedInTheirOwnWay) {
  Start();
  RawClient head(port());
  EXPECT_EQ(head.Ask("HEAD", "/events").header("Transfer-Encoding"), "chunked");
  EXPECT_EQ(head.Ask("GET", "/echo").body, "GET ");
  RawClient old(port());
  old.Send("GET /events HTTP/1.0\r\n\r\n");
  source.Say("one");
  source.Say(std::nullopt);
  const RawResponse response = old.Read();
  EXPECT_FALSE(response.headers.contains("transfer-encoding"));
  EXPECT_EQ(response.body, "one");
}

}  // namespace
}  // namespace headrace::api::http
