#include <algorithm>

#include "common/base/text.h"
#include "common/expr/builtin.h"
#include "common/expr/operators.h"
#include "common/expr/regex.h"
#include "common/expr/utf8.h"

namespace headrace::expr {
namespace {

Result<std::string> InputText(const Invocation& call) {
  if (call.input.is_structured()) RETURN_IF_ERROR(call.budget().SpendCopy(call.input));
  std::string text = call.input.is_structured() ? JavaText(call.input) : ToText(call.input);
  RETURN_IF_ERROR(call.budget().SpendText(text.size()));
  return text;
}

// Filters of text leave null alone.
template <typename Change>
Result<Value> MapText(const Invocation& call, Change change) {
  if (call.input.is_null()) return Value(nullptr);
  ASSIGN_OR_RETURN(const std::string text, InputText(call));
  return Value(change(text));
}

Result<Value> UpperFilter(const Invocation& call) {
  return MapText(call, [](const std::string& text) { return Upper(text); });
}
Result<Value> LowerFilter(const Invocation& call) {
  return MapText(call, [](const std::string& text) { return Lower(text); });
}
Result<Value> TrimFilter(const Invocation& call) {
  return MapText(call, [](const std::string& text) { return std::string(Trim(text)); });
}
Result<Value> StringFilter(const Invocation& call) {
  if (NeedsSettling(call.input_type)) return Value(JavaText(call.input, call.input_type));
  return MapText(call, [](const std::string& text) { return text; });
}

Result<Value> CapitalizeFilter(const Invocation& call) {
  return MapText(call, [](const std::string& text) {
    std::u32string codes = Decode(text);
    const auto first = std::find_if(codes.begin(), codes.end(), [](char32_t c) { return c > ' '; });
    if (first != codes.end()) *first = UpperOf(*first);
    return Encode(codes);
  });
}

Result<Value> TitleFilter(const Invocation& call) {
  return MapText(call, [](const std::string& text) {
    std::u32string codes = Decode(text);
    bool word_begins = true;
    for (char32_t& code : codes) {
      if (word_begins) code = UpperOf(code);
      word_begins = code <= ' ';
    }
    return Encode(codes);
  });
}

Result<Value> AbbreviateFilter(const Invocation& call) {
  ASSIGN_OR_RETURN(const std::int64_t most, call.Integer(0, 0));
  if (most < 0) return Refuse(call, "the length must not be negative");
  return MapText(call, [&](const std::string& text) {
    const std::u16string units = ToUtf16(text);
    const auto size = static_cast<std::size_t>(most);
    if (units.size() < size) return text;  // a text of just that length is cut as well, as Pebble does it
    if (size <= 3) return FromUtf16(std::u16string_view(units).substr(0, size));
    return FromUtf16(std::u16string_view(units).substr(0, size - 3)) + "...";
  });
}

Result<Value> Nl2brFilter(const Invocation& call) {
  return MapText(call, [](const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
      if (text[i] == '\n') out += "<br />";
      else out += text[i];
    }
    return out;
  });
}

Result<Value> SlugifyFilter(const Invocation& call) {
  return MapText(call, [](const std::string& text) {
    std::string out;
    for (const char c : Lower(StripAccents(text))) {
      const bool keep = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
      const bool dash = c == ' ' || c == '\t' || c == '\n' || c == '-';
      if (keep) out += c;
      if (dash && !out.empty() && out.back() != '-') out += '-';
    }
    while (!out.empty() && out.back() == '-') out.pop_back();
    return out;
  });
}

Result<Value> EscapeCharFilter(const Invocation& call) {
  const std::string type = call.Text(0);
  std::string_view wanted;
  std::string_view escaped;
  if (type == "single") wanted = "'", escaped = "\\'";
  if (type == "double") wanted = "\"", escaped = "\\\"";
  if (type == "shell") wanted = "'", escaped = "'\\''";
  if (wanted.empty()) return Refuse(call, "the type must be single, double or shell, not '" + type + "'");
  return MapText(call, [&](const std::string& text) {
    std::string out;
    for (const char c : text) {
      if (c == wanted.front()) out += escaped;
      else out += c;
    }
    return out;
  });
}

// The line break that `text` uses.
std::string_view LineBreakOf(std::string_view text) {
  if (text.find("\r\n") != std::string_view::npos) return "\r\n";
  return text.find('\n') == std::string_view::npos && text.find('\r') != std::string_view::npos ? "\r" : "\n";
}

// `first_too`: the first line is indented as well, after a line break of its own (nindent).
Result<Value> Indent(const Invocation& call, bool first_too) {
  ASSIGN_OR_RETURN(const std::int64_t amount, call.Integer(0, 0));
  if (call.input.is_null()) return Value(nullptr);
  if (amount < 0) return Refuse(call, "the amount must not be negative");
  const std::string unit = call.Text(1, " ");
  ASSIGN_OR_RETURN(const std::string text, InputText(call));
  const std::string_view line_break = LineBreakOf(text);
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), line_break.back())) + 1;
  const std::size_t most = call.budget().limits().output_bytes;
  RETURN_IF_ERROR(call.budget().SpendText(std::min(static_cast<std::size_t>(amount), most + 1) * unit.size()));
  std::string prefix;
  for (std::int64_t i = 0; i < amount; ++i) prefix += unit;
  RETURN_IF_ERROR(call.budget().SpendText(text.size() + lines * prefix.size()));
  std::string out;
  if (first_too) out.append(line_break).append(prefix);
  for (const char c : text) {
    out += c;
    if (c == line_break.back()) out += prefix;
  }
  return Value(std::move(out));
}
Result<Value> IndentFilter(const Invocation& call) { return Indent(call, false); }
Result<Value> NindentFilter(const Invocation& call) { return Indent(call, true); }

