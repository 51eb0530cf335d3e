#include "common/wire/records.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/base/hash.h"
#include "common/base/text.h"
#include "headrace/store/v1/store.pb.h"
#include "headrace/wire/v1/wire.pb.h"
#include "tests/unit/wire/random_values.h"

namespace headrace::wire {
namespace {

constexpr std::uint64_t kSeeds = 300;

std::string SealBytes(const std::string& inside) {
  const std::uint32_t crc = Crc32c(inside);
  return std::string(reinterpret_cast<const char*>(&crc), sizeof(crc)) + inside;
}

template <typename Decode>
void EveryDamagedByteIsRefused(const std::string& record, Decode decode) {
  for (std::size_t at = 0; at < record.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      std::string damaged = record;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      const auto decoded = decode(damaged);
      ASSERT_FALSE(decoded) << "byte " << at << " bit " << bit;
      ASSERT_EQ(decoded.error().code, Code::kDataLoss);
    }
  }
  for (std::size_t size = 0; size < record.size(); ++size) {
    ASSERT_FALSE(decode(record.substr(0, size))) << "cut to " << size;
  }
}

TEST(Records, ATaskRunComesBackAsItWas) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const model::TaskRun run = RandomValues(seed).TaskRun();
    const auto decoded = DecodeTaskRun(EncodeTaskRun(run));
    ASSERT_TRUE(decoded) << decoded.error().ToString();
    ASSERT_EQ(*decoded, run) << "seed " << seed;
  }
}

TEST(Records, AnExecutionComesBackAsItWasWithoutItsTaskRuns) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    RandomValues values(seed);
    const model::Execution execution = values.ExecutionWithoutTaskRuns();
    model::Execution with_runs = execution;
    with_runs.task_runs.push_back(values.TaskRun());
    const auto decoded = DecodeExecution(EncodeExecution(with_runs));
    ASSERT_TRUE(decoded) << decoded.error().ToString();
    ASSERT_EQ(*decoded, execution) << "seed " << seed;
  }
}

TEST(Records, NumbersKeepTheirKindAndTheirLastBit) {
  model::TaskRun run;
  run.outputs = {{"a", 0.1}, {"b", 1e308}, {"c", -0.0}, {"d", 1.0}, {"e", std::int64_t{1}}, {"f", std::uint64_t{1}}};
  run.outputs["g"] = std::nextafter(1.0, 2.0);
  const auto decoded = DecodeTaskRun(EncodeTaskRun(run));
  ASSERT_TRUE(decoded);
  for (const auto& [key, value] : run.outputs) {
    const Value& back = decoded->outputs.at(key);
    EXPECT_EQ(back.kind(), value.kind()) << key;
    EXPECT_EQ(back, value) << key;
  }
  EXPECT_TRUE(std::signbit(decoded->outputs.at("c").get_double()));
}

TEST(Records, ObjectsKeepTheirOrder) {
  model::TaskRun run;
  run.outputs = {{"z", 1}, {"a", 2}, {"m", 3}};
  const auto decoded = DecodeTaskRun(EncodeTaskRun(run));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(ToJson(decoded->outputs), R"({"z":1,"a":2,"m":3})");
}

TEST(Records, ADeepValueComesBack) {
  Value deep = "bottom";
  for (int i = 0; i < 128; ++i) {
    if (i % 2 == 0) deep = Array{std::move(deep)};
    else deep = Object{{"k", std::move(deep)}};
  }
  model::TaskRun run;
  run.outputs["deep"] = deep;
  const auto decoded = DecodeTaskRun(EncodeTaskRun(run));
  ASSERT_TRUE(decoded) << decoded.error().ToString();
  EXPECT_EQ(decoded->outputs.at("deep"), deep);
}

TEST(Records, ALargeOutputComesBack) {
  model::TaskRun run;
  run.outputs["large"] = std::string(5 * 1024 * 1024, 'x');
  const auto decoded = DecodeTaskRun(EncodeTaskRun(run));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, run);
}

TEST(Records, EveryOutboxItemComesBack) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    RandomValues values(seed);
    OutboxItem item{values.Execution(), model::KillChild{values.Execution()}, values.Execution()};
    switch (seed % 5) {
      case 0:
        item.body = model::StartChild{values.Number(), values.FromOne(), values.Execution(), values.Word(), values.Word(),
                                      static_cast<int>(values.Count(5)), values.Members(), values.Labels(), values.Coin(),
                                      values.Json(), values.Coin()};
        break;
      case 1: item.body = model::RestartChild{3, 2, values.Execution()}; break;
      case 2:
        item.body = model::ChildEnded{values.Number(), values.FromOne(), values.Execution(), values.State(),
                                      values.Members()};
        break;
      case 3: item.body = model::ChildRestarted{values.Number(), values.Execution()}; break;
      default: break;
    }
    const std::string record = EncodeOutbox(item);
    const auto decoded = DecodeOutbox(record);
    ASSERT_TRUE(decoded) << decoded.error().ToString();
    EXPECT_EQ(decoded->from, item.from);
    EXPECT_EQ(decoded->to, item.to);
    ASSERT_EQ(decoded->body.index(), item.body.index());
    if (const auto* start = std::get_if<model::StartChild>(&item.body)) {
      const auto& back = std::get<model::StartChild>(decoded->body);
      EXPECT_EQ(back.task_run, start->task_run);
      EXPECT_EQ(back.attempt, start->attempt);
      EXPECT_EQ(back.child, start->child);
      EXPECT_EQ(back.ns, start->ns);
      EXPECT_EQ(back.flow_id, start->flow_id);
      EXPECT_EQ(back.revision, start->revision);
      EXPECT_EQ(back.inputs, start->inputs);
      EXPECT_EQ(back.labels, start->labels);
      EXPECT_EQ(back.inherit_labels, start->inherit_labels);
      EXPECT_EQ(back.trigger, start->trigger);
      EXPECT_EQ(back.wait, start->wait);
    }
    if (const auto* ended = std::get_if<model::ChildEnded>(&item.body)) {
      const auto& back = std::get<model::ChildEnded>(decoded->body);
      EXPECT_EQ(back.task_run, ended->task_run);
      EXPECT_EQ(back.attempt, ended->attempt);
      EXPECT_EQ(back.child, ended->child);
      EXPECT_EQ(back.state, ended->state);
      EXPECT_EQ(back.outputs, ended->outputs);
    }
    if (const auto* kill = std::get_if<model::KillChild>(&item.body)) {
      EXPECT_EQ(std::get<model::KillChild>(decoded->body).child, kill->child);
    }
    if (const auto* restart = std::get_if<model::RestartChild>(&item.body)) {
      const auto& back = std::get<model::RestartChild>(decoded->body);
      EXPECT_EQ(std::tie(back.child, back.task_run, back.attempt), std::tie(restart->child, restart->task_run, restart->attempt));
    }
    if (const auto* restarted = std::get_if<model::ChildRestarted>(&item.body)) {
      EXPECT_EQ(std::get<model::ChildRestarted>(decoded->body).child, restarted->child);
      EXPECT_EQ(std::get<model::ChildRestarted>(decoded->body).task_run, restarted->task_run);
    }
  }
}

