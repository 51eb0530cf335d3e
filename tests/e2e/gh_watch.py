#!/usr/bin/env python3
"""`headrace gh watch` against the stand-in for GitHub: what it shows, costs and answers with.

HEADRACE_BIN=build/release/bin/headrace python3 tests/e2e/gh_watch.py [-v] [GhWatch.TEST...]
"""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import side_by_side  # noqa: E402
from harness import TOKEN, Standin, headrace_binary  # noqa: E402

REPO = "acme/app"


def jobs(*conclusions):
    return [{"name": "build"}, {"name": "tests", "needs": ["build"], "conclusions": list(conclusions)}]


@unittest.skipUnless(headrace_binary(), "HEADRACE_BIN names no binary")
class GhWatch(unittest.TestCase):
    maxDiff = None

    def begin(self, branches, faults=()):
        """A run of main.yml on each branch, as its plan says."""
        self.github = Standin({"faults": list(faults), "repositories": {REPO: {
            "default_branch": "main", "workflows": {"main.yml": {}},
            "refs": {f"refs/heads/{name}": None for name in [*branches, "empty"]}}}})
        self.addCleanup(self.github.stop)
        for name, plan in branches.items():
            self.github.admin("POST", "/runs", {"repository": REPO, "workflow": "main.yml", "ref": name, "plan": plan})

    def watch(self, branches, *more, workflow="main.yml", repo=REPO, token=TOKEN):
        environment = {"PATH": os.environ["PATH"], "GITHUB_TOKEN": token, "GITHUB_API_URL": self.github.url}
        more = more if "--interval" in more else (*more, "--interval", "PT1S")
        return subprocess.run([headrace_binary(), "gh", "watch", workflow, "--repo", repo, "--branches", branches, *more], capture_output=True, text=True, timeout=60, check=False, env=environment,
                              stdin=subprocess.DEVNULL)

    def sent(self, method, part=""):
        return [r for r in self.github.requests() if r["method"] == method and part in r["path"]]

    def test_green_branches_end_it_with_0_and_a_line_each_change(self):
        self.begin({"main": {"reads": 2}, "releases/1": {"reads": 3}})
        done = self.watch("main,releases/1")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual([line.split()[:2] for line in lines if "success" in line], [["✔", "main"], ["✔", "releases/1"]])
        self.assertNotIn("\x1b", done.stdout)
        self.assertNotIn(TOKEN, done.stdout + done.stderr)

    def test_a_flaky_job_is_run_again_once_an_attempt(self):
        self.begin({"main": {"reads": 2, "jobs": jobs("failure", "success")}})
        done = self.watch("main", "--attempts", "3", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        branch = json.loads(done.stdout)["branches"][0]
        self.assertEqual((branch["state"], branch["attempt"]), ("success", 2))
        self.assertEqual(len(self.sent("POST", "/rerun-failed-jobs")), 1)

    def test_a_red_branch_names_its_jobs(self):
        self.begin({"main": {"reads": 1}, "old": {"reads": 1, "jobs": jobs("failure")}})
        done = self.watch("main,old")
        self.assertEqual(done.returncode, 10, done.stderr)
        red = [line for line in done.stdout.splitlines() if line.startswith("✘")]
        self.assertEqual(len(red), 1)
        self.assertIn(" tests ", red[0])

    def test_a_branch_without_a_run_is_told_from_one_that_is_red(self):
        self.begin({"main": {"reads": 1}})
        done = self.watch("main,empty")
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("no run", done.stdout)

    @side_by_side.takes(11)
    def test_limits_and_outages_are_waited_for(self):
        self.begin({"main": {"reads": 1}}, faults=[{"path": "/runs", "times": 1, "kind": "secondary", "retry_after": 1},
                                                  {"path": "/runs", "times": 1, "kind": "status", "status": 502}])
        done = self.watch("main")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("asked again in", done.stderr)

    def test_what_is_not_there_is_said_with_a_remedy(self):
        self.begin({"main": {"reads": 1}})
        done = self.watch("main", workflow="nothing.yml")
        self.assertEqual(done.returncode, 5)
        self.assertIn("no workflow nothing.yml", done.stderr)
        done = self.watch("main", "--interval", "soon")
        self.assertEqual(done.returncode, 3)
        self.assertIn("PT15S", done.stderr)

    def test_what_was_mistyped_costs_no_request(self):
        self.begin({"main": {"reads": 1}})
        for argv, what in (((" , ",), "names no branch"), (("main", "--endpoint", "nonsense"), "write a URL")):
            done = self.watch(*argv)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn(what, done.stderr)
        for repo in ("acme", "acme/app/", "https://github.com/acme/app", "acme/app?x=1"):
            self.assertIn("OWNER/NAME", self.watch("main", repo=repo).stderr)
        self.assertIn("without folders", self.watch("main", workflow="../x.yml").stderr)
        self.assertIn("line breaks", self.watch("main", token="tok\nX-Injected: yes").stderr)
        self.assertEqual(self.github.requests(), [])
        # A secret's file ends with a line break, and a list may be written with blanks.
        self.assertEqual(self.watch(" main ", token=TOKEN + "\n").returncode, 0)

    def test_looking_once(self):
        self.begin({"main": {"reads": "never"}})
        self.assertEqual(self.watch("main", "--once").returncode, 0)
        self.assertEqual(self.watch("main", "--once", "--require-success").returncode, 13)
        self.assertEqual(self.watch("main", "--timeout", "PT2S").returncode, 13)

    def test_eight_runs_of_a_while_cost_three_requests_at_most(self):
        self.begin({f"b{i}": {"ms": 4000} for i in range(8)})
        done = self.watch(",".join(f"b{i}" for i in range(8)), "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertLessEqual(json.loads(done.stdout)["charged"], 3)
        self.assertLessEqual(len([r for r in self.github.requests() if r["status"] != 304]), 3)


if __name__ == "__main__":
    side_by_side.main()
