// Records against the schemas of the release before, which are frozen in tests/data/upgrade: it must be able to read what this
// one writes, but for additions that docs/upgrade.md names.
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <set>
#include <sstream>

#include "common/wire/records.h"
#include "common/wire/trigger_record.h"
#include "tests/unit/wire/random_values.h"

namespace headrace::wire {
namespace {

namespace pb = google::protobuf;

constexpr const char* kFrozen = "tests/data/upgrade/889f384/records.descriptors";
constexpr const char* kPage = "docs/upgrade.md";
constexpr std::uint64_t kSeeds = 200;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Both schemas as data: the generated classes are of the lite runtime, which knows no names.
class FrozenRecords : public testing::Test {
 protected:
  FrozenRecords() {
    Build(kFrozen, frozen_);
    Build(HEADRACE_RECORD_DESCRIPTORS, present_);
    for (const char* file : {"headrace/store/v1/store.proto", "headrace/store/v1/trigger.proto"}) files_.push_back(present_.FindFileByName(file));
  }

  static void Build(const std::string& path, pb::DescriptorPool& pool) {
    pb::FileDescriptorSet set;
    EXPECT_TRUE(set.ParseFromString(ReadFile(path))) << path;
    for (const pb::FileDescriptorProto& file : set.file()) EXPECT_NE(pool.BuildFile(file), nullptr) << file.name();
  }

  const pb::Descriptor* FrozenType(const std::string& name) const { return frozen_.FindMessageTypeByName("headrace.store.v1." + name); }
  const pb::Descriptor* PresentType(const std::string& name) const { return present_.FindMessageTypeByName(name); }

  // What the release before does not understand in this record, as "Message.field".
  std::set<std::string> UnknownIn(const std::string& type, const std::string& record) {
    const std::unique_ptr<pb::Message> message(factory_.GetPrototype(FrozenType(type))->New());
    EXPECT_TRUE(message->ParseFromString(record.substr(4))) << type;
    std::set<std::string> unknown;
    Collect(*message, unknown);
    return unknown;
  }

  pb::DescriptorPool frozen_;
  pb::DescriptorPool present_;
  std::vector<const pb::FileDescriptor*> files_;

 private:
  void Collect(const pb::Message& message, std::set<std::string>& unknown) {
    const pb::Descriptor* now = PresentType(std::string(message.GetDescriptor()->full_name()));
    const pb::UnknownFieldSet& fields = message.GetReflection()->GetUnknownFields(message);
    for (int i = 0; i < fields.field_count(); ++i) {
      const pb::FieldDescriptor* field = now == nullptr ? nullptr : now->FindFieldByNumber(fields.field(i).number());
      unknown.insert(message.GetDescriptor()->name() + "." + (field == nullptr ? std::to_string(fields.field(i).number()) : field->name()));
    }
    std::vector<const pb::FieldDescriptor*> set;
    message.GetReflection()->ListFields(message, &set);
    for (const pb::FieldDescriptor* field : set) {
      if (field->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) continue;
      if (!field->is_repeated()) Collect(message.GetReflection()->GetMessage(message, field), unknown);
      else for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) Collect(message.GetReflection()->GetRepeatedMessage(message, field, i), unknown);
    }
  }

  pb::DynamicMessageFactory factory_;
};

bool IsDocumented(const std::string& addition) {
  static const std::string page = ReadFile(kPage);
  return page.find("`" + addition + "`") != std::string::npos;
}

void ExpectSameField(const pb::FieldDescriptor& was, const pb::Descriptor& now_in) {
  const pb::FieldDescriptor* now = now_in.FindFieldByNumber(was.number());
  ASSERT_NE(now, nullptr) << was.full_name() << " = " << was.number() << " is gone: a field is never taken away nor given another number";
  EXPECT_EQ(now->name(), was.name()) << "number " << was.number() << " of " << now_in.full_name() << " means something else";
  EXPECT_EQ(now->type(), was.type()) << was.full_name();
  EXPECT_EQ(now->label(), was.label()) << was.full_name();
  EXPECT_EQ(now->has_presence(), was.has_presence()) << was.full_name();
  EXPECT_EQ(now->is_packed(), was.is_packed()) << was.full_name();
  const auto type_of = [](const pb::FieldDescriptor& field) {
    return field.message_type() != nullptr ? field.message_type()->full_name() : field.enum_type() != nullptr ? field.enum_type()->full_name() : "";
  };
  EXPECT_EQ(type_of(*now), type_of(was)) << was.full_name();
}

TEST_F(FrozenRecords, NoFieldIsGoneOrMeansSomethingElse) {
  for (const pb::FileDescriptor* file : files_) {
    ASSERT_NE(file, nullptr);
    const pb::FileDescriptor* was = frozen_.FindFileByName(file->name());
    ASSERT_NE(was, nullptr);
    for (int i = 0; i < was->message_type_count(); ++i) {
      const pb::Descriptor* now = PresentType(std::string(was->message_type(i)->full_name()));
      ASSERT_NE(now, nullptr) << was->message_type(i)->full_name() << " is gone";
      for (int f = 0; f < was->message_type(i)->field_count(); ++f) ExpectSameField(*was->message_type(i)->field(f), *now);
    }
  }
}

// One that the release before does not know makes the record unreadable for it, not poorer.
TEST_F(FrozenRecords, EnumsHaveTheSameValues) {
  for (const pb::FileDescriptor* file : files_) {
    for (int i = 0; i < file->enum_type_count(); ++i) {
      const pb::EnumDescriptor* now = file->enum_type(i);
      const pb::EnumDescriptor* was = frozen_.FindEnumTypeByName(std::string(now->full_name()));
      ASSERT_NE(was, nullptr) << now->full_name();
      std::set<std::pair<int, std::string>> values_now, values_then;
      for (int v = 0; v < now->value_count(); ++v) values_now.emplace(now->value(v)->number(), now->value(v)->name());
      for (int v = 0; v < was->value_count(); ++v) values_then.emplace(was->value(v)->number(), was->value(v)->name());
      EXPECT_EQ(values_now, values_then) << now->full_name();
    }
  }
}

TEST_F(FrozenRecords, EveryAdditionIsDocumented) {
  for (const pb::FileDescriptor* file : files_) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      const pb::Descriptor* now = file->message_type(i);
      const pb::Descriptor* was = FrozenType(std::string(now->name()));
      for (int f = 0; f < now->field_count(); ++f) {
        if (was != nullptr && was->FindFieldByNumber(now->field(f)->number()) != nullptr) continue;
        const std::string name = std::string(now->name()) + "." + std::string(now->field(f)->name());
        EXPECT_TRUE(IsDocumented(name)) << "`" << name << "` is new: say in " << kPage << " what the release before makes of a record with it";
      }
    }
  }
}

