#include "worker/github/search_query.h"

namespace headrace::worker::github {
namespace {

constexpr TermKind kFlag = TermKind::kFlag;
constexpr TermKind kBool = TermKind::kBool;
constexpr TermKind kText = TermKind::kText;

const std::vector<SearchTerm> kIssueTerms = {
    {"repository", "repo", kText, "owner/name."},
    {"mentions", "mentions", kText, "A login that is mentioned."},
    {"open", "is:open", kFlag, "Open ones."},
    {"closed", "is:closed", kFlag, "Closed ones."},
    {"merged", "is:merged", kFlag, "Merged ones."}};

const std::vector<SearchTerm> kPullTerms = {
    {"repository", "repo", kText, "owner/name."},
    {"mentions", "mentions", kText, "A login that is mentioned."},
    {"open", "is:open", kFlag, "Open ones."},
    {"closed", "is:closed", kFlag, "Closed ones."},
    {"merged", "is:merged", kFlag, "Merged ones."},
    {"draft", "draft", kBool, "Drafts, or all but drafts."},
    {"assigned", "assignee", kText, "Whom it is assigned to."},
    {"title", "in:title", kText, "Words of the title."},
    {"author", "author", kText, "Who opened it."},
    {"base", "base", kText, "The branch to merge into."},
    {"head", "head", kText, "The branch with the changes."},
    {"commit", "sha", kText, "A commit that is part of it; seven digits or more."},
    {"createdAt", "created", kText, "A date or a range, such as 2026-01-01..2026-02-01."},
    {"updatedAt", "updated", kText, "A date or a range."},
    {"closedAt", "closed", kText, "A date or a range."},
    {"mergedAt", "merged", kText, "A date or a range."},
    {"createdByMe", "author:@me", kFlag, "Opened by the token's user."},
    {"reviewRequested", "review-requested", kText, "Who was asked for a review."},
    {"reviewedBy", "reviewed-by", kText, "Who has reviewed it."}};

const std::vector<SearchTerm> kCodeTerms = {
    {"repository", "repo", kText, "owner/name."},
    {"user", "user", kText, "Whose repositories."},
    {"in", "in", kText, "file or path."},
    {"filename", "filename", kText, "The file's name."},
    {"path", "path", kText, "The folder."},
    {"extension", "extension", kText, "Of the file's name."},
    {"language", "language", kText, "Of the file."},
    {"size", "size", kText, "In bytes, such as >1000."},
    {"fork", "fork", kText, "true or only: forks, too, or alone."}};

const std::vector<SearchTerm> kCommitTerms = {
    {"repository", "repo", kText, "owner/name."},
    {"org", "org", kText, "Whose repositories."},
    {"user", "user", kText, "Whose repositories."},
    {"author", "author", kText, "The author's login."},
    {"authorName", "author-name", kText, "The author's name."},
    {"authorEmail", "author-email", kText, "The author's address."},
    {"authorDate", "author-date", kText, "A date or a range."},
    {"committer", "committer", kText, "The committer's login."},
    {"committerName", "committer-name", kText, "The committer's name."},
    {"committerEmail", "committer-email", kText, "The committer's address."},
    {"committerDate", "committer-date", kText, "A date or a range."},
    {"merge", "merge", kBool, "Merge commits, or all others."},
    {"hash", "hash", kText, "The commit's id."},
    {"parent", "parent", kText, "A parent's id."},
    {"tree", "tree", kText, "The tree's id."},
    {"is", "is", kText, "public or private."}};

const std::vector<SearchTerm> kRepositoryTerms = {
    {"repository", "repo", kText, "owner/name."},
    {"user", "user", kText, "Whose they are."},
    {"language", "language", kText, "The main one."},
    {"created", "created", kText, "A date or a range."},
    {"stars", "stars", kText, "Such as >100."},
    {"topic", "topic", kText, "One of its topics."},
    {"visibility", "is", kText, "public, private or internal."}};

const std::vector<SearchTerm> kTopicTerms = {
    {"is", "is", kText, "curated, featured, not-curated or not-featured."},
    {"repositories", "repositories", kText, "How many have it, such as >1000."},
    {"created", "created", kText, "A date or a range."}};

const std::vector<SearchTerm> kUserTerms = {
    {"in", "in", kText, "login, name or email."},
    {"accountType", "type", kText, "user or org."},
    {"language", "language", kText, "Of their repositories."},
    {"location", "location", kText, "Where they are."},
    {"created", "created", kText, "A date or a range."},
    {"repositories", "repos", kText, "How many, such as >10."},
    {"followers", "followers", kText, "How many, such as >10."}};

}  // namespace

const std::vector<SearchKind>& SearchKinds() {
  static const std::vector<SearchKind> kKinds = {
      {"issues.Search", "/search/issues", "search", "Searches issues and pull requests.", "", kIssueTerms, {"created", "updated", "comments"}, "query: flaky\nrepository: acme/app\nopen: true\n"},
      {"pulls.Search", "/search/issues", "search", "Searches pull requests.", "is:pr", kPullTerms, {"created", "updated", "comments"}, "repository: acme/app\nopen: true\nbase: main\n"},
      {"code.Search", "/search/code", "code_search", "Searches files of default branches.", "", kCodeTerms, {"indexed"}, "query: version\nrepository: acme/app\nfilename: gradle.properties\n"},
      {"commits.Search", "/search/commits", "search", "Searches commits of default branches.", "", kCommitTerms, {"author-date", "committer-date"}, "query: release\nrepository: acme/app\n"},
      {"repositories.Search", "/search/repositories", "search", "Searches repositories.", "", kRepositoryTerms, {"stars", "forks", "help-wanted-issues", "updated"}, "query: plugin\nuser: acme\n"},
      {"topics.Search", "/search/topics", "search", "Searches topics.", "", kTopicTerms, {}, "query: orchestration\n"},
      {"users.Search", "/search/users", "search", "Searches users and organizations.", "", kUserTerms, {"followers", "repositories", "joined"}, "query: acme\naccountType: org\n"}};
  return kKinds;
}

std::string Qualified(std::string_view qualifier, std::string_view value) {
  std::string text(value);
  std::erase(text, '"');
  if (text.find(' ') != std::string::npos) text = "\"" + text + "\"";
  return std::string(qualifier) + ":" + text;
}

}  // namespace headrace::worker::github
