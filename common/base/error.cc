#include "common/base/error.h"

#include <array>

namespace headrace {

std::string_view CodeName(Code code) {
  static constexpr std::array<std::string_view, 17> kNames = {
      "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
      "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
      "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"};
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : "UNKNOWN";
}

std::string ToString(const Violation& violation) {
  std::string text = violation.file;
  if (violation.line > 0) {
    if (!text.empty()) text += ':';
    text += std::to_string(violation.line);
    if (violation.column > 0) text += ':' + std::to_string(violation.column);
  }
  if (!text.empty()) text += ": ";
  if (!violation.field.empty()) text += violation.field + ": ";
  return text + violation.message;
}

Error&& Error::Wrap(std::string_view tip) && {
  message = std::string(tip) + ": " + message;
  return std::move(*this);
}

std::string Error::ToString() const {
  // Its message often says already what its one violation says.
  if (violations.size() == 1 && message.find(violations.front().message) != std::string::npos) {
    return violations.front().line > 0 ? headrace::ToString(violations.front()) : message;
  }
  std::string text = message;
  for (const Violation& violation : violations) text += '\n' + headrace::ToString(violation);
  return text;
}

}  // namespace headrace
