"""The scripts of examples/release/bin against the stand-in, its faults included."""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import scenarios  # noqa: E402
from harness import Standin, release_environment  # noqa: E402

OSS = "kestra-io/kestra"


class ReleaseScripts(unittest.TestCase):
    def start(self, document):
        self.github = Standin(document)
        self.addCleanup(self.github.stop)
        self.env = dict(os.environ, **release_environment(self.github.url), GH_TOKEN="tok",
                        GITHUB_RETRY_DELAY="0")

    def call(self, name, *args):
        return subprocess.run([os.path.join(self.env["RELEASE_BIN"], name), *args], env=self.env,
                              capture_output=True, text=True, timeout=60, check=False)

    def dispatch(self, *more):
        return self.call("gh-dispatch", f"--repo={OSS}", "--workflow=global-start-release.yml",
                         "--absent-tag=v1.0.3", "-f", "releaseVersion=1.0.3", *more)

    def poll(self, *more):
        return self.call("check-workflow-status", "pre-release.yml", "--repo=kestra",
                         "--branches=v1.0.3", "--retry=1", *more)

    def fault(self, **spec):
        self.github.script({"faults": [spec]})

    def dispatched(self):
        return self.github.runs(OSS, "global-start-release.yml")

    def outputs(self, done):
        line = next(t for t in done.stdout.splitlines() if t.startswith("::"))
        return json.loads(line[2:-2])["outputs"]

    def test_starts_a_release_and_tells_its_run(self):
        self.start(scenarios.one({}))
        done = self.dispatch()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.outputs(done)["run_id"], self.dispatched()[0]["id"])

    def test_starts_a_release_on_an_old_server(self):
        self.start(dict(scenarios.one({}), config={"api": "ghes-3.19"}))
        self.assertEqual(self.dispatch().returncode, 0)
        self.assertEqual(len(self.dispatched()), 1)

    def test_refuses_a_tag_that_exists(self):
        self.start(scenarios.one({}, refs={"refs/tags/v1.0.3": None}))
        done = self.dispatch()
        self.assertEqual(done.returncode, 1)
        self.assertIn("Tag already exists", done.stdout)
        self.assertEqual(self.dispatched(), [])

    def test_an_outage_is_not_a_free_tag(self):
        self.start(scenarios.one({}))
        for spec in ({"kind": "status", "status": 502}, {"kind": "reset"}, {"kind": "secondary"},
                     {"kind": "status", "status": 401}):
            self.fault(path="git/ref", times=3, **spec)
            done = self.dispatch()
            self.assertEqual(done.returncode, 3, spec)
            self.assertIn("cannot tell", done.stderr)
            self.github.forget_faults()
        self.assertEqual(self.dispatched(), [])

    def test_a_missing_repository_is_not_a_free_tag(self):
        self.start(scenarios.one({}))
        done = self.call("gh-dispatch", "--repo=kestra-io/absent", "--workflow=x.yml",
                         "--absent-tag=v1")
        self.assertEqual(done.returncode, 3)

    def test_short_outages_are_waited_out(self):
        self.start(scenarios.one({}))
        self.fault(path="git/ref", times=2, kind="status", status=503)
        self.assertEqual(self.dispatch().returncode, 0)

    def test_an_ambiguous_dispatch_is_not_repeated(self):
        self.start(scenarios.one({}))
        self.fault(path="dispatches", kind="reset", effect=True)
        done = self.dispatch()
        self.assertEqual(done.returncode, 3)
        self.assertIn("not known", done.stderr)
        self.assertEqual(len(self.dispatched()), 1)

    def test_failed_jobs_run_again_once_however_often_it_is_polled(self):
        self.start(scenarios.one({"jobs": scenarios.jobs(("failure",))}))
        self.dispatch()
        polls = [self.poll() for _ in range(4)]
        self.assertEqual([p.returncode for p in polls], [1] * 4)
        self.assertIn("failure", polls[0].stdout)
        run = self.github.runs(OSS, "pre-release.yml")[0]
        self.assertEqual(run["run_attempt"], 2)
        attempts = {j["name"]: j["run_attempt"] for j in run["attempts"][1]["jobs"]}
        self.assertEqual(attempts["build"], 1)
        self.assertEqual(attempts["integration-tests"], 2)

    def test_exit_codes_while_running_and_when_green(self):
        self.start(scenarios.one({"reads": 3}))
        self.dispatch()
        codes = [self.poll("--require-success").returncode, self.poll().returncode]
        green = self.poll("--require-success")
        self.assertEqual(codes + [green.returncode], [1, 0, 0])
        self.assertEqual(self.outputs(green)["status"], "success")

    def test_a_cancelled_run_is_red_and_stays_so(self):
        self.start(scenarios.one({"conclusions": ["cancelled"]}))
        self.dispatch()
        self.assertEqual([self.poll().returncode for _ in range(2)], [1, 1])
        self.assertEqual(self.github.runs(OSS, "pre-release.yml")[0]["run_attempt"], 1)

    def test_no_run_and_no_answer_are_failures(self):
        self.start(scenarios.one({}))
        self.assertIn("no run", self.poll().stderr)
        self.fault(path="runs", times=3, kind="status", status=500)
        done = self.poll()
        self.assertEqual(done.returncode, 1)
        self.assertIn("HTTP 500", done.stderr)


if __name__ == "__main__":
    unittest.main()
