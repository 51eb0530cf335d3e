// Requests and responses as the rest of the room knows them, free of any HTTP library.
// Shapes: header names keep their spelling and are found whatever their case; a body is bytes.
// Threads: plain values; a BodyStream says its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/http/role.h"
#include "api/http/target.h"

namespace headrace::api::http {

struct Header {
  std::string name;
  std::string value;
  bool operator==(const Header&) const = default;
};
using Headers = std::vector<Header>;

bool SameName(std::string_view left, std::string_view right);
// The first of that name, or null.
const std::string* FindHeader(const Headers& headers, std::string_view name);

struct HttpRequest {
  std::string method;  // "GET"
  Target target;
  Headers headers;
  std::string body{};
  std::map<std::string, std::string> captures{};  // of the route's pattern, decoded
  std::string route{};                            // its pattern
  Principal principal{};
  std::string id{};    // X-Request-Id
  std::string peer{};  // address of the other end
};

// A body that comes in pieces, each asked for when the one before is written: nothing piles up for a slow reader.
class BodyStream {
 public:
  enum class Piece { kWrite, kWait, kEnd };

  virtual ~BodyStream() = default;
  // Once, before the first Next. `wake` may be called from any thread at any time, also after the end.
  virtual void Begin(std::function<void()> wake) = 0;
  // Puts the next piece into `out` (kWrite), or has none until `wake` (kWait). On the pool, never twice at once.
  virtual Piece Next(std::string& out) = 0;
  // What is written when nothing else was for a while; empty: nothing.
  virtual std::string_view heartbeat() const { return {}; }
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";  // of no meaning without a body
  std::string body{};
  Headers headers{};
  std::unique_ptr<BodyStream> stream{};  // instead of a body
};

// Answers once, from any thread; what comes later or twice is dropped.
using Reply = std::function<void(HttpResponse)>;
using Handler = std::function<void(std::shared_ptr<const HttpRequest>, Reply)>;

std::string_view ReasonPhrase(int status);

}  // namespace headrace::api::http
