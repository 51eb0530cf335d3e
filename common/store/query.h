// What every store decides alike when it lists: which rows match, and where the next page begins.
// Shapes: a page token names the last row that was given, so rows that came since do not shift the pages.
// Errors: a token that is none of ours is INVALID_ARGUMENT.
// Threads: pure. For the stores of this room only.
#pragma once

#include <string>
#include <string_view>

#include "common/store/store.h"

namespace headrace::store {

inline constexpr std::size_t kPageMax = 1000;

struct PagePlace {
  Timestamp created{};
  std::string id;
};

std::string MakePageToken(const PagePlace& last);
Result<PagePlace> ParsePageToken(std::string_view token);

// "a" holds a and a.b, not ab; an empty prefix holds all.
bool InNamespace(std::string_view ns, std::string_view prefix);
bool Matches(const ExecutionQuery& query, const ExecutionRow& row);
// States that are rare and looked for: their executions have an index of their own.
constexpr bool IsNotable(model::State state) {
  return state == model::State::kFailed || state == model::State::kWarning || state == model::State::kKilled ||
         state == model::State::kCancelled || state == model::State::kPaused;
}
std::size_t PageSize(const ExecutionQuery& query);
// Whether the levels and times of a purge hold the row.
bool Matches(const LogPurge& purge, const LogRow& row);

// "flow a.b.c does not exist", or its revision.
tl::unexpected<Error> FlowNotFound(const std::string& ns, const std::string& id, int revision);

// TRACE 0 … ERROR 4; what is none of them counts as INFO.
int LevelRank(std::string_view level);
std::string_view LevelOfRank(int rank);

}  // namespace headrace::store
