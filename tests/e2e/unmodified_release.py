#!/usr/bin/env python3
"""The release team's flows, byte for byte, run by headrace against a stand-in for GitHub.

HEADRACE_BIN=build/release/bin/headrace python3 tests/e2e/unmodified_release.py [-v] [TEST...]
The flows poll every 5 minutes for up to 6 hours: HEADRACE_TIME_SCALE makes headrace's timers faster.
"""

import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import scenarios  # noqa: E402
import side_by_side  # noqa: E402
from harness import (  # noqa: E402
    ROOT, TOKEN, Outcome, Sandbox, Standin, headrace_binary, release_environment)

FLOWS = os.path.join(ROOT, "tests", "data", "release-flows")
OSS = "kestra-io/kestra"
# 5 minutes pass in 0.5 s, 6 hours in 36 s: more than any machine needs for the few polls of a flow
# that ends well.
SCALE = "600"
# 6 hours in 7.2 s: for flows whose loop must come to its end; room for about 40 polls.
SCALE_TO_THE_END = "3000"


class UnmodifiedRelease(unittest.TestCase):
    maxDiff = None

    def run_flow(self, document, flow="release-oss", scale=SCALE):
        self.github = Standin(document)
        self.addCleanup(self.github.stop)
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.remove)
        binary = headrace_binary()
        argv = [binary, "run", f"{FLOWS}/{flow}.yaml", "--flows", FLOWS,
                "-i", "VERSION_TO_RELEASE=1.0.3", "-o", "json"]
        given = release_environment(self.github.url)
        del given["RELEASE_BIN"]
        done = subprocess.run(
            self.sandbox.command(argv, visible=[binary]), capture_output=True, text=True,
            timeout=240, check=False, stdin=subprocess.DEVNULL,
            env=self.sandbox.environment(HEADRACE_TIME_SCALE=scale, **given))
        self.assertNotIn(TOKEN, done.stdout + done.stderr, "the token was shown")
        outcome = Outcome(done)
        try:
            self.assertIn("state", outcome.execution)
        except ValueError:
            self.fail(f"stdout is no JSON document, exit {done.returncode}\n{done.stdout}\n"
                      f"{done.stderr}")
        return outcome

    def assert_ended(self, outcome, state):
        code = {"SUCCESS": 0, "FAILED": 10}[state]
        self.assertEqual((outcome.state, outcome.code), (state, code), outcome.stderr)

    def dispatched(self, workflow="global-start-release.yml", repository=OSS):
        return self.github.runs(repository, workflow)

    def pre_release(self):
        runs = self.github.runs(OSS, "pre-release.yml")
        self.assertEqual(len(runs), 1)
        return runs[0]

    def test_success_when_the_first_poll_is_green(self):
        outcome = self.run_flow(scenarios.one({"jobs": scenarios.jobs()}))
        self.assert_ended(outcome, "SUCCESS")
        for task in ("update_labels", "start_release", "poll_release_status",
                     "check_status_command"):
            self.assertEqual(outcome.states(task), ["SUCCESS"], task)
        self.assertEqual(outcome.task_runs("check_status_command")[0]["outputs"]["exitCode"], 0)
        self.assertIn({"key": "release", "value": "1.0.3"}, outcome.execution["labels"])
        self.assertEqual([r["inputs"] for r in self.dispatched()], [{"releaseVersion": "1.0.3"}])
        installs = [line for line in self.sandbox.journal() if line.startswith("apt install gh")]
        self.assertEqual(installs, ["apt install gh -y"])

    def test_success_after_a_flaky_attempt_and_several_polls(self):
        outcome = self.run_flow(scenarios.one(
            {"reads": [2, 2], "jobs": scenarios.jobs(("failure", "success"))}))
        self.assert_ended(outcome, "SUCCESS")
        self.assertEqual(outcome.states("poll_release_status"), ["SUCCESS"])
        self.assertEqual(outcome.states("check_status_command"), ["WARNING"] * 3 + ["SUCCESS"])
        codes = [r["outputs"]["exitCode"] for r in outcome.task_runs("check_status_command")]
        self.assertEqual(codes, [1, 1, 1, 0])
        self.assertEqual(self.pre_release()["run_attempt"], 2)
        polls = [line for line in self.sandbox.journal() if line.startswith("npx")]
        self.assertEqual(len(polls), 4)

    def test_failed_when_the_tag_exists(self):
        outcome = self.run_flow(scenarios.one({}, refs={"refs/tags/v1.0.3": None}))
        self.assert_ended(outcome, "FAILED")
        self.assertEqual(outcome.states("start_release"), ["FAILED"])
        self.assertEqual(outcome.task_runs("start_release")[0]["outputs"]["exitCode"], 1)
        self.assertEqual(outcome.task_runs("poll_release_status"), [])
        self.assertEqual(self.dispatched(), [])
        self.assertIn("Tag already exists", outcome.stderr)
        self.assertIn("Command failed with exit code 1", outcome.stderr)

    def test_failed_when_the_run_goes_red_for_good(self):
        outcome = self.run_flow(scenarios.one({"jobs": scenarios.jobs(("failure",))}),
                                scale=SCALE_TO_THE_END)
        self.assert_failed_by_the_loop(outcome)
        run = self.pre_release()
        self.assertEqual(run["conclusion"], "failure")
        # The team's command re-runs at every poll that sees red, up to GitHub's cap.
        self.assertTrue(2 <= run["run_attempt"] <= 51, run["run_attempt"])

    def test_failed_when_the_maximum_duration_passes(self):
        outcome = self.run_flow(scenarios.one({"reads": "never", "jobs": scenarios.jobs()}),
                                scale=SCALE_TO_THE_END)
        self.assert_failed_by_the_loop(outcome)
        run = self.pre_release()
        self.assertEqual((run["status"], run["run_attempt"]), ("in_progress", 1))

    def assert_failed_by_the_loop(self, outcome):
        self.assert_ended(outcome, "FAILED")
        self.assertEqual(outcome.states("start_release"), ["SUCCESS"])
        self.assertEqual(outcome.states("poll_release_status"), ["FAILED"])
        checks = outcome.states("check_status_command")
        self.assertGreater(len(checks), 1)
        self.assertEqual(set(checks), {"WARNING"})
        self.assertIn("max duration", outcome.stderr.lower())

    def test_oss_and_ee_side_by_side(self):
        outcome = self.run_flow(scenarios.both(
            {"reads": [2, 2], "jobs": scenarios.jobs(("failure", "success"))},
            {"reads": 3, "jobs": scenarios.jobs()}, docker={"reads": 2}),
            flow="release-oss-and-ee")
        self.assert_ended(outcome, "SUCCESS")
        for task in ("oss", "ee", "docker_publish_oss", "docker_publish_ee", "log_success"):
            self.assertEqual(outcome.states(task), ["SUCCESS"], task)
        for repository in (OSS, "kestra-io/kestra-ee"):
            for workflow in ("global-start-release.yml", "publish-docker.yml"):
                self.assertEqual(len(self.dispatched(workflow, repository)), 1,
                                 (repository, workflow))


if __name__ == "__main__":
    if not headrace_binary():
        sys.exit("set HEADRACE_BIN to the headrace binary")
    if not shutil.which("bwrap"):
        print("bubblewrap is not installed: skipped", file=sys.stderr)
        sys.exit(77)
    side_by_side.main()
