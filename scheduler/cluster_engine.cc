#include "scheduler/cluster_engine.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <future>
#include <utility>

#include "common/expr/zone.h"
#include "scheduler/keeper.h"
#include "scheduler/local_engine.h"
#include "scheduler/peer_calls.h"
#include "scheduler/trigger_calls.h"

namespace headrace::scheduler {
namespace {

// A call waits so long for somebody to drive its partition; longer than a lease and its taking over.
constexpr std::chrono::seconds kPatience(9);
constexpr Duration kAskAgain = std::chrono::milliseconds(100);
constexpr Duration kPeerTimeout = std::chrono::seconds(10);
constexpr Duration kFlowsTimeout = std::chrono::seconds(2);

using Steady = std::chrono::steady_clock;

Result<Value> Nothing(const Status& status) {
  if (!status) return Fail(status.error());
  return Value(Object());
}

Error NobodyYet(store::PartitionId id) {
  return {Code::kUnavailable, "no scheduler drives partition " + std::to_string(id) + " at the moment: try again in a few seconds", {}};
}

// A neighbour of its own loop first: that may speak before the rest is there.
class ClusterEngine final : private Neighbours, public LocalEngine {
 public:
  ClusterEngine(EngineOptions options, store::PartitionId partitions)
      : LocalEngine(std::move(options), this, partitions), partitions_(partitions) {}
  ~ClusterEngine() override {
    if (keeper_) keeper_->HandOver();
    StopAll();
    if (keeper_) keeper_->Stop();
    peers_.reset();
  }

  Status BeginSharing(ClusterOptions options) {
    peers_ = std::move(options.peers);
    keeper_ = std::make_unique<Keeper>(std::move(options), Keeper::Around{*store_, *flow_store_, registry_, *hub_,
                                                                          [this](auto work) { return Post(std::move(work)); },
                                                                          expr::MachineZoneName(),
                                                                          [this] { return OthersReachStore(); },
                                                                          [this] { return StuckFor(); }});
    triggers_ = MakeTriggerDoor({registry_, [this](Object call, Then done) { DoTriggerCallHere(std::move(call), std::move(done)); },
                                 [this](Place place, Object call, Then done) { RouteCall(place, std::move(call), false, std::move(done)); },
                                 [this](const Object& call) { return AskAll(call, kPeerTimeout); }});
    RETURN_IF_ERROR(Begin());
    return keeper_->Start();
  }

  // ---- flows ----
  Result<FlowView> ApplyFlow(const std::string& source, const std::string& file) override {
    ASSIGN_OR_RETURN(const RegisteredFlow applied, registry_.Apply(source, file, clock_.Now()));
    const auto looked = std::make_shared<std::promise<void>>();
    keeper_->AfterFlows([looked] { looked->set_value(); });
    // Whoever does not answer in time learns of it by a look of its own.
    static_cast<void>(AskAll({{"call", "flows"}}, kFlowsTimeout));
    static_cast<void>(looked->get_future().wait_for(kFlowsTimeout));
    return FlowView{applied.program->flow_ptr(), applied.created, applied.changed, applied.warnings};
  }

