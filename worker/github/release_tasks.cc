#include "common/base/text.h"
#include "worker/github/github_tasks.h"
#include "worker/github/shared_state.h"
#include "worker/github/write.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;

// Drafts stand at the top of the list and are found nowhere else.
constexpr std::size_t kDraftsAmong = 300;

struct ReleasePlan {
  Repository repository{};
  std::string tag{};
  bool draft = false;
  bool update = false;
  Object wanted{};  // in GitHub's words: what the task says of it
  Object extra{};   // that counts when it is made only
};

Result<ReleasePlan> ReadReleasePlan(Look& look) {
  TaskContext& context = look.context();
  ReleasePlan plan;
  ASSIGN_OR_RETURN(plan.repository, look.ReadRepository());
  ASSIGN_OR_RETURN(const std::string tag, context.RequiredText("tag"));
  plan.tag = std::string(Trim(tag));
  if (plan.tag.starts_with("refs/tags/")) plan.tag = plan.tag.substr(10);
  for (const auto& [property, key] : {std::pair{"target", "target_commitish"}, std::pair{"name", "name"}, std::pair{"body", "body"}}) {
    ASSIGN_OR_RETURN(const auto text, context.Text(property));
    if (text) plan.wanted[key] = *text;
  }
  ASSIGN_OR_RETURN(plan.draft, context.Bool("draft", false));
  plan.wanted["draft"] = plan.draft;
  ASSIGN_OR_RETURN(const bool prerelease, context.Bool("prerelease", false));
  plan.wanted["prerelease"] = prerelease;
  ASSIGN_OR_RETURN(const bool notes, context.Bool("generateNotes", false));
  if (notes) plan.extra["generate_release_notes"] = true;
  ASSIGN_OR_RETURN(const auto latest, context.Text("makeLatest"));
  if (latest) plan.extra["make_latest"] = *latest;
  ASSIGN_OR_RETURN(plan.update, context.Bool("update", false));
  return plan;
}

Result<std::optional<Value>> FindRelease(Look& look, const ReleasePlan& plan) {
  ASSIGN_OR_RETURN(auto published, ReadIfThere(look, plan.repository.path() + "/releases/tags/" + Part(plan.tag)));
  if (published) return std::optional<Value>(std::move(published->body));
  ASSIGN_OR_RETURN(const Array all, ReadList(look, plan.repository.path() + "/releases?per_page=100", "", kDraftsAmong));
  for (const Value& release : all)
    if (TextAt(release, "tag_name") == plan.tag) return std::optional<Value>(release);
  return std::optional<Value>();
}

// What differs from what is wanted. A target counts until the tag exists only, which it does once it is published.
Object Differences(const Value& release, const ReleasePlan& plan) {
  Object change;
  const bool published = TextAt(release, "draft") != "true";
  for (const auto& [key, value] : plan.wanted) {
    if (published && (key == "target_commitish" || key == "draft")) continue;
    if (TextAt(release, key) != ToText(value)) change[key] = value;
  }
  if (change.contains("draft") && plan.extra.contains("make_latest")) change["make_latest"] = plan.extra.at("make_latest");
  return change;
}

Object ReleaseOutputs(Look& look, const Writer& writer, const ReleasePlan& plan, const Value& release, bool created, bool updated) {
  return {{"repository", plan.repository.full()}, {"releaseId", NumberAt(release, "id")}, {"tag", plan.tag}, {"url", TextOrNull(TextAt(release, "html_url"))},
          {"draft", TextAt(release, "draft") == "true"}, {"prerelease", TextAt(release, "prerelease") == "true"}, {"body", TextOrNull(TextAt(release, "body"))},
          {"created", created}, {"updated", updated}, {"dryRun", writer.dry()}, {"apiCost", look.cost()}};
}

Result<TaskOutcome> Adopt(Look& look, Writer& writer, const ReleasePlan& plan, const Value& release) {
  const bool ours = look.memo().contains("sent");
  const std::string name = "the release " + plan.tag + " of " + plan.repository.full();
  const Object change = Differences(release, plan);
  if (ours || change.empty() || !plan.update) {
    if (!ours && change.contains("draft"))
      return TaskOutcome::Failed(name + " is there as a draft: `update: true` publishes it", ReleaseOutputs(look, writer, plan, release, false, false));
    look.context().Log("INFO", name + (ours ? " is made" : change.empty() ? " is there already" : " is there already, and is left as it is"));
    return TaskOutcome::Success(ReleaseOutputs(look, writer, plan, release, ours, false));
  }
  const Ask ask{.method = "PATCH", .path = plan.repository.path() + "/releases/" + TextAt(release, "id"), .body = change};
  ASSIGN_OR_RETURN(const Answer answer, writer.Must(ask, release));
  return TaskOutcome::Success(ReleaseOutputs(look, writer, plan, answer.body, false, true));
}

