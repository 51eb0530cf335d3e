#!/usr/bin/env python3
"""Each check of the house must be able to fail: a clean little tree passes, every planted fault is named."""
import contextlib
import importlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
ROOT = os.path.dirname(os.path.dirname(HERE))
HEAD = "// A thing.\n#pragma once\n"


class House(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="headrace-house-")
        self.addCleanup(shutil.rmtree, self.root)
        for room in ("common/base", "common/model", "executor"):
            self.plant(f"{room}/README.md", f"# {room}\n")
            self.plant(f"{room}/CMakeLists.txt", "headrace_room(NAME x SOURCES a.cc)\n")
        self.plant("common/base/error.h", HEAD + "#include <string>\nstd::string Text();\n")
        self.plant("common/base/error.cc", '#include "common/base/error.h"\nstd::string Text() { return {}; }\n')
        self.plant("common/model/flow.h", HEAD + '#include "common/base/error.h"\nstd::string Name();\n')
        self.plant("executor/apply.h", HEAD + '#include "common/model/flow.h"\nint Apply();\n')
        self.plant("README.md", "# x\n\n## A heading\n\nsee [base](common/base/README.md) and [here](#a-heading)\n")

    def plant(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def run_check(self, name, *arguments):
        out = io.StringIO()
        check = importlib.import_module(f"check_{name}")
        with unittest.mock.patch.object(sys, "argv", [name, self.root, *arguments]), contextlib.redirect_stdout(out):
            code = check.main()
        return code, out.getvalue()

    def passes(self, name, *arguments):
        code, text = self.run_check(name, *arguments)
        self.assertEqual(code, 0, text)
        return text

    def fails(self, name, *expected, arguments=()):
        code, text = self.run_check(name, *arguments)
        self.assertEqual(code, 1, text)
        for part in expected:
            self.assertIn(part, text)

    def test_a_clean_tree_passes(self):
        for name in ("arrows", "tokens", "sizes", "text", "rooms"):
            self.passes(name)


class Failures(House):
    def page(self, *lines):
        self.plant("tests/unit/a_test.cc", "TEST_F(Some, ShowsIt) {}\n// Gone(\n")
        self.plant("tests/cli/test_b.py", "class B:\n    def test_shows_it(self):\n        pass\n")
        self.plant("docs/failures.md", "\n".join(lines) + "\n")

    def test_a_page_whose_tests_are_there_passes(self):
        self.page("| 1-89 | words | `unit/a_test.cc: ShowsIt`, `cli/test_b.py: test_shows_it` |", "| 90 | not there yet | |")
        self.passes("failures")

    def test_a_test_that_is_gone_is_named(self):
        self.page("| 1-90 | words | `unit/a_test.cc: ShowsIt, Gone` |")
        self.fails("failures", "docs/failures.md:1: tests/unit/a_test.cc has no test Gone")

    def test_a_file_that_is_gone_is_named(self):
        self.page("| 1-90 | words | `unit/c_test.cc: ShowsIt` |")
        self.fails("failures", "docs/failures.md:1: there is no tests/unit/c_test.cc")

    def test_every_row_stands_once_and_names_a_test(self):
        self.page("| 1-70 | words | `unit/a_test.cc` |", "| 70 | again | `unit/a_test.cc` |", "| 71-89 | nothing | |")
        self.fails("failures", ":2: row 70 stands in line 1 already", ":3: row 71 names no test", "row 90 is missing")

    def test_the_page_must_be_there(self):
        self.fails("failures", "docs/failures.md is not there")


class Arrows(House):
    def refused(self, path, include, *expected):
        self.plant(path, HEAD + f"#include {include}\n")
        self.fails("arrows", f"{path}:3", *expected)

    def test_executor_includes_no_store(self):
        self.refused("executor/a.h", '"common/store/store.h"', "return a delta")

    def test_executor_includes_no_reader(self):
        self.refused("executor/a.h", '"common/flow/reader.h"', "value of common/model")

    def test_base_includes_nothing_above(self):
        self.refused("common/base/a.h", '"common/model/flow.h"', "only itself")

    def test_expr_includes_no_flow(self):
        self.refused("common/expr/a.h", '"common/flow/reader.h"', "common/expr may include")

    def test_store_includes_no_wire(self):
        self.refused("common/store/a.h", '"common/wire/wire.h"', "must not include common/wire")

    def test_worker_and_scheduler_never_meet(self):
        self.refused("worker/a.h", '"scheduler/engine.h"', "through messages")
        self.plant("worker/a.h", HEAD)
        self.refused("scheduler/a.h", '"worker/worker_loop.h"', "through messages")

    def test_api_has_one_door_to_the_scheduler(self):
        self.refused("api/a.h", '"scheduler/partition.h"', "scheduler/engine.h")
        self.plant("api/a.h", HEAD + '#include "scheduler/engine.h"\n')
        self.plant("scheduler/engine.h", HEAD)
        self.passes("arrows")

    def test_api_sees_no_store_and_no_queue(self):
        self.refused("api/a.h", '"common/store/store.h"', "scheduler/engine.h")
        self.refused("api/a.h", '"common/queue/queue.h"', "scheduler/engine.h")

    def test_wire_may_name_the_nouns_of_store_and_flow_those_of_expr(self):
        self.plant("common/store/store.h", HEAD)
        self.plant("common/expr/template.h", HEAD)
        self.plant("common/wire/a.h", HEAD + '#include "common/store/store.h"\n')
        self.plant("common/flow/a.h", HEAD + '#include "common/expr/template.h"\n')
        self.passes("arrows")

    def test_foreign_headers_have_one_home(self):
        for include in ("yaml-cpp/eventhandler.h", "zmq.hpp", "zmq.h", "sqlite3.h", "hiredis/hiredis.h", "grpcpp/grpcpp.h",
                        "curl/curl.h", "CLI/CLI.hpp", "boost/beast.hpp", "headrace/wire/v1/wire.pb.h",
                        "google/protobuf/message.h", "jq.h"):
            self.refused("common/model/a.h", f"<{include}>", "has its home in", "; use ")

    def test_at_home_they_are_welcome(self):
        for path, include in (("common/flow/r.cc", "<yaml-cpp/eventhandler.h>"), ("common/queue/zmq_queue.cc", "<zmq.hpp>"),
                              ("common/store/sqlite_store.cc", "<sqlite3.h>"), ("api/s.cc", "<grpcpp/grpcpp.h>"),
                              ("worker/http_client.cc", "<curl/curl.h>"), ("cli/main.cc", "<CLI/CLI.hpp>")):
            self.plant(path, f"#include {include}\n")
        self.passes("arrows")

    def test_a_foreign_header_in_the_wrong_file_of_its_room(self):
        self.refused("common/store/memory_store.h", "<sqlite3.h>", "common/store/sqlite_*")

    def test_short_paths_are_refused(self):
        self.refused("common/base/a.h", '"error.h"', "full path")

    def test_a_comment_is_no_include(self):
        self.plant("executor/a.h", HEAD + '/*\n#include "common/store/store.h"\n*/\n')
        self.passes("arrows")


class Tokens(House):
    def test_impure_words_in_the_executor(self):
        for code in ("auto t = std::chrono::system_clock::now();", "std::chrono::steady_clock c;", 'getenv("X");',
                     'fopen("x", "r");', "std::ifstream f;", "int r = rand();", "std::random_device d;", "std::thread t;",
                     "std::mutex m;", "auto t = time(nullptr);", "auto t = clock.Now();", "sleep(1);",
                     "std::this_thread::sleep_for(x);", "std::atomic<int> a;", "std::cerr << 1;"):
            with self.subTest(code):
                self.plant("executor/a.cc", f"// A.\nvoid F() {{ {code} }}\n")
                self.fails("tokens", "executor/a.cc:2", "in the executor")

    def test_impure_includes_in_the_executor(self):
        for header in ("<chrono>", "<thread>", '"common/base/clock.h"', "<fstream>"):
            self.plant("executor/a.cc", f"#include {header}\n")
            self.fails("tokens", "executor/a.cc:1")

    def test_words_in_comments_literals_and_members_are_free(self):
        self.plant("executor/a.cc", '// never time(nullptr) or std::mutex\nconst char* kText = "getenv(";\n'
                                    "int F(Event e) { return e.time() + e->open() + retime(1'000); }\n")
        self.passes("tokens")

    def test_other_rooms_may(self):
        self.plant("scheduler/a.cc", "std::mutex m;\n")
        self.passes("tokens")

    def test_unfinished_words(self):
        self.plant("common/base/a.cc", "// TO" + "DO: later\n")
        self.fails("tokens", "common/base/a.cc:1", "finish it")


class Sizes(House):
    def test_a_long_file_is_noted_and_a_huge_one_refused(self):
        self.plant("executor/a.cc", "int a;\n" * 501)
        self.assertIn("note: executor/a.cc: 501 lines", self.passes("sizes"))
        self.plant("executor/a.cc", "int a;\n" * 901)
        self.fails("sizes", "executor/a.cc: 901 lines", "split it")


class Text(House):
    def test_paths_of_a_machine(self):
        for path in ("/wo" + "rk/main/x", "/tmp/" + "hr/x", "/fa" + "rm/x", "/ro" + "ot/x", "/ho" + "me/ann/x"):
            self.plant("notes.txt", f"see {path}\n")
            self.fails("text", "notes.txt:1", "path of one machine")

    def test_the_same_letters_inside_a_longer_path_are_free(self):
        self.plant("notes.txt", "a{}/wo" + "rk/x, out/wo" + "rk/\n".replace("{}", "b"))
        self.plant("notes.txt", "build/wo" + "rk/x https://example.org/fa" + "rm/\n")
        self.passes("text")

    def test_a_dead_link(self):
        self.plant("docs/a.md", "one\n[gone](../common/none.md)\n")
        self.fails("text", "docs/a.md:2", "leads nowhere")

    def test_a_dead_anchor(self):
        self.plant("docs/a.md", "[gone](../README.md#no-such)\n")
        self.fails("text", "no such heading")

    def test_a_link_out_of_the_repository(self):
        self.plant("docs/a.md", "[out](../../x.md)\n")
        self.fails("text", "leaves the repository")

    def test_a_document_names_code_that_is_not_there(self):
        self.plant("docs/a.md", "see `executor/gone.h`\n")
        self.fails("text", "docs/a.md:1", "`executor/gone.h` is not there")
        self.plant("docs/a.md", "see\n`executor/apply.h` (`Apply`, `Gone`)\n")
        self.fails("text", "docs/a.md:2", "does not say `Gone`")
        self.plant("docs/a.md", "see `executor/apply.h` (`Apply`) and `executor/`\n")
        self.passes("text")

    def test_links_in_code_are_free(self):
        self.plant("docs/a.md", "`[a](b)`\n```\n[c](d)\n```\n[web](https://example.org)\n")
        self.passes("text")


class Rooms(House):
    def test_a_room_without_readme(self):
        os.remove(os.path.join(self.root, "executor/README.md"))
        self.fails("rooms", "executor/: no README.md")

    def test_a_readme_that_goes_on(self):
        self.plant("executor/README.md", "x\n" * 41)
        self.fails("rooms", "executor/README.md: 41 lines")

    def test_a_room_without_a_list(self):
        os.remove(os.path.join(self.root, "executor/CMakeLists.txt"))
        self.fails("rooms", "executor/: no CMakeLists.txt")

    def test_a_header_without_guard_or_head(self):
        self.plant("executor/a.h", "// A thing.\nint a;\n")
        self.fails("rooms", "executor/a.h:1: no '#pragma once'")
        self.plant("executor/a.h", "#pragma once\n\nint a;\n")
        self.fails("rooms", "executor/a.h:1: no head comment")
        self.plant("executor/a.h", "// a\n" * 13 + "#pragma once\n")
        self.fails("rooms", "a head comment of 13 lines")


class Headers(House):
    def setUp(self):
        super().setUp()
        self.build = os.path.join(self.root, "build")
        os.mkdir(self.build)
        commands = [{"directory": self.build, "file": f"../{room}/{name}.cc", "command":
                     f"ccache g++ -I{self.root} -std=c++20 -Wall -Werror -o {name}.o -c ../{room}/{name}.cc -MD -MF d"}
                    for room, name in (("common/base", "error"), ("common/model", "flow"), ("executor", "apply"))]
        self.plant("build/compile_commands.json", json.dumps(commands))

    def test_sources_prove_headers_and_answers_are_kept(self):
        self.assertIn("3 headers: 1 proved by their source, 0 known, 2 compiled", self.passes("headers", self.build))
        self.assertIn("3 headers: 1 proved by their source, 2 known, 0 compiled", self.passes("headers", self.build))

    def test_a_change_below_is_noticed(self):
        self.passes("headers", self.build)
        self.plant("common/base/error.h", HEAD + "int Text();\n")
        self.fails("headers", "common/model/flow.h: does not compile alone", "include what it uses",
                   arguments=(self.build,))
        self.fails("headers", "common/model/flow.h: does not compile alone", arguments=(self.build,))

    def test_a_header_that_leans_on_its_includer(self):
        self.plant("executor/a.h", HEAD + "std::string Leans();\n")
        self.fails("headers", "executor/a.h: does not compile alone", arguments=(self.build,))

    def test_a_room_outside_the_build_is_said(self):
        self.plant("worker/a.h", HEAD)
        self.assertIn("worker/a.h: its room is not part of this build", self.passes("headers", self.build))


class InstallDeps(House):
    """The installer against a small false apt: what it asks for, and in which order."""

    def setUp(self):
        super().setUp()
        shutil.copytree(os.path.join(ROOT, "tools"), os.path.join(self.root, "tools"))
        self.plant("tools/packages.txt", "# a comment\nbuild alpha\nbuild beta cat\ntest gamma gamma\ndev delta\n")
        self.log = os.path.join(self.root, "log")
        self.tool("apt-get", f'echo "$1" >>{self.log}; [ "$1" = install ] && echo "$@" >>{self.log}; exit 0')
        self.tool("id", "echo 0")

    def tool(self, name, script):
        self.plant(f"bin/{name}", f"#!/bin/sh\n{script}\n")
        os.chmod(os.path.join(self.root, "bin", name), 0o755)

    def install(self, *arguments, installed=()):
        self.tool("dpkg-query", "\n".join(f"echo installed {name}" for name in installed))
        path = os.path.join(self.root, "bin") + os.pathsep + "/usr/bin" + os.pathsep + "/bin"
        done = subprocess.run([os.path.join(self.root, "tools/install-deps"), *arguments], capture_output=True, text=True,
                              env={"PATH": path})
        calls = []
        if os.path.exists(self.log):
            with open(self.log, encoding="utf-8") as file:
                calls = file.read().splitlines()
        return done, calls

    def test_nothing_missing_nothing_run(self):
        done, calls = self.install(installed=("alpha", "gamma"))
        self.assertEqual((done.returncode, done.stdout, done.stderr, calls), (0, "", "", []))

    def test_a_missing_package_is_installed_after_an_update(self):
        done, calls = self.install(installed=("gamma",))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(calls[:2], ["update", "install"])
        self.assertTrue(calls[2].endswith(" alpha"), calls)

    def test_a_command_on_the_path_is_enough(self):
        self.tool("gamma", "true")
        done, _ = self.install("--list", "test")
        self.assertEqual(done.stdout, "")

    def test_groups_are_chosen_by_name(self):
        done, _ = self.install("--list", "dev")
        self.assertEqual(done.stdout, "delta\n")
        done, _ = self.install("nonsense")
        self.assertEqual(done.returncode, 2)

    def test_a_failing_apt_is_told(self):
        self.tool("apt-get", "echo no network; exit 100")
        done, _ = self.install()
        self.assertEqual(done.returncode, 1)
        self.assertIn("no network", done.stderr)
        self.assertIn("install-deps: failed: apt-get update", done.stderr)


if __name__ == "__main__":
    unittest.main()
