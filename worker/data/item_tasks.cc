// Tasks over the lines of a stored file: split, filter, without repeats; what ForEachItem does on a worker. One line is in memory at a time.
#include <algorithm>
#include <charconv>
#include <cctype>
#include <map>
#include <unordered_map>

#include "common/base/text.h"
#include "common/expr/regex.h"
#include "common/model/for_each_item.h"
#include "worker/data/storage_tasks.h"
#include "worker/function_runner.h"

namespace headrace::worker {
namespace {

using model::PropertyKind;
using model::PropertySpec;

const std::string kPrefix = "io.kestra.plugin.core.storage.";
const std::string kOld = "io.kestra.core.tasks.storages.";
constexpr std::size_t kPartsMax = 100'000;

std::string ExtensionOf(const std::string& uri) {
  const std::string base = uri.substr(uri.rfind('/') + 1);
  return base.find('.') == std::string::npos ? "" : base.substr(base.rfind('.'));
}

// Calls `visit` with each line that is not empty at the end of the file.
template <typename Visit>
Status EachLine(TaskContext& context, int file, const std::string& separator, const Visit& visit) {
  LineReader reader(file, separator);
  std::string line;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, reader.Next(line));
    if (!more) return {};
    if (context.cancel().requested()) return Fail(Code::kCancelled, "cancelled");
    RETURN_IF_ERROR(visit(line));
  }
}

// The line as variables: JSON, else what fromIon() makes of it.
Result<Object> ItemOf(TaskContext& context, const std::string& line) {
  auto item = ParseJson(line);
  if (!item) item = context.RenderValue(json::string("{{ fromIon(" + ToJson(Value(json::string(line))) + ") }}"));
  if (!item) return Fail(std::move(item.error()).Wrap("a line is neither JSON nor ION"));
  if (!item->is_object()) return Object{{"value", std::move(*item)}};
  return std::move(item->get_object());
}

// ---- Split ----

// "10MB", "1 KB", "500": by 1024.
Result<std::uint64_t> ParseBytes(std::string_view text) {
  text = Trim(text);
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit(Trim(text.substr(static_cast<std::size_t>(end - text.data()))));
  for (char& c : unit) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  static const std::map<std::string, int> kUnits = {{"", 0}, {"B", 0}, {"KB", 10}, {"MB", 20}, {"GB", 30}, {"K", 10}, {"M", 20}, {"G", 30}};
  const auto at = kUnits.find(unit);
  if (problem != std::errc() || at == kUnits.end() || number == 0 || number > (1ULL << 32U))
    return InvalidArgument("bytes: '" + std::string(text) + "' is no size such as 10MB");
  return number << static_cast<unsigned>(at->second);
}

struct SplitPlan {
  std::uint64_t bytes = 0;
  std::int64_t rows = 0;
  std::int64_t partitions = 0;
  std::string pattern{};
  std::string separator = "\n";
};

