#include "api/http/connection.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "api/http/head.h"
#include "api/http/link.h"
#include "api/http/problem.h"
#include "api/http/wire.h"
#include "api/task_pool.h"

namespace headrace::api::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;
template <typename T>
using Task = asio::awaitable<T>;
using Parser = beast::http::request_parser<beast::http::buffer_body>;

constexpr std::size_t kSliceBytes = 64U << 10U;
constexpr std::size_t kReadBytes = 16U << 10U;
constexpr std::size_t kLingerBytesMax = 1U << 20U;

auto Into(ErrorCode& code) { return asio::redirect_error(asio::use_awaitable, code); }

// The socket, and TLS on it where there is any.
class Plug {
 public:
  using executor_type = tcp::socket::executor_type;
  Plug(tcp::socket socket, SSL_CTX* tls) : socket_(std::move(socket)) {
    if (tls == nullptr) return;
    SSL_CTX_up_ref(tls);
    asio::ssl::context context(tls);  // gives one reference back
    tls_.emplace(socket_, context);
  }
  executor_type get_executor() { return socket_.get_executor(); }
  tcp::socket& socket() { return socket_; }
  std::optional<asio::ssl::stream<tcp::socket&>>& tls() { return tls_; }

  template <typename Buffers, typename Done>
  void async_read_some(const Buffers& to, Done&& done) {
    tls_ ? tls_->async_read_some(to, std::forward<Done>(done)) : socket_.async_read_some(to, std::forward<Done>(done));
  }
  template <typename Buffers, typename Done>
  void async_write_some(const Buffers& from, Done&& done) {
    tls_ ? tls_->async_write_some(from, std::forward<Done>(done)) : socket_.async_write_some(from, std::forward<Done>(done));
  }

 private:
  tcp::socket socket_;
  std::optional<asio::ssl::stream<tcp::socket&>> tls_{};
};

class BeastConnection final : public Connection, public std::enable_shared_from_this<BeastConnection> {
 public:
  BeastConnection(tcp::socket socket, Common& common, std::function<void()> ended)
      : plug_(std::move(socket), common.tls.get()),
        socket_(plug_.socket()),
        deadline_(socket_.get_executor()),
        event_(socket_.get_executor()),
        common_(common),
        limits_(common.limits),
        link_(std::make_shared<Link>([executor = socket_.get_executor()](Link::Work work) { asio::post(executor, std::move(work)); })),
        ended_(std::move(ended)) {
    ErrorCode ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    const auto peer = socket_.remote_endpoint(ignored);
    if (!ignored) peer_ = peer.address().to_string();
  }
  ~BeastConnection() override { link_->Close(); }

  void Begin(bool full) {
    asio::co_spawn(socket_.get_executor(), [self = shared_from_this(), full] { return full ? self->TurnAway() : self->Serve(); },
                   [self = shared_from_this()](const std::exception_ptr& thrown) { self->End(thrown); });
  }

  void Stop() override {
    link_->Post([weak = weak_from_this()] { if (const auto self = weak.lock()) self->StopHere(); });
  }
  void Close() override {
    link_->Post([weak = weak_from_this()] {
      ErrorCode ignored;
      if (const auto self = weak.lock()) {
        self->stopping_ = self->gone_ = true;
        self->socket_.close(ignored), self->event_.cancel();
      }
    });
  }

 private:
  // ---- time ----

  // What is under way is cancelled when it takes longer.
  void Arm(std::chrono::milliseconds limit) {
    Disarm();
    deadline_.expires_after(limit);
    deadline_.async_wait([weak = weak_from_this(), turn = armed_](const ErrorCode& code) {
      const auto self = weak.lock();
      if (code || self == nullptr || self->armed_ != turn) return;
      self->late_ = true;
      ErrorCode ignored;
      self->socket_.cancel(ignored);
    });
  }
  void Disarm() {
    ++armed_;
    late_ = false;
    deadline_.cancel();
  }

