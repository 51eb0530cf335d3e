#include <charconv>
#include <cerrno>
#include <cstring>
#include <unordered_map>

#include "common/queue/frame_size.h"
#include "common/queue/zmq_context.h"
#include "common/queue/zmq_gatekeeper.h"
#include "common/queue/zmq_queue.h"

namespace headrace::queue {
namespace {

// A routing id is five bytes that ZeroMQ made: a zero and a number. A peer's name is the number in hex.
constexpr std::size_t kRoutingIdBytes = 5;
constexpr std::size_t kPeersMax = 65'536;

// A peer may also name itself, and could then take the name of another: it is not heard.
bool IsOurs(std::string_view routing_id) { return routing_id.size() == kRoutingIdBytes && routing_id[0] == '\0'; }

std::string PeerName(std::string_view routing_id) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string name;
  for (const char c : routing_id.substr(1)) {
    name += kHex[static_cast<unsigned char>(c) >> 4];
    name += kHex[static_cast<unsigned char>(c) & 15];
  }
  return name;
}

std::string RoutingId(std::string_view peer) {
  std::string id(1, '\0');
  for (std::size_t at = 0; at + 1 < peer.size(); at += 2) {
    unsigned byte = 0;
    std::from_chars(peer.data() + at, peer.data() + at + 2, byte, 16);
    id += static_cast<char>(byte);
  }
  return id;
}

// One part of a message, received without waiting.
class Part {
 public:
  Part() { zmq_msg_init(&message_); }
  ~Part() { zmq_msg_close(&message_); }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  bool Receive(void* socket) { return zmq_msg_recv(&message_, socket, ZMQ_DONTWAIT) >= 0; }
  bool more() { return zmq_msg_more(&message_) != 0; }
  std::string Property(const char* name) {
    const char* value = zmq_msg_gets(&message_, name);
    return value == nullptr ? "" : value;
  }
  std::string_view bytes() {
    return {static_cast<const char*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)};
  }

 private:
  zmq_msg_t message_{};
};

class ZmqServer final : public ServerQueue {
 public:
  ZmqServer(ContextPtr context, std::unique_ptr<Gatekeeper> keeper, SocketPtr socket, WakeSignal wake, std::string endpoint,
            std::shared_ptr<AuthorizedKeys> keys)
      : context_(std::move(context)), keeper_(std::move(keeper)), socket_(std::move(socket)), wake_(std::move(wake)),
        endpoint_(std::move(endpoint)), keys_(std::move(keys)) {}

  Status Send(const std::string& peer, std::string bytes) override {
    RETURN_IF_ERROR(CheckFrameSize(bytes.size()));
    if (const auto known = key_of_.find(peer); known != key_of_.end() && !keys_->NameOf(known->second)) {
      return Fail(Code::kUnavailable, "peer " + peer + " is gone: its key is not authorized any more");
    }
    const std::string id = RoutingId(peer);
    if (zmq_send(socket_.get(), id.data(), id.size(), ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0 ||
        zmq_send(socket_.get(), bytes.data(), bytes.size(), ZMQ_DONTWAIT) < 0) {
      if (zmq_errno() == EAGAIN) return Fail(Code::kResourceExhausted, "peer " + peer + " does not keep up");
      return Fail(Code::kUnavailable, "peer " + peer + " is gone: " + ZmqErrorText());
    }
    return {};
  }

  void Receive(std::vector<Frame>& out, std::size_t most, Duration timeout) override {
    const std::size_t before = out.size();
    Drain(out, most);
    if (out.size() > before || timeout <= Duration::zero()) return;
    wake_.Wait(socket_.get(), nullptr, timeout);
    Drain(out, most);
  }

  void Wake() override { wake_.Raise(); }
  std::string endpoint() const override { return endpoint_; }
  std::uint64_t parts_dropped() const override { return parts_dropped_; }

 private:
  void Drain(std::vector<Frame>& out, std::size_t most) {
    for (; most > 0; --most) {
      Part id;
      if (!id.Receive(socket_.get())) return;
      Part body;
      if (!id.more() || !body.Receive(socket_.get())) continue;
      if (IsOurs(id.bytes()) && IsWelcome(id.bytes(), body)) out.push_back({PeerName(id.bytes()), std::string(body.bytes())});
      for (bool more = body.more(); more;) {
        Part beyond;
        if (!beyond.Receive(socket_.get())) break;
        more = beyond.more();
        ++parts_dropped_;
      }
    }
  }

  // ZeroMQ asks for a key once a connection; whether it is still authorized is asked with every frame.
  bool IsWelcome(std::string_view routing_id, Part& body) {
    if (!keys_) return true;
    if (body.bytes().size() > kFrameBytesMax) return false;
    const std::string key = body.Property("User-Id");
    if (!keys_->NameOf(key)) return false;
    if (key_of_.size() >= kPeersMax) key_of_.clear();  // they come back with their next frame
    key_of_[PeerName(routing_id)] = key;
    return true;
  }

  // In this order: sockets close before the context ends, and the gatekeeper after the socket that asks it.
  const ContextPtr context_;
  const std::unique_ptr<Gatekeeper> keeper_;
  const SocketPtr socket_;
  WakeSignal wake_;
  const std::string endpoint_;
  const std::shared_ptr<AuthorizedKeys> keys_;  // null: everybody is let in
  std::unordered_map<std::string, std::string> key_of_;
  std::uint64_t parts_dropped_ = 0;
};

tl::unexpected<Error> BindError(const std::string& endpoint) {
  const int error = zmq_errno();
  if (error == EADDRINUSE) {
    return Fail(Code::kAlreadyExists, "queue address " + endpoint +
                                          " is in use: stop the program that listens there (ss -ltnp shows it), or choose "
                                          "another port; port 0 picks a free one");
  }
  return Fail(Code::kUnavailable, "queue address " + endpoint + " cannot be bound: " + zmq_strerror(error));
}

}  // namespace

Result<std::unique_ptr<ServerQueue>> BindZmq(const std::string& endpoint, const ZmqOptions& options) {
  ASSIGN_OR_RETURN(std::string checked, CheckEndpoint(endpoint, options.server_keys.has_value()));
  if (checked.ends_with(":0")) checked.replace(checked.size() - 1, 1, "*");
  ASSIGN_OR_RETURN(ContextPtr context, MakeContext());
  const std::shared_ptr<AuthorizedKeys> keys = options.server_keys ? options.server_keys->workers : nullptr;
  std::unique_ptr<Gatekeeper> keeper;
  if (keys) {
    ASSIGN_OR_RETURN(keeper, Gatekeeper::Start(context.get(), keys));
  }
  ASSIGN_OR_RETURN(SocketPtr socket, MakeSocket(context.get(), ZMQ_ROUTER, checked, options));
  ASSIGN_OR_RETURN(WakeSignal wake, WakeSignal::Make());
  if (zmq_bind(socket.get(), checked.c_str()) != 0) return BindError(endpoint);
  char bound[256] = {};
  std::size_t size = sizeof(bound);
  if (zmq_getsockopt(socket.get(), ZMQ_LAST_ENDPOINT, bound, &size) != 0) return BindError(endpoint);
  return std::make_unique<ZmqServer>(std::move(context), std::move(keeper), std::move(socket), std::move(wake), std::string(bound), keys);
}

Result<std::unique_ptr<ServerQueue>> BindZmq(const std::string& endpoint) { return BindZmq(endpoint, {}); }

}  // namespace headrace::queue
