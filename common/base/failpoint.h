// Places where a test ends the process in the middle of its work, by name.
// Shapes: HEADRACE_FAILPOINT=NAME:N is SIGKILL when NAME is passed for the Nth time; a value that is none is told and changes nothing.
// Threads: any. Cost: nothing that is seen while it is not set. Source: FAILURES section 4.
#pragma once

namespace headrace {

enum class Failpoint {
  kSubmit,       // an execution is decided, its commit is not
  kReply,        // what somebody asked for is durable, and not answered
  kDispatch,     // a delivery is durable, and not given out
  kBegun,        // a worker says that it works on it
  kResult,       // a result has come
  kAck,          // a result is durable, and not acknowledged
  kCommit,       // any batch, before the store has it
  kCommitted,    // any batch, before anybody hears of it
  kTimer,        // a timer has fired
  kTrigger,      // a trigger starts an execution
  kChildBegins,  // a subflow is decided where it runs
  kChildEnds,    // its end is told to its parent
};

void PassFailpoint(Failpoint point);

}  // namespace headrace
