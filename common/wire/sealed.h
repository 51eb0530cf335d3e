// What every codec of this room shares: the checksum in front, scratch memory, the numbers of states, checks of ids.
// Shapes: sealed bytes are CRC-32C of the rest (4 bytes, little endian), then protobuf.
// Threads: Scratch hands out memory of its own thread; nest none. For the .cc files of this room only.
#pragma once

#include <google/protobuf/arena.h>
#include <google/protobuf/message_lite.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/base/time.h"
#include "common/model/state.h"

namespace headrace::wire {

inline constexpr std::size_t kSealBytes = 4;

std::string Seal(const google::protobuf::MessageLite& message);
// The protobuf bytes inside. Errors: DATA_LOSS when the checksum differs or there is none; OUT_OF_RANGE above `most`.
Result<std::string_view> OpenSealed(std::string_view sealed, std::size_t most, std::string_view what);
// Parses however deep a stored value may be nested.
bool Parse(google::protobuf::MessageLite& message, std::string_view bytes);

// Memory for the protobuf messages of one call.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  template <typename Message>
  Message& New() {
    return *google::protobuf::Arena::CreateMessage<Message>(&arena_);
  }

 private:
  google::protobuf::Arena& arena_;
};

// The number of a state in both vocabularies, for ever; the order of model::State is free to change.
inline constexpr std::array<model::State, model::kStateCount> kStatesByNumber = {
    model::State::kCreated,  model::State::kSubmitted, model::State::kQueued,    model::State::kRunning,
    model::State::kPaused,   model::State::kBreakpoint, model::State::kRestarted, model::State::kRetrying,
    model::State::kRetried,  model::State::kKilling,   model::State::kSuccess,   model::State::kWarning,
    model::State::kFailed,   model::State::kKilled,    model::State::kCancelled, model::State::kSkipped,
    model::State::kResubmitted};

constexpr int StateNumber(model::State state) {
  for (std::size_t i = 0; i < kStatesByNumber.size(); ++i) {
    if (kStatesByNumber[i] == state) return static_cast<int>(i) + 1;
  }
  return 0;
}

inline constexpr auto kStateNumbers = [] {
  std::array<int, model::kStateCount> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = StateNumber(static_cast<model::State>(i));
  return numbers;
}();

template <typename ProtoState>
ProtoState ToProtoState(model::State state) {
  return static_cast<ProtoState>(kStateNumbers[static_cast<std::size_t>(state)]);
}

constexpr std::optional<model::State> StateFromNumber(int number) {
  if (number < 1 || number > static_cast<int>(kStatesByNumber.size())) return std::nullopt;
  return kStatesByNumber[static_cast<std::size_t>(number) - 1];
}

// Not empty and of sane length.
constexpr bool IsId(std::string_view text) { return !text.empty() && text.size() <= 256; }

}  // namespace headrace::wire
