#include "executor/render.h"

#include <charconv>

#include "common/base/hash.h"
#include "common/base/text.h"
#include "common/expr/environment.h"

namespace headrace::executor {

using model::TaskRunIndex;

namespace {

// The same run, attempt and moment always draw the same random numbers. What only the world knows comes with the event.
class StepEnvironment final : public expr::BasicEnvironment {
 public:
  StepEnvironment(const Step& step, RunId run, bool kept)
      : expr::BasicEnvironment(step.at(), Seed(step, run), step.live().program().time_zone()), step_(step), kept_(kept) {}

  Result<Value> Call(std::string_view function, const Array& positional, const Object& named, const Value&) override {
    if (function == "secret" && kept_) {
      return Fail(Code::kFailedPrecondition,
                  "secret() cannot be used here, its value would be stored with the execution: call secret() in the task "
                  "that needs it");
    }
    const model::Answer* answer = step_.Ask({std::string(function), positional, named});
    if (answer == nullptr) return Fail(Code::kFailedPrecondition, std::string(function) + "() is not answered yet");
    if (!answer->error.empty()) return InvalidArgument(answer->error);
    return answer->value;
  }

 private:
  static std::uint64_t Seed(const Step& step, RunId run) {
    std::uint64_t seed = static_cast<std::uint64_t>(ToMicros(step.at()));
    if (run) seed = seed * 31 + *run * 7919ULL + step.run(*run).attempt;
    return StableHash(step.execution().id.str(), seed);
  }

  const Step& step_;
  const bool kept_;  // the value becomes part of an execution
};

Value ContextOf(const Step& step, RunId run, const expr::References& references) {
  return BuildContext(step.live(), run, references);
}

std::string Quoted(std::string_view path, const Value& value) {
  return "`" + std::string(path) + "` is " + ToJson(value);
}

// The property's value with its text rendered, but lists and maps as they are.
Result<std::optional<Value>> Rendered(const Step& step, TaskRunIndex run, std::string_view path) {
  const auto& texts = step.program(run).texts;
  if (const auto text = texts.find(path); text != texts.end()) {
    ASSIGN_OR_RETURN(Value value, RenderTemplateTyped(step, run, *text->second));
    return std::optional<Value>(std::move(value));
  }
  const std::size_t dot = path.find('.');
  const Value* value = step.task(run).properties.if_contains(path.substr(0, dot));
  if (value != nullptr && dot != std::string_view::npos) value = AtPath(*value, path.substr(dot + 1));
  if (value == nullptr || value->is_null()) return std::optional<Value>();
  return std::optional<Value>(*value);
}

}  // namespace

Object VariablesOf(const LiveExecution& live) {
  Object variables = live.program().flow().variables;
  for (const auto& [name, value] : live.execution().variables) {
    if (value.is_null()) variables.erase(name);
    else variables[name] = value;
  }
  return variables;
}

Result<std::string> RenderTemplate(const Step& step, RunId run, const expr::Template& text) {
  if (text.is_literal()) return text.source();
  StepEnvironment environment(step, run, /*kept=*/false);
  return text.RenderText(ContextOf(step, run, text.references()), environment);
}

Result<Value> RenderTemplateTyped(const Step& step, RunId run, const expr::Template& text) {
  if (text.is_literal()) return Value(text.source());
  StepEnvironment environment(step, run, /*kept=*/false);
  return text.RenderTyped(ContextOf(step, run, text.references()), environment);
}

Result<Duration> RenderDuration(const Step& step, RunId run, const expr::Template& text) {
  ASSIGN_OR_RETURN(const std::string rendered, RenderTemplate(step, run, text));
  return ParseDuration(Trim(rendered));
}

Result<Value> RenderAll(const Step& step, RunId run, const Value& value, const expr::References& references, bool typed) {
  StepEnvironment environment(step, run, /*kept=*/true);
  return expr::RenderDeep(value, ContextOf(step, run, references), environment, typed);
}

Result<std::optional<std::string>> TextProperty(const Step& step, TaskRunIndex run, std::string_view path) {
  const auto& texts = step.program(run).texts;
  if (const auto text = texts.find(path); text != texts.end()) {
    ASSIGN_OR_RETURN(std::string rendered, RenderTemplate(step, run, *text->second));
    return std::optional<std::string>(std::move(rendered));
  }
  ASSIGN_OR_RETURN(const std::optional<Value> value, Rendered(step, run, path));
  return value ? std::optional<std::string>(ToText(*value)) : std::nullopt;
}

Result<std::optional<std::int64_t>> IntegerProperty(const Step& step, TaskRunIndex run, std::string_view path) {
  ASSIGN_OR_RETURN(const std::optional<Value> value, Rendered(step, run, path));
  if (!value || value->is_null()) return std::optional<std::int64_t>();
  std::int64_t number = 0;
  const std::string text(Trim(ToText(*value)));
  if (text.empty()) return std::optional<std::int64_t>();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return InvalidArgument(Quoted(path, *value) + ", expected a whole number");
  }
  return std::optional<std::int64_t>(number);
}

Result<std::optional<bool>> BooleanProperty(const Step& step, TaskRunIndex run, std::string_view path) {
  ASSIGN_OR_RETURN(const std::optional<Value> value, Rendered(step, run, path));
  if (!value || value->is_null()) return std::optional<bool>();
  if (value->is_bool()) return std::optional<bool>(value->get_bool());
  const std::string text(Trim(ToText(*value)));
  if (text == "true" || text == "false") return std::optional<bool>(text == "true");
  return InvalidArgument(Quoted(path, *value) + ", expected true or false");
}

Result<std::optional<Duration>> DurationProperty(const Step& step, TaskRunIndex run, std::string_view path) {
  ASSIGN_OR_RETURN(const std::optional<std::string> text, TextProperty(step, run, path));
  if (!text || Trim(*text).empty()) return std::optional<Duration>();
  Result<Duration> duration = ParseDuration(Trim(*text));
  if (!duration) return Fail(std::move(duration.error()).Wrap("`" + std::string(path) + "`"));
  return std::optional<Duration>(*duration);
}

Result<std::optional<Value>> DeepProperty(const Step& step, TaskRunIndex run, std::string_view name, bool typed) {
  const Value* value = step.task(run).properties.if_contains(name);
  if (value == nullptr || value->is_null()) return std::optional<Value>();
  const auto references = step.program(run).references.find(name);
  ASSIGN_OR_RETURN(Value rendered, RenderAll(step, run, *value, references->second, typed));
  if (!value->is_string() || !rendered.is_string()) return std::optional<Value>(std::move(rendered));
  const std::string text(Trim(std::string_view(rendered.get_string())));
  if (text.starts_with('[') || text.starts_with('{')) {
    if (Result<Value> parsed = ParseJson(text); parsed) return std::optional<Value>(std::move(*parsed));
  }
  return std::optional<Value>(std::move(rendered));
}

}  // namespace headrace::executor
