// Files of a branch brought to given contents in one commit, through the git data API.
// Shapes: nothing is written when the branch, or the one it would be made from, holds them already; the memo's `commit` says how
//   far a commit has come.
// Errors: as the client's; ABORTED also when somebody else moved the branch meanwhile: look again. Threads: the task's.
// Source: GITHUB 5(g); git's object format.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "worker/github/write.h"

namespace headrace::worker::github {

struct FileEdit {
  std::string path;
  std::optional<std::string> content;  // nothing: the file is removed
};

struct CommitPlan {
  Repository repository{};
  std::string branch{};
  std::string from{};  // the branch that it is made from when it does not exist
  std::vector<FileEdit> files{};
  std::string message{};
};

struct BranchTip {
  bool exists = false;  // the branch, by now
  bool changed = false;
  std::string sha{};
};
Result<BranchTip> EnsureFiles(Look& look, Writer& writer, const CommitPlan& plan);

// The newest commit of a branch; nothing when there is no such branch.
Result<std::optional<std::string>> TipOf(Look& look, const Repository& repository, const std::string& branch);
// The id that git gives to a file of these bytes.
std::string BlobId(std::string_view bytes);
// {path: text, or null to remove it} of the property `files`.
Result<std::vector<FileEdit>> ReadFileEdits(TaskContext& context);

}  // namespace headrace::worker::github
