#include "worker/github/shared_state.h"

namespace headrace::worker::github {
namespace {

// Each time somebody else gets on, so it takes as many tries as there are others at most.
constexpr int kTriesMax = 200;

struct Seen {
  Board board;
  std::map<std::string, std::uint64_t> versions;
};

Result<Seen> See(EngineDoor& door, const std::vector<std::string>& keys) {
  ASSIGN_OR_RETURN(const model::ShareReply reply, door.Share({.read = keys}));
  Seen seen;
  for (const model::SharedRecord& record : reply.records) {
    seen.versions[record.key] = record.version;
    auto value = record.version == 0 ? Result<Value>(Value()) : ParseJson(record.value);
    seen.board.records[record.key] = value ? std::move(*value) : Value();
  }
  for (const std::string& key : keys) seen.board.records.try_emplace(key);
  return seen;
}

}  // namespace

Result<Board> ReadBoard(EngineDoor& door, const std::vector<std::string>& keys) {
  ASSIGN_OR_RETURN(Seen seen, See(door, keys));
  return std::move(seen.board);
}

Status ChangeBoard(EngineDoor& door, const std::vector<std::string>& keys, const BoardChange& change) {
  for (int tries = 0; tries < kTriesMax; ++tries) {
    ASSIGN_OR_RETURN(Seen seen, See(door, keys));
    const std::map<std::string, Value> before = seen.board.records;
    RETURN_IF_ERROR(change(seen.board));
    model::ShareRequest request{.news = std::move(seen.board.news)};
    for (const auto& [key, value] : seen.board.records) {
      const auto was = before.find(key);
      if (was == before.end() || was->second == value) continue;
      const bool gone = value.is_null();
      const auto own = seen.board.keeps.find(key);
      const Duration keep = own != seen.board.keeps.end() ? own->second : seen.board.keep;
      request.put.push_back({key, seen.versions[key], gone ? std::string() : ToJson(value), gone ? Duration(0) : keep});
    }
    if (request.put.empty() && request.news.empty()) return {};
    ASSIGN_OR_RETURN(const model::ShareReply reply, door.Share(request));
    if (reply.applied) return {};
  }
  return Fail(Code::kUnavailable, "others change the record " + (keys.empty() ? "" : keys.front()) + " all the time");
}

std::int64_t NumberAt(const Value& record, std::string_view key, std::int64_t fallback) {
  const Value* value = Member(record, key);
  if (value == nullptr) return fallback;
  if (value->is_int64()) return value->get_int64();
  if (value->is_uint64()) return static_cast<std::int64_t>(value->get_uint64());
  return fallback;
}

std::string TextAt(const Value& record, std::string_view key) {
  const Value* value = Member(record, key);
  return value == nullptr ? std::string() : ToText(*value);
}

Timestamp TimeAt(const Value& record, std::string_view key) { return FromMicros(NumberAt(record, key)); }

Object& ObjectOf(Value& record) {
  if (!record.is_object()) record = Object();
  return record.get_object();
}

}  // namespace headrace::worker::github
