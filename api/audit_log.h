// Who changed what, and who was refused: a line of JSON each, in a file of its own.
// Shapes: {"time","who","role","method","namespace","flow","object","outcome","denied","peer"}, what is empty left out; never inputs, values,
//   tokens or keys of webhooks. {"time","outcome":"LOST","count":N}: so many lines are missing before this one.
// Laws: a call never waits for the file, nor fails by it: what cannot be written is counted, logged, and said in the file once it can be.
//   Lines of refused callers nobody knows are 100 a second at most. A file that was renamed or removed is opened anew: rotate by renaming.
// Threads: Tell from any, it never waits; one thread of its own writes.
#pragma once

#include <memory>
#include <string>

#include "common/base/error.h"

namespace headrace::api {

struct AuditLine {
  std::string who{};  // the name of the token
  std::string role{};
  std::string method{};  // "ExecutionService/KillExecution", or "POST " and a route
  std::string ns{};
  std::string flow{};
  std::string object{};  // of it: an execution, a trigger, a worker
  std::string outcome{};  // OK or the name of a code; of HTTP a status
  bool denied = false;    // by who asked, not by what was asked
  std::string peer{};
};

class AuditLog {
 public:
  // `file` is made readable by its owner alone; INVALID_ARGUMENT names it when it cannot be written.
  static Result<std::unique_ptr<AuditLog>> Open(const std::string& file);
  virtual ~AuditLog() = default;  // writes what is waiting
  virtual void Tell(AuditLine line) = 0;
};

}  // namespace headrace::api
