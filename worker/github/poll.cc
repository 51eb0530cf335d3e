#include "worker/github/poll.h"

#include <algorithm>
#include <set>

#include "common/base/hash.h"
#include "worker/github/hook_health.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

constexpr std::size_t kSinglesMax = 2;
constexpr std::size_t kPagesMax = 5;
// Of runs that are too old for the list, in one poll.
constexpr std::size_t kLateMax = 5;
// Who went to wait while the news was told would miss it, so it is told again for a while.
constexpr Duration kTellAgain = std::chrono::minutes(10);

struct Found {
  std::vector<RunSnapshot> runs{};
  std::vector<RunId> missing{};
  std::vector<std::tuple<std::string, std::string, std::string>> etags{};  // path, fingerprint, etag
};

std::string RunPath(const Repository& repository, RunId id) { return repository.path() + "/actions/runs/" + std::to_string(id); }

class Poll {
 public:
  Poll(Look& look, const Repository& repository, const RunView& view, std::vector<RunId> open, std::string fingerprint)
      : look_(look), repository_(repository), view_(view), open_(std::move(open)), fingerprint_(std::move(fingerprint)) {}

  Result<Found> Run(bool list) {
    if (!list && open_.size() <= kSinglesMax) {
      for (const RunId id : open_) RETURN_IF_ERROR(Single(id));
      return std::move(found_);
    }
    RETURN_IF_ERROR(List());
    return std::move(found_);
  }

 private:
  Result<Answer> Conditional(const std::string& path) {
    ASSIGN_OR_RETURN(Answer answer, look_.client().Send({.path = path, .if_none_match = view_.Etag(path, fingerprint_)}));
    if (answer.code == 200 && !answer.etag.empty()) found_.etags.emplace_back(path, fingerprint_, answer.etag);
    return answer;
  }

  Status Single(RunId id) {
    const std::string path = RunPath(repository_, id);
    ASSIGN_OR_RETURN(const Answer answer, Conditional(path));
    if (answer.code == 304) return {};
    if (answer.code == 404) {
      found_.missing.push_back(id);
      return {};
    }
    if (!answer.ok()) return Fail(Code::kFailedPrecondition, Refusal({.path = path}, answer));
    if (auto run = ReadRun(answer.body, "poll")) found_.runs.push_back(std::move(*run));
    return {};
  }

  // A page that has not changed says that nothing has. Runs that it does not show are older than a hundred others.
  Status List() {
    std::string path = repository_.path() + "/actions/runs?per_page=100&exclude_pull_requests=true";
    std::set<RunId> left(open_.begin(), open_.end());
    for (std::size_t page = 0; page < kPagesMax && !path.empty(); ++page) {
      ASSIGN_OR_RETURN(const Answer answer, page == 0 ? Conditional(path) : look_.client().Send({.path = path}));
      if (answer.code == 304) {
        for (const RunSnapshot& run : view_.All()) left.erase(run.id);
        break;
      }
      if (!answer.ok()) return Fail(Code::kFailedPrecondition, Refusal({.path = path}, answer));
      const Value* runs = Member(answer.body, "workflow_runs");
      for (const Value& item : runs != nullptr && runs->is_array() ? runs->get_array() : Array()) {
        auto run = ReadRun(item, "poll");
        if (!run) continue;
        left.erase(run->id);
        found_.runs.push_back(std::move(*run));
      }
      if (left.empty()) break;
      path = answer.next;
    }
    std::size_t late = 0;
    for (const RunId id : left) {
      if (late++ == kLateMax) break;
      RETURN_IF_ERROR(Single(id));
    }
    return {};
  }

  Look& look_;
  const Repository& repository_;
  const RunView& view_;
  const std::vector<RunId> open_;
  const std::string fingerprint_;
  Found found_{};
};

// What was found goes into the view, and whoever waits for it is woken.
void Merge(Value& record, const Found& found, Timestamp now, const std::string& topic, std::vector<model::SharedNews>& news) {
  RunView view(record);
  std::set<std::string> keys;
  const std::vector<RunId> open = view.Open(now);
  for (const RunSnapshot& run : found.runs) {
    if (PutFound(record, run, open, now)) keys.insert(KeyOf(run.id));
  }
  NoteMissed(record, now);
  for (const RunId id : found.missing) {
    if (view.NoteMissing(id, now)) keys.insert(KeyOf(id));
  }
  for (const auto& [path, fingerprint, etag] : found.etags) view.SetEtag(path, fingerprint, etag);
  for (const RunSnapshot& run : view.All()) {
    if (run.ended() && now - run.updated < kTellAgain) keys.insert(KeyOf(run.id));
  }
  if (!keys.empty()) keys.insert("any");
  view.NotePolled(now);
  if (!keys.empty()) news.push_back({topic, {keys.begin(), keys.end()}});
}

}  // namespace

