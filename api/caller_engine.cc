#include "api/caller_engine.h"

#include <grpcpp/server_context.h>

#include <algorithm>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "api/access.h"
#include "api/caller.h"
#include "api/caller_triggers.h"

namespace headrace::api {
namespace {

using model::Execution;
using scheduler::Engine;

// A list that finds nothing in reach for so long says so instead of reading on.
constexpr int kPagesMax = 50;
constexpr std::size_t kPageRows = 500;
// Reaches nothing: no namespace is so named.
constexpr char kNowhere[] = ".";

template <typename R>
Code CodeOf(const R& result) {
  return result ? Code::kOk : result.error().code;
}

// Ends when the token is taken out of the file.
class CallerSubscription final : public scheduler::Subscription {
 public:
  CallerSubscription(std::shared_ptr<scheduler::Subscription> under, std::shared_ptr<const Caller> caller) : under_(std::move(under)), caller_(std::move(caller)) {}
  Result<std::optional<scheduler::WatchUpdate>> Next() override {
    RETURN_IF_ERROR(caller_->StillKnown());
    return under_->Next();
  }

 private:
  const std::shared_ptr<scheduler::Subscription> under_;
  const std::shared_ptr<const Caller> caller_;
};

class CallerEngine final : public Engine, public std::enable_shared_from_this<CallerEngine> {
 public:
  CallerEngine(const Serving& serving, std::shared_ptr<const Caller> caller)
      : engine_(serving.engine), pool_(serving.pool), caller_(std::move(caller)), triggers_(engine_.triggers(), caller_) {}

  // ---- flows ----
  Result<scheduler::FlowView> ValidateFlow(const std::string& source, const std::string& file) override {
    ASSIGN_OR_RETURN(scheduler::FlowView view, engine_.ValidateFlow(source, file));
    RETURN_IF_ERROR(caller_->CheckNamespace("FlowService/ValidateFlow", {view.flow->ns, view.flow->id}));
    return view;
  }
  Result<scheduler::FlowView> ApplyFlow(const std::string& source, const std::string& file) override {
    static constexpr char kMethod[] = "FlowService/ApplyFlow";
    if (caller_->bound()) {
      // Whose it is is known once it is read.
      ASSIGN_OR_RETURN(const scheduler::FlowView read, engine_.ValidateFlow(source, file));
      RETURN_IF_ERROR(caller_->CheckNamespace(kMethod, {read.flow->ns, read.flow->id}));
    }
    auto view = engine_.ApplyFlow(source, file);
    caller_->Tell(kMethod, view ? Touched{view->flow->ns, view->flow->id} : Touched{}, CodeOf(view));
    return view;
  }
  Result<scheduler::FlowView> GetFlow(const std::string& ns, const std::string& id, int revision) override {
    RETURN_IF_ERROR(caller_->CheckNamespace("FlowService/GetFlow", {ns, id}));
    return Plain(ns, id, engine_.GetFlow(ns, id, revision));
  }
  Result<std::vector<store::FlowRow>> ListFlows(const std::string& ns_prefix) override {
    ASSIGN_OR_RETURN(std::vector<store::FlowRow> rows, engine_.ListFlows(ns_prefix));
    std::erase_if(rows, [&](const store::FlowRow& row) { return !caller_->Reaches(row.ns); });
    return rows;
  }
  Result<std::vector<store::FlowRow>> ListRevisions(const std::string& ns, const std::string& id) override {
    RETURN_IF_ERROR(caller_->CheckNamespace("FlowService/ListFlowRevisions", {ns, id}));
    return Plain(ns, id, engine_.ListRevisions(ns, id));
  }

