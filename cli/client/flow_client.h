// Flows of a server.
// Errors: as connection.h; an invalid flow is INVALID_ARGUMENT with its violations.
// Threads: shared.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/client/connection.h"
#include "headrace/api/v1/flow_service.pb.h"

namespace headrace::cli {

namespace v1 = api::v1;

class FlowClient {
 public:
  explicit FlowClient(std::shared_ptr<const Connection> connection);
  ~FlowClient();

  Result<v1::ValidateFlowResponse> Validate(const std::string& source, const std::string& file);
  Result<v1::ApplyFlowResponse> Apply(const std::string& source, const std::string& file);
  // Revision 0 is the latest.
  Result<v1::Flow> Get(const std::string& ns, const std::string& id, int revision);
  // All of them, page after page.
  Result<std::vector<v1::Flow>> List(const std::string& ns_prefix);
  Result<std::vector<v1::Flow>> Revisions(const std::string& ns, const std::string& id);

 private:
  struct Stubs;
  std::shared_ptr<const Connection> connection_;
  std::unique_ptr<Stubs> stubs_;
};

}  // namespace headrace::cli
