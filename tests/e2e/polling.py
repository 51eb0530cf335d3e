#!/usr/bin/env python3
"""Polling triggers: workers look at a server on loopback and at the stand-in for GitHub, and processes are killed meanwhile.

HEADRACE_BIN=build/release/bin/headrace python3 tests/e2e/polling.py [-v] [Polling.TEST...]
"""

import json
import os
import sys
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import side_by_side  # noqa: E402
from github_cluster import Cluster, Folder  # noqa: E402
from harness import TOKEN, Standin, headrace_binary  # noqa: E402

REPO = "acme/app"
NAME = "company.team/check/look"
SAY = {"id": "say", "type": "io.kestra.plugin.core.log.Log", "message": "{{ trigger.code ?? trigger.runId }}"}


class Site:
    """An HTTP server that answers as it is told, and holds requests back while its gate is shut."""

    def __init__(self):
        self.status, self.body, self.heads = 200, '{"price": 100}', []
        self.gate = threading.Event()
        self.gate.set()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                site.heads.append(dict(self.headers))
                site.gate.wait(60)
                body = site.body.encode()
                try:
                    self.send_response(site.status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # who asked is gone

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait_for(self, count, seconds=30):
        end = time.time() + seconds
        while len(self.heads) < count and time.time() < end:
            time.sleep(0.05)
        assert len(self.heads) >= count, f"{len(self.heads)} requests of {count} came"

    def stop(self):
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()


def flow(trigger, **more):
    return json.dumps(dict({"id": "check", "namespace": "company.team", "tasks": [SAY],
                            "triggers": [dict({"id": "look"}, **trigger)]}, **more))


@unittest.skipUnless(headrace_binary(), "HEADRACE_BIN names no binary")
class Polling(unittest.TestCase):
    maxDiff = None

    def begin(self, url="http://127.0.0.1:1", workers=1):
        self.folder = Folder(url)
        self.addCleanup(self.folder.remove)
        self.cluster = Cluster(self.folder, workers, lease=2)
        self.addCleanup(self.cluster.stop)

    def site(self):
        site = Site()
        self.addCleanup(site.stop)
        return site

    def http(self, site, **more):
        return dict({"type": "io.kestra.plugin.core.http.Trigger", "uri": site.url, "interval": "PT1S"}, **more)

    def trigger(self):
        done = self.cluster.call("trigger", "get", NAME, "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        return found[0] if isinstance(found, list) else found

    def executions(self):
        done = self.cluster.call("exec", "list", "--flow", "check", "-o", "json", "--limit", "100")
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()] if not done.stdout.startswith("[") else json.loads(done.stdout)

    def until(self, what, seconds=30):
        end = time.time() + seconds
        while time.time() < end:
            found = what()
            if found:
                return found
            time.sleep(0.2)
        raise AssertionError(f"not within {seconds} s; the trigger: {self.trigger()}")

    def restart_scheduler(self):
        dead = self.cluster.scheduler
        dead.kill()
        dead.wait()
        return lambda: setattr(self.cluster, "scheduler", self.cluster._start("scheduler", *dead.args[1:]))

    def test_an_answer_that_meets_the_condition_starts_an_execution(self):
        site = self.site()
        site.body = '{"price": 120}'
        self.begin()
        self.cluster.apply(flow(self.http(site, responseCondition="{{ json(response.body).price < 110 }}", stopAfter=["SUCCESS"],
                                          headers={"X-Key": "{{ secret('GITHUB_TOKEN') }}"})))
        site.wait_for(2)
        self.assertEqual(self.executions(), [])
        site.body = '{"price": 90}'
        execution = self.until(self.executions)[0]
        ended = self.cluster.wait(execution["id"])
        self.assertEqual(ended["state"]["current"], "SUCCESS")
        variables = ended["trigger"]["variables"]
        self.assertEqual((variables["code"], variables["body"], variables["uri"]), (200, '{"price": 90}', site.url))
        self.assertEqual(site.heads[0]["X-Key"], TOKEN)
        row = self.until(lambda: self.trigger()["disabled"] and self.trigger())
        self.assertEqual(row["interval"], "PT1S")
        self.assertIn("stopAfter", row["problem"])
        self.assertEqual(self.folder.holds(TOKEN), [])

    def test_what_goes_wrong_is_said_in_the_row_until_it_is_mended(self):
        site = self.site()
        site.status = 500
        self.begin()
        self.cluster.apply(flow(self.http(site, stopAfter=["SUCCESS"])))
        row = self.until(lambda: self.trigger().get("problem") and self.trigger())
        self.assertIn("500", row["problem"])
        self.assertEqual(self.executions(), [])
        self.cluster.apply(flow(self.http(site, responseCondition="{{ response.nothing.here }}")))
        self.until(lambda: "responseCondition" in self.trigger().get("problem", ""))
        site.status = 200
        self.cluster.apply(flow(self.http(site, stopAfter=["SUCCESS"])))
        self.cluster.wait(self.until(self.executions)[0]["id"])

    def test_a_scheduler_killed_during_a_look_starts_one_execution_in_the_end(self):
        site = self.site()
        site.gate.clear()
        self.begin()
        self.cluster.apply(flow(self.http(site, stopAfter=["SUCCESS"])))
        site.wait_for(1)
        start = self.restart_scheduler()
        site.gate.set()  # the worker has its answer, and nobody to tell
        start()
        self.cluster.wait(self.until(self.executions)[0]["id"])
        self.until(lambda: self.trigger()["disabled"])
        self.assertEqual(len(self.executions()), 1)

    def test_a_worker_killed_during_a_look_is_no_verdict(self):
        site = self.site()
        site.gate.clear()
        self.begin(workers=1)
        self.cluster.apply(flow(self.http(site, stopAfter=["SUCCESS"])))
        site.wait_for(1)
        self.cluster.kill("w0")
        site.gate.set()
        self.cluster.add("w1")
        self.cluster.wait(self.until(self.executions)[0]["id"])
        self.until(lambda: self.trigger()["disabled"])
        self.assertEqual(len(self.executions()), 1)

    def test_a_trigger_disabled_during_a_look_starts_nothing(self):
        site = self.site()
        site.gate.clear()
        self.begin()
        self.cluster.apply(flow(self.http(site)))
        site.wait_for(1)
        self.assertEqual(self.cluster.call("trigger", "disable", NAME).returncode, 0)
        site.gate.set()
        # A flow of its own shows that the worker has come back from the look.
        done = self.cluster.call("trigger", "list", "--flow", "company.team/nothing", "-o", "json")
        self.assertNotEqual(done.returncode, 0)
        self.cluster.apply(json.dumps({"id": "other", "namespace": "company.team", "tasks": [dict(SAY, message="x")]}))
        self.cluster.wait(self.cluster.submit("other"))
        self.assertEqual(self.executions(), [])
        self.assertEqual(self.cluster.call("trigger", "enable", NAME).returncode, 0)
        self.until(self.executions)

    def runs(self):
        self.github = Standin({"repositories": {REPO: {"default_branch": "main", "workflows": {
            "ci.yml": {"plan": {"reads": "never", "jobs": [{"name": "build"}]}},
            "docs.yml": {"plan": {"reads": "never", "jobs": [{"name": "build"}]}}}}}})
        self.addCleanup(self.github.stop)
        self.begin(self.github.url)

    def run_of(self, workflow, conclusion):
        run = self.github.admin("POST", "/runs", {"repository": REPO, "workflow": workflow, "ref": "main"})["id"]
        if conclusion:
            self.end(run, conclusion)
        return run

    def end(self, run, conclusion):
        self.github.admin("POST", f"/runs/{run}", {"conclusion": conclusion})

    def test_completed_runs_start_executions_each_once(self):
        self.runs()
        self.run_of("ci.yml", "failure")  # older than the trigger
        time.sleep(1.1)  # GitHub's times are whole seconds
        open_run = self.run_of("ci.yml", None)
        trigger = {"type": "headrace.github.WorkflowRunTrigger", "connection": "releases", "repository": REPO, "interval": "PT1S",
                   "workflows": ["ci.yml"], "conclusion": ["failure"]}
        self.cluster.apply(flow(trigger))
        self.until(lambda: any("/actions/runs" in r["path"] for r in self.github.requests()))
        self.run_of("docs.yml", "failure")
        self.run_of("ci.yml", "success")
        self.end(open_run, "failure")
        first = self.cluster.wait(self.until(self.executions)[0]["id"])
        variables = first["trigger"]["variables"]
        self.assertEqual([run["runId"] for run in variables["runs"]], [open_run])
        self.assertEqual((variables["size"], variables["runId"], variables["conclusion"], variables["workflow"]),
                         (1, open_run, "failure", "ci.yml"))
        # A crash, and those that end while nobody looks.
        start = self.restart_scheduler()
        both = [self.run_of("ci.yml", "failure"), self.run_of("ci.yml", "failure")]
        start()
        self.until(lambda: len(self.executions()) >= 2)
        told = []
        for execution in self.executions():
            ended = self.cluster.wait(execution["id"])
            told += [run["runId"] for run in ended["trigger"]["variables"]["runs"]]
        self.assertEqual(sorted(told), sorted([open_run, *both]))
        self.assertEqual(self.folder.holds(TOKEN), [])

    def test_githubs_weather_is_a_problem_of_the_row_and_loses_no_run(self):
        self.runs()
        self.github.script({"faults": [{"path": "/actions/runs", "times": 1, "kind": "status", "status": 503}]})
        trigger = {"type": "headrace.github.WorkflowRunTrigger", "connection": "releases", "repository": REPO, "interval": "PT1S"}
        self.cluster.apply(flow(trigger))
        self.until(lambda: self.trigger().get("problem"))
        run = self.run_of("ci.yml", "success")
        execution = self.until(self.executions, 60)[0]
        self.assertEqual(self.cluster.wait(execution["id"])["trigger"]["variables"]["runId"], run)
        self.assertNotIn("problem", self.trigger())

    def test_triggers_of_one_repository_share_one_conditional_request(self):
        self.runs()
        trigger = {"type": "io.kestra.plugin.github.actions.Trigger", "connection": "releases", "repository": REPO, "interval": "PT2S"}
        triggers = [dict(trigger, id=f"t{i}", workflowId=f"w{i}.yml") for i in range(20)]
        self.cluster.apply(json.dumps({"id": "check", "namespace": "company.team", "tasks": [SAY], "triggers": triggers}))
        began = time.time()
        polls = lambda: [r for r in self.github.requests() if "/actions/runs" in r["path"]]  # noqa: E731
        self.until(lambda: len(polls()) >= 4)
        # Twenty that ask for themselves would have made twenty requests in the first interval alone.
        self.assertLessEqual(len(polls()), 2 + (time.time() - began) / 1.5)
        self.assertEqual(self.executions(), [])


if __name__ == "__main__":
    side_by_side.main()