  // ---- executions ----
  void Submit(scheduler::SubmitRequest request, SubmitDone done) override {
    static constexpr char kMethod[] = "ExecutionService/SubmitExecution";
    const Touched touched{request.ns, request.flow_id};
    if (Status known = caller_->StillKnown(); !known) return done(Fail(std::move(known.error())));
    if (Status may = caller_->CheckNamespace(kMethod, touched); !may) return done(Fail(std::move(may.error())));
    if (Status may = caller_->CheckInputs(kMethod, request.inputs); !may) return done(Fail(std::move(may.error())));
    engine_.Submit(std::move(request), [self = shared_from_this(), touched, done = std::move(done)](Result<scheduler::SubmitReply> reply) {
      self->caller_->Tell(kMethod, {touched.ns, touched.flow, reply ? reply->id.str() : ""}, CodeOf(reply));
      // Ids of requests are those of all namespaces: the message names whose execution it is.
      const bool taken = !reply && reply.error().code == Code::kAlreadyExists && self->caller_->bound();
      if (taken) return done(Fail(Code::kAlreadyExists, "this request id was used for another submission"));
      done(self->Plain(touched.ns, touched.flow, std::move(reply)));
    });
  }
  Result<scheduler::ExecutionView> GetExecution(const ExecutionId& id) override {
    RETURN_IF_ERROR(See("ExecutionService/GetExecution", id));
    return engine_.GetExecution(id);
  }
  Result<Execution> GetExecutionHead(const ExecutionId& id) override { return caller_->Find(engine_, "ExecutionService/GetExecution", id); }
  Result<scheduler::ExecutionList> ListExecutions(const store::ExecutionQuery& query) override;
  Result<std::vector<store::FlowCount>> CountExecutions(const store::ExecutionQuery& query) override {
    ASSIGN_OR_RETURN(std::vector<store::FlowCount> counts, engine_.CountExecutions(query));
    std::erase_if(counts, [&](const store::FlowCount& count) { return !caller_->Reaches(count.ns); });
    return counts;
  }
  void Kill(const ExecutionId& id, std::string reason, std::function<void(Status)> done) override {
    Operate<Status>("ExecutionService/KillExecution", id, std::move(done), [this, id, reason = std::move(reason)](auto told) { engine_.Kill(id, reason, told); });
  }
  void Restart(const ExecutionId& id, std::function<void(Status)> done) override {
    Operate<Status>("ExecutionService/RestartExecution", id, std::move(done), [this, id](auto told) { engine_.Restart(id, told); });
  }
  void Pause(const ExecutionId& id, std::function<void(Status)> done) override {
    Operate<Status>("ExecutionService/PauseExecution", id, std::move(done), [this, id](auto told) { engine_.Pause(id, told); });
  }
  void Resume(const ExecutionId& id, scheduler::ResumeRequest request, std::function<void(Status)> done) override {
    static constexpr char kMethod[] = "ExecutionService/ResumeExecution";
    if (Status may = caller_->CheckInputs(kMethod, request.inputs); !may) return done(std::move(may));
    Operate<Status>(kMethod, id, std::move(done),
                    [this, id, request = std::move(request)](auto told) { engine_.Resume(id, request, told); });
  }
  void Replay(const ExecutionId& id, scheduler::ReplayRequest request, SubmitDone done) override {
    static constexpr char kMethod[] = "ExecutionService/ReplayExecution";
    if (Status may = request.inputs ? caller_->CheckInputs(kMethod, *request.inputs) : Status(); !may) return done(Fail(std::move(may.error())));
    Operate<Result<scheduler::SubmitReply>>(kMethod, id, std::move(done),
                                            [this, id, request = std::move(request)](auto told) { engine_.Replay(id, request, told); });
  }
  void MarkTaskRun(const ExecutionId& id, const TaskRunId& task_run, model::State state, std::function<void(Status)> done) override {
    Operate<Status>("ExecutionService/MarkTaskRun", id, std::move(done), [this, id, task_run, state](auto told) { engine_.MarkTaskRun(id, task_run, state, told); });
  }
  void ChangeStatus(const ExecutionId& id, model::State state, std::function<void(Status)> done) override {
    Operate<Status>("ExecutionService/ChangeExecutionStatus", id, std::move(done), [this, id, state](auto told) { engine_.ChangeStatus(id, state, told); });
  }
  void SetLabels(const ExecutionId& id, std::vector<model::Label> labels, std::function<void(Status)> done) override {
    Operate<Status>("ExecutionService/SetExecutionLabels", id, std::move(done),
                    [this, id, labels = std::move(labels)](auto told) { engine_.SetLabels(id, labels, told); });
  }
  void Unqueue(const ExecutionId& id, model::Admission admission, std::function<void(Status)> done) override {
    Operate<Status>("ExecutionService/UnqueueExecution", id, std::move(done), [this, id, admission](auto told) { engine_.Unqueue(id, admission, told); });
  }
  Result<scheduler::PurgeReply> PurgeExecutions(const std::vector<ExecutionId>& ids, bool files) override {
    return Purge<scheduler::PurgeReply>("ExecutionService/PurgeExecutions", ids, [&](const auto& seen) { return engine_.PurgeExecutions(seen, files); });
  }
  Result<std::shared_ptr<scheduler::Subscription>> Watch(const ExecutionId& id, std::uint64_t after, std::function<void()> on_ready) override {
    RETURN_IF_ERROR(See("ExecutionService/WatchExecution", id));
    ASSIGN_OR_RETURN(auto under, engine_.Watch(id, after, std::move(on_ready)));
    return std::shared_ptr<scheduler::Subscription>(std::make_shared<CallerSubscription>(std::move(under), caller_));
  }

