// A service that takes alerts as JSON, as one row: from it come its two task types, the one that sends what it is given
// and the one that tells of an execution.
// Shapes: a field is a property that lands at a place of the payload; what a service needs besides is a function of its row.
// Threads: rows are immutable.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "worker/notify/execution_report.h"
#include "worker/notify/posting.h"
#include "worker/registry.h"

namespace headrace::worker {

struct ServiceField {
  model::PropertySpec spec;
  std::string place{};  // "payload.summary"; empty: the service's own functions read it
};

struct WebhookService {
  std::string name;           // for people: "Google Chat"
  std::string type;           // what both names begin with: "io.kestra.plugin.slack.Slack"
  std::vector<std::string> older{};       // such beginnings in earlier versions
  std::string send = "IncomingWebhook";   // what follows it in the name of the first
  std::string url_doc;        // an example of the URL; empty: `target` makes it and there is no property `url`
  std::string default_url{};
  std::vector<ServiceField> send_fields{};
  std::vector<ServiceField> tell_fields{};
  // The payload that tells of an execution; absent: there is no such type.
  std::function<Result<Object>(TaskContext&, const ExecutionReport&)> tell{};
  // Reads what fields have no place, and changes the payload by it.
  std::function<Status(TaskContext&, Object&)> finish{};
  // What is posted, and where to, when that is more than the payload to `url`.
  std::function<Status(TaskContext&, Posting&)> target{};
  std::string send_example{};  // YAML lines below `type`
  std::string tell_example{};
};

std::vector<TaskType> TypesOf(const WebhookService& service);

std::vector<WebhookService> ChatServices();
std::vector<WebhookService> IncidentServices();

// The colour of a mood: "#2EB67D" and so on.
std::string_view ColorOf(ExecutionReport::Mood mood);

}  // namespace headrace::worker
