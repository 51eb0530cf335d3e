#include "common/expr/jq.h"

#include <cmath>
#include <memory>
#include <string>

extern "C" {
#include <jq.h>
#include <jv.h>
}

namespace headrace::expr {
namespace {

struct JqDeleter {
  void operator()(jq_state* state) const {
    jq_state* owned = state;
    jq_teardown(&owned);
  }
};

void CollectMessage(void* messages, jv message) {
  const jv text = jq_format_error(message);
  auto& out = *static_cast<std::string*>(messages);
  if (out.empty() && jv_get_kind(text) == JV_KIND_STRING) out = jv_string_value(text);
  jv_free(text);
}

jv TextOf(std::string_view text) { return jv_string_sized(text.data(), static_cast<int>(text.size())); }

jv ToJv(const Value& value) {
  switch (value.kind()) {
    case json::kind::null: return jv_null();
    case json::kind::bool_: return jv_bool(value.get_bool() ? 1 : 0);
    case json::kind::int64: return jv_number(static_cast<double>(value.get_int64()));
    case json::kind::uint64: return jv_number(static_cast<double>(value.get_uint64()));
    case json::kind::double_: return jv_number(value.get_double());
    case json::kind::string: return TextOf(value.get_string());
    case json::kind::array: {
      jv list = jv_array();
      for (const Value& item : value.get_array()) list = jv_array_append(list, ToJv(item));
      return list;
    }
    case json::kind::object: break;
  }
  jv map = jv_object();
  for (const auto& [key, item] : value.get_object()) map = jv_object_set(map, TextOf(key), ToJv(item));
  return map;
}

// Takes ownership of `value`. jq knows doubles only: whole ones become integers again.
Value FromJv(jv value) {
  Value out;
  switch (jv_get_kind(value)) {
    case JV_KIND_TRUE: out = true; break;
    case JV_KIND_FALSE: out = false; break;
    case JV_KIND_NUMBER: {
      const double number = jv_number_value(value);
      if (number == std::floor(number) && std::abs(number) < 9.007199254740992e15) {
        out = static_cast<std::int64_t>(number);
      } else {
        out = number;
      }
      break;
    }
    case JV_KIND_STRING:
      out = std::string_view(jv_string_value(value), static_cast<std::size_t>(jv_string_length_bytes(jv_copy(value))));
      break;
    case JV_KIND_ARRAY: {
      Array list;
      const int length = jv_array_length(jv_copy(value));
      for (int i = 0; i < length; ++i) list.push_back(FromJv(jv_array_get(jv_copy(value), i)));
      out = std::move(list);
      break;
    }
    case JV_KIND_OBJECT: {
      Object map;
      for (int at = jv_object_iter(value); jv_object_iter_valid(value, at) != 0; at = jv_object_iter_next(value, at)) {
        const Value key = FromJv(jv_object_iter_key(value, at));
        map[key.get_string()] = FromJv(jv_object_iter_value(value, at));
      }
      out = std::move(map);
      break;
    }
    default: break;
  }
  jv_free(value);
  return out;
}

std::string TakeMessage(jv invalid) {
  const jv message = jv_invalid_get_msg(invalid);
  std::string text = jv_get_kind(message) == JV_KIND_STRING ? jv_string_value(message) : "";
  jv_free(message);
  return text;
}

}  // namespace

Result<Array> RunJq(std::string_view program, const Value& input, std::size_t results_max) {
  const std::unique_ptr<jq_state, JqDeleter> state(jq_init());
  if (state == nullptr) return Fail(Code::kResourceExhausted, "jq could not start");
  std::string messages;
  jq_set_error_cb(state.get(), CollectMessage, &messages);
  if (jq_compile(state.get(), std::string(program).c_str()) == 0) {
    return InvalidArgument("the jq expression '" + std::string(program) + "' does not compile: " + messages);
  }
  jq_start(state.get(), ToJv(input), 0);
  Array results;
  jv result = jq_next(state.get());
  for (; jv_is_valid(result) != 0; result = jq_next(state.get())) {
    results.push_back(FromJv(result));
    if (results.size() > results_max) return Fail(Code::kResourceExhausted, "the jq expression has too many results");
  }
  if (const std::string message = TakeMessage(result); !message.empty()) {
    return InvalidArgument("the jq expression '" + std::string(program) + "' failed: " + message);
  }
  return results;
}

}  // namespace headrace::expr
