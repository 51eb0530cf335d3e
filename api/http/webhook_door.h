// The way from a webhook's URL to the flow that waits for it. Whoever has triggers implements it.
// Shapes: `variables` is what `trigger` is made of: body (JSON object or array, else text; absent without one), headers
// and
//   parameters (name to list). In an answer of 400 and more a text body is told as the problem's detail.
// Threads: Fire from the server's pool; `done` from any, once, when the effect is durable.
// Source: FLOWS 4.2.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/model/value.h"

namespace headrace::api::http {

struct WebhookCall {
  std::string ns;
  std::string flow_id;
  std::string key;     // compare in constant time
  std::string method;  // "POST", "GET", "PUT"
  std::map<std::string, std::vector<std::string>> headers{};
  std::map<std::string, std::vector<std::string>> parameters{};
  std::string body{};  // as it came
  Object variables{};
};

struct WebhookAnswer {
  int status = 200;  // 200; 404 no such webhook; 409 disabled or a condition is false; 500 failed and waited for
  std::string content_type = "application/json";  // or text/plain
  Value body{};
  std::string execution_id{};
};

class WebhookDoor {
 public:
  virtual ~WebhookDoor() = default;
  virtual void Fire(WebhookCall call, std::function<void(WebhookAnswer)> done) = 0;
};

}  // namespace headrace::api::http
