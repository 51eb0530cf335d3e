#include "common/queue/zmq_context.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "common/queue/queue.h"
#include "common/queue/zmq_gatekeeper.h"

namespace headrace::queue {
namespace {

using std::chrono::milliseconds;

// What CURVE puts around a frame, and some.
constexpr std::int64_t kEnvelopeBytes = 64;
constexpr milliseconds kHandshake{5'000};
constexpr milliseconds kReconnect{100};
constexpr milliseconds kReconnectMax{5'000};
constexpr milliseconds kConnect{3'000};
// Keeps "for ever" within what poll can say; whoever waits longer asks again.
constexpr milliseconds kWaitMax{3'600'000};

Status Set(void* socket, int option, int value) {
  if (zmq_setsockopt(socket, option, &value, sizeof(value)) == 0) return {};
  return Fail(Code::kInternal, "ZeroMQ option " + std::to_string(option) + ": " + ZmqErrorText());
}

int Millis(Duration duration) { return static_cast<int>(std::chrono::duration_cast<milliseconds>(duration).count()); }

Status SetAll(void* socket, const ZmqOptions& options) {
  RETURN_IF_ERROR(Set(socket, ZMQ_LINGER, 0));
  RETURN_IF_ERROR(Set(socket, ZMQ_SNDHWM, options.frames_waiting_max));
  RETURN_IF_ERROR(Set(socket, ZMQ_RCVHWM, options.frames_waiting_max));
  RETURN_IF_ERROR(Set(socket, ZMQ_IMMEDIATE, 1));
  RETURN_IF_ERROR(Set(socket, ZMQ_HEARTBEAT_IVL, Millis(options.heartbeat)));
  RETURN_IF_ERROR(Set(socket, ZMQ_HEARTBEAT_TIMEOUT, 3 * Millis(options.heartbeat)));
  RETURN_IF_ERROR(Set(socket, ZMQ_HEARTBEAT_TTL, 4 * Millis(options.heartbeat)));
  RETURN_IF_ERROR(Set(socket, ZMQ_HANDSHAKE_IVL, Millis(kHandshake)));
  RETURN_IF_ERROR(Set(socket, ZMQ_RECONNECT_IVL, Millis(kReconnect)));
  RETURN_IF_ERROR(Set(socket, ZMQ_RECONNECT_IVL_MAX, Millis(kReconnectMax)));
  RETURN_IF_ERROR(Set(socket, ZMQ_CONNECT_TIMEOUT, Millis(kConnect)));
  RETURN_IF_ERROR(Set(socket, ZMQ_TCP_KEEPALIVE, 1));
  const std::int64_t most = kFrameBytesMax + (options.server_keys || options.client_keys ? kEnvelopeBytes : 0);
  if (zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof(most)) == 0) return {};
  return Fail(Code::kInternal, "ZeroMQ option MAXMSGSIZE: " + ZmqErrorText());
}

Status SetText(void* socket, int option, const std::string& value) {
  if (zmq_setsockopt(socket, option, value.c_str(), value.size()) == 0) return {};
  return Fail(Code::kInternal, "ZeroMQ option " + std::to_string(option) + ": " + ZmqErrorText());
}

Status SetKeys(void* socket, int type, const ZmqOptions& options) {
  if (type == ZMQ_ROUTER && options.server_keys) {
    RETURN_IF_ERROR(SetText(socket, ZMQ_ZAP_DOMAIN, kZapDomain));
    RETURN_IF_ERROR(Set(socket, ZMQ_CURVE_SERVER, 1));
    return SetText(socket, ZMQ_CURVE_SECRETKEY, options.server_keys->own.secret_key);
  }
  if (type != ZMQ_DEALER || !options.client_keys) return {};
  RETURN_IF_ERROR(SetText(socket, ZMQ_CURVE_SERVERKEY, options.client_keys->server));
  RETURN_IF_ERROR(SetText(socket, ZMQ_CURVE_PUBLICKEY, options.client_keys->own.public_key));
  return SetText(socket, ZMQ_CURVE_SECRETKEY, options.client_keys->own.secret_key);
}

}  // namespace

std::string ZmqErrorText() { return zmq_strerror(zmq_errno()); }

Result<ContextPtr> MakeContext() {
  ContextPtr context(zmq_ctx_new());
  if (!context) return Fail(Code::kResourceExhausted, "no ZeroMQ context: " + ZmqErrorText());
  return context;
}

Result<SocketPtr> MakeSocket(void* context, int type, const std::string& endpoint, const ZmqOptions& options) {
  SocketPtr socket(zmq_socket(context, type));
  if (!socket) return Fail(Code::kResourceExhausted, "no ZeroMQ socket: " + ZmqErrorText());
  RETURN_IF_ERROR(SetAll(socket.get(), options));
  RETURN_IF_ERROR(SetKeys(socket.get(), type, options));
  // Only then, as it would also turn 127.0.0.1 into an IPv6 spelling of it.
  if (endpoint.find('[') != std::string::npos) RETURN_IF_ERROR(Set(socket.get(), ZMQ_IPV6, 1));
  // Without it a frame for a peer that is gone would vanish without a word.
  if (type == ZMQ_ROUTER) RETURN_IF_ERROR(Set(socket.get(), ZMQ_ROUTER_MANDATORY, 1));
  return socket;
}

Result<WakeSignal> WakeSignal::Make() {
  const int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (descriptor < 0) return Fail(Code::kResourceExhausted, std::string("no event descriptor: ") + std::strerror(errno));
  return WakeSignal(descriptor);
}

WakeSignal::~WakeSignal() {
  if (descriptor_ >= 0) close(descriptor_);
}

void WakeSignal::Raise() {
  if (!raised_.exchange(true)) eventfd_write(descriptor_, 1);
}

void WakeSignal::Wait(void* socket, void* monitor, Duration timeout) {
  zmq_pollitem_t items[] = {
      {socket, 0, ZMQ_POLLIN, 0}, {nullptr, descriptor_, ZMQ_POLLIN, 0}, {monitor, 0, ZMQ_POLLIN, 0}};
  // Rounded up: a wait of half a millisecond must not become a busy loop.
  const auto millis = std::min(std::chrono::ceil<milliseconds>(timeout), kWaitMax);
  zmq_poll(items, monitor != nullptr ? 3 : 2, millis.count());
  if ((items[1].revents & ZMQ_POLLIN) != 0) Take();
}

void WakeSignal::Take() {
  // In this order, so that a signal raised in between is seen by the owner that returns now.
  if (!raised_.exchange(false)) return;
  eventfd_t ignored = 0;
  eventfd_read(descriptor_, &ignored);
}

}  // namespace headrace::queue
