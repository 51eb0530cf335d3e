#include "worker/script/script_output.h"

namespace headrace::worker {
namespace {

// Far more than a result may hold, so that a script cannot fill the worker's memory line by line.
constexpr std::uint64_t kVarsBytesMax = 8 * 1024 * 1024;

std::string TextOf(const Value& object, std::string_view key) {
  const Value* member = Member(object, key);
  return member == nullptr ? std::string() : ToText(*member);
}

}  // namespace

ScriptOutput::ScriptOutput(TaskContext& context)
    : context_(context),
      out_{context.masker().Stream(),
           LineSplitter([this](std::string_view line, bool whole) { OnLine(line, whole, "INFO"); })},
      err_{context.masker().Stream(),
           LineSplitter([this](std::string_view line, bool whole) { OnLine(line, whole, "ERROR"); })} {}

void ScriptOutput::Push(bool is_stderr, std::string_view bytes) {
  Stream& stream = is_stderr ? err_ : out_;
  masked_.clear();
  stream.mask.Push(bytes, masked_);
  stream.lines.Push(masked_);
}

void ScriptOutput::Finish() {
  for (Stream* stream : {&out_, &err_}) {
    masked_.clear();
    stream->mask.Finish(masked_);
    stream->lines.Push(masked_);
    stream->lines.Finish();
  }
}

void ScriptOutput::OnLine(std::string_view line, bool whole, std::string_view level) {
  // The first piece of a line that was to be outputs.
  if (!whole && line.starts_with("::{")) too_large_ = true;
  if (whole && line.size() >= 6 && line.starts_with("::{") && line.ends_with("}::")) {
    OnProtocol(ToValidUtf8(line.substr(2, line.size() - 4)));
  } else if (!context_.log_full()) {
    context_.LogMasked(level, ToValidUtf8(line));
  }
}

void ScriptOutput::OnProtocol(const std::string& text) {
  const auto parsed = ParseJson(text);
  if (!parsed || !parsed->is_object()) return context_.LogMasked("WARN", "Invalid outputs '" + text + "'");
  for (const auto& [key, value] : parsed->get_object()) {
    if (key == "outputs") OnOutputs(value);
    else if (key == "metrics") OnMetrics(value);
    else if (key == "logs") OnLogs(value);
  }
  vars_bytes_ += text.size();
}

void ScriptOutput::OnOutputs(const Value& outputs) {
  if (!outputs.is_object()) {
    context_.LogMasked("WARN", "Invalid outputs '" + ToJson(outputs) + "': expected a map");
    return;
  }
  if (vars_bytes_ > kVarsBytesMax) {
    too_large_ = true;
    return;
  }
  for (const auto& [key, value] : outputs.get_object()) vars_[key] = value;
}

void ScriptOutput::OnMetrics(const Value& metrics) {
  if (!metrics.is_array()) return;
  for (const Value& metric : metrics.get_array()) {
    std::string text = "metric " + TextOf(metric, "name") + " " + TextOf(metric, "type") + " " + TextOf(metric, "value");
    if (const Value* tags = Member(metric, "tags"); tags != nullptr) text += " " + ToJson(*tags);
    context_.LogMasked("DEBUG", text);
  }
}

void ScriptOutput::OnLogs(const Value& logs) {
  if (!logs.is_array()) return;
  for (const Value& log : logs.get_array()) {
    const std::string level = TextOf(log, "level");
    context_.LogMasked(LevelRank(level) ? level : "INFO", TextOf(log, "message"));
  }
}

}  // namespace headrace::worker