Result<std::string> ReplaceAll(const Invocation& call, const std::string& text, std::string_view from,
                               std::string_view to) {
  if (from.empty()) return text;
  std::string out;
  std::size_t at = 0;
  for (std::size_t found = text.find(from); found != std::string::npos; found = text.find(from, at)) {
    RETURN_IF_ERROR(call.budget().SpendAppend(out.size(), found - at + to.size()));
    RETURN_IF_ERROR(call.budget().Spend(1));
    out.append(text, at, found - at);
    out += to;
    at = found + from.size();
  }
  out.append(text, at);
  return out;
}

Result<Value> Replace(const Invocation& call, const Value& value, const Object& pairs, bool regexp) {
  if (const Array* list = value.if_array()) {
    Array out;
    for (const Value& item : *list) {
      ASSIGN_OR_RETURN(Value one, Replace(call, item, pairs, regexp));
      out.push_back(std::move(one));
    }
    return Value(std::move(out));
  }
  if (const Object* map = value.if_object()) {
    Object out;
    for (const auto& [key, item] : *map) {
      ASSIGN_OR_RETURN(Value one, Replace(call, item, pairs, regexp));
      out[key] = std::move(one);
    }
    return Value(std::move(out));
  }
  if (value.is_null()) return value;
  std::string text = ToText(value);
  for (const auto& [from, to] : pairs) {
    RETURN_IF_ERROR(call.budget().SpendText(text.size()));
    const std::size_t most = call.budget().limits().output_bytes;
    if (regexp) RETURN_IF_ERROR(SpendRegex(call.budget(), from));
    ASSIGN_OR_RETURN(text, regexp ? RegexReplace(text, from, ToText(to), most)
                                  : ReplaceAll(call, text, from, ToText(to)));
  }
  return Value(std::move(text));
}

Result<Value> ReplaceFilter(const Invocation& call) {
  const Value* pairs = call.Argument(0);
  if (pairs == nullptr || !pairs->is_object()) {
    return Refuse(call, "the first argument must be a map such as {'from': 'to'}");
  }
  return Replace(call, call.input, pairs->get_object(), call.Flag(1, false));
}

Result<Value> SplitFilter(const Invocation& call) {
  if (call.input.is_null()) return Value(nullptr);
  ASSIGN_OR_RETURN(const std::int64_t limit, call.Integer(1, 0));
  ASSIGN_OR_RETURN(const std::string text, InputText(call));
  RETURN_IF_ERROR(SpendRegex(call.budget(), call.Text(0)));
  ASSIGN_OR_RETURN(const std::vector<std::string> pieces, RegexSplit(text, call.Text(0), limit));
  RETURN_IF_ERROR(call.budget().Spend(pieces.size()));
  Array list;
  for (const std::string& piece : pieces) list.push_back(json::string(piece));
  return Value(std::move(list));
}

// The part before or after a separator; without one in the text, all of it or none.
Result<Value> Substring(const Invocation& call, bool after, bool last) {
  return MapText(call, [&](const std::string& text) {
    const std::string separator = call.Text(0);
    const std::size_t at = last ? text.rfind(separator) : text.find(separator);
    if (at == std::string::npos) return after ? std::string() : text;
    return after ? text.substr(at + separator.size()) : text.substr(0, at);
  });
}
Result<Value> BeforeFilter(const Invocation& call) { return Substring(call, false, false); }
Result<Value> AfterFilter(const Invocation& call) { return Substring(call, true, false); }
Result<Value> BeforeLastFilter(const Invocation& call) { return Substring(call, false, true); }
Result<Value> AfterLastFilter(const Invocation& call) { return Substring(call, true, true); }

Result<Value> StartsWithFilter(const Invocation& call) {
  ASSIGN_OR_RETURN(const std::string text, InputText(call));
  return Value(text.starts_with(call.Text(0)));
}
Result<Value> EndsWithFilter(const Invocation& call) {
  ASSIGN_OR_RETURN(const std::string text, InputText(call));
  return Value(text.ends_with(call.Text(0)));
}

constexpr Builtin kFilters[] = {
    {"abbreviate", AbbreviateFilter, {"length"}, 1},
    {"capitalize", CapitalizeFilter},
    {"endsWith", EndsWithFilter, {"value"}, 1},
    {"escapeChar", EscapeCharFilter, {"type"}, 1},
    {"indent", IndentFilter, {"amount", "prefix"}, 1},
    {"lower", LowerFilter},
    {"nindent", NindentFilter, {"amount", "prefix"}, 1},
    {"nl2br", Nl2brFilter},
    {"replace", ReplaceFilter, {"replace_pairs", "regexp"}, 1},
    {"slugify", SlugifyFilter},
    {"split", SplitFilter, {"delimiter", "limit"}, 1},
    {"startsWith", StartsWithFilter, {"value"}, 1},
    {"string", StringFilter, {}, 0, false, false, "", true},
    {"substringAfter", AfterFilter, {"separator"}, 1},
    {"substringAfterLast", AfterLastFilter, {"separator"}, 1},
    {"substringBefore", BeforeFilter, {"separator"}, 1},
    {"substringBeforeLast", BeforeLastFilter, {"separator"}, 1},
    {"title", TitleFilter},
    {"trim", TrimFilter},
    {"upper", UpperFilter},
};

}  // namespace

std::span<const Builtin> TextFilters() { return kFilters; }

}  // namespace headrace::expr
