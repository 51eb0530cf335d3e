// Where a watcher's news come from: the streams of executions and of their logs, reopened where they broke.
// Shapes: items of one execution come in order; a stream that ended for good comes as `ended` with why.
// Errors: a server that cannot be reached is tried again (with back-off) for `patience`, then the stream ends so. An execution
//   that is `awaited` was announced by its parent and may not be there yet: it is asked for again for a while.
// Threads: one owner for everything here; the fd is for poll.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/error.h"
#include "common/base/time.h"
#include "headrace/api/v1/execution_service.pb.h"

namespace grpc {
class Channel;
}

namespace headrace::cli {

namespace v1 = api::v1;

struct StreamEnded {
  bool logs = false;
  Status why{};  // no error: the server said all there is
};

struct StreamBroken {
  std::string why;  // it will be tried again
};

struct FeedItem {
  std::string execution;
  std::variant<v1::WatchExecutionResponse, v1::FollowLogsResponse, StreamEnded, StreamBroken> what;
};

class Feed {
 public:
  virtual ~Feed() = default;
  // Readable when Take has something.
  virtual int fd() const = 0;
  // What has come; empty when nothing has.
  virtual std::vector<FeedItem> Take() = 0;
  // Streams until the execution has ended.
  virtual void Watch(const std::string& execution, bool awaited) = 0;
  virtual void FollowLogs(const std::string& execution, bool awaited) = 0;
  // How long until Take opens a broken stream again; Duration::max() when none is broken.
  virtual Duration NextRetry() const = 0;
  virtual Status Kill(const std::string& execution, const std::string& reason) = 0;
};

std::unique_ptr<Feed> MakeGrpcFeed(std::shared_ptr<grpc::Channel> channel, Duration patience);

}  // namespace headrace::cli
