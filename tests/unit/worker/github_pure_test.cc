// What GitHub's tasks decide without asking anybody: weather, budget, order of snapshots, re-runs, which run is whose.
#include <gtest/gtest.h>

#include <algorithm>

#include "worker/github/app_jwt.h"
#include "worker/github/budget.h"
#include "worker/github/client.h"
#include "worker/github/connection.h"
#include "worker/github/dispatch.h"
#include "worker/github/flakes.h"
#include "worker/github/rerun.h"
#include "worker/github/run_view.h"
#include "worker/github/shared_state.h"
#include "worker/github/weather.h"

namespace headrace::worker::github {
namespace {

using namespace std::chrono_literals;

const Timestamp kNow = FromMicros(1'800'000'000'000'000);

Value Json(std::string_view text) {
  auto value = ParseJson(text);
  EXPECT_TRUE(value) << text;
  return value ? *value : Value();
}

HttpAnswer Said(int code, std::vector<std::pair<std::string, std::string>> headers = {}, std::string body = "") {
  return {.code = code, .headers = std::move(headers), .body = std::move(body)};
}

HttpAnswer WithQuota(int code, int remaining, int reset_in_s, std::string body = "") {
  return Said(code, {{"X-RateLimit-Limit", "5000"}, {"X-RateLimit-Remaining", std::to_string(remaining)},
                     {"X-RateLimit-Reset", std::to_string(ToMicros(kNow) / 1'000'000 + reset_in_s)}, {"X-RateLimit-Resource", "core"}},
              std::move(body));
}

// ---- Weather ----

TEST(Weather, TellsLimitsFromRefusals) {
  EXPECT_EQ(MeaningOf(Said(200)), Meaning::kWord);
  EXPECT_EQ(MeaningOf(Said(304)), Meaning::kWord);
  EXPECT_EQ(MeaningOf(Said(404)), Meaning::kWord);
  EXPECT_EQ(MeaningOf(Said(403, {}, R"({"message":"Resource not accessible by integration"})")), Meaning::kWord);
  EXPECT_EQ(MeaningOf(WithQuota(403, 0, 60, R"({"message":"API rate limit exceeded for user"})")), Meaning::kPrimary);
  EXPECT_EQ(MeaningOf(WithQuota(403, 4000, 60, R"({"message":"You have exceeded a secondary rate limit."})")), Meaning::kSecondary);
  EXPECT_EQ(MeaningOf(Said(403, {{"Retry-After", "7"}})), Meaning::kSecondary);
  EXPECT_EQ(MeaningOf(Said(429)), Meaning::kSecondary);
  for (const int code : {500, 502, 503, 504, 408}) EXPECT_EQ(MeaningOf(Said(code)), Meaning::kTrouble);
  // A permission that is missing when the quota happens to be spent.
  EXPECT_EQ(MeaningOf(WithQuota(403, 0, 60, R"({"message":"Must have admin rights"})")), Meaning::kWord);
}

TEST(Weather, SaysGitHubsWords) {
  EXPECT_EQ(MessageOf(Said(422, {}, R"({"message":"Validation Failed","errors":[{"code":"already_exists"},{"message":"no"}]})")),
            "Validation Failed; already_exists; no");
  EXPECT_EQ(MessageOf(Said(502, {}, "<html>unicorn</html>")), "HTTP status 502");
}

// ---- Budget ----

TEST(Budget, WritesGoASecondApartAndKeepTheirTurn) {
  Value record;
  EXPECT_TRUE(Admit(record, {}, {.writes = true}, kNow).go);
  const Admission second = Admit(record, {}, {.writes = true}, kNow);
  EXPECT_FALSE(second.go);
  EXPECT_EQ(second.due, kNow + 1s);
  EXPECT_EQ(Admit(record, {}, {.writes = true}, kNow).due, kNow + 2s);
  EXPECT_FALSE(Admit(record, {}, {.writes = true, .turn = second.turn}, kNow + 500ms).go);
  EXPECT_TRUE(Admit(record, {}, {.writes = true, .turn = second.turn}, kNow + 1s).go);
  // Reads are not held up by writes.
  EXPECT_TRUE(Admit(record, {}, {}, kNow).go);
}

TEST(Budget, WritesKeepToTheMinuteAndTheHour) {
  Value record;
  const Allowance few{.writes_per_minute = 3, .writes_per_hour = 5};
  std::vector<Timestamp> turns;
  for (int i = 0; i < 7; ++i) turns.push_back(Admit(record, few, {.writes = true}, kNow).due);
  EXPECT_EQ(turns[2], kNow + 2s);
  EXPECT_EQ(turns[3], kNow + 60s);
  EXPECT_EQ(turns[4], kNow + 61s);
  EXPECT_EQ(turns[5], kNow + 1h);
}

TEST(Budget, OneProbesAfterAPause) {
  Value record;
  NoteAnswer(record, "core", Said(403, {{"Retry-After", "30"}}), kNow, kNow);
  EXPECT_EQ(Admit(record, {}, {}, kNow + 1s).due, kNow + 30s);
  EXPECT_TRUE(Admit(record, {}, {}, kNow + 30s).go);
  EXPECT_FALSE(Admit(record, {}, {}, kNow + 30s).go);
  NoteAnswer(record, "core", Said(200), kNow + 30s, kNow + 31s);
  EXPECT_TRUE(Admit(record, {}, {}, kNow + 31s).go);
  EXPECT_TRUE(Admit(record, {}, {}, kNow + 31s).go);
}

TEST(Budget, SecondaryPausesDoubleButOneLimitCountsOnce) {
  const HttpAnswer limit = Said(403, {}, R"({"message":"You have exceeded a secondary rate limit"})");
  Value record;
  NoteAnswer(record, "core", limit, kNow, kNow);
  EXPECT_EQ(Admit(record, {}, {}, kNow).due, kNow + 60s);
  NoteAnswer(record, "core", limit, kNow - 1s, kNow + 1s);  // it was on its way
  EXPECT_EQ(Admit(record, {}, {}, kNow + 1s).due, kNow + 61s);
  NoteAnswer(record, "core", limit, kNow + 61s, kNow + 61s);
  EXPECT_EQ(Admit(record, {}, {}, kNow + 61s).due, kNow + 61s + 120s);
  // An answer to what was sent before the pause does not end it.
  NoteAnswer(record, "core", Said(200), kNow + 60s, kNow + 62s);
  EXPECT_FALSE(Admit(record, {}, {}, kNow + 62s).go);
}

TEST(Budget, QuotaMergesAndReadsStopAtTheReserve) {
  Value record;
  NoteAnswer(record, "core", WithQuota(200, 3000, 600), kNow, kNow);
  NoteAnswer(record, "core", WithQuota(200, 3500, 600), kNow, kNow);  // an older answer of the same hour
  EXPECT_EQ(NumberAt(*AtPath(record, "quota.core"), "remaining"), 3000);
  NoteAnswer(record, "core", WithQuota(200, 1, -10), kNow, kNow);  // of the hour before
  EXPECT_EQ(NumberAt(*AtPath(record, "quota.core"), "remaining"), 3000);
  NoteAnswer(record, "core", WithQuota(200, 1000, 600), kNow, kNow);
  EXPECT_EQ(Admit(record, {}, {}, kNow).due, kNow + 601s);
  EXPECT_TRUE(Admit(record, {}, {.writes = true}, kNow).go);
  EXPECT_TRUE(Admit(record, {}, {.resource = "search"}, kNow).go);
  EXPECT_TRUE(Admit(record, {}, {}, kNow + 601s).go);
  EXPECT_EQ(Spacing(record, "core", kNow), Duration(600s) / 500);
}

TEST(Budget, ASpentSearchDoesNotHoldTheRest) {
  Value record;
  const HttpAnswer spent = Said(403, {{"x-ratelimit-limit", "30"}, {"x-ratelimit-remaining", "0"}, {"x-ratelimit-resource", "search"},
                                      {"x-ratelimit-reset", std::to_string(ToMicros(kNow) / 1'000'000 + 20)}}, R"({"message":"API rate limit exceeded"})");
  NoteAnswer(record, "search", spent, kNow, kNow);
  EXPECT_TRUE(Admit(record, {}, {}, kNow).go);
  EXPECT_EQ(Admit(record, {}, {.resource = "search"}, kNow).due, kNow + 21s);
}

// ---- Snapshots ----

RunSnapshot Seen(RunId id, std::int64_t attempt, std::string status, int updated_s, std::string conclusion = "") {
  return {.id = id, .attempt = attempt, .status = std::move(status), .conclusion = std::move(conclusion), .updated = kNow + std::chrono::seconds(updated_s)};
}

// Polls, webhooks and redeliveries in any order, any number of times, lead to the same.
TEST(RunView, SnapshotsCommute) {
  std::vector<RunSnapshot> told = {Seen(1, 1, "queued", 0), Seen(1, 1, "in_progress", 5), Seen(1, 1, "waiting", 7), Seen(1, 1, "in_progress", 9),
                                   Seen(1, 1, "completed", 8, "failure"), Seen(1, 2, "queued", 6), Seen(1, 2, "completed", 20, "success")};
  std::vector<int> order = {0, 1, 2, 3, 4, 5, 6};
  int tried = 0;
  do {
    Value record;
    RunView view(record);
    for (const int at : order) view.Put(told[static_cast<std::size_t>(at)]);
    for (const int at : order) EXPECT_FALSE(view.Put(told[static_cast<std::size_t>(at)]));
    EXPECT_EQ(view.Find(1), told[6]);
    ++tried;
  } while (std::next_permutation(order.begin(), order.end()) && tried < 5040);
}

TEST(RunView, AnEndIsAnEndWithinItsAttempt) {
  EXPECT_FALSE(IsNewer(Seen(1, 1, "in_progress", 100), Seen(1, 1, "completed", 5)));
  EXPECT_TRUE(IsNewer(Seen(1, 2, "queued", 1), Seen(1, 1, "completed", 5)));
  EXPECT_TRUE(IsNewer(Seen(1, 1, "waiting", 6), Seen(1, 1, "in_progress", 5)));
}

TEST(RunView, OneClaimsAPoll) {
  Value record;
  RunView view(record);
  EXPECT_TRUE(view.Claim(10s, kNow));
  EXPECT_FALSE(view.Claim(10s, kNow));
  EXPECT_FALSE(view.Claim(10s, kNow + 8s));
  EXPECT_TRUE(view.Claim(10s, kNow + 10s));
}

TEST(RunView, KeepsWhatIsWatchedAmongTheNewest) {
  Value record;
  RunView view(record);
  view.Watch(1, 1, kNow + 1h);
  for (RunId id = 1; id <= 300; ++id) view.Put(Seen(id, 1, "in_progress", 0));
  EXPECT_TRUE(view.Find(1));
  EXPECT_FALSE(view.Find(2));
  EXPECT_TRUE(view.Find(300));
  EXPECT_EQ(view.Open(kNow), std::vector<RunId>{1});
  EXPECT_TRUE(view.Open(kNow + 2h).empty());
  view.Put(Seen(1, 1, "completed", 1, "failure"));
  EXPECT_TRUE(view.Open(kNow).empty());
  view.Watch(1, 2, kNow + 1h);  // it is run again
  EXPECT_EQ(view.Open(kNow).size(), 1U);
}

TEST(RunView, ARunIsGoneAfterAMinuteOf404) {
  Value record;
  RunView view(record);
  EXPECT_FALSE(view.NoteMissing(7, kNow));
  EXPECT_FALSE(view.NoteMissing(7, kNow + 30s));
  EXPECT_TRUE(view.NoteMissing(7, kNow + 60s));
  EXPECT_TRUE(view.IsGone(7));
}

TEST(RunView, UnknownWordsAreNoEnd) {
  const auto run = ReadRun(Json(R"({"id": 5, "status": "pondering", "conclusion": null, "path": ".github/workflows/a.yml@main"})"), "poll");
  ASSERT_TRUE(run);
  EXPECT_FALSE(run->ended());
  EXPECT_EQ(run->workflow, "a.yml");
  EXPECT_FALSE(ReadRun(Json("{}"), "poll"));
  EXPECT_EQ(FromRecord(ToRecord(*run)), *run);
}

TEST(RunView, ALongTitleIsCutBetweenCharacters) {
  RunSnapshot run = Seen(1, 1, "queued", 0);
  for (int i = 0; i < 100; ++i) run.title += "é€";
  const std::string kept = FromRecord(Json(ToJson(ToRecord(run)))).title;
  EXPECT_FALSE(kept.empty());
  EXPECT_TRUE(run.title.starts_with(kept));
}

// ---- Re-runs ----

JobSeen Job(std::string name, std::string conclusion, std::int64_t attempt = 1, std::string step = "test") {
  return {.name = std::move(name), .conclusion = std::move(conclusion), .attempt = attempt, .failed_step = std::move(step)};
}

TEST(Rerun, RunsAgainWhatMayBeChance) {
  const RerunPolicy policy{.attempts_max = 3, .never_jobs = "publish|deploy.*", .stop_if_same = 2};
  EXPECT_TRUE(DecideRerun(policy, 1, "failure", {Job("tests", "failure")}, {})->again);
  EXPECT_FALSE(DecideRerun(policy, 3, "failure", {Job("tests", "failure")}, {})->again);
  EXPECT_FALSE(DecideRerun(policy, 1, "failure", {Job("deploy-eu", "failure")}, {})->again);
  EXPECT_TRUE(DecideRerun(policy, 1, "failure", {Job("deploy-eu", "skipped"), Job("tests", "failure")}, {})->again);
  const std::vector<RedAttempt> before = {{1, {"tests"}, {"tests / test"}}};
  EXPECT_EQ(DecideRerun(policy, 2, "failure", {Job("tests", "failure")}, before)->verdict, "BROKEN");
  EXPECT_FALSE(DecideRerun(policy, 2, "failure", {Job("tests", "failure")}, before)->again);
  EXPECT_TRUE(DecideRerun(policy, 2, "failure", {Job("tests", "failure", 2, "other")}, before)->again);
}

TEST(Rerun, NeverRunsAgainWhatNobodyWants) {
  RerunPolicy policy{.attempts_max = 5};
  for (const char* conclusion : {"cancelled", "action_required", "stale", "skipped", "startup_failure"}) {
    policy.on = {conclusion};
    EXPECT_FALSE(DecideRerun(policy, 1, conclusion, {}, {})->again) << conclusion;
    EXPECT_EQ(DecideRerun(policy, 1, conclusion, {}, {})->verdict, "INFRA");
  }
  EXPECT_FALSE(DecideRerun({}, 1, "failure", {}, {})->again);
}

TEST(Rerun, ReadsItsPolicy) {
  const auto policy = ReadRerunPolicy(Json(R"({"maxAttempts": 4, "jobs": "ALL", "delay": "PT1M", "never": {"jobs": "a|b"}, "budget": {"perDay": 20}})"));
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->attempts_max, 4);
  EXPECT_TRUE(policy->all_jobs);
  EXPECT_EQ(policy->per_day, 20);
  EXPECT_FALSE(ReadRerunPolicy(Json(R"({"maxAttempt": 4})")));
  EXPECT_FALSE(ReadRerunPolicy(Json(R"({"maxAttempts": 99})")));
  EXPECT_FALSE(ReadRerunPolicy(Json(R"({"never": {"jobs": "("}})")));
}

TEST(Rerun, FlakyIsWhatFailedFirstAndSucceededLater) {
  const std::vector<JobSeen> jobs = {Job("a", "failure", 1), Job("a", "success", 2), Job("b", "failure", 1), Job("b", "failure", 2), Job("c", "success", 1)};
  EXPECT_EQ(FlakyJobs(jobs), std::vector<std::string>{"a"});
  Value record;
  CountJobs(record, jobs, 0, kNow);
  EXPECT_EQ(NumberAt(*AtPath(record, "jobs.a"), "flakes"), 1);
  EXPECT_EQ(NumberAt(*AtPath(record, "jobs.b"), "fails"), 2);
  EXPECT_EQ(NumberAt(*AtPath(record, "jobs.b"), "flakes"), 0);
}

// ---- Dispatches ----

RunSnapshot Dispatched(RunId id, std::string title = "") {
  return {.id = id, .title = std::move(title), .event = "workflow_dispatch", .branch = "main"};
}

TEST(Dispatch, CandidatesAreNewUnclaimedAndOfThisRef) {
  const Dispatch dispatch{.id = "d", .state = "ACCEPTED", .sent = kNow, .baseline = 10, .correlation = "headrace-d"};
  std::vector<RunSnapshot> runs = {Dispatched(9), Dispatched(11), Dispatched(12), Dispatched(13, "Release headrace-d")};
  runs.push_back({.id = 14, .event = "push", .branch = "main"});
  runs.push_back({.id = 15, .event = "workflow_dispatch", .branch = "other"});
  const Candidates found = FindCandidates(runs, dispatch, "refs/heads/main", {11});
  ASSERT_EQ(found.runs.size(), 2U);
  EXPECT_EQ(found.titled->id, 13);
}

TEST(Dispatch, WhatMayHaveBeenSentIsNeverSentAgainBlindly) {
  const Dispatch lost{.id = "d", .state = "AMBIGUOUS", .sent = kNow, .baseline = 10, .problem = "reset"};
  const Candidates none{};
  const Candidates one{.runs = {Dispatched(11)}};
  const Candidates two{.runs = {Dispatched(11), Dispatched(12)}};
  for (const char* policy : {"FAIL", "ADOPT", "RETRY"}) {
    const ReconcileRule rule{.on_ambiguous = policy};
    EXPECT_EQ(Reconcile(lost, none, rule, kNow + 59s).next, Next::kLook) << policy;
    EXPECT_EQ(Reconcile(lost, none, rule, kNow + 60s).next, Next::kFail) << policy;
    EXPECT_EQ(Reconcile(lost, two, rule, kNow + 60s).next, Next::kFail) << policy;
  }
  EXPECT_EQ(Reconcile(lost, one, {}, kNow + 60s).next, Next::kFail);
  EXPECT_NE(Reconcile(lost, one, {}, kNow + 60s).why.find("11"), std::string::npos);
  EXPECT_EQ(Reconcile(lost, one, {.on_ambiguous = "ADOPT"}, kNow + 60s).run.id, 11);
  EXPECT_EQ(Reconcile(lost, none, {.on_ambiguous = "RETRY", .correlated = true}, kNow + 60s).next, Next::kResend);
  const Candidates titled{.runs = {Dispatched(11)}, .titled = Dispatched(11)};
  EXPECT_EQ(Reconcile(lost, titled, {}, kNow).bound, "TITLE");
}

TEST(Dispatch, AnAcceptedOneIsTheOnlyNewRun) {
  const Dispatch accepted{.id = "d", .state = "ACCEPTED", .sent = kNow, .baseline = 10};
  EXPECT_EQ(Reconcile(accepted, {.runs = {Dispatched(11)}}, {}, kNow + 1s).bound, "DIFF");
  EXPECT_EQ(Reconcile(accepted, {}, {}, kNow + 4min).next, Next::kLook);
  EXPECT_EQ(Reconcile(accepted, {}, {}, kNow + 5min).next, Next::kFail);
  EXPECT_EQ(Reconcile(accepted, {.runs = {Dispatched(11), Dispatched(12)}}, {}, kNow + 60s).next, Next::kFail);
  EXPECT_EQ(ToJson(ToRecord(ReadDispatch("d", ToRecord(accepted)))), ToJson(ToRecord(accepted)));
}

// ---- Connections ----

TEST(Connections, AreReadWithTheirSecretsRendered) {
  const Value document = Json(R"({"connections": {"github": {
    "gh": {"token": "{{ x }}", "endpoint": "https://ghe.company/api/v3/", "budget": {"reserve": "30%", "writesPerMinute": 5}},
    "app": {"app": {"clientId": "Iv1", "installationId": 5, "privateKey": "k"}},
    "both": {"token": "t", "app": {"clientId": "Iv1"}}, "typo": {"tokn": "t"}, "none": {}}}})");
  const TextRenderer render = [](std::string_view text) -> Result<std::string> { return text == "{{ x }}" ? "sesame" : std::string(text); };
  const auto found = FindConnection(document, "gh", render);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->token, "sesame");
  EXPECT_EQ(found->endpoint, "https://ghe.company/api/v3");
  EXPECT_DOUBLE_EQ(found->allowance.reserve, 0.3);
  EXPECT_EQ(found->allowance.writes_per_hour, 300);
  EXPECT_EQ(FindConnection(document, "app", render)->app.installation_id, "5");
  EXPECT_FALSE(FindConnection(document, "both", render));
  EXPECT_FALSE(FindConnection(document, "none", render));
  EXPECT_NE(FindConnection(document, "typo", render).error().message.find("'token'"), std::string::npos);
  EXPECT_NE(FindConnection(document, "ghe", render).error().message.find("there are: gh, app"), std::string::npos);
}

