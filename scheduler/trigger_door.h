// What the API and the command line may do with triggers; a part of the engine's door.
// Errors: NOT_FOUND names the triggers that there are; FAILED_PRECONDITION what the trigger is instead; triggers of an
//   engine that starts none (`headrace run`) are not listed.
// Threads: any but the loop's; calls wait until what they did is durable. Callbacks as in engine.h.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/model/trigger.h"

namespace headrace::scheduler {

struct WebhookCall {
  std::string ns;
  std::string flow_id;
  std::string key;
  std::string method{};
  Object headers{};     // name to list of texts
  Object parameters{};  // name to list of texts
  Value body{};         // parsed JSON, or the text
};

// What was started, and how the caller wants to be answered.
struct WebhookReply {
  ExecutionId id;
  bool wait = false;                     // until the execution has ended
  bool return_outputs = false;           // the answer is the flow's outputs
  std::string content_type{};            // of the answer; empty: application/json
  int code = 200;
};

class TriggerDoor {
 public:
  virtual ~TriggerDoor() = default;

  // By name; an empty flow id means all flows of the namespace and those below it.
  virtual Result<std::vector<model::Trigger>> List(const std::string& ns_prefix, const std::string& flow_id) = 0;
  virtual Result<model::Trigger> Get(const model::TriggerName& name) = 0;
  virtual Status SetDisabled(const model::TriggerName& name, bool disabled) = 0;
  // Lets the trigger go on without waiting for the execution it started.
  virtual Status Unlock(const model::TriggerName& name) = 0;
  // Of a schedule: the dates to come on which its conditions hold.
  virtual Result<std::vector<Timestamp>> NextDates(const model::TriggerName& name, std::size_t count) = 0;

  virtual Status StartBackfill(const model::TriggerName& name, model::Backfill backfill) = 0;
  virtual Status PauseBackfill(const model::TriggerName& name, bool paused) = 0;
  virtual Status CancelBackfill(const model::TriggerName& name) = 0;

  // NOT_FOUND: no such flow or webhook; FAILED_PRECONDITION: the flow is disabled or a condition does not hold.
  using WebhookDone = std::function<void(Result<WebhookReply>)>;
  virtual void FireWebhook(WebhookCall call, WebhookDone done) = 0;
};

}  // namespace headrace::scheduler
