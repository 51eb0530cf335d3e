#include <array>
#include <cctype>

#include "common/base/hash.h"
#include "common/base/text.h"
#include "common/expr/template.h"
#include "worker/task_runner.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kEntryBytesMax = 32 * 1024;
constexpr std::array<std::string_view, 5> kLevels = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR"};

std::uint64_t Seed(const StartOrder& order, const Services& services) {
  return StableHash(order.key.execution.str(), services.options.incarnation + order.key.fence.task_run * 7919ULL +
                                                   order.key.fence.attempt * 131ULL + order.key.fence.delivery);
}

// Not in the middle of a UTF-8 character.
std::size_t CutAt(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text.size();
  std::size_t cut = most;
  while (cut > most - 4 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;
  return cut;
}

}  // namespace

std::optional<int> LevelRank(std::string_view level) {
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    const std::string_view name = kLevels[i];
    if (name.size() == level.size() &&
        std::equal(name.begin(), name.end(), level.begin(),
                   [](char a, char b) { return a == std::toupper(static_cast<unsigned char>(b)); }))
      return static_cast<int>(i);
  }
  return std::nullopt;
}

TaskContext::TaskContext(const StartOrder& order, const Object& properties, const Services& services,
                         CancelToken& cancel, LogSink log)
    : order_(order), properties_(properties), services_(services), cancel_(cancel), log_(std::move(log)),
      level_min_(LevelRank(order.spec->log_level).value_or(0)),
      environment_(services.clock, Seed(order, services), services.secrets, &services.storage, masker_) {}

Status TaskContext::Open() {
  if (order_.context_json.empty()) {
    context_ = Object();
    return {};
  }
  ASSIGN_OR_RETURN(context_, ParseJson(order_.context_json));
  if (!context_.is_object()) return InvalidArgument("the context of the task is not an object");
  return {};
}

bool TaskContext::Has(std::string_view property) const {
  const Value* value = properties_.if_contains(property);
  return value != nullptr && !value->is_null();
}

Result<Value> TaskContext::RenderValue(const Value& value, bool typed) {
  return expr::RenderDeep(value, context_, environment_, typed);
}

Result<Value> TaskContext::Render(std::string_view property, bool typed) {
  const Value* value = properties_.if_contains(property);
  if (value == nullptr) return Value();
  return RenderValue(*value, typed);
}

Result<std::optional<std::string>> TaskContext::Text(std::string_view property) {
  if (!Has(property)) return std::optional<std::string>();
  ASSIGN_OR_RETURN(const Value value, Render(property, false));
  return std::optional<std::string>(ToText(value));
}

Result<bool> TaskContext::Bool(std::string_view property, bool fallback) {
  ASSIGN_OR_RETURN(const auto text, Text(property));
  return text ? IsTruthy(*text) : fallback;
}

Result<std::optional<Duration>> TaskContext::Span(std::string_view property) {
  ASSIGN_OR_RETURN(const auto text, Text(property));
  if (!text) return std::optional<Duration>();
  auto span = ParseDuration(*text);
  if (!span) return Fail(std::move(span.error()).Wrap(property));
  return std::optional<Duration>(*span);
}

void TaskContext::AddVariable(std::string_view name, Value value) { context_.as_object()[name] = std::move(value); }

void TaskContext::Log(std::string_view level, std::string_view message) {
  if (masker_.empty()) return LogMasked(level, message);
  LogMasked(level, masker_.Mask(message));
}

void TaskContext::LogMasked(std::string_view level, std::string_view message) {
  const int rank = LevelRank(level).value_or(2);
  if (rank < level_min_ || log_full_) return;
  const std::string name(kLevels[static_cast<std::size_t>(rank)]);
  do {
    const std::size_t cut = CutAt(message, kEntryBytesMax);
    log_bytes_ += cut + 1;
    if (log_bytes_ > services_.options.log_bytes_max) {
      log_full_ = true;
      log_({.at = services_.clock.Now(),
            .level = "WARN",
            .message = "The log of this task is cut here: it is longer than " +
                       std::to_string(services_.options.log_bytes_max) + " bytes. The task goes on."});
      return;
    }
    log_({.at = services_.clock.Now(), .level = name, .message = std::string(message.substr(0, cut))});
    message.remove_prefix(cut);
  } while (!message.empty());
}

}  // namespace headrace::worker
