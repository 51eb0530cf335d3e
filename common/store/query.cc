#include "common/store/query.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace headrace::store {
namespace {

constexpr std::array<std::string_view, 5> kLevels = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR"};
constexpr int kInfo = 2;

}  // namespace

std::string MakePageToken(const PagePlace& last) { return std::to_string(ToMicros(last.created)) + "~" + last.id; }

Result<PagePlace> ParsePageToken(std::string_view token) {
  const std::size_t mark = token.find('~');
  std::int64_t created = 0;
  if (mark != std::string_view::npos) {
    const auto [end, error] = std::from_chars(token.data(), token.data() + mark, created);
    if (error == std::errc() && end == token.data() + mark) {
      return PagePlace{FromMicros(created), std::string(token.substr(mark + 1))};
    }
  }
  return InvalidArgument("page token \"" + std::string(token.substr(0, 60)) +
                         "\" was not given by this system; ask for the first page without one");
}

bool InNamespace(std::string_view ns, std::string_view prefix) {
  if (prefix.empty()) return true;
  return ns.starts_with(prefix) && (ns.size() == prefix.size() || ns[prefix.size()] == '.');
}

bool Matches(const ExecutionQuery& query, const ExecutionRow& row) {
  if (!query.ns.empty() && row.ns != query.ns) return false;
  if (!InNamespace(row.ns, query.ns_prefix)) return false;
  if (!query.flow_id.empty() && row.flow_id != query.flow_id) return false;
  if (query.created_from && row.created < *query.created_from) return false;
  if (query.created_before && row.created >= *query.created_before) return false;
  if (query.parent && row.parent != query.parent) return false;
  const auto has = [](const auto& all, const auto& one) { return std::find(all.begin(), all.end(), one) != all.end(); };
  if (!query.states.empty() && !has(query.states, row.state)) return false;
  return std::all_of(query.labels.begin(), query.labels.end(),
                     [&](const model::Label& label) { return has(row.labels, label); });
}

std::size_t PageSize(const ExecutionQuery& query) { return std::clamp<std::size_t>(query.limit, 1, kPageMax); }

bool Matches(const LogPurge& purge, const LogRow& row) {
  if (purge.from && row.at < *purge.from) return false;
  if (purge.before && row.at >= *purge.before) return false;
  return purge.levels.empty() || std::any_of(purge.levels.begin(), purge.levels.end(), [&](const std::string& level) {
           return LevelRank(level) == LevelRank(row.level);
         });
}

tl::unexpected<Error> FlowNotFound(const std::string& ns, const std::string& id, int revision) {
  std::string name = "flow " + ns + "." + id;
  if (revision != 0) name += " revision " + std::to_string(revision);
  return NotFound(name + " does not exist");
}

int LevelRank(std::string_view level) {
  const auto found = std::find(kLevels.begin(), kLevels.end(), level);
  return found == kLevels.end() ? kInfo : static_cast<int>(found - kLevels.begin());
}

std::string_view LevelOfRank(int rank) { return kLevels.at(static_cast<std::size_t>(std::clamp(rank, 0, 4))); }

}  // namespace headrace::store
