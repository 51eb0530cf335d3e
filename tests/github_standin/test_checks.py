"""Checks and statuses of a commit: late ones, filters, requested again, required for a merge."""

from github_standin.testing import REPO, StandinTest

HOME = f"/repos/{REPO}"


class CheckTest(StandinTest):
    def given(self, **spec):
        self.github.admin("POST", "/script", {"repositories": {REPO: dict(
            {"default_branch": "develop"}, **spec)}})

    def checks(self, query=""):
        shown = self.github.get(f"{HOME}/commits/develop/check-runs{query}").json
        return [(c["name"], c["status"], c["conclusion"]) for c in shown["check_runs"]]

    def test_a_check_appears_late_and_ends_later(self):
        self.given(checks=[{"name": "lint"}, {"name": "late", "appear_reads": 2, "reads": 2,
                                              "conclusions": ["failure"]}])
        seen = [self.checks() for _ in range(4)]
        lint = ("lint", "completed", "success")
        self.assertEqual(seen, [[lint], [lint], [lint, ("late", "in_progress", None)],
                                [lint, ("late", "completed", "failure")]])

    def test_a_check_may_appear_by_the_clock(self):
        self.given(checks=[{"name": "slow", "appear_ms": 1000, "ms": 1000}])
        self.assertEqual(self.checks(), [])
        self.advance(1000)
        self.assertEqual(self.checks(), [("slow", "in_progress", None)])
        self.advance(1000)
        self.assertEqual(self.checks(), [("slow", "completed", "success")])

    def test_filters(self):
        self.given(checks=[{"name": "a"}, {"name": "b", "reads": "never", "app": "other"}])
        self.assertEqual(len(self.checks("?check_name=a")), 1)
        self.assertEqual([c[0] for c in self.checks("?status=in_progress")], ["b"])
        suites = self.github.get(f"{HOME}/commits/develop/check-suites").json["check_suites"]
        self.assertEqual([s["status"] for s in suites], ["completed", "in_progress"])
        app = suites[0]["app"]["id"]
        self.assertEqual([c[0] for c in self.checks(f"?app_id={app}")], ["a"])

    def test_jobs_are_checks_and_looking_at_them_is_a_read_of_their_run(self):
        self.given(workflows={"main.yml": {"plan": {"reads": 2}}})
        self.start(workflow="main.yml", ref="develop")
        self.assertEqual([self.checks() for _ in range(2)],
                         [[("build", "queued", None)], [("build", "completed", "success")]])

    def test_a_suite_requested_again_gets_its_next_conclusion(self):
        self.given(checks=[{"name": "flaky", "conclusions": ["failure", "success"]}])
        self.assertEqual(self.checks(), [("flaky", "completed", "failure")])
        suite = self.github.get(f"{HOME}/commits/develop/check-suites").json["check_suites"][0]
        path = f"{HOME}/check-suites/{suite['id']}"
        self.assertEqual(self.github.post(path + "/rerequest").status, 201)
        self.assertEqual(self.checks(), [("flaky", "completed", "success")])
        self.assertEqual(self.github.post(f"{HOME}/check-suites/1/rerequest").status, 404)

    def test_statuses_are_a_world_of_their_own(self):
        self.given(statuses=[{"context": "ci", "states": ["pending", "failure"]}])
        states = [self.github.get(f"{HOME}/commits/develop/status").json["state"]
                  for _ in range(2)]
        self.assertEqual(states, ["pending", "failure"])
        sha = self.github.get(f"{HOME}/git/ref/heads/develop").json["object"]["sha"]
        self.assertEqual(self.checks(), [])
        made = self.github.post(f"{HOME}/statuses/{sha}", {"state": "success", "context": "ci"})
        self.assertEqual(made.status, 201)
        self.assertEqual(self.github.get(f"{HOME}/commits/{sha}/status").json["state"], "success")
        self.assertEqual(self.github.post(f"{HOME}/statuses/{sha}", {"state": "red"}).status, 422)

    def test_a_commit_without_any_is_pending(self):
        self.given()
        shown = self.github.get(f"{HOME}/commits/develop/status").json
        self.assertEqual((shown["state"], shown["total_count"]), ("pending", 0))
        self.assertEqual(self.github.get(f"{HOME}/commits/none/check-runs").status, 422)
