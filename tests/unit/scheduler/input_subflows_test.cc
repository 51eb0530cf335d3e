// subflow() in inputs, over an engine of a few lines: flows that end at once, never, or ask in turn.
#include "scheduler/input_subflows.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <utility>

namespace headrace::scheduler {
namespace {

// Gives its one update when it is told to.
class OneUpdate final : public Subscription {
 public:
  explicit OneUpdate(std::optional<WatchUpdate> update) : update_(std::move(update)) {}
  Result<std::optional<WatchUpdate>> Next() override { return std::exchange(update_, std::nullopt); }

 private:
  std::optional<WatchUpdate> update_;
};

class InputSubflowsTest : public ::testing::Test {
 protected:
  InputSubflowsTest()
      : subflows_([this](SubmitRequest request, const SubflowCall& subflow, Engine::SubmitDone done) {
                    Submit(std::move(request), subflow, std::move(done));
                  },
                  [this](const ExecutionId& id, std::function<void()> on_ready) { return Watch(id, std::move(on_ready)); }) {}

  void Submit(SubmitRequest request, const SubflowCall& subflow, Engine::SubmitDone done) {
    {
      std::lock_guard lock(mutex_);
      submitted_.push_back(request.flow_id + " " + request.request_id);
    }
    if (request.flow_id == "nobody") return done(NotFound("Unable to find flow 'a'.'nobody'"));
    if (request.flow_id == "asker") {
      answer_ = subflow({}, question_);
      if (!answer_) return done(Fail(answer_.error()));
    }
    if (request.flow_id == "itself") {
      const Result<Value> deeper = subflow({"a", "itself"}, {});
      if (!deeper) return done(Fail(deeper.error()));
    }
    done(SubmitReply{ExecutionId(request.flow_id), false, {}});
  }
  Result<std::shared_ptr<Subscription>> Watch(const ExecutionId& id, std::function<void()> on_ready) {
    std::optional<WatchUpdate> update;
    if (id.str() != "forever") {
      update.emplace();
      update->execution.state.Enter(model::State::kCreated, FromMicros(1));
      update->execution.state.Enter(id.str() == "fails" ? model::State::kFailed : model::State::kSuccess, FromMicros(2));
      update->execution.outputs["value"] = 7;
      update->execution.labels = {{"team", "red"}};
    } else {
      waits_.store(true);
      waits_.notify_all();
    }
    on_ready();
    return std::shared_ptr<Subscription>(std::make_shared<OneUpdate>(std::move(update)));
  }
  // What the one who asks is answered in the end.
  Result<SubmitReply> Begin(const std::string& flow_id, Object question, const std::string& request_id = "") {
    question_ = std::move(question);
    std::promise<Result<SubmitReply>> promise;
    subflows_.Begin({.ns = "a", .flow_id = flow_id, .request_id = request_id},
                    [&](Result<SubmitReply> reply) { promise.set_value(std::move(reply)); });
    return promise.get_future().get();
  }
  std::string Refused(Object question) {
    const auto reply = Begin("asker", std::move(question));
    return reply ? "accepted" : reply.error().message;
  }

  std::mutex mutex_;
  std::vector<std::string> submitted_;
  Object question_;
  Result<Value> answer_ = Value();
  std::atomic<bool> waits_{false};
  InputSubflows subflows_;
};

TEST_F(InputSubflowsTest, TheAnswerIsHowTheFlowEnded) {
  ASSERT_TRUE(Begin("asker", {{"namespace", "a"}, {"id", "child"}, {"inputs", Object{{"k", 1}}}, {"revision", 2}, {"labels", Object{{"x", "y"}}}}, "key"));
  ASSERT_TRUE(answer_);
  EXPECT_EQ(ToJson(*answer_), R"({"executionId":"child","namespace":"a","flowId":"child","state":"SUCCESS","outputs":{"value":7},"labels":{"team":"red"}})");
  EXPECT_EQ(submitted_, (std::vector<std::string>{"asker key", "child key/subflow/1"})) << "who submits again starts no second one";
  ASSERT_TRUE(Begin("asker", {{"namespace", "a"}, {"id", "fails"}}));
  EXPECT_EQ(ToText(*Member(*answer_, "state")), "FAILED");
}

TEST_F(InputSubflowsTest, WhatCannotBeAskedFailsTheInputs) {
  EXPECT_EQ(Refused({{"namespace", "a"}, {"id", "nobody"}}), "subflow a.nobody: Unable to find flow 'a'.'nobody'");
  EXPECT_NE(Refused({{"namespace", "a"}, {"id", "child"}, {"timeout", "PT6M"}}).find("at most PT5M"), std::string::npos);
  EXPECT_NE(Refused({{"namespace", "a"}, {"id", "child"}, {"inputs", "text"}}).find("inputs must be a map"), std::string::npos);
  EXPECT_NE(Refused({{"namespace", "a"}, {"id", "child"}, {"labels", "text"}}).find("labels must be a map"), std::string::npos);
  EXPECT_NE(Refused({{"namespace", "a"}, {"id", "forever"}, {"timeout", "PT0.01S"}}).find("did not end within PT0.01S; execution forever goes on"),
            std::string::npos);
}

TEST_F(InputSubflowsTest, QuestionsAreThreeDeepAtMost) {
  const auto reply = Begin("itself", {});
  ASSERT_FALSE(reply);
  EXPECT_NE(reply.error().message.find("more than 3 deep"), std::string::npos) << reply.error().message;
  EXPECT_EQ(submitted_.size(), 4u);
}

TEST_F(InputSubflowsTest, WhoWaitsIsToldWhenTheEngineStops) {
  question_ = {{"namespace", "a"}, {"id", "forever"}};
  std::promise<Result<SubmitReply>> promise;
  subflows_.Begin({.ns = "a", .flow_id = "asker"}, [&](Result<SubmitReply> reply) { promise.set_value(std::move(reply)); });
  waits_.wait(false);
  subflows_.Stop();
  EXPECT_EQ(promise.get_future().get().error().code, Code::kUnavailable);
}

TEST_F(InputSubflowsTest, TooManyWhoWaitAreTurnedAway) {
  question_ = {{"namespace", "a"}, {"id", "forever"}};
  std::atomic<int> refused{0};
  for (int i = 0; i < 17; ++i) {
    subflows_.Begin({.ns = "a", .flow_id = "asker"}, [&](const Result<SubmitReply>& reply) {
      if (!reply && reply.error().code == Code::kResourceExhausted) ++refused;
    });
  }
  EXPECT_EQ(refused.load(), 1);
  subflows_.Stop();
}

TEST(InputEnvironment, WithoutAThreadThatMayWaitItIsSaid) {
  const SubflowCall nobody;
  InputEnvironment environment(FromMicros(0), 1, "UTC", nobody);
  const auto answer = environment.Call("subflow", {"a", "b"}, {}, {});
  EXPECT_NE(answer.error().message.find("only for inputs of executions that somebody starts"), std::string::npos);
}

TEST(InputEnvironment, AFlowIsKnownToAsk) {
  model::Flow flow;
  flow.inputs = {{.id = "plain", .defaults = "{{ now() }}"}};
  EXPECT_FALSE(InputSubflows::MayAsk(flow));
  flow.inputs.push_back({.id = "asks", .extra = {{"expression", "{{ subflow('a', 'b').outputs.list }}"}}});
  EXPECT_TRUE(InputSubflows::MayAsk(flow));
}

}  // namespace
}  // namespace headrace::scheduler
