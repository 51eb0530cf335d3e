"""Dispatch: run ids, refusals, what follows from it, old servers."""

import http.client

from github_standin.testing import DISPATCHES, REPO, RUNS, StandinTest

INPUTS = {"releaseVersion": {"required": True}, "dryRun": {"default": "false"},
          "kind": {"options": ["micro", "minor"], "default": "micro"}}


class DispatchTest(StandinTest):
    def setUp(self):
        super().setUp()
        self.script(
            global_start_release={
                "dispatch": {"inputs": INPUTS},
                "plan": {"title": "release {releaseVersion}"},
                "after_dispatch": [
                    {"after_ms": 500, "create_ref": "refs/tags/v{releaseVersion}",
                     "run": {"workflow": "pre-release.yml", "ref": "v{releaseVersion}"}}]},
            pre_release={"plan": {"reads": 2}})

    def dispatch(self, body=None, **headers):
        body = body or {"ref": "develop", "inputs": {"releaseVersion": "1.0.3"}}
        return self.github.post(DISPATCHES, body, **headers)

    def test_answers_204_by_default(self):
        reply = self.dispatch()
        self.assertEqual((reply.status, reply.raw), (204, b""))

    def test_answers_200_with_the_run_when_asked_or_with_the_new_version(self):
        asked = self.dispatch({"ref": "develop", "inputs": {"releaseVersion": "1.0.3"},
                               "return_run_details": True})
        newer = self.dispatch(X_GitHub_Api_Version="2026-03-10")
        for reply in (asked, newer):
            self.assertEqual(reply.status, 200)
            run = self.github.get(f"{RUNS}/{reply.json['workflow_run_id']}").json
            self.assertEqual(run["event"], "workflow_dispatch")
            self.assertEqual(run["display_title"], "release 1.0.3")
            self.assertEqual(run["url"], reply.json["run_url"])
        self.assertNotEqual(asked.json["workflow_run_id"], newer.json["workflow_run_id"])

    def test_refusals(self):
        good = {"releaseVersion": "1.0.3"}
        for body, status, words in (
                ({"inputs": good}, 422, "ref"),
                ({"ref": "nowhere", "inputs": good}, 422, "No ref found"),
                ({"ref": "develop"}, 422, "Required input 'releaseVersion'"),
                ({"ref": "develop", "inputs": dict(good, x="1")}, 422, "Unexpected inputs"),
                ({"ref": "develop", "inputs": dict(good, kind="huge")}, 422, "allowed values"),
                ({"ref": "develop", "inputs": good, "wait": 1}, 422, "not a permitted key"),
                ({"ref": "develop", "inputs": {str(i): "" for i in range(26)}}, 422, "25"),
                (b"{", 400, "parsing JSON")):
            reply = self.dispatch(body)
            self.assertEqual(reply.status, status, body)
            self.assertIn(words, reply.json["message"])
        self.assertEqual(self.github.admin("GET", "/state")["repositories"][REPO]["runs"], [])

    def test_only_dispatchable_workflows_that_exist(self):
        path = DISPATCHES.replace("global-start-release", "pre-release")
        self.assertEqual(self.github.post(path, {"ref": "develop"}).status, 422)
        path = DISPATCHES.replace("global-start-release", "absent")
        self.assertEqual(self.github.post(path, {"ref": "develop"}).status, 404)

    def test_by_number_as_gh_does(self):
        flow = self.github.get(DISPATCHES.replace("/dispatches", "")).json
        path = DISPATCHES.replace("global-start-release.yml", str(flow["id"]))
        body = {"ref": "develop", "inputs": {"releaseVersion": "1.0.3"}}
        self.assertEqual(self.github.post(path, body).status, 204)

    def test_defaults_are_filled_in(self):
        self.dispatch()
        state = self.github.admin("GET", "/state")["repositories"][REPO]["runs"]
        self.assertEqual(state[0]["inputs"],
                         {"releaseVersion": "1.0.3", "dryRun": "false", "kind": "micro"})

    def test_the_tag_and_its_run_follow_later(self):
        self.dispatch()
        tag = f"/repos/{REPO}/git/ref/tags/v1.0.3"
        self.assertEqual(self.github.get(tag).status, 404)
        self.advance(499)
        self.assertEqual(self.github.get(tag).status, 404)
        self.advance(1)
        self.assertEqual(self.github.get(tag).status, 200)
        runs = self.github.get(RUNS + "?branch=v1.0.3").json["workflow_runs"]
        self.assertEqual([r["path"] for r in runs], [".github/workflows/pre-release.yml"])

    def test_consequences_may_wait_for_reads(self):
        self.script(global_start_release={
            "dispatch": {"inputs": INPUTS},
            "after_dispatch": [{"after_reads": 2, "create_ref": "refs/tags/v{releaseVersion}"}]})
        self.dispatch()
        tag = f"/repos/{REPO}/git/ref/tags/v1.0.3"
        self.assertEqual([self.github.get(tag).status for _ in range(2)], [404, 200])

    def test_an_old_server_knows_no_run_details(self):
        self.github.admin("POST", "/script", {"config": {"api": "ghes-3.19"}})
        body = {"ref": "develop", "inputs": {"releaseVersion": "1.0.3"}}
        self.assertEqual(self.dispatch(dict(body, return_run_details=True)).status, 400)
        self.assertEqual(self.dispatch(body, X_GitHub_Api_Version="2026-03-10").status, 400)
        self.assertEqual(self.github.post("/api/v3" + DISPATCHES, body).status, 204)

    def test_a_plan_may_depend_on_the_inputs(self):
        self.script(global_start_release={
            "dispatch": {"inputs": INPUTS},
            "plans": [{"inputs": {"releaseVersion": "6.6.6"}, "plan": {"conclusions": ["failure"]}}]})
        for version, wanted in (("1.0.3", "success"), ("6.6.6", "failure")):
            self.dispatch({"ref": "develop", "inputs": {"releaseVersion": version}})
            run = self.github.get(RUNS).json["workflow_runs"][0]
            self.assertEqual(run["conclusion"], wanted)

    def test_a_reset_after_the_effect_is_ambiguous(self):
        for effect, runs in ((False, 0), (True, 1)):
            self.github.admin("POST", "/faults", {"method": "POST", "path": "dispatches$",
                                                  "kind": "reset", "effect": effect})
            with self.assertRaises((http.client.HTTPException, OSError)):
                self.dispatch()
            state = self.github.admin("GET", "/state")
            self.assertEqual(len(state["repositories"][REPO]["runs"]), runs)
            self.assertTrue(all(f["spent"] for f in state["faults"]))
