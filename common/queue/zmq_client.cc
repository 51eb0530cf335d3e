#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>

#include "common/queue/frame_size.h"
#include "common/queue/zmq_context.h"
#include "common/queue/zmq_queue.h"

namespace headrace::queue {
namespace {

constexpr const char* kMonitor = "inproc://connection";
constexpr std::chrono::seconds kReportEvery(30);
constexpr std::chrono::seconds kAgainAfter(2);

int SocketFd(void* socket) {
  int fd = -1;
  std::size_t size = sizeof(fd);
  zmq_getsockopt(socket, ZMQ_FD, &fd, &size);
  return fd;
}

class ZmqClient final : public ClientQueue {
 public:
  ZmqClient(ContextPtr context, SocketPtr monitor, SocketPtr socket, WakeSignal wake, std::string endpoint, std::string address,
            std::string public_key)
      : context_(std::move(context)),
        monitor_(std::move(monitor)),
        socket_(std::move(socket)),
        wake_(std::move(wake)),
        endpoint_(std::move(endpoint)),
        address_(std::move(address)),
        public_key_(std::move(public_key)) {}

  Status Send(std::string bytes) override {
    RETURN_IF_ERROR(CheckFrameSize(bytes.size()));
    if (zmq_send(socket_.get(), bytes.data(), bytes.size(), ZMQ_DONTWAIT) >= 0) return {};
    if (zmq_errno() == EAGAIN && IsConnected()) return Fail(Code::kResourceExhausted, endpoint_ + " does not keep up");
    return Fail(Code::kUnavailable, "there is no connection to " + endpoint_);
  }

  void Receive(std::vector<std::string>& out, std::size_t most, Duration timeout) override {
    const std::size_t before = out.size();
    if (timeout <= Duration::zero()) wake_.Take();
    Drain(out, most);
    if (out.size() > before || changes_ != told_ || timeout <= Duration::zero()) return void(told_ = changes_);
    const auto left = again_at_ ? std::chrono::ceil<std::chrono::milliseconds>(*again_at_ - std::chrono::steady_clock::now()) : timeout;
    wake_.Wait(socket_.get(), monitor_.get(), std::clamp<Duration>(left, Duration::zero(), timeout));
    Drain(out, most);
    told_ = changes_;
  }

  void Wake() override { wake_.Raise(); }

  std::vector<int> PollFds() override { return {wake_.descriptor(), SocketFd(socket_.get()), SocketFd(monitor_.get())}; }

  bool connected() const override { return connected_; }
  std::uint64_t changes() const override { return changes_; }

 private:
  void Drain(std::vector<std::string>& out, std::size_t most) {
    IsConnected();
    if (again_at_ && *again_at_ <= std::chrono::steady_clock::now()) ConnectAgain();
    for (; most > 0; --most) {
      zmq_msg_t message;
      zmq_msg_init(&message);
      if (zmq_msg_recv(&message, socket_.get(), ZMQ_DONTWAIT) < 0) return;
      // The server sends one part; what is beyond it has no meaning.
      if (!inside_message_) out.emplace_back(static_cast<const char*>(zmq_msg_data(&message)), zmq_msg_size(&message));
      inside_message_ = zmq_msg_more(&message) != 0;
      zmq_msg_close(&message);
    }
  }

  // ZeroMQ says EAGAIN alike for no connection and for one that is full; the monitor's events tell which.
  bool IsConnected() {
    zmq_msg_t message;
    zmq_msg_init(&message);
    while (zmq_msg_recv(&message, monitor_.get(), ZMQ_DONTWAIT) >= 0) {
      // An event is a part with its number in front, then a part with the address.
      std::uint16_t event = 0;
      if (zmq_msg_more(&message) != 0 && zmq_msg_size(&message) >= sizeof(event)) {
        std::memcpy(&event, zmq_msg_data(&message), sizeof(event));
        const bool connected = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
        if (connected != connected_) ++changes_;
        connected_ = connected;
        Report(event);
        // ZeroMQ itself gives up for good then.
        if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH || event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) {
          again_at_ = std::chrono::steady_clock::now() + kAgainAfter;
        }
      }
    }
    zmq_msg_close(&message);
    return connected_;
  }

