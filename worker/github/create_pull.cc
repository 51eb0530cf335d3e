#include "common/base/text.h"
#include "worker/github/github_tasks.h"
#include "worker/github/reviewers.h"
#include "worker/github/shared_state.h"
#include "worker/github/write.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;

Result<std::optional<Value>> FindSent(Look& look, const Repository& repository, const Object& body) {
  const std::string head(body.at("head").get_string());
  const std::string whole = head.find(':') == std::string::npos ? repository.owner + ":" + head : head;
  ASSIGN_OR_RETURN(const Answer answer, Read(look, repository.path() + "/pulls?state=open&head=" + Part(whole) + "&base=" + Part(std::string_view(body.at("base").get_string()))));
  if (!answer.body.is_array() || answer.body.get_array().empty()) return std::optional<Value>();
  return std::optional<Value>(answer.body.get_array().front());
}

Result<Object> ReadBody(TaskContext& context) {
  Object body;
  for (const auto& [property, key] : {std::pair{"sourceBranch", "head"}, std::pair{"targetBranch", "base"}, std::pair{"title", "title"}}) {
    ASSIGN_OR_RETURN(const std::string text, context.RequiredText(property));
    body[key] = Trim(text);
  }
  ASSIGN_OR_RETURN(const auto text, context.Text("body"));
  if (text) body["body"] = *text;
  ASSIGN_OR_RETURN(const bool modify, context.Bool("maintainerCanModify", false));
  body["maintainer_can_modify"] = modify;
  ASSIGN_OR_RETURN(const bool draft, context.Bool("draft", false));
  body["draft"] = draft;
  return body;
}

// As Kestra does: a duplicate fails, and without access to the repository's pull requests nothing is done, successfully.
Result<TaskOutcome> CreatePull(Look& look) {
  TaskContext& context = look.context();
  ASSIGN_OR_RETURN(Writer writer, Writer::Of(look));
  ASSIGN_OR_RETURN(const Repository repository, look.ReadRepository());
  ASSIGN_OR_RETURN(const Object body, ReadBody(context));
  ASSIGN_OR_RETURN(const auto reviewers, context.Texts("reviewers"));
  std::optional<Value> pull;
  if (look.memo().contains("sent")) {
    ASSIGN_OR_RETURN(pull, FindSent(look, repository, body));
  } else {
    ASSIGN_OR_RETURN(const Answer seen, Read(look, repository.path()));
    const Value* may = AtPath(seen.body, "permissions.pull");
    if (may != nullptr && ToText(*may) == "false") {
      context.Log("WARN", "the token has no access to pull requests of " + repository.full() + ": none is opened");
      return TaskOutcome::Success();
    }
  }
  if (!pull) {
    const Ask ask{.method = "POST", .path = repository.path() + "/pulls", .body = body};
    look.memo()["sent"] = true;
    auto sent = writer.Send(ask, Object{{"number", 0}});
    if (!sent && sent.error().code != Code::kAborted) look.memo().erase("sent");
    ASSIGN_OR_RETURN(Answer answer, std::move(sent));
    if (!answer.ok()) return TaskOutcome::Failed(Refusal(ask, answer));
    pull = std::move(answer.body);
  }
  if (Object asked = ReviewersOf(reviewers, *pull); !asked.empty()) {
    const std::string path = repository.path() + "/pulls/" + TextAt(*pull, "number") + "/requested_reviewers";
    RETURN_IF_ERROR(writer.Must({.method = "POST", .path = path, .body = std::move(asked)}));
  }
  const std::string page = TextAt(*pull, "html_url");
  return TaskOutcome::Success({{"issueUrl", TextOrNull(TextAt(*pull, "issue_url"))}, {"pullRequestUrl", TextOrNull(page)},
                               {"number", NumberAt(*pull, "number")}});
}

Result<TaskOutcome> RunCreatePull(Look& look) { return LookAfterLost(look, CreatePull(look)); }

model::TaskTypeSpec CreatePullSpec() {
  return {.type = "io.kestra.plugin.github.pulls.Create",
          .doc = "Opens a pull request; one that is open already fails it (headrace.github.EnsurePull takes it). Without access to pull requests it succeeds with no outputs.",
          .properties = WithWrites({{.name = "repository", .required = true, .doc = "owner/name."},
                                    {.name = "sourceBranch", .required = true, .doc = "The branch with the changes; owner:branch of a fork."},
                                    {.name = "targetBranch", .required = true, .doc = "The branch to merge into."},
                                    {.name = "title", .required = true, .doc = "Of the pull request."},
                                    {.name = "body", .doc = "Its text, in Markdown."},
                                    {.name = "maintainerCanModify", .kind = PropertyKind::kBoolean, .doc = "Lets maintainers push to a fork's branch.", .default_value = false},
                                    {.name = "draft", .kind = PropertyKind::kBoolean, .doc = "Opens it as a draft.", .default_value = false},
                                    {.name = "reviewers", .kind = PropertyKind::kList, .doc = "Logins, or team:slug."}}),
          .outputs = {{.name = "issueUrl", .doc = "The API's URL of it as an issue."},
                      {.name = "pullRequestUrl", .doc = "Its page."},
                      {.name = "number", .kind = PropertyKind::kInteger, .doc = "Its number."}},
          .example = "id: open\ntype: io.kestra.plugin.github.pulls.Create\noauthToken: \"{{ secret('GITHUB_TOKEN') }}\"\nrepository: acme/app\n"
                     "sourceBranch: next\ntargetBranch: main\ntitle: Next\nreviewers: [\"team:platform\"]\n"};
}

}  // namespace

std::vector<TaskType> CreatePullTasks(const SharedHub& hub) {
  std::vector<TaskType> types;
  types.push_back(MakeGithubType(CreatePullSpec(), RunCreatePull, hub));
  return types;
}

}  // namespace headrace::worker::github
