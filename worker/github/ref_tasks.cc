#include "common/base/text.h"
#include "worker/github/github_tasks.h"
#include "worker/github/look.h"
#include "worker/github/shared_state.h"
#include "worker/github/write.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;

// "v1" is a tag or a branch nobody can tell, so it is refused: what is checked must be what is meant.
Result<std::string> ReadRef(TaskContext& context) {
  ASSIGN_OR_RETURN(const std::string text, context.RequiredText("ref"));
  std::string ref(Trim(text));
  if (ref.starts_with("refs/")) ref = ref.substr(5);
  if (!ref.starts_with("tags/") && !ref.starts_with("heads/"))
    return InvalidArgument("ref: '" + text + "': write tags/" + ref + " or heads/" + ref);
  return ref;
}

std::string RefPath(const Repository& repository, const std::string& ref) {
  const std::size_t slash = ref.find('/');
  return repository.path() + "/git/ref/" + ref.substr(0, slash) + "/" + Part(ref.substr(slash + 1));
}

struct SeenRef {
  bool present = false;
  std::string sha{};   // of the commit, for a lightweight tag or a branch; of the tag object otherwise
  std::string kind{};  // commit, tag
};

// 404 alone means absent. Older servers answer a prefix with a list.
Result<SeenRef> SeeRef(Look& look, const Repository& repository, const std::string& ref) {
  const Ask ask{.path = RefPath(repository, ref), .cached = true};
  ASSIGN_OR_RETURN(const Answer answer, look.client().Send(ask));
  if (answer.code == 404) {
    // A repository that the token may not see answers 404 as well.
    const Ask house{.path = repository.path(), .cached = true};
    ASSIGN_OR_RETURN(const Answer seen, look.client().Send(house));
    if (!seen.ok()) return Fail(Code::kFailedPrecondition, Refusal(house, seen));
    return SeenRef{};
  }
  if (!answer.ok()) return Fail(Code::kFailedPrecondition, Refusal(ask, answer));
  if (answer.body.is_array()) return SeenRef{};
  const Value* object = Member(answer.body, "object");
  return SeenRef{true, object == nullptr ? "" : TextAt(*object, "sha"), object == nullptr ? "" : TextAt(*object, "type")};
}

// An annotated tag points to a tag object, which points to the commit.
Result<std::string> CommitOf(Look& look, const Repository& repository, const SeenRef& ref) {
  if (ref.kind != "tag") return ref.sha;
  const Ask ask{.path = repository.path() + "/git/tags/" + ref.sha, .cached = true};
  ASSIGN_OR_RETURN(const Answer answer, look.client().Send(ask));
  if (!answer.ok()) return Fail(Code::kFailedPrecondition, Refusal(ask, answer));
  const Value* object = Member(answer.body, "object");
  return object == nullptr ? std::string() : TextAt(*object, "sha");
}

Object RefOutputs(const Repository& repository, const std::string& ref, bool present, const std::string& sha) {
  return {{"repository", repository.full()}, {"ref", "refs/" + ref}, {"present", present}, {"sha", sha.empty() ? Value() : Value(json::string(sha))}};
}

// ---- CheckRef ----

Result<TaskOutcome> RunCheckRef(Look& look) {
  ASSIGN_OR_RETURN(const Repository repository, look.ReadRepository());
  ASSIGN_OR_RETURN(const std::string ref, ReadRef(look.context()));
  ASSIGN_OR_RETURN(const auto expected, look.context().Text("expect"));
  const std::string expect(Trim(expected.value_or("ANY")));
  const bool at = expect.starts_with("AT(") && expect.ends_with(')');
  if (!at && expect != "ABSENT" && expect != "PRESENT" && expect != "ANY")
    return InvalidArgument("expect: '" + expect + "' is none of ABSENT, PRESENT, AT(sha), ANY");
  ASSIGN_OR_RETURN(const SeenRef seen, SeeRef(look, repository, ref));
  std::string commit;
  if (seen.present) {
    ASSIGN_OR_RETURN(commit, CommitOf(look, repository, seen));
  }
  Object outputs = RefOutputs(repository, ref, seen.present, commit);
  const std::string place = repository.full() + " refs/" + ref;
  if (expect == "ABSENT" && seen.present) return TaskOutcome::Failed(place + " exists already, at " + commit, std::move(outputs));
  if ((expect == "PRESENT" || at) && !seen.present) return TaskOutcome::Failed(place + " does not exist", std::move(outputs));
  if (at) {
    const std::string wanted(Trim(std::string_view(expect).substr(3, expect.size() - 4)));
    if (wanted.size() < 7 || !commit.starts_with(wanted))
      return TaskOutcome::Failed(place + " is at " + commit + ", not at " + wanted, std::move(outputs));
  }
  look.context().Log("INFO", place + (seen.present ? " is at " + commit : std::string(" does not exist")));
  return TaskOutcome::Success(std::move(outputs));
}

