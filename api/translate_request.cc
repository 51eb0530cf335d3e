#include <algorithm>
#include <array>

#include "api/translate.h"

namespace headrace::api {
namespace {

constexpr std::size_t kIdBytes = 64;
constexpr std::int64_t kSecondsMin = -62'135'596'800;
constexpr std::int64_t kSecondsMax = 253'402'300'799;
constexpr std::array<std::string_view, 6> kLevels = {"", "TRACE", "DEBUG", "INFO", "WARN", "ERROR"};
static_assert(kLevels.size() == v1::LogLevel_ARRAYSIZE);

Error FieldError(std::string_view field, std::string message) {
  return Error{Code::kInvalidArgument, std::string(field) + " " + message, {{std::string(field), std::move(message)}}};
}

bool IsIdLetter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

}  // namespace

Result<model::State> FromProto(v1::State state, std::string_view field) {
  if (state > v1::STATE_UNSPECIFIED && state < v1::State_ARRAYSIZE) return static_cast<model::State>(state - 1);
  return Fail(FieldError(field, "must be a state such as RUNNING, not number " + std::to_string(state)));
}

Timestamp FromProto(const google::protobuf::Timestamp& at) {
  // Clients may send anything; protobuf's own range is the years 1 to 9999.
  const std::int64_t seconds = std::clamp(at.seconds(), kSecondsMin, kSecondsMax);
  return FromMicros(seconds * 1'000'000 + at.nanos() / 1000);
}

Result<std::string> LevelName(v1::LogLevel level) {
  if (level >= 0 && level < v1::LogLevel_ARRAYSIZE) return std::string(kLevels.at(static_cast<std::size_t>(level)));
  return Fail(FieldError("level_min", "must be a level such as WARN, not number " + std::to_string(level)));
}

v1::LogLevel ParseLevel(std::string_view name) {
  const auto found = std::find(kLevels.begin(), kLevels.end(), name);
  return found == kLevels.end() ? v1::LOG_LEVEL_UNSPECIFIED : static_cast<v1::LogLevel>(found - kLevels.begin());
}

Status CheckId(std::string_view id, std::string_view field) {
  if (!id.empty() && id.size() <= kIdBytes && std::all_of(id.begin(), id.end(), IsIdLetter)) return {};
  return Fail(FieldError(field, "must be 1 to 64 letters, digits, '-' or '_'"));
}

}  // namespace headrace::api
