#include "common/model/value.h"

#include <cmath>

namespace headrace {
namespace {

// Doubles print the way people write them, not as Boost's 1.5E0.
void AppendJson(std::string& out, const Value& value) {
  switch (value.kind()) {
    case json::kind::object: {
      out += '{';
      bool first = true;
      for (const auto& [key, member] : value.get_object()) {
        if (!first) out += ',';
        first = false;
        out += json::serialize(json::string(key));
        out += ':';
        AppendJson(out, member);
      }
      out += '}';
      return;
    }
    case json::kind::array: {
      out += '[';
      bool first = true;
      for (const Value& item : value.get_array()) {
        if (!first) out += ',';
        first = false;
        AppendJson(out, item);
      }
      out += ']';
      return;
    }
    case json::kind::double_: out += ToText(value); return;
    default: out += json::serialize(value); return;
  }
}

// As Java's Double.toString: plain between 1e-3 and 1e7, always with a fraction, else d.dddE[-]x.
std::string DoubleText(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  if (number == 0) return std::signbit(number) ? "-0.0" : "0.0";
  std::string shortest = json::serialize(Value(number));  // shortest round trip, d.dddE±x
  const bool negative = shortest.front() == '-';
  if (negative) shortest.erase(0, 1);
  const std::size_t e = shortest.find_first_of("eE");
  std::string mantissa = shortest.substr(0, e);
  int exponent = e == std::string::npos ? 0 : std::stoi(shortest.substr(e + 1));
  std::string digits;
  std::size_t point = mantissa.find('.');
  if (point == std::string::npos) point = mantissa.size();
  for (const char c : mantissa) {
    if (c != '.') digits += c;
  }
  int decimal = static_cast<int>(point) + exponent;  // digits before the decimal point
  while (digits.size() > 1 && digits.front() == '0') {
    digits.erase(0, 1);
    --decimal;
  }
  while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
  std::string text;
  if (decimal > -3 && decimal <= 7) {
    if (decimal <= 0) {
      text = "0." + std::string(static_cast<std::size_t>(-decimal), '0') + digits;
    } else if (digits.size() <= static_cast<std::size_t>(decimal)) {
      text = digits + std::string(static_cast<std::size_t>(decimal) - digits.size(), '0') + ".0";
    } else {
      text = digits.substr(0, static_cast<std::size_t>(decimal)) + '.' + digits.substr(static_cast<std::size_t>(decimal));
    }
  } else {
    text = digits.substr(0, 1) + '.' + (digits.size() > 1 ? digits.substr(1) : "0") + 'E' + std::to_string(decimal - 1);
  }
  return negative ? '-' + text : text;
}

}  // namespace

const Value* Member(const Value& value, std::string_view key) {
  const Object* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains(key);
}

const Value* AtPath(const Value& value, std::string_view dotted) {
  const Value* at = &value;
  while (at != nullptr && !dotted.empty()) {
    const std::size_t dot = dotted.find('.');
    at = Member(*at, dotted.substr(0, dot));
    dotted = dot == std::string_view::npos ? std::string_view() : dotted.substr(dot + 1);
  }
  return at;
}

std::string ToText(const Value& value) {
  switch (value.kind()) {
    case json::kind::null: return "";
    case json::kind::bool_: return value.get_bool() ? "true" : "false";
    case json::kind::int64: return std::to_string(value.get_int64());
    case json::kind::uint64: return std::to_string(value.get_uint64());
    case json::kind::double_: return DoubleText(value.get_double());
    case json::kind::string: return std::string(value.get_string());
    default: return ToJson(value);
  }
}

std::string ToJson(const Value& value) {
  std::string out;
  AppendJson(out, value);
  return out;
}

Result<Value> ParseJson(std::string_view text) {
  json::error_code failure;
  json::stream_parser parser({}, json::parse_options{.max_depth = 128});
  const std::size_t used = parser.write_some(text.data(), text.size(), failure);
  if (!failure && !parser.done()) parser.finish(failure);
  if (!failure && used < text.size()) {
    if (text.find_first_not_of(" \t\r\n", used) != std::string_view::npos) {
      return InvalidArgument("invalid JSON: extra text at offset " + std::to_string(used));
    }
  }
  if (failure) return InvalidArgument("invalid JSON near offset " + std::to_string(used) + ": " + failure.message());
  return parser.release();
}

}  // namespace headrace
