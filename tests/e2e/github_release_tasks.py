#!/usr/bin/env python3
"""Pull requests, releases, checks, gates and artifacts against the stand-in: twice the same is once, and lost is not done twice.

HEADRACE_BIN=build/release/bin/headrace python3 tests/e2e/github_release_tasks.py [-v] [ReleaseTasks.TEST...]
"""

import io
import os
import sys
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import side_by_side  # noqa: E402
from github_cluster import GithubCase, for_each, task  # noqa: E402

REPO = "acme/app"
GATED = {"jobs": [{"name": "build"}, {"name": "ship", "needs": ["build"], "environment": "production"},
                  {"name": "announce", "needs": ["ship"], "environment": "website"}]}


def document(faults=(), **repository):
    spec = {"default_branch": "main", "files": {"VERSION": "1.0\n", "docs/a.md": "a\n"}, "labels": {"release": {}},
            "refs": {"refs/heads/next": {"files": {"VERSION": "2.0\n"}}, "refs/tags/v1.0": None},
            "workflows": {"gated.yml": {"plan": GATED}, "built.yml": {"plan": {"artifacts": [
                {"name": "reports", "files": {"a.xml": "<a/>"}}, {"name": "old", "files": {}, "expired": True}]}}}}
    return {"faults": list(faults), "config": {"points_per_minute": 100000},
            "repositories": {REPO: dict(spec, **repository)}}


def pull(**more):
    return task("EnsurePull", **dict({"id": "pull", "repository": REPO, "head": "bump", "title": "Version 1.1",
                                      "files": {"VERSION": "1.1\n", "docs/a.md": None}}, **more))


def merge(number, **more):
    return task("MergePull", **dict({"id": "merge", "repository": REPO, "number": number, "interval": "PT1S"}, **more))


def release(**more):
    return task("EnsureRelease", **dict({"id": "release", "repository": REPO, "tag": "v1.1", "target": "main"}, **more))


def checks(**more):
    return task("WaitChecks", **dict({"id": "wait", "repository": REPO, "ref": "main", "interval": "PT1S", "stableFor": "PT2S"}, **more))


