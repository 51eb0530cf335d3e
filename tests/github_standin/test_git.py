"""Git objects, refs by all their forms, contents, compare."""

import base64
import subprocess
import tempfile

from github_standin.git import Git
from github_standin.testing import REPO, StandinTest

HOME = f"/repos/{REPO}"


class GitTest(StandinTest):
    def setUp(self):
        super().setUp()
        self.github.admin("POST", "/script", {"repositories": {REPO: {
            "default_branch": "develop", "files": {"gradle.properties": "version=1\n", "a/b": "b"},
            "refs": {"refs/tags/v1": {"annotated": "Release 1"}}}}})
        self.sha = self.github.get(f"{HOME}/git/ref/heads/develop").json["object"]["sha"]

    def test_hashes_are_those_of_git(self):
        blob = Git().blob(b"hello\n")
        self.assertEqual(blob, "ce013625030ba8dba906f756967f9e9ca394464a")
        self.assertEqual(Git().tree([]), "4b825dc642cb6eb9a060e54bf8d69288fbee4904")

    def test_an_annotated_tag_points_at_an_object_of_its_own(self):
        ref = self.github.get(f"{HOME}/git/ref/tags/v1").json["object"]
        self.assertEqual(ref["type"], "tag")
        tag = self.github.get(f"{HOME}/git/tags/{ref['sha']}").json
        self.assertEqual((tag["object"]["type"], tag["message"]), ("commit", "Release 1"))
        commit = self.github.get(f"{HOME}/commits/v1").json
        self.assertEqual(commit["sha"], tag["object"]["sha"])

    def edit(self, text="version=2\n", branch="bump"):
        """One commit through the git data API, then the branch."""
        post = lambda path, body: self.github.post(f"{HOME}/git/{path}", body).json  # noqa: E731
        base = self.github.get(f"{HOME}/git/commits/{self.sha}").json["tree"]["sha"]
        tree = post("trees", {"base_tree": base, "tree": [
            {"path": "gradle.properties", "mode": "100644", "type": "blob", "content": text}]})
        commit = post("commits", {"message": "bump", "tree": tree["sha"], "parents": [self.sha]})
        return post("refs", {"ref": f"refs/heads/{branch}", "sha": commit["sha"]})

    def content(self, ref, path="gradle.properties"):
        found = self.github.get(f"{HOME}/contents/{path}?ref={ref}")
        return base64.b64decode(found.json["content"]).decode() if found.status == 200 else None

    def test_one_commit_by_the_data_api_and_what_it_changed(self):
        self.edit()
        self.assertEqual((self.content("bump"), self.content("develop")),
                         ("version=2\n", "version=1\n"))
        self.assertEqual(self.content("bump", "a/b"), "b")
        compared = self.github.get(f"{HOME}/compare/develop...bump").json
        self.assertEqual((compared["status"], compared["ahead_by"], compared["behind_by"]),
                         ("ahead", 1, 0))
        self.assertEqual([f["filename"] for f in compared["files"]], ["gradle.properties"])
        self.assertEqual(self.github.get(f"{HOME}/compare/develop...none").status, 404)

    def test_refusals_of_the_data_api(self):
        for path, body in (("trees", {"base_tree": "0" * 40, "tree": []}),
                           ("trees", {"tree": [{"path": "a", "mode": "1", "content": ""}]}),
                           ("commits", {"message": "m", "tree": "0" * 40}),
                           ("commits", {"message": "m", "tree": Git().tree([])}),
                           ("blobs", {"content": None}), ("blobs", {"content": "", "x": 1}),
                           ("refs", {"ref": "refs/heads/a..b", "sha": self.sha}),
                           ("refs", {"ref": "refs/heads/develop/x", "sha": self.sha})):
            self.assertEqual(self.github.post(f"{HOME}/git/{path}", body).status, 422, body)

    def test_a_ref_moves_forward_only_unless_forced(self):
        self.edit()
        path = f"{HOME}/git/refs/heads/bump"
        reply = self.github.send("PATCH", path, {"sha": self.sha})
        self.assertEqual((reply.status, reply.json["message"]),
                         (422, "Update is not a fast forward"))
        self.assertEqual(self.github.send("PATCH", path, {"sha": self.sha, "force": True}).status,
                         200)

    def test_contents_want_the_sha_of_what_they_replace(self):
        path, content = f"{HOME}/contents/a/new", base64.b64encode(b"x").decode()
        body = {"message": "m", "content": content}
        made = self.github.send("PUT", path, body)
        self.assertEqual(made.status, 201)
        self.assertEqual(self.github.send("PUT", path, body).status, 422)
        self.assertEqual(self.github.send("PUT", path, dict(body, sha="0" * 40)).status, 409)
        sha = made.json["content"]["sha"]
        self.assertEqual(self.github.send("PUT", path, dict(body, sha=sha)).status, 200)
        self.assertEqual([f["name"] for f in self.github.get(f"{HOME}/contents/a").json],
                         ["b", "new"])
        self.assertEqual(self.github.send("DELETE", path, {"message": "m", "sha": sha}).status, 200)
        self.assertEqual(self.github.get(path).status, 404)

    def test_branches_commits_and_an_empty_repository(self):
        branch = self.github.get(f"{HOME}/branches/develop").json
        self.assertEqual(branch["commit"]["sha"], self.sha)
        self.assertEqual(self.github.get(f"{HOME}/branches/none").status, 404)
        self.assertEqual(self.github.get(f"{HOME}/commits/none").status, 422)
        self.github.admin("POST", "/script", {"repositories": {"a/b": {"empty": True}}})
        reply = self.github.post("/repos/a/b/git/refs", {"ref": "refs/tags/v1", "sha": self.sha})
        self.assertEqual((reply.status, reply.json["message"]), (409, "Git Repository is empty."))

    def test_a_push_starts_what_listens_to_it(self):
        self.script(release={"on": [{"event": "push", "ref": "refs/tags/v*", "after_reads": 1}]})
        self.edit(branch="side")
        self.github.post(f"{HOME}/git/refs", {"ref": "refs/tags/v2", "sha": self.sha})
        runs = [self.github.get(f"{HOME}/actions/runs?event=push&head_sha={self.sha}").json
                for _ in range(2)]
        self.assertEqual([r["head_branch"] for r in runs[-1]["workflow_runs"]], ["v2"])

    def test_the_hash_of_a_tree_is_git_s_own(self):
        if subprocess.run(["git", "--version"], capture_output=True, check=False).returncode:
            self.skipTest("git is not installed")
        git = Git()
        blob = git.blob(b"")
        tree = git.build({"a.txt": ("100644", blob), "a/x": ("100755", blob)})
        entries = f"100644 blob {blob}\ta.txt\n040000 tree {git.build({'x': ('100755', blob)})}\ta\n"
        done = subprocess.run(["git", "mktree", "--missing"], input=entries, text=True,
                              capture_output=True, check=False, cwd=self.repository())
        self.assertEqual(done.stdout.strip(), tree, done.stderr)

    def repository(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        subprocess.run(["git", "init", "-q", folder.name], check=True, capture_output=True)
        return folder.name
