#include "common/base/text.h"
#include "worker/github/github_tasks.h"
#include "worker/github/make_once.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;

constexpr Duration kSoon = std::chrono::seconds(3);

Array TextArray(const std::vector<std::string>& texts) {
  Array array;
  for (const std::string& text : texts) array.push_back(json::string(text));
  return array;
}

// A list as GitHub takes it, or a map of field ids to values.
Result<Array> ReadFields(TaskContext& context) {
  ASSIGN_OR_RETURN(const Value given, context.Render("fields"));
  if (given.is_null()) return Array();
  if (given.is_array()) return given.get_array();
  if (!given.is_object()) return InvalidArgument("fields: a list of {field_id, value}, or a map of ids to values, is wanted");
  Array fields;
  for (const auto& [id, value] : given.get_object()) {
    auto number = ParseJson(id);
    if (!number || !number->is_int64()) return InvalidArgument("fields: '" + std::string(id) + "' is no id of a field");
    fields.push_back(Object{{"field_id", *number}, {"value", value}});
  }
  return fields;
}

// ---- Create ----

Result<TaskOutcome> RunCreate(Look& look) {
  TaskContext& context = look.context();
  ASSIGN_OR_RETURN(Writer writer, Writer::Of(look));
  ASSIGN_OR_RETURN(const Repository repository, look.ReadRepository());
  ASSIGN_OR_RETURN(const std::string title, context.RequiredText("title"));
  Object body{{"title", title}};
  ASSIGN_OR_RETURN(const auto text, context.Text("body"));
  if (text) body["body"] = *text;
  ASSIGN_OR_RETURN(const auto labels, context.Texts("labels"));
  if (!labels.empty()) body["labels"] = TextArray(labels);
  ASSIGN_OR_RETURN(const auto assignees, context.Texts("assignees"));
  if (!assignees.empty()) body["assignees"] = TextArray(assignees);
  ASSIGN_OR_RETURN(Array fields, ReadFields(context));
  if (!fields.empty()) body["issue_field_values"] = std::move(fields);
  const std::string path = repository.path() + "/issues";
  ASSIGN_OR_RETURN(const auto made, MakeOnce(look, writer, {.ask = {.method = "POST", .path = path, .body = body},
                                                            .pretend = Object{{"number", 0}, {"html_url", nullptr}},
                                                            .list_path = path + "?state=all&per_page=100",
                                                            .is_it = [&](const Value& issue) {
                                                              return TextAt(issue, "title") == title && TextAt(issue, "body") == text.value_or("");
                                                            }}));
  if (!made) return look.Again(kSoon);
  return TaskOutcome::Success({{"issueUrl", TextOrNull(TextAt(*made, "html_url"))}, {"issueNumber", NumberAt(*made, "number")}});
}

model::TaskTypeSpec CreateSpec() {
  return {.type = "io.kestra.plugin.github.issues.Create",
          .doc = "Opens an issue. When GitHub's answer is lost, the issue is looked for, and never opened a second time.",
          .properties = WithWrites({{.name = "repository", .required = true, .doc = "owner/name."},
                                    {.name = "title", .required = true, .doc = "Of the issue."},
                                    {.name = "body", .doc = "Its text, in Markdown."},
                                    {.name = "labels", .kind = PropertyKind::kList, .doc = "Names of labels."},
                                    {.name = "assignees", .kind = PropertyKind::kList, .doc = "Logins."},
                                    {.name = "fields", .kind = PropertyKind::kAny, .doc = "Values of the organization's issue fields: a list of {field_id, value}, or a map of ids to values."}}),
          .outputs = {{.name = "issueUrl", .doc = "Its page."}, {.name = "issueNumber", .kind = PropertyKind::kInteger, .doc = "Its number."}},
          .example = "id: report\ntype: io.kestra.plugin.github.issues.Create\noauthToken: \"{{ secret('GITHUB_TOKEN') }}\"\nrepository: acme/app\n"
                     "title: \"{{ flow.id }} failed\"\nlabels: [nightly]\n"};
}

// ---- Comment ----

Result<TaskOutcome> RunComment(Look& look) {
  TaskContext& context = look.context();
  ASSIGN_OR_RETURN(Writer writer, Writer::Of(look));
  ASSIGN_OR_RETURN(const Repository repository, look.ReadRepository());
  ASSIGN_OR_RETURN(const auto number, context.Integer("issueNumber"));
  if (!number) return InvalidArgument("issueNumber: is missing");
  ASSIGN_OR_RETURN(const std::string text, context.RequiredText("body"));
  const std::string path = repository.path() + "/issues/" + std::to_string(*number) + "/comments";
  ASSIGN_OR_RETURN(const auto made, MakeOnce(look, writer, {.ask = {.method = "POST", .path = path, .body = Object{{"body", text}}},
                                                            .pretend = Object{{"html_url", nullptr}},
                                                            .list_path = path + "?per_page=100&since=" + Part(FormatInstant(context.began() - std::chrono::minutes(5)).substr(0, 19) + "Z"),
                                                            .is_it = [&](const Value& comment) { return TextAt(comment, "body") == text; }}));
  if (!made) return look.Again(kSoon);
  const std::string url = TextAt(*made, "html_url");
  return TaskOutcome::Success({{"issueUrl", TextOrNull(url.substr(0, url.find('#')))}, {"commentUrl", TextOrNull(url)}});
}

model::TaskTypeSpec CommentSpec() {
  return {.type = "io.kestra.plugin.github.issues.Comment",
          .doc = "Comments an issue or a pull request. When GitHub's answer is lost, the comment is looked for, and never made a second time.",
          .properties = WithWrites({{.name = "repository", .required = true, .doc = "owner/name."},
                                    {.name = "issueNumber", .kind = PropertyKind::kInteger, .required = true, .doc = "Of the issue or pull request."},
                                    {.name = "body", .required = true, .doc = "The text, in Markdown."}}),
          .outputs = {{.name = "issueUrl", .doc = "The issue's page."}, {.name = "commentUrl", .doc = "Where the comment is on it."}},
          .example = "id: tell\ntype: io.kestra.plugin.github.issues.Comment\noauthToken: \"{{ secret('GITHUB_TOKEN') }}\"\nrepository: acme/app\n"
                     "issueNumber: 347\nbody: \"released with {{ inputs.version }}\"\n"};
}

}  // namespace

std::vector<TaskType> IssueTasks(const SharedHub& hub) {
  std::vector<TaskType> types;
  types.push_back(MakeGithubType(CreateSpec(), RunCreate, hub));
  types.push_back(MakeGithubType(CommentSpec(), RunComment, hub));
  return types;
}

}  // namespace headrace::worker::github
