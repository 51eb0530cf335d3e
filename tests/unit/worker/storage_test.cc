// Keys, states, files of executions and namespaces: tasks and the functions of expressions over one storage.
#include <atomic>
#include <thread>

#include "common/model/for_each_item.h"
#include "tests/unit/worker/task_fixture.h"
#include "worker/kv/kv_store.h"

namespace headrace::worker {
namespace {

const std::string kCore = "io.kestra.plugin.core.";

class StorageTask : public TaskTest {
 protected:
  Ran Core(const std::string& type, const std::string& properties, const std::string& context = "{}") {
    return Run(kCore + type, Json(properties), context);
  }
  // What an expression gives, or the message of its failure.
  std::string Render(const std::string& text, const std::string& context = "{}") {
    const Ran ran = Run(kCore + "debug.Return", Object{{"format", text}}, context);
    return ran.state == State::kSuccess ? ran.Out("value") : ran.message;
  }
  bool Says(const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
    return text.find(part) != std::string::npos;
  }
};

TEST_F(StorageTask, KeysAreSetReadListedAndDeleted) {
  EXPECT_EQ(Core("kv.Set", R"({"key":"v","value":"{{ 1 + 1 }}"})").state, State::kSuccess);
  EXPECT_EQ(Core("kv.Get", R"({"key":"v"})").Out("value"), "2");
  EXPECT_EQ(ToJson(Core("kv.Get", R"({"key":"none"})").outputs), R"({"value":null})");
  EXPECT_EQ(Core("kv.Get", R"({"key":"none","errorOnMissing":true})").message,
            "No value found for key 'none' in namespace 'a.b' and `errorOnMissing` is set to true");
  EXPECT_EQ(Core("kv.Set", R"({"key":"v","value":"3","overwrite":false})").message,
            "Cannot set value for key 'v'. Key already exists and `overwrite` is set to `false`.");
  Core("kv.Put", R"({"key":"vmap","value":{"a":[1,{"b":"{{ 5 }}"}]}})");
  EXPECT_EQ(Core("kv.Get", R"({"key":"vmap"})").Out("value"), R"({"a":[1,{"b":5}]})");
  Core("kv.Set", R"({"key":"other","value":"x"})");
  EXPECT_EQ(Core("kv.GetKeys", R"({"prefix":"v"})").Out("keys"), R"(["v","vmap"])");
  EXPECT_EQ(Core("kv.Delete", R"({"key":"v"})").Out("deleted"), "true");
  EXPECT_EQ(Core("kv.Delete", R"({"key":"v"})").Out("deleted"), "false");
  EXPECT_EQ(Core("kv.Delete", R"({"key":"v","errorOnMissing":true})").state, State::kFailed);
  Says(Core("kv.Set", R"({"key":"-bad/key","value":"x"})").message, "Key must start with an alphanumeric");
  Says(Core("kv.Set", R"({"key":"k","value":"x","namespace":"../up"})").message, "is no namespace");
}

TEST_F(StorageTask, KeyTypes) {
  const auto typed = [&](const std::string& type, const std::string& value) {
    const Ran set = Run(kCore + "kv.Set", Object{{"key", "t"}, {"value", value}, {"kvType", type}});
    if (set.state != State::kSuccess) return "failed: " + set.message.substr(0, 6);
    const Value* got = nullptr;
    const Ran read = Core("kv.Get", R"({"key":"t"})");
    got = Member(read.outputs, "value");
    return got == nullptr ? std::string("(none)") : ToJson(*got);
  };
  EXPECT_EQ(typed("NUMBER", "3.5"), "3.5");
  EXPECT_EQ(typed("NUMBER", "12"), "12");
  EXPECT_EQ(typed("NUMBER", "x"), "failed: value:");
  EXPECT_EQ(typed("BOOLEAN", "True"), "true");
  EXPECT_EQ(typed("BOOLEAN", "yes"), "false");
  EXPECT_EQ(typed("DATETIME", "2023-05-02T01:02:03Z"), R"("2023-05-02T01:02:03Z")");
  EXPECT_EQ(typed("DATETIME", "yesterday"), "failed: value:");
  EXPECT_EQ(typed("DATE", "2023-05-02"), R"("2023-05-02")");
  EXPECT_EQ(typed("DATE", "2023-5-2"), "failed: value:");
  EXPECT_EQ(typed("DURATION", "PT90S"), R"("PT1M30S")");
  EXPECT_EQ(typed("JSON", R"({"a":[1]})"), R"({"a":[1]})");
  EXPECT_EQ(typed("STRING", "{{ 5 }}"), R"("5")");
}

TEST_F(StorageTask, KvFunctionLooksUpwardsAndSaysWhatIsMissing) {
  Core("kv.Set", R"({"key":"up","value":"from a","namespace":"a"})");
  Core("kv.Set", R"({"key":"far","value":"elsewhere","namespace":"x.y"})");
  EXPECT_EQ(Render("{{ kv('up') }}"), "from a");
  EXPECT_EQ(Render("{{ kv('far', 'x.y') }}"), "elsewhere");
  Says(Render("{{ kv('up', 'a.b') }}"), "The key 'up' does not exist in the namespace 'a.b'.");
  Says(Render("{{ kv('none') }}"), "The key 'none' does not exist in the namespace 'a.b'.");
  EXPECT_EQ(Render("{{ kv('none', errorOnMissing=false) ?? 'fallback' }}"), "fallback");
  Core("kv.Set", R"({"key":"short","value":"x","ttl":"PT-1S"})");
  Says(Render("{{ kv('short') }}"), "The requested value has expired");
  EXPECT_EQ(Core("kv.GetKeys", "{}").Out("keys"), "[]");
  // An expired one does not stand in the way, and goes with a purge.
  EXPECT_EQ(Core("kv.PurgeKV", R"({"namespaces":["x"]})").Out("size"), "0");
  EXPECT_EQ(Core("kv.PurgeKV", R"({"namespaces":["a"]})").Out("size"), "1");
  EXPECT_EQ(Core("kv.PurgeKV", R"({"namespaces":["a"],"behavior":{"type":"key","expiredOnly":false}})").Out("size"), "1");
}

TEST_F(StorageTask, UpdatesOfOneKeyAreNotLost) {
  MakeJob(kCore + "log.Log", Object());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      const KvStore store(*storage_, clock_);
      for (int i = 0; i < 50; ++i) {
        EXPECT_TRUE(store.Update("a.b", "count", [](const KvStore::Entry* before) {
          return KvStore::Entry{.type = "NUMBER", .value = (before == nullptr ? 0 : before->value.as_int64()) + 1};
        }));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Core("kv.Get", R"({"key":"count"})").Out("value"), "200");
}

TEST_F(StorageTask, StatesAreMergedAndApartByFlowAndValue) {
  EXPECT_EQ(Core("state.Get", "{}").Out("count"), "0");
  EXPECT_EQ(Core("state.Get", R"({"errorOnMissing":true})").state, State::kFailed);
  EXPECT_EQ(Core("state.Set", R"({"data":{"a":{"x":1},"b":2}})").Out("count"), "2");
  EXPECT_EQ(Run("io.kestra.core.tasks.states.Set", Json(R"({"data":{"a":{"y":3}}})")).Out("count"), "2");
  EXPECT_EQ(Core("state.Get", "{}").Out("data"), R"({"a":{"x":1,"y":3},"b":2})");
  const std::string in_loop = R"({"taskrun":{"value":"v1"}})";
  EXPECT_EQ(Core("state.Get", "{}", in_loop).Out("count"), "0");
  EXPECT_EQ(Core("state.Get", R"({"taskrunValue":false})", in_loop).Out("count"), "2");
  EXPECT_EQ(Core("state.Get", R"({"namespace":true})").Out("count"), "0");
  EXPECT_EQ(Core("state.Delete", "{}").Out("deleted"), "true");
  EXPECT_EQ(Core("state.Get", "{}").Out("count"), "0");
}

TEST_F(StorageTask, FilesAreWrittenJoinedMeasuredReversedAndDeleted) {
  const Ran written = Core("storage.Write", R"({"content":"1\n2\n3","extension":"txt"})");
  const std::string uri = written.Out("uri");
  EXPECT_TRUE(uri.starts_with("kestra:///a/b/flow/executions/EXEC/tasks/check/TASKRUN/") && uri.ends_with(".txt")) << uri;
  EXPECT_EQ(ReadUri(uri), "1\n2\n3");
  const std::string from = PutFile("w.txt", "1\n2\n3");
  const std::string context = R"({"u":")" + from + "\"}";
  EXPECT_EQ(Core("storage.Size", R"({"uri":"{{ u }}"})", context).Out("size"), "5");
  EXPECT_EQ(ReadUri(Core("storage.Reverse", R"({"from":"{{ u }}"})", context).Out("uri")), "3\n2\n1\n");
  const Ran joined = Core("storage.Concat", R"({"files":["{{ u }}","{{ u }}"],"separator":"|"})", context);
  EXPECT_EQ(ReadUri(joined.Out("uri")), "1\n2\n3|1\n2\n3|");
  EXPECT_EQ(ReadUri(Core("storage.Concat", R"({"files":"[\"{{ u }}\"]","extension":".csv"})", context).Out("uri")), "1\n2\n3");
  EXPECT_EQ(Core("storage.Delete", R"({"uri":"{{ u }}"})", context).Out("deleted"), "true");
  EXPECT_EQ(Core("storage.Delete", R"({"uri":"{{ u }}"})", context).Out("deleted"), "false");
  EXPECT_EQ(Core("storage.Delete", R"({"uri":"{{ u }}","errorOnMissing":true})", context).message, "Unable to find file '" + from + "'");
  const Ran purged = Run("io.kestra.core.tasks.storages.PurgeExecution", Object());
  EXPECT_EQ(Member(purged.outputs, "uris")->get_array().size(), 3u);
  Says(ReadUri(joined.Out("uri")), "No such file");
}

TEST_F(StorageTask, SplitByRowsPartitionsBytesAndPattern) {
  std::string lines;
  for (int i = 0; i < 10; ++i) lines += (i % 2 == 0 ? "even " : "odd ") + std::to_string(i) + "\n";
  const std::string uri = PutFile("in.yml", lines);
  const auto split = [&](const std::string& how) {
    const Ran ran = Core("storage.Split", R"({"from":")" + uri + "\"" + how + "}");
    std::vector<std::string> parts;
    if (const Value* uris = Member(ran.outputs, "uris"))
      for (const Value& part : uris->get_array()) {
        EXPECT_TRUE(ToText(part).ends_with(".yml"));
        parts.push_back(ReadUri(ToText(part)));
      }
    return parts;
  };
  EXPECT_EQ(split("").size(), 10u);
  EXPECT_EQ(split(R"(,"rows":4)"), (std::vector<std::string>{"even 0\nodd 1\neven 2\nodd 3\n", "even 4\nodd 5\neven 6\nodd 7\n", "even 8\nodd 9\n"}));
  EXPECT_EQ(split(R"(,"partitions":3)")[2], "even 2\nodd 5\neven 8\n");
  EXPECT_EQ(split(R"(,"bytes":"20")").size(), 3u);
  EXPECT_EQ(split(R"(,"regexPattern":"(\\w+) \\d")"), (std::vector<std::string>{"even 0\neven 2\neven 4\neven 6\neven 8\n", "odd 1\nodd 3\nodd 5\nodd 7\nodd 9\n"}));
  EXPECT_TRUE(split(R"(,"bytes":"many")").empty());
}

TEST_F(StorageTask, TheBatchesOfAForEachItemAreNamedByTheirNumber) {
  const std::string uri = PutFile("in.csv", "a\nb\nc\n");
  const auto split = [&](const std::string& from, const std::string& how) {
    return Run(std::string(model::kItemsSplit), Json(R"({"from":")" + from + "\"" + how + "}"));
  };
  const Ran ran = split(uri, R"(,"rows":"{{ 1 + 1 }}")");
  EXPECT_EQ(ran.Out("numberOfBatches"), "2");
  EXPECT_EQ(ran.Out("batchesExtension"), ".csv");
  EXPECT_EQ(ReadUri(ran.Out("batchesBaseUri") + "1.csv"), "a\nb\n");
  EXPECT_EQ(ReadUri(ran.Out("batchesBaseUri") + "2.csv"), "c\n");
  EXPECT_EQ(ReadUri(ran.Out("splits")), ran.Out("batchesBaseUri") + "1.csv\n" + ran.Out("batchesBaseUri") + "2.csv\n");
  const Ran empty = split(PutFile("empty.csv", ""), "");
  EXPECT_EQ(empty.state, State::kSuccess) << empty.message;
  EXPECT_EQ(empty.Out("numberOfBatches"), "0");
  Says(split("some text", "").message, "this is not an internal storage URI");
}

TEST_F(StorageTask, TheOutputsOfItsChildrenAreWrittenBehindThoseBefore) {
  const std::string before = PutFile("part.jsonl", "{\"x\":1}\n");
  const Ran ran = Run(std::string(model::kItemsPart), Object(),
                      R"({"documents":"{\"x\":2}\n","partsBefore":[")" + before + "\"]}");
  EXPECT_EQ(ReadUri(ran.Out("uri")), "{\"x\":1}\n{\"x\":2}\n");
  EXPECT_EQ(ReadUri(Run(std::string(model::kItemsPart), Object(), R"({"documents":""})").Out("uri")), "");
}

TEST_F(StorageTask, ItemsAreFilteredAndDeduplicated) {
  const std::string uri = PutFile("items.jsonl", "{\"key\":\"k1\",\"value\":1}\n{\"key\":\"k2\",\"value\":2}\n{\"key\":\"k1\",\"value\":3}\n{\"key\":\"k3\"}\n");
  const std::string from = R"({"from":")" + uri + "\"";
  const Ran last = Core("storage.DeduplicateItems", from + R"(,"expr":" {{ key }} "})");
  EXPECT_EQ(ReadUri(last.Out("uri")), "{\"key\":\"k2\",\"value\":2}\n{\"key\":\"k1\",\"value\":3}\n{\"key\":\"k3\"}\n");
  EXPECT_EQ(last.Out("numKeys") + last.Out("processedItemsTotal") + last.Out("droppedItemsTotal"), "341");
  const Ran kept = Core("storage.FilterItems", from + R"(,"filterCondition":"{{ value > 1 }}","errorOrNullBehavior":"EXCLUDE"})");
  EXPECT_EQ(ReadUri(kept.Out("uri")), "{\"key\":\"k2\",\"value\":2}\n{\"key\":\"k1\",\"value\":3}\n");
  EXPECT_EQ(kept.Out("droppedItemsTotal"), "2");
  const Ran others = Core("storage.FilterItems", from + R"(,"filterCondition":"{{ value > 1 }}","filterType":"EXCLUDE","errorOrNullBehavior":"INCLUDE"})");
  EXPECT_EQ(ReadUri(others.Out("uri")), "{\"key\":\"k1\",\"value\":1}\n{\"key\":\"k3\"}\n");
  EXPECT_EQ(Core("storage.FilterItems", from + R"(,"filterCondition":"{{ value > 1 }}"})").state, State::kFailed);
}

TEST_F(StorageTask, FilesOfNamespaces) {
  const Ran up = Core("namespace.UploadFiles", R"({"namespace":"a.b","destination":"/sql","filesMap":{"one.sql":"select 1","sub/two.txt":"2"}})");
  EXPECT_EQ(up.Out("files"), R"({"/sql/one.sql":"kestra:///a/b/_files/sql/one.sql","/sql/sub/two.txt":"kestra:///a/b/_files/sql/sub/two.txt"})");
  EXPECT_EQ(Render("{{ read('sql/one.sql') }}"), "select 1");
  EXPECT_EQ(Render("{{ read('nsfile:///sql/one.sql') }}"), "select 1");
  EXPECT_EQ(Render("{{ read('sql/one.sql', namespace='a.b') }}"), "select 1");
  EXPECT_EQ(Render("{{ fileURI('sql/one.sql') }}"), "kestra:///a/b/_files/sql/one.sql");
  EXPECT_EQ(Render("{{ fileSize('sql/one.sql') }} {{ fileExists('nope') }} {{ isFileEmpty('sql/one.sql') }}"), "8 false false");
  const std::string again = R"({"namespace":"a.b","filesMap":{"sql/one.sql":"new"},"conflict":)";
  EXPECT_EQ(Core("namespace.UploadFiles", again + "\"ERROR\"}").state, State::kFailed);
  EXPECT_EQ(Core("namespace.UploadFiles", again + "\"SKIP\"}").Out("files"), "{}");
  EXPECT_EQ(Render("{{ read('sql/one.sql') }}"), "select 1");
  EXPECT_EQ(Core("namespace.UploadFiles", again + "\"OVERWRITE\"}").state, State::kSuccess);
  EXPECT_EQ(Render("{{ read('sql/one.sql') }}"), "new");
  const Ran down = Core("namespace.DownloadFiles", R"({"namespace":"a.b","files":"**.sql","destination":"to"})");
  EXPECT_EQ(ReadUri(ToText(Member(*Member(down.outputs, "files"), "/to/sql/one.sql")[0])), "new");
  EXPECT_EQ(Core("namespace.DeleteFiles", R"({"namespace":"a.b","files":["sql/sub/*"],"deleteParentFolder":true})").Out("files"),
            R"({"/sql/sub/two.txt":"kestra:///a/b/_files/sql/sub/two.txt"})");
  EXPECT_FALSE(fs::exists(root_ / "storage/a/b/_files/sql/sub"));
  EXPECT_EQ(Core("namespace.PurgeFiles", R"({"behavior":{"type":"version","before":"2100-01-01T00:00:00Z"}})").Out("size"), "1");
  for (const char* bad : {"../x", "a/../../x", "a\\\\b", "/../x"})
    EXPECT_EQ(Core("namespace.UploadFiles", R"({"namespace":"a.b","filesMap":{")" + std::string(bad) + R"(":"x"}})").state, State::kFailed) << bad;
}

TEST_F(StorageTask, NamespaceFilesReachScripts) {
  Core("namespace.UploadFiles", R"({"namespace":"a.b","filesMap":{"a.txt":"A","d/b.txt":"B","c.md":"C"}})");
  const Ran ran = Run("io.kestra.plugin.scripts.shell.Commands",
                      Json(R"({"runner":"PROCESS","namespaceFiles":{"enabled":true,"include":["*.txt"],"exclude":["d/*"]},"commands":["find . -type f | sort"]})"));
  EXPECT_EQ(ran.Lines("INFO"), "./a.txt\n");
}

TEST_F(StorageTask, FilesOfOthersAreRefused) {
  const std::string mine = PutFile("x.txt", "mine");
  EXPECT_EQ(Render("{{ read('" + mine + "') }}"), "mine");
  ASSERT_TRUE(storage_->Write("c/other/executions/E2/tasks/t/r/1-1/x.txt", "theirs"));
  ASSERT_TRUE(storage_->Write("a/b/_kv/token", "{}"));
  const std::string theirs = "kestra:///c/other/executions/E2/tasks/t/r/1-1/x.txt";
  Says(Render("{{ read('" + theirs + "') }}"), "didn't belong to the current execution");
  EXPECT_EQ(Render("{{ read('" + theirs + "') }}", R"({"trigger":{"executionId":"E2","namespace":"c","flowId":"other"}})"), "theirs");
  Says(Render("{{ read('" + theirs + "') }}", R"({"trigger":{"executionId":"E3","namespace":"c","flowId":"other"}})"), "didn't belong");
  EXPECT_EQ(Render("{{ read(outputs.sub.f) }}", R"({"outputs":{"sub":{"f":")" + theirs + "\"}}}"), "theirs");
  Says(Render("{{ read(inputs.f) }}", R"({"inputs":{"f":"kestra:///a/b/_kv/token"}})"), "didn't belong");
  Says(Render("{{ read('kestra:///../../etc/passwd') }}"), "'..' is not allowed");
  Says(Render("{{ read('s3://bucket/x') }}"), "scheme not supported");
  Says(Render("{{ read('file:///etc/hostname') }}"), "not authorized");
  options_.local_folders = {root_.string()};
  fs::create_directories(root_);
  std::ofstream(root_ / "local.txt") << "local";
  EXPECT_EQ(Render("{{ read('file://" + (root_ / "local.txt").string() + "') }}"), "local");
  Says(Render("{{ read('file://" + root_.string() + "/../x') }}"), "'..' is not allowed");
  EXPECT_EQ(Core("storage.Delete", R"({"uri":"{{ outputs.f }}"})", R"({"outputs":{"f":")" + theirs + "\"}}").state, State::kFailed);
}

TEST_F(StorageTask, LinksInTheStorageAreNotFollowed) {
  const std::string mine = PutFile("x.txt", "mine");
  fs::create_symlink("/etc/hostname", root_ / "storage/a/b/flow/executions/EXEC/tasks/earlier/RUN/1-1/link");
  Says(Render("{{ read('" + mine.substr(0, mine.size() - 5) + "link') }}"), "symbolic link");
}

}  // namespace
}  // namespace headrace::worker
