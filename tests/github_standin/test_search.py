"""Searches, projects, many runs at once; what is seen late."""

from github_standin.testing import REPO, RUNS, StandinTest

HOME = f"/repos/{REPO}"


class SearchTest(StandinTest):
    def setUp(self):
        super().setUp()
        self.github.admin("POST", "/script", {
            "repositories": {
                REPO: {"default_branch": "develop", "topics": ["orchestration"],
                       "files": {"gradle.properties": "version=1.0.3", "docs/a.md": "text"},
                       "workflows": {"main.yml": {"plan": {
                           "jobs": [{"name": "a", "conclusions": ["failure", "success"]}]}}}},
                "kestra-io/secret": {"private": True}},
            "projects": {"kestra-io": {"7": {"title": "Release", "items": [
                {"title": f"item {i}", "fields": {"Status": "Done"}} for i in range(3)]}}}})

    def count(self, kind, query, **kw):
        return self.github.get(f"/search/{kind}?q={query}", **kw).json["total_count"]

    def test_each_kind_has_its_qualifiers(self):
        for kind, query, count in (
                ("repositories", "kestra", 2), ("repositories", "topic:orchestration", 1),
                ("repositories", "org:kestra-io+is:private", 1), ("repositories", "stars:1", 0),
                ("code", "version+repo:kestra-io/kestra", 1), ("code", "extension:md", 1),
                ("code", "filename:gradle.properties", 1), ("code", "path:docs+org:other", 0),
                ("commits", "head+author:octocat", 2), ("commits", "merge:true", 0),
                ("users", "kestra", 1), ("topics", "orch", 1)):
            self.assertEqual(self.count(kind, query), count, (kind, query))
        self.assertEqual(self.count("repositories", "kestra", token=None), 1)
        self.assertEqual(self.github.get("/search/code").status, 422)

    def test_a_project_is_paged(self):
        query = ("query($n: Int!, $c: String) { organization(login: \"kestra-io\") { projectV2("
                 "number: $n) { title items(first: 2, after: $c) { nodes { id } } } } }")
        seen, cursor = [], None
        while True:
            found = self.github.post("/graphql", {"query": query, "variables": {
                "n": 7, "c": cursor}}).json["data"]["organization"]["projectV2"]
            seen += [n["content"]["title"] for n in found["items"]["nodes"]]
            if not found["items"]["pageInfo"]["hasNextPage"]:
                break
            cursor = found["items"]["pageInfo"]["endCursor"]
        self.assertEqual(seen, ["item 0", "item 1", "item 2"])
        wrong = self.github.post("/graphql", {"query": query, "variables": {"n": 8}}).json
        self.assertEqual(wrong["errors"][0]["type"], "NOT_FOUND")

    def test_many_runs_at_once(self):
        run = self.github.get(f"{RUNS}/{self.start(workflow='main.yml')}").json
        query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on WorkflowRun { databaseId } } }"
        found = self.github.post("/graphql", {"query": query, "variables": {
            "ids": [run["node_id"], "eA=="]}}).json["data"]["nodes"]
        self.assertEqual(found[0]["checkSuite"], {"status": "COMPLETED", "conclusion": "FAILURE"})
        self.assertIsNone(found[1])

    def test_after_a_rerun_the_attempt_before_may_be_seen_for_a_while(self):
        run = self.start(workflow="main.yml", plan={
            "stale_reads": 2, "jobs": [{"name": "a", "conclusions": ["failure", "success"]}]})
        self.assertEqual(self.github.get(f"{RUNS}/{run}").json["conclusion"], "failure")
        self.assertEqual(self.github.post(f"{RUNS}/{run}/rerun-failed-jobs").status, 201)
        seen = [self.github.get(f"{RUNS}/{run}").json for _ in range(3)]
        self.assertEqual([(r["run_attempt"], r["conclusion"]) for r in seen],
                         [(1, "failure"), (1, "failure"), (2, "success")])

    def test_a_new_ref_may_be_seen_late(self):
        self.github.admin("POST", "/script", {"config": {"ref_lag_reads": 2}})
        sha = self.github.get(f"{HOME}/git/ref/heads/develop").json["object"]["sha"]
        self.github.post(f"{HOME}/git/refs", {"ref": "refs/tags/v1", "sha": sha})
        seen = [self.github.get(f"{HOME}/git/ref/tags/v1").status for _ in range(3)]
        self.assertEqual(seen, [404, 404, 200])
