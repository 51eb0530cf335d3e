#!/usr/bin/env python3
"""Kestra's own tasks for GitHub, by their names, with their properties and outputs, against the stand-in.

HEADRACE_BIN=build/release/bin/headrace python3 tests/e2e/github_kestra_tasks.py [-v] [KestraTasks.TEST...]
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import side_by_side  # noqa: E402
from github_cluster import GithubCase  # noqa: E402
from harness import STANDIN  # noqa: E402

sys.path.insert(0, os.path.dirname(STANDIN))

from github_standin.app_auth import new_key  # noqa: E402

REPO = "acme/app"
KEY = "8CE8QMc4LbTtmiiHKDZUG2SZ6jGb9wFwFhEAQKDV2Ws="
PROJECT = {"title": "Board", "items": [
    {"title": f"item {n}", "number": n, "url": f"https://github.com/acme/app/issues/{n}", "labels": ["bug"] if n % 2 else [],
     "fields": {"Status": "Done" if n < 100 else "Todo", "Size": "S"}} for n in range(1, 151)]}


def document(faults=()):
    return {"config": {"points_per_minute": 100000}, "faults": list(faults), "projects": {"acme": {"7": PROJECT}}, "repositories": {REPO: {
        "default_branch": "main", "files": {"gradle.properties": "version=1\n"}, "topics": ["orchestration"], "labels": {"bug": {}},
        "refs": {"refs/heads/next": {"files": {"b": "b"}, "message": "release next"}},
        "workflows": {"ci.yml": {"plan": {"jobs": [{"name": "tests", "conclusions": ["failure"]}]}}},
        "runs": [{"workflow": "ci.yml", "ref": "main"}, {"workflow": "ci.yml", "ref": "next"}]}}}


class KestraTasks(GithubCase):
    scale = 2

    def setUp(self):
        self.begin(document())

    def run_task(self, kind, state="SUCCESS", after=(), **properties):
        if "oauthToken" not in properties and "clientId" not in properties:
            properties["oauthToken"] = "{{ secret('GITHUB_TOKEN') }}"
        one = dict({"id": "go", "type": f"io.kestra.plugin.github.{kind}", "endpoint": self.github.url}, **properties)
        return self.run_flow(one, *after, state=state).task_runs("go")[0].get("outputs", {})

    # ---- Issues ----

    def test_an_issue_and_its_comment(self):
        outputs = self.run_task("issues.Create", repository=REPO, title="Red", body="why", labels=["bug"], assignees=["alice"])
        number = outputs["issueNumber"]
        self.assertTrue(outputs["issueUrl"].endswith(f"/acme/app/issues/{number}"), outputs)
        outputs = self.run_task("issues.Comment", repository=REPO, issueNumber=number, body="seen")
        self.assertIn(f"/acme/app/issues/{number}#", outputs["commentUrl"])
        self.assertEqual(self.effects()["issues"], [{"title": "Red", "body": "why", "state": "open", "labels": ["bug"],
                                                     "assignees": ["alice"], "comments": ["seen"]}])

    @side_by_side.takes(10)
    def test_an_issue_whose_answer_was_lost_is_not_opened_twice(self):
        self.scale = 8
        for effect, state in ((True, "SUCCESS"), (False, "FAILED")):
            with self.subTest(effect=effect):
                self.begin(document([{"method": "POST", "path": "/issues$", "kind": "reset", "effect": effect}]))
                self.run_task("issues.Create", state, repository=REPO, title="Red")
                self.assertEqual(len(self.effects()["issues"]), int(effect))

    # ---- Pull requests ----

    def test_a_pull_is_opened_and_a_duplicate_fails(self):
        create = {"repository": REPO, "sourceBranch": "next", "targetBranch": "main", "title": "Next", "reviewers": ["alice", "team:core"]}
        outputs = self.run_task("pulls.Create", **create)
        self.assertTrue(outputs["pullRequestUrl"].endswith(f"/pull/{outputs['number']}"), outputs)
        self.assertEqual([(p["reviewers"], p["teams"]) for p in self.effects()["pulls"]], [(["alice"], ["core"])])
        self.run_task("pulls.Create", "FAILED", **create)
        self.assertIn("already exists", self.last.stderr)

    def test_a_pull_whose_answer_was_lost_is_opened_once(self):
        self.begin(document([{"method": "POST", "path": "/pulls$", "kind": "reset", "effect": True}]))
        self.run_task("pulls.Create", repository=REPO, sourceBranch="next", targetBranch="main", title="Next")
        self.assertEqual(len(self.effects()["pulls"]), 1)

    # ---- Runs ----

    def test_runs_are_looked_at_and_listed(self):
        rows = self.run_task("actions.ListRuns", repository=REPO, workflowId="ci.yml", branch="next", conclusion="failure", fetchType="FETCH")["rows"]
        self.assertEqual([(r["headBranch"], r["conclusion"]) for r in rows], [("next", "failure")])
        outputs = self.run_task("actions.GetRun", repository=REPO, runId=rows[0]["runId"], includeJobs=True)
        self.assertEqual((outputs["status"], [j["name"] for j in outputs["jobs"]]), ("completed", ["tests"]))

    # ---- Searches ----

    def test_every_search_finds_what_is_there(self):
        self.run_task("issues.Create", repository=REPO, title="a flaky test")
        self.run_task("pulls.Create", repository=REPO, sourceBranch="next", targetBranch="main", title="Next")
        asked = {"issues.Search": {"query": "flaky", "repository": REPO, "open": True}, "pulls.Search": {"repository": REPO, "base": "main", "open": True},
                 "code.Search": {"query": "version", "repository": REPO, "extension": "properties"}, "commits.Search": {"repository": REPO},
                 "repositories.Search": {"user": "acme"}, "topics.Search": {"query": "orchestration"}, "users.Search": {"query": "acme"}}
        for kind, properties in asked.items():
            with self.subTest(kind=kind):
                outputs = self.run_task(kind, fetchType="FETCH", **properties)
                self.assertEqual((outputs["size"], outputs["total"], len(outputs["rows"])), (1, 1, 1))

    def test_fetch_types(self):
        row = self.run_task("repositories.Search", user="acme", fetchType="FETCH_ONE")["row"]
        self.assertEqual(row["full_name"], REPO)
        outputs = self.run_task("repositories.Search", user="acme")
        self.assertTrue(outputs["uri"].startswith("kestra:///"), outputs)
        self.assertEqual(self.run_task("repositories.Search", user="acme", fetchType="NONE"), {"size": 0, "total": 1})
        self.run_task("repositories.Search", "FAILED")
        self.assertIn("query", self.last.stderr)

    def test_a_projects_items(self):
        rows = self.run_task("projects.List", organization="acme", projectNumber=7, status=["Todo"], labels=["bug"], fields=["Size"],
                             limit=20, fetchType="FETCH")["rows"]
        self.assertEqual([(r["number"], r["fields"]) for r in rows[:2]], [(101, {"Size": "S"}), (103, {"Size": "S"})])
        self.assertEqual(len(rows), 20)

    # ---- Apps ----

    def test_an_apps_token_is_used_and_rests_encrypted(self):
        key = new_key()
        self.github.script({"apps": {"Iv23x": {"id": 1, "private_key": key, "installations": [{"id": 7}]}}})
        app = {"clientId": "Iv23x", "installationId": "7", "privateKey": key}
        then = {"id": "then", "type": "io.kestra.plugin.github.issues.Create", "endpoint": self.github.url, "repository": REPO,
                "title": "By the App", "oauthToken": "{{ outputs.go.token }}"}
        self.run_task("auth.AppToken", "FAILED", **app)
        self.assertIn("HEADRACE_ENCRYPTION_KEY", self.last.stderr)
        environment = self.folder.environment
        self.folder.environment = lambda scale=1: dict(environment(scale), HEADRACE_ENCRYPTION_KEY=KEY)
        self.run_task("auth.AppToken", after=[then], **app)
        self.assertEqual(len(self.effects()["issues"]), 1)
        self.assertEqual(self.folder.holds("ghs_"), [])
        self.assertNotIn("ghs_", self.last.stdout + self.last.stderr)


if __name__ == "__main__":
    side_by_side.main()
