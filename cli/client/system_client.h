// What a server is, and which others there are.
// Errors: as connection.h.
// Threads: shared.
#pragma once

#include <memory>
#include <vector>

#include "cli/client/connection.h"
#include "headrace/api/v1/system_service.pb.h"

namespace headrace::cli {

namespace v1 = api::v1;

class SystemClient {
 public:
  explicit SystemClient(std::shared_ptr<const Connection> connection);
  Result<std::vector<v1::Scheduler>> ListSchedulers();

 private:
  std::shared_ptr<const Connection> connection_;
};

}  // namespace headrace::cli
