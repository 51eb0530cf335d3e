#include "tests/unit/store/stores.h"

namespace headrace::store {
namespace {

class FlowContract : public StoreTest {
 protected:
  static FlowRow Flow(const std::string& ns, const std::string& id, const std::string& source, bool deleted = false) {
    return {.ns = ns, .id = id, .digest = "digest of " + source, .source = source, .created = FromMicros(77), .deleted = deleted};
  }
};

TEST_P(FlowContract, RevisionsRise) {
  EXPECT_EQ(flows_->Put(Flow("a", "f", "one"))->revision, 1);
  EXPECT_EQ(flows_->Put(Flow("a", "f", "two"))->revision, 2);
  EXPECT_EQ(flows_->Put(Flow("a", "f", "one"))->revision, 3);
  EXPECT_EQ(flows_->Put(Flow("a", "g", "one"))->revision, 1);
  Reopen();
  EXPECT_EQ(flows_->Get("a", "f", 0)->source, "one");
  const auto second = flows_->Get("a", "f", 2);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->source, "two");
  EXPECT_EQ(second->digest, "digest of two");
  EXPECT_EQ(second->created, FromMicros(77));
  EXPECT_FALSE(second->deleted);
  const auto revisions = flows_->Revisions("a", "f");
  ASSERT_TRUE(revisions);
  ASSERT_EQ(revisions->size(), 3U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ((*revisions)[static_cast<std::size_t>(i)].revision, i + 1);
}

TEST_P(FlowContract, TheSameDigestStaysTheSameRevision) {
  ASSERT_TRUE(flows_->Put(Flow("a", "f", "one")));
  FlowRow again = Flow("a", "f", "one");
  again.created = FromMicros(99);
  const auto row = flows_->Put(again);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->revision, 1);
  EXPECT_EQ(row->created, FromMicros(77));
  EXPECT_EQ(flows_->Revisions("a", "f")->size(), 1U);
}

TEST_P(FlowContract, WhatIsNotThereIsNotFound) {
  ASSERT_TRUE(flows_->Put(Flow("a", "f", "one")));
  EXPECT_EQ(flows_->Get("a", "g", 0).error().code, Code::kNotFound);
  EXPECT_EQ(flows_->Get("a", "f", 2).error().code, Code::kNotFound);
  EXPECT_TRUE(flows_->Revisions("a", "g")->empty());
}

TEST_P(FlowContract, ADeletedFlowKeepsItsRevisions) {
  ASSERT_TRUE(flows_->Put(Flow("a", "f", "one")));
  EXPECT_EQ(flows_->Put(Flow("a", "f", "one", true))->revision, 2);
  Reopen();
  EXPECT_EQ(flows_->Get("a", "f", 0).error().code, Code::kNotFound);
  EXPECT_EQ(flows_->Get("a", "f", 1)->source, "one");
  EXPECT_TRUE(flows_->ListLatest("")->empty());
  EXPECT_EQ(flows_->Put(Flow("a", "f", "one"))->revision, 3);
  EXPECT_EQ(flows_->Get("a", "f", 0)->revision, 3);
}

TEST_P(FlowContract, ListGivesTheLatestOfANamespaceAndThoseBelow) {
  for (const auto& [ns, id] : std::vector<std::pair<std::string, std::string>>{
           {"a", "y"}, {"a", "x"}, {"a.b", "z"}, {"ab", "w"}}) {
    ASSERT_TRUE(flows_->Put(Flow(ns, id, "one")));
    ASSERT_TRUE(flows_->Put(Flow(ns, id, "two")));
  }
  const auto names = [&](const std::string& prefix) {
    const auto latest = flows_->ListLatest(prefix);
    EXPECT_TRUE(latest);
    std::string text;
    for (const FlowRow& row : *latest) {
      text += row.ns + "." + row.id + ":" + std::to_string(row.revision) + " ";
    }
    return text;
  };
  EXPECT_EQ(names(""), "a.x:2 a.y:2 a.b.z:2 ab.w:2 ");
  EXPECT_EQ(names("a"), "a.x:2 a.y:2 a.b.z:2 ");
  EXPECT_EQ(names("a.b"), "a.b.z:2 ");
  EXPECT_EQ(names("zzz"), "");
}

HEADRACE_EVERY_STORE(FlowContract);

}  // namespace
}  // namespace headrace::store
