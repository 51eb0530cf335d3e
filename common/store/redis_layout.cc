#include "common/store/redis_layout.h"

#include <algorithm>
#include <charconv>

#include "common/base/hash.h"
#include "common/store/query.h"

namespace headrace::store {
namespace {

// Written as numbers: their meaning may not move.
static_assert(static_cast<int>(model::State::kCreated) == 0 && static_cast<int>(model::State::kRunning) == 3 &&
              static_cast<int>(model::State::kPaused) == 4 && static_cast<int>(model::State::kSuccess) == 10 &&
              static_cast<int>(model::State::kFailed) == 12 && static_cast<int>(model::State::kResubmitted) == 16 &&
              model::kStateCount == 17);

constexpr std::uint8_t kActive = 1;
constexpr std::uint8_t kNotable = 2;
constexpr std::size_t kChecksumBytes = 4;
constexpr std::size_t kLongText = 255;
constexpr std::size_t kTimerTail = 9;  // kind, task run, attempt

// Labels that nearly every execution has, in one byte; and a value that is the execution's own id.
constexpr std::string_view kCorrelation = "system.correlationId";
constexpr std::string_view kCorrelationByte("\x01", 1);
constexpr std::string_view kOwnIdByte("\x02", 1);

tl::unexpected<Error> Damaged(std::string_view what) {
  return Fail(Code::kDataLoss, std::string(what) + " in Redis does not pass its checksum: restore a backup, or delete the execution");
}

// The length in one byte, or behind it in four.
void AppendText(std::string& to, std::string_view text) {
  AppendNumber(to, std::min(text.size(), kLongText), 1);
  if (text.size() >= kLongText) AppendNumber(to, text.size(), 4);
  to += text;
}

// Takes what AppendText wrote from the front.
bool TakeText(std::string_view& from, std::string& to) {
  if (from.empty()) return false;
  std::size_t size = ReadNumber(from, 1);
  from.remove_prefix(1);
  if (size == kLongText) {
    if (from.size() < 4) return false;
    size = ReadNumber(from, 4);
    from.remove_prefix(4);
  }
  if (from.size() < size) return false;
  to = from.substr(0, size);
  from.remove_prefix(size);
  return true;
}

std::string PackLabels(const ExecutionRow& row) {
  std::string out;
  for (const model::Label& label : row.labels) {
    AppendText(out, label.first == kCorrelation ? kCorrelationByte : std::string_view(label.first));
    AppendText(out, label.second == row.id.str() ? kOwnIdByte : std::string_view(label.second));
  }
  return out;
}

bool UnpackLabels(std::string_view from, ExecutionRow& row) {
  while (!from.empty()) {
    model::Label& label = row.labels.emplace_back();
    if (!TakeText(from, label.first) || !TakeText(from, label.second)) return false;
    if (label.first == kCorrelationByte) label.first = kCorrelation;
    if (label.second == kOwnIdByte) label.second = row.id.str();
  }
  return true;
}

}  // namespace

void AppendNumber(std::string& to, std::uint64_t number, int bytes) {
  for (int i = 0; i < bytes; ++i) to += static_cast<char>(number >> (8 * i));
}

std::uint64_t ReadNumber(std::string_view from, int bytes) {
  std::uint64_t number = 0;
  for (int i = 0; i < bytes; ++i) number |= std::uint64_t{static_cast<unsigned char>(from[static_cast<std::size_t>(i)])} << (8 * i);
  return number;
}

std::string PartitionPrefix(PartitionId partition) { return "{p" + std::to_string(partition) + "}:"; }
std::string PartitionHead(PartitionId partition) { return PartitionPrefix(partition) + "p"; }
std::string ExecutionKey(PartitionId partition, const std::string& id) { return PartitionPrefix(partition) + "x:" + id; }
static_assert(kPlaces == kRedisPartitions);
PartitionId HomePartition(const ExecutionId& id) { return PlaceOf(id); }
PartitionId HomePartition(std::string_view request) { return static_cast<PartitionId>(StableHash(request) % kRedisPartitions); }

std::string PackRecord(std::string_view record) {
  std::string out;
  out.reserve(kChecksumBytes + record.size());
  AppendNumber(out, Crc32c(record), kChecksumBytes);
  out += record;
  return out;
}

Result<std::string> UnpackRecord(std::string_view packed) {
  if (packed.size() < kChecksumBytes || Crc32c(packed.substr(kChecksumBytes)) != ReadNumber(packed, kChecksumBytes)) {
    return Damaged("a record");
  }
  return std::string(packed.substr(kChecksumBytes));
}

// flags, state, the parent's length and id; the checksum of all but itself; labels behind their length; the record.
std::string PackRow(const ExecutionRow& row) {
  std::string head;
  head += static_cast<char>((row.active ? kActive : 0) | (IsNotable(row.state) ? kNotable : 0));
  head += static_cast<char>(row.state);
  const std::string parent = row.parent ? row.parent->str() : "";
  head += static_cast<char>(parent.size());
  head += parent;
  std::string tail;
  const std::string labels = PackLabels(row);
  AppendNumber(tail, labels.size(), 4);
  tail += labels;
  tail += row.record;
  AppendNumber(head, Crc32c(tail, Crc32c(head)), kChecksumBytes);
  return head + tail;
}

Result<ExecutionRow> UnpackRow(const std::string& id, std::string_view packed) {
  const auto damaged = [&] { return Damaged("the row of execution " + id); };
  if (packed.size() < 3) return damaged();
  const std::size_t head = 3 + static_cast<unsigned char>(packed[2]);
  if (packed.size() < head + kChecksumBytes + 4) return damaged();
  std::string_view tail = packed.substr(head + kChecksumBytes);
  if (Crc32c(tail, Crc32c(packed.substr(0, head))) != ReadNumber(packed.substr(head), kChecksumBytes)) return damaged();
  ExecutionRow row;
  row.id = ExecutionId(id);
  row.active = (packed[0] & kActive) != 0;
  if (static_cast<unsigned char>(packed[1]) >= model::kStateCount) return damaged();
  row.state = static_cast<model::State>(packed[1]);
  if (head > 3) row.parent = ExecutionId(std::string(packed.substr(3, head - 3)));
  const std::size_t labels = ReadNumber(tail, 4);
  if (tail.size() < 4 + labels || !UnpackLabels(tail.substr(4, labels), row)) return damaged();
  row.record = tail.substr(4 + labels);
  return row;
}

std::string FlowKey(const std::string& ns, const std::string& flow_id) { return ns + '\0' + flow_id; }

std::pair<std::string, std::string> SplitFlowKey(std::string_view key) {
  const std::size_t mark = std::min(key.find('\0'), key.size());
  return {std::string(key.substr(0, mark)), std::string(mark < key.size() ? key.substr(mark + 1) : "")};
}

std::string TimerField(const TimerRow& row) {
  std::string field = row.execution.str();
  AppendNumber(field, static_cast<std::uint64_t>(row.timer.kind), 1);
  AppendNumber(field, row.timer.task_run, 4);
  AppendNumber(field, row.timer.attempt, 4);
  return field;
}

std::string PackDue(const TimerRow& row) {
  std::string due;
  AppendNumber(due, static_cast<std::uint64_t>(ToMicros(row.due)), 8);
  AppendNumber(due, Crc32c(due, Crc32c(TimerField(row))), kChecksumBytes);
  return due;
}

Result<TimerRow> UnpackTimer(std::string_view field, std::string_view packed) {
  if (field.size() < kTimerTail || packed.size() != 8 + kChecksumBytes ||
      Crc32c(packed.substr(0, 8), Crc32c(field)) != ReadNumber(packed.substr(8), kChecksumBytes)) {
    return Damaged("a timer of execution " + std::string(field.substr(0, field.size() - std::min(field.size(), kTimerTail))));
  }
  const std::string_view tail = field.substr(field.size() - kTimerTail);
  TimerRow row;
  row.execution = ExecutionId(std::string(field.substr(0, field.size() - kTimerTail)));
  row.timer.kind = static_cast<model::TimerKind>(tail[0]);
  row.timer.task_run = static_cast<model::TaskRunIndex>(ReadNumber(tail.substr(1), 4));
  row.timer.attempt = static_cast<std::uint32_t>(ReadNumber(tail.substr(5), 4));
  row.due = FromMicros(static_cast<std::int64_t>(ReadNumber(packed, 8)));
  return row;
}

Result<OutboxRow> UnpackOutbox(std::string_view field, std::string_view packed) {
  OutboxRow row;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), row.id);
  auto record = UnpackRecord(packed);
  if (!record || error != std::errc() || end != field.data() + field.size()) {
    return Damaged("what one execution owes another, number " + std::string(field) + ",");
  }
  row.record = std::move(*record);
  return row;
}

