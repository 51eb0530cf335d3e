// An execution's record as spans: the tree, what is told again after a restart, and what never is in them.
#include "common/trace/execution_spans.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "common/trace/otlp_json.h"

namespace headrace::trace {
namespace {

using model::State;
using Changes = std::vector<std::pair<State, int>>;

Timestamp At(int second) { return FromMicros(1'000'000LL * second); }

model::StateHistory History(const Changes& changes) {
  model::StateHistory history;
  for (const auto& [state, second] : changes) history.Enter(state, At(second));
  return history;
}

model::Attempt Try(int from, int to, State outcome, const char* worker = "w1") {
  return {.state = History({{State::kCreated, from}, {State::kRunning, from}, {outcome, to}}), .worker = WorkerId(worker)};
}

std::string TextOf(const Span& span, const std::string& key) {
  for (const auto& [name, value] : span.attributes) {
    if (name != key) continue;
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
    return std::get<bool>(value) ? "true" : "false";
  }
  return "(none)";
}

class ExecutionSpans : public testing::Test {
 protected:
  ExecutionSpans() {
    flow_.ns = "team";
    flow_.id = "release";
    AddTask("loop", model::TaskRole::kFlowable);
    AddTask("build", model::TaskRole::kRunnable);
    AddTask("docs", model::TaskRole::kExecutable);
    execution_.id = ExecutionId("E");
    execution_.ns = "team";
    execution_.flow_id = "release";
    execution_.flow_revision = 4;
    execution_.labels = {{"release", "1.2"}, {"system.correlationId", "E"}};
    execution_.state = History({{State::kCreated, 0}, {State::kRunning, 1}, {State::kSuccess, 100}});
    execution_.closed = true;
  }

  void AddTask(const char* id, model::TaskRole role) {
    flow_.arena.push_back({.index = static_cast<model::TaskIndex>(flow_.arena.size()), .id = id, .type = std::string("type.") + id, .role = role});
  }
  model::TaskRun& AddRun(model::TaskIndex task, std::optional<model::TaskRunIndex> parent, const Changes& changes) {
    const auto index = static_cast<model::TaskRunIndex>(execution_.task_runs.size());
    model::TaskRun& run = execution_.task_runs.emplace_back();
    run.index = index;
    run.id = DeriveTaskRunId(execution_.id, index);
    run.task = task;
    run.parent = parent;
    run.state = History(changes);
    return run;
  }
  std::vector<Span> Spans(const SpanLimits& limits = {}) { return SpansOf(&flow_, execution_, limits).spans; }
  // Lines of "name from-to status", each below its parent.
  static std::string Tree(const std::vector<Span>& spans, const std::optional<SpanId>& below, int depth = 0) {
    std::string text;
    for (const Span& span : spans) {
      const bool root = !below && std::none_of(spans.begin(), spans.end(), [&](const Span& one) { return span.parent == one.id; });
      if (below ? span.parent != below : !root) continue;
      text += std::string(static_cast<std::size_t>(depth), ' ') + span.name + " " + std::to_string(ToMicros(span.start) / 1'000'000) + "-" +
              std::to_string(ToMicros(span.end) / 1'000'000) + (span.status == SpanStatus::kError ? " error" : "") + "\n";
      text += Tree(spans, span.id, depth + 1);
    }
    return text;
  }

