#!/usr/bin/env python3
"""tools/demo against a scripted binary: what it starts, what it passes on, that nothing stays behind."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

FAKE = """#!%s
import json, os, signal, socket, sys, time
log = os.environ["DEMO_TEST_LOG"]
with open(log, "a") as file:
    file.write(json.dumps({"args": sys.argv[1:], "pid": os.getpid(), "secret": "SECRET_X" in os.environ}) + "\\n")
words = sys.argv[1:]
code = int(os.environ.get("DEMO_TEST_CODE", "0"))
if words[0] == "scheduler":
    if code == 99:
        sys.exit("no such disk")
    os.mkdir(words[words.index("--data") + 1])
    door = socket.create_server(("127.0.0.1", int(words[words.index("--grpc-port") + 1])))
    signal.sigwait({signal.SIGTERM})
elif words[0] == "worker":
    signal.sigwait({signal.SIGTERM})
elif words[:2] == ["exec", "start"]:
    # A worker that is ended before it has written its line would not be counted.
    deadline = time.monotonic() + 60
    while open(log).read().count('["worker"') < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    print("shown SUCCESS")
    sys.exit(code)
""" % sys.executable


class Demo(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="headrace-demo-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.binary = os.path.join(self.folder, "headrace")
        with open(self.binary, "w", encoding="utf-8") as file:
            file.write(FAKE)
        os.chmod(self.binary, 0o755)

    def run_demo(self, code, *arguments):
        log = os.path.join(self.folder, "log")
        done = subprocess.run([sys.executable, os.path.join(ROOT, "tools", "demo"), self.binary, *arguments],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              env=dict(os.environ, HEADRACE_DEMO_INSIDE="1", SECRET_X="eA==", TMPDIR=self.folder,
                                       DEMO_TEST_LOG=log, DEMO_TEST_CODE=str(code)))
        with open(log, encoding="utf-8") as file:
            calls = [json.loads(line) for line in file]
        return done, calls

    def test_a_run_from_start_to_end(self):
        done, calls = self.run_demo(0)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^shown +SUCCESS")
        by_verb = [" ".join(call["args"][:2]) for call in calls]
        self.assertEqual(by_verb[0].split()[0], "scheduler")
        self.assertEqual(sum(verb.startswith("worker") for verb in by_verb), 2)
        self.assertIn("flow apply", by_verb)
        start = calls[by_verb.index("exec start")]["args"]
        self.assertEqual(start[2], "kestra.engineering.release/release-oss-and-ee")
        self.assertIn("--watch", start)
        self.assertIn("POLL_INTERVAL=PT1S", start)

    def test_nothing_stays_behind(self):
        _, calls = self.run_demo(0)
        for call in calls:
            self.assertFalse(os.path.exists(f"/proc/{call['pid']}"), call)
        self.assertEqual(sorted(os.listdir(self.folder)), ["headrace", "log"])

    def test_secrets_reach_workers_only(self):
        _, calls = self.run_demo(0)
        self.assertEqual({call["args"][0]: call["secret"] for call in calls if call["args"][0] in ("scheduler", "worker")},
                         {"scheduler": False, "worker": True})

    def test_the_exit_code_is_that_of_the_run(self):
        self.assertEqual(self.run_demo(10)[0].returncode, 10)

    def test_own_inputs_replace_those_of_the_demo(self):
        _, calls = self.run_demo(0, "-i", "A=1", "-i", "B=2")
        start = next(call["args"] for call in calls if call["args"][:2] == ["exec", "start"])
        self.assertEqual([start[i + 1] for i, word in enumerate(start) if word == "-i"], ["A=1", "B=2"])

    def test_a_scheduler_that_does_not_start_is_told_with_its_log(self):
        done, _ = self.run_demo(99)
        self.assertEqual(done.returncode, 1)
        self.assertIn("before it listened", done.stderr)
        self.assertIn("no such disk", done.stderr)


if __name__ == "__main__":
    unittest.main()
