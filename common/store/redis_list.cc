#include <algorithm>
#include <deque>
#include <map>
#include <unordered_map>

#include "common/base/log.h"
#include "common/store/query.h"
#include "common/store/redis_core.h"
#include "common/store/redis_layout.h"

namespace headrace::store {
namespace {

constexpr std::size_t kFirstPlaces = 64;
constexpr std::size_t kMostPlaces = 1024;
constexpr std::size_t kMostRows = 256;
constexpr std::size_t kFlowBytes = 4;

// Where an execution stands in the order of the list.
struct Place {
  std::int64_t created = 0;
  std::string id;
  std::uint32_t flow = 0;
  bool operator<(const Place& other) const { return created != other.created ? created < other.created : id < other.id; }
};

// The index of one partition, newest first, a page at a time.
struct Cursor {
  PartitionId partition = 0;
  std::string index;
  std::unordered_map<std::uint32_t, std::pair<std::string, std::string>> flows{};
  std::deque<Place> ready{};
  Place last{};
  std::size_t places = kFirstPlaces;
  bool ended = false;
};

class Walk {
 public:
  Walk(RedisCore& core, const ExecutionQuery& query, bool whole_rows, PagePlace after)
      // Of one partition its owner asks, to decide by it.
      : pool_(query.partition ? core.steady_pool : core.pool), partitions_(core.partitions), query_(query),
        whole_rows_(whole_rows || !query.states.empty() || !query.labels.empty()), after_(std::move(after)) {}

  Status Start() {
    std::vector<PartitionId> partitions;
    if (query_.partition) partitions.push_back(*query_.partition);
    else {
      ASSIGN_OR_RETURN(partitions, partitions_.All(pool_));
    }
    for (const PartitionId partition : partitions) {
      Cursor& cursor = cursors_.emplace_back(Cursor{.partition = partition, .index = PartitionPrefix(partition) + IndexName()});
      cursor.last = {ToMicros(after_.created), after_.id};
    }
    return LoadFlows();
  }

  // The next that matches; without its record where that was not asked for.
  Result<std::optional<ExecutionRow>> Next(std::size_t rows_wanted) {
    while (found_.empty()) {
      ASSIGN_OR_RETURN(const bool more, Fill(std::clamp<std::size_t>(rows_wanted, 1, kMostRows)));
      if (!more) return std::nullopt;
    }
    ExecutionRow row = std::move(found_.front());
    found_.pop_front();
    return row;
  }

 private:
  std::string IndexName() const {
    if (query_.parent) return "h:" + query_.parent->str();
    const bool notable = !query_.states.empty() && std::all_of(query_.states.begin(), query_.states.end(), IsNotable);
    return notable ? "n" : "c";
  }

  Status LoadFlows() {
    std::vector<std::string> questions;
    for (const Cursor& cursor : cursors_) questions.push_back(Command{"HGETALL", PartitionPrefix(cursor.partition) + "f"}.Take());
    if (questions.empty()) return {};
    ASSIGN_OR_RETURN(const std::vector<Reply> replies, pool_.Call(questions));
    for (std::size_t i = 0; i < replies.size(); ++i) {
      const std::vector<Reply>& items = replies[i].items;
      for (std::size_t at = 0; at + 1 < items.size(); at += 2) {
        cursors_[i].flows[static_cast<std::uint32_t>(items[at + 1].number())] = SplitFlowKey(items[at].text);
      }
    }
    return {};
  }

  Status FetchPlaces() {
    std::vector<Cursor*> asked;
    std::vector<std::string> questions;
    const std::string from = query_.created_from ? std::to_string(ToMicros(*query_.created_from)) : "-inf";
    for (Cursor& cursor : cursors_) {
      if (cursor.ended || !cursor.ready.empty()) continue;
      std::int64_t to = cursor.last.created;
      if (query_.created_before) to = std::min(to, ToMicros(*query_.created_before) - 1);
      asked.push_back(&cursor);
      questions.push_back(Command{"ZREVRANGEBYSCORE", cursor.index, to == INT64_MAX ? "+inf" : std::to_string(to), from, "WITHSCORES",
                                  "LIMIT", "0", std::to_string(cursor.places)}.Take());
    }
    if (asked.empty()) return {};
    ASSIGN_OR_RETURN(const std::vector<Reply> replies, pool_.Call(questions));
    for (std::size_t i = 0; i < replies.size(); ++i) Take(*asked[i], replies[i].items);
    return {};
  }

  // Those that were there already share the last one's time: if nothing else came, more are asked for.
  static void Take(Cursor& cursor, const std::vector<Reply>& items) {
    for (std::size_t at = 0; at + 1 < items.size(); at += 2) {
      const std::string& member = items[at].text;
      if (member.size() <= kFlowBytes) continue;
      Place place{items[at + 1].number(), member.substr(0, member.size() - kFlowBytes - 1),
                  static_cast<std::uint32_t>(ReadNumber(std::string_view(member).substr(member.size() - kFlowBytes), kFlowBytes))};
      if (place < cursor.last) cursor.ready.push_back(std::move(place));
    }
    cursor.ended = items.size() / 2 < cursor.places;
    if (cursor.ready.empty()) cursor.places *= 2;
    else cursor.places = std::max(cursor.places, std::min(cursor.places * 2, kMostPlaces));
    if (!cursor.ready.empty()) cursor.last = cursor.ready.back();
  }

