"""Runs: polls, attempts, jobs, re-runs, cancel."""

from github_standin.testing import RUNS, StandinTest

FLAKY = {"jobs": [
    {"name": "build"},
    {"name": "integration-tests", "needs": ["build"], "conclusions": ["failure", "success"]},
    {"name": "publish", "needs": ["integration-tests"]},
]}


class RunTest(StandinTest):
    def setUp(self):
        super().setUp()
        self.script(pre_release={"plan": dict(FLAKY, reads=2)},
                    red={"plan": {"jobs": [{"name": "build", "conclusions": ["failure"]}]}},
                    endless={"plan": {"reads": "never"}},
                    timed={"plan": {"ms": 60000}})

    def statuses(self, run, times):
        replies = [self.github.get(f"{RUNS}/{run}").json for _ in range(times)]
        return [(r["run_attempt"], r["status"], r["conclusion"]) for r in replies]

    def test_completes_at_the_planned_read(self):
        run = self.start(workflow="pre-release.yml", plan={"reads": 4})
        self.assertEqual(self.statuses(run, 5), [
            (1, "queued", None), (1, "in_progress", None), (1, "in_progress", None),
            (1, "completed", "success"), (1, "completed", "success")])

    def test_completes_when_its_time_is_over(self):
        run = self.start(workflow="timed.yml")
        self.assertEqual(self.statuses(run, 1), [(1, "queued", None)])
        self.advance(60000)
        self.assertEqual(self.statuses(run, 1), [(1, "completed", "success")])

    def test_a_plan_that_never_ends_stays_in_progress(self):
        run = self.start(workflow="endless.yml")
        self.assertEqual(self.statuses(run, 30)[-1], (1, "in_progress", None))

    def test_a_flaky_job_passes_in_the_second_attempt(self):
        run = self.start(workflow="pre-release.yml")
        self.assertEqual(self.statuses(run, 2)[-1], (1, "completed", "failure"))
        self.assertEqual(self.github.post(f"{RUNS}/{run}/rerun-failed-jobs").status, 201)
        self.assertEqual(self.statuses(run, 2),
                         [(2, "queued", None), (2, "completed", "success")])

    def test_rerun_of_failed_jobs_takes_their_dependents_and_leaves_the_rest(self):
        run = self.start(workflow="pre-release.yml")
        self.statuses(run, 2)
        first = {j["name"]: j for j in self.github.get(f"{RUNS}/{run}/jobs").json["jobs"]}
        self.assertEqual(first["publish"]["conclusion"], "skipped")
        self.github.post(f"{RUNS}/{run}/rerun-failed-jobs")
        self.statuses(run, 2)
        second = {j["name"]: j for j in self.github.get(f"{RUNS}/{run}/jobs").json["jobs"]}
        self.assertEqual({n: j["run_attempt"] for n, j in second.items()},
                         {"build": 1, "integration-tests": 2, "publish": 2})
        self.assertEqual(second["build"]["id"], first["build"]["id"])
        self.assertNotEqual(second["publish"]["id"], first["publish"]["id"])
        self.assertEqual(self.github.get(f"{RUNS}/{run}/jobs?filter=all").json["total_count"], 5)
        old = self.github.get(f"{RUNS}/{run}/attempts/1/jobs").json["jobs"]
        self.assertEqual([j["conclusion"] for j in old], ["success", "failure", "skipped"])

    def test_rerun_of_the_whole_run_takes_every_job(self):
        run = self.start(workflow="pre-release.yml")
        self.statuses(run, 2)
        self.github.post(f"{RUNS}/{run}/rerun")
        jobs = self.github.get(f"{RUNS}/{run}/jobs").json["jobs"]
        self.assertEqual({j["run_attempt"] for j in jobs}, {2})
        shown = self.github.get(f"{RUNS}/{run}").json
        self.assertTrue(shown["previous_attempt_url"].endswith(f"/runs/{run}/attempts/1"))
        old = self.github.get(f"{RUNS}/{run}/attempts/1").json
        self.assertEqual((old["run_attempt"], old["conclusion"]), (1, "failure"))

    def test_rerun_of_one_job(self):
        run = self.start(workflow="pre-release.yml")
        self.statuses(run, 2)
        jobs = {j["name"]: j["id"] for j in self.github.get(f"{RUNS}/{run}/jobs").json["jobs"]}
        path = RUNS.replace("/runs", f"/jobs/{jobs['publish']}")
        self.assertEqual(self.github.post(path + "/rerun").status, 201)
        again = self.github.get(f"{RUNS}/{run}/jobs").json["jobs"]
        self.assertEqual([j["run_attempt"] for j in again], [1, 1, 2])

    def test_a_running_run_is_not_run_again(self):
        run = self.start(workflow="endless.yml")
        for verb in ("rerun", "rerun-failed-jobs"):
            reply = self.github.post(f"{RUNS}/{run}/{verb}")
            self.assertEqual(reply.status, 403)
            self.assertIn("already running", reply.json["message"])

    def test_a_green_run_has_no_failed_jobs_to_run_again(self):
        run = self.start(workflow="pre-release.yml", plan={})
        self.assertEqual(self.github.post(f"{RUNS}/{run}/rerun-failed-jobs").status, 403)

    def test_reruns_are_capped_at_fifty(self):
        run = self.start(workflow="red.yml")
        statuses = [self.github.post(f"{RUNS}/{run}/rerun").status for _ in range(51)]
        self.assertEqual(statuses, [201] * 50 + [403])
        self.assertEqual(self.run_state(run)["run_attempt"], 51)

    def test_a_run_of_last_month_is_not_run_again(self):
        run = self.start(workflow="red.yml")
        self.advance(31 * 24 * 3600 * 1000)
        self.assertEqual(self.github.post(f"{RUNS}/{run}/rerun").status, 403)

    def test_cancel_ends_a_running_run_only(self):
        run = self.start(workflow="endless.yml")
        self.assertEqual(self.github.post(f"{RUNS}/{run}/cancel").status, 202)
        self.assertEqual(self.statuses(run, 1), [(1, "completed", "cancelled")])
        self.assertEqual(self.github.post(f"{RUNS}/{run}/cancel").status, 409)

    def test_a_startup_failure_has_no_jobs(self):
        run = self.start(workflow="red.yml", plan={"conclusions": ["startup_failure"]})
        self.assertEqual(self.statuses(run, 1), [(1, "completed", "startup_failure")])
        self.assertEqual(self.github.get(f"{RUNS}/{run}/jobs").json["jobs"], [])

    def test_list_shows_the_newest_first_and_filters(self):
        old = self.start(workflow="red.yml", ref="develop")
        new = self.start(workflow="red.yml", ref="v1.0.3")
        self.assertEqual([r["id"] for r in self.github.get(RUNS).json["workflow_runs"]],
                         [new, old])
        for query, wanted in (("branch=develop", [old]), ("event=schedule", []),
                              ("status=failure", [new, old]), ("status=in_progress", []),
                              ("actor=nobody", []), ("created=%3E2030-01-01", [])):
            runs = self.github.get(f"{RUNS}?{query}").json["workflow_runs"]
            self.assertEqual([r["id"] for r in runs], wanted, query)

    def test_a_hidden_run_appears_after_some_lists(self):
        self.start(workflow="red.yml", plan={"hidden_reads": 2})
        counts = [self.github.get(RUNS).json["total_count"] for _ in range(3)]
        self.assertEqual(counts, [0, 0, 1])

    def test_pages_are_linked_by_opaque_urls_that_work(self):
        runs = [self.start(workflow="red.yml") for _ in range(5)]
        seen, target = [], RUNS + "?per_page=2"
        while target:
            reply = self.github.get(target)
            seen += [r["id"] for r in reply.json["workflow_runs"]]
            links = dict(reversed(part.split("; ")) for part in
                         (reply.headers["Link"] or "").split(", ") if part)
            target = links.get('rel="next"', "").strip("<>")
            if target:
                self.assertIn("/repositories/", target)
                target = target.split("127.0.0.1:", 1)[1].partition("/")[2]
                target = "/" + target
        self.assertEqual(seen, list(reversed(runs)))

    def test_unknown_runs_and_attempts_are_404(self):
        run = self.start(workflow="red.yml")
        for path in (f"{RUNS}/1", f"{RUNS}/x", f"{RUNS}/{run}/attempts/2", f"{RUNS}/{run}/nothing"):
            self.assertEqual(self.github.get(path).status, 404, path)
