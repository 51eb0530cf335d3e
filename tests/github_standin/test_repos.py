"""Refs, pull requests, releases."""

from github_standin.testing import REPO, StandinTest

HOME = f"/repos/{REPO}"
SHA = "a" * 40


class RepositoryTest(StandinTest):
    def setUp(self):
        super().setUp()
        self.github.admin("POST", "/script", {"repositories": {REPO: {
            "default_branch": "develop",
            "refs": {"refs/tags/v1.0.2": SHA, "refs/tags/v1.0.20": None,
                     "refs/heads/releases/v1.0.x": "b" * 40}}}})

    def test_a_ref_by_raw_and_by_encoded_slash(self):
        for path in ("tags/v1.0.2", "tags%2Fv1.0.2"):
            reply = self.github.get(f"{HOME}/git/ref/{path}")
            self.assertEqual((reply.status, reply.json["ref"]), (200, "refs/tags/v1.0.2"))
        self.assertEqual(self.github.get(f"{HOME}/git/ref/heads/releases%2Fv1.0.x").status, 200)

    def test_a_ref_is_exact_and_matching_refs_are_prefixes(self):
        self.assertEqual(self.github.get(f"{HOME}/git/ref/tags/v1.0").status, 404)
        names = [r["ref"] for r in self.github.get(f"{HOME}/git/matching-refs/tags/v1.0.2").json]
        self.assertEqual(names, ["refs/tags/v1.0.2", "refs/tags/v1.0.20"])
        self.assertEqual(self.github.get(f"{HOME}/git/matching-refs/tags/v9").json, [])

    def test_create_ref(self):
        def create(ref, sha=SHA):
            return self.github.post(f"{HOME}/git/refs", {"ref": ref, "sha": sha})

        self.assertEqual(create("refs/tags/v1.0.3").status, 201)
        self.assertEqual(self.github.get(f"{HOME}/git/ref/tags/v1.0.3").status, 200)
        for ref, sha, words in (("refs/tags/v1.0.3", SHA, "already exists"),
                                ("v1.0.4", SHA, "must start with"),
                                ("refs/tags/v1.0.4", "abc", "40 characters"),
                                ("refs/tags/v1.0.4", "c" * 40, "Object does not exist")):
            reply = create(ref, sha)
            self.assertEqual(reply.status, 422)
            self.assertIn(words, reply.json["message"])
        self.assertEqual(self.github.send("DELETE", f"{HOME}/git/refs/tags/v1.0.3").status, 204)
        self.assertEqual(self.github.send("DELETE", f"{HOME}/git/refs/tags/v1.0.3").status, 422)

    def test_pull_requests(self):
        wanted = {"head": "releases/v1.0.x", "base": "develop", "title": "up"}
        first = self.github.post(f"{HOME}/pulls", wanted)
        self.assertEqual(first.status, 201)
        again = self.github.post(f"{HOME}/pulls", wanted)
        self.assertEqual(again.status, 422)
        self.assertIn("already exists", again.json["errors"][0]["message"])
        found = self.github.get(f"{HOME}/pulls?head=kestra-io:releases/v1.0.x").json
        self.assertEqual([p["number"] for p in found], [1])
        moved = self.github.send("PUT", f"{HOME}/pulls/1/merge", {"sha": "0" * 40})
        self.assertEqual(moved.status, 409)
        self.assertEqual(self.github.send("PUT", f"{HOME}/pulls/1/merge", {}).status, 200)
        self.assertEqual(self.github.send("PUT", f"{HOME}/pulls/1/merge", {}).status, 405)
        missing = self.github.post(f"{HOME}/pulls", dict(wanted, head="absent"))
        self.assertEqual(missing.json["errors"][0]["field"], "head")

    def test_releases(self):
        made = self.github.post(f"{HOME}/releases", {"tag_name": "v1.0.3"})
        self.assertEqual(made.status, 201)
        self.assertEqual(self.github.get(f"{HOME}/git/ref/tags/v1.0.3").status, 200)
        self.assertEqual(self.github.get(f"{HOME}/releases/tags/v1.0.3").json["id"],
                         made.json["id"])
        again = self.github.post(f"{HOME}/releases", {"tag_name": "v1.0.3"})
        self.assertEqual(again.json["errors"][0]["code"], "already_exists")
        self.assertEqual(self.github.post(f"{HOME}/releases", {}).status, 422)