  // Takes the newest places that the index alone does not rule out; false when there are no more.
  Result<bool> Fill(std::size_t most) {
    std::vector<ExecutionRow> candidates;
    std::vector<PartitionId> partitions;
    while (candidates.size() < most) {
      Cursor* newest = nullptr;
      RETURN_IF_ERROR(FetchPlaces());
      for (Cursor& cursor : cursors_) {
        if (!cursor.ready.empty() && (newest == nullptr || newest->ready.front() < cursor.ready.front())) newest = &cursor;
      }
      if (newest == nullptr) {
        if (std::any_of(cursors_.begin(), cursors_.end(), [](const Cursor& one) { return !one.ended; })) continue;
        break;
      }
      ASSIGN_OR_RETURN(ExecutionRow row, RowOf(*newest));
      if (!MatchesIndex(row)) continue;
      candidates.push_back(std::move(row));
      partitions.push_back(newest->partition);
    }
    if (candidates.empty()) return false;
    if (whole_rows_) return FetchRows(candidates, partitions);
    std::move(candidates.begin(), candidates.end(), std::back_inserter(found_));
    return true;
  }

  Result<ExecutionRow> RowOf(Cursor& cursor) {
    const Place place = std::move(cursor.ready.front());
    cursor.ready.pop_front();
    if (!cursor.flows.contains(place.flow)) RETURN_IF_ERROR(LoadFlows());
    ExecutionRow row{.id = ExecutionId(place.id), .created = FromMicros(place.created)};
    std::tie(row.ns, row.flow_id) = cursor.flows[place.flow];
    return row;
  }

  bool MatchesIndex(const ExecutionRow& row) const {
    ExecutionQuery known = query_;
    known.states.clear();
    known.labels.clear();
    known.parent.reset();
    return Matches(known, row);
  }

  Result<bool> FetchRows(std::vector<ExecutionRow>& candidates, const std::vector<PartitionId>& partitions) {
    std::vector<std::string> questions;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      questions.push_back(Command{"LINDEX", ExecutionKey(partitions[i], candidates[i].id.str()), "0"}.Take());
    }
    ASSIGN_OR_RETURN(const std::vector<Reply> replies, pool_.Call(questions));
    for (std::size_t i = 0; i < replies.size(); ++i) {
      if (replies[i].text.size() < kFlowBytes) continue;  // deleted meanwhile
      auto row = UnpackRow(candidates[i].id.str(), std::string_view(replies[i].text).substr(kFlowBytes));
      if (!row) {
        spdlog::error("{}; it is left out of the list", row.error().message);
        continue;
      }
      row->ns = std::move(candidates[i].ns);
      row->flow_id = std::move(candidates[i].flow_id);
      row->created = candidates[i].created;
      if (Matches(query_, *row)) found_.push_back(std::move(*row));
    }
    return true;
  }

  RedisPool& pool_;
  RedisPartitions& partitions_;
  const ExecutionQuery& query_;
  const bool whole_rows_;
  const PagePlace after_;
  std::vector<Cursor> cursors_;
  std::deque<ExecutionRow> found_;
};

}  // namespace

Result<ExecutionPage> ListExecutions(RedisCore& core, const ExecutionQuery& query) {
  PagePlace after{Timestamp::max(), {}};
  if (!query.page_token.empty()) {
    ASSIGN_OR_RETURN(after, ParsePageToken(query.page_token));
  }
  Walk walk(core, query, true, after);
  RETURN_IF_ERROR(walk.Start());
  const std::size_t size = PageSize(query);
  ExecutionPage page;
  PagePlace last;
  while (true) {
    ASSIGN_OR_RETURN(std::optional<ExecutionRow> row, walk.Next(size + 1 - page.records.size()));
    if (!row) return page;
    if (page.records.size() == size) {
      page.next_page_token = MakePageToken(last);
      return page;
    }
    last = {row->created, row->id.str()};
    page.records.push_back(std::move(row->record));
  }
}

Result<std::vector<FlowCount>> CountExecutions(RedisCore& core, const ExecutionQuery& query) {
  Walk walk(core, query, false, {Timestamp::max(), {}});
  RETURN_IF_ERROR(walk.Start());
  std::map<std::pair<std::string, std::string>, std::uint64_t> counts;
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<ExecutionRow> row, walk.Next(kMostRows));
    if (!row) break;
    ++counts[{row->ns, row->flow_id}];
  }
  std::vector<FlowCount> out;
  for (const auto& [flow, count] : counts) out.push_back({flow.first, flow.second, count});
  return out;
}

}  // namespace headrace::store
