"""Runs that wait: environments, custom gates, forks; cancel that takes its time; any status."""

from github_standin.testing import REPO, RUNS, StandinTest

DEPLOY = {"jobs": [{"name": "build"}, {"name": "deploy", "needs": ["build"],
                                       "environment": "production"},
                   {"name": "announce", "needs": ["deploy"]}]}


class GateTest(StandinTest):
    def setUp(self):
        super().setUp()
        self.github.admin("POST", "/script", {
            "config": {"tokens": {"tok": {"login": "ann"}, "eve": {"login": "eve"}}},
            "repositories": {REPO: {
                "environments": {"production": {"reviewers": ["ann"]}, "gate": {"custom": True}},
                "workflows": {"deploy.yml": {"plan": DEPLOY}, "plain.yml": {"plan": {}}}}}})

    def jobs(self, run):
        return {j["name"]: (j["status"], j["conclusion"])
                for j in self.github.get(f"{RUNS}/{run}/jobs").json["jobs"]}

    def decide(self, run, verdict, token="", **more):
        path = f"{RUNS}/{run}/pending_deployments"
        ids = [p["environment"]["id"] for p in self.github.get(path).json]
        body = dict({"environment_ids": ids, "state": verdict, "comment": "so"}, **more)
        return self.github.post(path, body, token=token)

    def test_a_run_waits_until_it_is_approved(self):
        run = self.start(workflow="deploy.yml", plan=dict(DEPLOY, gate_reads=1))
        shown = self.github.get(f"{RUNS}/{run}").json
        self.assertEqual((shown["status"], shown["conclusion"]), ("waiting", None))
        self.assertEqual(self.jobs(run), {"build": ("completed", "success"),
                                          "deploy": ("waiting", None),
                                          "announce": ("queued", None)})
        self.assertEqual(self.decide(run, "approved").status, 200)
        self.assertEqual(self.jobs(run)["deploy"], ("in_progress", None))
        self.assertEqual(self.github.get(f"{RUNS}/{run}").json["conclusion"], "success")
        approvals = self.github.get(f"{RUNS}/{run}/approvals").json
        self.assertEqual([(a["state"], a["user"]["login"], a["comment"]) for a in approvals],
                         [("approved", "ann", "so")])

    def test_a_rejected_run_fails(self):
        run = self.start(workflow="deploy.yml")
        self.assertEqual(self.decide(run, "rejected").status, 200)
        self.assertEqual(self.github.get(f"{RUNS}/{run}").json["conclusion"], "failure")
        self.assertEqual(self.jobs(run)["announce"], ("completed", "skipped"))

    def test_only_reviewers_decide_and_only_what_waits(self):
        run = self.start(workflow="deploy.yml")
        path = f"{RUNS}/{run}/pending_deployments"
        self.assertFalse(self.github.get(path, token="eve").json[0]["current_user_can_approve"])
        self.assertEqual(self.decide(run, "approved", token="eve").status, 403)
        for wrong in ({"environment_ids": [1]}, {"state": "maybe"}, {"comment": None}):
            self.assertEqual(self.decide(run, "approved", **wrong).status, 422, wrong)
        self.decide(run, "approved")
        self.assertEqual(self.decide(run, "approved").status, 422)

    def test_an_app_s_gate_is_opened_by_its_own_call(self):
        run = self.start(workflow="plain.yml", plan={"jobs": [{"name": "go",
                                                               "environment": "gate"}]})
        path = f"{RUNS}/{run}/deployment_protection_rule"
        body = {"environment_name": "gate", "state": "approved", "comment": ""}
        self.assertEqual(self.github.post(path, dict(body, environment_name="x")).status, 422)
        self.assertEqual(self.github.post(path, body).status, 204)
        self.assertEqual(self.github.get(f"{RUNS}/{run}").json["conclusion"], "success")

    def test_after_a_month_of_waiting_a_run_has_failed(self):
        run = self.start(workflow="deploy.yml")
        self.advance(31 * 24 * 3600 * 1000)
        self.assertEqual(self.github.get(f"{RUNS}/{run}").json["conclusion"], "failure")

    def test_a_fork_s_run_wants_a_maintainer(self):
        run = self.start(workflow="plain.yml", plan={"needs_approval": True, "reads": 1})
        shown = self.github.get(f"{RUNS}/{run}").json
        self.assertEqual((shown["status"], shown["conclusion"]), ("completed", "action_required"))
        self.assertEqual(self.github.post(f"{RUNS}/{run}/approve").status, 201)
        self.assertEqual(self.github.get(f"{RUNS}/{run}").json["conclusion"], "success")
        self.assertEqual(self.github.post(f"{RUNS}/{run}/approve").status, 403)

    def test_a_cancel_may_take_its_time_or_be_ignored(self):
        slow = self.start(workflow="plain.yml", plan={"reads": "never", "cancel_reads": 2})
        self.assertEqual(self.github.post(f"{RUNS}/{slow}/cancel").status, 202)
        seen = [self.github.get(f"{RUNS}/{slow}").json["conclusion"] for _ in range(2)]
        self.assertEqual(seen, [None, "cancelled"])
        deaf = self.start(workflow="plain.yml", plan={"reads": "never", "cancel_reads": "never"})
        self.github.post(f"{RUNS}/{deaf}/cancel")
        self.assertEqual(self.github.get(f"{RUNS}/{deaf}").json["status"], "queued")
        self.assertEqual(self.github.post(f"{RUNS}/{deaf}/force-cancel").status, 202)
        self.assertEqual(self.github.get(f"{RUNS}/{deaf}").json["conclusion"], "cancelled")

    def test_any_status_and_conclusion_can_be_shown(self):
        statuses = ["requested", "pending", "queued", "brand_new"]
        for conclusion in ("stale", "neutral", "timed_out", "unheard_of"):
            run = self.start(workflow="plain.yml", plan={
                "reads": 5, "statuses": statuses, "conclusions": [conclusion]})
            seen = [self.github.get(f"{RUNS}/{run}").json for _ in range(5)]
            self.assertEqual([r["status"] for r in seen], statuses + ["completed"])
            self.assertEqual(seen[-1]["conclusion"], conclusion)

    def test_jobs_may_end_before_their_run(self):
        run = self.start(workflow="plain.yml", plan={"ms": 3000, "jobs": [
            {"name": "a", "ms": 1000}, {"name": "b", "needs": ["a"]}]})
        self.advance(1000)
        self.assertEqual(self.jobs(run), {"a": ("completed", "success"),
                                          "b": ("in_progress", None)})
        self.advance(2000)
        self.assertEqual(self.jobs(run)["b"], ("completed", "success"))

    def test_a_deleted_run_is_gone(self):
        run = self.start(workflow="plain.yml")
        self.assertEqual(self.github.send("DELETE", f"{RUNS}/{run}").status, 204)
        self.assertEqual(self.github.get(f"{RUNS}/{run}").status, 404)
