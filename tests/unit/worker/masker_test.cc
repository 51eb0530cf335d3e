// Secrets never leave, in whatever form and however the stream is cut.
#include "worker/masker.h"

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "worker/mask_patterns.h"
#include "worker/script/line_splitter.h"
#include "worker/sealed.h"
#include "worker/secrets.h"

namespace headrace::worker {
namespace {

std::string MaskInPieces(const Masker& masker, std::string_view text, Random& random, std::uint64_t piece_max) {
  std::string out;
  MaskStream stream = masker.Stream();
  while (!text.empty()) {
    const std::size_t n = std::min<std::size_t>(text.size(), 1 + random.Below(piece_max));
    stream.Push(text.substr(0, n), out);
    text.remove_prefix(n);
  }
  stream.Finish(out);
  return out;
}

// What a masker must do, said the slow way: cover all occurrences, then every run of covered bytes is one mask.
std::string Oracle(const std::set<std::string>& forms, const std::string& text) {
  std::vector<bool> covered(text.size(), false);
  for (const std::string& form : forms)
    for (std::size_t at = text.find(form); at != std::string::npos; at = text.find(form, at + 1))
      std::fill_n(covered.begin() + static_cast<std::ptrdiff_t>(at), form.size(), true);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!covered[i]) out += text[i];
    else if (i == 0 || !covered[i - 1]) out += kMask;
  }
  return out;
}

TEST(Masker, HidesEveryForm) {
  Masker masker;
  masker.Register("p/ss \"w+rd\"\\x");
  EXPECT_EQ(masker.Mask("a p/ss \"w+rd\"\\x b"), "a ****** b");
  EXPECT_EQ(masker.Mask(Base64Encode("p/ss \"w+rd\"\\x")), "******");
  EXPECT_EQ(masker.Mask("q=p%2Fss%20%22w%2Brd%22%5Cx&r"), "q=******&r");
  EXPECT_EQ(masker.Mask("q=p%2fss+%22w%2brd%22%5cx&r"), "q=******&r");
  EXPECT_EQ(masker.Mask(R"({"k":"p/ss \"w+rd\"\\x"})"), R"({"k":"******"})");
}

TEST(Masker, HidesASecretInsideALongerBase64) {
  Masker masker;
  masker.Register("s3cr3t-token-0123");
  for (const std::string prefix : {"", "u", "us", "usr", "user:"}) {
    for (const std::string suffix : {"", "!", "!!", "!!!"}) {
      const std::string masked = masker.Mask(Base64Encode(prefix + "s3cr3t-token-0123" + suffix));
      EXPECT_NE(masked.find(kMask), std::string::npos) << prefix;
      // What is left around the mask decodes to at most two bytes of the secret.
      EXPECT_LT(masked.size(), prefix.size() * 4 / 3 + suffix.size() * 4 / 3 + 6 + 12) << masked;
    }
  }
}

TEST(Masker, LinesOfASecretOfSeveralLinesAreHiddenToo) {
  Masker masker;
  masker.Register("-----BEGIN KEY-----\nMIIEvQIBADAN\nabc\n-----END KEY-----\n");
  EXPECT_EQ(masker.Mask("  MIIEvQIBADAN\r\n"), "  ******\r\n");
  EXPECT_EQ(masker.Mask("abc"), "abc");
}

TEST(Masker, ShortSecretsHideOnlyATextThatIsNothingElse) {
  Masker masker;
  masker.Register("42");
  EXPECT_EQ(masker.Mask("42"), "******");
  EXPECT_EQ(masker.Mask(" 42\n"), "******");
  EXPECT_EQ(masker.Mask("port 4242"), "port 4242");
  masker.Register("");
  EXPECT_EQ(masker.Mask(""), "");
}

TEST(Masker, GoesThroughOutputs) {
  Masker masker;
  masker.Register("hunter22");
  const Value masked = masker.MaskDeep(*ParseJson(R"({"hunter22":["xhunter22y",1,null,{"a":"hunter22"}]})"));
  EXPECT_EQ(ToJson(masked), R"({"******":["x******y",1,null,{"a":"******"}]})");
}

TEST(Masker, NothingIsHeldBackThatCannotBecomeASecret) {
  Masker masker;
  masker.Register("secret");
  MaskStream stream = masker.Stream();
  std::string out;
  stream.Push("plain line\nsec", out);
  EXPECT_EQ(out, "plain line\n");
  stream.Push("tor", out);
  EXPECT_EQ(out, "plain line\nsector");
}

// Few letters make for many overlaps.
TEST(Masker, AgreesWithTheSlowOracleHoweverItIsCut) {
  Random random(11);
  const auto word = [&](std::size_t length, std::uint64_t letters) {
    std::string text;
    for (std::size_t i = 0; i < length; ++i) text += static_cast<char>('a' + random.Below(letters));
    return text;
  };
  for (int round = 0; round < 1500; ++round) {
    Masker masker;
    std::set<std::string> forms;
    const std::uint64_t letters = 1 + random.Below(3);
    for (std::uint64_t i = 0; i <= random.Below(4); ++i) {
      const std::string secret = word(4 + random.Below(9), letters);
      masker.Register(secret);
      AddSecretForms(secret, forms);
    }
    const std::string text = word(random.Below(200), letters + (random.Chance(0.5) ? 1 : 0));
    const std::string expected = Oracle(forms, text);
    ASSERT_EQ(masker.Mask(text), expected) << text;
    for (const std::uint64_t piece : {1ULL, 3ULL, 50ULL})
      ASSERT_EQ(MaskInPieces(masker, text, random, piece), expected) << text;
  }
}

