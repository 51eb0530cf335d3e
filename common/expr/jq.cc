#include "common/expr/jq.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

extern "C" {
#include <jq.h>
#include <jv.h>
}

namespace headrace::expr {
namespace {

struct JqDeleter {
  void operator()(jq_state* state) const {
    jq_state* owned = state;
    jq_teardown(&owned);
  }
};

using JqPtr = std::unique_ptr<jq_state, JqDeleter>;

void CollectMessage(void* messages, jv message) {
  const jv text = jq_format_error(message);
  auto& out = *static_cast<std::string*>(messages);
  if (out.empty() && jv_get_kind(text) == JV_KIND_STRING) out = jv_string_value(text);
  jv_free(text);
}

jv TextOf(std::string_view text) { return jv_string_sized(text.data(), static_cast<int>(text.size())); }

jv ToJv(const Value& value) {
  switch (value.kind()) {
    case json::kind::null: return jv_null();
    case json::kind::bool_: return jv_bool(value.get_bool() ? 1 : 0);
    case json::kind::int64: return jv_number(static_cast<double>(value.get_int64()));
    case json::kind::uint64: return jv_number(static_cast<double>(value.get_uint64()));
    case json::kind::double_: return jv_number(value.get_double());
    case json::kind::string: return TextOf(value.get_string());
    case json::kind::array: {
      jv list = jv_array();
      for (const Value& item : value.get_array()) list = jv_array_append(list, ToJv(item));
      return list;
    }
    case json::kind::object: break;
  }
  jv map = jv_object();
  for (const auto& [key, item] : value.get_object()) map = jv_object_set(map, TextOf(key), ToJv(item));
  return map;
}

struct Outcome {
  Array results;
  std::string failure;
  bool too_large = false;
};

constexpr int kDepthMax = 256;

// Takes ownership of `value`. jq knows doubles only: whole ones become integers again. `nodes_left` and the depth
// bound what is copied; past them `fits` turns false.
class Reader {
 public:
  explicit Reader(std::size_t nodes) : nodes_left_(nodes) {}
  bool fits() const { return fits_; }

  Value Read(jv value, int depth = 0) {
    Value out;
    if (depth > kDepthMax || nodes_left_ == 0) fits_ = false;
    if (fits_) {
      --nodes_left_;
      out = ReadKind(value, depth);
    }
    jv_free(value);
    return out;
  }

 private:
  static Value ReadNumber(double number) {
    const bool whole = number == std::floor(number) && std::abs(number) < 9.007199254740992e15;
    return whole ? Value(static_cast<std::int64_t>(number)) : Value(number);
  }

  Value ReadKind(const jv& value, int depth) {
    switch (jv_get_kind(value)) {
      case JV_KIND_TRUE: return true;
      case JV_KIND_FALSE: return false;
      case JV_KIND_NUMBER: return ReadNumber(jv_number_value(value));
      case JV_KIND_STRING: {
        const auto size = static_cast<std::size_t>(jv_string_length_bytes(jv_copy(value)));
        return Value(std::string_view(jv_string_value(value), size));
      }
      case JV_KIND_ARRAY: return ReadList(value, depth);
      case JV_KIND_OBJECT: return ReadMap(value, depth);
      default: return nullptr;
    }
  }

  Value ReadList(const jv& value, int depth) {
    Array list;
    const int length = jv_array_length(jv_copy(value));
    for (int i = 0; i < length && fits_; ++i) list.push_back(Read(jv_array_get(jv_copy(value), i), depth + 1));
    return list;
  }

  Value ReadMap(const jv& value, int depth) {
    Object map;
    for (int at = jv_object_iter(value); fits_ && jv_object_iter_valid(value, at) != 0;
         at = jv_object_iter_next(value, at)) {
      const Value key = Read(jv_object_iter_key(value, at), depth + 1);
      if (key.is_string()) map[key.get_string()] = Read(jv_object_iter_value(value, at), depth + 1);
    }
    return map;
  }

  std::size_t nodes_left_;
  bool fits_ = true;
};

// What error() was called with; empty if the program came to its end.
std::string TakeMessage(jv invalid) {
  jv message = jv_invalid_get_msg(invalid);
  const jv_kind kind = jv_get_kind(message);
  if (kind != JV_KIND_STRING && kind != JV_KIND_NULL) message = jv_dump_string(message, 0);
  std::string text = kind == JV_KIND_NULL ? "" : jv_string_value(message);
  jv_free(message);
  return text;
}

// jq would hand out the process's environment, where secrets may stand, and read files named by import.
std::string Fenced(const std::string& program) { return "def env: {}; {} as $ENV | (" + program + "\n)"; }

// Compiled programs that no call uses now: compiling jq's own library takes longer than most programs run.
class IdlePrograms {
 public:
  JqPtr Take(const std::string& program) {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(idle_.begin(), idle_.end(), [&](const auto& entry) { return entry.first == program; });
    if (found == idle_.end()) return nullptr;
    JqPtr state = std::move(found->second);
    idle_.erase(found);
    return state;
  }
  void Give(const std::string& program, JqPtr state) {
    const std::lock_guard lock(mutex_);
    idle_.emplace_back(program, std::move(state));
    if (idle_.size() > kIdleMax) idle_.pop_front();
  }

