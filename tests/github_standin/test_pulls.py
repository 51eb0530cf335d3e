"""Pull requests: one for a head and base, when and how they merge."""

from github_standin.testing import REPO, StandinTest

HOME = f"/repos/{REPO}"
PULLS = f"{HOME}/pulls"


class PullTest(StandinTest):
    def setUp(self):
        super().setUp()
        self.given(default_branch="develop", files={"a": "1\n", "b": "1\n"}, refs={
            "refs/heads/one": {"files": {"a": "2\n"}, "message": "two"},
            "refs/heads/rival": {"files": {"a": "3\n"}},
            "refs/heads/side": {"files": {"b": "2\n"}}, "refs/heads/same": None})

    def given(self, **spec):
        self.github.admin("POST", "/script", {"repositories": {REPO: spec}})

    def open(self, head, **more):
        body = dict({"head": head, "base": "develop", "title": f"take {head}"}, **more)
        return self.github.post(PULLS, body)

    def merge(self, number, **body):
        return self.github.send("PUT", f"{PULLS}/{number}/merge", body)

    def tip(self, branch):
        return self.github.get(f"{HOME}/git/ref/heads/{branch}").json["object"]["sha"]

    def test_the_search_by_head_wants_the_owner(self):
        self.open("one")
        self.open("side")
        for query, count in (("head=kestra-io:one&base=develop", 1), ("head=kestra-io:rival", 0),
                             ("head=other:one", 0), ("head=one", 2), ("base=rival", 0),
                             ("state=closed", 0), ("state=all", 2)):
            self.assertEqual(len(self.github.get(f"{PULLS}?{query}").json), count, query)

    def test_refusals(self):
        self.assertEqual(self.open("one").status, 201)
        for reply, words in ((self.open("one"), "already exists for kestra-io:one"),
                             (self.open("none"), "invalid"), (self.open("side", title=""), "title"),
                             (self.open("side", base=""), "base"),
                             (self.open("side", nonsense=1), "permitted"),
                             (self.open("other:side"), "invalid")):
            self.assertEqual(reply.status, 422, words)
            self.assertIn(words, reply.raw.decode())
        made = self.github.post(f"{HOME}/git/refs",
                                {"ref": "refs/heads/equal", "sha": self.tip("develop")})
        self.assertEqual(made.status, 201)
        self.assertIn("No commits between", self.open("equal").raw.decode())

    def test_three_ways_to_merge(self):
        for head, method, parents in (("one", "merge", 2), ("side", "squash", 1)):
            number = self.open(head).json["number"]
            self.assertEqual(self.github.get(f"{PULLS}/{number}/merge").status, 404)
            self.assertEqual(self.merge(number, merge_method=method).status, 200)
            commit = self.github.get(f"{HOME}/commits/develop").json
            self.assertEqual(len(commit["parents"]), parents)
            self.assertEqual(self.github.get(f"{PULLS}/{number}/merge").status, 204)
            shown = self.github.get(f"{PULLS}/{number}").json
            self.assertEqual((shown["state"], shown["merged"], shown["merge_commit_sha"]),
                             ("closed", True, commit["sha"]))
        self.assertEqual(self.merge(1).status, 405)

    def test_the_sha_guards_a_merge(self):
        number = self.open("one").json["number"]
        self.assertEqual(self.merge(number, sha=self.tip("side")).status, 409)
        self.assertEqual(self.merge(number, sha=self.tip("one")).status, 200)

    def test_what_is_in_the_way_of_a_merge(self):
        draft = self.open("side", draft=True).json["number"]
        self.assertEqual(self.merge(draft).json["message"], "Pull Request is not mergeable")
        number = self.open("one").json["number"]
        self.assertEqual(self.merge(number, merge_method="octopus").status, 422)
        self.given(merge_methods=["squash"], required_checks=["build"])
        self.assertEqual(self.merge(number, merge_method="rebase").status, 405)
        self.assertEqual(self.github.get(f"{PULLS}/{number}").json["mergeable_state"], "blocked")
        reply = self.merge(number, merge_method="squash")
        self.assertEqual(reply.status, 405)
        self.assertIn('"build" is expected', reply.json["message"])
        self.github.post(f"{HOME}/statuses/{self.tip('one')}",
                         {"state": "success", "context": "build"})
        self.assertEqual(self.merge(number, merge_method="squash").status, 200)

    def test_a_conflict_is_seen_once_the_base_moves(self):
        one, rival = self.open("one").json["number"], self.open("rival").json["number"]
        self.merge(one)
        self.assertEqual(self.github.get(f"{PULLS}/{rival}").json["mergeable_state"], "dirty")
        self.assertEqual(self.merge(rival).status, 405)
        self.assertEqual(self.github.send("PUT", f"{PULLS}/{rival}/update-branch", {}).status, 422)

    def test_mergeable_is_not_known_at_once(self):
        self.given(pulls=[{"head": "one", "base": "develop", "title": "t", "mergeable_reads": 2}])
        seen = [self.github.get(f"{PULLS}/1").json["mergeable"] for _ in range(2)]
        self.assertEqual(seen, [None, True])

    def test_update_branch(self):
        one, side = self.open("one").json["number"], self.open("side").json["number"]
        path = f"{PULLS}/{side}/update-branch"
        self.assertEqual(self.github.send("PUT", path, {}).status, 422)  # nothing new
        self.merge(one)
        self.assertEqual(self.github.send("PUT", path, {"expected_head_sha": "0" * 40}).status, 422)
        before = self.tip("side")
        self.assertEqual(self.github.send("PUT", path, {}).status, 202)
        self.assertNotEqual(self.tip("side"), before)

    def test_change_and_reviewers(self):
        number = self.open("one").json["number"]
        path = f"{PULLS}/{number}"
        reply = self.github.post(f"{path}/requested_reviewers", {"reviewers": ["ann"],
                                                                 "team_reviewers": ["core"]})
        self.assertEqual([r["login"] for r in reply.json["requested_reviewers"]], ["ann"])
        self.assertEqual([t["slug"] for t in reply.json["requested_teams"]], ["core"])
        own = self.github.post(f"{path}/requested_reviewers", {"reviewers": ["octocat"]})
        self.assertEqual(own.status, 422)
        closed = self.github.send("PATCH", path, {"state": "closed", "title": "no"}).json
        self.assertEqual((closed["state"], closed["title"]), ("closed", "no"))
        self.assertEqual(self.open("one").status, 201)  # the closed one is no duplicate

    def test_the_new_version_drops_some_fields(self):
        path = f"{PULLS}/{self.open('one').json['number']}"
        self.assertIn("merge_commit_sha", self.github.get(path).json)
        new = self.github.get(path, X_GitHub_Api_Version="2026-03-10").json
        self.assertFalse({"merge_commit_sha", "assignee"} & set(new))