TEST(LineSplitter, CutsLinesHoweverTheyArrive) {
  Random random(5);
  const std::string text = "one\r\ntwo\n\n" + std::string(100'000, 'x') + "\nlast";
  for (int round = 0; round < 20; ++round) {
    std::vector<std::string> lines;
    std::string longest;
    LineSplitter splitter([&](std::string_view line, bool whole) {
      if (whole) lines.emplace_back(line);
      else longest += line;
      ASSERT_LE(line.size(), LineSplitter::kPieceBytes);
    });
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t n = std::min<std::size_t>(rest.size(), 1 + random.Below(70'000));
      splitter.Push(rest.substr(0, n));
      rest.remove_prefix(n);
    }
    splitter.Finish();
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "two", "", "last"}));
    EXPECT_EQ(longest, std::string(100'000, 'x'));
  }
}

TEST(LineSplitter, KeepsLongProtocolLinesWhole) {
  std::vector<std::size_t> sizes;
  LineSplitter splitter([&](std::string_view line, bool whole) {
    if (whole) sizes.push_back(line.size());
  });
  const std::string line = "::{" + std::string(3'000'000, ' ') + "}::";
  for (std::size_t i = 0; i < line.size(); i += 65'536) splitter.Push(std::string_view(line).substr(i, 65'536));
  splitter.Push("\n");
  EXPECT_EQ(sizes, std::vector<std::size_t>{line.size()});
}

TEST(LineSplitter, WrongBytesAreReplacedAndCharactersAreNotCut) {
  EXPECT_EQ(ToValidUtf8(std::string_view("a\xff\0b\xc3", 5)), "a\xEF\xBF\xBD\xEF\xBF\xBD" "b\xEF\xBF\xBD");
  EXPECT_EQ(ToValidUtf8("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
  std::string joined;
  LineSplitter splitter([&](std::string_view line, bool) { joined += line; });
  std::string text = "x";
  while (text.size() < 200'000) text += "\xe2\x82\xac";
  splitter.Push(text);
  splitter.Finish();
  EXPECT_EQ(joined, text);
}

TEST(Secrets, AnEncryptionKeyThatIsNoneIsToldWithWhatIsExpected) {
  const auto check = [](const std::string& key) { return CheckEncryptionKey({{"HEADRACE_ENCRYPTION_KEY", key}}); };
  EXPECT_TRUE(CheckEncryptionKey({}));
  EXPECT_TRUE(check(""));
  EXPECT_TRUE(check("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="));
  EXPECT_TRUE(check("MDEyMzQ1Njc4OWFiY2RlZg=="));
  EXPECT_NE(check("c2hvcnQ=").error().message.find("base64 of 5 bytes, it must be base64 of 32"), std::string::npos);
  EXPECT_NE(check("not a key").error().message.find("openssl rand -base64 32"), std::string::npos);
  EXPECT_EQ(check("not a key").error().message.find("not a key"), std::string::npos) << "a key is a secret, also a wrong one";
}

TEST(Secrets, Base64ConventionAndThePlainForm) {
  const SecretStore store({{"SECRET_TOKEN", "aGVs\nbG8="},
                           {"SECRET_BAD", "!!"},
                           {"SECRET_BOTH", "eA=="},
                           {"HEADRACE_SECRET_BOTH", "plain"},
                           {"OTHER", "x"}});
  EXPECT_EQ(*store.Find("token"), "hello");
  EXPECT_EQ(*store.Find("BOTH"), "plain");
  EXPECT_EQ(store.Find("other").error().message, "Cannot find secret for key 'other'. Set SECRET_OTHER (base64) or HEADRACE_SECRET_OTHER "
                                                 "(plain) in the environment of the worker");
  EXPECT_NE(store.Find("bad").error().message.find("HEADRACE_SECRET_BAD"), std::string::npos);
  EXPECT_TRUE(IsWorkerOnly("SECRET_X"));
  EXPECT_TRUE(IsWorkerOnly("HEADRACE_SECRET_X"));
  EXPECT_TRUE(IsWorkerOnly("OTEL_EXPORTER_OTLP_HEADERS"));
  EXPECT_TRUE(IsWorkerOnly("OTEL_EXPORTER_OTLP_TRACES_HEADERS"));
  EXPECT_FALSE(IsWorkerOnly("OTEL_EXPORTER_OTLP_ENDPOINT"));
  EXPECT_FALSE(IsWorkerOnly("PATH"));
  for (const std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) EXPECT_EQ(*Base64Decode(Base64Encode(text)), text);
  for (const std::string text : {"a", "ab=c", "====", "a===", "ab=", "abc-"}) EXPECT_FALSE(Base64Decode(text)) << text;
}

}  // namespace
}  // namespace headrace::worker