class ReleaseTasks(GithubCase):
    scale = 2

    def run_flow(self, *tasks, **more):
        """The outputs of the first task."""
        outcome = super().run_flow(*tasks, **more)
        return outcome.task_runs(tasks[0]["id"])[0].get("outputs", {}) if tasks[0]["id"] != "each" else {}

    def files(self, branch):
        return sorted(self.effects()["refs"]["refs/heads/" + branch]["files"])

    # ---- EnsurePull ----

    def test_files_become_one_commit_and_one_pull(self):
        wanted = pull(labels=["release"], reviewers=["alice", "team:platform"], body="why", draft=True, commitMessage="Bump")
        first = self.run_flow(wanted, script=document())
        self.assertEqual((first["state"], first["created"], first["draft"], first["headSha"]), ("open", True, True, first["commit"]))
        opened = self.effects()["pulls"]
        self.assertEqual([(p["head"], p["base"], p["title"], p["body"], p["draft"], p["labels"], p["reviewers"], p["teams"]) for p in opened],
                         [("bump", "main", "Version 1.1", "why", True, ["release"], ["alice"], ["platform"])])
        self.assertEqual(self.files("bump"), ["VERSION"])
        self.assertEqual(self.effects()["refs"]["refs/heads/bump"]["messages"][0], "Bump")
        before, writes = self.github.effects(), len(self.sent("POST", "/repos/"))
        second = self.run_flow(wanted)
        self.assertEqual((second["number"], second["created"], second["commit"]), (first["number"], False, None))
        self.assertEqual((self.github.effects(), len(self.sent("POST", "/repos/"))), (before, writes))

    def test_a_pull_of_somebody_else_is_taken_and_changed_only_if_told(self):
        script = document(pulls=[{"head": "next", "base": "main", "title": "By hand", "body": "mine"}])
        taken = pull(head="next", files={}, title="Ours", labels=["release"])
        self.assertFalse(self.run_flow(taken, script=script)["created"])
        self.assertEqual([(p["title"], p["labels"]) for p in self.effects()["pulls"]], [("By hand", ["release"])])
        self.run_flow(dict(taken, update=True, body="new"))
        self.assertEqual([(p["title"], p["body"]) for p in self.effects()["pulls"]], [("Ours", "new")])

    @side_by_side.takes(10)
    def test_lost_answers_make_no_second_pull_and_no_second_commit(self):
        for kind in ({"kind": "reset"}, {"kind": "status", "status": 502}):
            for effect in (True, False):
                with self.subTest(kind=kind, effect=effect):
                    faults = [dict(kind, method="POST", path="/pulls$", effect=effect), dict(kind, method="POST", path="/git/refs$", effect=effect)]
                    self.assertTrue(self.run_flow(pull(), script=document(faults), scale=8)["created"])
                    self.assertEqual(len(self.effects()["pulls"]), 1)
                    self.assertEqual(len(self.effects()["refs"]["refs/heads/bump"]["messages"]),
                                     1 + len(self.effects()["refs"]["refs/heads/main"]["messages"]))

    def test_six_at_once_open_one(self):
        self.run_flow(for_each(6, pull()), script=document())
        self.assertEqual(len(self.effects()["pulls"]), 1)
        self.assertEqual(len({r["outputs"]["number"] for r in self.last.task_runs("pull")}), 1)

    def test_what_is_merged_is_not_opened_again(self):
        opened = self.run_flow(pull(), script=document())
        self.run_flow(merge(opened["number"], method="squash", whenChecks="ANY"))
        again = self.run_flow(pull())
        self.assertEqual((again["state"], again["number"]), ("merged", opened["number"]))
        self.assertEqual(len(self.effects()["pulls"]), 1)

    def test_files_that_the_base_holds_need_no_pull(self):
        outputs = self.run_flow(pull(files={"VERSION": "1.0\n"}), script=document())
        self.assertEqual((outputs["state"], outputs["number"]), ("unneeded", None))
        self.assertEqual(self.sent("POST", "/repos/"), [])

    def test_a_refusal_says_githubs_words(self):
        self.run_flow(pull(head="nowhere", files={}), script=document(), state="FAILED")
        self.assertIn("422", self.last.stderr)

    def test_a_dry_run_writes_nothing(self):
        self.begin(document(pulls=[{"head": "next", "base": "main", "title": "Next"}]))
        before = self.github.effects()
        everything = [pull(labels=["release"], reviewers=["alice"]), merge("{{ 1 }}", whenChecks="ANY"), release(generateNotes=True)]
        outputs = self.run_flow(*everything, labels={"dryRun": "true"})
        self.assertEqual((outputs["dryRun"], outputs["created"], outputs["number"]), (True, True, 0))
        self.assertEqual(self.github.effects(), before)
        self.assertEqual({r["method"] for r in self.github.requests()}, {"GET"})
        for line in ("dry run, not sent: POST http", "/git/trees", "/pulls {", "PUT http", "/releases {"):
            self.assertIn(line, self.last.stderr)

    def test_each_write_leaves_a_line(self):
        self.run_flow(release(), script=document())
        self.assertRegex(self.last.stderr, r"wrote POST /repos/acme/app/releases: 201, body sha256 [0-9a-f]{16}, request \S+")

    @side_by_side.takes(13)
    def test_writes_keep_to_the_budget_that_all_share(self):
        self.begin(document())
        with open(self.folder.connections, encoding="utf-8") as file:
            text = file.read()
        self.folder.write("connections.yaml", text.replace("writesPerMinute: 80", "writesPerMinute: 3"))
        # A minute takes 12 seconds: its twentieth is longer than a request may be on its way.
        self.run_flow(for_each(5, release(tag="v3.{{ taskrun.value }}")), scale=5)
        times = [r["t"] for r in self.sent("POST", "/releases")]
        self.assertEqual(len(times), 5)
        minute = 60_000 / 5
        for first, fourth in zip(times, times[3:]):
            self.assertGreater(fourth - first, minute * 0.95)

    # ---- MergePull ----

    def test_merges_when_checks_are_green(self):
        script = document(pulls=[{"head": "next", "base": "main", "title": "Next", "mergeable_reads": 2}],
                          checks=[{"ref": "next", "name": "tests", "reads": 3}], required_checks=["tests"])
        outputs = self.run_flow(merge(1, checks=["tests"]), script=script)
        self.assertTrue(outputs["mergedHere"])
        again = self.run_flow(merge(1))
        self.assertEqual((again["mergedHere"], again["sha"]), (False, outputs["sha"]))
        self.assertEqual(len(self.sent("PUT", "/merge")), 1)

    def test_a_red_check_or_another_commit_is_not_merged(self):
        script = document(pulls=[{"head": "next", "base": "main", "title": "Next"}], checks=[{"ref": "next", "name": "tests", "conclusions": ["failure"]}])
        self.run_flow(merge(1), script=script, state="FAILED")
        self.assertIn("tests (failure)", self.last.stderr)
        self.run_flow(merge(1, whenChecks="ANY", sha="1234567"), state="FAILED")
        self.assertEqual(self.sent("PUT", "/merge"), [])

    def test_a_merge_whose_answer_was_lost_is_merged_once(self):
        for effect in (True, False):
            with self.subTest(effect=effect):
                fault = {"method": "PUT", "path": "/merge$", "kind": "reset", "effect": effect}
                script = document([fault], pulls=[{"head": "next", "base": "main", "title": "Next"}])
                self.assertTrue(self.run_flow(merge(1, whenChecks="ANY"), script=script)["merged"])

    # ---- EnsureRelease ----

    def test_a_release_is_made_once_and_changed_only_if_told(self):
        first = self.run_flow(release(name="One", generateNotes=True), script=document())
        self.assertTrue(first["created"])
        self.assertIn("What's Changed", first["body"])
        again = self.run_flow(release(name="Two"))
        self.assertEqual((again["created"], again["releaseId"]), (False, first["releaseId"]))
        self.assertEqual([r["name"] for r in self.effects()["releases"]], ["One"])
        self.assertTrue(self.run_flow(release(name="Two", update=True))["updated"])
        self.assertEqual([r["name"] for r in self.effects()["releases"]], ["Two"])

    def test_a_draft_is_found_and_published_if_told(self):
        self.assertTrue(self.run_flow(release(draft=True), script=document())["draft"])
        self.assertFalse(self.run_flow(release(draft=True))["created"])
        self.run_flow(release(), state="FAILED")
        self.assertFalse(self.run_flow(release(update=True))["draft"])
        self.assertEqual(len(self.effects()["releases"]), 1)

    def test_a_release_whose_answer_was_lost_is_made_once(self):
        for draft in (True, False):
            fault = {"method": "POST", "path": "/releases$", "kind": "reset", "effect": True}
            self.assertTrue(self.run_flow(release(draft=draft), script=document([fault]))["created"])
            self.assertEqual(len(self.effects()["releases"]), 1)

    # ---- WaitChecks ----

    def test_waits_for_both_kinds_until_they_are_steady(self):
        script = document(checks=[{"name": "tests", "reads": 2}, {"name": "late", "appear_reads": 2, "reads": 4}],
                          statuses=[{"context": "ci/old", "states": ["pending", "pending", "success"]}])
        outputs = self.run_flow(checks(), script=script)
        self.assertEqual(sorted(c["name"] for c in outputs["checks"]), ["ci/old", "late", "tests"])

    def test_checks_that_fail_or_never_come(self):
        script = document(checks=[{"name": "tests", "conclusions": ["failure"]}], statuses=[{"context": "ci/old", "states": ["success"]}])
        self.assertEqual(self.run_flow(checks(), script=script, state="FAILED")["failed"], ["tests (failure)"])
        self.run_flow(checks(checks=["ci/old"]))
        self.run_flow(checks(checks=["ci/new"], appearWithin="PT2S"), state="FAILED")
        self.assertIn("ChecksNotFound", self.last.stderr)

    @side_by_side.takes(11)
    def test_outages_are_no_verdict_about_checks(self):
        faults = [{"path": "/check-runs", "kind": "status", "status": 503}, {"path": "/status", "kind": "reset"}]
        self.run_flow(checks(), script=document(faults, checks=[{"name": "tests"}]))

    # ---- Gates and artifacts ----

    def approve(self, run, **more):
        return task("ApproveDeployment", **dict({"id": "gate", "repository": REPO, "runId": run, "interval": "PT1S",
                                                 "environments": ["production", "website"], "comment": "go"}, **more))

    def test_gates_are_approved_as_they_come(self):
        self.begin(document())
        run = self.start_run("gated.yml")
        outputs = self.run_flow(self.approve(run))
        self.assertEqual((outputs["decision"], outputs["decidedHere"]), ("approved", ["production", "website"]))
        self.assertEqual(self.effects()["runs"][0]["approvals"], [[["production"], "approved", "go"], [["website"], "approved", "go"]])
        self.assertEqual(self.run_flow(self.approve(run))["decidedHere"], [])

    def test_a_gate_is_rejected(self):
        self.begin(document())
        self.run_flow(self.approve(self.start_run("gated.yml"), decision="REJECT"))
        self.assertEqual(self.effects()["runs"][0]["approvals"], [[["production"], "rejected", "go"]])

    def test_a_gate_that_is_not_ours_or_never_comes(self):
        self.begin(document(environments={"production": {"reviewers": ["somebody"]}}))
        self.run_flow(self.approve(self.start_run("gated.yml")), state="FAILED")
        self.assertIn("no reviewer of production", self.last.stderr)
        self.run_flow(self.approve(self.start_run("built.yml")), state="FAILED")
        self.assertIn("never waited for", self.last.stderr)

    def fetch(self, run, name):
        return task("DownloadArtifact", id="fetch", repository=REPO, runId=run, name=name, interval="PT1S")

    def test_an_artifact_is_stored_and_its_host_sees_no_token(self):
        self.begin(document())
        outputs = self.run_flow(self.fetch(self.start_run("built.yml"), "reports"))
        held = [p for p in self.folder.holds("a.xml") if p.endswith(".zip")]
        with open(held[0], "rb") as file:
            archive = zipfile.ZipFile(io.BytesIO(file.read()))
        self.assertEqual((archive.read("a.xml"), outputs["uri"].endswith(".zip")), (b"<a/>", True))

    def test_artifacts_that_are_gone(self):
        self.begin(document())
        run = self.start_run("built.yml")
        self.run_flow(self.fetch(run, "old"), state="FAILED")
        self.assertIn("ArtifactExpired", self.last.stderr)
        self.run_flow(self.fetch(run, "none"), state="FAILED")
        self.assertIn("ArtifactNotFound", self.last.stderr)
        self.assertIn("reports", self.last.stderr)


if __name__ == "__main__":
    side_by_side.main()
