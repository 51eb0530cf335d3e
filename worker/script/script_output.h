// What a script says: lines for the log, and ::{…}:: lines for the engine.
// Shapes: outputs are merged into vars, the last wins; what comes in is masked already.
// Errors: a ::{…}:: line that is no JSON is logged as WARN "Invalid outputs '…'".
// Threads: one owner. Source: FLOWS 3.3.
#pragma once

#include "worker/masker.h"
#include "worker/script/line_splitter.h"
#include "worker/task_runner.h"

namespace headrace::worker {

class ScriptOutput {
 public:
  // Secrets that `context` knows by now are masked.
  explicit ScriptOutput(TaskContext& context);

  void Push(bool is_stderr, std::string_view bytes);
  void Finish();
  Object& vars() { return vars_; }
  // Outputs were longer than what is kept on the way: they are not whole.
  bool too_large() const { return too_large_; }

 private:
  struct Stream {
    MaskStream mask;
    LineSplitter lines;
  };
  void OnLine(std::string_view line, bool whole, std::string_view level);
  void OnProtocol(const std::string& text);
  void OnOutputs(const Value& outputs);
  void OnMetrics(const Value& metrics);
  void OnLogs(const Value& logs);

  TaskContext& context_;
  Object vars_{};
  std::uint64_t vars_bytes_ = 0;
  bool too_large_ = false;
  std::string masked_{};
  Stream out_;
  Stream err_;
};

}  // namespace headrace::worker
