// What people write on the command line, read: flow names, inputs, labels, spans of time, files of flows.
// Errors: INVALID_ARGUMENT with an example; NOT_FOUND names the path.
// Threads: pure but for the file system.
#pragma once

#include <iosfwd>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/base/time.h"
#include "common/model/value.h"

namespace headrace::cli {

struct FlowName {
  std::string ns;
  std::string id;
};
// "release/poll-it".
Result<FlowName> ParseFlowName(const std::string& text);
// "K=V".
Result<std::pair<std::string, std::string>> ParsePair(const std::string& text, const std::string& what);
// Each is K=V, a YAML or JSON file, or "-" for such a text on `in`; later ones win.
Result<Object> ParseInputs(const std::vector<std::string>& texts, std::istream& in);
// "90s", "15m", "24h", "7d" or ISO-8601.
Result<Duration> ParseSpan(const std::string& text);
// "2026-01-31" (as it begins in UTC), "2026-01-31T12:00:00Z", or a span before `now`.
Result<Timestamp> ParseMoment(const std::string& text, Timestamp now);

// One flow's text; `first_line` is where it stands in its file.
struct FlowText {
  std::string file;
  std::string text;
  int first_line = 1;
};
// Of files, folders (every .yml and .yaml beneath, by name) and "-" for `in`; a file may hold several, separated by `---`.
Result<std::vector<FlowText>> ReadFlowTexts(const std::vector<std::string>& paths, std::istream& in);
// Notices two flows of one name among files: which of them would count is chance.
class FlowTwins {
 public:
  // INVALID_ARGUMENT naming both files; `name` is "namespace/id".
  Status Add(const std::string& name, const FlowText& text);

 private:
  std::map<std::string, std::string> files_;
};
// Moves places of one text to places of its file.
void ShiftLines(std::vector<Violation>& violations, int first_line);

}  // namespace headrace::cli
