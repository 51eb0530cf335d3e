#include "common/base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <iterator>
#include <memory>
#include <string>

#include "common/base/text.h"

namespace headrace {
namespace {

// What a message says as the inside of a JSON text: names and errors in it may hold anything.
class JsonText final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string_view text(message.payload.data(), message.payload.size());
    const bool valid = IsValidUtf8(text);
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') fmt::format_to(std::back_inserter(out), "\\{}", c);
      else if (c == '\n') out.append(std::string_view("\\n"));
      else if (byte < 0x20) fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
      else if (byte >= 0x80 && !valid) out.append(std::string_view("\\ufffd"));
      else out.push_back(c);
    }
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonText>(); }
};

}  // namespace

void InitLog(std::string_view level, std::string_view format) {
  auto logger = std::make_shared<spdlog::logger>("headrace", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_level(spdlog::level::from_str(std::string(level)));
  if (format == "json") {
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<JsonText>('*').set_pattern(R"({"ts":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","msg":"%*"})");
    logger->set_formatter(std::move(formatter));
  } else {
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  }
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace headrace
