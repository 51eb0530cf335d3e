// What a scheduler tells the others about where it is.
#include "cli/host/cluster_choice.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

namespace headrace::cli {
namespace {

std::string OwnHost() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return host.data();
}

TEST(ClusterChoice, WhatIsBoundIsTold) {
  EXPECT_EQ(AdvertisedApi("", "127.0.0.1:41234"), "127.0.0.1:41234");
  EXPECT_EQ(AdvertisedApi("", "[::1]:8082"), "[::1]:8082");
  EXPECT_EQ(AdvertisedWorkers("", "tcp://127.0.0.1:41235"), "tcp://127.0.0.1:41235");
  EXPECT_EQ(AdvertisedWorkers("", "ipc:///tmp/queue"), "ipc:///tmp/queue");
}

TEST(ClusterChoice, AWildcardIsThisMachine) {
  EXPECT_EQ(AdvertisedApi("", "0.0.0.0:8082"), OwnHost() + ":8082");
  EXPECT_EQ(AdvertisedApi("", "[::]:8082"), OwnHost() + ":8082");
  EXPECT_EQ(AdvertisedWorkers("", "tcp://0.0.0.0:5570"), "tcp://" + OwnHost() + ":5570");
}

TEST(ClusterChoice, WhatIsSaidWinsAndAMissingPortIsTheBoundOne) {
  EXPECT_EQ(AdvertisedApi("scheduler.example:9000", "0.0.0.0:8082"), "scheduler.example:9000");
  EXPECT_EQ(AdvertisedApi("10.1.2.3", "0.0.0.0:8082"), "10.1.2.3:8082");
  EXPECT_EQ(AdvertisedApi("10.1.2.3:0", "0.0.0.0:8082"), "10.1.2.3:8082");
  EXPECT_EQ(AdvertisedApi("fd00::7", "[::]:8082"), "[fd00::7]:8082");
  EXPECT_EQ(AdvertisedApi("[fd00::7]", "[::]:8082"), "[fd00::7]:8082");
  EXPECT_EQ(AdvertisedApi("[fd00::7]:9000", "[::]:8082"), "[fd00::7]:9000");
  EXPECT_EQ(AdvertisedWorkers("tcp://10.1.2.3:9001", "tcp://0.0.0.0:5570"), "tcp://10.1.2.3:9001");
  EXPECT_EQ(AdvertisedWorkers("fd00::7", "tcp://[::]:5570"), "tcp://[fd00::7]:5570");
}

TEST(ClusterChoice, WhatNobodyCouldConnectToIsRefusedWithAnExample) {
  for (const char* wrong : {"0.0.0.0:8082", "::", "*:8082", ":8082", "a b:8082", "host:port", "host:99999", "http://host:8082", "[fd00::7", "1:2:3"}) {
    const auto api = AdvertisedApi(wrong, "127.0.0.1:8082");
    ASSERT_FALSE(api) << wrong;
    EXPECT_EQ(api.error().code, Code::kInvalidArgument);
    EXPECT_NE(api.error().message.find("such as 10.1.2.3:8082"), std::string::npos) << api.error().message;
  }
  for (const char* wrong : {"tcp://0.0.0.0:5570", "ipc:///tmp/x", "tcp://", "tcp://*:5570"}) {
    const auto workers = AdvertisedWorkers(wrong, "tcp://127.0.0.1:5570");
    ASSERT_FALSE(workers) << wrong;
    EXPECT_NE(workers.error().message.find("tcp://10.1.2.3:5570"), std::string::npos) << workers.error().message;
  }
}

TEST(ClusterChoice, EveryProcessHasANameOfItsOwn) {
  const auto first = ChooseCluster({}, "127.0.0.1:8082", std::nullopt);
  const auto second = ChooseCluster({}, "127.0.0.1:8082", std::nullopt);
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->id, second->id);
  EXPECT_EQ(first->lease, Duration(std::chrono::seconds(5)));
  EXPECT_FALSE(first->peers.tls);
}

TEST(ClusterChoice, LeasesHaveBounds) {
  for (const char* lease : {"999ms", "61s", "soon"}) {
    const auto choice = ChooseCluster({.partition_lease = lease}, "127.0.0.1:8082", std::nullopt);
    ASSERT_FALSE(choice) << lease;
    EXPECT_EQ(choice.error().code, Code::kInvalidArgument);
  }
  EXPECT_TRUE(ChooseCluster({.partition_lease = "1s"}, "127.0.0.1:8082", std::nullopt));
}

TEST(ClusterChoice, TrustFollowsTheApis) {
  EXPECT_FALSE(ChooseCluster({.peer_name = "headrace"}, "127.0.0.1:8082", std::nullopt));
  setenv("HEADRACE_PEER_TOKEN", " peer-token-012345678\n", 1);
  const api::ApiTls tls{.certificate = "c", .key = "k", .client_ca = "ca", .tokens = nullptr};
  const auto choice = ChooseCluster({.peer_name = "headrace"}, "127.0.0.1:8082", tls);
  ASSERT_TRUE(choice) << choice.error().message;
  const api::PeerTls& trust = *choice->peers.tls;
  EXPECT_EQ(trust.ca, "ca");
  EXPECT_EQ(trust.certificate, "c");
  EXPECT_EQ(trust.name, "headrace");
  EXPECT_EQ(trust.token, "peer-token-012345678");
  setenv("HEADRACE_PEER_TOKEN", "peer-token-012345678 peer scheduler", 1);
  const auto line = ChooseCluster({}, "127.0.0.1:8082", tls);
  unsetenv("HEADRACE_PEER_TOKEN");
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().message.find("peer-token"), std::string::npos) << line.error().message;
  EXPECT_FALSE(ChooseCluster({.peer_token_file = "/nowhere/token"}, "127.0.0.1:8082", tls));
}

TEST(ClusterChoice, WhoIsAloneIsToldThatFlagsAreForOthers) {
  EXPECT_TRUE(RefuseClusterFlags({}));
  const Status refused = RefuseClusterFlags({.advertise = "host"});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("--store"), std::string::npos);
}

TEST(ClusterChoice, ATaskOutlivesTheTimeInWhichNobodyDrivesItsPartition) {
  using std::chrono::seconds;
  EXPECT_EQ(*LeaseOfTasks("", Duration(0)), seconds(10));
  EXPECT_EQ(*LeaseOfTasks("", seconds(5)), seconds(10));
  EXPECT_EQ(*LeaseOfTasks("", seconds(20)), seconds(40));
  EXPECT_EQ(*LeaseOfTasks("4s", seconds(3)), seconds(4)) << "told, not refused";
  EXPECT_FALSE(LeaseOfTasks("0.5s", seconds(3)));
  EXPECT_FALSE(LeaseOfTasks("soon", seconds(3)));
}

}  // namespace
}  // namespace headrace::cli
