#!/usr/bin/env python3
"""Tasks of a worker process that ask the engine of another; purging, also when a process is killed meanwhile."""
import json
import os
import re
import signal
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from binary import GATED_FLOW, LOG_FLOW, ClusterTest, main  # noqa: E402

COUNT_FLOW = """id: counting
namespace: team
tasks:
  - id: count
    type: io.kestra.plugin.core.execution.Count
    flows:
      - namespace: team
        flowId: one
    startDate: "{{ now() | dateAdd(-1, 'DAYS') }}"
    expression: "{{ count >= 1 }}"
  - id: fetch
    type: io.kestra.plugin.core.log.Fetch
    executionId: "%s"
  - id: purge
    type: io.kestra.plugin.core.execution.PurgeExecutions
    namespace: team
    flowId: one
    endDate: "{{ now() }}"
"""

PAUSE_FLOW = """id: pausing
namespace: team
tasks:
  - id: approve
    type: io.kestra.plugin.core.flow.Pause
    onResume:
      - id: approved
        type: BOOLEAN
      - id: reason
        type: STRING
        required: false
"""

FILE_FLOW = """id: filing
namespace: team
tasks:
  - id: write
    type: io.kestra.plugin.core.storage.Write
    content: text
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: "{{ outputs.write.uri }}"
"""

RESUME_FLOW = """id: resuming
namespace: team
tasks:
  - id: resume
    type: io.kestra.plugin.core.execution.Resume
    executionId: "%s"
    inputs:
      approved: true
"""


ASKED_FLOW = """id: asked
namespace: team
tasks:
  - id: say
    type: io.kestra.plugin.core.debug.Return
    format: from the other flow
outputs:
  - id: text
    type: STRING
    value: "{{ outputs.say.value }}"
"""

ASKING_FLOW = """id: asking
namespace: team
inputs:
  - id: text
    type: STRING
    defaults: "{{ subflow('team', 'asked').outputs.text }}"
tasks:
  - id: say
    type: io.kestra.plugin.core.debug.Return
    format: "{{ inputs.text }}"
"""


