// KEDA's external scaler: how many workers a group wants, by what waits for them and what they run.
// KEDA sends no header of ours, so the caller's token may stand in the trigger's metadata instead: this service asks for it.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "api/access.h"
#include "api/services.h"
#include "api/stream.h"
#include "api/unary.h"
#include "externalscaler/externalscaler.grpc.pb.h"

namespace headrace::api {
namespace {

namespace keda = externalscaler;

constexpr char kMetricName[] = "headrace-queue-depth";
constexpr std::chrono::seconds kLookAgain(2);

// What a trigger's metadata asks for.
struct Asked {
  std::string group;  // empty: of tasks that name none
  double target = 1;  // tasks a replica
  bool waiting_only = false;
};

std::string TextOf(const keda::ScaledObjectRef& ref, const std::string& key) {
  const auto found = ref.scalermetadata().find(key);
  return found == ref.scalermetadata().end() ? std::string() : found->second;
}

Result<Asked> ParseAsked(const keda::ScaledObjectRef& ref) {
  Asked asked{.group = TextOf(ref, "group")};
  if (const std::string text = TextOf(ref, "targetDepth"); !text.empty()) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), asked.target);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || !std::isfinite(asked.target) || asked.target <= 0) {
      return InvalidArgument("targetDepth is '" + text + "', it must be a number above 0: the tasks that one replica should have");
    }
  }
  const std::string count = TextOf(ref, "count");
  if (!count.empty() && count != "all" && count != "waiting") {
    return InvalidArgument("count is '" + count + "', it must be all (what waits and what runs) or waiting");
  }
  asked.waiting_only = count == "waiting";
  return asked;
}

Result<std::uint64_t> DepthOf(scheduler::Engine& engine, const Asked& asked) {
  ASSIGN_OR_RETURN(const std::vector<scheduler::QueueView> queues, engine.ListQueues());
  for (const scheduler::QueueView& queue : queues) {
    if (queue.group == asked.group) return queue.waiting + (asked.waiting_only ? 0 : queue.running);
  }
  return std::uint64_t{0};
}

Result<bool> IsActiveNow(scheduler::Engine& engine, const keda::ScaledObjectRef& ref) {
  ASSIGN_OR_RETURN(const Asked asked, ParseAsked(ref));
  ASSIGN_OR_RETURN(const std::uint64_t depth, DepthOf(engine, asked));
  return depth > 0;
}

// Says at once, and then whenever it has changed.
class ActiveStream final : public PulledStream<keda::IsActiveResponse> {
 public:
  ActiveStream(Serving& serving, keda::ScaledObjectRef ref) : PulledStream(serving), ref_(std::move(ref)) {}

 protected:
  Result<Step> Next(keda::IsActiveResponse& out) override {
    ASSIGN_OR_RETURN(const bool active, IsActiveNow(serving_.engine, ref_));
    if (told_ == active) return Step::kWait;
    told_ = active;
    out.set_result(active);
    return Step::kWrite;
  }

 private:
  const keda::ScaledObjectRef ref_;
  std::optional<bool> told_{};
};

// One that ends with an error.
class RefusedStream final : public PulledStream<keda::IsActiveResponse> {
 public:
  RefusedStream(Serving& serving, Error why) : PulledStream(serving), why_(std::move(why)) {}

 protected:
  Result<Step> Next(keda::IsActiveResponse&) override { return Fail(why_); }

 private:
  const Error why_;
};

// Wakes streams every now and then, on a thread that is there while there is something to wake.
class Alarm {
 public:
  ~Alarm() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  void Add(std::weak_ptr<ActiveStream> stream) {
    const std::lock_guard lock(mutex_);
    streams_.push_back(std::move(stream));
    if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, kLookAgain, [this] { return stopping_; })) {
      std::erase_if(streams_, [](const auto& stream) { return stream.expired(); });
      const auto streams = streams_;
      lock.unlock();
      for (const auto& stream : streams) {
        if (const auto open = stream.lock()) open->Wake();
      }
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::weak_ptr<ActiveStream>> streams_;
  bool stopping_ = false;
  std::thread thread_;
};

class ScalerService final : public keda::ExternalScaler::CallbackService {
 public:
  ScalerService(Serving& serving, std::shared_ptr<const http::Authenticator> tokens) : serving_(serving), tokens_(std::move(tokens)) {}

