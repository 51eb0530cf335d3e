// The list of metrics: docs/metrics.md is that of the list, and no page has anything else.
#include "api/http/metric_list.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "api/http/metrics.h"

namespace headrace::api::http {
namespace {

// A rename breaks dashboards and alerts: it is a change of the API.
TEST(MetricListGolden, TheDocumentIsThatOfTheList) {
  const char* path = "docs/metrics.md";
  if (std::getenv("HEADRACE_REWRITE_GOLDEN") != nullptr) std::ofstream(path) << MetricsDocument();
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), MetricsDocument()) << path << " is stale: make golden";
}

TEST(MetricList, EveryMetricStandsAtItsPlaceWithANameOfItsKind) {
  ASSERT_EQ(MetricList().size(), kMetricCount);
  std::set<std::string> names;
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    const MetricSpec& spec = MetricList()[i];
    const std::string name = spec.name;
    EXPECT_EQ(static_cast<std::size_t>(spec.metric), i) << name;
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_TRUE(name.starts_with("headrace_") || name.starts_with("process_")) << name;
    EXPECT_EQ(name.ends_with("_total"), spec.kind == MetricKind::kCounter) << name;
    EXPECT_EQ(spec.buckets.empty(), spec.kind != MetricKind::kHistogram) << name;
    EXPECT_TRUE(std::is_sorted(spec.buckets.begin(), spec.buckets.end())) << name;
    EXPECT_NE(std::string(spec.help), "") << name;
  }
}

// Label names of each family, le of histograms apart.
std::map<std::string, std::set<std::string>> LabelsOf(const std::string& page) {
  std::map<std::string, std::set<std::string>> found;
  static const std::regex kSeries(R"(^([a-z_]+)(\{(.*)\})? \S+$)");
  static const std::regex kLabel(R"(([a-z_]+)="(?:[^"\\]|\\.)*")");
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    std::smatch series;
    if (!std::regex_match(line, series, kSeries)) continue;
    std::string name = series[1];
    for (const char* part : {"_bucket", "_sum", "_count"}) {
      if (name.ends_with(part)) name.resize(name.size() - std::string_view(part).size());
    }
    std::set<std::string>& labels = found[name];
    const std::string inside = series[3];
    for (std::sregex_iterator it(inside.begin(), inside.end(), kLabel), end; it != end; ++it) {
      if ((*it)[1] != "le") labels.insert((*it)[1]);
    }
  }
  return found;
}

TEST(MetricList, APageHasEveryMetricWithItsLabelsAndNothingElse) {
  Metrics metrics("1", "standalone");
  std::vector<Sampled> looked_up;
  std::map<std::string, std::set<std::string>> wanted;
  for (const MetricSpec& spec : MetricList()) {
    wanted[spec.name] = {spec.labels.begin(), spec.labels.end()};
    if (std::string_view(spec.name).starts_with("process_") || spec.metric == Metric::kBuildInfo ||
        spec.metric == Metric::kHttpConnections || spec.metric == Metric::kSseClients) {
      continue;
    }
    // Counters and histograms are counted, one with each number of labels; the rest is looked up.
    const std::size_t labels = spec.labels.size();
    if (spec.kind == MetricKind::kCounter && labels == 3) metrics.Count(spec.metric, {"a", "b", "c"});
    else if (spec.kind == MetricKind::kCounter && labels == 2) metrics.Count(spec.metric, {"a", "b"});
    else if (spec.kind == MetricKind::kCounter && labels == 1) metrics.Count(spec.metric, {"a"});
    else if (spec.kind == MetricKind::kHistogram && labels == 2) metrics.Observe(spec.metric, {"a", "b"}, std::chrono::seconds(1));
    else if (spec.kind == MetricKind::kHistogram && labels == 1) metrics.Observe(spec.metric, {"a"}, std::chrono::seconds(1));
    else if (spec.kind == MetricKind::kGauge || spec.of == MetricOf::kWorker) {
      looked_up.push_back({spec.metric, std::vector<std::string>(labels, "a"), 1});
    }
  }
  EXPECT_EQ(LabelsOf(metrics.Expose(looked_up)), wanted);
}

TEST(MetricList, AProcessServesNoMoreThanItsRole) {
  for (const auto& [role, other] : {std::pair("worker", MetricOf::kScheduler), {"scheduler", MetricOf::kWorker}}) {
    const auto found = LabelsOf(Metrics("1", role).Expose());
    for (const MetricSpec& spec : MetricList()) EXPECT_FALSE(spec.of == other && found.contains(spec.name)) << role << " " << spec.name;
  }
}

TEST(Metrics, AnEmptyLabelIsLeftOutAndCountsAreByLabels) {
  Metrics metrics("1", "scheduler");
  metrics.Count(Metric::kExecutionsTotal, {"", "", "SUCCESS"});
  metrics.Count(Metric::kExecutionsTotal, {"team", "a \"flow\"", "SUCCESS"}, 2);
  metrics.Count(Metric::kExecutionsTotal, {"team", "a \"flow\"", "SUCCESS"});
  const std::string page = metrics.Expose();
  EXPECT_NE(page.find("headrace_executions_total{state=\"SUCCESS\"} 1\n"), std::string::npos) << page;
  EXPECT_NE(page.find("headrace_executions_total{flow=\"a \\\"flow\\\"\",namespace=\"team\",state=\"SUCCESS\"} 3\n"), std::string::npos) << page;
}

}  // namespace
}  // namespace headrace::api::http
