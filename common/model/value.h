// The value type of the whole house: JSON with 64-bit integers and doubles; objects keep their order.
// Shapes: a missing key is "undefined"; a present null is null. Text of a value follows Kestra's printing (FLOWS 2.1).
// Threads: values. Source: Boost.JSON.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace headrace {

namespace json = boost::json;
using Value = json::value;
using Object = json::object;
using Array = json::array;

// The member `key` of an object, or nullptr when `value` is no object or lacks it.
const Value* Member(const Value& value, std::string_view key);
// Follows object keys by dots: "trigger.variables.date"; nullptr when a step is missing.
const Value* AtPath(const Value& value, std::string_view dotted);

// What an expression prints: null is empty, text is itself, lists and maps are JSON.
std::string ToText(const Value& value);
// Compact JSON.
std::string ToJson(const Value& value);
// Parses one JSON document. Depth is capped at 128. Errors: INVALID_ARGUMENT with the offset.
Result<Value> ParseJson(std::string_view text);

}  // namespace headrace
