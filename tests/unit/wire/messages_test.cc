#include "common/wire/messages.h"

#include <gtest/gtest.h>

#include "common/base/hash.h"
#include "headrace/wire/v1/wire.pb.h"
#include "tests/unit/wire/random_values.h"

namespace headrace::wire {
namespace {

std::string SealFrame(const google::protobuf::MessageLite& frame) {
  const std::string inside = frame.SerializeAsString();
  const std::uint32_t crc = Crc32c(inside);
  return std::string(reinterpret_cast<const char*>(&crc), sizeof(crc)) + inside;
}

TaskKey Key(RandomValues& values) {
  return {values.Execution(), {values.Number(), values.FromOne(), values.FromOne()}};
}

std::vector<TaskKey> Keys(RandomValues& values) {
  std::vector<TaskKey> keys;
  for (std::size_t i = values.Count(5); i > 0; --i) keys.push_back(Key(values));
  return keys;
}

FromWorker AnyFromWorker(RandomValues& values, std::size_t kind) {
  switch (kind % std::variant_size_v<FromWorker>) {
    case 0: {
      const std::uint32_t low = values.FromOne();
      Hello hello{low, low + 1, WorkerId("w" + values.Word()), values.Big(), values.Word(), {}, values.Number(),
                  values.Word(), values.Word(), values.Number()};
      for (std::size_t i = values.Count(3); i > 0; --i) hello.tags[values.Word()] = values.Word();
      return hello;
    }
    case 1: {
      Resync resync{{}, Keys(values)};
      for (const TaskKey& key : Keys(values)) resync.running.push_back({key, values.Time()});
      return resync;
    }
    case 2: return Credit{values.Number(), values.Big()};
    case 3: return AssignAck{Key(values)};
    case 4: return AssignNack{Key(values), static_cast<NackReason>(values.Count(3))};
    case 5: return Started{Key(values), values.Time()};
    case 6: return Heartbeat{Keys(values), values.Number(), values.Big(), values.Coin()};
    case 7: {
      Logs logs{Key(values), values.Big(), {}};
      for (std::size_t i = values.Count(5); i > 0; --i) logs.entries.push_back({values.Time(), "INFO", values.Bytes()});
      return logs;
    }
    case 8: {
      model::State outcome = values.State();
      while (!model::IsTerminal(outcome)) outcome = values.State();
      TaskResult result{Key(values), outcome, values.Bytes(), values.Bytes(), values.Time(), values.Time(),
                        {{"c" + values.Word(), outcome, values.Bytes(), values.Bytes(), values.Time(), values.Time()}}};
      if (values.Coin()) {
        result.look_later = LookLater{Duration(values.Number()), Duration(values.Number()), Duration(values.Number()),
                                      values.Bytes(), values.Word(), {values.Bytes(), values.Word()}};
      }
      return result;
    }
    case 9: return CancelAck{Key(values)};
    case 10: return Draining{};
    default: return Bye{};
  }
}

ToWorker AnyToWorker(RandomValues& values, std::size_t kind) {
  switch (kind % std::variant_size_v<ToWorker>) {
    case 0:
      return Welcome{values.FromOne(), values.Word(), values.Big(), Duration(values.FromOne()), Duration(values.FromOne()),
                     values.Big()};
    case 1: return Refused{values.Bytes(), values.Coin()};
    case 2: return HelloRequired{};
    case 3: {
      Assign assign{Key(values), values.Big(), values.Big(), {}, values.Bytes(), TaskRunId(values.Word()), values.Word(),
                    values.Word()};
      if (values.Coin()) {
        assign.spec = TaskSpec{"t" + values.Word(), values.Word(), values.Bytes(), values.Word(), values.Word(), values.Word(),
                               true, false, {TaskSpec{"c", values.Word(), values.Bytes(), "", "", "", false, true, {}}}};
      }
      assign.memo_json = values.Bytes();
      assign.started = values.Time();
      assign.trace_parent = values.Bytes();
      return assign;
    }
    case 4: return HeartbeatAck{Keys(values), Keys(values), values.Big()};
    case 5: return ResultAck{Key(values), static_cast<Verdict>(values.Count(2))};
    case 6: return Cancel{Key(values), Duration(values.Number()), values.Bytes()};
    case 7: return LogCredit{values.Big()};
    default: return Drain{};
  }
}

TEST(Messages, WhatAWorkerSaysComesBackAsItWas) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    RandomValues values(seed);
    std::vector<FromWorker> messages;
    for (std::size_t i = values.Count(30); i > 0; --i) messages.push_back(AnyFromWorker(values, i));
    const auto decoded = DecodeFromWorker(EncodeFromWorker(messages));
    ASSERT_TRUE(decoded) << decoded.error().ToString();
    ASSERT_EQ(*decoded, messages) << "seed " << seed;
  }
}

TEST(Messages, WhatASchedulerSaysComesBackAsItWas) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    RandomValues values(seed);
    std::vector<ToWorker> messages;
    for (std::size_t i = values.Count(30); i > 0; --i) messages.push_back(AnyToWorker(values, i));
    const auto decoded = DecodeToWorker(EncodeToWorker(messages));
    ASSERT_TRUE(decoded) << decoded.error().ToString();
    ASSERT_EQ(*decoded, messages) << "seed " << seed;
  }
}

