#include "worker/notify/notify_tasks.h"

#include "worker/notify/webhook_service.h"

namespace headrace::worker {

std::vector<TaskType> NotifyTasks() {
  std::vector<TaskType> types;
  for (const auto services : {&ChatServices, &IncidentServices})
    for (const WebhookService& service : services())
      for (TaskType& type : TypesOf(service)) types.push_back(std::move(type));
  for (TaskType& type : MailTasks()) types.push_back(std::move(type));
  return types;
}

}  // namespace headrace::worker
