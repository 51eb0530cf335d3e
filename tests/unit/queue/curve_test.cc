// Who is let in by keys, and who is not.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/queue/zmq_queue.h"

namespace headrace::queue {
namespace {

constexpr Duration kBriefly = std::chrono::milliseconds(20);
constexpr int kTriesMax = 1'500;
// Long enough for several greetings on loopback; a frame that must not come has no event to wait for.
constexpr int kTriesOfNothing = 40;

class CurveTest : public testing::Test {
 protected:
  CurveTest() : folder_(std::filesystem::temp_directory_path() / ("headrace-curve-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~CurveTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  // Written anew under its name, as editors and Kubernetes do.
  void Authorize(const std::string& lines) const {
    std::ofstream(Path("authorized.new")) << lines;
    std::filesystem::rename(Path("authorized.new"), Path("authorized"));
  }
  std::unique_ptr<ServerQueue> Server(const std::string& endpoint = "tcp://127.0.0.1:0") {
    auto keys = AuthorizedKeys::Open(Path("authorized"));
    EXPECT_TRUE(keys) << keys.error().message;
    auto server = BindZmq(endpoint, {.server_keys = ServerKeys{server_, *keys}});
    EXPECT_TRUE(server) << server.error().message;
    return std::move(*server);
  }
  std::unique_ptr<ClientQueue> Client(const ServerQueue& server, const KeyPair& own, const std::string& server_key) const {
    auto client = ConnectZmq(server.endpoint(), {.client_keys = ClientKeys{own, server_key}});
    EXPECT_TRUE(client) << client.error().message;
    return std::move(*client);
  }
  // The frame that the server hears within so many tries.
  static std::string Heard(ServerQueue& server, ClientQueue& client, const std::string& bytes, int tries, std::string* peer = nullptr) {
    bool sent = false;
    for (; tries > 0; --tries) {
      sent = sent || client.Send(bytes).has_value();
      std::vector<std::string> ignored;
      client.Receive(ignored, 1, std::chrono::milliseconds(1));
      std::vector<Frame> frames;
      server.Receive(frames, 1, kBriefly);
      if (frames.empty()) continue;
      if (peer != nullptr) *peer = frames[0].peer;
      return frames[0].bytes;
    }
    return "";
  }

  const std::filesystem::path folder_;
  const KeyPair server_ = *MakeKeyPair();
  const KeyPair worker_ = *MakeKeyPair();
};

TEST_F(CurveTest, AKnownKeyIsLetIn) {
  Authorize("# the pool\n" + worker_.public_key + " pool-a\n");
  const auto server = Server();
  const auto client = Client(*server, worker_, server_.public_key);
  std::string peer;
  EXPECT_EQ(Heard(*server, *client, "hello", kTriesMax, &peer), "hello");
  ASSERT_TRUE(server->Send(peer, "welcome"));
  std::vector<std::string> answers;
  for (int tries = 0; tries < kTriesMax && answers.empty(); ++tries) client->Receive(answers, 1, kBriefly);
  EXPECT_EQ(answers, std::vector<std::string>{"welcome"});
}

TEST_F(CurveTest, WithKeysTheAddressMayBeOneThatOthersReach) {
  Authorize(worker_.public_key + " pool-a\n");
  const auto server = Server("tcp://0.0.0.0:0");
  const std::string port = server->endpoint().substr(server->endpoint().rfind(':') + 1);
  auto client = ConnectZmq("tcp://127.0.0.1:" + port, {.client_keys = ClientKeys{worker_, server_.public_key}});
  ASSERT_TRUE(client);
  EXPECT_EQ(Heard(*server, **client, "hello", kTriesMax), "hello");
}

TEST_F(CurveTest, NobodyElseIsHeard) {
  const KeyPair other = *MakeKeyPair();
  Authorize(worker_.public_key + " pool-a\n");
  const auto server = Server();
  const auto unknown = Client(*server, other, server_.public_key);
  EXPECT_EQ(Heard(*server, *unknown, "unknown key", kTriesOfNothing), "");
  const auto misled = Client(*server, worker_, other.public_key);
  EXPECT_EQ(Heard(*server, *misled, "another server's key", kTriesOfNothing), "");
  const auto plain = ConnectZmq(server->endpoint());
  ASSERT_TRUE(plain);
  EXPECT_EQ(Heard(*server, **plain, "no key", kTriesOfNothing), "");
  // It was not the server that was deaf.
  const auto known = Client(*server, worker_, server_.public_key);
  EXPECT_EQ(Heard(*server, *known, "hello", kTriesMax), "hello");
}

TEST_F(CurveTest, AClientWithKeysDoesNotSpeakToAServerWithout) {
  const auto server = BindZmq("tcp://127.0.0.1:0");
  ASSERT_TRUE(server);
  const auto client = Client(**server, worker_, server_.public_key);
  EXPECT_EQ(Heard(**server, *client, "a secret", kTriesOfNothing), "");
}

TEST_F(CurveTest, AKeyThatIsTakenOutIsHeardNoMore) {
  Authorize(worker_.public_key + " pool-a\n");
  const auto server = Server();
  const auto client = Client(*server, worker_, server_.public_key);
  std::string peer;
  ASSERT_EQ(Heard(*server, *client, "hello", kTriesMax, &peer), "hello");
  Authorize("# nobody\n");
  Status sent;
  for (int tries = 0; tries < kTriesMax && sent; ++tries) {
    std::vector<std::string> ignored;
    client->Receive(ignored, 100, kBriefly);
    usleep(20'000);
    sent = server->Send(peer, "work");
  }
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Code::kUnavailable);
  EXPECT_EQ(Heard(*server, *client, "still here", kTriesOfNothing), "");
}

TEST_F(CurveTest, AKeyThatIsLetInLaterComesInByItself) {
  Authorize("# nobody\n");
  const auto server = Server();
  const auto client = Client(*server, worker_, server_.public_key);
  ASSERT_EQ(Heard(*server, *client, "hello", kTriesOfNothing), "");
  Authorize(worker_.public_key + " pool-a\n");
  EXPECT_EQ(Heard(*server, *client, "hello", kTriesMax), "hello");
}

TEST_F(CurveTest, AFileThatBecomesWrongChangesNothing) {
  Authorize(worker_.public_key + " pool-a\n");
  const auto keys = *AuthorizedKeys::Open(Path("authorized"));
  ASSERT_EQ(keys->NameOf(worker_.public_key), "pool-a");
  Authorize("oops\n");
  // Beyond the second after which it is looked at again.
  for (int tries = 0; tries < 60; ++tries) {
    EXPECT_EQ(keys->NameOf(worker_.public_key), "pool-a");
    usleep(20'000);
  }
}

TEST_F(CurveTest, AFileThatCannotBeReadForAMomentIsReadLater) {
  Authorize(worker_.public_key + " pool-a\n");
  const auto keys = *AuthorizedKeys::Open(Path("authorized"));
  ASSERT_EQ(keys->NameOf(worker_.public_key), "pool-a");
  rlimit files{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
  Authorize(worker_.public_key + " pool-b\n");
  const rlimit none{.rlim_cur = 0, .rlim_max = files.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  for (int tries = 0; tries < 60; ++tries) {
    EXPECT_EQ(keys->NameOf(worker_.public_key), "pool-a");
    usleep(20'000);
  }
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
  for (int tries = 0; tries < 3'000 && keys->NameOf(worker_.public_key) != "pool-b"; ++tries) usleep(20'000);
  EXPECT_EQ(keys->NameOf(worker_.public_key), "pool-b");
}

TEST_F(CurveTest, WrongFilesNameTheLineAndTheRemedy) {
  const std::string& key = worker_.public_key;
  for (const auto& [lines, words] : std::map<std::string, std::string>{
           {"key name\n", ":1: "}, {"\n" + key + "\n", ":2: after the key"}, {key + " two words\n", "one word"},
           {key + " a\n" + key + " b\n", ":2: this key is there twice"}}) {
    Authorize(lines);
    const auto keys = AuthorizedKeys::Open(Path("authorized"));
    ASSERT_FALSE(keys) << lines;
    EXPECT_NE(keys.error().message.find(words), std::string::npos) << keys.error().message;
  }
  EXPECT_EQ(AuthorizedKeys::Open(Path("none")).error().code, Code::kNotFound);
}

TEST_F(CurveTest, AKeyFileComesBackAndIsNotOverwritten) {
  ASSERT_TRUE(WriteKeyFile(Path("key"), worker_));
  EXPECT_EQ(ReadKeyFile(Path("key"))->secret_key, worker_.secret_key);
  EXPECT_EQ(*ReadPublicKey(Path("key")), worker_.public_key);
  EXPECT_EQ(*ReadPublicKey(worker_.public_key), worker_.public_key);
  EXPECT_EQ(WriteKeyFile(Path("key"), server_).error().code, Code::kAlreadyExists);
  EXPECT_EQ(ReadKeyFile(Path("key"))->public_key, worker_.public_key);
  struct stat found {};
  ASSERT_EQ(stat(Path("key").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
}

TEST_F(CurveTest, AKeyFileThatOthersReadOrThatIsWrongIsRefused) {
  ASSERT_TRUE(WriteKeyFile(Path("key"), worker_));
  chmod(Path("key").c_str(), 0644);
  const auto open = ReadKeyFile(Path("key"));
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().code, Code::kPermissionDenied);
  EXPECT_NE(open.error().message.find("chmod 600"), std::string::npos);
  const auto written = [&](const std::string& text) {
    std::ofstream(Path("wrong")) << text;
    chmod(Path("wrong").c_str(), 0600);
    return ReadKeyFile(Path("wrong"));
  };
  EXPECT_NE(written("secret x\n").error().message.find(":1: "), std::string::npos);
  EXPECT_NE(written("public " + worker_.public_key + "\n").error().message.find("no secret key"), std::string::npos);
  EXPECT_NE(written("public " + server_.public_key + "\nsecret " + worker_.secret_key + "\n").error().message.find("does not belong"),
            std::string::npos);
  EXPECT_FALSE(ReadPublicKey("neither"));
}

}  // namespace
}  // namespace headrace::queue
