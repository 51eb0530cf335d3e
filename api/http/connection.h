// One connection: reads requests one after another, asks the gate and the handlers, writes answers and streams.
// Errors: whatever a stranger sends ends in an answer or in a closed connection within the limits.
// Threads: runs where the io_context runs, one at a time; Stop and Close from any thread.
// Source: Boost.Beast parses; only connection.cc knows it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "api/http/gate.h"
#include "api/http/tls.h"

namespace boost::asio {
class io_context;
}
namespace headrace::api {
class TaskPool;
}

namespace headrace::api::http {

class Connection {
 public:
  virtual ~Connection() = default;
  // After the answer that is under way; a stream ends with its next piece.
  virtual void Stop() = 0;
  // Now.
  virtual void Close() = 0;
};

// What connections share; outlives them.
struct Common {
  Gate& gate;
  Metrics& metrics;
  TaskPool& pool;
  const HttpLimits& limits;
  ServerTls tls{};  // null: none
  Load streams{};
};

// Serves the accepted socket `fd` until it ends, then calls `ended`. With `full` all it says is that there are too
// many.
std::shared_ptr<Connection> ServeConnection(boost::asio::io_context& context, int fd, bool six, Common& common,
                                            bool full, std::function<void()> ended);

}  // namespace headrace::api::http