Result<TaskOutcome> EnsureRelease(Look& look) {
  ASSIGN_OR_RETURN(Writer writer, Writer::Of(look));
  ASSIGN_OR_RETURN(const ReleasePlan plan, ReadReleasePlan(look));
  ASSIGN_OR_RETURN(auto there, FindRelease(look, plan));
  if (there) return Adopt(look, writer, plan, *there);
  Object body = plan.wanted;
  body["tag_name"] = plan.tag;
  for (const auto& [key, value] : plan.extra) body[key] = value;
  Object pretend = body;
  pretend["id"] = 0;
  const Ask ask{.method = "POST", .path = plan.repository.path() + "/releases", .body = std::move(body)};
  look.memo()["sent"] = true;
  auto sent = writer.Send(ask, std::move(pretend));
  if (!sent && sent.error().code != Code::kAborted) look.memo().erase("sent");
  ASSIGN_OR_RETURN(const Answer answer, std::move(sent));
  if (answer.ok()) return TaskOutcome::Success(ReleaseOutputs(look, writer, plan, answer.body, true, false));
  look.memo().erase("sent");
  ASSIGN_OR_RETURN(there, FindRelease(look, plan));
  if (there && answer.code == 422) return Adopt(look, writer, plan, *there);
  return TaskOutcome::Failed(Refusal(ask, answer));
}

Result<TaskOutcome> RunEnsureRelease(Look& look) { return LookAfterLost(look, EnsureRelease(look)); }

model::TaskTypeSpec EnsureReleaseSpec() {
  return {.type = "headrace.github.EnsureRelease",
          .doc = "Sees to it that a tag has a release. One that is there already is taken, and changed if `update` says so; drafts are found, too.",
          .properties = WithWrites({{.name = "repository", .required = true, .doc = "owner/name."},
                                    {.name = "tag", .required = true, .doc = "Its tag, such as v1.0."},
                                    {.name = "target", .doc = "The branch or commit that the tag is made at, if it does not exist."},
                                    {.name = "name", .doc = "Of the release."},
                                    {.name = "body", .doc = "Its notes, in Markdown."},
                                    {.name = "draft", .kind = PropertyKind::kBoolean, .doc = "Not published yet.", .default_value = false},
                                    {.name = "prerelease", .kind = PropertyKind::kBoolean, .doc = "Not for production.", .default_value = false},
                                    {.name = "generateNotes", .kind = PropertyKind::kBoolean, .doc = "GitHub writes what has changed, behind `body`.", .default_value = false},
                                    {.name = "makeLatest", .kind = PropertyKind::kEnum, .doc = "Whether it is shown as the latest; GitHub's default is true.", .enum_values = {"true", "false", "legacy"}},
                                    {.name = "update", .kind = PropertyKind::kBoolean, .doc = "Changes a release that is there already to what this task says, and publishes a draft.", .default_value = false}}),
          .outputs = WithDryRun({{.name = "repository", .doc = "owner/name."},
                                 {.name = "releaseId", .kind = PropertyKind::kInteger, .doc = "GitHub's id."},
                                 {.name = "tag", .doc = "Its tag."},
                                 {.name = "url", .doc = "Its page."},
                                 {.name = "draft", .kind = PropertyKind::kBoolean, .doc = "It is not published."},
                                 {.name = "prerelease", .kind = PropertyKind::kBoolean, .doc = "As it is."},
                                 {.name = "body", .doc = "Its notes, generated ones included."},
                                 {.name = "created", .kind = PropertyKind::kBoolean, .doc = "Made by this task."},
                                 {.name = "updated", .kind = PropertyKind::kBoolean, .doc = "Changed by this task."}}),
          .example = "id: notes\ntype: headrace.github.EnsureRelease\nconnection: releases\nrepository: acme/app\ntag: \"v{{ inputs.version }}\"\n"
                     "generateNotes: true\ndraft: true\n"};
}

}  // namespace

std::vector<TaskType> ReleaseTasks(const SharedHub& hub) {
  std::vector<TaskType> types;
  types.push_back(MakeGithubType(EnsureReleaseSpec(), RunEnsureRelease, hub));
  return types;
}

}  // namespace headrace::worker::github
