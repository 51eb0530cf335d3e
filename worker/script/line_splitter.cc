#include "worker/script/line_splitter.h"

#include <algorithm>

#include "common/base/text.h"

namespace headrace::worker {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kProtocolStart = "::{";

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

std::size_t LengthByLead(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  return lead >= 0xF0 && lead < 0xF5 ? 4 : 1;
}

}  // namespace

std::size_t Utf8Cut(std::string_view bytes, std::size_t most) {
  if (bytes.size() <= most) return bytes.size();
  std::size_t cut = most;
  while (cut > 0 && most - cut < 4 && IsContinuation(bytes[cut])) --cut;
  return cut == 0 || most - cut == 4 ? most : cut;
}

std::string ToValidUtf8(std::string_view bytes) {
  if (bytes.find('\0') == std::string_view::npos && IsValidUtf8(bytes)) return std::string(bytes);
  std::string out;
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t length = LengthByLead(static_cast<unsigned char>(bytes[i]));
    const std::string_view one = bytes.substr(i, length);
    if (one.size() == length && one[0] != '\0' && IsValidUtf8(one)) {
      out += one;
      i += length;
    } else {
      out += kReplacement;
      ++i;
    }
  }
  return out;
}

void LineSplitter::Push(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (end != std::string_view::npos && line_.empty() && !in_long_line_ && part.size() <= kPieceBytes) {
      Emit(part, true);
    } else {
      line_ += part;
      CutPieces();
      if (end != std::string_view::npos) Finish();
    }
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    in_long_line_ = false;
  }
}

void LineSplitter::CutPieces() {
  const bool protocol = !in_long_line_ && std::string_view(line_).starts_with(kProtocolStart);
  if (protocol && line_.size() <= kProtocolBytesMax) return;
  std::size_t from = 0;
  while (line_.size() - from > kPieceBytes) {
    const std::string_view rest = std::string_view(line_).substr(from);
    const std::size_t cut = Utf8Cut(rest, kPieceBytes);
    Emit(rest.substr(0, cut), false);
    from += cut;
    in_long_line_ = true;
  }
  line_.erase(0, from);
}

void LineSplitter::Finish() {
  // The newline itself ends an empty rest; an empty rest at the end of the stream is no line.
  if (!line_.empty()) Emit(line_, !in_long_line_);
  line_.clear();
}

void LineSplitter::Emit(std::string_view line, bool whole) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  sink_(line, whole);
}

}  // namespace headrace::worker
