// The way from a delivery of GitHub's to whoever waits for it. Whoever watches GitHub implements it.
// Errors: UNAVAILABLE and RESOURCE_EXHAUSTED are answered 503: GitHub records the failure, and it can be delivered
// again. Threads: Deliver from the server's pool; `done` from any, once, when the delivery's effect is durable: not
// before, or a
//   delivery is lost that GitHub believes was taken (GITHUB 3.4).
#pragma once

#include <functional>
#include <string>

#include "common/base/error.h"

namespace headrace::api::http {

struct GithubDelivery {
  std::string connection;
  std::string event;      // "workflow_run"
  std::string guid;       // the same when it is delivered again
  std::string body;       // as it came; a JSON object
  bool verified = false;  // its signature was right; nothing else is delivered
};

class GithubHookDoor {
 public:
  virtual ~GithubHookDoor() = default;
  virtual void Deliver(GithubDelivery delivery, std::function<void(Status)> done) = 0;
};

}  // namespace headrace::api::http
