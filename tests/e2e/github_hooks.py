#!/usr/bin/env python3
"""Webhooks of GitHub as the fast path, polls as the net under it: what is delivered, lost, repeated and forged.

HEADRACE_BIN=build/release/bin/headrace python3 tests/e2e/github_hooks.py [-v] [GithubHooks.TEST...]
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import side_by_side  # noqa: E402
from github_cluster import GithubCase, flow, free_port, task  # noqa: E402
from harness import TOKEN  # noqa: E402

REPO = "acme/app"
SECRET = "a secret of the hook"


class GithubHooks(GithubCase):
    def serve(self, faults=(), secret=SECRET):
        """A server that takes deliveries, and a stand-in that makes them when a run changes."""
        port = free_port()
        hook = {"url": f"http://127.0.0.1:{port}/api/v1/hooks/github/releases", "secret": secret, "events": ["workflow_run"],
                "repository": REPO}
        self.begin({"hooks": [hook], "delivery_faults": list(faults), "repositories": {REPO: {
            "default_branch": "main", "workflows": {"ci.yml": {"plan": {"reads": "never", "jobs": [{"name": "build"}]}}}}}})
        hooks = self.folder.write("hooks", f"releases {SECRET}\n")
        self.running = self.cluster(1, arguments=("--port", str(port), "--github-hooks", hooks))
        self.assertEqual(self.folder.holds(TOKEN), [])

    def wait_for_run(self, interval):
        """A run, and an execution that has looked at it once and waits for it."""
        run = self.start_run()
        self.running.apply(flow(task("WaitRun", id="wait", repository=REPO, runId=run, interval=interval)))
        execution = self.running.submit()
        for _ in range(200):
            if any(f"/runs/{run}" in r["path"] for r in self.github.requests()):
                break
            self.running.execution(execution)  # takes its time
        return run, execution

    def outputs(self, execution, seconds=40):
        ended = self.running.wait(execution, seconds)
        self.assertEqual(ended["state"]["current"], "SUCCESS", ended)
        return ended["taskRunList"][0]["outputs"]

    def test_a_delivery_wakes_who_waits_long_before_the_next_poll(self):
        self.serve()
        run, execution = self.wait_for_run("PT30M")
        polls = len(self.github.requests())
        self.end_run(run)
        outputs = self.outputs(execution)
        self.assertEqual((outputs["conclusion"], outputs["source"]), ("success", "webhook"))
        self.assertEqual(len(self.github.requests()), polls, "the delivery said it all")

    def test_what_is_not_delivered_is_found_by_the_poll(self):
        self.serve(faults=[{"kind": "lose", "times": 0}])
        run, execution = self.wait_for_run("PT2S")
        self.end_run(run)
        self.assertEqual(self.outputs(execution)["source"], "poll")

    def test_a_forged_delivery_changes_nothing(self):
        self.serve(secret="another secret")
        run, execution = self.wait_for_run("PT4S")
        self.end_run(run)
        outputs = self.outputs(execution)
        self.assertEqual(outputs["source"], "poll")
        # 0: the server was not up yet.
        answers = {delivery["status_code"] for delivery in self.github.deliveries()} - {0}
        self.assertEqual(answers, {401})

    def test_deliveries_twice_and_in_the_wrong_order_are_one_end(self):
        self.serve(faults=[{"kind": "duplicate", "times": 0}, {"kind": "reorder", "times": 0}])
        run, execution = self.wait_for_run("PT30M")
        self.end_run(run)
        self.assertEqual(self.outputs(execution)["source"], "webhook")


if __name__ == "__main__":
    side_by_side.main()
