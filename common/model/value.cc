#include "common/model/value.h"

#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
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
    case json::kind::double_:
      // JSON has no word for these; bare, they would make the whole text unreadable.
      out += std::isfinite(value.get_double()) ? ToText(value) : '"' + ToText(value) + '"';
      return;
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

// Builds values as Boost's own parser does, but loses nothing of a number: Boost's doubles may be wrong in their last bit,
// and what fits neither 64 bits nor a finite double would be rounded. Such a number becomes the text that was written.
class ValueBuilder {
 public:
  static constexpr std::size_t max_object_size = Object::max_size();
  static constexpr std::size_t max_array_size = Array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  Value Release() { return stack_.release(); }

  bool on_document_begin(json::error_code&) {
    stack_.reset();
    return true;
  }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return true; }
  bool on_object_end(std::size_t count, json::error_code&) {
    stack_.push_object(count);
    return true;
  }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t count, json::error_code&) {
    stack_.push_array(count);
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) { return Part(part); }
  bool on_key(json::string_view rest, std::size_t, json::error_code&) {
    stack_.push_key(rest);
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) { return Part(part); }
  bool on_string(json::string_view rest, std::size_t, json::error_code&) {
    stack_.push_string(rest);
    return true;
  }
  // The whole text is at hand, so numbers come in one piece.
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t number, json::string_view, json::error_code&) {
    stack_.push_int64(number);
    return true;
  }
  bool on_uint64(std::uint64_t number, json::string_view, json::error_code&) {
    stack_.push_uint64(number);
    return true;
  }
  bool on_double(double nearly, json::string_view text, json::error_code&) {
    double exact = nearly;
    const bool whole = text.find_first_of(".eE") == json::string_view::npos;
    const bool read = std::from_chars(text.data(), text.data() + text.size(), exact).ec == std::errc();
    if (whole || (!read && std::isinf(nearly))) stack_.push_string(text);
    else stack_.push_double(read ? exact : nearly);  // unread: too close to zero for a double
    return true;
  }
  bool on_bool(bool value, json::error_code&) {
    stack_.push_bool(value);
    return true;
  }
  bool on_null(json::error_code&) {
    stack_.push_null();
    return true;
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  bool Part(json::string_view part) {
    stack_.push_chars(part);
    return true;
  }

  json::value_stack stack_;
};

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
  json::basic_parser<ValueBuilder> parser(json::parse_options{.max_depth = 128});
  const std::size_t used = parser.write_some(/*more=*/false, text.data(), text.size(), failure);
  if (!failure && used < text.size()) {
    if (text.find_first_not_of(" \t\r\n", used) != std::string_view::npos) {
      return InvalidArgument("invalid JSON: extra text at offset " + std::to_string(used));
    }
  }
  if (failure) return InvalidArgument("invalid JSON near offset " + std::to_string(used) + ": " + failure.message());
  return parser.handler().Release();
}

}  // namespace headrace
