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

ExecutionId MakeExecutionId(Timestamp now, std::uint64_t high, std::uint64_t low) {
  std::string text;
  text.reserve(22);
  AppendBase62(text, static_cast<std::uint64_t>(ToMicros(now)) / 1000, 8);
  AppendBase62(text, high, 7);
  AppendBase62(text, low, 7);
  return ExecutionId(std::move(text));
}

}  // namespace

ExecutionId NewExecutionId(Timestamp now, Random& random) {
  const std::uint64_t high = random.Next();
  return MakeExecutionId(now, high, random.Next());
}

ExecutionId DeriveExecutionId(Timestamp now, std::string_view parent, std::string_view salt) {
  const std::uint64_t high = StableHash(salt, StableHash(parent, 1));
  return MakeExecutionId(now, high, StableHash(salt, StableHash(parent, 2)));
}

TaskRunId DeriveTaskRunId(const ExecutionId& execution, std::uint64_t place) {
  std::string text;
  text.reserve(22);
  AppendBase62(text, StableHash(execution.str(), place * 2 + 1), 11);
  AppendBase62(text, StableHash(execution.str(), place * 2 + 2), 11);
  return TaskRunId(std::move(text));
}

}  // namespace headrace
