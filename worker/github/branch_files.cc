#include "worker/github/branch_files.h"

#include <openssl/evp.h>

#include <map>

#include "common/base/hash.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

constexpr std::string_view kPlainFile = "100644";

struct KnownFile {
  std::string mode;
  std::string sha;
};

struct Tree {
  std::string sha{};
  std::map<std::string, KnownFile> files{};
  bool whole = true;  // a very large tree is told in part
};

std::string GitPath(const CommitPlan& plan, std::string_view rest) { return plan.repository.path() + "/git/" + std::string(rest); }

Result<Tree> TreeOf(Look& look, const CommitPlan& plan, const std::string& commit) {
  ASSIGN_OR_RETURN(const Answer of, Read(look, GitPath(plan, "commits/" + commit)));
  const Value* sha = AtPath(of.body, "tree.sha");
  Tree tree{.sha = sha == nullptr ? "" : ToText(*sha)};
  ASSIGN_OR_RETURN(const Answer answer, Read(look, GitPath(plan, "trees/" + tree.sha + "?recursive=1")));
  if (const Value* cut = Member(answer.body, "truncated")) tree.whole = !(cut->is_bool() && cut->get_bool());
  const Value* entries = Member(answer.body, "tree");
  for (const Value& entry : entries != nullptr && entries->is_array() ? entries->get_array() : Array())
    if (TextAt(entry, "type") == "blob") tree.files[TextAt(entry, "path")] = {TextAt(entry, "mode"), TextAt(entry, "sha")};
  return tree;
}

// What of the edits is not in the tree yet, as the entries of a new one.
Array Missing(const Tree& tree, const std::vector<FileEdit>& edits) {
  Array entries;
  for (const FileEdit& edit : edits) {
    const auto known = tree.files.find(edit.path);
    const bool there = known != tree.files.end();
    if (!edit.content && !there) continue;
    if (edit.content && there && known->second.sha == BlobId(*edit.content)) continue;
    Object entry{{"path", edit.path}, {"mode", there ? known->second.mode : std::string(kPlainFile)}, {"type", "blob"}};
    if (edit.content) entry["content"] = *edit.content;
    else entry["sha"] = nullptr;
    entries.push_back(std::move(entry));
  }
  return entries;
}

// A tree and a commit that nobody points to yet; both are remembered, so that a write that has to wait for its turn does not
// make the ones before it again.
Result<std::string> MakeCommit(Look& look, Writer& writer, const CommitPlan& plan, const std::string& tip, const Tree& base, const Array& entries) {
  const std::string key = Sha256Hex(tip + ToJson(entries)).substr(0, 16);
  Value& memo = look.memo()["commit"];
  if (TextAt(memo, "key") != key) memo = Object{{"key", key}};
  if (TextAt(memo, "tree").empty()) {
    const Ask ask{.method = "POST", .path = GitPath(plan, "trees"), .body = Object{{"base_tree", base.sha}, {"tree", entries}}};
    ASSIGN_OR_RETURN(const Answer answer, writer.Must(ask, Object{{"sha", kDryId}}));
    memo.get_object()["tree"] = TextAt(answer.body, "sha");
  }
  if (TextAt(memo, "tree") == base.sha) return tip;
  if (TextAt(memo, "sha").empty()) {
    const Ask ask{.method = "POST", .path = GitPath(plan, "commits"),
                  .body = Object{{"message", plan.message}, {"tree", TextAt(memo, "tree")}, {"parents", Array{json::string(tip)}}}};
    ASSIGN_OR_RETURN(const Answer answer, writer.Must(ask, Object{{"sha", kDryId}}));
    memo.get_object()["sha"] = TextAt(answer.body, "sha");
  }
  return TextAt(memo, "sha");
}

// Never by force: what somebody else has pushed stays.
Status PointBranch(Look& look, Writer& writer, const CommitPlan& plan, bool exists, const std::string& sha) {
  const Ask move{.method = "PATCH", .path = GitPath(plan, "refs/heads/" + Part(plan.branch)), .body = Object{{"sha", sha}, {"force", false}}};
  const Ask make{.method = "POST", .path = GitPath(plan, "refs"), .body = Object{{"ref", "refs/heads/" + plan.branch}, {"sha", sha}}};
  const Ask& ask = exists ? move : make;
  ASSIGN_OR_RETURN(const Answer answer, writer.Send(ask));
  if (answer.ok()) return {};
  const std::string why = Refusal(ask, answer);
  const bool raced = answer.code == 422 && (answer.message.find("fast forward") != std::string::npos || answer.message.find("already exists") != std::string::npos);
  look.memo().erase("commit");
  return Fail(raced ? Code::kAborted : Code::kFailedPrecondition, raced ? "somebody else moved the branch " + plan.branch + ": " + why : why);
}

}  // namespace

Result<std::optional<std::string>> TipOf(Look& look, const Repository& repository, const std::string& branch) {
  ASSIGN_OR_RETURN(const auto answer, ReadIfThere(look, repository.path() + "/git/ref/heads/" + Part(branch)));
  if (!answer) return std::optional<std::string>();
  const Value* sha = AtPath(answer->body, "object.sha");
  return sha == nullptr ? std::optional<std::string>() : std::optional<std::string>(ToText(*sha));
}

std::string BlobId(std::string_view bytes) {
  std::string whole = "blob " + std::to_string(bytes.size());
  whole.push_back('\0');
  whole += bytes;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  if (EVP_Digest(whole.data(), whole.size(), digest, &length, EVP_sha1(), nullptr) != 1) return {};
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) {
    hex += "0123456789abcdef"[digest[i] >> 4];
    hex += "0123456789abcdef"[digest[i] & 15];
  }
  return hex;
}

Result<std::vector<FileEdit>> ReadFileEdits(TaskContext& context) {
  ASSIGN_OR_RETURN(const Object files, context.Map("files"));
  std::vector<FileEdit> edits;
  for (const auto& [path, content] : files) {
    const std::string name(path);
    if (name.empty() || name.starts_with('/') || name.ends_with('/') || name.find("//") != std::string::npos)
      return InvalidArgument("files: '" + name + "' is no path of a file in a repository");
    edits.push_back({name, content.is_null() ? std::nullopt : std::optional<std::string>(ToText(content))});
  }
  return edits;
}

Result<BranchTip> EnsureFiles(Look& look, Writer& writer, const CommitPlan& plan) {
  ASSIGN_OR_RETURN(auto tip, TipOf(look, plan.repository, plan.branch));
  const bool exists = tip.has_value();
  if (!exists) {
    ASSIGN_OR_RETURN(tip, TipOf(look, plan.repository, plan.from));
    if (!tip) return Fail(Code::kNotFound, "the branch " + plan.from + " of " + plan.repository.full() + " does not exist, or the token may not see it");
  }
  ASSIGN_OR_RETURN(const Tree tree, TreeOf(look, plan, *tip));
  const Array entries = Missing(tree, plan.files);
  if (entries.empty()) return BranchTip{.exists = exists, .sha = *tip};
  ASSIGN_OR_RETURN(const std::string sha, MakeCommit(look, writer, plan, *tip, tree, entries));
  if (sha == *tip) return BranchTip{.exists = exists, .sha = sha};
  RETURN_IF_ERROR(PointBranch(look, writer, plan, exists, sha));
  look.context().Log("INFO", "commit " + sha + " changes " + std::to_string(entries.size()) + " files of " + plan.repository.full() + " " + plan.branch);
  return BranchTip{.exists = true, .changed = true, .sha = sha};
}

}  // namespace headrace::worker::github
