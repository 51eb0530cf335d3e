// The parts that records share: histories, labels, and the way in and out of sealed bytes.
// Threads: as sealed.h. For the .cc files of this room only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/model/execution.h"
#include "common/wire/sealed.h"
#include "common/wire/value_record.h"
#include "headrace/store/v1/store.pb.h"

namespace headrace::wire {

// Far above what the caps of inputs and outputs allow, far below where protobuf's 31-bit sizes end.
inline constexpr std::size_t kRecordBytesMax = 512 * 1024 * 1024;

inline void StatesToProto(const model::StateHistory& from, google::protobuf::RepeatedPtrField<store::v1::StateChange>& to) {
  to.Reserve(static_cast<int>(from.changes.size()));
  for (const model::StateChange& change : from.changes) {
    store::v1::StateChange& proto = *to.Add();
    proto.set_state(ToProtoState<store::v1::State>(change.state));
    proto.set_at_us(ToMicros(change.at));
  }
}

[[nodiscard]] inline bool StatesFromProto(const google::protobuf::RepeatedPtrField<store::v1::StateChange>& from,
                                          model::StateHistory& to) {
  to.changes.reserve(static_cast<std::size_t>(from.size()));
  for (const store::v1::StateChange& change : from) {
    const auto state = StateFromNumber(change.state());
    if (!state) return false;
    to.changes.push_back({*state, FromMicros(change.at_us())});
  }
  return true;
}

inline void LabelsToProto(const std::vector<model::Label>& from, google::protobuf::RepeatedPtrField<store::v1::Label>& to) {
  to.Reserve(static_cast<int>(from.size()));
  for (const auto& [key, value] : from) {
    store::v1::Label& proto = *to.Add();
    proto.set_key(key);
    proto.set_value(value);
  }
}

inline std::vector<model::Label> LabelsFromProto(google::protobuf::RepeatedPtrField<store::v1::Label>& from) {
  std::vector<model::Label> labels;
  labels.reserve(static_cast<std::size_t>(from.size()));
  for (store::v1::Label& proto : from) {
    labels.emplace_back(std::move(*proto.mutable_key()), std::move(*proto.mutable_value()));
  }
  return labels;
}

template <typename Proto, typename Fill>
std::string EncodeRecord(Fill fill) {
  Scratch scratch;
  auto& proto = scratch.New<Proto>();
  fill(proto);
  return Seal(proto);
}

// `take` returns whether the record can be.
template <typename Proto, typename T, typename Take>
Result<T> DecodeRecord(std::string_view record, std::string_view what, Take take) {
  ASSIGN_OR_RETURN(const std::string_view bytes, OpenSealed(record, kRecordBytesMax, what));
  Scratch scratch;
  auto& proto = scratch.New<Proto>();
  if (!Parse(proto, bytes)) return Fail(Code::kDataLoss, std::string(what) + " cannot be parsed");
  Result<T> result{T{}};
  if (!take(proto, *result)) return Fail(Code::kDataLoss, std::string(what) + " holds a value that cannot be");
  return result;
}

}  // namespace headrace::wire
