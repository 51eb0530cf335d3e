#include "worker/github/flakes.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <tuple>

#include "worker/github/json_parts.h"
#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

constexpr Duration kDay = std::chrono::hours(24);
constexpr Duration kKept = kDay * 180;
// Of what was counted of one run: beyond the month in which GitHub lets it be run again.
constexpr Duration kCountedKept = kDay * 35;
constexpr std::size_t kJobsMax = 500;
// A record may hold 256 KiB; days are forgotten before that.
constexpr std::size_t kRecordBytesMax = 200 * 1024;
constexpr std::size_t kIndexMax = 1000;
constexpr const char* kIndex = "gh/index/flakes";

std::int64_t DayOf(Timestamp at) { return at.time_since_epoch() / kDay; }

std::int64_t DayNumber(std::string_view text) {
  std::int64_t day = 0;
  std::from_chars(text.data(), text.data() + text.size(), day);
  return day;
}

void ForgetDays(Object& days, std::int64_t before) {
  std::vector<std::string> old;
  for (const auto& [day, unused] : days)
    if (DayNumber(day) < before) old.emplace_back(day);
  for (const std::string& day : old) days.erase(day);
}

// Of the runs and of every job.
void ForgetDays(Value& record, std::int64_t before) {
  Object& root = ObjectOf(record);
  ForgetDays(ObjectOf(root["days"]), before);
  // A job without a day has nothing left to tell, and its name makes room for another one.
  Object& jobs = ObjectOf(root["jobs"]);
  for (auto at = jobs.begin(); at != jobs.end();) {
    Object& days = ObjectOf(ObjectOf(at->value())["days"]);
    ForgetDays(days, before);
    at = days.empty() ? jobs.erase(at) : at + 1;
  }
}

struct Counts {
  std::int64_t fails = 0;
  std::int64_t flakes = 0;
  std::int64_t lost_ms = 0;
};

void AddTo(Value& job, const Counts& more, Timestamp now) {
  Object& of = ObjectOf(job);
  of["fails"] = NumberAt(job, "fails") + more.fails;
  of["flakes"] = NumberAt(job, "flakes") + more.flakes;
  of["lostMs"] = NumberAt(job, "lostMs") + more.lost_ms;
  of["last"] = ToMicros(now);
  Value& day = ObjectOf(of["days"])[std::to_string(DayOf(now))];
  Counts had;
  if (day.is_array() && day.get_array().size() == 3) {
    const auto number = [&](std::size_t i) { return day.get_array()[i].is_int64() ? day.get_array()[i].get_int64() : 0; };
    had = {number(0), number(1), number(2)};
  }
  day = Array{had.fails + more.fails, had.flakes + more.flakes, had.lost_ms + more.lost_ms};
}

double Wilson(std::int64_t hits, std::int64_t runs) {
  if (runs <= 0) return 0;
  constexpr double kZ = 1.96;
  const auto n = static_cast<double>(runs);
  const double p = std::min(1.0, static_cast<double>(hits) / n);
  const double middle = p + kZ * kZ / (2 * n);
  const double spread = kZ * std::sqrt((p * (1 - p) + kZ * kZ / (4 * n)) / n);
  return std::max(0.0, (middle - spread) / (1 + kZ * kZ / n));
}

// "gh/<connection>/<owner>/<name>/flakes/<workflow>"
std::optional<FlakyJob> NamesOf(const std::string& key) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; parts.size() < 5;) {
    const std::size_t slash = key.find('/', at);
    if (slash == std::string::npos) return std::nullopt;
    parts.push_back(key.substr(at, slash - at));
    at = slash + 1;
    if (parts.size() == 5) return FlakyJob{.connection = parts[1], .repository = parts[2] + "/" + parts[3], .workflow = key.substr(at)};
  }
  return std::nullopt;
}

}  // namespace

void CountJobs(Value& record, const std::vector<JobSeen>& jobs, std::int64_t counted, Timestamp now) {
  ForgetDays(record, DayOf(now) - kFlakeDays);
  Object& root = ObjectOf(record);
  const std::string today = std::to_string(DayOf(now));
  if (counted == 0) {
    const std::int64_t runs = NumberAt(root["days"], today);
    ObjectOf(root["days"])[today] = runs + 1;
  }
  std::map<std::string, Counts> more;
  for (const JobSeen& job : jobs) {
    if (job.attempt <= counted) continue;
    if (job.failed()) {
      Counts& of = more[job.name];
      ++of.fails;
      of.lost_ms += std::chrono::duration_cast<std::chrono::milliseconds>(std::max<Duration>(job.completed - job.started, Duration(0))).count();
    }
  }
  const std::vector<std::string> flaky = FlakyJobs(jobs);
  for (const JobSeen& job : jobs) {
    const bool green_again = job.attempt > counted && job.attempt > 1 && job.conclusion == "success";
    if (green_again && std::find(flaky.begin(), flaky.end(), job.name) != flaky.end()) more[job.name].flakes = 1;
  }
  Object& names = ObjectOf(root["jobs"]);
  for (const auto& [name, counts] : more) {
    if (!names.contains(name) && names.size() >= kJobsMax) continue;
    AddTo(names[name], counts, now);
  }
  for (std::int64_t kept = kFlakeDays / 2; kept > 0 && ToJson(record).size() > kRecordBytesMax; kept /= 2) ForgetDays(record, DayOf(now) - kept);
}

