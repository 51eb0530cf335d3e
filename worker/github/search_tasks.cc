#include <algorithm>
#include <iterator>

#include "common/base/text.h"
#include "worker/github/fetched.h"
#include "worker/github/github_tasks.h"
#include "worker/github/search_query.h"
#include "worker/github/shared_state.h"
#include "worker/github/write.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;

// GitHub gives no more of a search.
constexpr std::size_t kFoundMax = 1000;
constexpr std::string_view kWordsIn = "in:";

Result<std::string> TermOf(TaskContext& context, const SearchTerm& term) {
  if (!context.Has(term.property)) return std::string();
  const std::string_view qualifier = term.qualifier;
  if (term.kind == TermKind::kFlag) {
    ASSIGN_OR_RETURN(const bool on, context.Bool(term.property, false));
    return on ? std::string(qualifier) : std::string();
  }
  if (term.kind == TermKind::kBool) {
    ASSIGN_OR_RETURN(const bool on, context.Bool(term.property, false));
    return std::string(qualifier) + (on ? ":true" : ":false");
  }
  ASSIGN_OR_RETURN(const std::string value, TrimmedText(context, term.property));
  if (value.empty()) return std::string();
  return qualifier.starts_with(kWordsIn) ? value + " " + std::string(qualifier) : Qualified(qualifier, value);
}

Result<std::string> Compose(TaskContext& context, const SearchKind& kind) {
  ASSIGN_OR_RETURN(std::string query, TrimmedText(context, "query"));
  for (const SearchTerm& term : kind.terms) {
    ASSIGN_OR_RETURN(const std::string text, TermOf(context, term));
    if (!text.empty()) query += (query.empty() ? "" : " ") + text;
  }
  if (query.empty()) return InvalidArgument("query: is missing; or give one of the other properties to search by");
  return *kind.fixed == '\0' ? query : query + " " + kind.fixed;
}

Result<TaskOutcome> RunSearch(Look& look, const SearchKind& kind) {
  TaskContext& context = look.context();
  ASSIGN_OR_RETURN(const std::string query, Compose(context, kind));
  std::string path = std::string(kind.path) + "?q=" + Part(query) + "&per_page=100";
  for (const char* name : {"sort", "order"}) {
    ASSIGN_OR_RETURN(std::string value, TrimmedText(context, name));
    std::transform(value.begin(), value.end(), value.begin(), [](unsigned char c) { return c == '_' ? '-' : static_cast<char>(std::tolower(c)); });
    if (!value.empty()) path += "&" + std::string(name) + "=" + Part(value);
  }
  ASSIGN_OR_RETURN(const auto how, context.Text("fetchType"));
  const std::size_t most = how.value_or("STORE") == "FETCH_ONE" || how.value_or("STORE") == "NONE" ? 1 : kFoundMax;
  Array rows;
  std::int64_t total = 0;
  while (!path.empty() && rows.size() < most) {
    const Ask ask{.path = path, .resource = kind.resource, .cached = true};
    ASSIGN_OR_RETURN(const Answer answer, look.client().Send(ask));
    if (!answer.ok()) return TaskOutcome::Failed(Refusal(ask, answer));
    total = NumberAt(answer.body, "total_count");
    const Value* items = Member(answer.body, "items");
    for (const Value& item : items != nullptr && items->is_array() ? items->get_array() : Array()) rows.push_back(item);
    path = answer.next;
  }
  context.Log("INFO", "found " + std::to_string(total) + " of: " + query);
  ASSIGN_OR_RETURN(Object outputs, HandOut(context, std::move(rows), total));
  return TaskOutcome::Success(std::move(outputs));
}

template <std::size_t kIndex>
Result<TaskOutcome> RunKind(Look& look) {
  return RunSearch(look, SearchKinds()[kIndex]);
}

constexpr LookFunction kRun[] = {RunKind<0>, RunKind<1>, RunKind<2>, RunKind<3>, RunKind<4>, RunKind<5>, RunKind<6>};

model::TaskTypeSpec SearchSpec(const SearchKind& kind) {
  std::vector<model::PropertySpec> properties = {{.name = "query", .doc = "Words, and anything else of GitHub's search language."}};
  for (const SearchTerm& term : kind.terms)
    properties.push_back({.name = term.property, .kind = term.kind == TermKind::kText ? PropertyKind::kString : PropertyKind::kBoolean, .doc = term.doc});
  if (!kind.sorts.empty()) properties.push_back({.name = "sort", .doc = "By " + Listed(kind.sorts) + "; the best match first unless told."});
  properties.push_back({.name = "order", .doc = "ASC or DESC."});
  properties.push_back(FetchTypeProperty());
  const std::string type = std::string("io.kestra.plugin.github.") + kind.type;
  return {.type = type,
          .doc = kind.doc,
          .properties = WithConnection(std::move(properties)),
          .outputs = FetchedOutputs(),
          .support = model::Support::kDiffers,
          .differs = "Rows are GitHub's own JSON, whole, and a stored file holds JSON lines.",
          .example = "id: search\ntype: " + type + "\noauthToken: \"{{ secret('GITHUB_TOKEN') }}\"\nfetchType: FETCH\n" + kind.example};
}

}  // namespace

std::vector<TaskType> SearchTasks(const SharedHub& hub) {
  std::vector<TaskType> types;
  for (std::size_t i = 0; i < std::size(kRun); ++i) types.push_back(MakeGithubType(SearchSpec(SearchKinds()[i]), kRun[i], hub));
  return types;
}

}  // namespace headrace::worker::github
