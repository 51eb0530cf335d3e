// Routes: what is not registered is not there; and who may use those that are.
#include "api/http/router.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "api/http/authenticator.h"
#include "api/http/local_caller.h"
#include "common/base/hash.h"
#include "tests/unit/api/http/rig.h"

namespace headrace::api::http {
namespace {

using testing::HttpTest;
using testing::RawClient;

void Nothing(const std::shared_ptr<const HttpRequest>&, const Reply&) {}

Router Routes() {
  Router router;
  router.Add("GET", "/api/v1/{tenant:id}/flows/{ns:id}", Role::kViewer, Nothing);
  router.Add("GET", "/api/v1/{tenant:id}/flows/search", Role::kViewer, Nothing);
  router.Add("PUT", "/api/v1/{tenant:id}/kv/{key:slashed}", Role::kEditor, Nothing);
  router.Add("GET", "/files/{path:rest}", Role::kViewer, Nothing);
  router.Add("GET", "/files/special", Role::kViewer, Nothing);
  router.Add("GET", "/hook/{key:text}", Role::kPublic, Nothing, {.head = false});
  return router;
}

// "pattern key=value", or what would be allowed.
std::string Found(const std::string& method, const std::string& target) {
  static const Router kRouter = Routes();
  const RouteMatch match = kRouter.Find(method, *ParseTarget(target));
  std::string out = match.route != nullptr ? match.route->pattern : "";
  for (const auto& [name, value] : match.captures) out += " " + name + "=" + value;
  if (match.route == nullptr) {
    for (const std::string& allowed : match.allowed) out += " " + allowed;
  }
  return out;
}

TEST(RouterTest, FindsTheMostParticularRoute) {
  EXPECT_EQ(Found("GET", "/api/v1/main/flows/company.team"),
            "/api/v1/{tenant:id}/flows/{ns:id} ns=company.team tenant=main");
  EXPECT_EQ(Found("GET", "/api/v1/main/flows/search"), "/api/v1/{tenant:id}/flows/search tenant=main");
  EXPECT_EQ(Found("GET", "/files/special"), "/files/special");
  EXPECT_EQ(Found("GET", "/files/a/b%20c/d"), "/files/{path:rest} path=a/b c/d");
  EXPECT_EQ(Found("HEAD", "/files/a"), "/files/{path:rest} path=a");
}

TEST(RouterTest, CapturesHaveTypes) {
  EXPECT_EQ(Found("PUT", "/api/v1/main/kv/a%2Fb"), "/api/v1/{tenant:id}/kv/{key:slashed} key=a/b tenant=main");
  EXPECT_EQ(Found("GET", "/hook/any%20thing+%25"), "/hook/{key:text} key=any thing+%");
  for (const char* target : {"/hook/a%2Fb", "/hook/", "/hook", "/hook/a/b", "/hook/a/", "/files/a%2Fb", "/files/",
                             "/files/a//b", "/files/a/", "/api/v1/main/flows/.hidden", "/api/v1/main/flows/a%20b",
                             "/api/v1/main/flows/a/b", "/api/v1//flows/a"}) {
    EXPECT_EQ(Found("GET", target), "") << target;
  }
}

TEST(RouterTest, OtherMethodsAreListed) {
  EXPECT_EQ(Found("POST", "/files/special"), " GET HEAD");
  // A GET that has an effect answers no HEAD.
  EXPECT_EQ(Found("HEAD", "/hook/a"), " GET");
}

TEST(RouterTest, TheSameRouteTwiceIsABug) {
  Router router = Routes();
  EXPECT_DEATH(router.Add("GET", "/hook/{other:text}", Role::kPublic, Nothing), "CHECK");
  EXPECT_DEATH(router.Add("GET", "/a/", Role::kPublic, Nothing), "CHECK");
  EXPECT_DEATH(router.Add("GET", "/{a}", Role::kPublic, Nothing), "CHECK");
}

// ---- who may ----

TEST(Tokens, AreReadFromLines) {
  const auto tokens = ParseTokens(
      "# people\n\n0123456789abcdef ann viewer\n sha256:" + Sha256Hex("fedcba9876543210") + "\tbot  admin \n", "t");
  ASSERT_TRUE(tokens.has_value()) << tokens.error().ToString();
  const auto who = [&](const std::string& value) {
    const auto principal = (*tokens)->Authenticate({{"authorization", value}});
    return principal ? principal->name + " " + std::string(RoleName(principal->role))
                     : std::string(CodeName(principal.error().code));
  };
  EXPECT_EQ(who("Bearer 0123456789abcdef"), "ann viewer");
  EXPECT_EQ(who("bearer fedcba9876543210"), "bot admin");
  for (const char* value : {"", "Bearer", "Bearer ", "Bearer nothing", "Basic 0123456789abcdef", "0123456789abcdef",
                            "Bearer 0123456789abcde", "Bearer 0123456789abcdef0", "Bearer 0123456789ABCDEF"}) {
    EXPECT_EQ(who(value), "UNAUTHENTICATED") << value;
  }
  EXPECT_FALSE((*tokens)->Authenticate({}).has_value());
  const Header right{"Authorization", "Bearer 0123456789abcdef"};
  EXPECT_FALSE((*tokens)->Authenticate({right, {"Authorization", "Bearer x"}}).has_value());
}

TEST(Tokens, LinesThatAreNoneAreNamedWithoutTheToken) {
  for (const char* text : {"", "# nothing\n", "short ann viewer", "0123456789abcdef ann", "0123456789abcdef ann king",
                           "0123456789abcdef ann public", "0123456789abcdef ann viewer team more", "sha256:abc ann viewer",
                           "0123456789abcdef a viewer\n0123456789abcdef b admin", "0123456789abcdef ann viewer team,",
                           "0123456789abcdef ann viewer ,team", "0123456789abcdef ann viewer team.*", "0123456789abcdef ann viewer .team",
                           "0123456789abcdef pool worker team", "0123456789abcdef peer scheduler team"}) {
    const auto tokens = ParseTokens(text, "tokens.txt");
    ASSERT_FALSE(tokens.has_value()) << text;
    EXPECT_TRUE(tokens.error().message.starts_with("tokens.txt")) << tokens.error().message;
    EXPECT_EQ(tokens.error().message.find("0123456789abcdef"), std::string::npos);
  }
}

TEST(Tokens, ReachTheirNamespacesAndWhatLiesBelow) {
  const auto tokens = ParseTokens("0123456789abcdef ann viewer company.team,lab\nfedcba9876543210 bot viewer\n", "t");
  ASSERT_TRUE(tokens.has_value()) << tokens.error().ToString();
  const Principal ann = *(*tokens)->Authenticate({{"Authorization", "Bearer 0123456789abcdef"}});
  for (const char* ns : {"company.team", "company.team.x", "company.team.x.y", "lab", "lab.a"}) EXPECT_TRUE(ann.Reaches(ns)) << ns;
  for (const char* ns : {"", "company", "company.teams", "company.team2.x", "a.lab", "labs", "Lab"}) EXPECT_FALSE(ann.Reaches(ns)) << ns;
  EXPECT_TRUE((*(*tokens)->Authenticate({{"Authorization", "Bearer fedcba9876543210"}})).Reaches("anything"));
}

class TokenFileTest : public ::testing::Test {
 protected:
  TokenFileTest() : file(::testing::TempDir() + "tokens-" + std::to_string(getpid())) { Write("0123456789abcdef ann viewer\n"); }
  ~TokenFileTest() override { std::remove(file.c_str()); }
  void Write(const std::string& text) const {
    std::ofstream(file + ".new") << text;
    std::filesystem::permissions(file + ".new", std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    std::filesystem::rename(file + ".new", file);
  }
  // Asked until it is so: the file is looked at once a second.
  static bool Becomes(const Authenticator& tokens, const std::string& token, bool known) {
    for (int i = 0; i < 3000; ++i) {
      if (tokens.Authenticate({{"Authorization", "Bearer " + token}}).has_value() == known) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  const std::string file;
};

TEST_F(TokenFileTest, IsReadAgainWhenItHasChangedAndABadOneChangesNothing) {
  const auto tokens = OpenTokenFile(file);
  ASSERT_TRUE(tokens.has_value()) << tokens.error().ToString();
  const Principal ann = *(*tokens)->Authenticate({{"Authorization", "Bearer 0123456789abcdef"}});
  EXPECT_TRUE((*tokens)->Holds(ann));
  Write("fedcba9876543210 bot admin\n");
  EXPECT_TRUE(Becomes(**tokens, "0123456789abcdef", false));
  EXPECT_TRUE(Becomes(**tokens, "fedcba9876543210", true));
  EXPECT_FALSE((*tokens)->Holds(ann));
  Write("0123456789abcdef ann king\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  EXPECT_TRUE((*tokens)->Authenticate({{"Authorization", "Bearer fedcba9876543210"}}).has_value());
  EXPECT_FALSE((*tokens)->Authenticate({{"Authorization", "Bearer 0123456789abcdef"}}).has_value());
  Write("0123456789abcdef ann viewer team\n");
  EXPECT_TRUE(Becomes(**tokens, "fedcba9876543210", false));
  EXPECT_FALSE((*tokens)->Holds(ann));
}

// A line that is cut off before its namespaces would be good for all.
TEST_F(TokenFileTest, OneThatIsHalfWrittenIsRefusedAndReadOnceItIsWhole) {
  Write("0123456789abcdef ann viewer");
  const auto refused = OpenTokenFile(file);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("half written"), std::string::npos) << refused.error().message;
  Write("0123456789abcdef ann viewer team\n");
  const auto tokens = OpenTokenFile(file);
  ASSERT_TRUE(tokens.has_value()) << tokens.error().ToString();
  Write("0123456789abcdef ann viewer team\nfedcba9876543210 bot admin");
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  EXPECT_FALSE((*tokens)->Authenticate({{"Authorization", "Bearer fedcba9876543210"}}).has_value());
  EXPECT_TRUE((*tokens)->Authenticate({{"Authorization", "Bearer 0123456789abcdef"}}).has_value());
  Write("0123456789abcdef ann viewer team\nfedcba9876543210 bot admin\n");
  EXPECT_TRUE(Becomes(**tokens, "fedcba9876543210", true));
}

TEST_F(TokenFileTest, OneThatHasBecomeEmptyKnowsNobody) {
  const auto tokens = OpenTokenFile(file);
  ASSERT_TRUE(tokens.has_value()) << tokens.error().ToString();
  Write("# nobody\n");
  EXPECT_TRUE(Becomes(**tokens, "0123456789abcdef", false));
  EXPECT_FALSE(OpenTokenFile(file).has_value()) << "at the start it is a mistake";
}

TEST_F(TokenFileTest, OneThatOthersMayWriteIsRefused) {
  std::filesystem::permissions(file, std::filesystem::perms::all);
  ASSERT_FALSE(OpenTokenFile(file).has_value());
  EXPECT_NE(OpenTokenFile(file).error().message.find("chmod go-w"), std::string::npos);
}

TEST_F(HttpTest, ATokenThatIsBoundToNamespacesAsksOnlyWhatLooksAtThem) {
  routes.Add("GET", "/inside", Role::kViewer, Nothing, {.inside = true});
  options.authenticator = *ParseTokens("0123456789abcdef ann admin team\n", "t");
  Start();
  EXPECT_EQ(Ask("GET", "/private", "Authorization: Bearer 0123456789abcdef\r\n").status, 403);
  EXPECT_NE(Ask("GET", "/inside", "Authorization: Bearer 0123456789abcdef\r\n").status, 403);
}

TEST_F(HttpTest, WithTokensARouteAsksForItsRole) {
  routes.Add("POST", "/private", Role::kOperator, Nothing, {.answer_within = std::chrono::milliseconds(1)});
  options.authenticator = *ParseTokens("0123456789abcdef ann viewer\n", "t");
  Start();
  const auto refused = Ask("GET", "/private");
  EXPECT_EQ(refused.status, 401);
  EXPECT_TRUE(refused.header("WWW-Authenticate").starts_with("Bearer"));
  EXPECT_EQ(Ask("GET", "/private", "Authorization: Bearer nothing\r\n").status, 401);
  EXPECT_EQ(Ask("GET", "/private", "Authorization: Bearer 0123456789abcdef\r\n").status, 200);
  EXPECT_EQ(Ask("POST", "/private", "Authorization: Bearer 0123456789abcdef\r\n").status, 403);
  EXPECT_EQ(Ask("GET", "/echo").status, 200);
}

TEST_F(HttpTest, WithoutTokensOnlyThisMachinesOwnProgramsMayAsk) {
  options.names = {"box.example.org"};
  Start();
  const auto status = [&](const std::string& host, const std::string& headers = "") {
    RawClient client(port());
    client.Send("GET /private HTTP/1.1\r\nHost: " + host + "\r\n" + headers + "\r\n");
    return client.Read().status;
  };
  for (const char* host :
       {"localhost", "localhost:8080", "127.0.0.1:1", "127.9.9.9", "[::1]:8080", "LOCALHOST", "Box.Example.org"}) {
    EXPECT_EQ(status(host), 200) << host;
  }
  // A name of elsewhere that was made to point here.
  for (const char* host :
       {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "0.0.0.0", ""}) {
    EXPECT_EQ(status(host), 403) << host;
  }
  EXPECT_EQ(status("localhost", "Origin: http://localhost:8080\r\n"), 200);
  for (const char* headers :
       {"Origin: https://evil.example\r\n", "Origin: null\r\n", "Origin: http://localhost.evil.example\r\n",
        "Sec-Fetch-Site: cross-site\r\n", "Origin: http://localhost\r\nOrigin: https://evil.example\r\n"}) {
    EXPECT_EQ(status("localhost", headers), 403) << headers;
  }
  EXPECT_EQ(Ask("GET", "http://evil.example/private").status, 403);
  RawClient old(port());
  old.Send("GET /private HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.Read().status, 403);
}

TEST_F(HttpTest, AddressesThatOthersReachNeedTokens) {
  options.address = "0.0.0.0:0";
  const auto refused = HttpServer::Start(options, routes, metrics);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("--token-file"), std::string::npos);
  options.authenticator = *ParseTokens("0123456789abcdef ann viewer\n", "t");
  EXPECT_TRUE(HttpServer::Start(options, routes, metrics).has_value());
  Router open;
  open.Add("GET", "/open", Role::kPublic, Nothing);
  options.authenticator = nullptr;
  EXPECT_TRUE(HttpServer::Start(options, open, metrics).has_value());
}

}  // namespace
}  // namespace headrace::api::http
