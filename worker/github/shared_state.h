// Records that all workers share, read and changed together: compare and swap until nobody was faster.
// Shapes: values are JSON; null is "there is none", and a record that becomes null is forgotten. No secret is ever put.
// Errors: the engine's; UNAVAILABLE when others were faster again and again. Threads: any; waits for the engine.
// Source: GITHUB 5.0; common/model/shared.h.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/model/value.h"
#include "worker/engine_door.h"

namespace headrace::worker::github {

struct Board {
  std::map<std::string, Value> records{};  // those asked for, as they are; what differs afterwards is written
  std::vector<model::SharedNews> news{};   // told when it is written
  Duration keep = std::chrono::hours(24);  // of what is written
  std::map<std::string, Duration> keeps{};  // of some of it, instead

  Value& at(const std::string& key) { return records.at(key); }
};

using BoardChange = std::function<Status(Board&)>;

// Calls `change`, again with what is there by then when somebody else has changed one of the records meanwhile.
// All that differs is written, or nothing. An error of `change` writes nothing and is returned.
Status ChangeBoard(EngineDoor& door, const std::vector<std::string>& keys, const BoardChange& change);
Result<Board> ReadBoard(EngineDoor& door, const std::vector<std::string>& keys);

// Of records: numbers and texts with a fallback, whatever was written there.
std::int64_t NumberAt(const Value& record, std::string_view key, std::int64_t fallback = 0);
std::string TextAt(const Value& record, std::string_view key);
Timestamp TimeAt(const Value& record, std::string_view key);
// The record as an object to write into; what is none becomes an empty one.
Object& ObjectOf(Value& record);

}  // namespace headrace::worker::github
