#!/usr/bin/env python3
"""What `headrace inspect` tells of a file and of a Redis, beside the scheduler that has them, and of damaged ones."""
import json
import os
import re
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from binary import main  # noqa: E402
from redis_server import RedisTest  # noqa: E402

CANARY = "canary-3f9a77"
WAIT_FLOW = """id: wait
namespace: team
inputs:
  - id: token
    type: STRING
variables:
  kept: "%(canary)s-variable"
labels:
  team: blue
tasks:
  - id: out
    type: io.kestra.plugin.core.debug.Return
    format: "{{ inputs.token }}-out"
  - id: pause
    type: io.kestra.plugin.core.flow.Pause
    delay: PT1H
triggers:
  - id: hook
    type: io.kestra.plugin.core.trigger.Webhook
    key: %(canary)s
""" % {"canary": CANARY}
SLEEP_FLOW = """id: sleeps
namespace: team
tasks:
  - id: gate
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner:
      type: io.kestra.plugin.core.runner.Process
    commands: ["sleep 600"]
"""


class Inspect(RedisTest):
    def look(self, store, *argv, code=0):
        done = self.call("inspect", *store, *argv, "-o", "json")
        self.assert_exit(done, code)
        return json.loads(done.stdout)

    def fill(self, scheduler):
        self.deploy(scheduler, WAIT_FLOW)
        self.deploy(scheduler, SLEEP_FLOW)
        waiting = self.client(scheduler, "exec", "start", "team/wait", "-i", f"token={CANARY}").stdout.strip()
        sleeping = self.client(scheduler, "exec", "start", "team/sleeps").stdout.strip()
        for execution, state in ((waiting, "PAUSED"), (sleeping, "RUNNING")):
            self.wait_until(lambda: state in self.client(scheduler, "exec", "get", execution, "-o", "json").stdout, f"{execution} is {state}")
        return waiting, sleeping

    def tells_all(self, store, waiting, sleeping, holder):
        partitions = self.look(store)
        states, active, timers, triggers = {}, [], 0, 0
        for one in partitions:
            for state, count in one["states"].items():
                states[state] = states.get(state, 0) + count
            active += one["active"]
            timers += one["timers"]["all"]
            triggers += one["notes"].get("triggers", 0)
            self.assertRegex(one["holder"], holder)
            self.assertGreater(one["epoch"], 0)
            self.assertEqual((one["outbox"], one["damaged"], one["timers"]["due"]), ([], [], 0))
        self.assertEqual(states, {"PAUSED": 1, "RUNNING": 1})
        self.assertEqual((active, timers, triggers), ([sleeping], 1, 1))

        found = self.look(store, "--execution", waiting)
        self.assertEqual((found["state"], found["namespace"], found["flowId"], found["active"]), ("PAUSED", "team", "wait", False))
        self.assertEqual((found["inputs"], found["labels"]["team"]), ({"token": "******"}, "blue"))
        self.assertEqual([(run["state"], run["fence"]) for run in found["taskRuns"]],
                         [("SUCCESS", {"taskRun": 0, "attempt": 1, "delivery": 1}), ("PAUSED", {"taskRun": 1, "attempt": 1, "delivery": 1})])
        self.assertEqual([(timer["kind"], timer["taskRun"]) for timer in found["timers"]], [("PAUSE", 1)])
        running = self.look(store, "--execution", sleeping)["taskRuns"][0]
        self.assertEqual((running["state"], len(running["attempts"])), ("RUNNING", 1))
        self.assertTrue(running["attempts"][0]["worker"])

        mine = next(one["partition"] for one in partitions if sleeping in one["active"])
        self.assertEqual(self.look(store, "--partition", str(mine))["active"], [sleeping])
        for argv in ((), ("--partition", str(mine)), ("--execution", waiting), ("--execution", waiting, "-o", "json"), ("--all-task-runs", "-o", "json")):
            done = self.call("inspect", *store, *argv)
            self.assert_exit(done, 0)
            self.assertNotIn(CANARY, done.stdout)
        done = self.call("inspect", *store, "--execution", "0" * 22)
        self.assertEqual(done.returncode, 5, done.stderr)

    def test_a_file_beside_its_scheduler_and_alone(self):
        scheduler = self.scheduler()
        self.worker(scheduler)
        ids = self.fill(scheduler)
        store = ("--data", os.path.join(self.folder, "data"))
        self.tells_all(store, *ids, rf"^process {scheduler.process.pid}$")
        scheduler.stop(9)
        self.tells_all(store, *ids, "^$")
        self.scheduler()  # nothing is left that keeps one from starting

    def test_a_redis_beside_its_scheduler(self):
        redis = self.redis()
        scheduler = self.scheduler_on(redis)
        self.worker(scheduler)
        ids = self.fill(scheduler)
        before = [(one["partition"], one["epoch"]) for one in self.look(("--store", redis.url()))]
        self.tells_all(("--store", redis.url()), *ids, r"\S")
        lease = self.look(("--redis", redis.url(), "--partition", str(before[0][0])))["leaseLeftMs"]
        self.assertGreater(lease, 0)
        after = [(one["partition"], one["epoch"]) for one in self.look(("--store", redis.url()))]
        self.assertEqual(before, after, "it took a partition")
        # Its own partitions are renewed as before: it still works.
        self.assert_exit(self.client(scheduler, "exec", "kill", ids[1]), 0)

    def test_what_is_damaged_is_named(self):
        scheduler = self.scheduler()
        self.worker(scheduler)
        waiting, sleeping = self.fill(scheduler)
        scheduler.stop(9)
        data = os.path.join(self.folder, "data")
        with sqlite3.connect(os.path.join(data, "headrace.db")) as database:
            database.execute("UPDATE executions SET record = substr(record, 1, length(record) - 1) || x'00' WHERE id = ?", (sleeping,))
            database.execute("UPDATE task_runs SET record = x'0102030405' WHERE execution = ? AND idx = 0", (waiting,))
            database.execute("UPDATE notes SET record = x'00' WHERE key LIKE 't/%'")
        database.close()
        quick = self.look(("--data", data, "--partition", "0"), code=1)["damaged"]
        self.assertEqual(len(quick), 2, quick)
        self.assertIn(sleeping, " ".join(quick))
        whole = self.look(("--data", data, "--partition", "0", "--all-task-runs"), code=1)["damaged"]
        self.assertEqual(len(whole), 3, whole)
        self.assertIn(f"{waiting}: task run 0", " ".join(whole))
        found = self.look(("--data", data, "--execution", waiting), code=1)
        self.assertEqual([run["index"] for run in found["taskRuns"]], [1])
        self.assertTrue(found["damaged"])

    def test_no_store_is_said(self):
        for argv, words, code in (((), "--data FOLDER or --store", 2), (("--data", "nowhere"), "no store file", 5)):
            done = self.call("inspect", *argv)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(words, done.stderr)
        redis = self.redis()
        done = self.call("inspect", "--store", redis.url())
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("holds no store", done.stderr)


if __name__ == "__main__":
    main()
