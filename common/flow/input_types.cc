#include "common/flow/input_types.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>

#include "common/base/text.h"
#include "common/base/time.h"
#include "common/expr/regex.h"
#include "common/flow/inputs.h"
#include "common/flow/yaml.h"

namespace headrace::flow {
namespace {

using model::InputSpec;

const Value* Extra(const InputSpec& spec, std::string_view name) { return spec.extra.if_contains(name); }

// "[a, b]", as Kestra prints a list in these messages.
std::string Listed(const Value& list) {
  std::string text = "[";
  if (const Array* items = list.if_array()) {
    for (const Value& item : *items) text += (text.size() > 1 ? ", " : "") + ToText(item);
  }
  return text + ']';
}

bool Offers(const InputSpec& spec, const std::string& choice) {
  if (const Value* custom = Extra(spec, "allowCustomValue"); custom != nullptr && *custom == Value(true)) return true;
  const Value* values = Extra(spec, "values");
  if (values == nullptr || !values->is_array()) return true;
  const Array& offered = values->get_array();
  return std::any_of(offered.begin(), offered.end(), [&](const Value& one) { return ToText(one) == choice; });
}

Result<Value> ParseText(const InputSpec& spec, const Value& raw) {
  std::string text = ToText(raw);
  if (const Value* validator = Extra(spec, "validator")) {
    ASSIGN_OR_RETURN(const bool matches, expr::RegexMatches(text, ToText(*validator)));
    if (!matches) return InvalidArgument("it must match the pattern `" + ToText(*validator) + '`');
  }
  return Value(std::move(text));
}

Result<Value> ParseChoice(const InputSpec& spec, const Value& raw) {
  std::string text = ToText(raw);
  if (!Offers(spec, text)) return InvalidArgument("it must match the values `" + Listed(spec.extra.at("values")) + '`');
  return Value(std::move(text));
}

Result<Value> ParseElements(const InputSpec& spec, const Value& raw) {
  Value list = raw;
  if (const json::string* text = raw.if_string()) {
    const Result<Value> parsed = ParseJson(*text);
    if (!parsed || !parsed->is_array()) return InvalidArgument("it must be a list such as [\"a\", \"b\"]");
    list = *parsed;
  }
  if (!list.is_array()) return InvalidArgument("it must be a list such as [\"a\", \"b\"]");
  const Value* item_type = Extra(spec, "itemType");
  if (item_type == nullptr) return list;
  const InputSpec item{.id = spec.id, .type = CanonicalInputType(ToText(*item_type))};
  for (Value& element : list.get_array()) {
    Result<Value> parsed = ParseInput(item, element);
    if (!parsed) {
      return InvalidArgument("Unable to parse array element as `" + ToText(*item_type) + "` on `" + ToText(element) +
                             '`');
    }
    element = *std::move(parsed);
  }
  return list;
}

Result<Value> ParseChoices(const InputSpec& spec, const Value& raw) {
  ASSIGN_OR_RETURN(Value list, ParseElements(spec, raw));
  for (Value& choice : list.get_array()) {
    if (!Offers(spec, ToText(choice))) {
      return InvalidArgument("value `" + ToText(choice) + "` doesn't match the values `" +
                             Listed(spec.extra.at("values")) + '`');
    }
    if (!choice.is_number() && !choice.is_bool()) choice = Value(ToText(choice));
  }
  return list;
}

template <typename Number>
std::optional<Number> WholeNumber(std::string_view text) {
  text = Trim(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  Number number{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<double> AsDouble(const Value& value) {
  if (value.is_number()) return value.to_number<double>();
  if (!value.is_string()) return std::nullopt;
  const auto number = WholeNumber<double>(value.get_string());
  return number && std::isfinite(*number) ? number : std::nullopt;
}

Status CheckRange(const InputSpec& spec, double number) {
  const Value* min = Extra(spec, "min");
  const Value* max = Extra(spec, "max");
  if (min != nullptr && number < AsDouble(*min).value_or(-INFINITY)) {
    return InvalidArgument("it must be more than `" + ToText(*min) + '`');
  }
  if (max != nullptr && number > AsDouble(*max).value_or(INFINITY)) {
    return InvalidArgument("it must be less than `" + ToText(*max) + '`');
  }
  return {};
}

Result<Value> ParseInteger(const InputSpec& spec, const Value& raw) {
  std::optional<std::int64_t> number;
  if (raw.is_int64()) number = raw.get_int64();
  if (raw.is_string()) number = WholeNumber<std::int64_t>(raw.get_string());
  // 3.0 is an integer; what a double cannot hold exactly is not.
  if (raw.is_double() && std::nearbyint(raw.get_double()) == raw.get_double() && std::fabs(raw.get_double()) < 9e15) {
    number = static_cast<std::int64_t>(raw.get_double());
  }
  if (!number) return InvalidArgument("Unable to parse `" + ToText(raw) + "` as `INT`");
  RETURN_IF_ERROR(CheckRange(spec, static_cast<double>(*number)));
  return Value(*number);
}

Result<Value> ParseFloat(const InputSpec& spec, const Value& raw) {
  const auto number = AsDouble(raw);
  if (!number) return InvalidArgument("Unable to parse `" + ToText(raw) + "` as `FLOAT`");
  RETURN_IF_ERROR(CheckRange(spec, *number));
  return Value(*number);
}

Result<Value> ParseBoolean(const InputSpec&, const Value& raw) {
  if (raw.is_bool()) return raw;
  std::string text = ToText(raw);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return Value(text == "true");
}

// `normal` gives the canonical text and a key that sorts by time.
struct Moment {
  std::string text;
  std::int64_t order = 0;
};

template <typename Parse>
Result<Value> ParseMoment(const InputSpec& spec, const Value& raw, Parse parse) {
  ASSIGN_OR_RETURN(const Moment moment, parse(ToText(raw)));
  if (const Value* after = Extra(spec, "after")) {
    const Result<Moment> bound = parse(ToText(*after));
    if (bound && moment.order < bound->order) return InvalidArgument("it must be after `" + ToText(*after) + '`');
  }
  if (const Value* before = Extra(spec, "before")) {
    const Result<Moment> bound = parse(ToText(*before));
    if (bound && moment.order > bound->order) return InvalidArgument("it must be before `" + ToText(*before) + '`');
  }
  return Value(moment.text);
}

// As java.time.Instant prints: no fraction, or three or six digits.
Result<Moment> Instant(const std::string& text) {
  ASSIGN_OR_RETURN(const Timestamp at, ParseInstant(text));
  std::string printed = FormatInstant(at);
  if (printed.ends_with(".000000Z")) {
    printed.replace(printed.size() - 8, 8, "Z");
  } else if (printed.ends_with("000Z")) {
    printed.replace(printed.size() - 4, 4, "Z");
  }
  return Moment{std::move(printed), ToMicros(at)};
}

Result<Moment> Date(const std::string& text) {
  const Result<Timestamp> at = text.size() == 10 ? ParseInstant(text + "T00:00:00Z") : InvalidArgument("");
  if (!at) return InvalidArgument('\'' + text + "' is not a date such as 2026-11-22");
  return Moment{text, ToMicros(*at)};
}

Result<Moment> TimeOfDay(const std::string& text) {
  const auto bad = [&] { return InvalidArgument('\'' + text + "' is not a time such as 10:30 or 10:30:15"); };
  const bool plain = text.find_first_not_of("0123456789:.") == std::string::npos;
  const Result<Timestamp> at = plain ? ParseInstant("1970-01-01T" + text + 'Z') : InvalidArgument("");
  if (!at || ToMicros(*at) >= 86'400'000'000) return bad();
  std::string printed = FormatInstant(*at).substr(11, 15);  // 10:30:15.000000
  if (printed.ends_with(".000000")) {
    printed.resize(8);
    if (printed.ends_with(":00")) printed.resize(5);
  } else if (printed.ends_with("000")) {
    printed.resize(12);
  }
  return Moment{std::move(printed), ToMicros(*at)};
}

Result<Value> ParseDateTime(const InputSpec& spec, const Value& raw) { return ParseMoment(spec, raw, Instant); }
Result<Value> ParseDate(const InputSpec& spec, const Value& raw) { return ParseMoment(spec, raw, Date); }
Result<Value> ParseTime(const InputSpec& spec, const Value& raw) { return ParseMoment(spec, raw, TimeOfDay); }

Result<Value> ParseDurationInput(const InputSpec& spec, const Value& raw) {
  ASSIGN_OR_RETURN(const Duration duration, ParseDuration(ToText(raw)));
  if (const Value* min = Extra(spec, "min")) {
    const Result<Duration> bound = ParseDuration(ToText(*min));
    if (bound && duration < *bound) return InvalidArgument("It must be more than `" + ToText(*min) + '`');
  }
  if (const Value* max = Extra(spec, "max")) {
    const Result<Duration> bound = ParseDuration(ToText(*max));
    if (bound && duration > *bound) return InvalidArgument("It must be less than `" + ToText(*max) + '`');
  }
  return Value(FormatDuration(duration));
}

Result<Value> ParseJsonInput(const InputSpec&, const Value& raw) {
  if (const json::string* text = raw.if_string()) return ParseJson(*text);
  return raw;
}

Result<Value> ParseYamlInput(const InputSpec&, const Value& raw) {
  if (const json::string* text = raw.if_string()) return ParseYamlValue(*text);
  return raw;
}

Result<Value> ParseUri(const InputSpec&, const Value& raw) {
  std::string text = ToText(raw);
  const std::size_t colon = text.find(':');
  bool good = colon != std::string::npos && colon > 0 && colon + 1 < text.size() &&
              std::isalpha(static_cast<unsigned char>(text[0]));
  for (std::size_t i = 0; good && i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    good = c > 0x20 && c != 0x7f && (i >= colon || std::isalnum(c) || c == '+' || c == '-' || c == '.');
  }
  if (!good) return InvalidArgument("Invalid URI format.");
  return Value(std::move(text));
}

Result<Value> ParseEmail(const InputSpec&, const Value& raw) {
  std::string text = ToText(raw);
  const std::size_t at = text.find('@');
  bool good = at != std::string::npos && at > 0 && at + 1 < text.size();
  for (std::size_t i = 0; good && i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool common = std::isalnum(c) || c == '.' || c == '-';
    good =
        i == at || common || (i < at && std::string_view("_!#$%&'*+/=?`{|}~^").find(text[i]) != std::string_view::npos);
  }
  if (!good) return InvalidArgument("The input must be a valid email");
  return Value(std::move(text));
}

using Parser = Result<Value> (*)(const InputSpec&, const Value&);
struct InputType {
  std::string_view name;
  std::string_view canonical;
  Parser parse;
};

constexpr std::array<InputType, 20> kTypes = {{
    {"STRING", "STRING", ParseText},
    {"ENUM", "ENUM", ParseChoice},
    {"SELECT", "SELECT", ParseChoice},
    {"MULTISELECT", "MULTISELECT", ParseChoices},
    {"INT", "INT", ParseInteger},
    {"FLOAT", "FLOAT", ParseFloat},
    {"BOOLEAN", "BOOLEAN", ParseBoolean},
    {"BOOL", "BOOLEAN", ParseBoolean},
    {"DATETIME", "DATETIME", ParseDateTime},
    {"DATE", "DATE", ParseDate},
    {"TIME", "TIME", ParseTime},
    {"DURATION", "DURATION", ParseDurationInput},
    {"JSON", "JSON", ParseJsonInput},
    {"YAML", "YAML", ParseYamlInput},
    {"URI", "URI", ParseUri},
    {"ARRAY", "ARRAY", ParseElements},
    {"EMAIL", "EMAIL", ParseEmail},
    {"FILE", "FILE", nullptr},
    {"SECRET", "SECRET", nullptr},
    {"FORM", "FORM", nullptr},
}};

const InputType* FindType(std::string_view name) {
  const auto found =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const InputType& type) { return type.name == name; });
  return found == kTypes.end() ? nullptr : found;
}

void CheckBounds(const InputSpec& spec, std::string_view low, std::string_view high, std::vector<InputFault>& faults) {
  const InputSpec bare{.id = spec.id, .type = spec.type};
  for (const std::string_view name : {low, high}) {
    const Value* bound = Extra(spec, name);
    if (bound == nullptr) continue;
    if (const Result<Value> parsed = ParseInput(bare, *bound); !parsed) {
      faults.push_back({std::string(name), parsed.error().message});
      return;
    }
  }
  const Value* top = Extra(spec, high);
  if (top == nullptr || Extra(spec, low) == nullptr || ParseInput(spec, *top)) return;
  faults.push_back(
      {std::string(low), '`' + std::string(low) + "` must not be greater than `" + std::string(high) + '`'});
}

}  // namespace

bool IsUnsupportedInput(std::string_view canonical_type) {
  const InputType* type = FindType(canonical_type);
  return type != nullptr && type->parse == nullptr;
}

const std::vector<std::string>& InputTypes() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const InputType& type : kTypes) names.emplace_back(type.name);
    return names;
  }();
  return kNames;
}

