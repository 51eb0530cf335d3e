#!/usr/bin/env python3
"""examples/nightly against the stand-in: nights one after another, and what Slack hears of them.

HEADRACE_BIN=build/release/bin/headrace python3 tests/e2e/nightly.py [-v] [Nightly.TEST...]
"""

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import side_by_side  # noqa: E402
from chat import Slack  # noqa: E402
from github_cluster import GithubCase, task  # noqa: E402
from harness import ROOT, TOKEN  # noqa: E402

EXAMPLE = os.path.join(ROOT, "examples", "nightly", "nightly.yaml")
APP, PLUGINS = "acme/app", "acme/plugins"
GREEN = {"reads": 2, "jobs": [{"name": "tests"}]}
FLAKY = {"reads": 2, "jobs": [{"name": "tests", "conclusions": ["failure", "success"]}]}
RED = {"reads": 2, "jobs": [{"name": "build"}, {"name": "tests", "conclusions": ["failure"]}]}


def workflow(plan, **plans):
    """A workflow that can be dispatched, with another plan on some branches."""
    return {"dispatch": {"inputs": {}}, "plan": plan, "plans": [{"ref": ref, "plan": one} for ref, one in plans.items()]}


class Nightly(GithubCase):
    def serve(self, repositories, workers=1, faults=()):
        self.begin({"repositories": repositories, "faults": list(faults)})
        self.slack = Slack()
        self.addCleanup(self.slack.stop)
        self.folder.secrets["SLACK_WEBHOOK"] = self.slack.url
        self.running = self.cluster(workers)
        self.seen = set()

    def apply_example(self, **changes):
        with open(EXAMPLE, encoding="utf-8") as file:
            text = file.read().replace("defaults: PT1M", "defaults: PT1S")
        for old, new in changes.items():
            self.assertIn(f"{old}: ", text)
            text = "\n".join(f"{line.split(':')[0]}: {new}" if line.strip().startswith(old + ":") else line for line in text.split("\n"))
        self.running.apply(text)

    def night(self, day):
        """The trigger's date of this day, by a backfill; the matrix's outputs and the requests that were charged."""
        before = self.charged()
        done = self.running.call("backfill", "create", "company.releases/nightly/every_night", "--from", f"2026-03-{day:02}T00:30:00Z",
                                 "--to", f"2026-03-{day:02}T01:30:00Z")
        self.assertEqual(done.returncode, 0, done.stderr)
        end = time.time() + 30
        while True:
            listed = json.loads(self.running.call("exec", "list", "-o", "json").stdout)
            new = [one["id"] for one in listed if one["id"] not in self.seen]
            if new:
                break
            self.assertLess(time.time(), end, "the date does not fire")
            time.sleep(0.2)
        self.seen.update(new)
        return self.matrix_of(new[0]), self.charged() - before

    def by_hand(self):
        done = self.running.call("exec", "start", "company.releases/nightly", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        execution = json.loads(done.stdout)["id"]
        self.seen.add(execution)
        return self.matrix_of(execution)

    def matrix_of(self, execution, seconds=90):
        ended = self.running.wait(execution, seconds)
        self.assertEqual(ended["state"]["current"], "SUCCESS", ended)
        return ended["taskRunList"][0]["outputs"]

    def charged(self):
        return sum(1 for one in self.github.requests() if one.get("charged"))

    def plan(self, repository, file, spec):
        self.github.script({"repositories": {repository: {"workflows": {file: spec}}}})

    @staticmethod
    def names(cells):
        return [f"{one['repository']} {one['branch']} {one['workflow']}" for one in cells]

    def states(self, outputs):
        return {name: one["state"] for name, one in zip(self.names(outputs["cells"]), outputs["cells"])}

    @side_by_side.takes(55)
    def test_two_nights(self):
        branches = {f"refs/heads/releases/v1.{minor}": None for minor in (8, 9, 10)}
        self.serve({
            APP: {"default_branch": "main", "refs": branches, "workflows": {
                "main.yml": workflow(GREEN), "e2e.yml": workflow(GREEN, **{"main": FLAKY, "releases/v1.9": RED})}},
            PLUGINS: {"default_branch": "main", "workflows": {"main.yml": workflow(GREEN)}}})
        self.apply_example()
        first, cost = self.night(10)
        print(f"first night: {first['counts']['cells']} cells, {cost} requests charged", file=sys.stderr)
        self.assertEqual(self.states(first), {
            "acme/app main main.yml": "GREEN", "acme/app main e2e.yml": "FLAKY_GREEN",
            "acme/app releases/v1.10 main.yml": "GREEN", "acme/app releases/v1.10 e2e.yml": "GREEN",
            "acme/app releases/v1.9 main.yml": "GREEN", "acme/app releases/v1.9 e2e.yml": "RED",
            "acme/plugins main main.yml": "GREEN", "acme/plugins main e2e.yml": "MISSING"})
        self.assertEqual(self.names(first["newlyRed"]), ["acme/app releases/v1.9 e2e.yml"])
        self.assertEqual((first["newlyRed"][0]["failedJobs"], first["newlyRed"][0]["attempt"]), (["tests"], 2))
        self.assertTrue(first["scheduled"])
        self.assertEqual(len(self.sent("POST", "/dispatches")), 7)  # the eighth workflow is not there
        self.assertEqual(len(self.sent("POST", "/rerun-failed-jobs")), 2)
        self.assertLessEqual(cost, 8 * 6)
        self.assertEqual(len(self.slack.texts), 1)
        self.assertIn("acme/app releases/v1.9 e2e.yml is red (tests; regression)", self.slack.texts[0])
        self.assertIn("6 of 8 green", self.slack.texts[0])

        # By hand: compares, and is not what the next night is compared with.
        self.plan(APP, "e2e.yml", workflow(GREEN))
        self.plan(PLUGINS, "main.yml", workflow(RED))
        by_hand = self.by_hand()
        self.assertFalse(by_hand["scheduled"])
        self.assertEqual(self.names(by_hand["recovered"]), ["acme/app releases/v1.9 e2e.yml"])

        second, cost = self.night(11)
        print(f"second night: {second['counts']['cells']} cells, {cost} requests charged", file=sys.stderr)
        self.assertEqual(self.names(second["recovered"]), ["acme/app releases/v1.9 e2e.yml"])
        self.assertEqual(self.names(second["newlyRed"]), ["acme/plugins main main.yml"])
        self.assertEqual(second["newlyRed"][0]["suspicion"], "flake", "the same commit was green the night before")
        self.assertEqual(len(self.slack.texts), 3)
        self.assertIn(":red_circle: acme/plugins main main.yml is red (tests; flake)", self.slack.texts[2])
        self.assertIn(":large_green_circle: acme/app releases/v1.9 e2e.yml has recovered", self.slack.texts[2])

        third, cost = self.night(12)
        print(f"third night: {third['counts']['cells']} cells, {cost} requests charged", file=sys.stderr)
        self.assertEqual((third["newlyRed"], third["recovered"]), ([], []))
        self.assertEqual((self.names(third["stillRed"]), third["stillRed"][0]["consecutiveReds"]), (["acme/plugins main main.yml"], 2))
        self.assertEqual(len(self.slack.texts), 3, "nothing has changed, and Slack was told")

    @side_by_side.takes(20)
    def test_a_dead_worker_costs_no_second_run(self):
        slow = dict(GREEN, reads=6)
        self.serve({name: {"default_branch": "main", "workflows": {"main.yml": workflow(slow), "e2e.yml": workflow(slow)}}
                    for name in (APP, PLUGINS)}, workers=2)
        self.apply_example()
        done = self.running.call("exec", "start", "company.releases/nightly", "-o", "json")
        execution = json.loads(done.stdout)["id"]
        self.until(lambda: len(self.sent("POST", "/dispatches")) >= 2)
        self.running.kill("w0")
        outputs = self.matrix_of(execution)
        self.assertEqual(set(self.states(outputs).values()), {"GREEN"})
        self.assertEqual(len(self.sent("POST", "/dispatches")), 4)

    def test_the_newest_runs_and_a_repository_out_of_reach(self):
        self.serve({APP: {"default_branch": "main", "workflows": {"main.yml": workflow(RED), "e2e.yml": workflow(GREEN)},
                          "runs": [{"workflow": "main.yml", "ref": "main", "event": "schedule"},
                                   {"workflow": "main.yml", "ref": "main", "event": "pull_request", "plan": GREEN}]}})
        matrix = task("HealthMatrix", id="matrix", repositories=[APP, "acme/hidden"], branches={"include": ["main", "gone"]},
                      workflows=["main.yml", "e2e.yml"], interval="PT1S")
        self.running.apply(json.dumps({"id": "nightly", "namespace": "company.releases", "tasks": [matrix]}))
        outputs = self.by_hand()
        self.assertEqual(self.states(outputs), {
            "acme/app main main.yml": "RED", "acme/app main e2e.yml": "MISSING", "acme/app gone main.yml": "MISSING",
            "acme/app gone e2e.yml": "MISSING", "acme/hidden  ": "INFRA"})
        self.assertEqual(self.sent("POST", "/"), [])
        self.assertNotIn(TOKEN, json.dumps(outputs))

    def test_a_repository_that_refuses_leaves_the_others(self):
        refuses = {"method": "GET", "path": "/repos/acme/plugins/actions/runs", "times": 0, "kind": "status", "status": 403}
        run = {"workflow": "main.yml", "ref": "main"}
        self.serve({name: {"default_branch": "main", "workflows": {"main.yml": workflow(dict(GREEN, reads=4))}, "runs": [run]}
                    for name in (APP, PLUGINS)}, faults=[refuses])
        matrix = task("HealthMatrix", id="matrix", repositories=[PLUGINS, APP], branches={"include": ["main"]}, workflows=["main.yml"],
                      interval="PT1S")
        self.running.apply(json.dumps({"id": "nightly", "namespace": "company.releases", "tasks": [matrix]}))
        outputs = self.by_hand()
        self.assertEqual(self.states(outputs), {"acme/plugins main main.yml": "INFRA", "acme/app main main.yml": "GREEN"})

    @side_by_side.takes(14)
    def test_what_does_not_end_is_overdue(self):
        self.serve({name: {"default_branch": "main", "workflows": {"main.yml": workflow(GREEN), "e2e.yml": workflow({"reads": "never"})}}
                    for name in (APP, PLUGINS)})
        self.apply_example(deadline="PT12S")
        outputs = self.by_hand()
        self.assertEqual(self.states(outputs), {f"{name} main {file}": state for name in (APP, PLUGINS)
                                                for file, state in (("main.yml", "GREEN"), ("e2e.yml", "OVERDUE"))})


if __name__ == "__main__":
    side_by_side.main()