const std::vector<model::PropertySpec> kRefOutputs = {
    {.name = "repository", .doc = "owner/name."},
    {.name = "ref", .doc = "The whole name, refs/tags/v1."},
    {.name = "present", .kind = PropertyKind::kBoolean, .doc = "Whether it exists."},
    {.name = "sha", .doc = "The commit it leads to, through an annotated tag as well."}};

model::TaskTypeSpec CheckRefSpec() {
  return {.type = "headrace.github.CheckRef",
          .doc = "Looks whether a tag or branch exists. Only GitHub's word that there is none counts as absent: while GitHub is out of reach or limits, it waits.",
          .properties = WithConnection({{.name = "repository", .required = true, .doc = "owner/name."},
                                        {.name = "ref", .required = true, .doc = "tags/v1.0 or heads/main; refs/ may stand before it."},
                                        {.name = "expect", .doc = "ABSENT, PRESENT or AT(sha): fails when it is otherwise. ANY only looks.", .default_value = "ANY"}}),
          .outputs = kRefOutputs,
          .example = "id: no_tag_yet\ntype: headrace.github.CheckRef\nconnection: releases\nrepository: acme/app\n"
                     "ref: \"tags/v{{ inputs.version }}\"\nexpect: ABSENT\n"};
}

// ---- CreateRef ----

Result<TaskOutcome> RunCreateRef(Look& look) {
  ASSIGN_OR_RETURN(const Repository repository, look.ReadRepository());
  ASSIGN_OR_RETURN(const std::string ref, ReadRef(look.context()));
  ASSIGN_OR_RETURN(const std::string text, look.context().RequiredText("sha"));
  const std::string sha(Trim(text));
  const Ask ask{.method = "POST", .path = repository.path() + "/git/refs", .body = Object{{"ref", "refs/" + ref}, {"sha", sha}}};
  ASSIGN_OR_RETURN(Writer writer, Writer::Of(look));
  auto answer = writer.Send(ask);
  // Whether a lost request had its effect is seen by looking.
  if (!answer && answer.error().code != Code::kAborted) return Fail(std::move(answer.error()));
  Object outputs = RefOutputs(repository, ref, true, sha);
  if (answer && answer->ok()) {
    if (!writer.dry()) look.context().Log("INFO", "created refs/" + ref + " of " + repository.full() + " at " + sha);
    outputs["created"] = true;
    return TaskOutcome::Success(std::move(outputs));
  }
  ASSIGN_OR_RETURN(const SeenRef seen, SeeRef(look, repository, ref));
  if (!seen.present && !answer) return look.Again(std::chrono::seconds(5));  // lost before its effect
  if (!seen.present) return TaskOutcome::Failed(Refusal(ask, *answer));
  ASSIGN_OR_RETURN(const std::string commit, CommitOf(look, repository, seen));
  if (commit != sha && seen.sha != sha)
    return TaskOutcome::Failed("refs/" + ref + " of " + repository.full() + " exists already, at " + commit + ", not at " + sha);
  look.context().Log("INFO", "refs/" + ref + " of " + repository.full() + " is there already, at " + sha);
  outputs["created"] = false;
  return TaskOutcome::Success(std::move(outputs));
}

model::TaskTypeSpec CreateRefSpec() {
  std::vector<model::PropertySpec> outputs = kRefOutputs;
  outputs.push_back({.name = "created", .kind = PropertyKind::kBoolean, .doc = "false: it was there already, at this commit."});
  return {.type = "headrace.github.CreateRef",
          .doc = "Makes a tag or branch at a commit. One that is there already at this commit is taken as made, at another one fails.",
          .properties = WithWrites({{.name = "repository", .required = true, .doc = "owner/name."},
                                    {.name = "ref", .required = true, .doc = "tags/v1.0 or heads/releases/v1."},
                                    {.name = "sha", .required = true, .doc = "The whole id of the commit."}}),
          .outputs = std::move(outputs),
          .example = "id: tag\ntype: headrace.github.CreateRef\nconnection: releases\nrepository: acme/app\n"
                     "ref: \"tags/v{{ inputs.version }}\"\nsha: \"{{ outputs.build.headSha }}\"\n"};
}

}  // namespace

std::vector<TaskType> RefTasks(const SharedHub& hub) {
  std::vector<TaskType> types;
  types.push_back(MakeGithubType(CheckRefSpec(), RunCheckRef, hub));
  types.push_back(MakeGithubType(CreateRefSpec(), RunCreateRef, hub));
  return types;
}

}  // namespace headrace::worker::github
