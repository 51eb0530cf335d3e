#!/usr/bin/env python3
"""Metrics and health of processes that work: what docs/metrics.md says is what they serve."""
import json
import os
import re
import shutil
import subprocess
import sys
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from binary import ClusterTest, main  # noqa: E402
from redis_server import RedisTest  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FLOW = """id: two
namespace: team
tasks:
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: hello
  - id: fail
    type: io.kestra.plugin.core.execution.Fail
"""


def told():
    with open(os.path.join(ROOT, "docs", "metrics.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([\w, ]*) \| (\w+) \|", file.read(), re.M)
    return {name: (kind, set(filter(None, labels.split(", "))), of) for name, kind, labels, of in rows}


def ask(address, path):
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


class Metrics(ClusterTest):
    def page(self, address, role):
        """The page, once it is checked that everything on it is documented for that role."""
        status, page = ask(address, "/metrics")
        self.assertEqual(status, 200)
        known = told()
        kinds = dict(re.findall(r"(?m)^# TYPE (\w+) (\w+)$", page))
        self.assertLess(10, len(kinds))
        for name, kind in kinds.items():
            self.assertIn(name, known)
            self.assertEqual(known[name][0], kind, name)
            self.assertIn(known[name][2], ("all", role), f"{name} is not of {role}")
        for name, labels in re.findall(r"(?m)^(\w+)\{(.*)\} \S+$", page):
            name = name if name in known else re.sub("_(bucket|sum|count)$", "", name)
            self.assertLessEqual(set(re.findall(r'(\w+)="', labels)) - {"le"}, known[name][1], name)
        return page

    def value(self, page, series):
        found = re.search(rf"(?m)^{re.escape(series)} (\S+)$", page)
        self.assertTrue(found, f"no {series} in {page}")
        return float(found.group(1))

    def test_a_cluster_counts_what_it_does(self):
        scheduler = self.scheduler("--port", "off", "--management-port", "0")
        management = re.search(r"management (127\.0\.0\.1:\d+)", scheduler.wait_for("management ")).group(1)
        self.deploy(scheduler, FLOW)
        self.assert_exit(self.client(scheduler, "exec", "start", "team/two"), 0)
        self.wait_until(lambda: self.value(self.page(management, "scheduler"), 'headrace_queue_depth{queue="default"}') == 1,
                        "a task waits for a worker")
        page = self.page(management, "scheduler")
        self.assertEqual(self.value(page, 'headrace_executions{state="RUNNING"}'), 1)
        self.assertEqual(self.value(page, 'headrace_workers{state="active"}'), 0)
        worker = self.worker(scheduler, "--slots", "3", "--health-port", "0")
        health = re.search(r"health and metrics: (127\.0\.0\.1:\d+)", worker.wait_for("health and metrics: ")).group(1)
        done = self.client(scheduler, "exec", "watch", "@latest")
        self.assert_exit(done, 10)
        self.wait_until(lambda: 'headrace_executions_total{state="FAILED"} 1\n' in self.page(management, "scheduler"), "the execution is counted")
        page = self.page(management, "scheduler")
        self.assertEqual(self.value(page, 'headrace_taskruns_total{state="SUCCESS",type="io.kestra.plugin.core.log.Log"}'), 1)
        self.assertEqual(self.value(page, 'headrace_execution_duration_seconds_count{state="FAILED"}'), 1)
        self.assertEqual(self.value(page, 'headrace_queue_depth{queue="default"}'), 0)
        self.assertEqual(self.value(page, 'headrace_executions{state="RUNNING"}'), 0)
        self.assertLessEqual(1, self.value(page, 'headrace_task_schedule_to_start_seconds_count{queue="default"}'))
        self.assertEqual(self.value(page, "headrace_scheduler_partitions"), 1)
        for series in ('headrace_store_op_seconds_count{backend="sqlite",op="commit"}', 'headrace_zmq_messages_total{dir="in"}',
                       "headrace_scheduler_decision_seconds_count", "headrace_scheduler_loop_lag_seconds_count",
                       'headrace_grpc_server_handled_total{code="OK",method="headrace.api.v1.ExecutionService/SubmitExecution"}'):
            self.assertLess(0, self.value(page, series), series)
        self.assertNotIn("headrace_redis_up", page)
        self.assertNotIn("team", page, "flows are named only where that was asked for")
        page = self.page(health, "worker")
        self.assertEqual(self.value(page, 'headrace_worker_slots{state="free"}'), 3)
        self.assertEqual(self.value(page, 'headrace_worker_tasks_total{state="SUCCESS",type="io.kestra.plugin.core.log.Log"}'), 1)
        self.assertLess(1.7e9, self.value(page, "headrace_worker_heartbeat_timestamp_seconds"))
        self.assertLessEqual(1, self.value(page, "headrace_log_lines_total"))

    @unittest.skipUnless(shutil.which("promtool"), "promtool is missing (Debian: prometheus)")
    def test_prometheus_has_nothing_to_say_of_the_page(self):
        service = self.serve("standalone", "--grpc-port", "0", "--port", "off", "--management-port", "0")
        seen = service.wait_for(" slots, data ")
        service.server, management = re.search(r"API (\S+), management (\S+),", seen).groups()
        self.deploy(service, FLOW)
        self.assert_exit(self.client(service, "exec", "start", "team/two", "--wait"), 10)
        checked = subprocess.run(["promtool", "check", "metrics"], input=ask(management, "/metrics")[1], capture_output=True, text=True)
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))

    def test_flows_are_named_where_that_is_asked_for(self):
        service = self.serve("standalone", "--grpc-port", "0", "--port", "off", "--management-port", "0", "--metrics-flow-labels")
        seen = service.wait_for(" slots, data ")
        server, management = re.search(r"API (\S+), management (\S+),", seen).groups()
        service.server = server
        self.deploy(service, FLOW)
        self.assert_exit(self.client(service, "exec", "start", "team/two", "--wait"), 10)
        series = 'headrace_executions_total{flow="two",namespace="team",state="FAILED"} 1\n'
        self.wait_until(lambda: series in ask(management, "/metrics")[1], "the flow is named")

    def test_a_worker_says_whether_it_has_a_scheduler(self):
        scheduler = self.scheduler()
        scheduler.stop()
        worker = self.serve("worker", "--scheduler", scheduler.queue, HEADRACE_HEALTH_PORT="0")
        health = re.search(r"health and metrics: (\S+:\d+)", worker.wait_for("is waiting for a scheduler")).group(1)
        self.assertEqual(ask(health, "/health/live"), (200, '{"status":"UP"}'))
        status, body = ask(health, "/health/ready")
        self.assertEqual(status, 503)
        self.assertIn("none has welcomed this worker", json.loads(body)["missing"][0])
        self.assertEqual(json.loads(ask(health, "/info")[1])["role"], "worker")
        self.scheduler(queue=scheduler.queue)
        worker.wait_for("worker is ready")
        self.wait_until(lambda: ask(health, "/health/ready")[0] == 200, "ready")
        self.assertEqual(worker.stop()[0], 0)

    def test_a_worker_listens_for_others_only_when_told(self):
        scheduler = self.scheduler()
        worker = self.worker(scheduler, "--health-port", "0", "--health-address", "0.0.0.0")
        self.assertIn("health and metrics: 0.0.0.0:", worker.wait_for("health and metrics: "))
        silent = self.worker(scheduler)
        self.assertNotIn("health and metrics", silent.seen.decode())
        done = self.call("worker", "--scheduler", scheduler.queue, "--health-port", "many")
        self.assert_exit(done, 3)
        self.assertIn("--health-port must be a port", done.stderr)

    def test_management_listens_for_others_with_tokens_alone(self):
        done = self.call("standalone", "--grpc-port", "0", "--management-port", "0", "--management-address", "0.0.0.0")
        self.assert_exit(done, 3)
        self.assertIn("--token-file", done.stderr)
        tokens = self.write("tokens", "0123456789abcdef ann viewer\n")
        os.chmod(tokens, 0o600)
        service = self.serve("standalone", "--grpc-port", "0", "--management-port", "0", "--management-address", "0.0.0.0", "--token-file", tokens)
        port = re.search(r"management 0\.0\.0\.0:(\d+)", service.wait_for(" slots, data ")).group(1)
        self.assertEqual(ask(f"127.0.0.1:{port}", "/health/ready")[0], 200)
        self.assertEqual(ask(f"127.0.0.1:{port}", "/metrics")[0], 401)


