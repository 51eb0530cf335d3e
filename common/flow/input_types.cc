#include "common/flow/input_types.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "common/base/text.h"
#include "common/expr/regex.h"
#include "common/flow/inputs.h"
#include "common/flow/yaml.h"

namespace headrace::flow {
namespace {

using model::InputSpec;

const Value* Extra(const InputSpec& spec, std::string_view name) { return spec.extra.if_contains(name); }

char SmallLetter(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

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

Result<Value> ParseText(const InputSpec& spec, const Value& raw, const InputSeams&) {
  std::string text = ToText(raw);
  if (const Value* validator = Extra(spec, "validator")) {
    ASSIGN_OR_RETURN(const bool matches, expr::RegexMatches(text, ToText(*validator)));
    if (!matches) return InvalidArgument("it must match the pattern `" + ToText(*validator) + '`');
  }
  return Value(std::move(text));
}

constexpr std::string_view kEncryptedType = "io.kestra.datatype:aes_encrypted";

Result<Value> ParseSecret(const InputSpec& spec, const Value& raw, const InputSeams& seams) {
  // One that was encrypted before: handed on by a parent or a replay.
  if (const Value* type = Member(raw, "type"); type != nullptr && *type == Value(kEncryptedType)) return raw;
  ASSIGN_OR_RETURN(const Value plain, ParseText(spec, raw, seams));
  if (!seams.encrypt) {
    return InvalidArgument("Unable to use a `SECRET` input/output as encryption is not configured; set " +
                           std::string(kEncryptionKeyVariable) +
                           " to a key of 32 bytes in base64, such as `openssl rand -base64 32` prints");
  }
  ASSIGN_OR_RETURN(std::string hidden, seams.encrypt(plain.get_string()));
  return Value(Object{{"type", kEncryptedType}, {"value", std::move(hidden)}});
}

bool IsFileUri(std::string_view text) {
  for (const std::string_view scheme : {"kestra://", "file://", "nsfile://"}) {
    if (text.starts_with(scheme)) return true;
  }
  return false;
}

// ".csv" of "kestra:///a/b.CSV", in small letters; empty without one.
std::string Extension(std::string_view uri) {
  const std::string_view name = uri.substr(uri.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  std::string extension(dot == std::string_view::npos ? std::string_view() : name.substr(dot));
  std::transform(extension.begin(), extension.end(), extension.begin(), SmallLetter);
  return extension;
}

Result<Value> ParseFile(const InputSpec& spec, const Value& raw, const InputSeams& seams) {
  std::string uri = ToText(raw);
  if (const Value* allowed = Extra(spec, "allowedFileExtensions"); allowed != nullptr && allowed->is_array()) {
    const Array& list = allowed->get_array();
    const std::string extension = Extension(uri);
    if (std::none_of(list.begin(), list.end(), [&](const Value& one) { return Extension(ToText(one)) == extension; })) {
      std::string listed = Listed(*allowed);
      return InvalidArgument("File type not allowed. Accepted extensions: " + listed.substr(1, listed.size() - 2));
    }
  }
  if (IsFileUri(uri)) return Value(std::move(uri));
  if (!seams.store_file) {
    return InvalidArgument("a file is named by a kestra:///, file:/// or nsfile:/// URI; `" + uri + "` is none");
  }
  ASSIGN_OR_RETURN(std::string stored, seams.store_file(spec, uri));
  return Value(std::move(stored));
}

Result<Value> ParseChoice(const InputSpec& spec, const Value& raw, const InputSeams&) {
  std::string text = ToText(raw);
  if (!Offers(spec, text)) return InvalidArgument("it must match the values `" + Listed(spec.extra.at("values")) + '`');
  return Value(std::move(text));
}

Result<Value> ParseElements(const InputSpec& spec, const Value& raw, const InputSeams& seams) {
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
    Result<Value> parsed = ParseInput(item, element, seams);
    if (!parsed) {
      return InvalidArgument("Unable to parse array element as `" + ToText(*item_type) + "` on `" + ToText(element) +
                             '`');
    }
    element = *std::move(parsed);
  }
  return list;
}

Result<Value> ParseChoices(const InputSpec& spec, const Value& raw, const InputSeams& seams) {
  ASSIGN_OR_RETURN(Value list, ParseElements(spec, raw, seams));
  std::string faults;
  const auto add = [&](const std::string& fault) { faults += (faults.empty() ? "" : ", ") + fault; };
  if (spec.extra.contains("options")) add("you can't define both `values` and `options`");
  for (Value& choice : list.get_array()) {
    if (!Offers(spec, ToText(choice))) {
      add("value `" + ToText(choice) + "` doesn't match the values `" + Listed(spec.extra.at("values")) + '`');
    }
    if (!choice.is_number() && !choice.is_bool()) choice = Value(ToText(choice));
  }
  if (!faults.empty()) return InvalidArgument(std::move(faults));
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

Result<Value> ParseInteger(const InputSpec& spec, const Value& raw, const InputSeams&) {
  std::optional<std::int64_t> number;
  if (raw.is_int64()) number = raw.get_int64();
  if (raw.is_uint64() && raw.get_uint64() <= std::numeric_limits<std::int64_t>::max()) number = static_cast<std::int64_t>(raw.get_uint64());
  if (raw.is_string()) number = WholeNumber<std::int64_t>(raw.get_string());
  // 3.0 is an integer; what a double cannot hold exactly is not.
  if (raw.is_double() && std::nearbyint(raw.get_double()) == raw.get_double() && std::fabs(raw.get_double()) < 9e15) {
    number = static_cast<std::int64_t>(raw.get_double());
  }
  if (!number) return InvalidArgument("Unable to parse `" + ToText(raw) + "` as `INT`");
  RETURN_IF_ERROR(CheckRange(spec, static_cast<double>(*number)));
  return Value(*number);
}

Result<Value> ParseFloat(const InputSpec& spec, const Value& raw, const InputSeams&) {
  const auto number = AsDouble(raw);
  if (!number) return InvalidArgument("Unable to parse `" + ToText(raw) + "` as `FLOAT`");
  RETURN_IF_ERROR(CheckRange(spec, *number));
  return Value(*number);
}

Result<Value> ParseBoolean(const InputSpec&, const Value& raw, const InputSeams&) {
  if (raw.is_bool()) return raw;
  std::string text = ToText(raw);
  std::transform(text.begin(), text.end(), text.begin(), SmallLetter);
  return Value(text == "true");
}

Result<Value> ParseJsonInput(const InputSpec&, const Value& raw, const InputSeams&) {
  if (const json::string* text = raw.if_string()) return ParseJson(*text);
  return raw;
}

Result<Value> ParseYamlInput(const InputSpec&, const Value& raw, const InputSeams&) {
  if (const json::string* text = raw.if_string()) return ParseYamlValue(*text);
  return raw;
}

// Kestra asks for `scheme://` too, and for a host with a dot, which its own storage URIs have not.
Result<Value> ParseUri(const InputSpec&, const Value& raw, const InputSeams&) {
  std::string text = ToText(raw);
  const std::size_t colon = text.find("://");
  bool good = colon != std::string::npos && colon > 0 && colon + 3 < text.size() &&
              std::isalpha(static_cast<unsigned char>(text[0]));
  for (std::size_t i = 0; good && i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    good = c > 0x20 && c != 0x7f && (i >= colon || std::isalnum(c) || c == '+' || c == '-' || c == '.');
  }
  if (!good) return InvalidArgument("Invalid URI format.");
  return Value(std::move(text));
}

Result<Value> ParseEmail(const InputSpec&, const Value& raw, const InputSeams&) {
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

using Parser = Result<Value> (*)(const InputSpec&, const Value&, const InputSeams&);

// Those that need nothing of the process.
template <Result<Value> (*parse)(const InputSpec&, const Value&)>
Result<Value> Plain(const InputSpec& spec, const Value& raw, const InputSeams&) {
  return parse(spec, raw);
}

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
    {"DATETIME", "DATETIME", Plain<ParseDateTime>},
    {"DATE", "DATE", Plain<ParseDate>},
    {"TIME", "TIME", Plain<ParseTime>},
    {"DURATION", "DURATION", Plain<ParseDurationInput>},
    {"JSON", "JSON", ParseJsonInput},
    {"YAML", "YAML", ParseYamlInput},
    {"URI", "URI", ParseUri},
    {"ARRAY", "ARRAY", ParseElements},
    {"EMAIL", "EMAIL", ParseEmail},
    {"FILE", "FILE", ParseFile},
    {"SECRET", "SECRET", ParseSecret},
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

void CheckChoices(const InputSpec& spec, std::vector<InputFault>& faults) {
  if (spec.type != "ENUM" && spec.type != "SELECT" && spec.type != "MULTISELECT") return;
  const bool listed = spec.extra.contains("values");
  const bool rendered = spec.extra.contains("expression");
  if (!listed && !rendered) faults.push_back({"values", "an input of type " + spec.type + " needs `values`"});
  if (listed && rendered) faults.push_back({"expression", "give either `values` or `expression`, not both"});
}

}  // namespace

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

Result<Value> ParseInput(const InputSpec& spec, const Value& raw, const InputSeams& seams) {
  const InputType* type = FindType(spec.type);
  if (type == nullptr) return InvalidArgument("unknown input type `" + spec.type + '`');
  if (type->parse == nullptr) {
    return InvalidArgument("an input of type " + spec.type + " has no value of its own; give those of its inputs");
  }
  return type->parse(spec, raw, seams);
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
    if (type.empty()) {
      faults.push_back({"itemType", "unknown element type `" + ToText(*item) + '`'});
    } else if (type == "ARRAY" || type == "MULTISELECT" || type == "FORM" || type == "SECRET") {
      faults.push_back({"itemType", "`itemType` cannot be `" + type + '`'});
    }
  } else if (spec.type == "ARRAY") {
    faults.push_back({"itemType", "an input of type ARRAY needs `itemType`, such as STRING"});
  }
  CheckChoices(spec, faults);
  CheckBounds(spec, "min", "max", faults);
  CheckBounds(spec, "after", "before", faults);
  return faults;
}

}  // namespace headrace::flow