  // ---- executions ----
  void Submit(SubmitRequest request, SubmitDone done) override {
    const bool again = !request.request_id.empty();
    const Place place = PlaceOfFlow(request.ns, request.flow_id);
    const auto asked = std::make_shared<const SubmitRequest>(std::move(request));
    Route(place, [asked] { return peer::FromSubmit(*asked); },
          [this, asked](Then then) {
            LocalEngine::Submit(*asked, [then = std::move(then)](const Result<SubmitReply>& reply) { then(Encoded(reply)); });
          },
          again, Decoded(std::move(done)));
  }
  void SubmitAsking(SubmitRequest request, const SubflowCall& subflow, SubmitDone done) override {
    const store::PartitionId id = PartitionAt(PlaceOfFlow(request.ns, request.flow_id));
    if (keeper_->OwnerOf(id).self) return LocalEngine::SubmitAsking(std::move(request), subflow, std::move(done));
    Submit(std::move(request), std::move(done));
  }
  void Kill(const ExecutionId& id, std::string reason, std::function<void(Status)> done) override {
    RouteStatus(id, {{"call", "kill"}, {"id", id.str()}, {"reason", reason}}, std::move(done), true);
  }
  void Restart(const ExecutionId& id, std::function<void(Status)> done) override {
    RouteStatus(id, {{"call", "restart"}, {"id", id.str()}}, std::move(done), false);
  }
  void Pause(const ExecutionId& id, std::function<void(Status)> done) override {
    RouteStatus(id, {{"call", "pause"}, {"id", id.str()}}, std::move(done), false);
  }
  void Resume(const ExecutionId& id, ResumeRequest request, std::function<void(Status)> done) override {
    RouteStatus(id, peer::FromResume(id, request), std::move(done), false);
  }
  void Replay(const ExecutionId& id, ReplayRequest request, SubmitDone done) override {
    RouteCall(PlaceOf(id), peer::FromReplay(id, request), false, Decoded(std::move(done)));
  }
  void MarkTaskRun(const ExecutionId& id, const TaskRunId& task_run, model::State state, std::function<void(Status)> done) override {
    RouteStatus(id, {{"call", "mark"}, {"id", id.str()}, {"run", task_run.str()}, {"state", model::StateName(state)}},
                std::move(done), false);
  }
  void ChangeStatus(const ExecutionId& id, model::State state, std::function<void(Status)> done) override {
    RouteStatus(id, {{"call", "status"}, {"id", id.str()}, {"state", model::StateName(state)}}, std::move(done), false);
  }
  void SetLabels(const ExecutionId& id, std::vector<model::Label> labels, std::function<void(Status)> done) override {
    RouteStatus(id, {{"call", "labels"}, {"id", id.str()}, {"labels", peer::FromLabels(labels)}}, std::move(done), true);
  }
  void Unqueue(const ExecutionId& id, model::Admission admission, std::function<void(Status)> done) override {
    RouteStatus(id, {{"call", "unqueue"}, {"id", id.str()}, {"admission", static_cast<int>(admission)}}, std::move(done), false);
  }
  void Share(model::ShareRequest request, std::function<void(Result<model::ShareReply>)> done) override {
    const auto asked = std::make_shared<const model::ShareRequest>(std::move(request));
    Route(kSharedPlace, [asked] { return peer::FromShare(*asked); },
          [this, asked](Then then) {
            LocalEngine::Share(*asked, [then = std::move(then)](const Result<model::ShareReply>& reply) {
              then(reply ? Result<Value>(peer::FromShared(*reply)) : Fail(reply.error()));
            });
          },
          false, [done = std::move(done)](Result<Value> reply) {
            if (!reply) return done(Fail(std::move(reply.error())));
            done(peer::ToShared(*reply));
          });
  }
  TriggerDoor& triggers() override { return *triggers_; }

  // ---- other schedulers ----
  Result<std::vector<QueueView>> ListQueues() override {
    ASSIGN_OR_RETURN(std::vector<QueueView> queues, LocalEngine::ListQueues());
    for (const auto& [id, reply] : AskAll({{"call", "queues"}}, kPeerTimeout)) {
      if (!reply) return Fail(Code::kUnavailable, "scheduler " + id + " does not tell what waits there: " + reply.error().message);
      peer::AddQueues(*reply, queues);
    }
    return queues;
  }
  Result<std::vector<SchedulerView>> ListSchedulers() override { return keeper_->Schedulers(); }
  void HandOver() override {
    keeper_->HandOver();
    // So that they need not wait for their next look.
    static_cast<void>(AskAll({{"call", "look"}}, kFlowsTimeout));
  }
  void OnPeerCall(std::string request, PeerDone done) override {
    auto parsed = ParseJson(request);
    if (!parsed || !parsed->is_object()) return done(InvalidArgument("a scheduler asks what is no JSON object"));
    Do(parsed->get_object(), [done = std::move(done)](Result<Value> reply) {
      if (!reply) return done(Fail(std::move(reply.error())));
      done(json::serialize(*reply));
    });
  }

 protected:
  Result<std::vector<ExecutionId>> DeleteRows(const std::vector<ExecutionId>& ids) override {
    std::map<store::PartitionId, std::vector<ExecutionId>> by_partition;
    for (const ExecutionId& id : ids) by_partition[PartitionAt(PlaceOf(id))].push_back(id);
    std::vector<ExecutionId> gone;
    for (const auto& [partition, some] : by_partition) {
      std::vector<std::string> names;
      for (const ExecutionId& id : some) names.push_back(id.str());
      ASSIGN_OR_RETURN(const Value reply, AskOne(partition, {{"call", "delete"}, {"ids", peer::FromTexts(names)}}));
      for (const std::string& name : peer::ToTexts(reply.as_object(), "gone")) gone.emplace_back(name);
    }
    return gone;
  }

 private:
  using Then = std::function<void(Result<Value>)>;

  // A call on its way to whoever drives its partition.
  struct Routed {
    store::PartitionId partition = 0;
    std::function<Object()> say;      // to another scheduler
    std::function<void(Then)> here;  // the same, done here
    bool again = false;  // nothing is lost or doubled when it is asked twice
    Then done;
    Steady::time_point until{};
  };

  store::PartitionId PartitionAt(Place place) const { return place % partitions_; }

