// What a worker's session is told at the start, and its outside: every effect goes through SessionPort.
// Shapes: a link is one scheduler's connection; its number is the owner's and is not used again.
// Threads: values; the port is called by whoever calls the session, and must not call back from inside its methods.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "common/wire/messages.h"

namespace headrace::worker {

using LinkId = std::uint32_t;

struct SessionOptions {
  WorkerId worker{};
  std::uint64_t incarnation = 0;
  std::string group{};
  std::map<std::string, std::string> tags{};
  std::uint32_t capacity = 1;
  std::string build{};
  std::string host{};
  std::uint32_t pid = 0;
  Duration hello_retry_min = std::chrono::milliseconds(200);
  Duration hello_retry_max = std::chrono::seconds(5);
  Duration result_retry_min = std::chrono::seconds(1);
  Duration result_retry_max = std::chrono::seconds(30);
  std::size_t log_buffer_bytes = 8 * 1024 * 1024;
};

// What StartTask needs; the spec is shared by all runs of one task in a scheduler's session.
struct StartOrder {
  wire::TaskKey key;
  std::shared_ptr<const wire::TaskSpec> spec;
  std::string context_json;
  TaskRunId task_run{};
  std::string ns;
  std::string flow_id;
  std::string memo_json{};  // of an attempt that is looked at again: what the delivery before left
  Timestamp started{};      // and when the attempt began
  std::string trace_parent{};  // of its span, as in W3C Trace Context; empty: nothing is traced
};

class SessionPort {
 public:
  virtual ~SessionPort() = default;
  virtual void Send(LinkId link, wire::FromWorker message) = 0;
  // Every task that was begun comes back through OnTaskEnded, whatever became of it: that frees its slot.
  virtual void StartTask(StartOrder order) = 0;
  // End it with this grace; its result says KILLED.
  virtual void CancelTask(const wire::TaskKey& key, Duration grace, const std::string& reason) = 0;
  // End it at once; its result goes nowhere.
  virtual void AbandonTask(const wire::TaskKey& key) = 0;
  // A result that came through OnTaskEnded or RestoreResult is durable elsewhere, or nobody wants it any more.
  virtual void DropResult(const wire::TaskKey&) {}
};

}  // namespace headrace::worker