std::vector<OutboxItem> EveryOutboxItem(RandomValues& values) {
  std::vector<OutboxItem> items;
  const auto add = [&](decltype(OutboxItem::body) body) { items.push_back({values.Execution(), std::move(body), values.Execution()}); };
  add(model::StartChild{values.Number(), values.FromOne(), values.Execution(), values.Word(), values.Word(), 3, values.Members(), values.Labels(), true, values.Json(), true});
  add(model::KillChild{values.Execution()});
  model::RestartChild restart;
  restart.child = values.Execution();
  add(restart);
  add(model::ChildEnded{values.Number(), values.FromOne(), values.Execution(), values.State(), values.Members()});
  add(model::ChildRestarted{values.Number(), values.Execution()});
  add(model::StartReplacement{values.Execution()});
  add(ChildBegun{{values.Number(), values.FromOne(), values.Execution()}, {values.Word()}});
  add(model::ChildRejected{values.Number(), values.FromOne(), values.Bytes()});
  add(StateTold{7, values.Big()});
  return items;
}

model::Trigger EveryFieldOfATrigger(RandomValues& values) {
  model::Trigger trigger;
  trigger.name = {values.Word(), values.Word(), values.Word()};
  trigger.kind = model::TriggerKind::kPolling;
  trigger.type = values.Word();
  trigger.cron = trigger.zone = "x";
  trigger.dates = {values.Time()};
  trigger.missed = model::MissedPolicy::kLast;
  trigger.late_max = trigger.interval = std::chrono::seconds(3);
  trigger.stop_after = {values.State()};
  trigger.next = trigger.last = trigger.locked_since = values.Time();
  trigger.execution = values.Execution();
  trigger.backfill = model::Backfill{.inputs = values.Members(), .labels = values.Labels()};
  trigger.met = {{"w", "c", values.Time(), values.Execution()}};
  trigger.windows = {{"w", values.Time()}};
  trigger.problem = trigger.memo = values.Bytes();
  return trigger;
}

TEST_F(FrozenRecords, TheReleaseBeforeReadsWhatIsWritten) {
  std::set<std::string> unknown;
  std::set<std::size_t> bodies;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    RandomValues values(seed);
    model::Execution execution = values.ExecutionWithoutTaskRuns();
    execution.held = execution.closed = true;
    execution.scheduled = values.Time();
    execution.slas_breached = {1};
    model::TaskRun run = values.TaskRun();
    run.memo = values.Json();
    run.decided = values.State();
    unknown.merge(UnknownIn("Execution", EncodeExecution(execution)));
    unknown.merge(UnknownIn("TaskRun", EncodeTaskRun(run)));
    for (const OutboxItem& item : EveryOutboxItem(values)) {
      bodies.insert(item.body.index());
      unknown.merge(UnknownIn("OutboxItem", EncodeOutbox(item)));
    }
    unknown.merge(UnknownIn("SharedNote", EncodeShared({1 + values.Big() / 2, values.Time(), values.Bytes()})));
    unknown.merge(UnknownIn("Trigger", EncodeTrigger(EveryFieldOfATrigger(values))));
  }
  EXPECT_EQ(bodies.size(), std::variant_size_v<decltype(OutboxItem::body)>) << "an outbox item that this test does not write";
  for (const std::string& one : unknown) EXPECT_TRUE(IsDocumented(one)) << one;
}

TEST_F(FrozenRecords, WhatIsUnknownIsSeen) {
  const std::string later = EncodeTaskRun(RandomValues(3).TaskRun()) + "\xf2\x07\x03new";  // field 126, three bytes
  EXPECT_TRUE(UnknownIn("TaskRun", later).contains("TaskRun.126"));
}

}  // namespace
}  // namespace headrace::wire
