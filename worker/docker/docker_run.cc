#include "worker/docker/docker_run.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "common/base/text.h"
#include "worker/http/request_plan.h"
#include "worker/http_client/http_client.h"

namespace headrace::worker {
namespace {

constexpr std::uint64_t kAnswerBytes = 4 * 1024 * 1024;
constexpr std::uint64_t kStreamBytes = ~std::uint64_t{0};

std::string TextOf(const Object& options, std::string_view name) {
  const Value* value = options.if_contains(name);
  return value == nullptr ? std::string() : ToText(*value);
}

bool Flag(const Object& options, std::string_view name, bool fallback) {
  const Value* value = options.if_contains(name);
  return value == nullptr || value->is_null() ? fallback : IsTruthy(ToText(*value));
}

// "512MB", "1g" or a number of bytes.
Result<std::int64_t> Bytes(std::string_view name, const std::string& text) {
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  const char unit = end < text.data() + text.size() ? static_cast<char>(std::tolower(static_cast<unsigned char>(*end))) : 'b';
  const std::size_t power = std::string_view("bkmgt").find(unit);
  if (problem != std::errc() || power == std::string_view::npos || number < 0 || number > 1e12)
    return InvalidArgument(std::string(name) + ": '" + text + "' is no size such as 512MB");
  return static_cast<std::int64_t>(number * static_cast<double>(1ULL << (10 * power)));
}

// Frames of the engine's stream: {1 stdout, 2 stderr; 0 0 0; length, big end first} and bytes.
class Frames {
 public:
  explicit Frames(const std::function<void(OutputStream, std::string_view)>& output) : output_(output) {}
  Status Push(std::string_view bytes) {
    while (!bytes.empty()) {
      if (left_ == 0 && !ReadHead(bytes)) return {};
      const std::string_view piece = bytes.substr(0, left_);
      if (!piece.empty()) output_(stream_, piece);
      left_ -= piece.size();
      bytes.remove_prefix(piece.size());
    }
    return {};
  }

 private:
  bool ReadHead(std::string_view& bytes) {
    const std::size_t wanted = std::min(std::size_t{8} - head_.size(), bytes.size());
    head_ += bytes.substr(0, wanted);
    bytes.remove_prefix(wanted);
    if (head_.size() < 8) return false;
    for (std::size_t i = 4; i < 8; ++i) left_ = left_ << 8U | static_cast<unsigned char>(head_[i]);
    stream_ = head_[0] == 2 ? OutputStream::kStderr : OutputStream::kStdout;
    head_.clear();
    return true;
  }

  const std::function<void(OutputStream, std::string_view)>& output_;
  std::string head_;
  std::size_t left_ = 0;
  OutputStream stream_ = OutputStream::kStdout;
};

class Container {
 public:
  Container(TaskContext& context, const DockerOrder& order) : context_(context), order_(order) {}
  ~Container() {
    if (id_.empty() || !Flag(order_.options, "delete", true)) return;
    if (auto removed = Call("DELETE", "/containers/" + id_ + "?force=1&v=1", fresh_); !removed)
      context_.Log("WARN", "the container " + id_ + " was not removed: " + removed.error().message);
  }
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  Status Pull();
  Status Create();
  Result<ProcessExit> Run(const std::function<void(OutputStream, std::string_view)>& output);

 private:
  Result<HttpAnswer> Call(const std::string& method, const std::string& path, CancelToken& cancel,
                          std::optional<Value> body = std::nullopt, const HttpSink& sink = nullptr, bool allow_failed = false);
  Result<Object> HostConfig() const;
  void Stop();

