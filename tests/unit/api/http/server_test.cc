// The server over real sockets: what is served, what is refused, and what is bounded.
#include "api/http/server.h"

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "common/model/value.h"
#include "tests/unit/api/http/rig.h"

namespace headrace::api::http {
namespace {

using std::chrono::milliseconds;
using testing::HttpTest;
using testing::RawClient;
using testing::RawResponse;

constexpr char kHost[] = "Host: localhost\r\n";

TEST_F(HttpTest, OneConnectionServesManyRequests) {
  Start();
  RawClient client(port());
  for (int i = 0; i < 3; ++i) {
    const RawResponse response = client.Ask("POST", "/echo", "", "body " + std::to_string(i));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "POST body " + std::to_string(i));
    EXPECT_EQ(response.header("Connection"), "keep-alive");
  }
  EXPECT_EQ(client.Ask("GET", "/echo", "Connection: close\r\n").header("Connection"), "close");
  EXPECT_TRUE(client.AwaitEnd());
}

TEST_F(HttpTest, PipelinedRequestsAreAnsweredInOrder) {
  Start();
  RawClient client(port());
  std::string bytes;
  for (int i = 0; i < 20; ++i) {
    bytes += std::string("POST /echo HTTP/1.1\r\n") + kHost +
             (i % 2 == 0 ? "Content-Length: 2\r\n\r\n" : "Transfer-Encoding: chunked\r\n\r\n2\r\n");
    bytes += std::to_string(10 + i) + (i % 2 == 0 ? "" : "\r\n0\r\n\r\n");
  }
  client.Send(bytes);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.Read().body, "POST " + std::to_string(10 + i));
}

TEST_F(HttpTest, HeadIsAGetWithoutItsBody) {
  Start();
  RawClient client(port());
  const RawResponse response = client.Ask("HEAD", "/echo");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("Content-Length"), "5");
  EXPECT_EQ(client.Ask("GET", "/echo").body, "GET ");
}

