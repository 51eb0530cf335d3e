#include "scheduler/admission.h"

#include "common/wire/records.h"

namespace headrace::scheduler {

using model::Admission;
using model::State;

namespace {

constexpr std::size_t kPage = 1000;

// Every execution that the query finds, page by page.
template <typename Visit>
Status VisitAll(store::Store& store, store::ExecutionQuery query, const Visit& visit) {
  query.limit = kPage;
  do {
    ASSIGN_OR_RETURN(store::ExecutionPage page, store.List(query));
    for (const std::string& record : page.records) {
      if (const auto execution = wire::DecodeExecution(record)) visit(*execution);
    }
    query.page_token = std::move(page.next_page_token);
  } while (!query.page_token.empty());
  return {};
}

}  // namespace

Result<Admissions::Book*> Admissions::BookOf(const FlowName& name) {
  if (const auto known = books_.find(name); known != books_.end()) return &known->second;
  Book book;
  std::map<ExecutionId, Timestamp> waiting;
  store::ExecutionQuery query{.ns = name.first, .flow_id = name.second, .partition = partition_};
  query.states = {State::kCreated, State::kQueued, State::kRunning, State::kPaused, State::kBreakpoint,
                  State::kRestarted, State::kRetrying, State::kKilling};
  RETURN_IF_ERROR(VisitAll(store_, query, [&](const model::Execution& execution) {
    if (execution.state.current() == State::kQueued) {
      waiting.emplace(execution.id, execution.state.last_changed());
    } else {
      book.running.insert(execution.id);
    }
  }));
  for (const auto& [id, since] : waiting) Queue(book, id, since);
  return &books_.emplace(name, std::move(book)).first->second;
}

Result<Admissions::Decision> Admissions::Ask(const model::Flow& flow, const ExecutionId& id, Timestamp at) {
  if (flow.concurrency.limit <= 0) return Decision{};
  ASSIGN_OR_RETURN(Book * book, BookOf({flow.ns, flow.id}));
  if (book->running.contains(id)) return Decision{};
  if (book->queued_at.contains(id)) return Decision{Admission::kQueue, "Flow is queued already"};
  if (book->running.size() < static_cast<std::size_t>(flow.concurrency.limit) && book->queued.empty()) {
    book->running.insert(id);
    return Decision{};
  }
  const std::string full =
      "due to concurrency limit exceeded, " + std::to_string(book->running.size()) + " running(s)";
  switch (flow.concurrency.behavior) {
    case model::Concurrency::Behavior::kCancel: return Decision{Admission::kCancel, "Flow is cancelled " + full};
    case model::Concurrency::Behavior::kFail: return Decision{Admission::kFail, "Flow is failed " + full};
    case model::Concurrency::Behavior::kQueue: break;
  }
  Queue(*book, id, at);
  return Decision{Admission::kQueue, "Flow is queued " + full};
}

void Admissions::Queue(Book& book, const ExecutionId& id, Timestamp since) {
  const Book::Place place(since, book.came++);
  book.queued.emplace(place, id);
  book.queued_at.emplace(id, place);
}

void Admissions::Unqueue(Book& book, const ExecutionId& id) {
  const auto queued = book.queued_at.find(id);
  if (queued == book.queued_at.end()) return;
  book.queued.erase(queued->second);
  book.queued_at.erase(queued);
}

void Admissions::Force(const std::string& ns, const std::string& flow_id, const ExecutionId& id) {
  const auto book = books_.find({ns, flow_id});
  if (book == books_.end()) return;
  Unqueue(book->second, id);
  book->second.running.insert(id);
}

void Admissions::Ended(const std::string& ns, const std::string& flow_id, const ExecutionId& id) {
  const auto book = books_.find({ns, flow_id});
  if (book == books_.end()) return;
  book->second.running.erase(id);
  Unqueue(book->second, id);
}

std::vector<ExecutionId> Admissions::TakeReady(const model::Flow& latest) {
  std::vector<ExecutionId> ready;
  const auto found = books_.find({latest.ns, latest.id});
  if (found == books_.end()) return ready;
  Book& book = found->second;
  const int limit = latest.concurrency.limit;
  while (!book.queued.empty() && (limit <= 0 || book.running.size() < static_cast<std::size_t>(limit))) {
    const ExecutionId id = book.queued.begin()->second;
    Unqueue(book, id);
    book.running.insert(id);
    ready.push_back(id);
  }
  return ready;
}

bool Admissions::HasQueue(const std::string& ns, const std::string& flow_id) const {
  const auto book = books_.find({ns, flow_id});
  return book != books_.end() && !book->second.queued.empty();
}

Result<std::vector<std::pair<std::string, std::string>>> Admissions::Recover() {
  std::set<FlowName> flows;
  RETURN_IF_ERROR(VisitAll(store_, {.states = {State::kQueued}, .partition = partition_}, [&](const model::Execution& execution) {
    flows.emplace(execution.ns, execution.flow_id);
  }));
  for (const FlowName& flow : flows) RETURN_IF_ERROR(BookOf(flow));
  return std::vector<FlowName>(flows.begin(), flows.end());
}

}  // namespace headrace::scheduler
