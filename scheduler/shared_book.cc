#include "scheduler/shared_book.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "common/wire/records.h"

namespace headrace::scheduler {
namespace {

constexpr std::string_view kPrefix = "s/";
// The version that was given last, so that a key that was forgotten never gets an old one again.
constexpr std::string_view kVersionKey = "s";

}  // namespace

void SharedBook::Load(const std::vector<store::NoteRow>& notes) {
  for (const store::NoteRow& note : notes) {
    const bool ours = note.key.starts_with(kPrefix);
    if (!ours && note.key != kVersionKey) continue;
    auto decoded = wire::DecodeShared(note.record);
    if (!decoded) {
      spdlog::error("shared record '{}' is left out: {}", note.key, decoded.error().ToString());
      continue;
    }
    last_version_ = std::max(last_version_, decoded->version);
    if (!ours) continue;
    const std::string key = note.key.substr(kPrefix.size());
    bytes_ += key.size() + decoded->value.size();
    expiries_.emplace(decoded->expires, key);
    records_[key] = {decoded->version, decoded->expires, std::move(decoded->value)};
  }
}

Status SharedBook::Check(const model::ShareRequest& request) const {
  if (request.read.size() + request.put.size() + request.news.size() > model::kSharedKeysMax) {
    return InvalidArgument("a request about more than " + std::to_string(model::kSharedKeysMax) + " shared records");
  }
  std::set<std::string_view> keys;
  std::size_t more = 0;
  for (const model::SharedPut& put : request.put) {
    if (put.key.empty() || put.key.size() + kPrefix.size() > store::kNoteKeyBytesMax) {
      return InvalidArgument("the key of a shared record has 1 to " +
                             std::to_string(store::kNoteKeyBytesMax - kPrefix.size()) + " bytes");
    }
    if (!keys.insert(put.key).second) return InvalidArgument("shared record '" + put.key + "' is put twice in one request");
    if (put.value.size() > model::kSharedValueBytesMax) {
      return InvalidArgument("shared record '" + put.key + "' has " + std::to_string(put.value.size()) +
                             " bytes, at most " + std::to_string(model::kSharedValueBytesMax) + " are kept");
    }
    if (put.keep < Duration(0) || put.keep > model::kSharedKeepMax) {
      return InvalidArgument("shared record '" + put.key + "' is to be kept for longer than 400 days");
    }
    more += put.key.size() + put.value.size();
  }
  if (bytes_ + more > model::kSharedBytesMax) {
    return Fail(Code::kResourceExhausted, "what tasks share has reached " + std::to_string(model::kSharedBytesMax) +
                                              " bytes: nothing more is taken until some of it has expired");
  }
  return {};
}

model::SharedRecord SharedBook::Read(const std::string& key, Timestamp now) const {
  const auto found = records_.find(key);
  if (found == records_.end() || found->second.expires <= now) return {.key = key};
  return {key, found->second.version, found->second.value};
}

Result<model::ShareReply> SharedBook::Apply(const model::ShareRequest& request, Timestamp now, const Stage& stage) {
  RETURN_IF_ERROR(Check(request));
  model::ShareReply reply;
  reply.applied = std::all_of(request.put.begin(), request.put.end(), [&](const model::SharedPut& put) {
    return !put.if_version || *put.if_version == Read(put.key, now).version;
  });
  if (reply.applied) {
    for (const model::SharedPut& put : request.put) Put(put, now, stage);
  }
  for (const std::string& key : request.read) reply.records.push_back(Read(key, now));
  for (const model::SharedPut& put : request.put) reply.records.push_back(Read(put.key, now));
  return reply;
}

void SharedBook::Put(const model::SharedPut& put, Timestamp now, const Stage& stage) {
  auto found = records_.find(put.key);
  if (put.keep == Duration(0)) {
    if (found != records_.end()) Forget(found, stage);
    return;
  }
  if (found == records_.end()) {
    found = records_.emplace(put.key, Record()).first;
    bytes_ += put.key.size();
  } else {
    expiries_.erase({found->second.expires, put.key});
  }
  Record& record = found->second;
  bytes_ += put.value.size() - record.value.size();
  record = {++last_version_, now + put.keep, put.value};
  expiries_.emplace(record.expires, put.key);
  stage(std::string(kPrefix) + put.key, wire::EncodeShared({record.version, record.expires, record.value}));
}

// The highest version must outlive the record that has it.
void SharedBook::Forget(Records::iterator at, const Stage& stage) {
  stage(std::string(kVersionKey), wire::EncodeShared({last_version_, {}, {}}));
  stage(std::string(kPrefix) + at->first, std::nullopt);
  expiries_.erase({at->second.expires, at->first});
  bytes_ -= at->first.size() + at->second.value.size();
  records_.erase(at);
}

void SharedBook::Sweep(Timestamp now, std::size_t most, const Stage& stage) {
  for (std::size_t i = 0; i < most && !expiries_.empty() && expiries_.begin()->first <= now; ++i) {
    Forget(records_.find(expiries_.begin()->second), stage);
  }
}

std::optional<Timestamp> SharedBook::NextExpiry() const {
  if (expiries_.empty()) return std::nullopt;
  return expiries_.begin()->first;
}

}  // namespace headrace::scheduler