  // ---- the life of a connection ----

  Task<void> Serve() {
    if (!co_await Greet()) co_return;
    for (std::size_t count = 1; !stopping_ && !gone_; ++count) {
      if (!co_await AwaitRequest(count == 1)) break;
      Parser parser;
      const std::unique_ptr<Visit> visit = co_await ReadHead(parser);
      if (visit == nullptr) break;
      if (count == limits_.requests_per_connection_max) visit->framing.keep_alive = false;
      if (!visit->refusal) co_await ReadBody(parser, *visit);
      if (gone_) {
        common_.gate.Leave(*visit, 400, 0);
        break;
      }
      const bool refused = visit->refusal.has_value();
      if (!parser.is_done() || stopping_) visit->framing.keep_alive = false;
      HttpResponse response;
      if (visit->refusal) response = std::move(*visit->refusal);
      else response = co_await Ask(*visit);
      const std::uint64_t bytes = co_await Answer(*visit, response);
      common_.gate.Leave(*visit, response.status, bytes);
      if (gone_ || !visit->framing.keep_alive) {
        if ((refused || plug_.tls()) && !gone_) co_await Linger();
        break;
      }
    }
  }

  // Too many connections: says so and no more.
  Task<void> TurnAway() {
    if (!co_await Greet()) co_return;
    const auto visit = common_.gate.EnterBroken(503, "too many connections; try again", peer_);
    HttpResponse response = TryLater(503, "too many connections; try again", visit->request->id);
    const std::uint64_t bytes = co_await Answer(*visit, response);
    common_.gate.Leave(*visit, 503, bytes);
    if (!gone_) co_await Linger();
  }

