// JSON loses nothing on its way in and out: what fits is exact, what does not is its digits or an error.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "common/base/random.h"
#include "common/model/value.h"

namespace headrace {
namespace {

std::string Again(std::string_view text) {
  const Result<Value> value = ParseJson(text);
  return value ? ToJson(*value) : "ERROR " + value.error().message;
}

bool SameBits(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

TEST(Json, WholeNumbersOfSixtyFourBitsAreExact) {
  for (const char* number : {"0", "-1", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
                             "18446744073709551615"}) {
    EXPECT_EQ(Again(number), number);
  }
  EXPECT_TRUE(ParseJson("-0")->is_int64()) << "a whole number has no negative zero";
  EXPECT_EQ(Again("-0"), "0");
}

TEST(Json, WhatFitsNoNumberIsItsDigits) {
  EXPECT_EQ(Again("18446744073709551616"), R"("18446744073709551616")");
  EXPECT_EQ(Again("[-9223372036854775809]"), R"(["-9223372036854775809"])");
  EXPECT_EQ(Again(R"({"a":123456789012345678901234567890})"), R"({"a":"123456789012345678901234567890"})");
  EXPECT_EQ(Again("1e309"), R"("1e309")");
  EXPECT_EQ(Again("-1E400"), R"("-1E400")");
  EXPECT_EQ(Again("1e-400"), "0.0") << "what is too small for a double is next to zero";
}

TEST(Json, ExtremeDoublesAreExact) {
  EXPECT_TRUE(SameBits(ParseJson("-0.0")->get_double(), -0.0));
  EXPECT_EQ(Again("-0.0"), "-0.0");
  EXPECT_EQ(Again("1e308"), "1.0E308");
  for (const double number : {std::numeric_limits<double>::max(), std::numeric_limits<double>::min(),
                              std::numeric_limits<double>::denorm_min(), std::nextafter(1.0, 2.0), 0.1, 1.3927926388013963e-143}) {
    EXPECT_TRUE(SameBits(ParseJson(ToJson(Value(number)))->get_double(), number)) << number;
  }
}

// Boost's own parser is wrong in the last bit of every fourth of these.
TEST(Json, EveryDoubleComesBackBitForBit) {
  Random random(61);
  for (int i = 0; i < 200'000; ++i) {
    const double number = std::bit_cast<double>(random.Next());
    if (!std::isfinite(number)) continue;
    for (const std::string& text : {ToJson(Value(number)), json::serialize(Value(number))}) {
      const Result<Value> back = ParseJson(text);
      ASSERT_TRUE(back && back->is_double()) << text;
      ASSERT_TRUE(SameBits(back->get_double(), number)) << text;
    }
  }
}

TEST(Json, WhatIsNoNumberIsRefused) {
  for (const char* text : {"NaN", "Infinity", "-Infinity", "[nan]", "+1", "01", ".5", "1.", "0x10", "1_000"}) {
    EXPECT_FALSE(ParseJson(text)) << text;
  }
}

TEST(Json, NumbersThatJsonDoesNotKnowAreWrittenAsTexts) {
  const Value odd = Array{std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                          -std::numeric_limits<double>::infinity()};
  EXPECT_EQ(ToJson(odd), R"(["NaN","Infinity","-Infinity"])");
  EXPECT_TRUE(ParseJson(ToJson(odd)));
}

TEST(Json, HalvesOfCharactersAreRefused) {
  for (const char* text : {R"("\ud800")", R"("\udc00")", R"("\ud800x")", R"("\ud800\u0041")", R"("\udc00\ud800")", R"({"\ud83d": 1})",
                           "\"\xed\xa0\x80\"", "\"\xff\"", "\"\xc0\xaf\"", "\"\xf4\x90\x80\x80\""}) {
    EXPECT_FALSE(ParseJson(text)) << text;
  }
  EXPECT_EQ(*ParseJson(R"("\ud83d\ude00")"), Value("😀"));
  EXPECT_EQ(Again(R"("a\u0000b\u001f")"), R"("a\u0000b\u001f")");
}

TEST(Json, DepthIsBounded) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(ParseJson(nested(128)));
  EXPECT_FALSE(ParseJson(nested(129)));
  EXPECT_FALSE(ParseJson(std::string(1'000'000, '[')));
  std::string maps;
  for (int i = 0; i < 100'000; ++i) maps += R"({"a":)";
  EXPECT_FALSE(ParseJson(maps));
}

TEST(Json, LargeDocumentsComeBack) {
  Object many;
  for (int i = 0; i < 100'000; ++i) many["key " + std::to_string(i)] = i;
  const std::string keys = ToJson(many);
  EXPECT_EQ(Again(keys), keys);
  const std::string large = ToJson(Object{{"x", std::string(10'000'000, 'x')}});
  EXPECT_EQ(Again(large), large);
}

TEST(Json, TheLastOfTwoEqualKeysCounts) { EXPECT_EQ(Again(R"({"a":1,"b":2,"a":3})"), R"({"a":3,"b":2})"); }

// Any value that can be made is read back as it was.
TEST(Json, RandomValuesComeBack) {
  Random random(7);
  const auto word = [&] {
    std::string text;
    for (std::uint64_t i = random.Below(12); i > 0; --i) {
      static constexpr std::string_view kPieces[] = {"a", "\"", "\\", "\n", "ü", "€", "😀", "/", "\x7f", "\x01", "<", "'"};
      text += kPieces[random.Below(std::size(kPieces))];
    }
    return text;
  };
  const std::function<Value(int)> make = [&](int depth) -> Value {
    switch (random.Below(depth > 0 ? 8 : 6)) {
      case 0: return nullptr;
      case 1: return random.Chance(0.5);
      case 2: return static_cast<std::int64_t>(random.Next() >> random.Below(64));
      case 3: return std::numeric_limits<std::uint64_t>::max() - random.Below(3);
      case 4: return (random.Unit() - 0.5) * 1e6;
      case 5: return Value(word());
      case 6: {
        Array list;
        for (std::uint64_t i = random.Below(5); i > 0; --i) list.push_back(make(depth - 1));
        return list;
      }
      default: {
        Object map;
        for (std::uint64_t i = random.Below(5); i > 0; --i) map[word()] = make(depth - 1);
        return map;
      }
    }
  };
  for (int i = 0; i < 20'000; ++i) {
    const Value value = make(4);
    for (const std::string& text : {ToJson(value), json::serialize(value)}) {
      const Result<Value> back = ParseJson(text);
      ASSERT_TRUE(back) << text;
      ASSERT_EQ(ToJson(*back), ToJson(value));
    }
  }
}

}  // namespace
}  // namespace headrace
