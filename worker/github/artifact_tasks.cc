#include <openssl/evp.h>

#include <memory>

#include "common/base/text.h"
#include "worker/github/github_tasks.h"
#include "worker/github/shared_state.h"
#include "worker/github/write.h"

namespace headrace::worker::github {
namespace {

using model::PropertyKind;

struct FreeDigest {
  void operator()(EVP_MD_CTX* digest) const { EVP_MD_CTX_free(digest); }
};

// SHA-256 of what goes by.
class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new()) { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
  void Add(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string Hex() {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    EVP_DigestFinal_ex(context_.get(), bytes, &length);
    std::string hex;
    for (unsigned int i = 0; i < length; ++i) {
      hex += "0123456789abcdef"[bytes[i] >> 4];
      hex += "0123456789abcdef"[bytes[i] & 15];
    }
    return hex;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, FreeDigest> context_;
};

// The link holds for a minute and knows no token: the other host is never given one.
Result<ScratchFile> Fetch(Look& look, const std::string& url, const std::string& digest) {
  TaskContext& context = look.context();
  HttpRequest request{.uri = url, .idle_timeout = std::chrono::seconds(60), .allow = context.services().options.http_allow, .allow_failed = true};
  ASSIGN_OR_RETURN(ScratchFile file, context.Scratch());
  Digest sum;
  auto answer = CallHttp(request, context.cancel(), context.services().options.file_bytes_max, [&](std::string_view piece) {
    sum.Add(piece);
    return file.Write(piece);
  });
  if (!answer && answer.error().code != Code::kAborted) return Fail(std::move(answer.error()));
  if (!answer || answer->code != 200)
    return Fail(Code::kUnavailable, "the artifact's host " + OriginOf(url) + ": " + (answer ? "HTTP status " + std::to_string(answer->code) : answer.error().message));
  if (digest.starts_with("sha256:") && sum.Hex() != digest.substr(7)) return Fail(Code::kFailedPrecondition, "the artifact came with other bytes than GitHub's digest says");
  RETURN_IF_ERROR(file.Rewind());
  return file;
}

TaskOutcome Expired(const std::string& name, const Value& artifact) {
  const std::string at = TextAt(artifact, "expires_at");
  return TaskOutcome::Failed("ArtifactExpired: GitHub does not keep " + name + " any more" + (at.empty() ? "" : " (since " + at + ")") +
                             ": run the workflow again, or raise its retention-days");
}

Result<TaskOutcome> Store(Look& look, const Repository& repository, const Value& artifact, const std::string& name) {
  const Ask ask{.path = repository.path() + "/actions/artifacts/" + TextAt(artifact, "id") + "/zip", .redirects = false};
  ASSIGN_OR_RETURN(const Answer answer, look.client().Send(ask));
  if (answer.code == 410) return Expired(name, artifact);
  if (answer.location.empty()) return TaskOutcome::Failed(Refusal(ask, answer));
  ASSIGN_OR_RETURN(ScratchFile file, Fetch(look, answer.location, TextAt(artifact, "digest")));
  const std::uint64_t bytes = file.bytes();
  ASSIGN_OR_RETURN(const std::string uri, look.context().Store(file, ".zip"));
  look.context().Log("INFO", "stored " + name + ", " + std::to_string(bytes) + " bytes");
  return TaskOutcome::Success({{"uri", uri}, {"name", TextAt(artifact, "name")}, {"artifactId", NumberAt(artifact, "id")},
                               {"size", static_cast<std::int64_t>(bytes)}, {"digest", TextOrNull(TextAt(artifact, "digest"))}, {"apiCost", look.cost()}});
}

// Re-runs upload under the same name again: the newest counts, and it comes first.
Result<TaskOutcome> RunDownloadArtifact(Look& look) {
  TaskContext& context = look.context();
  ASSIGN_OR_RETURN(const Repository repository, look.ReadRepository());
  ASSIGN_OR_RETURN(const auto run, context.Integer("runId"));
  if (!run) return InvalidArgument("runId: is missing");
  ASSIGN_OR_RETURN(const std::string text, context.RequiredText("name"));
  const std::string wanted(Trim(text));
  const std::string of_run = repository.path() + "/actions/runs/" + std::to_string(*run);
  ASSIGN_OR_RETURN(const Array all, ReadList(look, of_run + "/artifacts?per_page=100", "artifacts"));
  const Value* newest = nullptr;
  std::vector<std::string> names;
  for (const Value& artifact : all) {
    names.push_back(TextAt(artifact, "name"));
    if (names.back() == wanted && (newest == nullptr || NumberAt(artifact, "id") > NumberAt(*newest, "id"))) newest = &artifact;
  }
  const std::string name = "the artifact " + wanted + " of run " + std::to_string(*run) + " of " + repository.full();
  if (newest != nullptr && TextAt(*newest, "expired") == "true") return Expired(name, *newest);
  if (newest != nullptr) return Store(look, repository, *newest, name);
  ASSIGN_OR_RETURN(const Answer seen, Read(look, of_run));
  if (TextAt(seen.body, "status") == "completed")
    return TaskOutcome::Failed("ArtifactNotFound: there is not " + name + "; there " + (names.empty() ? "are none" : "is " + Listed(names)));
  ASSIGN_OR_RETURN(const Duration interval, ReadInterval(context, "interval", std::chrono::seconds(15)));
  return look.Again(interval);
}

model::TaskTypeSpec DownloadArtifactSpec() {
  return {.type = "headrace.github.DownloadArtifact",
          .doc = "Stores an artifact of a workflow run, as the zip that GitHub makes of it. While the run goes on, it waits for it.",
          .properties = WithConnection({{.name = "repository", .required = true, .doc = "owner/name."},
                                        {.name = "runId", .kind = PropertyKind::kInteger, .required = true, .doc = "The run."},
                                        {.name = "name", .required = true, .doc = "Of the artifact; the newest of this name."},
                                        {.name = "interval", .kind = PropertyKind::kDuration, .doc = "Between two looks while the run goes on.", .default_value = "PT15S"}}),
          .outputs = {{.name = "uri", .doc = "The stored zip."},
                      {.name = "name", .doc = "Of the artifact."},
                      {.name = "artifactId", .kind = PropertyKind::kInteger, .doc = "GitHub's id."},
                      {.name = "size", .kind = PropertyKind::kInteger, .doc = "Bytes of the zip."},
                      {.name = "digest", .doc = "GitHub's, which the bytes were checked against; null on older servers."},
                      {.name = "apiCost", .kind = PropertyKind::kInteger, .doc = "Requests that GitHub charged."}},
          .example = "id: reports\ntype: headrace.github.DownloadArtifact\nconnection: releases\nrepository: acme/app\nrunId: \"{{ outputs.start.runId }}\"\nname: test-reports\n"};
}

}  // namespace

std::vector<TaskType> ArtifactTasks(const SharedHub& hub) {
  std::vector<TaskType> types;
  types.push_back(MakeGithubType(DownloadArtifactSpec(), RunDownloadArtifact, hub));
  return types;
}

}  // namespace headrace::worker::github
