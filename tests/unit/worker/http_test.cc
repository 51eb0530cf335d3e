// http.Request, http.Download and http(), against a real server on loopback; and which addresses are refused.
#include "tests/unit/worker/http_server.h"
#include "tests/unit/worker/task_fixture.h"
#include "worker/http_client/address_rules.h"

namespace headrace::worker {
namespace {

const std::string kRequest = "io.kestra.plugin.core.http.Request";
const std::string kDownload = "io.kestra.plugin.core.http.Download";

std::string Serve(const HttpCall& call) {
  if (call.target == "/json") return HttpServer::Answer(200, "application/json; charset=utf-8", R"({"hello":"world"})", "X-One: a\r\nX-One: b\r\n");
  if (call.target == "/text") return HttpServer::Answer(200, "text/plain", R"({"hello":"world"})");
  if (call.target == "/417") return HttpServer::Answer(417, "application/json", R"({"hello":"world"})");
  if (call.target == "/empty") return HttpServer::Answer(200, "text/plain", "");
  if (call.target == "/large") return HttpServer::Answer(200, "text/plain", std::string(100'000, 'x'));
  if (call.target == "/binary") return HttpServer::Answer(200, "application/octet-stream", std::string("\xff\xfe\x00z", 4));
  if (call.target == "/named") return HttpServer::Answer(200, "text/csv", "a,b\n", "Content-Disposition: attachment; filename=\"../rows.csv\"\r\n");
  if (call.target == "/moved") return HttpServer::Answer(302, "text/plain", "", "Location: /json\r\n");
  if (call.target == "/to-file") return HttpServer::Answer(302, "text/plain", "", "Location: file:///etc/passwd\r\n");
  if (call.target == "/to-metadata") return HttpServer::Answer(302, "text/plain", "", "Location: http://169.254.169.254/latest\r\n");
  if (call.target == "/events")
    return HttpServer::Answer(200, "text/event-stream",
                              ": hello\r\nid: 1\r\nevent: add\r\ndata: {\"t\":\"a\"}\r\n\r\ndata: {\"t\":\r\ndata: \"b\"}\r\n\r\nevent: nothing\n\ndata: cut");
  if (call.target == "/hang") return "";
  return HttpServer::Answer(200, "text/plain", call.method + " " + call.target + "\n" + call.body);
}

class HttpTask : public TaskTest {
 protected:
  HttpTask() : server(Serve) { options_.http_allow = {"127.0.0.0/8"}; }
  Ran Request(const std::string& path, const std::string& more = "{}", const std::string& type = kRequest) {
    Object properties = Json(more).as_object();
    if (!properties.contains("uri")) properties["uri"] = server.Uri(path);
    return Run(type, properties);
  }

  HttpServer server;
};

TEST_F(HttpTask, AnswerBecomesOutputs) {
  const Ran ran = Request("/json");
  EXPECT_EQ(ran.state, State::kSuccess) << ran.message;
  EXPECT_EQ(ran.Out("code"), "200");
  EXPECT_EQ(ran.Out("body"), R"({"hello":"world"})");
  EXPECT_EQ(ran.Out("headers.X-One"), R"(["a","b"])");
  EXPECT_EQ(ran.Out("uri"), server.Uri("/json"));
  EXPECT_EQ(Request("/text").Out("body"), R"({"hello":"world"})");
  EXPECT_EQ(Request("/moved").Out("body"), R"({"hello":"world"})");
  EXPECT_EQ(Request("/moved", R"({"options":{"followRedirects":false}})").Out("code"), "302");
  EXPECT_NE(Request("/binary").message.find("Download task"), std::string::npos);
}

TEST_F(HttpTask, RequestCarriesWhatThePropertiesSay) {
  EXPECT_EQ(Request("/a?x=1", R"({"params":{"q":"a b&","l":[1,2]}})").Out("body"), "GET /a?x=1&q=a%20b%26&l=1&l=2\n");
  EXPECT_EQ(Request("/p", R"({"method":"post","body":"{\"a\":1}","headers":{"X-Mine":"yes"}})").Out("body"), "POST /p\n{\"a\":1}");
  EXPECT_NE(server.calls().back().head.find("Content-Type: application/json"), std::string::npos);
  EXPECT_NE(server.calls().back().head.find("X-Mine: yes"), std::string::npos);
  EXPECT_EQ(Request("/f", R"({"method":"POST","formData":{"a":"1 2","b":"&"}})").Out("body"), "POST /f\na=1%202&b=%26");
  EXPECT_NE(server.calls().back().head.find("application/x-www-form-urlencoded"), std::string::npos);
  EXPECT_EQ(Request("/d", R"({"method":"DELETE"})").Out("body"), "DELETE /d\n");
  EXPECT_EQ(Request("/h", R"({"method":"HEAD"})").Out("code"), "200");
  Request("/b", R"({"options":{"auth":{"type":"BASIC","username":"ada","password":"pw"}}})");
  EXPECT_NE(server.calls().back().head.find("Authorization: Basic YWRhOnB3"), std::string::npos);
  Request("/b", R"({"options":{"auth":{"type":"BEARER","token":"{{ secret('GITHUB_TOKEN') }}"}}})");
  EXPECT_NE(server.calls().back().head.find("Authorization: Bearer ghp_secret1234"), std::string::npos);
  EXPECT_EQ(Request("/x", R"({"headers":{"A":"b\r\nInjected: c"}})").state, State::kFailed);
}

TEST_F(HttpTask, MultipartStreamsStoredFiles) {
  const std::string uri = PutFile("in.txt", "content of the file");
  const Ran ran = Request("/m", R"({"method":"POST","contentType":"multipart/form-data","formData":{"plain":"text","file":{"name":"my.txt","content":")" +
                                    uri + R"("}}})");
  const std::string body = server.calls().back().body;
  EXPECT_NE(body.find("name=\"file\"; filename=\"my.txt\""), std::string::npos) << body;
  EXPECT_NE(body.find("content of the file"), std::string::npos);
  EXPECT_NE(body.find("name=\"plain\"\r\n\r\ntext"), std::string::npos);
}

TEST_F(HttpTask, StatusFromFourHundredOnFailsUnlessAllowed) {
  const Ran failed = Request("/417");
  EXPECT_EQ(failed.state, State::kFailed);
  EXPECT_EQ(failed.message, "Failed http request with response code '417' and body:\n{\"hello\":\"world\"}");
  EXPECT_EQ(Request("/417", R"({"options":{"allowFailed":true}})").Out("code"), "417");
  EXPECT_EQ(Request("/417", R"({"allowFailed":true})").Out("body"), R"({"hello":"world"})");
  EXPECT_EQ(Request("/417", R"({"options":{"allowedResponseCodes":[417]}})").state, State::kSuccess);
  EXPECT_EQ(Request("/text", R"({"options":{"allowedResponseCodes":[404]}})").state, State::kFailed);
}

TEST_F(HttpTask, DownloadStoresTheBody) {
  const Ran ran = Request("/named", "{}", kDownload);
  EXPECT_EQ(ran.state, State::kSuccess) << ran.message;
  EXPECT_EQ(ran.Out("length"), "4");
  EXPECT_TRUE(ran.Out("uri").ends_with("/rows.csv")) << ran.Out("uri");
  EXPECT_EQ(ReadUri(ran.Out("uri")), "a,b\n");
  EXPECT_TRUE(Request("/text", R"({"saveAs":"mine.json"})", "io.kestra.plugin.fs.http.Download").Out("uri").ends_with("/mine.json"));
  EXPECT_EQ(Request("/empty", "{}", kDownload).message, "No response from server");
  EXPECT_EQ(Request("/empty", R"({"failOnEmptyResponse":false})", kDownload).Out("length"), "0");
  EXPECT_EQ(Request("/text", R"({"saveAs":"../x"})", kDownload).state, State::kFailed);
  EXPECT_EQ(Request("/417", "{}", kDownload).state, State::kFailed);
  options_.file_bytes_max = 50'000;
  EXPECT_NE(Request("/large", "{}", kDownload).message.find("larger than 50000"), std::string::npos);
}

TEST_F(HttpTask, BodiesAreCapped) {
  options_.http_body_bytes_max = 1000;
  EXPECT_NE(Request("/large").message.find("larger than 1000"), std::string::npos);
}

TEST_F(HttpTask, SseReadsEventsToTheEnd) {
  const std::string type = "io.kestra.plugin.core.http.SseRequest";
  const Ran ran = Request("/events", R"({"concatJqExpression":".t"})", type);
  EXPECT_EQ(ran.state, State::kSuccess) << ran.message;
  EXPECT_EQ(ran.Out("size") + ran.Out("result"), "2ab");
  EXPECT_EQ(ran.Out("events"), R"([{"id":"1","name":"add","comment":"hello","data":{"t":"a"}},{"id":"1","data":{"t":"b"}}])");
  EXPECT_EQ(ReadUri(ran.Out("uri")).find("{\"id\":\"1\""), 0u);
  EXPECT_EQ(Request("/events", R"({"concatJqExpression":".nope"})", type).state, State::kFailed);
  EXPECT_EQ(Request("/events", R"({"concatJqExpression":".nope","failedOnMissingJq":false})", type).Out("result"), "");
}

TEST_F(HttpTask, CancelEndsTheTransfer) {
  auto job = MakeJob(kRequest, Object{{"uri", server.Uri("/hang")}});
  std::thread canceller([&] {
    while (server.calls().empty()) std::this_thread::yield();
    job->cancel().Cancel(1s, "killed by ada");
  });
  EXPECT_FALSE(job->Step());
  canceller.join();
  const auto result = job->TakeResult();
  EXPECT_EQ(result.outcome, State::kKilled);
  EXPECT_EQ(result.message, "killed by ada");
}

TEST_F(HttpTask, AddressesOfThisMachineAndItsNeighboursAreRefused) {
  EXPECT_EQ(Request("/to-file").state, State::kFailed);
  const Ran metadata = Request("/to-metadata");
  EXPECT_NE(metadata.message.find("refused"), std::string::npos) << metadata.message;
  const std::string port = std::to_string(server.port());
  options_.http_allow.clear();
  const std::size_t before = server.calls().size();
  for (const std::string& host : {"127.0.0.1:" + port, "localhost:" + port, "[::ffff:127.0.0.1]:" + port, "2130706433:" + port,
                                  "0x7f.1:" + port, "0:" + port, std::string("169.254.169.254"), std::string("[::ffff:169.254.169.254]"),
                                  std::string("2852039166"), std::string("[fe80::1]")}) {
    const Ran ran = Request("", R"({"uri":"http://)" + host + R"(/json"})");
    EXPECT_EQ(ran.state, State::kFailed) << host;
    EXPECT_NE(ran.message.find("refused"), std::string::npos) << host << ": " << ran.message;
  }
  EXPECT_EQ(server.calls().size(), before);
  for (const std::string uri : {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://x/", "/json", ""})
    EXPECT_NE(Request("", R"({"uri":")" + uri + "\"}").message.find("is no http"), std::string::npos) << uri;
}

TEST_F(HttpTask, ProxyDoesNotLeadAroundTheRules) {
  options_.http_allow.clear();
  const Ran ran = Request("", R"({"uri":"http://169.254.169.254/x","options":{"proxy":{"address":"127.0.0.1","port":)" +
                                  std::to_string(server.port()) + "}}}");
  EXPECT_NE(ran.message.find("refused"), std::string::npos) << ran.message;
}

TEST_F(HttpTask, FunctionReturnsTheBody) {
  const auto render = [&](const std::string& text) { return Run("io.kestra.plugin.core.debug.Return", Object{{"format", text}}); };
  EXPECT_EQ(render("{{ http('" + server.Uri("/json") + "').hello }}").Out("value"), "world");
  EXPECT_EQ(render("{{ http(uri='" + server.Uri("/p") + "', method='POST', body='b', query={'k': 'v'}) }}").Out("value"), "POST /p?k=v\nb");
  EXPECT_EQ(render("{{ http('" + server.Uri("/417") + "') }}").state, State::kFailed);
  EXPECT_FALSE(MakeJob("io.kestra.plugin.core.debug.Return", Json(R"({"format":"{{ http('x') }}"})"))->quick());
  EXPECT_TRUE(MakeJob("io.kestra.plugin.core.debug.Return", Json(R"({"format":"{{ now() }}"})"))->quick());
}

TEST(AddressRules, Table) {
  const auto refused = [](const std::string& host, std::vector<std::string> allow = {}) {
    return !AddressRules::Parse(allow)->RefuseHost(host).empty();
  };
  for (const char* host : {"127.0.0.1", "127.255.255.254", "0.0.0.0", "169.254.0.1", "224.0.0.1", "255.255.255.255", "::1", "::",
                           "fe80::1", "ff02::1", "::ffff:7f00:1", "64:ff9b::7f00:1", "2002:7f00:1::1", "fd00:ec2::254"})
    EXPECT_TRUE(refused(host)) << host;
  for (const char* host : {"8.8.8.8", "10.1.2.3", "192.168.1.1", "2606:4700::1111", "128.0.0.1", "170.0.0.1"})
    EXPECT_FALSE(refused(host)) << host;
  EXPECT_FALSE(refused("127.0.0.1", {"127.0.0.1"}));
  EXPECT_TRUE(refused("127.0.0.2", {"127.0.0.1"}));
  EXPECT_FALSE(refused("127.9.0.2", {"127.8.0.0/13"}));
  EXPECT_FALSE(refused("::1", {"::1/128"}));
  for (const char* text : {"", "127.0.0.1/33", "::1/129", "localhost", "127.0.0.0/x"}) EXPECT_FALSE(AddressRules::Parse({text})) << text;
}

}  // namespace
}  // namespace headrace::worker