  model::Flow flow_;
  model::Execution execution_;
};

TEST_F(ExecutionSpans, NestAsTheTasksDoAndShowEachAttempt) {
  AddRun(0, {}, {{State::kCreated, 1}, {State::kRunning, 1}, {State::kSuccess, 90}}).attempts = {Try(1, 90, State::kSuccess, "")};
  model::TaskRun& build = AddRun(1, 0, {{State::kCreated, 2}, {State::kSubmitted, 2}, {State::kRunning, 3}, {State::kRetrying, 10},
                                        {State::kCreated, 20}, {State::kRunning, 21}, {State::kSuccess, 30}});
  build.attempts = {Try(3, 10, State::kFailed), Try(21, 22, State::kResubmitted), Try(25, 30, State::kSuccess, "w2")};
  build.attempt = 2;
  model::TaskRun& docs = AddRun(2, {}, {{State::kCreated, 90}, {State::kRunning, 90}, {State::kSuccess, 99}});
  docs.attempts = {Try(90, 99, State::kSuccess, "")};
  const std::vector<Span> spans = Spans();
  EXPECT_EQ(Tree(spans, {}), "RUN team/release 0-100\n"
                             " loop 1-90\n"
                             "  build 2-30\n"
                             "   attempt 1 3-10 error\n"
                             "   attempt 2 21-22 error\n"
                             "   attempt 2 25-30\n"
                             " docs 90-99\n"
                             "  attempt 1 90-99\n");
  std::set<std::string> ids;
  for (const Span& span : spans) {
    EXPECT_TRUE(ids.insert(span.id.str()).second) << span.name;
    EXPECT_EQ(span.trace, TraceOf(execution_));
  }
  EXPECT_EQ(Spans(), spans) << "the same record, the same spans";
  model::Execution child{.id = ExecutionId("C"), .parent = model::ParentLink{execution_.id, docs.index, 1}};
  child.labels = {{"system.correlationId", "E"}};
  child.state = execution_.state;
  const Span below = SpansOf(nullptr, child).spans.front();
  EXPECT_EQ(below.trace, spans.front().trace);
  EXPECT_EQ(below.parent, spans.back().id) << "the attempt that started it";
}

TEST_F(ExecutionSpans, SpeakTheWordsOfTheConventions) {
  model::TaskRun& build = AddRun(1, {}, {{State::kCreated, 1}, {State::kRunning, 2}, {State::kFailed, 9}});
  build.attempts = {Try(2, 9, State::kFailed)};
  build.iteration = 7;
  execution_.state = History({{State::kCreated, 0}, {State::kFailed, 10}});
  const std::vector<Span> spans = Spans();
  ASSERT_EQ(spans.size(), 3u);
  const Span& root = spans[0];
  EXPECT_EQ(root.kind, SpanKind::kServer);
  EXPECT_EQ(root.status, SpanStatus::kError);
  EXPECT_EQ(TextOf(root, "cicd.pipeline.name"), "team/release");
  EXPECT_EQ(TextOf(root, "cicd.pipeline.run.id"), "E");
  EXPECT_EQ(TextOf(root, "cicd.pipeline.result"), "failure");
  EXPECT_EQ(TextOf(root, "error.type"), "FAILED");
  EXPECT_EQ(TextOf(root, "headrace.namespace"), "team");
  EXPECT_EQ(TextOf(root, "headrace.flow.revision"), "4");
  EXPECT_EQ(TextOf(root, "headrace.label.release"), "1.2");
  EXPECT_EQ(TextOf(root, "headrace.label.system.correlationId"), "(none)");
  EXPECT_EQ(TextOf(spans[1], "cicd.pipeline.task.name"), "build");
  EXPECT_EQ(TextOf(spans[1], "cicd.pipeline.task.run.id"), build.id.str());
  EXPECT_EQ(TextOf(spans[1], "cicd.pipeline.task.run.result"), "failure");
  EXPECT_EQ(TextOf(spans[1], "headrace.task.type"), "type.build");
  EXPECT_EQ(TextOf(spans[1], "headrace.task.iteration"), "7");
  EXPECT_EQ(TextOf(spans[2], "cicd.worker.id"), "w1");
  EXPECT_EQ(TextOf(spans[2], "headrace.task.attempt"), "1");
  ASSERT_EQ(spans[1].events.size(), 3u);
  EXPECT_EQ(spans[1].events[1].name, "RUNNING");
}

TEST_F(ExecutionSpans, HangBelowTheCallerWhoGaveATraceParent) {
  execution_.labels.emplace_back(kTraceParentLabel, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  const Span root = Spans().front();
  EXPECT_EQ(root.trace.str(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(root.parent->str(), "b7ad6b7169203331");
  EXPECT_TRUE(root.parent_is_remote);
}

TEST_F(ExecutionSpans, AfterARestartTellOnlyWhatIsNew) {
  AddRun(1, {}, {{State::kCreated, 1}, {State::kRunning, 1}, {State::kSuccess, 9}}).attempts = {Try(1, 9, State::kSuccess)};
  model::TaskRun& docs = AddRun(1, {}, {{State::kCreated, 10}, {State::kRunning, 10}, {State::kFailed, 19}});
  docs.attempts = {Try(10, 19, State::kFailed)};
  execution_.state = History({{State::kCreated, 0}, {State::kRunning, 1}, {State::kFailed, 20}});
  const std::vector<Span> first = Spans();
  EXPECT_EQ(first.size(), 5u);
  for (const auto& [state, at] : Changes{{State::kRestarted, 50}, {State::kRunning, 51}, {State::kSuccess, 60}}) {
    execution_.state.Enter(state, At(at));
    docs.state.Enter(state, At(at));
  }
  docs.attempts.push_back(Try(51, 60, State::kSuccess));
  docs.attempt = 2;
  const std::vector<Span> second = Spans();
  EXPECT_EQ(Tree(second, {}), "RUN team/release 50-60\n build 50-60\n  attempt 2 51-60\n");
  EXPECT_EQ(second.front().parent, first.front().id);
  ASSERT_EQ(second.front().links.size(), 1u);
  EXPECT_EQ(second.front().links[0].span, first.front().id);
  for (const Span& span : second) {
    for (const Span& before : first) EXPECT_NE(span.id, before.id);
  }
}

TEST_F(ExecutionSpans, OneThatGoesOnAlreadyTellsWhatHadEnded) {
  model::TaskRun& build = AddRun(1, {}, {{State::kCreated, 1}, {State::kFailed, 19}});
  build.attempts = {Try(1, 19, State::kFailed)};
  execution_.state = History({{State::kCreated, 0}, {State::kFailed, 20}});
  const std::vector<Span> first = Spans();
  execution_.state.Enter(State::kRestarted, At(30));
  execution_.state.Enter(State::kRunning, At(31));
  build.state.Enter(State::kRestarted, At(30));
  build.attempts.push_back(Try(31, 32, State::kFailed));
  EXPECT_EQ(Tree(Spans(), {}), Tree(first, {}));
  execution_.state = History({{State::kCreated, 0}, {State::kRunning, 1}});
  EXPECT_TRUE(Spans().empty()) << "nothing has ended";
}

TEST_F(ExecutionSpans, AReplayLeavesOutWhatItTookOver) {
  execution_.state = History({{State::kCreated, 50}, {State::kSuccess, 60}});
  execution_.replay_of = ExecutionId("before");
  AddRun(1, {}, {{State::kCreated, 1}, {State::kSuccess, 9}}).attempts = {Try(1, 9, State::kSuccess)};
  AddRun(1, {}, {{State::kCreated, 10}, {State::kFailed, 19}, {State::kRestarted, 50}, {State::kSuccess, 59}}).attempts = {
      Try(10, 19, State::kFailed), Try(51, 59, State::kSuccess)};
  const std::vector<Span> spans = Spans();
  EXPECT_EQ(Tree(spans, {}), "RUN team/release 50-60\n build 50-59\n  attempt 2 51-59\n");
  ASSERT_EQ(spans.front().links.size(), 1u);
  EXPECT_EQ(spans.front().links[0].span, SpanOfExecution(ExecutionId("before"), 0));
}

TEST_F(ExecutionSpans, ALongLoopKeepsItsLastRounds) {
  AddRun(0, {}, {{State::kCreated, 1}, {State::kSuccess, 99}});
  for (int round = 0; round < 50; ++round) {
    model::TaskRun& run = AddRun(1, 0, {{State::kCreated, 2 + round}, {State::kSuccess, 2 + round}});
    run.superseded = round < 49;
    run.iteration = round;
  }
  execution_.task_runs[1].id = TaskRunId();  // too old to be kept by the execution, either
  const ExecutionTrace trace = SpansOf(&flow_, execution_, {.spans = 12});
  ASSERT_EQ(trace.spans.size(), 12u);
  EXPECT_EQ(trace.left_out, 39u);
  EXPECT_EQ(TextOf(trace.spans.front(), "headrace.spans.left_out"), "39");
  EXPECT_EQ(TextOf(trace.spans[2], "headrace.task.iteration"), "49");
  EXPECT_EQ(TextOf(trace.spans.back(), "headrace.task.iteration"), "40");
  EXPECT_EQ(TextOf(trace.spans.back(), "headrace.task.superseded"), "true");
}

TEST_F(ExecutionSpans, HoldNothingOfWhatWasGivenOrCameOut) {
  model::TaskRun& build = AddRun(1, {}, {{State::kCreated, 1}, {State::kFailed, 9}});
  build.value = "hidden";
  build.outputs = {{"hidden", "hidden"}};
  build.memo = "hidden";
  build.message = "hidden";
  execution_.inputs = {{"hidden", "hidden"}};
  execution_.outputs = {{"hidden", "hidden"}};
  execution_.variables = {{"hidden", "hidden"}};
  execution_.message = "hidden";
  execution_.trigger = Object{{"id", "hidden"}, {"type", "webhook"}, {"variables", Object{{"body", "hidden"}}}};
  const std::string body = ToOtlpJson({}, "1", Spans());
  EXPECT_EQ(body.find("hidden"), std::string::npos) << body;
  EXPECT_NE(body.find("webhook"), std::string::npos);
}

TEST_F(ExecutionSpans, AreBoundedInTheirTextsAndEvents) {
  execution_.labels.clear();
  for (int i = 0; i < 40; ++i) execution_.labels.emplace_back("k" + std::to_string(i), std::string(300, 'v') + "ä");
  execution_.labels[0].second = std::string(255, 'v') + "ä";
  execution_.state.changes.clear();
  for (int i = 0; i < 50; ++i) execution_.state.Enter(i % 2 == 0 ? State::kRunning : State::kPaused, At(i));
  execution_.state.Enter(State::kSuccess, At(51));
  const Span root = Spans().front();
  EXPECT_EQ(TextOf(root, "headrace.label.k0"), std::string(255, 'v')) << "no half character";
  EXPECT_EQ(TextOf(root, "headrace.label.k31"), std::string(256, 'v'));
  EXPECT_EQ(TextOf(root, "headrace.label.k32"), "(none)");
  EXPECT_EQ(root.events.size(), 32u);
  EXPECT_EQ(root.events_left_out, 19u);
}

TEST_F(ExecutionSpans, EveryEndHasAResult) {
  const auto ended = [&](State state) {
    execution_.state = History({{State::kCreated, 0}, {state, 1}});
    const Span root = Spans().front();
    return TextOf(root, "cicd.pipeline.result") + (root.status == SpanStatus::kError ? " error" : root.status == SpanStatus::kOk ? " ok" : "");
  };
  EXPECT_EQ(ended(State::kSuccess), "success ok");
  EXPECT_EQ(ended(State::kWarning), "success ok");
  EXPECT_EQ(ended(State::kFailed), "failure error");
  EXPECT_EQ(ended(State::kRetried), "failure error");
  EXPECT_EQ(ended(State::kKilled), "cancellation");
  EXPECT_EQ(ended(State::kCancelled), "cancellation");
  EXPECT_EQ(ended(State::kSkipped), "skip ok");
}

}  // namespace
}  // namespace headrace::trace
