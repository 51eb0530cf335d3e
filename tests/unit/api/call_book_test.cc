// Laws of the call book and the pool: one answer a call, bounded streams, nobody left behind at the end.
#include "api/call_book.h"

#include <gtest/gtest.h>

#include <future>
#include <optional>

#include "api/task_pool.h"

namespace headrace::api {
namespace {

constexpr std::chrono::hours kNever(1);

struct CountedStream final : OpenStream {
  void Stop(const Error& why) override { stopped = why; }
  std::optional<Error> stopped;
};

TEST(CallBook, TheFirstAnswerCounts) {
  CallBook book(kNever, 1);
  int failed = 0;
  const auto call = book.Begin([&](const Error&) { ++failed; });
  EXPECT_TRUE(call->Claim());
  call->Fail(Error{Code::kInternal, "late"});
  EXPECT_EQ(failed, 0);
  EXPECT_FALSE(call->Claim());
}

TEST(CallBook, WorkThatIsDroppedStillAnswers) {
  CallBook book(kNever, 1);
  Code code = Code::kOk;
  book.Begin([&](const Error& error) { code = error.code; }).reset();
  EXPECT_EQ(code, Code::kUnavailable);
}

TEST(CallBook, TheCapAnswersWhatNobodyElseDoes) {
  CallBook book(std::chrono::milliseconds(1), 1);
  std::promise<Code> answered;
  const auto call = book.Begin([&](const Error& error) { answered.set_value(error.code); });
  EXPECT_EQ(answered.get_future().get(), Code::kDeadlineExceeded);
}

TEST(CallBook, StreamsAreBoundedAndStopAtTheEnd) {
  CallBook book(kNever, 1);
  const auto first = std::make_shared<CountedStream>();
  const auto second = std::make_shared<CountedStream>();
  EXPECT_TRUE(book.Enter(first.get(), first));
  EXPECT_EQ(book.Enter(second.get(), second).error().code, Code::kResourceExhausted);
  book.Leave(first.get());
  EXPECT_TRUE(book.Enter(second.get(), second));
  book.Close();
  EXPECT_FALSE(first->stopped);
  EXPECT_EQ(second->stopped.value().code, Code::kUnavailable);
  EXPECT_EQ(book.Enter(first.get(), first).error().code, Code::kUnavailable);
  Code code = Code::kOk;
  const auto late = book.Begin([&](const Error& error) { code = error.code; });
  EXPECT_EQ(code, Code::kUnavailable);
}

TEST(TaskPool, RefusesWhenTooManyWaitAndRunsTheRestAtTheEnd) {
  TaskPool pool(1, 2);
  std::promise<void> started;
  std::promise<void> go;
  int ran = 0;
  pool.PostAlways([&] { started.set_value(); go.get_future().wait(); });
  started.get_future().wait();
  EXPECT_TRUE(pool.Post([&] { ++ran; }));
  EXPECT_TRUE(pool.Post([&] { ++ran; }));
  EXPECT_FALSE(pool.Post([&] { ++ran; }));
  pool.PostAlways([&] { ++ran; });
  go.set_value();
  pool.Stop();
  EXPECT_EQ(ran, 3);
  EXPECT_FALSE(pool.Post([&] { ++ran; }));
}

}  // namespace
}  // namespace headrace::api
