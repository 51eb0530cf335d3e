#include "common/expr/builtin.h"
#include "common/expr/jq.h"
#include "common/expr/jq_path.h"
#include "common/expr/yaml_writer.h"

namespace headrace::expr {
namespace {

Result<Value> Written(const Invocation& call, std::string (*write)(const Value&)) {
  RETURN_IF_ERROR(call.budget().SpendCopy(call.input));
  std::string text = write(call.input);
  RETURN_IF_ERROR(call.budget().SpendText(text.size()));
  return Value(std::move(text));
}
Result<Value> ToJsonFilter(const Invocation& call) { return Written(call, ToJson); }
Result<Value> ToYamlFilter(const Invocation& call) { return Written(call, WriteYaml); }
Result<Value> ToIonFilter(const Invocation& call) { return Written(call, WriteIon); }

Result<Value> JqFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  RETURN_IF_ERROR(call.budget().SpendCopy(call.input));
  RETURN_IF_ERROR(call.budget().Spend(100));  // a thread
  // JSON text is looked into, such as the body of an HTTP answer; other text is a text.
  Value parsed;
  const Value* input = &call.input;
  if (call.input.is_string()) {
    RETURN_IF_ERROR(call.budget().SpendText(call.input.get_string().size()));
    if (Result<Value> read = ParseJson(call.input.get_string())) {
      parsed = std::move(*read);
      input = &parsed;
    }
  }
  if (const auto picked = PickByJq(call.Text(0), *input)) {
    Array list;
    for (const Value* value : *picked) {
      RETURN_IF_ERROR(call.budget().SpendCopy(*value));
      list.push_back(*value);
    }
    return Value(std::move(list));
  }
  ASSIGN_OR_RETURN(Array results, RunJq(call.Text(0), *input, call.budget().limits().steps, call.budget().foreign_time()));
  Value list(std::move(results));
  RETURN_IF_ERROR(call.budget().SpendCopy(list));
  return list;
}

Result<Value> ClassNameFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  return Value(JavaClassName(call.input, call.input_type));
}

constexpr Builtin kFilters[] = {
    {"className", ClassNameFilter, {}, 0, false, false, "", true}, {"jq", JqFilter, {"expression"}, 1}, {"json", ToJsonFilter},
    {"toIon", ToIonFilter},         {"toJson", ToJsonFilter},            {"yaml", ToYamlFilter},
};

}  // namespace

std::span<const Builtin> DataFilters() { return kFilters; }

}  // namespace headrace::expr
