// Alerts: to chats, to where incidents are kept, and as mail. Threads: pure. Source: Kestra's notification plugins.
#pragma once

#include <vector>

#include "worker/registry.h"

namespace headrace::worker {

std::vector<TaskType> NotifyTasks();
std::vector<TaskType> MailTasks();

}  // namespace headrace::worker
