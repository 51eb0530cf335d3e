"""What every answer obeys: credentials, ETag, limits, faults, headers."""

import gzip
import json

from github_standin.testing import DISPATCHES, REPO, RUNS, StandinTest

HOME = f"/repos/{REPO}"


class HttpTest(StandinTest):
    def setUp(self):
        super().setUp()
        self.script(main={"plan": {"reads": 3}}, global_start_release={"dispatch": {}})

    def config(self, **values):
        self.github.admin("POST", "/script", {"config": values})

    def charged(self):
        return self.github.admin("GET", "/state")["requests"]["charged"]

    def test_anonymous_reads_have_a_small_quota_and_writes_none(self):
        reply = self.github.get(HOME, token=None)
        self.assertEqual((reply.status, reply.headers["X-RateLimit-Limit"]), (200, "60"))
        self.assertEqual(self.github.post(DISPATCHES, {"ref": "develop"}, token=None).status, 401)

    def test_credentials(self):
        self.config(auth="required", tokens={"reader": {"permission": "read", "login": "ann"},
                                             "other": {"repositories": ["a/b"]}})
        for token, status in ((None, 401), ("wrong", 401), ("reader", 200), ("other", 404)):
            self.assertEqual(self.github.get(HOME, token=token).status, status, token)
        reply = self.github.post(DISPATCHES, {"ref": "develop"}, token="reader")
        self.assertEqual(reply.status, 403)
        self.assertIn("not accessible", reply.json["message"])
        self.assertEqual(self.github.get("/user", token="reader").json["login"], "ann")

    def test_requests_need_a_user_agent_and_a_known_version(self):
        self.assertEqual(self.github.get(HOME, User_Agent=None).status, 403)
        self.assertEqual(self.github.get(HOME, X_GitHub_Api_Version="2031-01-01").status, 400)

    def test_etag_answers_304_without_charge_until_the_body_changes(self):
        run = self.start(workflow="main.yml")
        first = self.github.get(f"{RUNS}/{run}")  # queued
        second = self.github.get(f"{RUNS}/{run}", If_None_Match=first.headers["ETag"])
        self.assertEqual(second.status, 200)  # in progress
        before = self.charged()
        third = self.github.get(f"{RUNS}/{run}", If_None_Match=first.headers["ETag"])
        self.assertEqual(third.json["status"], "completed")
        self.assertEqual(self.charged(), before + 1)
        same = self.github.get(f"{RUNS}/{run}", If_None_Match=third.headers["ETag"])
        self.assertEqual((same.status, same.raw), (304, b""))
        self.assertEqual(self.charged(), before + 1)
        self.assertEqual(same.headers["X-RateLimit-Used"], third.headers["X-RateLimit-Used"])

    def test_etag_belongs_to_the_token(self):
        tag = self.github.get(HOME).headers["ETag"]
        self.assertEqual(self.github.get(HOME, If_None_Match=tag).status, 304)
        self.assertEqual(self.github.get(HOME, token="next", If_None_Match=tag).status, 200)

    def test_an_anonymous_304_is_charged(self):
        tag = self.github.get(HOME, token=None).headers["ETag"]
        before = self.charged()
        self.assertEqual(self.github.get(HOME, token=None, If_None_Match=tag).status, 304)
        self.assertEqual(self.charged(), before + 1)

    def test_the_quota_ends_and_comes_back_after_an_hour(self):
        self.config(limit=3)
        left = [self.github.get(HOME).headers["X-RateLimit-Remaining"] for _ in range(3)]
        self.assertEqual(left, ["2", "1", "0"])
        reply = self.github.get(HOME)
        self.assertEqual((reply.status, reply.headers["X-RateLimit-Remaining"]), (403, "0"))
        self.assertIn("rate limit exceeded", reply.json["message"])
        self.assertEqual(self.github.get("/rate_limit").json["rate"]["remaining"], 0)
        self.advance(3600 * 1000)
        self.assertEqual(self.github.get(HOME).status, 200)

    def test_rate_limit_is_free_and_the_new_version_drops_rate(self):
        before = self.charged()
        old = self.github.get("/rate_limit").json
        new = self.github.get("/rate_limit", X_GitHub_Api_Version="2026-03-10").json
        self.assertEqual(old["rate"], old["resources"]["core"])
        self.assertNotIn("rate", new)
        self.assertEqual(self.charged(), before)

    def test_secondary_limits_count_points_a_minute(self):
        self.config(points_per_minute=10)
        statuses = [self.github.get(HOME).status for _ in range(6)]
        reply = self.github.post(DISPATCHES, {"ref": "develop"})  # 5 points more than are left
        self.assertEqual(statuses + [reply.status], [200] * 6 + [403])
        self.assertEqual(reply.headers["Retry-After"], "60")
        self.assertGreater(int(reply.headers["X-RateLimit-Remaining"]), 0)
        self.advance(60000)
        self.assertEqual(self.github.post(DISPATCHES, {"ref": "develop"}).status, 204)

    def test_faults_strike_as_often_as_told(self):
        self.github.admin("POST", "/faults", {"path": "^/repos", "kind": "status", "status": 502,
                                              "skip": 1, "times": 2})
        self.assertEqual([self.github.get(HOME).status for _ in range(4)], [200, 502, 502, 200])

    def test_faults_by_chance_are_the_same_for_the_same_seed(self):
        def statuses(seed):
            self.github.admin("DELETE", "/faults")
            self.github.admin("POST", "/faults", {"kind": "status", "status": 502, "times": 0,
                                                  "chance": 0.3, "seed": seed})
            return [self.github.get(HOME).status for _ in range(40)]

        first = statuses(1)
        self.assertEqual(first, statuses(1))
        self.assertNotEqual(first, statuses(2))
        self.assertTrue(4 <= first.count(502) <= 20, first)

    def test_limits_can_be_injected(self):
        self.github.admin("POST", "/faults", {"kind": "secondary", "status": 429,
                                              "retry_after": 3})
        reply = self.github.get(HOME)
        self.assertEqual((reply.status, reply.headers["Retry-After"]), (429, "3"))
        self.github.admin("POST", "/faults", {"kind": "primary"})
        self.assertEqual([self.github.get(HOME).status for _ in range(2)], [403, 403])
        self.assertEqual(self.github.get(HOME, token="fresh").status, 200)

    def test_garbage_and_forgotten_faults(self):
        self.github.admin("POST", "/faults", {"kind": "garbage", "times": 0})
        with self.assertRaises(json.JSONDecodeError):
            _ = self.github.get(HOME).json
        self.github.admin("DELETE", "/faults")
        self.assertEqual(self.github.get(HOME).json["name"], "kestra")

    def test_private_repositories_do_not_exist_for_strangers(self):
        self.github.admin("POST", "/script",
                          {"repositories": {"kestra-io/kestra-ee": {"private": True}}})
        self.assertEqual(self.github.get("/repos/kestra-io/kestra-ee", token=None).status, 404)
        self.assertEqual(self.github.get("/repos/kestra-io/kestra-ee").status, 200)

    def test_graphql_tells_the_default_branch(self):
        query = {"query": "query RepositoryInfo($owner: String!, $name: String!) {"
                          "repository(owner: $owner, name: $name) {id}}",
                 "variables": {"owner": "kestra-io", "name": "kestra"}}
        data = self.github.post("/graphql", query).json["data"]
        self.assertEqual(data["repository"]["defaultBranchRef"], {"name": "develop"})
        query["variables"]["name"] = "absent"
        self.assertEqual(self.github.post("/graphql", query).json["errors"][0]["type"], "NOT_FOUND")

    def test_long_answers_are_compressed_for_who_asks(self):
        plain = self.github.get(HOME)
        packed = self.github.get(HOME, Accept_Encoding="gzip")
        self.assertEqual(packed.headers["Content-Encoding"], "gzip")
        self.assertEqual(gzip.decompress(packed.raw), plain.raw)

    def test_head_is_a_get_without_a_body(self):
        reply = self.github.send("HEAD", HOME)
        self.assertEqual((reply.status, reply.raw), (200, b""))
        self.assertEqual(self.github.send("HEAD", HOME + "/git/ref/tags/none").status, 404)

    def test_the_date_is_that_of_the_stand_in(self):
        self.assertEqual(self.github.get(HOME).headers["Date"], "Fri, 15 Jan 2027 08:00:00 GMT")

    def test_a_script_with_a_typo_is_refused(self):
        for wrong in ({"repositorys": {}}, {"config": {"limits": 1}},
                      {"repositories": {"a/b": {"workflows": {"x.yml": {"plan": {"read": 1}}}}}}):
            self.assertEqual(self.github.post("/_admin/script", wrong).status, 422, wrong)