std::string TopicOf(const Look& look, const Repository& repository) { return look.Key(repository, "runs"); }
std::string KeyOf(RunId id) { return "run:" + std::to_string(id); }
std::string ViewKey(const Look& look, const Repository& repository) { return look.Key(repository, "runs"); }
std::string ViewKey(std::string_view connection, const std::string& repository) {
  return "gh/" + std::string(connection) + '/' + repository + "/runs";
}

Result<std::optional<RunSnapshot>> AskRun(Look& look, const Repository& repository, RunId id) {
  const Ask ask{.path = RunPath(repository, id)};
  ASSIGN_OR_RETURN(const Answer answer, look.client().Send(ask));
  if (answer.code == 404) return std::optional<RunSnapshot>();
  if (!answer.ok()) return Fail(Code::kFailedPrecondition, Refusal(ask, answer));
  auto run = ReadRun(answer.body, "poll");
  if (!run) return Fail(Code::kFailedPrecondition, "GitHub's answer to GET " + ask.path + " is no run");
  RETURN_IF_ERROR(Tell(look, repository, *run));
  return run;
}

Status Tell(Look& look, const Repository& repository, const RunSnapshot& run) {
  const std::string key = ViewKey(look, repository);
  return ChangeBoard(look.door(), {key}, [&](Board& board) -> Status {
    board.keep = kViewKept;
    if (RunView(board.at(key)).Put(run)) board.news = {{TopicOf(look, repository), {KeyOf(run.id), "any"}}};
    return {};
  });
}

Result<Refreshed> Refresh(Look& look, const Repository& repository, const Waited& waited, Duration interval) {
  const std::string key = ViewKey(look, repository);
  ASSIGN_OR_RETURN(const Duration spacing, look.client().Spacing());
  // A tenth earlier or later, another one each time, so that connections do not poll in step.
  const double jitter = static_cast<double>(StableHash(key, static_cast<std::uint64_t>(ToMicros(look.now()))) % 2001) / 10000.0 - 0.1;
  const auto spread = [&](Duration base) { return base + Duration(static_cast<std::int64_t>(static_cast<double>(base.count()) * jitter)); };
  Refreshed refreshed{.interval = spread(std::max(interval, spacing))};
  bool mine = false;
  Board seen;
  const auto read = [&](const RunView& view) {
    refreshed.run = view.Find(waited.id);
    refreshed.gone = view.IsGone(waited.id);
    if (waited.any) refreshed.all = view.All();
    refreshed.next = view.NextPoll(refreshed.interval);
  };
  RETURN_IF_ERROR(ChangeBoard(look.door(), {key}, [&](Board& board) -> Status {
    board.keep = kViewKept;
    if (HooksBringEnds(board.at(key), look.now())) refreshed.interval = spread(std::max({interval, spacing, kPollBesideHooks}));
    RunView view(board.at(key));
    if (waited.id != 0) view.Watch(waited.id, waited.attempt, waited.until);
    read(view);
    const bool enough = !waited.any && refreshed.run && refreshed.run->ended() && refreshed.run->attempt >= waited.attempt;
    mine = !enough && view.Claim(refreshed.interval, look.now());
    seen = board;
    return {};
  }));
  if (!mine) return refreshed;
  const RunView view(seen.at(key));
  ASSIGN_OR_RETURN(const std::string fingerprint, look.client().Fingerprint());
  ASSIGN_OR_RETURN(const Found found, Poll(look, repository, view, view.Open(look.now()), fingerprint).Run(waited.any));
  RETURN_IF_ERROR(ChangeBoard(look.door(), {key}, [&](Board& board) -> Status {
    board.keep = kViewKept;
    Merge(board.at(key), found, look.now(), TopicOf(look, repository), board.news);
    read(RunView(board.at(key)));
    return {};
  }));
  return refreshed;
}

}  // namespace headrace::worker::github
