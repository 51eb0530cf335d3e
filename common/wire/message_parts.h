// The parts that messages share: task keys, checks, and the way in and out of a frame.
// Errors: INVALID_ARGUMENT naming the message and the field.
// Threads: as sealed.h. For the .cc files of this room only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/wire/messages.h"
#include "common/wire/sealed.h"
#include "headrace/wire/v1/wire.pb.h"

namespace headrace::wire {

inline tl::unexpected<Error> Wrong(std::string_view message, std::string_view what) {
  return InvalidArgument(std::string(message) + ": " + std::string(what));
}

inline void KeyToProto(const TaskKey& from, v1::TaskKey& to) {
  to.set_execution(from.execution.str());
  to.set_task_run(from.fence.task_run);
  to.set_attempt(from.fence.attempt);
  to.set_delivery(from.fence.delivery);
}

inline Result<TaskKey> KeyFromProto(v1::TaskKey& from, std::string_view message) {
  if (!IsId(from.execution())) return Wrong(message, "key.execution is missing or too long");
  if (from.attempt() == 0 || from.delivery() == 0) return Wrong(message, "key.attempt and key.delivery count from 1");
  return TaskKey{ExecutionId(std::move(*from.mutable_execution())),
                 model::Fence{from.task_run(), from.attempt(), from.delivery()}};
}

inline Result<std::vector<TaskKey>> KeysFromProto(google::protobuf::RepeatedPtrField<v1::TaskKey>& from,
                                                  std::string_view message) {
  std::vector<TaskKey> keys;
  keys.reserve(static_cast<std::size_t>(from.size()));
  for (v1::TaskKey& proto : from) {
    ASSIGN_OR_RETURN(TaskKey key, KeyFromProto(proto, message));
    keys.push_back(std::move(key));
  }
  return keys;
}

// `put` writes one alternative of Message.
template <typename Frame, typename Message, typename Put>
std::string EncodeFrame(const std::vector<Message>& messages, Put put) {
  Scratch scratch;
  auto& frame = scratch.New<Frame>();
  frame.mutable_messages()->Reserve(static_cast<int>(messages.size()));
  for (const Message& message : messages) {
    auto& proto = *frame.add_messages();
    std::visit([&](const auto& body) { put(body, proto); }, message);
  }
  return Seal(frame);
}

// `take` appends one message or nothing when it is of a kind that came after this program.
template <typename Frame, typename Message, typename Take>
Result<std::vector<Message>> DecodeFrame(std::string_view bytes, Take take) {
  ASSIGN_OR_RETURN(const std::string_view inside, OpenSealed(bytes, kFrameBytesMax, "frame"));
  Scratch scratch;
  auto& frame = scratch.New<Frame>();
  if (!frame.ParseFromArray(inside.data(), static_cast<int>(inside.size()))) {
    return InvalidArgument("frame cannot be parsed");
  }
  if (static_cast<std::size_t>(frame.messages_size()) > kFrameMessagesMax) {
    return Fail(Code::kOutOfRange, "frame of " + std::to_string(frame.messages_size()) + " messages is over the limit of " +
                                       std::to_string(kFrameMessagesMax));
  }
  std::vector<Message> messages;
  messages.reserve(static_cast<std::size_t>(frame.messages_size()));
  for (auto& proto : *frame.mutable_messages()) RETURN_IF_ERROR(take(proto, messages));
  return messages;
}

}  // namespace headrace::wire
