#!/usr/bin/env python3
"""A task that takes its worker down is given to three workers and to no fourth; what runs beside it ends well.

usage: HEADRACE_BIN=… poison_task.py
The poison is a shell task that kills the worker above it (kill -9). A worker that dies is replaced by one of another name, as in a
cluster. Beside it runs a bystander of several seconds, a second poison that must not be run twice (onWorkerLost: FAIL), and a
scheduler that is killed in the middle.
"""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

BINARY = os.environ["HEADRACE_BIN"]
LEASE_SECONDS = 2
END_SECONDS = 90
ENDED = ("SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED")

# The shell's parent supervises the processes of its worker, which is that one's parent.
KILL_WORKER = "kill -9 $(sed -n 's/^PPid:[[:space:]]*//p' /proc/$PPID/status); sleep 60"

FLOWS = f"""
id: poison
namespace: tests.poison
tasks:
  - id: kills
    type: io.kestra.plugin.scripts.shell.Commands
    retry: {{type: constant, interval: PT0.1S, maxAttempts: 5}}
    commands:
      - echo begin >> "$POISON_EFFECTS/kills"
      - {json.dumps(KILL_WORKER)}
errors:
  - id: alarm
    type: io.kestra.plugin.core.log.Log
    message: "{{{{ errorLogs()[0].message }}}}"
---
id: once
namespace: tests.poison
tasks:
  - id: publish
    type: io.kestra.plugin.scripts.shell.Commands
    onWorkerLost: FAIL
    commands:
      - echo begin >> "$POISON_EFFECTS/publish"
      - {json.dumps(KILL_WORKER)}
---
id: bystander
namespace: tests.poison
tasks:
  - id: works
    type: io.kestra.plugin.scripts.shell.Commands
    commands:
      - echo begin >> "$POISON_EFFECTS/works"
      - sleep 4
"""


def free_port():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return holder.getsockname()[1]


class PoisonTask(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="headrace-poison-")
        self.grpc, self.queue = free_port(), free_port()
        self.environment = dict(os.environ, POISON_EFFECTS=self.folder, HEADRACE_HTTP_PORT="off", HEADRACE_MANAGEMENT_PORT="off",
                                HEADRACE_STORAGE_DIR=os.path.join(self.folder, "storage"))
        self.scheduler, self.workers, self.births = None, [], 0
        self.start_scheduler()
        for _ in range(3):
            self.start_worker()

    def tearDown(self):
        for process in [self.scheduler, *self.workers]:
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, *command):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            return subprocess.Popen([BINARY, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)

    def start_scheduler(self):
        self.scheduler = self.start("scheduler", "--data", os.path.join(self.folder, "data"), "--grpc-port", str(self.grpc),
                                    "--queue-endpoint", f"tcp://127.0.0.1:{self.queue}", "--lease", f"PT{LEASE_SECONDS}S")

    def start_worker(self):
        self.births += 1
        self.workers.append(self.start("worker", "--scheduler", f"tcp://127.0.0.1:{self.queue}", "--slots", "4",
                                       "--id", f"worker-{self.births}", "--work-dir", os.path.join(self.folder, f"work-{self.births}")))

    def replace_dead_workers(self):
        for worker in [one for one in self.workers if one.poll() is not None]:
            self.workers.remove(worker)
            self.start_worker()

    def call(self, *arguments):
        """A command of the client, again while no scheduler answers."""
        for _ in range(100):
            done = subprocess.run([BINARY, *arguments, "--server", f"127.0.0.1:{self.grpc}"], capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL, check=False)
            if done.returncode != 7:
                self.assertEqual(done.returncode, 0, done.stderr)
                return done.stdout
            time.sleep(0.1)
        self.fail(f"no answer to {arguments}")

    def begin(self, flow):
        return json.loads(self.call("exec", "start", f"tests.poison/{flow}", "-o", "json"))["id"]

    def wait(self, executions, until=ENDED):
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            self.replace_dead_workers()
            documents = [json.loads(self.call("exec", "get", one, "-o", "json")) for one in executions]
            if all(one["state"]["current"] in until for one in documents):
                return documents
            time.sleep(0.2)
        self.fail(f"still {[one['state']['current'] for one in documents]}")

    def begun(self, name):
        try:
            with open(os.path.join(self.folder, name), encoding="utf-8") as file:
                return len(file.read().split())
        except FileNotFoundError:
            return 0

    def logs_of(self, execution):
        return self.call("exec", "logs", execution)

    def test_it_is_given_to_no_fourth_worker_and_others_go_on(self):
        flows = os.path.join(self.folder, "flows.yaml")
        with open(flows, "w", encoding="utf-8") as file:
            file.write(FLOWS)
        self.call("flow", "apply", flows)
        poison, bystander = self.begin("poison"), self.begin("bystander")
        deadline = time.monotonic() + END_SECONDS
        while self.begun("kills") < 2 and time.monotonic() < deadline:
            self.replace_dead_workers()
            time.sleep(0.05)
        # What it knows of the first worker, and nearly of the second, has to outlive it.
        time.sleep(LEASE_SECONDS + 1)
        self.scheduler.kill()
        self.scheduler.wait()
        self.start_scheduler()
        failed, ended = self.wait([poison, bystander])
        self.assertEqual(ended["state"]["current"], "SUCCESS", self.logs_of(bystander))
        self.assertEqual(failed["state"]["current"], "FAILED")
        told = self.logs_of(poison)
        names = re.search(r"QUARANTINED: 3 workers were lost while they ran it \((worker-\d+), (worker-\d+) and (worker-\d+)\)", told)
        self.assertIsNotNone(names, told)
        self.assertEqual(len(set(names.groups())), 3)
        self.assertIn("headrace exec restart", told)
        self.assertIn("alarm", [run["taskId"] for run in failed["taskRunList"]])

        once = self.begin("once")
        (failed,) = self.wait([once])
        self.assertEqual(failed["state"]["current"], "FAILED")
        self.assertRegex(self.logs_of(once), r"WORKER_LOST: worker worker-\d+ was lost, and onWorkerLost is FAIL")
        self.assertEqual(self.begun("publish"), 1)


if __name__ == "__main__":
    unittest.main()