Result<SplitPlan> PlanOf(TaskContext& context) {
  SplitPlan plan;
  ASSIGN_OR_RETURN(const auto bytes, context.Text("bytes"));
  if (bytes) {
    ASSIGN_OR_RETURN(plan.bytes, ParseBytes(*bytes));
  }
  ASSIGN_OR_RETURN(const auto rows, context.Integer("rows"));
  ASSIGN_OR_RETURN(const auto partitions, context.Integer("partitions"));
  ASSIGN_OR_RETURN(const auto pattern, context.Text("regexPattern"));
  ASSIGN_OR_RETURN(const auto separator, context.Text("separator"));
  plan.rows = rows.value_or(0);
  plan.partitions = partitions.value_or(0);
  plan.pattern = pattern.value_or("");
  plan.separator = separator.value_or("\n");
  if (plan.rows < 0 || plan.partitions < 0 || plan.partitions > 10'000) return InvalidArgument("rows and partitions must be from 1 on, partitions to 10000");
  if (plan.separator.empty()) return InvalidArgument("separator: is empty");
  if (plan.bytes == 0 && plan.rows == 0 && plan.partitions == 0 && plan.pattern.empty()) plan.rows = 1;
  return plan;
}

// Writes the parts one after the other and stores each when it is full.
class InTurn {
 public:
  InTurn(TaskContext& context, const SplitPlan& plan, std::string extension)
      : context_(context), plan_(plan), extension_(std::move(extension)) {}
  Status Add(const std::string& line) {
    const bool full = file_ && ((plan_.bytes > 0 && file_->bytes() > plan_.bytes) || (plan_.rows > 0 && rows_ >= plan_.rows));
    if (full) RETURN_IF_ERROR(Close());
    if (!file_) {
      if (uris_.size() >= kPartsMax) return Fail(Code::kResourceExhausted, "more than 100000 parts");
      ASSIGN_OR_RETURN(file_, context_.Scratch());
    }
    ++rows_;
    return file_->Write(line + plan_.separator);
  }
  Status Close() {
    if (!file_) return {};
    ASSIGN_OR_RETURN(const std::string uri, context_.Store(*file_, extension_));
    uris_.emplace_back(uri);
    file_.reset();
    rows_ = 0;
    return {};
  }
  Array& uris() { return uris_; }

 private:
  TaskContext& context_;
  const SplitPlan& plan_;
  const std::string extension_;
  std::optional<ScratchFile> file_;
  std::int64_t rows_ = 0;
  Array uris_;
};

// Writes all parts at once: by turns, or by what a pattern captures.
class SideBySide {
 public:
  SideBySide(TaskContext& context, const SplitPlan& plan) : context_(context), plan_(plan) {}
  Status Add(const std::string& line) {
    std::string name = std::to_string(count_++ % std::max<std::int64_t>(plan_.partitions, 1));
    if (plan_.partitions == 0) {
      ASSIGN_OR_RETURN(const auto captured, Capture(line));
      if (!captured) return {};
      name = *captured;
    }
    auto at = parts_.find(name);
    if (at == parts_.end()) {
      if (parts_.size() >= 10'000) return Fail(Code::kResourceExhausted, "more than 10000 parts");
      ASSIGN_OR_RETURN(ScratchFile fresh, context_.Scratch());
      at = parts_.emplace(name, order_.size()).first;
      order_.push_back(std::move(fresh));
    }
    return order_[at->second].Write(line + plan_.separator);
  }
  Status Store(const std::string& extension, Array& uris) {
    for (ScratchFile& file : order_) {
      ASSIGN_OR_RETURN(const std::string uri, context_.Store(file, extension));
      uris.emplace_back(uri);
    }
    return {};
  }

 private:
  // The first group of the pattern; nothing when it does not match.
  Result<std::optional<std::string>> Capture(const std::string& line) {
    const std::string whole = ".*?" + plan_.pattern + ".*";
    ASSIGN_OR_RETURN(const bool matches, expr::RegexMatches(line, whole));
    if (!matches) return std::optional<std::string>();
    ASSIGN_OR_RETURN(std::string group, expr::RegexReplace(line, "^" + whole + "$", "$1", LineReader::kLineBytesMax));
    return std::optional<std::string>(std::move(group));
  }

  TaskContext& context_;
  const SplitPlan& plan_;
  std::int64_t count_ = 0;
  std::unordered_map<std::string, std::size_t> parts_;
  std::vector<ScratchFile> order_;
};

// The URIs of the parts, which are stored in this order.
Result<Array> SplitFile(TaskContext& context, const std::string& from, const std::string& extension) {
  ASSIGN_OR_RETURN(const SplitPlan plan, PlanOf(context));
  ASSIGN_OR_RETURN(const UniqueFd file, context.OpenFile(from));
  Array uris;
  if (plan.partitions > 0 || !plan.pattern.empty()) {
    SideBySide parts(context, plan);
    RETURN_IF_ERROR(EachLine(context, file.get(), plan.separator, [&](const std::string& line) { return parts.Add(line); }));
    RETURN_IF_ERROR(parts.Store(extension, uris));
  } else {
    InTurn parts(context, plan, extension);
    RETURN_IF_ERROR(EachLine(context, file.get(), plan.separator, [&](const std::string& line) { return parts.Add(line); }));
    RETURN_IF_ERROR(parts.Close());
    uris = std::move(parts.uris());
  }
  return uris;
}

Result<TaskOutcome> RunSplit(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string from, context.RequiredText("from"));
  ASSIGN_OR_RETURN(Array uris, SplitFile(context, from, ExtensionOf(from)));
  return TaskOutcome::Success({{"uris", std::move(uris)}});
}

// ---- ForEachItem: its split and its merge ----

// Stored under their numbers, the parts of a file are named by what is before and behind the number: thousands of them
// are one short output.
Result<TaskOutcome> RunItemsSplit(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string from, context.RequiredText("from"));
  if (!IsFileUri(from)) {
    return InvalidArgument("Unable to split the items from '" + from + "', this is not an internal storage URI: `items` must be the "
                           "URI of a stored file");
  }
  std::string extension = ExtensionOf(from);
  const bool plain = std::all_of(extension.begin(), extension.end(), [](char c) {
    return c == '.' || std::isalnum(static_cast<unsigned char>(c)) != 0;
  });
  if (!plain) extension.clear();
  ASSIGN_OR_RETURN(const Array uris, SplitFile(context, from, extension));
  std::string base;
  ASSIGN_OR_RETURN(ScratchFile list, context.Scratch());
  for (std::size_t i = 0; i < uris.size(); ++i) {
    const std::string uri = ToText(uris[i]);
    const std::string name = std::to_string(i + 1) + extension;
    if (i == 0) base = uri.substr(0, uri.size() - name.size());
    if (uri != base + name) return Fail(Code::kInternal, "batch " + std::to_string(i + 1) + " is stored as " + uri);
    RETURN_IF_ERROR(list.Write(uri + "\n"));
  }
  ASSIGN_OR_RETURN(const std::string splits, context.Store(list, ".txt"));
  return TaskOutcome::Success({{"splits", splits},
                               {model::kBatchCount, uris.size()},
                               {model::kBatchBase, base},
                               {model::kBatchExtension, extension}});
}

