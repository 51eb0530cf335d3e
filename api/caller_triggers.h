// The triggers as one caller may use them; a part of caller_engine.h.
// Threads: as TriggerDoor's.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/caller.h"
#include "scheduler/engine.h"

namespace headrace::api {

class CallerTriggers final : public scheduler::TriggerDoor {
 public:
  // REQUIRES: `under` outlives it.
  CallerTriggers(scheduler::TriggerDoor& under, std::shared_ptr<const Caller> caller) : under_(under), caller_(std::move(caller)) {}

  Result<std::vector<model::Trigger>> List(const std::string& ns_prefix, const std::string& flow_id) override {
    // Of one flow: asked first, since an error would tell of others.
    if (!flow_id.empty()) {
      RETURN_IF_ERROR(caller_->CheckNamespace("TriggerService/ListTriggers", {ns_prefix, flow_id}));
    }
    ASSIGN_OR_RETURN(std::vector<model::Trigger> rows, Plain("flow '" + ns_prefix + "'.'" + flow_id + "'", under_.List(ns_prefix, flow_id)));
    std::erase_if(rows, [&](const model::Trigger& row) { return !caller_->Reaches(row.name.ns); });
    return rows;
  }
  Result<model::Trigger> Get(const model::TriggerName& name) override {
    RETURN_IF_ERROR(caller_->CheckNamespace("TriggerService/GetTrigger", Of(name)));
    return Plain("trigger " + name.str(), under_.Get(name));
  }
  Result<std::vector<Timestamp>> NextDates(const model::TriggerName& name, std::size_t count) override {
    RETURN_IF_ERROR(caller_->CheckNamespace("TriggerService/ListTriggerDates", Of(name)));
    return Plain("trigger " + name.str(), under_.NextDates(name, count));
  }
  Status SetDisabled(const model::TriggerName& name, bool disabled) override {
    return Do("TriggerService/SetTriggerDisabled", name, [&] { return under_.SetDisabled(name, disabled); });
  }
  Status Unlock(const model::TriggerName& name) override {
    return Do("TriggerService/UnlockTrigger", name, [&] { return under_.Unlock(name); });
  }
  Status StartBackfill(const model::TriggerName& name, model::Backfill backfill) override {
    static constexpr char kMethod[] = "TriggerService/CreateBackfill";
    RETURN_IF_ERROR(caller_->CheckNamespace(kMethod, Of(name)));
    RETURN_IF_ERROR(caller_->CheckInputs(kMethod, backfill.inputs));
    return Do(kMethod, name, [&] { return under_.StartBackfill(name, std::move(backfill)); });
  }
  Status PauseBackfill(const model::TriggerName& name, bool paused) override {
    return Do("TriggerService/PauseBackfill", name, [&] { return under_.PauseBackfill(name, paused); });
  }
  Status CancelBackfill(const model::TriggerName& name) override {
    return Do("TriggerService/CancelBackfill", name, [&] { return under_.CancelBackfill(name); });
  }
  // Who has its key may fire it; no token is asked for.
  void FireWebhook(scheduler::WebhookCall, WebhookDone done) override {
    done(Fail(Code::kPermissionDenied, "webhooks are fired over HTTP"));
  }

 private:
  static Touched Of(const model::TriggerName& name) { return {name.ns, name.flow_id, name.id}; }

  // Of what was looked for in vain a message names the nearest, which may be out of reach.
  template <typename R>
  R Plain(const std::string& what, R found) const {
    if (found || found.error().code != Code::kNotFound || !caller_->bound()) return found;
    return NotFound("there is no " + what);
  }

  template <typename Work>
  Status Do(const char* method, const model::TriggerName& name, Work work) const {
    RETURN_IF_ERROR(caller_->CheckNamespace(method, Of(name)));
    Status done = Plain("trigger " + name.str(), work());
    caller_->Tell(method, Of(name), done ? Code::kOk : done.error().code);
    return done;
  }

  scheduler::TriggerDoor& under_;
  const std::shared_ptr<const Caller> caller_;
};

}  // namespace headrace::api
