#include "api/http/server.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <charconv>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "api/http/connection.h"
#include "api/http/local_caller.h"
#include "api/task_pool.h"

namespace headrace::api::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr int kPortMax = 65'535;
// The kernel has no descriptor left, or the like: others may end meanwhile.
constexpr std::chrono::milliseconds kAcceptPause(100);

Result<tcp::endpoint> ParseAddress(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  int port = -1;
  if (colon != std::string::npos) {
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + colon + 1, end, port);
    if (parsed.ec != std::errc() || parsed.ptr != end) port = -1;
  }
  std::string host = text.substr(0, std::min(colon, text.size()));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  ErrorCode wrong;
  const auto address = asio::ip::make_address(host, wrong);
  if (wrong || port < 0 || port > kPortMax) {
    return InvalidArgument("'" + text +
                           "' is no address to listen on: it must be IP:PORT, such as 127.0.0.1:8080 or 0.0.0.0:8080");
  }
  return tcp::endpoint(address, static_cast<std::uint16_t>(port));
}

std::string ToText(const tcp::endpoint& where) {
  const std::string host = where.address().to_string();
  return (where.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(where.port());
}

Status CheckAccess(const HttpOptions& options, const Router& router, const tcp::endpoint& where) {
  if (where.address().is_loopback() || options.authenticator != nullptr) return {};
  const auto& routes = router.routes();
  const auto guarded =
      std::find_if(routes.begin(), routes.end(), [](const Route& route) { return route.access != Role::kPublic; });
  if (guarded == routes.end()) return {};
  return InvalidArgument("cannot listen on " + ToText(where) + ": others can reach it, and " + guarded->method + " " +
                         guarded->pattern +
                         " must not be everybody's; give tokens with --token-file, or listen on 127.0.0.1");
}

class AsioServer final : public HttpServer {
 public:
  AsioServer(HttpOptions options, Router router, Metrics& metrics)
      : options_(std::move(options)),
        metrics_(metrics),
        gate_({options_.names, options_.authenticator, options_.limits, options_.audit}, std::move(router), metrics),
        pool_(options_.threads, options_.waiting_max),
        common_{gate_, metrics_, pool_, options_.limits, options_.tls} {}
  ~AsioServer() override { Stop(std::chrono::milliseconds(0)); }

  Status Listen(const tcp::endpoint& where) {
    ErrorCode code;
    acceptor_.open(where.protocol(), code);
    if (!code) acceptor_.set_option(tcp::acceptor::reuse_address(true), code);
    if (!code) acceptor_.bind(where, code);
    if (!code) acceptor_.listen(asio::socket_base::max_listen_connections, code);
    if (code) {
      const std::string remedy = code == asio::error::address_in_use
                                     ? "port " + std::to_string(where.port()) +
                                           " is in use by another process; end that one (ss -ltnp shows it) or choose "
                                           "another port (0 takes a free one)"
                                     : code.message();
      return Fail(Code::kUnavailable, "cannot serve HTTP on " + ToText(where) + ": " + remedy);
    }
    where_ = acceptor_.local_endpoint();
    Accept();
    for (std::size_t i = 0; i < std::max<std::size_t>(options_.io_threads, 1); ++i) {
      threads_.emplace_back([this] { context_.run(); });
    }
    return {};
  }

  int port() const override { return where_.port(); }
  std::string address() const override { return ToText(where_); }

  void Stop(std::chrono::milliseconds grace) override {
    {
      std::unique_lock lock(mutex_);
      if (std::exchange(stopped_, true)) return;
      if (!threads_.empty()) EndConnections(lock, grace);
    }
    pool_.Stop();
    context_.stop();
    for (std::thread& thread : threads_) thread.join();
    open_.clear();
  }

 private:
  void Accept() {
    acceptor_.async_accept([this](const ErrorCode& code, tcp::socket socket) {
      if (code == asio::error::operation_aborted) return;
      if (!code) {
        Admit(std::move(socket));
        return Accept();
      }
      spdlog::warn("http {}: cannot accept a connection: {}", address(), code.message());
      pause_.expires_after(kAcceptPause);
      pause_.async_wait([this](const ErrorCode& cancelled) {
        if (!cancelled) Accept();
      });
    });
  }

  void Admit(tcp::socket socket) {
    std::lock_guard lock(mutex_);
    if (stopped_) return;
    const bool full = open_.size() - turned_away_ >= options_.limits.connections_max;
    if (full) metrics_.CountRefusedConnection();
    if (full && turned_away_ >= options_.limits.refusals_max) return;
    turned_away_ += full ? 1 : 0;
    const std::uint64_t number = ++number_;
    ErrorCode code;
    const int fd = socket.release(code);
    metrics_.connections().fetch_add(1);
    open_[number] = ServeConnection(context_, fd, where_.address().is_v6(), common_, full,
                                    [this, number, full] { Ended(number, full); });
  }

  void Ended(std::uint64_t number, bool full) {
    std::shared_ptr<Connection> connection;
    std::lock_guard lock(mutex_);
    metrics_.connections().fetch_sub(1);
    turned_away_ -= full ? 1 : 0;
    const auto at = open_.find(number);
    if (at == open_.end()) return;
    connection = std::move(at->second);  // it may be the last to hold what calls us
    open_.erase(at);
    none_open_.notify_all();
  }

  void EndConnections(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds grace) {
    asio::post(acceptor_.get_executor(), [this] {
      ErrorCode ignored;
      acceptor_.close(ignored);
      pause_.cancel();
    });
    constexpr std::chrono::seconds kLastWords(1);
    const auto none = [this] { return open_.empty(); };
    for (const auto& [number, connection] : open_) connection->Stop();
    if (none_open_.wait_for(lock, grace, none)) return;
    for (const auto& [number, connection] : open_) connection->Close();
    none_open_.wait_for(lock, kLastWords, none);
  }

  const HttpOptions options_;
  Metrics& metrics_;
  Gate gate_;
  TaskPool pool_;
  Common common_;
  std::mutex mutex_;
  std::condition_variable none_open_;
  bool stopped_ = false;
  std::uint64_t number_ = 0;
  std::size_t turned_away_ = 0;
  std::map<std::uint64_t, std::shared_ptr<Connection>> open_;
  asio::io_context context_;  // after what its connections use: they end with it
  tcp::acceptor acceptor_{asio::make_strand(context_)};
  asio::steady_timer pause_{acceptor_.get_executor()};
  tcp::endpoint where_;
  std::vector<std::thread> threads_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Start(HttpOptions options, Router router, Metrics& metrics) {
  ASSIGN_OR_RETURN(const tcp::endpoint where, ParseAddress(options.address));
  RETURN_IF_ERROR(CheckAccess(options, router, where));
  auto server = std::make_unique<AsioServer>(std::move(options), std::move(router), metrics);
  RETURN_IF_ERROR(server->Listen(where));
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace headrace::api::http
