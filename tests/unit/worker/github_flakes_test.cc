#include "worker/github/flakes.h"

#include <gtest/gtest.h>

namespace headrace::worker::github {
namespace {

const Timestamp kNow = FromMicros(1'800'000'000'000'000);
constexpr Duration kDay = std::chrono::hours(24);

JobSeen Job(std::string name, std::string conclusion, std::int64_t attempt) {
  return {.name = std::move(name), .conclusion = std::move(conclusion), .attempt = attempt};
}

// What an attempt that was counted before showed is not counted again with the next one.
TEST(Flakes, AnAttemptCountsOnce) {
  Value record;
  CountJobs(record, {Job("a", "failure", 1), Job("b", "success", 1)}, 0, kNow);
  CountJobs(record, {Job("a", "failure", 1), Job("b", "success", 1), Job("a", "success", 2)}, 1, kNow);
  const std::vector<FlakyJob> jobs = FlakyJobsOf(record, std::chrono::hours(24), kNow);
  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(jobs[0].job, "a");
  EXPECT_EQ(jobs[0].runs, 1);
  EXPECT_EQ(jobs[0].fails, 1);
  EXPECT_EQ(jobs[0].flakes, 1);
  EXPECT_EQ(jobs[0].last, kNow);
}

TEST(Flakes, OnlyTheDaysOfTheWindowCount) {
  const std::vector<JobSeen> flaky = {Job("a", "failure", 1), Job("a", "success", 2)};
  Value record;
  CountJobs(record, flaky, 0, kNow - 40 * kDay);
  CountJobs(record, flaky, 0, kNow - 3 * kDay);
  CountJobs(record, {}, 0, kNow);
  const auto of = [&](int days) { return FlakyJobsOf(record, days * kDay, kNow); };
  EXPECT_TRUE(of(3).empty());
  ASSERT_EQ(of(4).size(), 1U);
  EXPECT_EQ(of(4)[0].runs, 2);
  EXPECT_EQ(of(4)[0].flakes, 1);
  EXPECT_EQ(of(90)[0].runs, 3);
  EXPECT_EQ(of(90)[0].flakes, 2);
  // Older than the record remembers.
  CountJobs(record, {}, 0, kNow + 60 * kDay);
  EXPECT_EQ(FlakyJobsOf(record, 90 * kDay, kNow + 60 * kDay)[0].flakes, 1);
}

TEST(Flakes, MoreEvidenceRanksHigher) {
  Value few, many;
  const std::vector<JobSeen> flaky = {Job("a", "failure", 1), Job("a", "success", 2)};
  CountJobs(few, flaky, 0, kNow);
  CountJobs(few, {}, 0, kNow);
  for (int i = 0; i < 30; ++i) CountJobs(many, flaky, 0, kNow);
  for (int i = 0; i < 70; ++i) CountJobs(many, {}, 0, kNow);
  EXPECT_LT(FlakyJobsOf(few, Duration(1), kNow)[0].rate, FlakyJobsOf(many, Duration(1), kNow)[0].rate);
  EXPECT_LT(FlakyJobsOf(many, Duration(1), kNow)[0].rate, 0.3);
}

TEST(Flakes, NamesThatHaveNothingLeftToTellMakeRoom) {
  Value record;
  std::vector<JobSeen> jobs;
  for (int i = 0; i < 500; ++i) jobs.push_back(Job("old " + std::to_string(i), "failure", 1));
  CountJobs(record, jobs, 0, kNow);
  CountJobs(record, {Job("new", "failure", 1)}, 0, kNow + kDay);
  EXPECT_EQ(FlakyJobsOf(record, kDay, kNow + kDay).size(), 0U);  // full
  const Timestamp later = kNow + 100 * kDay;
  CountJobs(record, {Job("new", "failure", 1)}, 0, later);
  const auto found = FlakyJobsOf(record, kDay, later);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].job, "new");
}

TEST(Flakes, TheIndexForgetsTheOldestThatNobodyAsksForWhenItIsFull) {
  Value index;
  for (int i = 0; i < 1000; ++i) ListFlakes(index, "workflow " + std::to_string(i), kNow + (i == 7 ? 0 : 50) * kDay);
  ListFlakes(index, "early", kNow + 60 * kDay);
  EXPECT_FALSE(index.as_object().contains("early"));
  ListFlakes(index, "late", kNow + 95 * kDay);
  EXPECT_TRUE(index.as_object().contains("late"));
  EXPECT_FALSE(index.as_object().contains("workflow 7"));
  EXPECT_EQ(index.as_object().size(), 1000U);
}

TEST(Flakes, ARecordStaysWithinItsBytes) {
  Value record;
  for (int day = 0; day < 60; ++day) {
    std::vector<JobSeen> jobs;
    for (int i = 0; i < 300; ++i) jobs.push_back(Job("a job with a name of some length " + std::to_string(i), "failure", 1));
    CountJobs(record, jobs, 0, kNow + day * std::chrono::hours(24));
  }
  EXPECT_LT(ToJson(record).size(), 256U * 1024);
  EXPECT_EQ(FlakyJobsOf(record, std::chrono::hours(24), kNow + 59 * std::chrono::hours(24)).size(), 300U);
}

}  // namespace
}  // namespace headrace::worker::github
