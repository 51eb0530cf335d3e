#include "common/queue/zmq_gatekeeper.h"

#include <spdlog/spdlog.h>

#include <array>
#include <vector>

namespace headrace::queue {
namespace {

constexpr std::chrono::hours kAsLongAsItTakes(1);
constexpr std::chrono::seconds kReportEvery(5);
constexpr std::size_t kKeyBytes = 32;

// Every part of one request; empty when there is none.
std::vector<std::string> TakeRequest(void* socket) {
  std::vector<std::string> parts;
  for (bool more = true; more;) {
    zmq_msg_t message;
    zmq_msg_init(&message);
    if (zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) < 0) return {};
    parts.emplace_back(static_cast<const char*>(zmq_msg_data(&message)), zmq_msg_size(&message));
    more = zmq_msg_more(&message) != 0;
    zmq_msg_close(&message);
  }
  return parts;
}

std::string TextOfKey(const std::string& bytes) {
  std::array<char, 41> text{};
  return zmq_z85_encode(text.data(), reinterpret_cast<const std::uint8_t*>(bytes.data()), kKeyBytes) == nullptr ? "" : text.data();
}

}  // namespace

Result<std::unique_ptr<Gatekeeper>> Gatekeeper::Start(void* context, std::shared_ptr<AuthorizedKeys> keys) {
  SocketPtr socket(zmq_socket(context, ZMQ_REP));
  const int linger = 0;
  if (!socket || zmq_setsockopt(socket.get(), ZMQ_LINGER, &linger, sizeof(linger)) != 0 || zmq_bind(socket.get(), "inproc://zeromq.zap.01") != 0) {
    return Fail(Code::kInternal, "who asks for admission to the queue cannot be answered: " + ZmqErrorText());
  }
  ASSIGN_OR_RETURN(WakeSignal wake, WakeSignal::Make());
  std::unique_ptr<Gatekeeper> keeper(new Gatekeeper(std::move(socket), std::move(wake), std::move(keys)));
  keeper->thread_ = std::thread([self = keeper.get()] { self->Serve(); });
  return keeper;
}

Gatekeeper::~Gatekeeper() {
  ends_.store(true);
  wake_.Raise();
  if (thread_.joinable()) thread_.join();
}

void Gatekeeper::Serve() {
  while (!ends_.load()) {
    wake_.Wait(socket_.get(), nullptr, kAsLongAsItTakes);
    Answer();
  }
}

// version, request id, domain, address, identity, mechanism, credentials.
void Gatekeeper::Answer() {
  for (std::vector<std::string> request = TakeRequest(socket_.get()); !request.empty(); request = TakeRequest(socket_.get())) {
    const bool whole = request.size() == 7 && request[0] == "1.0" && request[2] == kZapDomain && request[5] == "CURVE" && request[6].size() == kKeyBytes;
    const std::string key = whole ? TextOfKey(request[6]) : "";
    const bool known = whole && keys_->NameOf(key).has_value();
    if (!known) Report(request.size() > 3 ? request[3] : "", key);
    const std::array<std::string, 6> answer = {"1.0", request.size() > 1 ? request[1] : "", known ? "200" : "400",
                                               known ? "welcome" : "the key is not authorized", known ? key : "", ""};
    for (std::size_t i = 0; i < answer.size(); ++i) {
      zmq_send(socket_.get(), answer[i].data(), answer[i].size(), i + 1 < answer.size() ? ZMQ_SNDMORE : 0);
    }
  }
}

// They try again and again: one line says enough.
void Gatekeeper::Report(const std::string& address, const std::string& key) {
  const auto now = std::chrono::steady_clock::now();
  if (reported_.time_since_epoch().count() != 0 && now - reported_ < kReportEvery) return;
  reported_ = now;
  spdlog::warn("a worker at {} is refused: its key {} is not among the authorized ones", address, key.empty() ? "(none)" : key);
}

}  // namespace headrace::queue