  TaskContext& context_;
  const DockerOrder& order_;
  CancelToken fresh_;  // for what must be done after a cancel, too
  std::string id_{};
};

Result<HttpAnswer> Container::Call(const std::string& method, const std::string& path, CancelToken& cancel,
                                   std::optional<Value> body, const HttpSink& sink, bool allow_failed) {
  HttpRequest request{.method = method, .uri = "http://docker/v1.41" + path, .idle_timeout = {}, .unix_socket = order_.socket,
                      .allow_failed = allow_failed};
  if (body) {
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = ToJson(*body);
  } else if (method == "POST") {
    request.body = "";
  }
  auto answer = CallHttp(request, cancel, sink ? kStreamBytes : kAnswerBytes, sink);
  if (!answer) return Fail(std::move(answer.error()).Wrap("Docker"));
  return answer;
}

Status Container::Pull() {
  const std::string policy = TextOf(order_.options, "pullPolicy");
  if (policy == "NEVER") return {};
  CancelToken& cancel = context_.cancel();
  if (policy != "ALWAYS") {
    ASSIGN_OR_RETURN(const HttpAnswer known, Call("GET", "/images/" + order_.image + "/json", cancel, std::nullopt, nullptr, true));
    if (known.code == 200) return {};
  }
  const std::size_t colon = order_.image.rfind(':');
  const bool tagged = colon != std::string::npos && order_.image.find('/', colon) == std::string::npos;
  context_.Log("INFO", "Pulling image " + order_.image);
  std::string problem;
  std::string line;
  // One JSON object a line; a failure comes after the good status.
  const HttpSink sink = [&](std::string_view piece) -> Status {
    for (const char c : piece) {
      if (c != '\n' && line.size() < 64 * 1024) {
        line += c;
        continue;
      }
      const auto said = ParseJson(line);
      if (const Value* error = said ? Member(*said, "error") : nullptr) problem = ToText(*error);
      line.clear();
    }
    return {};
  };
  const std::string query = "?fromImage=" + PercentEncode(tagged ? order_.image.substr(0, colon) : order_.image) + "&tag=" +
                            (tagged ? order_.image.substr(colon + 1) : "latest");
  ASSIGN_OR_RETURN(const HttpAnswer pulled, Call("POST", "/images/create" + query, cancel, std::nullopt, sink));
  static_cast<void>(pulled);
  const auto last = ParseJson(line);
  if (const Value* error = last ? Member(*last, "error") : nullptr) problem = ToText(*error);
  if (!problem.empty()) return Fail(Code::kUnavailable, "cannot pull the image '" + order_.image + "': " + problem);
  return {};
}

Result<Object> Container::HostConfig() const {
  const Object& options = order_.options;
  Object host{{"Binds", Array{json::string(order_.directory + ":" + order_.directory)}}};
  if (const Value* volumes = options.if_contains("volumes"); volumes != nullptr && !volumes->is_null())
    return InvalidArgument("taskRunner.volumes: this worker mounts the working directory only");
  for (const auto& [from, to] : {std::pair{"extraHosts", "ExtraHosts"}, {"networkMode", "NetworkMode"}, {"privileged", "Privileged"},
                                 {"portBindings", "PortBindings"}, {"deviceRequests", "DeviceRequests"}})
    if (const Value* value = options.if_contains(from); value != nullptr && !value->is_null()) host[to] = *value;
  if (const std::string shm = TextOf(options, "shmSize"); !shm.empty()) {
    ASSIGN_OR_RETURN(host["ShmSize"], Bytes("shmSize", shm));
  }
  const Value all(options);
  if (const Value* memory = AtPath(all, "memory.memory"); memory != nullptr && !memory->is_null()) {
    ASSIGN_OR_RETURN(host["Memory"], Bytes("memory", ToText(*memory)));
  }
  if (const Value* cpus = AtPath(all, "cpu.cpus"); cpus != nullptr && !cpus->is_null()) {
    const std::string text = ToText(*cpus);
    double number = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc()) return InvalidArgument("cpu.cpus: '" + text + "' is no number");
    host["NanoCpus"] = static_cast<std::int64_t>(number * 1e9);
  }
  return host;
}

Status Container::Create() {
  const auto texts = [](const std::vector<std::string>& list) {
    Array array;
    for (const std::string& text : list) array.emplace_back(text);
    return array;
  };
  Object labels;
  for (const auto& [name, text] : order_.labels) labels[name] = text;
  ASSIGN_OR_RETURN(Object host, HostConfig());
  Object body{{"Image", order_.image}, {"Cmd", texts(order_.argv)}, {"Env", texts(order_.env)}, {"WorkingDir", order_.directory}};
  body["Labels"] = std::move(labels);
  body["HostConfig"] = std::move(host);
  const Value* entry = order_.options.if_contains("entryPoint");
  body["Entrypoint"] = entry != nullptr && entry->is_array() ? *entry : Value(Array{""});
  if (const std::string user = TextOf(order_.options, "user"); !user.empty()) body["User"] = user;
  ASSIGN_OR_RETURN(const HttpAnswer answer, Call("POST", "/containers/create", context_.cancel(), Value(std::move(body))));
  const auto made = ParseJson(answer.body);
  const Value* id = made ? Member(*made, "Id") : nullptr;
  const std::string text = id == nullptr ? "" : ToText(*id);
  const auto fine = [](unsigned char c) { return std::isalnum(c) != 0; };
  if (text.empty() || !std::all_of(text.begin(), text.end(), fine)) return Fail(Code::kUnavailable, "Docker: no container came");
  id_ = text;
  return {};
}

// With a grace the engine sends SIGTERM and waits; else it kills.
void Container::Stop() {
  const auto grace = ParseDuration(TextOf(order_.options, "killGracePeriod"));
  const auto seconds = grace ? std::chrono::duration_cast<std::chrono::seconds>(*grace).count() : 0;
  auto stopped = seconds > 0 ? Call("POST", "/containers/" + id_ + "/stop?t=" + std::to_string(seconds), fresh_)
                             : Call("POST", "/containers/" + id_ + "/kill", fresh_, std::nullopt, nullptr, true);
  if (!stopped) context_.Log("WARN", "the container " + id_ + " was not stopped: " + stopped.error().message);
}

Result<ProcessExit> Container::Run(const std::function<void(OutputStream, std::string_view)>& output) {
  CancelToken& cancel = context_.cancel();
  ASSIGN_OR_RETURN(const HttpAnswer started, Call("POST", "/containers/" + id_ + "/start", cancel));
  static_cast<void>(started);
  Frames frames(output);
  auto logs = Call("GET", "/containers/" + id_ + "/logs?follow=1&stdout=1&stderr=1", cancel, std::nullopt,
                   [&](std::string_view piece) { return frames.Push(piece); });
  if (cancel.requested()) {
    Stop();
    return ProcessExit{.code = 137, .signal = 9};
  }
  if (!logs) return Fail(std::move(logs.error()));
  auto waited = Call("POST", "/containers/" + id_ + "/wait", cancel);
  if (!waited && cancel.requested()) {
    Stop();
    return ProcessExit{.code = 137, .signal = 9};
  }
  if (!waited) return Fail(std::move(waited.error()));
  const auto answer = ParseJson(waited->body);
  const Value* code = answer ? Member(*answer, "StatusCode") : nullptr;
  if (code == nullptr || !code->is_int64()) return Fail(Code::kUnavailable, "Docker: the container's exit code did not come");
  return ProcessExit{.code = static_cast<int>(code->get_int64())};
}

}  // namespace

std::string LabelText(std::string_view text) {
  std::string label;
  for (const char c : text.substr(0, 63)) label += std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' ? c : '-';
  while (!label.empty() && !std::isalnum(static_cast<unsigned char>(label.back()))) label.pop_back();
  return label;
}

Result<ProcessExit> RunInDocker(TaskContext& context, const DockerOrder& order,
                                const std::function<void(OutputStream, std::string_view)>& output) {
  const auto plain = [](unsigned char c) { return std::isalnum(c) != 0 || std::string_view("-._/:@").find(static_cast<char>(c)) != std::string_view::npos; };
  if (order.image.empty() || !std::all_of(order.image.begin(), order.image.end(), plain))
    return InvalidArgument("containerImage: '" + order.image + "' is no name of an image");
  Container container(context, order);
  RETURN_IF_ERROR(container.Pull());
  RETURN_IF_ERROR(container.Create());
  return container.Run(output);
}

}  // namespace headrace::worker