  scheduler::TriggerDoor& triggers() override { return triggers_; }

  void Share(model::ShareRequest request, std::function<void(Result<model::ShareReply>)> done) override {
    static constexpr char kMethod[] = "WorkerService/Share";
    if (caller_->bound()) return done(Fail(caller_->Refuse(kMethod, {}).error()));
    if (request.put.empty() && request.news.empty()) return engine_.Share(std::move(request), std::move(done));
    engine_.Share(std::move(request), [caller = caller_, done = std::move(done)](Result<model::ShareReply> reply) {
      caller->Tell(kMethod, {}, CodeOf(reply));
      done(std::move(reply));
    });
  }

  // ---- logs ----
  Status Settle() override { return engine_.Settle(); }
  Result<store::LogPage> ReadLogs(const store::LogQuery& query) override {
    RETURN_IF_ERROR(caller_->StillKnown());
    RETURN_IF_ERROR(See("ExecutionService/FollowLogs", query.execution));
    return engine_.ReadLogs(query);
  }
  Result<std::uint64_t> PurgeLogs(const store::LogPurge& purge) override {
    return Purge<std::uint64_t>("ExecutionService/PurgeLogs", purge.executions, [&](const auto& seen) {
      store::LogPurge ours = purge;
      ours.executions = seen;
      return engine_.PurgeLogs(ours);
    });
  }
  std::shared_ptr<void> WatchLogs(const ExecutionId& id, std::function<void()> on_ready) override {
    return See("ExecutionService/FollowLogs", id) ? engine_.WatchLogs(id, std::move(on_ready)) : nullptr;
  }

  // ---- of all namespaces ----
  Result<scheduler::EngineSample> Sample() override { return OfAll("SystemService/Sample", [&] { return engine_.Sample(); }); }
  Result<std::vector<scheduler::QueueView>> ListQueues() override { return OfAll("ExternalScaler/GetMetrics", [&] { return engine_.ListQueues(); }); }
  Result<std::vector<scheduler::WorkerView>> ListWorkers() override { return OfAll("WorkerService/ListWorkers", [&] { return engine_.ListWorkers(); }); }
  Status DrainWorker(const WorkerId& id) override {
    static constexpr char kMethod[] = "WorkerService/DrainWorker";
    if (caller_->bound()) return caller_->Refuse(kMethod, {.object = id.str()});
    Status done = engine_.DrainWorker(id);
    caller_->Tell(kMethod, {.object = id.str()}, CodeOf(done));
    return done;
  }
  std::string worker_endpoint() const override { return engine_.worker_endpoint(); }
  Result<std::vector<scheduler::SchedulerView>> ListSchedulers() override {
    return OfAll("SystemService/ListSchedulers", [&] { return engine_.ListSchedulers(); });
  }

