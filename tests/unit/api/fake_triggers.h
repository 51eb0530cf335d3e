// Triggers that a test puts there; what is done to them is noted.
// Threads: one at a time.
#pragma once

#include <string>
#include <vector>

#include "scheduler/trigger_door.h"

namespace headrace::api::testing {

class FakeTriggers final : public scheduler::TriggerDoor {
 public:
  Result<std::vector<model::Trigger>> List(const std::string& ns_prefix, const std::string& flow_id) override {
    noted.push_back("list " + ns_prefix + " " + flow_id);
    RETURN_IF_ERROR(missing);
    return rows;
  }
  Result<model::Trigger> Get(const model::TriggerName& name) override {
    for (const model::Trigger& row : rows) {
      if (row.name == name) return row;
    }
    RETURN_IF_ERROR(missing);
    return NotFound("there is no trigger " + name.str());
  }
  Status SetDisabled(const model::TriggerName& name, bool disabled) override {
    return Note((disabled ? "disable " : "enable ") + name.str());
  }
  Status Unlock(const model::TriggerName& name) override { return Note("unlock " + name.str()); }
  Result<std::vector<Timestamp>> NextDates(const model::TriggerName& name, std::size_t count) override {
    RETURN_IF_ERROR(Note("next " + name.str()));
    return std::vector<Timestamp>(count, FromMicros(1'767'225'600'000'000));
  }
  Status StartBackfill(const model::TriggerName& name, model::Backfill backfill) override {
    return Note("backfill " + name.str() + " " + FormatInstant(backfill.start) + " " + ToJson(Value(backfill.inputs)));
  }
  Status PauseBackfill(const model::TriggerName& name, bool paused) override {
    return Note((paused ? "pause " : "resume ") + name.str());
  }
  Status CancelBackfill(const model::TriggerName& name) override { return Note("cancel " + name.str()); }
  void FireWebhook(scheduler::WebhookCall call, WebhookDone done) override {
    static_cast<void>(Note("webhook " + call.key));
    done(scheduler::WebhookReply{ExecutionId("fired")});
  }

  std::vector<model::Trigger> rows{};
  std::vector<std::string> noted{};
  Status missing{};  // instead of what is listed or not there

 private:
  Status Note(std::string what) {
    noted.push_back(std::move(what));
    return {};
  }
};

}  // namespace headrace::api::testing
