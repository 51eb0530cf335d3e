"""Releases with their notes and assets; issues and their search."""

from github_standin.testing import REPO, StandinTest

HOME = f"/repos/{REPO}"


class ReleaseTest(StandinTest):
    def setUp(self):
        super().setUp()
        self.script()

    def create(self, tag="v1", **more):
        return self.github.post(f"{HOME}/releases", dict({"tag_name": tag}, **more))

    def test_a_draft_has_no_tag_and_is_found_by_its_number_only(self):
        draft = self.create(draft=True).json
        self.assertEqual(self.github.get(f"{HOME}/releases/tags/v1").status, 404)
        self.assertEqual(self.github.get(f"{HOME}/git/ref/tags/v1").status, 404)
        path = f"{HOME}/releases/{draft['id']}"
        self.assertIsNone(self.github.get(path).json["published_at"])
        self.assertEqual(self.github.send("PATCH", path, {"draft": False}).status, 200)
        self.assertEqual(self.github.get(f"{HOME}/releases/tags/v1").json["id"], draft["id"])
        self.assertEqual(self.github.get(f"{HOME}/git/ref/tags/v1").status, 200)

    def test_drafts_of_one_tag_may_be_many_but_one_is_published(self):
        first, second = self.create(draft=True).json, self.create(draft=True).json
        self.github.send("PATCH", f"{HOME}/releases/{first['id']}", {"draft": False})
        reply = self.github.send("PATCH", f"{HOME}/releases/{second['id']}", {"draft": False})
        self.assertEqual(reply.json["errors"][0]["code"], "already_exists")

    def test_refusals_and_the_latest(self):
        self.assertEqual(self.create(target_commitish="none").status, 422)
        self.assertEqual(self.create(nonsense=1).status, 422)
        self.assertEqual(self.github.get(f"{HOME}/releases/latest").status, 404)
        self.create("v1")
        self.create("v2", prerelease=True)
        self.create("v0.9", make_latest="false")
        self.assertEqual(self.github.get(f"{HOME}/releases/latest").json["tag_name"], "v1")

    def test_generated_notes(self):
        notes = self.github.post(f"{HOME}/releases/generate-notes", {"tag_name": "v1"}).json
        self.assertIn("What's Changed", notes["body"])
        made = self.create(generate_release_notes=True, body="Mine").json
        self.assertEqual(made["name"], "v1")
        self.assertTrue(made["body"].startswith("Mine\n\n## What's Changed"))
        self.assertEqual(self.github.post(f"{HOME}/releases/generate-notes", {
            "tag_name": "v1", "previous_tag_name": "none"}).status, 422)

    def test_assets(self):
        release = self.create().json
        target = release["upload_url"].split("{")[0].split("/", 3)[3]
        send = lambda: self.github.post(f"/{target}?name=a.txt", b"data",  # noqa: E731
                                        Content_Type="text/plain")
        self.assertEqual(send().status, 201)
        self.assertEqual(send().json["errors"][0]["code"], "already_exists")
        asset = self.github.get(f"{HOME}/releases/{release['id']}/assets").json[0]
        self.assertEqual((asset["name"], asset["size"]), ("a.txt", 4))
        path = f"{HOME}/releases/assets/{asset['id']}"
        reply = self.github.get(path, Accept="application/octet-stream")
        self.assertEqual(reply.status, 302)
        link = "/" + reply.headers["Location"].split("/", 3)[3]
        self.assertEqual(self.github.get(link, token=None).raw, b"data")


class IssueTest(StandinTest):
    def setUp(self):
        super().setUp()
        self.github.admin("POST", "/script", {"repositories": {REPO: {
            "default_branch": "develop", "refs": {"refs/heads/one": {"files": {"a": "a"}}}}}})

    def issue(self, title="Nightly is red", **more):
        return self.github.post(f"{HOME}/issues", dict({"title": title}, **more)).json

    def test_issues_and_pulls_count_together(self):
        self.assertEqual(self.issue()["number"], 1)
        pull = self.github.post(f"{HOME}/pulls", {"head": "one", "base": "develop", "title": "t"})
        self.assertEqual(pull.json["number"], 2)
        comment = self.github.post(f"{HOME}/issues/2/comments", {"body": "hello"})
        self.assertEqual(comment.status, 201)
        self.assertIn("pull_request", self.github.get(f"{HOME}/issues/2").json)

    def test_comments_are_upserted_by_their_number(self):
        self.issue()
        made = self.github.post(f"{HOME}/issues/1/comments", {"body": "one"}).json
        path = f"{HOME}/issues/comments/{made['id']}"
        self.assertEqual(self.github.send("PATCH", path, {"body": "two"}).json["body"], "two")
        self.assertEqual([c["body"] for c in self.github.get(f"{HOME}/issues/1/comments").json],
                         ["two"])
        long = self.github.post(f"{HOME}/issues/1/comments", {"body": "x" * 65537})
        self.assertEqual(long.status, 422)

    def test_labels_and_state(self):
        self.issue(labels=["bug"])
        self.github.post(f"{HOME}/issues/1/labels", {"labels": ["flaky", "bug"]})
        names = [n["name"] for n in self.github.get(f"{HOME}/issues/1/labels").json]
        self.assertEqual(names, ["bug", "flaky"])
        self.github.send("DELETE", f"{HOME}/issues/1/labels/bug")
        closed = self.github.send("PATCH", f"{HOME}/issues/1", {"state": "closed"}).json
        self.assertEqual((closed["state"], len(closed["labels"])), ("closed", 1))
        self.assertIsNotNone(closed["closed_at"])
        self.assertEqual(self.github.get(f"{HOME}/issues").json, [])

    def test_search(self):
        self.issue("Nightly is red", labels=["bug"])
        self.issue("Other")
        self.github.post(f"{HOME}/pulls", {"head": "one", "base": "develop", "title": "nightly"})
        for query, count in (("repo:kestra-io/kestra", 3), ("nightly", 2), ("nightly+is:pr", 1),
                             ("is:issue+label:bug", 1), ("head:one+base:develop", 1),
                             ("-label:bug+is:issue", 1), ("is:closed", 0), ("colour:red", 0)):
            found = self.github.get(f"/search/issues?q={query}").json
            self.assertEqual(found["total_count"], count, query)
        reply = self.github.get("/search/issues?q=x")
        self.assertEqual((reply.headers["X-RateLimit-Resource"],
                          reply.headers["X-RateLimit-Limit"]), ("search", "30"))
        self.assertEqual(self.github.get("/search/issues").status, 422)
