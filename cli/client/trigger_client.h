// Triggers of a server.
// Errors: as connection.h. Threads: shared.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/client/connection.h"
#include "headrace/api/v1/trigger_service.pb.h"

namespace headrace::cli {

namespace v1 = api::v1;

class TriggerClient {
 public:
  explicit TriggerClient(std::shared_ptr<const Connection> connection);
  ~TriggerClient();

  Result<v1::ListTriggersResponse> List(const v1::ListTriggersRequest& request);
  Result<v1::Trigger> Get(const v1::TriggerName& name);
  Status SetDisabled(const v1::TriggerName& name, bool disabled);
  Status Unlock(const v1::TriggerName& name);
  Result<v1::ListTriggerDatesResponse> Dates(const v1::TriggerName& name, int count);
  Status CreateBackfill(const v1::CreateBackfillRequest& request);
  Status PauseBackfill(const v1::TriggerName& name, bool paused);
  Status CancelBackfill(const v1::TriggerName& name);

 private:
  struct Stubs;
  std::shared_ptr<const Connection> connection_;
  std::unique_ptr<Stubs> stubs_;
};

}  // namespace headrace::cli