void ListFlakes(Value& index, const std::string& name, Timestamp now) {
  Object& names = ObjectOf(index);
  const std::int64_t today = DayOf(now);
  const Value* listed = names.if_contains(name);
  // Written anew once a day at the most, so that it lives as long as what it names.
  if (listed != nullptr && listed->is_int64() && listed->get_int64() == today) return;
  while (listed == nullptr && names.size() >= kIndexMax) {
    auto oldest = names.begin();
    for (auto at = names.begin(); at != names.end(); ++at)
      if (NumberAt(index, at->key()) < NumberAt(index, oldest->key())) oldest = at;
    if (NumberAt(index, oldest->key()) + kFlakeDays > today) return;  // all of them have days that are asked for
    names.erase(oldest);
  }
  names[name] = today;
}

void CountRun(Look& look, const Repository& repository, const RunSnapshot& run, const std::vector<JobSeen>& jobs) {
  const std::string counted = look.Key(repository, "counted/" + std::to_string(run.id));
  const std::string flakes = look.Key(repository, "flakes/" + (run.workflow.empty() ? run.workflow_id : run.workflow));
  const Status written = ChangeBoard(look.door(), {counted, flakes, kIndex}, [&](Board& board) -> Status {
    board.keep = kKept;
    board.keeps[counted] = kCountedKept;
    const std::int64_t before = NumberAt(board.at(counted), "attempt");
    if (before >= run.attempt) return {};
    board.at(counted) = Object{{"attempt", run.attempt}};
    CountJobs(board.at(flakes), jobs, before, look.now());
    ListFlakes(board.at(kIndex), flakes, look.now());
    return {};
  });
  if (!written) look.context().Log("WARN", "run " + std::to_string(run.id) + " is not counted for gh flakes: " + written.error().message);
}

Result<FlakeQuery> ParseFlakeQuery(const std::string& repository, const std::string& workflow, const std::string& window) {
  FlakeQuery query{.repository = repository, .workflow = workflow};
  const std::size_t slash = repository.find('/');
  if (!repository.empty() && (slash == 0 || slash == std::string::npos || slash + 1 == repository.size())) {
    return InvalidArgument("repo: '" + repository + "' is no OWNER/NAME");
  }
  if (window.empty()) return query;
  auto span = ParseDuration(window);
  if (!span) return Fail(std::move(span.error()).Wrap("window"));
  if (*span <= Duration(0) || *span > kDay * kFlakeDays) {
    return InvalidArgument("window: " + window + " is not between a moment and P" + std::to_string(kFlakeDays) + "D, which is how far back is remembered");
  }
  query.window = *span;
  return query;
}

std::vector<FlakyJob> FlakyJobsOf(const Value& record, Duration window, Timestamp now) {
  const std::int64_t first = DayOf(now) - std::clamp<std::int64_t>((window + kDay - Duration(1)) / kDay, 1, kFlakeDays) + 1;
  std::int64_t runs = 0;
  if (const Value* days = Member(record, "days"); days != nullptr && days->is_object()) {
    for (const auto& [day, count] : days->get_object())
      if (DayNumber(day) >= first && count.is_int64()) runs += count.get_int64();
  }
  std::vector<FlakyJob> found;
  const Value* jobs = Member(record, "jobs");
  if (jobs == nullptr || !jobs->is_object()) return found;
  for (const auto& [name, job] : jobs->get_object()) {
    FlakyJob one{.job = std::string(name), .runs = runs, .last = TimeAt(job, "last")};
    const Value* days = Member(job, "days");
    if (days == nullptr || !days->is_object()) continue;
    for (const auto& [day, counts] : days->get_object()) {
      const Array* list = counts.if_array();
      if (DayNumber(day) < first || list == nullptr || list->size() != 3) continue;
      if (!std::all_of(list->begin(), list->end(), [](const Value& number) { return number.is_int64(); })) continue;
      one.fails += (*list)[0].get_int64();
      one.flakes += (*list)[1].get_int64();
      one.lost_ms += (*list)[2].get_int64();
    }
    if (one.fails == 0 && one.flakes == 0) continue;
    one.rate = Wilson(one.flakes, std::max(runs, one.flakes));
    found.push_back(std::move(one));
  }
  return found;
}

Result<std::vector<FlakyJob>> ReadFlakes(EngineDoor& door, const FlakeQuery& query, Timestamp now) {
  ASSIGN_OR_RETURN(const Board index, ReadBoard(door, {kIndex}));
  std::vector<std::string> keys;
  if (const Object* listed = index.records.at(kIndex).if_object()) {
    for (const auto& [key, day] : *listed) {
      const auto names = NamesOf(std::string(key));
      if (!names || (!query.repository.empty() && names->repository != query.repository) ||
          (!query.workflow.empty() && names->workflow != query.workflow)) continue;
      keys.emplace_back(key);
    }
  }
  std::vector<FlakyJob> all;
  // One at a time: together they may be larger than a message.
  for (const std::string& key : keys) {
    ASSIGN_OR_RETURN(const Board board, ReadBoard(door, {key}));
    const FlakyJob names = *NamesOf(key);
    for (FlakyJob& job : FlakyJobsOf(board.records.at(key), query.window, now)) {
      job.connection = names.connection;
      job.repository = names.repository;
      job.workflow = names.workflow;
      all.push_back(std::move(job));
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const FlakyJob& a, const FlakyJob& b) {
    return std::tie(b.rate, b.flakes, b.fails) < std::tie(a.rate, a.flakes, a.fails);
  });
  return all;
}

Object FlakyJob::ToObject() const {
  return {{"connection", connection}, {"repository", repository}, {"workflow", workflow}, {"job", job}, {"runs", runs}, {"fails", fails},
          {"flakes", flakes}, {"rate", std::round(rate * 1e4) / 1e4}, {"minutesLost", std::round(static_cast<double>(lost_ms) / 6000) / 10},
          {"last", FormatInstant(last)}};
}

}  // namespace headrace::worker::github
