#include "scheduler/local_trigger_door.h"

#include <future>
#include <utility>

namespace headrace::scheduler {
namespace {

constexpr std::chrono::seconds kPatience(10);

bool Below(const std::string& ns, const std::string& prefix) {
  return prefix.empty() || ns == prefix || (ns.starts_with(prefix) && ns[prefix.size()] == '.');
}

Error Overloaded() { return {Code::kResourceExhausted, "the scheduler's mailbox is full: try again in a moment"}; }

class LocalTriggerDoor final : public TriggerDoor {
 public:
  LocalTriggerDoor(PostToLoop post, FlowRegistry& flows, std::function<Timestamp()> now)
      : post_(std::move(post)), flows_(flows), now_(std::move(now)) {}

  Result<std::vector<model::Trigger>> List(const std::string& ns_prefix, const std::string& flow_id) override {
    if (!flow_id.empty()) RETURN_IF_ERROR(CheckFlow(ns_prefix, flow_id));
    auto found = std::make_shared<std::vector<model::Trigger>>();
    RETURN_IF_ERROR(Await([ns_prefix, flow_id, found](TriggerRunner& runner) -> Status {
      for (const model::Trigger* row : runner.book().All()) {
        const bool wanted = flow_id.empty() ? Below(row->name.ns, ns_prefix)
                                            : row->name.ns == ns_prefix && row->name.flow_id == flow_id;
        if (wanted) found->push_back(*row);
      }
      return {};
    }));
    return std::move(*found);
  }
  Result<model::Trigger> Get(const model::TriggerName& name) override {
    RETURN_IF_ERROR(CheckFlow(name.ns, name.flow_id));
    auto found = std::make_shared<model::Trigger>();
    RETURN_IF_ERROR(Await([name, found](TriggerRunner& runner) -> Status {
      Status known = runner.book().Require(name);
      if (known) *found = *runner.book().Find(name);
      return known;
    }));
    return std::move(*found);
  }
  Status SetDisabled(const model::TriggerName& name, bool disabled) override {
    return OnBook([=](TriggerBook& book, Timestamp now) { return book.SetDisabled(name, disabled, now); });
  }
  Status Unlock(const model::TriggerName& name) override {
    return OnBook([=](TriggerBook& book, Timestamp now) { return book.Unlock(name, now); });
  }
  Result<std::vector<Timestamp>> NextDates(const model::TriggerName& name, std::size_t count) override {
    auto found = std::make_shared<std::vector<Timestamp>>();
    RETURN_IF_ERROR(Await([name, count, found, now = now_()](TriggerRunner& runner) -> Status {
      ASSIGN_OR_RETURN(*found, runner.NextDates(name, count, now));
      return {};
    }));
    return std::move(*found);
  }
  Status StartBackfill(const model::TriggerName& name, model::Backfill backfill) override {
    return OnBook([=](TriggerBook& book, Timestamp now) { return book.StartBackfill(name, backfill, now); });
  }
  Status PauseBackfill(const model::TriggerName& name, bool paused) override {
    return OnBook([=](TriggerBook& book, Timestamp now) { return book.PauseBackfill(name, paused, now); });
  }
  Status CancelBackfill(const model::TriggerName& name) override {
    return OnBook([=](TriggerBook& book, Timestamp now) { return book.CancelBackfill(name, now); });
  }

  void FireWebhook(WebhookCall call, WebhookDone done) override {
    // Built here if it is not yet, as the loop has others to serve.
    static_cast<void>(flows_.Get(call.ns, call.flow_id, 0));
    auto reply = std::make_shared<WebhookReply>();
    const bool posted = post_([call = std::move(call), reply, done, now = now_()](Core& core, Moment moment) {
      core.WithTriggers(
          [&](TriggerRunner& runner) -> Status {
            ASSIGN_OR_RETURN(*reply, runner.FireWebhook(call, now));
            return {};
          },
          [reply, done](Status status) {
            if (!status) return done(Fail(std::move(status.error())));
            done(std::move(*reply));
          },
          moment);
    });
    if (!posted) done(Fail(Overloaded()));
  }

 private:
  Status CheckFlow(const std::string& ns, const std::string& flow_id) {
    const auto flow = flows_.Get(ns, flow_id, 0);
    if (!flow && flow.error().code == Code::kNotFound) return Fail(flow.error());
    return {};
  }

  Status OnBook(std::function<Status(TriggerBook&, Timestamp)> work) {
    return Await([work = std::move(work), now = now_()](TriggerRunner& runner) { return work(runner.book(), now); });
  }

  Status Await(Core::TriggerWork work) {
    const auto promise = std::make_shared<std::promise<Status>>();
    std::future<Status> answer = promise->get_future();
    const bool posted = post_([work = std::move(work), promise](Core& core, Moment now) {
      core.WithTriggers(work, [promise](Status status) { promise->set_value(std::move(status)); }, now);
    });
    if (!posted) return Fail(Overloaded());
    if (answer.wait_for(kPatience) != std::future_status::ready) {
      return Fail(Code::kDeadlineExceeded, "the scheduler did not answer within 10 s");
    }
    return answer.get();
  }

  const PostToLoop post_;
  FlowRegistry& flows_;
  const std::function<Timestamp()> now_;
};

}  // namespace

std::unique_ptr<TriggerDoor> MakeTriggerDoor(PostToLoop post, FlowRegistry& flows, std::function<Timestamp()> now) {
  return std::make_unique<LocalTriggerDoor>(std::move(post), flows, std::move(now));
}

}  // namespace headrace::scheduler
