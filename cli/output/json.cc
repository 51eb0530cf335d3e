#include "cli/output/json.h"

#include <ostream>

#include "cli/exit_code.h"
#include "cli/output/lines.h"
#include "cli/watch/text.h"
#include "common/flow/yaml.h"

namespace headrace::cli {
namespace {

void Write(const Value& value, std::size_t depth, std::string& out) {
  const auto line = [&out](std::size_t levels) {
    out += '\n';
    out.append(levels * 2, ' ');
  };
  if (value.is_array() && !value.as_array().empty()) {
    char before = '[';
    for (const Value& item : value.as_array()) {
      out += before;
      before = ',';
      line(depth + 1);
      Write(item, depth + 1, out);
    }
    line(depth);
    out += ']';
  } else if (value.is_object() && !value.as_object().empty()) {
    char before = '{';
    for (const auto& [key, member] : value.as_object()) {
      out += before;
      before = ',';
      line(depth + 1);
      out += json::serialize(key) + ": ";
      Write(member, depth + 1, out);
    }
    line(depth);
    out += '}';
  } else {
    out += ToJson(value);
  }
}

}  // namespace

std::string PrettyJson(const Value& value) {
  std::string out;
  Write(value, 0, out);
  return out;
}

bool WantsData(const Context& context) {
  return context.output == "json" || context.output == "jsonl" || context.output == "yaml";
}

void PrintValue(const Context& context, const Value& value) {
  if (context.output == "yaml") context.out << flow::ToYaml(value);
  else if (context.output == "jsonl") context.out << ToJson(value) << '\n';
  else context.out << PrettyJson(value) << '\n';
}

int PrintError(const Context& context, const Error& error) {
  const std::string title = Tinted(Tint::kRed, "error:", context.err_screen.color) + ' ';
  if (error.violations.size() == 1) {
    PrintLines(context.err, title, "  ", error.ToString());
    return ExitCodeOf(error);
  }
  PrintLines(context.err, title, "  ", error.message);
  for (const Violation& violation : error.violations) PrintLines(context.err, "  ", "    ", ToString(violation));
  return ExitCodeOf(error);
}

void PrintTip(const Context& context, std::string_view text) {
  if (context.quiet || !context.err_screen.is_terminal) return;
  context.err << Tinted(Tint::kDim, text, context.err_screen.color) << '\n';
}

}  // namespace headrace::cli