std::string CanonicalInputType(std::string_view name) {
  const InputType* type = FindType(name);
  return type == nullptr ? std::string() : std::string(type->canonical);
}

Result<Value> ParseInput(const InputSpec& spec, const Value& raw) {
  const InputType* type = FindType(spec.type);
  if (type == nullptr) return InvalidArgument("unknown input type `" + spec.type + '`');
  if (type->parse == nullptr) {
    return Fail(Code::kUnimplemented, "inputs of type " + spec.type + " are not supported yet");
  }
  return type->parse(spec, raw);
}

std::vector<InputFault> CheckInputSpec(const InputSpec& spec) {
  std::vector<InputFault> faults;
  if (const Value* validator = Extra(spec, "validator")) {
    if (const auto matches = expr::RegexMatches("", ToText(*validator)); !matches) {
      faults.push_back({"validator", matches.error().message});
    }
  }
  if (const Value* item = Extra(spec, "itemType"); item != nullptr) {
    const std::string type = CanonicalInputType(ToText(*item));
    if (type.empty() || IsUnsupportedInput(type)) {
      faults.push_back({"itemType", "unknown or unsupported element type `" + ToText(*item) + '`'});
    }
  } else if (spec.type == "ARRAY") {
    faults.push_back({"itemType", "an input of type ARRAY needs `itemType`, such as STRING"});
  }
  const bool chooses = spec.type == "ENUM" || spec.type == "SELECT" || spec.type == "MULTISELECT";
  if (chooses && !spec.extra.contains("values") && !spec.extra.contains("expression")) {
    faults.push_back({"values", "an input of type " + spec.type + " needs `values`"});
  }
  CheckBounds(spec, "min", "max", faults);
  CheckBounds(spec, "after", "before", faults);
  return faults;
}

}  // namespace headrace::flow