TEST(Messages, EveryDamagedByteIsRefused) {
  RandomValues values(1);
  std::vector<FromWorker> messages;
  for (std::size_t kind = 0; kind < std::variant_size_v<FromWorker>; ++kind) messages.push_back(AnyFromWorker(values, kind));
  const std::string frame = EncodeFromWorker(messages);
  for (std::size_t at = 0; at < frame.size(); ++at) {
    std::string damaged = frame;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    const auto decoded = DecodeFromWorker(damaged);
    ASSERT_FALSE(decoded) << "byte " << at;
    ASSERT_EQ(decoded.error().code, Code::kDataLoss);
    ASSERT_FALSE(DecodeToWorker(damaged));
  }
  for (std::size_t size = 0; size < frame.size(); ++size) ASSERT_FALSE(DecodeFromWorker(frame.substr(0, size)));
}

TEST(Messages, AMessageOfALaterKindIsSkipped) {
  v1::FromWorkerFrame frame;
  frame.add_messages()->mutable_credit()->set_seq(1);
  ASSERT_TRUE(frame.add_messages()->ParseFromString(std::string("\xa2\x06\x01x", 4)));  // field 100
  frame.add_messages()->mutable_credit()->set_seq(2);
  const auto decoded = DecodeFromWorker(SealFrame(frame));
  ASSERT_TRUE(decoded) << decoded.error().ToString();
  EXPECT_EQ(*decoded, (std::vector<FromWorker>{Credit{0, 1}, Credit{0, 2}}));
}

template <typename Change>
Code RefusedFromWorker(Change change) {
  v1::FromWorkerFrame frame;
  change(*frame.add_messages());
  const auto decoded = DecodeFromWorker(SealFrame(frame));
  return decoded ? Code::kOk : decoded.error().code;
}

template <typename Change>
Code RefusedToWorker(Change change) {
  v1::ToWorkerFrame frame;
  change(*frame.add_messages());
  const auto decoded = DecodeToWorker(SealFrame(frame));
  return decoded ? Code::kOk : decoded.error().code;
}

void FillKey(v1::TaskKey& key) {
  key.set_execution("e");
  key.set_attempt(1);
  key.set_delivery(1);
}

TEST(Messages, ImpossibleFieldsAreRefused) {
  EXPECT_EQ(RefusedFromWorker([](auto& m) { FillKey(*m.mutable_assign_ack()->mutable_key()); }), Code::kOk);
  EXPECT_EQ(RefusedFromWorker([](auto& m) { m.mutable_assign_ack(); }), Code::kInvalidArgument);
  EXPECT_EQ(RefusedFromWorker([](auto& m) {
              FillKey(*m.mutable_assign_ack()->mutable_key());
              m.mutable_assign_ack()->mutable_key()->set_delivery(0);
            }),
            Code::kInvalidArgument);
  EXPECT_EQ(RefusedFromWorker([](auto& m) {
              FillKey(*m.mutable_assign_ack()->mutable_key());
              m.mutable_assign_ack()->mutable_key()->set_execution(std::string(1000, 'x'));
            }),
            Code::kInvalidArgument);
  EXPECT_EQ(RefusedFromWorker([](auto& m) {
              FillKey(*m.mutable_assign_nack()->mutable_key());
              m.mutable_assign_nack()->set_reason(static_cast<v1::NackReason>(77));
            }),
            Code::kInvalidArgument);
  EXPECT_EQ(RefusedFromWorker([](auto& m) {
              FillKey(*m.mutable_task_result()->mutable_key());
              m.mutable_task_result()->set_outcome(v1::STATE_RUNNING);
            }),
            Code::kInvalidArgument);
  EXPECT_EQ(RefusedFromWorker([](auto& m) { m.mutable_hello()->set_worker("w"); }), Code::kInvalidArgument);
  EXPECT_EQ(RefusedFromWorker([](auto& m) { m.mutable_heartbeat()->add_tasks(); }), Code::kInvalidArgument);
  EXPECT_EQ(RefusedFromWorker([](auto& m) { m.mutable_resync()->add_running(); }), Code::kInvalidArgument);
  EXPECT_EQ(RefusedToWorker([](auto& m) { m.mutable_welcome(); }), Code::kInvalidArgument);
  EXPECT_EQ(RefusedToWorker([](auto& m) { FillKey(*m.mutable_result_ack()->mutable_key()); }), Code::kInvalidArgument);
  EXPECT_EQ(RefusedToWorker([](auto& m) {
              FillKey(*m.mutable_cancel()->mutable_key());
              m.mutable_cancel()->set_grace_us(-1);
            }),
            Code::kInvalidArgument);
  EXPECT_EQ(RefusedToWorker([](auto& m) {
              FillKey(*m.mutable_assign()->mutable_key());
              m.mutable_assign()->mutable_spec();
            }),
            Code::kInvalidArgument);
}

TEST(Messages, OversizeIsRefused) {
  v1::FromWorkerFrame many;
  for (std::size_t i = 0; i <= kFrameMessagesMax; ++i) many.add_messages();
  const auto too_many = DecodeFromWorker(SealFrame(many));
  ASSERT_FALSE(too_many);
  EXPECT_EQ(too_many.error().code, Code::kOutOfRange);
  const auto too_large = DecodeFromWorker(std::string(kFrameBytesMax + 1, 'x'));
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().code, Code::kOutOfRange);
}

TEST(Messages, RandomBytesUnderARightChecksumDoNoHarm) {
  RandomValues values(5);
  for (int i = 0; i < 20'000; ++i) {
    const std::string inside = values.Bytes(80);
    const std::uint32_t crc = Crc32c(inside);
    const std::string frame = std::string(reinterpret_cast<const char*>(&crc), sizeof(crc)) + inside;
    (void)DecodeFromWorker(frame);
    (void)DecodeToWorker(frame);
  }
}

}  // namespace
}  // namespace headrace::wire