  void End(const std::exception_ptr& thrown) {
    link_->Close();
    Disarm();
    ErrorCode ignored;
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
      spdlog::error("http connection from {}: {}", peer_, error.what());
    }
    ended_();
  }

  // False when TLS does not come about.
  Task<bool> Greet() {
    if (!plug_.tls()) co_return true;
    ErrorCode code;
    Arm(limits_.header_within);
    co_await plug_.tls()->async_handshake(asio::ssl::stream_base::server, Into(code));
    Disarm();
    if (code) spdlog::debug("http: no TLS with {}: {}", peer_, code.message());
    co_return !code && !stopping_;
  }

  void StopHere() {
    stopping_ = true;
    ErrorCode ignored;
    if (idle_) socket_.cancel(ignored);
    event_.cancel();
  }

  // ---- in ----

  // Until there is a byte of a request. A connection that has not asked yet gets no more patience than a head.
  Task<bool> AwaitRequest(bool first) {
    if (buffer_.size() > 0) co_return true;
    ErrorCode code;
    idle_ = true;
    Arm(first ? limits_.header_within : limits_.idle_within);
    // With TLS what has come may be read already, so that the socket tells of nothing any more.
    const auto room = buffer_.prepare(plug_.tls() ? kReadBytes : 0);
    if (plug_.tls()) buffer_.commit(co_await plug_.tls()->async_read_some(room, Into(code)));
    else co_await socket_.async_wait(tcp::socket::wait_read, Into(code));
    Disarm();
    idle_ = false;
    co_return !code && !stopping_;
  }

  // Null when there is nobody to answer.
  Task<std::unique_ptr<Visit>> ReadHead(Parser& parser) {
    parser.header_limit(static_cast<std::uint32_t>(limits_.header_bytes_max));
    parser.body_limit(boost::none);  // the gate's, by route
    ErrorCode code;
    Arm(limits_.header_within);
    co_await beast::http::async_read_header(plug_, buffer_, parser, Into(code));
    const bool late = late_;
    Disarm();
    if (code) co_return RefuseHead(parser, code, late);
    const auto& message = parser.get();
    Head head{std::string(message.method_string()), std::string(message.target()), static_cast<int>(message.version()), {}};
    for (const auto& field : message) head.headers.push_back({std::string(field.name_string()), std::string(field.value())});
    std::unique_ptr<Visit> visit = common_.gate.Enter(std::move(head), peer_);
    const bool unclear = !visit->refusal && visit->framing.has_body() == parser.is_done();
    if (unclear) co_return common_.gate.EnterBroken(400, "the length of the body is not clear", peer_);
    co_return visit;
  }

  std::unique_ptr<Visit> RefuseHead(const Parser& parser, const ErrorCode& code, bool late) {
    using beast::http::error;
    const auto refuse = [&](int status, const char* detail) { return common_.gate.EnterBroken(status, detail, peer_); };
    if (late) return refuse(408, "the head of the request took too long");
    if (code.category() != beast::http::make_error_code(error::end_of_stream).category()) return nullptr;
    if (code == error::end_of_stream || code == error::partial_message) return nullptr;
    if (code == error::bad_content_length || code == error::bad_transfer_encoding) return refuse(400, "the length of the body is not clear");
    // The head waits in the buffer as it came, unless its first line was parsed.
    const std::string_view line = FirstLine({static_cast<const char*>(buffer_.data().data()), buffer_.size()});
    if (code == error::bad_version && NamesAVersion(line)) return refuse(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    if (code != error::header_limit && code != error::buffer_overflow) return refuse(400, "this is no HTTP request");
    if (parser.get().target().empty() && line.size() > limits_.target_bytes_max) return refuse(414, "the target is too long");
    return refuse(431, "the head of the request is too large");
  }

  Task<void> ReadBody(Parser& parser, Visit& visit) {
    if (parser.is_done()) co_return;
    if (visit.framing.expects_continue && buffer_.size() == 0 && !co_await Write(kContinue)) co_return;
    std::vector<char> piece(kReadBytes);
    Arm(limits_.body_within);
    while (!parser.is_done() && !visit.refusal) {
      auto& body = parser.get().body();
      body.data = piece.data();
      body.size = piece.size();
      ErrorCode code;
      co_await beast::http::async_read_some(plug_, buffer_, parser, Into(code));
      if (code && code != beast::http::error::need_buffer) {
        RefuseBody(visit, code);
        break;
      }
      const std::size_t got = piece.size() - body.size;
      if (got > 0) common_.gate.TakeBody(visit, {piece.data(), got});
    }
    Disarm();
  }

  void RefuseBody(Visit& visit, const ErrorCode& code) {
    const std::string& id = visit.request->id;
    visit.framing.keep_alive = false;
    const bool malformed = code.category() == beast::http::make_error_code(beast::http::error::bad_chunk).category();
    if (late_) visit.refusal = Problem(408, "the body took too long", id);
    else if (malformed && code != beast::http::error::partial_message) visit.refusal = Problem(400, "the body's chunks are malformed", id);
    else gone_ = true;
  }

  // ---- the handler ----

  Task<HttpResponse> Ask(const Visit& visit) {
    const std::uint64_t turn = ++turn_;
    answer_.reset();
    event_.expires_after(visit.route->limits.answer_within);
    Dispatch(visit, [link = link_, weak = weak_from_this(), turn](HttpResponse response) {  // which cannot be copied, and a posted work must be
      auto held = std::make_shared<HttpResponse>(std::move(response));
      link->Post([weak, turn, held] {
        const auto self = weak.lock();
        if (self == nullptr || self->turn_ != turn || self->answer_) return;
        self->answer_ = std::move(*held);
        self->event_.cancel();
      });
    });
    if (visit.route->limits.waits) WatchPeer(turn);
    while (!answer_ && !gone_) {
      ErrorCode code;
      co_await event_.async_wait(Into(code));
      if (!code && !answer_) break;
    }
    ++turn_;
    ErrorCode ignored;
    if (visit.route->limits.waits) socket_.cancel(ignored);
    if (answer_) co_return std::move(*answer_);
    co_return TryLater(503, "there was no answer in time; what was asked may still be done", visit.request->id);
  }

  // Bytes are the next request's; an end is that of whoever waits.
  void WatchPeer(std::uint64_t turn) {
    socket_.async_wait(tcp::socket::wait_read, [weak = weak_from_this(), turn](const ErrorCode& code) {
      const auto self = weak.lock();
      ErrorCode broken;
      if (code || self == nullptr || self->turn_ != turn || self->answer_) return;
      if (self->socket_.available(broken) > 0) return;
      self->gone_ = true;
      self->event_.cancel();
    });
  }

  void Dispatch(const Visit& visit, Reply reply) {
    auto work = [route = visit.route, request = std::shared_ptr<const HttpRequest>(visit.request), place = visit.place, reply] {
      try {
        route->handler(request, reply);
      } catch (const std::exception& error) {
        reply(Problem(Error{Code::kInternal, error.what(), {}}, request->id));
      }
    };
    if (visit.route->limits.quick) return work();
    if (!common_.pool.Post(std::move(work))) reply(TryLater(503, "the server is full; try again", visit.request->id));
  }

  // ---- out ----

  Task<bool> Write(std::string_view bytes) {
    while (!bytes.empty() && !gone_) {
      const std::string_view slice = bytes.substr(0, kSliceBytes);
      ErrorCode code;
      Arm(limits_.write_within);
      co_await asio::async_write(plug_, asio::buffer(slice.data(), slice.size()), Into(code));
      Disarm();
      if (code) gone_ = true;
      bytes.remove_prefix(slice.size());
    }
    co_return !gone_;
  }

  // How many bytes of body were written.
  Task<std::uint64_t> Answer(Visit& visit, HttpResponse& response) {
    const bool bare = visit.request->method == "HEAD" || !MayHaveBody(response.status);
    Share place(common_.streams);
    if (response.stream && !place.Take(1, limits_.streams_max)) response = TryLater(503, "too many streams; try again", visit.request->id);
    common_.gate.Dress(visit, response);
    if (response.stream && !bare) co_return co_await Stream(visit, response);
    const BodyFrame frame = response.stream ? BodyFrame::kChunked : BodyFrame::kLength;
    std::string bytes = HeadBytes(response, frame, visit.framing.keep_alive);
    if (!bare) bytes += response.body;
    co_await Write(bytes);
    co_return bare ? 0 : response.body.size();
  }

  Task<std::uint64_t> Stream(Visit& visit, HttpResponse& response) {
    const bool chunked = visit.version >= 11;
    if (!chunked) visit.framing.keep_alive = false;
    const std::shared_ptr<BodyStream> stream = std::move(response.stream);
    common_.metrics.streams().fetch_add(1);
    std::uint64_t bytes = 0;
    // Named, as every text that is written: GCC 12 ends temporaries of an awaited expression twice.
    const BodyFrame frame = chunked ? BodyFrame::kChunked : BodyFrame::kUntilClose;
    const std::string head = HeadBytes(response, frame, visit.framing.keep_alive);
    if (co_await Write(head)) {
      WatchForTheEnd();
      stream->Begin([link = link_, weak = weak_from_this()] {
        link->Post([weak] {
          if (const auto self = weak.lock()) self->WakeHere();
        });
      });
      bytes = co_await Pump(stream, chunked);
      if (chunked && !gone_) co_await Write(kLastChunk);
    }
    common_.metrics.streams().fetch_sub(1);
    co_return bytes;
  }

  Task<std::uint64_t> Pump(const std::shared_ptr<BodyStream>& stream, bool chunked) {
    std::uint64_t bytes = 0;
    while (!stopping_ && !gone_) {
      woken_ = false;
      std::string piece;
      const BodyStream::Piece step = co_await Pull(stream, piece);
      if (step == BodyStream::Piece::kEnd || gone_) break;
      if (step == BodyStream::Piece::kWait && !co_await AwaitWake()) piece = stream->heartbeat();
      // An empty chunk would be the last.
      if (piece.empty() || gone_) continue;
      bytes += piece.size();
      if (chunked) piece = ChunkBytes(piece);
      co_await Write(piece);
    }
    co_return bytes;
  }

  Task<BodyStream::Piece> Pull(const std::shared_ptr<BodyStream>& stream, std::string& piece) {
    struct Pulled { BodyStream::Piece step = BodyStream::Piece::kEnd; std::string piece{}; bool done = false; };
    const auto pulled = std::make_shared<Pulled>();
    common_.pool.PostAlways([pulled, stream, link = link_, weak = weak_from_this()] {
      try {
        pulled->step = stream->Next(pulled->piece);
      } catch (const std::exception& error) {
        spdlog::error("http stream: {}", error.what());
        pulled->step = BodyStream::Piece::kEnd;
      }
      link->Post([pulled, weak] {
        pulled->done = true;
        if (const auto self = weak.lock()) self->event_.cancel();
      });
    });
    event_.expires_at(asio::steady_timer::time_point::max());
    for (ErrorCode code; !pulled->done;) co_await event_.async_wait(Into(code));
    piece = std::move(pulled->piece);
    co_return pulled->step;
  }

  // False when it is time for a sign of life instead.
  Task<bool> AwaitWake() {
    event_.expires_after(limits_.heartbeat);
    while (!woken_ && !stopping_ && !gone_) {
      ErrorCode code;
      co_await event_.async_wait(Into(code));
      if (!code) co_return false;
    }
    co_return true;
  }

  void WakeHere() { woken_ = true, event_.cancel(); }

  // A reader that vanishes frees its place at once, not with the next heartbeat.
  void WatchForTheEnd() {
    socket_.async_wait(tcp::socket::wait_read, [weak = weak_from_this()](const ErrorCode& code) {
      const auto self = weak.lock();
      if (code || self == nullptr) return;
      char byte = 0;
      if (recv(self->socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) return;  // its next request
      self->gone_ = true;
      self->event_.cancel();
    });
  }

  // Closing with bytes unread would take back the answer before it is read.
  Task<void> Linger() {
    ErrorCode code;
    Arm(limits_.linger);
    if (plug_.tls()) co_await plug_.tls()->async_shutdown(Into(code));
    else socket_.shutdown(tcp::socket::shutdown_send, code);
    std::vector<char> piece(kReadBytes);
    for (std::size_t got = 0; !code && got < kLingerBytesMax;) {
      got += co_await socket_.async_read_some(asio::buffer(piece), Into(code));
    }
    Disarm();
  }

  Plug plug_;
  tcp::socket& socket_;          // of the plug
  asio::steady_timer deadline_;  // of what the socket does
  asio::steady_timer event_;     // of what other threads do; cancelled when they have
  Common& common_;
  const HttpLimits& limits_;
  const std::shared_ptr<Link> link_;
  const std::function<void()> ended_;
  std::string peer_;
  beast::flat_buffer buffer_{limits_.header_bytes_max + kReadBytes};
  std::uint64_t armed_ = 0;
  std::uint64_t turn_ = 0;
  bool late_ = false;
  bool idle_ = false;
  bool stopping_ = false;
  bool gone_ = false;  // there is nobody to write to
  bool woken_ = false;
  std::optional<HttpResponse> answer_;
};

}  // namespace

std::shared_ptr<Connection> ServeConnection(asio::io_context& context, int fd, bool six, Common& common, bool full, std::function<void()> ended) {
  tcp::socket socket(asio::make_strand(context));
  ErrorCode code;
  socket.assign(six ? tcp::v6() : tcp::v4(), fd, code);
  auto connection = std::make_shared<BeastConnection>(std::move(socket), common, std::move(ended));
  connection->Begin(full);
  return connection;
}

}  // namespace headrace::api::http
