#include "common/store/redis_log_chunk.h"

#include <zstd.h>

#include <charconv>

#include "common/base/hash.h"
#include "common/store/query.h"
#include "common/store/redis_layout.h"

namespace headrace::store {
namespace {

constexpr std::size_t kHead = 4 + 1 + 4;  // first offset, form, checksum
constexpr char kPlain = 0;
constexpr char kZstd = 1;
constexpr std::size_t kWorthPacking = 200;
constexpr int kZstdLevel = 3;
constexpr std::size_t kUnpackedMax = 64 * 1024 * 1024;
constexpr std::uint32_t kNoTaskRun = UINT32_MAX;

void AppendText(std::string& to, std::string_view text) {
  AppendNumber(to, text.size(), 4);
  to += text;
}

// Reads fields one after another; after the first that is cut short all are empty.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}
  std::uint64_t Number(int bytes) {
    const std::string_view taken = Take(static_cast<std::size_t>(bytes));
    return taken.empty() ? 0 : ReadNumber(taken, bytes);
  }
  std::string Text() { return std::string(Take(Number(4))); }
  bool done() const { return rest_.empty() || broken_; }
  bool broken() const { return broken_; }

 private:
  std::string_view Take(std::size_t size) {
    if (size > rest_.size()) {
      broken_ = true;
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::string_view rest_;
  bool broken_ = false;
};

void AppendLine(std::string& to, std::uint64_t first, const LogLine& line) {
  AppendNumber(to, line.offset - first, 4);
  AppendNumber(to, static_cast<std::uint64_t>(ToMicros(line.row.at)), 8);
  AppendNumber(to, static_cast<std::uint64_t>(LevelRank(line.row.level)), 1);
  AppendNumber(to, line.row.task_run.value_or(kNoTaskRun), 4);
  AppendNumber(to, line.row.attempt, 4);
  AppendText(to, line.row.task_id);
  AppendText(to, line.row.message);
}

LogLine TakeLine(Fields& fields, std::uint64_t first, const ExecutionId& execution) {
  LogLine line;
  line.offset = first + fields.Number(4);
  line.row.execution = execution;
  line.row.at = FromMicros(static_cast<std::int64_t>(fields.Number(8)));
  line.row.level = LevelOfRank(static_cast<int>(fields.Number(1)));
  const auto task_run = static_cast<std::uint32_t>(fields.Number(4));
  if (task_run != kNoTaskRun) line.row.task_run = task_run;
  line.row.attempt = static_cast<std::uint32_t>(fields.Number(4));
  line.row.task_id = fields.Text();
  line.row.message = fields.Text();
  return line;
}

// Nothing: it is not shorter so.
std::optional<std::string> Compressed(const std::string& plain) {
  if (plain.size() < kWorthPacking) return std::nullopt;
  std::string out(ZSTD_compressBound(plain.size()), '\0');
  const std::size_t size = ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), kZstdLevel);
  if (ZSTD_isError(size) != 0 || size >= plain.size()) return std::nullopt;
  out.resize(size);
  return out;
}

std::optional<std::string> Decompressed(std::string_view packed) {
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size > kUnpackedMax) return std::nullopt;  // unknown and wrong sizes are large ones
  std::string out(size, '\0');
  if (ZSTD_decompress(out.data(), out.size(), packed.data(), packed.size()) != size) return std::nullopt;
  return out;
}

}  // namespace

std::string LogKey(const std::string& execution) { return "l:" + execution; }

std::string PackLogChunk(std::uint64_t first, const std::vector<LogLine>& lines) {
  std::string body;
  for (const LogLine& line : lines) AppendLine(body, first, line);
  char form = kPlain;
  if (auto shorter = Compressed(body)) {
    body = std::move(*shorter);
    form = kZstd;
  }
  std::string out;
  AppendNumber(out, first, 4);
  out += form;
  AppendNumber(out, Crc32c(body, Crc32c(out)), 4);
  return out + body;
}

Result<LogChunk> UnpackLogChunk(const ExecutionId& execution, std::string_view packed) {
  const auto damaged = [&] {
    return Fail(Code::kDataLoss, "a part of the log of execution " + execution.str() + " in Redis does not pass its checksum; "
                                 "what stands after it can be read by a later offset");
  };
  if (packed.size() < kHead) return damaged();
  std::string_view body = packed.substr(kHead);
  if (Crc32c(body, Crc32c(packed.substr(0, 5))) != ReadNumber(packed.substr(5), 4)) return damaged();
  std::optional<std::string> plain;
  if (packed[4] == kZstd) {
    plain = Decompressed(body);
    if (!plain) return damaged();
    body = *plain;
  }
  LogChunk chunk{.first = ReadNumber(packed, 4)};
  Fields fields(body);
  while (!fields.done()) chunk.lines.push_back(TakeLine(fields, chunk.first, execution));
  if (fields.broken()) return damaged();
  return chunk;
}

std::string PackTally(const LogTally& tally, std::string_view writer) {
  return std::to_string(tally.rows) + ":" + std::to_string(tally.bytes) + ":" + (tally.capped ? "1:" : "0:") + std::string(writer);
}

LogTally UnpackTally(std::string_view text) {
  LogTally tally;
  const char* const end = text.data() + text.size();
  const auto rows = std::from_chars(text.data(), end, tally.rows);
  if (rows.ptr == end) return tally;
  const auto bytes = std::from_chars(rows.ptr + 1, end, tally.bytes);
  tally.capped = end - bytes.ptr > 1 && bytes.ptr[1] == '1';
  return tally;
}

}  // namespace headrace::store
