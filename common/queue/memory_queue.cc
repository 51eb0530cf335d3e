#include "common/queue/memory_queue.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <unordered_map>

#include "common/queue/frame_size.h"

namespace headrace::queue {
namespace {

// Frames that wait at one end before its sender is told that it is too slow.
constexpr std::size_t kWaitingMax = 65'536;
// Keeps "for ever" out of the reach of overflow; whoever waits longer asks again.
constexpr Duration kWaitMax = std::chrono::hours(1);

// What waits for one owner. Guarded by the exchange's mutex.
template <typename Item>
struct Inbox {
  std::deque<Item> items;
  bool woken = false;
  std::condition_variable ready;
  int signal = -1;  // once its owner waits on several

  ~Inbox() {
    if (signal >= 0) close(signal);
  }

  void Notify() {
    ready.notify_one();
    if (signal >= 0) eventfd_write(signal, 1);
  }

  void Take(std::unique_lock<std::mutex>& lock, std::vector<Item>& out, std::size_t most, Duration timeout) {
    if (items.empty() && !woken && timeout > Duration::zero()) {
      ready.wait_for(lock, std::min(timeout, kWaitMax), [&] { return woken || !items.empty(); });
    }
    woken = false;
    for (; most > 0 && !items.empty(); --most) {
      out.push_back(std::move(items.front()));
      items.pop_front();
    }
    eventfd_t ignored = 0;
    if (signal >= 0 && items.empty()) eventfd_read(signal, &ignored);
  }
};

Status Full() { return Fail(Code::kResourceExhausted, "the other end of the queue does not keep up"); }

}  // namespace

class MemoryExchange {
 public:
  std::mutex mutex;
  // Null while there is no server.
  Inbox<Frame>* server = nullptr;
  // Connections of the present server by peer name.
  std::unordered_map<std::string, Inbox<std::string>*> peers;
  std::uint64_t connections = 0;
};

namespace {

class MemoryServer final : public ServerQueue {
 public:
  explicit MemoryServer(std::shared_ptr<MemoryExchange> exchange) : exchange_(std::move(exchange)) {
    std::lock_guard lock(exchange_->mutex);
    exchange_->server = &inbox_;
    exchange_->peers.clear();
  }
  ~MemoryServer() override {
    std::lock_guard lock(exchange_->mutex);
    if (exchange_->server != &inbox_) return;
    exchange_->server = nullptr;
    exchange_->peers.clear();
  }

  Status Send(const std::string& peer, std::string bytes) override {
    RETURN_IF_ERROR(CheckFrameSize(bytes.size()));
    std::lock_guard lock(exchange_->mutex);
    const auto found = exchange_->peers.find(peer);
    if (exchange_->server != &inbox_ || found == exchange_->peers.end()) {
      return Fail(Code::kUnavailable, "peer " + peer + " is gone");
    }
    Inbox<std::string>& inbox = *found->second;
    if (inbox.items.size() >= kWaitingMax) return Full();
    inbox.items.push_back(std::move(bytes));
    inbox.Notify();
    return {};
  }

  void Receive(std::vector<Frame>& out, std::size_t most, Duration timeout) override {
    std::unique_lock lock(exchange_->mutex);
    inbox_.Take(lock, out, most, timeout);
  }

  void Wake() override {
    std::lock_guard lock(exchange_->mutex);
    inbox_.woken = true;
    inbox_.ready.notify_one();
  }

  std::string endpoint() const override { return "memory"; }

 private:
  const std::shared_ptr<MemoryExchange> exchange_;
  Inbox<Frame> inbox_;
};

class MemoryClient final : public ClientQueue {
 public:
  explicit MemoryClient(std::shared_ptr<MemoryExchange> exchange) : exchange_(std::move(exchange)) {}
  ~MemoryClient() override {
    std::lock_guard lock(exchange_->mutex);
    if (IsConnected()) exchange_->peers.erase(peer_);
  }

  Status Send(std::string bytes) override {
    RETURN_IF_ERROR(CheckFrameSize(bytes.size()));
    std::lock_guard lock(exchange_->mutex);
    if (exchange_->server == nullptr) return Fail(Code::kUnavailable, "there is no server");
    if (!IsConnected()) Connect();
    if (exchange_->server->items.size() >= kWaitingMax) return Full();
    exchange_->server->items.push_back({peer_, std::move(bytes)});
    exchange_->server->Notify();
    return {};
  }

  void Receive(std::vector<std::string>& out, std::size_t most, Duration timeout) override {
    std::unique_lock lock(exchange_->mutex);
    inbox_.Take(lock, out, most, timeout);
  }

  void Wake() override {
    std::lock_guard lock(exchange_->mutex);
    inbox_.woken = true;
    inbox_.Notify();
  }

  std::vector<int> PollFds() override {
    std::lock_guard lock(exchange_->mutex);
    if (inbox_.signal < 0) {
      inbox_.signal = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
      if (inbox_.woken || !inbox_.items.empty()) inbox_.Notify();
    }
    return {inbox_.signal};
  }

 private:
  bool IsConnected() const { return exchange_->peers.contains(peer_); }
  // A server that came anew knows nobody, and what the former one had sent is lost with the connection.
  void Connect() {
    inbox_.items.clear();
    peer_ = "m" + std::to_string(++exchange_->connections);
    exchange_->peers[peer_] = &inbox_;
  }

  const std::shared_ptr<MemoryExchange> exchange_;
  Inbox<std::string> inbox_;
  std::string peer_;
};

}  // namespace

MemoryQueue::MemoryQueue() : exchange_(std::make_shared<MemoryExchange>()) {}
MemoryQueue::~MemoryQueue() = default;
std::unique_ptr<ServerQueue> MemoryQueue::MakeServer() { return std::make_unique<MemoryServer>(exchange_); }
std::unique_ptr<ClientQueue> MemoryQueue::MakeClient() { return std::make_unique<MemoryClient>(exchange_); }

}  // namespace headrace::queue
