#!/usr/bin/env python3
"""headrace's own tasks for GitHub against the stand-in: what must hold whatever breaks.

HEADRACE_BIN=build/release/bin/headrace python3 tests/e2e/github_tasks.py [-v] [GithubTasks.TEST...]
"""

import collections
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import side_by_side  # noqa: E402
from github_cluster import GithubCase, flow, for_each, task  # noqa: E402

REPO = "acme/app"
FLAKY = [{"name": "build"}, {"name": "tests", "needs": ["build"], "conclusions": ["failure", "success"]}]
RED = [{"name": "build"}, {"name": "tests", "needs": ["build"], "conclusions": ["failure"]}]


def document(plan=None, config=None, title=None, faults=()):
    inputs = {"version": {"required": False}, "correlation": {"required": False}}
    plan = dict(plan or {"reads": 2})
    if title:
        plan["title"] = title
    return {"config": config or {}, "faults": list(faults), "repositories": {REPO: {
        "default_branch": "main", "refs": {"refs/tags/v1.0.0": None},
        "workflows": {"release.yml": {"dispatch": {"inputs": inputs}, "plan": plan},
                      "ci.yml": {"plan": plan}}}}}


def dispatch(**more):
    return task("RunWorkflow", **dict({"id": "go", "repository": REPO, "workflow": "release.yml", "ref": "main",
                                       "interval": "PT1S"}, **more))


def wait_for(run, **more):
    return task("WaitRun", **dict({"id": "wait", "repository": REPO, "runId": run, "interval": "PT1S"}, **more))