class SeveralSchedulers(RedisTest):
    page, value = Metrics.page, Metrics.value

    def member(self, database):
        service = self.serve("scheduler", "--storage", os.path.join(self.folder, "storage"), "--grpc-port", "0", "--queue-endpoint",
                             "tcp://127.0.0.1:0", "--partition-lease", "2s", "--management-port", "0", HEADRACE_STORE=database.url())
        self.ready(service)
        service.management = re.search(r"management (127\.0\.0\.1:\d+)", service.seen.decode()).group(1)
        return service

    def test_they_share_partitions_and_say_when_redis_is_away(self):
        database = self.redis()
        members = [self.member(database), self.member(database)]
        driven = lambda: [self.value(self.page(one.management, "scheduler"), "headrace_scheduler_partitions") for one in members]
        # Until nothing moves any more.
        self.wait_until(lambda: driven() == [128, 128], "each has its half")
        self.deploy(members[0], FLOW)
        self.worker(members[0], "--storage", os.path.join(self.folder, "storage"))
        # One of the two must ask the other, or it has all that it is asked for itself.
        for one in members:
            self.assert_exit(self.client(one, "exec", "start", "team/two", "--wait"), 10)
        pages = [self.page(one.management, "scheduler") for one in members]
        self.assertTrue(any(re.search(r'(?m)^headrace_peer_calls_total\{call="submit",code="OK"\} 1$', page) for page in pages))
        ended = [re.search(r'(?m)^headrace_executions_total\{state="FAILED"\} (\S+)$', page) for page in pages]
        self.assertEqual(sum(float(found.group(1)) for found in ended if found), 2)
        for page in pages:
            self.assertEqual(self.value(page, "headrace_store_partitions"), 256)
            self.assertEqual(self.value(page, "headrace_redis_up"), 1)
            self.assertLess(0, self.value(page, 'headrace_store_op_seconds_count{backend="redis",op="load"}'))
        database.kill()
        asked = members[0].management
        self.wait_until(lambda: ask(asked, "/health/ready")[0] == 503, "not ready")
        self.wait_until(lambda: "Redis does not answer" in ask(asked, "/health/ready")[1], "the reason is told")
        self.assertEqual(ask(asked, "/health/live")[0], 200, "a Redis that is away restarts nothing")
        self.assertEqual(self.value(ask(asked, "/metrics")[1], "headrace_redis_up"), 0)
        database.start()
        self.wait_until(lambda: ask(asked, "/health/ready")[0] == 200, "ready again")


if __name__ == "__main__":
    main()