  static Result<Value> Encoded(const Result<SubmitReply>& reply) {
    if (!reply) return Fail(reply.error());
    return Value(peer::FromReply(*reply));
  }
  static Then Decoded(SubmitDone done) {
    return [done = std::move(done)](Result<Value> reply) {
      if (!reply) return done(Fail(std::move(reply.error())));
      done(peer::ToReply(*reply));
    };
  }

  void RouteStatus(const ExecutionId& id, Object call, std::function<void(Status)> done, bool again) {
    RouteCall(PlaceOf(id), std::move(call), again,
              [done = std::move(done)](const Result<Value>& reply) { done(reply ? Status() : Fail(reply.error())); });
  }

  void RouteCall(Place place, Object call, bool again, Then done) {
    const auto asked = std::make_shared<const Object>(std::move(call));
    Route(place, [asked] { return *asked; }, [this, asked](Then then) { Do(*asked, std::move(then)); }, again, std::move(done));
  }

  void Route(Place place, std::function<Object()> say, std::function<void(Then)> here, bool again, Then done) {
    Try(std::make_shared<Routed>(Routed{PartitionAt(place), std::move(say), std::move(here), again, std::move(done),
                                        Steady::now() + kPatience}));
  }

  void Try(const std::shared_ptr<Routed>& call) {
    const Keeper::Owner owner = keeper_->OwnerOf(call->partition);
    if (owner.self) {
      return call->here([this, call](Result<Value> reply) { Settled(call, std::move(reply), false); });
    }
    if (owner.address.empty()) return Settled(call, Fail(Code::kAborted, "nobody has it"), false);
    peers_->Call(owner.address, json::serialize(call->say()), kPeerTimeout, [this, call](Result<std::string> reply) {
      if (!reply) return Settled(call, Fail(std::move(reply.error())), true);
      Settled(call, ParseJson(*reply), true);
    });
  }

  // ABORTED: the partition is not driven there (any more), and nothing was done.
  void Settled(const std::shared_ptr<Routed>& call, Result<Value> reply, bool elsewhere) {
    const bool moved = !reply && reply.error().code == Code::kAborted;
    const bool unknown = !reply && elsewhere && reply.error().code == Code::kUnavailable;
    if (!moved && !(unknown && call->again)) return call->done(std::move(reply));
    if (Steady::now() >= call->until) return call->done(moved ? Fail(NobodyYet(call->partition)) : std::move(reply));
    keeper_->LookSoon();
    keeper_->Later(kAskAgain, [this, call] { Try(call); });
  }

  // From a thread that may wait.
  Result<Value> AskOne(store::PartitionId partition, Object call) {
    auto promise = std::make_shared<std::promise<Result<Value>>>();
    RouteCall(partition, std::move(call), false, [promise](Result<Value> reply) { promise->set_value(std::move(reply)); });
    return promise->get_future().get();
  }

  // All others at once; from a thread that may wait. By their ids.
  std::vector<std::pair<std::string, Result<Value>>> AskAll(const Object& call, Duration timeout) {
    const std::string text = json::serialize(call);
    std::vector<std::pair<std::string, std::future<Result<Value>>>> asked;
    for (const store::Member& other : keeper_->Others()) {
      auto promise = std::make_shared<std::promise<Result<Value>>>();
      asked.emplace_back(other.id, promise->get_future());
      peers_->Call(other.api_address, text, timeout, [promise](Result<std::string> reply) {
        promise->set_value(reply ? ParseJson(*reply) : Result<Value>(Fail(std::move(reply.error()))));
      });
    }
    std::vector<std::pair<std::string, Result<Value>>> replies;
    for (auto& [id, reply] : asked) replies.emplace_back(id, reply.get());
    return replies;
  }

  // Neighbours
  void Lost(store::PartitionId id, store::Epoch epoch) override { keeper_->Lost(id, epoch); }
  void Tell(store::PartitionId to, const std::string& name, const wire::OutboxItem& item, std::function<void(Status)> done) override {
    const Keeper::Owner owner = keeper_->OwnerOf(to);
    if (owner.self || owner.address.empty()) {
      keeper_->LookSoon();
      return done(Fail(NobodyYet(to)));
    }
    peers_->Call(owner.address, json::serialize(peer::FromItem(name, item)), kPeerTimeout,
                 [this, done = std::move(done)](const Result<std::string>& reply) {
                   if (!reply) keeper_->LookSoon();
                   done(reply ? Status() : Fail(reply.error()));
                 });
  }

  void Spread(const model::SharedNews& news) override {
    const std::string text = json::serialize(peer::FromNews(news));
    for (const store::Member& other : keeper_->Others()) {
      peers_->Call(other.api_address, text, kPeerTimeout, [](const Result<std::string>&) {});
    }
  }