TEST(Records, EveryDamagedByteIsRefused) {
  RandomValues values(7);
  EveryDamagedByteIsRefused(EncodeTaskRun(values.TaskRun()), [](const std::string& record) { return DecodeTaskRun(record); });
  EveryDamagedByteIsRefused(EncodeExecution(values.ExecutionWithoutTaskRuns()),
                            [](const std::string& record) { return DecodeExecution(record); });
  EveryDamagedByteIsRefused(EncodeOutbox({values.Execution(), model::KillChild{values.Execution()}}),
                            [](const std::string& record) { return DecodeOutbox(record); });
}

TEST(Records, WhatCannotBeIsDataLoss) {
  store::v1::TaskRun unknown_state;
  unknown_state.add_states()->set_state(static_cast<store::v1::State>(99));
  store::v1::TaskRun no_state;
  no_state.add_states()->set_at_us(1);
  store::v1::TaskRun own_parent;
  own_parent.set_index(3);
  own_parent.set_parent(3);
  store::v1::TaskRun key_twice;
  key_twice.mutable_outputs()->add_entries()->set_key("k");
  key_twice.mutable_outputs()->add_entries()->set_key("k");
  for (const auto& proto : {unknown_state, no_state, own_parent, key_twice}) {
    const auto decoded = DecodeTaskRun(SealBytes(proto.SerializeAsString()));
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, Code::kDataLoss);
  }
  EXPECT_FALSE(DecodeExecution(SealBytes("")));  // no id
  EXPECT_FALSE(DecodeOutbox(SealBytes("")));     // no body
  EXPECT_FALSE(DecodeTaskRun(SealBytes("\xff\xff\xff")));
}

TEST(Records, RandomBytesUnderARightChecksumDoNoHarm) {
  RandomValues values(11);
  for (int i = 0; i < 20'000; ++i) {
    const std::string record = SealBytes(values.Bytes(60));
    (void)DecodeTaskRun(record);
    (void)DecodeExecution(record);
    (void)DecodeOutbox(record);
  }
}

TEST(Records, DamageUnderARightChecksumDoesNoHarm) {
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    RandomValues values(seed);
    std::string inside = EncodeTaskRun(values.TaskRun()).substr(4);
    if (inside.empty()) continue;
    for (int i = 0; i < 3; ++i) inside[values.Count(inside.size() - 1)] = static_cast<char>(values.Count(255));
    if (const auto decoded = DecodeTaskRun(SealBytes(inside))) {
      // What is accepted is a value like any other.
      EXPECT_TRUE(DecodeTaskRun(EncodeTaskRun(*decoded)));
    }
  }
}

TEST(Records, AFieldOfALaterVersionIsPassedOver) {
  const model::TaskRun run = RandomValues(3).TaskRun();
  std::string inside = EncodeTaskRun(run).substr(4);
  inside += "\xf2\x07\x03new";  // field 126, three bytes
  const auto decoded = DecodeTaskRun(SealBytes(inside));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, run);
}

TEST(Records, ASharedNoteComesBackAsItWas) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    RandomValues values(seed);
    const SharedNote note{1 + values.Big() / 2, values.Time(), values.Bytes()};
    const auto decoded = DecodeShared(EncodeShared(note));
    ASSERT_TRUE(decoded) << decoded.error().ToString();
    EXPECT_EQ(*decoded, note);
  }
  EXPECT_FALSE(DecodeShared(SealBytes("")));  // no version
  EXPECT_FALSE(DecodeShared("short"));
}

TEST(Records, StatesAreNamedAlikeEverywhere) {
  for (std::size_t i = 0; i < model::kStateCount; ++i) {
    const auto state = static_cast<model::State>(i);
    model::TaskRun run;
    run.state.Enter(state, FromMicros(5));
    store::v1::TaskRun proto;
    ASSERT_TRUE(proto.ParseFromString(EncodeTaskRun(run).substr(4)));
    EXPECT_EQ(store::v1::State_Name(proto.states(0).state()), "STATE_" + std::string(model::StateName(state)));
    EXPECT_EQ(wire::v1::State_Name(static_cast<wire::v1::State>(proto.states(0).state())),
              "STATE_" + std::string(model::StateName(state)));
  }
}

}  // namespace
}  // namespace headrace::wire
