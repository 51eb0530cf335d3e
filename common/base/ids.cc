#include "common/base/ids.h"

#include "common/base/hash.h"

namespace headrace {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

// Fixed-width base 62, most significant digit first, so that texts sort as numbers do.
void AppendBase62(std::string& out, std::uint64_t value, int width) {
  const std::size_t start = out.size();
  out.append(static_cast<std::size_t>(width), '0');
  for (int i = width - 1; i >= 0; --i) {
    out[start + static_cast<std::size_t>(i)] = kDigits[value % 62];
    value /= 62;
  }
}

constexpr std::uint64_t kTwoDigits = std::uint64_t{62} * 62;
constexpr std::uint64_t kSpare = kTwoDigits / kPlaces;

ExecutionId MakeExecutionId(Timestamp now, std::uint64_t high, std::uint64_t low, Place place) {
  std::string text;
  text.reserve(22);
  AppendBase62(text, static_cast<std::uint64_t>(ToMicros(now)) / 1000, 8);
  AppendBase62(text, high, 7);
  AppendBase62(text, low, 5);
  AppendBase62(text, (low >> 40) % kSpare * kPlaces + place % kPlaces, 2);
  return ExecutionId(std::move(text));
}

}  // namespace

Place PlaceOfFlow(std::string_view ns, std::string_view flow_id) {
  return static_cast<Place>(StableHash(flow_id, StableHash(ns, 3)) % kPlaces);
}

Place PlaceOf(const ExecutionId& id) {
  const std::string& text = id.str();
  if (text.size() >= 2) {
    const std::size_t tens = kDigits.find(text[text.size() - 2]);
    const std::size_t ones = kDigits.find(text.back());
    if (tens != std::string_view::npos && ones != std::string_view::npos) return static_cast<Place>((tens * 62 + ones) % kPlaces);
  }
  return static_cast<Place>(StableHash(text) % kPlaces);
}

ExecutionId NewExecutionId(Timestamp now, Random& random, Place place) {
  const std::uint64_t high = random.Next();
  return MakeExecutionId(now, high, random.Next(), place);
}

ExecutionId DeriveExecutionId(Timestamp now, std::string_view parent, std::string_view salt, Place place) {
  const std::uint64_t high = StableHash(salt, StableHash(parent, 1));
  return MakeExecutionId(now, high, StableHash(salt, StableHash(parent, 2)), place);
}

TaskRunId DeriveTaskRunId(const ExecutionId& execution, std::uint64_t place) {
  std::string text;
  text.reserve(22);
  AppendBase62(text, StableHash(execution.str(), place * 2 + 1), 11);
  AppendBase62(text, StableHash(execution.str(), place * 2 + 2), 11);
  return TaskRunId(std::move(text));
}

}  // namespace headrace