class EngineTasks(ClusterTest):
    def start(self, scheduler, flow):
        done = self.client(scheduler, "exec", "start", "team/" + flow, "--wait", "-o", "json")
        return done, json.loads(done.stdout)

    def ids(self, scheduler):
        return self.client(scheduler, "exec", "list", "--limit", "10000", "-o", "name").stdout.split()

    def test_a_worker_that_knows_the_server_counts_fetches_and_purges(self):
        scheduler = self.scheduler()
        self.worker(scheduler, "--server", scheduler.server)
        self.deploy(scheduler, LOG_FLOW.format(id="one", message="hi there"))
        _, first = self.start(scheduler, "one")
        self.deploy(scheduler, COUNT_FLOW % first["id"])
        done, execution = self.start(scheduler, "counting")
        self.assert_exit(done, 0)
        runs = {run["taskId"]: run["outputs"] for run in execution["taskRunList"]}
        self.assertEqual(runs["count"], {"results": [{"namespace": "team", "flowId": "one", "count": 1}], "total": 1})
        self.assertGreaterEqual(runs["fetch"]["size"], 1)
        self.assertEqual(runs["purge"]["executionsCount"], 1)
        self.assertEqual(self.ids(scheduler), [execution["id"]])
        done = self.client(scheduler, "exec", "get", first["id"])
        self.assert_exit(done, 5)

    def test_the_address_may_come_from_the_environment(self):
        scheduler = self.scheduler()
        self.worker(scheduler, HEADRACE_SERVER=scheduler.server)
        self.deploy(scheduler, COUNT_FLOW % "{{ execution.id }}")
        self.assert_exit(self.start(scheduler, "counting")[0], 0)

    def test_a_worker_that_does_not_know_the_server_names_the_option(self):
        scheduler = self.scheduler()
        self.worker(scheduler)
        self.deploy(scheduler, COUNT_FLOW % "none")
        done, execution = self.start(scheduler, "counting")
        self.assert_exit(done, 10)
        self.assertIn("--server HOST:PORT", json.dumps(execution))

    def test_a_server_that_is_gone_fails_the_task_with_its_address(self):
        scheduler = self.scheduler()
        self.worker(scheduler, "--server", "127.0.0.1:1")
        self.deploy(scheduler, COUNT_FLOW % "none")
        done, execution = self.start(scheduler, "counting")
        self.assert_exit(done, 10)
        self.assertIn("no headrace server answers at 127.0.0.1:1", json.dumps(execution))

    def test_an_execution_is_resumed_by_another_and_says_what_it_asks_for(self):
        scheduler = self.scheduler()
        self.worker(scheduler, "--server", scheduler.server)
        self.deploy(scheduler, PAUSE_FLOW)
        self.assert_exit(self.client(scheduler, "exec", "start", "team/pausing"), 0)
        watch = self.serve("exec", "watch", "@latest", "--server", scheduler.server)
        watch.wait_for("PAUSED")
        waiting = self.ids(scheduler)[0]
        done = self.client(scheduler, "exec", "get", waiting)
        self.assertRegex(done.stdout, rf"(?m)^waits +approve, until: .* exec resume {waiting} -i approved=BOOLEAN \[-i reason=STRING\]$")
        done = self.client(scheduler, "exec", "restart", waiting)
        self.assert_exit(done, 6)
        self.assertIn("exec resume", done.stderr)
        done = self.client(scheduler, "exec", "purge", "--before", "0s")
        self.assert_exit(done, 0)
        self.assertIn("purged 0 executions", done.stderr)
        self.deploy(scheduler, RESUME_FLOW % waiting)
        self.assert_exit(self.start(scheduler, "resuming")[0], 0)
        _, seen = watch.process.communicate(timeout=60)
        self.assertEqual(watch.process.returncode, 0, seen)
        done = self.client(scheduler, "exec", "restart", waiting)
        self.assert_exit(done, 6)
        self.assertIn("exec replay", done.stderr)

    def test_inputs_ask_a_flow_first_and_only_once_for_one_key(self):
        scheduler = self.scheduler()
        self.worker(scheduler)
        self.deploy(scheduler, ASKED_FLOW)
        self.deploy(scheduler, ASKING_FLOW)
        for _ in range(2):
            done = self.client(scheduler, "exec", "start", "team/asking", "--idempotency-key", "k", "--wait", "-o", "json")
            self.assert_exit(done, 0)
            self.assertEqual(json.loads(done.stdout)["inputs"], {"text": "from the other flow"})
        self.assertEqual(len(self.ids(scheduler)), 2)

    def test_a_purge_takes_the_rows_the_log_and_the_files(self):
        service = self.serve("standalone", "--grpc-port", "0")
        service.server = re.search(r"API (\S+?),", service.wait_for("slots, data headrace-data")).group(1)
        self.deploy(service, FILE_FLOW)
        _, execution = self.start(service, "filing")
        files = os.path.join(self.folder, "headrace-data", "storage", "team", "filing", "executions", execution["id"])
        self.assertTrue(os.path.isdir(files))
        done = self.client(service, "exec", "purge", "--before", "0s", "--dry-run")
        self.assert_exit(done, 0)
        self.assertRegex(done.stdout, r"(?m)^team/filing +1$")
        self.assertTrue(os.path.isdir(files))
        done = self.client(service, "exec", "purge", "--before", "0s", "--state", "SUCCESS")
        self.assert_exit(done, 0)
        self.assertRegex(done.stderr, r"purged 1 execution, [1-9]\d* log lines?, 1 file$")
        self.assertFalse(os.path.exists(files))
        self.assertEqual(self.ids(service), [])
        self.assert_exit(self.client(service, "exec", "logs", execution["id"]), 5)
        self.assertEqual(service.stop()[0], 0)
        rows = self.rows(os.path.join(self.folder, "headrace-data", "headrace.db"))
        self.assertEqual(rows, {"executions": 0, "task_runs": 0, "logs": 0, "timers": 0, "outbox": 0, "purged": 0})

    def test_what_is_older_than_is_retained_goes_by_itself_and_what_runs_stays(self):
        done = self.call("standalone", "--grpc-port", "0", "--retain", "soon")
        self.assert_exit(done, 3)
        self.assertIn("--retain: 'soon' is no span of time", done.stderr)
        service = self.serve("standalone", "--grpc-port", "0", "--retain", "2s")
        service.server = re.search(r"API (\S+?),", service.wait_for("slots, data headrace-data")).group(1)
        self.deploy(service, GATED_FLOW.format(id="gated", folder=self.folder))
        self.deploy(service, FILE_FLOW)
        runs = self.serve("exec", "start", "team/gated", "--wait", "--server", service.server)
        self.wait_until(lambda: os.path.exists(os.path.join(self.folder, "begun")), "the gated task runs")
        _, ended = self.start(service, "filing")
        files = os.path.join(self.folder, "headrace-data", "storage", "team", "filing", "executions", ended["id"])
        self.wait_until(lambda: not os.path.isdir(files) and len(self.ids(service)) == 1, "only the one that runs is left")
        self.assert_exit(self.client(service, "exec", "get", ended["id"]), 5)
        self.write("go", "")
        self.assertEqual(runs.process.wait(60), 0)
        self.wait_until(lambda: self.ids(service) == [], "it has ended and goes, too")
        self.assertEqual(service.stop()[0], 0)
        rows = self.rows(os.path.join(self.folder, "headrace-data", "headrace.db"))
        self.assertEqual((rows["executions"], rows["task_runs"], rows["logs"]), (0, 0, 0))

    @staticmethod
    def rows(path):
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                    for table in ("executions", "task_runs", "logs", "timers", "outbox", "purged")}
        finally:
            database.close()

    def test_a_scheduler_that_is_killed_while_it_purges_goes_on_where_it_was(self):
        scheduler = self.scheduler()
        worker = self.worker(scheduler, "--slots", "16")
        self.deploy(scheduler, LOG_FLOW.format(id="one", message="hi"))
        batch = [self.serve("exec", "start", "team/one", "--wait", "--server", scheduler.server) for _ in range(24)]
        for start in batch:
            start.process.communicate(timeout=60)
        left = set(self.ids(scheduler))
        self.assertEqual(len(left), 24)
        for kills in range(6):
            purge = self.serve("exec", "purge", "--before", "0s", "--server", scheduler.server)
            if kills % 2:
                purge.process.wait(60)  # what was answered must hold
            scheduler.process.send_signal(signal.SIGKILL)
            scheduler.process.wait()
            purge.process.communicate(timeout=60)
            server, queue = scheduler.server, scheduler.queue
            scheduler = self.serve("scheduler", "--data", os.path.join(self.folder, "data"), "--grpc-port", server.split(":")[1],
                                   "--queue-endpoint", queue)
            scheduler.wait_for("scheduler is ready")
            scheduler.server, scheduler.queue = server, queue
            now = set(self.ids(scheduler))
            self.assertLessEqual(now, left, "what was purged came back")
            if kills % 2:
                self.assertEqual(now, set(), "what was acked is gone")
                break
            left = now
        self.assert_exit(self.start(scheduler, "one")[0], 0)
        self.assertEqual(worker.stop()[0], 0)
        self.assertEqual(scheduler.stop()[0], 0)
        self.assertEqual(self.rows(os.path.join(self.folder, "data", "headrace.db"))["executions"], 1)


if __name__ == "__main__":
    main()
