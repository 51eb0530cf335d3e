// Paths and queries: decoded once, and what means two things is refused.
#include "api/http/target.h"

#include <gtest/gtest.h>

namespace headrace::api::http {
namespace {

std::vector<std::string> PathOf(const std::string& target) {
  std::vector<std::string> out;
  const Result<Target> parsed = ParseTarget(target);
  if (!parsed) return {"refused"};
  for (const Segment& segment : parsed->path) out.push_back(segment.text);
  return out;
}

using Words = std::vector<std::string>;

TEST(Target, IsDecodedOnce) {
  EXPECT_EQ(PathOf("/a%20b/c"), (Words{"a b", "c"}));
  EXPECT_EQ(PathOf("/a%2541"), (Words{"a%41"}));
  EXPECT_EQ(PathOf("/%C3%A9"), (Words{"é"}));
  EXPECT_EQ(PathOf("/a+b"), (Words{"a+b"}));
  EXPECT_EQ(PathOf("/"), (Words{""}));
  EXPECT_EQ(PathOf("/a//b/"), (Words{"a", "", "b", ""}));
  EXPECT_EQ(PathOf("/a;x=1?b"), (Words{"a;x=1"}));
}

TEST(Target, ASlashThatWasEncodedIsKnown) {
  const Result<Target> target = ParseTarget("/a%2Fb/c");
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(target->path, (std::vector<Segment>{{"a/b", true}, {"c", false}}));
}

TEST(Target, WhatClimbsOrHidesIsRefused) {
  for (const char* target : {"/a/../b",
                             "/..",
                             "/.",
                             "/a/./b",
                             "/%2e%2e/b",
                             "/%2E",
                             "/a/%2e./b",
                             "/a\\b",
                             "/a%5Cb",
                             "/a%00b",
                             "/a%0d%0ab",
                             "/a%7f",
                             "/%",
                             "/%4",
                             "/%zz",
                             "/%C3",
                             "/%ff",
                             "/a%c0%af",
                             "a/b",
                             "",
                             "*",
                             "//evil/..",
                             "/a#b",
                             "/a b",
                             "/a\tb",
                             "/\xc3\xa9",
                             "http://",
                             "http:///a",
                             "http://host?a=1",
                             "ftp://host/a"}) {
    EXPECT_EQ(PathOf(target), (Words{"refused"})) << target;
  }
  std::string deep;
  for (std::size_t i = 0; i <= kSegmentsMax; ++i) deep += "/a";
  EXPECT_EQ(PathOf(deep), (Words{"refused"}));
}

TEST(Target, AProxysFormNamesTheHost) {
  const Result<Target> target = ParseTarget("http://Example.org:80/a?b=1");
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(target->authority, "Example.org:80");
  EXPECT_EQ(target->path, (std::vector<Segment>{{"a"}}));
  EXPECT_EQ(target->parameters, (Parameters{{"b", {"1"}}}));
}

TEST(Target, ParametersAreListsInTheirOrder) {
  const Result<Parameters> parsed = ParseQuery("b=2&a=1&b=1&c&d=&=e&&f=x%26y+z%3D%C3%A9&a%5B0%5D=k=v");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(*parsed, (Parameters{{"a", {"1"}},
                                 {"b", {"2", "1"}},
                                 {"c", {""}},
                                 {"d", {""}},
                                 {"", {"e"}},
                                 {"f", {"x&y z=é"}},
                                 {"a[0]", {"k=v"}}}));
}

TEST(Target, QueriesThatAreNoneAreRefused) {
  for (const char* query : {"a=%", "a=%1", "a=%xy", "%=1", "a=%ff", "a=%00"})
    EXPECT_FALSE(ParseQuery(query).has_value()) << query;
  std::string many;
  for (std::size_t i = 0; i <= kParametersMax; ++i) many += "a&";
  EXPECT_FALSE(ParseQuery(many).has_value());
}

}  // namespace
}  // namespace headrace::api::http