 private:
  static constexpr std::size_t kIdleMax = 32;
  std::mutex mutex_;
  std::deque<std::pair<std::string, JqPtr>> idle_;
};

IdlePrograms& Idle() {
  static IdlePrograms programs;
  return programs;
}

// One run on a thread of its own. jq frees nested values by recursion and knows no budget, so a program such as
// `reduce range(1e6) as $i (0; [.])` or `last(repeat(1))` would overflow a normal stack or never end: the stack here is
// large (the pages are only used when needed) and the caller stops the program at a deadline.
class Run {
 public:
  Run(std::string program, const Value& input, std::size_t nodes_max, std::chrono::nanoseconds time_left)
      : program_(std::move(program)), input_(input), nodes_max_(nodes_max), time_left_(time_left) {}

  Result<Array> Start() {
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, kStackBytes);
    const int failure = pthread_create(&thread, &attributes, &Run::Main, this);
    pthread_attr_destroy(&attributes);
    if (failure != 0) return Fail(Code::kResourceExhausted, "no thread for jq");
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return ended_ || state_ != nullptr; });
      if (!changed_.wait_for(lock, time_left_, [&] { return ended_; })) {
        stopped_ = true;
        if (jq_halted(state_.get()) == 0) jq_halt(state_.get(), jv_invalid(), jv_invalid());
      }
    }
    pthread_join(thread, nullptr);
    return Conclude();
  }

 private:
  static constexpr std::size_t kStackBytes = 512U << 20U;

  static void* Main(void* self) {
    static_cast<Run*>(self)->Work();
    return nullptr;
  }

  void Work() {
    JqPtr state = Idle().Take(program_);
    if (state == nullptr) state = Compile();
    if (state != nullptr) {
      jq_set_error_cb(state.get(), CollectMessage, &messages_);
      jq_start(state.get(), ToJv(input_), 0);  // also clears an earlier halt, hence before the caller may halt it
      Publish(&state);
      Collect();
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
    // A state that stopped half-way still holds values: they are freed here, on the large stack.
    if (state_ != nullptr && !stopped_ && outcome_.failure.empty() && !outcome_.too_large) {
      Idle().Give(program_, std::move(state_));
    }
    state_ = nullptr;
    changed_.notify_one();
  }

  JqPtr Compile() {
    JqPtr state(jq_init());
    if (state == nullptr) {
      outcome_.failure = "jq could not start";
      return nullptr;
    }
    jq_set_error_cb(state.get(), CollectMessage, &messages_);
    if (jq_compile(state.get(), Fenced(program_).c_str()) != 0) return state;
    outcome_.failure = "does not compile: " + messages_;
    return nullptr;
  }

  // From here on the caller may halt it.
  void Publish(JqPtr* state) {
    const std::lock_guard lock(mutex_);
    state_ = std::move(*state);
    changed_.notify_one();
  }

  void Collect() {
    Reader reader(nodes_max_);
    jv result = jq_next(state_.get());
    for (; jv_is_valid(result) != 0; result = jq_next(state_.get())) {
      outcome_.results.push_back(reader.Read(result));
      if (reader.fits()) continue;
      outcome_.too_large = true;
      return;
    }
    if (const std::string message = TakeMessage(result); !message.empty()) outcome_.failure = "failed: " + message;
  }

  Result<Array> Conclude() {
    const std::string name = "the jq expression '" + program_ + "'";
    if (stopped_) return Fail(Code::kResourceExhausted, name + " takes too long");
    if (outcome_.too_large) return Fail(Code::kResourceExhausted, name + " makes too much");
    if (!outcome_.failure.empty()) return InvalidArgument(name + " " + outcome_.failure);
    return std::move(outcome_.results);
  }

  std::string program_;
  const Value& input_;
  std::size_t nodes_max_;
  std::chrono::nanoseconds time_left_;
  std::string messages_;
  Outcome outcome_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;    // under mutex_
  bool stopped_ = false;  // under mutex_
  JqPtr state_;           // set and cleared under mutex_
};

}  // namespace

Result<Array> RunJq(std::string_view program, const Value& input, std::size_t nodes_max,
                    std::chrono::nanoseconds& time_left) {
  if (program.find('\0') != std::string_view::npos) return InvalidArgument("the jq expression holds a zero byte");
  const auto begin = std::chrono::steady_clock::now();
  Result<Array> results = Run(std::string(program), input, nodes_max, time_left).Start();
  time_left = std::max(time_left - (std::chrono::steady_clock::now() - begin), std::chrono::nanoseconds(0));
  return results;
}

}  // namespace headrace::expr
