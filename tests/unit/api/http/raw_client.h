// A TCP client that sends any bytes and reads what comes back: what a stranger may do, no more polite than one.
// Errors: a server that is silent for half a minute fails the test instead of hanging it.
// Threads: one.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace headrace::api::http::testing {

struct RawResponse {
  int status = 0;                              // 0: the connection ended without one
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // chunks joined
  std::string header(const std::string& name) const;
};

class RawClient {
 public:
  // `window`: bytes the kernel may hold for a reader that does not read; 0: its own choice.
  explicit RawClient(int port, int window = 0);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False when the other end is closed.
  bool Send(std::string_view bytes);
  RawResponse Read(bool head_only = false);
  // The head only: its body is read by ReadChunk.
  RawResponse ReadHead();
  // Empty at the last one, and at the end.
  std::string ReadChunk();
  // Whether the server closes, reading away what comes before.
  bool AwaitEnd();
  // Closes with a reset instead of a farewell.
  void Reset();
  // "GET /path" with Host and more headers, each with its line end.
  RawResponse Ask(const std::string& method, const std::string& target, const std::string& headers = "",
                  const std::string& body = "");

 private:
  bool Fill();
  std::string Line();
  std::string Take(std::size_t size);

  int fd_;
  std::string seen_;
};

}  // namespace headrace::api::http::testing