  void ConnectAgain() {
    again_at_.reset();
    zmq_disconnect(socket_.get(), address_.c_str());  // what is left of the last try
    if (zmq_connect(socket_.get(), address_.c_str()) != 0) again_at_ = std::chrono::steady_clock::now() + kAgainAfter;
  }

  // ZeroMQ itself says no word.
  void Report(std::uint16_t event) {
    std::string why;
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
      why = "does not know this worker's key " + public_key_ + ": add the line \"" + public_key_ + " NAME\" to its --queue-authorized file";
    } else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) {
      why = public_key_.empty() ? "speaks another protocol, or wants a key: name one with --key and --scheduler-key"
                                : "speaks another protocol, or takes no keys: leave out --key, or start it with --queue-key";
    } else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) {
      why = public_key_.empty() ? "broke off the greeting: it may want a key (--key and --scheduler-key)"
                                : "broke off the greeting: its key may be another than --scheduler-key says";
    }
    if (why.empty()) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - reported_ < kReportEvery) return;
    reported_ = now;
    spdlog::error("the scheduler at {} {}", endpoint_, why);
  }

  // The sockets close before their context ends.
  const ContextPtr context_;
  const SocketPtr monitor_;
  const SocketPtr socket_;
  WakeSignal wake_;
  const std::string endpoint_;
  const std::string address_;     // as ZeroMQ has it
  const std::string public_key_;  // empty: without keys
  std::optional<std::chrono::steady_clock::time_point> again_at_{};
  std::chrono::steady_clock::time_point reported_ = std::chrono::steady_clock::now() - kReportEvery;
  bool inside_message_ = false;
  bool connected_ = false;
  std::uint64_t changes_ = 0;
  std::uint64_t told_ = 0;  // of them, when Receive came back last
};

Result<SocketPtr> Watch(void* context, void* socket) {
  constexpr int kEvents = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                          ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
  if (zmq_socket_monitor(socket, kMonitor, kEvents) != 0) return Fail(Code::kInternal, "ZeroMQ monitor: " + ZmqErrorText());
  SocketPtr monitor(zmq_socket(context, ZMQ_PAIR));
  if (!monitor) return Fail(Code::kResourceExhausted, "no ZeroMQ socket: " + ZmqErrorText());
  const int linger = 0;
  zmq_setsockopt(monitor.get(), ZMQ_LINGER, &linger, sizeof(linger));
  if (zmq_connect(monitor.get(), kMonitor) != 0) return Fail(Code::kInternal, "ZeroMQ monitor: " + ZmqErrorText());
  return monitor;
}

}  // namespace

Result<std::unique_ptr<ClientQueue>> ConnectZmq(const std::string& endpoint, const ZmqOptions& options) {
  ASSIGN_OR_RETURN(const std::string checked, CheckEndpoint(endpoint, options.client_keys.has_value()));
  if (checked.ends_with(":0") || checked.ends_with(":*")) {
    return InvalidArgument("queue address \"" + endpoint + "\": a port to connect to is expected, such as 5555");
  }
  ASSIGN_OR_RETURN(ContextPtr context, MakeContext());
  ASSIGN_OR_RETURN(SocketPtr socket, MakeSocket(context.get(), ZMQ_DEALER, checked, options));
  ASSIGN_OR_RETURN(SocketPtr monitor, Watch(context.get(), socket.get()));
  ASSIGN_OR_RETURN(WakeSignal wake, WakeSignal::Make());
  if (zmq_connect(socket.get(), checked.c_str()) != 0) {
    return InvalidArgument("queue address \"" + endpoint + "\" cannot be connected to: " + ZmqErrorText());
  }
  return std::make_unique<ZmqClient>(std::move(context), std::move(monitor), std::move(socket), std::move(wake), endpoint, checked,
                                     options.client_keys ? options.client_keys->own.public_key : std::string());
}

Result<std::unique_ptr<ClientQueue>> ConnectZmq(const std::string& endpoint) { return ConnectZmq(endpoint, {}); }

}  // namespace headrace::queue
