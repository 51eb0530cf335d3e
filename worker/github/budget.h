// The one budget of a connection, shared by all workers: may this request go, and what did its answer tell?
// Place: Client asks before and notes after each request, on the record gh/<connection>/budget.
// Shapes: JSON {quota: {resource: {limit, remaining, reset}}, pause: {resource or "all": {until, strikes, probe, why}},
//   writes: [times]}; times in it are microseconds, writes in rising order.
// Threads: pure: the caller compares and swaps. Source: GITHUB 3.2, 5(c).
#pragma once

#include <optional>
#include <string>

#include "common/model/value.h"
#include "worker/github/connection.h"
#include "worker/github/weather.h"

namespace headrace::worker::github {

struct Wish {
  std::string resource = "core";
  bool writes = false;
  // A time that an earlier Admit gave to this write: it is its turn then, without queueing again.
  std::optional<Timestamp> turn{};
};

struct Admission {
  bool go = false;
  Timestamp due{};                 // when to ask again; when it goes: now
  std::optional<Timestamp> turn{}; // of a write that must wait: to be given back then
  std::string why{};
};

// Changes `record` when the request goes, or takes a turn.
Admission Admit(Value& record, const Allowance& allowance, const Wish& wish, Timestamp now);
// `sent` is when the request that was answered went.
void NoteAnswer(Value& record, const std::string& resource, const HttpAnswer& answer, Timestamp sent, Timestamp now);
// How long to leave between two looks so that what is left of the quota lasts until its reset.
Duration Spacing(const Value& record, const std::string& resource, Timestamp now);

}  // namespace headrace::worker::github
