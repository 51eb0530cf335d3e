"""The GraphQL that gh 2.23 asks for; what it does not ask is refused."""

from github_standin.testing import REPO, StandinTest


class GraphqlTest(StandinTest):
    def setUp(self):
        super().setUp()
        self.github.admin("POST", "/script", {"repositories": {REPO: {
            "default_branch": "develop", "refs": {"refs/heads/one": {"files": {"a": "a"}}}}}})

    def ask(self, query, **variables):
        return self.github.post("/graphql", {"query": query, "variables": variables}).json

    def test_pr_create_looks_and_then_makes_one(self):
        named = {"owner": "kestra-io", "repo": "kestra"}
        repo = self.ask("query RepositoryInfo($owner: String!) {}", owner="kestra-io",
                        name="kestra")["data"]["repository"]
        self.assertEqual(repo["defaultBranchRef"], {"name": "develop"})
        look = lambda: self.ask("query PullRequestForBranch($owner: String!) {}",  # noqa: E731
                                headRefName="one", states=["OPEN"], **named)
        self.assertEqual(look()["data"]["repository"]["pullRequests"]["nodes"], [])
        wanted = {"repositoryId": repo["id"], "baseRefName": "develop", "headRefName": "one",
                  "title": "t", "body": "b"}
        mutation = "mutation PullRequestCreate($input: CreatePullRequestInput!) {}"
        made = self.ask(mutation, input=wanted)["data"]["createPullRequest"]["pullRequest"]
        self.assertTrue(made["url"].endswith("/kestra-io/kestra/pull/1"))
        self.assertEqual(len(look()["data"]["repository"]["pullRequests"]["nodes"]), 1)
        again = self.ask(mutation, input=wanted)
        self.assertIn("already exists", again["errors"][0]["message"])
        shown = self.github.get(f"/repos/{REPO}/pulls/1").json
        self.assertEqual((shown["title"], shown["head"]["ref"]), ("t", "one"))

    def test_what_gh_does_not_ask_is_refused(self):
        self.assertIn("does not answer", self.ask("query Other { viewer { login } }")["errors"][0]
                      ["message"])

    def test_it_has_a_quota_of_its_own(self):
        reply = self.github.post("/graphql", {"query": "query UserCurrent {viewer{login}}"})
        self.assertEqual(reply.headers["X-RateLimit-Resource"], "graphql")
        self.assertEqual(reply.json["data"]["viewer"]["login"], "octocat")
