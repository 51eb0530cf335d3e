// Every bound of the HTTP server. What is past one is refused with the status beside it.
// Threads: plain values. Source: FAILURES rows 62 to 65; docs/limits.md repeats them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace headrace::api::http {

struct HttpLimits {
  std::size_t header_bytes_max = 32U << 10U;        // 431; request line included
  std::size_t headers_max = 200;                        // 431
  std::size_t target_bytes_max = 8U << 10U;         // 414
  std::uint64_t body_bytes_held_max = 128U << 20U;  // of all requests together; 503
  std::size_t connections_max = 512;                // 503
  std::size_t refusals_max = 64;                    // connections that are being told so; those beyond are just closed
  std::size_t requests_per_connection_max = 1000;   // then the connection closes
  std::size_t in_flight_max = 512;                  // requests with a handler at work; 503
  std::size_t streams_max = 256;                    // 503
  std::chrono::milliseconds header_within = std::chrono::seconds(10);  // from its first byte; 408
  std::chrono::milliseconds idle_within = std::chrono::seconds(75);    // between requests
  std::chrono::milliseconds body_within = std::chrono::seconds(60);    // 408
  std::chrono::milliseconds write_within = std::chrono::seconds(30);   // for each 64 KiB
  std::chrono::milliseconds heartbeat = std::chrono::seconds(15);      // of streams
  std::chrono::milliseconds linger = std::chrono::seconds(1);  // for a refusal to be read before the connection closes
};

}  // namespace headrace::api::http
