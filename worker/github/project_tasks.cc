#include <algorithm>

#include "common/base/text.h"
#include "worker/github/fetched.h"
#include "worker/github/github_tasks.h"
#include "worker/github/shared_state.h"
#include "worker/github/write.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;

constexpr std::int64_t kItemsUnlessTold = 100;
constexpr std::int64_t kPage = 100;

constexpr std::string_view kQuery =
    "query($login: String!, $number: Int!, $first: Int!, $after: String) { organization(login: $login) { projectV2(number: $number) { title "
    "items(first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor } nodes { id type content { __typename "
    "... on Issue { title number url state labels(first: 50) { nodes { name } } } ... on PullRequest { title number url state labels(first: 50) { nodes { name } } } "
    "... on DraftIssue { title } } fieldValues(first: 50) { nodes { __typename "
    "... on ProjectV2ItemFieldTextValue { text field { ... on ProjectV2FieldCommon { name } } } "
    "... on ProjectV2ItemFieldNumberValue { number field { ... on ProjectV2FieldCommon { name } } } "
    "... on ProjectV2ItemFieldDateValue { date field { ... on ProjectV2FieldCommon { name } } } "
    "... on ProjectV2ItemFieldSingleSelectValue { name field { ... on ProjectV2FieldCommon { name } } } "
    "... on ProjectV2ItemFieldIterationValue { title field { ... on ProjectV2FieldCommon { name } } } } } } } } } }";

struct ProjectPlan {
  std::string organization{};
  std::int64_t number = 0;
  std::vector<std::string> fields{};
  std::vector<std::string> statuses{};
  std::vector<std::string> labels{};
  std::int64_t limit = kItemsUnlessTold;
};

Result<ProjectPlan> ReadProjectPlan(TaskContext& context) {
  ProjectPlan plan;
  ASSIGN_OR_RETURN(const std::string organization, context.RequiredText("organization"));
  plan.organization = std::string(Trim(organization));
  ASSIGN_OR_RETURN(const auto number, context.Integer("projectNumber"));
  if (!number) return InvalidArgument("projectNumber: is missing");
  plan.number = *number;
  ASSIGN_OR_RETURN(plan.fields, context.Texts("fields"));
  ASSIGN_OR_RETURN(plan.statuses, context.Texts("status"));
  ASSIGN_OR_RETURN(plan.labels, context.Texts("labels"));
  ASSIGN_OR_RETURN(const auto limit, context.Integer("limit"));
  plan.limit = limit.value_or(kItemsUnlessTold);
  if (plan.limit < 1) return InvalidArgument("limit: at least 1 is wanted");
  return plan;
}

const Value* ListAt(const Value& from, std::string_view path) {
  const Value* found = AtPath(from, path);
  return found != nullptr && found->is_array() ? found : nullptr;
}

// {Status: "Done", Estimate: 3} of the values that a node has.
Object FieldsOf(const Value& item) {
  Object fields;
  const Value* nodes = ListAt(item, "fieldValues.nodes");
  for (const Value& node : nodes != nullptr ? nodes->get_array() : Array()) {
    const Value* name = AtPath(node, "field.name");
    if (name == nullptr) continue;
    for (const char* key : {"text", "number", "date", "name", "title"}) {
      const Value* value = Member(node, key);
      if (value == nullptr || value->is_null()) continue;
      fields[ToText(*name)] = *value;
      break;
    }
  }
  return fields;
}

Object RowOf(const Value& item) {
  Array labels;
  const Value* nodes = ListAt(item, "content.labels.nodes");
  for (const Value& node : nodes != nullptr ? nodes->get_array() : Array()) labels.push_back(json::string(TextAt(node, "name")));
  const Value* content = Member(item, "content");
  const Value of = content == nullptr ? Value() : *content;
  Object row{{"id", TextAt(item, "id")}, {"type", TextAt(item, "type")}, {"title", TextOrNull(TextAt(of, "title"))}, {"number", nullptr},
             {"url", TextOrNull(TextAt(of, "url"))}, {"state", TextOrNull(TextAt(of, "state"))}, {"labels", std::move(labels)}, {"fields", FieldsOf(item)}};
  if (const Value* number = Member(of, "number")) row["number"] = *number;
  return row;
}