TEST_F(HttpTest, Http10ClosesUnlessAskedOtherwise) {
  Start();
  RawClient client(port());
  client.Send("GET /echo HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.Read().body, "GET ");
  EXPECT_TRUE(client.AwaitEnd());
  RawClient kept(port());
  kept.Send("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(kept.Read().header("Connection"), "keep-alive");
}

TEST_F(HttpTest, AnExpectedContinueIsSaidOnlyWhenTheBodyIsWanted) {
  Start();
  RawClient client(port());
  client.Send(std::string("POST /echo HTTP/1.1\r\n") + kHost + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.Read().status, 100);
  client.Send("hi");
  EXPECT_EQ(client.Read().body, "POST hi");
  client.Send(std::string("POST /echo HTTP/1.1\r\n") + kHost + "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.Read().status, 413);
  EXPECT_EQ(StatusOfBytes(std::string("POST /echo HTTP/1.1\r\n") + kHost + "Content-Length: 2\r\nExpect: tea\r\n\r\n"),
            417);
}

TEST_F(HttpTest, AnswersWearWhatBrowsersAndPeopleNeed) {
  Start();
  const RawResponse response = Ask("GET", "/echo", "X-Request-Id: mine-1\r\n");
  EXPECT_EQ(response.header("X-Request-Id"), "mine-1");
  EXPECT_EQ(response.header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(response.header("X-Frame-Options"), "DENY");
  EXPECT_NE(response.header("Content-Security-Policy").find("frame-ancestors 'none'"), std::string::npos);
  EXPECT_EQ(response.header("Cache-Control"), "no-store");
  EXPECT_FALSE(response.header("Date").empty());
  EXPECT_FALSE(response.headers.contains("server"));
  EXPECT_EQ(Ask("GET", "/echo", "X-Request-Id: a b\r\n").header("X-Request-Id").size(), 16U);
}

TEST_F(HttpTest, ErrorsAreProblems) {
  routes.Add("GET", "/breaks", Role::kPublic, [](const std::shared_ptr<const HttpRequest>&, const Reply&) {
    throw std::runtime_error("at /secret/place");
  });
  Start();
  const RawResponse response = Ask("GET", "/nowhere");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.header("Content-Type"), "application/problem+json");
  const Value body = *ParseJson(response.body);
  EXPECT_EQ(Member(body, "status")->as_int64(), 404);
  EXPECT_EQ(Member(body, "requestId")->as_string(), response.header("X-Request-Id"));
  const RawResponse broken = Ask("GET", "/breaks");
  EXPECT_EQ(broken.status, 500);
  EXPECT_EQ(broken.body.find("secret"), std::string::npos);
}

TEST_F(HttpTest, OtherMethodsAreNamed) {
  Start();
  const RawResponse put = Ask("PUT", "/echo");
  EXPECT_EQ(put.status, 405);
  EXPECT_EQ(put.header("Allow"), "GET, HEAD, POST");
  EXPECT_EQ(Ask("OPTIONS", "/echo").status, 405);
  for (const char* method : {"TRACE", "CONNECT", "PROPFIND", "BREW", "get"})
    EXPECT_EQ(Ask(method, "/echo").status, 501) << method;
}

// ---- what is no request, or two ----

struct Raw {
  const char* name;
  std::string bytes;
  int status;  // 0: closed without an answer
};

std::vector<Raw> Malformed() {
  const std::string get = "GET /echo HTTP/1.1\r\n";
  const std::string post = std::string("POST /echo HTTP/1.1\r\n") + kHost;
  const std::string chunked = post + "Transfer-Encoding: chunked\r\n";
  return {
      {"no Host", get + "\r\n", 400},
      {"two Hosts", get + kHost + kHost + "\r\n", 400},
      {"two Hosts in other letters", get + kHost + "hOST: evil\r\n\r\n", 400},
      {"a Host that is none", get + "Host: a b\r\n\r\n", 400},
      {"a Host with a path", get + "Host: a/b\r\n\r\n", 400},
      {"a Host with a user", get + "Host: a@b\r\n\r\n", 400},
      {"both lengths", chunked + "Content-Length: 4\r\n\r\n0\r\n\r\n", 400},
      {"both lengths the other way", post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"two different lengths", post + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400},
      {"two equal lengths", post + "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd", 400},
      {"a list of lengths", post + "Content-Length: 4, 4\r\n\r\nabcd", 400},
      {"a length with a sign", post + "Content-Length: +4\r\n\r\nabcd", 400},
      {"a negative length", post + "Content-Length: -4\r\n\r\nabcd", 400},
      {"a length in hexadecimal", post + "Content-Length: 0x4\r\n\r\nabcd", 400},
      {"a length past all numbers", post + "Content-Length: 99999999999999999999999\r\n\r\n", 400},
      {"an empty length", post + "Content-Length: \r\n\r\n", 400},
      {"another coding", post + "Transfer-Encoding: gzip\r\n\r\n", 501},
      {"two codings", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"chunked twice", chunked + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"chunked and then not", post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501},
      {"a coding with a tail", post + "Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n", 501},
      {"chunked in HTTP/1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"a chunk size that is none", chunked + "\r\nzz\r\nabc\r\n0\r\n\r\n", 400},
      {"a chunk size past all numbers", chunked + "\r\nffffffffffffffffff\r\nabc\r\n", 400},
      {"a chunk longer than it says", chunked + "\r\n2\r\nabcd\r\n0\r\n\r\n", 400},
      {"chunks ended by a bare line feed", chunked + "\r\n2\nab\n0\n\n", 400},
      {"a space before the colon", post + "Content-Length : 4\r\n\r\nabcd", 400},
      {"a name with a space", get + kHost + "A B: c\r\n\r\n", 400},
      {"a header without a name", get + kHost + ": c\r\n\r\n", 400},
      {"a header without a colon", get + kHost + "abc\r\n\r\n", 400},
      {"a NUL in a header", get + kHost + std::string("A: b\0c\r\n\r\n", 11), 400},
      {"bare line feeds", "GET /echo HTTP/1.1\nHost: localhost\n\n\r\n\r\n", 400},
      {"a bare carriage return", "GET /echo HTTP/1.1\rHost: a\r\n\r\n", 400},
      {"no version", "GET /echo\r\n\r\n", 400},
      {"a version of its own", "GET /echo HTTP/9.9\r\nHost: a\r\n\r\n", 505},
      {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"two spaces", "GET  /echo HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a space in the target", "GET /ec ho HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"bytes of TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15), 400},
      {"an asterisk", std::string("OPTIONS * HTTP/1.1\r\n") + kHost + "\r\n", 400},
      {"a host to connect to", std::string("CONNECT a:80 HTTP/1.1\r\n") + kHost + "\r\n", 400},
      {"another scheme", std::string("GET file:///etc/passwd HTTP/1.1\r\n") + kHost + "\r\n", 400},
      {"climbing", std::string("GET /a/../echo HTTP/1.1\r\n") + kHost + "\r\n", 400},
      {"climbing in hexadecimal", std::string("GET /a/%2e%2E/echo HTTP/1.1\r\n") + kHost + "\r\n", 400},
  };
}

TEST_F(HttpTest, WhatIsNoRequestIsRefusedAndTheConnectionEnds) {
  Start();
  for (const Raw& raw : Malformed()) {
    RawClient client(port());
    // What follows must not be taken for a request of its own.
    client.Send(raw.bytes + "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(client.Read().status, raw.status) << raw.name;
    const bool keeps = raw.bytes.find("/../") != std::string::npos || raw.bytes.find("%2e") != std::string::npos ||
                       raw.bytes.starts_with("OPTIONS") || raw.bytes.starts_with("CONNECT") ||
                       raw.bytes.starts_with("GET file");
    if (!keeps) {
      EXPECT_EQ(client.Read().status, 0) << raw.name;
    }
  }
}

TEST_F(HttpTest, PathsThatLookLikeARoutesAreNone) {
  Start();
  for (const char* target :
       {"/echo/", "//echo", "/Echo", "/echo;a=1", "/echo%2F", "/echo/x", "/x/echo", "/echo.json", "/"}) {
    EXPECT_EQ(Ask("GET", target).status, 404) << target;
  }
  for (const char* target : {"/echo?x=1", "/%65cho", "http://localhost/echo"})
    EXPECT_EQ(Ask("GET", target).status, 200) << target;
}

// ---- limits ----

TEST_F(HttpTest, LargeHeadsTargetsAndBodiesAreRefused) {
  Start();
  EXPECT_EQ(Ask("GET", "/" + std::string(9000, 'a')).status, 414);
  EXPECT_EQ(StatusOfBytes("GET /" + std::string(70'000, 'a')), 414);
  EXPECT_EQ(Ask("GET", "/echo", "A: " + std::string(64'000, 'b') + "\r\n").status, 431);
  std::string many;
  for (int i = 0; i < 201; ++i) many += "A: b\r\n";
  EXPECT_EQ(Ask("GET", "/echo", many).status, 431);
  EXPECT_EQ(Ask("POST", "/echo", "", std::string(1000, 'c')).status, 200);
  EXPECT_EQ(Ask("POST", "/echo", "", std::string(1001, 'c')).status, 413);
  std::string chunks;
  for (int i = 0; i < 100; ++i) chunks += "10\r\n0123456789abcdef\r\n";
  EXPECT_EQ(
      StatusOfBytes(std::string("POST /echo HTTP/1.1\r\n") + kHost + "Transfer-Encoding: chunked\r\n\r\n" + chunks),
      413);
}

TEST_F(HttpTest, BodiesTogetherAreBounded) {
  options.limits.body_bytes_held_max = 900;
  Start();
  const RawResponse refused = Ask("POST", "/echo", "", std::string(950, 'c'));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Retry-After"), "1");
  for (int i = 0; i < 9; ++i) EXPECT_EQ(Ask("POST", "/echo", "", std::string(400, 'c')).status, 200);
}

TEST_F(HttpTest, SlowHeadsAreCutOff) {
  options.limits.header_within = milliseconds(50);
  options.limits.linger = milliseconds(10);
  Start();
  RawClient client(port());
  client.Send("GET /echo HTTP/1.1\r\nHost: loc");
  EXPECT_EQ(client.Read().status, 408);
  EXPECT_TRUE(client.AwaitEnd());
  RawClient dripping(port());
  // A byte now and then does not buy more time.
  while (dripping.Send("G")) std::this_thread::sleep_for(milliseconds(1));
  RawClient silent(port());
  EXPECT_EQ(silent.Read().status, 0);
}

TEST_F(HttpTest, SlowBodiesAreCutOff) {
  options.limits.body_within = milliseconds(50);
  Start();
  for (const char* length : {"Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    EXPECT_EQ(StatusOfBytes(std::string("POST /echo HTTP/1.1\r\n") + kHost + length), 408) << length;
  }
}

TEST_F(HttpTest, IdleConnectionsEnd) {
  options.limits.idle_within = milliseconds(50);
  Start();
  RawClient client(port());
  EXPECT_EQ(client.Ask("GET", "/echo").status, 200);
  EXPECT_EQ(client.Read().status, 0);
}

TEST_F(HttpTest, AConnectionHasSoManyRequests) {
  options.limits.requests_per_connection_max = 2;
  Start();
  RawClient client(port());
  EXPECT_EQ(client.Ask("GET", "/echo").header("Connection"), "keep-alive");
  EXPECT_EQ(client.Ask("GET", "/echo").header("Connection"), "close");
  EXPECT_TRUE(client.AwaitEnd());
}

TEST_F(HttpTest, MoreConnectionsThanAllowedAreToldSo) {
  options.limits.connections_max = 2;
  Start();
  RawClient first(port());
  RawClient second(port());
  EXPECT_EQ(first.Ask("GET", "/echo").status, 200);
  EXPECT_EQ(second.Ask("GET", "/echo").status, 200);
  RawClient third(port());
  const RawResponse refused = third.Read();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Retry-After"), "1");
  EXPECT_NE(metrics.Expose().find("headrace_http_connections_refused_total 1"), std::string::npos);
}

TEST_F(HttpTest, AFullPoolAnswersTryLater) {
  options.threads = 1;
  options.waiting_max = 1;
  Start();
  RawClient slow(port());
  slow.Send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  entered.get_future().wait();
  // One of the three waits for the thread, the others are turned away.
  std::mutex mutex;
  std::condition_variable changed;
  std::multiset<int> statuses;
  std::vector<std::thread> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back([&] {
      const RawResponse response = Ask("GET", "/echo");
      EXPECT_EQ(response.header("Retry-After"), response.status == 503 ? "1" : "");
      std::lock_guard lock(mutex);
      statuses.insert(response.status);
      changed.notify_all();
    });
  }
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return statuses.count(503) == 2; });
  }
  may_go.set_value();
  held({.content_type = "text/plain", .body = "at last"});
  EXPECT_EQ(slow.Read().body, "at last");
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(statuses.count(200), 1U);
}

TEST_F(HttpTest, ARouteHasItsOwnBound) {
  std::promise<Reply> first;
  routes.Add("GET", "/one", Role::kPublic,
             [&first](const std::shared_ptr<const HttpRequest>&, const Reply& reply) { first.set_value(reply); },
             {.in_flight_max = 1});
  Start();
  RawClient slow(port());
  slow.Send("GET /one HTTP/1.1\r\nHost: a\r\n\r\n");
  const Reply reply = first.get_future().get();
  EXPECT_EQ(Ask("GET", "/one").status, 429);
  EXPECT_EQ(Ask("GET", "/echo").status, 200);
  reply({.body = "{}"});
  EXPECT_EQ(slow.Read().status, 200);
}

TEST_F(HttpTest, WhoGoesWhileItWaitsLongGivesItsPlaceBack) {
  std::mutex mutex;
  std::vector<Reply> replies;
  routes.Add("GET", "/long", Role::kPublic,
             [&](const std::shared_ptr<const HttpRequest>&, const Reply& reply) {
               std::lock_guard lock(mutex);
               replies.push_back(reply);
               if (replies.size() > 1) reply({.body = "\"second\""});
             },
             {.in_flight_max = 1, .answer_within = std::chrono::minutes(10), .waits = true});
  Start();
  const auto begun = [&] {
    std::lock_guard lock(mutex);
    return replies.size();
  };
  auto gone = std::make_unique<RawClient>(port());
  gone->Send("GET /long HTTP/1.1\r\nHost: a\r\n\r\n");
  while (begun() == 0) std::this_thread::yield();
  EXPECT_EQ(Ask("GET", "/long").status, 429);
  gone.reset();
  RawResponse next = Ask("GET", "/long");
  for (int i = 0; i < 20'000 && next.status == 429; ++i) next = Ask("GET", "/long");
  EXPECT_EQ(next.status, 200);
  EXPECT_EQ(next.body, "\"second\"");
  std::lock_guard lock(mutex);
  replies.front()({.body = "nobody is there"});
}

TEST_F(HttpTest, AnAnswerThatDoesNotComeIsReplaced) {
  std::promise<Reply> late;
  routes.Add("GET", "/never", Role::kPublic,
             [&late](const std::shared_ptr<const HttpRequest>&, const Reply& reply) { late.set_value(reply); },
             {.answer_within = milliseconds(20)});
  Start();
  RawClient client(port());
  EXPECT_EQ(client.Ask("GET", "/never").status, 503);
  // Too late, and not taken for the answer to what comes next.
  const Reply reply = late.get_future().get();
  reply({.body = "late"});
  EXPECT_EQ(client.Ask("GET", "/echo").body, "GET ");
  server.reset();
  reply({.body = "even later"});
}

TEST_F(HttpTest, ConnectionsThatComeAndGoLeaveNothing) {
  Start();
  const auto descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
  };
  EXPECT_EQ(Ask("GET", "/echo").status, 200);
  const auto before = descriptors();
  for (int i = 0; i < 500; ++i) {
    RawClient client(port());
    if (i % 3 == 0) client.Send("GET /ec");
    if (i % 3 == 1) client.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
    if (i % 2 == 0) client.Reset();
  }
  while (metrics.connections().load() > 0) std::this_thread::yield();
  EXPECT_LE(descriptors(), before);
  EXPECT_EQ(Ask("GET", "/echo").status, 200);
}

TEST_F(HttpTest, StopLetsAnAnswerUnderWayEnd) {
  Start();
  RawClient idle(port());
  EXPECT_EQ(idle.Ask("GET", "/echo").status, 200);
  RawClient slow(port());
  slow.Send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  entered.get_future().wait();
  std::thread stopping([this] { server->Stop(std::chrono::seconds(30)); });
  EXPECT_TRUE(idle.AwaitEnd());
  held({.content_type = "text/plain", .body = "done"});
  may_go.set_value();
  const RawResponse last = slow.Read();
  EXPECT_EQ(last.body, "done");
  stopping.join();
  EXPECT_TRUE(slow.AwaitEnd());
}

TEST_F(HttpTest, StopDoesNotWaitForEver) {
  Start();
  RawClient half(port());
  half.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
  RawClient other(port());
  EXPECT_EQ(other.Ask("GET", "/echo").status, 200);
  server->Stop(milliseconds(0));
  EXPECT_TRUE(half.AwaitEnd());
}

TEST_F(HttpTest, ManyClientsAtOnce) {
  options.io_threads = 2;
  Start();
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      RawClient client(port());
      for (int n = 0; n < 200; ++n)
        good += client.Ask("POST", "/echo", "", std::to_string(n)).body == "POST " + std::to_string(n) ? 1 : 0;
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, 1600);
}

// ---- addresses ----

TEST_F(HttpTest, APortInUseIsTold) {
  Start();
  options.address = server->address();
  const auto second = HttpServer::Start(options, routes, metrics);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Code::kUnavailable);
  EXPECT_NE(second.error().message.find("port " + std::to_string(port()) + " is in use"), std::string::npos)
      << second.error().message;
}

TEST_F(HttpTest, AddressesThatAreNoneAreTold) {
  for (const char* address :
       {"", "localhost", "a:b", "127.0.0.1:70000", "127.0.0.1:-1", "example.org:80", "127.0.0.1:8080x"}) {
    options.address = address;
    const auto started = HttpServer::Start(options, routes, metrics);
    ASSERT_FALSE(started.has_value()) << address;
    EXPECT_EQ(started.error().code, Code::kInvalidArgument) << address;
  }
}

TEST_F(HttpTest, ServesIpv6Too) {
  options.address = "[::1]:0";
  auto started = HttpServer::Start(options, routes, metrics);
  if (!started && started.error().message.find("in use") == std::string::npos)
    GTEST_SKIP() << "no IPv6 here: " << started.error().message;
  EXPECT_TRUE((*started)->address().starts_with("[::1]:")) << (*started)->address();
}

}  // namespace
}  // namespace headrace::api::http