Result<TaskOutcome> RunItemsPart(TaskContext& context) {
  ASSIGN_OR_RETURN(ScratchFile to, context.Scratch());
  if (const Value* before = Member(context.variables(), model::kPartsBefore); before != nullptr && before->is_array()) {
    for (const Value& uri : before->get_array()) {
      ASSIGN_OR_RETURN(const UniqueFd from, context.OpenFile(ToText(uri)));
      RETURN_IF_ERROR(AppendFile(to, from.get()));
      if (context.cancel().requested()) return Fail(Code::kCancelled, "cancelled");
    }
  }
  const Value* documents = Member(context.variables(), model::kPartDocuments);
  if (documents != nullptr && documents->is_string()) RETURN_IF_ERROR(to.Write(documents->get_string()));
  ASSIGN_OR_RETURN(const std::string uri, context.Store(to, ".jsonl"));
  return TaskOutcome::Success({{"uri", uri}});
}

// ---- FilterItems ----

enum class Unclear { kFail, kInclude, kExclude };

Result<TaskOutcome> RunFilter(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string from, context.RequiredText("from"));
  const Value* condition = context.properties().if_contains("filterCondition");
  if (condition == nullptr || !condition->is_string()) return InvalidArgument("filterCondition: is missing");
  const std::string expression = ToText(*condition);
  ASSIGN_OR_RETURN(const auto type, context.Text("filterType"));
  ASSIGN_OR_RETURN(const auto behavior, context.Text("errorOrNullBehavior"));
  const bool include = type.value_or("INCLUDE") != "EXCLUDE";
  const Unclear unclear = !behavior || *behavior == "FAIL" ? Unclear::kFail
                          : *behavior == "INCLUDE"         ? Unclear::kInclude
                                                           : Unclear::kExclude;
  ASSIGN_OR_RETURN(const UniqueFd file, context.OpenFile(from));
  ASSIGN_OR_RETURN(ScratchFile to, context.Scratch());
  std::int64_t total = 0;
  std::int64_t dropped = 0;
  RETURN_IF_ERROR(EachLine(context, file.get(), "\n", [&](const std::string& line) -> Status {
    ++total;
    ASSIGN_OR_RETURN(const Object item, ItemOf(context, line));
    const auto answer = context.RenderOver(expression, item);
    const std::string text(answer ? Trim(*answer) : std::string_view());
    bool keep = false;
    if (answer && !text.empty()) {
      keep = IsTruthy(text) == include;
    } else if (unclear == Unclear::kFail) {
      return InvalidArgument("Expression `" + expression + "` evaluated to " + (answer ? "null" : "an error") + " on item `" + line +
                             "`" + (answer ? "" : ": " + answer.error().message));
    } else {
      keep = unclear == Unclear::kInclude;
    }
    if (keep) return to.Write(line + "\n");
    ++dropped;
    return {};
  }));
  ASSIGN_OR_RETURN(const std::string uri, context.Store(to, ExtensionOf(from)));
  return TaskOutcome::Success({{"uri", uri}, {"processedItemsTotal", total}, {"droppedItemsTotal", dropped}});
}

// ---- DeduplicateItems ----