bool Fits(const Object& row, const ProjectPlan& plan) {
  const auto holds = [](const std::vector<std::string>& names, const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  if (!plan.statuses.empty() && !holds(plan.statuses, TextAt(row.at("fields"), "Status"))) return false;
  if (plan.labels.empty()) return true;
  const Array& labels = row.at("labels").get_array();
  return std::any_of(labels.begin(), labels.end(), [&](const Value& label) { return holds(plan.labels, ToText(label)); });
}

void KeepFields(Object& row, const std::vector<std::string>& wanted) {
  if (wanted.empty()) return;
  Object kept;
  for (const std::string& name : wanted)
    if (const Value* value = row.at("fields").get_object().if_contains(name)) kept[name] = *value;
  row["fields"] = std::move(kept);
}

// GraphQL stands beside the REST API, not below it, on a company's own server.
std::string GraphqlPath(const Connection& connection) {
  constexpr std::string_view kRest = "/api/v3";
  if (!connection.endpoint.ends_with(kRest)) return "/graphql";
  return connection.endpoint.substr(0, connection.endpoint.size() - kRest.size()) + "/api/graphql";
}

Result<Value> AskPage(Look& look, const ProjectPlan& plan, const Value& after) {
  const Ask ask{.method = "POST", .path = GraphqlPath(look.client().connection()),
                .body = Object{{"query", kQuery}, {"variables", Object{{"login", plan.organization}, {"number", plan.number}, {"first", kPage}, {"after", after}}}},
                .resource = "graphql"};
  ASSIGN_OR_RETURN(const Answer answer, look.client().Send(ask));
  if (!answer.ok()) return Fail(Code::kFailedPrecondition, Refusal(ask, answer));
  if (const Value* errors = ListAt(answer.body, "errors"); errors != nullptr && !errors->get_array().empty())
    return Fail(Code::kFailedPrecondition, "GitHub's GraphQL: " + TextAt(errors->get_array().front(), "message"));
  const Value* items = AtPath(answer.body, "data.organization.projectV2.items");
  if (items == nullptr) return Fail(Code::kNotFound, plan.organization + " has no project " + std::to_string(plan.number) + ", or the token may not see it");
  return *items;
}

Result<TaskOutcome> ListProject(Look& look) {
  ASSIGN_OR_RETURN(const ProjectPlan plan, ReadProjectPlan(look.context()));
  // Pages that were read stay read: a question by POST has to wait for its turn as a write does.
  if (!look.memo()["rows"].is_array()) look.memo()["rows"] = Array();
  std::int64_t total = 0;
  while (true) {
    const Value* after = look.memo().if_contains("after");
    ASSIGN_OR_RETURN(const Value items, AskPage(look, plan, after == nullptr ? Value() : *after));
    total = NumberAt(items, "totalCount");
    const Value* nodes = ListAt(items, "nodes");
    for (const Value& node : nodes != nullptr ? nodes->get_array() : Array()) {
      Object row = RowOf(node);
      if (!Fits(row, plan) || static_cast<std::int64_t>(look.memo()["rows"].get_array().size()) >= plan.limit) continue;
      KeepFields(row, plan.fields);
      look.memo()["rows"].get_array().push_back(std::move(row));
    }
    const Value* more = AtPath(items, "pageInfo.hasNextPage");
    const bool full = static_cast<std::int64_t>(look.memo()["rows"].get_array().size()) >= plan.limit;
    if (full || more == nullptr || ToText(*more) != "true") break;
    look.memo()["after"] = *AtPath(items, "pageInfo.endCursor");
  }
  ASSIGN_OR_RETURN(Object outputs, HandOut(look.context(), look.memo()["rows"].get_array(), total));
  return TaskOutcome::Success(std::move(outputs));
}

// It only asks: a lost answer is asked for again.
Result<TaskOutcome> RunListProject(Look& look) { return LookAfterLost(look, ListProject(look)); }

model::TaskTypeSpec ListProjectSpec() {
  return {.type = "io.kestra.plugin.github.projects.List",
          .doc = "Lists the items of an organization's project, with their fields.",
          .properties = WithConnection({{.name = "organization", .required = true, .doc = "Its login."},
                                        {.name = "projectNumber", .kind = PropertyKind::kInteger, .required = true, .doc = "As in the project's URL."},
                                        {.name = "fields", .kind = PropertyKind::kList, .doc = "Names of the fields that rows have; all unless told."},
                                        {.name = "status", .kind = PropertyKind::kList, .doc = "Only items with one of these in the field Status."},
                                        {.name = "labels", .kind = PropertyKind::kList, .doc = "Only items with one of these labels."},
                                        {.name = "limit", .kind = PropertyKind::kInteger, .doc = "How many rows at most.", .default_value = kItemsUnlessTold},
                                        FetchTypeProperty()}),
          .outputs = FetchedOutputs(),
          .support = model::Support::kDiffers,
          .differs = "Rows have id, type, title, number, url, state, labels and fields.",
          .example = "id: board\ntype: io.kestra.plugin.github.projects.List\noauthToken: \"{{ secret('GITHUB_TOKEN') }}\"\norganization: acme\n"
                     "projectNumber: 7\nstatus: [Done]\nfetchType: FETCH\n"};
}

}  // namespace

std::vector<TaskType> ProjectTasks(const SharedHub& hub) {
  std::vector<TaskType> types;
  types.push_back(MakeGithubType(ListProjectSpec(), RunListProject, hub));
  return types;
}

}  // namespace headrace::worker::github
