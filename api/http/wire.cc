#include "api/http/wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace headrace::api::http {
namespace {

// By hand: strftime's names follow the locale.
std::string Date() {
  constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays.at(static_cast<std::size_t>(utc.tm_wday)),
                     utc.tm_mday, kMonths.at(static_cast<std::size_t>(utc.tm_mon)), utc.tm_year + 1900, utc.tm_hour,
                     utc.tm_min, utc.tm_sec);
}

std::string_view OneLine(std::string_view value) {
  const auto breaks = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; };
  return value.substr(0, static_cast<std::size_t>(std::find_if(value.begin(), value.end(), breaks) - value.begin()));
}

}  // namespace

bool MayHaveBody(int status) { return status >= 200 && status != 204 && status != 304; }

std::string HeadBytes(const HttpResponse& response, BodyFrame frame, bool keep_alive) {
  std::string out =
      fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status, ReasonPhrase(response.status), Date());
  const auto add = [&](std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(OneLine(value)).append("\r\n");
  };
  if (MayHaveBody(response.status)) {
    const bool typed = frame != BodyFrame::kLength || !response.body.empty();
    if (typed) add("Content-Type", response.content_type);
    if (frame == BodyFrame::kLength) add("Content-Length", std::to_string(response.body.size()));
    if (frame == BodyFrame::kChunked) add("Transfer-Encoding", "chunked");
  }
  for (const Header& header : response.headers) add(header.name, header.value);
  add("Connection", keep_alive ? "keep-alive" : "close");
  return out += "\r\n";
}

std::string ChunkBytes(std::string_view piece) { return fmt::format("{:x}\r\n{}\r\n", piece.size(), piece); }

}  // namespace headrace::api::http
