#include <atomic>

#include "common/expr/builtin.h"
#include "common/expr/ion_reader.h"
#include "common/expr/yaml_reader.h"

namespace headrace::expr {
namespace {

constinit std::atomic<YamlReader> yaml_reader = nullptr;

Result<std::string_view> NeedText(const Invocation& call) {
  const json::string* text = call.Argument(0)->if_string();
  if (text == nullptr) return Refuse(call, "needs a text, not a " + std::string(KindName(*call.Argument(0))));
  RETURN_IF_ERROR(call.budget().SpendText(text->size()));
  RETURN_IF_ERROR(call.budget().Spend(text->size() / 16));
  return std::string_view(*text);
}

Result<Value> YamlFunction(const Invocation& call) {
  if (call.Argument(0) == nullptr) return Value(nullptr);
  ASSIGN_OR_RETURN(const std::string_view text, NeedText(call));
  Result<Value> parsed = ReadYaml(text);
  if (!parsed && parsed.error().code == Code::kFailedPrecondition) return parsed;
  if (!parsed) {
    const Error& error = parsed.error();
    return InvalidArgument("Invalid yaml: " + (error.violations.empty() ? error.message : error.violations[0].message));
  }
  RETURN_IF_ERROR(call.budget().SpendCopy(*parsed));
  return parsed;
}

Result<Value> FromIonFunction(const Invocation& call) {
  if (call.Argument(0) == nullptr) return Value(nullptr);
  const bool all_rows = call.Flag(1, false);
  ASSIGN_OR_RETURN(const std::string_view text, NeedText(call));
  Result<Array> rows = ReadIon(text, all_rows ? call.budget().limits().steps : 1);
  if (!rows) return InvalidArgument("Invalid ion: " + rows.error().message);
  if (!all_rows && rows->empty()) return Value(nullptr);
  Value value = all_rows ? Value(std::move(*rows)) : std::move(rows->front());
  RETURN_IF_ERROR(call.budget().SpendCopy(value));
  return value;
}

constexpr Builtin kFunctions[] = {
    {"fromIon", FromIonFunction, {"ion", "allRows"}, 1},
    {"yaml", YamlFunction, {"yaml"}, 1},
};

}  // namespace

void SetYamlReader(YamlReader reader) { yaml_reader = reader; }

Result<Value> ReadYaml(std::string_view text) {
  const YamlReader reader = yaml_reader;
  if (reader == nullptr) return Fail(Code::kFailedPrecondition, "function `yaml` is not available here");
  return reader(text);
}

std::span<const Builtin> DataFunctions() { return kFunctions; }

}  // namespace headrace::expr