// The last item of each key stays, at its place: one number a key is in memory.
Result<TaskOutcome> RunDeduplicate(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string from, context.RequiredText("from"));
  const Value* expr = context.properties().if_contains("expr");
  if (expr == nullptr || !expr->is_string()) return InvalidArgument("expr: is missing");
  std::unordered_map<std::string, std::int64_t> last;
  std::vector<bool> keep;
  std::int64_t total = 0;
  ASSIGN_OR_RETURN(const UniqueFd first, context.OpenFile(from));
  RETURN_IF_ERROR(EachLine(context, first.get(), "\n", [&](const std::string& line) -> Status {
    ASSIGN_OR_RETURN(const Object item, ItemOf(context, line));
    ASSIGN_OR_RETURN(std::string key, context.RenderOver(ToText(*expr), item));
    const auto [at, fresh] = last.emplace(std::move(key), total);
    if (!fresh) {
      keep[static_cast<std::size_t>(at->second)] = false;
      at->second = total;
    }
    keep.push_back(true);
    ++total;
    return {};
  }));
  ASSIGN_OR_RETURN(const UniqueFd again, context.OpenFile(from));
  ASSIGN_OR_RETURN(ScratchFile to, context.Scratch());
  std::size_t at = 0;
  RETURN_IF_ERROR(EachLine(context, again.get(), "\n", [&](const std::string& line) -> Status {
    const bool kept = at < keep.size() && keep[at];
    ++at;
    return kept ? to.Write(line + "\n") : Status();
  }));
  ASSIGN_OR_RETURN(const std::string uri, context.Store(to, ExtensionOf(from)));
  const auto keys = static_cast<std::int64_t>(last.size());
  return TaskOutcome::Success({{"uri", uri}, {"numKeys", keys}, {"processedItemsTotal", total}, {"droppedItemsTotal", total - keys}});
}

// ---- specs ----

PropertySpec FromProperty() { return {.name = "from", .required = true, .doc = "The URI of a file with one item a line."}; }
std::vector<PropertySpec> Counts() {
  return {{.name = "uri", .doc = "Of the new file."},
          {.name = "processedItemsTotal", .kind = PropertyKind::kInteger, .doc = "How many there were."},
          {.name = "droppedItemsTotal", .kind = PropertyKind::kInteger, .doc = "How many went."}};
}

model::TaskTypeSpec Spec(const std::string& name, std::string doc, std::vector<PropertySpec> properties,
                         std::vector<PropertySpec> outputs, const std::string& example) {
  return {.type = kPrefix + name, .aliases = {kOld + name}, .doc = std::move(doc), .properties = std::move(properties),
          .outputs = std::move(outputs),
          .example = "id: items\ntype: " + kPrefix + name + "\nfrom: \"{{ outputs.a.uri }}\"\n" + example};
}

}  // namespace

std::vector<TaskType> ItemTasks() {
  std::vector<TaskType> types;
  types.push_back(MakeType(
      Spec("Split", "Cuts a file into several.",
           {FromProperty(), {.name = "bytes", .doc = "A part begins anew past this size, such as 10MB."},
            {.name = "partitions", .kind = PropertyKind::kInteger, .doc = "So many parts, line by line in turn."},
            {.name = "rows", .kind = PropertyKind::kInteger, .doc = "So many lines a part."},
            {.name = "regexPattern", .doc = "One part for each text that its group captures; other lines are left out."},
            {.name = "separator", .doc = "Between lines.", .default_value = "\n"}},
           {{.name = "uris", .kind = PropertyKind::kList, .doc = "Of the parts."}}, "rows: 100\n"),
      RunSplit));
  types.push_back(MakeType(
      Spec("FilterItems", "Keeps the items for which a condition holds.",
           {FromProperty(), {.name = "filterCondition", .required = true, .doc = "An expression over the item's fields."},
            {.name = "filterType", .kind = PropertyKind::kEnum, .doc = "What becomes of a match.", .default_value = "INCLUDE", .enum_values = {"INCLUDE", "EXCLUDE"}},
            {.name = "errorOrNullBehavior", .kind = PropertyKind::kEnum, .doc = "When the condition is an error or null.",
             .default_value = "FAIL", .enum_values = {"FAIL", "INCLUDE", "EXCLUDE"}}},
           Counts(), "filterCondition: \"{{ value > 3 }}\"\n"),
      RunFilter));
  std::vector<PropertySpec> outputs = Counts();
  outputs.push_back({.name = "numKeys", .kind = PropertyKind::kInteger, .doc = "How many keys there were."});
  types.push_back(MakeType(Spec("DeduplicateItems", "Keeps the last item of each key.",
                                {FromProperty(), {.name = "expr", .required = true, .doc = "An expression over the item's fields: its key."}},
                                std::move(outputs), "expr: \"{{ key }}\"\n"),
                           RunDeduplicate));
  types.push_back(MakeType({.type = std::string(model::kItemsSplit)}, RunItemsSplit));
  types.push_back(MakeType({.type = std::string(model::kItemsPart)}, RunItemsPart));
  return types;
}

}  // namespace headrace::worker
