// Addresses taken apart, and ports that are kept for who will listen.
#include "api/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/api/rig.h"

namespace headrace::api {
namespace {

TEST(Address, IsTakenApartAndPutTogether) {
  for (const char* text : {"127.0.0.1:8082", "[::1]:0", "scheduler.example:65535"}) {
    const auto split = SplitAddress(text);
    ASSERT_TRUE(split) << text;
    EXPECT_EQ(split->ToString(), text);
  }
  EXPECT_TRUE(IsWildcard("0.0.0.0"));
  EXPECT_TRUE(IsWildcard("::"));
  EXPECT_FALSE(IsWildcard("127.0.0.1"));
  EXPECT_FALSE(IsWildcard("scheduler.example"));
}

TEST(HeldPort, IsTheServersOnceItListens) {
  const auto held = HeldPort::Take("127.0.0.1:0");
  ASSERT_TRUE(held) << held.error().message;
  EXPECT_GT(held->port(), 0);
  testing::FakeEngine engine;
  ApiOptions options;
  options.address = held->address();
  const auto server = ApiServer::Start(options, engine);
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_EQ((*server)->port(), held->port());
}

TEST(HeldPort, IsNoFreeOne) {
  const auto held = HeldPort::Take("127.0.0.1:0");
  ASSERT_TRUE(held);
  // Somebody who does not share is refused by the kernel.
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<std::uint16_t>(held->port()));
  EXPECT_NE(bind(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  close(fd);
}

TEST(HeldPort, OneInUseIsNamedWithARemedy) {
  testing::FakeEngine engine;
  ApiOptions options;
  options.address = "127.0.0.1:0";
  const auto server = ApiServer::Start(options, engine);
  ASSERT_TRUE(server);
  const auto held = HeldPort::Take("127.0.0.1:" + std::to_string((*server)->port()));
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().code, Code::kUnavailable);
  EXPECT_NE(held.error().message.find("is in use"), std::string::npos) << held.error().message;
}

}  // namespace
}  // namespace headrace::api
