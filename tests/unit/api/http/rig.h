// A server with routes of a test on a free loopback port.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>

#include "api/http/server.h"
#include "tests/unit/api/http/raw_client.h"

namespace headrace::api::http::testing {

class HttpTest : public ::testing::Test {
 protected:
  // Echo at /echo (GET, POST), a handler that answers when told at /slow, /private for viewers.
  HttpTest() {
    const auto echo = [](const std::shared_ptr<const HttpRequest>& request, const Reply& reply) {
      reply({.content_type = "text/plain", .body = request->method + " " + request->body});
    };
    routes.Add("GET", "/echo", Role::kPublic, echo);
    routes.Add("POST", "/echo", Role::kPublic, echo, {.body_max = 1000});
    routes.Add("GET", "/slow", Role::kPublic, [this](const std::shared_ptr<const HttpRequest>&, const Reply& reply) {
      held = reply;
      entered.set_value();
      may_go.get_future().wait();
    });
    routes.Add("GET", "/private", Role::kViewer, echo);
    options.address = "127.0.0.1:0";
  }
  ~HttpTest() override { server.reset(); }

  void Start() {
    auto started = HttpServer::Start(options, routes, metrics);
    ASSERT_TRUE(started.has_value()) << started.error().ToString();
    server = std::move(*started);
  }
  int port() const { return server->port(); }
  RawResponse Ask(const std::string& method, const std::string& target, const std::string& headers = "",
                  const std::string& body = "") {
    return RawClient(port()).Ask(method, target, headers, body);
  }
  // What came back for these bytes alone, before the server closed.
  int StatusOfBytes(const std::string& bytes) {
    RawClient client(port());
    client.Send(bytes);
    return client.Read().status;
  }

  std::promise<void> entered;
  std::promise<void> may_go;
  Reply held;
  HttpOptions options;
  Router routes;
  Metrics metrics{"test", "test"};
  std::unique_ptr<HttpServer> server;
};

}  // namespace headrace::api::http::testing
