// What the tasks around a release decide without asking anybody: checks, searches, reviewers, ids of git.
#include <gtest/gtest.h>

#include <set>

#include "worker/github/branch_files.h"
#include "worker/github/checks.h"
#include "worker/github/reviewers.h"
#include "worker/github/search_query.h"

namespace headrace::worker::github {
namespace {

CheckSeen Check(std::string name, std::string conclusion, bool ended = true) {
  return {.name = std::move(name), .kind = "check", .ended = ended, .conclusion = std::move(conclusion)};
}

TEST(Checks, AreGreenWhenAllThatCountAre) {
  EXPECT_TRUE(Judge({Check("a", "success"), Check("b", "skipped"), Check("c", "neutral")}, {}).green());
  EXPECT_FALSE(Judge({}, {}).green());
  EXPECT_FALSE(Judge({Check("a", "success"), Check("b", "queued", false)}, {}).green());
  EXPECT_TRUE(Judge({Check("a", "success"), Check("b", "failure")}, {.ignore = {"b"}}).green());
}

TEST(Checks, WordsThatNobodyKnowsAreNoSuccess) {
  EXPECT_EQ(Judge({Check("a", "stale"), Check("b", "sparkling")}, {}).red, (std::vector<std::string>{"a (stale)", "b (sparkling)"}));
}

TEST(Checks, OnlyNamedOnesCountAndTheyMustBeThere) {
  const Checks checks = Judge({Check("a", "success"), Check("other", "failure")}, {.names = {"a", "b"}});
  EXPECT_TRUE(checks.red.empty());
  EXPECT_EQ(checks.missing, std::vector<std::string>{"b"});
  EXPECT_FALSE(checks.green());
}

TEST(Checks, AnyChangeChangesTheSignature) {
  const std::string one = Judge({Check("a", "in_progress", false)}, {}).signature();
  EXPECT_EQ(one, Judge({Check("a", "in_progress", false)}, {}).signature());
  EXPECT_NE(one, Judge({Check("a", "success")}, {}).signature());
  EXPECT_NE(one, Judge({Check("a", "in_progress", false), Check("b", "queued", false)}, {}).signature());
}

TEST(BranchFiles, GiveIdsAsGitDoes) {
  EXPECT_EQ(BlobId(""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  EXPECT_EQ(BlobId("hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
}

TEST(Search, QuotesWhatHasSpaces) {
  EXPECT_EQ(Qualified("repo", "acme/app"), "repo:acme/app");
  EXPECT_EQ(Qualified("author-name", "Ada \"L\" Byron"), "author-name:\"Ada L Byron\"");
}

TEST(Search, EveryKindHasItsOwnProperties) {
  for (const SearchKind& kind : SearchKinds()) {
    std::set<std::string> names;
    for (const SearchTerm& term : kind.terms) EXPECT_TRUE(names.insert(term.property).second) << kind.type << " " << term.property;
  }
}

TEST(Reviewers, ArePeopleAndTeamsNotYetAsked) {
  const Value pull = *ParseJson(R"({"requested_reviewers": [{"login": "ada"}], "requested_teams": [{"slug": "core"}]})");
  EXPECT_EQ(ToJson(ReviewersOf({"ada", "bob", "team:core", "team:docs"}, pull)), R"({"reviewers":["bob"],"team_reviewers":["docs"]})");
  EXPECT_TRUE(ReviewersOf({"ada", "team:core"}, pull).empty());
}

}  // namespace
}  // namespace headrace::worker::github
