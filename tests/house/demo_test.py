#!/usr/bin/env python3
"""tools/demo against a scripted binary: what it starts, what it looks at, what it answers, that nothing stays behind."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


class Demo(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="headrace-demo-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        # By this very interpreter, and without its site packages: it is started often.
        self.binary = os.path.join(self.folder, "headrace")
        with open(self.binary, "w", encoding="utf-8") as file:
            file.write(f"#!{sys.executable} -S\nimport runpy\nrunpy.run_path({os.path.join(HERE, 'fake_headrace.py')!r}, run_name='__main__')\n")
        os.chmod(self.binary, 0o755)

    def begin(self, *arguments, code=0, fault=""):
        environment = dict(os.environ, SECRET_X="eA==", HEADRACE_SLOTS="1", TMPDIR=self.folder, DEMO_TEST_LOG=os.path.join(self.folder, "log"),
                           DEMO_TEST_CODE=str(code), DEMO_TEST_FAULT=fault)
        return subprocess.Popen([sys.executable, os.path.join(ROOT, "tools", "demo"), self.binary, *arguments],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL, env=environment,
                                start_new_session=True)

    def run_demo(self, *arguments, **more):
        child = self.begin(*arguments, **more)
        self.stdout, self.stderr = child.communicate(timeout=120)
        self.assert_nothing_stays()
        return child.returncode

    def calls(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def assert_nothing_stays(self):
        for call in self.calls():
            self.assertFalse(os.path.exists(f"/proc/{call['pid']}"), call)
        self.assertEqual(sorted(os.listdir(self.folder)), ["headrace", "log"])

    def test_all_parts_from_start_to_end(self):
        self.assertEqual(self.run_demo(), 0, self.stderr)
        self.assertRegex(self.stdout, r"(?m)^shown +SUCCESS")
        for text in ("HTTP      http://127.0.0.1:", "Part 3 of 3", "┃ acme/app releases/v1.9 e2e.yml is red", "everything went as it should"):
            self.assertIn(text, self.stderr)
        calls = self.calls()
        verbs = [" ".join(call["args"][:2]) for call in calls]
        self.assertEqual(verbs[0].split()[0], "scheduler")
        self.assertEqual(sum(verb.startswith("worker") for verb in verbs), 2)
        started = [call["args"] for call in calls if call["args"][:2] == ["exec", "start"]]
        self.assertEqual([words[2] for words in started], ["kestra.engineering.release/release-oss-and-ee", "kestra.engineering.release/release-versions"])
        for words in started:
            self.assertIn("--watch", words)
            self.assertIn("POLL_INTERVAL=PT1S", words)
        self.assertEqual({call["args"][0]: call["secret"] for call in calls}, {"scheduler": False, "worker": True, "flow": False, "exec": False,
                                                                              "backfill": False})

    def test_the_exit_code_is_that_of_the_run_that_went_wrong(self):
        self.assertEqual(self.run_demo("release", code=10), 10)
        self.assertIn("not as it should be: release", self.stderr)

    def test_runs_that_github_does_not_have_are_a_fault(self):
        self.assertEqual(self.run_demo("release", "native", fault="idle"), 1)
        self.assertIn("kestra-io/kestra pre-release.yml 1.0.3: not one green run but 0", self.stderr)
        self.assertIn("not as it should be: release, native", self.stderr)

    def test_a_night_is_only_right_with_its_red_cell_and_its_alert(self):
        for fault, said in (("green", "was to be RED and is GREEN"), ("silent", "was to hear once and heard 0 times")):
            with self.subTest(fault=fault):
                self.assertEqual(self.run_demo("nightly", fault=fault), 1)
                self.assertIn(said, self.stderr)
                os.remove(os.path.join(self.folder, "log"))

    def test_own_inputs_replace_those_of_the_demo(self):
        self.run_demo("release", "-i", "A=1", "-i", "B=2")
        start = next(call["args"] for call in self.calls() if call["args"][:2] == ["exec", "start"])
        self.assertEqual([start[i + 1] for i, word in enumerate(start) if word == "-i"], ["A=1", "B=2"])

    def test_ctrl_c_ends_it_with_130(self):
        child = self.begin("release", fault="hang")
        for _ in range(6000):
            if os.path.exists(os.path.join(self.folder, "log")) and any(call["args"][:2] == ["exec", "start"] for call in self.calls()):
                break
            time.sleep(0.01)
        os.killpg(child.pid, signal.SIGINT)
        child.communicate(timeout=60)
        self.assertEqual(child.returncode, 130)
        self.assert_nothing_stays()

    def test_a_scheduler_that_does_not_start_is_told_with_its_log(self):
        self.assertEqual(self.run_demo(code=99), 1)
        self.assertIn("before it listened", self.stderr)
        self.assertIn("no such disk", self.stderr)

    def test_a_part_that_is_none_is_refused(self):
        child = self.begin("nightmare")
        self.assertIn("usage", child.communicate(timeout=60)[1])
        self.assertEqual(child.returncode, 1)


if __name__ == "__main__":
    unittest.main()