class GithubTasks(GithubCase):
    def outputs(self, outcome, name="go"):
        return outcome.task_runs(name)[0].get("outputs", {})

    def runs(self):
        return self.github.state()["repositories"][REPO]["runs"]

    # ---- RunWorkflow ----

    def test_dispatch_and_wait_until_green(self):
        outcome = self.run_flow(dispatch(inputs={"version": "1.0"}, wait=True), script=document({"reads": 3}))
        outputs = self.outputs(outcome)
        self.assertEqual((outputs["conclusion"], outputs["verdict"], outputs["bound"]), ("success", "GREEN", "API"))
        self.assertEqual([r["id"] for r in self.runs()], [outputs["runId"]])
        self.assertEqual(self.runs()[0]["inputs"]["version"], "1.0")

    def test_kestras_task_knows_its_run(self):
        kestra = {"id": "go", "type": "io.kestra.plugin.github.actions.RunWorkflow", "repository": REPO, "ref": "main",
                  "workflowId": "release.yml", "oauthToken": "{{ secret('GITHUB_TOKEN') }}"}
        self.begin(document())
        outcome = self.run_flow(dict(kestra, endpoint=self.github.url))
        self.assertEqual(self.outputs(outcome)["runId"], self.runs()[0]["id"])

    def test_a_flaky_run_is_run_again_in_its_failed_jobs_only(self):
        outcome = self.run_flow(dispatch(wait=True, rerun={"maxAttempts": 3}), script=document({"reads": 2, "jobs": FLAKY}))
        outputs = self.outputs(outcome)
        self.assertEqual((outputs["verdict"], outputs["attempt"], outputs["flaky"]), ("FLAKY_GREEN", 2, ["tests"]))
        self.assertEqual(outputs["reruns"], [{"attempt": 1, "failedJobs": ["tests"]}])
        self.assertEqual(len(self.sent("POST", "/rerun-failed-jobs")), 1)

    def test_a_broken_run_fails_with_the_names_of_its_jobs(self):
        outcome = self.run_flow(dispatch(wait=True, rerun={"maxAttempts": 3, "stopIfSame": 2}), state="FAILED",
                                script=document({"reads": 2, "jobs": RED}))
        self.assertEqual(self.outputs(outcome)["verdict"], "BROKEN")
        self.assertEqual(self.outputs(outcome)["attempt"], 2)
        self.assertIn("failed jobs: tests", outcome.stderr)

    def test_a_socket_cut_after_the_effect_makes_one_run(self):
        cut = {"method": "POST", "path": "dispatches$", "kind": "reset", "effect": True}
        outcome = self.run_flow(dispatch(onAmbiguous="ADOPT", reconcileWithin="PT3S"), script=document(faults=[cut]))
        self.assertEqual([r["id"] for r in self.runs()], [self.outputs(outcome)["runId"]])
        self.assertEqual(self.outputs(outcome)["bound"], "DIFF")
        self.assertEqual(len(self.sent("POST", "/dispatches")), 1)

    def test_a_lost_answer_fails_unless_told_otherwise_and_names_the_run(self):
        for fault in ({"kind": "reset", "effect": True}, {"kind": "status", "status": 502, "effect": True}):
            with self.subTest(fault=fault):
                fault = dict(fault, method="POST", path="dispatches$")
                outcome = self.run_flow(dispatch(reconcileWithin="PT2S"), state="FAILED", script=document(faults=[fault]))
                self.assertIn("AmbiguousDispatch", outcome.stderr)
                self.assertIn(str(self.runs()[0]["id"]), outcome.stderr)
                self.assertEqual(len(self.runs()), 1)

    def test_a_correlation_proves_whether_there_is_a_run(self):
        for effect, posts in ((True, 1), (False, 2)):
            with self.subTest(effect=effect):
                fault = {"method": "POST", "path": "dispatches$", "kind": "reset", "effect": effect}
                outcome = self.run_flow(
                    dispatch(onAmbiguous="RETRY", correlationInput="correlation", reconcileWithin="PT2S"),
                    script=document(title="Release {correlation}", faults=[fault]))
                self.assertEqual([r["id"] for r in self.runs()], [self.outputs(outcome)["runId"]])
                self.assertEqual(len(self.sent("POST", "/dispatches")), posts)

    def test_a_refusal_is_final(self):
        outcome = self.run_flow(dispatch(ref="nowhere"), state="FAILED", script=document())
        self.assertIn("No ref found for: nowhere", outcome.stderr)
        self.assertEqual(len(self.sent("POST", "/dispatches")), 1)

    def test_twenty_dispatches_at_once_own_twenty_runs_without_ids_from_the_server(self):
        outcome = self.run_flow(for_each(20, dispatch(inputs={"version": "{{ taskrun.value }}"})), scale=5,
                                script=document(config={"api": "ghes-3.19"}))
        bound = {r["outputs"]["runId"]: r["value"] for r in outcome.task_runs("go")}
        self.assertEqual(len(bound), 20)
        self.assertEqual({r["id"]: r["inputs"]["version"] for r in self.runs()}, bound)

    def test_an_app_on_an_enterprise_server(self):
        self.begin(document(config={"api": "ghes-3.19", "auth": "required"}))
        for form in ("pkcs1", "pkcs8"):
            with self.subTest(form=form):
                made = subprocess.run(["openssl", "genrsa"] + (["-traditional"] if form == "pkcs1" else []) + ["2048"],
                                      capture_output=True, text=True, check=True).stdout
                self.github.script({"apps": {"Iv1.headrace": {"id": 5, "private_key": made, "installations": [
                    {"id": 77, "account": "acme", "repositories": [REPO]}]}}})
                self.folder.secrets["APP_KEY"] = made
                outcome = self.run_flow(dispatch(connection="app", wait=True))
                self.assertEqual(self.outputs(outcome)["verdict"], "GREEN")
                self.assertEqual(self.folder.holds("ghs_"), [], "a token of the installation rests in a file")
                self.assertEqual(self.folder.holds("eyJ"), [], "a JWT rests in a file")

    # ---- WaitRun ----

    def test_waits_for_a_run_that_is_not_there_yet(self):
        wait = task("WaitRun", id="wait", repository=REPO, workflow="ci.yml", ref="main", interval="PT1S")
        script = document({"reads": 2, "hidden_reads": 3})
        script["repositories"][REPO]["runs"] = [{"workflow": "ci.yml", "ref": "main"}]
        outcome = self.run_flow(wait, script=script)
        self.assertEqual(self.outputs(outcome, "wait")["conclusion"], "success")

    def test_a_run_that_never_appears(self):
        wait = task("WaitRun", id="wait", repository=REPO, workflow="ci.yml", ref="main", interval="PT1S", appearWithin="PT3S")
        outcome = self.run_flow(wait, script=document(), state="FAILED")
        self.assertIn("RunNotFound", outcome.stderr)

    def test_a_timeout_cancels_the_run(self):
        self.begin(document({"reads": "never"}))
        run = self.start_run()
        outcome = self.run_flow(wait_for(run, timeout="PT5S", cancelOnTimeout=True), state="FAILED")
        self.assertIn("WaitTimeout", outcome.stderr)
        self.assertEqual(self.runs()[0]["conclusion"], "cancelled")

    def test_outages_are_no_verdict(self):
        self.begin(document({"reads": 2}, faults=[{"path": "/actions/runs", "times": 2, "kind": "status", "status": 503},
                                                  {"path": "/actions/runs", "times": 1, "kind": "reset"}]))
        outcome = self.run_flow(wait_for(self.start_run()), scale=10)
        self.assertEqual(self.outputs(outcome, "wait")["verdict"], "GREEN")

    def test_the_same_red_attempt_is_run_again_once(self):
        self.begin(document({"reads": 2, "jobs": FLAKY}))
        run = self.start_run()
        outcome = self.run_flow(for_each(6, wait_for(run, rerun={"maxAttempts": 3})))
        self.assertEqual({r["outputs"]["verdict"] for r in outcome.task_runs("wait")}, {"FLAKY_GREEN"})
        self.assertEqual(len(self.sent("POST", "/rerun")), 1)

    @side_by_side.takes(18)
    def test_a_hundred_waiters_cost_one_request_an_interval(self):
        self.begin(document({"ms": 15000}))
        runs = [self.start_run() for _ in range(100)]
        body = wait_for("{{ %s[taskrun.iteration] }}" % runs, interval="PT3S")
        began = time.time()
        self.run_flow(for_each(100, body))
        intervals = (time.time() - began) / 3
        asked = self.sent("GET", "/actions/runs")
        self.assertLessEqual(len(asked), intervals + 3, collections.Counter(r["path"] for r in asked))

    # ---- Refs ----

    @side_by_side.takes(9)
    def test_absent_is_told_from_out_of_reach(self):
        check = task("CheckRef", id="check", repository=REPO, ref="tags/v9.9.9", expect="ABSENT", timeout="PT8S")
        outage = {"path": "/git/ref", "times": 0, "kind": "status", "status": 502}
        self.run_flow(check, state="FAILED", script=document(faults=[outage]))
        self.github.forget_faults()
        self.run_flow(check)
        outcome = self.run_flow(dict(check, ref="tags/v1.0.0"), state="FAILED")
        self.assertIn("exists already", outcome.stderr)
        outcome = self.run_flow(dict(check, repository="acme/hidden"), state="FAILED")
        self.assertIn("404", outcome.stderr)

    def test_a_ref_is_made_once(self):
        self.begin(document())
        sha = self.github.state()["repositories"][REPO]["refs"]["refs/heads/main"]
        make = task("CreateRef", id="make", repository=REPO, ref="tags/v2.0.0", sha=sha)
        self.assertTrue(self.outputs(self.run_flow(make), "make")["created"])
        self.assertFalse(self.outputs(self.run_flow(make), "make")["created"])

    # ---- Several workers ----

    @side_by_side.takes(10)
    def test_four_workers_send_one_probe_a_pause(self):
        """24 tasks on 16 slots: what is on its way when the limit comes is sent, nothing else before the pause is over."""
        limit = {"path": "/git/ref", "times": 3, "kind": "secondary", "retry_after": 3}
        self.begin(document(faults=[limit]))
        cluster = self.cluster(4)
        check = task("CheckRef", id="check", repository=REPO, ref="tags/v{{ taskrun.value }}", expect="ABSENT")
        cluster.apply(flow(for_each(24, check)))
        ended = cluster.wait(cluster.submit(), 90)
        self.assertEqual(ended["state"]["current"], "SUCCESS")
        asked = [r for r in self.github.requests() if "/git/ref" in r["path"]]
        limited = [r for r in asked if r["status"] == 403]
        self.assertEqual(len(limited), 3)
        early = collections.Counter(r["path"] for r in asked if r["in_pause"])
        self.assertLess(early.total(), 16, early)
        self.assertLessEqual(set(early.values()), {1}, early)

    @side_by_side.takes(18)
    def test_polling_goes_on_when_the_worker_that_polls_is_killed(self):
        self.begin(document({"reads": "never"}))
        cluster = self.cluster(2)
        run = self.start_run()
        cluster.apply(flow(wait_for(run)))
        execution = cluster.submit()
        self.until(lambda: len(self.sent("GET", "/actions/runs")) > 3)
        cluster.kill("w0")
        before = len(self.sent("GET", "/actions/runs"))
        self.until(lambda: len(self.sent("GET", "/actions/runs")) > before + 3, 30)
        self.end_run(run)
        self.assertEqual(cluster.wait(execution, 30)["state"]["current"], "SUCCESS")

    def test_a_worker_killed_while_it_dispatches_makes_one_run(self):
        slow = {"method": "POST", "path": "dispatches$", "kind": "delay", "ms": 4000, "effect": True}
        self.begin(document(faults=[slow]))
        cluster = self.cluster(1)
        cluster.apply(flow(dispatch(onAmbiguous="ADOPT", reconcileWithin="PT3S", wait=True)))
        execution = cluster.submit()
        self.until(self.runs)
        cluster.kill("w0")
        cluster.add("w1")
        ended = cluster.wait(execution, 60)
        self.assertEqual(ended["state"]["current"], "SUCCESS")
        self.assertEqual([r["id"] for r in self.runs()], [ended["taskRunList"][0]["outputs"]["runId"]])
        self.assertEqual(len(self.sent("POST", "/dispatches")), 1)


if __name__ == "__main__":
    side_by_side.main()
