"""What the journal knows of clients: charges, pauses kept and broken; faults; renames; effects."""

import http.client

from github_standin.auth import fingerprint
from github_standin.testing import DISPATCHES, REPO, RUNS, StandinTest

HOME = f"/repos/{REPO}"


class LimitTest(StandinTest):
    def setUp(self):
        super().setUp()
        self.script(main={"plan": {}}, global_start_release={"dispatch": {}})

    def config(self, **values):
        self.github.admin("POST", "/script", {"config": values})

    def fault(self, **spec):
        self.github.admin("POST", "/faults", spec)

    def counts(self, token="tok"):
        return self.github.admin("GET", "/state")["requests"]["by_token"][fingerprint(token)]

    def test_what_is_sent_in_a_pause_is_counted_by_token(self):
        self.fault(kind="secondary", retry_after=30)
        self.assertEqual(self.github.get(HOME).status, 403)
        self.github.get(HOME)
        self.github.get(HOME, token="other")
        self.advance(30000)
        self.github.get(HOME)
        self.assertEqual((self.counts()["sent"], self.counts()["in_pause"]), (3, 1))
        self.assertEqual(self.counts("other")["in_pause"], 0)

    def test_a_pause_without_retry_after_lasts_a_minute(self):
        self.fault(kind="secondary", retry_after=0)
        self.assertNotIn("Retry-After", self.github.get(HOME).headers)
        self.advance(59000)
        self.github.get(HOME)
        self.advance(1000)
        self.github.get(HOME)
        self.assertEqual(self.counts()["in_pause"], 1)

    def test_a_spent_quota_pauses_until_its_reset_and_rate_limit_may_be_asked(self):
        self.fault(kind="primary", status=429)
        reply = self.github.get(HOME)
        self.assertEqual((reply.status, reply.headers["X-RateLimit-Remaining"]), (429, "0"))
        self.github.get("/rate_limit")
        self.assertEqual(self.counts()["in_pause"], 0)
        self.assertEqual(self.github.get(HOME).status, 403)
        self.assertEqual(self.counts()["in_pause"], 1)
        self.advance(3600 * 1000)
        self.assertEqual(self.github.get(HOME).status, 200)
        self.assertEqual(self.counts()["in_pause"], 1)

    def test_retry_after_may_be_a_date_and_the_words_of_old(self):
        at = "Fri, 15 Jan 2027 08:00:20 GMT"
        self.fault(kind="secondary", retry_after=at, status=429,
                   message="You have triggered an abuse detection mechanism.")
        self.assertEqual(self.github.get(HOME).headers["Retry-After"], at)
        self.github.get(HOME)
        self.advance(20000)
        self.github.get(HOME)
        self.assertEqual(self.counts()["in_pause"], 1)

    def test_a_quota_can_be_set(self):
        self.github.admin("POST", "/quota", {"token": "tok", "remaining": 2})
        left = [self.github.get(HOME).headers["X-RateLimit-Remaining"] for _ in range(3)]
        self.assertEqual(left, ["1", "0", "0"])

    def test_what_a_token_may_is_told_with_the_repository(self):
        self.config(tokens={"r": {"permission": "read"}, "n": {"permission": "none"}, "w": {}})
        shown = {t: self.github.get(HOME, token=t).json["permissions"] for t in "rnw"}
        self.assertEqual([(shown[t]["push"], shown[t]["pull"]) for t in "rnw"],
                         [(False, True), (False, False), (True, True)])

    def test_an_ordinary_403_is_no_pause(self):
        run = self.start(workflow="main.yml", plan={"reads": "never"})
        self.assertEqual(self.github.post(f"{RUNS}/{run}/rerun").status, 403)
        self.github.get(HOME)
        self.assertEqual(self.counts()["in_pause"], 0)

    def test_counts_of_charges_and_304s(self):
        tag = self.github.get(HOME).headers["ETag"]
        self.github.get(HOME, If_None_Match=tag)
        counts = self.counts()
        self.assertEqual((counts["sent"], counts["charged"], counts["not_modified"]), (2, 1, 1))
        self.github.admin("DELETE", "/requests")
        self.assertEqual(self.github.admin("GET", "/state")["requests"]["sent"], 0)

    def test_a_user_s_tokens_share_the_quota(self):
        self.config(tokens={"a": {"login": "ann"}, "b": {"login": "ann"}, "c": {"login": "eve"}})
        used = [self.github.get(HOME, token=t).headers["X-RateLimit-Used"] for t in "abc"]
        self.assertEqual(used, ["1", "2", "1"])

    def test_creations_are_limited_a_minute_and_an_hour(self):
        self.config(creations_per_minute=2, creations_per_hour=3, points_per_minute=1000)
        create = lambda: self.github.post(f"{HOME}/issues", {"title": "t"}).status  # noqa: E731
        self.assertEqual([create() for _ in range(3)], [201, 201, 403])
        self.advance(60000)
        self.assertEqual([create() for _ in range(2)], [201, 403])
        self.advance(3600 * 1000)
        self.assertEqual(create(), 201)

    def test_an_answer_may_be_cut_or_late_after_its_effect(self):
        self.fault(kind="cut", path="^/repos", method="POST")
        with self.assertRaises((http.client.HTTPException, OSError)):
            self.github.post(f"{HOME}/issues", {"title": "t"})
        self.fault(kind="delay", ms=30, effect=True)
        self.assertEqual(len(self.github.get(f"{HOME}/issues").json), 1)

    def test_a_renamed_repository_leads_on(self):
        self.github.admin("POST", "/script", {"repositories": {REPO: {
            "renamed_from": ["old/name"]}}})
        reply = self.github.get("/repos/old/name/actions/runs?per_page=1")
        self.assertEqual(reply.status, 301)
        self.assertIn("/repositories/", reply.headers["Location"])
        target = "/" + reply.headers["Location"].split("/", 3)[3]
        self.assertEqual(self.github.get(target).status, 200)
        path = DISPATCHES.replace(REPO, "old/name")
        reply = self.github.post(path, {"ref": "develop"})
        self.assertEqual(reply.status, 307)
        target = "/" + reply.headers["Location"].split("/", 3)[3]
        self.assertEqual(self.github.post(target, {"ref": "develop"}).status, 204)

    def test_a_redirect_can_be_injected(self):
        self.fault(kind="redirect", status=302, location="http://localhost:1/else")
        reply = self.github.get(HOME)
        self.assertEqual((reply.status, reply.headers["Location"]), (302, "http://localhost:1/else"))

    def test_enterprise_servers_say_what_they_are(self):
        self.config(api="ghes-3.19")
        reply = self.github.get("/api/v3" + RUNS + "?per_page=1")
        self.assertEqual(reply.headers["X-GitHub-Enterprise-Version"], "3.19.0")
        self.start(workflow="main.yml")
        shown = self.github.get("/api/v3" + RUNS).json["workflow_runs"][0]
        self.assertIn("/api/v3/repos/", shown["url"])

    def test_effects_are_equal_however_often_was_asked(self):
        def effects(polls):
            self.github.admin("POST", "/script", {"repositories": {"kestra-io/copy": {}}})
            self.app.world.repositories.pop(REPO)
            self.script(main={"plan": {"reads": polls}}, global_start_release={"dispatch": {}})
            self.advance(12345)
            self.github.post(DISPATCHES, {"ref": "develop"})
            run = self.start(workflow="main.yml")
            for _ in range(polls):
                self.github.get(f"{RUNS}/{run}")
            self.github.post(f"{HOME}/issues", {"title": "t"})
            return self.github.admin("GET", "/effects")[REPO]

        self.assertEqual(effects(1), effects(7))

    def test_repository_dispatch_starts_what_listens(self):
        self.script(listens={"on": [{"event": "repository_dispatch", "types": ["release"]}]})
        for kind, count in (("other", 0), ("release", 1)):
            self.assertEqual(self.github.post(f"{HOME}/dispatches", {"event_type": kind}).status,
                             204)
            runs = self.github.get(RUNS + "?event=repository_dispatch").json
            self.assertEqual(runs["total_count"], count)
        self.assertEqual(self.github.post(f"{HOME}/dispatches", {}).status, 422)

    def test_total_count_is_capped(self):
        self.config(total_count_cap=2)
        for _ in range(3):
            self.start(workflow="main.yml")
        shown = self.github.get(RUNS).json
        self.assertEqual((shown["total_count"], len(shown["workflow_runs"])), (2, 3))