  bool OthersReachStore() {
    for (const auto& [id, reply] : AskAll({{"call", "store"}}, kFlowsTimeout)) {
      if (reply && reply->is_object() && peer::Flag(reply->get_object(), "reached")) return true;
    }
    return false;
  }

  // Does here what a call says.
  void Do(const Object& call, Then done) {
    const std::string name = peer::Text(call, "call");
    const ExecutionId id = peer::Id(call);
    const auto status = [done](const Status& ended) { done(Nothing(ended)); };
    const auto made = [done](const Result<SubmitReply>& reply) { done(Encoded(reply)); };
    if (name == "submit") return LocalEngine::Submit(peer::ToSubmit(call), made);
    if (name == "kill") return LocalEngine::Kill(id, peer::Text(call, "reason"), status);
    if (name == "restart") return LocalEngine::Restart(id, status);
    if (name == "pause") return LocalEngine::Pause(id, status);
    if (name == "resume") return LocalEngine::Resume(id, peer::ToResume(call), status);
    if (name == "replay") return LocalEngine::Replay(id, peer::ToReplay(call), made);
    if (name == "labels") return LocalEngine::SetLabels(id, peer::ToLabels(call, "labels"), status);
    if (name == "unqueue") {
      const auto admission = static_cast<model::Admission>(std::clamp<std::int64_t>(peer::Number(call, "admission"), 0, 3));
      return LocalEngine::Unqueue(id, admission, status);
    }
    if (name == "mark" || name == "status") {
      const auto state = model::ParseState(peer::Text(call, "state"));
      if (!state) return done(InvalidArgument("a scheduler asks for a state that is none"));
      if (name == "status") return LocalEngine::ChangeStatus(id, *state, status);
      return LocalEngine::MarkTaskRun(id, TaskRunId(peer::Text(call, "run")), *state, status);
    }
    if (name == "delete") return DeleteHere(peer::ToTexts(call, "ids"), std::move(done));
    if (name == "share") {
      auto share = peer::ToShare(call);
      if (!share) return done(Fail(std::move(share.error())));
      return LocalEngine::Share(std::move(*share), [done](const Result<model::ShareReply>& reply) {
        done(reply ? Result<Value>(peer::FromShared(*reply)) : Fail(reply.error()));
      });
    }
    if (name == "wake") {
      return PostCall(std::move(done), [news = peer::ToNews(call)](Core& core, auto then, Moment now) {
        core.WakeHere(news, now);
        then(Value(Object()));
      });
    }
    if (name == "outbox") {
      auto item = peer::ToItem(call);
      if (!item) return done(Fail(std::move(item.error())));
      return PostCall(std::move(done), [item = std::move(*item), from = peer::Text(call, "name")](Core& core, auto then, Moment now) {
        core.Accept(from, item, [then](const Status& taken) { then(Nothing(taken)); }, now);
      });
    }
    if (name == "queues") {
      return PostCall(std::move(done), [](Core& core, auto then, Moment now) { then(Value(peer::FromQueues(core.Sample(now).queues))); });
    }
    if (name == "look") {
      keeper_->LookSoon();
      return done(Value(Object()));
    }
    if (name == "store") return done(Value(Object{{"reached", keeper_->reaches_store()}}));
    if (name == "flows") return keeper_->AfterFlows([done] { done(Value(Object())); });
    if (IsTriggerCall(name)) return DoTriggerCallHere(call, std::move(done));
    done(Fail(Code::kUnimplemented, "this scheduler does not know the call '" + name + "': upgrade the older of the two"));
  }

  void DeleteHere(const std::vector<std::string>& names, Then done) {
    std::vector<ExecutionId> ids;
    for (const std::string& one : names) ids.emplace_back(one);
    PostCall(std::move(done), [ids](Core& core, auto then, Moment now) {
      core.Delete(ids, [then](const Result<std::vector<ExecutionId>>& gone) {
        if (!gone) return then(Fail(gone.error()));
        std::vector<std::string> texts;
        for (const ExecutionId& one : *gone) texts.push_back(one.str());
        then(Value(Object{{"gone", peer::FromTexts(texts)}}));
      }, now);
    });
  }

  const store::PartitionId partitions_;
  std::unique_ptr<PeerClient> peers_;
  std::unique_ptr<TriggerDoor> triggers_;
  std::unique_ptr<Keeper> keeper_;
};

}  // namespace

Result<std::unique_ptr<Engine>> StartClusterEngine(EngineOptions options) {
  ClusterOptions cluster = std::move(*options.cluster);
  const store::PartitionId partitions = cluster.leases->partitions();
  auto engine = std::make_unique<ClusterEngine>(std::move(options), partitions);
  RETURN_IF_ERROR(engine->BeginSharing(std::move(cluster)));
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace headrace::scheduler
