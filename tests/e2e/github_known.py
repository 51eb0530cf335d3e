#!/usr/bin/env python3
"""What a server knows of GitHub, for people: flaky jobs and the budget, over HTTP and in the terminal.

HEADRACE_BIN=build/release/bin/headrace python3 tests/e2e/github_known.py [-v] [GithubKnown.TEST...]
"""

import json
import os
import sys
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from github_cluster import Cluster, Folder, flow, free_port, task  # noqa: E402
from harness import Standin, headrace_binary  # noqa: E402

REPO = "acme/app"
FLAKY = {"reads": 1, "jobs": [{"name": "tests", "conclusions": ["failure", "success"]}, {"name": "lint"}]}
GREEN = {"reads": 1, "jobs": [{"name": "tests"}, {"name": "lint"}]}


@unittest.skipUnless(headrace_binary(), "HEADRACE_BIN names no binary")
class GithubKnown(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        """One flaky run of one workflow, two green ones of another."""
        cls.github = Standin({"repositories": {REPO: {"default_branch": "main", "workflows": {
            "flaky.yml": {"dispatch": {}, "plan": FLAKY}, "green.yml": {"dispatch": {}, "plan": GREEN}}}}})
        cls.addClassCleanup(cls.github.stop)
        cls.folder = Folder(cls.github.url)
        cls.addClassCleanup(cls.folder.remove)
        port = free_port()
        cls.url = f"http://127.0.0.1:{port}"
        cls.cluster = Cluster(cls.folder, 1, arguments=("--port", str(port)))
        cls.addClassCleanup(cls.cluster.stop)
        rerun = {"maxAttempts": 2, "delay": "PT0S"}
        cls.cluster.apply(flow(
            task("RunWorkflow", id="flaky", repository=REPO, workflow="flaky.yml", ref="main", wait=True, interval="PT1S", rerun=rerun),
            task("RunWorkflow", id="green", repository=REPO, workflow="green.yml", ref="main", wait=True, interval="PT1S"),
            task("RunWorkflow", id="again", repository=REPO, workflow="green.yml", ref="main", wait=True, interval="PT1S")))
        ended = cls.cluster.wait(cls.cluster.submit(), 120)
        assert ended["state"]["current"] == "SUCCESS", ended

    def get(self, path):
        try:
            with urllib.request.urlopen(self.url + path, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)

    def test_flakes_over_http_name_the_job_and_how_often(self):
        status, answer = self.get(f"/api/v1/github/flakes?repo={REPO}&window=P7D")
        self.assertEqual((status, answer["window"]), (200, "PT168H"), answer)
        (job,) = answer["jobs"]
        self.assertEqual([job[key] for key in ("connection", "repository", "workflow", "job", "runs", "fails", "flakes")],
                         ["releases", REPO, "flaky.yml", "tests", 1, 1, 1])
        self.assertGreater(job["rate"], 0)
        self.assertEqual(self.get("/api/v1/main/github/flakes")[1]["jobs"], answer["jobs"])
        self.assertEqual(self.get("/api/v1/github/flakes?repo=acme/other")[1]["jobs"], [])
        self.assertEqual(self.get("/api/v1/github/flakes?workflow=green.yml")[1]["jobs"], [])

    def test_what_is_wrong_with_a_question_is_said(self):
        for query, words in (("window=P400D", "P90D"), ("window=soon", "window"), ("repo=acme", "OWNER/NAME"), ("days=3", "days")):
            status, answer = self.get("/api/v1/github/flakes?" + query)
            self.assertEqual(status, 422, (query, answer))
            self.assertIn(words, answer["detail"])

    def test_the_budget_of_a_connection(self):
        status, answer = self.get("/api/v1/connections/releases/budget")
        self.assertEqual(status, 200, answer)
        core = next(one for one in answer["resources"] if one["resource"] == "core")
        self.assertLess(core["remaining"], core["limit"])
        self.assertEqual(answer["pauses"], [])
        self.assertGreaterEqual(answer["writes"]["lastHour"], 4)  # three dispatches and a re-run
        status, answer = self.get("/api/v1/connections/unheard-of/budget")
        self.assertEqual(status, 404)
        self.assertIn("unheard-of", answer["detail"])

    def test_the_terminal_says_the_same(self):
        done = self.cluster.call("gh", "flakes", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([one["job"] for one in json.loads(done.stdout)], ["tests"])
        table = self.cluster.call("gh", "flakes", "--repo", REPO, "--window", "P2D").stdout
        self.assertRegex(table, r"REPOSITORY +WORKFLOW +JOB +RUNS +FAILED +FLAKED")
        self.assertRegex(table, r"acme/app +flaky\.yml +tests +1 +1 +1 ")
        self.assertRegex(self.cluster.call("gh", "budget", "releases").stdout, r"core +\d+ +\d+ ")
        wrong = self.cluster.call("gh", "flakes", "--window", "P400D")
        self.assertEqual(wrong.returncode, 3, wrong.stderr)
        self.assertIn("P90D", wrong.stderr)
        self.assertEqual(self.cluster.call("gh", "budget", "other").returncode, 5)


if __name__ == "__main__":
    unittest.main()
