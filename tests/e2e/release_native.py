#!/usr/bin/env python3
"""examples/release-native against the stand-in: a release, four at once, the checklist, the approval, and a dry run.

HEADRACE_BIN=build/release/bin/headrace python3 tests/e2e/release_native.py [-v] [ReleaseNative.TEST...]
"""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import side_by_side  # noqa: E402
from github_cluster import GithubCase  # noqa: E402
from harness import ROOT, TOKEN, Outcome, headrace_binary  # noqa: E402

EXAMPLE = os.path.join(ROOT, "examples", "release-native")
KESTRA = "kestra-io/kestra"
DOWNSTREAM = {"kestra-io/helm-charts": "charts/kestra/VERSION", "kestra-io/docs": "content/version.txt", "kestra-io/deployment-templates": "VERSION"}
VERSIONS = ["1.0.3", "0.24.9", "0.23.14", "0.22.20"]
FLAKY = {"reads": 2, "jobs": [{"name": "tests", "conclusions": ["failure", "success"]}, {"name": "publish", "needs": ["tests"]}]}
CONNECTIONS = """
connections:
  github:
    kestra-gh:
      endpoint: {url}
      token: "{{{{ secret('GITHUB_TOKEN') }}}}"
      budget: {{writesPerMinute: 80}}
"""


def document():
    start = {"dispatch": {"inputs": {"releaseVersion": {"required": True}}}, "plan": {"reads": 2},
             "after_dispatch": [{"create_ref": "refs/tags/v{releaseVersion}", "run": {"workflow": "pre-release.yml", "ref": "v{releaseVersion}", "event": "push"}}]}
    images = {"dispatch": {"inputs": {"releaseVersion": {"required": True}}}, "plan": {"jobs": [{"name": "images", "environment": "docker-hub"}]}}
    repositories = {name: {"default_branch": "main", "files": {path: "0.1\n"}, "labels": {"release": {}}} for name, path in DOWNSTREAM.items()}
    repositories[KESTRA] = {"default_branch": "develop", "files": {"gradle.properties": "version=1\n"}, "workflows": {
        "global-start-release.yml": start, "pre-release.yml": {"plan": FLAKY}, "publish-docker.yml": images}}
    return {"config": {"points_per_minute": 100000}, "repositories": repositories}


class ReleaseNative(GithubCase):
    def setUp(self):
        self.begin(document())
        self.folder.write("connections.yaml", CONNECTIONS.format(url=self.github.url))

    def release(self, flow, *arguments, state="SUCCESS"):
        argv = [headrace_binary(), "run", os.path.join(EXAMPLE, flow + ".yaml"), "--flows", EXAMPLE, "-o", "json", "--slots", "8",
                "--data", os.path.join(self.folder.path, "data"), *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=240, check=False, stdin=subprocess.DEVNULL, env=self.folder.environment(4))
        outcome = Outcome(done)
        self.assertTrue(outcome.stdout, outcome.stderr)
        self.assertNotIn(TOKEN, outcome.stdout + outcome.stderr)
        self.assertEqual(outcome.state, state, outcome.stderr[-3000:])
        return outcome

    def runs(self, workflow):
        return self.github.runs(KESTRA, workflow)

    def put_tag(self, version, **more):
        self.github.script({"repositories": {KESTRA: dict({"refs": {f"refs/tags/v{version}": None}}, **more)}})

    def test_a_release_is_started_once_and_its_flaky_jobs_run_again(self):
        self.release("release", "-i", "VERSION_TO_RELEASE=1.0.3", "-i", "POLL_INTERVAL=PT1S")
        self.assertEqual([len(self.runs(w)) for w in ("global-start-release.yml", "pre-release.yml")], [1, 1])
        self.assertEqual(self.runs("pre-release.yml")[0]["conclusion"], "success")
        again = self.release("release", "-i", "VERSION_TO_RELEASE=1.0.3", state="FAILED")
        self.assertIn("exists already", again.stderr)

    def test_four_versions_at_once(self):
        self.release("versions", "-i", "POLL_INTERVAL=PT1S")
        refs = self.github.state()["repositories"][KESTRA]["refs"]
        self.assertEqual({f"refs/tags/v{v}" for v in VERSIONS} - set(refs), set())
        self.assertEqual(len(self.runs("global-start-release.yml")), 4)

    def test_the_checklist_opens_what_is_missing(self):
        self.put_tag("1.0.3")
        self.release("checklist", "-i", "VERSION_TO_RELEASE=1.0.3")
        effects = self.github.effects()
        for name in DOWNSTREAM:
            self.assertEqual([(p["title"], p["labels"]) for p in effects[name]["pulls"]], [("Kestra 1.0.3", ["release"])])
        self.release("checklist", "-i", "VERSION_TO_RELEASE=1.0.3")
        self.assertEqual(self.github.effects(), effects)

    def test_a_dry_run_writes_nothing(self):
        self.put_tag("1.0.3", checks=[{"ref": "v1.0.3", "name": "tests"}])
        before = self.github.effects()
        for flow, version in (("release", "1.0.4"), ("publish", "1.0.3"), ("checklist", "1.0.3")):
            said = self.release(flow, "-i", f"VERSION_TO_RELEASE={version}", "--label", "dryRun=true").stderr
            self.assertIn("dry run, not sent: POST", said)
        self.assertEqual(self.github.effects(), before)
        self.assertEqual({r["method"] for r in self.github.requests()}, {"GET"})

    @side_by_side.takes(35)
    def test_nothing_is_published_before_the_approval(self):
        self.put_tag("1.0.3", checks=[{"ref": "v1.0.3", "name": "tests"}])
        cluster = self.cluster(1)
        with open(os.path.join(EXAMPLE, "publish.yaml"), encoding="utf-8") as file:
            cluster.apply(file.read())
        done = cluster.call("exec", "start", "kestra.engineering.release/release-publish", "-i", "VERSION_TO_RELEASE=1.0.3", "-i", "POLL_INTERVAL=PT1S", "-o", "json")
        execution = json.loads(done.stdout)["id"]
        self.until(lambda: cluster.execution(execution)["state"]["current"] == "PAUSED", 90)
        self.assertEqual([r["draft"] for r in self.github.effects()[KESTRA]["releases"]], [True])
        self.assertEqual(self.runs("publish-docker.yml"), [])
        self.assertEqual(cluster.call("exec", "resume", execution, "-i", "approved=true").returncode, 0)
        self.assertEqual(cluster.wait(execution, 90)["state"]["current"], "SUCCESS")
        self.assertEqual([r["draft"] for r in self.github.effects()[KESTRA]["releases"]], [False])
        self.assertEqual(self.runs("publish-docker.yml")[0]["conclusion"], "success")


if __name__ == "__main__":
    side_by_side.main()