TEST(Connections, EndpointsAndHosts) {
  EXPECT_EQ(*ReadEndpoint(""), "https://api.github.com");
  EXPECT_EQ(*ReadEndpoint("api.acme.ghe.com"), "https://api.acme.ghe.com");
  EXPECT_FALSE(ReadEndpoint("https://user@host/"));
  EXPECT_EQ(OriginOf("HTTPS://Api.GitHub.com/x?y"), "https://api.github.com");
  EXPECT_NE(OriginOf("https://api.github.com.evil.example/"), "https://api.github.com");
  EXPECT_NE(OriginOf("http://api.github.com/"), OriginOf("https://api.github.com/"));
  EXPECT_EQ(NextLink("<https://h/1>; rel=\"prev\", <https://h/3?a=b,c>; rel=\"next\", <https://h/9>; rel=\"last\""), "https://h/3?a=b,c");
  EXPECT_EQ(NextLink("<https://h/1>; rel=\"prev\""), "");
}

TEST(Connections, AKeyThatIsNoneIsNotShown) {
  const auto jwt = MakeAppJwt({.client_id = "Iv1", .private_key = "sesame"}, kNow);
  ASSERT_FALSE(jwt);
  EXPECT_EQ(jwt.error().message.find("sesame"), std::string::npos);
}

}  // namespace
}  // namespace headrace::worker::github