  // ---- nobody's who comes in here ----
  void OnPeerCall(std::string, scheduler::PeerDone done) override { done(Fail(Code::kPermissionDenied, "this is for schedulers")); }
  void HandOver() override {}

 private:
  // Of what was looked for in vain a message names the nearest, which may be out of reach.
  template <typename T>
  Result<T> Plain(const std::string& ns, const std::string& id, Result<T> found) const {
    if (found || found.error().code != Code::kNotFound || !caller_->bound()) return found;
    return NotFound("Unable to find flow '" + ns + "'.'" + id + "'");
  }

  // What was seen once stays in reach: an execution keeps its namespace.
  Status See(const char* method, const ExecutionId& id) {
    if (!caller_->bound() || seen_ == id) return {};
    ASSIGN_OR_RETURN(const Execution head, caller_->Find(engine_, method, id));
    seen_ = head.id;
    return {};
  }

  template <typename R>
  void Operate(const char* method, const ExecutionId& id, std::function<void(R)> done, std::function<void(std::function<void(R)>)> operate) {
    if (!caller_->bound() && !caller_->audited()) return operate(std::move(done));
    const bool posted = pool_.Post([self = shared_from_this(), method, id, done, operate = std::move(operate)] {
      const Caller& caller = *self->caller_;
      Touched touched{.object = id.str()};
      Result<Execution> head = caller.Find(self->engine_, method, id);
      if (head) touched = {head->ns, head->flow_id, id.str()};
      else if (caller.bound()) return done(Fail(std::move(head.error())));
      operate([self, method, touched, done](R result) {
        self->caller_->Tell(method, touched, CodeOf(result));
        done(std::move(result));
      });
    });
    if (!posted) done(Fail(Code::kResourceExhausted, "the server has too many requests waiting; try again"));
  }

  // Ids out of reach are passed over, as those are that are not there.
  template <typename T>
  Result<T> Purge(const char* method, const std::vector<ExecutionId>& ids, const std::function<Result<T>(const std::vector<ExecutionId>&)>& purge) {
    if (!caller_->bound() && !caller_->audited()) return purge(ids);
    if (ids.empty() && caller_->bound()) return Fail(caller_->Refuse(method, {}).error());
    std::vector<ExecutionId> ours;
    std::vector<Touched> touched;
    for (const ExecutionId& id : ids) {
      const Result<Execution> head = caller_->Find(engine_, method, id);
      const bool missing = !head && head.error().code == Code::kNotFound;
      if (!head && !missing && caller_->bound()) return Fail(head.error());
      if (!head && caller_->bound()) continue;
      ours.push_back(id);
      if (head) touched.push_back({head->ns, head->flow_id, id.str()});
      else if (!missing) touched.push_back({.object = id.str()});
    }
    // No ids would mean all of them.
    if (ours.empty() && !ids.empty()) return T{};
    Result<T> done = purge(ours);
    if (ids.empty()) caller_->Tell(method, {}, CodeOf(done));
    for (const Touched& one : touched) caller_->Tell(method, one, CodeOf(done));
    return done;
  }

  template <typename Work>
  auto OfAll(const char* method, Work work) -> decltype(work()) {
    if (caller_->bound()) return Fail(caller_->Refuse(method, {}).error());
    return work();
  }

