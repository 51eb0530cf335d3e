#include <array>
#include <cctype>
#include <charconv>

#include "common/base/hash.h"
#include "common/base/text.h"
#include "common/expr/template.h"
#include "worker/files/working_directory.h"
#include "worker/sealed.h"
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
                         CancelToken& cancel, LogSink log, TaskContext* outer)
    : order_(order), properties_(properties), services_(services), cancel_(cancel), log_(std::move(log)), outer_(outer),
      level_min_(LevelRank(order.spec->log_level).value_or(0)), masker_(outer == nullptr ? own_masker_ : outer->masker_),
      files_(services.storage, order, services.options),
      environment_(services, order, Seed(order, services), files_, cancel, masker_) {}

TaskContext::~TaskContext() = default;

Timestamp TaskContext::began() const {
  return order_.started == Timestamp{} ? services_.clock.Now() : order_.started;
}

Status TaskContext::Open() {
  if (!order_.memo_json.empty()) {
    ASSIGN_OR_RETURN(memo_, ParseJson(order_.memo_json));
  }
  if (order_.context_json.empty()) {
    context_ = Object();
    return {};
  }
  ASSIGN_OR_RETURN(context_, ParseJson(order_.context_json));
  if (!context_.is_object()) return InvalidArgument("the context of the task is not an object");
  if (order_.context_json.find(kSealedType) == std::string::npos) return {};
  return OpenSealed(context_, Sealer(services_.options.environment), masker_);
}

void TaskContext::OpenWith(Object variables) { context_ = std::move(variables); }

void TaskContext::Close() { directory_ = nullptr; }

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

Result<std::string> TaskContext::RequiredText(std::string_view property) {
  ASSIGN_OR_RETURN(auto text, Text(property));
  if (!text) return InvalidArgument(std::string(property) + ": is missing");
  return std::move(*text);
}

Result<bool> TaskContext::Bool(std::string_view property, bool fallback) {
  ASSIGN_OR_RETURN(const auto text, Text(property));
  return text ? IsTruthy(*text) : fallback;
}

Result<std::optional<std::int64_t>> TaskContext::Integer(std::string_view property) {
  ASSIGN_OR_RETURN(const auto text, Text(property));
  if (!text) return std::optional<std::int64_t>();
  std::int64_t number = 0;
  const std::string_view digits = Trim(*text);
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (problem != std::errc() || end != digits.data() + digits.size())
    return InvalidArgument(std::string(property) + ": '" + *text + "' is no whole number");
  return std::optional<std::int64_t>(number);
}

Result<std::optional<Duration>> TaskContext::Span(std::string_view property) {
  ASSIGN_OR_RETURN(const auto text, Text(property));
  if (!text) return std::optional<Duration>();
  auto span = ParseDuration(*text);
  if (!span) return Fail(std::move(span.error()).Wrap(property));
  return std::optional<Duration>(*span);
}

Result<std::vector<std::string>> TaskContext::Texts(std::string_view property) {
  std::vector<std::string> texts;
  ASSIGN_OR_RETURN(Value value, Render(property, false));
  if (value.is_null()) return texts;
  if (value.is_string()) {
    auto parsed = Trim(std::string_view(value.get_string())).starts_with('[') ? ParseJson(ToText(value)) : Result<Value>();
    if (parsed && parsed->is_array()) value = std::move(*parsed);
    else value = Array{value};
  }
  if (!value.is_array()) return InvalidArgument(std::string(property) + ": expected a list of texts");
  for (const Value& item : value.get_array()) texts.push_back(ToText(item));
  return texts;
}

Result<Object> TaskContext::Map(std::string_view property, bool typed) {
  ASSIGN_OR_RETURN(Value value, Render(property, typed));
  if (value.is_string()) {
    if (Trim(std::string_view(value.get_string())).empty()) return Object();
    auto parsed = ParseJson(ToText(value));
    if (!parsed) return Fail(std::move(parsed.error()).Wrap(std::string(property) + " is no JSON map"));
    value = std::move(*parsed);
  }
  if (value.is_null()) return Object();
  if (!value.is_object()) return InvalidArgument(std::string(property) + ": expected a map");
  return std::move(value.get_object());
}

Result<std::string> TaskContext::RenderOver(std::string_view text, const Object& more) {
  Object& variables = context_.as_object();
  std::vector<std::pair<std::string, std::optional<Value>>> before;
  for (const auto& [name, value] : more) {
    Value* known = variables.if_contains(name);
    before.emplace_back(std::string(name), known == nullptr ? std::nullopt : std::optional<Value>(std::move(*known)));
    variables[name] = value;
  }
  auto rendered = RenderValue(json::string(text), false);
  for (auto& [name, value] : before) {
    if (value) variables[name] = std::move(*value);
    else variables.erase(name);
  }
  if (!rendered) return Fail(std::move(rendered.error()));
  return ToText(*rendered);
}

void TaskContext::AddVariable(std::string_view name, Value value) { context_.as_object()[name] = std::move(value); }

Result<ScratchFile> TaskContext::Scratch() const { return ScratchFile::Make(services_.directories.path()); }

Result<std::string> TaskContext::Store(ScratchFile& file, std::string_view extension) {
  RETURN_IF_ERROR(file.Rewind());
  ASSIGN_OR_RETURN(auto put, files_.Put(std::to_string(++stored_) + std::string(extension), file.fd(),
                                        services_.options.file_bytes_max));
  return std::move(put.uri);
}

Result<WorkingDirectory*> TaskContext::Directory() {
  if (outer_ == nullptr && directory_ == nullptr) {
    const wire::TaskKey& key = order_.key;
    ASSIGN_OR_RETURN(directory_, services_.directories.Make(
                                     key.execution.str() + "-" + std::to_string(key.fence.task_run) + "-" +
                                     std::to_string(key.fence.attempt) + "-" + std::to_string(key.fence.delivery)));
  }
  if (outer_ == nullptr) {
    AddVariable("workingDir", json::string(directory_->path()));
    return directory_.get();
  }
  ASSIGN_OR_RETURN(WorkingDirectory* const shared, outer_->Directory());
  AddVariable("workingDir", json::string(shared->path()));
  return shared;
}

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
