#include "common/expr/builtin.h"
#include "common/expr/jq.h"
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
  ASSIGN_OR_RETURN(Array results, RunJq(call.Text(0), *input, call.budget().limits().steps, call.budget().foreign_time()));
  Value list(std::move(results));
  RETURN_IF_ERROR(call.budget().SpendCopy(list));
  return list;
}

Result<Value> ClassNameFilter(const Invocation& call) {
  switch (call.input.kind()) {
    case json::kind::null: return Value(nullptr);
    case json::kind::bool_: return Value("java.lang.Boolean");
    case json::kind::string: return Value("java.lang.String");
    case json::kind::double_: return Value("java.lang.Double");
    case json::kind::array: return Value("java.util.ArrayList");
    case json::kind::object: return Value("java.util.LinkedHashMap");
    default: break;
  }
  const bool narrow = call.input.is_int64() && call.input.get_int64() <= INT32_MAX && call.input.get_int64() >= INT32_MIN;
  return Value(narrow ? "java.lang.Integer" : "java.lang.Long");
}

constexpr Builtin kFilters[] = {
    {"className", ClassNameFilter}, {"jq", JqFilter, {"expression"}, 1}, {"json", ToJsonFilter},
    {"toIon", ToIonFilter},         {"toJson", ToJsonFilter},            {"yaml", ToYamlFilter},
};

}  // namespace

std::span<const Builtin> DataFilters() { return kFilters; }

}  // namespace headrace::expr