  Engine& engine_;
  TaskPool& pool_;
  const std::shared_ptr<const Caller> caller_;
  CallerTriggers triggers_;
  ExecutionId seen_{};  // one stream or call has one execution
};

// Whether `ns` lies at `prefix` or below it; all lie below none.
bool Below(std::string_view ns, std::string_view prefix) { return http::Principal{.namespaces = {std::string(prefix)}}.Reaches(ns) || prefix.empty(); }

// Where all that is asked for and in reach lies, when one prefix says it.
std::optional<std::string> OnePrefix(const http::Principal& principal, const std::string& asked) {
  if (!asked.empty() && principal.Reaches(asked)) return asked;
  std::vector<std::string> below;
  for (const std::string& ns : principal.namespaces) {
    if (Below(ns, asked)) below.push_back(ns);
  }
  if (below.empty()) return kNowhere;
  if (below.size() == 1) return below.front();
  return std::nullopt;
}

Result<scheduler::ExecutionList> CallerEngine::ListExecutions(const store::ExecutionQuery& query) {
  if (!caller_->bound()) return engine_.ListExecutions(query);
  if (!query.ns.empty() && !caller_->Reaches(query.ns)) return scheduler::ExecutionList{};
  store::ExecutionQuery page = query;
  const auto prefix = OnePrefix(caller_->principal(), query.ns_prefix);
  if (prefix == kNowhere) return scheduler::ExecutionList{};
  if (prefix) page.ns_prefix = *prefix;
  else page.limit = std::max(query.limit, kPageRows);
  scheduler::ExecutionList out;
  for (int pages = 0; pages < kPagesMax; ++pages) {
    ASSIGN_OR_RETURN(scheduler::ExecutionList found, engine_.ListExecutions(page));
    for (std::size_t i = 0; i < found.executions.size(); ++i) {
      if (!caller_->Reaches(found.executions[i].ns)) continue;
      out.executions.push_back(std::move(found.executions[i]));
      if (out.executions.size() < query.limit) continue;
      if (i + 1 == found.executions.size()) {
        out.next_page_token = std::move(found.next_page_token);
        return out;
      }
      // A page that ends here has a token that names no other's execution.
      page.limit = i + 1;
      ASSIGN_OR_RETURN(scheduler::ExecutionList again, engine_.ListExecutions(page));
      out.next_page_token = std::move(again.next_page_token);
      return out;
    }
    if (found.next_page_token.empty()) return out;
    page.page_token = std::move(found.next_page_token);
  }
  return Fail(Code::kResourceExhausted, "too many executions of other namespaces lie between those in reach; ask for one namespace");
}

http::Principal PrincipalOf(const Serving& serving, const grpc::CallbackServerContext& context) {
  if (serving.tokens == nullptr) return {.name = "local", .role = http::Role::kAdmin};
  const auto [first, last] = context.client_metadata().equal_range("authorization");
  const std::string_view given = first != last && std::next(first) == last ? std::string_view(first->second.data(), first->second.size()) : std::string_view();
  Result<http::Principal> principal = WhoCalls(*serving.tokens, given);
  // The door has let it in, a moment ago.
  if (!principal) return {.namespaces = {kNowhere}};
  return std::move(*principal);
}

}  // namespace

std::shared_ptr<Engine> EngineFor(const Serving& serving, const grpc::CallbackServerContext& context) {
  if (serving.tokens == nullptr && serving.audit == nullptr) return EngineFor(serving, nullptr);
  return EngineFor(serving, std::make_shared<const Caller>(PrincipalOf(serving, context), context.peer(), serving.tokens, serving.audit));
}

std::shared_ptr<Engine> EngineFor(const Serving& serving, std::shared_ptr<const Caller> caller) {
  const bool plain = caller == nullptr || (!caller->bound() && !caller->audited());
  if (plain && serving.tokens == nullptr) return {std::shared_ptr<void>(), &serving.engine};
  return std::make_shared<CallerEngine>(serving, std::move(caller));
}

}  // namespace headrace::api
