// Posts what an alert says to a service, with the rules of http.Request.
// Shapes: `url` and `options` are properties of all of these tasks; a payload is JSON, as a text or as a map.
// Errors: name the service, its status and how its answer begins, and never more of the URL than its host: the rest is
//   a key. An answer that says "ok": false with a status of 200 is a failure too.
// Threads: the task's; blocks until the answer.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/model/spec.h"
#include "worker/task_runner.h"

namespace headrace::worker {

struct Posting {
  std::string service;  // for people: "Slack"
  std::string url;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers{};
};

Status Post(TaskContext& context, const Posting& posting);

// The text of `payload`, or a map as JSON; nothing when absent.
Result<std::optional<std::string>> PayloadText(TaskContext& context, std::string_view property = "payload");
model::PropertySpec OptionsProperty();

}  // namespace headrace::worker