  grpc::ServerUnaryReactor* IsActive(grpc::CallbackServerContext* context, const keda::ScaledObjectRef* ref,
                                     keda::IsActiveResponse* response) override {
    if (const Status may = Check(*context, "IsActive", *ref); !may) return Refuse(serving_, context, response, may.error());
    return AnswerOnPool(serving_, context, response, [&engine = serving_.engine, ref = *ref]() -> Result<keda::IsActiveResponse> {
      keda::IsActiveResponse out;
      ASSIGN_OR_RETURN(const bool active, IsActiveNow(engine, ref));
      out.set_result(active);
      return out;
    });
  }

  grpc::ServerWriteReactor<keda::IsActiveResponse>* StreamIsActive(grpc::CallbackServerContext* context,
                                                                   const keda::ScaledObjectRef* ref) override {
    using Stream = PulledStream<keda::IsActiveResponse>;
    if (const Status may = Check(*context, "StreamIsActive", *ref); !may) {
      return Stream::Open(std::make_shared<RefusedStream>(serving_, may.error()));
    }
    const auto stream = std::make_shared<ActiveStream>(serving_, *ref);
    alarm_.Add(stream);
    return Stream::Open(stream);
  }

  grpc::ServerUnaryReactor* GetMetricSpec(grpc::CallbackServerContext* context, const keda::ScaledObjectRef* ref,
                                          keda::GetMetricSpecResponse* response) override {
    if (const Status may = Check(*context, "GetMetricSpec", *ref); !may) return Refuse(serving_, context, response, may.error());
    return AnswerOnPool(serving_, context, response, [ref = *ref]() -> Result<keda::GetMetricSpecResponse> {
      ASSIGN_OR_RETURN(const Asked asked, ParseAsked(ref));
      keda::GetMetricSpecResponse out;
      keda::MetricSpec& spec = *out.add_metricspecs();
      spec.set_metricname(kMetricName);
      spec.set_targetsizefloat(asked.target);
      // Of versions that know no fractions; 0 would divide by nothing.
      spec.set_targetsize(std::max<std::int64_t>(1, static_cast<std::int64_t>(std::min(asked.target, 1e15))));
      return out;
    });
  }

  grpc::ServerUnaryReactor* GetMetrics(grpc::CallbackServerContext* context, const keda::GetMetricsRequest* request,
                                       keda::GetMetricsResponse* response) override {
    const keda::ScaledObjectRef& ref = request->scaledobjectref();
    if (const Status may = Check(*context, "GetMetrics", ref); !may) return Refuse(serving_, context, response, may.error());
    return AnswerOnPool(serving_, context, response, [&engine = serving_.engine, ref]() -> Result<keda::GetMetricsResponse> {
      ASSIGN_OR_RETURN(const Asked asked, ParseAsked(ref));
      ASSIGN_OR_RETURN(const std::uint64_t depth, DepthOf(engine, asked));
      keda::GetMetricsResponse out;
      keda::MetricValue& value = *out.add_metricvalues();
      value.set_metricname(kMetricName);
      value.set_metricvaluefloat(static_cast<double>(depth));
      value.set_metricvalue(static_cast<std::int64_t>(depth));
      return out;
    });
  }

 private:
  // The header counts where there is one.
  Status Check(const grpc::CallbackServerContext& context, const std::string& method, const keda::ScaledObjectRef& ref) const {
    if (tokens_ == nullptr) return {};
    const auto& metadata = context.client_metadata();
    const auto header = metadata.find("authorization");
    std::string authorization;
    if (header != metadata.end()) authorization.assign(header->second.data(), header->second.size());
    else if (const std::string token = TextOf(ref, "tokenFromEnv"); !token.empty()) authorization = "Bearer " + token;
    return MayCall(*tokens_, "/externalscaler.ExternalScaler/" + method, authorization);
  }

  Serving& serving_;
  const std::shared_ptr<const http::Authenticator> tokens_;
  Alarm alarm_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeScalerService(Serving& serving, std::shared_ptr<const http::Authenticator> tokens) {
  return std::make_unique<ScalerService>(serving, std::move(tokens));
}

}  // namespace headrace::api