std::string PackRequest(const RequestRow& row) {
  std::string out;
  AppendNumber(out, static_cast<std::uint64_t>(ToMicros(row.expires)), 8);
  AppendText(out, row.execution.str());
  out += row.body_digest;
  return PackRecord(out);
}

Result<RequestRow> UnpackRequest(const std::string& request_id, std::string_view packed) {
  ASSIGN_OR_RETURN(const std::string record, UnpackRecord(packed));
  std::string_view rest(record);
  if (rest.size() < 8) return Damaged("a request");
  RequestRow row{.request_id = request_id};
  row.expires = FromMicros(static_cast<std::int64_t>(ReadNumber(rest, 8)));
  rest.remove_prefix(8);
  std::string execution;
  if (!TakeText(rest, execution)) return Damaged("a request");
  row.execution = ExecutionId(std::move(execution));
  row.body_digest = rest;
  return row;
}


std::string PackMember(const Member& member, Duration lifetime) {
  std::string out;
  for (const std::string* text : {&member.api_address, &member.worker_endpoint, &member.build}) AppendText(out, *text);
  AppendText(out, std::to_string(lifetime / std::chrono::milliseconds(1)));
  return PackRecord(out);
}

Result<Present> UnpackMember(const std::string& id, std::string_view packed, Duration left) {
  const auto record = UnpackRecord(packed);
  if (!record) return Damaged("what scheduler " + id + " said of itself");
  std::string_view rest(*record);
  Present member{{.id = id}};
  for (std::string* text : {&member.api_address, &member.worker_endpoint, &member.build}) {
    if (!TakeText(rest, *text)) return Damaged("what scheduler " + id + " said of itself");
  }
  // A build that does not tell for how long it said so ends here.
  if (std::string lifetime; left >= Duration(0) && TakeText(rest, lifetime)) {
    std::int64_t ms = 0;
    const auto read = std::from_chars(lifetime.data(), lifetime.data() + lifetime.size(), ms);
    if (read.ec != std::errc()) return Damaged("what scheduler " + id + " said of itself");
    member.silent = std::max<Duration>(std::chrono::milliseconds(ms) - left, Duration(0));
  }
  return member;
}

}  // namespace headrace::store
